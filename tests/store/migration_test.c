/* migration_test.c - files of every older version: opened with today's program everything is there; an upgrade that is
 * interrupted loses nothing; a file of a newer program is left alone.
 * SPDX-License-Identifier: MIT
 *
 * The fixtures are SQL text (fixture_make.c); fixture.h says what is in them. */
#include "vault_fixture.h"

#include "../durability/fault.h"
#include "fixture.h"

#include "keys/slot.h"
#include "store/absorb.h"
#include "store/directory.h"
#include "store/drop.h"
#include "store/schema.h"

#include <fcntl.h>
#include <sys/stat.h>

static const uint8_t drop_key[KEYS_KEY] = FIXTURE_DROP_KEY, directory_key[KEYS_KEY] = FIXTURE_DIRECTORY_KEY;

/* Every older version that there is a fixture of. A new version adds its line (and its files). */
static const char *const vaults[] = {"vault_v1.sql", "vault_v2.sql"};
static const char *const drops[] = {"drop_v1.sql"};
static const char *const directories[] = {"directory_v1.sql", "directory_v2.sql"};

typedef struct numbers {
    int64_t uidvalidity, modseq, uidnext;
} numbers;

static int64_t number(db *d, const char *literal)
{
    int64_t value = -1;
    assert_int_equal(db_take_int(db_prepare(d, literal), &value), LL_OK);
    return value;
}

static numbers numbers_of(fixture *f)
{
    db *d = NULL;
    assert_int_equal(db_open(&d, f->path, f->key, DB_READONLY, NULL), LL_OK);
    numbers n = {number(d, "SELECT uidvalidity FROM mailbox WHERE name = 'INBOX'"),
                 number(d, "SELECT value FROM meta WHERE key = 'modseq'"),
                 number(d, "SELECT uidnext FROM mailbox WHERE name = 'INBOX'")};
    assert_int_equal(vault_meta_blob(d, "drop_public", f->drop_public, KEYS_KEY), LL_OK);
    db_close(&d);
    return n;
}

/* A fixture whose vault is that of the file, closed. */
static numbers begin(fixture *f, const char *name)
{
    fixture_init(f, 0);
    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(fixture_build(f->path, f->key, FIXTURES, name), LL_OK);
    return numbers_of(f);
}

/* ------------------------------------------------------------------------------------------------------ A vault */

static void check_message(client *c, uint32_t uid, unsigned n, bool seen, int64_t date)
{
    char message[FIXTURE_MESSAGE_MAX];
    ll_flags flags = {0};
    fixture_message(n, message);
    assert_int_equal(client_read(c, uid, 0, FIXTURE_MESSAGE_MAX), LL_OK);
    assert_true(span_equal(call_read(c->call), span_str(message)));
    assert_int_equal(client_fetch(c, uid, uid, 1, LL_WANT_INDEX), LL_OK);
    assert_int_equal(c->call->rows_count, 1);
    assert_int_equal(c->call->rows[0].internaldate, date);
    assert_int_equal(c->call->rows[0].savedate, 1700000000);
    assert_int_equal(c->call->rows[0].size, strlen(message));
    assert_true(ll_view_flags(c->view, uid, &flags));
    assert_int_equal(ll_flags_has(&flags, LL_FLAG_SEEN), seen);
    assert_int_equal(ll_flags_has(&flags, LL_FLAG_ANSWERED), seen);
    assert_false(ll_flags_has(&flags, LL_FLAG_DELETED));
}

static void check_first_two(client *c, const char *mailbox)
{
    assert_int_equal(client_open(c, mailbox, true), LL_OK);
    assert_int_equal(ll_view_count(c->view), 2);
    check_message(c, 1, 0, false, 1500000000);
    check_message(c, 2, 1, true, 1500000001);
}

static void check_names(client *c)
{
    bool gone = false;
    assert_int_equal(ASK(c, list), LL_OK);
    for (size_t i = 0; i < c->call->mailboxes_count; i++)
        gone |= span_equal(c->call->mailboxes[i].name, SPAN("Gone")) &&
                (c->call->mailboxes[i].attributes & LL_MAILBOX_NONEXISTENT);
    assert_true(gone);
    assert_int_equal(c->call->mailboxes_count, 9); /* six of every vault, Lists, the folder in it, Gone */
}

static void check_metadata(client *c, const char *mailbox)
{
    assert_int_equal(ASK(c, metadata, span_str(mailbox)), LL_OK);
    bool found = false;
    for (size_t i = 0; i < c->call->metadata_count; i++)
        found |= span_equal(c->call->metadata[i].entry, SPAN("/private/comment")) &&
                 span_equal(c->call->metadata[i].value, SPAN("kept since version 1"));
    assert_true(found);
}

