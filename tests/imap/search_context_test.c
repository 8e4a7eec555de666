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

/* RFC 5465 section 7: what is to be fetched of new members. */
static void test_fetches_new(void **state)
{
    (void)state;
    static const char mail[] = "Subject: boss\r\nTo: me\r\n\r\nhi";
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        open(&t, way, "s SELECT INBOX\r\n");
        chat_contains(&t, "a SEARCH RETURN (COUNT UPDATE (UID BODY[HEADER.FIELDS (SUBJECT)])) SUBJECT boss\r\n",
                      "* ESEARCH (TAG \"a\") COUNT 0\r\na OK");
        chat_contains(&t, "b UID SORT RETURN (UPDATE (FLAGS RFC822.SIZE)) (SIZE) UTF-8 UNSEEN\r\n", "b OK");
        memory_deliver(t.store, "INBOX", SPAN("no"), SEEN);
        memory_deliver(t.store, "INBOX", SPAN(mail), 0);
        chat_expect(&t, "c NOOP\r\n",
                    "* 7 EXISTS\r\n* 7 RECENT\r\n"
                    "* 7 FETCH (UID 8 FLAGS (\\Recent) RFC822.SIZE 27)\r\n"
                    "* ESEARCH (TAG \"b\") UID ADDTO (6 8)\r\n"
                    "* 7 FETCH (UID 8 BODY[HEADER.FIELDS (SUBJECT)] {17}\r\nSubject: boss\r\n\r\n)\r\n"
                    "* ESEARCH (TAG \"a\") ADDTO (0 7)\r\nc OK NOOP completed\r\n");
        memory_flag(t.store, "INBOX", (ll_range){7, 7}, LL_FLAGS_REMOVE, SEEN, NULL);
        chat_contains(&t, "d NOOP\r\n", "* 6 FETCH (FLAGS (\\Recent))\r\n* ESEARCH (TAG \"b\") UID ADDTO (1 7)\r\nd");
        chat_contains(&t, "e ENABLE CONDSTORE\r\n", "e OK");
        memory_deliver(t.store, "INBOX", SPAN(mail), SEEN);
        memory_deliver(t.store, "INBOX", SPAN(mail), SEEN);
        memory_expunge(t.store, "INBOX", (ll_range){9, 9});
        chat_send(&t, SPAN("f NOOP\r\n"));
        assert_non_null(strstr(text_str(&t.said), "* 8 FETCH (UID 10 BODY[HEADER.FIELDS (SUBJECT)] {17}\r\n"
                                                  "Subject: boss\r\n\r\n MODSEQ ("));
        assert_non_null(strstr(text_str(&t.said), ")\r\n* ESEARCH (TAG \"a\") ADDTO (0 8)\r\nf OK"));
        text_clear(&t.said);
        chat_contains(&t, "g UID FETCH 10 FLAGS\r\n", "* 8 FETCH (UID 10 FLAGS (\\Seen \\Recent))\r\n");
        chat_contains(&t, "h CANCELUPDATE \"a\" \"b\"\r\n", "h OK");
        chat_contains(&t, "i ESEARCH RETURN (UPDATE (BODY[TEXT]<1.1>) ALL) BODY hi\r\n", "UID ALL 8,10\r\ni OK");
        memory_deliver(t.store, "INBOX", SPAN(mail), 0);
        chat_contains(&t, "j NOOP\r\n", "* 9 FETCH (UID 11 BODY[TEXT]<1> {1}\r\ni MODSEQ (");
        shut(&t);
    }
}

static void test_bad_items(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "UPDATE ()",   "UPDATE (FAST)",    "UPDATE (NONSENSE)", "UPDATE (UID", "UPDATE (UID) UPDATE (UID)",
        "COUNT (UID)", "UPDATE (BODY[)]) "};
    chat t;
    open(&t, 0, "s SELECT INBOX\r\n");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char line[100];
        snprintf(line, sizeof line, "a SEARCH RETURN (%s) ALL\r\n", bad[i]);
        chat_expect(&t, line, "a BAD SEARCH: Not understood\r\n");
    }
    shut(&t);
}

/* The items are of NOTIFY: where it is not offered they are not. */
static void test_items_without_notify(void **state)
{
    (void)state;
    chat t;
    ll_connector modest = memory_connector;
    modest.survey = NULL;
    memory_store *store = memory_store_new();
    chat_open(&t, &(chat_how){.login = true, .store = store, .connector = &modest});
    chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
    chat_expect(&t, "a SEARCH RETURN (UPDATE (UID)) ALL\r\n", "a BAD SEARCH: Not understood\r\n");
    chat_contains(&t, "a SEARCH RETURN (UPDATE) ALL\r\n", "a OK");
    shut(&t);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_updates),
                                       cmocka_unit_test(test_own),
                                       cmocka_unit_test(test_fetches_new),
                                       cmocka_unit_test(test_bad_items),
                                       cmocka_unit_test(test_items_without_notify),
                                       cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
