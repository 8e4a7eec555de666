/* memory_store.c - the account behind memory_connector.h as tests make it, look at it and change it.
 * SPDX-License-Identifier: MIT */
#include "memory_store.h"

#include <assert.h>

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
    assert(!(*store)->logins && !(*store)->handles && !(*store)->jobs && !(*store)->lent);
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
    return memory_complete_at(store, 0);
}

bool memory_complete_at(memory_store *store, size_t before)
{
    job **at = &store->jobs;
    while (*at && before--)
        at = &(*at)->next;
    job *j = *at;
    if (!j)
        return false;
    *at = j->next;
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
