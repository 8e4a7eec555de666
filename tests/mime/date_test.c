/* date_test.c - dates of header fields.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mime/date.h"

static void check(const char *value, const char *want, int offset)
{
    mime_date got = mime_date_parse(span_str(value));
    text iso;
    text_init(&iso, NULL, 100);
    if (got.valid)
        clock_add_iso(&iso, got.seconds);
    assert_string_equal(text_str(&iso), want);
    assert_int_equal(got.offset_minutes, offset);
    text_fini(&iso);
}

static void test_valid(void **state)
{
    (void)state;
    check("Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", -360);
    check("Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T08:52:37Z", 120);
    check("Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)", "1969-02-14T03:02:00Z", -210);
    check("Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (x)",
          "1969-02-14T03:02:00Z", -210);
    check("21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06Z", 0);
    check("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "", 0); /* a comment inside of the time is beyond us */
    check("Fri, 21 Nov 1997 09 :   55  :  06 -0600", "1997-11-21T15:55:06Z", -360);
    check("21 (day (nested \\) )) Nov 49 09:55:06 EST", "2049-11-21T14:55:06Z", -300);
    check("21 Nov 50 09:55:06 Z", "1950-11-21T09:55:06Z", 0);
    check("21 Nov 101 09:55:06 K", "2001-11-21T09:55:06Z", 0);
    check("1 Jan 2000", "2000-01-01T00:00:00Z", 0);
    check("1 Jan 2000 12:00", "2000-01-01T12:00:00Z", 0);
    check("Sat Jan  1 12:00:00 2000", "2000-01-01T12:00:00Z", 0);
    check("Sat Jan  1 12:00:00 CET 2000", "2000-01-01T11:00:00Z", 60);
    check("29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", 0);
    check("31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z", 0);
    check("1-Feb-1994 10:00:00 GMT", "1994-02-01T10:00:00Z", 0);
    check("1 Jan 2000 12:00:00 +01:00", "2000-01-01T11:00:00Z", 60);
    check("1 Jan 2000 12:00:00 GMT+0100", "2000-01-01T11:00:00Z", 60);
}

static void test_invalid(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "x",
                                       "Fri",
                                       "32 Jan 2000",
                                       "29 Feb 1900 00:00:00 +0000",
                                       "1 Foo 2000",
                                       "1 Jan",
                                       "1 Jan 2000 24:00:00 +0000",
                                       "1 Jan 2000 12:60 +0000",
                                       "1 Jan 99999",
                                       "99999999999999999999",
                                       "1 Jan 2000 12:",
                                       "((((",
                                       "1 Jan 123456789"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check(rows[i], "", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid), cmocka_unit_test(test_invalid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
