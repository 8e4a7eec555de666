/* keyring.h - the keys of unlocked vaults, by alias id.
 * SPDX-License-Identifier: MIT
 *
 * Each key lies in the secret arena, encrypted under a random key of this process that lies there too: a stray read of
 * some bytes of the arena is not yet a vault key. When a key may go (last session, grace) is the host's business.
 * Thread-safe. */
#ifndef KEYS_KEYRING_H
#define KEYS_KEYRING_H

#include "keys/secret.h"

typedef struct keyring keyring;
struct random_source;

/* At most `count_max` keys; the arena (borrowed, must outlive the keyring) needs count_max + 1 slots. LL_ENOMEM,
 * LL_ELIMIT (the arena is full, or count_max is 0 or beyond SECRET_COUNT_MAX). */
LL_MUST_USE ll_status keyring_new(keyring **out, secret_arena *arena, size_t count_max);
/* The same with another source of randomness, borrowed; NULL: the kernel. */
LL_MUST_USE ll_status keyring_new_random(keyring **out, secret_arena *arena, size_t count_max,
                                         const struct random_source *random);
/* Wipes all keys. NULL is fine. */
void keyring_del(keyring **ring);

/* Keep a copy; a key already there for this id is replaced. LL_ELIMIT: full. */
LL_MUST_USE ll_status keyring_put(keyring *ring, const uint8_t alias[KEYS_ID], const uint8_t key[KEYS_KEY]);
/* Copy it out; the caller wipes his copy. LL_ENOTFOUND: the vault is locked. */
LL_MUST_USE ll_status keyring_get(keyring *ring, const uint8_t alias[KEYS_ID], uint8_t key[KEYS_KEY]);
bool keyring_has(keyring *ring, const uint8_t alias[KEYS_ID]);
/* Lock: the key is gone from memory when this returns. Unknown ids are fine. */
void keyring_drop(keyring *ring, const uint8_t alias[KEYS_ID]);
void keyring_drop_all(keyring *ring);
size_t keyring_count(keyring *ring);

#endif
