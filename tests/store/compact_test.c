/* compact_test.c - room is given back, in small jobs, and old messages become new ones.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/compact.h"
#include "store/message.h"

static uint64_t number(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static void mail(text *t, size_t size, uint64_t seed)
{
    text_clear(t);
    text_print(t, "Subject: number %llu\r\nContent-Transfer-Encoding: base64\r\n\r\n", (unsigned long long)seed);
    while (t->size < size) {
        char line[79];
        for (int i = 0; i < 76; i++)
            line[i] = (char)('A' + number(&seed) % 26);
        memcpy(line + 76, "\r\n", 3);
        text_add_str(t, line);
    }
}

static int64_t ask(fixture *f, const char *literal)
{
    int64_t value = -1;
    assert_int_equal(db_take_int(db_prepare(f->vault->writer_db, literal), &value), LL_OK);
    return value;
}

/* Close and open, until everything that was begun has ended. */
static void again(fixture *f)
{
    for (int i = 0; i < 2; i++) {
        fixture_close(f);
        fixture_open(f);
    }
}

static ll_status gather(void *ctx, ll_span bytes)
{
    text_add(ctx, bytes);
    return LL_OK;
}

/* Make every message as version 1 stored it. */
static void age(fixture *f, int64_t messages)
{
    db *d = f->vault->writer_db;
    for (int64_t id = 1; id <= messages; id++) {
        text all;
        text_init(&all, NULL, 16 << 20);
        assert_int_equal(message_content(d, id, 0, UINT64_MAX, gather, &all), LL_OK);
        assert_int_equal(db_begin(d), LL_OK);
        db_stmt *q = db_prepare(d, "INSERT INTO part(id, refs, size, encoding) VALUES(1000 + ?1, 1, ?2, 0)");
        db_bind_int(q, 1, id);
        db_bind_int(q, 2, (int64_t)all.size);
        assert_int_equal(db_run(q), LL_OK);
        ll_span rest = text_span(&all);
        for (int64_t n = 0; rest.size; n++) {
            q = db_prepare(d, "INSERT INTO chunk(part, ordinal, data) VALUES(1000 + ?1, ?2, ?3)");
            db_bind_int(q, 1, id);
            db_bind_int(q, 2, n);
            db_bind_blob(q, 3, span_first(rest, 128 << 10));
            assert_int_equal(db_run(q), LL_OK);
            rest = span_from(rest, 128 << 10);
        }
        q = db_prepare(d, "INSERT OR REPLACE INTO piece(message, ordinal, part) VALUES(?1, 0, 1000 + ?1)");
        db_bind_int(q, 1, id);
        assert_int_equal(db_run(q), LL_OK);
        q = db_prepare(d, "UPDATE message SET head = NULL, head_size = 0, head_encoding = 0 WHERE id = ?1");
        db_bind_int(q, 1, id);
        assert_int_equal(db_run(q), LL_OK);
        assert_int_equal(db_commit(d), LL_OK);
        text_fini(&all);
    }
    assert_int_equal(db_exec(d, "DELETE FROM part WHERE id < 1000"), LL_OK);
}

typedef struct outcome {
    bool done;
    ll_status status;
    compact_result result;
    int steps, most;
} outcome;

static bool more(void *ctx)
{
    outcome *o = ctx;
    return ++o->steps < o->most;
}

static void done(void *ctx, ll_status status, const compact_result *result)
{
    outcome *o = ctx;
    o->done = true;
    o->status = status;
    o->result = *result;
}

static void compact(fixture *f, outcome *o, int most)
{
    *o = (outcome){.most = most};
    vault_ref(f->vault); /* as a session would */
    vault_compact(f->vault, more, done, o);
    while (!o->done)
        assert_true(fixture_pump(f));
    vault_unref(f->vault);
}

