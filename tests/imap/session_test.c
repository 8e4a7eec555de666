/* The session as a whole: commands about itself, pipelining, STARTTLS, the ends of a session.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CAPABILITIES "IMAP4rev1"

static void greeting(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){0});
    chat_expect(&t, "", "* OK [CAPABILITY " CAPABILITIES " SASL-IR STARTTLS AUTH=PLAIN AUTH=SCRAM-SHA-256] ready\r\n");
    chat_close(&t);
    chat_open(&t, &(chat_how){.clear = true});
    chat_expect(&t, "", "* OK [CAPABILITY " CAPABILITIES " SASL-IR STARTTLS LOGINDISABLED] ready\r\n");
    chat_close(&t);
}

static void before_login(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL,
             "a1 NOOP\r\n"
             "a2 ID NIL\r\n"
             "a3 ID (\"name\" \"x\" \"version\" NIL)\r\n"
             "a4 SELECT INBOX\r\n"
             "a5 CHECK\r\n"
             "a6 LOGOUT\r\n",
             "a1 OK NOOP completed\r\n"
             "* ID (\"name\" \"Letterlock\")\r\n"
             "a2 OK ID completed\r\n"
             "* ID (\"name\" \"Letterlock\")\r\n"
             "a3 OK ID completed\r\n"
             "a4 BAD Log in first\r\n"
             "a5 BAD Log in first\r\n"
             "* BYE Logging out\r\n"
             "a6 OK LOGOUT completed\r\n");
}

static void after_login(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a1 CAPABILITY\r\n"
             "a2 NAMESPACE\r\n"
             "a3 ENABLE CONDSTORE X-NONE\r\n"
             "a4 LOGIN a b\r\n"
             "a5 CLOSE\r\n"
             "a6 noop\r\n"
             "a7 XYZZY {3+}\r\nabc now\r\n"
             "a8 NOOP x\r\n"
             "\r\n"
             "a9 LOGOUT\r\n",
             "* CAPABILITY " CAPABILITIES "\r\n"
             "a1 OK CAPABILITY completed\r\n"
             "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"
             "a2 OK NAMESPACE completed\r\n"
             "* ENABLED CONDSTORE\r\n"
             "a3 OK ENABLE completed\r\n"
             "a4 BAD You are logged in already\r\n"
             "a5 BAD No mailbox is selected\r\n"
             "a6 OK NOOP completed\r\n"
             "a7 BAD Unknown command\r\n"
             "a8 BAD NOOP: Not understood\r\n"
             "* BYE Logging out\r\n"
             "a9 OK LOGOUT completed\r\n");
}

static void ends(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_send(&t, SPAN("a LOGOUT\r\n"));
    assert_true(chat_ended(&t));
    size_t taken = 9;
    assert_int_equal(ll_session_input(t.session, SPAN("b NOOP\r\n"), &taken), LL_ECLOSED);
    assert_int_equal(taken, 0);
    chat_close(&t);

    chat_open(&t, &(chat_how){.login = true});
    assert_int_equal(ll_session_timeout_ms(t.session), 1860000);
    ll_session_expire(t.session);
    chat_expect(&t, "", "* BYE Silent for too long\r\n");
    assert_true(chat_ended(&t));
    chat_close(&t);

    chat_open(&t, &(chat_how){.login = true});
    ll_session_shutdown(t.session, SPAN("Back\r\nsoon"));
    chat_expect(&t, "", "* BYE Back  soon\r\n");
    assert_true(chat_ended(&t));
    chat_close(&t);
}

/* A client that does not even read its BYE. */
static void expire_unread(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){0});
    assert_int_equal(ll_session_timeout_ms(t.session), 60000);
    ll_session_expire(t.session);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_OUTPUT);
    ll_session_expire(t.session);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_CLOSE);
    chat_close(&t);
}

static void shutdown_waits_for_the_command(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true, .later = true, .held = true});
    chat_send(&t, SPAN("a STATUS INBOX (MESSAGES)\r\n"));
    assert_int_equal(memory_waiting(t.store), 1);
    assert_int_equal(ll_session_timeout_ms(t.session), 10000);
    ll_session_shutdown(t.session, SPAN(""));
    chat_expect(&t, "", "");
    assert_true(memory_complete(t.store));
    chat_expect(&t, "",
                "* STATUS \"INBOX\" (MESSAGES 0)\r\na OK STATUS completed\r\n* BYE The server is going down\r\n");
    chat_close(&t);
}

