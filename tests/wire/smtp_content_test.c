/* smtp_content_test.c - the end of DATA, dots, and every way to fake a line end.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_content.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Content, then "$" at the end of data, "c" and "l" for bare CR and LF, then the bytes left. */
static void data_all(const char *input, size_t step, text *got)
{
    smtp_content c;
    smtp_content_init(&c);
    ll_span rest = span_str(input);
    bool ended = false;
    while (rest.size && !ended) {
        ll_span out;
        size_t taken;
        ended = smtp_content_data(&c, span_first(rest, step), &taken, &out) == LL_OK;
        text_add(got, out);
        rest = span_from(rest, taken);
    }
    text_print(got, "%s%s%s%.*s", ended ? "$" : "", c.bare_cr ? "c" : "", c.bare_lf ? "l" : "", SPAN_PRINT(rest));
}

static void test_data(void **state)
{
    (void)state;
    static const struct {
        const char *input, *want;
    } table[] = {
        {".\r\n", "$"},
        {"a\r\n.\r\nQUIT\r\n", "a\r\n$QUIT\r\n"},
        {"a\r\n..\r\n.\r\n", "a\r\n.\r\n$"},
        {"..a\r\n...\r\n.b\r\n.\r\n", ".a\r\n..\r\nb\r\n$"},
        {"a.\r\n.\r\n", "a.\r\n$"},
        {"\r\n\r\n.\r\n", "\r\n\r\n$"},
        {"a\r\n. \r\n.\r\n", "a\r\n \r\n$"},
        {"a\r\n.", "a\r\n"},
        {"a\r\n.\r", "a\r\n"},
        /* Fakes: what stands behind them is not handed out, and only the true end ends. */
        {"a\n.\nb\r\n.\r\nX", "a$lX"},
        {"a\r.\rb\r\n.\r\nX", "a\r$cX"},
        {"a\n.\r\nb\r\n.\r\nX", "a$lX"},
        {"a\r\n.\nb\r\n.\r\nX", "a\r\n$lX"},
        {"a\r\n.\rb\r\n.\r\nX", "a\r\n$cX"},
        {"a\r\n.\r\r\nb\r\n.\r\nX", "a\r\n$cX"},
        {"a\r.\r\nb\r\n.\r\nX", "a\r$cX"},
        {"a\r\n\n.\r\nb\r\n.\r\nX", "a\r\n$lX"},
        {"a\r\r\n.\r\nX", "a\r$cX"},
        {"a\n\r\n.\r\nX", "a$lX"},
        {"\n.\r\n\r\n.\r\nX", "$lX"},
        {"\r.\r\n\r\n.\r\nX", "\r$cX"},
        {"a\rb\n.\r\nc\r\n.\r\nX", "a\r$cX"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t step = 1; step <= 32; step++) {
            text got;
            text_init(&got, NULL, 4096);
            data_all(table[i].input, step, &got);
            assert_string_equal(text_str(&got), table[i].want);
            text_fini(&got);
        }
}

static void test_chunks(void **state)
{
    (void)state;
    static const struct {
        const char *input, *want;
    } table[] = {
        {"a\r\n.\r\n..\r\n", "a\r\n.\r\n..\r\n"},
        {"a", "a"},
        {"a\nb", "al"},
        {"a\rb", "a\rc"},
        {"a\r", "a\rc"},
        {"\r\n\r\n", "\r\n\r\n"},
        {"\r\r\n", "\rc"},
        {"\r\n\n", "\r\nl"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t step = 1; step <= 16; step++) {
            text got;
            text_init(&got, NULL, 4096);
            smtp_content c;
            smtp_content_init(&c);
            ll_span rest = span_str(table[i].input), out;
            for (; rest.size; rest = span_from(rest, step)) {
                smtp_content_chunk(&c, span_first(rest, step), &out);
                text_add(&got, out);
            }
            smtp_content_last(&c);
            text_print(&got, "%s%s", c.bare_cr ? "c" : "", c.bare_lf ? "l" : "");
            assert_string_equal(text_str(&got), table[i].want);
            text_fini(&got);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
