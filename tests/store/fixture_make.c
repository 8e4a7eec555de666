/* fixture_make.c - print a vault, a directory and a drop as SQL text: how the files in fixtures/ were made, each by the
 * program of its version. SPDX-License-Identifier: MIT
 *
 *     fixture_make FOLDER     writes FOLDER/vault.sql, directory.sql, drop.sql
 *
 * Run it once before a new version of a schema is merged, and add the version to the names. What it puts in stands in
 * fixture.h, and migration_test.c looks for all of it. */
#include "vault_fixture.h"

#include "fixture.h"

#include "keys/slot.h"
#include "store/absorb.h"
#include "store/directory.h"
#include "store/drop.h"

#include <sqlite3.h>

static void note(void *ctx, ll_status status)
{
    *(ll_status *)ctx = status;
}

/* ------------------------------------------------------------------------------------------------------- Dump */

static void dump_rows(sqlite3 *file, const char *table, FILE *out)
{
    sqlite3_stmt *q = NULL;
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", table);
    assert_int_equal(sqlite3_prepare_v2(file, sql, -1, &q, NULL), SQLITE_OK);
    sqlite3_free(sql);
    while (sqlite3_step(q) == SQLITE_ROW) {
        fprintf(out, "INSERT INTO %s(", table);
        for (int i = 0; i < sqlite3_column_count(q); i++)
            fprintf(out, "%s%s", i ? ", " : "", sqlite3_column_name(q, i));
        fprintf(out, ") VALUES(");
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const unsigned char *blob = sqlite3_column_blob(q, i);
            char *quoted = NULL;
            fprintf(out, "%s", i ? ", " : "");
            switch (sqlite3_column_type(q, i)) {
            case SQLITE_BLOB:
                fprintf(out, "X'");
                for (int n = 0; n < sqlite3_column_bytes(q, i); n++)
                    fprintf(out, "%02x", blob[n]);
                fprintf(out, "'");
                break;
            case SQLITE_TEXT:
                quoted = sqlite3_mprintf("%Q", sqlite3_column_text(q, i));
                fprintf(out, "%s", quoted);
                sqlite3_free(quoted);
                break;
            case SQLITE_NULL:
                fprintf(out, "NULL");
                break;
            default:
                fprintf(out, "%lld", (long long)sqlite3_column_int64(q, i));
            }
        }
        fprintf(out, ");\n");
    }
    sqlite3_finalize(q);
}

