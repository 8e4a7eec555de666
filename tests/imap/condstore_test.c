/* CONDSTORE and QRESYNC, RFC 7162: its examples in small.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN, DELETED = 1u << LL_FLAG_DELETED };

#define FLAGS "\\Seen \\Answered \\Flagged \\Deleted \\Draft"
#define OPENED(exists, recent, unseen, uidnext, modseq)                                                                \
    "* FLAGS (" FLAGS ")\r\n* OK [PERMANENTFLAGS (" FLAGS " \\*)] Flags that can be kept\r\n"                          \
    "* " exists " EXISTS\r\n* " recent " RECENT\r\n" unseen "* OK [UIDVALIDITY 1001] UIDs are valid\r\n"               \
    "* OK [UIDNEXT " uidnext "] Next UID\r\n* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ " modseq "] Highest\r\n"

/* Messages 1 to 6 have mod-sequences 5 to 10; then 2 and 3 go at 11, 5 gets \Seen at 12. */
static void prepare(memory_store *store)
{
    for (int i = 0; i < 6; i++)
        memory_deliver(store, "INBOX", SPAN("x"), 0);
    memory_expunge(store, "INBOX", (ll_range){2, 3});
    memory_flag(store, "INBOX", (ll_range){5, 5}, LL_FLAGS_ADD, SEEN, NULL);
}

