/* mailbox_view_test.c - a kept view, with what came after it, is what a scan of the entries finds; and when it is
 * damaged or too old, the scan is what counts. With a number as argument: how long opening such a mailbox takes.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/mailbox_tree.h"
#include "store/mailbox_view.h"
#include "store/vault_state.h"

#include <endian.h>
#include <stdlib.h>

enum { COUNT = 5000 };

/* Messages 1 to count of INBOX, straight into the file; they share one empty message. */
static void fill(fixture *f, int64_t count)
{
    static const char *const steps[] = {
        "INSERT INTO message(id, refs, size, received, thread) VALUES(1000000, ?1, 0, 0, 1000000)",
        "INSERT INTO part(id, refs, size, encoding) VALUES(1000000 + 0 * ?1, 1, 0, 0)",
        "INSERT INTO piece(message, ordinal, part) VALUES(1000000, 0 * ?1, 1000000)",
        ("WITH RECURSIVE n(uid) AS (SELECT 1 UNION ALL SELECT uid + 1 FROM n WHERE uid < ?1) INSERT INTO "
         "entry(mailbox, "
         "uid, message, flags, keywords, internaldate, savedate, modseq, size) SELECT (SELECT id FROM mailbox WHERE "
         "name "
         "= 'INBOX'), uid, 1000000, (uid % 10 > 1) + 4 * (uid % 37 = 0) + 8 * (uid % 101 = 0), CASE uid % 7 WHEN 0 "
         "THEN "
         "x'01' END, 0, 0, uid + 100, 0 FROM n"),
        "INSERT INTO keyword(mailbox, number, name) SELECT id, 0, '$Work' FROM mailbox WHERE name = 'INBOX' AND ?1",
        ("UPDATE mailbox SET uidnext = ?1 + 1, modseq = ?1 + 200, messages = ?1, unseen = (SELECT count(*) FROM entry "
         "WHERE NOT flags & 1), deleted = (SELECT count(*) FROM entry WHERE flags & 8) WHERE name = 'INBOX'"),
        "INSERT INTO changed SELECT id, modseq, 0, 4294967295 FROM mailbox WHERE name = 'INBOX' AND ?1",
        "UPDATE meta SET value = ?1 + 300 WHERE key = 'modseq'",
        "UPDATE meta SET value = ?1 WHERE key = 'messages'",
    };
    db *d;
    fixture_close(f);
    assert_int_equal(db_open(&d, f->path, f->key, 0, NULL), LL_OK);
    assert_int_equal(db_begin(d), LL_OK);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        db_stmt *q = db_prepare(d, steps[i]);
        db_bind_int(q, 1, count);
        assert_int_equal(db_run(q), LL_OK);
    }
    assert_int_equal(db_commit(d), LL_OK);
    db_close(&d);
    fixture_open(f);
}

static db *look(fixture *f)
{
    db *d;
    assert_int_equal(db_open(&d, f->path, f->key, 0, NULL), LL_OK);
    return d;
}

static int64_t number(db *d, const char *sql)
{
    int64_t n = -1;
    assert_int_equal(db_take_int(db_prepare(d, sql), &n), LL_OK);
    return n;
}

static void check_equal(const ll_view *a, const ll_view *b)
{
    assert_int_equal(ll_view_count(a), ll_view_count(b));
    assert_int_equal(ll_view_uidnext(a), ll_view_uidnext(b));
    assert_int_equal(ll_view_keywords(a), ll_view_keywords(b));
    for (uint32_t uid = 1; uid < ll_view_uidnext(a); uid++) {
        ll_flags x = {{0}}, y = {{0}};
        assert_int_equal(ll_view_flags(a, uid, &x), ll_view_flags(b, uid, &y));
        assert_true(ll_flags_equal(&x, &y));
    }
}

