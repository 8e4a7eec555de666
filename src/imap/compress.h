/* compress.h - both directions of COMPRESS=DEFLATE, RFC 4978. For session.c only.
 * SPDX-License-Identifier: MIT
 *
 * Between the host and the engine once the client has asked for it: bytes of the client are inflated in small pieces
 * and held until the engine wants them; bytes for the client are deflated when the host takes them.
 *
 * Memory: 64 KiB to deflate (a window of 8 KiB: replies are short and alike), 43 KiB to inflate (the client chooses the
 * window, up to 32 KiB), and compress_piece of inflated bytes. */
#ifndef IMAP_COMPRESS_H
#define IMAP_COMPRESS_H

#include "base/text.h"

enum {
    compress_piece = 8192, /* inflated bytes held; more wait, deflated, with the host */
    compress_pack_most =
        65536, /* bytes deflated at a time, so that a slow client does not hold two forms of all output */
    /* Against bombs: DEFLATE can expand to 1,032 times its size. Memory is bounded whatever comes; this bounds the work
     * that a byte sent can cause. What people append (pictures in base64, logs) stays below 100. */
    compress_ratio_max = 400,
    compress_ratio_free = 4 << 20 /* inflated bytes that may come before the ratio counts: a small bomb does no harm */
};

typedef struct compression compression;

/* LL_ENOMEM. */
LL_MUST_USE ll_status compress_new(compression **out, const ll_allocator *allocator);
void compress_del(compression **c);

/* Append `plain` (at most compress_pack_most) to `out`, deflated; flush: so that the client can read all of it.
 * LL_ENOMEM, LL_ELIMIT: the text's. */
LL_MUST_USE ll_status compress_pack(compression *c, ll_span plain, bool flush, text *out);

/* Inflate some of what the client sent, if nothing inflated is left; *taken says how much was used. With empty
 * `packed`: what may still be inside. LL_OK; LL_ESYNTAX: it is not deflated, or has ended; LL_ELIMIT: the ratio;
 * LL_ENOMEM. */
LL_MUST_USE ll_status compress_unpack(compression *c, ll_span packed, size_t *taken);
/* Inflated bytes not yet used. */
ll_span compress_plain(const compression *c);
void compress_used(compression *c, size_t size);
/* Nothing inflated is left, nor can more come without new bytes of the client. */
bool compress_is_dry(const compression *c);

#endif
