/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include "net/worker.h"

#include <signal.h>
#include <stdatomic.h>

static void add_one(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void del_drains(void **state)
{
    (void)state;
    atomic_uint done = 0;
    net_workers *workers;
    assert_int_equal(net_workers_new(&workers, 3), LL_OK);
    for (unsigned i = 0; i < 5000; i++)
        net_workers_post(workers, add_one, &done);
    net_workers_del(&workers);
    assert_null(workers);
    assert_int_equal(atomic_load(&done), 5000);
}

typedef struct tree {
    net_workers *workers;
    atomic_uint done;
} tree;

typedef struct branch {
    tree *tree;
    unsigned depth;
} branch;

static void grow(void *arg)
{
    branch *b = arg;
    static branch levels[8];
    atomic_fetch_add(&b->tree->done, 1);
    rig_sleep_ms(1);
    if (b->depth < 6) {
        net_workers_post(b->tree->workers, grow, &levels[b->depth + 1]);
        net_workers_post(b->tree->workers, grow, &levels[b->depth + 1]);
    } else if (b->depth == 100) {
        for (unsigned i = 0; i < 8; i++)
            levels[i] = (branch){b->tree, i};
        net_workers_post(b->tree->workers, grow, &levels[0]);
    }
}

static void del_waits_for_work_that_work_posts(void **state)
{
    (void)state;
    tree t = {0};
    assert_int_equal(net_workers_new(&t.workers, 4), LL_OK);
    branch root = {&t, 100};
    net_workers *same = t.workers;
    net_workers_post(same, grow, &root);
    net_workers_del(&same);
    assert_int_equal(atomic_load(&t.done), 1 + 127);
}

typedef struct order {
    unsigned last, wrong;
} order;

typedef struct numbered {
    order *order;
    unsigned number;
} numbered;

static void in_order(void *arg)
{
    numbered *n = arg;
    if (n->order->last + 1 != n->number)
        n->order->wrong++;
    n->order->last = n->number;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!sigismember(&mask, SIGTERM) || !sigismember(&mask, SIGPIPE))
        n->order->wrong++;
}

static void one_thread_is_first_in_first_out(void **state)
{
    (void)state;
    static numbered all[1000];
    order o = {0};
    net_workers *workers;
    assert_int_equal(net_workers_new(&workers, 1), LL_OK);
    for (unsigned i = 0; i < 1000; i++) {
        all[i] = (numbered){&o, i + 1};
        net_workers_post(workers, in_order, &all[i]);
    }
    assert_true(net_workers_waiting(workers) <= 1000);
    net_workers_del(&workers);
    assert_int_equal(o.last, 1000);
    assert_int_equal(o.wrong, 0);
}

typedef struct trip {
    net_loop *loop;
    net_workers *workers;
    unsigned left;
} trip;

static void trip_home(void *arg);

static void trip_out(void *arg)
{
    trip *t = arg;
    net_loop_post(t->loop, trip_home, t);
}

static void trip_home(void *arg)
{
    trip *t = arg;
    if (t->left-- == 0)
        net_loop_stop(t->loop);
    else
        net_workers_post(t->workers, trip_out, t);
}

static void work_answers_by_post(void **state)
{
    (void)state;
    trip t = {.left = 500};
    assert_int_equal(net_loop_new(&t.loop), LL_OK);
    assert_int_equal(net_workers_new(&t.workers, 2), LL_OK);
    net_loop_post(t.loop, trip_home, &t);
    net_loop_run(t.loop);
    net_workers_del(&t.workers);
    net_loop_del(&t.loop);
}

static void counts_are_checked(void **state)
{
    (void)state;
    net_workers *workers;
    assert_int_equal(net_workers_new(&workers, 0), LL_EINVAL);
    assert_int_equal(net_workers_new(&workers, NET_WORKERS_MAX + 1), LL_EINVAL);
    assert_null(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_checked),   cmocka_unit_test(one_thread_is_first_in_first_out),
        cmocka_unit_test(del_drains),           cmocka_unit_test(del_waits_for_work_that_work_posts),
        cmocka_unit_test(work_answers_by_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
