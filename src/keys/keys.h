/* keys.h - the room of all cryptography, and its start.
 * SPDX-License-Identifier: MIT
 *
 * The only room that knows libsodium and OpenSSL's libcrypto. What is in it:
 *
 *     random      random bytes, ids            password    generated passwords, judging and preparing given ones
 *     recovery    recovery codes               derive      HMAC, HKDF, digests
 *     secret      locked memory                keyring     unlocked vault keys
 *     slot        vault key under a password   sasl        PLAIN, LOGIN, SCRAM-SHA-256(-PLUS), the server's side
 *     seal        mail for a locked vault      page_codec  the pages of a vault file
 *     server_key  the operator's key file      certificate self-signed certificates, and facts about given ones
 *
 * Rules of the room: what is wrapped or sealed begins with a version byte and is bound to its place (alias id, slot id,
 * purpose) as associated data; comparisons of secrets take constant time; every function wipes its own copies of
 * secrets; none logs. */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include "base/span.h"

/* Bytes of: a symmetric key or X25519 half; the id of an alias, slot or message; a salt; an authentication tag. */
enum { KEYS_KEY = 32, KEYS_ID = 16, KEYS_SALT = 16, KEYS_TAG = 16, KEYS_NONCE = 24 };

/* Start libsodium. Call before anything else of this room; again is fine, from any thread. LL_EUNAVAILABLE: the system
 * has no source of randomness, and nothing here may be used. */
LL_MUST_USE ll_status keys_init(void);

#endif
