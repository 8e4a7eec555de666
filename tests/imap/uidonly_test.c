/* UIDONLY, RFC 9586: after ENABLE UIDONLY there are no message numbers, in neither direction.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN, DELETED = 1u << LL_FLAG_DELETED };

#define FLAGS "\\Seen \\Answered \\Flagged \\Deleted \\Draft"

/* UIDs 1, 4, 5, 6; the mod-sequences are those of condstore_test.c. */
static void prepare(memory_store *store)
{
    for (int i = 0; i < 6; i++)
        memory_deliver(store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 0);
    memory_expunge(store, "INBOX", (ll_range){2, 3});
    memory_flag(store, "INBOX", (ll_range){5, 5}, LL_FLAGS_ADD, SEEN, NULL);
}

static void others(memory_store *store)
{
    memory_flag(store, "INBOX", (ll_range){6, 6}, LL_FLAGS_ADD, DELETED, NULL);
    memory_expunge(store, "INBOX", (ll_range){4, 4});
    memory_deliver(store, "INBOX", SPAN("y"), 0);
}

static void each_way(const char *first, void (*between)(memory_store *store), const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        prepare(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, first, "s OK");
        if (between)
            between(store);
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

/* Section 3.1, and the description of a mailbox: [UNSEEN n] would be a number. */
static void enabling(void **state)
{
    (void)state;
    each_way("s NOOP\r\n", NULL, "a ENABLE UIDONLY\r\nb SELECT INBOX\r\n",
             "* ENABLED UIDONLY\r\na OK ENABLE completed\r\n"
             "* FLAGS (" FLAGS ")\r\n* OK [PERMANENTFLAGS (" FLAGS " \\*)] Flags that can be kept\r\n"
             "* 4 EXISTS\r\n* 4 RECENT\r\n* OK [UIDVALIDITY 1001] UIDs are valid\r\n* OK [UIDNEXT 7] Next UID\r\n"
             "* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ 12] Highest\r\nb OK [READ-WRITE] SELECT completed\r\n");
}

/* Section 3.2 */
static void numbers_refused(void **state)
{
#define REFUSED(tag) tag " BAD [UIDREQUIRED] Message numbers are off: use UIDs\r\n"
    (void)state;
    each_way(
        "s ENABLE UIDONLY QRESYNC\r\ns SELECT INBOX\r\n", NULL,
        "a FETCH 1:4 FLAGS\r\nb STORE 1 +FLAGS (\\Seen)\r\nc COPY 1 Sent\r\nd MOVE 1 Sent\r\n"
        "e SEARCH UNSEEN\r\nf SORT (DATE) UTF-8 ALL\r\ng THREAD REFERENCES UTF-8 ALL\r\nh REPLACE 1 INBOX {1+}\r\nx\r\n"
        "i UID SEARCH 1:3\r\nj UID SEARCH NOT (SEEN OR 1 DRAFT)\r\nk UID SORT (DATE) UTF-8 1\r\n"
        "l SELECT INBOX (QRESYNC (1001 1 1:6 (1,2 1,4)))\r\nm UID SEARCH UID 1:5\r\n"
        "n ESEARCH IN (selected) 1:2\r\no UID THREAD REFERENCES UTF-8 NOT *\r\np UID SEARCH UIDAFTER 4\r\nq ENABLE "
        "UIDONLY\r\n"
        "r UID FETCH 9:* FLAGS\r\n",
        REFUSED("a") REFUSED("b") REFUSED("c") REFUSED("d") REFUSED("e") REFUSED("f") REFUSED("g") REFUSED("h") REFUSED(
            "i") REFUSED("j") REFUSED("k") REFUSED("l") "* SEARCH 1 4 5\r\nm OK UID SEARCH completed\r\n" REFUSED("n")
            REFUSED("o") "* SEARCH 5 6\r\np OK UID SEARCH completed\r\n* ENABLED UIDONLY\r\nq OK ENABLE completed\r\n"
                         "* 6 UIDFETCH (FLAGS (\\Recent))\r\nr OK UID FETCH completed\r\n");
}

/* UIDFETCH in the place of FETCH: asked for, by STORE, of others; UID only where it was asked for. VANISHED in the
 * place of EXPUNGE without QRESYNC too. EXISTS stays. */
static void answers(void **state)
{
    (void)state;
    each_way("s ENABLE UIDONLY\r\ns SELECT INBOX\r\n", others,
             "a UID FETCH 1,5 FLAGS\r\n"
             "b UID FETCH 5 (UID RFC822.SIZE BODY.PEEK[TEXT])\r\n"
             "c UID STORE 5:6 +FLAGS (\\Flagged)\r\n"
             "d UID EXPUNGE 1:6\r\n"
             "e UID COPY 1 Sent\r\n"
             "f UID MOVE 5 Sent\r\n"
             "g UID STORE 1 (UNCHANGEDSINCE 3) +FLAGS (\\Seen)\r\n"
             "h UID SEARCH RETURN (MIN COUNT) ALL\r\n",
             "* 1 UIDFETCH (FLAGS (\\Recent))\r\n* 5 UIDFETCH (FLAGS (\\Seen \\Recent))\r\n"
             "* VANISHED 4\r\n* 4 EXISTS\r\n* 4 RECENT\r\n* 6 UIDFETCH (FLAGS (\\Deleted \\Recent))\r\n"
             "a OK UID FETCH completed\r\n"
             "* 5 UIDFETCH (UID 5 RFC822.SIZE 18 BODY[TEXT] {4}\r\nhi\r\n)\r\nb OK UID FETCH completed\r\n"
             "* 5 UIDFETCH (FLAGS (\\Seen \\Flagged \\Recent))\r\n"
             "* 6 UIDFETCH (FLAGS (\\Flagged \\Deleted \\Recent))\r\nc OK UID STORE completed\r\n"
             "* VANISHED 6\r\n* 3 RECENT\r\nd OK UID EXPUNGE completed\r\n"
             "e OK [COPYUID 1002 1 1] UID COPY completed\r\n"
             "* OK [COPYUID 1002 5 2] Moved\r\n* VANISHED 5\r\n* 2 RECENT\r\nf OK UID MOVE completed\r\n"
             "* OK [HIGHESTMODSEQ 20] Highest\r\n"
             "* 1 UIDFETCH (FLAGS (\\Recent) MODSEQ (5))\r\n"
             "g OK [MODIFIED 1] Conditional STORE failed for some\r\n"
             "* ESEARCH (TAG \"h\") UID MIN 1 COUNT 2\r\nh OK UID SEARCH completed\r\n");
}

/* Together with QRESYNC, in IDLE and with NOTIFY. */
static void others_tell(void **state)
{
    (void)state;
    each_way("s ENABLE UIDONLY QRESYNC\r\ns SELECT INBOX\r\n", others, "a IDLE\r\nDONE\r\nb EXPUNGE\r\n",
             "+ idling\r\n* VANISHED 4\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
             "* 6 UIDFETCH (FLAGS (\\Deleted \\Recent) MODSEQ (13))\r\na OK IDLE completed\r\n"
             "* VANISHED 6\r\n* 3 RECENT\r\nb OK [HIGHESTMODSEQ 16] EXPUNGE completed\r\n");
    each_way("s ENABLE UIDONLY QRESYNC\r\n", NULL, "a SELECT INBOX (QRESYNC (1001 11 1:6))\r\n",
             "* FLAGS (" FLAGS ")\r\n* OK [PERMANENTFLAGS (" FLAGS " \\*)] Flags that can be kept\r\n"
             "* 4 EXISTS\r\n* 4 RECENT\r\n* OK [UIDVALIDITY 1001] UIDs are valid\r\n* OK [UIDNEXT 7] Next UID\r\n"
             "* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ 12] Highest\r\n"
             "* 5 UIDFETCH (FLAGS (\\Seen \\Recent) MODSEQ (12))\r\na OK [READ-WRITE] SELECT completed\r\n");
    chat t;
    memory_store *store = memory_store_new();
    prepare(store);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t,
                  "a ENABLE UIDONLY\r\ns NOTIFY SET (SELECTED (MessageNew (RFC822.SIZE) MessageExpunge))\r\n"
                  "t SELECT INBOX\r\n",
                  "t OK");
    others(store);
    memory_notify(store);
    chat_contains(&t, "", "* 7 UIDFETCH (RFC822.SIZE 1)\r\n");
    chat_close(&t);
    memory_store_del(&store);
}

/* A search that was being followed by number ends. UNAUTHENTICATE brings the numbers back. */
static void from_numbers_and_back(void **state)
{
    (void)state;
    each_way("s SELECT INBOX\r\n", NULL,
             "a SEARCH RETURN (UPDATE COUNT) UNSEEN\r\nb ENABLE UIDONLY\r\nc UID STORE 1 +FLAGS.SILENT (\\Seen)\r\n",
             "* ESEARCH (TAG \"a\") COUNT 3\r\na OK SEARCH completed\r\n* ENABLED UIDONLY\r\nb OK ENABLE completed\r\n"
             "c OK UID STORE completed\r\n");
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    memory_deliver(t.store, "INBOX", SPAN("x"), 0);
    chat_contains(&t, "a ENABLE UIDONLY\r\nb UNAUTHENTICATE\r\nc LOGIN user secret\r\nd SELECT INBOX\r\n", "d OK");
    chat_expect(&t, "e FETCH 1 FLAGS\r\n", "* 1 FETCH (FLAGS (\\Recent))\r\ne OK FETCH completed\r\n");
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enabling),    cmocka_unit_test(numbers_refused),       cmocka_unit_test(answers),
        cmocka_unit_test(others_tell), cmocka_unit_test(from_numbers_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
