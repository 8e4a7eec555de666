/* reader.c - see reader.h
 * SPDX-License-Identifier: MIT */
#include "store/reader.h"

#include "base/memory.h"
#include "store/vault_state.h"

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

static void run(void *arg);

/* The job is over: its connection goes to the next in line, or to rest. */
static void hand_on(vault *v, db *d)
{
    pthread_mutex_lock(&v->mutex);
    reader_pool *pool = &v->readers;
    reader_job *next = pool->first;
    if (next) {
        pool->first = next->next;
        if (!pool->first)
            pool->last = NULL;
        next->db = d;
    } else {
        pool->taken--;
        if (d)
            pool->idle[pool->idle_count++] = d;
    }
    pthread_mutex_unlock(&v->mutex);
    if (next)
        executor_work(v->config.executor, run, next);
}

static void run(void *arg)
{
    reader_job *job = arg;
    vault *v = job->vault;
    db *d = job->db;
    job->status = d ? LL_OK : reader_open(v, &d);
    if (!job->status)
        job->status = job->run(job, d);
    vault_ref(v); /* the report may let go of the last one */
    executor_done(v->config.executor, report, job);
    hand_on(v, d);
    vault_unref(v);
}

void reader_add(vault *v, reader_job *job)
{
    job->vault = vault_ref(v);
    job->next = NULL;
    job->db = NULL;
    pthread_mutex_lock(&v->mutex);
    reader_pool *pool = &v->readers;
    pool->jobs++;
    bool now = pool->taken < READERS_MAX;
    if (now) {
        pool->taken++;
        if (pool->idle_count)
            job->db = pool->idle[--pool->idle_count];
    } else if (pool->last) {
        pool->last = pool->last->next = job;
    } else {
        pool->first = pool->last = job;
    }
    pthread_mutex_unlock(&v->mutex);
    if (now)
        executor_work(v->config.executor, run, job);
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
