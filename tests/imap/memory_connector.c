/* memory_connector.c - see memory_connector.h
 * SPDX-License-Identifier: MIT */
#include "memory_connector.h"

#include <assert.h>
#include <stdio.h>
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
};

/* Tests have no use for answers to a full memory. */
static void *need(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static void must(ll_status status)
{
    if (status)
        abort();
}

static char *copy_string(ll_span span)
{
    char *copy = need(calloc(1, span.size + 1));
    if (span.size)
        memcpy(copy, span.data, span.size);
    return copy;
}

/* --- mailboxes --- */

static mailbox *find_any(memory_store *store, ll_span name)
{
    for (mailbox *m = store->mailboxes; m; m = m->next)
        if (span_equal(span_str(m->name), name))
            return m;
    return NULL;
}

static mailbox *find(memory_store *store, ll_span name)
{
    mailbox *m = find_any(store, name);
    return m && m->exists && !(m->attributes & LL_MAILBOX_NOSELECT) ? m : NULL;
}

static mailbox *add_mailbox(memory_store *store, ll_span name, unsigned attributes)
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
    must(ll_view_new(&m->view, NULL, m->uidvalidity));
    ll_view_seal(m->view, 1, ++store->modseq);
    return m;
}

/* With its parents. */
static mailbox *create(memory_store *store, ll_span name, unsigned attributes)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '/') {
            mailbox *parent = find_any(store, span_first(name, i));
            if (!parent || !parent->exists)
                add_mailbox(store, span_first(name, i), 0);
        }
    return add_mailbox(store, name, attributes);
}

static ll_view *edit(mailbox *m)
{
    ll_view *view;
    must(ll_view_edit(&view, m->view));
    return view;
}

static void publish(memory_store *store, mailbox *m, ll_view *view, uint32_t uidnext)
{
    ll_view_seal(view, uidnext, ++store->modseq);
    ll_view_unref(&m->view);
    m->view = view;
}

/* As publish; what differs gets the new mod-sequence. */
static void publish_changes(memory_store *store, mailbox *m, ll_view *view)
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

static memory_message_row *find_row(mailbox *m, uint32_t uid)
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

static void free_metadata(memory_entry **list)
{
    while (*list) {
        memory_entry *e = *list;
        *list = e->next;
        free(e->name);
        free(e->value);
        free(e);
    }
}

static void free_mailbox(mailbox *m)
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
static void bury(memory_store *store, mailbox *m)
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

static bool has_children(memory_store *store, ll_span name)
{
    for (mailbox *m = store->mailboxes; m; m = m->next) {
        ll_span other = span_str(m->name);
        if (m->exists && other.size > name.size && other.data[name.size] == '/' &&
            span_equal(span_first(other, name.size), name))
            return true;
    }
    return false;
}

static void set_keywords(ll_view *view, const ll_span *keywords, size_t count, ll_flags *flags)
{
    for (size_t i = 0; i < count; i++) {
        unsigned number;
        if (!ll_view_keyword_add(view, keywords[i], &number))
            ll_flags_add(flags, LL_FLAG_KEYWORD + number);
    }
}

static uint32_t add_message(memory_store *store, mailbox *m, ll_span message, unsigned flags, const ll_span *keywords,
                            size_t keywords_count, int64_t internaldate)
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

static void remove_messages(memory_store *store, mailbox *m, const ll_range *ranges, size_t count, bool only_deleted)
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

/* --- the methods' work; run at once or by memory_complete --- */

