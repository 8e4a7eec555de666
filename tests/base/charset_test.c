/* charset_test.c - charsets to UTF-8, in pieces of every size.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/charset.h"
#include "base/utf.h"

#define FFFD "\xef\xbf\xbd"

static void test_convert(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ll_span bytes;
        const char *want;
    } rows[] = {
        {"utf-8", {"a\xc3\xa9\xf0\x9f\x98\x80", 7}, "a\xc3\xa9\xf0\x9f\x98\x80"},
        {"UTF8",
         {"\xe2\x82"
          "a\xff\xc0\x80\xed\xa0\x80",
          9},
         FFFD "a" FFFD FFFD FFFD FFFD FFFD FFFD},
        {"US-ASCII", {"a\xc3\xa9\xe9", 4}, "a\xc3\xa9" FFFD},
        {"iso-8859-1", {"\x80\xe9", 2}, "\xc2\x80\xc3\xa9"}, /* not windows-1252 */
        {"latin1", {"\xe9", 1}, "\xc3\xa9"},
        {"windows-1252", {"\x80\xe9\x81", 3}, "\xe2\x82\xac\xc3\xa9" FFFD},
        {"iso-8859-15", {"\xa4", 1}, "\xe2\x82\xac"},
        {"koi8-r", {"\xd0", 1}, "\xd0\xbf"},
        {"shift_jis", {"\x82\xa0\xff\x82", 4}, "\xe3\x81\x82" FFFD FFFD},
        {"iso-2022-jp",
         {"\x1b$B$\"\x1b(Ba", 9},
         "\xe3\x81\x82"
         "a"},
        {"gb2312", {"\xc4\xe3", 2}, "\xe4\xbd\xa0"},
        {"gb18030", {"\xc4\xe3\x81\x30\x81\x30", 6}, "\xe4\xbd\xa0\xc2\x80"},
        {"ks_c_5601-1987", {"\xb0\xa1", 2}, "\xea\xb0\x80"},
        {"big5", {"\xa7\x41", 2}, "\xe4\xbd\xa0"},
        {"utf-16le",
         {"a\0\x3d\xd8\0\xde\0\xd8"
          "b\0x",
          11},
         "a\xf0\x9f\x98\x80" FFFD "b" FFFD},
        {"utf-16", {"\xfe\xff\0a", 4}, "a"},
        {"utf-7", {"+AOk-", 5}, "\xc3\xa9"},
        {"iso-8859-8-i", {"\xe0", 1}, "\xd7\x90"},
        {"'iso-8859-15'", {"\xa4", 1}, "\xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 12; piece++) {
            charset_reader *c;
            text got;
            text_init(&got, NULL, 1000);
            assert_int_equal(charset_new(&c, NULL, span_str(rows[i].name)), LL_OK);
            for (ll_span rest = rows[i].bytes; rest.size; rest = span_from(rest, piece))
                charset_push(c, span_first(rest, piece), &got);
            charset_finish(c, &got);
            charset_del(&c);
            assert_string_equal(text_str(&got), rows[i].want);
            assert_true(utf_valid(text_span(&got)));
            text_fini(&got);
        }
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const names[] = {"",     "x-none", "utf-8//TRANSLIT", "//",        "WCHAR_T",
                                        "char", "a b",    "utf-8\x01",       "utf-7-imap"};
    text got;
    text_init(&got, NULL, 100);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        charset_reader *c;
        assert_false(charset_known(span_str(names[i])));
        assert_int_equal(charset_new(&c, NULL, span_str(names[i])), LL_ECHARSET);
        assert_null(c);
        assert_int_equal(charset_to_utf8(span_str(names[i]), SPAN("x"), &got), LL_ECHARSET);
    }
    assert_int_equal(got.size, 0);
    assert_true(charset_known(SPAN(" Windows-1251 ")));
    text_fini(&got);
}

static void test_long(void **state)
{
    (void)state;
    text in, got;
    text_init(&in, NULL, 1 << 20);
    text_init(&got, NULL, 1 << 20);
    for (int i = 0; i < 20000; i++)
        text_add(&in, SPAN("\x82\xa0"));
    assert_int_equal(charset_to_utf8(SPAN("shift_jis"), text_span(&in), &got), LL_OK);
    assert_int_equal(got.size, 60000);
    text small;
    text_init(&small, NULL, 100); /* the ceiling is the text's */
    assert_int_equal(charset_to_utf8(SPAN("shift_jis"), text_span(&in), &small), LL_OK);
    assert_int_equal(text_status(&small), LL_ELIMIT);
    text_fini(&small);
    text_fini(&in);
    text_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_convert), cmocka_unit_test(test_unknown),
                                       cmocka_unit_test(test_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
