/* pbkdf2.h - PBKDF2 with HMAC-SHA-256 (RFC 8018 section 5.2), one block of output: Hi() of SCRAM.
 * SPDX-License-Identifier: MIT
 *
 * The two hash states that HMAC begins with are made once and every iteration is two compressions of one prepared block
 * each: half the time of OpenSSL's own, which goes through its context machinery four times an iteration. Nothing is
 * allocated; what was on the stack is wiped. Thread-safe. */
#ifndef KEYS_PBKDF2_H
#define KEYS_PBKDF2_H

#include "keys/keys.h"

/* iterations from 1. */
void pbkdf2_sha256(ll_span password, ll_span salt, uint32_t iterations, uint8_t out[KEYS_KEY]);

#endif
