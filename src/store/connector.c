/* connector.c - see connector.h. Here: its life, and the way of a question through the jobs.
 * SPDX-License-Identifier: MIT */
#include "store/connector.h"

#include "base/memory.h"
#include "store/connector_op.h"
#include "store/mailbox_tree.h"

void connector_unref(connector *c)
{
    if (--c->refs)
        return;
    listener_unref(&c->listener);
    connector_ahead_free(c);
    text_fini(&c->append_to);
    vault_unref(c->vault);
    memory_free(NULL, c);
}

/* ------------------------------------------------------------------------------------------- A question */

op *op_new(void *self, ll_call *call)
{
    op *o = memory_new(NULL, sizeof *o);
    if (!o)
        return NULL;
    o->connector = self;
    o->connector->refs++;
    o->call = call;
    return o;
}

static void op_del(op *o)
{
    connector_unref(o->connector);
    memory_free(NULL, o);
}

/* On executor->done's thread: so either the method is still on the stack below us, or it has returned LL_LATER. */
static void op_finish(op *o, ll_status status)
{
    if (o->finish)
        status = o->finish(o, status);
    if (o->inside) {
        o->finished = true;
        o->status = status;
        return;
    }
    ll_call *call = o->call;
    op_del(o);
    ll_call_done(call, status);
}

static ll_status run_reader(reader_job *job, db *d)
{
    op *o = (op *)job;
    if (o->read_alone)
        return o->read_alone(o, d);
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = o->read(o, d);
    db_rollback(d);
    return status;
}

static void done_reader(reader_job *job, ll_status status)
{
    op_finish((op *)job, status);
}

static ll_status run_writer(vault_job *job, writer *w)
{
    op *o = (op *)job;
    return o->write(o, w);
}

static void done_writer(vault_job *job, ll_status status)
{
    op_finish((op *)job, status);
}

ll_status op_start(op *o)
{
    vault *v = o->connector->vault;
    if (!o->goes_on)
        connector_ahead_drop(o->connector);
    o->inside = true;
    if (o->write) {
        o->job.writer.run = run_writer;
        o->job.writer.done = done_writer;
        vault_add(v, &o->job.writer);
    } else {
        o->job.reader.run = run_reader;
        o->job.reader.done = done_reader;
        reader_add(v, &o->job.reader);
    }
    o->inside = false;
    if (!o->finished)
        return LL_LATER;
    ll_status status = o->status;
    op_del(o);
    return status;
}

/* ------------------------------------------------------------------------------------- What needs no job */

static void end(void *self)
{
    connector *c = self;
    listener_mute(c->listener);
    watcher_set(c->vault, &c->watcher, false);
    connector_ahead_end(c);
    connector_unref(c);
}

static void close_mailbox(void *self, void *mailbox)
{
    handle *h = mailbox;
    connector_ahead_drop(self);
    handle_close(((connector *)self)->vault, &h);
}

static ll_view *latest(void *self, void *mailbox, uint32_t *recent_first)
{
    return handle_latest(((connector *)self)->vault, mailbox, recent_first);
}

static void watch(void *self, bool on)
{
    connector *c = self;
    watcher_set(c->vault, &c->watcher, on);
}

static void told(void *self, void *mailbox, uint64_t modseq)
{
    handle_told(((connector *)self)->vault, mailbox, modseq);
}

void connector_mute(void *self)
{
    listener_mute(((connector *)self)->listener);
}

static const ll_connector vault_methods = {
    .size = sizeof(ll_connector),
    .end = end,
    .list = connector_list,
    .create = connector_create,
    .remove = connector_remove,
    .rename = connector_rename,
    .subscribe = connector_subscribe,
    .status = connector_status,
    .open = connector_open,
    .close = close_mailbox,
    .latest = latest,
    .told = told,
    .fetch = connector_fetch,
    .read = connector_read,
    .store = connector_store,
    .expunge = connector_expunge,
    .copy = connector_copy,
    .append_open = connector_append_open,
    .append_data = connector_append_data,
    .append_commit = connector_append_commit,
    .append_abort = connector_append_abort,
    .quota = connector_quota,
    .metadata = connector_metadata,
    .metadata_set = connector_metadata_set,
    .replace = connector_replace,
    .offers = LL_OFFERS_OBJECTID | LL_OFFERS_SAVEDATE | LL_OFFERS_APPENDS,
    .changes = connector_changes,
    .store_if = connector_store_if,
    .survey = connector_survey,
    .watch = watch,
    .search = connector_search,
};

ll_status connector_new(vault *v, void (*notify)(void *ctx), void *ctx, const ll_connector **methods, void **self)
{
    connector *c = memory_new(NULL, sizeof *c);
    *self = NULL;
    if (!c)
        return LL_ENOMEM;
    if (listener_new(&c->listener, v->config.executor, notify, ctx)) {
        memory_free(NULL, c);
        return LL_ENOMEM;
    }
    c->refs = 1;
    c->watcher.listener = c->listener;
    c->vault = vault_ref(v);
    text_init(&c->append_to, NULL, MAILBOX_NAME_MAX);
    *methods = &vault_methods;
    *self = c;
    return LL_OK;
}
