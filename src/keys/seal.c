/* seal.c - see seal.h
 * SPDX-License-Identifier: MIT */
#include "keys/seal.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "keys/random.h"

#include <assert.h>
#include <sodium.h>

enum { VERSION = 1, PLACE_MAX = 1 + KEYS_ID + SEAL_PURPOSE_MAX };

void seal_pair_make(uint8_t public_key[KEYS_KEY], uint8_t secret_key[KEYS_KEY])
{
    crypto_box_keypair(public_key, secret_key);
}

/* Associated data: version, id, purpose. */
static size_t seal_place(const uint8_t id[KEYS_ID], ll_span purpose, uint8_t place[PLACE_MAX])
{
    assert(purpose.size <= SEAL_PURPOSE_MAX);
    place[0] = VERSION;
    memcpy(place + 1, id, KEYS_ID);
    if (purpose.size)
        memcpy(place + 1 + KEYS_ID, purpose.data, purpose.size);
    return 1 + KEYS_ID + purpose.size;
}

/* The key between the two pairs. False: the other's public key has no secret to share (small order). */
static bool seal_agree(const uint8_t secret_key[KEYS_KEY], const uint8_t other[KEYS_KEY],
                       const uint8_t ephemeral[KEYS_KEY], const uint8_t recipient[KEYS_KEY], uint8_t out[KEYS_KEY])
{
    uint8_t shared[KEYS_KEY], both[2 * KEYS_KEY];
    memcpy(both, ephemeral, KEYS_KEY);
    memcpy(both + KEYS_KEY, recipient, KEYS_KEY);
    bool good = crypto_scalarmult(shared, secret_key, other) == 0;
    if (good)
        derive_hkdf(derive_span(both, sizeof both), derive_span(shared, sizeof shared), &SPAN("letterlock seal 1"), 1,
                    out);
    memory_wipe(shared, sizeof shared);
    return good;
}

ll_status seal_key(const uint8_t public_key[KEYS_KEY], const uint8_t alias[KEYS_ID], ll_span purpose,
                   const uint8_t content_key[KEYS_KEY], uint8_t out[SEAL_KEY])
{
    /* The derived key is used once, so the nonce may be zero. */
    static const uint8_t nonce[KEYS_NONCE];
    uint8_t secret[KEYS_KEY], key[KEYS_KEY], place[PLACE_MAX];
    size_t place_size = seal_place(alias, purpose, place);
    out[0] = VERSION;
    seal_pair_make(out + 1, secret);
    bool good = seal_agree(secret, public_key, out + 1, public_key, key);
    if (good)
        crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + KEYS_KEY, NULL, content_key, KEYS_KEY, place, place_size,
                                                   NULL, nonce, key);
    memory_wipe(secret, sizeof secret);
    memory_wipe(key, sizeof key);
    return good ? LL_OK : LL_EINVAL;
}

static ll_status check_version(ll_span sealed, size_t size)
{
    uint8_t version = sealed.size ? (uint8_t)sealed.data[0] : 0;
    if (version > VERSION)
        return LL_EVERSION;
    return version == VERSION && sealed.size == size ? LL_OK : LL_ECORRUPT;
}

ll_status seal_open(const uint8_t public_key[KEYS_KEY], const uint8_t secret_key[KEYS_KEY],
                    const uint8_t alias[KEYS_ID], ll_span purpose, ll_span sealed, uint8_t content_key[KEYS_KEY])
{
    static const uint8_t nonce[KEYS_NONCE];
    ll_status status = check_version(sealed, SEAL_KEY);
    if (status)
        return status;
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    uint8_t key[KEYS_KEY], place[PLACE_MAX];
    size_t place_size = seal_place(alias, purpose, place);
    bool good = seal_agree(secret_key, bytes + 1, bytes + 1, public_key, key) &&
                crypto_aead_xchacha20poly1305_ietf_decrypt(content_key, NULL, NULL, bytes + 1 + KEYS_KEY,
                                                           KEYS_KEY + KEYS_TAG, place, place_size, nonce, key) == 0;
    memory_wipe(key, sizeof key);
    return good ? LL_OK : LL_ECORRUPT;
}

