/* upstream.c - see upstream.h. Here: how a flow goes from step to step.
 * SPDX-License-Identifier: MIT */
#include "store/upstream.h"

#include "base/memory.h"

flow *flow_new(void *self, ll_call *call)
{
    flow *f = memory_new(NULL, sizeof *f);
    if (!f)
        return NULL;
    f->connector = self;
    f->connector->refs++;
    f->call = call;
    f->up = f->connector->vault->upstream;
    f->up->flows++;
    f->task.flow = f;
    arena_init(&f->memory, NULL, UPSTREAM_MEMORY_MAX);
    text_init(&f->text, NULL, UPSTREAM_TEXT_MAX);
    return f;
}

static void flow_del(flow *f)
{
    if (f->end)
        f->end(f);
    spool_del(&f->content);
    f->up->flows--;
    arena_fini(&f->memory);
    text_fini(&f->text);
    connector_unref(f->connector);
    memory_free(NULL, f);
}

/* Go on with the step that waits, and with all that need not wait. A step that is answered at once comes back here
 * while we are still running: then the loop below takes it. */
static void flow_go(flow *f)
{
    if (f->running) {
        f->again = true;
        return;
    }
    f->running = true;
    do {
        f->again = false;
        f->step(f);
    } while (f->again);
    f->running = false;
    if (!f->over || f->inside)
        return;
    ll_call *call = f->call;
    ll_status status = f->status;
    flow_del(f);
    if (status != LL_LATER)
        ll_call_done(call, status);
}

ll_status flow_start(flow *f, void (*step)(flow *f))
{
    f->inside = true;
    f->step = step;
    flow_go(f);
    f->inside = false;
    if (!f->over)
        return LL_LATER;
    ll_status status = f->status;
    flow_del(f);
    return status;
}

void flow_over(flow *f, ll_status status)
{
    f->over = true;
    f->status = status;
    if (status < 0 && f->text.size)
        ll_call_text(f->call, text_span(&f->text));
}

void flow_end(flow *f)
{
    flow_over(f, f->status);
}

/* --------------------------------------------------------------------------------------------- The vault */

static ll_status run_reader(reader_job *job, db *d)
{
    flow *f = (flow *)job;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = f->look(f, d);
    db_rollback(d);
    return status;
}

static void done_reader(reader_job *job, ll_status status)
{
    flow *f = (flow *)job;
    f->status = status;
    flow_go(f);
}

void flow_read(flow *f, ll_status (*look)(flow *f, db *d), void (*next)(flow *f))
{
    f->look = look;
    f->step = next;
    f->job.reader = (reader_job){.run = run_reader, .done = done_reader};
    reader_add(f->connector->vault, &f->job.reader);
}

static ll_status run_writer(vault_job *job, writer *w)
{
    flow *f = (flow *)job;
    return f->change(f, w);
}

static void done_writer(vault_job *job, ll_status status)
{
    flow *f = (flow *)job;
    f->status = status;
    flow_go(f);
}

void flow_write(flow *f, ll_status (*act)(flow *f, writer *w), void (*next)(flow *f))
{
    f->change = act;
    f->step = next;
    f->job.writer = (vault_job){.run = run_writer, .done = done_writer};
    vault_add(f->connector->vault, &f->job.writer);
}

/* ------------------------------------------------------------------------------------------ The upstream */

void flow_prepare(flow *f, void (*next)(flow *f))
{
    f->step = next;
    f->task.count = 0;
    text_clear(&f->text);
}

void flow_asked(flow *f, ll_status status)
{
    if (status != LL_LATER)
        ll_task_done(&f->task, status);
}

void ll_task_done(ll_task *task, ll_status status)
{
    flow *f = task->flow;
    f->status = status > 0 ? LL_OK : status;
    flow_go(f);
}

ll_status ll_task_id(ll_task *task, ll_span id)
{
    arena *memory = &task->flow->memory;
    if (!remote_id_valid(id))
        return LL_EINVAL;
    if (task->count == task->room) {
        size_t room = task->room ? task->room * 2 : 4;
        ll_span *ids = arena_array(memory, room, sizeof *ids);
        if (!ids)
            return LL_ENOMEM;
        if (task->count)
            memcpy(ids, task->ids, task->count * sizeof *ids);
        task->ids = ids;
        task->room = room;
    }
    task->ids[task->count] = arena_copy(memory, id);
    if (!task->ids[task->count].data)
        return LL_ENOMEM;
    task->count++;
    return LL_OK;
}

void ll_task_text(ll_task *task, ll_span said)
{
    text_clear(&task->flow->text);
    text_add(&task->flow->text, span_first(said, UPSTREAM_TEXT_MAX));
}

ll_status ll_upload_read(ll_upload *content, uint64_t offset, size_t length, void *out, size_t *got)
{
    return spool_read((spool *)content, offset, length, out, got);
}

ll_status flow_one_id(flow *f, ll_span *id)
{
    if (f->task.count != 1)
        return LL_EIO;
    *id = f->task.ids[0];
    return LL_OK;
}

ll_status flow_ids(flow *f, ll_span **ids, size_t *count)
{
    *count = 0;
    *ids = arena_array(&f->memory, f->rows.count + 1, sizeof **ids);
    if (!*ids)
        return arena_status(&f->memory);
    for (size_t i = 0; i < f->rows.count; i++)
        if (f->rows.rows[i].id.size)
            (*ids)[(*count)++] = f->rows.rows[i].id;
    return LL_OK;
}

bool upstream_reserves(ll_span name)
{
    return span_equal(name, SPAN(LL_RECOVERED_NAME));
}

/* What the source's account may hold, to the client as it is. */
static void ask_quota(flow *f)
{
    flow_prepare(f, flow_end);
    flow_asked(f, f->up->methods->quota(f->up->self, &f->task));
}

static ll_status upstream_quota(void *self, ll_call *call)
{
    flow *f = flow_new(self, call);
    return f ? flow_start(f, ask_quota) : LL_ENOMEM;
}

ll_status ll_task_quota(ll_task *task, const ll_quota *quota)
{
    return ll_call_quota(task->flow->call, quota);
}

void upstream_methods(const upstream *up, ll_connector *methods)
{
    if (up->methods->size >= offsetof(ll_upstream, quota) + sizeof up->methods->quota && up->methods->quota)
        methods->quota = upstream_quota;
    methods->create = upstream_create;
    methods->remove = upstream_remove;
    methods->rename = upstream_rename;
    methods->store = upstream_store;
    methods->store_if = upstream_store_if;
    methods->expunge = upstream_expunge;
    methods->copy = upstream_copy;
    methods->append_open = upstream_append_open;
    methods->append_commit = upstream_append_commit;
    methods->replace = upstream_replace;
    methods->offers &= ~(unsigned)LL_OFFERS_APPENDS; /* the source is asked one after the other */
}
