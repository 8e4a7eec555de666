/* connector_read.c - the connector's questions that only read.
 * SPDX-License-Identifier: MIT */
#include "store/connector_op.h"
#include "store/mailbox_view.h"
#include "store/remote.h"

#include <stdio.h>

/* --------------------------------------------------------------------------------------------------- List */

static ll_status list_row(ll_call *call, db_stmt *q)
{
    unsigned attributes = (unsigned)db_column_int(q, 1) & LL_MAILBOX_SPECIAL;
    if (db_column_int(q, 2))
        attributes |= LL_MAILBOX_SUBSCRIBED;
    if (db_column_int(q, 3))
        attributes |= LL_MAILBOX_NOSELECT;
    if (db_column_int(q, 4))
        attributes |= LL_MAILBOX_NONEXISTENT;
    ll_mailbox_info info = {db_column_text(q, 0), attributes};
    return ll_call_mailbox(call, &info);
}

static ll_status list(op *o, db *d)
{
    db_stmt *q = db_prepare(d, "SELECT name, attributes, subscribed, noselect, 0 FROM mailbox WHERE " REMOTE_LISTED
                               " UNION ALL SELECT name, 0, 1, 0, 1 FROM subscription "
                               "WHERE name NOT IN (SELECT name FROM mailbox) ORDER BY name");
    /* INBOX is where people look first. */
    db_stmt *inbox =
        db_prepare(d, "SELECT name, attributes, subscribed, noselect, 0 FROM mailbox WHERE name = 'INBOX'");
    ll_status status = db_first(inbox);
    if (!status) {
        status = list_row(o->call, inbox);
        db_reset(inbox);
    } else if (status == LL_ENOTFOUND) {
        status = LL_OK;
    }
    if (status)
        return status;
    while ((status = db_step(q)) == LL_MORE) {
        if (span_equal(db_column_text(q, 0), SPAN("INBOX")))
            continue;
        status = list_row(o->call, q);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

ll_status connector_list(void *self, ll_call *call)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = list;
    return op_start(o);
}

/* ------------------------------------------------------------------------------------------------- Status */

ll_span connector_object_id(char buffer[CONNECTOR_ID_MAX], int64_t id, uint32_t uidvalidity)
{
    int size = snprintf(buffer, CONNECTOR_ID_MAX, "F%llx-%x", (unsigned long long)id, uidvalidity);
    return span_of(buffer, (size_t)size);
}

ll_status connector_mailbox_id(op *o, int64_t id, uint32_t uidvalidity)
{
    char buffer[CONNECTOR_ID_MAX];
    return ll_call_mailbox_id(o->call, connector_object_id(buffer, id, uidvalidity));
}

static ll_status count_recent(op *o, db *d, const mailbox_row *m, int64_t *count)
{
    uint32_t from = m->recent_uid;
    opened_recent(o->connector->vault, m->id, &from); /* claims that are not written yet */
    *count = 0;
    if (from >= m->uidnext)
        return LL_OK;
    db_stmt *q = db_prepare(d, "SELECT count(*) FROM entry WHERE mailbox = ?1 AND uid >= ?2");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, from);
    return db_take_int(q, count);
}

static ll_status numbers(op *o, db *d)
{
    mailbox_row m;
    int64_t recent = 0;
    ll_status status = mailbox_find_selectable(d, o->name, &m);
    if (!status)
        status = count_recent(o, d, &m, &recent);
    if (status)
        return status;
    ll_mailbox_status answer = {.messages = (uint32_t)m.messages,
                                .recent = (uint32_t)recent,
                                .unseen = (uint32_t)m.unseen,
                                .deleted = (uint32_t)m.deleted,
                                .uidnext = m.uidnext,
                                .uidvalidity = m.uidvalidity,
                                .highest_modseq = m.modseq,
                                .bytes = m.bytes,
                                .deleted_bytes = m.deleted_bytes};
    ll_call_status(o->call, &answer);
    return connector_mailbox_id(o, m.id, m.uidvalidity);
}

ll_status connector_status(void *self, ll_call *call, ll_span name)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = numbers;
    o->name = name;
    return op_start(o);
}

/* --------------------------------------------------------------------------------------------------- Open */

/* The order matters: opened.h says why. */
static ll_status scan(vault *v, db *d, opened *to, int64_t id)
{
    ll_view *view = NULL;
    uint32_t recent_uid = 0;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    bool save = false;
    status = mailbox_view_open(d, id, &view, &recent_uid, &save);
    db_rollback(d);
    if (!status)
        status = opened_load(v, to, view, recent_uid);
    if (!status && save)
        mailbox_view_save(v, id);
    return status;
}

static ll_status open_one(op *o, db *d)
{
    vault *v = o->connector->vault;
    mailbox_row m;
    opened *to = NULL;
    handle *h = NULL;
    ll_view *view = NULL;
    bool ready = false;
    ll_status status = mailbox_find_selectable(d, o->name, &m);
    if (!status)
        status = connector_mailbox_id(o, m.id, m.uidvalidity);
    if (!status)
        status = opened_take(v, m.id, &to, &ready);
    if (!status && !ready)
        status = scan(v, d, to, m.id);
    if (!status)
        status = opened_join(v, to, o->connector->listener, o->flag, &h, &view);
    if (!status)
        ll_call_opened(o->call, h, view, o->flag);
    opened_give(v, &to);
    return status;
}

ll_status connector_open(void *self, ll_call *call, ll_span name, bool readonly)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read_alone = open_one;
    o->name = name;
    o->flag = readonly;
    return op_start(o);
}

/* ------------------------------------------------------------------------------------------------ Changes */

/* Both tables are complete: what vanished is forgotten only with its mailbox. */
static ll_status changes(op *o, db *d)
{
    return entry_changes(d, o->mailbox, o->modseq, ll_call_changed, ll_call_vanished, o->call);
}

ll_status connector_changes(void *self, ll_call *call, void *mailbox, uint64_t since)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = changes;
    o->mailbox = handle_mailbox(mailbox);
    o->modseq = since;
    return op_start(o);
}
