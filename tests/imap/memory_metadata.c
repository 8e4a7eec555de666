/* memory_metadata.c - quota and metadata of memory_connector.h.
 * SPDX-License-Identifier: MIT */
#include "memory_store.h"

ll_status memory_do_quota(const job *j)
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

ll_status memory_do_metadata(const job *j)
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

ll_status memory_do_metadata_set(const job *j)
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
