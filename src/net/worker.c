/* worker.c - see worker.h
 * SPDX-License-Identifier: MIT */
#include "net/worker.h"

#include "base/memory.h"
#include "net/job.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

struct net_workers {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* a job has come, or `ending`, or the last busy thread became idle while ending */
    net_jobs jobs;
    unsigned busy; /* threads inside a job */
    bool ending;
    unsigned count;
    pthread_t threads[];
};

/* The queue is drained only when nobody is left who could still post: no job waits, none runs. */
static bool workers_done(const net_workers *workers)
{
    return workers->ending && workers->jobs.count == 0 && workers->busy == 0;
}

static void *worker_main(void *arg)
{
    net_workers *workers = arg;
    pthread_mutex_lock(&workers->lock);
    while (!workers_done(workers)) {
        net_job *job = net_jobs_take(&workers->jobs);
        if (!job) {
            pthread_cond_wait(&workers->wake, &workers->lock);
            continue;
        }
        workers->busy++;
        pthread_mutex_unlock(&workers->lock);
        net_job_run(job);
        pthread_mutex_lock(&workers->lock);
        workers->busy--;
        if (workers_done(workers))
            pthread_cond_broadcast(&workers->wake);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* Threads inherit the signal mask of their maker: block all around the making, so that no signal slips in between. */
static unsigned workers_start(net_workers *workers, unsigned count)
{
    pthread_attr_t attr;
    if (pthread_attr_init(&attr))
        return 0;
    unsigned started = 0;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_attr_setstacksize(&attr, NET_WORKER_STACK_BYTES) == 0)
        while (started < count && pthread_create(&workers->threads[started], &attr, worker_main, workers) == 0)
            started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return started;
}

ll_status net_workers_new(net_workers **out, unsigned count)
{
    *out = NULL;
    if (count == 0 || count > NET_WORKERS_MAX)
        return LL_EINVAL;
    net_workers *workers = memory_new(NULL, sizeof *workers + count * sizeof workers->threads[0]);
    if (!workers)
        return LL_ENOMEM;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    workers->count = workers_start(workers, count);
    if (workers->count < count) {
        net_workers_del(&workers);
        return LL_EIO;
    }
    *out = workers;
    return LL_OK;
}

void net_workers_post(net_workers *workers, void (*fn)(void *arg), void *arg)
{
    net_job *job = net_job_new(fn, arg);
    pthread_mutex_lock(&workers->lock);
    net_jobs_push(&workers->jobs, job);
    pthread_mutex_unlock(&workers->lock);
    /* Behind the lock, so that who wakes does not run into it. Nobody deletes the workers meanwhile: whoever posts is
     * the thread that would, or a job. */
    pthread_cond_signal(&workers->wake);
}

size_t net_workers_waiting(net_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    size_t count = workers->jobs.count;
    pthread_mutex_unlock(&workers->lock);
    return count;
}

void net_workers_del(net_workers **pointer)
{
    net_workers *workers = *pointer;
    *pointer = NULL;
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->ending = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    assert(workers->jobs.count == 0);
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->lock);
    memory_free(NULL, workers);
}
