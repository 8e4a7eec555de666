/* absorb_test.c - from the drop into the vault, each message exactly once, whenever a crash comes.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/absorb.h"

typedef struct stage {
    fixture f;
    drop *drop;
    char drop_path[512];
    uint8_t drop_key[KEYS_KEY];
} stage;

static void open_drop(stage *s)
{
    assert_int_equal(drop_open(&s->drop, s->drop_path, s->drop_key, &s->f.executor, NULL), LL_OK);
}

static void stage_init(stage *s, int workers)
{
    memset(s, 0, sizeof *s);
    fixture_init(&s->f, workers);
    snprintf(s->drop_path, sizeof s->drop_path, "%s/drop.sqlite", s->f.scratch.dir);
    open_drop(s);
}

static void stage_fini(stage *s)
{
    fixture_close(&s->f);
    drop_close(&s->drop);
    fixture_fini(&s->f);
}

static void note(void *ctx, ll_status status)
{
    *(ll_status *)ctx = status;
}

static ll_status wait_for(stage *s, ll_status *status)
{
    while (*status == LL_LATER)
        assert_true(fixture_pump(&s->f));
    return *status;
}

static void put_for(stage *s, ll_span message, const uint8_t public_key[KEYS_KEY], int64_t received)
{
    drop_recipient to;
    spool *content;
    ll_status status = LL_LATER;
    memcpy(to.alias, s->f.alias, KEYS_ID);
    memcpy(to.public_key, public_key, KEYS_KEY);
    assert_int_equal(spool_new(&content, s->f.scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_write(content, message), LL_OK);
    assert_int_equal(drop_put(s->drop, content, &to, 1, received, note, &status), LL_OK);
    assert_int_equal(wait_for(s, &status), LL_OK);
    spool_del(&content);
}

static void put(stage *s, const char *message, int64_t received)
{
    put_for(s, span_str(message), s->f.drop_public, received);
}

static ll_status absorb_now(stage *s)
{
    ll_status status = LL_LATER;
    vault_absorb(s->f.vault, s->drop, note, &status);
    return wait_for(s, &status);
}

static uint64_t waiting(stage *s)
{
    drop_waiting_counts counts;
    assert_int_equal(drop_waiting(s->drop, &counts), LL_OK);
    return counts.entries;
}

static uint64_t in_inbox(stage *s)
{
    client c;
    client_init(&c, &s->f);
    assert_int_equal(ASK(&c, status, SPAN("INBOX")), LL_OK);
    uint64_t messages = c.call->numbers.messages;
    client_fini(&c);
    return messages;
}

static int64_t remembered(stage *s)
{
    int64_t count = -1;
    db *d = NULL;
    assert_int_equal(db_open(&d, s->f.path, s->f.key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(db_take_int(db_prepare(d, "SELECT count(*) FROM absorbed"), &count), LL_OK);
    db_close(&d);
    return count;
}

static void absorb_all(int workers)
{
    stage s;
    client c;
    char message[32];
    stage_init(&s, workers);
    client_init(&c, &s.f);
    for (int i = 0; i < 150; i++) {
        snprintf(message, sizeof message, "Subject: %d\r\n\r\n", i);
        put(&s, message, 1000 + i);
    }
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(waiting(&s), 0);
    assert_int_equal(remembered(&s), 0);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 150);
    assert_true(c.notified > 0);
    assert_int_equal(client_read(&c, 42, 0, 100), LL_OK);
    assert_true(span_equal(call_read(c.call), SPAN("Subject: 41\r\n\r\n")));
    assert_int_equal(client_fetch(&c, 42, 42, 1, LL_WANT_INDEX), LL_OK);
    assert_int_equal(c.call->rows[0].internaldate, 1041);
    assert_true(c.call->rows[0].index.size > 0);
    assert_int_equal(absorb_now(&s), LL_OK); /* nothing to do */
    assert_int_equal(in_inbox(&s), 150);
    client_fini(&c);
    stage_fini(&s);
}