/* The mailbox as it is opened from the file is as it is scanned. Answers whether it should be kept anew. */
static bool check_file(fixture *f)
{
    db *d = look(f);
    int64_t inbox = number(d, "SELECT id FROM mailbox WHERE name = 'INBOX'");
    ll_view *kept, *scanned;
    uint32_t recent;
    bool save;
    assert_int_equal(db_begin_read(d), LL_OK);
    assert_int_equal(mailbox_view_open(d, inbox, &kept, &recent, &save), LL_OK);
    assert_int_equal(mailbox_scan(d, inbox, &scanned, &recent), LL_OK);
    check_equal(kept, scanned);
    assert_int_equal(ll_view_modseq(kept), ll_view_modseq(scanned));
    ll_view_unref(&kept);
    ll_view_unref(&scanned);
    db_rollback(d);
    db_close(&d);
    return save;
}

static void reopen(fixture *f)
{
    fixture_close(f);
    fixture_open(f);
}

static void open_and_close(fixture *f)
{
    client c;
    client_init(&c, f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    client_fini(&c);
    fixture_close(f);
    fixture_open(f);
}

/* Opened once, the view is kept; what then changes is brought in. */
static void test_changes(void **state)
{
    (void)state;
    for (int workers = 0; workers <= 2; workers += 2) {
        fixture f;
        client c;
        fixture_init(&f, workers);
        fill(&f, COUNT);
        assert_true(check_file(&f));
        open_and_close(&f);
        assert_false(check_file(&f));
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_int_equal(client_store(&c, 10, 20, LL_FLAGS_ADD, F(SEEN) | F(DELETED)), LL_OK);
        assert_int_equal(client_store(&c, 100, 110, LL_FLAGS_REPLACE, F(DRAFT)), LL_OK);
        assert_int_equal(client_expunge(&c, 15, 25), LL_OK);
        assert_int_equal(client_append(&c, "INBOX", "new", F(FLAGGED), NULL), LL_OK);
        assert_int_equal(client_copy(&c, 1, 5, "INBOX", false), LL_OK);
        client_fini(&c);
        reopen(&f);
        assert_false(check_file(&f));
        /* so much that it is kept anew when the session leaves */
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_int_equal(client_store(&c, 1, 4000, LL_FLAGS_ADD, F(ANSWERED)), LL_OK);
        client_fini(&c);
        reopen(&f);
        assert_false(check_file(&f));
        fixture_fini(&f);
    }
}

/* What is not right is not used. */
static void test_damage(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE mailbox_view SET view = x''",
        "UPDATE mailbox_view SET view = substr(view, 1, length(view) - 1)",
        "UPDATE mailbox_view SET view = CAST(view || x'00' AS BLOB)",
        "UPDATE mailbox_view SET view = CAST(substr(view, 1, 50) || x'5555' || substr(view, 53) AS BLOB)",
        "UPDATE mailbox_view SET view = CAST(x'01' || substr(view, 2) AS BLOB)",
        "UPDATE mailbox_view SET view = CAST(x'03' || substr(view, 2) AS BLOB)",
        "DELETE FROM mailbox_view",
        "UPDATE mailbox SET uidvalidity = uidvalidity - 1 WHERE name = 'INBOX'",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        fixture f;
        fixture_init(&f, 0);
        fill(&f, COUNT);
        open_and_close(&f);
        fixture_close(&f);
        db *d = look(&f);
        assert_int_equal(number(d, "SELECT count(*) FROM mailbox_view"), 1);
        assert_int_equal(db_exec(d, damages[i]), LL_OK);
        db_close(&d);
        fixture_open(&f);
        assert_true(check_file(&f));
        open_and_close(&f);
        assert_false(check_file(&f));
        fixture_fini(&f);
    }
}

/* A view that misses a change is told by the counters, and by the check of the vault. */
static void test_wrong(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0);
    fill(&f, COUNT);
    open_and_close(&f);
    fixture_close(&f);
    db *d = look(&f);
    assert_int_equal(db_exec(d, "UPDATE entry SET flags = flags | 1 WHERE uid = 10"), LL_OK); /* as if lost */
    assert_int_equal(db_exec(d, "UPDATE mailbox SET unseen = unseen - 1 WHERE name = 'INBOX'"), LL_OK);
    db_close(&d);
    assert_int_equal(vault_check(f.path, f.key, NULL), LL_ECORRUPT);
    fixture_open(&f);
    assert_true(check_file(&f));
    open_and_close(&f);
    assert_false(check_file(&f));
    fixture_fini(&f);
}

