/* search_run.c - see search_run.h
 * SPDX-License-Identifier: MIT */
#include "store/search_run.h"

#include "base/memory.h"
#include "store/compact.h"
#include "store/search_index.h"
#include "store/search_merge.h"
#include "store/search_read.h"
#include "store/search_turns.h"

#include <time.h>

typedef enum run_step { RUN_WAIT, RUN_READ, RUN_WRITE, RUN_END } run_step;
typedef enum run_work { WORK_NONE, WORK_MORE, WORK_BATCH, WORK_MERGE, WORK_SWEEP, WORK_DROP } run_work;

typedef struct run {
    vault *vault; /* held by the jobs */
    reader_job read;
    vault_job write;
    search_turn turn; /* the vault is held while it waits */
    bool swept;       /* pages may have become free */
    run_step step;    /* the next, without an executor */
    bool looping;     /* in run_go, so that a step only has to say what comes next */
    run_work work;    /* what the reader has found to do, */
    search_reader *reader;
    search_batch *batch;
    search_merge *merge;
    search_blocks made; /* and to write */
    bool finished;      /* made holds the last of it */
    bool stored;        /* a batch: what has come since waits until there is enough for another */
    int64_t segment;    /* being made; 0: not begun */
    int64_t first, last, newest;
    uint64_t messages;
} run;

/* ---------------------------------------------------------------------------------------------------- Read */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool stopped(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    bool stop = v->search->stop;
    pthread_mutex_unlock(&v->mutex);
    return stop;
}

static ll_status batch_open(run *r)
{
    ll_status status = r->batch ? LL_OK : search_batch_new(&r->batch);
    if (!status && !r->reader)
        status = search_reader_new(&r->reader);
    return status;
}

/* One message; LL_OK also if it could not be read. */
static ll_status read_one(run *r, db *d, int64_t id)
{
    db_stmt *q = db_prepare(d, "SELECT size, facts FROM message WHERE id = ?1");
    db_bind_int(q, 1, id);
    ll_status status = db_first(q);
    if (status)
        return status;
    search_batch_message(r->batch, (uint32_t)(id - r->first));
    status = search_read_message(r->reader, d, id, (uint64_t)db_column_int(q, 0), db_column_blob(q, 1), r->batch);
    db_reset(q);
    r->messages++;
    r->last = id;
    return status;
}

/* The id of the message behind this one. */
static ll_status next_message(db *d, int64_t *id)
{
    db_stmt *q = db_prepare(d, "SELECT id FROM message WHERE id > ?1 ORDER BY id LIMIT 1");
    db_bind_int(q, 1, *id);
    return db_take_int(q, id);
}

/* Some messages of the batch. LL_MORE: the time is up. LL_OK: it is full, or there are no more. */
static ll_status read_messages(run *r, db *d)
{
    uint64_t until = now_ms() + SEARCH_STEP_MS;
    ll_status status = batch_open(r);
    while (!status && !search_batch_full(r->batch)) {
        int64_t id = r->last;
        status = next_message(d, &id);
        if (status == LL_ENOTFOUND)
            return LL_OK;
        if (!status && id - r->first >= UINT32_MAX - 1) /* years of churn in between: a segment of its own */
            return LL_OK;
        if (!status)
            status = read_one(r, d, id);
        if (!status && now_ms() >= until)
            return stopped(r->vault) ? LL_OK : LL_MORE;
    }
    return status;
}

static ll_status batch_finish(run *r)
{
    search_packer w;
    ll_status status = search_packer_init(&w, search_blocks_add, &r->made);
    if (!status)
        status = search_batch_write(r->batch, &w);
    search_packer_fini(&w);
    search_batch_del(&r->batch);
    r->finished = true;
    return status;
}

static ll_status step_batch(run *r, db *d)
{
    ll_status status = read_messages(r, d);
    r->work = status == LL_MORE ? WORK_MORE : WORK_BATCH;
    return status ? status : batch_finish(r);
}

static ll_status step_merge(run *r, db *d)
{
    r->work = WORK_MERGE;
    ll_status status = search_merge_run(r->merge, d, &r->made);
    search_merge_range(r->merge, &r->first, &r->last, &r->messages);
    r->finished = status == LL_OK;
    return status;
}

static ll_status has_dead(db *d, bool *any)
{
    int64_t there = 0;
    ll_status status =
        db_take_int(db_prepare(d, "SELECT EXISTS(SELECT 1 FROM search_segment WHERE state <> 1)"), &there);
    *any = there != 0;
    return status;
}