/* In all ways: byte by byte, later, narrow. `between` happens after the SELECT. */
static void each_way(const char *select, void (*between)(memory_store *store), const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        prepare(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, select, "s OK");
        if (between)
            between(store);
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

/* Section 3.1.3, examples 3 to 6 and 8. */
static void conditional_store(void **state)
{
    (void)state;
    each_way("s SELECT INBOX (CONDSTORE)\r\n", NULL,
             "a UID STORE 6,4,1 (UNCHANGEDSINCE 10) +FLAGS.SILENT (\\Deleted)\r\n"
             "b STORE * (UNCHANGEDSINCE 13) +FLAGS.SILENT (\\Deleted)\r\n"
             "c STORE 3,1,2 (UNCHANGEDSINCE 12) +FLAGS.SILENT (\\Flagged)\r\n"
             "d UID STORE 5:6 (UNCHANGEDSINCE 14) FLAGS (\\Seen)\r\n"
             "e STORE 1:4 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)\r\n"
             "f STORE 1 +FLAGS.SILENT (\\Draft)\r\n"
             "g STORE 1 +FLAGS.SILENT (\\Draft)\r\n",
             "* 1 FETCH (UID 1 MODSEQ (13))\r\n* 2 FETCH (UID 4 MODSEQ (13))\r\n* 4 FETCH (UID 6 MODSEQ (13))\r\n"
             "a OK UID STORE completed\r\n"
             "* 4 FETCH (UID 6 MODSEQ (13))\r\n"
             "b OK STORE completed\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* 2 FETCH (UID 4 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* 3 FETCH (UID 5 MODSEQ (15))\r\n"
             "c OK [MODIFIED 1:2] Conditional STORE failed for some\r\n"
             "* 3 FETCH (UID 5 FLAGS (\\Seen \\Flagged \\Recent) MODSEQ (15))\r\n"
             "* 4 FETCH (UID 6 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
             "d OK [MODIFIED 5] Conditional STORE failed for some\r\n"
             "* FLAGS (" FLAGS " $MDNSent)\r\n"
             "* OK [PERMANENTFLAGS (" FLAGS " $MDNSent \\*)] New keywords\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* 2 FETCH (UID 4 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* 3 FETCH (UID 5 FLAGS (\\Seen \\Flagged \\Recent) MODSEQ (15))\r\n"
             "* 4 FETCH (UID 6 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
             "e OK [MODIFIED 1:4] Conditional STORE failed for some\r\n"
             "* 1 FETCH (UID 1 MODSEQ (18))\r\nf OK STORE completed\r\n"
             "g OK STORE completed\r\n");
}

/* Example 5: the first command that enables CONDSTORE says where the mailbox stands; before that there is no MODSEQ. */
static void enabling(void **state)
{
    (void)state;
    each_way("s SELECT INBOX\r\n", NULL,
             "a STORE 1 +FLAGS (\\Seen)\r\n"
             "b STORE 4 (UNCHANGEDSINCE 10) +FLAGS.SILENT (\\Deleted)\r\n"
             "c STORE 4 (UNCHANGEDSINCE 20) +FLAGS.SILENT (\\Seen)\r\n"
             "d STORE 4 (UNCHANGEDSINCE x) +FLAGS ()\r\n"
             "e STORE 4 (UNCHANGEDSINCE 5)+FLAGS ()\r\n"
             "f ENABLE QRESYNC CONDSTORE X\r\n"
             "g SELECT INBOX (QRESYNC (0 1))\r\nh SELECT INBOX (FOO)\r\ni SELECT INBOX ()\r\n",
             "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\na OK STORE completed\r\n"
             "* OK [HIGHESTMODSEQ 13] Highest\r\n* 4 FETCH (UID 6 MODSEQ (14))\r\nb OK STORE completed\r\n"
             "* 4 FETCH (UID 6 MODSEQ (15))\r\nc OK STORE completed\r\n"
             "d BAD STORE: Not understood\r\ne BAD STORE: Not understood\r\n"
             "* ENABLED CONDSTORE QRESYNC\r\nf OK ENABLE completed\r\n"
             "g BAD SELECT: Not understood\r\nh BAD SELECT: Not understood\r\ni BAD SELECT: Not understood\r\n");
    each_way("s CHECK\r\ns ENABLE CONDSTORE\r\n", NULL, "a SELECT INBOX (QRESYNC (1001 4))\r\nb NOOP\r\n",
             "a BAD ENABLE QRESYNC first\r\nb OK NOOP completed\r\n");
}

static void others(memory_store *store)
{
    memory_flag(store, "INBOX", (ll_range){6, 6}, LL_FLAGS_ADD, DELETED, NULL);
    memory_expunge(store, "INBOX", (ll_range){4, 4});
    memory_deliver(store, "INBOX", SPAN("y"), 0);
    memory_flag(store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, SEEN, NULL);
}

/* Section 3.2.10.2: VANISHED takes the place of EXPUNGE, held back as it is; 3.2.7: HIGHESTMODSEQ with EXPUNGE. */
static void vanished(void **state)
{
    (void)state;
    each_way("s ENABLE QRESYNC\r\ns SELECT INBOX\r\n", others,
             "a FETCH 1 UID\r\n"
             "b NOOP\r\n"
             "c EXPUNGE\r\n"
             "d EXPUNGE\r\n"
             "e CLOSE\r\n",
             "* 1 FETCH (UID 1)\r\n"
             "* 5 EXISTS\r\n* 5 RECENT\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
             "* 4 FETCH (UID 6 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* OK [HIGHESTMODSEQ 12] Of what was told\r\n"
             "a OK [EXPUNGEISSUED] FETCH completed\r\n"
             "* VANISHED 4\r\n* 4 RECENT\r\nb OK NOOP completed\r\n"
             "* VANISHED 6\r\n* 3 RECENT\r\nc OK [HIGHESTMODSEQ 17] EXPUNGE completed\r\n"
             "d OK EXPUNGE completed\r\n"
             "e OK CLOSE completed\r\n");
    each_way("s SELECT INBOX (CONDSTORE)\r\n", others, "a FETCH 1 UID\r\nb NOOP\r\n", /* EXPUNGE held back as well */
             "* 1 FETCH (UID 1)\r\n"
             "* 5 EXISTS\r\n* 5 RECENT\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
             "* 4 FETCH (UID 6 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "* OK [HIGHESTMODSEQ 12] Of what was told\r\n"
             "a OK [EXPUNGEISSUED] FETCH completed\r\n"
             "* 2 EXPUNGE\r\n* 4 RECENT\r\nb OK NOOP completed\r\n");
}

/* Section 3.2.5 */
static void resync(void **state)
{
    (void)state;
    /* section 3.2.5.2: 2 and 3 have gone before the second message, which the client knows to be 4 */
    each_way("s ENABLE QRESYNC\r\n", NULL, "a SELECT INBOX (QRESYNC (1001 10 (1,2 1,4)))\r\n",
             OPENED("4", "4", "* OK [UNSEEN 1] First unseen\r\n", "7",
                    "12") "* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ (12))\r\n"
                          "a OK [READ-WRITE] SELECT completed\r\n");
    each_way(
        "s ENABLE QRESYNC\r\n", NULL,
        "a SELECT INBOX (QRESYNC (1001 10))\r\n"
        "b SELECT INBOX (QRESYNC (1001 10 1:2,5))\r\n"
        "c SELECT INBOX (QRESYNC (1001 11))\r\n"
        "d SELECT INBOX (QRESYNC (1001 12 1:6 (1,2 1,4)))\r\n"
        "e EXAMINE INBOX (QRESYNC (7 1))\r\n"
        "f SELECT INBOX (QRESYNC (1001 8 1:6))\r\n"
        "g NOOP\r\n",
        OPENED("4", "4", "* OK [UNSEEN 1] First unseen\r\n", "7",
               "12") "* VANISHED (EARLIER) 2:3\r\n* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ (12))\r\n"
                     "a OK [READ-WRITE] SELECT completed\r\n"
                     "* OK [CLOSED] The other mailbox is closed\r\n" OPENED(
                         "4", "0", "* OK [UNSEEN 1] First unseen\r\n", "7",
                         "12") "* VANISHED (EARLIER) 2\r\n* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (12))\r\n"
                               "b OK [READ-WRITE] SELECT completed\r\n"
                               "* OK [CLOSED] The other mailbox is closed\r\n" OPENED(
                                   "4", "0", "* OK [UNSEEN 1] First unseen\r\n", "7",
                                   "12") "* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (12))\r\n"
                                         "c OK [READ-WRITE] SELECT completed\r\n"
                                         "* OK [CLOSED] The other mailbox is closed\r\n" OPENED(
                                             "4", "0", "* OK [UNSEEN 1] First unseen\r\n", "7",
                                             "12") "d OK [READ-WRITE] SELECT completed\r\n"
                                                   "* OK [CLOSED] The other mailbox is closed\r\n"
                                                   "* FLAGS (" FLAGS ")\r\n* OK [PERMANENTFLAGS ()] Read-only\r\n* 4 "
                                                   "EXISTS\r\n* 0 RECENT\r\n"
                                                   "* OK [UNSEEN 1] First unseen\r\n* OK [UIDVALIDITY 1001] UIDs are "
                                                   "valid\r\n* OK [UIDNEXT 7] Next UID\r\n"
                                                   "* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ 12] Highest\r\n"
                                                   "e OK [READ-ONLY] EXAMINE completed\r\n"
                                                   "* OK [CLOSED] The other mailbox is closed\r\n" OPENED(
                                                       "4", "0", "* OK [UNSEEN 1] First unseen\r\n", "7",
                                                       "12") "* VANISHED (EARLIER) 2:3\r\n"
                                                             "* 3 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (12))\r\n"
                                                             "* 4 FETCH (UID 6 FLAGS () MODSEQ (10))\r\n"
                                                             "f OK [READ-WRITE] SELECT completed\r\n"
                                                             "g OK NOOP completed\r\n");
}

/* Section 3.2.5.2: a server that remembers nothing is helped by the samples. */
static void forgotten(void **state)
{
    (void)state;
    chat t;
    memory_store *store = memory_store_new();
    prepare(store);
    memory_expunge(store, "INBOX", (ll_range){5, 5});
    memory_forget(store, true);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t, "a ENABLE QRESYNC\r\nb SELECT INBOX (QRESYNC (1001 4 1:9))\r\n",
                  "* VANISHED (EARLIER) 2:3,5\r\n* 1 FETCH (UID 1 FLAGS (\\Recent) MODSEQ (5))\r\n* 2 FETCH (UID 4 ");
    chat_contains(&t, "c SELECT INBOX (QRESYNC (1001 4 (1:3 1,4,5)))\r\n", "* VANISHED (EARLIER) 5\r\n* 1 FETCH");
    chat_contains(&t, "d SELECT INBOX (QRESYNC (1001 4 1:4 (1:3 1,4,6)))\r\n", "Highest\r\n* 1 FETCH");
    chat_close(&t);
    memory_store_del(&store);
}

