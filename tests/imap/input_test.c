/* input_test.c - bytes become commands, and none of the data is ever taken for a command.
 * SPDX-License-Identifier: MIT */
#include "imap/input.h"

#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void announcements(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        announcement_kind kind;
        bool plus;
        uint64_t size;
    } table[] = {
        {"", ANNOUNCEMENT_NONE, false, 0},
        {"a LOGIN x y", ANNOUNCEMENT_NONE, false, 0},
        {"a LOGIN {5}", ANNOUNCEMENT_GOOD, false, 5},
        {"a LOGIN {5+}", ANNOUNCEMENT_GOOD, true, 5},
        {"a F 1 BODY[HEADER.FIELDS ({0}", ANNOUNCEMENT_GOOD, false, 0},
        {"a LOGIN {007+}", ANNOUNCEMENT_GOOD, true, 7},
        {"a LOGIN x{5}", ANNOUNCEMENT_BAD, false, 5},
        {"a LOGIN x{5+}", ANNOUNCEMENT_BAD, true, 5},
        {"a LOGIN ~{5+}", ANNOUNCEMENT_GOOD, true, 5},
        {"a LOGIN x~{5+}", ANNOUNCEMENT_BAD, true, 5},
        {"a LOGIN ~~{5+}", ANNOUNCEMENT_BAD, true, 5},
        {"a LOGIN \"x {5}", ANNOUNCEMENT_GOOD, false, 5},
        {"a LOGIN {-1}", ANNOUNCEMENT_BAD, false, 0},
        {"a LOGIN {}", ANNOUNCEMENT_BAD, false, 0},
        {"a LOGIN {12 }", ANNOUNCEMENT_BAD, false, 0},
        {"a LOGIN {99999999999999999999}", ANNOUNCEMENT_BAD, false, 0},
        {"a LOGIN {12 +}", ANNOUNCEMENT_UNSAFE, true, 0},
        {"a LOGIN {-1+}", ANNOUNCEMENT_UNSAFE, true, 0},
        {"a LOGIN {99999999999999999999+}", ANNOUNCEMENT_UNSAFE, true, 0},
        {"a LOGIN {9223372036854775808+}", ANNOUNCEMENT_UNSAFE, true, 0},
        {"a LOGIN \"{\" pass}", ANNOUNCEMENT_NONE, false, 0},
        {"a LOGIN x pass}", ANNOUNCEMENT_NONE, false, 0},
        {"{5}", ANNOUNCEMENT_BAD, false, 5},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        announcement a = input_announcement(span_str(table[i].line));
        if (a.kind != table[i].kind || a.plus != table[i].plus ||
            (a.kind == ANNOUNCEMENT_GOOD && a.size != table[i].size))
            fail_msg("%s: %d", table[i].line, a.kind);
    }
}

static void literals(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a1 STATUS {5}\r\nINBOX (MESSAGES)\r\n"
             "a2 STATUS {5+}\r\nINBOX (MESSAGES)\n"
             "a3 CREATE {0}\r\n\r\n"
             "a4 CREATE {0+}\r\n\r\n"
             "a5 RENAME {3+}\r\nfoo {3+}\r\nbar\r\n"
             "a6 STATUS {7+}\r\n\"\r\nx {5 (MESSAGES)\r\n"
             "a7 NOOP\r\n",
             "+ OK\r\n* STATUS \"INBOX\" (MESSAGES 0)\r\na1 OK STATUS completed\r\n"
             "* STATUS \"INBOX\" (MESSAGES 0)\r\na2 OK STATUS completed\r\n"
             "+ OK\r\na3 NO [CANNOT] Not a mailbox name\r\n"
             "a4 NO [CANNOT] Not a mailbox name\r\n"
             "a5 NO [NONEXISTENT] RENAME failed: does not exist\r\n"
             "a6 NO [CANNOT] Not a mailbox name\r\n"
             "a7 OK NOOP completed\r\n");
}

/* What is refused is refused at once if the client waits, and skipped if it does not. */
static void refused(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.small_literal_bytes = 10;
    limits.command_bytes = 60;
    limits.line_bytes = 50;
    limits.literal_bytes = 100;
    chat_all(&(chat_how){.login = true, .limits = &limits}, NULL,
             "a1 CREATE {11}\r\n"
             "a2 CREATE {11+}\r\nb LOGOUT\r\n. trailing\r\n"
             "a3 CREATE {11+}\r\nb LOGOUT\r\n. {6+}\r\nLOGOUT {2}\r\n"
             "a4 CREATE x{8+}\r\nb LOGOUT\r\n"
             "a5 CREATE {-1}\r\n"
             "a6 CREATE {99999999999999999999}\r\n"
             "a7 CREATE {12 }\r\n"
             "a8 NOOP {5} x\r\n"
             "a9 CREATE 67890123456789012345678901234567890123456789012345678901234567890\r\n"
             "b1 CREATE 67890123456789012345678901234567890123456789 {8+}\r\nb LOGOUT\r\n"
             "b2 CREATE 678901234567890123456789012345678 {10+}\r\nb LOGOUT\r\n x\r\n"
             "b3 RENAME {10+}\r\n0123456789 {10+}\r\n012345678\n {10+}\r\n\nb LOGOUT\n\r\n"
             "b4 APPEND INBOX {101}\r\n"
             "b5 APPEND INBOX {14+}\r\nb LOGOUT\r\nend\r\r\n"
             "b6 NOOP\r\n",
             "a1 BAD [TOOBIG] Literal is too large\r\n"
             "a2 BAD [TOOBIG] Literal is too large\r\n"
             "a3 BAD [TOOBIG] Literal is too large\r\n"
             "a4 BAD Not a literal\r\n"
             "a5 BAD Not a literal\r\n"
             "a6 BAD Not a literal\r\n"
             "a7 BAD Not a literal\r\n"
             "a8 BAD NOOP: Not understood\r\n"
             "a9 BAD [TOOBIG] Command line is too long\r\n"
             "b1 BAD [TOOBIG] Command line is too long\r\n"
             "b2 BAD [TOOBIG] Literal is too large\r\n"
             "b3 BAD [TOOBIG] Literal is too large\r\n"
             "b4 NO [TOOBIG] Message is too large\r\n"
             "b5 OK [APPENDUID 1001 1] APPEND completed\r\n"
             "b6 OK NOOP completed\r\n");
}

