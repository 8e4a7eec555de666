/* reader_test.c - which jobs wait in line for a reader, and for how long.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/vault_state.h"

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool open;
    unsigned inside; /* jobs that have come to it and not left */
} gate;

static gate *gate_new(void)
{
    gate *g = calloc(1, sizeof *g);
    assert_non_null(g);
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->moved, NULL);
    return g;
}

static void gate_pass(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->inside++;
    pthread_cond_broadcast(&g->moved);
    while (!g->open)
        pthread_cond_wait(&g->moved, &g->mutex);
    g->inside--;
    pthread_mutex_unlock(&g->mutex);
}

static void gate_wait(gate *g, unsigned inside)
{
    pthread_mutex_lock(&g->mutex);
    while (g->inside < inside)
        pthread_cond_wait(&g->moved, &g->mutex);
    pthread_mutex_unlock(&g->mutex);
}

static void gate_open(gate *g)
{
    pthread_mutex_lock(&g->mutex);
    g->open = true;
    pthread_cond_broadcast(&g->moved);
    pthread_mutex_unlock(&g->mutex);
}

static void gate_del(gate *g)
{
    pthread_cond_destroy(&g->moved);
    pthread_mutex_destroy(&g->mutex);
    free(g);
}

typedef struct work {
    reader_job job; /* first */
    gate *gate;     /* NULL: it passes */
    unsigned *over;
} work;

static ll_status work_run(reader_job *job, db *d)
{
    work *w = (work *)job;
    assert_non_null(d);
    if (w->gate)
        gate_pass(w->gate);
    return LL_OK;
}

static void work_done(reader_job *job, ll_status status)
{
    work *w = (work *)job;
    assert_int_equal(status, LL_OK);
    ++*w->over;
    free(w);
}

static void add(fixture *f, gate *g, bool brief, unsigned *over)
{
    work *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (work){.job = {.run = work_run, .done = work_done, .brief = brief}, .gate = g, .over = over};
    reader_add(f->vault, &w->job);
}

static void await(fixture *f, const unsigned *over, unsigned count)
{
    while (*over < count)
        fixture_pump(f);
}

static unsigned taken(fixture *f)
{
    pthread_mutex_lock(&f->vault->mutex);
    unsigned count = f->vault->readers.taken;
    pthread_mutex_unlock(&f->vault->mutex);
    return count;
}

static void start(fixture *f, uint64_t fresh_us)
{
    fixture_init(f, 6);
    f->vault->readers.processors = 2;
    f->vault->readers.fresh_us = fresh_us;
}

/* Two brief ones run: the others get their readers, not readers of their own. */
static void test_brief_wait(void **state)
{
    (void)state;
    fixture f;
    unsigned over = 0;
    start(&f, UINT64_MAX);
    gate *g = gate_new();
    for (int i = 0; i < 40; i++)
        add(&f, g, true, &over);
    gate_wait(g, 2);
    assert_int_equal(taken(&f), 2);
    gate_open(g);
    await(&f, &over, 40);
    gate_del(g);
    fixture_fini(&f);
}

/* They take long: the disk has to be waited for, and so many at once as there are readers. */
static void test_slow(void **state)
{
    (void)state;
    fixture f;
    unsigned over = 0;
    start(&f, 0);
    gate *g = gate_new();
    for (int i = 0; i < 9; i++)
        add(&f, g, true, &over);
    gate_wait(g, READERS_MAX);
    assert_int_equal(taken(&f), READERS_MAX);
    gate_open(g);
    await(&f, &over, 9);
    gate_del(g);
    fixture_fini(&f);
}

/* What is long from the start is waited for by nobody, also if it stood in line before. */
static void test_long(void **state)
{
    (void)state;
    fixture f;
    unsigned over = 0, quick = 0;
    start(&f, UINT64_MAX);
    gate *brief = gate_new(), *long_ones = gate_new();
    add(&f, long_ones, false, &over);
    gate_wait(long_ones, 1);
    add(&f, NULL, true, &quick);
    await(&f, &quick, 1);
    add(&f, brief, true, &over);
    add(&f, brief, true, &over);
    add(&f, long_ones, false, &over);
    add(&f, NULL, true, &quick);
    gate_wait(brief, 2);
    assert_int_equal(taken(&f), 3);
    gate_open(brief);
    await(&f, &quick, 2);
    gate_wait(long_ones, 2);
    await(&f, &over, 2);
    gate_open(long_ones);
    await(&f, &over, 4);
    gate_del(brief);
    gate_del(long_ones);
    fixture_fini(&f);
}

/* Who has heard of the last job holds the vault alone: a host that then closes it is not told that it is busy. */
static void test_reported(void **state)
{
    (void)state;
    fixture f;
    unsigned over = 0;
    start(&f, UINT64_MAX);
    for (unsigned n = 1; n <= 3000; n++) {
        add(&f, NULL, true, &over);
        if (n % 3 == 0) {
            await(&f, &over, n);
            assert_int_equal(fixture_refs(&f), 1);
            assert_int_equal(taken(&f), 0);
        }
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_brief_wait), cmocka_unit_test(test_slow),
                                       cmocka_unit_test(test_long), cmocka_unit_test(test_reported)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
