/* connector_append.c - APPEND: bytes gather in a spool and are indexed as they come; then one job makes messages of
 * them. SPDX-License-Identifier: MIT */
#include "store/connector_op.h"

#include "base/arena.h"
#include "base/memory.h"
#include "mime/indexer.h"
#include "store/deliver.h"
#include "store/remote.h"

/* Name, keywords: what the engine lets through in one command fits. */
#define UPLOAD_MEMORY_MAX ((size_t)2 << 20)

typedef struct upload {
    spool *content;
    mime_indexer *indexer;
    uint64_t size;  /* announced, */
    uint64_t taken; /* and that much of it taken from the ledger */
    bool replaces;  /* see ll_append */
    bool grows;     /* instead it is taken as the bytes come */
    bool placed;    /* in a job: what was taken is the message's, if the job succeeds */
    int64_t internaldate;
    unsigned flags;
    ll_span to, *keywords;
    size_t keywords_count;
    ll_span remote; /* its id at the upstream; empty: none */
    arena memory;
} upload;

/* With the status of the job, if there was one. */
static void upload_end(vault *v, upload *u, ll_status status)
{
    if (!u)
        return;
    uint64_t kept = !status && u->placed ? spool_size(u->content) : 0;
    if (u->taken > kept)
        ledger_give(v->ledger, v->alias, u->taken - kept);
    spool_del(&u->content);
    mime_indexer_del(&u->indexer);
    arena_fini(&u->memory);
    memory_free(NULL, u);
}

static void upload_del(vault *v, upload *u)
{
    upload_end(v, u, LL_ECLOSED);
}

static ll_status copy_arguments(upload *u, ll_span to, const ll_append *message)
{
    u->to = arena_copy(&u->memory, to);
    u->keywords = arena_array(&u->memory, message->keywords_count + 1, sizeof *u->keywords);
    if (!u->to.data || !u->keywords)
        return arena_status(&u->memory);
    for (size_t i = 0; i < message->keywords_count; i++) {
        u->keywords[i] = arena_copy(&u->memory, message->keywords[i]);
        if (!u->keywords[i].data)
            return arena_status(&u->memory);
    }
    u->keywords_count = message->keywords_count;
    return LL_OK;
}

/* The room is already taken and goes over to the upload; on failure it is given back. */
static ll_status upload_new(vault *v, ll_span to, const ll_append *message, upload **out)
{
    upload *u = *out = memory_new(NULL, sizeof *u);
    uint64_t taken = message->replaces ? 0 : message->size;
    if (!u) {
        ledger_give(v->ledger, v->alias, taken);
        return LL_ENOMEM;
    }
    u->size = message->size;
    u->taken = taken;
    u->grows = message->grows;
    u->replaces = message->replaces;
    u->internaldate = message->internaldate;
    u->flags = message->flags;
    arena_init(&u->memory, NULL, UPLOAD_MEMORY_MAX);
    ll_status status = copy_arguments(u, to, message);
    if (!status)
        status = spool_new(&u->content, v->config.spool_folder, v->config.spool_pool);
    if (!status)
        status = mime_indexer_new(&u->indexer, NULL);
    if (status) {
        upload_del(v, u);
        *out = NULL;
    }
    return status;
}

static ll_status look_for_mailbox(op *o, db *d)
{
    mailbox_row m;
    ll_status status = mailbox_find_selectable(d, o->to, &m);
    return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
}

static void remember_mailbox(connector *c, ll_span to, unsigned checked)
{
    text_clear(&c->append_to);
    text_add(&c->append_to, to);
    if (text_status(&c->append_to))
        text_fini(&c->append_to);
    c->append_to_checked = checked;
}

static ll_status opened_upload(op *o, ll_status status)
{
    if (status)
        upload_del(o->connector->vault, o->upload);
    else {
        remember_mailbox(o->connector, o->to, o->names_gone);
        ll_call_upload(o->call, o->upload);
    }
    return status;
}

