/* param_test.c - parameters as they stand, and decoded.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/param.h"

static void check_raw(const char *field, const char *want)
{
    arena memory;
    text got;
    mime_value value;
    arena_init(&memory, NULL, 1 << 20);
    text_init(&got, NULL, 4096);
    assert_int_equal(mime_value_parse(&memory, span_str(field), &value), LL_OK);
    text_add(&got, value.type);
    text_add_byte(&got, '/');
    text_add(&got, value.subtype);
    for (size_t i = 0; i < value.params_count; i++)
        text_print(&got, "|%.*s=%.*s", SPAN_PRINT(value.params[i].name), SPAN_PRINT(value.params[i].value));
    assert_string_equal(text_str(&got), want);
    text_fini(&got);
    arena_fini(&memory);
}

static void test_raw(void **state)
{
    (void)state;
    check_raw("text/plain; charset=us-ascii (Plain text)", "text/plain|charset=us-ascii");
    check_raw("text/plain; charset=\"us-ascii\"", "text/plain|charset=us-ascii");
    check_raw("Text (c) / (d) HTML (e) ; (f) A (g) = (h) b (i) ; c=\"d\\\"e;\"", "Text/HTML|A=b|c=d\"e;");
    check_raw("attachment", "attachment/");
    check_raw("attachment; filename=foo bar (1).pdf; size=3", "attachment/|filename=foo bar (1).pdf|size=3");
    check_raw("attachment; filename=\"a\" size=3", "attachment/|filename=a|size=3");
    check_raw("multipart/mixed; boundary=----=_Part=1", "multipart/mixed|boundary=----=_Part=1");
    check_raw("multipart/mixed; boundary=\"open; x=y", "multipart/mixed|boundary=open; x=y");
    check_raw("text/plain;\r\n charset=\"a\r\n b\";;; ;x; =y; z=", "text/plain|charset=a b|z=");
    check_raw("text", "text/");
    check_raw("text/", "text/");
    check_raw("/plain; a=b", "/|a=b");
    check_raw("", "/");
    check_raw("te<xt/plain; a=b", "/|a=b");
    check_raw("text/plain; filename*0*=utf-8''a; filename*1=b", "text/plain|filename*0*=utf-8''a|filename*1=b");
    check_raw("a/b; c=(d (e", "a/b|c=(d (e");
    check_raw("a/b; c=((((((((((((", "a/b|c=((((((((((((");
}

static void check_decoded(const char *field, const char *name, const char *want)
{
    arena memory;
    text got;
    mime_value value;
    arena_init(&memory, NULL, 1 << 20);
    text_init(&got, NULL, 4096);
    assert_int_equal(mime_value_parse(&memory, span_str(field), &value), LL_OK);
    assert_int_equal(mime_param_decode(value.params, value.params_count, span_str(name), &got), want != NULL);
    assert_string_equal(text_str(&got), want ? want : "");
    text_fini(&got);
    arena_fini(&memory);
}

static void test_decoded(void **state)
{
    (void)state;
    /* RFC 2231 sections 3 and 4 */
    check_decoded("message/external-body; access-type=URL; URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub/moore\"", "url",
                  "ftp://cs.utk.edu/pub/moore");
    check_decoded("application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "title",
                  "This is ***fun***");
    check_decoded(
        "application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20;"
        " title*2=\"isn't it!\"",
        "title", "This is even more ***fun*** isn't it!");
    check_decoded("a/b; n*1*=%AC; n*0*=utf-8''%E2%82", "n", "\xe2\x82\xac");
    check_decoded("a/b; n*=iso-8859-1''caf%e9", "n", "caf\xc3\xa9");
    check_decoded("a/b; n*=x-none''caf%e9", "n", "caf\xef\xbf\xbd");
    check_decoded("a/b; n*=plain%zz%4", "n", "plain%zz%4");
    check_decoded("a/b; n=\"=?utf-8?Q?caf=C3=A9?=\"", "n", "caf\xc3\xa9");
    check_decoded("a/b; n=x; n*=utf-8''y", "n", "y");
    check_decoded("a/b; n=", "n", "");
    check_decoded("a/b; m=x", "n", NULL);
}

static void test_many(void **state)
{
    (void)state;
    arena memory;
    text field;
    mime_value value;
    arena_init(&memory, NULL, 4 << 20);
    text_init(&field, NULL, 4 << 20);
    text_add_str(&field, "a/b");
    for (int i = 0; i < 100000; i++)
        text_print(&field, ";a*%d=(", i);
    assert_int_equal(mime_value_parse(&memory, text_span(&field), &value), LL_OK);
    assert_int_equal(value.params_count, mime_params_max);
    text_fini(&field);
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_raw), cmocka_unit_test(test_decoded),
                                       cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
