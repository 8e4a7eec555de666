/* smtp_server_test.c - conversations, each in one piece and in pieces of many sizes: same replies, same calls.
 * SPDX-License-Identifier: MIT
 *
 * Replies are compared in short: code and enhanced code of each line, "250-" lines by their words. */
#include "smtp_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define EHLO   "EHLO c\r\n"
#define LHLO   "LHLO c\r\n"
#define BEGIN  EHLO "MAIL FROM:<a@b>\r\nRCPT TO:<x@d>\r\n"
#define BEGUN  "220|ehlo|250 2.1.0|250 2.1.5|"
#define EVENTS "helo c;mail a@b;rcpt x@d;"
#define MAIL   "MAIL FROM:<a@b>\r\n"
#define RCPT   "RCPT TO:<x@d>\r\n"
#define QUIT   "QUIT\r\n"

/* "250 2.1.0|354|..."; the answer to EHLO is "ehlo|". */
static void shorten(ll_span replies, text *out)
{
    while (replies.size) {
        size_t end = span_find(replies, '\r');
        ll_span line_ = span_first(replies, end);
        replies = span_from(replies, end + 2);
        if (line_.size > 3 && line_.data[3] == '-') {
            if (span_starts_nocase(line_, SPAN("250-mx.test greets")))
                text_add_str(out, "ehlo|");
            continue;
        }
        if (span_equal(line_, SPAN("250 ENHANCEDSTATUSCODES")))
            continue;
        text_add(out, span_first(line_, 3));
        if (line_.size > 6 && line_.data[5] == '.')
            text_add(out, span_of(line_.data + 3, span_find(span_from(line_, 4), ' ') + 1));
        text_add_byte(out, '|');
    }
}

typedef struct conversation {
    unsigned flags;
    const char *input, *replies, *events;
} conversation;

static void run(const conversation *c, size_t step)
{
    talk t;
    talk_init(&t, c->flags, NULL);
    talk_send(&t, span_str(c->input), step);
    text got;
    text_init(&got, NULL, 65536);
    shorten(text_span(&t.replies), &got);
    if (strcmp(text_str(&got), c->replies) != 0 || strcmp(text_str(&t.events), c->events) != 0)
        print_error("step %zu of:\n%s\n%s\n", step, c->input, text_str(&t.replies));
    assert_string_equal(text_str(&got), c->replies);
    assert_string_equal(text_str(&t.events), c->events);
    text_fini(&got);
    talk_fini(&t);
}

static void run_all(const conversation *table, size_t count)
{
    static const size_t steps[] = {1 << 20, 1, 2, 3, 5, 7, 16, 61};
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++)
            run(&table[i], steps[j]);
}

#define RUN(table) run_all(table, sizeof table / sizeof table[0])

static void test_commands(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, "", "220|", ""},
        {0, QUIT "NOOP\r\n", "220|221 2.0.0|", ""},
        {0, "HELO c\r\n" QUIT, "220|250|221 2.0.0|", "HELO c;"},
        {0, EHLO "noop x\r\nRset\r\nVRFY a\r\nVRFY\r\nEXPN a\r\nHELP\r\n",
         "220|ehlo|250 2.0.0|250 2.0.0|252 2.1.5|501 5.5.4|502 5.5.1|214 2.0.0|", "helo c;"},
        {0, "EHLO\r\nEHLO a\x01\r\nEHLO \xc3\xb6\r\nEHLO [1.2.3.4] junk\r\n", "220|501 5.5.4|501 5.5.4|501 5.5.4|ehlo|",
         "helo [1.2.3.4];"},
        {0, "LHLO c\r\nFOO\r\n\r\nAUTH PLAIN AAAA\r\n" MAIL, "220|500 5.5.2|500 5.5.2|500 5.5.2|500 5.5.2|503 5.5.1|",
         ""},
        {0, EHLO RCPT "DATA\r\n" MAIL MAIL "DATA\r\nRSET x\r\n",
         "220|ehlo|503 5.5.1|503 5.5.1|250 2.1.0|503 5.5.1|554 5.5.1|501 5.5.4|", "helo c;mail a@b;"},
        {0, EHLO "POST / HTTP/1.1\r\n" BEGIN, "220|ehlo|421 4.7.0|", "helo c;"},
        {0, BEGIN EHLO "DATA\r\n", BEGUN "ehlo|503 5.5.1|", EVENTS "reset;helo c;"},
        {0, BEGIN "RSET\r\n" MAIL QUIT, BEGUN "250 2.0.0|250 2.1.0|221 2.0.0|", EVENTS "reset;mail a@b;reset;"},
        {0, EHLO "NOOP\nNOOP\r\nNO\rOP\r\n", "220|ehlo|500 5.5.2|500 5.5.2|", "helo c;"},
        {0, EHLO "MAIL FROM:<a@b>\nRCPT TO:<c@d>\r\n" RCPT, "220|ehlo|500 5.5.2|503 5.5.1|", "helo c;"},
    };
    RUN(table);
}

