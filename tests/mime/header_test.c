/* header_test.c - fields of a header in memory.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/header.h"

static const char header[] =
    "From x\r\nSubject: a\r\n b\r\nTO : c@d\ngarbage\r\n more\r\nX:\r\nsubject: again\r\n\r\nbody: no\r\n";

static void test_fields(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *whole;
    } want[] = {{"", "From x", "From x\r\n"}, {"Subject", " a\r\n b", "Subject: a\r\n b\r\n"},
                {"TO", " c@d", "TO : c@d\n"}, {"", "garbage\r\n more", "garbage\r\n more\r\n"},
                {"X", "", "X:\r\n"},          {"subject", " again", "subject: again\r\n"}};
    ll_span rest = SPAN(header);
    mime_field field;
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(mime_field_next(&rest, &field));
        assert_true(span_equal(field.name, span_str(want[i].name)));
        assert_true(span_equal(field.value, span_str(want[i].value)));
        assert_true(span_equal(field.whole, span_str(want[i].whole)));
    }
    assert_false(mime_field_next(&rest, &field));
    assert_true(span_equal(rest, SPAN("\r\nbody: no\r\n")));
    assert_true(mime_header_find(SPAN(header), SPAN("to"), &field));
    assert_false(mime_header_find(SPAN(header), SPAN("body"), &field));
    assert_false(mime_header_find(SPAN(header), SPAN(""), &field));
}

static void check_select(const char *from, const char *names, bool not, const char *want)
{
    ll_span list[8], rest = span_str(names);
    size_t count = 0;
    while (rest.size)
        list[count++] = span_cut(&rest, ' ');
    text got;
    text_init(&got, NULL, 4096);
    mime_header_select(span_str(from), list, count, not, &got);
    assert_string_equal(text_str(&got), want);
    text_fini(&got);
}

static void test_select(void **state)
{
    (void)state;
    check_select(header, "SUBJECT x", false, "Subject: a\r\n b\r\nX:\r\nsubject: again\r\n\r\n");
    check_select(header, "SUBJECT x", true, "From x\r\nTO : c@d\ngarbage\r\n more\r\n\r\n");
    check_select(header, "none", false, "\r\n");
    check_select("A: b\nC: d", "C", false, "C: d");
    check_select("A: b\n\n", "C", false, "\n");
    check_select("", "C", false, "");
    check_select("\r\n", "C", true, "\r\n");
}

static void test_unfold(void **state)
{
    (void)state;
    text got;
    text_init(&got, NULL, 100);
    mime_header_unfold(SPAN(" a\r\n\tb\n c\0d \r\n"), &got);
    assert_string_equal(text_str(&got), "a\tb cd");
    text_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_select),
                                       cmocka_unit_test(test_unfold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
