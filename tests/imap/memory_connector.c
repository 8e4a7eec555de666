/* memory_connector.c - see memory_connector.h: the methods, and the work of most of them.
 * SPDX-License-Identifier: MIT */
#include "memory_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

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

/* Add one more message like this, with flags and keywords. */
static uint32_t add_like(memory_store *store, mailbox *from, const memory_message_row *row, mailbox *to)
{
    ll_flags flags;
    if (!ll_view_flags(from->view, row->uid, &flags))
        return 0;
    ll_span keywords[LL_KEYWORDS_MAX];
    size_t count = 0;
    for (unsigned k = 0; k < ll_view_keywords(from->view); k++)
        if (ll_flags_has(&flags, LL_FLAG_KEYWORD + k))
            keywords[count++] = ll_view_keyword(from->view, k);
    ll_view *held = ll_view_ref(from->view); /* keyword names live in it */
    uint32_t uid = add_message(store, to, span_of(row->bytes, row->size), (unsigned)flags.bits[0] & 31u, keywords,
                               count, row->internaldate);
    ll_view_unref(&held);
    return uid;
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
        for (size_t i = 0; i < from->rows_count; i++)
            add_like(store, from, &from->rows[i], to);
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

/* Lent bytes: a copy, so that ASan sees who looks at it too late. */
typedef struct lending {
    memory_store *store;
    struct lent_bytes {
        struct lent_bytes *next;
        char bytes[];
    } * first;
} lending;

static void give_back(void *context)
{
    lending *l = context;
    for (struct lent_bytes *b; (b = l->first);) {
        l->first = b->next;
        free(b);
    }
    l->store->lent--;
    free(l);
}

static lending *lend(const job *j)
{
    if (!j->login->store->content_lend)
        return NULL;
    lending *l = need(calloc(1, sizeof *l));
    l->store = j->login->store;
    l->store->lent++;
    ll_call_lend(j->call, give_back, l);
    return l;
}

static ll_span lent(lending *l, ll_span bytes)
{
    if (!l)
        return bytes;
    struct lent_bytes *b = need(malloc(sizeof *b + bytes.size));
    memcpy(b->bytes, bytes.data, bytes.size);
    b->next = l->first;
    l->first = b;
    return span_of(b->bytes, bytes.size);
}

/* With the blank line; 0 if there is none. */
static size_t header_size(const memory_message_row *row)
{
    for (size_t i = 0; i + 4 <= row->size; i++)
        if (!memcmp(row->bytes + i, "\r\n\r\n", 4))
            return i + 4;
    return 0;
}

static ll_status do_fetch(const job *j)
{
    mailbox *m = j->handle->mailbox;
    memory_store *store = j->login->store;
    bool with = store->content_most && j->number & (LL_WANT_HEADER | LL_WANT_CONTENT);
    lending *from = with ? lend(j) : NULL;
    size_t given = 0;
    for (size_t r = 0; r < j->count; r++)
        for (size_t i = 0; i < m->rows_count; i++) {
            const memory_message_row *row = &m->rows[i];
            if (row->uid < j->ranges[r].first || row->uid > j->ranges[r].last)
                continue;
            if (given == j->limit)
                return LL_OK;
            if (with && given == store->content_rows) {
                ll_call_more(j->call);
                return LL_OK;
            }
            given++;
            char email[24], thread[24];
            ll_row answer = {.uid = row->uid,
                             .modseq = row->modseq,
                             .internaldate = row->internaldate,
                             .size = row->size,
                             .index = SPAN(""),
                             .savedate = 1700000000,
                             .email_id = content_id(email, 'M', row, false),
                             .thread_id = content_id(thread, 'T', row, true)};
            if (with) {
                size_t want = j->number & LL_WANT_CONTENT ? row->size : header_size(row);
                answer.header_size = header_size(row);
                answer.content = lent(from, span_first(span_of(row->bytes, want), store->content_most));
            }
            ll_status status = ll_call_row(j->call, &answer);
            if (status)
                return status;
        }
    return LL_OK;
}

static ll_status do_read(const job *j)
{
    const memory_message_row *row = find_row(j->handle->mailbox, j->uid);
    j->login->store->reads++;
    if (!row)
        return LL_ENOTFOUND;
    size_t offset = j->offset < row->size ? (size_t)j->offset : row->size;
    size_t length = j->limit < row->size - offset ? j->limit : row->size - offset;
    lending *from = lend(j);
    if (from)
        return ll_call_bytes(j->call, lent(from, span_of(row->bytes + offset, length)));
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
            if (row.uid < j->ranges[r].first || row.uid > j->ranges[r].last)
                continue;
            uint32_t uid = add_like(store, from, &row, to);
            if (!uid)
                continue;
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
    bool there = from->exists && ll_view_has(from->view, j->uid);
    ll_status status = !m ? LL_ETRYCREATE : !there ? LL_ENOTFOUND : LL_OK;
    if (!status) {
        uint32_t uid = add_message(j->login->store, m, span_of(u->bytes, u->size), u->flags, u->keywords,
                                   u->keywords_count, u->internaldate);
        remove_messages(j->login->store, from, &(ll_range){j->uid, j->uid}, 1, false);
        status = ll_call_placed(j->call, m->uidvalidity, 0, uid);
    }
    free_upload(u);
    return status;
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
    return ask(self, call, (job){0}, memory_do_quota);
}

static ll_status m_metadata(void *self, ll_call *call, ll_span name)
{
    return ask(self, call, (job){.name = name}, memory_do_metadata);
}

static ll_status m_metadata_set(void *self, ll_call *call, ll_span name, const ll_metadata *entries, size_t count)
{
    return ask(self, call, (job){.name = name, .metadata = entries, .count = count}, memory_do_metadata_set);
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
    .offers = LL_OFFERS_OBJECTID | LL_OFFERS_SAVEDATE | LL_OFFERS_APPENDS,
    .quota = m_quota,
    .metadata = m_metadata,
    .metadata_set = m_metadata_set,
    .replace = m_replace,
    .changes = m_changes,
    .survey = m_survey,
    .watch = m_watch,
    .store_if = m_store_if,
};
