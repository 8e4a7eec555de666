/* CATENATE (RFC 4469) with the RFC's examples, literal8 (RFC 3516), UTF8 (RFC 6855), MULTIAPPEND (RFC 3502).
 * SPDX-License-Identifier: MIT */
#include "chat.h"
#include "imap/append_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* The message of RFC 4469 appendix A: two parts, text and an attachment. UID 1 in Drafts; UIDVALIDITY is 1003. */
static const char original[] = "From: bar@example.org\r\nSubject: trip\r\nMIME-Version: 1.0\r\n"
                               "Content-Type: multipart/mixed; boundary=\"--0509\"\r\n\r\n"
                               "----0509\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"
                               "----0509\r\nContent-Type: application/x-zip-compressed\r\n"
                               "Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n"
                               "----0509--\r\n";

static void prepare(memory_store *store)
{
    memory_deliver(store, "Drafts", span_str(original), 0);
    memory_deliver(store, "Drafts", SPAN("new attachment\r\n"), 0);
    memory_deliver(store, "INBOX", SPAN("Subject: a\r\nTo: b\r\n\r\none\r\n"), 0);
    memory_create(store, "\xc3\xa4 & b", 0);
    memory_deliver(store, "\xc3\xa4 & b", SPAN("odd name"), 0);
}

static void expect_message(chat *t, const char *mailbox, uint32_t uid, ll_span want)
{
    ll_span got = memory_message(t->store, mailbox, uid);
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, want.size);
}

/* In all the ways that make no difference. */
static void converse(const char *send, const char *said, uint32_t uid, ll_span want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4});
        prepare(t.store);
        chat_expect(&t, send, said);
        expect_message(&t, "Drafts", uid, want);
        assert_int_equal(ll_view_count(memory_view(t.store, "Drafts")), uid);
        chat_close(&t);
    }
}

/* Example 1: another attachment for the draft, without moving the old parts over the wire. */
static void example_1(void **state)
{
    (void)state;
    converse("A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE "
             "(URL \"/Drafts;UIDVALIDITY=1003/;UID=1/;section=HEADER\" TEXT {12+}\r\n\r\n----0509\r\n"
             " URL \"/Drafts;UIDVALIDITY=1003/;UID=1/;section=1.MIME\""
             " URL \"/Drafts;UIDVALIDITY=1003/;UID=1/;section=1\" TEXT {12+}\r\n\r\n----0509\r\n"
             " URL \"/Drafts;UIDVALIDITY=1003/;UID=2\" TEXT {14+}\r\n\r\n----0509--\r\n)\r\n",
             "A003 OK [APPENDUID 1003 3] APPEND completed\r\n", 3,
             SPAN("From: bar@example.org\r\nSubject: trip\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: multipart/mixed; boundary=\"--0509\"\r\n\r\n"
                  "\r\n----0509\r\nContent-Type: text/plain\r\n\r\nHello.\r\n----0509\r\n"
                  "new attachment\r\n\r\n----0509--\r\n"));
}

/* Example 2: the client waits for each literal; the URL between them is copied first. */
static void example_2(void **state)
{
    (void)state;
    converse("A003 APPEND Drafts (\\Seen) CATENATE (TEXT {16}\r\nSubject: new\r\n\r\n"
             " URL \"/Drafts;UIDVALIDITY=1003/;UID=1/;Section=2.MIME\""
             " URL \"/Drafts;UIDVALIDITY=1003/;UID=1/;Section=2\" TEXT {4}\r\nend.)\r\n",
             "+ OK\r\n+ OK\r\nA003 OK [APPENDUID 1003 3] APPEND completed\r\n", 3,
             SPAN("Subject: new\r\n\r\nContent-Type: application/x-zip-compressed\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\nUEsDBA==end."));
}

static void other_forms(void **state)
{
    (void)state;
    /* no literal at all; a URL as a literal, as an atom, percent-encoded; a computed section; the same message twice */
    converse("a APPEND Drafts CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(TO)\" "
             "URL {36}\r\n/%c3%a4%20&%20b/;UID=1/;SECTION=TEXT"
             " URL /inbox/;UID=1 URL /INBOX;UID=1;SECTION=TEXT)\r\n",
             "+ OK\r\na OK [APPENDUID 1003 3] APPEND completed\r\n", 3,
             SPAN("To: b\r\n\r\nodd nameSubject: a\r\nTo: b\r\n\r\none\r\none\r\n"));
    converse("a APPEND Drafts \" 1-Feb-2020 03:04:05 +0100\" CATENATE (URL \"/%C3%A4 %26 b/;UID=1\")\r\n",
             "a OK [APPENDUID 1003 3] APPEND completed\r\n", 3, SPAN("odd name"));
    /* beside another message of the same command */
    converse("a APPEND Drafts {3+}\r\nabc (\\Seen) CATENATE (TEXT {2+}\r\nde TEXT {0+}\r\n TEXT {1+}\r\nf)\r\n",
             "a OK [APPENDUID 1003 3:4] APPEND completed\r\n", 4, SPAN("def"));
}

