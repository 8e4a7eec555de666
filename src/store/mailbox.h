/* mailbox.h - one row of the table mailbox, and the keywords of that mailbox.
 * SPDX-License-Identifier: MIT
 *
 * A job loads the row, changes the struct (entry.h does most of it) and saves it once. Counters are exact after every
 * job. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "store/vault_state.h"

/* Mailboxes of one vault, subscribed names included: the largest account seen had 800; LIST holds all of them in
 * memory. */
#define MAILBOXES_MAX 20000

typedef struct mailbox_row {
    int64_t id;
    uint32_t uidvalidity, uidnext, recent_uid;
    uint64_t modseq, messages, unseen, deleted, bytes, deleted_bytes;
    unsigned attributes; /* LL_MAILBOX_SPECIAL bits */
    bool subscribed, noselect;
    uint64_t bytes_loaded, messages_loaded; /* as in the file */
} mailbox_row;

/* LL_ENOTFOUND. Names that are \Noselect are found; callers that want messages use
 * mailbox_find_selectable. */
LL_MUST_USE ll_status mailbox_find(db *d, ll_span name, mailbox_row *m);
LL_MUST_USE ll_status mailbox_load(db *d, int64_t id, mailbox_row *m);
/* Can hold messages: LL_ENOTFOUND also for \Noselect. */
LL_MUST_USE ll_status mailbox_find_selectable(db *d, ll_span name, mailbox_row *m);

/* The record of what this job does to it; its modseq becomes the job's. NULL: out of memory. */
change *mailbox_change(writer *w, mailbox_row *m);
LL_MUST_USE ll_status mailbox_save(writer *w, mailbox_row *m);

/* The number of a keyword (compared without case, RFC 3501 section 2.3.2); made if it is new. LL_ELIMIT: there are
 * LL_KEYWORDS_MAX. */
LL_MUST_USE ll_status mailbox_keyword(writer *w, mailbox_row *m, ll_span name, unsigned *number);
/* System flags and keyword names as a set. make: keywords that are new are made; else they are left out. */
LL_MUST_USE ll_status mailbox_flags(writer *w, mailbox_row *m, unsigned flags, const ll_span *keywords, size_t count,
                                    bool make, ll_flags *out);

/* Give a new view the mailbox's keywords. */
LL_MUST_USE ll_status mailbox_keywords(db *d, int64_t id, ll_view *view);
/* The present view of a mailbox from its rows, sealed; in a read transaction of the caller. LL_ENOTFOUND (also
 * \Noselect). */
LL_MUST_USE ll_status mailbox_scan(db *d, int64_t id, ll_view **view, uint32_t *recent_uid);

#endif
