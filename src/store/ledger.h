/* ledger.h - who keeps how many bytes, and who may keep more: every quota of the server, in memory.
 * SPDX-License-Identifier: MIT
 *
 * An alias (member) is in up to three pools: its own, its domain's, its account's. Each has a limit (0: none) and
 * counts the bytes of all its members: what their vaults hold, what waits for them in the drop, and what is on its way
 * and has taken its room. Bytes are taken from all pools at once before they are written, or from none (LL_EQUOTA), and
 * given back when the writing failed or the message was removed: so no pool is passed by a byte however many write at a
 * time.
 *
 *     ledger_take   before the write                     ledger_give    it failed; or what was there is gone, durably
 *     ledger_force  what must not be refused: the drop being absorbed, an upstream's own mail
 *
 * It is not durable: at the start it is filled from the directory's notes and the drop's sums, and corrected by what a
 * vault says of itself when it is unlocked (ledger_opened). A limit may be lowered below what is used: then nothing
 * more fits until enough is gone. Thread-safe; the lock is held for a few comparisons only (invariant 9). */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/text.h"
#include "keys/keys.h"

typedef struct ledger ledger;

/* For about so many aliases; more only take longer to find. LL_ENOMEM. */
LL_MUST_USE ll_status ledger_new(ledger **out, uint64_t members);
void ledger_del(ledger **l); /* NULL is fine */

/* The limit of aliases without one of their own that are in no account with a limit; 0: none. */
void ledger_default(ledger *l, uint64_t limit);
/* The limit of a pool, also of one that nobody is in yet. LL_ENOMEM. */
LL_MUST_USE ll_status ledger_domain(ledger *l, ll_span domain, uint64_t limit);
LL_MUST_USE ll_status ledger_account(ledger *l, ll_span account, uint64_t limit);

/* Count this alias from now on, or change where it belongs and its own limit (0: the default). domain, account: empty
 * for none; pools that are not there are made without limit. A new one keeps in_vault bytes in its vault and `waiting`
 * in the drop; of one that is there already both are passed over. LL_ENOMEM. */
LL_MUST_USE ll_status ledger_join(ledger *l, const uint8_t alias[KEYS_ID], ll_span domain, ll_span account,
                                  uint64_t limit, uint64_t in_vault, uint64_t waiting);
/* The alias is gone with all its bytes. */
void ledger_leave(ledger *l, const uint8_t alias[KEYS_ID]);

/* LL_EQUOTA: some pool has not that much room, nothing was taken. An alias that did not join is not limited. */
LL_MUST_USE ll_status ledger_take(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes);
void ledger_force(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes);
void ledger_give(ledger *l, const uint8_t alias[KEYS_ID], uint64_t bytes);

/* The vault has been unlocked and holds so many bytes, whatever was noted. */
void ledger_opened(ledger *l, const uint8_t alias[KEYS_ID], uint64_t in_vault);
/* It is about to be locked, with so many. */
void ledger_closed(ledger *l, const uint8_t alias[KEYS_ID], uint64_t in_vault);
/* The vault of some alias has changed since this was asked last: up to `max` of them, each named once. For the notes.
 */
size_t ledger_changed(ledger *l, uint8_t (*aliases)[KEYS_ID], size_t max);
bool ledger_has_changed(ledger *l);
void ledger_mark(ledger *l, const uint8_t alias[KEYS_ID]);

typedef struct ledger_numbers {
    uint64_t used;   /* of the pool with the least room, which this alias meets first, */
    uint64_t limit;  /* and its limit; 0: none of its pools has one */
    uint64_t room;   /* UINT64_MAX: no limit */
    uint64_t shared; /* the same of the pools that others are in as well */
    uint64_t most;   /* the smallest of the limits: no message above it can ever fit. UINT64_MAX: no limit */
    uint64_t own;    /* the alias's bytes */
} ledger_numbers;
ledger_numbers ledger_of(ledger *l, const uint8_t alias[KEYS_ID]);
/* What a pool counts; 0 and 0 if there is none. */
void ledger_of_domain(ledger *l, ll_span domain, uint64_t *used, uint64_t *limit);
void ledger_of_account(ledger *l, ll_span account, uint64_t *used, uint64_t *limit);

#endif
