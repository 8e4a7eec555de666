/* memory_connector.h - a whole connector in memory, for tests and fuzzers: every method works, nothing is durable.
 * SPDX-License-Identifier: MIT
 *
 * One memory_store is one account; several sessions may be logged in to it. In later mode each method only notes what
 * it was asked, answers LL_LATER, and does the work (on the arguments it was given, so that ASan sees whether they
 * still live) when memory_complete is called. */
#ifndef TESTS_IMAP_MEMORY_CONNECTOR_H
#define TESTS_IMAP_MEMORY_CONNECTOR_H

#include "base/span.h"
#include "letterlock.h"

typedef struct memory_store memory_store;

extern const ll_connector memory_connector;

/* Has INBOX, and Sent, Drafts, Trash with their special use. */
memory_store *memory_store_new(void);
/* Every session must have ended. */
void memory_store_del(memory_store **store);
/* A session's `self`. notify (may be NULL) is called by memory_notify if the session's open mailbox has changed. */
void *memory_login(memory_store *store, void (*notify)(void *context), void *context);
size_t memory_sessions(const memory_store *store); /* logged in, not ended */

void memory_later(memory_store *store, bool later);
/* Do the oldest call that waits; false if none does. */
bool memory_complete(memory_store *store);
/* The same with the one that has so many before it. */
bool memory_complete_at(memory_store *store, size_t before);
size_t memory_waiting(const memory_store *store);
/* The next call answers with this error instead of being done; once. */
void memory_fail_next(memory_store *store, ll_status status, const char *text);
/* `changes` no longer knows what has happened. */
void memory_forget(memory_store *store, bool forget);
/* How rows bring content when it is wanted: up to `most` bytes of each message, and not more than `rows` rows an answer
 * (the rest with ll_call_more); lend: without a copy. At first most is 0: none. */
void memory_content(memory_store *store, size_t most, size_t rows, bool lend);
/* How often `read` was asked, and how many answers were lent and not given back. */
size_t memory_reads(const memory_store *store);
size_t memory_lent(const memory_store *store);
/* Tell the sessions whose mailbox has changed since they last looked. */
void memory_notify(memory_store *store);

/* What another session or the outside does; at once. The UID of the new message. */
uint32_t memory_deliver(memory_store *store, const char *mailbox, ll_span message, unsigned flags);
void memory_set_date(memory_store *store, const char *mailbox, uint32_t uid, int64_t internaldate);
void memory_flag(memory_store *store, const char *mailbox, ll_range uids, ll_flags_op op, unsigned flags,
                 const char *keyword);
void memory_expunge(memory_store *store, const char *mailbox, ll_range uids);
bool memory_create(memory_store *store, const char *mailbox, unsigned attributes);
bool memory_remove(memory_store *store, const char *mailbox);
void memory_subscribe(memory_store *store, const char *mailbox, bool on);
/* Borrowed until the next change; NULL: no such mailbox. */
const ll_view *memory_view(memory_store *store, const char *mailbox);
/* The bytes of a message, data NULL if there is none. */
ll_span memory_message(memory_store *store, const char *mailbox, uint32_t uid);
/* The highest mod-sequence that `told` was called with, and how often it was called. */
uint64_t memory_told(const memory_store *store);
unsigned memory_told_count(const memory_store *store);

/* What quota answers (0: not limited; at first 10 MiB and 1,000 messages; nothing is enforced), and the number of
 * entries of metadata of one mailbox (0: any). */
void memory_limit(memory_store *store, uint64_t bytes, uint64_t messages, uint64_t metadata);

#endif
