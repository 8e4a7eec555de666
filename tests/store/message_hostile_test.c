/* message_hostile_test.c - messages that nobody would write, in transactions that do not end well: to the byte, and
 * every count right (invariants 2 and 6).
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "mime/indexer.h"
#include "store/message.h"

enum { KEPT = 60, PARTS_MANY = 10000 };

static uint64_t seed;

static uint32_t dice(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

/* ----------------------------------------------------------------------------------------------- Messages */

static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Base64 of a content that comes again and again, in lines as they come, and often spoilt. */
static void add_coded(text *t)
{
    static const uint32_t sizes[] = {0,    1,    2,    3,    90,    95,     96,     97,     3070,
                                     4094, 4095, 4096, 4097, 12000, 123119, 123120, 123121, 250000};
    static const uint32_t lines[] = {76, 76, 76, 64, 60, 72, 4, 1000, 77, 78, 0};
    static const char *const ends[] = {"\r\n", "\r\n", "\n", "\r", "\r\r\n", "\n\r"};
    uint32_t size = sizes[dice(dice(4) ? 14 : 18)], line = lines[dice(11)], which = dice(3), column = 0;
    const char *end = ends[dice(dice(3) ? 3 : 6)];
    size_t from = t->size;
    for (uint32_t i = 0; i < (size + 2) / 3 * 4; i++, column++) {
        if (line && column == line) {
            text_add_str(t, end);
            column = 0;
        }
        text_add_byte(t, code[(i * (which + 5) + i / 97) & (which ? 63 : 7)]);
    }
    for (uint32_t i = 0; i < dice(4); i++)
        text_add_byte(t, '=');
    for (uint32_t i = dice(3) ? 0 : 1 + dice(3); i && t->size > from; i--)
        t->data[from + dice((uint32_t)(t->size - from))] = "=\r\n -A\xff"[dice(7)];
    text_add_str(
        t, (const char *const[]){"", "\r\n", "\r\n\r\n", " \r\n", "\r\n-- \r\nthe list's footer\r\n", "\r"}[dice(6)]);
}

static void add_plain(text *t)
{
    for (uint32_t n = dice(8) ? dice(300) : dice(50000); n; n--)
        text_add_byte(t, dice(60) ? (char)('a' + dice(8)) : "\r\n\n -\xc3"[dice(6)]);
}

static void add_entity(text *t, unsigned depth)
{
    uint32_t kind = dice(depth < 4 ? 8 : 5);
    if (kind >= 6) {
        char mark[24];
        snprintf(mark, sizeof mark, "b%u", dice(6)); /* also the parent's */
        text_print(t, "Content-Type: multipart/mixed; boundary=%s\r\n\r\n", mark);
        for (uint32_t n = dice(6); n; n--) {
            text_print(t, "%s--%s%s\r\n", dice(9) ? "\r\n" : "", mark, dice(9) ? "" : " \t");
            add_entity(t, depth + 1);
        }
        if (dice(4))
            text_print(t, "\r\n--%s--%s", mark, dice(2) ? "\r\n" : "");
        return;
    }
    if (kind == 5) {
        text_add_str(t, "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n");
        add_entity(t, depth + 1);
        return;
    }
    bool coded = kind > 1;
    text_print(t, "Content-Type: %s\r\n%s%s", dice(2) ? "text/plain" : "application/pdf",
               coded || !dice(9) ? "Content-Transfer-Encoding: base64\r\n" : "", dice(12) ? "\r\n" : "");
    if (coded)
        add_coded(t);
    else
        add_plain(t);
}

static void make(text *t)
{
    text_clear(t);
    for (uint32_t n = dice(30) ? dice(9) : 2000; n; n--)
        text_print(t, "X-Field-%u: %u\r\n", n, dice(1000000));
    add_entity(t, 0);
    assert_int_equal(text_status(t), LL_OK);
}

/* ------------------------------------------------------------------------------------------------- Vault */

