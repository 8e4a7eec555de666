/* derive.h - HMAC, HKDF and digests: keys out of keys.
 * SPDX-License-Identifier: MIT
 *
 * Nothing here can fail and nothing allocates. */
#ifndef KEYS_DERIVE_H
#define KEYS_DERIVE_H

#include "keys/keys.h"

/* HMAC-SHA-256 (RFC 2104) of the pieces, one after the other. */
void derive_hmac(ll_span key, const ll_span *pieces, size_t count, uint8_t out[KEYS_KEY]);
/* HKDF-SHA-256 (RFC 5869), one block of output. info is the concatenation of the pieces: give fixed sizes, or put
 * lengths in. */
void derive_hkdf(ll_span salt, ll_span secret, const ll_span *info, size_t count, uint8_t out[KEYS_KEY]);
/* SHA-256. Short inputs; for megabytes use derive_digest. */
void derive_sha256(ll_span bytes, uint8_t out[32]);
/* Keyed BLAKE2b with 32 bytes of output; key may be empty (a plain digest) or 16 to 64 bytes. */
void derive_digest(ll_span key, ll_span bytes, uint8_t out[32]);

static inline ll_span derive_span(const uint8_t *bytes, size_t size)
{
    return (ll_span){(const char *)bytes, size};
}

#endif