static void old_messages(void **state)
{
    (void)state;
    enum { mails = 150 };
    fixture f;
    client c;
    text t;
    outcome o;
    text_init(&t, NULL, 16 << 20);
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (uint64_t i = 0; i < mails; i++) { /* a third of them have the same body */
        mail(&t, 1000 + 300 * i, i);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), F(DELETED), NULL, 0, 1, NULL), LL_OK);
    }
    age(&f, mails);
    fixture_check(&f);
    /* one that cannot be read stays as it is; reading it says so before and after */
    assert_int_equal(db_exec(f.vault->writer_db, "UPDATE chunk SET data = x'00' WHERE part = 1009"), LL_OK);
    compact(&f, &o, 2); /* stopped in the middle */
    assert_int_equal(o.status, LL_ECLOSED);
    assert_true(o.result.messages > 0 && o.result.messages < mails - 1);
    uint64_t first = o.result.messages;
    compact(&f, &o, INT32_MAX);
    assert_int_equal(o.status, LL_OK);
    assert_int_equal(first + o.result.messages, mails - 1);
    assert_true(o.result.after < o.result.before);
    assert_int_equal(ask(&f, "PRAGMA freelist_count"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM piece WHERE place IS NULL"), 1);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (uint32_t i = 0; i < mails; i++) {
        mail(&t, 1000 + 300 * i, i);
        assert_int_equal(client_read(&c, i + 1, 0, t.size), i == 8 ? LL_ECORRUPT : LL_OK);
        if (i != 8)
            assert_true(span_equal(call_read(c.call), text_span(&t)));
    }
    compact(&f, &o, INT32_MAX); /* nothing is left to do */
    assert_int_equal(o.status, LL_OK);
    assert_int_equal(o.result.messages, 0);
    assert_int_equal(client_expunge(&c, 9, 9), LL_OK);
    client_fini(&c);
    again(&f); /* what was expunged goes */
    text_fini(&t);
    fixture_fini(&f);
}

/* Expunging much makes the file smaller by itself; a little does not move it. */
/* Two messages have a part that says it has one reference: one of them goes, the other stays readable. What counts are
 * wrong the check says, and this mends them. */
static void damaged_counts(void **state)
{
    (void)state;
    fixture f;
    client c;
    text t, report;
    outcome o;
    uint32_t uids[3];
    text_init(&t, NULL, 16 << 20);
    text_init(&report, NULL, 1 << 16);
    fixture_init(&f, 0);
    client_init(&c, &f);
    mail(&t, 100000, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), F(DELETED), NULL, 0, 1, &uids[i]), LL_OK);
    assert_int_equal(ask(&f, "SELECT refs FROM part"), 3);
    assert_int_equal(db_exec(f.vault->writer_db, "UPDATE part SET refs = 1"), LL_OK);
    assert_int_equal(vault_check(f.path, f.key, &report), LL_ECORRUPT);
    assert_non_null(strstr(text_str(&report), "part: refs"));
    assert_non_null(strstr(text_str(&report), "letterlock vault compact"));
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, uids[0], uids[0]), LL_OK);
    assert_true(client_latest(&c));
    client_told(&c);
    assert_int_equal(ask(&f, "SELECT count(*) FROM held"), 0);
    assert_int_equal(client_read(&c, uids[1], 0, 200000), LL_OK);
    assert_true(span_equal(call_read(c.call), text_span(&t)));
    fixture_check(&f);
    assert_int_equal(db_exec(f.vault->writer_db, "UPDATE part SET refs = 7"), LL_OK);
    compact(&f, &o, INT32_MAX);
    assert_int_equal(o.status, LL_OK);
    fixture_check(&f);
    client_fini(&c);
    text_fini(&report);
    text_fini(&t);
    fixture_fini(&f);
}

/* A message in two mailboxes says that it has one reference, another too many: the check says so, and this mends it
 * before one is expunged. A third that nobody refers to is left to salvage. */
static void damaged_message_counts(void **state)
{
    (void)state;
    fixture f;
    client c;
    outcome o;
    text report;
    ll_range range = {1, 3}, *all = &range;
    text_init(&report, NULL, 1 << 16);
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\nc", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, copy, c.mailbox, all, 1, SPAN("Archive"), false), LL_OK);
    db *d = f.vault->writer_db;
    assert_int_equal(db_exec(d, "UPDATE message SET refs = CASE id WHEN 1 THEN 1 WHEN 2 THEN 9 ELSE 2 END"), LL_OK);
    assert_int_equal(vault_check(f.path, f.key, &report), LL_ECORRUPT);
    assert_non_null(strstr(text_str(&report), "message: refs, rows (letterlock vault compact mends it): at 1 found 1"));
    compact(&f, &o, INT32_MAX);
    assert_int_equal(o.status, LL_OK);
    fixture_check(&f);
    assert_int_equal(client_expunge(&c, 1, 3), LL_OK);
    assert_true(client_latest(&c));
    client_told(&c);
    assert_int_equal(ask(&f, "SELECT count(*) FROM message WHERE refs = 1"), 3);
    client_close(&c);
    assert_int_equal(client_open(&c, "Archive", false), LL_OK);
    assert_int_equal(client_read(&c, 1, 0, 100), LL_OK);
    assert_int_equal(db_exec(d, "INSERT INTO message(id, refs, size, received, thread) VALUES(50, 1, 0, 0, 50)"),
                     LL_OK);
    compact(&f, &o, INT32_MAX);
    assert_int_equal(ask(&f, "SELECT refs FROM message WHERE id = 50"), 1);
    assert_int_equal(db_exec(d, "DELETE FROM message WHERE id = 50"), LL_OK);
    client_fini(&c);
    text_fini(&report);
    fixture_fini(&f);
}