static int64_t take_damaged(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    int64_t from = v->search->damaged;
    v->search->damaged = 0;
    pthread_mutex_unlock(&v->mutex);
    return from;
}

static ll_status begin_merge(run *r, db *d, const search_segment *inputs, size_t count)
{
    ll_status status = search_merge_new(&r->merge, d, inputs, count);
    return status ? status : step_merge(r, d);
}

/* Segments of messages that were removed are made anew, one after the other until there are none. */
static ll_status look_for_sparse(run *r, db *d, const search_segments *all)
{
    vault *v = r->vault;
    size_t first = 0, count = 0;
    pthread_mutex_lock(&v->mutex);
    bool sparse = v->search->sparse;
    v->search->sparse = false;
    pthread_mutex_unlock(&v->mutex);
    ll_status status = sparse ? search_merge_sparse(d, all, &first, &count) : LL_OK;
    if (status || !count)
        return status;
    pthread_mutex_lock(&v->mutex);
    v->search->sparse = true;
    pthread_mutex_unlock(&v->mutex);
    return begin_merge(r, d, all->all + first, count);
}

/* What is there to do? What was replaced goes first: its pages are used for what comes next. */
static ll_status look_around(run *r, db *d)
{
    search_segments all;
    bool dead = false;
    ll_status status = search_segments_load(d, &all);
    int64_t damaged = status == LL_ECORRUPT ? 1 : take_damaged(r->vault);
    if (damaged) {
        r->work = WORK_DROP;
        r->first = damaged;
        return LL_OK;
    }
    if (!status)
        status = search_newest(d, &r->newest);
    if (!status)
        status = has_dead(d, &dead);
    r->work = dead ? WORK_SWEEP : WORK_NONE;
    if (status || dead)
        return status;
    size_t first = 0, count = search_merge_due(&all, &first);
    bool waits = r->newest > all.end && (!r->stored || r->newest - all.end >= SEARCH_WAITING);
    if (count && (all.count > search_segments_max / 2 || !waits))
        return begin_merge(r, d, all.all + first, count);
    if (!waits)
        return look_for_sparse(r, d, &all);
    r->first = all.end + 1;
    r->last = all.end;
    r->messages = 0;
    return step_batch(r, d);
}

static ll_status read_step(reader_job *job, db *d)
{
    run *r = (run *)((char *)job - offsetof(run, read));
    r->work = WORK_NONE;
    if (stopped(r->vault))
        return LL_OK;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    if (r->merge)
        status = step_merge(r, d);
    else if (r->batch)
        status = step_batch(r, d);
    else
        status = look_around(r, d);
    db_rollback(d);
    return status == LL_MORE ? LL_OK : status;
}

/* --------------------------------------------------------------------------------------------------- Write */

static ll_status write_segment(run *r, db *d)
{
    ll_status status = r->segment ? LL_OK : search_segment_create(d, r->first, r->last, &r->segment);
    if (!status)
        status = search_blocks_insert(d, r->segment, &r->made);
    return status || !r->finished ? status : search_segment_finish(d, r->segment, r->messages, r->work == WORK_MERGE);
}

static ll_status write_step(vault_job *job, writer *w)
{
    run *r = (run *)((char *)job - offsetof(run, write));
    bool more = false;
    if (r->work == WORK_DROP)
        return search_segments_drop(w->db, r->first);
    if (r->work == WORK_SWEEP)
        return search_segments_sweep(w->db, 0, &more);
    return write_segment(r, w->db);
}

/* ----------------------------------------------------------------------------------------------------- Run */

static void run_go(run *r);
static void end_run(run *r);

static void run_del(run *r)
{
    search_reader_del(&r->reader);
    search_batch_del(&r->batch);
    search_merge_del(&r->merge);
    search_blocks_clear(&r->made);
    memory_free(NULL, r);
}

/* NULL: nobody counts. Without an executor it is the caller's own thread that works, which cannot wait. */
static search_turns *turns_of(const vault *v)
{
    return v->config.executor->work ? v->config.search_turns : NULL;
}

static void end_in_turn(void *arg)
{
    run *r = arg;
    vault *v = r->vault;
    end_run(r);
    vault_unref(v);
}

/* On any thread. A run that was stopped while it waited ends by way of `done`: it gives its turn to the next one, which
 * may have been stopped too, and so on: not on one stack. */
static void turn_begin(search_turn *turn)
{
    run *r = (run *)((char *)turn - offsetof(run, turn));
    vault *v = r->vault;
    if (stopped(v)) {
        executor_done(v->config.executor, end_in_turn, r);
        return;
    }
    run_go(r);
    vault_unref(v);
}

