/* compact.h - gives room back: to the file system what expunged messages have left, and what older ways of storing
 * take. SPDX-License-Identifier: MIT
 *
 * Pages that are free stay in the file and are used again. When they are many, the end of the file is moved into them
 * and cut off, a bounded number of pages per job, so that others have their turn. A vault of version 1 keeps its old
 * messages as they were; vault_compact stores them as new ones are stored, a bounded number of bytes per job. */
#ifndef STORE_COMPACT_H
#define STORE_COMPACT_H

#include "store/vault.h"

enum {
    COMPACT_PAGES = 512,         /* moved by one job: 4 MB, some 20 ms */
    COMPACT_MESSAGES = 64,       /* stored anew by one job, */
    COMPACT_BYTES = 4 << 20,     /* and their bytes: as long */
    COMPACT_LOOK = 2048,         /* messages or parts looked at by one job: some milliseconds */
    COMPACT_COUNTS = 65536,      /* messages whose references one job counts; it reads all entries */
    COMPACT_FREE_PAGES = 256,    /* fewer free pages (2 MB) are left for new mail, */
    COMPACT_FREE_SHARE = 32,     /* and one page in so many: trimming every purge would move pages to and fro */
    COMPACT_FREE_LEFT_SHARE = 64 /* a trim leaves one in so many */
};

/* There may be many free pages now. Any thread. */
void compact_trim(vault *v);

typedef struct compact_result {
    uint64_t messages;      /* stored anew */
    uint64_t before, after; /* bytes of the file, without what its -wal still holds */
} compact_result;

/* Between two jobs, on executor->done's thread: go on? Without an answer of true it ends with LL_ECLOSED: what was done
 * is done, and the next call goes on from there. It also ends when nobody else holds the vault. */
typedef bool compact_more(void *ctx);
typedef void compact_done(void *ctx, ll_status status, const compact_result *result);
/* Store old messages anew, make damaged counts of references right, then give back every free page. On executor->done's
 * thread; the vault is held until `done`. more may be NULL. LL_EBUSY: it is under way already. A message that cannot be
 * read stays as it is. */
void vault_compact(vault *v, compact_more *more, compact_done *done, void *ctx);

#endif