static ll_status create(fixture *f, ll_span bytes, ll_span facts, int64_t *message)
{
    spool *s;
    assert_int_equal(spool_new(&s, f->scratch.dir, &f->spools), LL_OK);
    assert_int_equal(spool_write(s, bytes), LL_OK);
    ll_status status = message_create(f->vault->writer_db, s, facts, 1, message);
    spool_del(&s);
    return status;
}

static ll_status gather(void *ctx, ll_span bytes)
{
    text_add(ctx, bytes);
    return LL_OK;
}

static void check_range(fixture *f, int64_t message, ll_span bytes, uint64_t offset, uint64_t length)
{
    text got;
    text_init(&got, NULL, 64 << 20);
    assert_int_equal(message_content(f->vault->writer_db, message, offset, length, gather, &got), LL_OK);
    ll_span want = offset < bytes.size ? span_from(bytes, (size_t)offset) : SPAN("");
    want = length < want.size ? span_first(want, (size_t)length) : want;
    assert_true(span_equal(text_span(&got), want));
    text_fini(&got);
}

static void check(fixture *f, int64_t message, ll_span bytes)
{
    check_range(f, message, bytes, 0, UINT64_MAX);
    for (int i = 0; i < 10; i++)
        check_range(f, message, bytes, dice((uint32_t)bytes.size + 2), dice(3) ? dice(200) : dice(200000));
    text head;
    text_init(&head, NULL, 64 << 10);
    ll_status status = message_head(f->vault->writer_db, message, gather, &head);
    assert_true(status == LL_OK || status == LL_ENOTFOUND);
    assert_true(span_equal(text_span(&head), span_first(bytes, head.size)));
    text_fini(&head);
}

static int64_t ask(fixture *f, const char *question)
{
    int64_t value = -1;
    assert_int_equal(db_take_int(db_prepare(f->vault->writer_db, question), &value), LL_OK);
    return value;
}

static void check_counts(fixture *f)
{
    assert_int_equal(
        ask(f, "SELECT count(*) FROM part t WHERE refs <> (SELECT count(*) FROM piece p WHERE p.part = t.id)"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM piece WHERE part <> 0 AND part NOT IN (SELECT id FROM part)"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM chunk WHERE part NOT IN (SELECT id FROM part)"), 0);
    assert_int_equal(ask(f, "SELECT count(*) FROM piece WHERE message NOT IN (SELECT id FROM message)"), 0);
}

/* -------------------------------------------------------------------------------------------------- Tests */

/* Several messages in a transaction, some of them undone; parts that are shared with what is undone. The facts are
 * right, or none, or those of another message (which only fit if it has the same size). */