static void dump_pragma(sqlite3 *file, const char *name, FILE *out)
{
    sqlite3_stmt *q = NULL;
    char *sql = sqlite3_mprintf("PRAGMA %s", name);
    assert_int_equal(sqlite3_prepare_v2(file, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    fprintf(out, "PRAGMA %s = %lld;\n", name, (long long)sqlite3_column_int64(q, 0));
    sqlite3_finalize(q);
    sqlite3_free(sql);
}

/* Tables first, then their rows, parents before children as they were defined. */
static void dump(const char *path, const uint8_t key[DB_KEY], const char *folder, const char *kind)
{
    char name[600];
    db *d = NULL;
    assert_int_equal(db_open(&d, path, key, DB_READONLY, NULL), LL_OK);
    sqlite3 *file = db_handle(d);
    snprintf(name, sizeof name, "%s/%s.sql", folder, kind);
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    fprintf(out, "-- A %s, as its program of this version has made it (tests/store/fixture_make.c).\n", kind);
    dump_pragma(file, "application_id", out);
    dump_pragma(file, "user_version", out);
    for (int rows = 0; rows < 2; rows++) {
        sqlite3_stmt *q = NULL;
        assert_int_equal(sqlite3_prepare_v2(file,
                                            "SELECT name, sql, type FROM sqlite_schema WHERE sql IS NOT NULL AND name "
                                            "NOT LIKE 'sqlite_%' ORDER BY rowid",
                                            -1, &q, NULL),
                         SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW)
            if (!rows)
                fprintf(out, "%s;\n", (const char *)sqlite3_column_text(q, 1));
            else if (strcmp((const char *)sqlite3_column_text(q, 2), "table") == 0)
                dump_rows(file, (const char *)sqlite3_column_text(q, 0), out);
        sqlite3_finalize(q);
    }
    fclose(out);
    db_close(&d);
}

/* ------------------------------------------------------------------------------------------------------- Fill */

static void fill_vault(fixture *f)
{
    client c;
    uint32_t uid;
    char message[FIXTURE_MESSAGE_MAX];
    client_init(&c, f);
    for (unsigned n = 0; n < FIXTURE_INBOX; n++) {
        fixture_message(n, message);
        ll_span keyword = SPAN("$Forwarded");
        assert_int_equal(client_append_full(&c, "INBOX", span_str(message), n % 3 == 1 ? F(SEEN) | F(ANSWERED) : 0,
                                            &keyword, n == 2, 1500000000 + (int64_t)n, &uid),
                         LL_OK);
        assert_int_equal(uid, n + 1);
    }
    assert_int_equal(ASK(&c, create, SPAN(FIXTURE_FOLDER), 0), LL_OK);
    assert_int_equal(ASK(&c, subscribe, SPAN("Gone"), true), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_copy(&c, 1, 2, FIXTURE_FOLDER, false), LL_OK);
    assert_int_equal(client_copy(&c, 3, 3, "Trash", true), LL_OK);
    assert_int_equal(client_store(&c, 4, 4, LL_FLAGS_ADD, F(DELETED)), LL_OK);
    assert_int_equal(client_expunge(&c, 4, 4), LL_OK); /* the client was not told: it is held */
    ll_metadata entry = {.entry = SPAN("/private/comment"), .value = SPAN("kept since version 1")};
    assert_int_equal(ASK(&c, metadata_set, SPAN("INBOX"), &entry, 1), LL_OK);
    assert_int_equal(ASK(&c, metadata_set, SPAN(""), &entry, 1), LL_OK);
}

static void fill_drop(fixture *f, const char *path)
{
    static const uint8_t key[KEYS_KEY] = FIXTURE_DROP_KEY;
    drop *d = NULL;
    assert_int_equal(drop_open(&d, path, key, &f->executor, NULL), LL_OK);
    for (unsigned n = 0; n < FIXTURE_WAITING; n++) {
        char message[FIXTURE_MESSAGE_MAX];
        drop_recipient to;
        spool *content = NULL;
        ll_status status = LL_LATER;
        fixture_message(FIXTURE_INBOX + n, message);
        memcpy(to.alias, f->alias, KEYS_ID);
        memcpy(to.public_key, f->drop_public, KEYS_KEY);
        assert_int_equal(spool_new(&content, f->scratch.dir, NULL), LL_OK);
        assert_int_equal(spool_write(content, span_str(message)), LL_OK);
        assert_int_equal(drop_put(d, content, &to, 1, 1600000000 + (int64_t)n, note, &status), LL_OK);
        assert_int_equal(status, LL_OK);
        spool_del(&content);
    }
    drop_close(&d);
}

static void fill_directory(fixture *f, const char *path)
{
    static const uint8_t key[KEYS_KEY] = FIXTURE_DIRECTORY_KEY;
    static directory_slot slots[3]; /* large */
    directory_alias alias = {.local = "ann", .domain = "example.com", .quota_bytes = 1000000, .created = 1500000000};
    uint8_t code[RECOVERY_CODE];
    directory *d = NULL;
    memcpy(alias.id, f->alias, KEYS_ID);
    memset(alias.vault, 0x0a, KEYS_ID);
    memcpy(alias.drop_public, f->drop_public, KEYS_KEY);
    slot_salts_make(&alias.salts);
    memset(code, FIXTURE_RECOVERY, sizeof code);
    assert_int_equal(slot_make_generated(alias.id, &alias.salts, SPAN(FIXTURE_GENERATED), f->key, &slots[0].slot),
                     LL_OK);
    assert_int_equal(slot_make_chosen(alias.id, &alias.salts, SPAN(FIXTURE_CHOSEN), f->key, &slots[1].slot), LL_OK);
    assert_int_equal(slot_make_recovery(alias.id, code, f->key, &slots[2].slot), LL_OK);
    snprintf(slots[0].label, sizeof slots[0].label, "Laptop \xc3\xa9");
    snprintf(slots[1].label, sizeof slots[1].label, "Phone");
    snprintf(slots[2].label, sizeof slots[2].label, "recovery code");
    assert_int_equal(directory_open(&d, path, key, DB_CREATE, NULL), LL_OK);
    assert_int_equal(directory_domain_add(d, SPAN("example.com"), 1500000000), LL_OK);
    assert_int_equal(directory_alias_add(d, &alias, slots, 3), LL_OK);
    assert_int_equal(directory_setting_set(d, SPAN("motto"), SPAN("kept since version 1")), LL_OK);
    directory_close(&d);
}

int main(int argc, char **argv)
{
    static const uint8_t drop_key[KEYS_KEY] = FIXTURE_DROP_KEY, directory_key[KEYS_KEY] = FIXTURE_DIRECTORY_KEY;
    fixture f;
    char path[512];
    if (argc != 2)
        return 2;
    fixture_init(&f, 0);
    fill_vault(&f); /* its client stays: what is held is not purged; so the file is read beside it */
    dump(f.path, f.key, argv[1], "vault");
    snprintf(path, sizeof path, "%s/drop.sqlite", f.scratch.dir);
    fill_drop(&f, path);
    dump(path, drop_key, argv[1], "drop");
    snprintf(path, sizeof path, "%s/directory.sqlite", f.scratch.dir);
    fill_directory(&f, path);
    dump(path, directory_key, argv[1], "directory");
    scratch_fini(&f.scratch);
    return 0;
}
