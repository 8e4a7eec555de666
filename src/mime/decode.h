/* decode.h - the text of a leaf: content transfer encoding, then charset, then (for HTML) markup taken away.
 * SPDX-License-Identifier: MIT
 *
 * Push the bytes of a part's body range in pieces of any size; UTF-8 is appended as it becomes known. The caller may
 * take and clear the text between pushes. Memory: a few kilobytes. */
#ifndef MIME_DECODE_H
#define MIME_DECODE_H

#include "base/text.h"
#include "mime/index.h"

typedef struct mime_decoder mime_decoder;

typedef enum mime_decoder_want {
    MIME_WANT_BYTES,   /* only the transfer encoding: the attachment itself */
    MIME_WANT_UTF8,    /* and the charset: always valid UTF-8 */
    MIME_WANT_READABLE /* and HTML without its markup */
} mime_decoder_want;

/* Encoding: base64, quoted-printable; any other passes through (RFC 2045 section 6.4 would have an unknown one be
 * opaque; for search it is better read). charset: empty or unknown means UTF-8 with U+FFFD for what is not. html: the
 * text is HTML. LL_ENOMEM. */
LL_MUST_USE ll_status mime_decoder_new(mime_decoder **out, const ll_allocator *allocator, ll_span encoding,
                                       ll_span charset, mime_decoder_want want, bool html);
/* The same with encoding, charset and type of a part. */
LL_MUST_USE ll_status mime_decoder_new_part(mime_decoder **out, const ll_allocator *allocator, const mime_part *part,
                                            mime_decoder_want want);
void mime_decoder_push(mime_decoder *decoder, ll_span bytes, text *out);
/* The body has ended. */
void mime_decoder_finish(mime_decoder *decoder, text *out);
void mime_decoder_del(mime_decoder **decoder); /* NULL is fine */

#endif
