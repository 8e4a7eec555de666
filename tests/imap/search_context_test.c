/* search_context_test.c - SEARCH RETURN (UPDATE) in conversation: see src/imap/search_context.h
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN, DELETED = 1u << LL_FLAG_DELETED };

static void open(chat *t, unsigned way, const char *select)
{
    memory_store *store = memory_store_new();
    for (int i = 0; i < 6; i++)
        memory_deliver(store, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"), i == 2 ? DELETED : 0);
    memory_expunge(store, "INBOX", (ll_range){1, 1}); /* numbers 1 to 5 are UIDs 2 to 6 */
    chat_open(t, &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
    chat_contains(t, select, " OK ");
}

static void shut(chat *t)
{
    memory_store *store = t->store;
    chat_close(t);
    memory_store_del(&store);
}

static void test_updates(void **state) /* RFC 5267 section 4.3 */
{
    (void)state;
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        open(&t, way, "s EXAMINE INBOX\r\n");
        chat_expect(&t, "B01 UID SEARCH RETURN (UPDATE COUNT) DELETED UNKEYWORD $Junk\r\n",
                    "* ESEARCH (TAG \"B01\") UID COUNT 1\r\nB01 OK UID SEARCH completed\r\n");
        chat_expect(&t, "B01 SEARCH RETURN (UPDATE) FLAGGED\r\n", "B01 BAD Tag reuse\r\n");
        chat_expect(&t, "B02 SEARCH RETURN (UPDATE) ALL\r\n", "* ESEARCH (TAG \"B02\")\r\nB02 OK SEARCH completed\r\n");
        chat_expect(&t, "B03 SORT RETURN (UPDATE COUNT) (RELEVANCY) UTF-8 FUZZY SUBJECT a\r\n",
                    "* ESEARCH (TAG \"B03\") COUNT 5\r\n* NO [NOUPDATE \"B03\"] This cannot be followed\r\n"
                    "B03 OK SORT completed\r\n");
        memory_flag(t.store, "INBOX", (ll_range){5, 6}, LL_FLAGS_ADD, DELETED, NULL);
        chat_expect(&t, "c1 NOOP\r\n",
                    "* 4 FETCH (FLAGS (\\Deleted \\Recent))\r\n* 5 FETCH (FLAGS (\\Deleted \\Recent))\r\n"
                    "* ESEARCH (TAG \"B01\") UID ADDTO (0 5:6)\r\nc1 OK NOOP completed\r\n");
        memory_flag(t.store, "INBOX", (ll_range){6, 6}, LL_FLAGS_ADD, 0, "$Junk");
        chat_contains(&t, "c2 NOOP\r\n", "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 6)\r\nc2 OK NOOP completed\r\n");
        memory_deliver(t.store, "INBOX", SPAN("new"), DELETED);
        chat_contains(&t, "c3 NOOP\r\n",
                      "* ESEARCH (TAG \"B02\") ADDTO (0 6)\r\n* ESEARCH (TAG \"B01\") UID ADDTO (0 7)\r\n");
        memory_expunge(t.store, "INBOX", (ll_range){3, 3});
        chat_expect(&t, "c4 FETCH 1 UID\r\n", /* said at once, while the EXPUNGE waits */
                    "* 1 FETCH (UID 2)\r\n* ESEARCH (TAG \"B02\") REMOVEFROM (0 2)\r\n"
                    "* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 3)\r\nc4 OK [EXPUNGEISSUED] FETCH completed\r\n");
        chat_expect(&t, "c5 NOOP\r\n", "* 2 EXPUNGE\r\n* 5 RECENT\r\nc5 OK NOOP completed\r\n");
        memory_expunge(t.store, "INBOX", (ll_range){5, 5});
        chat_expect(&t, "c6 NOOP\r\n",
                    "* ESEARCH (TAG \"B02\") REMOVEFROM (0 3)\r\n* ESEARCH (TAG \"B01\") UID REMOVEFROM (0 5)\r\n"
                    "* 3 EXPUNGE\r\n* 4 RECENT\r\nc6 OK NOOP completed\r\n");
        chat_expect(&t, "B04 CANCELUPDATE \"B01\" \"none\"\r\n", "B04 OK No further updates\r\n");
        chat_expect(&t, "B05 CANCELUPDATE B01\r\n", "B05 BAD CANCELUPDATE: Not understood\r\n");
        memory_expunge(t.store, "INBOX", (ll_range){7, 7});
        chat_expect(
            &t, "c7 NOOP\r\n",
            "* ESEARCH (TAG \"B02\") REMOVEFROM (0 4)\r\n* 4 EXPUNGE\r\n* 3 RECENT\r\nc7 OK NOOP completed\r\n");
        chat_contains(&t, "d EXAMINE INBOX\r\n", "d OK");
        memory_expunge(t.store, "INBOX", (ll_range){6, 6});
        chat_expect(&t, "c8 NOOP\r\n", "* 3 EXPUNGE\r\n* 2 RECENT\r\nc8 OK NOOP completed\r\n");
        shut(&t);
    }
}

