/* loop.h - one event loop per thread: posted calls, timers, signals.
 * SPDX-License-Identifier: MIT
 *
 * A net_loop wraps one uv_loop_t. It belongs to the thread that calls net_loop_run; everything made on it (connections,
 * listeners, timers) may be touched by that thread only, while it runs. Two calls are for every thread: net_loop_post
 * and net_loop_stop. There are no globals: a process has as many loops as it wants.
 *
 * net_loop_run blocks SIGPIPE on its thread, and leaves it blocked: a peer that hangs up is an error of write, not a
 * signal. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/span.h"

typedef struct net_loop net_loop;
typedef struct net_timer net_timer;

/* LL_ENOMEM; LL_EIO (no file descriptors left). */
LL_MUST_USE ll_status net_loop_new(net_loop **out);
/* Runs what has been posted, aborts connections and closes listeners that remain (their on_closed is called), deletes
 * timers that remain, frees. Not from inside net_loop_run; nobody may post any more. Sets *loop to NULL. */
void net_loop_del(net_loop **loop);
/* Runs until net_loop_stop, even with nothing to wait for. May be called again after that. */
void net_loop_run(net_loop *loop);
/* Let net_loop_run return after the callbacks of this moment. From any thread; before net_loop_run too: that then
 * returns almost at once. */
void net_loop_stop(net_loop *loop);

/* Milliseconds on a clock that never jumps, as of this turn of the loop. */
uint64_t net_loop_now_ms(const net_loop *loop);

/* Run fn(arg) on the loop's thread, soon, in the order of posting. From any thread. Never fails: when out of memory the
 * process ends, because a lost completion would hang its session for ever. Only the callers bound the queue. */
void net_loop_post(net_loop *loop, void (*fn)(void *arg), void *arg);

/* The same from the loop's own thread, and sooner: what a posted call asks for is run right behind the posted calls of
 * this turn, without a wake-up in between. What runs there and asks again waits for the next turn, so sockets keep
 * theirs. */
void net_loop_soon(net_loop *loop, void (*fn)(void *arg), void *arg);

/* Call cb on the loop's thread whenever the process receives the signal. The handler stays until net_loop_del.
 * LL_ENOMEM; LL_EINVAL (no such signal, or it cannot be caught). */
LL_MUST_USE ll_status net_loop_signal(net_loop *loop, int signum, void (*cb)(void *context, int signum), void *context);

/* A timer that calls cb once, `ms` after the last net_timer_start. NULL when out of memory. */
net_timer *net_timer_new(net_loop *loop, void (*cb)(void *context), void *context);
void net_timer_start(net_timer *timer, uint64_t ms); /* restarts one that runs; 0: on the next turn of the loop */
void net_timer_stop(net_timer *timer);
bool net_timer_running(const net_timer *timer);
/* From its own callback too; NULL is fine. The callback is not called any more. Before net_loop_del, which deletes
 * those left over. */
void net_timer_del(net_timer **timer);

/* ------------------------------------------------------------------------------------------------ for this room only
 */

struct uv_loop_s;

enum {
    /* One read. Four TLS records: as much as a connection gets before the others have their turn. */
    NET_LOOP_BUFFER_BYTES = 65536
};

struct uv_loop_s *net_loop_uv(net_loop *loop);
/* NET_LOOP_BUFFER_BYTES shared by all connections of the loop: valid until the callback returns to the loop. */
char *net_loop_buffer(net_loop *loop);
/* Counts turns of the loop: what is limited per turn compares it. */
uint64_t net_loop_turn(const net_loop *loop);
/* Ours to get right: the call comes from the loop's thread, or the loop does not run. */
void net_loop_check(const net_loop *loop);

/* Something that net_loop_del must close: embedded in it. `close` must lead to net_loop_leave within later turns. */
typedef struct net_loop_member {
    struct net_loop_member *previous, *next;
    void (*close)(struct net_loop_member *member);
} net_loop_member;

void net_loop_join(net_loop *loop, net_loop_member *member);
void net_loop_leave(net_loop *loop, net_loop_member *member);

#endif
