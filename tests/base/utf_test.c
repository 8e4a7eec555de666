/* utf_test.c - UTF-8 checked, folded, composed.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf.h"

#define FFFD "\xef\xbf\xbd"

static void test_valid(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "abcdefghijklmnop",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "abcdefgh\xc3\xa9"};
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff",         "abcdefgh\xc3",     "\xe2\x82"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(utf_valid(span_str(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(utf_valid(span_str(bad[i])));
    bool partial;
    assert_int_equal(utf_valid_size(SPAN("ab\xe2\x82"), &partial), 2);
    assert_true(partial);
    assert_int_equal(utf_valid_size(SPAN("ab\xe2x"), &partial), 2);
    assert_false(partial);
    text t;
    text_init(&t, NULL, 100);
    /* Unicode 15, table 3-8 */
    utf_add_valid(&t, SPAN("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82"
                           "A\xe2\x98\xf0\x90"));
    assert_string_equal(text_str(&t), FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD);
    text_fini(&t);
}

static void check_fold(const char *a, const char *b)
{
    text fa, fb;
    text_init(&fa, NULL, 1000);
    text_init(&fb, NULL, 1000);
    utf_fold(&fa, span_str(a));
    utf_fold(&fb, span_str(b));
    assert_string_equal(text_str(&fa), text_str(&fb));
    text_fini(&fa);
    text_fini(&fb);
}

static void test_title(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"abc_Z", "ABC_Z"},
        {"\xc7\x86", "DZ\xcc\x8c"}, /* the example of RFC 5051 section 2: dz with caron */
        {"\xef\xac\x81", "FI"},     /* ligature */
        {"stra\xc3\x9f"
         "e",
         "STRA\xc3\x9f"
         "E"},
        {"\xd1\x94", "\xd0\x84"}, /* Ukrainian ye: before A in capitals, behind ya in small letters */
        {"\xc4\xb1", "I"},        /* dotless i */
        {"x\xff", "X" FFFD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text got;
        text_init(&got, NULL, 100);
        utf_title(&got, span_str(rows[i][0]));
        assert_string_equal(text_str(&got), rows[i][1]);
        text_fini(&got);
    }
}

static void test_fold(void **state)
{
    (void)state;
    check_fold("HeLLo", "hello");
    check_fold("STRASSE", "stra\xc3\x9f"
                          "e");
    check_fold("\xc3\x89", "e\xcc\x81");                                /* É, e + acute */
    check_fold("ISPARTA", "\xc4\xb1sparta");                            /* dotless i */
    check_fold("\xce\xa3", "\xcf\x82");                                 /* sigma, final sigma */
    check_fold("\xef\xbc\xa1", "a");                                    /* wide A */
    check_fold("\xef\xac\x81", "fi");                                   /* ligature */
    check_fold("a\xcc\x88\xcc\xa3", "a\xcc\xa3\xcc\x88");               /* marks in either order */
    check_fold("\xea\xb0\x81", "\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8"); /* Hangul */
    check_fold("x\xff", "X" FFFD);
}

static void check_nfc(const char *from, const char *want)
{
    text t;
    text_init(&t, NULL, 1000);
    assert_int_equal(utf_nfc(&t, span_str(from)), want ? LL_OK : LL_ESYNTAX);
    assert_string_equal(text_str(&t), want ? want : "");
    text_fini(&t);
}

static void test_nfc(void **state)
{
    (void)state;
    check_nfc("", "");
    check_nfc("INBOX", "INBOX");
    check_nfc("e\xcc\x81", "\xc3\xa9");
    check_nfc("\xc3\xa9", "\xc3\xa9");
    check_nfc("\xef\xac\x81", "\xef\xac\x81"); /* compatibility characters stay */
    check_nfc("\xff", NULL);
}

static void test_point(void **state)
{
    (void)state;
    text t;
    text_init(&t, NULL, 100);
    utf_add_point(&t, 'a');
    utf_add_point(&t, 0x20ac);
    utf_add_point(&t, 0xd800);
    utf_add_point(&t, 0x110000);
    assert_string_equal(text_str(&t), "a\xe2\x82\xac" FFFD FFFD);
    text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_valid), cmocka_unit_test(test_fold),
                                       cmocka_unit_test(test_title), cmocka_unit_test(test_nfc),
                                       cmocka_unit_test(test_point)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
