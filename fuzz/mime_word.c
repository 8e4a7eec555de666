/* mime_word.c - any bytes as a header value, as quoted-printable and base64 HTML: the result is UTF-8.
 * SPDX-License-Identifier: MIT */
#include "base/utf.h"
#include "mime/decode.h"
#include "mime/word.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(ll_span bytes, ll_span encoding, ll_span charset, size_t cut, text *out)
{
    mime_decoder *d;
    text_clear(out);
    if (mime_decoder_new(&d, NULL, encoding, charset, MIME_WANT_READABLE, true))
        return;
    mime_decoder_push(d, span_first(bytes, cut), out);
    mime_decoder_push(d, span_from(bytes, cut), out);
    mime_decoder_finish(d, out);
    mime_decoder_del(&d);
    assert(utf_valid(text_span(out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"7bit", "base64", "quoted-printable"};
    static const char *const charsets[] = {"utf-8",        "iso-2022-jp", "utf-16", "gb18030",
                                           "windows-1252", "big5",        "euc-kr", "utf-7"};
    if (size < 2)
        return 0;
    ll_span bytes = span_of((const char *)data + 2, size - 2);
    text whole, pieces;
    text_init(&whole, NULL, 1 << 24);
    text_init(&pieces, NULL, 1 << 24);
    mime_word_decode(bytes, &whole);
    assert(utf_valid(text_span(&whole)));
    ll_span encoding = span_str(encodings[data[0] % 3]), charset = span_str(charsets[data[0] / 3 % 8]);
    decode(bytes, encoding, charset, 0, &whole);
    decode(bytes, encoding, charset, data[1] % (bytes.size + 1), &pieces);
    assert(span_equal(text_span(&whole), text_span(&pieces)));
    text_clear(&pieces);
    utf_fold(&pieces, bytes);
    assert(utf_valid(text_span(&pieces)));
    text_fini(&whole);
    text_fini(&pieces);
    return 0;
}
