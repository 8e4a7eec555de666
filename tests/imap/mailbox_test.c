/* SELECT, EXAMINE, CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, STATUS, CLOSE, UNSELECT.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FLAGS "\\Seen \\Answered \\Flagged \\Deleted \\Draft"

static void three_messages(memory_store *store)
{
    memory_deliver(store, "INBOX", SPAN("one"), 1u << LL_FLAG_SEEN);
    memory_deliver(store, "INBOX", SPAN("two"), 0);
    memory_deliver(store, "INBOX", SPAN("three"), 1u << LL_FLAG_DELETED);
    memory_flag(store, "INBOX", (ll_range){2, 2}, LL_FLAGS_ADD, 0, "$Work");
}

static void select_mailbox(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, three_messages,
             "a EXAMINE inbox\r\nb SELECT INBOX\r\nc SELECT INBOX\r\nd SELECT nowhere\r\ne CHECK\r\n",
             "* FLAGS (" FLAGS " $Work)\r\n"
             "* OK [PERMANENTFLAGS ()] Read-only\r\n"
             "* 3 EXISTS\r\n* 3 RECENT\r\n"
             "* OK [UNSEEN 2] First unseen\r\n"
             "* OK [UIDVALIDITY 1001] UIDs are valid\r\n"
             "* OK [UIDNEXT 4] Next UID\r\n"
             "* OK [MAILBOXID (F1)] Id\r\n"
             "* OK [HIGHESTMODSEQ 8] Highest\r\n"
             "a OK [READ-ONLY] EXAMINE completed\r\n"
             "* OK [CLOSED] The other mailbox is closed\r\n"
             "* FLAGS (" FLAGS " $Work)\r\n"
             "* OK [PERMANENTFLAGS (" FLAGS " $Work \\*)] Flags that can be kept\r\n"
             "* 3 EXISTS\r\n* 3 RECENT\r\n"
             "* OK [UNSEEN 2] First unseen\r\n"
             "* OK [UIDVALIDITY 1001] UIDs are valid\r\n"
             "* OK [UIDNEXT 4] Next UID\r\n"
             "* OK [MAILBOXID (F1)] Id\r\n"
             "* OK [HIGHESTMODSEQ 8] Highest\r\n"
             "b OK [READ-WRITE] SELECT completed\r\n"
             "* OK [CLOSED] The other mailbox is closed\r\n"
             "* FLAGS (" FLAGS " $Work)\r\n"
             "* OK [PERMANENTFLAGS (" FLAGS " $Work \\*)] Flags that can be kept\r\n"
             "* 3 EXISTS\r\n* 0 RECENT\r\n"
             "* OK [UNSEEN 2] First unseen\r\n"
             "* OK [UIDVALIDITY 1001] UIDs are valid\r\n"
             "* OK [UIDNEXT 4] Next UID\r\n"
             "* OK [MAILBOXID (F1)] Id\r\n"
             "* OK [HIGHESTMODSEQ 8] Highest\r\n"
             "c OK [READ-WRITE] SELECT completed\r\n"
             "* OK [CLOSED] The other mailbox is closed\r\n"
             "d NO [NONEXISTENT] SELECT failed: does not exist\r\n"
             "e BAD No mailbox is selected\r\n");
}

static void close_and_unselect(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    three_messages(t.store);
    chat_contains(&t, "a EXAMINE INBOX\r\n", "a OK");
    chat_expect(&t, "b CLOSE\r\n", "b OK CLOSE completed\r\n");
    assert_int_equal(ll_view_count(memory_view(t.store, "INBOX")), 3);
    chat_contains(&t, "c SELECT INBOX\r\n", "c OK");
    chat_expect(&t, "d UNSELECT\r\n", "d OK UNSELECT completed\r\n");
    assert_int_equal(ll_view_count(memory_view(t.store, "INBOX")), 3);
    chat_contains(&t, "e SELECT INBOX\r\n", "e OK");
    memory_deliver(t.store, "INBOX", SPAN("four"), 1u << LL_FLAG_DELETED); /* this client has not seen it */
    chat_expect(&t, "f CLOSE\r\ng CHECK\r\n", "f OK CLOSE completed\r\ng BAD No mailbox is selected\r\n");
    assert_int_equal(ll_view_count(memory_view(t.store, "INBOX")), 3);
    assert_false(ll_view_has(memory_view(t.store, "INBOX"), 3));
    chat_contains(&t, "h SELECT Trash\r\n", "h OK");
    chat_expect(&t, "i CLOSE\r\n", "i OK CLOSE completed\r\n");
    chat_close(&t);
}