/* IDLE tells mod-sequences too; what the connector cannot give is said with the version's. */
static void idle(void **state)
{
    (void)state;
    each_way("s SELECT INBOX (CONDSTORE)\r\n", others, "a IDLE\r\nDONE\r\n",
             "+ idling\r\n* 2 EXPUNGE\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
             "* 3 FETCH (UID 6 FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\n"
             "a OK IDLE completed\r\n");
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    prepare(t.store);
    chat_contains(&t, "s SELECT INBOX (CONDSTORE)\r\n", "s OK");
    others(t.store);
    memory_fail_next(t.store, LL_EIO, NULL);
    chat_expect(&t, "a NOOP\r\n",
                "* 2 EXPUNGE\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
                "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n"
                "* 3 FETCH (UID 6 FLAGS (\\Deleted \\Recent) MODSEQ (16))\r\n"
                "a OK NOOP completed\r\n");
    chat_close(&t);
}

/* The session goes while a question of its sync, or of its SELECT, is under way: ASan looks. */
static void left_behind(void **state)
{
    (void)state;
    static const char *const what[] = {"a NOOP\r\n", "a SELECT INBOX (QRESYNC (1001 8))\r\n", "a IDLE\r\n",
                                       "a STORE 1 (UNCHANGEDSINCE 8) FLAGS.SILENT (\\Seen)\r\n"};
    for (size_t i = 0; i < sizeof what / sizeof *what; i++)
        for (unsigned done = 0; done < 4; done++) {
            chat t;
            memory_store *store = memory_store_new();
            prepare(store);
            chat_open(&t, &(chat_how){.login = true, .store = store});
            chat_contains(&t, "s ENABLE QRESYNC\r\ns SELECT INBOX\r\n", "s OK");
            others(store);
            memory_later(store, true);
            t.how.held = true;
            chat_send(&t, span_str(what[i]));
            for (unsigned n = 0; n < done && memory_complete(store); n++)
                chat_send(&t, SPAN(""));
            text_clear(&t.said);
            chat_close(&t);
            memory_store_del(&store);
        }
}

