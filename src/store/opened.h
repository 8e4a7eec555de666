/* opened.h - mailboxes that sessions have open: the present view of each, and who must hear of the next.
 * SPDX-License-Identifier: MIT
 *
 * The view of a mailbox is built by one scan of its rows when the first session opens it; every later version is made
 * from the last by the changes of each COMMIT (opened_publish). Loading races with committing, so: first opened_take
 * registers the mailbox, then the scan begins its read transaction, then opened_load installs the view together with
 * the changes that were committed meanwhile and are newer than the scan.
 *
 * States:  LOADING -> READY (opened_load) -> GONE (the mailbox was deleted; or no memory for its next version, then
 * sessions end with BYE and come back). A READY mailbox without sessions stays for a while, as clients return;
 * OPENED_IDLE_MAX of them.
 *
 * \Recent (RFC 3501 section 2.3.2): the first read-write handle that asks for the newest view claims the new messages.
 * What was claimed is written with the next commit, and by a job of its own when the last session leaves.
 *
 * Threads: every call from any thread, unless said otherwise; a handle belongs to its session's. */
#ifndef STORE_OPENED_H
#define STORE_OPENED_H

#include "store/change.h"
#include "store/listener.h"

/* Views kept without a session: INBOX, Sent, Drafts, Archive of a client that walks through its folders. */
#define OPENED_IDLE_MAX 4

struct vault;
typedef struct opened opened;

/* One session's open mailbox. */
typedef struct handle {
    opened *opened;
    listener *listener;
    struct handle *next;
    uint64_t told; /* the client knows everything up to this mod-sequence */
    bool readonly;
    bool tell; /* a newer version was published and the listener not called yet */
} handle;

typedef struct opened_list {
    opened *first; /* the one used last comes first */
} opened_list;

/* Register interest in a mailbox. *ready: its view is there, no scan needed. Give it back with opened_give. LL_ENOMEM.
 */
LL_MUST_USE ll_status opened_take(struct vault *v, int64_t mailbox, opened **out, bool *ready);
void opened_give(struct vault *v, opened **o);
/* Install a sealed view (the reference is taken over, also on failure); if another was quicker this one is dropped.
 * LL_ENOTFOUND: deleted meanwhile. LL_ENOMEM. */
LL_MUST_USE ll_status opened_load(struct vault *v, opened *o, ll_view *view, uint32_t recent_uid);
/* A handle on it, and a reference to its view. The listener gets a reference. LL_ENOTFOUND, LL_ENOMEM. */
LL_MUST_USE ll_status opened_join(struct vault *v, opened *o, listener *l, bool readonly, handle **out, ll_view **view);

void handle_close(struct vault *v, handle **h);
/* See ll_connector.latest. */
ll_view *handle_latest(struct vault *v, handle *h, uint32_t *recent_first);
/* See ll_connector.told. */
void handle_told(struct vault *v, handle *h, uint64_t modseq);
int64_t handle_mailbox(const handle *h);
/* The newest view of an open mailbox, a new reference; NULL: it is not open. */
ll_view *opened_view(struct vault *v, int64_t mailbox);

/* After COMMIT, on the writer's thread: make the next version of every view that the changes touch, and call the
 * listeners. Empties the list. *purge: messages were expunged that no session can see. */
void opened_publish(struct vault *v, change_list *changes, bool *purge);
/* Messages expunged from the mailbox at or before this mod-sequence are seen by no session; UINT64_MAX: nobody has it
 * open. */
uint64_t opened_horizon(struct vault *v, int64_t mailbox);
/* The oldest message of this mailbox still in `held`, 0 for none: what handle_told and handle_close wait for. */
void opened_held(struct vault *v, int64_t mailbox, uint64_t modseq);

/* The next claim that is not yet written; false: none is left. Then opened_recent_written says how the transaction
 * ended. */
bool opened_recent_next(struct vault *v, int64_t *mailbox, uint32_t *recent_uid);
void opened_recent_written(struct vault *v, bool committed);
/* The claim of an open mailbox; false: it is not open, and the row knows. */
bool opened_recent(struct vault *v, int64_t mailbox, uint32_t *recent_uid);

unsigned opened_count(struct vault *v);
/* All views; nobody holds a handle any more. */
void opened_clear(struct vault *v);

#endif
