/* mailbox_view.h - the view of a large mailbox, kept in the vault, so that opening it need not read all its rows.
 * SPDX-License-Identifier: MIT
 *
 * A row of mailbox_view is the view as it was at some mod-sequence. Opening loads it and brings in what has changed
 * since. It is only a help: when it is missing, does not load, is too old, or does not come out at the mailbox's own
 * counters, the entries are scanned as ever. */
#ifndef STORE_MAILBOX_VIEW_H
#define STORE_MAILBOX_VIEW_H

#include "store/mailbox.h"

enum {
    MAILBOX_VIEW_LEAST = 2000, /* messages of a mailbox whose view is kept: below, the scan takes 0.2 ms */
    MAILBOX_VIEW_LOOK = 64     /* changes, before anybody asks how large the mailbox is */
};

/* Changes of so many messages are worth keeping the view anew: bringing one in costs as much as scanning 16. */
static inline uint64_t mailbox_view_old(uint64_t messages)
{
    return messages / 128 + 64;
}

/* As mailbox_scan, from the kept view if it is good. *save: keeping it anew would help the next one. */
LL_MUST_USE ll_status mailbox_view_open(db *d, int64_t mailbox, ll_view **view, uint32_t *recent_uid, bool *save);
/* A vault opens, and INBOX is what its client asks for next: if its view is kept, have it ready in opened.h, like that
 * of a mailbox that a session has left. Never a scan. On a connection that nobody else uses; any failure is as if
 * nobody had asked. The mailbox whose view is worth keeping anew once the vault's queue runs; 0: none. */
int64_t mailbox_view_ahead(struct vault *v, db *d);
/* Keep the view of an open mailbox as it is when the job runs. Any thread. Failure does no harm. */
void mailbox_view_save(struct vault *v, int64_t mailbox);
/* After COMMIT, on the writer's thread and connection: mail comes in, or flags change, whether anybody has the mailbox
 * open or not. Before so much has changed that opening it would scan, its view is kept anew: by a reader in the
 * background, if it is not open. */
void mailbox_view_changed(struct vault *v, db *d, const change *c);
/* Does the kept view (with what came since) equal the rows? Faults go to the report, which may be NULL. */
LL_MUST_USE ll_status mailbox_view_check(db *d, text *report, bool *faulty);

#endif