static ll_status do_list(const job *j)
{
    for (mailbox *m = j->login->store->mailboxes; m; m = m->next) {
        unsigned attributes =
            m->attributes | (m->subscribed ? LL_MAILBOX_SUBSCRIBED : 0u) | (m->exists ? 0u : LL_MAILBOX_NONEXISTENT);
        ll_status status = ll_call_mailbox(j->call, &(ll_mailbox_info){span_str(m->name), attributes});
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status give_id(const job *j, const mailbox *m)
{
    char id[16];
    int size = snprintf(id, sizeof id, "F%u", m->id);
    return ll_call_mailbox_id(j->call, span_of(id, (size_t)size));
}

static ll_status do_create(const job *j)
{
    mailbox *m = find_any(j->login->store, j->name);
    if (m && m->exists && !(m->attributes & LL_MAILBOX_NOSELECT))
        return LL_EEXISTS;
    if (j->number & LL_MAILBOX_ALL)
        return LL_EUNSUPPORTED;
    if (m && m->exists)
        m->attributes = j->number;
    else
        m = create(j->login->store, j->name, j->number);
    return give_id(j, m);
}

static ll_status do_remove(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *m = find_any(store, j->name);
    if (!m || !m->exists)
        return LL_ENOTFOUND;
    if (span_equal(j->name, SPAN("INBOX")))
        return LL_EDENIED;
    bool children = has_children(store, j->name);
    if (children && (m->attributes & LL_MAILBOX_NOSELECT))
        return LL_EDENIED;
    bury(store, m);
    if (children)
        add_mailbox(store, j->name, LL_MAILBOX_NOSELECT);
    return LL_OK;
}

static ll_status do_rename(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *from = find_any(store, j->name), *to = find_any(store, j->to);
    if (!from || !from->exists)
        return LL_ENOTFOUND;
    if (to && to->exists)
        return LL_EEXISTS;
    if (span_equal(j->name, SPAN("INBOX"))) {
        to = create(store, j->to, 0);
        for (size_t i = 0; i < from->rows_count; i++) {
            ll_flags flags;
            if (ll_view_flags(from->view, from->rows[i].uid, &flags))
                add_message(store, to, span_of(from->rows[i].bytes, from->rows[i].size), (unsigned)flags.bits[0] & 31u,
                            NULL, 0, from->rows[i].internaldate);
        }
        remove_messages(store, from, &(ll_range){1, UINT32_MAX}, 1, false);
        return LL_OK;
    }
    for (mailbox *m = store->mailboxes; m; m = m->next) {
        ll_span name = span_str(m->name);
        if (!m->exists || !span_equal(span_first(name, j->name.size), j->name) ||
            (name.size > j->name.size && name.data[j->name.size] != '/'))
            continue;
        char *renamed = need(calloc(1, j->to.size + name.size - j->name.size + 1));
        memcpy(renamed, j->to.data, j->to.size);
        memcpy(renamed + j->to.size, name.data + j->name.size, name.size - j->name.size);
        free(m->name);
        m->name = renamed;
    }
    return LL_OK;
}

static ll_status do_subscribe(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *m = find_any(store, j->name);
    if (!m && j->on)
        return LL_ENOTFOUND;
    if (m)
        m->subscribed = j->on;
    if (m && !m->exists && !j->on)
        bury(store, m);
    return LL_OK;
}

static ll_mailbox_status numbers_of(const mailbox *m)
{
    ll_mailbox_status numbers = {.messages = ll_view_count(m->view),
                                 .unseen = ll_view_unseen(m->view),
                                 .uidnext = ll_view_uidnext(m->view),
                                 .uidvalidity = m->uidvalidity,
                                 .highest_modseq = ll_view_modseq(m->view)};
    for (size_t i = 0; i < m->rows_count; i++) {
        ll_flags flags;
        if (!ll_view_flags(m->view, m->rows[i].uid, &flags))
            continue;
        numbers.recent += m->rows[i].uid >= m->unclaimed;
        numbers.deleted += ll_flags_has(&flags, LL_FLAG_DELETED);
        numbers.deleted_bytes += ll_flags_has(&flags, LL_FLAG_DELETED) ? m->rows[i].size : 0;
        numbers.bytes += m->rows[i].size;
    }
    return numbers;
}

static ll_status do_status(const job *j)
{
    mailbox *m = find(j->login->store, j->name);
    if (!m)
        return LL_ENOTFOUND;
    ll_mailbox_status numbers = numbers_of(m);
    ll_call_status(j->call, &numbers);
    return give_id(j, m);
}

static ll_status survey_entries(const job *j, const memory_entry *list)
{
    ll_status status = LL_OK;
    for (const memory_entry *e = j->on ? list : NULL; e && !status; e = e->next) {
        uint64_t version = 14695981039346656037u;
        for (size_t i = 0; i < e->size; i++)
            version = (version ^ (unsigned char)e->value[i]) * 1099511628211u;
        status = ll_call_survey_entry(j->call, span_str(e->name), version);
    }
    return status;
}

static ll_status do_survey(const job *j)
{
    memory_store *store = j->login->store;
    ll_status status = ll_call_survey(j->call, &(ll_survey){{SPAN(""), 0}, SPAN(""), {0}});
    if (!status)
        status = survey_entries(j, store->metadata);
    for (const mailbox *m = store->mailboxes; m && !status; m = m->next) {
        char id[16];
        int size = snprintf(id, sizeof id, "F%u", m->id);
        unsigned attributes =
            m->attributes | (m->subscribed ? LL_MAILBOX_SUBSCRIBED : 0u) | (m->exists ? 0u : LL_MAILBOX_NONEXISTENT);
        ll_survey one = {{span_str(m->name), attributes}, span_of(id, m->exists ? (size_t)size : 0), {0}};
        if (m->exists)
            one.numbers = numbers_of(m);
        status = ll_call_survey(j->call, &one);
        if (!status)
            status = survey_entries(j, m->metadata);
    }
    return status;
}

static ll_status do_open(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *m = find(store, j->name);
    if (!m)
        return LL_ENOTFOUND;
    handle *h = need(calloc(1, sizeof *h));
    *h = (handle){.next = store->handles, .mailbox = m, .login = j->login, .readonly = j->on};
    h->seen_modseq = ll_view_modseq(m->view);
    store->handles = h;
    ll_call_opened(j->call, h, ll_view_ref(m->view), j->on);
    return give_id(j, m);
}

/* A hash of the bytes, or of the first line (FNV-1a): what begins alike is one thread. */
static ll_span content_id(char buffer[24], char kind, const memory_message_row *row, bool line)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < row->size && !(line && row->bytes[i] == '\r'); i++)
        hash = (hash ^ (unsigned char)row->bytes[i]) * 1099511628211u;
    return span_of(buffer, (size_t)snprintf(buffer, 24, "%c%016llx", kind, (unsigned long long)hash));
}

