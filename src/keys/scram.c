/* scram.c - see scram.h
 * SPDX-License-Identifier: MIT */
#include "keys/scram.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/pbkdf2.h"

#include <limits.h>
#include <sodium.h>

ll_status scram_derive(ll_span password, const uint8_t *salt, size_t salt_size, uint32_t iterations, scram_keys *keys)
{
    if (iterations == 0 || iterations > INT_MAX || password.size > INT_MAX || salt_size > INT_MAX)
        return LL_EINVAL;
    uint8_t salted[KEYS_KEY];
    pbkdf2_sha256(password, derive_span(salt, salt_size), iterations, salted); /* Hi(), RFC 5802 section 2.2 */
    derive_hmac(derive_span(salted, KEYS_KEY), &SPAN("Client Key"), 1, keys->client);
    derive_hmac(derive_span(salted, KEYS_KEY), &SPAN("Server Key"), 1, keys->server);
    derive_sha256(derive_span(keys->client, KEYS_KEY), keys->stored);
    memory_wipe(salted, sizeof salted);
    return LL_OK;
}

void scram_sign(const uint8_t key[KEYS_KEY], ll_span auth_message, uint8_t signature[KEYS_KEY])
{
    derive_hmac(derive_span(key, KEYS_KEY), &auth_message, 1, signature);
}

bool scram_check(const uint8_t stored_key[KEYS_KEY], ll_span auth_message, const uint8_t proof[KEYS_KEY],
                 uint8_t client_key[KEYS_KEY])
{
    uint8_t hashed[KEYS_KEY];
    scram_sign(stored_key, auth_message, client_key);
    for (size_t i = 0; i < KEYS_KEY; i++)
        client_key[i] ^= proof[i];
    derive_sha256(derive_span(client_key, KEYS_KEY), hashed);
    bool same = sodium_memcmp(hashed, stored_key, KEYS_KEY) == 0;
    if (!same)
        memory_wipe(client_key, KEYS_KEY);
    memory_wipe(hashed, sizeof hashed);
    return same;
}
