/* REPLACE and UID REPLACE (RFC 8508).
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void drafts(memory_store *store)
{
    for (int i = 0; i < 4; i++)
        memory_deliver(store, "Drafts", SPAN("Subject: x\r\n\r\nold"), 0);
}

/* The commands behind a SELECT of Drafts. */
static void converse(const char *send, const char *want)
{
    for (unsigned way = 0; way < 4; way++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .bytes = way & 1, .later = way & 2});
        drafts(t.store);
        chat_contains(&t, "s SELECT Drafts\r\n", "s OK");
        chat_expect(&t, send, want);
        chat_close(&t);
    }
}

/* Sections 3.2, 3.3 and 4.2. */
static void examples(void **state)
{
    (void)state;
    converse("A003 REPLACE 4 Drafts (\\Seen \\Draft) {3}\r\nnew\r\n"
             "A004 UID REPLACE 5 Drafts (\\Seen \\Draft) {4}\r\nnew2\r\n"
             "A005 UID FETCH 1:* (FLAGS)\r\n"
             "A011 UID REPLACE 6 Drafts CATENATE (TEXT {5}\r\nTo: x URL \"/Drafts/;UID=6\")\r\n"
             "A012 UID FETCH 7 BODY.PEEK[]\r\n",
             "+ OK\r\n* OK [APPENDUID 1003 5] Replacement is there\r\n* 4 EXPUNGE\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
             "A003 OK REPLACE completed\r\n"
             "+ OK\r\n* OK [APPENDUID 1003 6] Replacement is there\r\n* 4 EXPUNGE\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
             "A004 OK UID REPLACE completed\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Recent))\r\n* 2 FETCH (UID 2 FLAGS (\\Recent))\r\n"
             "* 3 FETCH (UID 3 FLAGS (\\Recent))\r\n* 4 FETCH (UID 6 FLAGS (\\Seen \\Draft \\Recent))\r\n"
             "A005 OK UID FETCH completed\r\n"
             "+ OK\r\n* OK [APPENDUID 1003 7] Replacement is there\r\n* 4 EXPUNGE\r\n* 4 EXISTS\r\n* 4 RECENT\r\n"
             "A011 OK UID REPLACE completed\r\n"
             "* 4 FETCH (UID 7 BODY[] {9}\r\nTo: xnew2)\r\nA012 OK UID FETCH completed\r\n");
}

static void refused(void **state)
{
    (void)state;
    converse("a1 REPLACE 5 Drafts {10+}\r\nx LOGOUT\r\n\r\n"
             "a2 UID REPLACE 99 Drafts {3+}\r\nnew\r\n"
             "a3 REPLACE 1 none {3+}\r\nnew\r\n"
             "a4 REPLACE 1:2 Drafts {10+}\r\nx LOGOUT\r\n\r\n"
             "a5 REPLACE 0 Drafts {10+}\r\nx LOGOUT\r\n\r\n"
             "a6 REPLACE 1 Drafts {3+}\r\nnew {10+}\r\nx LOGOUT\r\n\r\n"
             "a7 REPLACE 1 Drafts CATENATE (URL /Drafts/;UID=77)\r\n"
             "a8 REPLACE 1 Drafts\r\n"
             "a9 NOOP\r\n",
             "a1 BAD There is no message of that number\r\n"
             "a2 NO [NONEXISTENT] There is no message of that UID\r\n"
             "a3 NO [TRYCREATE] REPLACE failed: does not exist yet\r\n"
             "a4 BAD REPLACE: Not understood\r\n"
             "a5 BAD REPLACE: Not understood\r\n"
             "a6 BAD REPLACE: Not understood\r\n"
             "a7 NO [BADURL \"/Drafts/;UID=77\"] There is no such message part\r\n"
             "a8 BAD REPLACE: Not understood\r\n"
             "a9 OK NOOP completed\r\n");
}

static void other_mailbox(void **state)
{
    (void)state;
    converse("a1 REPLACE 2 Sent (\\Seen) {3+}\r\nnew\r\na2 STATUS Sent (MESSAGES)\r\n",
             "* OK [APPENDUID 1002 1] Replacement is there\r\n* 2 EXPUNGE\r\n* 3 RECENT\r\na1 OK REPLACE completed\r\n"
             "* STATUS \"Sent\" (MESSAGES 1)\r\na2 OK STATUS completed\r\n");
}

static void states(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL, "a1 REPLACE 1 Drafts {10+}\r\nx LOGOUT\r\n\r\na2 NOOP\r\n",
             "a1 BAD No mailbox is selected\r\na2 OK NOOP completed\r\n");
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    drafts(t.store);
    chat_contains(&t, "s EXAMINE Drafts\r\n", "s OK");
    chat_expect(&t, "a REPLACE 1 Drafts {3}\r\n", "a NO [NOPERM] REPLACE failed: is read-only\r\n");
    chat_close(&t);
}

/* A client of QRESYNC hears VANISHED. */
static void with_qresync(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    drafts(t.store);
    chat_contains(&t, "e ENABLE QRESYNC\r\n", "e OK");
    chat_contains(&t, "s SELECT Drafts\r\n", "s OK");
    chat_contains(&t, "a UID REPLACE 2 Drafts {3+}\r\nnew\r\n",
                  "* OK [APPENDUID 1003 5] Replacement is there\r\n* VANISHED 2\r\n");
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples), cmocka_unit_test(refused),      cmocka_unit_test(other_mailbox),
        cmocka_unit_test(states),   cmocka_unit_test(with_qresync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
