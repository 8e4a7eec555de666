/* derive.c - see derive.h
 * SPDX-License-Identifier: MIT */
#include "keys/derive.h"

#include "base/memory.h"

#include <assert.h>
#include <sodium.h>

static const unsigned char *bytes_of(ll_span span)
{
    return (const unsigned char *)(span.data ? span.data : "");
}

void derive_hmac(ll_span key, const ll_span *pieces, size_t count, uint8_t out[KEYS_KEY])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, bytes_of(key), key.size);
    for (size_t i = 0; i < count; i++)
        if (pieces[i].size)
            crypto_auth_hmacsha256_update(&state, bytes_of(pieces[i]), pieces[i].size);
    crypto_auth_hmacsha256_final(&state, out);
    memory_wipe(&state, sizeof state);
}

void derive_hkdf(ll_span salt, ll_span secret, const ll_span *info, size_t count, uint8_t out[KEYS_KEY])
{
    /* Extract, RFC 5869 section 2.2; expand to the first block T(1), section 2.3. */
    uint8_t extracted[KEYS_KEY];
    derive_hmac(salt, &secret, 1, extracted);
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, extracted, sizeof extracted);
    for (size_t i = 0; i < count; i++)
        if (info[i].size)
            crypto_auth_hmacsha256_update(&state, bytes_of(info[i]), info[i].size);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)"\x01", 1);
    crypto_auth_hmacsha256_final(&state, out);
    memory_wipe(&state, sizeof state);
    memory_wipe(extracted, sizeof extracted);
}

void derive_sha256(ll_span bytes, uint8_t out[32])
{
    crypto_hash_sha256(out, bytes_of(bytes), bytes.size);
}

void derive_digest(ll_span key, ll_span bytes, uint8_t out[32])
{
    assert(key.size == 0 ||
           (key.size >= crypto_generichash_KEYBYTES_MIN && key.size <= crypto_generichash_KEYBYTES_MAX));
    crypto_generichash(out, 32, bytes_of(bytes), bytes.size, key.size ? bytes_of(key) : NULL, key.size);
}