static ll_status do_fetch(const job *j)
{
    mailbox *m = j->handle->mailbox;
    size_t given = 0;
    for (size_t r = 0; r < j->count; r++)
        for (size_t i = 0; i < m->rows_count; i++) {
            const memory_message_row *row = &m->rows[i];
            if (row->uid < j->ranges[r].first || row->uid > j->ranges[r].last)
                continue;
            if (given++ == j->limit)
                return LL_OK;
            char email[24], thread[24];
            ll_row answer = {.uid = row->uid,
                             .modseq = row->modseq,
                             .internaldate = row->internaldate,
                             .size = row->size,
                             .index = SPAN(""),
                             .savedate = 1700000000,
                             .email_id = content_id(email, 'M', row, false),
                             .thread_id = content_id(thread, 'T', row, true)};
            ll_status status = ll_call_row(j->call, &answer);
            if (status)
                return status;
        }
    return LL_OK;
}

static ll_status do_read(const job *j)
{
    const memory_message_row *row = find_row(j->handle->mailbox, j->uid);
    if (!row)
        return LL_ENOTFOUND;
    size_t offset = j->offset < row->size ? (size_t)j->offset : row->size;
    size_t length = j->limit < row->size - offset ? j->limit : row->size - offset;
    ll_status status = ll_call_bytes(j->call, span_of(row->bytes + offset, length / 2)); /* in two pieces */
    return status ? status : ll_call_bytes(j->call, span_of(row->bytes + offset + length / 2, length - length / 2));
}

static ll_status do_store(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *m = j->handle->mailbox;
    ll_flags flags = {{j->number}};
    ll_view *view = edit(m);
    set_keywords(view, j->keywords, j->keywords_count, &flags);
    for (size_t i = 0; i < j->count; i++)
        must(ll_view_flags_change(view, j->ranges[i], j->op, &flags));
    publish_changes(store, m, view);
    return LL_OK;
}

