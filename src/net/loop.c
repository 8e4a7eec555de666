/* loop.c - see loop.h
 * SPDX-License-Identifier: MIT
 *
 * libuv frees nothing by itself and closes late: each handle is closed by uv_close, and its memory is freed in the
 * callback of that, one turn later. So net_loop_del turns the loop until everybody has left.
 *
 * Waking is our own, not uv_async: what is posted while the loop is awake costs no system call, as it looks before it
 * sleeps; who wakes it does so behind the lock; and uv_async lets the loop spin for as long as the thread that woke it
 * is off its processor, which is what waking often leads to (docs/why/fetch.md). */
#include "net/loop.h"

#include "base/memory.h"
#include "net/job.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>
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
    int wake_fd;          /* of eventfd: something was posted while the loop slept */
    uv_poll_t wake;       /* on it */
    uv_prepare_t prepare; /* before sleep: counts turns, runs what was posted */
    uv_check_t check;     /* behind it */
    uv_idle_t busy;       /* active: do not sleep, more was posted meanwhile */
    uint64_t turn;
    net_jobs soon;  /* see net_loop_soon */
    bool in_posted; /* posted calls are being made */
    net_loop_member *members;
    net_timer *timers;
    loop_signal *signals;
    bool running;
    pthread_t thread; /* valid while running, and while asleep */

    pthread_mutex_t lock; /* guards what follows: other threads write it */
    net_jobs posted;
    bool stopping;
    bool asleep; /* or about to be, and nobody has woken it yet */

    atomic_uint waking; /* threads between the lock and the end of the wake-up: net_loop_del waits for them */

    char buffer[NET_LOOP_BUFFER_BYTES];
};

/* ----------------------------------------------------------------------------------------------------------- posts */

static void loop_run_jobs(net_jobs jobs)
{
    for (net_job *job; (job = net_jobs_take(&jobs));)
        net_job_run(job);
}

/* Runs what was there when it began; what these calls post in turn waits for the next turn, so sockets get theirs. */
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

static void loop_on_busy(uv_idle_t *busy)
{
    (void)busy; /* that it is active is what counts */
}

/* From here on who posts must wake. */
static void loop_on_prepare(uv_prepare_t *prepare)
{
    net_loop *loop = prepare->data;
    loop->turn++;
    loop_run_posted(loop);
    pthread_mutex_lock(&loop->lock);
    bool stopping = loop->stopping, more = loop->posted.count > 0;
    loop->asleep = !more && !stopping;
    pthread_mutex_unlock(&loop->lock);
    if (stopping)
        uv_stop(&loop->uv);
    if (more)
        uv_idle_start(&loop->busy, loop_on_busy);
    else
        uv_idle_stop(&loop->busy);
}

static void loop_on_check(uv_check_t *check)
{
    net_loop *loop = check->data;
    pthread_mutex_lock(&loop->lock);
    loop->asleep = false;
    pthread_mutex_unlock(&loop->lock);
}

static void loop_on_wake(uv_poll_t *wake, int status, int events)
{
    const net_loop *loop = wake->data;
    uint64_t count;
    (void)status, (void)events;
    (void)!read(loop->wake_fd, &count, sizeof count); /* what was posted is run before the next sleep */
}

/* With the lock, which is given back first: who is woken wants it. */
static void loop_unlock_and_wake(net_loop *loop)
{
    static const uint64_t one = 1;
    bool wake = loop->asleep && !pthread_equal(loop->thread, pthread_self()); /* itself it is awake */
    if (wake)
        loop->asleep = false; /* others need not */
    if (wake)
        atomic_fetch_add(&loop->waking, 1);
    pthread_mutex_unlock(&loop->lock);
    if (!wake)
        return;
    while (write(loop->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
    atomic_fetch_sub(&loop->waking, 1);
}

void net_loop_post(net_loop *loop, void (*fn)(void *arg), void *arg)
{
    net_job *job = net_job_new(fn, arg);
    pthread_mutex_lock(&loop->lock);
    net_jobs_push(&loop->posted, job);
    loop_unlock_and_wake(loop);
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
    loop_unlock_and_wake(loop);
}

/* ------------------------------------------------------------------------------------------------------------ life */

ll_status net_loop_new(net_loop **out)
{
    *out = NULL;
    net_loop *loop = memory_new(NULL, sizeof *loop);
    if (!loop)
        return LL_ENOMEM;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0 || uv_loop_init(&loop->uv)) {
        if (loop->wake_fd >= 0)
            close(loop->wake_fd);
        memory_free(NULL, loop);
        return LL_EIO;
    }
    if (uv_poll_init(&loop->uv, &loop->wake, loop->wake_fd)) {
        uv_loop_close(&loop->uv);
        close(loop->wake_fd);
        memory_free(NULL, loop);
        return LL_EIO;
    }
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_idle_init(&loop->uv, &loop->busy);
    loop->wake.data = loop->prepare.data = loop->check.data = loop;
    uv_poll_start(&loop->wake, UV_READABLE, loop_on_wake);
    uv_prepare_start(&loop->prepare, loop_on_prepare);
    uv_check_start(&loop->check, loop_on_check);
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
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->busy, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT))
        continue;
    int rc = uv_loop_close(&loop->uv);
    assert(rc == 0);
    (void)rc;
    while (atomic_load(&loop->waking)) /* whose call was the last, and has been run */
        sched_yield();
    close(loop->wake_fd);
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
