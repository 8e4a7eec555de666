/* search_return_test.c - SEARCH RETURN (...) in conversation: see src/imap/search_return.h
 * SPDX-License-Identifier: MIT
 *
 * The examples are those of the RFCs, over a mailbox that answers as theirs do. */
#include "chat.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN, FLAGGED = 1u << LL_FLAG_FLAGGED };

/* Numbers 1 to 8, UIDs 1 2 4 5 6 8 9 10; 2, 5 and 8 (UIDs 2, 6, 10) are flagged. */
static void fill(memory_store *store)
{
    for (uint32_t uid = 1; uid <= 10; uid++) {
        char message[200];
        snprintf(message, sizeof message, "From: %c@x.org\r\nSubject: number %u\r\n\r\nbody %u\r\n", 'a' + (int)uid,
                 uid, uid);
        memory_deliver(store, "INBOX", span_str(message), uid % 4 == 2 ? FLAGGED : 0);
        memory_set_date(store, "INBOX", uid, 1700000000 - 1000 * (int64_t)uid);
    }
    memory_expunge(store, "INBOX", (ll_range){3, 3});
    memory_expunge(store, "INBOX", (ll_range){7, 7});
}

#define EXAMINE "e EXAMINE INBOX\r\n"

static void talk(const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        fill(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, EXAMINE, "e OK");
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

static void test_esearch(void **state) /* RFC 4731 section 3.1 */
{
    (void)state;
    talk("A282 SEARCH RETURN (MIN COUNT) FLAGGED\r\n"
         "A283 SEARCH RETURN () FLAGGED\r\n"
         "A284 SEARCH RETURN (MIN) UNFLAGGED\r\n"
         "A285 UID SEARCH RETURN (MIN MAX) 1:8\r\n"
         "A286 SEARCH RETURN (COUNT) DELETED\r\n"
         "A287 SEARCH RETURN (ALL) UNFLAGGED\r\n"
         "A288 UID SEARCH RETURN (all max) UNFLAGGED\r\n"
         "A289 SEARCH RETURN (MIN MAX ALL) DELETED\r\n"
         "A290 SEARCH RETURN (ALL COUNT) CHARSET UTF-8 BODY body\r\n"
         "A291 UID SEARCH RETURN (CONTEXT) SUBJECT 5\r\n",
         "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3\r\n"
         "A282 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A283\") ALL 2,5,8\r\n"
         "A283 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A284\") MIN 1\r\n"
         "A284 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A285\") UID MIN 1 MAX 10\r\n"
         "A285 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A286\") COUNT 0\r\n"
         "A286 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A287\") ALL 1,3:4,6:7\r\n"
         "A287 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A288\") UID MAX 9 ALL 1,4:5,8:9\r\n"
         "A288 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A289\")\r\n"
         "A289 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A290\") COUNT 8 ALL 1:8\r\n"
         "A290 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A291\") UID ALL 5\r\n"
         "A291 OK UID SEARCH completed\r\n");
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "RETURN ALL",
        "RETURN (MIN",
        "RETURN (MIN)ALL",
        "RETURN (NONE) ALL",
        "RETURN ( MIN) ALL",
        "RETURN (MIN  MAX) ALL",
        "RETURN (PARTIAL) ALL",
        "RETURN (PARTIAL 0:1) ALL",
        "RETURN (PARTIAL -1:1) ALL",
        "RETURN (PARTIAL 1:*) ALL",
        "RETURN (ALL PARTIAL 1:2) ALL",
        "RETURN (PARTIAL 1:2 PARTIAL 1:2) ALL",
        "RETURN (RELEVANCY) ALL",
        "RETURN (MIN)",
        "RETURN () ",
        "$,1",
        "1,$",
        "$:3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char send[100];
        snprintf(send, sizeof send, "b SEARCH %s\r\n", bad[i]);
        talk(send, "b BAD SEARCH: Not understood\r\n");
    }
}

static void test_partial(void **state) /* RFC 9394 section 3.1 */
{
    (void)state;
    talk("A01 UID SEARCH RETURN (PARTIAL -1:-3) UNDELETED\r\n"
         "A02 UID SEARCH RETURN (PARTIAL 2:4) UNDELETED\r\n"
         "A03 UID SEARCH RETURN (PARTIAL 7:20) UNDELETED\r\n"
         "A04 UID SEARCH RETURN (PARTIAL 20:9) UNDELETED\r\n"
         "A05 SEARCH RETURN (PARTIAL 3:2 COUNT MIN) UNDELETED\r\n"
         "A06 SEARCH RETURN (PARTIAL -8:-100) UNDELETED\r\n"
         "A07 SEARCH RETURN (PARTIAL -9:-100) UNDELETED\r\n"
         "A08 SEARCH RETURN (PARTIAL 1:2) DELETED\r\n",
         "* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-3 8:10)\r\n"
         "A01 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A02\") UID PARTIAL (2:4 2,4:5)\r\n"
         "A02 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A03\") UID PARTIAL (7:20 9:10)\r\n"
         "A03 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A04\") UID PARTIAL (9:20 NIL)\r\n"
         "A04 OK UID SEARCH completed\r\n"
         "* ESEARCH (TAG \"A05\") MIN 1 COUNT 8 PARTIAL (2:3 2:3)\r\n"
         "A05 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A06\") PARTIAL (-8:-100 1)\r\n"
         "A06 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A07\") PARTIAL (-9:-100 NIL)\r\n"
         "A07 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A08\") PARTIAL (1:2 NIL)\r\n"
         "A08 OK SEARCH completed\r\n");
}

