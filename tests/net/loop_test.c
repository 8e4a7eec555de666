/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <signal.h>
#include <unistd.h>

enum { POSTERS = 4, POSTS = 2000 };

typedef struct tally {
    net_loop *loop;
    unsigned last[POSTERS]; /* the last number seen from each poster: they must ascend */
    unsigned total, wrong;
} tally;

typedef struct piece {
    tally *tally;
    unsigned poster, number;
} piece;

typedef struct poster {
    piece pieces[POSTS];
} poster;

static void on_piece(void *arg)
{
    piece *p = arg;
    tally *t = p->tally;
    if (p->number != t->last[p->poster] + 1)
        t->wrong++;
    t->last[p->poster] = p->number;
    if (++t->total == POSTERS * POSTS)
        net_loop_stop(t->loop);
}

static void *poster_main(void *arg)
{
    poster *p = arg;
    for (unsigned i = 0; i < POSTS; i++)
        net_loop_post(p->pieces[i].tally->loop, on_piece, &p->pieces[i]);
    return NULL;
}

static void posts_from_many_threads_keep_their_order(void **state)
{
    (void)state;
    static poster posters[POSTERS];
    tally t = {0};
    assert_int_equal(net_loop_new(&t.loop), LL_OK);
    pthread_t threads[POSTERS];
    for (unsigned i = 0; i < POSTERS; i++) {
        for (unsigned n = 0; n < POSTS; n++)
            posters[i].pieces[n] = (piece){&t, i, n + 1};
        pthread_create(&threads[i], NULL, poster_main, &posters[i]);
    }
    net_loop_run(t.loop);
    for (unsigned i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    net_loop_del(&t.loop);
    assert_null(t.loop);
    assert_int_equal(t.total, POSTERS * POSTS);
    assert_int_equal(t.wrong, 0);
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

typedef struct chain {
    net_loop *loop;
    unsigned left;
} chain;

static void post_again(void *arg)
{
    chain *c = arg;
    if (c->left-- > 1)
        net_loop_post(c->loop, post_again, c);
}

static void del_runs_what_was_posted(void **state)
{
    (void)state;
    net_loop *loop;
    unsigned calls = 0;
    assert_int_equal(net_loop_new(&loop), LL_OK);
    chain c = {loop, 5};
    net_loop_post(loop, count, &calls);
    net_loop_post(loop, post_again, &c);
    net_loop_del(&loop);
    assert_int_equal(calls, 1);
    assert_int_equal(c.left, 0);
}

static void stop_before_run_is_kept(void **state)
{
    (void)state;
    net_loop *loop;
    unsigned calls = 0;
    assert_int_equal(net_loop_new(&loop), LL_OK);
    net_loop_post(loop, count, &calls);
    net_loop_stop(loop);
    net_loop_run(loop);
    assert_int_equal(calls, 1);
    net_loop_stop(loop);
    net_loop_run(loop);
    net_loop_del(&loop);
}

typedef struct clock_test {
    net_loop *loop;
    net_timer *timers[4];
    char order[8];
    unsigned fired;
} clock_test;

static void fire(clock_test *t, char name)
{
    t->order[t->fired++] = name;
}

static void on_a(void *context)
{
    clock_test *t = context;
    fire(t, 'a');
    net_timer_del(&t->timers[0]); /* itself */
    net_timer_del(&t->timers[2]); /* one that would still fire */
}

static void on_b(void *context)
{
    clock_test *t = context;
    fire(t, 'b');
    if (t->fired < 3)
        net_timer_start(t->timers[1], 5);
    else
        net_loop_stop(t->loop);
}

static void on_never(void *context)
{
    fire(context, '!');
}

static void timers_fire_in_time_and_die_safely(void **state)
{
    (void)state;
    clock_test t = {0};
    assert_int_equal(net_loop_new(&t.loop), LL_OK);
    t.timers[0] = net_timer_new(t.loop, on_a, &t);
    t.timers[1] = net_timer_new(t.loop, on_b, &t);
    t.timers[2] = net_timer_new(t.loop, on_never, &t);
    t.timers[3] = net_timer_new(t.loop, on_never, &t); /* left to net_loop_del */
    net_timer_start(t.timers[0], 10);
    net_timer_start(t.timers[1], 20);
    net_timer_start(t.timers[2], 15);
    net_timer_start(t.timers[3], 60000);
    assert_true(net_timer_running(t.timers[0]));
    uint64_t began = net_loop_now_ms(t.loop);
    net_loop_run(t.loop);
    assert_true(net_loop_now_ms(t.loop) - began >= 25);
    assert_string_equal(t.order, "abb");
    net_loop_del(&t.loop);
}

static void on_signal(void *context, int signum)
{
    clock_test *t = context;
    fire(t, signum == SIGUSR1 ? 'u' : '?');
    net_loop_stop(t->loop);
}

static void raise_it(void *arg)
{
    (void)arg;
    kill(getpid(), SIGUSR1);
}

static void signals_arrive_on_the_loop(void **state)
{
    (void)state;
    clock_test t = {0};
    assert_int_equal(net_loop_new(&t.loop), LL_OK);
    assert_int_equal(net_loop_signal(t.loop, SIGUSR1, on_signal, &t), LL_OK);
    assert_int_equal(net_loop_signal(t.loop, SIGKILL, on_signal, &t), LL_EINVAL);
    net_loop_post(t.loop, raise_it, NULL);
    net_loop_run(t.loop);
    assert_string_equal(t.order, "u");
    net_loop_del(&t.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_from_many_threads_keep_their_order),
        cmocka_unit_test(del_runs_what_was_posted),
        cmocka_unit_test(stop_before_run_is_kept),
        cmocka_unit_test(timers_fire_in_time_and_die_safely),
        cmocka_unit_test(signals_arrive_on_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
