/* executor.h - where the host lets the store work: the library makes no threads of its own.
 * SPDX-License-Identifier: MIT
 *
 * The host (room net: a libuv loop with its workers; a test: a handful of pthreads) fills in one of these. With both
 * functions NULL everything happens at once, inside the call that asked for it. */
#ifndef STORE_EXECUTOR_H
#define STORE_EXECUTOR_H

#include <stddef.h>

typedef struct executor {
    /* Run fn(arg) soon on some worker thread, where it may block on the disk. May be called from any thread. Never
     * fails: what was given is run once, also while the host is shutting down. NULL: fn runs right here. */
    void (*work)(void *ctx, void (*fn)(void *arg), void *arg);
    /* Run fn(arg) soon on the host's main thread, in the order of the calls. May be called from any thread. NULL: right
     * here. */
    void (*done)(void *ctx, void (*fn)(void *arg), void *arg);
    void *ctx; /* owned by the host */
} executor;

static inline void executor_work(const executor *e, void (*fn)(void *arg), void *arg)
{
    if (e->work) {
        e->work(e->ctx, fn, arg);
    } else {
        fn(arg);
    }
}

static inline void executor_done(const executor *e, void (*fn)(void *arg), void *arg)
{
    if (e->done) {
        e->done(e->ctx, fn, arg);
    } else {
        fn(arg);
    }
}

#endif