static void test_saved(void **state) /* RFC 5182 section 2 */
{
    (void)state;
    talk("A0 SEARCH $\r\n"
         "A1 SEARCH RETURN (SAVE) FLAGGED\r\n"
         "A2 FETCH $ (UID)\r\n"
         "A3 UID FETCH $ (FLAGS)\r\n"
         "A4 SEARCH OR $ 1\r\n"
         "A5 UID SEARCH UID $ SMALLER 100000 NOT 5\r\n"
         "A6 UID SEARCH RETURN (SAVE) $ NOT SUBJECT 6\r\n"
         "A7 SEARCH $\r\n"
         "A8 SEARCH RETURN (SAVE MIN) ALL\r\n"
         "A9 SEARCH $\r\n"
         "B1 SEARCH RETURN (SAVE MAX) ALL\r\n"
         "B2 SEARCH $\r\n"
         "B3 SEARCH RETURN (SAVE MIN MAX) ALL\r\n"
         "B4 SEARCH $\r\n"
         "B5 SEARCH RETURN (SAVE MIN COUNT) FLAGGED\r\n"
         "B6 SEARCH $\r\n"
         "B7 SEARCH RETURN (SAVE PARTIAL 2:3 MAX) ALL\r\n"
         "B8 SEARCH $\r\n"
         "B9 SEARCH nonsense\r\n"
         "C1 SEARCH RETURN (SAVE) nonsense\r\n"
         "C2 SEARCH CHARSET KOI9 BODY a\r\n"
         "C3 SEARCH $\r\n"
         "C4 SEARCH RETURN (SAVE) CHARSET KOI9 BODY a\r\n"
         "C5 FETCH $ (UID)\r\n"
         "C6 SEARCH RETURN (SAVE) DELETED\r\n"
         "C7 FETCH $ (UID)\r\n",
         "* SEARCH\r\nA0 OK SEARCH completed\r\n"
         "A1 OK SEARCH completed\r\n"
         "* 2 FETCH (UID 2)\r\n* 5 FETCH (UID 6)\r\n* 8 FETCH (UID 10)\r\nA2 OK FETCH completed\r\n"
         "* 2 FETCH (UID 2 FLAGS (\\Flagged \\Recent))\r\n* 5 FETCH (UID 6 FLAGS (\\Flagged \\Recent))\r\n"
         "* 8 FETCH (UID 10 FLAGS (\\Flagged \\Recent))\r\nA3 OK UID FETCH completed\r\n"
         "* SEARCH 1 2 5 8\r\nA4 OK SEARCH completed\r\n"
         "* SEARCH 2 10\r\nA5 OK UID SEARCH completed\r\n"
         "A6 OK UID SEARCH completed\r\n"
         "* SEARCH 2 8\r\nA7 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"A8\") MIN 1\r\nA8 OK SEARCH completed\r\n"
         "* SEARCH 1\r\nA9 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"B1\") MAX 8\r\nB1 OK SEARCH completed\r\n"
         "* SEARCH 8\r\nB2 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"B3\") MIN 1 MAX 8\r\nB3 OK SEARCH completed\r\n"
         "* SEARCH 1 8\r\nB4 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"B5\") MIN 2 COUNT 3\r\nB5 OK SEARCH completed\r\n"
         "* SEARCH 2 5 8\r\nB6 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"B7\") MAX 8 PARTIAL (2:3 2:3)\r\nB7 OK SEARCH completed\r\n"
         "* SEARCH 2 3 8\r\nB8 OK SEARCH completed\r\n"
         "B9 BAD SEARCH: Not understood\r\n"
         "C1 BAD SEARCH: Not understood\r\n"
         "C2 NO [BADCHARSET (US-ASCII UTF-8)] SEARCH failed: is a charset not supported\r\n"
         "* SEARCH 2 3 8\r\nC3 OK SEARCH completed\r\n"
         "C4 NO [BADCHARSET (US-ASCII UTF-8)] SEARCH failed: is a charset not supported\r\n"
         "C5 OK FETCH completed\r\n"
         "C6 OK SEARCH completed\r\n"
         "C7 OK FETCH completed\r\n");
}

