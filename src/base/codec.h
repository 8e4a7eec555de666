/* codec.h - bytes as text and back: base64 and base64url (RFC 4648), quoted-printable (RFC 2045 section 6.7), hex.
 * SPDX-License-Identifier: MIT
 *
 * All append to a text, whose sticky status tells about memory and ceilings. For each encoding that carries mail there
 * is a streaming decoder, lenient as mail demands: it takes pieces of any size and passes over what is not of the
 * encoding. What protocols carry (SASL, keys) goes through the strict decoders, which accept exactly what the encoder
 * makes. */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/text.h"

/* With padding, without line breaks. */
void codec_base64_add(text *out, ll_span bytes);
/* Broken into lines of `columns` characters (a multiple of 4), each line but the last ended with `eol`. Mail uses 76
 * and CRLF. */
void codec_base64_add_lines(text *out, ll_span bytes, size_t columns, ll_span eol);
/* The URL alphabet, without padding. */
void codec_base64url_add(text *out, ll_span bytes);
void codec_hex_add(text *out, ll_span bytes); /* lower case */

/* Strict. LL_OK, or LL_ESYNTAX with nothing appended; the text's status is separate. */
LL_MUST_USE ll_status codec_base64_decode(ll_span encoded, text *out);    /* padding required, unused bits zero */
LL_MUST_USE ll_status codec_base64url_decode(ll_span encoded, text *out); /* padding forbidden */
LL_MUST_USE ll_status codec_hex_decode(ll_span encoded, text *out);       /* both cases */

/* Lenient base64 decoder. Start with {0}. '=' ends a group, and what follows starts a new one (parts pasted together).
 */
typedef struct codec_base64 {
    uint32_t bits;
    unsigned count; /* characters of the present group, 0..3 */
} codec_base64;
void codec_base64_push(codec_base64 *codec, ll_span encoded, text *out);
void codec_base64_finish(codec_base64 *codec, text *out); /* an unfinished group gives its whole bytes */

enum {
    codec_qp_space_max = 128
}; /* white space held back until it is known whether the line ends: QP lines have 76 characters */

/* Lenient quoted-printable decoder. Start with {0}. Malformed escapes stay as they are; white space at line ends goes.
 */
typedef struct codec_qp {
    char held[codec_qp_space_max + 4]; /* white space, or the beginning of an escape */
    size_t held_size;
    bool escape;    /* held is '=' and what follows it so far */
    bool underline; /* '_' is a space: the Q encoding of RFC 2047 section 4.2 */
} codec_qp;
void codec_qp_push(codec_qp *codec, ll_span encoded, text *out);
void codec_qp_finish(codec_qp *codec, text *out);

/* Value of a hexadecimal digit, or -1. */
int codec_hex_digit(char c);

#endif
