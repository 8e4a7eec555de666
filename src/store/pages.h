/* pages.h - the pages of an encrypted file, one by one and without SQLite: for files that SQLite cannot read any more.
 * SPDX-License-Identifier: MIT
 *
 * Every page authenticates itself (keys/page_codec.h), so each is either as it was written or known to be damaged; what
 * stands on one is readable whatever has become of the others. With a raw key not even page 1 is needed: its salt
 * enters no computation. What is not seen here: an old version of a page that was put back.
 *
 * The file's -wal is read too: the last committed version of a page counts. Nothing is ever written. One thread at a
 * time; nobody may write to the file meanwhile. */
#ifndef STORE_PAGES_H
#define STORE_PAGES_H

#include "base/text.h"
#include "keys/keys.h"

typedef struct pages pages;

/* LL_ENOTFOUND, LL_EDENIED, LL_EIO, LL_ENOMEM; LL_ECORRUPT: not one page could be decrypted, so the key is another's or
 * the file is none of ours. *why (may be NULL) gets a sentence. */
LL_MUST_USE ll_status pages_open(pages **out, const char *path, const uint8_t key[KEYS_KEY], text *why);
void pages_close(pages **p);

/* Pages are numbered from 1 to this. */
uint32_t pages_count(const pages *p);
/* Those that the file says it has beyond that: it was cut off. */
uint32_t pages_missing(const pages *p);
size_t pages_size(const pages *p);
/* Without what the cipher reserves. */
size_t pages_usable(const pages *p);
/* Into `out`, of pages_size bytes. LL_ECORRUPT: damaged; LL_EIO: the disk does not give it. */
LL_MUST_USE ll_status pages_read(pages *p, uint32_t number, uint8_t *out);

#endif
