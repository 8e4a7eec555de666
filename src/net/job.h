/* job.h - calls waiting to be made, first in first out; for this room only.
 * SPDX-License-Identifier: MIT
 *
 * No locks: the owner has them. */
#ifndef NET_JOB_H
#define NET_JOB_H

#include <stddef.h>

typedef struct net_job {
    struct net_job *next;
    void (*fn)(void *arg);
    void *arg;
} net_job;

typedef struct net_jobs {
    net_job *first, *last;
    size_t count;
} net_jobs;

/* A job ready for net_jobs_push. Ends the process when out of memory: see net_loop_post. */
net_job *net_job_new(void (*fn)(void *arg), void *arg);
void net_jobs_push(net_jobs *jobs, net_job *job);
/* The oldest, now the caller's; NULL: none. */
net_job *net_jobs_take(net_jobs *jobs);
/* Call and free. */
void net_job_run(net_job *job);

#endif
