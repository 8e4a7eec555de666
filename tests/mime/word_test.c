/* word_test.c - encoded words; the first table is that of RFC 2047 section 8.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/word.h"

static void check(const char *value, const char *want)
{
    text got;
    text_init(&got, NULL, 4096);
    mime_word_decode(span_str(value), &got);
    assert_string_equal(text_str(&got), want);
    text_fini(&got);
}

static void test_rfc2047(void **state)
{
    (void)state;
    check("=?ISO-8859-1?Q?a?=", "a");
    check("=?ISO-8859-1?Q?a?= b", "a b");
    check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
    check("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab");
    check("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab");
    check("=?ISO-8859-1?Q?a_b?=", "a b");
    check("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b");
    check("=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>");
    check("=?ISO-8859-1?Q?Andr=E9?= Pirard", "Andr\xc3\xa9 Pirard");
    check("=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
          "If you can read this you understand the example.");
    check("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore");
}

static void test_split(void **state)
{
    (void)state;
    check("=?utf-8?Q?=E2=82?= =?UTF-8?Q?=AC?=", "\xe2\x82\xac"); /* one character over two words */
    check("=?utf-8?B?4oI=?= =?utf-8?B?rA==?= x", "\xe2\x82\xac x");
    check("=?utf-8?Q?=E2=82?= x", "\xef\xbf\xbd x");
    check("=?iso-2022-jp?B?GyRCJDMbKEI=?=", "\xe3\x81\x93");
}

static void test_as_it_is(void **state)
{
    (void)state;
    check("plain", "plain");
    check(" fo\r\n ld ", "fo ld");
    check("=?x-none?Q?a?= b", "=?x-none?Q?a?= b");
    check("=?utf-8?Q?a?= =?x-none?Q?a?= =?utf-8?Q?b?=", "a =?x-none?Q?a?= b");
    check("=?utf-8?X?a?=", "=?utf-8?X?a?=");
    check("=?utf-8?Q?a", "=?utf-8?Q?a");
    check("=?utf-8?Q?a?", "=?utf-8?Q?a?");
    check("=?", "=?");
    check("=", "=");
    check("", "");
    check("=?=?=?utf-8?q?x?=", "=?=?x");
    check("caf\xe9 caf\xc3\xa9", "caf\xef\xbf\xbd caf\xc3\xa9");
    check("a=?utf-8?q?x?=b", "axb"); /* not separated: read all the same */
    check("=?utf-8?q?"
          "?=",
          "");
    check("=?utf-8?q?a b?=", "a b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc2047), cmocka_unit_test(test_split),
                                       cmocka_unit_test(test_as_it_is)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
