/* remote.h - what the upstream calls mailboxes and messages: rows of remote_mailbox and remote_message.
 * SPDX-License-Identifier: MIT
 *
 * Both go with what they name (ON DELETE CASCADE). All calls are on a connection of the vault; those that write, inside
 * a job. */
#ifndef STORE_REMOTE_H
#define STORE_REMOTE_H

#include "base/arena.h"
#include "store/mailbox.h"

/* In a query over `mailbox`: it is to be listed. */
#define REMOTE_LISTED                                                                                                  \
    "NOT EXISTS(SELECT 1 FROM remote_mailbox r WHERE r.mailbox = mailbox.id AND "                                      \
    "(r.visibility = 1 OR (r.visibility = 2 AND mailbox.messages = 0)))"

/* 1 to LL_REMOTE_ID_MAX bytes? */
bool remote_id_valid(ll_span id);

/* LL_ENOTFOUND. */
LL_MUST_USE ll_status remote_mailbox_find(db *d, ll_span id, int64_t *mailbox);
/* The mailbox's id, copied into the arena; empty if it has none. */
LL_MUST_USE ll_status remote_mailbox_id(db *d, int64_t mailbox, arena *memory, ll_span *id);
/* id empty: it has none. LL_EEXISTS: another mailbox has it. */
LL_MUST_USE ll_status remote_mailbox_put(db *d, int64_t mailbox, ll_span id, ll_visibility visibility);
/* Its path; copied. LL_ENOTFOUND. */
LL_MUST_USE ll_status remote_mailbox_name(db *d, int64_t mailbox, arena *memory, ll_span *name);

/* LL_ENOTFOUND: this mailbox has no message of this id. */
LL_MUST_USE ll_status remote_message_find(db *d, ll_span id, int64_t mailbox, uint32_t *uid);
/* The first mailbox above `after` that has the message. LL_ENOTFOUND: none. */
LL_MUST_USE ll_status remote_message_next(db *d, ll_span id, int64_t after, int64_t *mailbox, uint32_t *uid);
/* LL_EEXISTS: the mailbox has another message of this id. */
LL_MUST_USE ll_status remote_message_put(db *d, ll_span id, int64_t mailbox, uint32_t uid);

/* Entries with their ids. */
typedef struct remote_row {
    uint32_t uid;
    ll_span id; /* empty: the source does not know it */
} remote_row;

typedef struct remote_rows {
    remote_row *rows; /* ids and rows lie in the arena */
    size_t count, room;
} remote_rows;

enum {
    REMOTE_ONLY_DELETED = 1u << 0, /* those with \Deleted */
    REMOTE_HELD = 1u << 1          /* also what some session may still see */
};
/* Append those of the entries in the ranges that are chosen and have not changed after `unchanged_since`, by UID. */
LL_MUST_USE ll_status remote_rows_read(db *d, int64_t mailbox, const ll_range *ranges, size_t count, unsigned choice,
                                       uint64_t unchanged_since, arena *memory, remote_rows *out);

#endif
