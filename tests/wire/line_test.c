/* line_test.c - lines, whole and in pieces of every size.
 * SPDX-License-Identifier: MIT */
#include "wire/line.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LINE_MAX = 10, DROP_MAX = 40 };

/* What the reader makes of the input: "[line]" for each line, with L, l and r for the three wrongs behind it, "!" for
 * giving up. */
static void read_all(const char *input, size_t step, text *got)
{
    line_reader l;
    line_init(&l, NULL, LINE_MAX, DROP_MAX);
    ll_span rest = span_str(input);
    while (rest.size) {
        ll_span piece = span_first(rest, step), out;
        size_t taken;
        unsigned wrong;
        ll_status status = line_take(&l, piece, &taken, &out, &wrong);
        if (status == LL_ELIMIT) {
            text_add_byte(got, '!');
            break;
        }
        if (status == LL_OK)
            text_print(got, "[%.*s]%s%s%s", SPAN_PRINT(out), wrong & LINE_TOO_LONG ? "L" : "",
                       wrong & LINE_BARE_LF ? "l" : "", wrong & LINE_BARE_CR ? "r" : "");
        else
            assert_int_equal(taken, piece.size);
        rest = span_from(rest, taken);
    }
    line_fini(&l);
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *input, *want;
    } table[] = {
        {"a\r\nbc\r\n\r\nd", "[a][bc][]"},
        {"0123456789\r\n0123456789a\r\nx\r\n", "[0123456789][0123456789]L[x]"},
        {"a\nb\r\nc\r\n", "[]l[c]"},
        {"a\nb\nc\nd\r\ne\r\n", "[]l[]l[]l[e]"},
        {"\n\r\nx\r\n", "[]l[x]"},
        {"a\rb\r\nc\r\n", "[a\rb]r[c]"},
        {"\r\r\n\r\n", "[\r]r[]"},
        {"a\r\r\r\nb\r\n", "[a\r\r]r[b]"},
        {"012345678\r9\r\n.\r\n", "[012345678\r]Lr[.]"},
        {"a\n0123456789012345678901234567890123456789\r\n", "[]l!"},
        {"a\n012345678901234567890123456789012345678\r\nb\r\n", "[]l!"},
        {"a\n01234567890123456789012345678901234567\r\nb\r\n", "[]l[b]"},
        {"01234567890123456789012345678901234567890123456789\r\nb\r\n", "[0123456789]L[b]"},
        {"01234567890123456789012345678901234567890123456789a\r\nb\r\n", "!"},
        {"01234567890123456789012345678901234567890123456789abc", "!"},
        {"a\n\n\n\r\n", "[]l[]l[]l"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t step = 1; step <= 64; step++) {
            text got;
            text_init(&got, NULL, 4096);
            read_all(table[i].input, step, &got);
            assert_string_equal(text_str(&got), table[i].want);
            text_fini(&got);
        }
}

static void test_whole_line_is_not_copied(void **state)
{
    (void)state;
    line_reader l;
    line_init(&l, NULL, LINE_MAX, DROP_MAX);
    ll_span input = SPAN("NOOP\r\nQUIT\r\n"), out;
    size_t taken;
    unsigned wrong;
    assert_int_equal(line_take(&l, input, &taken, &out, &wrong), LL_OK);
    assert_ptr_equal(out.data, input.data);
    assert_int_equal(taken, 6);
    line_fini(&l);
}

static void test_clear_forgets(void **state)
{
    (void)state;
    line_reader l;
    line_init(&l, NULL, LINE_MAX, DROP_MAX);
    ll_span out;
    size_t taken;
    unsigned wrong;
    assert_int_equal(line_take(&l, SPAN("EVIL\r"), &taken, &out, &wrong), LL_MORE);
    line_clear(&l);
    assert_int_equal(line_take(&l, SPAN("EHLO\r\n"), &taken, &out, &wrong), LL_OK);
    assert_true(span_equal(out, SPAN("EHLO")));
    line_fini(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_whole_line_is_not_copied),
        cmocka_unit_test(test_clear_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
