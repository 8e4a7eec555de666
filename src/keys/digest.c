/* digest.c - see digest.h
 * SPDX-License-Identifier: MIT */
#include "keys/digest.h"

#include "base/memory.h"

#include <assert.h>
#include <sodium.h>

static_assert(sizeof(crypto_generichash_state) <= sizeof(digest), "the state fits");

static crypto_generichash_state *state_of(digest *d)
{
    return (crypto_generichash_state *)(void *)d->state;
}

void digest_init(digest *d)
{
    crypto_generichash_init(state_of(d), NULL, 0, DIGEST_SIZE);
}

void digest_add(digest *d, ll_span bytes)
{
    if (bytes.size)
        crypto_generichash_update(state_of(d), (const unsigned char *)bytes.data, bytes.size);
}

void digest_take(digest *d, uint8_t out[DIGEST_SIZE])
{
    crypto_generichash_final(state_of(d), out, DIGEST_SIZE);
    memory_wipe(d, sizeof *d);
}
