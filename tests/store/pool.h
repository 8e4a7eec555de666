/* pool.h - an executor over a few threads, for tests: workers, and one "main" thread that runs what is done.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_STORE_POOL_H
#define TESTS_STORE_POOL_H

#include "store/executor.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct pool_task {
    void (*fn)(void *arg);
    void *arg;
    struct pool_task *next;
} pool_task;

/* One line of tasks, served by some threads. */
typedef struct pool_line {
    pthread_mutex_t mutex;
    pthread_cond_t more;
    pool_task *first, *last;
    bool end;
    pthread_t threads[8];
    int count;
} pool_line;

typedef struct pool {
    pool_line workers, main;
    executor executor;
} pool;

static inline void pool_line_add(pool_line *l, void (*fn)(void *), void *arg)
{
    pool_task *task = malloc(sizeof *task);
    *task = (pool_task){fn, arg, NULL};
    pthread_mutex_lock(&l->mutex);
    if (l->last) {
        l->last->next = task;
    } else {
        l->first = task;
    }
    l->last = task;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->mutex);
}

static inline void *pool_line_serve(void *self)
{
    pool_line *l = self;
    pthread_mutex_lock(&l->mutex);
    for (;;) {
        while (!l->first && !l->end) {
            pthread_cond_wait(&l->more, &l->mutex);
        }
        pool_task *task = l->first;
        if (!task) {
            break;
        }
        l->first = task->next;
        if (!l->first) {
            l->last = NULL;
        }
        pthread_mutex_unlock(&l->mutex);
        task->fn(task->arg);
        free(task);
        pthread_mutex_lock(&l->mutex);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

static inline void pool_line_init(pool_line *l, int count)
{
    *l = (pool_line){.count = count};
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->more, NULL);
    for (int i = 0; i < count; i++) {
        pthread_create(&l->threads[i], NULL, pool_line_serve, l);
    }
}

/* Everything that was added is run first. */
static inline void pool_line_fini(pool_line *l)
{
    pthread_mutex_lock(&l->mutex);
    l->end = true;
    pthread_cond_broadcast(&l->more);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->count; i++) {
        pthread_join(l->threads[i], NULL);
    }
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->mutex);
}

static inline void pool_work(void *ctx, void (*fn)(void *), void *arg)
{
    pool_line_add(&((pool *)ctx)->workers, fn, arg);
}

static inline void pool_done(void *ctx, void (*fn)(void *), void *arg)
{
    pool_line_add(&((pool *)ctx)->main, fn, arg);
}

static inline void pool_init(pool *p, int workers)
{
    pool_line_init(&p->workers, workers);
    pool_line_init(&p->main, 1);
    p->executor = (executor){pool_work, pool_done, p};
}

static inline void pool_fini(pool *p)
{
    pool_line_fini(&p->workers);
    pool_line_fini(&p->main);
}

#endif
