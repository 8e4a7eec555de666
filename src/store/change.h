/* change.h - what a job does to a mailbox, written down to be applied to the mailbox's view after COMMIT.
 * SPDX-License-Identifier: MIT
 *
 * Jobs write rows and record the same thing here. If the job fails its records are dropped with its savepoint; if the
 * commit succeeds they become the next version of each view that is open (opened.h). A mailbox that nobody has open
 * costs only the record.
 *
 * Threads: a change belongs to the writer until it is applied. */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "letterlock.h"

typedef struct change_edit change_edit;

/* All that one job does to one mailbox. */
typedef struct change {
    struct change *next;
    int64_t mailbox;
    uint64_t modseq;  /* of the job */
    uint32_t uidnext; /* after the job */
    bool gone;        /* deleted, or its UIDVALIDITY changed */
    bool added;       /* has messages that the mailbox had not */
    bool expunged;    /* removes messages: there is something in `held` */
    change_edit *edits;
    size_t count, room;
    size_t asked; /* edits that change_touched has given */
} change;

typedef struct change_list {
    change *first, *last;
} change_list;

/* The change of this mailbox in the list, made if it is not there. NULL: out of memory. */
change *change_of(change_list *list, int64_t mailbox, uint64_t modseq);
/* Record. Neighbours are merged. LL_ENOMEM. */
LL_MUST_USE ll_status change_add(change *c, uint32_t uid, const ll_flags *flags);
LL_MUST_USE ll_status change_remove(change *c, uint32_t uid);
LL_MUST_USE ll_status change_flags(change *c, ll_range range, ll_flags_op op, const ll_flags *flags);
LL_MUST_USE ll_status change_keyword(change *c, ll_span name);

/* Ranges of UIDs that were added or whose flags were changed since the last call, at most `room` (at least 1): what
 * would be more is joined into the last. What is recorded after this is not merged with what was before. */
size_t change_touched(change *c, ll_range *out, size_t room);
/* Messages that it touches. */
uint64_t change_messages(const change *c);
/* Do it to a view that is being edited. LL_ENOMEM; LL_ECORRUPT: the view is not what the change was made for. */
LL_MUST_USE ll_status change_apply(const change *c, ll_view *view);

void change_list_append(change_list *list, change *c);
/* Move everything from `from` to the end of `list`. */
void change_list_join(change_list *list, change_list *from);
change *change_list_take(change_list *list); /* the first, or NULL */
void change_list_clear(change_list *list);
void change_del(change **c);

#endif
