/* keys.c - see keys.h
 * SPDX-License-Identifier: MIT */
#include "keys/keys.h"

#include <sodium.h>

_Static_assert((int)KEYS_KEY == (int)crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one size for all keys");
_Static_assert((int)KEYS_NONCE == (int)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonces are XChaCha20's");
_Static_assert((int)KEYS_TAG == (int)crypto_aead_xchacha20poly1305_ietf_ABYTES, "tags are Poly1305's");
_Static_assert((int)KEYS_SALT == (int)crypto_pwhash_SALTBYTES, "salts are Argon2id's");

ll_status keys_init(void)
{
    return sodium_init() < 0 ? LL_EUNAVAILABLE : LL_OK;
}
