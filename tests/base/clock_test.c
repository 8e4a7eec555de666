/* clock_test.c - seconds and the calendar.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *imap, *rfc5322, *iso;
    } rows[] = {
        {0, "01-Jan-1970 00:00:00 +0000", "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"},
        {-1, "31-Dec-1969 23:59:59 +0000", "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59Z"},
        {951782400, "29-Feb-2000 00:00:00 +0000", "Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z"},
        {4107542400, "01-Mar-2100 00:00:00 +0000", "Mon, 01 Mar 2100 00:00:00 +0000", "2100-03-01T00:00:00Z"},
        {INT64_MAX, "31-Dec-9999 23:59:59 +0000", "Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z"},
        {INT64_MIN, "01-Jan-0000 00:00:00 +0000", "Sat, 01 Jan 0000 00:00:00 +0000", "0000-01-01T00:00:00Z"},
    };
    text t;
    text_init(&t, NULL, 100);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        clock_add_imap(&t, rows[i].seconds, 0);
        assert_string_equal(text_str(&t), rows[i].imap);
        text_clear(&t);
        clock_add_rfc5322(&t, rows[i].seconds);
        assert_string_equal(text_str(&t), rows[i].rfc5322);
        text_clear(&t);
        clock_add_iso(&t, rows[i].seconds);
        assert_string_equal(text_str(&t), rows[i].iso);
        text_clear(&t);
    }
    clock_add_imap(&t, 951782400, -90); /* in another zone */
    assert_string_equal(text_str(&t), "28-Feb-2000 22:30:00 -0130");
    text_clear(&t);
    clock_add_imap(&t, 951782400, 345);
    assert_string_equal(text_str(&t), "29-Feb-2000 05:45:00 +0545");
    text_clear(&t);
    clock_add_imap(&t, INT64_MAX, 60);
    assert_string_equal(text_str(&t), "31-Dec-9999 23:59:59 +0100");
    text_fini(&t);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int64_t seconds = INT64_C(-62167219200); seconds < INT64_C(253402300800); seconds += 86400 * 97 + 12345) {
        clock_civil c = clock_from_seconds(seconds);
        assert_true(clock_civil_valid(&c));
        assert_int_equal(clock_to_seconds(&c), seconds);
    }
}

static void test_parse(void **state)
{
    (void)state;
    int64_t s;
    assert_true(clock_parse_imap_date(SPAN("1-Feb-1994"), &s));
    assert_int_equal(s, 760060800);
    assert_true(clock_parse_imap_date(SPAN("01-feb-1994"), &s));
    assert_true(clock_parse_imap(SPAN(" 1-Feb-1994 03:04:05 +0130"), &s));
    assert_int_equal(s, 760060800 + 3 * 3600 + 4 * 60 + 5 - 90 * 60);
    assert_true(clock_parse_imap(SPAN("17-Jul-1996 02:44:25 -0700"), &s));
    assert_int_equal(s, 837596665);
    assert_true(clock_parse_iso(SPAN("1996-07-17T09:44:25Z"), &s));
    assert_int_equal(s, 837596665);
    assert_true(clock_parse_iso(SPAN("1996-07-17T02:44:25.123-07:00"), &s));
    assert_int_equal(s, 837596665);
    static const char *const bad[] = {"",           "1",        "1-Feb",       "1-Foo-1994",   "30-Feb-1994",
                                      "0-Jan-1994", "1-Feb-94", "1-Feb-1994 ", "001-Feb-1994", "1/Feb/1994",
                                      "-1-Feb-1994"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(clock_parse_imap_date(span_str(bad[i]), &s));
    static const char *const bad_time[] = {"1-Feb-1994",
                                           "1-Feb-1994 03:04:05",
                                           "1-Feb-1994 24:00:00 +0000",
                                           "1-Feb-1994 03:04:05 0000",
                                           "1-Feb-1994 03:04:05 +2400",
                                           "1-Feb-1994 3:04:05 +0000",
                                           "1-Feb-1994 03:04:05 +0060",
                                           "1-Feb-1994 03:04:05 +0000x"};
    for (size_t i = 0; i < sizeof bad_time / sizeof bad_time[0]; i++)
        assert_false(clock_parse_imap(span_str(bad_time[i]), &s));
    static const char *const bad_iso[] = {"1996-07-17", "1996-07-17T02:44:25", "1996-07-17T02:44:25.Z",
                                          "1996-07-17T02:44:25+0700"};
    for (size_t i = 0; i < sizeof bad_iso / sizeof bad_iso[0]; i++)
        assert_false(clock_parse_iso(span_str(bad_iso[i]), &s));
}

static void test_now(void **state)
{
    (void)state;
    assert_true(clock_now() > 1700000000);
    uint64_t before = clock_forward_ms();
    assert_true(clock_forward_ms() >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_format), cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_parse), cmocka_unit_test(test_now)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
