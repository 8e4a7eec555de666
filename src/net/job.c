/* job.c - see job.h
 * SPDX-License-Identifier: MIT */
#include "net/job.h"

#include <stdio.h>
#include <stdlib.h>

net_job *net_job_new(void (*fn)(void *arg), void *arg)
{
    net_job *job = malloc(sizeof *job);
    if (!job) {
        fputs("out of memory for a posted call: a lost completion would hang its session, so the process ends\n",
              stderr);
        abort();
    }
    *job = (net_job){.fn = fn, .arg = arg};
    return job;
}

void net_jobs_push(net_jobs *jobs, net_job *job)
{
    if (jobs->last)
        jobs->last->next = job;
    else
        jobs->first = job;
    jobs->last = job;
    jobs->count++;
}

net_job *net_jobs_take(net_jobs *jobs)
{
    net_job *job = jobs->first;
    if (!job)
        return NULL;
    jobs->first = job->next;
    if (!jobs->first)
        jobs->last = NULL;
    jobs->count--;
    job->next = NULL;
    return job;
}

void net_job_run(net_job *job)
{
    void (*fn)(void *arg) = job->fn;
    void *arg = job->arg;
    free(job);
    fn(arg);
}
