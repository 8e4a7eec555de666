/* queue.c - jobs that write to one database, many of them under one commit.
 * SPDX-License-Identifier: MIT */
#include "store/queue.h"

#include <assert.h>

void queue_init(queue *q, const executor *e, db *d, const queue_hooks *hooks, void *ctx)
{
    static const queue_hooks none = {.rest = NULL};
    *q = (queue){.executor = e,
                 .db = d,
                 .hooks = hooks ? hooks : &none,
                 .ctx = ctx,
                 .lazy = QUEUE_LAZY_BATCHES}; /* nobody knows what the file holds that is not synced */
    pthread_mutex_init(&q->mutex, NULL);
    pthread_cond_init(&q->idle, NULL);
}

void queue_fini(queue *q)
{
    assert(!q->running && !q->first);
    pthread_cond_destroy(&q->idle);
    pthread_mutex_destroy(&q->mutex);
}

/* With the lock. True: nothing waits, and the flush has ended. */
static bool queue_end(queue *q)
{
    if (q->first) {
        return false;
    }
    q->running = false;
    pthread_cond_broadcast(&q->idle);
    return true;
}

/* Whether the next job goes into the same batch. */
static bool queue_goes_on(const queue_job *last)
{
    return last->next && !last->alone && !last->next->alone;
}

/* Cut the next batch off the queue. NULL: nothing waits, and the flush has ended. */
static queue_job *queue_take(queue *q)
{
    pthread_mutex_lock(&q->mutex);
    queue_job *batch = q->first, *last = batch;
    if (queue_end(q)) {
        pthread_mutex_unlock(&q->mutex);
        return NULL;
    }
    uint64_t weight = batch->weight;
    for (unsigned jobs = 1; queue_goes_on(last) && jobs < QUEUE_BATCH_JOBS && weight < QUEUE_BATCH_BYTES; jobs++) {
        last = last->next;
        weight += last->weight;
    }
    q->first = last->next;
    if (!q->first) {
        q->last = NULL;
    }
    last->next = NULL;
    pthread_mutex_unlock(&q->mutex);
    return batch;
}

/* One job in its savepoint. Below 0: the whole transaction is lost, not just the job. A batch of one needs none: if the
 * job fails there is nothing else in the transaction, which is rolled back. */
static ll_status queue_run_job(queue *q, queue_job *job, bool alone)
{
    if (alone) {
        job->status = job->run(job, q->db);
        return LL_OK;
    }
    ll_status status = db_savepoint(q->db);
    if (status < 0) {
        job->status = status;
        return status;
    }
    job->status = job->run(job, q->db);
    if (job->status < 0) {
        return db_undo(q->db) < 0 ? job->status : LL_OK;
    }
    return db_release(q->db);
}

static ll_status queue_run_jobs(queue *q, queue_job *batch, bool *any)
{
    for (queue_job *job = batch; job; job = job->next) {
        ll_status status = queue_run_job(q, job, job == batch && !job->next);
        if (status < 0) {
            return status;
        }
        *any |= job->status >= 0;
    }
    return LL_OK;
}

static bool queue_lazy(const queue *q, const queue_job *batch)
{
    bool lazy = q->lazy < QUEUE_LAZY_BATCHES;
    for (const queue_job *job = batch; lazy && job; job = job->next) {
        lazy = job->lazy;
    }
    return lazy;
}

/* A transaction for the batch. Below 0: nothing of it is there, and everybody who does not know better failed with
 * that. */
static ll_status queue_transact(queue *q, queue_job *batch)
{
    bool any = false, lazy = queue_lazy(q, batch);
    ll_status status = db_lazy(q->db, lazy);
    if (!status) {
        status = db_begin(q->db);
    }
    if (status < 0) {
        return status;
    }
    if (q->hooks->begin) {
        status = q->hooks->begin(q->ctx, q->db);
    }
    if (status >= 0) {
        status = queue_run_jobs(q, batch, &any);
    }
    if (status >= 0 && any && q->hooks->commit) {
        status = q->hooks->commit(q->ctx, q->db);
    }
    if (status >= 0 && any) {
        status = db_commit(q->db);
    }
    if (status < 0 || !any) {
        db_rollback(q->db);
        if (q->hooks->rollback) {
            q->hooks->rollback(q->ctx, q->db);
        }
    } else {
        q->lazy = lazy ? q->lazy + 1 : 0;
        if (q->hooks->committed) {
            q->hooks->committed(q->ctx, q->db);
        }
    }
    return status;
}

/* On the main thread: the batch is a list of its own now, the queue is not touched. */
static void queue_report(void *arg)
{
    queue_job *job = arg;
    while (job) {
        queue_job *next = job->next; /* `done` may free the job */
        job->next = NULL;
        job->done(job, job->status);
        job = next;
    }
}

/* Its reports are on their way. True: the flush has ended too. */
static bool queue_run_batch(queue *q, queue_job *batch)
{
    uint64_t jobs = 0;
    for (queue_job *job = batch; job; job = job->next) {
        job->status = LL_OK;
        jobs++;
    }
    ll_status status = queue_transact(q, batch);
    for (queue_job *job = batch; status < 0 && job; job = job->next) {
        job->status = job->status < 0 ? job->status : status;
    }
    pthread_mutex_lock(&q->mutex);
    q->jobs += jobs;
    q->batches++;
    pthread_mutex_unlock(&q->mutex);
    const executor *e = q->executor;
    executor_done(e, queue_report, batch); /* its jobs may add others, so before the end */
    if (!e->work) {
        return false;
    }
    pthread_mutex_lock(&q->mutex);
    bool ended = queue_end(q);
    pthread_mutex_unlock(&q->mutex);
    return ended;
}

/* One batch, then give the worker back, so that a busy database does not keep it from the others. */
static void queue_flush(void *arg)
{
    queue *q = arg;
    queue_job *batch;
    while ((batch = queue_take(q))) {
        if (queue_run_batch(q, batch)) {
            return; /* the queue may be gone */
        }
        if (q->executor->work) {
            q->executor->work(q->executor->ctx, queue_flush, q);
            return;
        }
    }
}

/* A flush that begins with the hook: jobs that come meanwhile wait for it. */
static void queue_rest_run(void *arg)
{
    queue *q = arg;
    q->hooks->rest(q->ctx, q->db);
    queue_flush(q);
}

bool queue_rest(queue *q)
{
    pthread_mutex_lock(&q->mutex);
    bool start = q->hooks->rest && !q->running;
    q->running |= start;
    pthread_mutex_unlock(&q->mutex);
    if (start) {
        executor_work(q->executor, queue_rest_run, q);
    }
    return start;
}

void queue_add(queue *q, queue_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&q->mutex);
    if (q->last) {
        q->last->next = job;
    } else {
        q->first = job;
    }
    q->last = job;
    bool start = !q->running;
    q->running = true;
    pthread_mutex_unlock(&q->mutex);
    if (start) {
        executor_work(q->executor, queue_flush, q);
    }
}

void queue_drain(queue *q)
{
    pthread_mutex_lock(&q->mutex);
    while (q->running) {
        pthread_cond_wait(&q->idle, &q->mutex);
    }
    pthread_mutex_unlock(&q->mutex);
}