/* The vault is open. */
static void check_vault(fixture *f, numbers before)
{
    client c;
    client_init(&c, f);
    check_first_two(&c, "INBOX");
    assert_int_equal(ll_view_uidvalidity(c.view), before.uidvalidity);
    assert_int_equal(ll_view_uidnext(c.view), before.uidnext);
    assert_true(ll_view_modseq(c.view) <= (uint64_t)before.modseq);
    client_close(&c);
    check_first_two(&c, FIXTURE_FOLDER);
    client_close(&c);
    assert_int_equal(client_open(&c, "Trash", true), LL_OK);
    check_message(&c, 1, 2, false, 1500000002);
    ll_flags flags = {0};
    int keyword = ll_view_keyword_find(c.view, SPAN("$Forwarded"));
    assert_true(keyword >= 0 && ll_view_flags(c.view, 1, &flags));
    assert_true(ll_flags_has(&flags, LL_FLAG_KEYWORD + (unsigned)keyword));
    client_close(&c);
    check_names(&c);
    check_metadata(&c, "INBOX");
    check_metadata(&c, "");
    client_fini(&c);
}

static void check_version(const char *path, const uint8_t key[DB_KEY], schema_kind kind)
{
    db *d = NULL;
    assert_int_equal(db_open(&d, path, key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(number(d, "PRAGMA user_version"), schema_of(kind)->version);
    db_close(&d);
}

static void test_vault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vaults / sizeof *vaults; i++) {
        fixture f;
        uint32_t uid = 0;
        client c;
        numbers before = begin(&f, vaults[i]);
        fixture_open(&f);
        check_vault(&f, before);
        client_init(&c, &f);
        assert_int_equal(client_append(&c, "INBOX", "Subject: new\r\n\r\n", 0, &uid), LL_OK);
        assert_int_equal(uid, before.uidnext); /* 3 and 4 were given and are gone */
        client_fini(&c);
        fixture_close(&f);
        check_version(f.path, f.key, SCHEMA_VAULT);
        fixture_open(&f); /* and again, with nothing to do */
        fixture_fini(&f); /* with vault_check */
    }
}

/* ------------------------------------------------------------------------------------------- Drop and directory */

static void note(void *ctx, ll_status status)
{
    *(ll_status *)ctx = status;
}

static void test_drop(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
        fixture f;
        client c;
        drop *d = NULL;
        ll_status status = LL_LATER;
        (void)begin(&f, vaults[0]); /* whose secret opens it */
        const char *path = scratch_path(&f.scratch, "drop.sqlite");
        assert_int_equal(fixture_build(path, drop_key, FIXTURES, drops[i]), LL_OK);
        assert_int_equal(drop_open(&d, path, drop_key, &f.executor, NULL), LL_OK);
        fixture_open(&f);
        vault_absorb(f.vault, d, note, &status);
        assert_int_equal(status, LL_OK);
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", true), LL_OK);
        assert_int_equal(ll_view_count(c.view), 4);
        for (unsigned n = 0; n < FIXTURE_WAITING; n++) {
            char message[FIXTURE_MESSAGE_MAX];
            fixture_message(FIXTURE_INBOX + n, message);
            assert_int_equal(client_read(&c, 5 + n, 0, FIXTURE_MESSAGE_MAX), LL_OK);
            assert_true(span_equal(call_read(c.call), span_str(message)));
        }
        client_fini(&c);
        drop_close(&d);
        check_version(path, drop_key, SCHEMA_DROP);
        fixture_fini(&f);
    }
}

static void check_logins(const directory_alias *alias, const directory_slot *kept, size_t count)
{
    uint8_t key[KEYS_KEY], want[KEYS_KEY], code[RECOVERY_CODE];
    slot slots[SLOT_COUNT_MAX];
    size_t index = 9;
    memset(want, 7, sizeof want);
    memset(code, FIXTURE_RECOVERY, sizeof code);
    for (size_t n = 0; n < count; n++)
        slots[n] = kept[n].slot;
    assert_int_equal(slot_login_plain(alias->id, &alias->salts, slots, count, SPAN(FIXTURE_GENERATED), key, &index),
                     LL_OK);
    assert_memory_equal(key, want, sizeof key);
    assert_int_equal(index, 0);
    assert_int_equal(slot_login_plain(alias->id, &alias->salts, slots, count, SPAN(FIXTURE_CHOSEN), key, &index),
                     LL_OK);
    assert_memory_equal(key, want, sizeof key);
    assert_int_equal(index, 1);
    assert_int_equal(slot_login_recovery(alias->id, slots, count, code, key, &index), LL_OK);
    assert_memory_equal(key, want, sizeof key);
    assert_int_equal(index, 2);
}