/* Own changes, and sets of numbers that stay what they were. */
static void test_own(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        open(&t, way, "s SELECT INBOX\r\n");
        chat_contains(&t, "a SEARCH RETURN (UPDATE ALL) 1:3 UNSEEN\r\n", "* ESEARCH (TAG \"a\") ALL 1:3\r\n");
        chat_contains(&t, "b UID SEARCH RETURN (UPDATE COUNT) UID 6:* SEEN\r\n", "UID COUNT 0\r\n");
        chat_expect(&t, "c STORE 1:5 +FLAGS.SILENT (\\Seen)\r\n",
                    "* ESEARCH (TAG \"b\") UID ADDTO (0 6)\r\n* ESEARCH (TAG \"a\") REMOVEFROM (0 1:3)\r\n"
                    "c OK STORE completed\r\n");
        memory_deliver(t.store, "INBOX", SPAN("new"), SEEN);
        chat_contains(&t, "d NOOP\r\n", "* ESEARCH (TAG \"b\") UID ADDTO (0 7)\r\nd OK");
        shut(&t);
    }
}

/* More ranges than one response has: several, and all of them. */
static void test_many(void **state)
{
    chat t;
    (void)state;
    memory_store *store = memory_store_new();
    for (unsigned i = 0; i < 5000; i++)
        memory_deliver(store, "INBOX", SPAN("x"), 0);
    for (unsigned narrow = 0; narrow < 2; narrow++) {
        chat_open(&t, &(chat_how){.login = true, .narrow = narrow, .store = store});
        chat_contains(&t, "s EXAMINE INBOX\r\n", "s OK");
        chat_contains(&t, "a UID SEARCH RETURN (UPDATE) FLAGGED\r\n", "a OK");
        for (uint32_t uid = 1; uid < 5000; uid += 2)
            memory_flag(store, "INBOX", (ll_range){uid, uid}, LL_FLAGS_ADD, 1u << LL_FLAG_FLAGGED, NULL);
        chat_send(&t, SPAN("b NOOP\r\n"));
        assert_non_null(strstr(text_str(&t.said), "ADDTO (0 1,3,5,"));
        assert_non_null(strstr(text_str(&t.said), "ADDTO (0 2001,2003,"));
        assert_non_null(strstr(text_str(&t.said), ",4997,4999)\r\nb OK"));
        memory_flag(store, "INBOX", (ll_range){1, 5000}, LL_FLAGS_REMOVE, 1u << LL_FLAG_FLAGGED, NULL);
        chat_close(&t);
    }
    memory_store_del(&store);
}

static void test_limit(void **state)
{
    chat t;
    (void)state;
    open(&t, 0, "s EXAMINE INBOX\r\n");
    for (unsigned i = 0; i < 17; i++) {
        char say[60];
        snprintf(say, sizeof say, "t%u SEARCH RETURN (UPDATE COUNT) SEEN\r\n", i);
        chat_contains(&t, say, i < 16 ? "COUNT 0\r\nt" : "* NO [NOUPDATE \"t16\"] Too many contexts\r\nt16 OK");
    }
    shut(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_updates), cmocka_unit_test(test_own),
                                       cmocka_unit_test(test_many), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