ll_status connector_append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    connector *c = self;
    vault *v = c->vault;
    upload *u;
    unsigned names_gone = atomic_load_explicit(&v->names_gone, memory_order_acquire);
    ll_status status = vault_room_take(v, 0, message->size, message->replaces);
    if (!status)
        status = upload_new(v, to, message, &u);
    if (status)
        return status;
    if (c->append_to_checked == names_gone && span_equal(text_span(&c->append_to), to)) { /* it is there still */
        ll_call_upload(call, u);
        return LL_OK;
    }
    op *o = op_new(self, call);
    if (!o) {
        upload_del(v, u);
        return LL_ENOMEM;
    }
    o->read = look_for_mailbox;
    o->finish = opened_upload;
    o->to = to;
    o->names_gone = names_gone;
    o->upload = u;
    return op_start(o);
}

static ll_status grow(vault *v, upload *u, uint64_t size)
{
    ll_status status = vault_room_take(v, u->size, size, u->replaces);
    if (!status) {
        u->size += size;
        u->taken += u->replaces ? 0 : size;
    }
    return status;
}

ll_status connector_append_data(void *self, void *opened_one, ll_span bytes)
{
    upload *u = opened_one;
    ll_status status = u->grows ? grow(((connector *)self)->vault, u, bytes.size) : LL_OK;
    if (status)
        return status;
    if (bytes.size > u->size - spool_size(u->content))
        return LL_EINVAL;
    status = spool_write(u->content, bytes);
    if (!status)
        mime_indexer_push(u->indexer, bytes);
    return status;
}

void connector_append_abort(void *self, void *opened_one)
{
    upload_del(((connector *)self)->vault, opened_one);
}

/* ------------------------------------------------------------------------------------------------ Commit */

/* A message of mailbox m, unless the upstream has pushed it meanwhile. */
static ll_status put_into(writer *w, mailbox_row *m, upload *u, ll_span facts, ll_span id, bool prepaid, uint32_t *uid)
{
    ll_flags flags;
    int64_t date = u->internaldate == INT64_MIN ? vault_now(w->vault) : u->internaldate;
    if (id.size && !remote_message_find(w->db, id, m->id, uid))
        return LL_EEXISTS;
    ll_status status = mailbox_flags(w, m, u->flags, u->keywords, u->keywords_count, true, &flags);
    if (!status)
        status = deliver_put(w, m, u->content, facts, date, &flags, true, uid);
    if (!status && prepaid && u->taken) {
        w->job_prepaid += spool_size(u->content);
        u->placed = true;
    }
    return status || !id.size ? status : remote_message_put(w->db, id, m->id, *uid);
}

static ll_status put(op *o, writer *w, upload *u, ll_span facts)
{
    mailbox_row m;
    uint32_t uid = 0;
    ll_status status = mailbox_find_selectable(w->db, u->to, &m);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    status = put_into(w, &m, u, facts, u->remote, true, &uid);
    if (!status)
        status = mailbox_save(w, &m);
    return status && status != LL_EEXISTS ? status : ll_call_placed(o->call, m.uidvalidity, 0, uid);
}

static ll_status commit_one(op *o, writer *w, upload *u)
{
    text facts;
    text_init(&facts, NULL, mime_saved_max);
    ll_status status = mime_indexer_finish(u->indexer, &facts);
    if (!status)
        status = put(o, w, u, text_span(&facts));
    text_wipe(&facts);
    return status;
}

static ll_status commit_all(op *o, writer *w)
{
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < o->count; i++)
        status = commit_one(o, w, o->uploads[i]);
    return status;
}

static ll_status committed(op *o, ll_status status)
{
    for (size_t i = 0; i < o->count; i++)
        upload_end(o->connector->vault, o->uploads[i], status);
    return status;
}

