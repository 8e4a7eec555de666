/* pbkdf2.c - see pbkdf2.h
 * SPDX-License-Identifier: MIT */
/* The block function itself is what is needed here; OpenSSL 3 has it under "deprecated" only. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "keys/pbkdf2.h"

#include "base/memory.h"

#include <openssl/sha.h>

enum { BLOCK = SHA256_CBLOCK, WORDS = KEYS_KEY / 4 };

/* The hash state after the first block of an HMAC: the key, padded and masked. */
static void begin(SHA256_CTX *state, const uint8_t key[BLOCK], uint8_t mask)
{
    uint8_t block[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = key[i] ^ mask;
    SHA256_Init(state);
    SHA256_Update(state, block, BLOCK);
    memory_wipe(block, sizeof block);
}

static void put(const SHA256_CTX *state, uint8_t out[KEYS_KEY])
{
    for (size_t i = 0; i < WORDS; i++) {
        const uint32_t word = (uint32_t)state->h[i];
        out[4 * i] = (uint8_t)(word >> 24);
        out[4 * i + 1] = (uint8_t)(word >> 16);
        out[4 * i + 2] = (uint8_t)(word >> 8);
        out[4 * i + 3] = (uint8_t)word;
    }
}

/* U1 = HMAC(password, salt || INT(1)) */
static void first(const SHA256_CTX *inner, const SHA256_CTX *outer, ll_span salt, uint8_t out[KEYS_KEY])
{
    static const uint8_t one[4] = {0, 0, 0, 1};
    SHA256_CTX state = *inner;
    if (salt.size)
        SHA256_Update(&state, salt.data, salt.size);
    SHA256_Update(&state, one, sizeof one);
    SHA256_Final(out, &state);
    state = *outer;
    SHA256_Update(&state, out, KEYS_KEY);
    SHA256_Final(out, &state);
    memory_wipe(&state, sizeof state);
}

/* U2 to Uc: both hashes take 32 bytes after their first block, so one block with the padding in place serves all. */
static void iterate(const SHA256_CTX *inner, const SHA256_CTX *outer, uint32_t iterations, uint8_t out[KEYS_KEY])
{
    uint8_t block[BLOCK] = {[KEYS_KEY] = 0x80, [BLOCK - 2] = (BLOCK + KEYS_KEY) * 8 >> 8};
    uint32_t sum[WORDS] = {0};
    uint8_t summed[KEYS_KEY];
    SHA256_CTX state = *inner;
    memcpy(block, out, KEYS_KEY);
    for (uint32_t i = 1; i < iterations; i++) {
        memcpy(state.h, inner->h, sizeof state.h);
        SHA256_Transform(&state, block);
        put(&state, block);
        memcpy(state.h, outer->h, sizeof state.h);
        SHA256_Transform(&state, block);
        put(&state, block);
        for (size_t k = 0; k < WORDS; k++)
            sum[k] ^= (uint32_t)state.h[k];
    }
    memcpy(state.h, sum, sizeof sum);
    put(&state, summed);
    for (size_t i = 0; i < KEYS_KEY; i++)
        out[i] ^= summed[i];
    memory_wipe(block, sizeof block);
    memory_wipe(summed, sizeof summed);
    memory_wipe(sum, sizeof sum);
    memory_wipe(&state, sizeof state);
}

void pbkdf2_sha256(ll_span password, ll_span salt, uint32_t iterations, uint8_t out[KEYS_KEY])
{
    uint8_t key[BLOCK] = {0};
    SHA256_CTX inner, outer;
    if (password.size > BLOCK)
        SHA256((const unsigned char *)password.data, password.size, key);
    else if (password.size)
        memcpy(key, password.data, password.size);
    begin(&inner, key, 0x36);
    begin(&outer, key, 0x5c);
    first(&inner, &outer, salt, out);
    iterate(&inner, &outer, iterations, out);
    memory_wipe(key, sizeof key);
    memory_wipe(&inner, sizeof inner);
    memory_wipe(&outer, sizeof outer);
}
