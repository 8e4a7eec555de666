/* MESSAGELIMIT and SAVELIMIT, RFC 9738: the newest messages first, and how far that went.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* UIDs 1, 2, 4, 5, 7, 8. */
static void prepare(memory_store *store)
{
    for (int i = 0; i < 8; i++)
        memory_deliver(store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 1u << LL_FLAG_SEEN);
    memory_expunge(store, "INBOX", (ll_range){3, 3});
    memory_expunge(store, "INBOX", (ll_range){6, 6});
}

static void each_way(uint64_t messages, uint64_t saved, const char *first, const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        ll_limits limits;
        ll_limits_init(&limits);
        limits.message_limit = messages;
        limits.save_limit = saved;
        memory_store *store = memory_store_new();
        prepare(store);
        chat_open(&t, &(chat_how){.login = true,
                                  .bytes = way & 1,
                                  .later = way & 2,
                                  .narrow = way & 4,
                                  .store = store,
                                  .limits = &limits});
        chat_contains(&t, first, "s OK");
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

static void advertised(void **state)
{
    (void)state;
    chat t;
    ll_limits limits;
    chat_open(&t, &(chat_how){.login = true});
    chat_send(&t, SPAN("a CAPABILITY\r\n"));
    assert_non_null(strstr(text_str(&t.said), " MESSAGELIMIT=10000000"));
    assert_non_null(strstr(text_str(&t.said), " SAVELIMIT=10000000"));
    chat_close(&t);
    ll_limits_init(&limits);
    limits.save_limit = 9;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    chat_send(&t, SPAN("a CAPABILITY\r\n"));
    assert_non_null(strstr(text_str(&t.said), " MESSAGELIMIT=10000000"));
    assert_non_null(strstr(text_str(&t.said), " SAVELIMIT=9"));
    chat_close(&t);
    limits.message_limit = 0;
    limits.save_limit = 7;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    chat_send(&t, SPAN("a CAPABILITY\r\n"));
    assert_null(strstr(text_str(&t.said), "MESSAGELIMIT"));
    assert_non_null(strstr(text_str(&t.said), " SAVELIMIT=7"));
    chat_close(&t);
}

/* Section 3.1: a PARTIAL is refused if it is wider than the limit. In the RFC's example 1,000 of many, down to UID
 * 23221; here four of six, down to UID 4. The client goes on below, and all is said when there are no more than may be.
 */
static void fetch(void **state)
{
    (void)state;
    each_way(4, 0, "s EXAMINE INBOX\r\n",
             "a FETCH 1:* FLAGS\r\nb UID FETCH 1:3 FLAGS\r\nc UID FETCH 1:* UID (PARTIAL 1:5)\r\ne UID FETCH 1:* UID "
             "(PARTIAL -1:-4)\r\nd UID FETCH 4:8 UID\r\n",
             "* 6 FETCH (FLAGS (\\Seen \\Recent))\r\n* 5 FETCH (FLAGS (\\Seen \\Recent))\r\n"
             "* 4 FETCH (FLAGS (\\Seen \\Recent))\r\n* 3 FETCH (FLAGS (\\Seen \\Recent))\r\n"
             "a OK [MESSAGELIMIT 4 4] FETCH completed\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))\r\n* 2 FETCH (UID 2 FLAGS (\\Seen \\Recent))\r\n"
             "b OK UID FETCH completed\r\n"
             "c NO [MESSAGELIMIT 4] Too many messages at once, try a smaller set\r\n"
             "* 3 FETCH (UID 4)\r\n* 4 FETCH (UID 5)\r\n* 5 FETCH (UID 7)\r\n* 6 FETCH (UID 8)\r\n"
             "e OK UID FETCH completed\r\n"
             "* 3 FETCH (UID 4)\r\n* 4 FETCH (UID 5)\r\n* 5 FETCH (UID 7)\r\n* 6 FETCH (UID 8)\r\n"
             "d OK UID FETCH completed\r\n");
}

/* Where the tagged reply has a code already, the limit is said before. */
static void store(void **state)
{
    (void)state;
    each_way(2, 0, "s SELECT INBOX\r\n",
             "a UID STORE 1:* +FLAGS.SILENT (\\Deleted)\r\n"
             "b UID STORE 1:5 (UNCHANGEDSINCE 3) +FLAGS.SILENT (\\Flagged)\r\n"
             "c UID STORE 1:5 +FLAGS.SILENT (\\Deleted)\r\n"
             "d UID EXPUNGE 1:*\r\n"
             "e ENABLE QRESYNC\r\n"
             "f UID STORE 1:2 +FLAGS.SILENT (\\Deleted)\r\n"
             "g UID EXPUNGE 1:*\r\n"
             "h EXPUNGE\r\n",
             "a OK [MESSAGELIMIT 2 7] UID STORE completed\r\n"
             "* OK [HIGHESTMODSEQ 15] Highest\r\n"
             "* 3 FETCH (UID 4 FLAGS (\\Seen \\Recent) MODSEQ (8))\r\n"
             "* 4 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ (9))\r\n"
             "* NO [MESSAGELIMIT 2 4] Only the newest of the messages\r\n"
             "b OK [MODIFIED 4:5] Conditional STORE failed for some\r\n"
             "* 3 FETCH (UID 4 MODSEQ (17))\r\n* 4 FETCH (UID 5 MODSEQ (17))\r\n"
             "c OK [MESSAGELIMIT 2 4] UID STORE completed\r\n"
             "* 6 EXPUNGE\r\n* 5 EXPUNGE\r\n* 4 RECENT\r\nd OK [MESSAGELIMIT 2 7] UID EXPUNGE completed\r\n"
             "* ENABLED QRESYNC\r\ne OK ENABLE completed\r\n"
             "* 1 FETCH (UID 1 MODSEQ (19))\r\n* 2 FETCH (UID 2 MODSEQ (19))\r\nf OK UID STORE completed\r\n"
             "* VANISHED 4:5\r\n* 2 RECENT\r\n* NO [MESSAGELIMIT 2 4] Only the newest of the messages\r\n"
             "g OK [HIGHESTMODSEQ 20] UID EXPUNGE completed\r\n"
             "* VANISHED 1:2\r\n* 0 RECENT\r\nh OK [HIGHESTMODSEQ 21] EXPUNGE completed\r\n");
}

/* A COPY of too many is refused and says how far it would have gone, a MOVE moves the newest. */
static void copy(void **state)
{
    (void)state;
    each_way(2, 0, "s SELECT INBOX\r\n",
             "a UID COPY 1:* Sent\r\nb MOVE 1:3 Sent\r\nc COPY 1:2 Sent\r\nd UID MOVE 4:7 Sent\r\n",
             "a NO [MESSAGELIMIT 2 7] Too many messages at once, try a smaller set\r\n"
             "* OK [COPYUID 1002 2,4 1:2] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 4 RECENT\r\n"
             "b OK [MESSAGELIMIT 2 2] MOVE completed\r\n"
             "c OK [COPYUID 1002 1,5 3:4] COPY completed\r\n"
             "* OK [COPYUID 1002 5,7 5:6] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 2 RECENT\r\n"
             "d OK UID MOVE completed\r\n");
    /* MESSAGELIMIT in a line of its own where the tagged reply has another code */
    each_way(2, 0, "s ENABLE QRESYNC\r\ns SELECT INBOX\r\n", "a UID MOVE 1:* Sent\r\n",
             "* OK [COPYUID 1002 7:8 1:2] Moved\r\n* VANISHED 7:8\r\n* 4 RECENT\r\n"
             "* NO [MESSAGELIMIT 2 7] Only the newest of the messages\r\n"
             "a OK [HIGHESTMODSEQ 18] UID MOVE completed\r\n");
}

/* SAVELIMIT is for COPY and APPEND, MESSAGELIMIT for them too. */
static void save(void **state)
{
    (void)state;
    each_way(0, 2, "s SELECT INBOX\r\n",
             "a UID COPY 1:* Sent\r\nb UID COPY 1:2 Sent\r\nc UID FETCH 1:4 UID\r\n"
             "d APPEND Sent {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\ne APPEND Sent {1+}\r\nx {1+}\r\nx\r\n"
             "f UID MOVE 1:4 Sent\r\n",
             "a NO [MESSAGELIMIT 2 7] Too many messages at once, try a smaller set\r\n"
             "b OK [COPYUID 1002 1:2 1:2] UID COPY completed\r\n"
             "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 4)\r\nc OK UID FETCH completed\r\n"
             "d NO [MESSAGELIMIT 2] Too many messages at once, try a smaller set\r\n"
             "e OK [APPENDUID 1002 3:4] APPEND completed\r\n"
             "* OK [COPYUID 1002 1:2,4 5:7] Moved\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 1 EXPUNGE\r\n* 3 RECENT\r\n"
             "f OK UID MOVE completed\r\n");
    each_way(2, 9, "s SELECT INBOX\r\n", "a UID COPY 1:* Sent\r\nd APPEND Sent {1+}\r\nx {1+}\r\nx {1+}\r\nx\r\n",
             "a NO [MESSAGELIMIT 2 7] Too many messages at once, try a smaller set\r\n"
             "d NO [MESSAGELIMIT 2] Too many messages at once, try a smaller set\r\n");
}

/* Section 3.2: UIDAFTER and UIDBEFORE. Unlike "9:*" they never name the last message when it is below. */
static void uid_bounds(void **state)
{
    (void)state;
    each_way(
        0, 0, "s EXAMINE INBOX\r\n",
        "a UID SEARCH UIDAFTER 4\r\nb UID SEARCH UIDBEFORE 4\r\nc UID SEARCH UIDAFTER 2 UIDBEFORE 7\r\n"
        "d UID SEARCH UIDAFTER 8\r\ne UID SEARCH UIDBEFORE 1\r\nf UID SEARCH UIDAFTER 4294967295\r\n"
        "g UID SEARCH NOT UIDBEFORE 1 UIDAFTER 7\r\nh UID SEARCH UIDAFTER 0\r\ni UID SEARCH UIDAFTER *\r\n"
        "j UID SEARCH UIDBEFORE 1:4\r\nk SEARCH UIDBEFORE 5 SUBJECT x\r\n",
        "* SEARCH 5 7 8\r\na OK UID SEARCH completed\r\n* SEARCH 1 2\r\nb OK UID SEARCH completed\r\n"
        "* SEARCH 4 5\r\nc OK UID SEARCH completed\r\n* SEARCH\r\nd OK UID SEARCH completed\r\n"
        "* SEARCH\r\ne OK UID SEARCH completed\r\n* SEARCH\r\nf OK UID SEARCH completed\r\n"
        "* SEARCH 8\r\ng OK UID SEARCH completed\r\nh BAD SEARCH: Not understood\r\ni BAD SEARCH: Not understood\r\n"
        "j BAD SEARCH: Not understood\r\n* SEARCH 1 2 3\r\nk OK SEARCH completed\r\n");
}

/* What must be read counts; what the snapshot knows does not. */
static void search(void **state)
{
    (void)state;
    each_way(2, 3, "s EXAMINE INBOX\r\n",
             "a UID SEARCH SEEN\r\n"
             "b UID SEARCH SUBJECT x\r\n"
             "c UID SEARCH UID 1:5 SUBJECT x\r\n"
             "d UID SEARCH RETURN (COUNT) OR UID 1 SUBJECT x\r\n"
             "e UID SORT (SIZE) UTF-8 BODY hi\r\n"
             "l UID THREAD ORDEREDSUBJECT UTF-8 ALL\r\n"
             "m UID SORT (ARRIVAL) UTF-8 UIDAFTER 5 BODY hi\r\n"
             "f UID SEARCH RETURN (SAVE COUNT) UID 1:4\r\n"
             "g UID FETCH $ UID\r\n"
             "h UID SEARCH RETURN (SAVE) SEEN\r\n"
             "i UID FETCH $ UID\r\n"
             "n UID SEARCH BODY none\r\n"
             "o UID SEARCH RETURN (SAVE) BODY hi\r\n" /* section 3.4: what was found of those searched */
             "p UID SEARCH $\r\n"
             "j ESEARCH IN (PERSONAL) RETURN (COUNT) SUBJECT x\r\n",
             "* SEARCH 1 2 4 5 7 8\r\na OK UID SEARCH completed\r\n"
             "* SEARCH 7 8\r\nb OK [MESSAGELIMIT 2 7] UID SEARCH completed\r\n"
             "* SEARCH 4 5\r\nc OK [MESSAGELIMIT 2 4] UID SEARCH completed\r\n"
             "* ESEARCH (TAG \"d\") UID COUNT 2\r\nd OK [MESSAGELIMIT 2 7] UID SEARCH completed\r\n"
             "e NO [MESSAGELIMIT 2] Too many messages at once, try a smaller set\r\n"
             "l NO [MESSAGELIMIT 2] Too many messages at once, try a smaller set\r\n"
             "* SORT 7 8\r\nm OK UID SORT completed\r\n"
             "* ESEARCH (TAG \"f\") UID COUNT 3\r\nf OK UID SEARCH completed\r\n"
             "* 3 FETCH (UID 4)\r\n* 2 FETCH (UID 2)\r\ng OK [MESSAGELIMIT 2 2] UID FETCH completed\r\n"
             "h OK UID SEARCH completed\r\n"
             "* 6 FETCH (UID 8)\r\n* 5 FETCH (UID 7)\r\ni OK [MESSAGELIMIT 2 7] UID FETCH completed\r\n"
             "* SEARCH\r\nn OK [MESSAGELIMIT 2 7] UID SEARCH completed\r\n"
             "o OK [MESSAGELIMIT 2 7] UID SEARCH completed\r\n"
             "* SEARCH 7 8\r\np OK UID SEARCH completed\r\n"
             "* ESEARCH (TAG \"j\" MAILBOX \"INBOX\" UIDVALIDITY 1001) UID COUNT 2\r\n"
             "j OK [MESSAGELIMIT 2] ESEARCH completed\r\n");
}

/* Section 3.1, the last example: EXPUNGEISSUED has the tagged reply for itself. */
static void with_expunged(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        ll_limits limits;
        ll_limits_init(&limits);
        limits.message_limit = 2;
        memory_store *store = memory_store_new();
        prepare(store);
        chat_open(&t, &(chat_how){.login = true,
                                  .bytes = way & 1,
                                  .later = way & 2,
                                  .narrow = way & 4,
                                  .store = store,
                                  .limits = &limits});
        chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
        memory_expunge(store, "INBOX", (ll_range){1, 1});
        memory_notify(store);
        chat_expect(&t, "a FETCH 1:* FLAGS\r\n",
                    "* 6 FETCH (FLAGS (\\Seen \\Recent))\r\n* 5 FETCH (FLAGS (\\Seen \\Recent))\r\n"
                    "* NO [MESSAGELIMIT 2 7] Only the newest of the messages\r\n"
                    "a OK [EXPUNGEISSUED] FETCH completed\r\n");
        chat_close(&t);
        memory_store_del(&store);
    }
}