/* Example 4, and everything else that is not a part of a message. Nothing is appended, and what follows is understood.
 */
static void bad_urls(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "/INBOX;UIDVALIDITY=1001/;UID=113330/;section=1.5.9",
        "/INBOX;UIDVALIDITY=1001/;UID=1/;section=1.5.9",
        "/INBOX;UIDVALIDITY=9/;UID=1",
        "/none/;UID=1",
        "/INBOX/;UID=0",
        "/INBOX/;UID=",
        "/INBOX",
        "/;UID=1",
        "",
        "/",
        "INBOX/;UID=1",
        "imap://user@server/INBOX/;UID=1",
        "http://localhost/",
        "/INBOX/;UID=1/;SECTION=NONSENSE",
        "/INBOX/;UID=1/;SECTION=1] x",
        "/INBOX/;UID=1/;PARTIAL=",
        "/INBOX/;UID=1/;PARTIAL=0.0",
        "/INBOX/;UID=1/;PARTIAL=0.5.1",
        "/INBOX/;UID=1/;PARTIAL=*",
        "/INBOX/;UID=1/;PARTIAL=1/;SECTION=TEXT",
        "/INBOX/;UID=1x",
        "/IN%0ABOX/;UID=1",
        "/INBOX%/;UID=1",
        "/INBOX%4/;UID=1",
        "/a//b/;UID=1",
        "/INBOX;UIDVALIDITY=/;UID=1",
        "/INBOX;UIDVALIDITY=1001x/;UID=1",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        char send[600], want[300], shown[100];
        snprintf(shown, sizeof shown, "%s", urls[i]);
        for (char *at = shown; *at; at++)
            *at = *at == ']' ? '?' : *at;
        snprintf(send, sizeof send,
                 "a APPEND Drafts CATENATE (TEXT {3+}\r\nabc URL \"%s\" TEXT {10+}\r\nx LOGOUT\r\n)\r\nb NOOP\r\n",
                 urls[i]);
        snprintf(want, sizeof want, "a NO [BADURL \"%s\"] There is no such message part\r\nb OK NOOP completed\r\n",
                 shown);
        for (unsigned way = 0; way < 4; way++) {
            chat t;
            chat_open(&t, &(chat_how){.login = true, .bytes = way & 1, .later = way & 2});
            prepare(t.store);
            chat_expect(&t, send, want);
            assert_int_equal(ll_view_count(memory_view(t.store, "Drafts")), 2);
            chat_close(&t);
        }
    }
}

static void syntax(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.catenate_parts = 3;
    limits.literal_bytes = 100;
    chat_all(&(chat_how){.login = true, .limits = &limits}, prepare,
             "a1 APPEND Drafts CATENATE ()\r\n"
             "a2 APPEND Drafts CATENATE (URL)\r\n"
             "a3 APPEND Drafts CATENATE (TEXT \"x\")\r\n"
             "a4 APPEND Drafts CATENATE (TEXT {3+}\r\nabc\r\n"
             "a5 APPEND Drafts CATENATE (TEXT {3+}\r\nabc))\r\n"
             "a6 APPEND Drafts CATENATE (TEXT {3+}\r\nabc TEXT {10+}\r\nx LOGOUT\r\n TEXT {1+}\r\na TEXT {1+}\r\nb)\r\n"
             "a7 APPEND Drafts CATENATE (TEXT {60+}\r\n0123456789012345678901234567890123456789012345678901234567"
             "\r\n TEXT {60+}\r\n0123456789012345678901234567890123456789012345678901234567\r\n)\r\n"
             "a8 APPEND none CATENATE (TEXT {3+}\r\nabc)\r\n"
             "a9 APPEND Drafts CATENATE (URL /Drafts/;UID=1)\r\n"
             "b1 APPEND Drafts CATENATE (TEXT {200+}\r\n"
             "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\r\n"
             "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567\r\n"
             ")\r\n"
             "b2 APPEND Drafts CATENATE (FOO {3+}\r\nabc)\r\n"
             "b3 APPEND Drafts CATENATE(TEXT {3+}\r\nabc)\r\n"
             "b4 STATUS Drafts (MESSAGES)\r\n",
             "a1 BAD APPEND: Not understood\r\n"
             "a2 BAD APPEND: Not understood\r\n"
             "a3 BAD APPEND: Not understood\r\n"
             "a4 BAD APPEND: Not understood\r\n"
             "a5 BAD APPEND: Not understood\r\n"
             "a6 NO [LIMIT] APPEND failed: is over a limit\r\n"
             "a7 NO [TOOBIG] Message is too large\r\n"
             "a8 NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
             "a9 NO [TOOBIG] Message is too large\r\n"
             "b1 NO [TOOBIG] Message is too large\r\n"
             "b2 BAD APPEND: Not understood\r\n"
             "b3 BAD APPEND: Not understood\r\n"
             "* STATUS \"Drafts\" (MESSAGES 2)\r\nb4 OK STATUS completed\r\n");
}

