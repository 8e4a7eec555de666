/* Strings, names and flags in replies.
 * SPDX-License-Identifier: MIT */
#include "imap/response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void check(void (*write)(text *out, ll_span bytes), ll_span bytes, const char *want)
{
    text out;
    text_init(&out, NULL, 100000);
    write(&out, bytes);
    assert_string_equal(text_str(&out), want);
    text_fini(&out);
}

static void strings(void **state)
{
    (void)state;
    check(response_string, SPAN(""), "\"\"");
    check(response_string, SPAN("a b"), "\"a b\"");
    check(response_string, SPAN("\\a\"b\"\""), "\"\\\\a\\\"b\\\"\\\"\"");
    check(response_string, SPAN("a\r\nb"), "{4}\r\na\r\nb");
    check(response_string, SPAN("\xc3\xa4"), "{2}\r\n\xc3\xa4");
    check(response_string, span_of("a\0b\0", 4), "{4}\r\na?b?");
    check(response_nstring, span_of(NULL, 0), "NIL");
    check(response_nstring, SPAN("NIL"), "\"NIL\"");
    check(response_mailbox, SPAN("\xc3\xa4\"&/b"), "\"&AOQ-\\\"&-/b\"");
    char large[1001];
    memset(large, 'x', sizeof large);
    assert_true(response_is_quotable(span_of(large, 1000)));
    assert_false(response_is_quotable(span_of(large, 1001)));
}

/* Whatever the length and wherever the byte: plain ones in quotes, all others as the slow way has them. */
static void plain(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 26; size++)
        for (size_t at = 0; at < (size ? size : 1); at++)
            for (int byte = 1; byte < 256; byte++) {
                char bytes[27], want[64], room[64];
                memset(bytes, 'm', sizeof bytes);
                if (size)
                    bytes[at] = (char)byte;
                bool is_plain = !size || (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\');
                char *end = response_put_plain(room, span_of(bytes, size));
                assert_int_equal(end != NULL, is_plain);
                snprintf(want, sizeof want, "\"%.*s\"", (int)size, bytes);
                if (end)
                    assert_true(span_equal(span_of(room, (size_t)(end - room)), span_str(want)));
                text out;
                text_init(&out, NULL, 1000);
                response_string(&out, span_of(bytes, size));
                assert_int_equal(span_equal(text_span(&out), span_str(want)), is_plain);
                text_fini(&out);
            }
    assert_null(response_put_plain(NULL, SPAN("x")));
}

static void flags(void **state)
{
    (void)state;
    ll_view *view;
    unsigned number;
    text out;
    text_init(&out, NULL, 100000);
    assert_int_equal(ll_view_new(&view, NULL, 1), LL_OK);
    response_flags_known(&out, view, true);
    assert_string_equal(text_str(&out), "(\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)");
    text_clear(&out);
    assert_int_equal(ll_view_keyword_add(view, SPAN("$A"), &number), LL_OK);
    response_flags(&out, view, &(ll_flags){{0}}, false);
    response_flags(&out, view, &(ll_flags){{0}}, true);
    response_flags(&out, view, &(ll_flags){{1u << LL_FLAG_DRAFT | 1u << LL_FLAG_KEYWORD}}, true);
    assert_string_equal(text_str(&out), "()(\\Recent)(\\Draft \\Recent $A)");
    text_clear(&out);
    for (int i = 1; i < LL_KEYWORDS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        assert_int_equal(ll_view_keyword_add(view, span_str(name), &number), LL_OK);
    }
    response_flags_known(&out, view, true); /* no room for more: no \* */
    assert_null(strstr(text_str(&out), "\\*"));
    text_fini(&out);
    ll_view_unref(&view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings), cmocka_unit_test(plain), cmocka_unit_test(flags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
