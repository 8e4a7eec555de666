/* ENABLE IMAP4rev2 (RFC 9051) and UTF8=ACCEPT (RFC 6855): what changes for the session.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void prepare(memory_store *store)
{
    memory_deliver(store, "INBOX", SPAN("x"), 0);
    memory_create(store, "\xc3\x84&-", 0);
}

/* No RECENT, no \Recent, no UNSEEN; LIST and CLOSED with SELECT. */
static void rev2(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "a ENABLE IMAP4rev2\r\nb SELECT INBOX\r\nc FETCH 1 FLAGS\r\nd APPEND INBOX {1+}\r\ny\r\n"
             "e SELECT \"\xc3\x84&-\"\r\nf UNSELECT\r\n",
             "* ENABLED IMAP4rev2\r\na OK ENABLE completed\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] Flags that can be kept\r\n"
             "* 1 EXISTS\r\n* LIST () \"/\" \"INBOX\"\r\n* OK [UIDVALIDITY 1001] UIDs are valid\r\n"
             "* OK [UIDNEXT 2] Next UID\r\n* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ 5] Highest\r\n"
             "b OK [READ-WRITE] SELECT completed\r\n"
             "* 1 FETCH (FLAGS ())\r\nc OK FETCH completed\r\n"
             "* 2 EXISTS\r\nd OK [APPENDUID 1001 2] APPEND completed\r\n"
             "* OK [CLOSED] The other mailbox is closed\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] Flags that can be kept\r\n"
             "* 0 EXISTS\r\n* LIST () \"/\" \"\xc3\x84&-\"\r\n* OK [UIDVALIDITY 1005] UIDs are valid\r\n"
             "* OK [UIDNEXT 1] Next UID\r\n* OK [MAILBOXID (F5)] Id\r\n* OK [HIGHESTMODSEQ 6] Highest\r\n"
             "e OK [READ-WRITE] SELECT completed\r\nf OK UNSELECT completed\r\n");
}

/* A name that is another in NFC, or INBOX in small letters: RFC 9051 section 6.3.9.7. */
static void old_names(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "z CREATE \"o\xcc\x88\"\r\na ENABLE IMAP4rev2\r\nb DELETE \"o\xcc\x88\"\r\nc CREATE \"u\xcc\x88/\"\r\n"
             "d CREATE \"u\xcc\x88\"\r\ne RENAME \"u\xcc\x88\" x\r\nf RENAME x \"o\xcc\x88\"\r\n"
             "g APPEND \"o\xcc\x88\" {1+}\r\ny\r\nh APPEND inbox {1+}\r\ny\r\ni APPEND INBOX {1+}\r\ny\r\n"
             "k EXAMINE inBox\r\nl STATUS inbox (MESSAGES)\r\nm RENAME \"\xc3\xb6\" y\r\n",
             "z OK [MAILBOXID (F6)] CREATE completed\r\n* ENABLED IMAP4rev2\r\na OK ENABLE completed\r\n"
             "* LIST (\\NonExistent) \"/\" \"\xc3\xb6\" (\"OLDNAME\" (\"o\xcc\x88\"))\r\nb OK DELETE completed\r\n"
             "* LIST () \"/\" \"\xc3\xbc\" (\"OLDNAME\" (\"u\xcc\x88\"))\r\nc OK [MAILBOXID (F7)] CREATE completed\r\n"
             "d NO [ALREADYEXISTS] CREATE failed: exists already\r\n"
             "* LIST () \"/\" \"x\" (\"OLDNAME\" (\"u\xcc\x88\"))\r\ne OK RENAME completed\r\n"
             "* LIST () \"/\" \"\xc3\xb6\" (\"OLDNAME\" (\"x\"))\r\nf OK RENAME completed\r\n"
             "* LIST () \"/\" \"\xc3\xb6\" (\"OLDNAME\" (\"o\xcc\x88\"))\r\n"
             "g OK [APPENDUID 1007 1] APPEND completed\r\n"
             "* LIST () \"/\" \"INBOX\" (\"OLDNAME\" (\"inbox\"))\r\nh OK [APPENDUID 1001 2] APPEND completed\r\n"
             "i OK [APPENDUID 1001 3] APPEND completed\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n* OK [PERMANENTFLAGS ()] Read-only\r\n"
             "* 3 EXISTS\r\n* LIST () \"/\" \"INBOX\" (\"OLDNAME\" (\"inBox\"))\r\n* OK [UIDVALIDITY 1001] UIDs are "
             "valid\r\n"
             "* OK [UIDNEXT 4] Next UID\r\n* OK [MAILBOXID (F1)] Id\r\n* OK [HIGHESTMODSEQ 11] Highest\r\n"
             "k OK [READ-ONLY] EXAMINE completed\r\n"
             "* STATUS \"INBOX\" (MESSAGES 3)\r\nl OK STATUS completed\r\nm OK RENAME completed\r\n");
}

/* Names in UTF-8 both ways, '&' is itself; before ENABLE they are modified UTF-7. */
static void utf8(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "a LIST \"\" \"&AMQ-*\"\r\nb ENABLE UTF8=ACCEPT CONDSTORE\r\nc LIST \"\" \"\xc3\x84&*\"\r\n"
             "d STATUS \"\xc3\x84&-\" (MESSAGES)\r\ne CREATE \"a&b\"\r\nf LIST \"\" \"a%\"\r\n",
             "* LIST (\\HasNoChildren) \"/\" \"&AMQ-&--\"\r\na OK LIST completed\r\n"
             "* ENABLED CONDSTORE UTF8=ACCEPT\r\nb OK ENABLE completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"\xc3\x84&-\"\r\nc OK LIST completed\r\n"
             "* STATUS \"\xc3\x84&-\" (MESSAGES 0)\r\nd OK STATUS completed\r\n"
             "e OK [MAILBOXID (F6)] CREATE completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"a&b\"\r\nf OK LIST completed\r\n");
}

/* In a selected mailbox \Recent ends at once. */
static void in_between(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    prepare(t.store);
    chat_contains(&t, "a SELECT INBOX\r\n", "* 1 RECENT");
    chat_expect(&t, "b ENABLE IMAP4rev2\r\nc FETCH 1 FLAGS\r\n",
                "* ENABLED IMAP4rev2\r\nb OK ENABLE completed\r\n* 1 FETCH (FLAGS ())\r\nc OK FETCH completed\r\n");
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rev2), cmocka_unit_test(old_names), cmocka_unit_test(utf8),
                                       cmocka_unit_test(in_between)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
