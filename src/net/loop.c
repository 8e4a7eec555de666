/* loop.c - see loop.h
 * SPDX-License-Identifier: MIT
 *
 * libuv frees nothing by itself and closes late: each handle is closed by uv_close, and its memory is freed in the
 * callback of that, one turn later. So net_loop_del turns the loop until everybody has left. */
#include "net/loop.h"

#include "base/memory.h"
#include "net/job.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <uv.h>

struct net_timer {
    uv_timer_t uv;
    net_loop *loop;
    net_timer *previous, *next;
    void (*cb)(void *context);
    void *context;
};

typedef struct loop_signal {
    uv_signal_t uv;
    struct loop_signal *next;
    void (*cb)(void *context, int signum);
    void *context;
} loop_signal;

struct net_loop {
    uv_loop_t uv;
    uv_async_t async;     /* something was posted */
    uv_prepare_t prepare; /* counts turns */
    uint64_t turn;
    net_jobs soon;  /* see net_loop_soon */
    bool in_posted; /* posted calls are being made */
    net_loop_member *members;
    net_timer *timers;
    loop_signal *signals;
    bool running;
    pthread_t thread; /* valid while running */

    pthread_mutex_t lock; /* guards what follows: other threads write it */
    net_jobs posted;
    bool stopping;

    char buffer[NET_LOOP_BUFFER_BYTES];
};

/* ----------------------------------------------------------------------------------------------------------- posts */

static void loop_run_jobs(net_jobs jobs)
{
    for (net_job *job; (job = net_jobs_take(&jobs));)
        net_job_run(job);
}

/* Runs what was there when it began; what these calls post in turn has its own wake-up, so sockets get their turn. */
static void loop_run_posted(net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    net_jobs jobs = loop->posted;
    loop->posted = (net_jobs){0};
    pthread_mutex_unlock(&loop->lock);
    loop->in_posted = true;
    loop_run_jobs(jobs);
    loop->in_posted = false; /* what the ones below want soon is posted */
    jobs = loop->soon;
    loop->soon = (net_jobs){0};
    loop_run_jobs(jobs);
}

static void loop_on_async(uv_async_t *async)
{
    net_loop *loop = async->data;
    loop_run_posted(loop);
    pthread_mutex_lock(&loop->lock);
    bool stopping = loop->stopping;
    pthread_mutex_unlock(&loop->lock);
    if (stopping)
        uv_stop(&loop->uv);
}

void net_loop_post(net_loop *loop, void (*fn)(void *arg), void *arg)
{
    net_job *job = net_job_new(fn, arg);
    pthread_mutex_lock(&loop->lock);
    bool first = loop->posted.count == 0;
    net_jobs_push(&loop->posted, job);
    /* Under the lock: the loop must not be deleted between the push and the wake-up, by what the push causes. */
    if (first)
        uv_async_send(&loop->async);
    pthread_mutex_unlock(&loop->lock);
}

void net_loop_soon(net_loop *loop, void (*fn)(void *arg), void *arg)
{
    net_loop_check(loop);
    if (loop->in_posted)
        net_jobs_push(&loop->soon, net_job_new(fn, arg));
    else
        net_loop_post(loop, fn, arg);
}

void net_loop_stop(net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    loop->stopping = true;
    uv_async_send(&loop->async);
    pthread_mutex_unlock(&loop->lock);
}

/* ------------------------------------------------------------------------------------------------------------ life */

static void loop_on_prepare(uv_prepare_t *prepare)
{
    net_loop *loop = prepare->data;
    loop->turn++;
}

ll_status net_loop_new(net_loop **out)
{
    *out = NULL;
    net_loop *loop = memory_new(NULL, sizeof *loop);
    if (!loop)
        return LL_ENOMEM;
    if (uv_loop_init(&loop->uv)) {
        memory_free(NULL, loop);
        return LL_EIO;
    }
    if (uv_async_init(&loop->uv, &loop->async, loop_on_async)) {
        uv_loop_close(&loop->uv);
        memory_free(NULL, loop);
        return LL_EIO;
    }
    loop->async.data = loop;
    uv_prepare_init(&loop->uv, &loop->prepare);
    loop->prepare.data = loop;
    uv_prepare_start(&loop->prepare, loop_on_prepare);
    pthread_mutex_init(&loop->lock, NULL);
    *out = loop;
    return LL_OK;
}

