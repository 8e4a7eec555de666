/* utf7.h - UTF-7 (RFC 2152) to UTF-8, for charset.c. iconv's decoder depends on how malformed input was cut; this one
 * does not.
 * SPDX-License-Identifier: MIT
 *
 * Lenient as mail demands: outside base64 every ASCII byte is itself (the RFC forbids some). U+FFFD stands for each
 * byte above 0x7f, for '+' in front of what is neither base64 nor '-', for half a surrogate pair, and for bits left at
 * the end of base64 that are no padding. (The modified UTF-7 of IMAP's mailbox names is imap/name.h's.) */
#ifndef BASE_UTF7_H
#define BASE_UTF7_H

#include "base/text.h"

/* Start with {0}. Takes no memory. */
typedef struct utf7_decoder {
    bool shifted;       /* inside base64 */
    bool fresh;         /* only its '+' was seen so far */
    uint32_t bits;      /* not yet a UTF-16 unit */
    unsigned bits_size; /* of `bits` that count: 0..15 */
    uint32_t high;      /* a high surrogate that waits for its second half, or 0 */
} utf7_decoder;

/* Append what the next bytes mean. All are taken. */
void utf7_push(utf7_decoder *decoder, ll_span bytes, text *out);
/* The end: what is incomplete becomes U+FFFD. Then it may start again. */
void utf7_finish(utf7_decoder *decoder, text *out);

#endif
