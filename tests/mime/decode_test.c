/* decode_test.c - the text of a leaf, in pieces of every size.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/decode.h"

static void check(const char *encoding, const char *charset, mime_decoder_want want, bool html, const char *bytes,
                  const char *expected)
{
    for (size_t piece = 1; piece < 12; piece++) {
        mime_decoder *d;
        text got;
        text_init(&got, NULL, 1 << 16);
        assert_int_equal(mime_decoder_new(&d, NULL, span_str(encoding), span_str(charset), want, html), LL_OK);
        for (ll_span rest = span_str(bytes); rest.size; rest = span_from(rest, piece))
            mime_decoder_push(d, span_first(rest, piece), &got);
        mime_decoder_finish(d, &got);
        assert_string_equal(text_str(&got), expected);
        mime_decoder_del(&d);
        text_fini(&got);
    }
}

static void test_decode(void **state)
{
    (void)state;
    check("7bit", "", MIME_WANT_UTF8, false, "plain\r\n", "plain\r\n");
    check("8bit", "iso-8859-1", MIME_WANT_UTF8, false, "caf\xe9", "caf\xc3\xa9");
    check("8bit", "x-none", MIME_WANT_UTF8, false, "caf\xe9 caf\xc3\xa9", "caf\xef\xbf\xbd caf\xc3\xa9");
    check("8bit", "utf-8", MIME_WANT_UTF8, false, "\xe2\x82", "\xef\xbf\xbd");
    check("8bit", "utf-8", MIME_WANT_BYTES, false, "\xe2\x82", "\xe2\x82");
    check("quoted-printable", "windows-1252", MIME_WANT_UTF8, false, "=80 so=\r\nft  \r\nx=", "\xe2\x82\xac soft\r\nx");
    check(" BASE64 ", "utf-8", MIME_WANT_UTF8, false, "4o\r\nKs\r\n", "\xe2\x82\xac");
    check("base64", "utf-8", MIME_WANT_UTF8, false, "YQ==\r\nYg==", "ab");
    check("base64", "utf-16le", MIME_WANT_UTF8, false, "YQDpAA==", "a\xc3\xa9");
    check("x-unknown", "", MIME_WANT_UTF8, false, "as is", "as is");
    check("quoted-printable", "iso-8859-15", MIME_WANT_READABLE, true, "<p>=A4 &amp;=20</p>", "\xe2\x82\xac &");
    check("8bit", "", MIME_WANT_READABLE, false, "<p>", "<p>");
    check("8bit", "", MIME_WANT_UTF8, true, "<p>", "<p>");
    check("7bit", "iso-2022-jp", MIME_WANT_UTF8, false, "\x1b$B$3\x1b(Ba",
          "\xe3\x81\x93"
          "a");
    check("7bit", "utf-7", MIME_WANT_UTF8, false, "a+IKw-b",
          "a\xe2\x82\xac"
          "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_decode)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
