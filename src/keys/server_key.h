/* server_key.h - the key that guards directory and queue against a stolen disk.
 * SPDX-License-Identifier: MIT
 *
 * A text file of one line, "letterlock-server-key-1:" and 64 hex digits, mode 0600; or the same line as a systemd
 * credential. It is never used itself: every use derives a key of its own by purpose. */
#ifndef KEYS_SERVER_KEY_H
#define KEYS_SERVER_KEY_H

#include "base/text.h"
#include "keys/keys.h"

/* Purposes in use, each known once: */
#define SERVER_KEY_DIRECTORY "directory"
#define SERVER_KEY_QUEUE     "queue"
#define SERVER_KEY_SASL_FAKE "sasl-fake"
#define SERVER_KEY_SPOOL     "spool"
#define SERVER_KEY_SESSION   "session"

/* Make a new random key and its file: O_EXCL, mode 0600, file and folder synced before it returns. LL_EEXISTS: there is
 * one, it stays; LL_EIO, LL_EFULL, LL_EDENIED, LL_ENOTFOUND (folder). *why (may be NULL) gets a sentence for the
 * operator. */
LL_MUST_USE ll_status server_key_create(const char *path, uint8_t key[KEYS_KEY], text *why);
/* LL_ENOTFOUND; LL_EDENIED: group or others may read it, or it is neither ours nor root's; LL_ECORRUPT; LL_EIO.
 * `credential`: a systemd credential, whose access list shows as group read: allowed. */
LL_MUST_USE ll_status server_key_load(const char *path, bool credential, uint8_t key[KEYS_KEY], text *why);
/* HKDF-SHA-256 by purpose. */
void server_key_derive(const uint8_t key[KEYS_KEY], const char *purpose, uint8_t out[KEYS_KEY]);

#endif