/* What damage has taken keeps nothing else from being removed. */
static void damaged_purge(void **state)
{
    (void)state;
    fixture f;
    client c;
    text t;
    text_init(&t, NULL, 16 << 20);
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (uint64_t i = 0; i < 4; i++) {
        mail(&t, 100000, i);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), F(DELETED), NULL, 0, 1, NULL), LL_OK);
    }
    db *d = f.vault->writer_db;
    assert_int_equal(db_exec(d, "DELETE FROM part WHERE id = (SELECT part FROM piece WHERE message = 1);"
                                "DELETE FROM part WHERE id = (SELECT part FROM piece WHERE message = 2);"
                                "DELETE FROM message WHERE id = 2"),
                     LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 3), LL_OK);
    assert_true(client_latest(&c));
    client_told(&c);
    assert_int_equal(ask(&f, "SELECT count(*) FROM held"), 0);
    assert_int_equal(ask(&f, "SELECT count(*) FROM part"), 1);
    fixture_check(&f);
    client_fini(&c);
    text_fini(&t);
    fixture_fini(&f);
}

static void trimmed(void **state)
{
    (void)state;
    fixture f;
    client c;
    text t;
    text_init(&t, NULL, 16 << 20);
    fixture_init(&f, 2);
    client_init(&c, &f);
    for (uint64_t i = 0; i < 40; i++) {
        mail(&t, 300000, i);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), F(DELETED), NULL, 0, 1, NULL), LL_OK);
    }
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    client_fini(&c);
    again(&f);
    int64_t before = ask(&f, "PRAGMA page_count");
    assert_true(before > 1000);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 2), LL_OK);
    client_fini(&c);
    again(&f);
    assert_true(ask(&f, "PRAGMA page_count") > before * 9 / 10);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 40), LL_OK);
    client_fini(&c);
    again(&f);
    assert_true(ask(&f, "PRAGMA page_count") < before / 5); /* the search index forgets them too */
    text_fini(&t);
    fixture_fini(&f);
}

/* Nobody holds the vault any more: it ends, so that the vault can be locked. Two at a time: the second is refused. */
static void ends_alone(void **state)
{
    (void)state;
    fixture f;
    client c;
    text t;
    outcome o = {.most = INT32_MAX}, second = {.most = INT32_MAX};
    text_init(&t, NULL, 16 << 20);
    fixture_init(&f, 1);
    client_init(&c, &f);
    for (uint64_t i = 0; i < 100; i++) {
        mail(&t, 5000, i);
        assert_int_equal(client_append_full(&c, "INBOX", text_span(&t), F(DELETED), NULL, 0, 1, NULL), LL_OK);
    }
    client_fini(&c);
    again(&f);
    age(&f, 100);
    vault_compact(f.vault, more, done, &o);
    vault_compact(f.vault, more, done, &second);
    assert_true(second.done);
    assert_int_equal(second.status, LL_EBUSY);
    vault_unref(f.vault); /* the last holder but the job */
    while (!o.done)
        assert_true(fixture_pump(&f));
    assert_int_equal(o.status, LL_ECLOSED);
    assert_int_equal(o.result.messages, COMPACT_MESSAGES);
    vault_ref(f.vault);
    text_fini(&t);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_messages),  cmocka_unit_test(damaged_counts), cmocka_unit_test(damaged_message_counts),
        cmocka_unit_test(damaged_purge), cmocka_unit_test(trimmed),        cmocka_unit_test(ends_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
