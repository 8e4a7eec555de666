/* scram.h - the arithmetic of SCRAM-SHA-256 (RFC 5802 section 3, RFC 7677).
 * SPDX-License-Identifier: MIT */
#ifndef KEYS_SCRAM_H
#define KEYS_SCRAM_H

#include "base/span.h"
#include "keys/keys.h"

typedef struct scram_keys {
    uint8_t client[KEYS_KEY]; /* ClientKey: from it a vault's KEK is made; never stored */
    uint8_t stored[KEYS_KEY]; /* StoredKey */
    uint8_t server[KEYS_KEY]; /* ServerKey */
} scram_keys;

/* One PBKDF2: 1 ms for 4096 iterations. The caller wipes the keys. LL_ENOMEM; LL_EINVAL (iterations 0). */
LL_MUST_USE ll_status scram_derive(ll_span password, const uint8_t *salt, size_t salt_size, uint32_t iterations,
                                   scram_keys *keys);
/* Is this the proof of someone who has the ClientKey to this StoredKey? Then client_key is set (the caller wipes it).
 * Constant time. */
bool scram_check(const uint8_t stored_key[KEYS_KEY], ll_span auth_message, const uint8_t proof[KEYS_KEY],
                 uint8_t client_key[KEYS_KEY]);
/* ServerSignature, or ClientSignature with the StoredKey. */
void scram_sign(const uint8_t key[KEYS_KEY], ll_span auth_message, uint8_t signature[KEYS_KEY]);

#endif
