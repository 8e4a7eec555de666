/* alias_secret.h - making and destroying the secrets of an alias: vault, drop key, slots.
 * SPDX-License-Identifier: MIT */
#ifndef SERVER_ALIAS_SECRET_H
#define SERVER_ALIAS_SECRET_H

#include "keys/password.h"
#include "server/operation.h"

/* What was just made for an alias; wipe it with alias_secret_fini. */
typedef struct alias_secret {
    directory_slot slots[2]; /* the password's, the recovery code's */
    size_t slots_count;
    char recovery[RECOVERY_TEXT + 1];
    char password[PASSWORD_GENERATED + 1]; /* "" if the caller gave one */
} alias_secret;

/* A new vault file (random name, random key, drop pair) and its first two slots; fills in alias->vault, drop_public,
 * salts. Arguments: password-stdin, password, generated, label. Nothing is in the directory yet. LL_EINVAL: the
 * password will not do, `error` says why. */
LL_MUST_USE ll_status alias_secret_make(server *s, directory_alias *alias, const json_t *arguments, alias_secret *out,
                                        text *error);
/* Add "recovery_code" and "password" (if it was made here) to a result. */
void alias_secret_print(const alias_secret *secret, json_t *result);
void alias_secret_fini(alias_secret *secret);

/* One password slot for this vault key, from the same arguments; a made password goes into `password`. */
LL_MUST_USE ll_status alias_slot_make(const directory_alias *alias, const json_t *arguments,
                                      const uint8_t key[KEYS_KEY], directory_slot *out,
                                      char password[PASSWORD_GENERATED + 1], text *error);
LL_MUST_USE ll_status alias_recovery_make(const directory_alias *alias, const uint8_t key[KEYS_KEY],
                                          directory_slot *out, char recovery[RECOVERY_TEXT + 1]);

/* End its sessions, lock the vault, remove its file and what waits in the drop. */
LL_MUST_USE ll_status alias_vault_destroy(server *s, const directory_alias *alias, text *error);
/* End its sessions and lock the vault, waiting until that is so. */
LL_MUST_USE ll_status alias_lock(server *s, const uint8_t alias[KEYS_ID]);
/* The same where the change is already made: a failure is only a "warning" in the result. */
void alias_lock_or_warn(server *s, const uint8_t alias[KEYS_ID], json_t *result);

/* operation_alias.c: the alias that the argument "address" names; the argument "confirm" must name it again. */
LL_MUST_USE ll_status alias_of(server *s, const json_t *arguments, directory_alias *alias, text *error);
LL_MUST_USE ll_status alias_confirmed(const json_t *arguments, const directory_alias *alias, text *error);

#endif
