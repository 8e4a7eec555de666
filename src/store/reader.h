/* reader.h - the connections of a vault that read, and the jobs that use them.
 * SPDX-License-Identifier: MIT
 *
 * A read job runs on a worker with a connection of its own, and never waits for the writer (WAL). When all connections
 * are taken, the job waits in line without holding a thread.
 *
 * Brief jobs wait in line too while as many brief ones run as there are processors: one of those ends sooner than
 * another thread wakes. A job that takes longer than READER_FRESH_US (it waits for the disk) does not count. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/db.h"
#include "store/executor.h"

/* Connections that read one vault: a phone, a laptop and a web client rarely ask in the same millisecond; each costs
 * 0.2 to 3 MB. */
#define READERS_MAX 4
/* Page cache of each (kibibytes): the index pages of a mailbox of 10,000; bodies pass through, and push them out the
 * less. */
#define READER_CACHE_KIB 2048
/* Above what a brief job takes when its pages are in memory: 512 KiB at 1 GB/s. */
#define READER_FRESH_US 1000
/* Jobs that one worker runs in a row, before others may have it. */
#define READER_ROW 16

struct vault;

/* Embed it. The vault is held from reader_add to the end of `done`. */
typedef struct reader_job {
    ll_status (*run)(struct reader_job *job, db *d);        /* on a worker */
    void (*done)(struct reader_job *job, ll_status status); /* on executor->done's thread; may free the job */
    bool brief;                                             /* it reads some rows or bytes, LL_ROWS_CONTENT at most */

    /* The pool's own. */
    struct reader_job *next;
    struct vault *vault;
    db *db;
    unsigned place; /* in reader_pool.fresh */
    ll_status status;
} reader_job;

typedef struct reader_pool {
    db *idle[READERS_MAX];
    unsigned idle_count;
    unsigned taken;              /* by jobs, opened or being opened */
    unsigned processors;         /* READERS_MAX at most */
    uint64_t fresh_us;           /* READER_FRESH_US; tests set another */
    uint64_t fresh[READERS_MAX]; /* of a brief job that runs: when it began, microseconds; else 0 */
    bool placed[READERS_MAX];    /* a job runs under this place of fresh */
    uint64_t jobs;               /* added, ever */
    reader_job *first, *last;
} reader_pool;

void reader_pool_init(reader_pool *pool, const executor *e);
/* Any thread. */
void reader_add(struct vault *v, reader_job *job);
/* Close the idle connections. Any thread. */
void reader_close_idle(struct vault *v);

#endif