static ll_status do_store_if(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *m = j->handle->mailbox;
    ll_flags flags = {{j->number}};
    ll_status status = LL_OK; /* out of memory for an answer is no reason not to do it */
    ll_view *view = edit(m);
    set_keywords(view, j->keywords, j->keywords_count, &flags);
    for (size_t i = 0; i < m->rows_count; i++)
        for (size_t r = 0; r < j->count; r++) {
            const memory_message_row *row = &m->rows[i];
            ll_range one = {row->uid, row->uid};
            if (row->gone_modseq || row->uid < j->ranges[r].first || row->uid > j->ranges[r].last)
                continue;
            if (row->modseq > j->offset && !status)
                status = ll_call_refused(j->call, one);
            else if (row->modseq <= j->offset)
                must(ll_view_flags_change(view, one, j->op, &flags));
        }
    publish_changes(store, m, view);
    return status;
}

static ll_status do_changes(const job *j)
{
    mailbox *m = j->handle->mailbox;
    if (j->login->store->forget)
        return LL_ENOTFOUND;
    ll_status status = LL_OK;
    for (size_t i = m->rows_count; i-- > 0 && !status;) { /* in no particular order */
        const memory_message_row *row = &m->rows[i];
        ll_range one = {row->uid, row->uid};
        if (row->gone_modseq > j->offset)
            status = ll_call_vanished(j->call, one);
        else if (!row->gone_modseq && row->modseq > j->offset)
            status = ll_call_changed(j->call, one);
    }
    return status;
}

static ll_status do_expunge(const job *j)
{
    remove_messages(j->login->store, j->handle->mailbox, j->ranges, j->count, true);
    return LL_OK;
}

static ll_status do_copy(const job *j)
{
    memory_store *store = j->login->store;
    mailbox *from = j->handle->mailbox, *to = find(store, j->to);
    if (!from->exists) /* deleted under the session */
        return LL_ENOTFOUND;
    if (!to)
        return LL_ETRYCREATE;
    size_t rows = from->rows_count; /* a copy into the same mailbox adds more */
    for (size_t r = 0; r < j->count; r++)
        for (size_t i = 0; i < rows; i++) {
            memory_message_row row = from->rows[i];
            ll_flags flags;
            if (row.uid < j->ranges[r].first || row.uid > j->ranges[r].last)
                continue;
            if (!ll_view_flags(from->view, row.uid, &flags))
                continue;
            ll_span keywords[LL_KEYWORDS_MAX];
            size_t count = 0;
            for (unsigned k = 0; k < ll_view_keywords(from->view); k++)
                if (ll_flags_has(&flags, LL_FLAG_KEYWORD + k))
                    keywords[count++] = ll_view_keyword(from->view, k);
            ll_view *held = ll_view_ref(from->view); /* keyword names live in it */
            uint32_t uid = add_message(store, to, span_of(row.bytes, row.size), (unsigned)flags.bits[0] & 31u, keywords,
                                       count, row.internaldate);
            ll_view_unref(&held);
            ll_status status = ll_call_placed(j->call, to->uidvalidity, row.uid, uid);
            if (status)
                return status;
            if (j->on)
                remove_messages(store, from, &(ll_range){row.uid, row.uid}, 1, false);
        }
    return LL_OK;
}

static void free_upload(upload *u)
{
    for (size_t i = 0; i < u->keywords_count; i++)
        free((char *)(uintptr_t)u->keywords[i].data);
    free(u->keywords);
    free(u->bytes);
    free(u->to);
    free(u);
}

static ll_status do_append_open(const job *j)
{
    if (!find(j->login->store, j->to))
        return LL_ETRYCREATE;
    upload *u = need(calloc(1, sizeof *u));
    u->to = copy_string(j->to);
    u->flags = j->append->flags;
    u->internaldate = j->append->internaldate == INT64_MIN ? 1700000000 : j->append->internaldate;
    u->keywords_count = j->append->keywords_count;
    u->keywords = need(calloc(u->keywords_count + 1, sizeof *u->keywords));
    for (size_t i = 0; i < u->keywords_count; i++)
        u->keywords[i] = span_of(copy_string(j->append->keywords[i]), j->append->keywords[i].size);
    ll_call_upload(j->call, u);
    return LL_OK;
}