static void test_all(void **state)
{
    (void)state;
    absorb_all(0);
}

static void test_all_threads(void **state)
{
    (void)state;
    absorb_all(2);
}

static void test_large(void **state)
{
    (void)state;
    stage s;
    client c;
    size_t size = 9 << 20; /* more than a batch, more than a spool keeps in memory */
    char *message = malloc(size);
    assert_non_null(message);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)('a' + i % 23);
    stage_init(&s, 0);
    put(&s, "before", 1);
    put_for(&s, span_of(message, size), s.f.drop_public, 2);
    put(&s, "after", 3);
    assert_int_equal(absorb_now(&s), LL_OK);
    client_init(&c, &s.f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ll_view_count(c.view), 3);
    assert_int_equal(client_read(&c, 2, 5 << 20, 300000), LL_OK);
    assert_int_equal(call_read(c.call).size, 300000);
    assert_memory_equal(call_read(c.call).data, message + (5 << 20), 300000);
    client_fini(&c);
    free(message);
    stage_fini(&s);
}

/* A message that was not sealed to us: left where it is, and no obstacle (invariant 8). */
static void test_undecryptable(void **state)
{
    (void)state;
    stage s;
    uint8_t other_public[KEYS_KEY], other_secret[KEYS_KEY];
    stage_init(&s, 0);
    seal_pair_make(other_public, other_secret);
    for (int i = 0; i < 70; i++) { /* more than a batch of bad ones in front */
        put_for(&s, SPAN("not yours"), other_public, i);
        if (i % 10 == 0)
            put(&s, "yours", i);
    }
    put(&s, "yours", 100);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 8);
    assert_int_equal(waiting(&s), 70);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 8);
    stage_fini(&s);
}

/* ------------------------------------------------------------------------------------------------- Crashes */

static void copy_file(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char buffer[65536];
    size_t got;
    assert_non_null(in);
    assert_non_null(out);
    while ((got = fread(buffer, 1, sizeof buffer, in)))
        assert_int_equal(fwrite(buffer, 1, got, out), got);
    fclose(in);
    fclose(out);
}

/* The drop's work is lost, the vault's is not: as if the crash had come after the vault's COMMIT and before the
 * removal. The drop's file from before is put back. */
static void test_crash_before_remove(void **state)
{
    (void)state;
    stage s;
    char saved[600];
    stage_init(&s, 0);
    snprintf(saved, sizeof saved, "%s.saved", s.drop_path);
    for (int i = 0; i < 5; i++)
        put(&s, "once", i);
    drop_close(&s.drop);
    copy_file(s.drop_path, saved);
    open_drop(&s);

    /* Everything but `forget`, which comes only when the drop is known to be empty: the drop fails to remove. */
    drop_close(&s.drop);
    open_drop(&s);
    db *d = NULL;
    assert_int_equal(db_open(&d, s.drop_path, s.drop_key, 0, NULL), LL_OK);
    assert_int_equal(db_exec(d, "CREATE TRIGGER stuck BEFORE DELETE ON entry BEGIN SELECT raise(FAIL, 'crash'); END"),
                     LL_OK);
    db_close(&d);
    assert_true(absorb_now(&s) < 0);
    assert_int_equal(in_inbox(&s), 5); /* committed */
    assert_int_equal(remembered(&s), 5);
    fixture_close(&s.f); /* the crash: */
    drop_close(&s.drop);
    copy_file(saved, s.drop_path);
    fixture_open(&s.f);
    open_drop(&s);
    assert_int_equal(waiting(&s), 5);
    put(&s, "new", 9);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 6);
    assert_int_equal(waiting(&s), 0);
    assert_int_equal(remembered(&s), 0);
    stage_fini(&s);
}