/* Never more than ten rows in one answer. */
static ll_status few(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                     unsigned want)
{
    uint32_t asked = 0;
    for (size_t i = 0; i < count; i++)
        asked += ranges[i].last - ranges[i].first + 1;
    ll_status status = memory_connector.fetch(self, call, mailbox, ranges, count, limit < 10 ? limit : 10, want);
    if (!status && asked > 10)
        ll_call_more(call);
    return status;
}

/* From the highest UID down over many batches, whatever the rows must bring, and \Seen for all of them. */
static void downwards(void **state)
{
    static const char *const items[] = {"UID", "RFC822.SIZE", "ENVELOPE", "BODY.PEEK[TEXT]", "BODY[]"};
    (void)state;
    for (unsigned way = 0; way < 5; way++) {
        chat t;
        ll_limits limits;
        ll_connector sparing = memory_connector;
        ll_limits_init(&limits);
        limits.message_limit = 600;
        sparing.fetch = few;
        memory_store *store = memory_store_new();
        for (int i = 0; i < 901; i++)
            memory_deliver(store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 0);
        for (uint32_t uid = 7; uid < 900; uid += 7)
            memory_expunge(store, "INBOX", (ll_range){uid, uid});
        chat_open(&t, &(chat_how){.login = true,
                                  .later = way & 1,
                                  .narrow = way & 2,
                                  .store = store,
                                  .limits = &limits,
                                  .connector = way == 4 ? &sparing : NULL});
        chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
        for (size_t i = 0; i < sizeof items / sizeof *items; i++) {
            char command[64];
            unsigned number = 774, count = 0;
            snprintf(command, sizeof command, "a FETCH 1:* %s\r\n", items[i]);
            chat_send(&t, span_str(command));
            const char *at = text_str(&t.said);
            for (; count < 600 && (at = strstr(at, "* ")) != NULL; at++, count++)
                assert_int_equal(strtoul(at + 2, NULL, 10), --number);
            assert_int_equal(count, 600);
            assert_non_null(strstr(at, "a OK [MESSAGELIMIT 600 202] FETCH completed"));
            text_clear(&t.said);
        }
        chat_expect(&t, "b SEARCH RETURN (COUNT MIN) SEEN\r\n",
                    "* ESEARCH (TAG \"b\") MIN 174 COUNT 600\r\nb OK SEARCH completed\r\n");
        chat_close(&t);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advertised), cmocka_unit_test(fetch),         cmocka_unit_test(store),
        cmocka_unit_test(copy),       cmocka_unit_test(save),          cmocka_unit_test(uid_bounds),
        cmocka_unit_test(search),     cmocka_unit_test(with_expunged), cmocka_unit_test(downwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
