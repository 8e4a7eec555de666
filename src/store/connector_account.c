/* connector_account.c - the connector's questions about the account as a whole, and the metadata of mailboxes.
 * SPDX-License-Identifier: MIT */
#include "store/connector_op.h"
#include "store/metadata.h"

/* -------------------------------------------------------------------------------------------------- Quota */

/* At once. Of several quotas that count for the account, alone or with others (its own, its domain's, its owner's), the
 * one with the least room: that is the one it will meet. It counts what waits and what is on its way as well. What is
 * used may be above a quota that was lowered. */
ll_status connector_quota(void *self, ll_call *call)
{
    vault *v = ((connector *)self)->vault;
    vault_numbers n = vault_count(v);
    ledger_numbers bytes = ledger_of(v->ledger, v->alias);
    ll_quota storage = {SPAN("STORAGE"), bytes.used / 1024 + (bytes.used % 1024 != 0), bytes.limit / 1024};
    ll_quota messages = {SPAN("MESSAGE"), n.messages, n.messages_max};
    ll_status status = bytes.limit ? ll_call_quota(call, &storage) : LL_OK;
    return status ? status : ll_call_quota(call, &messages);
}

/* ----------------------------------------------------------------------------------------------- Metadata */

static ll_status give_metadata(void *ctx, const ll_metadata *one, uint64_t version)
{
    (void)version;
    return ll_call_metadata(ctx, one);
}

static ll_status read_metadata(op *o, db *d)
{
    mailbox_row m;
    if (!o->name.size)
        return metadata_read(d, NULL, give_metadata, o->call);
    ll_status status = mailbox_find(d, o->name, &m);
    return status ? status : metadata_read(d, &m, give_metadata, o->call);
}

ll_status connector_metadata(void *self, ll_call *call, ll_span mailbox)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = read_metadata;
    o->name = mailbox;
    return op_start(o);
}

static ll_status write_metadata(op *o, writer *w)
{
    mailbox_row m;
    if (!o->name.size)
        return metadata_set(w, NULL, o->metadata, o->count);
    ll_status status = mailbox_find(w->db, o->name, &m);
    return status ? status : metadata_set(w, &m, o->metadata, o->count);
}

static ll_status explain(op *o, ll_status status)
{
    if (status == LL_EDENIED)
        ll_call_text(o->call, SPAN("this mailbox cannot have that special use"));
    return status;
}

ll_status connector_metadata_set(void *self, ll_call *call, ll_span mailbox, const ll_metadata *entries, size_t count)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->write = write_metadata;
    o->finish = explain;
    o->name = mailbox;
    o->metadata = entries;
    o->count = count;
    return op_start(o);
}
