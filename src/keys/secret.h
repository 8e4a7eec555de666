/* secret.h - locked memory for keys, and a process that leaves no cores.
 * SPDX-License-Identifier: MIT
 *
 * One arena holds all long-lived secrets of a process: mapped between guard pages, locked (never swapped), left out of
 * core dumps, and absent in a forked child (MADV_DONTFORK: a child that touches a key crashes, rather than working on
 * with zeros). Slots have one size, KEYS_KEY bytes, and a few are twice that. Thread-safe. (Invariant 5.) */
#ifndef KEYS_SECRET_H
#define KEYS_SECRET_H

#include "base/text.h"
#include "keys/keys.h"

enum {
    SECRET_WIDE = 2 * KEYS_KEY, /* bytes of a wide slot */
    SECRET_WIDE_COUNT = 16,     /* wide slots in every arena: signing keys, key pairs */
    SECRET_COUNT_MAX = 1 << 20  /* slots in one arena: 32 MiB locked, a million unlocked vaults */
};

typedef struct secret_arena secret_arena;

/* `count` slots of KEYS_KEY bytes (rounded up to whole pages). LL_EDENIED: the system does not let us lock that much;
 * *why (may be NULL) then says what the operator can do. LL_ENOMEM, LL_ELIMIT (SECRET_COUNT_MAX). */
LL_MUST_USE ll_status secret_arena_new(secret_arena **out, size_t count, text *why);
/* Lock its pages again, after munlockall has undone that. LL_EDENIED: the system does not let us. */
LL_MUST_USE ll_status secret_arena_lock(const secret_arena *arena);
/* Wipes everything, whether given back or not. NULL is fine. */
void secret_arena_del(secret_arena **arena);
/* A zeroed slot: KEYS_KEY bytes, or SECRET_WIDE for the wide one. NULL: all are taken. */
uint8_t *secret_take(secret_arena *arena);
uint8_t *secret_take_wide(secret_arena *arena);
/* Wipe the slot and give it back; *secret becomes NULL. NULL is fine. Either kind. */
void secret_give(secret_arena *arena, uint8_t **secret);
/* Slots of KEYS_KEY bytes not taken. */
size_t secret_arena_room(secret_arena *arena);
/* Bytes locked for `count` slots: what RLIMIT_MEMLOCK must allow. */
size_t secret_arena_bytes(size_t count);

/* No core dumps, and no other process of the same user may trace or read this one: PR_SET_DUMPABLE 0, RLIMIT_CORE 0.
 * Call it at start, before the first secret. LL_EDENIED if the system refuses. */
LL_MUST_USE ll_status secret_process_harden(void);

#endif