static void test_small(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0);
    fill(&f, MAILBOX_VIEW_LEAST - 1);
    open_and_close(&f);
    assert_false(check_file(&f));
    db *d = look(&f);
    assert_int_equal(number(d, "SELECT count(*) FROM mailbox_view"), 0);
    db_close(&d);
    fixture_fini(&f);
}

/* Is there a kept view that so little has changed since, that it is brought up to date rather than made by a scan? */
static bool kept_is_new(fixture *f)
{
    db *d = look(f);
    uint64_t modseq = 0;
    int64_t newer = INT64_MAX;
    db_stmt *q = db_prepare(d, "SELECT view FROM mailbox_view");
    if (db_first(q) == LL_OK) {
        memcpy(&modseq, db_column_blob(q, 0).data + 16, sizeof modseq);
        db_reset(q);
        q = db_prepare(d, "SELECT count(*) FROM entry WHERE modseq > ?1");
        db_bind_int(q, 1, (int64_t)le64toh(modseq));
        assert_int_equal(db_take_int(q, &newer), LL_OK);
    }
    bool kept = newer <= number(d, "SELECT messages / 16 FROM mailbox WHERE name = 'INBOX'");
    db_close(&d);
    return kept;
}

/* Mail that comes in, and flags that change, while nobody has the mailbox open: its view is kept all the same, and the
 * first who opens it need not wait for a scan. Nor is it forgotten where somebody has it open for days. */
static void test_unattended(void **state)
{
    (void)state;
    fixture f;
    client c;
    uint32_t uid = 0;
    ll_range range = {1, 3000}, *all = &range;
    fixture_init(&f, 1);
    fixture_close(&f);
    fixture_open(&f);
    client_init(&c, &f);
    while (uid < MAILBOX_VIEW_LEAST + 1000)
        assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", uid % 3 ? F(SEEN) : 0, &uid), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    assert_true(kept_is_new(&f));
    check_file(&f);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, store, c.mailbox, all, 1, LL_FLAGS_ADD, F(FLAGGED), NULL, 0), LL_OK);
    for (int i = 0; i < 2000 && !kept_is_new(&f); i++) {
        fixture_pump_ready(&f);
        usleep(1000);
    }
    assert_true(kept_is_new(&f)); /* the session is still there */
    client_fini(&c);
    fixture_fini(&f);
}

/* A mailbox that becomes a mere name takes its kept view along: it would not fit the next one of this name. */
static void test_deleted(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_range range = {1, UINT32_MAX}, *all = &range;
    fixture_init(&f, 0);
    fill(&f, COUNT);
    client_init(&c, &f);
    assert_int_equal(ASK(&c, create, SPAN("Big"), 0), LL_OK);
    assert_int_equal(ASK(&c, create, SPAN("Big/child"), 0), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, copy, c.mailbox, all, 1, SPAN("Big"), false), LL_OK);
    client_close(&c);
    assert_int_equal(client_open(&c, "Big", false), LL_OK);
    client_close(&c);
    db *d = look(&f);
    assert_int_equal(
        number(d, "SELECT count(*) FROM mailbox_view v JOIN mailbox m ON m.id = v.mailbox WHERE name = 'Big'"), 1);
    assert_int_equal(ASK(&c, remove, SPAN("Big")), LL_OK);
    assert_int_equal(number(d, "SELECT noselect FROM mailbox WHERE name = 'Big'"), 1);
    assert_int_equal(
        number(d, "SELECT count(*) FROM mailbox_view v JOIN mailbox m ON m.id = v.mailbox WHERE name = 'Big'"), 0);
    db_close(&d);
    client_fini(&c);
    fixture_fini(&f);
}

