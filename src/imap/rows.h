/* rows.h - walking over the messages of a set in batches, with the connector's rows if they are needed. For FETCH and
 * SEARCH. SPDX-License-Identifier: MIT */
#ifndef IMAP_ROWS_H
#define IMAP_ROWS_H

#include "imap/sequence.h"
#include "imap/session.h"

enum {
    rows_batch = 256, /* messages of one question: a round trip to a far connector is paid 4 times for 1,000 messages */
    rows_reach = 16,  /* batches of which the connector hears at once when content is wanted, to read ahead */
    rows_batch_index = 64, /* the same with indexes, of 1 to 3 KB each as a rule: a session holds 200 KB of them */
};

typedef struct rows {
    ll_session *s;
    uidset *set; /* owned */
    unsigned want;
    bool needed;          /* ask the connector; otherwise rows have nothing but uid */
    bool descending;      /* the batches and the rows in them, see rows_descend */
    uint32_t left, taken; /* then: UIDs of the set that are still to come, those of the batch not among them */

    uidset_walk *walk;
    size_t batch;                /* rows of one question now; less after LL_ELIMIT */
    size_t reach;                /* its ranges are of so many times more messages */
    ll_range ranges[rows_batch]; /* the present batch; valid while the connector works on it */
    size_t ranges_count;
    bool asked;
    bool refused; /* the last error was the connector's: session_call_failed has its words */

    ll_row *rows; /* the present batch's */
    size_t count, room;
    arena memory;   /* their indexes */
    call_loan loan; /* their content, if the connector has lent it */
} rows;

/* The UIDs that a command's set names, by its form (c->uid). As sequence_uids; what is wrong is said in c->text. */
LL_MUST_USE ll_status rows_select(ll_session *s, command *c, const sequence *set, uidset **uids);

/* Takes over the set. */
void rows_init(rows *r, ll_session *s, uidset *set, bool needed, unsigned want);
/* Before the first batch: from the highest UID down (RFC 9738 section 3.1). */
void rows_descend(rows *r);
void rows_fini(rows *r);
/* The next batch. LL_OK: r->rows[0..count), ascending (or descending); count is 0 when there are no more messages
 * (messages that are gone for good have no row, a batch without any row is passed over). LL_LATER: call again when the
 * connector has answered. < 0: its error, or LL_ENOMEM. */
LL_MUST_USE ll_status rows_next(rows *r);

#endif