/* A signal that is blocked stays pending and kills nobody; write then answers EPIPE. */
static void loop_block_sigpipe(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void net_loop_run(net_loop *loop)
{
    assert(!loop->running);
    loop_block_sigpipe();
    loop->thread = pthread_self();
    loop->running = true;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->running = false;
    pthread_mutex_lock(&loop->lock);
    loop->stopping = false;
    pthread_mutex_unlock(&loop->lock);
}

static bool loop_has_posted(net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool any = loop->posted.count > 0;
    pthread_mutex_unlock(&loop->lock);
    return any;
}

static void loop_close_members(net_loop *loop)
{
    net_loop_member *next;
    for (net_loop_member *m = loop->members; m; m = next) {
        next = m->next;
        m->close(m);
    }
}

static void loop_on_signal_closed(uv_handle_t *handle)
{
    memory_free(NULL, handle->data);
}

void net_loop_del(net_loop **pointer)
{
    net_loop *loop = *pointer;
    *pointer = NULL;
    if (!loop)
        return;
    assert(!loop->running);
    loop_block_sigpipe();
    while (loop->members || loop_has_posted(loop)) {
        loop_run_posted(loop);
        loop_close_members(loop);
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    while (loop->timers)
        net_timer_del(&(net_timer *){loop->timers});
    for (loop_signal *s = loop->signals; s; s = s->next)
        uv_close((uv_handle_t *)&s->uv, loop_on_signal_closed);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT))
        continue;
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0);
    (void)rc;
    pthread_mutex_destroy(&loop->lock);
    memory_wipe(loop->buffer, sizeof loop->buffer);
    memory_free(NULL, loop);
}

uint64_t net_loop_now_ms(const net_loop *loop)
{
    return uv_now(&loop->uv);
}

/* --------------------------------------------------------------------------------------------------------- signals */

static void loop_on_signal(uv_signal_t *uv, int signum)
{
    loop_signal *s = uv->data;
    s->cb(s->context, signum);
}

ll_status net_loop_signal(net_loop *loop, int signum, void (*cb)(void *context, int signum), void *context)
{
    net_loop_check(loop);
    loop_signal *s = memory_new(NULL, sizeof *s);
    if (!s)
        return LL_ENOMEM;
    if (uv_signal_init(&loop->uv, &s->uv)) {
        memory_free(NULL, s);
        return LL_EIO;
    }
    *s = (loop_signal){.uv = s->uv, .next = loop->signals, .cb = cb, .context = context};
    s->uv.data = s;
    if (uv_signal_start(&s->uv, loop_on_signal, signum)) {
        uv_close((uv_handle_t *)&s->uv, loop_on_signal_closed);
        return LL_EINVAL;
    }
    loop->signals = s;
    return LL_OK;
}

/* ---------------------------------------------------------------------------------------------------------- timers */

static void timer_on_fire(uv_timer_t *uv)
{
    net_timer *timer = uv->data;
    timer->cb(timer->context);
}

net_timer *net_timer_new(net_loop *loop, void (*cb)(void *context), void *context)
{
    net_loop_check(loop);
    net_timer *timer = memory_new(NULL, sizeof *timer);
    if (!timer)
        return NULL;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = timer;
    timer->loop = loop;
    timer->cb = cb;
    timer->context = context;
    timer->next = loop->timers;
    if (timer->next)
        timer->next->previous = timer;
    loop->timers = timer;
    return timer;
}

void net_timer_start(net_timer *timer, uint64_t ms)
{
    net_loop_check(timer->loop);
    uv_timer_start(&timer->uv, timer_on_fire, ms, 0);
}

void net_timer_stop(net_timer *timer)
{
    net_loop_check(timer->loop);
    uv_timer_stop(&timer->uv);
}

bool net_timer_running(const net_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}

static void timer_on_closed(uv_handle_t *handle)
{
    memory_free(NULL, handle->data);
}

void net_timer_del(net_timer **pointer)
{
    net_timer *timer = *pointer;
    *pointer = NULL;
    if (!timer)
        return;
    net_loop_check(timer->loop);
    if (timer->previous)
        timer->previous->next = timer->next;
    else
        timer->loop->timers = timer->next;
    if (timer->next)
        timer->next->previous = timer->previous;
    uv_close((uv_handle_t *)&timer->uv, timer_on_closed);
}

/* ---------------------------------------------------------------------------------------------------- for this room */

uv_loop_t *net_loop_uv(net_loop *loop)
{
    return &loop->uv;
}

char *net_loop_buffer(net_loop *loop)
{
    return loop->buffer;
}

uint64_t net_loop_turn(const net_loop *loop)
{
    return loop->turn;
}

void net_loop_check(const net_loop *loop)
{
    assert(!loop->running || pthread_equal(loop->thread, pthread_self()));
    (void)loop;
}

void net_loop_join(net_loop *loop, net_loop_member *member)
{
    member->previous = NULL;
    member->next = loop->members;
    if (member->next)
        member->next->previous = member;
    loop->members = member;
}

void net_loop_leave(net_loop *loop, net_loop_member *member)
{
    if (member->previous)
        member->previous->next = member->next;
    else
        loop->members = member->next;
    if (member->next)
        member->next->previous = member->previous;
}
