/* incoming.h - a message on its way into the vault, to be read several times: to be divided, stored and compared.
 * SPDX-License-Identifier: MIT
 *
 * What its spool holds in a file is decrypted once, up to INCOMING_MAX; beyond that it is read from the file each time.
 */
#ifndef STORE_INCOMING_H
#define STORE_INCOMING_H

#include "store/spool.h"

/* One per thread that writes a vault: those are few. 99.9 of 100 messages are smaller. */
#define INCOMING_MAX ((uint64_t)8 << 20)

typedef struct incoming {
    spool *spool;
    uint64_t size;
    ll_span whole; /* if in_memory */
    bool in_memory;
    char *loaded; /* ours; NULL: the spool's own */
} incoming;

/* Borrows the spool. LL_ENOMEM, or as spool_read. */
LL_MUST_USE ll_status incoming_open(incoming *in, spool *content);
void incoming_close(incoming *in);
/* Exactly these bytes, which lie inside. LL_EIO: they do not; or as spool_read. */
LL_MUST_USE ll_status incoming_read(const incoming *in, uint64_t offset, size_t size, char *out);
/* At most `size` bytes at offset: *out is borrowed, from `buffer` if they are not in memory. */
LL_MUST_USE ll_status incoming_look(const incoming *in, uint64_t offset, size_t size, char *buffer, ll_span *out);

#endif