/* A vault that opens has INBOX's kept view ready; who then selects it sees what has come meanwhile, too. */
static void test_ahead(void **state)
{
    (void)state;
    for (int workers = 0; workers <= 2; workers += 2) {
        fixture f;
        client c;
        fixture_init(&f, workers);
        assert_int_equal(vault_count(f.vault).views, 0);
        fill(&f, COUNT);
        assert_int_equal(vault_count(f.vault).views, 0); /* none is kept, and nobody has asked for a scan */
        open_and_close(&f);
        assert_int_equal(vault_count(f.vault).views, 1);
        client_init(&c, &f);
        assert_int_equal(client_append(&c, "INBOX", "new", F(FLAGGED), NULL), LL_OK);
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_int_equal(ll_view_count(c.view), COUNT + 1);
        assert_true(ll_view_has(c.view, COUNT + 1));
        assert_int_equal(client_expunge(&c, 1, 100), LL_OK);
        client_fini(&c);
        /* Changed while nobody has it open, and opened anew: from the kept view and what came since. */
        reopen(&f);
        assert_int_equal(vault_count(f.vault).views, 1);
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", true), LL_OK);
        db *d = look(&f);
        ll_view *scanned;
        uint32_t recent;
        assert_int_equal(mailbox_scan(d, handle_mailbox(c.mailbox), &scanned, &recent), LL_OK);
        check_equal(c.view, scanned);
        ll_view_unref(&scanned);
        db_close(&d);
        client_fini(&c);
        fixture_fini(&f);
    }
}

/* One flag for many messages, of which some have it and some are not there: what it says in the view, in the counters
 * and in the mod-sequences is as if each had been looked at. */
static void test_wide(void **state)
{
    (void)state;
    static const unsigned flags[] = {F(SEEN), F(ANSWERED), F(FLAGGED), F(DELETED), F(DRAFT), F(SEEN) | F(FLAGGED)};
    fixture f;
    client c;
    fixture_init(&f, 0);
    fill(&f, COUNT);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, 500, 700), LL_OK);
    assert_int_equal(client_expunge(&c, 4990, 5000), LL_OK);
    db *d = look(&f);
    int64_t before = number(d, "SELECT max(modseq) FROM mailbox");
    for (size_t i = 0; i < 2 * sizeof flags / sizeof *flags; i++) {
        ll_flags_op op = i % 2 ? LL_FLAGS_REMOVE : LL_FLAGS_ADD;
        db_stmt *q = db_prepare(d, op == LL_FLAGS_ADD ? "SELECT count(*) FROM entry WHERE uid >= 3 AND flags & ?1 <> ?1"
                                                      : "SELECT count(*) FROM entry WHERE uid >= 3 AND flags & ?1");
        int64_t expected = 0, changed = 0;
        db_bind_int(q, 1, flags[i / 2]);
        assert_int_equal(db_take_int(q, &expected), LL_OK);
        assert_true(expected > 0);
        assert_int_equal(client_store(&c, 3, i % 3 ? 6000 : UINT32_MAX, op, flags[i / 2]), LL_OK);
        int64_t after = number(d, "SELECT max(modseq) FROM mailbox");
        q = db_prepare(d, "SELECT count(*) FROM entry WHERE modseq > ?1");
        db_bind_int(q, 1, before);
        assert_int_equal(db_take_int(q, &changed), LL_OK);
        assert_int_equal(changed, expected);
        assert_true(after > before);
        before = after;
        /* once more: nothing changes, and no mod-sequence is taken */
        assert_int_equal(client_store(&c, 3, UINT32_MAX, op, flags[i / 2]), LL_OK);
        assert_int_equal(number(d, "SELECT max(modseq) FROM mailbox"), after);
        client_latest(&c);
        ll_view *scanned;
        uint32_t recent;
        assert_int_equal(mailbox_scan(d, handle_mailbox(c.mailbox), &scanned, &recent), LL_OK);
        check_equal(c.view, scanned);
        ll_view_unref(&scanned);
    }
    db_close(&d);
    assert_int_equal(client_store(&c, 701, 4989, LL_FLAGS_REMOVE, F(SEEN)), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    d = look(&f);
    assert_int_equal(number(d, "SELECT unseen - (SELECT count(*) FROM entry WHERE NOT flags & 1) FROM mailbox "
                               "WHERE name = 'INBOX'"),
                     0);
    db_close(&d);
    fixture_open(&f);
    check_file(&f);
    fixture_fini(&f);
}

