/* upstream_append.c - APPEND and REPLACE by way of the upstream, and what becomes of a message that it refuses.
 * SPDX-License-Identifier: MIT */
#include "store/upstream.h"

#include "base/memory.h"
#include "keys/derive.h"
#include "store/mailbox_tree.h"

static void abort_uploads(flow *f)
{
    for (size_t i = 0; i < f->count; i++)
        connector_append_abort(f->connector, f->uploads[i]);
}

ll_status upstream_append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    if (!upstream_reserves(to))
        return connector_append_open(self, call, to, message);
    ll_call_text(call, SPAN(LL_RECOVERED_NAME " is kept for what could not be delivered"));
    return LL_EDENIED;
}

/* ----------------------------------------------------------------------------------------------- Recover */

/* A name for the bytes, so that what is tried again and again is kept once. Chained, as the keys room hashes what is in
 * memory. */
static ll_status content_name(spool *content, uint8_t out[32])
{
    enum { PIECE = 65536 };
    uint8_t *buffer = memory_new(NULL, 32 + PIECE);
    ll_status status = buffer ? LL_OK : LL_ENOMEM;
    uint64_t size = spool_size(content);
    for (uint64_t offset = 0; !status && (!offset || offset < size); offset += PIECE) {
        size_t got = 0;
        status = spool_read(content, offset, PIECE, buffer + 32, &got);
        if (!status)
            derive_sha256(span_of((const char *)buffer, 32 + got), buffer);
    }
    if (!status)
        memcpy(out, buffer, 32);
    if (buffer)
        memory_wipe(buffer, 32 + PIECE);
    memory_free(NULL, buffer);
    return status;
}

static ll_status recovered_mailbox(writer *w, mailbox_row *m)
{
    ll_status status = mailbox_find_selectable(w->db, SPAN(LL_RECOVERED_NAME), m);
    if (status != LL_ENOTFOUND)
        return status;
    status = tree_create(w, SPAN(LL_RECOVERED_NAME), 0);
    if (!status)
        status = tree_subscribe(w, SPAN(LL_RECOVERED_NAME), true);
    if (!status)
        status = mailbox_find(w->db, SPAN(LL_RECOVERED_NAME), m);
    return status ? status : remote_mailbox_put(w->db, m->id, SPAN(""), LL_HIDDEN_IF_EMPTY);
}

/* The refused one and those of the same command that the source was not asked about; those before it are at the source
 * and come from there. */
static ll_status write_recovered(flow *f, writer *w)
{
    mailbox_row m;
    ll_status status = recovered_mailbox(w, &m);
    for (size_t i = f->next; !status && i < f->count; i++) {
        uint8_t name[32];
        uint32_t uid = 0;
        ll_upstream_message message;
        ll_span to;
        connector_upload_message(f->uploads[i], &to, &message);
        status = content_name((spool *)message.content, name);
        if (!status)
            status = connector_upload_put(w, &m, f->uploads[i], span_of((const char *)name, sizeof name), &uid);
        status = status == LL_EEXISTS ? LL_OK : status;
    }
    return status || !w->job_modseq ? status : mailbox_save(w, &m);
}

static void recovered(flow *f)
{
    if (f->status)
        vault_log(f->connector->vault, "upstream-recover failed=%s", ll_status_name(f->status));
    else if (!f->text.size)
        text_add_str(&f->text, "refused; the message was kept in " LL_RECOVERED_NAME);
    abort_uploads(f);
    flow_over(f, (ll_status)f->unchanged_since);
}

/* With f->status; it is kept in f->unchanged_since, which this flow has no other use for. */
static void refused(flow *f)
{
    f->unchanged_since = (uint64_t)(int64_t)f->status;
    if (f->status != LL_ELIMIT && f->status != LL_ETRYCREATE) {
        flow_write(f, write_recovered, recovered);
        return;
    }
    abort_uploads(f);
    flow_end(f);
}

/* ------------------------------------------------------------------------------------------------ Append */

