/* span_test.c - borrowed bytes.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/span.h"

static void test_compare(void **state)
{
    (void)state;
    assert_true(span_equal(SPAN("a\0b"), SPAN("a\0b")));
    assert_false(span_equal(SPAN("a\0b"), SPAN("a\0c")));
    assert_true(span_equal(span_of(NULL, 0), SPAN("")));
    assert_true(span_equal_nocase(SPAN("INBOX"), SPAN("inBox")));
    assert_false(span_equal_nocase(SPAN("INBOX"), SPAN("inBo")));
    assert_false(span_equal_nocase(SPAN("["), SPAN("{"))); /* 0x20 apart, and no letters */
    assert_true(span_starts_nocase(SPAN("INBOX/x"), SPAN("inbox")));
    assert_false(span_starts_nocase(SPAN("IN"), SPAN("inbox")));
    assert_int_equal(span_compare(SPAN("a"), SPAN("b")), -1);
    assert_int_equal(span_compare(SPAN("b"), SPAN("a")), 1);
    assert_int_equal(span_compare(SPAN("a"), SPAN("ab")), -1);
    assert_int_equal(span_compare(SPAN("\xff"), SPAN("a")), 1); /* bytes are unsigned */
    assert_int_equal(span_compare_nocase(SPAN("A"), SPAN("a")), 0);
    assert_int_equal(span_compare_nocase(SPAN("aB"), SPAN("Aa")), 1);
}

static void test_cut(void **state)
{
    (void)state;
    ll_span rest = SPAN("a,b,,c");
    static const char *const want[] = {"a", "b", "", "c"};
    for (size_t i = 0; i < 4; i++)
        assert_true(span_equal(span_cut(&rest, ','), span_str(want[i])));
    assert_int_equal(rest.size, 0);
    assert_true(span_equal(span_trim(SPAN(" \t\r\n a b \n")), SPAN("a b")));
    assert_int_equal(span_trim(SPAN(" \r\n")).size, 0);
    assert_int_equal(span_find(SPAN("abc"), 'c'), 2);
    assert_int_equal(span_find(SPAN("abc"), 'd'), 3);
    assert_true(span_equal(span_from(SPAN("abc"), 1), SPAN("bc")));
    assert_int_equal(span_from(SPAN("abc"), 9).size, 0);
    assert_true(span_equal(span_first(SPAN("abc"), 2), SPAN("ab")));
    assert_true(span_equal(span_first(SPAN("abc"), 9), SPAN("abc")));
}

static void test_numbers(void **state)
{
    (void)state;
    uint64_t u64;
    uint32_t u32;
    assert_true(span_u64(SPAN("18446744073709551615"), &u64));
    assert_true(u64 == UINT64_MAX);
    assert_false(span_u64(SPAN("18446744073709551616"), &u64));
    assert_true(span_u32(SPAN("4294967295"), &u32));
    assert_int_equal(u32, UINT32_MAX);
    assert_false(span_u32(SPAN("4294967296"), &u32));
    assert_true(span_u32(SPAN("007"), &u32));
    assert_int_equal(u32, 7);
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(span_u32(span_str(bad[i]), &u32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_compare), cmocka_unit_test(test_cut),
                                       cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
