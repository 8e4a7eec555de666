/* page_codec.h - the pages of a vault file: SQLite3 Multiple Ciphers' format "chacha20", 3 to 5 times faster.
 * SPDX-License-Identifier: MIT
 *
 * Byte-compatible with the stock cipher in both directions (tests/keys/page_codec_test.c proves it); knows nothing of
 * SQLite. The store room registers it with sqlite3mc_register_cipher.
 *
 *     offset                size
 *     0                     16    page 1 only: the file's salt, in place of "SQLite format 3"
 *     16                    8     page 1 only: plaintext (page size, versions, reserved = 32, payload fractions)
 *     0, on page 1: 24      ...   ChaCha20 ciphertext
 *     size - 32             16    random: nonce (12), start of the block counter (4, little-endian, XOR page number)
 *     size - 16             16    Poly1305 of all that precedes
 *
 * Block `counter` of ChaCha20(key, nonce) is 32 bytes of Poly1305 key and 32 of page key; the page is encrypted with
 * the page key from block counter + 1 on. The counter wraps at 32 bits without carry, unlike OpenSSL's: see
 * page_codec.c.
 *
 * One codec is used by one thread at a time (as an SQLite connection is). Nonces are safe across fork. */
#ifndef KEYS_PAGE_CODEC_H
#define KEYS_PAGE_CODEC_H

#include "keys/keys.h"

enum { PAGE_CODEC_RESERVED = 32, PAGE_CODEC_SIZE_MIN = 512, PAGE_CODEC_SIZE_MAX = 65536 };

typedef struct page_codec page_codec;
struct random_source;

/* salt: of the file; for a new file, random. LL_ENOMEM. */
LL_MUST_USE ll_status page_codec_new(page_codec **out, const uint8_t key[KEYS_KEY], const uint8_t salt[KEYS_SALT]);
/* The same key and salt in a codec of its own. LL_ENOMEM. */
LL_MUST_USE ll_status page_codec_copy(page_codec **out, const page_codec *from);
/* Take over another's key and salt. LL_ENOMEM (OpenSSL refused). */
LL_MUST_USE ll_status page_codec_assign(page_codec *codec, const page_codec *from);
/* Where nonces come from; borrowed, copies take it over. NULL (the beginning): the kernel. */
void page_codec_random(page_codec *codec, const struct random_source *source);
/* Wipes the key. NULL is fine. */
void page_codec_del(page_codec **codec);
/* Another key and salt from now on. LL_ENOMEM (OpenSSL refused). */
LL_MUST_USE ll_status page_codec_set(page_codec *codec, const uint8_t key[KEYS_KEY], const uint8_t salt[KEYS_SALT]);
const uint8_t *page_codec_salt(const page_codec *codec);

/* In place; number counts from 1; size is a page size of SQLite. LL_EINVAL: no such size or number; LL_ENOMEM (OpenSSL
 * refused). */
LL_MUST_USE ll_status page_codec_encrypt(page_codec *codec, uint8_t *page, size_t size, uint32_t number);
/* LL_ECORRUPT: altered, moved from another number, or another key; the page is left as it was. */
LL_MUST_USE ll_status page_codec_decrypt(page_codec *codec, uint8_t *page, size_t size, uint32_t number);

/* For tests of the wrap: from now on every page begins at this block counter. */
void page_codec_force_counter(page_codec *codec, uint32_t counter);

#endif