/* What is expunged is no longer named, and SELECT forgets. */
static void test_saved_expunge(void **state)
{
    chat t;
    (void)state;
    memory_store *store = memory_store_new();
    fill(store);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
    chat_expect(&t, "a SEARCH RETURN (SAVE) FLAGGED\r\n", "a OK SEARCH completed\r\n");
    memory_expunge(store, "INBOX", (ll_range){2, 2});
    chat_contains(&t, "b NOOP\r\n", "* 2 EXPUNGE\r\n");
    chat_expect(&t, "c SEARCH $\r\n", "* SEARCH 4 7\r\nc OK SEARCH completed\r\n");
    chat_contains(&t, "d STORE $ +FLAGS.SILENT (\\Seen)\r\n", "d OK");
    chat_contains(&t, "e UID COPY $ Sent\r\n", "6,10");
    chat_contains(&t, "f STORE $ +FLAGS.SILENT (\\Deleted)\r\n", "f OK");
    chat_contains(&t, "g UID EXPUNGE $\r\n", "* 7 EXPUNGE\r\n* 4 EXPUNGE\r\n");
    chat_expect(&t, "h SEARCH $\r\n", "* SEARCH\r\nh OK SEARCH completed\r\n");
    chat_expect(&t, "i SEARCH RETURN (SAVE) ALL\r\n", "i OK SEARCH completed\r\n");
    chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
    chat_expect(&t, "j SEARCH $\r\n", "* SEARCH\r\nj OK SEARCH completed\r\n");
    chat_close(&t);
    memory_store_del(&store);
}

static void test_within(void **state) /* RFC 5032; now is 1700000000 */
{
    (void)state;
    talk("a SEARCH OLDER 5000\r\n"
         "b SEARCH YOUNGER 5000\r\n"
         "c SEARCH UNFLAGGED YOUNGER 9000 OLDER 2000\r\n",
         "* SEARCH 4 5 6 7 8\r\na OK SEARCH completed\r\n"
         "* SEARCH 1 2 3 4\r\nb OK SEARCH completed\r\n"
         "* SEARCH 3 4 6 7\r\nc OK SEARCH completed\r\n");
}

static void test_fuzzy(void **state) /* RFC 6203 */
{
    (void)state;
    talk("a SEARCH FUZZY SUBJECT \"5 number\"\r\n"
         "b SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT \"number 1\"\r\n"
         "c SEARCH RETURN (RELEVANCY) FUZZY BODY \"1 body\"\r\n"
         "d SEARCH RETURN (RELEVANCY ALL) FUZZY SUBJECT nothing\r\n"
         "e SEARCH FUZZY (SUBJECT \"9 number\" FROM \"x j\") UNFLAGGED\r\n",
         "* SEARCH 4\r\na OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"b\") ALL 1,8 RELEVANCY (100 100)\r\nb OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"c\") RELEVANCY (30 30)\r\nc OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"d\") RELEVANCY ()\r\nd OK SEARCH completed\r\n"
         "* SEARCH 7\r\ne OK SEARCH completed\r\n");
}

/* --- pauses --- */

static unsigned asked;

static void again(void *context)
{
    (void)context;
    asked++;
}

/* A host that can go on later is asked to, and the answer is the same. */
static void test_pauses(void **state)
{
    (void)state;
    chat t;
    memory_store *store = memory_store_new();
    text message;
    text_init(&message, NULL, 8 << 20);
    text_add_str(&message, "Subject: s\r\n\r\n");
    while (message.size < 3 << 20)
        text_add_str(&message, "nothing in here but words\r\n");
    for (unsigned i = 0; i < 3; i++)
        memory_deliver(store, "INBOX", text_span(&message), 0);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t, EXAMINE, "e OK");
    t.host.again = again;
    chat_send(&t, SPAN("a SEARCH TEXT elsewhere\r\nb NOOP\r\n"));
    unsigned pauses = 0;
    while (asked) {
        assert_int_equal(t.said.size, 0);
        assert_int_equal(ll_session_timeout_ms(t.session), 0);
        asked = 0;
        pauses++;
        ll_session_continue(t.session);
        chat_work(&t);
    }
    assert_in_range(pauses, 3, 12);
    assert_string_equal(text_str(&t.said), "* SEARCH\r\na OK SEARCH completed\r\nb OK NOOP completed\r\n");
    text_clear(&t.said);
    chat_send(&t, SPAN("a SEARCH TEXT elsewhere\r\n")); /* it goes away in a pause */
    assert_int_equal(asked, 1);
    chat_close(&t);
    asked = 0;
    text_fini(&message);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_esearch), cmocka_unit_test(test_bad),           cmocka_unit_test(test_partial),
        cmocka_unit_test(test_saved),   cmocka_unit_test(test_saved_expunge), cmocka_unit_test(test_within),
        cmocka_unit_test(test_fuzzy),   cmocka_unit_test(test_pauses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
