/* seal.h - mail sealed for a vault that is locked, and chunked encryption of content.
 * SPDX-License-Identifier: MIT
 *
 * Two layers. Content (a message, a spool file) is encrypted in chunks under a random content key. The content key is
 * sealed to the vault's X25519 public key: version (1), ephemeral public key (32), XChaCha20-Poly1305 of the content
 * key (32 + 16) under HKDF-SHA-256(salt = ephemeral and recipient's public keys, X25519 secret, info = "letterlock seal
 * 1"), with version, alias id and purpose as associated data. The ephemeral secret is forgotten: after sealing only the
 * vault's owner can open it (invariant 10). Thread-safe; nothing allocates. */
#ifndef KEYS_SEAL_H
#define KEYS_SEAL_H

#include "keys/keys.h"

enum {
    SEAL_KEY = 1 + KEYS_KEY + KEYS_KEY + KEYS_TAG, /* bytes of a sealed content key */
    SEAL_CHUNK = 65536,                            /* plain bytes in every chunk but the last */
    SEAL_CHUNK_SEALED = SEAL_CHUNK + KEYS_TAG,
    SEAL_PURPOSE_MAX = 32
};

/* A new pair. The secret half belongs inside the vault. */
void seal_pair_make(uint8_t public_key[KEYS_KEY], uint8_t secret_key[KEYS_KEY]);
/* purpose: a fixed word such as "drop", at most SEAL_PURPOSE_MAX bytes. LL_EINVAL: the public key is not one. */
LL_MUST_USE ll_status seal_key(const uint8_t public_key[KEYS_KEY], const uint8_t alias[KEYS_ID], ll_span purpose,
                               const uint8_t content_key[KEYS_KEY], uint8_t out[SEAL_KEY]);
/* LL_ECORRUPT: damaged, sealed to somebody else, or moved here from another place. LL_EVERSION. */
LL_MUST_USE ll_status seal_open(const uint8_t public_key[KEYS_KEY], const uint8_t secret_key[KEYS_KEY],
                                const uint8_t alias[KEYS_ID], ll_span purpose, ll_span sealed,
                                uint8_t content_key[KEYS_KEY]);

/* Wrap a content key under a symmetric key (the server key's "queue" and so on) instead: version, nonce, key, tag; same
 * errors. */
enum { SEAL_WRAPPED = 1 + KEYS_NONCE + KEYS_KEY + KEYS_TAG };
void seal_wrap(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], ll_span purpose,
               const uint8_t content_key[KEYS_KEY], uint8_t out[SEAL_WRAPPED]);
LL_MUST_USE ll_status seal_unwrap(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], ll_span purpose,
                                  ll_span wrapped, uint8_t content_key[KEYS_KEY]);

/* Content of `size` bytes has seal_chunks(size) chunks (at least one: empty content is one empty last chunk) and
 * becomes seal_size(size) bytes; chunk n begins at byte n * SEAL_CHUNK_SEALED. The last chunk is marked, so cutting at
 * a chunk is noticed; chunks are bound to their number and to `id` (of the message or spool file). Under one content
 * key, encrypt every chunk number ONCE: the nonce is the number. */
static inline uint64_t seal_chunks(uint64_t size)
{
    return size ? (size - 1) / SEAL_CHUNK + 1 : 1;
}

static inline uint64_t seal_size(uint64_t size)
{
    return size + seal_chunks(size) * KEYS_TAG;
}

/* The size of the content whose sealed form has `sealed` bytes. False: no content has. */
bool seal_plain_size(uint64_t sealed, uint64_t *size);
/* `out` gets plain.size + KEYS_TAG bytes and may begin where `plain` does. plain.size: SEAL_CHUNK, or up to that in the
 * last. */
void seal_chunk_encrypt(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], uint64_t n, bool last, ll_span plain,
                        uint8_t *out);
/* `out` gets sealed.size - KEYS_TAG bytes and may begin where `sealed` does. LL_ECORRUPT: nothing was written that may
 * be used. */
LL_MUST_USE ll_status seal_chunk_decrypt(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], uint64_t n, bool last,
                                         ll_span sealed, uint8_t *out);

#endif
