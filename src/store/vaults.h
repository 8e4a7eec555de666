/* vaults.h - the unlocked vaults of one server, by alias.
 * SPDX-License-Identifier: MIT
 *
 *     (locked) --vaults_open--> OPENING --> OPEN --last reference gone for grace_ms, vaults_tick--> CLOSING -->
 * (locked)
 *
 * Who opens an alias that is OPENING waits for the same opening; who comes while it is CLOSING waits and opens it
 * again. When as many are open as may be, the one that has been without sessions for longest is closed before its grace
 * is over. Opening and closing are jobs on executor->work, and the registry's lock is never held across them (invariant
 * 9). The key of an open vault lives in the keyring and in SQLite's connections only, and is wiped with them.
 *
 * Threads: vaults_find, vaults_release, vaults_lock and vaults_grace from any thread; the others on executor->done's
 * thread. */
#ifndef STORE_VAULTS_H
#define STORE_VAULTS_H

#include "store/vault.h"

/* Five file descriptors and 0.4 to 1.1 MB each, at rest 0.15 (measured, docs/limits.md): the hard limit of descriptors
 * is 20,000 on a stock system. */
#define VAULTS_MAX 4096
/* How long a vault stays unlocked after its last session: phones come back within a minute. */
#define VAULTS_GRACE_MS 60000

/* A vault at which no job has worked for this long lays down what it can make again (vault_rest), sessions or not: a
 * client that fetches what it was told of comes within a second or two, the next push after minutes. */
#define VAULTS_REST_MS 5000

/* This many more for a moment: a vault that closes to make room still has its key and its files. */
#define VAULTS_CLOSING_MAX 16

typedef struct vaults vaults;

/* config is copied (what it points to is borrowed). count_max: 0 for VAULTS_MAX; the keyring must have room for
 * VAULTS_CLOSING_MAX more. LL_ENOMEM. */
LL_MUST_USE ll_status vaults_new(vaults **out, const vault_config *config, uint64_t grace_ms, size_t count_max);

/* done(ctx, LL_OK, vault) with a new reference, or an error of vault_open; LL_EAUTH: it is open with another key;
 * LL_ELIMIT: too many are open and in use; LL_ECLOSED: after vaults_close_all. May be called from inside this call. key
 * is copied and wiped. */
typedef void vaults_done(void *ctx, ll_status status, vault *v);
void vaults_open(vaults *all, const uint8_t alias[KEYS_ID], const char *path, const uint8_t key[KEYS_KEY],
                 uint64_t quota, vaults_done *done, void *ctx);
/* A new reference to the alias's vault if it is unlocked, else NULL: mail goes to the drop then. */
vault *vaults_find(vaults *all, const uint8_t alias[KEYS_ID]);
/* Give a reference back; *v becomes NULL. NULL is fine. */
void vaults_release(vaults *all, vault **v);
/* Close what nobody has used for grace_ms, and let what nobody works at rest. To be called every few seconds; now_ms:
 * any clock that does not go back. */
void vaults_tick(vaults *all, uint64_t now_ms);
/* From now on: a setting was changed. */
void vaults_grace(vaults *all, uint64_t grace_ms);
/* Close the alias's vault now, without grace, if nobody holds it. Any thread. LL_OK: it is locked, no connection has
 * its file open; LL_EBUSY: somebody holds it, or it is just closing (or opening): ask again. */
LL_MUST_USE ll_status vaults_lock(vaults *all, const uint8_t alias[KEYS_ID]);
/* Open, opening or closing. Any thread. */
size_t vaults_count(vaults *all);
/* No more openings; close every vault that has no reference; the others follow at vaults_release and vaults_tick.
 * done(ctx) (may be NULL) when all are closed and their keys wiped. */
void vaults_close_all(vaults *all, void (*done)(void *ctx), void *ctx);
/* After that. NULL is fine. */
void vaults_del(vaults **all);

#endif