static void test_envelope(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, EHLO "mail from: <> size=7 body=8bitmime smtputf8\r\nrcpt to:<postmaster>\r\n",
         "220|ehlo|250 2.1.0|250 2.1.5|", "helo c;mail  size=7 8bit utf8;rcpt postmaster;"},
        {0, EHLO "MAIL FROM:a@b\r\nMAIL <a@b>\r\nMAIL FROM:<a@b> FOO\r\nMAIL FROM:<a@b> SIZE\r\nMAIL FROM:<a@b>X\r\n",
         "220|ehlo|501 5.1.7|501 5.5.4|555 5.5.4|555 5.5.4|501 5.5.4|", "helo c;"},
        {0,
         EHLO
         "MAIL FROM:<a@b> SIZE=x\r\nMAIL FROM:<a@b> SIZE=99999999999999999999\r\nMAIL FROM:<a@b> BODY=BINARYMIME\r\n"
         "MAIL FROM:<a@b> SMTPUTF8=1\r\nMAIL FROM:<a@b> SIZE=1 SIZE=1\r\n",
         "220|ehlo|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|501 5.5.4|", "helo c;"},
        {0, EHLO "MAIL FROM:<a@b> SIZE=52428801\r\nMAIL FROM:<a@b> SIZE=52428800\r\n", "220|ehlo|552 5.3.4|250 2.1.0|",
         "helo c;mail a@b size=52428800;"},
        {0,
         EHLO
         "MAIL FROM:<\xc3\xb6@b>\r\nMAIL FROM:<\xc3\xb6@b> SMTPUTF8\r\nRCPT TO:<\xc3\xa4@d>\r\nRCPT TO:<\xc3@d>\r\n",
         "220|ehlo|553 5.6.7|250 2.1.0|250 2.1.5|501 5.1.3|", "helo c;mail \xc3\xb6@b utf8;rcpt \xc3\xa4@d;"},
        {0, EHLO MAIL "RCPT TO:<\xc3\xa4@d>\r\nRCPT TO:<>\r\nRCPT TO:<x@d> NOTIFY=NEVER\r\n",
         "220|ehlo|250 2.1.0|553 5.6.7|501 5.1.3|555 5.5.4|", "helo c;mail a@b;"},
        {0, "HELO c\r\nMAIL FROM:<a@b> SMTPUTF8\r\n", "220|250|555 5.5.4|", "HELO c;"},
        {0, EHLO "MAIL FROM:<bad@b>\r\n" MAIL "RCPT TO:<no@d>\r\nRCPT TO:<grey@d>\r\nDATA\r\n",
         "220|ehlo|550 5.7.1|250 2.1.0|550 5.1.1|451 4.7.1|554 5.5.1|",
         "helo c;mail bad@b;mail a@b;rcpt no@d;rcpt grey@d;"},
        {0, EHLO "MAIL FROM:<goodbye@b>\r\n" EHLO, "220|ehlo|421 4.3.2|", "helo c;mail goodbye@b;"},
    };
    RUN(table);
}