static void test_directory(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++) {
        scratch s;
        directory *d = NULL;
        directory_alias alias;
        static directory_slot kept[SLOT_COUNT_MAX]; /* large */
        size_t count = 0;
        text value;
        scratch_init(&s);
        const char *path = scratch_path(&s, "directory.sqlite");
        assert_int_equal(fixture_build(path, directory_key, FIXTURES, directories[i]), LL_OK);
        assert_int_equal(directory_open(&d, path, directory_key, 0, NULL), LL_OK);
        assert_int_equal(directory_alias_find(d, SPAN("Ann@example.com"), &alias), LL_OK);
        assert_int_equal(alias.quota_bytes, 1000000);
        assert_int_equal(alias.created, 1500000000);
        assert_int_equal(alias.vault[15], 0x0a);
        assert_false(alias.disabled);
        assert_int_equal(directory_slot_list(d, alias.id, kept, &count), LL_OK);
        assert_int_equal(count, 3);
        assert_string_equal(kept[0].label, "Laptop \xc3\xa9");
        check_logins(&alias, kept, count);
        text_init(&value, NULL, 100);
        assert_int_equal(directory_setting(d, SPAN("motto"), &value), LL_OK);
        assert_string_equal(text_str(&value), "kept since version 1");
        text_fini(&value);
        directory_close(&d);
        check_version(path, directory_key, SCHEMA_DIRECTORY);
        scratch_fini(&s);
    }
}

/* ------------------------------------------------------------------------------------------------------ A newer one */

static char *contents(const char *path, size_t *size)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && !fstat(fd, &st));
    char *bytes = malloc((size_t)st.st_size + 1);
    *size = (size_t)st.st_size;
    assert_int_equal(read(fd, bytes, *size), (ssize_t)*size);
    close(fd);
    return bytes;
}

static ll_status open_kind(fixture *f, schema_kind kind, const char *path, const uint8_t *key)
{
    directory *people = NULL;
    drop *waiting = NULL;
    ll_status status = LL_OK;
    switch (kind) {
    case SCHEMA_VAULT:
        status = vault_open(&f->vault, &f->config, f->alias, path, f->key, 0, NULL);
        vault_close(&f->vault);
        return status;
    case SCHEMA_DROP:
        status = drop_open(&waiting, path, key, &f->executor, NULL);
        drop_close(&waiting);
        return status;
    default:
        status = directory_open(&people, path, key, DB_CREATE, NULL);
        directory_close(&people);
        return status;
    }
}

static void check_newer(fixture *f, schema_kind kind, const char *name, const uint8_t *key)
{
    const char *path = scratch_path(&f->scratch, name);
    size_t size = 0, size_after = 0;
    db *d = NULL;
    unlink(path);
    assert_int_equal(fixture_build(path, key, FIXTURES, name), LL_OK);
    assert_int_equal(db_open(&d, path, key, 0, NULL), LL_OK);
    assert_int_equal(db_exec(d, "PRAGMA user_version = 1000; CREATE TABLE of_tomorrow(x)"), LL_OK);
    db_close(&d);
    char *before = contents(path, &size);
    assert_int_equal(open_kind(f, kind, path, key), LL_EVERSION);
    char *after = contents(path, &size_after);
    assert_int_equal(size, size_after);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
}

static void test_newer(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0);
    fixture_close(&f);
    check_newer(&f, SCHEMA_VAULT, vaults[0], f.key);
    check_newer(&f, SCHEMA_DROP, drops[0], drop_key);
    check_newer(&f, SCHEMA_DIRECTORY, directories[0], directory_key);
    fixture_fini(&f);
}

/* ------------------------------------------------------------------------------------------------------ Interrupted */

static void interrupted(const char *name, fault_plan plan)
{
    fixture f;
    numbers before = begin(&f, name);
    fault_begin(plan);
    ll_status status = vault_open(&f.vault, &f.config, f.alias, f.path, f.key, 0, NULL);
    bool struck = fault_has_struck();
    vault_close(&f.vault); /* with the power off, or not */
    fault_end();
    assert_true(!status || struck);
    fixture_open(&f);
    check_vault(&f, before);
    fixture_close(&f);
    check_version(f.path, f.key, SCHEMA_VAULT);
    fixture_fini(&f);
}

static uint64_t points_of(const char *name)
{
    fixture f;
    (void)begin(&f, name);
    fault_begin((fault_plan){0});
    fixture_open(&f);
    uint64_t points = fault_points();
    fixture_close(&f);
    fault_end();
    fixture_fini(&f);
    return points;
}

static void test_interrupted(void **state)
{
    (void)state;
    static const fault_plan plans[] = {{.what = FAULT_EIO},
                                       {.what = FAULT_FULL, .lasting = true},
                                       {.what = FAULT_POWER, .keep = FAULT_KEEP_NOTHING},
                                       {.what = FAULT_POWER, .keep = FAULT_KEEP_SOME, .undelete = true}};
    assert_int_equal(db_init(), LL_OK);
    assert_true(fault_install());
    for (size_t i = 0; i < sizeof vaults / sizeof *vaults; i++) {
        uint64_t points = points_of(vaults[i]);
        assert_true(points > 5);
        for (size_t p = 0; p < sizeof plans / sizeof *plans; p++)
            for (uint64_t at = 0; at < points; at++) {
                fault_plan plan = plans[p];
                plan.at = at;
                plan.seed = (uint32_t)at;
                interrupted(vaults[i], plan);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vault), cmocka_unit_test(test_drop),        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_newer), cmocka_unit_test(test_interrupted), /* last: from here on the fault is beneath
                                                                             everything */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
