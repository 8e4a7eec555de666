/* packing.h - how one blob of a vault holds its bytes: as they are, or compressed by zstd.
 * SPDX-License-Identifier: MIT
 *
 * The number beside the blob (message.head_encoding, chunk.encoding) says how:
 *
 *     0  as it is
 *     1  a zstd frame
 *     2  a zstd frame made with the dictionary of mail (dictionary_mail.c): mail is short, and its headers and markup
 *        repeat themselves from message to message
 *
 * Every other number is of a later version: LL_EVERSION. A number's meaning never changes; a better dictionary gets the
 * next one. Frames carry zstd's checksum of the content.
 *
 * Threads: one packing belongs to one connection (packing_of) and is used by whoever uses that. */
#ifndef STORE_PACKING_H
#define STORE_PACKING_H

#include "store/db.h"

enum {
    PACKING_NONE = 0,
    PACKING_ZSTD = 1,
    PACKING_MAIL = 2,
    PACKING_LEVEL = 3,         /* measured: docs/why/storage.md */
    PACKING_MAX = (128 << 10), /* bytes of one blob before packing */
    PACKING_LEAST = 64,        /* smaller ones stay as they are */
    PACKING_GAIN = 16          /* a frame must save at least one part in so many, or it is not worth its decoding */
};

typedef struct packing packing;

/* That of this connection, made at the first call and freed with it. NULL: out of memory. */
packing *packing_of(db *d);

/* Pack at most PACKING_MAX bytes, with the dictionary or without. *out is `bytes` itself, or borrowed until the next
 * call on this packing; *encoding says what it is. Never fails: what cannot be packed stays as it is. */
void packing_pack(packing *p, ll_span bytes, bool mail, ll_span *out, int64_t *encoding);
/* Is it worth a try? A look at a sample of large content: false for what is compressed already. */
bool packing_promises(packing *p, ll_span bytes);
/* The `size` bytes that a blob holds. *out is `blob` itself, or in `buffer`, which has room for them.
 * LL_ECORRUPT: it is damaged or holds another number of bytes; LL_EVERSION; LL_ENOMEM. */
LL_MUST_USE ll_status packing_open(packing *p, ll_span blob, int64_t encoding, size_t size, char *buffer, ll_span *out);
/* How many bytes a blob says it holds, for who has lost the row that knows. False: it does not say, or more than
 * PACKING_MAX. */
bool packing_size(ll_span blob, int64_t encoding, size_t *size);

/* Buffers for the connection's user; they grow and never shrink. NULL: out of memory. */
typedef enum packing_use { PACKING_HEAD, PACKING_CHUNK, PACKING_TEXT, PACKING_WALK, PACKING_USES } packing_use;
char *packing_buffer(packing *p, packing_use use, size_t size);

#endif
