/* queue_test.c - order, savepoints, one commit for many, and what happens when a commit fails.
 * SPDX-License-Identifier: MIT */
#include "pool.h"
#include "scratch.h"

#include "store/queue.h"

static const uint8_t key[DB_KEY] = "0123456789abcdef0123456789abcde";

typedef struct fixture {
    scratch scratch;
    db *db;
    queue queue;
    int begun, asked, committed, rolled, rested;
    ll_status commit_answer;
} fixture;

static ll_status hook_begin(void *ctx, db *d)
{
    assert_true(db_in_transaction(d));
    ((fixture *)ctx)->begun++;
    return LL_OK;
}

static ll_status hook_commit(void *ctx, db *d)
{
    assert_true(db_in_transaction(d));
    ((fixture *)ctx)->asked++;
    return ((fixture *)ctx)->commit_answer;
}

static void hook_committed(void *ctx, db *d)
{
    assert_false(db_in_transaction(d));
    ((fixture *)ctx)->committed++;
}

static void hook_rollback(void *ctx, db *d)
{
    assert_false(db_in_transaction(d));
    ((fixture *)ctx)->rolled++;
}

static void hook_rest(void *ctx, db *d)
{
    assert_false(db_in_transaction(d));
    db_shrink(d);
    ((fixture *)ctx)->rested++;
}

static void fixture_init(fixture *f, const executor *e)
{
    static const queue_hooks hooks = {hook_begin, hook_commit, hook_committed, hook_rollback, hook_rest};
    memset(f, 0, sizeof *f);
    scratch_init(&f->scratch);
    assert_int_equal(db_open(&f->db, scratch_path(&f->scratch, "a.sqlite"), key, DB_CREATE, NULL), LL_OK);
    assert_int_equal(db_exec(f->db, "CREATE TABLE t(a UNIQUE)"), LL_OK);
    queue_init(&f->queue, e, f->db, &hooks, f);
}

static void fixture_fini(fixture *f)
{
    queue_drain(&f->queue);
    queue_fini(&f->queue);
    db_close(&f->db);
    scratch_fini(&f->scratch);
}

static int64_t number_of(db *d, const char *literal)
{
    int64_t n = -1;
    assert_int_equal(db_take_int(db_prepare(d, literal), &n), LL_OK);
    return n;
}

typedef struct insert_job {
    queue_job job;
    int value;
    ll_status answer; /* of run, after the insert */
    ll_status got;
    int *order, turn; /* counts reports */
    queue *again;     /* add `next` from done */
    struct insert_job *next;
} insert_job;

static ll_status insert_run(queue_job *job, db *d)
{
    insert_job *i = (insert_job *)job;
    db_stmt *q = db_prepare(d, "INSERT INTO t VALUES(?1)");
    db_bind_int(q, 1, i->value);
    ll_status status = db_run(q);
    return status ? status : i->answer;
}

static void insert_done(queue_job *job, ll_status status)
{
    insert_job *i = (insert_job *)job;
    i->got = status;
    i->turn = i->order ? ++*i->order : 0;
    if (i->again) {
        queue_add(i->again, &i->next->job);
    }
}

static insert_job insert(int value, int *order)
{
    return (insert_job){
        .job = {.run = insert_run, .done = insert_done}, .value = value, .got = LL_MORE, .order = order};
}

/* An executor that collects the work until told, so that a batch is of known size. */
typedef struct collector {
    void (*fn)(void *);
    void *arg;
} collector;

static void collector_work(void *ctx, void (*fn)(void *), void *arg)
{
    collector *c = ctx;
    assert_null(c->fn);
    *c = (collector){fn, arg};
}

static int collector_run(collector *c)
{
    int runs = 0;
    while (c->fn) {
        collector now = *c;
        c->fn = NULL;
        now.fn(now.arg);
        runs++;
    }
    return runs;
}

static void at_once_without_an_executor(void **state)
{
    (void)state;
    static const executor here = {NULL, NULL, NULL};
    fixture f;
    fixture_init(&f, &here);
    int order = 0;
    insert_job a = insert(1, &order), b = insert(2, &order), c = insert(1, &order);
    a.again = &f.queue;
    a.next = &b;
    queue_add(&f.queue, &a.job);
    assert_int_equal(a.got, LL_OK);
    assert_int_equal(b.got, LL_OK); /* added by a's report */
    assert_int_equal(b.turn, 2);
    queue_add(&f.queue, &c.job);
    assert_int_equal(c.got, LL_EEXISTS);
    assert_int_equal(f.committed, 2);
    assert_int_equal(f.rolled, 1); /* nothing to commit */
    assert_int_equal(f.asked, 2);
    assert_int_equal(f.begun, 3);
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), 2);
    fixture_fini(&f);
}

static void one_batch_with_a_failure_inside(void **state)
{
    (void)state;
    collector c = {0};
    executor e = {collector_work, NULL, &c};
    fixture f;
    fixture_init(&f, &e);
    int order = 0;
    insert_job jobs[10];
    for (int i = 0; i < 10; i++) {
        jobs[i] = insert(i, &order);
        jobs[i].answer = i == 4 ? LL_EQUOTA : i == 5 ? LL_MORE : LL_OK;
        queue_add(&f.queue, &jobs[i].job);
    }
    collector_run(&c);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(jobs[i].got, jobs[i].answer);
        assert_int_equal(jobs[i].turn, i + 1);
    }
    assert_int_equal(f.queue.batches, 1);
    assert_int_equal(f.queue.jobs, 10);
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), 9);
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t WHERE a = 4"), 0);
    fixture_fini(&f);
}

