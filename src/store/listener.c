/* listener.c - see listener.h
 * SPDX-License-Identifier: MIT */
#include "store/listener.h"

#include "base/memory.h"

#include <stdatomic.h>

struct listener {
    atomic_uint refs;
    atomic_bool posted;
    bool muted; /* only on executor->done's thread */
    const executor *executor;
    void (*fn)(void *ctx);
    void *ctx;
};

ll_status listener_new(listener **out, const executor *e, void (*fn)(void *ctx), void *ctx)
{
    listener *l = *out = memory_new(NULL, sizeof *l);
    if (!l)
        return LL_ENOMEM;
    atomic_init(&l->refs, 1);
    atomic_init(&l->posted, false);
    l->executor = e;
    l->fn = fn;
    l->ctx = ctx;
    return LL_OK;
}

listener *listener_ref(listener *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void listener_unref(listener **l)
{
    listener *gone = *l;
    *l = NULL;
    if (gone && atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel) == 1)
        memory_free(NULL, gone);
}

static void deliver(void *arg)
{
    listener *l = arg;
    atomic_store(&l->posted, false); /* first: what is published from here on posts again */
    if (!l->muted && l->fn)
        l->fn(l->ctx);
    listener_unref(&l);
}

void listener_notify(listener *l)
{
    if (!atomic_exchange(&l->posted, true))
        executor_done(l->executor, deliver, listener_ref(l));
}

void listener_mute(listener *l)
{
    l->muted = true;
}
