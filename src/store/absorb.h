/* absorb.h - at login: what waited in the drop comes into the vault's INBOX, each message exactly once.
 * SPDX-License-Identifier: MIT
 *
 *     list     what waits for the alias, oldest first
 *     load     decrypt and index a batch, in bounded memory (spools)
 *     commit   one job: the messages and their drop ids (table `absorbed`) together; durable
 *     remove   the entries leave the drop; durable; then from the start, until nothing is left
 *     forget   the ids in `absorbed`, as the drop has none of them any more
 *
 * A crash at any point repeats the step: an id found in `absorbed` is only removed from the drop. A message that cannot
 * be decrypted stays in the drop and is logged, and the others go on (invariant 8); whatever decrypts is delivered,
 * parsable or not. */
#ifndef STORE_ABSORB_H
#define STORE_ABSORB_H

#include "store/drop.h"
#include "store/vault.h"

/* One transaction: messages, and bytes of messages and indexes after which it takes no more. */
#define ABSORB_MESSAGES 64
#define ABSORB_BYTES    ((uint64_t)8 << 20)

/* done(ctx, status) is called once, on executor->done's thread. LL_OK: the drop holds nothing more that can be
 * absorbed. Below 0: the rest is still there, to be tried again at the next login. While one is under way for the
 * vault, more calls join it. */
void vault_absorb(vault *v, drop *from, void (*done)(void *ctx, ll_status status), void *ctx);

#endif
