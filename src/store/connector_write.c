/* connector_write.c - the connector's questions that write, each one job: one IMAP change, one transaction (invariant
 * 6). SPDX-License-Identifier: MIT */
#include "store/connector_op.h"
#include "store/mailbox_tree.h"

/* -------------------------------------------------------------------------------------------------- Names */

static ll_status create(op *o, writer *w)
{
    mailbox_row m;
    ll_status status = tree_create(w, o->name, o->flags);
    if (!status)
        status = mailbox_find(w->db, o->name, &m);
    return status ? status : connector_mailbox_id(o, m.id, m.uidvalidity);
}

static ll_status delete_one(op *o, writer *w)
{
    return tree_remove(w, o->name);
}

static ll_status rename_one(op *o, writer *w)
{
    return tree_rename(w, o->name, o->to);
}

static ll_status subscribe(op *o, writer *w)
{
    return tree_subscribe(w, o->name, o->flag);
}

/* The way out, for the client's NO. */
static ll_status explain(op *o, ll_status status)
{
    if (status == LL_EDENIED)
        ll_call_text(o->call, span_equal(o->name, SPAN("INBOX")) ? SPAN("INBOX cannot be deleted")
                                                                 : SPAN("delete the mailboxes below it first"));
    if (status == LL_EINVAL)
        ll_call_text(o->call, SPAN("a mailbox cannot be moved below itself"));
    if (status == LL_ELIMIT)
        ll_call_text(o->call, SPAN("too many mailboxes, or a name that is too long"));
    return status;
}

static ll_status start_named(void *self, ll_call *call, ll_status (*write)(op *o, writer *w), ll_span name, ll_span to,
                             unsigned attributes, bool on)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->write = write;
    o->finish = explain;
    o->name = name;
    o->to = to;
    o->flags = attributes;
    o->flag = on;
    return op_start(o);
}

ll_status connector_create(void *self, ll_call *call, ll_span name, unsigned attributes)
{
    return start_named(self, call, create, name, SPAN(""), attributes, false);
}

ll_status connector_remove(void *self, ll_call *call, ll_span name)
{
    return start_named(self, call, delete_one, name, SPAN(""), 0, false);
}

ll_status connector_rename(void *self, ll_call *call, ll_span from, ll_span to)
{
    return start_named(self, call, rename_one, from, to, 0, false);
}

ll_status connector_subscribe(void *self, ll_call *call, ll_span name, bool on)
{
    return start_named(self, call, subscribe, name, SPAN(""), 0, on);
}

/* ----------------------------------------------------------------------------------------------- Messages */

/* The handle's mailbox. It may have been deleted since. */
static ll_status load(op *o, writer *w, mailbox_row *m)
{
    ll_status status = mailbox_load(w->db, o->mailbox, m);
    return !status && m->noselect ? LL_ENOTFOUND : status;
}

/* If nothing was changed nothing is written, and no mod-sequence taken. */
static ll_status save(writer *w, mailbox_row *m)
{
    return w->job_modseq ? mailbox_save(w, m) : LL_OK;
}

static ll_status store(op *o, writer *w)
{
    mailbox_row m;
    ll_flags flags;
    ll_status status = load(o, w, &m);
    if (!status)
        status = mailbox_flags(w, &m, o->flags, o->keywords, o->keywords_count, o->flags_op != LL_FLAGS_REMOVE, &flags);
    if (!status)
        status = entry_store(w, &m, o->ranges, o->count, o->flags_op, &flags, o->modseq, ll_call_refused, o->call);
    return status ? status : save(w, &m);
}

ll_status connector_store(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                          ll_flags_op op_kind, unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    return connector_store_if(self, call, mailbox, ranges, count, op_kind, flags, keywords, keywords_count, UINT64_MAX);
}

ll_status connector_store_if(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                             ll_flags_op op_kind, unsigned flags, const ll_span *keywords, size_t keywords_count,
                             uint64_t unchanged_since)
{
    if (((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->write = store;
    o->mailbox = handle_mailbox(mailbox);
    o->ranges = ranges;
    o->count = count;
    o->flags_op = op_kind;
    o->modseq = unchanged_since;
    o->flags = flags;
    o->keywords = keywords;
    o->keywords_count = keywords_count;
    o->job.writer.queue.lazy = true;
    o->goes_on = count && connector_ahead_behind(o->connector, ranges[count - 1].last); /* \Seen during a FETCH */
    return op_start(o);
}

static ll_status expunge(op *o, writer *w)
{
    mailbox_row m;
    ll_status status = load(o, w, &m);
    if (!status)
        status = entry_expunge(w, &m, o->ranges, o->count, true);
    return status ? status : save(w, &m);
}

ll_status connector_expunge(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count)
{
    if (((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->write = expunge;
    o->mailbox = handle_mailbox(mailbox);
    o->ranges = ranges;
    o->count = count;
    return op_start(o);
}

/* -------------------------------------------------------------------------------------------------- Copy */

typedef struct placing {
    ll_call *call;
    uint32_t uidvalidity;
} placing;

static ll_status placed(void *ctx, uint32_t source, uint32_t uid)
{
    const placing *p = ctx;
    return ll_call_placed(p->call, p->uidvalidity, source, uid);
}

static bool too_many(const writer *w, const mailbox_row *to)
{
    return w->messages + (to->messages - to->messages_loaded) > vault_messages_max(w->vault);
}

/* The sources of a MOVE; `last` is the highest UID before it, so that what was moved within one mailbox stays. */
static ll_status remove_moved(op *o, writer *w, mailbox_row *from, uint32_t last)
{
    size_t whole = 0;
    while (whole < o->count && o->ranges[whole].last <= last)
        whole++;
    ll_status status = entry_expunge(w, from, o->ranges, whole, false);
    if (status || whole == o->count || o->ranges[whole].first > last)
        return status;
    ll_range cut = {o->ranges[whole].first, last};
    return entry_expunge(w, from, &cut, 1, false);
}

/* RFC 6851: copied and removed in one change. What another session has expunged meanwhile can still be copied, but not
 * moved. */
static ll_status copy(op *o, writer *w)
{
    mailbox_row from, other, *to = &from;
    ll_status status = load(o, w, &from);
    if (status)
        return status;
    status = mailbox_find_selectable(w->db, o->to, &other);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    if (other.id != from.id)
        to = &other;
    uint32_t last = from.uidnext - 1;
    placing p = {o->call, to->uidvalidity};
    status = entry_copy(w, &from, to, o->ranges, o->count, !o->flag, placed, &p);
    if (!status && !o->flag && too_many(w, to))
        status = LL_EQUOTA;
    w->job_quota = !o->flag; /* a MOVE adds nothing */
    if (!status && o->flag)
        status = remove_moved(o, w, &from, last);
    if (!status)
        status = save(w, to);
    return status || !o->flag || to == &from ? status : save(w, &from);
}

ll_status connector_copy(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                         bool move)
{
    if (move && ((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->write = copy;
    o->mailbox = handle_mailbox(mailbox);
    o->ranges = ranges;
    o->count = count;
    o->to = to;
    o->flag = move;
    return op_start(o);
}
