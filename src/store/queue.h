/* queue.h - jobs that write to one database, many of them under one commit.
 * SPDX-License-Identifier: MIT
 *
 * For the drop and for every vault: each has one writing connection and one queue in front of it. Whoever has something
 * to write adds a job. If no flush is under way one is scheduled on the executor; it takes the jobs that have gathered,
 * begins one transaction, runs each job in a savepoint of its own, commits, and only then reports each job done. So a
 * hundred deliveries that come together cost one sync of the disk, and nothing is acknowledged that is not on it
 * (invariant 1). A batch of nothing but lazy jobs (flags) is committed without a sync: the next that has one carries it
 * along, in the same log.
 *
 * A job that fails is rolled back alone; the others go on. If the commit fails, or the database gives up the whole
 * transaction (disk full, I/O error, a damaged page), every job of the batch that had succeeded fails with that status:
 * nothing of it is there.
 *
 * Threads: queue_add from any thread. Jobs run one at a time, in the order in which they were added, on
 * executor->work's threads. `done` is called on executor->done's thread, in the same order. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "letterlock.h"
#include "store/db.h"
#include "store/executor.h"

#include <pthread.h>

/* Jobs in one transaction: at 0.1 ms a job the first waits 25 ms for the last, about as long as a sync of a slow disk.
 */
#define QUEUE_BATCH_JOBS 256
/* Weight in one transaction: a batch ends with the job that passes it, so that the WAL does not grow by 256 times 50 MB
 * at once. */
#define QUEUE_BATCH_BYTES ((uint64_t)16 << 20)
/* Batches of lazy jobs that may go by without a sync: then one of them has it, so that what a loss of power can take
 * away has a bound. A sync of 1 ms divided by as many is 4 us a job. */
#define QUEUE_LAZY_BATCHES 256

/* Embed it in your own struct. The job belongs to the queue from queue_add until `done` is called, which may free it.
 */
typedef struct queue_job {
    /* Write. In a savepoint inside the transaction, on a worker thread. Below 0: what it wrote is rolled back. */
    ll_status (*run)(struct queue_job *job, db *d);
    /* The end: status of run, or of the commit. May add jobs. */
    void (*done)(struct queue_job *job, ll_status status);
    uint64_t weight; /* about how many bytes it will write; 0 is fine */
    bool lazy;  /* its commit need not be on the disk before `done`: a crash of the program loses nothing, a loss of
                   power may lose what was not synced since: never for mail (invariant 1) */
    bool alone; /* in a transaction of its own: it may take the others along when it fails */

    /* The queue's own. */
    struct queue_job *next;
    ll_status status;
} queue_job;

/* What the owner adds around a batch; each may be NULL. All run on the worker thread that runs the batch. */
typedef struct queue_hooks {
    /* After BEGIN IMMEDIATE. Below 0: the batch fails with it. */
    ll_status (*begin)(void *ctx, db *d);
    /* Before COMMIT, if at least one job succeeded: the last writes, such as counters kept in memory. Below 0: the
     * batch is rolled back. */
    ll_status (*commit)(void *ctx, db *d);
    /* After COMMIT: it is durable. The place to publish what the jobs have prepared; `done` of the jobs follows. */
    void (*committed)(void *ctx, db *d);
    /* After the whole transaction was rolled back: forget what the jobs have prepared in memory. Also when every job
     * failed. */
    void (*rollback)(void *ctx, db *d);
    /* See queue_rest. Outside of a transaction. */
    void (*rest)(void *ctx, db *d);
} queue_hooks;

typedef struct queue {
    const executor *executor;
    db *db;
    const queue_hooks *hooks;
    void *ctx;
    pthread_mutex_t mutex; /* guards what follows; never held while a job runs */
    pthread_cond_t idle;
    queue_job *first, *last;
    bool running;     /* a flush is scheduled or runs */
    unsigned lazy;    /* batches since the last sync; only the flush has it */
    uint64_t jobs;    /* reported done, ever */
    uint64_t batches; /* transactions, ever */
} queue;

/* executor, db and hooks (may be NULL) are borrowed and must outlive the queue. The connection `d` is used only by the
 * flush while one runs: owners that also use it elsewhere must do so from a job. */
void queue_init(queue *q, const executor *e, db *d, const queue_hooks *hooks, void *ctx);
/* The queue must be idle: call queue_drain before. */
void queue_fini(queue *q);

/* Take the job. With an executor of NULL functions it is done before this returns (unless called from inside a job's
 * done). */
void queue_add(queue *q, queue_job *job);

/* If no job waits or runs: call hooks->rest as a flush of its own, so that nobody else has the connection meanwhile.
 * False: there is work, or no such hook. Any thread; the queue must not be finished before the rest is over
 * (queue_drain). */
bool queue_rest(queue *q);

/* Block until no job waits or runs; reports may still be under way to executor->done (they do not touch the queue). Not
 * from a job. Needs the executor's workers to be alive. */
void queue_drain(queue *q);

#endif