static void undone(void **state)
{
    (void)state;
    fixture f;
    text t[KEPT], facts;
    int64_t ids[KEPT] = {0};
    fixture_init(&f, 0);
    db *d = f.vault->writer_db;
    text_init(&facts, NULL, mime_saved_max);
    for (size_t i = 0; i < KEPT; i++)
        text_init(&t[i], NULL, 16 << 20);
    seed = 1;
    for (int round = 0; round < 60; round++) {
        assert_int_equal(db_begin(d), LL_OK);
        size_t changed[8];
        uint32_t count = 1 + dice(8);
        for (uint32_t i = 0; i < count; i++) {
            size_t n = changed[i] = dice(KEPT);
            bool twice = dice(3) == 0 && i;
            assert_int_equal(db_savepoint(d), LL_OK);
            text fresh;
            text_init(&fresh, NULL, 16 << 20);
            if (twice)
                text_add(&fresh, text_span(&t[changed[i - 1]]));
            else
                make(&fresh);
            text_clear(&facts);
            uint32_t how = dice(6);
            if (how) {
                ll_span of = how == 1 && t[n].size == fresh.size ? text_span(&t[n]) : text_span(&fresh);
                assert_int_equal(mime_indexer_whole(NULL, of, &facts), LL_OK);
            }
            int64_t id = 0;
            assert_int_equal(create(&f, text_span(&fresh), text_span(&facts), &id), LL_OK);
            check(&f, id, text_span(&fresh));
            if (dice(4) == 0) {
                assert_int_equal(db_undo(d), LL_OK);
                text_fini(&fresh);
                continue;
            }
            if (ids[n])
                assert_int_equal(message_unref(d, ids[n]), LL_OK);
            ids[n] = id;
            text_fini(&t[n]);
            t[n] = fresh;
            assert_int_equal(db_release(d), LL_OK);
        }
        check_counts(&f);
        assert_int_equal(db_commit(d), LL_OK);
    }
    for (size_t i = 0; i < KEPT; i++) {
        if (ids[i])
            check(&f, ids[i], text_span(&t[i]));
        text_fini(&t[i]);
    }
    assert_int_equal(db_begin(d), LL_OK);
    for (size_t i = 0; i < KEPT; i++)
        if (ids[i])
            assert_int_equal(message_unref(d, ids[i]), LL_OK);
    check_counts(&f);
    assert_int_equal(ask(&f, "SELECT (SELECT count(*) FROM part) + (SELECT count(*) FROM chunk) + "
                             "(SELECT count(*) FROM piece) + (SELECT count(*) FROM message)"),
                     0);
    assert_int_equal(db_commit(d), LL_OK);
    text_fini(&facts);
    fixture_fini(&f);
}

/* Facts of another message of the same size: they speak of places where there is something else. */
static void lying_facts(void **state)
{
    (void)state;
    fixture f;
    text a, b, facts;
    fixture_init(&f, 0);
    db *d = f.vault->writer_db;
    text_init(&a, NULL, 16 << 20);
    text_init(&b, NULL, 16 << 20);
    text_init(&facts, NULL, mime_saved_max);
    seed = 77;
    for (int round = 0; round < 150; round++) {
        int64_t id = 0;
        make(&a);
        make(&b);
        size_t size = a.size < b.size ? a.size : b.size;
        text_cut(&a, size);
        text_cut(&b, size);
        text_clear(&facts);
        assert_int_equal(mime_indexer_whole(NULL, text_span(&a), &facts), LL_OK);
        assert_int_equal(db_begin(d), LL_OK);
        assert_int_equal(create(&f, text_span(&b), text_span(&facts), &id), LL_OK);
        check(&f, id, text_span(&b));
        assert_int_equal(message_unref(d, id), LL_OK);
        assert_int_equal(db_commit(d), LL_OK);
    }
    text_fini(&a);
    text_fini(&b);
    text_fini(&facts);
    fixture_fini(&f);
}

/* As many parts as the index takes, all of them worth a piece. */
static void many_parts(void **state)
{
    (void)state;
    fixture f;
    text t, facts;
    int64_t id = 0;
    fixture_init(&f, 0);
    db *d = f.vault->writer_db;
    text_init(&t, NULL, 64 << 20);
    text_init(&facts, NULL, mime_saved_max);
    text_add_str(&t, "Content-Type: multipart/mixed; boundary=m\r\n\r\n");
    for (uint32_t n = 0; n < PARTS_MANY; n++) {
        text_add_str(&t, "\r\n--m\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        for (uint32_t i = 0; i < 160; i++)
            text_add_byte(&t, code[n >> i % 20 & 63]);
    }
    text_add_str(&t, "\r\n--m--");
    assert_int_equal(mime_indexer_whole(NULL, text_span(&t), &facts), LL_OK);
    assert_int_equal(db_begin(d), LL_OK);
    assert_int_equal(create(&f, text_span(&t), text_span(&facts), &id), LL_OK);
    check(&f, id, text_span(&t));
    assert_int_equal(message_unref(d, id), LL_OK);
    check_counts(&f);
    assert_int_equal(db_commit(d), LL_OK);
    text_fini(&t);
    text_fini(&facts);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(undone), cmocka_unit_test(lying_facts),
                                       cmocka_unit_test(many_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