static ll_status do_append_commit(const job *j)
{
    memory_store *store = j->login->store;
    ll_status status = LL_OK;
    for (size_t i = 0; i < j->count; i++) {
        upload *u = j->uploads[i];
        mailbox *m = find(store, span_str(u->to));
        if (!m)
            status = LL_ETRYCREATE;
        if (!status) {
            uint32_t uid = add_message(store, m, span_of(u->bytes, u->size), u->flags, u->keywords, u->keywords_count,
                                       u->internaldate);
            status = ll_call_placed(j->call, m->uidvalidity, 0, uid);
        }
        free_upload(u);
    }
    return status;
}

static ll_status do_replace(const job *j)
{
    mailbox *from = j->handle->mailbox;
    upload *u = j->upload;
    mailbox *m = find(j->login->store, span_str(u->to));
    ll_status status = !m ? LL_ETRYCREATE : !ll_view_has(from->view, j->uid) ? LL_ENOTFOUND : LL_OK;
    if (!status) {
        uint32_t uid = add_message(j->login->store, m, span_of(u->bytes, u->size), u->flags, u->keywords,
                                   u->keywords_count, u->internaldate);
        remove_messages(j->login->store, from, &(ll_range){j->uid, j->uid}, 1, false);
        status = ll_call_placed(j->call, m->uidvalidity, 0, uid);
    }
    free_upload(u);
    return status;
}

/* --- quota and metadata --- */

static ll_status do_quota(const job *j)
{
    memory_store *store = j->login->store;
    uint64_t bytes = 0, messages = 0;
    for (const mailbox *m = store->mailboxes; m; m = m->next)
        for (size_t i = 0; m->exists && i < m->rows_count; i++)
            if (ll_view_has(m->view, m->rows[i].uid)) {
                bytes += m->rows[i].size;
                messages++;
            }
    ll_status status = LL_OK;
    if (store->quota_bytes)
        status = ll_call_quota(j->call, &(ll_quota){SPAN("STORAGE"), (bytes + 1023) / 1024, store->quota_bytes / 1024});
    if (!status && store->quota_messages)
        status = ll_call_quota(j->call, &(ll_quota){SPAN("MESSAGE"), messages, store->quota_messages});
    return status;
}

static memory_entry **metadata_of(const job *j)
{
    mailbox *m = j->name.size ? find_any(j->login->store, j->name) : NULL;
    if (!j->name.size)
        return &j->login->store->metadata;
    return m && m->exists ? &m->metadata : NULL;
}

static ll_status do_metadata(const job *j)
{
    memory_entry **list = metadata_of(j);
    if (!list)
        return LL_ENOTFOUND;
    ll_status status = LL_OK;
    for (const memory_entry *e = *list; !status && e; e = e->next)
        status = ll_call_metadata(j->call, &(ll_metadata){span_str(e->name), span_of(e->value, e->size)});
    return status;
}

static void set_entry(memory_entry **list, const ll_metadata *pair)
{
    while (*list && span_compare(span_str((*list)->name), pair->entry) < 0)
        list = &(*list)->next;
    memory_entry *e = *list;
    if (e && span_equal(span_str(e->name), pair->entry)) {
        *list = e->next;
        e->next = NULL;
        free_metadata(&e);
    }
    if (!pair->value.data)
        return;
    e = need(calloc(1, sizeof *e));
    *e = (memory_entry){*list, copy_string(pair->entry), copy_string(pair->value), pair->value.size};
    *list = e;
}

static ll_status do_metadata_set(const job *j)
{
    memory_entry **list = metadata_of(j);
    if (!list)
        return LL_ENOTFOUND;
    size_t there = 0;
    for (const memory_entry *e = *list; e; e = e->next)
        there++;
    if (j->login->store->metadata_max && there + j->count > j->login->store->metadata_max)
        return LL_ELIMIT;
    for (size_t i = 0; i < j->count; i++)
        set_entry(list, &j->metadata[i]);
    return LL_OK;
}

/* --- the connector --- */

static ll_status ask(void *self, ll_call *call, job j, ll_status (*run)(const job *j))
{
    login *l = self;
    memory_store *store = l->store;
    j.login = l;
    j.call = call;
    j.run = run;
    if (store->later) {
        job **last = &store->jobs;
        while (*last)
            last = &(*last)->next;
        *last = need(malloc(sizeof j));
        **last = j;
        return LL_LATER;
    }
    if (store->fail && run != do_append_commit && run != do_replace) {
        ll_status fail = store->fail;
        store->fail = LL_OK;
        if (store->fail_text)
            ll_call_text(call, span_str(store->fail_text));
        return fail;
    }
    return run(&j);
}