/* While a SELECT with QRESYNC asks what has changed, another session expunges 4. The mailbox that we show still has it,
 * so EXISTS counts it and the client must get to know it (section 3.2.5.1); VANISHED comes when it may. */
static void gone_meanwhile(void **state)
{
    (void)state;
    chat t;
    memory_store *store = memory_store_new();
    prepare(store);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t, "s ENABLE QRESYNC\r\n", "s OK");
    memory_later(store, true);
    t.how.held = true;
    chat_send(&t, SPAN("a SELECT INBOX (QRESYNC (1001 3))\r\n"));
    assert_true(memory_complete(store)); /* opened */
    chat_send(&t, SPAN(""));
    others(store);
    memory_later(store, false);
    t.how.held = false;
    while (memory_complete(store))
        chat_send(&t, SPAN(""));
    chat_work(&t);
    chat_contains(&t, "b NOOP\r\n",
                  "* VANISHED (EARLIER) 2:3\r\n"
                  "* 1 FETCH (UID 1 FLAGS (\\Recent) MODSEQ (12))\r\n"
                  "* 2 FETCH (UID 4 FLAGS (\\Recent) MODSEQ (8))\r\n"
                  "* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent) MODSEQ (12))\r\n"
                  "* 4 FETCH (UID 6 FLAGS (\\Recent) MODSEQ (12))\r\n"
                  "a OK [READ-WRITE] SELECT completed\r\n"
                  "* VANISHED 4\r\n");
    chat_close(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone_meanwhile), cmocka_unit_test(conditional_store),
        cmocka_unit_test(enabling),       cmocka_unit_test(vanished),
        cmocka_unit_test(resync),         cmocka_unit_test(forgotten),
        cmocka_unit_test(idle),           cmocka_unit_test(left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