static void batches_are_bounded(void **state)
{
    (void)state;
    collector c = {0};
    executor e = {collector_work, NULL, &c};
    fixture f;
    fixture_init(&f, &e);
    enum { JOBS = QUEUE_BATCH_JOBS * 2 + 1 };
    static insert_job jobs[JOBS];
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = insert(i, NULL);
        queue_add(&f.queue, &jobs[i].job);
    }
    collector_run(&c);
    assert_int_equal(f.queue.batches, 3);
    for (int i = 0; i < 5; i++) {
        jobs[i] = insert(JOBS + i, NULL);
        jobs[i].job.weight = QUEUE_BATCH_BYTES / 2;
        queue_add(&f.queue, &jobs[i].job);
    }
    collector_run(&c);
    assert_int_equal(f.queue.batches, 6); /* 2, 2, 1 */
    for (int i = 0; i < 7; i++) {
        jobs[i] = insert(2 * JOBS + i, NULL);
        jobs[i].job.alone = i == 0 || i == 3 || i == 4;
        queue_add(&f.queue, &jobs[i].job);
    }
    collector_run(&c);
    assert_int_equal(f.queue.batches, 11); /* 1, 2, 1, 1, 2 */
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), JOBS + 12);
    fixture_fini(&f);
}

static void a_failed_commit_fails_everybody(void **state)
{
    (void)state;
    collector c = {0};
    executor e = {collector_work, NULL, &c};
    fixture f;
    fixture_init(&f, &e);
    insert_job jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = insert(i, NULL);
        jobs[i].answer = i == 1 ? LL_EQUOTA : LL_OK;
        queue_add(&f.queue, &jobs[i].job);
    }
    f.commit_answer = LL_EFULL;
    collector_run(&c);
    assert_int_equal(jobs[0].got, LL_EFULL);
    assert_int_equal(jobs[1].got, LL_EQUOTA); /* had its own reason */
    assert_int_equal(jobs[2].got, LL_EFULL);
    assert_int_equal(f.rolled, 1);
    assert_int_equal(f.committed, 0);
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), 0);
    f.commit_answer = LL_OK;
    insert_job again = insert(7, NULL);
    queue_add(&f.queue, &again.job);
    collector_run(&c);
    assert_int_equal(again.got, LL_OK);
    fixture_fini(&f);
}

static ll_status breaking_run(queue_job *job, db *d)
{
    (void)job;
    db_rollback(d); /* as SQLite does by itself on a full disk */
    return LL_EIO;
}

static void a_lost_transaction_fails_everybody(void **state)
{
    (void)state;
    collector c = {0};
    executor e = {collector_work, NULL, &c};
    fixture f;
    fixture_init(&f, &e);
    insert_job jobs[3];
    for (int i = 0; i < 3; i++) {
        jobs[i] = insert(i, NULL);
        queue_add(&f.queue, &jobs[i].job);
    }
    jobs[1].job.run = breaking_run;
    collector_run(&c);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(jobs[i].got, LL_EIO);
    }
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), 0);
    assert_int_equal(f.rolled, 1);
    fixture_fini(&f);
}

typedef struct adder {
    fixture *fixture;
    insert_job *jobs;
    int count;
} adder;

static void it_rests_only_without_work(void **state)
{
    (void)state;
    collector c = {0};
    executor e = {collector_work, NULL, &c};
    fixture f;
    fixture_init(&f, &e);
    assert_true(queue_rest(&f.queue));
    assert_false(queue_rest(&f.queue)); /* one is under way */
    assert_int_equal(f.rested, 0);
    assert_int_equal(collector_run(&c), 1);
    assert_int_equal(f.rested, 1);
    assert_int_equal(f.begun, 0);
    insert_job job = insert(1, NULL);
    assert_true(queue_rest(&f.queue));
    queue_add(&f.queue, &job.job); /* waits for the rest, and comes after it */
    collector_run(&c);
    assert_int_equal(f.rested, 2);
    assert_int_equal(job.got, LL_OK);
    queue_add(&f.queue, &job.job);
    assert_false(queue_rest(&f.queue)); /* there is work */
    collector_run(&c);
    fixture_fini(&f);
}

static void *adder_run(void *self)
{
    adder *a = self;
    for (int i = 0; i < a->count; i++) {
        queue_add(&a->fixture->queue, &a->jobs[i].job);
    }
    return NULL;
}

static void threads_share_commits(void **state)
{
    (void)state;
    enum { THREADS = 16, EACH = 40 };
    static insert_job jobs[THREADS][EACH];
    pool p;
    pool_init(&p, 4);
    fixture f;
    fixture_init(&f, &p.executor);
    pthread_t threads[THREADS];
    adder adders[THREADS];
    int order = 0; /* counted by the one main thread of the pool */
    for (int t = 0; t < THREADS; t++) {
        adders[t] = (adder){&f, jobs[t], EACH};
        for (int i = 0; i < EACH; i++) {
            jobs[t][i] = insert(t * EACH + i, &order);
        }
        pthread_create(&threads[t], NULL, adder_run, &adders[t]);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
    }
    queue_drain(&f.queue);
    pool_fini(&p);
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EACH; i++) {
            assert_int_equal(jobs[t][i].got, LL_OK);
            assert_true(i == 0 || jobs[t][i].turn > jobs[t][i - 1].turn);
        }
    }
    assert_int_equal(order, THREADS * EACH);
    assert_true(f.queue.batches < THREADS * EACH);
    assert_int_equal(number_of(f.db, "SELECT count(*) FROM t"), THREADS * EACH);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_once_without_an_executor),
        cmocka_unit_test(one_batch_with_a_failure_inside),
        cmocka_unit_test(batches_are_bounded),
        cmocka_unit_test(a_failed_commit_fails_everybody),
        cmocka_unit_test(a_lost_transaction_fails_everybody),
        cmocka_unit_test(it_rests_only_without_work),
        cmocka_unit_test(threads_share_commits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
