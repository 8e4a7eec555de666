/* worker.h - a pool of threads for work that blocks: SQLite, password hashing, disk.
 * SPDX-License-Identifier: MIT
 *
 * Work starts in the order of posting. It answers by net_loop_post to the loop of whoever asked. All signals are
 * blocked in the threads, so that the loop receives them. Callers bound the queue (at most one piece of work per
 * session, say). */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include "base/span.h"

typedef struct net_workers net_workers;

enum {
    NET_WORKERS_MAX = 256, /* more threads than this on one machine wait for each other, not for the disk */
    /* SQLite's documentation asks for far less than 256 KiB, our MIME and search code recurses to a bounded depth,
     * Argon2id works on the heap: 512 KiB leaves half of it free. The C library's default of 8 MiB would count against
     * locked memory. */
    NET_WORKER_STACK_BYTES = 512 * 1024
};

/* count threads, 1 to NET_WORKERS_MAX. LL_EINVAL; LL_ENOMEM; LL_EIO (the system gives no more threads). */
LL_MUST_USE ll_status net_workers_new(net_workers **out, unsigned count);
/* Run fn(arg) on one of the threads. From any thread, the workers included. Never fails: out of memory ends the
 * process. */
void net_workers_post(net_workers *workers, void (*fn)(void *arg), void *arg);
/* How many pieces of work wait for a thread: for metrics and for saying "busy". From any thread. */
size_t net_workers_waiting(net_workers *workers);
/* Drains: everything posted is run, also what that work posts in turn; then joins the threads and frees. Not from a
 * worker; nobody else may post any more. Sets *workers to NULL. */
void net_workers_del(net_workers **workers);

#endif
