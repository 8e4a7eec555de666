/* connector_append.c - APPEND: bytes gather in a spool and are indexed as they come; then one job makes messages of
 * them. SPDX-License-Identifier: MIT */
#include "store/connector_op.h"

#include "base/arena.h"
#include "base/memory.h"
#include "mime/indexer.h"
#include "store/deliver.h"

/* Name, keywords: what the engine lets through in one command fits. */
#define UPLOAD_MEMORY_MAX ((size_t)2 << 20)

typedef struct upload {
    spool *content;
    mime_indexer *indexer;
    uint64_t size; /* announced, and reserved in the vault */
    int64_t internaldate;
    unsigned flags;
    ll_span to, *keywords;
    size_t keywords_count;
    arena memory;
} upload;

static void upload_del(vault *v, upload *u)
{
    if (!u)
        return;
    vault_room_give(v, u->size);
    spool_del(&u->content);
    mime_indexer_del(&u->indexer);
    arena_fini(&u->memory);
    memory_free(NULL, u);
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
    if (!u) {
        vault_room_give(v, message->size);
        return LL_ENOMEM;
    }
    u->size = message->size;
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

static ll_status opened_upload(op *o, ll_status status)
{
    if (status)
        upload_del(o->connector->vault, o->upload);
    else
        ll_call_upload(o->call, o->upload);
    return status;
}

ll_status connector_append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    vault *v = ((connector *)self)->vault;
    upload *u;
    ll_status status = vault_room_take(v, message->size);
    if (!status)
        status = upload_new(v, to, message, &u);
    if (status)
        return status;
    op *o = op_new(self, call);
    if (!o) {
        upload_del(v, u);
        return LL_ENOMEM;
    }
    o->read = look_for_mailbox;
    o->finish = opened_upload;
    o->to = to;
    o->upload = u;
    return op_start(o);
}

ll_status connector_append_data(void *self, void *opened_one, ll_span bytes)
{
    upload *u = opened_one;
    (void)self;
    if (bytes.size > u->size - spool_size(u->content))
        return LL_EINVAL;
    ll_status status = spool_write(u->content, bytes);
    if (!status)
        mime_indexer_push(u->indexer, bytes);
    return status;
}

void connector_append_abort(void *self, void *opened_one)
{
    upload_del(((connector *)self)->vault, opened_one);
}

/* ------------------------------------------------------------------------------------------------ Commit */

static ll_status put(op *o, writer *w, upload *u, ll_span facts)
{
    mailbox_row m;
    ll_flags flags;
    uint32_t uid = 0;
    int64_t date = u->internaldate == INT64_MIN ? vault_now(w->vault) : u->internaldate;
    ll_status status = mailbox_find_selectable(w->db, u->to, &m);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    status = mailbox_flags(w, &m, u->flags, u->keywords, u->keywords_count, true, &flags);
    if (!status)
        status = deliver_put(w, &m, u->content, facts, date, &flags, true, &uid);
    if (!status)
        status = mailbox_save(w, &m);
    return status ? status : ll_call_placed(o->call, m.uidvalidity, 0, uid);
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
        upload_del(o->connector->vault, o->uploads[i]);
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