static void memory_end(void *self)
{
    login *l = self;
    login **at = &l->store->logins;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    free(l);
}

static ll_status m_list(void *self, ll_call *call)
{
    return ask(self, call, (job){0}, do_list);
}

static ll_status m_create(void *self, ll_call *call, ll_span name, unsigned attributes)
{
    return ask(self, call, (job){.name = name, .number = attributes}, do_create);
}

static ll_status m_remove(void *self, ll_call *call, ll_span name)
{
    return ask(self, call, (job){.name = name}, do_remove);
}

static ll_status m_rename(void *self, ll_call *call, ll_span from, ll_span to)
{
    return ask(self, call, (job){.name = from, .to = to}, do_rename);
}

static ll_status m_subscribe(void *self, ll_call *call, ll_span name, bool on)
{
    return ask(self, call, (job){.name = name, .on = on}, do_subscribe);
}

static ll_status m_status(void *self, ll_call *call, ll_span name)
{
    return ask(self, call, (job){.name = name}, do_status);
}

static ll_status m_open(void *self, ll_call *call, ll_span name, bool readonly)
{
    return ask(self, call, (job){.name = name, .on = readonly}, do_open);
}

static void m_close(void *self, void *opened)
{
    handle *h = opened;
    login *l = self;
    handle **at = &l->store->handles;
    while (*at != h)
        at = &(*at)->next;
    *at = h->next;
    free(h);
}

static ll_view *m_latest(void *self, void *opened, uint32_t *recent_first)
{
    handle *h = opened;
    mailbox *m = h->mailbox;
    (void)self;
    *recent_first = 0;
    if (!m->exists)
        return NULL;
    uint32_t next = ll_view_uidnext(m->view);
    h->seen_modseq = ll_view_modseq(m->view);
    if (m->unclaimed < next)
        *recent_first = m->unclaimed;
    if (!h->readonly)
        m->unclaimed = next;
    return ll_view_ref(m->view);
}

static void m_told(void *self, void *opened, uint64_t modseq)
{
    login *l = self;
    (void)opened;
    assert(modseq >= l->store->told || l->store->told_count == 0 || modseq > 0);
    l->store->told = modseq > l->store->told ? modseq : l->store->told;
    l->store->told_count++;
}

static ll_status m_fetch(void *self, ll_call *call, void *opened, const ll_range *ranges, size_t count, size_t limit,
                         unsigned want)
{
    return ask(self, call, (job){.handle = opened, .ranges = ranges, .count = count, .limit = limit, .number = want},
               do_fetch);
}

static ll_status m_read(void *self, ll_call *call, void *opened, uint32_t uid, uint64_t offset, size_t length)
{
    return ask(self, call, (job){.handle = opened, .uid = uid, .offset = offset, .limit = length}, do_read);
}

static ll_status m_store(void *self, ll_call *call, void *opened, const ll_range *ranges, size_t count, ll_flags_op op,
                         unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    return ask(self, call,
               (job){.handle = opened,
                     .ranges = ranges,
                     .count = count,
                     .op = op,
                     .number = flags,
                     .keywords = keywords,
                     .keywords_count = keywords_count},
               do_store);
}

static ll_status m_store_if(void *self, ll_call *call, void *opened, const ll_range *ranges, size_t count,
                            ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count,
                            uint64_t unchanged_since)
{
    return ask(self, call,
               (job){.handle = opened,
                     .ranges = ranges,
                     .count = count,
                     .op = op,
                     .number = flags,
                     .keywords = keywords,
                     .keywords_count = keywords_count,
                     .offset = unchanged_since},
               do_store_if);
}

static ll_status m_survey(void *self, ll_call *call, bool metadata)
{
    return ask(self, call, (job){.on = metadata}, do_survey);
}

static void m_watch(void *self, bool on)
{
    ((login *)self)->watching = on;
}

static ll_status m_changes(void *self, ll_call *call, void *opened, uint64_t since)
{
    return ask(self, call, (job){.handle = opened, .offset = since}, do_changes);
}

