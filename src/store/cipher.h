/* cipher.h - our page codec (keys/page_codec.h) as a cipher of SQLite3 Multiple Ciphers, under the name "letterlock".
 * SPDX-License-Identifier: MIT
 *
 * The file format is that of the stock cipher "chacha20" with a raw key, in both directions. Only raw keys: there is no
 * KDF here.
 *
 * Thread-safe after cipher_register. */
#ifndef STORE_CIPHER_H
#define STORE_CIPHER_H

#include "keys/keys.h"

struct sqlite3;
struct random_source;

/* Once per process, after sqlite3_initialize: see db_init. LL_ENOMEM. */
LL_MUST_USE ll_status cipher_register(void);
/* Key a connection that was just opened. random: where salts and nonces come from, must outlive it; NULL: the kernel.
 * LL_ENOMEM. A wrong key shows at the first page that is read. */
LL_MUST_USE ll_status cipher_key(struct sqlite3 *handle, const uint8_t key[KEYS_KEY],
                                 const struct random_source *random);

#endif
