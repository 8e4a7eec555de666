/* deliver.h - a message to its recipients: into the vault if it is unlocked, sealed into the drop if not.
 * SPDX-License-Identifier: MIT
 *
 * Invariant 1: the answer comes after the sync. The order makes a refusal safe to repeat: first the drop takes the
 * message for all locked recipients in one transaction; if that fails (a full disk) nobody has it, and the sender may
 * try again. Then the unlocked vaults take it; one that cannot (over quota, damaged) does not lose it: the message is
 * sealed into its drop instead. So after the first step a failure is rare, and what it can cause is a second copy for
 * somebody, never a loss.
 *
 * Before anything is written its room is taken from the ledger for every recipient, and given back for those who do not
 * get it: no quota is passed by a byte. Who has no room is refused (LL_EQUOTA) where each has an answer of its own:
 * LMTP, or a single recipient. With several recipients and one answer nobody gets it: RCPT has seen to it that this
 * needs a message larger than was announced.
 *
 * A vault that was unlocked while the message was on its way to the drop is asked to absorb it at once.
 *
 * Threads: deliver_message and its answer are on the executor's main thread. */
#ifndef POST_DELIVER_H
#define POST_DELIVER_H

#include "store/drop.h"
#include "store/vaults.h"

enum {
    deliver_index_max = 8 << 20 /* a saved MIME index: 10,000 parts of a few hundred bytes */
};

typedef struct deliver_recipient {
    uint8_t alias[KEYS_ID];
    uint8_t drop_public[KEYS_KEY];
    uint64_t most;    /* the smallest of its quotas: a larger message can never fit; UINT64_MAX: none */
    bool taken;       /* its room in the ledger, while the message is on its way */
    ll_status status; /* the outcome; an error to begin with: it gets nothing */
} deliver_recipient;

typedef struct deliver_house {
    drop *drop;
    vaults *vaults;
    const executor *executor;
    ledger *ledger;
} deliver_house;

typedef void deliver_done(void *context, const deliver_recipient *recipients, size_t count);

/* Deliver the spool's content. On LL_OK: *content, the bytes of *index and *recipients (from the default allocator) are
 * taken over, and `done` is called once, later, with the outcome of each. each: every recipient is answered by itself
 * (LMTP). LL_ENOMEM, or LL_EQUOTA for
 * all: nothing was taken. house is copied. */
LL_MUST_USE ll_status deliver_message(const deliver_house *house, spool **content, text *index,
                                      deliver_recipient **recipients, size_t count, int64_t now, bool each,
                                      deliver_done *done, void *context);

#endif