static ll_status m_expunge(void *self, ll_call *call, void *opened, const ll_range *ranges, size_t count)
{
    return ask(self, call, (job){.handle = opened, .ranges = ranges, .count = count}, do_expunge);
}

static ll_status m_copy(void *self, ll_call *call, void *opened, const ll_range *ranges, size_t count, ll_span to,
                        bool move)
{
    return ask(self, call, (job){.handle = opened, .ranges = ranges, .count = count, .to = to, .on = move}, do_copy);
}

static ll_status m_append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    return ask(self, call, (job){.to = to, .append = message}, do_append_open);
}

static ll_status m_append_data(void *self, void *uploading, ll_span bytes)
{
    upload *u = uploading;
    (void)self;
    if (u->room - u->size < bytes.size) {
        u->room = (u->size + bytes.size) * 2;
        u->bytes = need(realloc(u->bytes, u->room));
    }
    if (bytes.size)
        memcpy(u->bytes + u->size, bytes.data, bytes.size);
    u->size += bytes.size;
    return LL_OK;
}

static ll_status m_append_commit(void *self, ll_call *call, void *const *uploads, size_t count)
{
    return ask(self, call, (job){.uploads = uploads, .count = count}, do_append_commit);
}

static ll_status m_replace(void *self, ll_call *call, void *opened, uint32_t uid, void *uploading)
{
    return ask(self, call, (job){.handle = opened, .uid = uid, .upload = uploading}, do_replace);
}

static ll_status m_quota(void *self, ll_call *call)
{
    return ask(self, call, (job){0}, do_quota);
}

static ll_status m_metadata(void *self, ll_call *call, ll_span name)
{
    return ask(self, call, (job){.name = name}, do_metadata);
}

static ll_status m_metadata_set(void *self, ll_call *call, ll_span name, const ll_metadata *entries, size_t count)
{
    return ask(self, call, (job){.name = name, .metadata = entries, .count = count}, do_metadata_set);
}

static void m_append_abort(void *self, void *uploading)
{
    (void)self;
    free_upload(uploading);
}

const ll_connector memory_connector = {
    .size = sizeof(ll_connector),
    .end = memory_end,
    .list = m_list,
    .create = m_create,
    .remove = m_remove,
    .rename = m_rename,
    .subscribe = m_subscribe,
    .status = m_status,
    .open = m_open,
    .close = m_close,
    .latest = m_latest,
    .told = m_told,
    .fetch = m_fetch,
    .read = m_read,
    .store = m_store,
    .expunge = m_expunge,
    .copy = m_copy,
    .append_open = m_append_open,
    .append_data = m_append_data,
    .append_commit = m_append_commit,
    .append_abort = m_append_abort,
    .offers = LL_OFFERS_OBJECTID | LL_OFFERS_SAVEDATE,
    .quota = m_quota,
    .metadata = m_metadata,
    .metadata_set = m_metadata_set,
    .replace = m_replace,
    .changes = m_changes,
    .survey = m_survey,
    .watch = m_watch,
    .store_if = m_store_if,
};

/* --- for tests --- */

memory_store *memory_store_new(void)
{
    memory_store *store = need(calloc(1, sizeof *store));
    store->uidvalidity = 1000;
    store->quota_bytes = 10 << 20;
    store->quota_messages = 1000;
    create(store, SPAN("INBOX"), 0)->subscribed = true;
    create(store, SPAN("Sent"), LL_MAILBOX_SENT);
    create(store, SPAN("Drafts"), LL_MAILBOX_DRAFTS);
    create(store, SPAN("Trash"), LL_MAILBOX_TRASH);
    return store;
}

static void free_mailboxes(mailbox *m)
{
    while (m) {
        mailbox *next = m->next;
        free_mailbox(m);
        m = next;
    }
}

void memory_store_del(memory_store **store)
{
    assert(!(*store)->logins && !(*store)->handles && !(*store)->jobs);
    free_mailboxes((*store)->mailboxes);
    free_mailboxes((*store)->graves);
    free_metadata(&(*store)->metadata);
    free(*store);
    *store = NULL;
}