static void test_data(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, BEGIN "DATA\r\nA: b\r\n\r\n..c\r\n.\r\n" QUIT, BEGUN "354|250 2.0.0|221 2.0.0|",
         EVENTS "begin;data[A: b\r\n\r\n.c\r\n];end;"},
        {0, BEGIN "DATA\r\n.\r\n" MAIL, BEGUN "354|250 2.0.0|250 2.1.0|", EVENTS "begin;end;mail a@b;"},
        /* RFC 2920: everything at once, with a refused recipient between. */
        {0, EHLO MAIL "RCPT TO:<no@d>\r\n" RCPT "DATA\r\nx\r\n.\r\n" MAIL RCPT "DATA\r\ny\r\n.\r\n" QUIT,
         "220|ehlo|250 2.1.0|550 5.1.1|250 2.1.5|354|250 2.0.0|250 2.1.0|250 2.1.5|354|250 2.0.0|221 2.0.0|",
         "helo c;mail a@b;rcpt no@d;rcpt x@d;begin;data[x\r\n];end;mail a@b;rcpt x@d;begin;data[y\r\n];end;"},
        {0, EHLO "MAIL FROM:<beginno@b>\r\n" RCPT "DATA\r\nRSET\r\n",
         "220|ehlo|250 2.1.0|250 2.1.5|554 5.7.1|250 2.0.0|", "helo c;mail beginno@b;rcpt x@d;begin;reset;"},
        {0, EHLO "MAIL FROM:<datano@b>\r\n" RCPT "DATA\r\nx\r\ny\r\n.\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|354|452 4.3.1|250 2.1.0|",
         "helo c;mail datano@b;rcpt x@d;begin;reset;mail a@b;"},
        {0, EHLO "MAIL FROM:<endno@b>\r\n" RCPT "DATA\r\nx\r\n.\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|354|552 5.2.2|250 2.1.0|",
         "helo c;mail endno@b;rcpt x@d;begin;data[x\r\n];end;mail a@b;"},
        {0, BEGIN "DATA x\r\nDATA\r\nx", BEGUN "501 5.5.4|354|", EVENTS "begin;data[x];"},
    };
    RUN(table);
}

/* Answers that come later: pipelined commands wait for them. */
static void test_later(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, EHLO "MAIL FROM:<later@b>\r\nRCPT TO:<later@d>\r\nRCPT TO:<laterno@d>\r\n" RCPT "DATA\r\nx\r\n.\r\n" QUIT,
         "220|ehlo|250 2.1.0|250 2.1.5|550 5.1.1|250 2.1.5|354|250 2.0.0|221 2.0.0|",
         "helo c;mail later@b;rcpt later@d;rcpt laterno@d;rcpt x@d;begin;data[x\r\n];end;"},
        {0, EHLO "MAIL FROM:<later@b>\r\n" RCPT "BDAT 3\r\nx\r\nBDAT 0 LAST\r\n" QUIT,
         "220|ehlo|250 2.1.0|250 2.1.5|250 2.0.0|250 2.0.0|221 2.0.0|",
         "helo c;mail later@b;rcpt x@d;begin;data[x\r\n];end;"},
        {SMTP_SERVER_LMTP,
         LHLO "MAIL FROM:<later@b>\r\nRCPT TO:<full@d>\r\n" RCPT "RCPT TO:<full2@d>\r\nBDAT 0 LAST\r\n" QUIT,
         "220|ehlo|250 2.1.0|250 2.1.5|250 2.1.5|250 2.1.5|552 5.2.2|250 2.0.0|552 5.2.2|221 2.0.0|",
         "helo c;mail later@b;rcpt full@d;rcpt x@d;rcpt full2@d;begin;end;"},
    };
    RUN(table);
}

