/* memory_store.h - inside memory_connector.h: the account that its methods work on. For memory_*.c only.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_IMAP_MEMORY_STORE_H
#define TESTS_IMAP_MEMORY_STORE_H

#include "memory_connector.h"

#include <stdlib.h>

typedef struct memory_message_row {
    uint32_t uid;
    uint64_t modseq, gone_modseq; /* gone_modseq: at which it was expunged, 0: it is there */
    int64_t internaldate;
    char *bytes;
    size_t size;
} memory_message_row;

/* A value of metadata. */
typedef struct memory_entry {
    struct memory_entry *next;
    char *name, *value;
    size_t size;
} memory_entry;

typedef struct mailbox {
    struct mailbox *next;
    char *name;
    unsigned id; /* RFC 8474 */
    memory_entry *metadata;
    unsigned attributes;
    bool subscribed, exists; /* one that does not exist is only subscribed, or still open somewhere */
    uint32_t uidvalidity, unclaimed;
    ll_view *view;
    memory_message_row *rows; /* ascending; the expunged ones too */
    size_t rows_count;
} mailbox;

typedef struct login {
    struct login *next;
    memory_store *store;
    void (*notify)(void *context);
    void *context;
    bool watching;
} login;

typedef struct handle {
    struct handle *next;
    mailbox *mailbox;
    login *login;
    bool readonly;
    uint64_t seen_modseq;
} handle;

typedef struct upload {
    char *to;
    char *bytes;
    size_t size, room;
    unsigned flags;
    ll_span *keywords;
    size_t keywords_count;
    int64_t internaldate;
} upload;

typedef struct job {
    struct job *next;
    ll_status (*run)(const struct job *job);
    login *login;
    ll_call *call;
    handle *handle;
    ll_span name, to;
    unsigned number;
    bool on;
    const ll_range *ranges;
    size_t count, limit;
    ll_flags_op op;
    const ll_span *keywords;
    size_t keywords_count;
    uint32_t uid;
    uint64_t offset;
    const ll_append *append;
    void *const *uploads;
    void *upload;
    const ll_metadata *metadata;
} job;

struct memory_store {
    mailbox *mailboxes, *graves;
    login *logins;
    handle *handles;
    job *jobs;
    bool later, forget;
    ll_status fail;
    const char *fail_text;
    uint32_t uidvalidity;
    uint64_t modseq, told;
    unsigned told_count, last_id;
    memory_entry *metadata; /* the account's own */
    uint64_t quota_bytes, quota_messages, metadata_max;
    size_t content_most, content_rows, reads, lent;
    bool content_lend;
};

/* Tests have no use for answers to a full memory. */
static inline void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static inline void must(ll_status status)
{
    if (status)
        abort();
}

static inline char *copy_string(ll_span span)
{
    char *copy = need(calloc(1, span.size + 1));
    if (span.size)
        memcpy(copy, span.data, span.size);
    return copy;
}

static inline mailbox *find_any(memory_store *store, ll_span name)
{
    for (mailbox *m = store->mailboxes; m; m = m->next)
        if (span_equal(span_str(m->name), name))
            return m;
    return NULL;
}

static inline mailbox *find(memory_store *store, ll_span name)
{
    mailbox *m = find_any(store, name);
    return m && m->exists && !(m->attributes & LL_MAILBOX_NOSELECT) ? m : NULL;
}

static inline memory_message_row *find_row(mailbox *m, uint32_t uid)
{
    size_t low = 0, high = m->rows_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (m->rows[middle].uid < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->rows_count && m->rows[low].uid == uid ? &m->rows[low] : NULL;
}

mailbox *memory_add_mailbox(memory_store *store, ll_span name, unsigned attributes);
/* With its parents. */
mailbox *memory_create_mailbox(memory_store *store, ll_span name, unsigned attributes);
ll_view *memory_edit(mailbox *m);
void memory_publish(memory_store *store, mailbox *m, ll_view *view, uint32_t uidnext);
/* As publish; what differs gets the new mod-sequence. */
void memory_publish_changes(memory_store *store, mailbox *m, ll_view *view);
void memory_free_metadata(memory_entry **list);
void memory_free_mailbox(mailbox *m);
/* Its sessions still hold it: to the graves. The name may stay as a subscription. */
void memory_bury(memory_store *store, mailbox *m);
bool memory_has_children(memory_store *store, ll_span name);
void memory_set_keywords(ll_view *view, const ll_span *keywords, size_t count, ll_flags *flags);
uint32_t memory_add_message(memory_store *store, mailbox *m, ll_span message, unsigned flags, const ll_span *keywords,
                            size_t keywords_count, int64_t internaldate);
void memory_remove_messages(memory_store *store, mailbox *m, const ll_range *ranges, size_t count, bool only_deleted);

/* Methods, in memory_metadata.c. */
ll_status memory_do_quota(const job *j);
ll_status memory_do_metadata(const job *j);
ll_status memory_do_metadata_set(const job *j);

#endif
