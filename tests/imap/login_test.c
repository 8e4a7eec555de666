/* LOGIN and AUTHENTICATE.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LOGGED_IN " OK [CAPABILITY IMAP4rev1] Logged in\r\n"
#define REFUSED   " NO [AUTHENTICATIONFAILED] "

static void login(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL, "a LOGIN user wrong\r\nb LOGIN \"user\" {6}\r\nsecret\r\nc NOOP\r\n",
             "a" REFUSED "LOGIN failed: authentication failed\r\n+ OK\r\nb" LOGGED_IN "c OK NOOP completed\r\n");
    chat_all(&(chat_how){0}, NULL, "a LOGIN user\r\nb LOGIN\r\nc LOGIN user secret x\r\nd LOGIN user away\r\n",
             "a BAD LOGIN: Not understood\r\nb BAD LOGIN: Not understood\r\nc BAD LOGIN: Not understood\r\n"
             "d NO [UNAVAILABLE] (Try]  later\r\n");
}

static void attempts(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL, "a LOGIN user a\r\nb LOGIN user b\r\nc LOGIN user c\r\nd LOGIN user secret\r\n",
             "a" REFUSED "LOGIN failed: authentication failed\r\n"
             "b" REFUSED "LOGIN failed: authentication failed\r\n"
             "c" REFUSED "LOGIN failed: authentication failed\r\n"
             "* BYE Too many failed logins\r\n");
}

/* printf '\0user\0secret' | base64 */
#define PLAIN_OK "AHVzZXIAc2VjcmV0"

static void plain(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL, "a AUTHENTICATE PLAIN " PLAIN_OK "\r\nb NOOP\r\n",
             "a" LOGGED_IN "b OK NOOP completed\r\n");
    chat_all(&(chat_how){0}, NULL, "a authenticate plain\r\n" PLAIN_OK "\r\nb NOOP\r\n",
             "+ \r\na" LOGGED_IN "b OK NOOP completed\r\n");
    chat_all(&(chat_how){0}, NULL, "a AUTHENTICATE PLAIN =\r\nb NOOP\r\n",
             "a" REFUSED "AUTHENTICATE failed: authentication failed\r\nb OK NOOP completed\r\n");
    chat_all(&(chat_how){0}, NULL,
             "a AUTHENTICATE PLAIN\r\n*\r\n"
             "b AUTHENTICATE PLAIN\r\nAHVzZXIAc2VjcmV\r\n"
             "c AUTHENTICATE PLAIN AHVzZXIAc2VjcmV0 \r\n"
             "d AUTHENTICATE GSSAPI abcd\r\n"
             "e AUTHENTICATE\r\n"
             "f NOOP\r\n",
             "+ \r\na BAD Cancelled\r\n"
             "+ \r\nb BAD Not base64\r\n"
             "c BAD Not base64\r\n"
             "d NO [CANNOT] This mechanism is not offered\r\n"
             "e BAD AUTHENTICATE: Not understood\r\n"
             "f OK NOOP completed\r\n");
}

/* Zmlyc3Q= first, c2VydmVyLWZpcnN0 server-first, bGFzdA== last, dj1zaWduYXR1cmU= v=signature */
static void scram(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL, "a AUTHENTICATE SCRAM-SHA-256 Zmlyc3Q=\r\nbGFzdA==\r\n\r\nb NOOP\r\n",
             "+ c2VydmVyLWZpcnN0\r\n+ dj1zaWduYXR1cmU=\r\na" LOGGED_IN "b OK NOOP completed\r\n");
    /* the client does not believe the server's signature */
    chat_all(&(chat_how){0}, NULL, "a AUTHENTICATE SCRAM-SHA-256 Zmlyc3Q=\r\nbGFzdA==\r\n*\r\nb SELECT INBOX\r\n",
             "+ c2VydmVyLWZpcnN0\r\n+ dj1zaWduYXR1cmU=\r\na BAD Cancelled\r\nb BAD Log in first\r\n");
    chat_all(&(chat_how){0}, NULL, "a AUTHENTICATE SCRAM-SHA-256 Zmlyc3Q=\r\nZmFpbA==\r\nb NOOP\r\n",
             "+ c2VydmVyLWZpcnN0\r\na" REFUSED "AUTHENTICATE failed: authentication failed\r\nb OK NOOP completed\r\n");
}

static void ended_meanwhile(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.later = true, .held = true});
    chat_send(&t, SPAN("a LOGIN user secret\r\n"));
    assert_true(t.asked);
    chat_close(&t);
    assert_true(t.cancelled);

    chat_open(&t, &(chat_how){.later = true, .held = true});
    chat_send(&t, SPAN("a AUTHENTICATE PLAIN " PLAIN_OK "\r\n"));
    ll_session_expire(t.session);
    assert_true(t.cancelled);
    /* an answer that comes too late is not taken, and its connector is ended */
    ll_session_authenticated(t.session, &memory_connector, memory_login(t.store, NULL, NULL), SPAN(""));
    assert_int_equal(memory_sessions(t.store), 0);
    chat_close(&t);
}

static void long_response(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.prelogin_command_bytes = 40;
    chat_all(&(chat_how){.limits = &limits}, NULL,
             "a AUTHENTICATE PLAIN\r\n0123456789012345678901234567890123456789012345\r\nb NOOP\r\n",
             "+ \r\na BAD Response is too long\r\nb OK NOOP completed\r\n");
}

/* RFC 8437 section 3: pipelined with the next login; what was enabled and selected is forgotten. */
static void unauthenticate(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a ENABLE QRESYNC\r\nb SELECT Sent\r\nc UNAUTHENTICATE\r\nd AUTHENTICATE PLAIN " PLAIN_OK "\r\n"
             "e CHECK\r\nf SELECT Sent (QRESYNC (1002 1))\r\ng UNAUTHENTICATE x\r\nh UNAUTHENTICATE\r\n"
             "i UNAUTHENTICATE\r\nj NOOP\r\n",
             "* ENABLED QRESYNC\r\na OK ENABLE completed\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] Flags that can be kept\r\n"
             "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1002] UIDs are valid\r\n* OK [UIDNEXT 1] Next UID\r\n"
             "* OK [MAILBOXID (F2)] Id\r\n* OK [HIGHESTMODSEQ 2] Highest\r\nb OK [READ-WRITE] SELECT completed\r\n"
             "c OK UNAUTHENTICATE completed\r\n"
             "d" LOGGED_IN "e BAD No mailbox is selected\r\nf BAD ENABLE QRESYNC first\r\n"
             "g BAD UNAUTHENTICATE: Not understood\r\n"
             "h OK UNAUTHENTICATE completed\r\ni BAD Log in first\r\nj OK NOOP completed\r\n");
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_expect(&t, "a UNAUTHENTICATE\r\n", "a OK UNAUTHENTICATE completed\r\n");
    assert_int_equal(t.unauthenticated, 1);
    assert_int_equal(memory_sessions(t.store), 0);
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(login),          cmocka_unit_test(attempts),        cmocka_unit_test(plain),
        cmocka_unit_test(scram),          cmocka_unit_test(ended_meanwhile), cmocka_unit_test(long_response),
        cmocka_unit_test(unauthenticate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