static void test_smuggling(void **state)
{
    (void)state;
#define SMUGGLED "MAIL FROM:<evil@b>\r\nRCPT TO:<x@d>\r\nDATA\r\n"
    static const char *const fakes[] = {"x\n.\n",    "x\n.\r\n",     "x\r\n.\n",   "x\r.\r",     "x\r.\r\n",
                                        "x\r\n.\r",  "x\r\n.\r\r\n", "x\r\r\n.\n", "x\n\n.\r\n", "x\r\n\n.\n",
                                        "x\n.\r\n.", "x\r\r\n.\r",   "\n.\n",      ".\n",        ".\r",
                                        ".\r\r\n",   "\n.\r\n",      "\r.\r\n",    "x\r\n.\n\r", "x\n\r.\n\r"};
    for (size_t i = 0; i < sizeof fakes / sizeof fakes[0]; i++) {
        char input[512];
        static const size_t steps[] = {1 << 20, 1, 2, 3, 5};
        snprintf(input, sizeof input, "%sDATA\r\n%s%sy\r\n.\r\n%s", BEGIN, fakes[i], SMUGGLED, QUIT);
        for (size_t j = 0; j < sizeof steps / sizeof steps[0]; j++) {
            talk t;
            talk_init(&t, 0, NULL);
            talk_send(&t, span_str(input), steps[j]);
            text got;
            text_init(&got, NULL, 65536);
            shorten(text_span(&t.replies), &got);
            assert_string_equal(text_str(&got), BEGUN "354|550 5.6.0|221 2.0.0|");
            assert_null(strstr(text_str(&t.events), "evil@b;")); /* it may be in the content, it is no command */
            assert_null(strstr(text_str(&t.events), "end;"));
            assert_non_null(strstr(text_str(&t.events), "reset;"));
            text_fini(&got);
            talk_fini(&t);
        }
    }
    static const conversation table[] = {
        {0, BEGIN "DATA\r\na\nb\r\n.\r\n" MAIL, BEGUN "354|550 5.6.0|250 2.1.0|",
         EVENTS "begin;data[a];reset;mail a@b;"},
        {SMTP_SERVER_LMTP, LHLO MAIL RCPT RCPT "DATA\r\na\rb\r\n.\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|250 2.1.5|354|550 5.6.0|550 5.6.0|250 2.1.0|",
         "helo c;mail a@b;rcpt x@d;rcpt x@d;begin;data[a\r];reset;mail a@b;"},
        {0, BEGIN "BDAT 6 LAST\r\na\n.\r\nbNOOP\r\n", BEGUN "550 5.6.0|250 2.0.0|", EVENTS "begin;data[a];reset;"},
        {0, BEGIN "BDAT 2\r\na\rBDAT 1 LAST\r\n\nNOOP\r\n", BEGUN "250 2.0.0|250 2.0.0|250 2.0.0|",
         EVENTS "begin;data[a\r\n];end;"},
        {0, BEGIN "BDAT 2 LAST\r\na\rNOOP\r\n", BEGUN "550 5.6.0|250 2.0.0|", EVENTS "begin;data[a\r];reset;"},
        {0, BEGIN "BDAT 2\r\na\rBDAT 0 LAST\r\nNOOP\r\n", BEGUN "250 2.0.0|550 5.6.0|250 2.0.0|",
         EVENTS "begin;data[a\r];reset;"},
        {0, BEGIN "BDAT 3\r\na\nbRSET\r\n" MAIL, BEGUN "550 5.6.0|250 2.0.0|250 2.1.0|",
         EVENTS "begin;data[a];reset;mail a@b;"},
    };
    RUN(table);
}

