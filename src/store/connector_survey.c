/* connector_survey.c - the whole account at one moment, from the counters of its mailboxes.
 * SPDX-License-Identifier: MIT */
#include "store/connector_op.h"
#include "store/metadata.h"
#include "store/remote.h"

static ll_status give_entry(void *ctx, const ll_metadata *metadata, uint64_t version)
{
    return ll_call_survey_entry(ctx, metadata->entry, version);
}

static ll_status survey_mailbox(op *o, db *d, db_stmt *q)
{
    char id[CONNECTOR_ID_MAX];
    mailbox_row m = {.id = db_column_int(q, 1), .attributes = (unsigned)db_column_int(q, 2) & LL_MAILBOX_SPECIAL};
    ll_survey one = {.mailbox = {db_column_text(q, 0), m.attributes},
                     .numbers = {.messages = (uint32_t)db_column_int(q, 7),
                                 .unseen = (uint32_t)db_column_int(q, 8),
                                 .deleted = (uint32_t)db_column_int(q, 9),
                                 .uidnext = (uint32_t)db_column_int(q, 5),
                                 .uidvalidity = (uint32_t)db_column_int(q, 4),
                                 .highest_modseq = (uint64_t)db_column_int(q, 6),
                                 .bytes = (uint64_t)db_column_int(q, 10)}};
    if (db_column_int(q, 3))
        one.mailbox.attributes |= LL_MAILBOX_SUBSCRIBED;
    if (db_column_int(q, 11))
        one.mailbox.attributes |= LL_MAILBOX_NOSELECT;
    one.id = connector_object_id(id, m.id, one.numbers.uidvalidity);
    ll_status status = ll_call_survey(o->call, &one);
    return status || !o->flag ? status : metadata_read(d, &m, give_entry, o->call);
}

static ll_status survey_mailboxes(op *o, db *d)
{
    db_stmt *q =
        db_prepare(d, "SELECT name, id, attributes, subscribed, uidvalidity, uidnext, modseq, messages, unseen, "
                      "deleted, bytes, noselect FROM mailbox WHERE " REMOTE_LISTED);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = survey_mailbox(o, d, q);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status survey_names(op *o, db *d)
{
    db_stmt *q = db_prepare(d, "SELECT name FROM subscription WHERE name NOT IN (SELECT name FROM mailbox)");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        ll_survey one = {.mailbox = {db_column_text(q, 0), LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_NONEXISTENT},
                         .id = span_of("", 0)};
        status = ll_call_survey(o->call, &one);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status survey(op *o, db *d)
{
    ll_survey account = {.mailbox = {span_of("", 0), 0}, .id = span_of("", 0)};
    ll_status status = o->flag ? ll_call_survey(o->call, &account) : LL_OK;
    if (!status && o->flag)
        status = metadata_read(d, NULL, give_entry, o->call);
    if (!status)
        status = survey_mailboxes(o, d);
    return status ? status : survey_names(o, d);
}

ll_status connector_survey(void *self, ll_call *call, bool metadata)
{
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = survey;
    o->flag = metadata;
    return op_start(o);
}