/* With nothing in memory and nothing half written: others that wait come first. */
static void go_on(run *r)
{
    vault *v = r->vault;
    search_turns *turns = turns_of(v);
    if (turns && r->step == RUN_READ && !r->segment && !r->batch && !r->merge) {
        search_reader_del(&r->reader);
        r->turn.begin = turn_begin;
        vault_ref(v);
        if (search_turns_pass(turns, &r->turn))
            return;
        vault_unref(v);
    }
    run_go(r);
}

static void end_run(run *r)
{
    vault *v = r->vault;
    pthread_mutex_lock(&v->mutex);
    search_index *s = v->search;
    bool again = s->again && !s->stop;
    s->again = false;
    s->running = again;
    pthread_mutex_unlock(&v->mutex);
    if (again) {
        r->step = RUN_READ;
        r->stored = false;
        go_on(r);
        return;
    }
    search_turns *turns = turns_of(v);
    bool swept = r->swept;
    run_del(r);
    if (turns)
        search_turns_give(turns);
    if (swept)
        compact_trim(v);
}

static void fail(run *r, ll_status status)
{
    vault_log(r->vault, "vault index failed status=%s", ll_status_name(status));
    search_batch_del(&r->batch);
    search_merge_del(&r->merge);
    search_blocks_clear(&r->made);
    r->segment = 0;
}

static void read_done(reader_job *job, ll_status status)
{
    run *r = (run *)((char *)job - offsetof(run, read));
    if (status == LL_ECORRUPT && r->merge) { /* an input is damaged */
        search_merge_range(r->merge, &r->first, &r->last, &r->messages);
        fail(r, status);
        r->work = WORK_DROP;
        status = LL_OK;
    }
    if (status)
        fail(r, status);
    bool end = status || r->work == WORK_NONE;
    r->step = end ? RUN_END : r->work == WORK_MORE ? RUN_READ : RUN_WRITE;
    if (r->looping)
        return;
    run_go(r);
}

static void write_done(vault_job *job, ll_status status)
{
    run *r = (run *)((char *)job - offsetof(run, write));
    if (status)
        fail(r, status);
    bool indexed = r->work == WORK_BATCH && r->finished;
    if (!status && (indexed || r->work == WORK_DROP)) {
        pthread_mutex_lock(&r->vault->mutex);
        r->vault->search->end = indexed ? r->last : r->first - 1;
        pthread_mutex_unlock(&r->vault->mutex);
    }
    r->stored = r->stored || indexed;
    if (r->finished) {
        search_merge_del(&r->merge);
        r->segment = 0;
    }
    r->finished = false;
    search_blocks_clear(&r->made);
    r->swept |= r->work == WORK_SWEEP;
    r->step = status ? RUN_END : RUN_READ;
    if (r->looping)
        return;
    go_on(r);
}

static void start_step(run *r)
{
    run_step step = r->step;
    r->step = RUN_WAIT;
    if (step == RUN_READ) {
        r->read.run = read_step;
        r->read.done = read_done;
        reader_add(r->vault, &r->read);
    } else if (step == RUN_WRITE) {
        r->write.run = write_step;
        r->write.done = write_done;
        r->write.queue.weight = r->made.bytes;
        r->write.queue.lazy = true; /* what is lost is made again: nobody waits for the disk because of it */
        vault_add(r->vault, &r->write);
    } else {
        end_run(r);
    }
}

/* Without an executor every step is done when it has been started: a loop, so that they do not pile up on the stack. */
static void run_go(run *r)
{
    if (r->vault->config.executor->work) {
        start_step(r);
        return;
    }
    r->looping = true;
    while (r->step == RUN_READ || r->step == RUN_WRITE)
        start_step(r);
    r->looping = false;
    if (r->step == RUN_END) /* else the step is waiting for the queue, and goes on from there */
        start_step(r);
}

/* --------------------------------------------------------------------------------------------------- Begin */

static void begin(run *r)
{
    search_turns *turns = turns_of(r->vault);
    if (!turns) {
        run_go(r);
        return;
    }
    r->turn.begin = turn_begin;
    vault_ref(r->vault);
    if (search_turns_take(turns, &r->turn))
        turn_begin(&r->turn);
}

void search_run_start(vault *v)
{
    run *r = memory_new(NULL, sizeof *r);
    if (r) {
        r->vault = v;
        r->step = RUN_READ;
        begin(r);
        return;
    }
    pthread_mutex_lock(&v->mutex);
    v->search->running = false;
    pthread_mutex_unlock(&v->mutex);
}