void *memory_login(memory_store *store, void (*notify)(void *context), void *context)
{
    login *l = need(calloc(1, sizeof *l));
    *l = (login){store->logins, store, notify, context, false};
    store->logins = l;
    return l;
}

size_t memory_sessions(const memory_store *store)
{
    size_t count = 0;
    for (const login *l = store->logins; l; l = l->next)
        count++;
    return count;
}

void memory_later(memory_store *store, bool later)
{
    store->later = later;
}

bool memory_complete(memory_store *store)
{
    job *j = store->jobs;
    if (!j)
        return false;
    store->jobs = j->next;
    ll_status status = j->run(j);
    ll_call *call = j->call;
    free(j);
    ll_call_done(call, status);
    return true;
}

size_t memory_waiting(const memory_store *store)
{
    size_t count = 0;
    for (const job *j = store->jobs; j; j = j->next)
        count++;
    return count;
}

void memory_fail_next(memory_store *store, ll_status status, const char *text)
{
    store->fail = status;
    store->fail_text = text;
}

void memory_forget(memory_store *store, bool forget)
{
    store->forget = forget;
}

void memory_notify(memory_store *store)
{
    for (handle *h = store->handles, *next; h; h = next) {
        next = h->next; /* a session may close its handle now */
        if (h->login->notify && (!h->mailbox->exists || h->seen_modseq != ll_view_modseq(h->mailbox->view)))
            h->login->notify(h->login->context);
    }
    for (login *l = store->logins, *next; l; l = next) {
        next = l->next;
        if (l->notify && l->watching)
            l->notify(l->context);
    }
}

uint32_t memory_deliver(memory_store *store, const char *name, ll_span message, unsigned flags)
{
    mailbox *m = find(store, span_str(name));
    return m ? add_message(store, m, message, flags, NULL, 0, 1700000000) : 0;
}

void memory_set_date(memory_store *store, const char *name, uint32_t uid, int64_t internaldate)
{
    mailbox *m = find(store, span_str(name));
    memory_message_row *row = m ? find_row(m, uid) : NULL;
    if (row)
        row->internaldate = internaldate;
}

void memory_flag(memory_store *store, const char *name, ll_range uids, ll_flags_op op, unsigned flags,
                 const char *keyword)
{
    mailbox *m = find(store, span_str(name));
    ll_flags all = {{flags}};
    ll_span keywords[1] = {span_str(keyword)};
    if (!m)
        return;
    ll_view *view = edit(m);
    set_keywords(view, keywords, keyword != NULL, &all);
    must(ll_view_flags_change(view, uids, op, &all));
    publish_changes(store, m, view);
}

void memory_expunge(memory_store *store, const char *name, ll_range uids)
{
    mailbox *m = find(store, span_str(name));
    if (m)
        remove_messages(store, m, &uids, 1, false);
}

bool memory_create(memory_store *store, const char *name, unsigned attributes)
{
    mailbox *m = find_any(store, span_str(name));
    if (m && m->exists)
        return false;
    create(store, span_str(name), attributes);
    return true;
}

bool memory_remove(memory_store *store, const char *name)
{
    mailbox *m = find_any(store, span_str(name));
    if (m && m->exists)
        bury(store, m);
    return m && m->exists == false;
}

void memory_subscribe(memory_store *store, const char *name, bool on)
{
    mailbox *m = find_any(store, span_str(name));
    if (m)
        m->subscribed = on;
}

const ll_view *memory_view(memory_store *store, const char *name)
{
    mailbox *m = find(store, span_str(name));
    return m ? m->view : NULL;
}

ll_span memory_message(memory_store *store, const char *name, uint32_t uid)
{
    mailbox *m = find(store, span_str(name));
    memory_message_row *row = m ? find_row(m, uid) : NULL;
    return row ? span_of(row->bytes, row->size) : span_of(NULL, 0);
}

uint64_t memory_told(const memory_store *store)
{
    return store->told;
}

unsigned memory_told_count(const memory_store *store)
{
    return store->told_count;
}

void memory_limit(memory_store *store, uint64_t bytes, uint64_t messages, uint64_t metadata)
{
    store->quota_bytes = bytes;
    store->quota_messages = messages;
    store->metadata_max = metadata;
}
