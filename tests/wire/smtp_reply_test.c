/* smtp_reply_test.c - replies: lines, codes, and nothing that could forge another line.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_reply.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(int code, const char *enhanced, ll_span words, bool utf8, const char *want)
{
    text got;
    text_init(&got, NULL, 65536);
    smtp_reply_add(&got, code, enhanced, words, utf8);
    assert_string_equal(text_str(&got), want);
    text_fini(&got);
}

static void test_replies(void **state)
{
    (void)state;
    check(250, "2.0.0", SPAN("Done"), false, "250 2.0.0 Done\r\n");
    check(354, NULL, SPAN("Go"), false, "354 Go\r\n");
    check(550, "5.7.1", SPAN("one\ntwo\n"), false, "550-5.7.1 one\r\n550 5.7.1 two\r\n");
    check(550, "5.7.1", SPAN("a\r\n250 b"), false, "550-5.7.1 a \r\n550 5.7.1 250 b\r\n");
    check(550, "5.7.1", SPAN("a\rb\0c\x7f"), false, "550 5.7.1 a b c \r\n");
    check(550, "5.7.1", SPAN("\xc3\xb6"), false, "550 5.7.1   \r\n");
    check(550, "5.7.1", SPAN("\xc3\xb6"), true, "550 5.7.1 \xc3\xb6\r\n");
    check(250, NULL, SPAN(""), false, "250 \r\n");
}

/* However long and odd the words, each line fits RFC 5321 section 4.5.3.1.5 and the whole fits its ceiling. */
static void test_ceilings(void **state)
{
    (void)state;
    static const char bytes[] = {'x', '\n', '\xc3'};
    for (size_t i = 0; i < sizeof bytes; i++) {
        char words[3000];
        memset(words, bytes[i], sizeof words);
        text got;
        text_init(&got, NULL, 65536);
        smtp_reply_add(&got, 550, "5.7.999", span_of(words, sizeof words), true);
        assert_true(got.size <= SMTP_REPLY_MAX);
        ll_span rest = text_span(&got);
        while (rest.size) {
            size_t end = span_find(rest, '\n');
            assert_true(end < 512 && end > 0 && rest.data[end - 1] == '\r');
            rest = span_from(rest, end + 1);
            assert_int_equal(rest.size == 0, text_span(&got).data + got.size == rest.data);
        }
        text_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_ceilings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