ll_status connector_append_commit(void *self, ll_call *call, void *const *uploads, size_t count)
{
    op *o = op_new(self, call);
    if (!o) {
        for (size_t i = 0; i < count; i++)
            upload_del(((connector *)self)->vault, uploads[i]);
        return LL_ENOMEM;
    }
    o->write = commit_all;
    o->finish = committed;
    o->uploads = uploads;
    o->count = count;
    for (size_t i = 0; i < count; i++)
        o->job.writer.queue.weight += spool_size(((const upload *)uploads[i])->content);
    return op_start(o);
}

/* ----------------------------------------------------------------------------------------------- Replace */

/* The message goes before the other comes, so that the quota sees only what is more (RFC 8508 section 3.4). */
static ll_status exchange(op *o, writer *w, upload *u, ll_span facts)
{
    mailbox_row from, other, *to = &from;
    uint32_t uid = 0;
    ll_range range = {o->uid, o->uid};
    ll_status status = mailbox_load(w->db, o->mailbox, &from);
    if (!status)
        status = entry_is_there(w->db, from.id, o->uid);
    if (status)
        return status;
    status = mailbox_find_selectable(w->db, u->to, &other);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    status = entry_expunge(w, &from, &range, 1, false);
    if (!status && other.id != from.id) {
        to = &other;
        status = mailbox_save(w, &from);
    }
    if (!status)
        status = put_into(w, to, u, facts, u->remote, false, &uid);
    if (!status || status == LL_EEXISTS)
        status = mailbox_save(w, to);
    return status ? status : ll_call_placed(o->call, to->uidvalidity, 0, uid);
}

static ll_status replace(op *o, writer *w)
{
    upload *u = o->upload;
    text facts;
    text_init(&facts, NULL, mime_saved_max);
    ll_status status = mime_indexer_finish(u->indexer, &facts);
    if (!status)
        status = exchange(o, w, u, text_span(&facts));
    text_wipe(&facts);
    return status;
}

static ll_status replaced(op *o, ll_status status)
{
    upload_del(o->connector->vault, o->upload);
    return status;
}

ll_status connector_replace(void *self, ll_call *call, void *mailbox, uint32_t uid, void *opened_one)
{
    op *o = ((handle *)mailbox)->readonly ? NULL : op_new(self, call);
    if (!o) {
        upload_del(((connector *)self)->vault, opened_one);
        return ((handle *)mailbox)->readonly ? LL_EREADONLY : LL_ENOMEM;
    }
    o->write = replace;
    o->finish = replaced;
    o->mailbox = handle_mailbox(mailbox);
    o->uid = uid;
    o->upload = opened_one;
    o->job.writer.queue.weight = spool_size(((const upload *)opened_one)->content);
    return op_start(o);
}

/* ---------------------------------------------------------------------------------------------- Upstream */

void connector_upload_message(void *opened_one, ll_span *to, ll_upstream_message *message)
{
    const upload *u = opened_one;
    *to = u->to;
    *message = (ll_upstream_message){.size = spool_size(u->content),
                                     .internaldate = u->internaldate,
                                     .flags = u->flags,
                                     .keywords = u->keywords,
                                     .keywords_count = u->keywords_count,
                                     .content = (ll_upload *)u->content};
}

ll_status connector_upload_remote(void *opened_one, ll_span id)
{
    upload *u = opened_one;
    u->remote = arena_copy(&u->memory, id);
    return u->remote.data ? LL_OK : arena_status(&u->memory);
}

ll_status connector_upload_put(writer *w, mailbox_row *m, void *opened_one, ll_span id, uint32_t *uid)
{
    upload *u = opened_one;
    text facts;
    text_init(&facts, NULL, mime_saved_max);
    ll_status status = mime_indexer_finish(u->indexer, &facts);
    if (!status)
        status = put_into(w, m, u, text_span(&facts), id, false, uid);
    w->job_quota = false; /* its room is taken, and given back with the upload, after this */
    text_wipe(&facts);
    return status;
}