/* --- MULTIAPPEND: RFC 3502 section 6.3.11's example, and all or nothing --- */

static void several(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "A003 APPEND Sent (\\Seen) {7}\r\nmessage (\\Seen) \" 7-Feb-1994 22:43:04 -0800\" {6}\r\nsecond\r\n"
             "A004 APPEND Sent {3+}\r\none (\\Seen {3+}\r\ntwo\r\n"
             "A005 APPEND Sent {3+}\r\none {3+}\r\ntwo trailing {3+}\r\nsix\r\n"
             "A006 STATUS Sent (MESSAGES UNSEEN)\r\n",
             "+ OK\r\n+ OK\r\nA003 OK [APPENDUID 1002 1:2] APPEND completed\r\n"
             "A004 BAD APPEND: Not understood\r\n"
             "A005 BAD APPEND: Not understood\r\n"
             "* STATUS \"Sent\" (MESSAGES 2 UNSEEN 0)\r\nA006 OK STATUS completed\r\n");
}

/* --- literal8 and UTF8 --- */

static void literal8(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .bytes = bytes});
        chat_expect(&t, "a APPEND INBOX (\\Seen) ~{9}\r\n", "+ OK\r\n");
        chat_send(&t, SPAN("\r\n\r\n\0\xff\0\r\n\r\n"));
        chat_expect(&t, "", "a OK [APPENDUID 1001 1] APPEND completed\r\n");
        expect_message(&t, "INBOX", 1, SPAN("\r\n\r\n\0\xff\0\r\n"));
        chat_expect(&t, "b APPEND INBOX ~{3+}\r\nabc ~{3+}\r\ndef\r\n",
                    "b OK [APPENDUID 1001 2:3] APPEND completed\r\n");
        chat_expect(&t, "c APPEND INBOX CATENATE (TEXT ~{3+}\r\nabc)\r\n",
                    "c OK [APPENDUID 1001 4] APPEND completed\r\n");
        chat_close(&t);
    }
}

static void utf8(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a1 APPEND Sent UTF8 (~{9+}\r\nSubject: )\r\n"
             "a2 ENABLE UTF8=ACCEPT\r\n"
             "a3 APPEND Sent (\\Seen) UTF8 (~{15+}\r\nSubject: \xc3\xa4\r\n\r\n)\r\n"
             "a4 APPEND Sent UTF8 ({9+}\r\nSubject: )\r\n"
             "a5 APPEND Sent UTF8 (~{9+}\r\nSubject: \r\n"
             "a6 APPEND Sent UTF8 (~{9+}\r\nSubject: ) UTF8 (~{3+}\r\nabc)\r\n"
             "a7 APPEND Sent CATENATE (TEXT {3+}\r\nabc UTF8 (~{3+}\r\ndef) TEXT {1+}\r\ng)\r\n"
             "a8 APPEND Sent CATENATE (UTF8 (~{3+}\r\ndef TEXT {1+}\r\ng)\r\n"
             "a9 STATUS Sent (MESSAGES SIZE)\r\n",
             "a1 NO [CANNOT] ENABLE UTF8=ACCEPT first\r\n"
             "* ENABLED UTF8=ACCEPT\r\na2 OK ENABLE completed\r\n"
             "a3 OK [APPENDUID 1002 1] APPEND completed\r\n"
             "a4 BAD APPEND: Not understood\r\n"
             "a5 BAD APPEND: Not understood\r\n"
             "a6 OK [APPENDUID 1002 2:3] APPEND completed\r\n"
             "a7 OK [APPENDUID 1002 4] APPEND completed\r\n"
             "a8 BAD APPEND: Not understood\r\n"
             "* STATUS \"Sent\" (MESSAGES 4 SIZE 34)\r\na9 OK STATUS completed\r\n");
}

/* The session ends at any point of it. */
static void abandoned(void **state)
{
    (void)state;
    for (int steps = 0; steps < 12; steps++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .later = true, .held = true});
        prepare(t.store);
        ll_span left = SPAN("a APPEND Drafts CATENATE (URL \"/INBOX/;UID=1/;SECTION=HEADER\" TEXT {3+}\r\nabc "
                            "URL \"/Drafts/;UID=1/;SECTION=2\") CATENATE (URL /INBOX/;UID=1)\r\n");
        for (int i = 0; i <= steps; i++) {
            size_t taken = 1;
            while (left.size && taken) {
                assert_int_equal(ll_session_input(t.session, left, &taken), LL_OK);
                left = span_from(left, taken);
            }
            if (i < steps)
                memory_complete(t.store);
        }
        chat_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_1), cmocka_unit_test(example_2), cmocka_unit_test(other_forms),
        cmocka_unit_test(bad_urls),  cmocka_unit_test(syntax),    cmocka_unit_test(several),
        cmocka_unit_test(literal8),  cmocka_unit_test(utf8),      cmocka_unit_test(abandoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