/* The crash comes before the vault's COMMIT: nothing has happened. */
static void test_crash_before_commit(void **state)
{
    (void)state;
    stage s;
    stage_init(&s, 0);
    for (int i = 0; i < 5; i++)
        put(&s, "once", i);
    db *d = s.f.vault->writer_db;
    assert_int_equal(
        db_exec(
            d, "CREATE TEMP TRIGGER stuck BEFORE INSERT ON main.absorbed WHEN (SELECT count(*) FROM main.absorbed) = 3 "
               "BEGIN SELECT raise(FAIL, 'crash'); END"),
        LL_OK);
    assert_true(absorb_now(&s) < 0);
    assert_int_equal(in_inbox(&s), 0);
    assert_int_equal(waiting(&s), 5);
    fixture_close(&s.f);
    fixture_open(&s.f);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 5);
    assert_int_equal(waiting(&s), 0);
    stage_fini(&s);
}

/* Two logins at once: one absorbs, both hear. */
static void test_joined(void **state)
{
    (void)state;
    stage s;
    ll_status a = LL_LATER, b = LL_LATER;
    stage_init(&s, 2);
    for (int i = 0; i < 20; i++)
        put(&s, "x", i);
    vault_absorb(s.f.vault, s.drop, note, &a);
    vault_absorb(s.f.vault, s.drop, note, &b);
    assert_int_equal(wait_for(&s, &a), LL_OK);
    assert_int_equal(wait_for(&s, &b), LL_OK);
    assert_int_equal(in_inbox(&s), 20);
    stage_fini(&s);
}

/* What waited was counted while it waited: it comes in under a quota that has shrunk, and is counted once before and
 * after, also if a crash has left it in both places. */
static void test_ledger(void **state)
{
    (void)state;
    static const char message[] = "Subject: counted\r\n\r\n";
    const uint64_t size = sizeof message - 1;
    stage s;
    ledger *l;
    char before[600];
    stage_init(&s, 0);
    fixture_close(&s.f);
    assert_int_equal(ledger_new(&l, 1), LL_OK);
    s.f.config.ledger = l;
    put(&s, message, 1);
    put(&s, message, 2);
    assert_int_equal(ledger_join(l, s.f.alias, SPAN(""), SPAN(""), 1, 0, 2 * size), LL_OK);
    drop_close(&s.drop);
    snprintf(before, sizeof before, "%s.before", s.drop_path);
    copy_file(s.drop_path, before);
    open_drop(&s);
    fixture_open(&s.f);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 2);
    assert_int_equal(ledger_of(l, s.f.alias).own, 2 * size);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(ledger_of(l, s.f.alias).own, 2 * size);

    /* A crash before they were removed from the drop: at the start both places are counted. */
    db *d = NULL;
    uint8_t id[2][KEYS_ID];
    fixture_close(&s.f);
    drop_close(&s.drop);
    copy_file(before, s.drop_path);
    open_drop(&s);
    drop_item items[4];
    size_t count;
    assert_int_equal(drop_list(s.drop, s.f.alias, items, 4, &count), LL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(db_open(&d, s.f.path, s.f.key, 0, NULL), LL_OK);
    for (size_t i = 0; i < 2; i++) {
        memcpy(id[i], items[i].id, KEYS_ID);
        db_stmt *q = db_prepare(d, "INSERT INTO absorbed(drop_id) VALUES(?1)");
        db_bind_blob(q, 1, span_of((const char *)id[i], KEYS_ID));
        assert_int_equal(db_run(q), LL_OK);
    }
    db_close(&d);
    ledger_leave(l, s.f.alias);
    assert_int_equal(ledger_join(l, s.f.alias, SPAN(""), SPAN(""), 1, 0, 2 * size), LL_OK);
    fixture_open(&s.f);
    assert_int_equal(ledger_of(l, s.f.alias).own, 4 * size);
    assert_int_equal(absorb_now(&s), LL_OK);
    assert_int_equal(in_inbox(&s), 2);
    assert_int_equal(ledger_of(l, s.f.alias).own, 2 * size);
    stage_fini(&s);
    ledger_del(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_all_threads),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_undecryptable),
        cmocka_unit_test(test_crash_before_remove),
        cmocka_unit_test(test_crash_before_commit),
        cmocka_unit_test(test_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
