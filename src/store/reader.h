/* reader.h - the connections of a vault that read, and the jobs that use them.
 * SPDX-License-Identifier: MIT
 *
 * A read job runs on a worker with a connection of its own, and never waits for the writer (WAL). When all connections
 * are taken, the job waits in line without holding a thread. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/db.h"

/* Connections that read one vault: a phone, a laptop and a web client rarely ask in the same millisecond; each costs
 * 0.2 to 2 MB. */
#define READERS_MAX 4
/* Page cache of each (kibibytes): the index pages of one mailbox; bodies pass through. */
#define READER_CACHE_KIB 1024

struct vault;

/* Embed it. The vault is held from reader_add to the end of `done`. */
typedef struct reader_job {
    ll_status (*run)(struct reader_job *job, db *d);        /* on a worker */
    void (*done)(struct reader_job *job, ll_status status); /* on executor->done's thread; may free the job */

    /* The pool's own. */
    struct reader_job *next;
    struct vault *vault;
    db *db;
    ll_status status;
} reader_job;

typedef struct reader_pool {
    db *idle[READERS_MAX];
    unsigned idle_count;
    unsigned taken; /* by jobs, opened or being opened */
    uint64_t jobs;  /* added, ever */
    reader_job *first, *last;
} reader_pool;

/* Any thread. */
void reader_add(struct vault *v, reader_job *job);
/* Close the idle connections. Any thread. */
void reader_close_idle(struct vault *v);

#endif
