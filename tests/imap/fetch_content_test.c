/* fetch_content_test.c - rows that bring content, all of it or some, lent or copied, few at a time: what the client
 * reads is the same as without. SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdlib.h>

#define LONG_SIZE 700000

static const char *const says[] = {
    "a FETCH 1:* (UID BODY.PEEK[])\r\n",
    "b FETCH 1:* RFC822\r\n",
    "c FETCH 1:* RFC822.HEADER\r\n",
    "d FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT X-LONG)] BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]<0.9>)\r\n",
    "e FETCH 1:* (BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[TEXT]<3.4>)\r\n",
    "f FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[1] BODY.PEEK[1.MIME])\r\n",
    "g FETCH 1:* (BODY.PEEK[]<0.600000> BODY.PEEK[]<5.5>)\r\n",
    "h FETCH 1:* (BODY.PEEK[] PREVIEW BINARY.PEEK[1] BINARY.SIZE[1])\r\n",
    "i UID FETCH 2,5:6,900 (BODY[] FLAGS)\r\n",
    "k UID FETCH 1:* BODY.PEEK[HEADER] (PARTIAL -1:-3)\r\n",
    "l SEARCH BODY \"ello\" HEADER X-Long \"a b\"\r\n",
    "m SEARCH OR TEXT \"body only\" NOT HEADER Subject one\r\n",
    "n SEARCH RETURN (MIN MAX COUNT) LARGER 10 TEXT \"xx\"\r\n",
    "o SORT (SUBJECT) UTF-8 BODY \"l\"\r\n",
};

enum { says_count = sizeof says / sizeof says[0] };

static memory_store *fill(void)
{
    static const char letter[] = "Subject: one\r\nX-Long: a\r\n b\r\n\r\nHello\r\n";
    memory_store *store = memory_store_new();
    char *large = test_malloc(LONG_SIZE);
    memset(large, 'x', LONG_SIZE);
    memcpy(large, letter, sizeof letter - 1);
    for (size_t at = 998; at + 2 < LONG_SIZE; at += 1000)
        memcpy(large + at, "\r\n", 2);
    for (int i = 0; i < 4; i++)
        memory_deliver(store, "INBOX", span_str(letter), 0);
    memory_deliver(store, "INBOX", SPAN("no header\r\n"), 0);
    memory_deliver(store, "INBOX", span_of(large, LONG_SIZE), 0);
    memory_deliver(store, "INBOX", SPAN(""), 0);
    memory_deliver(store, "INBOX", SPAN("\r\nbody only"), 0);
    memory_deliver(store, "INBOX", SPAN("Subject: header only\r\n"), 0);
    test_free(large);
    return store;
}

/* All replies, one behind the other. Message 3 is a ghost: expunged elsewhere, and this client has not been told. */
static char *replies(size_t most, size_t rows, bool lend, bool later, bool bytewise, size_t *reads)
{
    memory_store *store = fill();
    talk t = {.connector = &memory_connector};
    text all;
    text_init(&all, NULL, 64 << 20);
    memory_content(store, most, rows, lend);
    talk_join(&t, store, bytewise, NULL, "s SELECT INBOX\r\n");
    memory_later(store, later);
    memory_expunge(store, "INBOX", (ll_range){3, 3});
    for (size_t i = 0; i < says_count; i++)
        text_add_str(&all, talk_say(&t, says[i]));
    assert_int_equal(text_status(&all), LL_OK);
    *reads = memory_reads(store);
    memory_later(store, false);
    talk_leave(&t);
    assert_int_equal(memory_lent(store), 0);
    memory_store_del(&store);
    char *copy = strdup(text_str(&all));
    text_fini(&all);
    return copy;
}

static void test_same(void **state)
{
    (void)state;
    static const size_t most[] = {1, 20, 45, 1 << 20}, rows[] = {1, 2, 1000};
    size_t reads, plain_reads;
    char *want = replies(0, 0, false, false, false, &plain_reads);
    for (size_t i = 0; i < sizeof most / sizeof *most; i++)
        for (size_t j = 0; j < sizeof rows / sizeof *rows; j++)
            for (unsigned n = 0; n < 4; n++) {
                char *got = replies(most[i], rows[j], n & 1, n & 2, n == 2, &reads);
                assert_true(reads < plain_reads || most[i] < 20);
                assert_string_equal(got, want);
                free(got);
            }
    free(want);
}

/* Nothing is read that came with the row. */
static void test_no_reads(void **state)
{
    (void)state;
    memory_store *store = fill();
    talk t = {.connector = &memory_connector};
    memory_content(store, 1 << 20, 1000, true);
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    talk_say(&t, "a FETCH 1:* BODY.PEEK[]\r\n");
    talk_say(&t, "b FETCH 1:4 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\n");
    talk_say(&t, "d SEARCH BODY \"Hello\"\r\n");
    assert_int_equal(memory_reads(store), 0);
    talk_leave(&t);
    memory_store_del(&store);
}

/* The session goes away in the middle of an answer, and while one is due: what was lent comes back. */
static void test_gone(void **state)
{
    (void)state;
    for (size_t steps = 0; steps < 6; steps++) {
        memory_store *store = fill();
        talk t = {.connector = &memory_connector};
        size_t taken;
        memory_content(store, 100000, 3, true);
        talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
        memory_later(store, true);
        assert_int_equal(ll_session_input(t.session, SPAN("a FETCH 1:* BODY.PEEK[]\r\n"), &taken), LL_OK);
        for (size_t i = 0; i < steps; i++) {
            memory_complete(store);
            ll_session_sent(t.session, ll_session_output(t.session).size);
        }
        ll_session_del(&t.session);
        while (memory_complete(store))
            ;
        assert_int_equal(memory_lent(store), 0);
        text_fini(&t.got);
        grammar_fini(&t.grammar);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_no_reads),
        cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
