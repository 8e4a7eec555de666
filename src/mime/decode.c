/* decode.c - see decode.h
 * SPDX-License-Identifier: MIT */
#include "mime/decode.h"

#include "base/charset.h"
#include "base/codec.h"
#include "base/memory.h"
#include "mime/html.h"

enum {
    piece_bytes = 8192,               /* decoded at a time: bounds the texts between the stages */
    stage_bytes_max = piece_bytes * 8 /* a byte becomes at most 3 of UTF-8, iso-2022 escapes aside */
};

typedef enum transfer { IDENTITY, BASE64, QUOTED_PRINTABLE } transfer;

struct mime_decoder {
    const ll_allocator *allocator;
    transfer transfer;
    codec_base64 base64;
    codec_qp qp;
    charset_reader *charset; /* NULL: bytes are wanted */
    bool is_html;
    mime_html html;
    text decoded, utf8; /* behind the first and the second stage */
};

ll_status mime_decoder_new(mime_decoder **out, const ll_allocator *allocator, ll_span encoding, ll_span charset,
                           mime_decoder_want want, bool html)
{
    mime_decoder *d = memory_new(allocator, sizeof *d);
    *out = d;
    if (!d)
        return LL_ENOMEM;
    d->allocator = allocator;
    d->is_html = html && want == MIME_WANT_READABLE;
    encoding = span_trim(encoding);
    if (span_equal_nocase(encoding, SPAN("base64")))
        d->transfer = BASE64;
    else if (span_equal_nocase(encoding, SPAN("quoted-printable")))
        d->transfer = QUOTED_PRINTABLE;
    text_init(&d->decoded, allocator, stage_bytes_max);
    text_init(&d->utf8, allocator, stage_bytes_max);
    ll_status status = LL_OK;
    if (want != MIME_WANT_BYTES) {
        status = charset_new(&d->charset, allocator, charset.size ? charset : SPAN("utf-8"));
        if (status == LL_ECHARSET)
            status = charset_new(&d->charset, allocator, SPAN("utf-8"));
    }
    if (status)
        mime_decoder_del(out);
    return status;
}

ll_status mime_decoder_new_part(mime_decoder **out, const ll_allocator *allocator, const mime_part *part,
                                mime_decoder_want want)
{
    ll_span charset = mime_param_find(part->params, part->params_count, SPAN("charset"));
    return mime_decoder_new(out, allocator, part->encoding, charset, want, mime_part_is(part, "text", "html"));
}

void mime_decoder_del(mime_decoder **decoder)
{
    mime_decoder *d = *decoder;
    if (!d)
        return;
    charset_del(&d->charset);
    text_fini(&d->decoded);
    text_fini(&d->utf8);
    memory_free(d->allocator, d);
    *decoder = NULL;
}

/* A stage in between ran out of memory: the answer is the output's to give. */
static void pass_status(const text *stage, text *out)
{
    if (text_status(stage) && !text_status(out))
        out->status = text_status(stage);
}

/* From the charset stage on. */
static void push_decoded(mime_decoder *d, ll_span bytes, text *out)
{
    if (!d->charset)
        text_add(out, bytes);
    else if (!d->is_html)
        charset_push(d->charset, bytes, out);
    else {
        text_clear(&d->utf8);
        charset_push(d->charset, bytes, &d->utf8);
        mime_html_push(&d->html, text_span(&d->utf8), out);
        pass_status(&d->utf8, out);
    }
}

void mime_decoder_push(mime_decoder *d, ll_span bytes, text *out)
{
    while (bytes.size && !text_status(out)) {
        ll_span piece = span_first(bytes, piece_bytes);
        bytes = span_from(bytes, piece.size);
        if (d->transfer == IDENTITY) {
            push_decoded(d, piece, out);
            continue;
        }
        text_clear(&d->decoded);
        if (d->transfer == BASE64)
            codec_base64_push(&d->base64, piece, &d->decoded);
        else
            codec_qp_push(&d->qp, piece, &d->decoded);
        pass_status(&d->decoded, out);
        push_decoded(d, text_span(&d->decoded), out);
    }
}

void mime_decoder_finish(mime_decoder *d, text *out)
{
    text_clear(&d->decoded);
    if (d->transfer == BASE64)
        codec_base64_finish(&d->base64, &d->decoded);
    if (d->transfer == QUOTED_PRINTABLE)
        codec_qp_finish(&d->qp, &d->decoded);
    pass_status(&d->decoded, out);
    push_decoded(d, text_span(&d->decoded), out);
    if (!d->charset)
        return;
    text_clear(&d->utf8);
    charset_finish(d->charset, d->is_html ? &d->utf8 : out);
    if (d->is_html) {
        mime_html_push(&d->html, text_span(&d->utf8), out);
        mime_html_finish(&d->html, out);
        pass_status(&d->utf8, out);
    }
}