/* What cannot be understood ends the session before anything behind it is read. */
static void unsafe(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "a CREATE {12 +}\r\nb LOGOUT\r\n",
        "a CREATE {99999999999999999999+}\r\nb LOGOUT\r\n",
        "a CREATE {-1+}\r\nb LOGOUT\r\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        chat_all(&(chat_how){.login = true}, NULL, lines[i], "* BYE Size of a literal expected\r\n");
    chat_all(&(chat_how){.login = true}, NULL, "a CREATE {104857602+}\r\nb LOGOUT\r\n",
             "* BYE [TOOBIG] Literal is far too large\r\n");
    chat_all(&(chat_how){.login = true}, NULL, "a APPEND INBOX {104857602+}\r\nb LOGOUT\r\n",
             "* BYE [TOOBIG] Literal is far too large\r\n");
}

static void forbidden_bytes(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_send(&t, span_of("a NOOP\0\r\nb CREATE {3+}\r\na\0b\r\nc NOOP \r\r\n", 39));
    chat_expect(&t, "d NOOP\r\n",
                "a BAD NUL is not allowed\r\nb BAD NUL is not allowed\r\nc BAD NOOP: Not understood\r\n"
                "d OK NOOP completed\r\n");
    chat_close(&t);
}

/* Bug class 3: before login one small budget for everything. */
static void strangers_budget(void **state)
{
    (void)state;
    chat t;
    ll_limits limits;
    ll_limits_init(&limits);
    chat_open(&t, &(chat_how){0});
    chat_contains(&t, "a LOGIN {8193}\r\n", "a BAD [TOOBIG] Literal is too large");
    chat_contains(&t, "a LOGIN {8000}\r\n", "+ OK");
    char fill[8001];
    memset(fill, 'x', sizeof fill - 1);
    fill[8000] = 0;
    chat_expect(&t, fill, "");
    chat_contains(&t, " {8000}\r\n", "a BAD [TOOBIG] Literal is too large");
    chat_close(&t);

    limits.prelogin_bytes = 100;
    chat_all(
        &(chat_how){.limits = &limits}, NULL,
        "a NOOP\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r"
        "\n",
        "a OK NOOP completed\r\n* BYE Too much before login\r\n");
    limits.prelogin_bytes = 65536;
    limits.prelogin_command_bytes = 30;
    chat_all(&(chat_how){.limits = &limits}, NULL,
             "a LOGIN 0123456789 0123456789 0123456789\r\n"
             "b ID (\"a\" \"b\")\r\n"
             "c ID ((\"a\" \"b\"))\r\n",
             "a BAD [TOOBIG] Command line is too long\r\n"
             "* ID (\"name\" \"Letterlock\")\r\nb OK ID completed\r\n"
             "c BAD ID: Not understood\r\n");
}

/* RFC 7888: before login LITERAL-, so what does not wait has at most 4,096 bytes; after it LITERAL+; never both. */
static void literal_minus(void **state)
{
    (void)state;
    enum { most = 4096 };
    static const char *const sizes[] = {"{4096+}\r\n", "{4097+}\r\n"};
    for (unsigned login = 0; login < 2; login++)
        for (unsigned more = 0; more < 2; more++) {
            chat t;
            chat_open(&t, &(chat_how){.login = login});
            chat_send(&t, SPAN("a CAPABILITY\r\n"));
            bool plus = strstr(text_str(&t.said), " LITERAL+ "), minus = strstr(text_str(&t.said), " LITERAL- ");
            assert_true(plus == (login == 1) && minus == !login);
            chat_contains(&t, login ? "b CREATE " : "b ID (\"name\" ", "CAPABILITY completed");
            char *fill = test_malloc(most + 8);
            memset(fill, 'x', most + more);
            strcpy(fill + most + more, login ? "\r\n" : ")\r\n");
            chat_send(&t, span_str(sizes[more]));
            chat_contains(&t, fill, login ? "b NO" : more ? "b BAD [TOOBIG] Literal is too large\r\n" : "b OK");
            chat_expect(&t, "c NOOP\r\n", "c OK NOOP completed\r\n");
            test_free(fill);
            chat_close(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announcements), cmocka_unit_test(literals),        cmocka_unit_test(refused),
        cmocka_unit_test(unsafe),        cmocka_unit_test(forbidden_bytes), cmocka_unit_test(strangers_budget),
        cmocka_unit_test(literal_minus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
