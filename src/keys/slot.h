/* slot.h - the vault key under one password, and login by unwrapping it.
 * SPDX-License-Identifier: MIT
 *
 * A vault has one random key and several slots; each slot holds that key, wrapped under one password or code. Whoever
 * unwraps it has logged in: there is no other check. Changing a password replaces one slot.
 *
 *     generated   KEK from the SCRAM-SHA-256 ClientKey (RFC 5802): at least 128 bits of entropy, no slow KDF, SCRAM
 * works chosen      KEK from Argon2id of the password; PLAIN and LOGIN only recovery    KEK from the 160 bits of a
 * recovery code
 *
 * The salts belong to the alias, not to the slot, so that a login costs one PBKDF2 and at most one Argon2id however
 * many slots there are. KEK = HKDF-SHA-256(salt = alias id, secret, info = purpose, kind, slot id); the wrapped key is
 * version (1), nonce (24), XChaCha20-Poly1305 of the key (32 + 16), with version, alias id, slot id and purpose as
 * associated data, so a slot works in its own place only.
 *
 * Costs on one core: PBKDF2 1 ms, Argon2id 70 to 120 ms and 64 MiB, an unwrap 2 us. The caller bounds how many logins
 * run at once (memory!) and runs them on a worker. All functions are thread-safe; nothing is shared. */
#ifndef KEYS_SLOT_H
#define KEYS_SLOT_H

#include "keys/keys.h"
#include "keys/recovery.h"

enum {
    SLOT_WRAPPED = 1 + KEYS_NONCE + KEYS_KEY + KEYS_TAG, /* bytes of a wrapped key */
    SLOT_SAVED_MAX = 2 + KEYS_ID + SLOT_WRAPPED + 2 * KEYS_KEY,
    SLOT_SALTS_SAVED = 1 + 2 * KEYS_SALT + 3 * 4,
    SLOT_COUNT_MAX = 64,          /* slots of one alias: one per device of a busy owner; each costs a try at login */
    SLOT_SCRAM_ITERATIONS = 4096, /* RFC 7677 section 4 asks for no fewer; more buys nothing for 128-bit passwords */
    SLOT_SCRAM_ITERATIONS_MAX = 1000000, /* from a damaged directory: half a second of work */
    SLOT_ARGON_KIB = 65536,              /* 64 MiB: RFC 9106 section 4, second recommendation */
    SLOT_ARGON_KIB_MIN = 8192,
    SLOT_ARGON_KIB_MAX = 1048576, /* from a damaged directory: 1 GiB */
    SLOT_ARGON_PASSES = 3,
    SLOT_ARGON_PASSES_MAX = 16
};

/* Salts and costs of one alias, made with it and never changed while it has slots. Not secret. */
typedef struct slot_salts {
    uint8_t scram[KEYS_SALT];
    uint8_t argon[KEYS_SALT];
    uint32_t scram_iterations;
    uint32_t argon_kib;
    uint32_t argon_passes;
} slot_salts;

typedef enum slot_kind { SLOT_GENERATED = 1, SLOT_CHOSEN = 2, SLOT_RECOVERY = 3 } slot_kind;

typedef struct slot {
    slot_kind kind;
    uint8_t id[KEYS_ID]; /* random; the directory's name for it */
    uint8_t wrapped[SLOT_WRAPPED];
    uint8_t stored_key[KEYS_KEY]; /* RFC 5802 section 3; generated slots only, else zero */
    uint8_t server_key[KEYS_KEY]; /* likewise */
} slot;

/* New random salts with the costs above. */
void slot_salts_make(slot_salts *salts);
/* To a blob of SLOT_SALTS_SAVED bytes and back. LL_ECORRUPT; LL_EVERSION. */
void slot_salts_save(const slot_salts *salts, uint8_t out[SLOT_SALTS_SAVED]);
LL_MUST_USE ll_status slot_salts_load(ll_span saved, slot_salts *salts);

/* Make a slot with a new random id. LL_EINVAL: the password may not be used so (password.h says why); LL_ENOMEM. */
LL_MUST_USE ll_status slot_make_generated(const uint8_t alias[KEYS_ID], const slot_salts *salts, ll_span password,
                                          const uint8_t key[KEYS_KEY], slot *out);
LL_MUST_USE ll_status slot_make_chosen(const uint8_t alias[KEYS_ID], const slot_salts *salts, ll_span password,
                                       const uint8_t key[KEYS_KEY], slot *out);
LL_MUST_USE ll_status slot_make_recovery(const uint8_t alias[KEYS_ID], const uint8_t code[RECOVERY_CODE],
                                         const uint8_t key[KEYS_KEY], slot *out);

/* To a blob (returns its size) and back. LL_ECORRUPT: not a slot; LL_EVERSION: a newer one. The wrapped bytes are only
 * checked by unwrapping. */
size_t slot_save(const slot *from, uint8_t out[SLOT_SAVED_MAX]);
LL_MUST_USE ll_status slot_load(ll_span saved, slot *out);

/* Unwrap with what a SCRAM exchange, or a recovery code, has given. LL_EAUTH: does not open (wrong secret, wrong place,
 * damaged); LL_EVERSION. The caller wipes the key. */
LL_MUST_USE ll_status slot_unwrap_client_key(const slot *from, const uint8_t alias[KEYS_ID],
                                             const uint8_t client_key[KEYS_KEY], uint8_t key[KEYS_KEY]);
LL_MUST_USE ll_status slot_unwrap_recovery(const slot *from, const uint8_t alias[KEYS_ID],
                                           const uint8_t code[RECOVERY_CODE], uint8_t key[KEYS_KEY]);

/* Login with a password (PLAIN, LOGIN): tries the generated slots, then, only if there are chosen ones,
 * those. Recovery slots are not tried. LL_OK: *index says which slot; the caller wipes the key. LL_EAUTH; LL_ENOMEM
 * (Argon2id found no memory: say "try later", not "wrong password"). Slow: see above. */
LL_MUST_USE ll_status slot_login_plain(const uint8_t alias[KEYS_ID], const slot_salts *salts, const slot *slots,
                                       size_t count, ll_span password, uint8_t key[KEYS_KEY], size_t *index);
/* The same with a recovery code, over the recovery slots. Fast. */
LL_MUST_USE ll_status slot_login_recovery(const uint8_t alias[KEYS_ID], const slot *slots, size_t count,
                                          const uint8_t code[RECOVERY_CODE], uint8_t key[KEYS_KEY], size_t *index);
/* For a user that does not exist: costs what a wrong password of a user who might exist costs. Whether that user "has"
 * chosen slots depends on the name and the secret alone (server_key purpose "sasl-fake"). LL_EAUTH, or LL_ENOMEM as
 * above. */
LL_MUST_USE ll_status slot_login_fake(const uint8_t secret[KEYS_KEY], ll_span user, ll_span password);
/* Salts of a user that does not exist: always the same for the same name (compared without ASCII case) and secret. */
void slot_salts_fake(const uint8_t secret[KEYS_KEY], ll_span user, slot_salts *salts);

#endif