/* The mailboxes' ids, one for each upload. */
static ll_status look_targets(flow *f, db *d)
{
    f->new_ids = arena_array(&f->memory, f->count + 1, sizeof *f->new_ids);
    if (!f->new_ids)
        return arena_status(&f->memory);
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < f->count; i++) {
        mailbox_row m;
        ll_upstream_message message;
        ll_span to;
        connector_upload_message(f->uploads[i], &to, &message);
        status = mailbox_find_selectable(d, to, &m);
        if (!status)
            status = remote_mailbox_id(d, m.id, &f->memory, &f->new_ids[i]);
        else if (status == LL_ENOTFOUND)
            status = LL_ETRYCREATE;
    }
    return status;
}

static void create_next(flow *f);

static void created(flow *f)
{
    ll_span id;
    if (f->status) {
        refused(f);
        return;
    }
    f->status = flow_one_id(f, &id);
    if (!f->status)
        f->status = connector_upload_remote(f->uploads[f->next], id);
    if (f->status) {
        abort_uploads(f);
        flow_end(f);
        return;
    }
    f->next++;
    create_next(f);
}

static void create_next(flow *f)
{
    while (f->next < f->count && !f->new_ids[f->next].size)
        f->next++;
    if (f->next == f->count) {
        f->then(f);
        return;
    }
    ll_span to;
    ll_upstream_message *message = arena_new(&f->memory, sizeof *message);
    if (!message) {
        abort_uploads(f);
        flow_over(f, LL_ENOMEM);
        return;
    }
    connector_upload_message(f->uploads[f->next], &to, message);
    FLOW_ASK(f, created, message_create, f->new_ids[f->next], message);
}

static void targets_looked(flow *f)
{
    if (!f->status) {
        create_next(f);
        return;
    }
    abort_uploads(f);
    flow_end(f);
}

static void append_agreed(flow *f)
{
    flow_over(f, connector_append_commit(f->connector, f->call, f->uploads, f->count));
}

static void append_start(flow *f)
{
    flow_read(f, look_targets, targets_looked);
}

ll_status upstream_append_commit(void *self, ll_call *call, void *const *uploads, size_t count)
{
    flow *f = flow_new(self, call);
    if (!f) {
        for (size_t i = 0; i < count; i++)
            connector_append_abort(self, uploads[i]);
        return LL_ENOMEM;
    }
    f->uploads = uploads;
    f->count = count;
    f->then = append_agreed;
    return flow_start(f, append_start);
}

/* ----------------------------------------------------------------------------------------------- Replace */

static ll_status look_replace(flow *f, db *d)
{
    ll_range range = {f->uid, f->uid};
    ll_status status = remote_mailbox_id(d, f->mailbox, &f->memory, &f->from_id);
    if (!status)
        status = remote_rows_read(d, f->mailbox, &range, 1, 0, UINT64_MAX, &f->memory, &f->rows);
    if (!status && !f->rows.count)
        status = LL_ENOTFOUND;
    return status ? status : look_targets(f, d);
}

static void replace_agreed(flow *f)
{
    if (f->status) {
        abort_uploads(f);
        flow_end(f);
        return;
    }
    flow_over(f, connector_replace(f->connector, f->call, f->handle, f->uid, f->upload));
}

/* The new message is at the source: the old one goes. */
static void replace_created(flow *f)
{
    f->status = LL_OK;
    if (f->rows.rows[0].id.size && f->from_id.size)
        FLOW_ASK(f, replace_agreed, messages_remove, f->from_id, &f->rows.rows[0].id, 1);
    else
        replace_agreed(f);
}

static void replace_start(flow *f)
{
    flow_read(f, look_replace, targets_looked);
}

ll_status upstream_replace(void *self, ll_call *call, void *mailbox, uint32_t uid, void *upload)
{
    flow *f = ((handle *)mailbox)->readonly ? NULL : flow_new(self, call);
    if (!f) {
        connector_append_abort(self, upload);
        return ((handle *)mailbox)->readonly ? LL_EREADONLY : LL_ENOMEM;
    }
    f->handle = mailbox;
    f->mailbox = handle_mailbox(mailbox);
    f->uid = uid;
    f->upload = upload;
    f->uploads = &f->upload;
    f->count = 1;
    f->then = replace_created;
    return flow_start(f, replace_start);
}
