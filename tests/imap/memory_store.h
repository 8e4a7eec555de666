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

/* --- mailboxes --- */

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

static inline mailbox *add_mailbox(memory_store *store, ll_span name, unsigned attributes)
{
    mailbox *m = find_any(store, name);
    if (!m) {
        m = need(calloc(1, sizeof *m));
        m->name = copy_string(name);
        mailbox **last = &store->mailboxes;
        while (*last)
            last = &(*last)->next;
        *last = m;
    }
    m->exists = true;
    m->id = ++store->last_id;
    m->attributes = attributes;
    m->unclaimed = 1;
    m->uidvalidity = ++store->uidvalidity;
    if (m->view) /* renamed onto a name that had one: this store does not look */
        ll_view_unref(&m->view);
    must(ll_view_new(&m->view, NULL, m->uidvalidity));
    ll_view_seal(m->view, 1, ++store->modseq);
    return m;
}

/* With its parents. */
static inline mailbox *create(memory_store *store, ll_span name, unsigned attributes)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '/') {
            mailbox *parent = find_any(store, span_first(name, i));
            if (!parent || !parent->exists)
                add_mailbox(store, span_first(name, i), 0);
        }
    return add_mailbox(store, name, attributes);
}

static inline ll_view *edit(mailbox *m)
{
    ll_view *view;
    must(ll_view_edit(&view, m->view));
    return view;
}

static inline void publish(memory_store *store, mailbox *m, ll_view *view, uint32_t uidnext)
{
    ll_view_seal(view, uidnext, ++store->modseq);
    ll_view_unref(&m->view);
    m->view = view;
}

/* As publish; what differs gets the new mod-sequence. */
static inline void publish_changes(memory_store *store, mailbox *m, ll_view *view)
{
    ll_view *old = ll_view_ref(m->view);
    publish(store, m, view, ll_view_uidnext(m->view));
    for (size_t i = 0; i < m->rows_count; i++) {
        ll_flags before, after;
        memory_message_row *row = &m->rows[i];
        if (!ll_view_flags(old, row->uid, &before))
            continue;
        if (!ll_view_flags(m->view, row->uid, &after))
            row->gone_modseq = store->modseq;
        else if (!ll_flags_equal(&before, &after))
            row->modseq = store->modseq;
    }
    ll_view_unref(&old);
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

static inline void free_metadata(memory_entry **list)
{
    while (*list) {
        memory_entry *e = *list;
        *list = e->next;
        free(e->name);
        free(e->value);
        free(e);
    }
}

static inline void free_mailbox(mailbox *m)
{
    free_metadata(&m->metadata);
    for (size_t i = 0; i < m->rows_count; i++)
        free(m->rows[i].bytes);
    free(m->rows);
    ll_view_unref(&m->view);
    free(m->name);
    free(m);
}

/* Its sessions still hold it: to the graves. The name may stay as a subscription. */
static inline void bury(memory_store *store, mailbox *m)
{
    mailbox **at = &store->mailboxes;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    if (m->subscribed) {
        mailbox *left = need(calloc(1, sizeof *left));
        left->name = copy_string(span_str(m->name));
        left->subscribed = true;
        left->next = *at;
        *at = left;
    }
    m->exists = false;
    m->next = store->graves;
    store->graves = m;
}

static inline bool has_children(memory_store *store, ll_span name)
{
    for (mailbox *m = store->mailboxes; m; m = m->next) {
        ll_span other = span_str(m->name);
        if (m->exists && other.size > name.size && other.data[name.size] == '/' &&
            span_equal(span_first(other, name.size), name))
            return true;
    }
    return false;
}

static inline void set_keywords(ll_view *view, const ll_span *keywords, size_t count, ll_flags *flags)
{
    for (size_t i = 0; i < count; i++) {
        unsigned number;
        if (!ll_view_keyword_add(view, keywords[i], &number))
            ll_flags_add(flags, LL_FLAG_KEYWORD + number);
    }
}

static inline uint32_t add_message(memory_store *store, mailbox *m, ll_span message, unsigned flags,
                                   const ll_span *keywords, size_t keywords_count, int64_t internaldate)
{
    ll_flags all = {{flags}};
    uint32_t uid = ll_view_uidnext(m->view);
    ll_view *view = edit(m);
    set_keywords(view, keywords, keywords_count, &all);
    must(ll_view_add(view, uid, &all));
    publish(store, m, view, uid + 1);
    m->rows = need(realloc(m->rows, (m->rows_count + 1) * sizeof *m->rows));
    m->rows[m->rows_count++] = (memory_message_row){.uid = uid,
                                                    .modseq = store->modseq,
                                                    .internaldate = internaldate,
                                                    .bytes = copy_string(message),
                                                    .size = message.size};
    return uid;
}

static inline void remove_messages(memory_store *store, mailbox *m, const ll_range *ranges, size_t count,
                                   bool only_deleted)
{
    ll_view *view = edit(m);
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < m->rows_count; i++) {
            uint32_t uid = m->rows[i].uid;
            ll_flags flags;
            if (uid < ranges[r].first || uid > ranges[r].last || !ll_view_flags(m->view, uid, &flags))
                continue;
            if (!only_deleted || ll_flags_has(&flags, LL_FLAG_DELETED))
                must(ll_view_remove(view, (ll_range){uid, uid}));
        }
    publish_changes(store, m, view);
}

/* --- methods that are in memory_metadata.c --- */

ll_status memory_do_quota(const job *j);
ll_status memory_do_metadata(const job *j);
ll_status memory_do_metadata_set(const job *j);

#endif
