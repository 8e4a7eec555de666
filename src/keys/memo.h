/* memo.h - passwords that have opened a vault which is still open: the second login of a device costs a hash, not a
 * KDF. SPDX-License-Identifier: MIT
 *
 * A mark is keyed BLAKE2b of alias, slot (id and wrapped key) and password, under a random key of this process. Marks
 * and key lie in the secret arena. A mark is kept only while its vault is unlocked, when the vault's key is in the same
 * memory anyway; it goes with the lock (memo_drop). It is bound to the very bytes of the slot: a slot that was removed
 * or replaced is not found any more, whatever was forgotten to be dropped. What is not found must be derived: a memo
 * never refuses a password. Thread-safe. */
#ifndef KEYS_MEMO_H
#define KEYS_MEMO_H

#include "keys/secret.h"
#include "keys/slot.h"

enum {
    MEMO_EACH = 4 /* marks of one alias: devices that come back every few minutes; the oldest makes room */
};

typedef struct memo memo;

/* At most `count_max` marks in all: when they are taken, nothing new is remembered. The arena (borrowed, must outlive
 * the memo) needs count_max + 1 slots. LL_ENOMEM; LL_ELIMIT: the arena is full, or count_max is 0 or too large. */
LL_MUST_USE ll_status memo_new(memo **out, secret_arena *arena, size_t count_max);
/* Wipes all marks. NULL is fine. */
void memo_del(memo **m);

/* The mark of this password at this slot. The caller wipes it. */
void memo_mark(const memo *m, const uint8_t alias[KEYS_ID], const slot *at, ll_span password, uint8_t mark[KEYS_KEY]);
/* Remember it. Only while the alias's vault is held open by the caller: else it might come after memo_drop. */
void memo_keep(memo *m, const uint8_t alias[KEYS_ID], const uint8_t slot_id[KEYS_ID], const uint8_t mark[KEYS_KEY]);
/* Is the password that of one of these slots, as remembered? *index says which. false: nobody knows. Marks are compared
 * in constant time, all of the alias's. */
bool memo_find(memo *m, const uint8_t alias[KEYS_ID], const slot *slots, size_t count, ll_span password, size_t *index);
/* The vault is locked: its marks are wiped when this returns. Unknown ids are fine. */
void memo_drop(memo *m, const uint8_t alias[KEYS_ID]);
size_t memo_count(memo *m);

#endif
