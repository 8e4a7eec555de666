/* connector_fetch_test.c - rows with content and what is read ahead: every byte of every message, whatever comes in
 * between, and nothing left over when the session goes away. SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include <stdlib.h>

static const size_t sizes[] = {0, 1, 900, 70000, 300000, 530000, 5000, 1400000, 20, 262144, 524288, 7};

enum { MESSAGES = sizeof sizes / sizeof *sizes, HEADER = 14, PIECE = 256 << 10 };

static char *bytes_of(size_t n)
{
    char *bytes = malloc(sizes[n] + HEADER + 2);
    assert_non_null(bytes);
    for (size_t i = 0; i < sizes[n]; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251 + n) % 26);
    if (sizes[n] > HEADER)
        memcpy(bytes, "Subject: x\r\n\r\n", HEADER);
    return bytes;
}

/* The messages three times over: UIDs 1 to 3 * MESSAGES. */
static void begin(fixture *f, client *c, int workers)
{
    fixture_init(f, workers);
    client_init(c, f);
    for (size_t i = 0; i < (size_t)3 * MESSAGES; i++) {
        char *bytes = bytes_of(i % MESSAGES);
        ll_span message = span_of(bytes, sizes[i % MESSAGES]);
        assert_int_equal(client_append_full(c, "INBOX", message, 0, NULL, 0, 0, NULL), LL_OK);
        free(bytes);
    }
    assert_int_equal(client_open(c, "INBOX", false), LL_OK);
}

static void check_bytes(uint32_t uid, uint64_t offset, ll_span got)
{
    size_t n = (uid - 1) % MESSAGES;
    char *want = bytes_of(n);
    assert_true(offset + got.size <= sizes[n]);
    if (got.size)
        assert_memory_equal(got.data, want + offset, got.size);
    free(want);
}

/* As the engine does: what is missing of a row's content. */
static void read_rest(client *c, uint32_t uid, uint64_t offset, uint64_t size)
{
    while (offset < size) {
        size_t piece = size - offset < PIECE ? (size_t)(size - offset) : (size_t)PIECE;
        assert_int_equal(client_read(c, uid, offset, piece), LL_OK);
        assert_int_equal(call_read(c->call).size, piece);
        check_bytes(uid, offset, call_read(c->call));
        offset += piece;
    }
}

/* One answer, all of it looked at; the last UID of it, 0: there was none. */
static uint32_t one_answer(client *c, ll_range range, size_t limit, unsigned want, bool seen)
{
    ll_row rows[MESSAGES * 3];
    assert_int_equal(ASK(c, fetch, c->mailbox, &range, 1, limit, want), LL_OK);
    size_t count = c->call->rows_count;
    bool more = c->call->rows_more;
    assert_true(count <= limit);
    for (size_t i = 0; i < count; i++) {
        rows[i] = c->call->rows[i];
        assert_int_equal(rows[i].size, sizes[(rows[i].uid - 1) % MESSAGES]);
        check_bytes(rows[i].uid, 0, rows[i].content);
        bool header = rows[i].size > HEADER;
        if (want & LL_WANT_FIELDS && header) {
            assert_true(span_equal(rows[i].fields, SPAN("Subject: x\r\n\r\n")));
            assert_int_equal(rows[i].content.size, 0);
        } else if (want & LL_WANT_HEADER)
            assert_int_equal(rows[i].header_size, header ? HEADER : rows[i].header_size);
        if (want == LL_WANT_HEADER && header)
            assert_int_equal(rows[i].content.size, HEADER);
        if (want & LL_WANT_CONTENT && i + 1 < count)
            assert_int_equal(rows[i].content.size, rows[i].size);
    }
    for (size_t i = 0; i < count && want & LL_WANT_CONTENT; i++)
        read_rest(c, rows[i].uid, rows[i].content.size, rows[i].size);
    uint32_t last = count ? rows[count - 1].uid : 0;
    if (seen && count)
        assert_int_equal(client_store(c, rows[0].uid, last, LL_FLAGS_ADD, F(SEEN)), LL_OK);
    return more || count == limit ? last : 0;
}

static void walk(client *c, size_t limit, unsigned want, bool seen)
{
    uint32_t from = 1, last;
    while (from <= 3 * MESSAGES && (last = one_answer(c, (ll_range){from, 3 * MESSAGES}, limit, want, seen)))
        from = last + 1;
    assert_true(from > 2 * MESSAGES || limit > 20 || !(want & LL_WANT_CONTENT));
}

static void test_walk(void **state)
{
    (void)state;
    static const size_t limits[] = {1, 36};
    static const unsigned wants[] = {LL_WANT_CONTENT,
                                     LL_WANT_HEADER,
                                     LL_WANT_CONTENT | LL_WANT_INDEX | LL_WANT_IDS,
                                     LL_WANT_HEADER | LL_WANT_CONTENT,
                                     LL_WANT_INDEX,
                                     LL_WANT_HEADER | LL_WANT_FIELDS};
    for (int workers = 0; workers <= 3; workers += 3) {
        fixture f;
        client c, other;
        begin(&f, &c, workers);
        for (size_t i = 0; i < 2; i++)
            for (size_t j = 0; j < sizeof wants / sizeof *wants; j++)
                walk(&c, limits[i], wants[j], j == 2);
        /* gone elsewhere, and this session has not been told */
        client_init(&other, &f);
        assert_int_equal(client_open(&other, "INBOX", false), LL_OK);
        assert_int_equal(client_store(&other, 3, 30, LL_FLAGS_ADD, F(DELETED)), LL_OK);
        assert_int_equal(client_expunge(&other, 3, 8), LL_OK);
        walk(&c, 5, LL_WANT_CONTENT, true);
        client_fini(&other);
        client_fini(&c);
        fixture_fini(&f);
    }
}

/* A row is never older than the question for it, but for what its own FETCH has set before it. */
static void test_news(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_range range = {1, 3 * MESSAGES};
    begin(&f, &c, 2);
    for (int i = 0; i < 20; i++) {
        range.first = 1;
        assert_int_equal(ASK(&c, fetch, c.mailbox, &range, 1, 2, LL_WANT_HEADER), LL_OK);
        assert_int_equal(c.call->rows_count, 2);
        assert_int_equal(client_store(&c, 3, 3, i % 2 ? LL_FLAGS_REMOVE : LL_FLAGS_ADD, F(FLAGGED)), LL_OK);
        assert_true(client_latest(&c));
        range.first = 3;
        assert_int_equal(ASK(&c, fetch, c.mailbox, &range, 1, 2, LL_WANT_HEADER), LL_OK);
        assert_int_equal(c.call->rows[0].uid, 3);
        assert_int_equal(c.call->rows[0].modseq, ll_view_modseq(c.view));
    }
    client_fini(&c);
    fixture_fini(&f);
}

/* Away at any moment: closing, or ending with a portion on its way. */
static void test_away(void **state)
{
    (void)state;
    for (int n = 0; n < 6; n++) {
        fixture f;
        client c;
        ll_range range = {1, 3 * MESSAGES};
        begin(&f, &c, 2);
        for (int i = 0; i < n % 4; i++) {
            assert_int_equal(ASK(&c, fetch, c.mailbox, &range, 1, 3, LL_WANT_CONTENT), LL_OK);
            range.first = c.call->rows[c.call->rows_count - 1].uid + 1;
        }
        if (n % 3 == 1)
            fixture_pump_ready(&f);
        if (n % 3 == 2)
            client_close(&c);
        client_fini(&c);
        fixture_fini(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_news),
        cmocka_unit_test(test_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
