/* codec_test.c - encoders and decoders; streaming ones in pieces of every size.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/codec.h"

/* RFC 4648 section 10, and bytes with the last letters of the alphabet. */
static const struct {
    ll_span plain;
    const char *base64, *url, *hex;
} rows[] = {
    {{"", 0}, "", "", ""},
    {{"f", 1}, "Zg==", "Zg", "66"},
    {{"fo", 2}, "Zm8=", "Zm8", "666f"},
    {{"foo", 3}, "Zm9v", "Zm9v", "666f6f"},
    {{"foob", 4}, "Zm9vYg==", "Zm9vYg", "666f6f62"},
    {{"fooba", 5}, "Zm9vYmE=", "Zm9vYmE", "666f6f6261"},
    {{"foobar", 6}, "Zm9vYmFy", "Zm9vYmFy", "666f6f626172"},
    {{"\xfb\xff\xbf\0", 4}, "+/+/AA==", "-_-_AA", "fbffbf00"},
};

static void check(text *got, ll_span want)
{
    assert_true(span_equal(text_span(got), want));
    text_clear(got);
}

static void test_strict(void **state)
{
    (void)state;
    text t;
    text_init(&t, NULL, 100);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        codec_base64_add(&t, rows[i].plain);
        check(&t, span_str(rows[i].base64));
        codec_base64url_add(&t, rows[i].plain);
        check(&t, span_str(rows[i].url));
        codec_hex_add(&t, rows[i].plain);
        check(&t, span_str(rows[i].hex));
        assert_int_equal(codec_base64_decode(span_str(rows[i].base64), &t), LL_OK);
        check(&t, rows[i].plain);
        assert_int_equal(codec_base64url_decode(span_str(rows[i].url), &t), LL_OK);
        check(&t, rows[i].plain);
        assert_int_equal(codec_hex_decode(span_str(rows[i].hex), &t), LL_OK);
        check(&t, rows[i].plain);
    }
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9v", "Zm9v\n", "-_-_"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(codec_base64_decode(span_str(bad[i]), &t), LL_ESYNTAX);
    static const char *const bad_url[] = {"Z", "Zg==", "+/+/", "Zh"};
    for (size_t i = 0; i < sizeof bad_url / sizeof bad_url[0]; i++)
        assert_int_equal(codec_base64url_decode(span_str(bad_url[i]), &t), LL_ESYNTAX);
    assert_int_equal(codec_hex_decode(SPAN("0"), &t), LL_ESYNTAX);
    assert_int_equal(codec_hex_decode(SPAN("0g"), &t), LL_ESYNTAX);
    assert_int_equal(t.size, 0);
    codec_base64_add_lines(&t, SPAN("foobarfoobarf"), 8, SPAN("\r\n"));
    check(&t, SPAN("Zm9vYmFy\r\nZm9vYmFy\r\nZg=="));
    codec_base64_add_lines(&t, SPAN("foobar"), 8, SPAN("\r\n"));
    check(&t, SPAN("Zm9vYmFy"));
    text_fini(&t);
}

static void test_base64_stream(void **state)
{
    (void)state;
    static const struct {
        const char *encoded, *want;
    } table[] = {{"Zm9v\r\nYmFy\r\n", "foobar"}, {"Zg==Zg==", "ff"}, {"Z g=\n=", "f"}, {"Zm9vYg", "foob"},
                 {"Zm9vYmE", "fooba"},           {"Z", ""},          {"=Zg", "f"},     {"Zm8*=!Zm9v", "fofoo"}};
    text t;
    text_init(&t, NULL, 100);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t piece = 1; piece < 13; piece++) {
            codec_base64 codec = {0};
            for (ll_span rest = span_str(table[i].encoded); rest.size; rest = span_from(rest, piece))
                codec_base64_push(&codec, span_first(rest, piece), &t);
            codec_base64_finish(&codec, &t);
            check(&t, span_str(table[i].want));
        }
    text_fini(&t);
}

static void test_qp_stream(void **state)
{
    (void)state;
    static const struct {
        const char *encoded, *want;
    } table[] = {{"a=3Db=3d", "a=b="},
                 {"soft=\r\nline=\nend=", "softlineend"},
                 {"soft= \t \r\nx= \n", "softx"},
                 {"trailing \t\r\nx \ny ", "trailing\r\nx\ny "},
                 {"=G1 =4 =", "=G1 =4 "},
                 {"==41 =\rx", "=A =\rx"},
                 {"a\rb \r \r\n", "a\rb \r\r\n"},
                 {"a_b", "a_b"},
                 {"=E2=82=AC", "\xe2\x82\xac"},
                 {"=4\r\n", "=4\r\n"},
                 {"= x", "= x"}};
    text t;
    text_init(&t, NULL, 1000);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (size_t piece = 1; piece < 13; piece++) {
            codec_qp codec = {0};
            for (ll_span rest = span_str(table[i].encoded); rest.size; rest = span_from(rest, piece))
                codec_qp_push(&codec, span_first(rest, piece), &t);
            codec_qp_finish(&codec, &t);
            check(&t, span_str(table[i].want));
        }
    /* more white space than is held back stays */
    codec_qp codec = {0};
    for (int i = 0; i < 500; i++)
        codec_qp_push(&codec, SPAN(" "), &t);
    codec_qp_push(&codec, SPAN("x"), &t);
    codec_qp_finish(&codec, &t);
    assert_int_equal(t.size, 501);
    text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strict), cmocka_unit_test(test_base64_stream),
                                       cmocka_unit_test(test_qp_stream)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
