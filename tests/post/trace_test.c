/* trace_test.c - Return-Path and Received, to the byte; and nothing that a client says gets out of its place.
 * SPDX-License-Identifier: MIT */
#include "post/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static smtp_path path(const char *address)
{
    smtp_path p;
    assert_int_equal(smtp_path_address(&p, span_str(address), SMTP_PATH_UTF8, 64), LL_OK);
    return p;
}

static void check(const trace *t, const char *want)
{
    text out;
    text_init(&out, NULL, 8192);
    trace_write(t, &out);
    assert_string_equal(text_str(&out), want);
    text_fini(&out);
}

static void test_one_recipient(void **state)
{
    (void)state;
    smtp_path from = path("bob@a.example"), to = path("ann@b.example");
    trace t = {.from = &from,
               .to = &to,
               .helo = SPAN("mx.a.example"),
               .peer = SPAN("192.0.2.1"),
               .host = SPAN("mail.b.example"),
               .id = SPAN("s1.1"),
               .extended = true,
               .secure = true,
               .now = 1767225600};
    check(&t, "Return-Path: <bob@a.example>\r\n"
              "Received: from mx.a.example ([192.0.2.1])\r\n"
              "\tby mail.b.example (Letterlock) with ESMTPS id s1.1\r\n"
              "\tfor <ann@b.example>;\r\n"
              "\tThu, 01 Jan 2026 00:00:00 +0000\r\n");
}

static void test_bounce_to_many(void **state)
{
    (void)state;
    smtp_path from = {.null = true};
    trace t = {.from = &from,
               .helo = SPAN("x"),
               .peer = SPAN("2001:db8::1"),
               .host = SPAN("h"),
               .id = SPAN("l2.7"),
               .lmtp = true,
               .extended = true,
               .utf8 = true,
               .now = 0};
    check(&t, "Return-Path: <>\r\n"
              "Received: from x ([IPv6:2001:db8::1])\r\n"
              "\tby h (Letterlock) with UTF8LMTP id l2.7;\r\n"
              "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
}

static void test_client_cannot_forge(void **state)
{
    (void)state;
    smtp_path from = {.null = true};
    trace t = {.from = &from,
               .helo = SPAN("a)\r\nSubject: x (;<b>\\"),
               .peer = SPAN("unix"),
               .host = SPAN("h"),
               .id = SPAN("s1.1"),
               .now = 0};
    check(&t, "Return-Path: <>\r\n"
              "Received: from a???Subject:?x?\?\?\?b?\? (local)\r\n"
              "\tby h (Letterlock) with SMTP id s1.1;\r\n"
              "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_recipient),
        cmocka_unit_test(test_bounce_to_many),
        cmocka_unit_test(test_client_cannot_forge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
