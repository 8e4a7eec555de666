/* quota.h - the server's ledger of quotas: filled from the directory and the drop, kept in step with both.
 * SPDX-License-Identifier: MIT
 *
 * What a locked vault holds is noted in the directory: when it is locked, and a moment after each change while it is
 * open, without a sync. So after a crash of the process the ledger is behind by QUOTA_NOTE_MS at most, after a loss of
 * power by what the system had not written; the vault itself corrects it when it is unlocked. */
#ifndef SERVER_QUOTA_H
#define SERVER_QUOTA_H

#include "server/server.h"

enum { QUOTA_NOTE_MS = 250 /* one small transaction a tick, however much mail comes */ };

/* Fill s->ledger if it is not there. The running server does it at the start; the command line alone only for what asks
 * about quotas. Reads every alias. LL_ENOMEM, or an error of the directory. */
LL_MUST_USE ll_status quota_open(server *s);
/* An alias was added, or its limit or account was changed: read it again. Nothing to do without a ledger. */
LL_MUST_USE ll_status quota_alias(server *s, const uint8_t alias[KEYS_ID]);
/* The vault is about to be locked. On a worker. */
void quota_locking(server *s, const uint8_t alias[KEYS_ID], uint64_t bytes);
/* Once in a while, on the loop: have what has changed noted by a worker. */
void quota_tick(server *s);

#endif
