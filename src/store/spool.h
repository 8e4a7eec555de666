/* spool.h - content that grows, in bounded memory: a message on its way in, before it has a home.
 * SPDX-License-Identifier: MIT
 *
 * Small content stays in memory. Beyond SPOOL_MEMORY, or when all spools together hold more than their pool allows, it
 * goes to a file that has no name (O_TMPFILE) and is encrypted in chunks (keys/seal.h) under a random key that lives in
 * memory only: no plaintext mail touches the disk (invariant 5), and a crash leaves nothing behind.
 *
 * Threads: one spool is written by one thread at a time; once it is complete, any number may read it at the same time.
 * The pool may be shared by all of them. */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "letterlock.h"

#include <stdatomic.h>

/* Held in memory by one spool: 99 of 100 messages are smaller, and so never cost a file. */
#define SPOOL_MEMORY ((size_t)256 << 10)
/* The pool never refuses this much to one spool: a file needs a chunk in memory anyhow. */
#define SPOOL_MEMORY_SURE ((size_t)64 << 10)

/* Memory of all spools of a process together, by its owner's choice. Set bytes_max before first use. */
typedef struct spool_pool {
    _Atomic size_t bytes; /* held now */
    size_t bytes_max;
    const struct random_source *random; /* of the keys of files; NULL: the kernel */
} spool_pool;

typedef struct spool spool;

/* dir: the data directory's tmp/ (layout.h), copied. pool: may be NULL (only SPOOL_MEMORY counts then), must outlive
 * the spool. Allocates almost nothing yet. LL_ENOMEM. */
LL_MUST_USE ll_status spool_new(spool **out, const char *dir, spool_pool *pool);
/* Wipes and frees; the file is gone with it. NULL is fine. */
void spool_del(spool **s);
/* Append. LL_EFULL (disk), LL_EIO, LL_ENOMEM: the spool is broken and answers the same from now on. */
LL_MUST_USE ll_status spool_write(spool *s, ll_span bytes);
uint64_t spool_size(const spool *s);
/* Up to `length` bytes at offset into `out`; *got is less only at the end. LL_ECORRUPT: the file was altered; LL_EIO,
 * LL_ENOMEM. */
LL_MUST_USE ll_status spool_read(spool *s, uint64_t offset, size_t length, void *out, size_t *got);
/* The whole content as one span (valid until the next spool_write or spool_del), if it is in memory; false if it is in
 * a file. */
bool spool_whole(const spool *s, ll_span *out);

#endif
