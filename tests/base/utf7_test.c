/* utf7_test.c - UTF-7 whole and cut everywhere, the examples of RFC 2152 and what is malformed.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf.h"
#include "base/utf7.h"

#define FFFD "\xef\xbf\xbd"

static const struct {
    const char *in, *want;
} rows[] = {
    /* RFC 2152, "Examples" */
    {"A+ImIDkQ.", "A\xe2\x89\xa2\xce\x91."},
    {"Hi Mom -+Jjo--!", "Hi Mom -\xe2\x98\xba-!"},
    {"+ZeVnLIqe-", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    {"Item 3 is +AKM-1.", "Item 3 is \xc2\xa3"
                          "1."},
    {"", ""},
    {"a+-b", "a+b"},
    {"+--", "+-"},
    {"+-+-", "++"},
    {"~\\\r\n\t", "~\\\r\n\t"}, /* outside base64 ASCII is itself */
    {"+AOk", "\xc3\xa9"},       /* the text's end ends base64 */
    {"+AOk-+AOk-", "\xc3\xa9\xc3\xa9"},
    {"+2D3eAA-", "\xf0\x9f\x98\x80"}, /* a surrogate pair */
    /* malformed */
    {"+", FFFD},
    {"a+", "a" FFFD},
    {"+ x", FFFD " x"},
    {"+\xff", FFFD FFFD},
    {"\xe9", FFFD},
    {"+AOk\xe9", "\xc3\xa9" FFFD},
    {"+A-", FFFD},                           /* 6 bits are no padding */
    {"+AOl-", "\xc3\xa9" FFFD},              /* padding that is not zero */
    {"+AOkA-", "\xc3\xa9" FFFD},             /* nor are 8 bits */
    {"+2D0-x", FFFD "x"},                    /* a high half alone */
    {"+2D0AYQ-", FFFD "a"},                  /* and before something else */
    {"+3gA-", FFFD},                         /* a low half alone */
    {"+2D3YPd4A-", FFFD "\xf0\x9f\x98\x80"}, /* two high halves */
    {"+2D0", FFFD},
};

static void test_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t piece = 1; piece < 12; piece++) {
            utf7_decoder d = {0};
            text got;
            text_init(&got, NULL, 1000);
            for (int again = 0; again < 2; again++) { /* after the end it starts anew */
                text_clear(&got);
                for (ll_span rest = span_str(rows[i].in); rest.size; rest = span_from(rest, piece))
                    utf7_push(&d, span_first(rest, piece), &got);
                utf7_finish(&d, &got);
                assert_string_equal(text_str(&got), rows[i].want);
            }
            text_fini(&got);
        }
}

static void test_all_units(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    text got, want;
    text_init(&got, NULL, 16);
    text_init(&want, NULL, 16);
    for (uint32_t unit = 0; unit < 0x10000; unit++) {
        const char in[] = {'+', letters[unit >> 10], letters[unit >> 4 & 63], letters[unit << 2 & 63], '-'};
        utf7_decoder d = {0};
        text_clear(&got);
        text_clear(&want);
        utf7_push(&d, span_of(in, sizeof in), &got);
        utf7_finish(&d, &got);
        utf_add_point(&want, unit);
        assert_true(span_equal(text_span(&got), text_span(&want)));
    }
    text_fini(&got);
    text_fini(&want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_all_units)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