/* A job that removes the mailbox, after one that waits until the test says. */
typedef struct removal {
    vault_job wait, job;
    pthread_mutex_t *gate;
    unsigned over;
} removal;

static ll_status wait_run(vault_job *job, writer *w)
{
    removal *r = (removal *)job;
    (void)w;
    pthread_mutex_lock(r->gate);
    pthread_mutex_unlock(r->gate);
    return LL_OK;
}

static void wait_done(vault_job *job, ll_status status)
{
    assert_int_equal(status, LL_OK);
    ((removal *)job)->over++;
}

static ll_status remove_run(vault_job *job, writer *w)
{
    (void)job;
    return tree_remove(w, SPAN("Big"));
}

static void remove_done(vault_job *job, ll_status status)
{
    assert_int_equal(status, LL_OK);
    ((removal *)((char *)job - offsetof(removal, job)))->over++;
}

/* The same if a session that leaves it has its view kept in the same transaction: the view in memory is of before. */
static void test_deleted_meanwhile(void **state)
{
    (void)state;
    fixture f;
    client c;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    ll_range range = {1, UINT32_MAX}, *all = &range;
    fixture_init(&f, 1);
    fill(&f, COUNT);
    client_init(&c, &f);
    assert_int_equal(ASK(&c, create, SPAN("Big"), 0), LL_OK);
    assert_int_equal(ASK(&c, create, SPAN("Big/child"), 0), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, copy, c.mailbox, all, 1, SPAN("Big"), false), LL_OK);
    client_close(&c);
    assert_int_equal(client_open(&c, "Big", false), LL_OK);
    db *d = look(&f);
    int64_t big = number(d, "SELECT id FROM mailbox WHERE name = 'Big'");
    removal r = {.wait = {.run = wait_run, .done = wait_done}, .job = {.run = remove_run, .done = remove_done}};
    r.gate = &gate;
    pthread_mutex_lock(&gate);
    vault_add(f.vault, &r.wait);
    usleep(2000);
    vault_add(f.vault, &r.job);
    mailbox_view_save(f.vault, big);
    pthread_mutex_unlock(&gate);
    while (r.over < 2)
        fixture_pump(&f);
    client_fini(&c);
    fixture_close(&f);
    assert_int_equal(number(d, "SELECT noselect FROM mailbox WHERE name = 'Big'"), 1);
    assert_int_equal(
        number(d, "SELECT count(*) FROM mailbox_view v JOIN mailbox m ON m.id = v.mailbox WHERE name = 'Big'"), 0);
    db_close(&d);
    fixture_fini(&f);
}

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long measured;

static void measure(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0);
    fill(&f, measured);
    for (int i = 0; i < 4; i++) {
        client c;
        double begin = milliseconds();
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", true), LL_OK);
        double end = milliseconds();
        print_message("%ld messages: %s %.2f ms\n", measured, i ? "kept" : "scan", end - begin);
        client_fini(&c);
        reopen(&f);
    }
    db *d = look(&f);
    print_message("%lld bytes\n", (long long)number(d, "SELECT length(view) FROM mailbox_view"));
    db_close(&d);
    fixture_fini(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes), cmocka_unit_test(test_damage),     cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_small),   cmocka_unit_test(test_unattended), cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_ahead),   cmocka_unit_test(test_wide),       cmocka_unit_test(test_deleted_meanwhile),
    };
    const struct CMUnitTest sizes[] = {cmocka_unit_test(measure)};
    measured = argc > 1 ? atol(argv[1]) : 0;
    return measured > 0 ? cmocka_run_group_tests(sizes, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