static void test_chunking(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, BEGIN "BDAT 5\r\na\r\n.\rBDAT 4 LAST\r\n\nb\r\n" QUIT, BEGUN "250 2.0.0|250 2.0.0|221 2.0.0|",
         EVENTS "begin;data[a\r\n.\r\nb\r\n];end;"},
        {0, BEGIN "bdat 3 last\r\n..x" MAIL, BEGUN "250 2.0.0|250 2.1.0|", EVENTS "begin;data[..x];end;mail a@b;"},
        {0, BEGIN "BDAT 1\r\nxDATA\r\n" RCPT MAIL "BDAT 0 LAST\r\n",
         BEGUN "250 2.0.0|503 5.5.1|503 5.5.1|503 5.5.1|250 2.0.0|", EVENTS "begin;data[x];end;"},
        {0, BEGIN "BDAT 1\r\nxRSET\r\nBDAT 6\r\nQUIT\r\nNOOP\r\n", BEGUN "250 2.0.0|250 2.0.0|503 5.5.1|250 2.0.0|",
         EVENTS "begin;data[x];reset;"},
        {0, "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "220|503 5.5.1|250 2.0.0|", ""},
        {0, EHLO MAIL "RCPT TO:<no@d>\r\nBDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n" RCPT,
         "220|ehlo|250 2.1.0|550 5.1.1|554 5.5.1|554 5.5.1|250 2.1.5|", "helo c;mail a@b;rcpt no@d;rcpt x@d;"},
        {SMTP_SERVER_LMTP, LHLO MAIL "RCPT TO:<no@d>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
         "220|ehlo|250 2.1.0|550 5.1.1|503 5.5.1|250 2.0.0|", "helo c;mail a@b;rcpt no@d;"},
        /* Refused before the content; the chunks are read, and the last one clears the air. */
        {0, EHLO "MAIL FROM:<beginno@b>\r\n" RCPT "BDAT 6\r\nQUIT\r\n" MAIL "BDAT 6 LAST\r\nQUIT\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|554 5.7.1|503 5.5.1|503 5.5.1|250 2.1.0|",
         "helo c;mail beginno@b;rcpt x@d;begin;reset;mail a@b;"},
        {0, EHLO "MAIL FROM:<beginno@b>\r\n" RCPT "BDAT 6 LAST\r\nQUIT\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|554 5.7.1|250 2.1.0|", "helo c;mail beginno@b;rcpt x@d;begin;reset;mail a@b;"},
        {0, EHLO "MAIL FROM:<datano@b>\r\n" RCPT "BDAT 1\r\nxBDAT 1\r\nyRSET\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|452 4.3.1|503 5.5.1|250 2.0.0|250 2.1.0|",
         "helo c;mail datano@b;rcpt x@d;begin;reset;mail a@b;"},
        {0, BEGIN "BDAT x\r\n" MAIL, BEGUN "421 4.5.0|", EVENTS "reset;"},
        {0, BEGIN "BDAT 5 LOST\r\n" MAIL, BEGUN "421 4.5.0|", EVENTS "reset;"},
        {0, BEGIN "BDAT 99999999999999999999\r\n" MAIL, BEGUN "421 4.5.0|", EVENTS "reset;"},
        {0, BEGIN "BDAT -1\r\n" MAIL, BEGUN "421 4.5.0|", EVENTS "reset;"},
        {0, BEGIN "BDAT 1\rx\r\n" MAIL, BEGUN "421 4.5.0|", EVENTS "reset;"},
        {0, BEGIN "BDAT 18446744073709551615 LAST\r\n" MAIL, BEGUN, EVENTS "begin;reset;"},
        {SMTP_SERVER_NO_CHUNKING, BEGIN "BDAT 1 LAST\r\n", BEGUN "502 5.5.1|", EVENTS},
    };
    RUN(table);
}

