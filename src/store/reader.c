/* reader.c - see reader.h
 * SPDX-License-Identifier: MIT */
#include "store/reader.h"

#include "base/memory.h"
#include "store/vault_state.h"

#include <sched.h>
#include <time.h>

static ll_status reader_open(vault *v, db **out)
{
    uint8_t key[KEYS_KEY];
    ll_status status = keyring_get(v->config.keyring, v->alias, key);
    if (!status)
        status = db_open_random(out, v->path, key, DB_READONLY, v->config.random, NULL);
    memory_wipe(key, sizeof key);
    if (!status)
        db_cache(*out, READER_CACHE_KIB);
    return status;
}

static void report(void *arg)
{
    reader_job *job = arg;
    vault *v = job->vault;
    job->done(job, job->status);
    vault_unref(v);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ------------------------------------------------------------------------------- The pool, with the lock */

/* Whether one of those that run will soon be free. */
static bool soon_free(const reader_pool *pool, uint64_t now)
{
    unsigned fresh = 0;
    for (size_t i = 0; i < READERS_MAX; i++)
        fresh += pool->fresh[i] && now - pool->fresh[i] < pool->fresh_us;
    return fresh >= pool->processors;
}

/* The first in line runs now. */
static reader_job *take_first(reader_pool *pool, unsigned place, uint64_t now)
{
    reader_job *job = pool->first;
    pool->first = job->next;
    if (!pool->first)
        pool->last = NULL;
    job->next = NULL;
    job->place = place;
    pool->placed[place] = true;
    pool->fresh[place] = job->brief ? now : 0;
    return job;
}

/* Those in line that another connection is worth, as a list. */
static reader_job *take_more(reader_pool *pool, uint64_t now)
{
    reader_job *list = NULL;
    while (pool->first && pool->taken < READERS_MAX && !soon_free(pool, now)) {
        unsigned place = 0;
        while (pool->placed[place])
            place++;
        reader_job *job = take_first(pool, place, now);
        job->db = pool->idle_count ? pool->idle[--pool->idle_count] : NULL;
        pool->taken++;
        job->next = list;
        list = job;
    }
    return list;
}

/* ----------------------------------------------------------------------------------------------- Workers */

static void run(void *arg);

static void start(vault *v, reader_job *list)
{
    while (list) {
        reader_job *job = list;
        list = job->next;
        executor_work(v->config.executor, run, job);
    }
}

/* The job of this place is over: its connection goes to the next in line, which is answered, or to rest. *more: what
 * the caller is to start. */
static reader_job *hand_on(vault *v, db *d, unsigned place, reader_job **more)
{
    pthread_mutex_lock(&v->mutex);
    reader_pool *pool = &v->readers;
    reader_job *next = NULL;
    *more = NULL;
    pool->placed[place] = false;
    pool->fresh[place] = 0;
    if (pool->first) {
        uint64_t now = now_us();
        next = take_first(pool, place, now);
        next->db = d;
        *more = take_more(pool, now);
    } else {
        pool->taken--;
        if (d)
            pool->idle[pool->idle_count++] = d;
    }
    pthread_mutex_unlock(&v->mutex);
    return next;
}

/* This job and those behind it, as long as it is our turn. The connection is handed on before the job is reported: who
 * has heard the last report may close the vault, and nothing here holds it then. Jobs that are left hold it. */
static void run(void *arg)
{
    reader_job *job = arg, *more;
    for (unsigned n = 1; job; n++) {
        vault *v = job->vault;
        db *d = job->db;
        job->status = d ? LL_OK : reader_open(v, &d);
        if (!job->status)
            job->status = job->run(job, d);
        reader_job *next = hand_on(v, d, job->place, &more);
        executor_done(v->config.executor, report, job);
        if (more)
            start(v, more);
        job = next;
        if (job && n >= READER_ROW) {
            executor_work(job->vault->config.executor, run, job);
            break;
        }
    }
}

void reader_pool_init(reader_pool *pool, const executor *e)
{
    cpu_set_t set;
    bool threads = e->work && sched_getaffinity(0, sizeof set, &set) == 0;
    unsigned count = threads ? (unsigned)CPU_COUNT(&set) : READERS_MAX;
    pool->fresh_us = READER_FRESH_US;
    pool->processors = count < 2 ? 2 : count < READERS_MAX ? count : READERS_MAX;
}

void reader_add(vault *v, reader_job *job)
{
    job->vault = vault_ref(v);
    job->next = NULL;
    job->db = NULL;
    pthread_mutex_lock(&v->mutex);
    reader_pool *pool = &v->readers;
    pool->jobs++;
    if (pool->last)
        pool->last = pool->last->next = job;
    else
        pool->first = pool->last = job;
    reader_job *list = take_more(pool, now_us());
    pthread_mutex_unlock(&v->mutex);
    start(v, list);
}

void reader_close_idle(vault *v)
{
    for (;;) {
        pthread_mutex_lock(&v->mutex);
        db *d = v->readers.idle_count ? v->readers.idle[--v->readers.idle_count] : NULL;
        pthread_mutex_unlock(&v->mutex);
        if (!d)
            return;
        db_close(&d);
    }
}