static void names(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a1 CREATE a/b/c\r\n"
             "a2 CREATE a/b/c\r\n"
             "a3 CREATE d/\r\n"
             "a4 CREATE inbox\r\n"
             "a5 CREATE Mine (USE (\\Sent \\Archive))\r\n"
             "a6 CREATE Bad (USE (\\Nonsense))\r\n"
             "a7 CREATE Bad (FOO)\r\n"
             "a8 CREATE \"a//b\"\r\n"
             "a9 CREATE \"&bad\"\r\n"
             "b1 RENAME a x/y\r\n"
             "b2 RENAME x x/z\r\n"
             "b3 RENAME x INBOX\r\n"
             "b4 RENAME none new\r\n"
             "b5 DELETE x/y/b/c\r\n"
             "b6 DELETE INBOX\r\n"
             "b7 DELETE none\r\n"
             "b8 DELETE x/y\r\n"
             "b9 SUBSCRIBE d\r\n"
             "c1 SUBSCRIBE d\r\n"
             "c2 UNSUBSCRIBE d\r\n"
             "c3 UNSUBSCRIBE d\r\n"
             "c4 LIST \"\" *\r\n"
             "c5 CREATE\r\n"
             "c6 RENAME a\r\n",
             "a1 OK [MAILBOXID (F7)] CREATE completed\r\n"
             "a2 NO [ALREADYEXISTS] CREATE failed: exists already\r\n"
             "a3 OK [MAILBOXID (F8)] CREATE completed\r\n"
             "a4 NO [ALREADYEXISTS] CREATE failed: exists already\r\n"
             "a5 OK [MAILBOXID (F9)] CREATE completed\r\n"
             "a6 NO [USEATTR] This use is not supported\r\n"
             "a7 BAD CREATE: Not understood\r\n"
             "a8 NO [CANNOT] Not a mailbox name\r\n"
             "a9 NO [CANNOT] Not a mailbox name\r\n"
             "b1 OK RENAME completed\r\n"
             "b2 NO [CANNOT] A mailbox cannot move below itself\r\n"
             "b3 NO [ALREADYEXISTS] RENAME failed: exists already\r\n"
             "b4 NO [NONEXISTENT] RENAME failed: does not exist\r\n"
             "b5 OK DELETE completed\r\n"
             "b6 NO [CANNOT] INBOX stays\r\n"
             "b7 NO [NONEXISTENT] DELETE failed: does not exist\r\n"
             "b8 OK DELETE completed\r\n"
             "b9 OK SUBSCRIBE completed\r\n"
             "c1 OK SUBSCRIBE completed\r\n"
             "c2 OK UNSUBSCRIBE completed\r\n"
             "c3 OK UNSUBSCRIBE completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n"
             "* LIST (\\Drafts \\HasNoChildren) \"/\" \"Drafts\"\r\n"
             "* LIST (\\Trash \\HasNoChildren) \"/\" \"Trash\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"x/y/b\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"d\"\r\n"
             "* LIST (\\Archive \\Sent \\HasNoChildren) \"/\" \"Mine\"\r\n"
             "* LIST (\\Noselect \\HasChildren) \"/\" \"x/y\"\r\n"
             "c4 OK LIST completed\r\n"
             "c5 BAD CREATE: Not understood\r\n"
             "c6 BAD RENAME: Not understood\r\n");
}

static void status(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, three_messages,
             "a STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)\r\n"
             "b STATUS inbox (unseen deleted size)\r\n"
             "c STATUS none (MESSAGES)\r\n"
             "d STATUS INBOX ()\r\n"
             "e STATUS INBOX (FOO)\r\n"
             "f STATUS INBOX (MESSAGES MESSAGES)\r\n",
             "* STATUS \"INBOX\" (MESSAGES 3 RECENT 3 UIDNEXT 4 UIDVALIDITY 1001 UNSEEN 2)\r\n"
             "a OK STATUS completed\r\n"
             "* STATUS \"INBOX\" (UNSEEN 2 DELETED 1 SIZE 11)\r\n"
             "b OK STATUS completed\r\n"
             "c NO [NONEXISTENT] STATUS failed: does not exist\r\n"
             "d BAD STATUS: Not understood\r\n"
             "e BAD STATUS: Not understood\r\n"
             "* STATUS \"INBOX\" (MESSAGES 3)\r\n"
             "f OK STATUS completed\r\n");
}

static void connector_text(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    memory_fail_next(t.store, LL_EQUOTA, "Ask\r\nb NO for more room");
    chat_expect(&t, "a CREATE x\r\n", "a NO [OVERQUOTA] Ask  b NO for more room\r\n");
    memory_fail_next(t.store, LL_EIO, NULL);
    chat_expect(&t, "b SELECT Sent\r\n", "b NO [UNAVAILABLE] SELECT failed: input or output failed\r\n");
    chat_close(&t);
}

/* Deleting one's own mailbox: OK, then BYE (gluon.md section 3 rule 14). */
static void own_mailbox_deleted(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL, "a CREATE x\r\nb SELECT x\r\nc DELETE x\r\nd NOOP\r\n",
             "a OK [MAILBOXID (F5)] CREATE completed\r\n"
             "* FLAGS (" FLAGS ")\r\n* OK [PERMANENTFLAGS (" FLAGS " \\*)] Flags that can be kept\r\n"
             "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1005] UIDs are valid\r\n* OK [UIDNEXT 1] Next UID\r\n"
             "* OK [MAILBOXID (F5)] Id\r\n* OK [HIGHESTMODSEQ 5] Highest\r\n"
             "b OK [READ-WRITE] SELECT completed\r\n"
             "c OK DELETE completed\r\n* BYE The mailbox was deleted\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(select_mailbox), cmocka_unit_test(close_and_unselect), cmocka_unit_test(names),
        cmocka_unit_test(status),         cmocka_unit_test(connector_text),     cmocka_unit_test(own_mailbox_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