void seal_wrap(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], ll_span purpose,
               const uint8_t content_key[KEYS_KEY], uint8_t out[SEAL_WRAPPED])
{
    uint8_t place[PLACE_MAX];
    size_t place_size = seal_place(id, purpose, place);
    out[0] = VERSION;
    random_bytes(out + 1, KEYS_NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + 1 + KEYS_NONCE, NULL, content_key, KEYS_KEY, place, place_size,
                                               NULL, out + 1, key);
}

ll_status seal_unwrap(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], ll_span purpose, ll_span wrapped,
                      uint8_t content_key[KEYS_KEY])
{
    ll_status status = check_version(wrapped, SEAL_WRAPPED);
    if (status)
        return status;
    const uint8_t *bytes = (const uint8_t *)wrapped.data;
    uint8_t place[PLACE_MAX];
    size_t place_size = seal_place(id, purpose, place);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(content_key, NULL, NULL, bytes + 1 + KEYS_NONCE,
                                                      KEYS_KEY + KEYS_TAG, place, place_size, bytes + 1, key)
               ? LL_ECORRUPT
               : LL_OK;
}

/* ------------------------------------------------------------------------------------------------------ Chunks */

bool seal_plain_size(uint64_t sealed, uint64_t *size)
{
    uint64_t full = sealed / SEAL_CHUNK_SEALED, rest = sealed % SEAL_CHUNK_SEALED;
    /* No rest: the last chunk is a full one. A rest that is only a tag: only the empty content has an empty last chunk.
     */
    if (rest == 0)
        *size = full * SEAL_CHUNK;
    else if (rest > KEYS_TAG || (rest == KEYS_TAG && full == 0))
        *size = full * SEAL_CHUNK + rest - KEYS_TAG;
    else
        return false;
    return sealed > 0;
}

enum { CHUNK_PLACE = 1 + KEYS_ID };

/* Nonce: the chunk's number (8, little-endian) and whether it is the last; associated data: version and id. */
static void chunk_place(const uint8_t id[KEYS_ID], uint64_t n, bool last, uint8_t nonce[KEYS_NONCE],
                        uint8_t place[CHUNK_PLACE])
{
    memset(nonce, 0, KEYS_NONCE);
    for (size_t i = 0; i < 8; i++)
        nonce[i] = (uint8_t)(n >> (8 * i));
    nonce[8] = last;
    place[0] = VERSION;
    memcpy(place + 1, id, KEYS_ID);
}

void seal_chunk_encrypt(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], uint64_t n, bool last, ll_span plain,
                        uint8_t *out)
{
    assert(last ? plain.size <= SEAL_CHUNK : plain.size == SEAL_CHUNK);
    uint8_t nonce[KEYS_NONCE], place[CHUNK_PLACE];
    chunk_place(id, n, last, nonce, place);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out, NULL, (const uint8_t *)plain.data, plain.size, place, sizeof place,
                                               NULL, nonce, key);
}

ll_status seal_chunk_decrypt(const uint8_t key[KEYS_KEY], const uint8_t id[KEYS_ID], uint64_t n, bool last,
                             ll_span sealed, uint8_t *out)
{
    if (last ? sealed.size < KEYS_TAG || sealed.size > SEAL_CHUNK_SEALED : sealed.size != SEAL_CHUNK_SEALED)
        return LL_ECORRUPT;
    uint8_t nonce[KEYS_NONCE], place[CHUNK_PLACE];
    chunk_place(id, n, last, nonce, place);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, (const uint8_t *)sealed.data, sealed.size, place,
                                                      sizeof place, nonce, key)
               ? LL_ECORRUPT
               : LL_OK;
}