/* Bug class 1: what a stranger puts behind STARTTLS must not be executed inside TLS. */
static void starttls(void **state)
{
    (void)state;
    chat_all(&(chat_how){.clear = true}, NULL,
             "a LOGIN user secret\r\n"
             "b AUTHENTICATE PLAIN\r\n"
             "c STARTTLS\r\n"
             "d LOGIN user secret\r\n",
             "a NO [PRIVACYREQUIRED] Encrypt the connection first\r\n"
             "b NO [PRIVACYREQUIRED] Encrypt the connection first\r\n"
             "c OK Begin TLS negotiation now\r\n");
    chat t;
    chat_open(&t, &(chat_how){.clear = true});
    chat_contains(&t, "c STARTTLS\r\nx NO", "c OK Begin");
    chat_expect(&t, "OP\r\n", "OP BAD Not understood\r\n"); /* the "x NO" was dropped; "OP" has no command behind it */
    chat_expect(&t, "d CAPABILITY\r\n",
                "* CAPABILITY " CAPABILITIES " SASL-IR AUTH=PLAIN AUTH=SCRAM-SHA-256\r\nd OK CAPABILITY completed\r\n");
    chat_expect(&t, "e STARTTLS\r\n", "e BAD TLS is active already\r\n");
    chat_contains(&t, "f LOGIN user secret\r\n", "f OK [CAPABILITY " CAPABILITIES "] Logged in");
    chat_close(&t);
}

static void bad_commands(void **state)
{
    (void)state;
    chat_all(&(chat_how){0}, NULL, "x\r\n)\r\na NOOP\r\nx\r\nx\r\nx\r\nx\r\nb XYZZY\r\nc NOOP\r\n",
             "x BAD Not understood\r\n"
             "* BAD Tag expected\r\n"
             "a OK NOOP completed\r\n"
             "x BAD Not understood\r\n"
             "x BAD Not understood\r\n"
             "x BAD Not understood\r\n"
             "x BAD Not understood\r\n"
             "b BAD Unknown command\r\n"
             "* BYE Too many commands that are not IMAP\r\n");
}

/* A pipeline of any depth gets the same answers in the same order. */
static void pipeline(void **state)
{
    (void)state;
    text send, want;
    text_init(&send, NULL, 1 << 20);
    text_init(&want, NULL, 1 << 20);
    for (int i = 0; i < 200; i++) {
        text_print(&send, "t%d STATUS INBOX (MESSAGES UIDNEXT)\r\n", i);
        text_print(&want, "* STATUS \"INBOX\" (MESSAGES 0 UIDNEXT 1)\r\nt%d OK STATUS completed\r\n", i);
    }
    chat_all(&(chat_how){.login = true}, NULL, text_str(&send), text_str(&want));
    text_fini(&send);
    text_fini(&want);
}

/* A session that goes in the middle of a call leaves nothing behind. */
static void deleted_while_pending(void **state)
{
    (void)state;
    static const char *const commands[] = {
        "a SELECT INBOX\r\n",        "a LIST \"\" *\r\n",         "a STATUS INBOX (MESSAGES)\r\n",
        "a CREATE new\r\n",          "a DELETE Trash\r\n",        "a RENAME Trash Bin\r\n",
        "a SUBSCRIBE \"Trash\"\r\n", "a APPEND Trash {3}\r\nabc", "a APPEND {5+}\r\nTrash (kw) {3+}\r\nabc\r\n",
        "a LOGIN user secret\r\n",
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        for (int completed = 0; completed < 3; completed++) {
            chat t;
            chat_open(&t, &(chat_how){.login = true, .later = true, .held = true});
            chat_send(&t, span_str(commands[i]));
            for (int n = 0; n < completed; n++) {
                memory_complete(t.store);
                chat_send(&t, SPAN(""));
            }
            chat_close(&t);
        }
}

static void idle_memory(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "a SELECT INBOX\r\nb LIST \"\" *\r\n", "b OK");
    size_t taken;
    assert_int_equal(ll_session_input(t.session, SPAN(""), &taken), LL_OK);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_INPUT);
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greeting),      cmocka_unit_test(before_login),
        cmocka_unit_test(after_login),   cmocka_unit_test(ends),
        cmocka_unit_test(expire_unread), cmocka_unit_test(shutdown_waits_for_the_command),
        cmocka_unit_test(starttls),      cmocka_unit_test(bad_commands),
        cmocka_unit_test(pipeline),      cmocka_unit_test(deleted_while_pending),
        cmocka_unit_test(idle_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
