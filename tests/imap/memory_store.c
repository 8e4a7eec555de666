/* memory_store.c - the account behind memory_connector.h: its mailboxes and messages, and what tests do to it directly.
 * SPDX-License-Identifier: MIT */
#include "memory_store.h"

#include <assert.h>

mailbox *memory_add_mailbox(memory_store *store, ll_span name, unsigned attributes)
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
mailbox *memory_create_mailbox(memory_store *store, ll_span name, unsigned attributes)
{
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '/') {
            mailbox *parent = find_any(store, span_first(name, i));
            if (!parent || !parent->exists)
                memory_add_mailbox(store, span_first(name, i), 0);
        }
    return memory_add_mailbox(store, name, attributes);
}

ll_view *memory_edit(mailbox *m)
{
    ll_view *view;
    must(ll_view_edit(&view, m->view));
    return view;
}

void memory_publish(memory_store *store, mailbox *m, ll_view *view, uint32_t uidnext)
{
    ll_view_seal(view, uidnext, ++store->modseq);
    ll_view_unref(&m->view);
    m->view = view;
}

/* As publish; what differs gets the new mod-sequence. */
void memory_publish_changes(memory_store *store, mailbox *m, ll_view *view)
{
    ll_view *old = ll_view_ref(m->view);
    memory_publish(store, m, view, ll_view_uidnext(m->view));
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

void memory_free_metadata(memory_entry **list)
{
    while (*list) {
        memory_entry *e = *list;
        *list = e->next;
        free(e->name);
        free(e->value);
        free(e);
    }
}

void memory_free_mailbox(mailbox *m)
{
    memory_free_metadata(&m->metadata);
    for (size_t i = 0; i < m->rows_count; i++)
        free(m->rows[i].bytes);
    free(m->rows);
    ll_view_unref(&m->view);
    free(m->name);
    free(m);
}

/* Its sessions still hold it: to the graves. The name may stay as a subscription. */
void memory_bury(memory_store *store, mailbox *m)
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

bool memory_has_children(memory_store *store, ll_span name)
{
    for (mailbox *m = store->mailboxes; m; m = m->next) {
        ll_span other = span_str(m->name);
        if (m->exists && other.size > name.size && other.data[name.size] == '/' &&
            span_equal(span_first(other, name.size), name))
            return true;
    }
    return false;
}

void memory_set_keywords(ll_view *view, const ll_span *keywords, size_t count, ll_flags *flags)
{
    for (size_t i = 0; i < count; i++) {
        unsigned number;
        if (!ll_view_keyword_add(view, keywords[i], &number))
            ll_flags_add(flags, LL_FLAG_KEYWORD + number);
    }
}

uint32_t memory_add_message(memory_store *store, mailbox *m, ll_span message, unsigned flags, const ll_span *keywords,
                            size_t keywords_count, int64_t internaldate)
{
    ll_flags all = {{flags}};
    uint32_t uid = ll_view_uidnext(m->view);
    ll_view *view = memory_edit(m);
    memory_set_keywords(view, keywords, keywords_count, &all);
    must(ll_view_add(view, uid, &all));
    memory_publish(store, m, view, uid + 1);
    m->rows = need(realloc(m->rows, (m->rows_count + 1) * sizeof *m->rows));
    m->rows[m->rows_count++] = (memory_message_row){.uid = uid,
                                                    .modseq = store->modseq,
                                                    .internaldate = internaldate,
                                                    .bytes = copy_string(message),
                                                    .size = message.size};
    return uid;
}

void memory_remove_messages(memory_store *store, mailbox *m, const ll_range *ranges, size_t count, bool only_deleted)
{
    ll_view *view = memory_edit(m);
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < m->rows_count; i++) {
            uint32_t uid = m->rows[i].uid;
            ll_flags flags;
            if (uid < ranges[r].first || uid > ranges[r].last || !ll_view_flags(m->view, uid, &flags))
                continue;
            if (!only_deleted || ll_flags_has(&flags, LL_FLAG_DELETED))
                must(ll_view_remove(view, (ll_range){uid, uid}));
        }
    memory_publish_changes(store, m, view);
}

/* --- for tests --- */

memory_store *memory_store_new(void)
{
    memory_store *store = need(calloc(1, sizeof *store));
    store->uidvalidity = 1000;
    store->quota_bytes = 10 << 20;
    store->quota_messages = 1000;
    memory_create_mailbox(store, SPAN("INBOX"), 0)->subscribed = true;
    memory_create_mailbox(store, SPAN("Sent"), LL_MAILBOX_SENT);
    memory_create_mailbox(store, SPAN("Drafts"), LL_MAILBOX_DRAFTS);
    memory_create_mailbox(store, SPAN("Trash"), LL_MAILBOX_TRASH);
    return store;
}

static void free_mailboxes(mailbox *m)
{
    while (m) {
        mailbox *next = m->next;
        memory_free_mailbox(m);
        m = next;
    }
}

void memory_store_del(memory_store **store)
{
    assert(!(*store)->logins && !(*store)->handles && !(*store)->jobs && !(*store)->lent);
    free_mailboxes((*store)->mailboxes);
    free_mailboxes((*store)->graves);
    memory_free_metadata(&(*store)->metadata);
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

void memory_content(memory_store *store, size_t most, size_t rows, bool lend)
{
    store->content_most = most;
    store->content_rows = rows;
    store->content_lend = lend;
}

size_t memory_reads(const memory_store *store)
{
    return store->reads;
}

size_t memory_lent(const memory_store *store)
{
    return store->lent;
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
    return m ? memory_add_message(store, m, message, flags, NULL, 0, 1700000000) : 0;
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
    ll_view *view = memory_edit(m);
    memory_set_keywords(view, keywords, keyword != NULL, &all);
    must(ll_view_flags_change(view, uids, op, &all));
    memory_publish_changes(store, m, view);
}

void memory_expunge(memory_store *store, const char *name, ll_range uids)
{
    mailbox *m = find(store, span_str(name));
    if (m)
        memory_remove_messages(store, m, &uids, 1, false);
}

bool memory_create(memory_store *store, const char *name, unsigned attributes)
{
    mailbox *m = find_any(store, span_str(name));
    if (m && m->exists)
        return false;
    memory_create_mailbox(store, span_str(name), attributes);
    return true;
}

bool memory_remove(memory_store *store, const char *name)
{
    mailbox *m = find_any(store, span_str(name));
    if (m && m->exists)
        memory_bury(store, m);
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
