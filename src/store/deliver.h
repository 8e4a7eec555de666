/* deliver.h - a whole message becomes an entry of a mailbox.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_DELIVER_H
#define STORE_DELIVER_H

#include "store/vault.h"

struct writer;
struct mailbox_row;

/* Inside a job: content and entry together (invariant 6). quota: refuse with LL_EQUOTA what does not fit (the job's
 * end tells); LL_ELIMIT.
 * The caller saves the mailbox. */
LL_MUST_USE ll_status deliver_put(struct writer *w, struct mailbox_row *m, spool *content, ll_span facts,
                                  int64_t internaldate, const ll_flags *flags, bool quota, uint32_t *uid);

/* Mail from outside for an unlocked vault: append to INBOX. prepaid: the caller has taken its room from the ledger, and
 * gives it back unless this ends with LL_OK. facts: the saved MIME index, may be empty. Spool and facts
 * are borrowed until done(ctx, status) is called, once, on executor->done's thread: LL_OK when it is durable
 * (invariant 1), LL_EQUOTA, LL_ELIMIT, LL_EFULL ... Several vaults may take the same spool at the same time. */
void vault_deliver(vault *v, spool *content, ll_span facts, int64_t internaldate, bool prepaid,
                   void (*done)(void *ctx, ll_status status), void *ctx);

#endif