static void test_lmtp(void **state)
{
    (void)state;
    static const conversation table[] = {
        {SMTP_SERVER_LMTP, "HELO c\r\nEHLO c\r\n" LHLO, "220|500 5.5.2|500 5.5.2|ehlo|", "helo c;"},
        {SMTP_SERVER_LMTP,
         LHLO MAIL "RCPT TO:<full@d>\r\nRCPT TO:<no@d>\r\n" RCPT "RCPT TO:<y@d>\r\nDATA\r\nx\r\n.\r\n" MAIL,
         "220|ehlo|250 2.1.0|250 2.1.5|550 5.1.1|250 2.1.5|250 2.1.5|354|552 5.2.2|250 2.0.0|250 2.0.0|250 2.1.0|",
         "helo c;mail a@b;rcpt full@d;rcpt no@d;rcpt x@d;rcpt y@d;begin;data[x\r\n];end;mail a@b;"},
        {SMTP_SERVER_LMTP, LHLO MAIL "DATA\r\n", "220|ehlo|250 2.1.0|503 5.5.1|", "helo c;mail a@b;"},
        {SMTP_SERVER_LMTP, LHLO "MAIL FROM:<datano@b>\r\n" RCPT RCPT "DATA\r\nx\r\n.\r\n",
         "220|ehlo|250 2.1.0|250 2.1.5|250 2.1.5|354|452 4.3.1|452 4.3.1|",
         "helo c;mail datano@b;rcpt x@d;rcpt x@d;begin;reset;"},
    };
    RUN(table);
}

static void test_starttls(void **state)
{
    (void)state;
    static const conversation table[] = {
        {0, EHLO "STARTTLS x\r\nSTARTTLS\r\n", "220|ehlo|501 5.5.4|220 2.0.0|", "helo c;tls;"},
        {0, EHLO MAIL "STARTTLS\r\n", "220|ehlo|250 2.1.0|503 5.5.1|", "helo c;mail a@b;"},
        {SMTP_SERVER_SECURE, EHLO "STARTTLS\r\n", "220|ehlo|503 5.5.1|", "helo c;"},
    };
    RUN(table);
}

/* CVE-2011-0411 and its many children: commands in clear behind STARTTLS must be gone after the handshake. */
static void test_starttls_injection(void **state)
{
    (void)state;
    for (size_t step = 1; step < 80; step += 3) {
        talk t;
        talk_init(&t, 0, NULL);
        ll_span input = SPAN(EHLO "STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<x");
        while (input.size) {
            size_t taken;
            assert_int_equal(smtp_server_input(t.server, span_first(input, step), &taken), LL_OK);
            assert_true(taken > 0);
            input = span_from(input, taken);
        }
        talk_drain(&t);
        assert_int_equal(smtp_server_wants(t.server), LL_WANTS_TLS);
        assert_int_equal(smtp_server_timeout_ms(t.server), 0);
        smtp_server_secured(t.server);
        assert_int_equal(smtp_server_wants(t.server), LL_WANTS_INPUT);
        assert_true(smtp_server_is_secure(t.server));
        assert_int_equal(smtp_server_helo(t.server).size, 0);
        talk_send(&t, SPAN(MAIL EHLO MAIL), step); /* the greeting must be said again */
        text got;
        text_init(&got, NULL, 65536);
        shorten(text_span(&t.replies), &got);
        assert_string_equal(text_str(&got), "220|ehlo|220 2.0.0|503 5.5.1|ehlo|250 2.1.0|");
        assert_string_equal(text_str(&t.events), "helo c;tls;helo c;mail a@b;");
        text_fini(&got);
        talk_fini(&t);
    }
}

static void test_extensions_are_listed(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    talk_send(&t, SPAN(EHLO "STARTTLS\r\n"), 100);
    text_clear(&t.replies);
    talk_send(&t, SPAN(EHLO), 100);
    assert_string_equal(text_str(&t.replies),
                        "250-mx.test greets 192.0.2.1\r\n250-SIZE 52428800\r\n250-CHUNKING\r\n"
                        "250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n");
    talk_fini(&t);
    talk_init(&t, SMTP_SERVER_NO_CHUNKING, NULL);
    talk_send(&t, SPAN(EHLO), 100);
    assert_non_null(strstr(text_str(&t.replies), "250-STARTTLS\r\n"));
    assert_null(strstr(text_str(&t.replies), "CHUNKING"));
    talk_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_envelope),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_smuggling),
        cmocka_unit_test(test_chunking),
        cmocka_unit_test(test_lmtp),
        cmocka_unit_test(test_starttls),
        cmocka_unit_test(test_starttls_injection),
        cmocka_unit_test(test_extensions_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
