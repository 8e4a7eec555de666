/* changed.h - the log of what changed in a mailbox: which UIDs, at which mod-sequence (table changed).
 * SPDX-License-Identifier: MIT
 *
 * Who was away asks it what is new: CHANGEDSINCE and QRESYNC (RFC 7162), a kept view. A row is a range of UIDs and the
 * mod-sequence of one job; a UID of the range has changed then if its entry says the same mod-sequence, so a row may
 * reach too far, and what changed again is found once. A STORE of a whole mailbox is one row, where an index of entry
 * by modseq moved every one of its rows.
 *
 * The log is bounded: the oldest rows become one with the UIDs 0 to UINT32_MAX, "anything". Who asks for more than the
 * mailbox has messages gets a scan of its entries: never slower than that, never wrong. */
#ifndef STORE_CHANGED_H
#define STORE_CHANGED_H

#include "store/mailbox.h"

/* Rows of one mailbox that are always kept, beside one for every 16 messages: a kept view is made anew behind as many
 * changes (mailbox_view.h). */
#define CHANGED_KEEP 4096

/* Write down what the job has done to the mailbox since it was last asked, with the mailbox's row. */
LL_MUST_USE ll_status changed_log(writer *w, const mailbox_row *m, change *c);
/* A statement that gives uid, flags, keywords of the entries with a higher mod-sequence than `since`, in no order that
 * means anything, but new messages in the order of their UIDs. *scan: it will look at all entries. */
LL_MUST_USE ll_status changed_since(db *d, int64_t mailbox, uint64_t since, db_stmt **out, bool *scan);

#endif
