/* drop_test.c - put, list, read, remove; wrong keys, damage, a full disk, crashes; many threads under few syncs.
 * SPDX-License-Identifier: MIT */
#include "pool.h"
#include "scratch.h"

#include "base/text.h"
#include "keys/random.h"
#include "keys/seal.h"
#include "store/db.h"
#include "store/drop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const uint8_t key[KEYS_KEY] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[KEYS_KEY] = "0123456789abcdef0123456789abcdX";
static const executor here = {NULL, NULL, NULL};

/* SQLite's syncs come through here: counted, and done. */
static atomic_int syncs;
int fsync(int fd);
int fdatasync(int fd);

int fsync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    atomic_fetch_add(&syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

typedef struct owner {
    uint8_t id[KEYS_ID], public_key[KEYS_KEY], secret_key[KEYS_KEY];
} owner;

static owner make_owner(void)
{
    owner o;
    random_id(o.id);
    seal_pair_make(o.public_key, o.secret_key);
    return o;
}

static drop_recipient recipient(const owner *o)
{
    drop_recipient r;
    memcpy(r.alias, o->id, sizeof r.alias);
    memcpy(r.public_key, o->public_key, sizeof r.public_key);
    return r;
}

typedef struct fixture {
    scratch scratch;
    drop *d;
} fixture;

static void fixture_open(fixture *f, const executor *e)
{
    assert_int_equal(drop_open(&f->d, scratch_path(&f->scratch, "drop.sqlite"), key, e, NULL), LL_OK);
}

static void fixture_init(fixture *f, const executor *e)
{
    scratch_init(&f->scratch);
    fixture_open(f, e);
}

static void fixture_fini(fixture *f)
{
    drop_close(&f->d);
    scratch_fini(&f->scratch);
}

static void keep_status(void *ctx, ll_status status)
{
    *(ll_status *)ctx = status;
}

static char content_byte(size_t i)
{
    return (char)('a' + i * 31 / 7 % 26);
}

static spool *make_content(const fixture *f, size_t size)
{
    spool *s;
    assert_int_equal(spool_new(&s, f->scratch.dir, NULL), LL_OK);
    char bytes[1000];
    for (size_t i = 0; i < size;) {
        size_t part = size - i < sizeof bytes ? size - i : sizeof bytes;
        for (size_t j = 0; j < part; j++) {
            bytes[j] = content_byte(i + j);
        }
        assert_int_equal(spool_write(s, span_of(bytes, part)), LL_OK);
        i += part;
    }
    return s;
}

static ll_status put(fixture *f, const owner *owners, size_t count, size_t size, int64_t when)
{
    drop_recipient r[8];
    for (size_t i = 0; i < count; i++) {
        r[i] = recipient(&owners[i]);
    }
    spool *s = make_content(f, size);
    ll_status status = LL_MORE;
    assert_int_equal(drop_put(f->d, s, r, count, when, keep_status, &status), LL_OK);
    spool_del(&s);
    return status;
}

typedef struct checker {
    size_t size;
    bool wrong;
    ll_status answer;
} checker;

static ll_status check_bytes(void *ctx, ll_span bytes)
{
    checker *c = ctx;
    for (size_t i = 0; i < bytes.size; i++) {
        c->wrong |= bytes.data[i] != content_byte(c->size + i);
    }
    c->size += bytes.size;
    return c->answer;
}

static ll_status read_as(fixture *f, const owner *claimed, const owner *keys, const uint8_t id[KEYS_ID], size_t want)
{
    checker c = {0};
    ll_status status = drop_read(f->d, claimed->id, keys->public_key, keys->secret_key, id, check_bytes, &c);
    assert_false(c.wrong);
    assert_true(status || c.size == want);
    return status;
}

static size_t list(fixture *f, const owner *o, drop_item *items, size_t max)
{
    size_t count;
    assert_int_equal(drop_list(f->d, o->id, items, max, &count), LL_OK);
    return count;
}

static void mail_waits_and_is_read_by_its_owner_alone(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000, 1000000};
    fixture f;
    fixture_init(&f, &here);
    owner anna = make_owner(), bert = make_owner();
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(put(&f, &anna, 1, sizes[i], 100 + (int64_t)i), LL_OK);
    }
    drop_close(&f.d);
    fixture_open(&f, &here);
    drop_item items[10];
    assert_int_equal(list(&f, &anna, items, 10), 7);
    assert_int_equal(list(&f, &bert, items, 10), 0);
    assert_int_equal(list(&f, &anna, items, 3), 3);
    assert_int_equal(list(&f, &anna, items, 10), 7);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(items[i].size, sizes[i]);
        assert_int_equal(items[i].received, 100 + (int64_t)i);
        assert_int_equal(read_as(&f, &anna, &anna, items[i].id, sizes[i]), LL_OK);
        assert_int_equal(read_as(&f, &anna, &bert, items[i].id, sizes[i]), LL_ECORRUPT);
        assert_int_equal(read_as(&f, &bert, &bert, items[i].id, sizes[i]), LL_ENOTFOUND);
    }
    /* the sink may end it */
    checker stop = {.answer = LL_EQUOTA};
    assert_int_equal(drop_read(f.d, anna.id, anna.public_key, anna.secret_key, items[5].id, check_bytes, &stop),
                     LL_EQUOTA);
    assert_int_equal(stop.size, SEAL_CHUNK);
    fixture_fini(&f);
}

static int64_t count_of(fixture *f, const char *literal)
{
    db *d;
    int64_t n = -1;
    assert_int_equal(db_open(&d, scratch_path(&f->scratch, "drop.sqlite"), key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(db_take_int(db_prepare(d, literal), &n), LL_OK);
    db_close(&d);
    return n;
}

static void one_content_for_many(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, &here);
    owner owners[3] = {make_owner(), make_owner(), make_owner()};
    assert_int_equal(put(&f, owners, 3, 100000, 1), LL_OK);
    assert_int_equal(put(&f, owners, 1, 5, 2), LL_OK);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM blob"), 2);
    drop_waiting_counts counts;
    assert_int_equal(drop_waiting(f.d, &counts), LL_OK);
    assert_int_equal(counts.entries, 4);
    assert_int_equal(counts.bytes, 300005);
    assert_int_equal(counts.aliases, 3);
    uint64_t bytes, entries;
    assert_int_equal(drop_alias_bytes(f.d, owners[0].id, &bytes, &entries), LL_OK);
    assert_int_equal(bytes, 100005);
    assert_int_equal(entries, 2);
    /* the first owner absorbs: the others still can */
    drop_item items[4];
    assert_int_equal(list(&f, &owners[0], items, 4), 2);
    uint8_t ids[3][KEYS_ID] = {{0}};
    memcpy(ids[0], items[0].id, KEYS_ID);
    memcpy(ids[1], items[1].id, KEYS_ID);
    ll_status status = LL_MORE;
    assert_int_equal(drop_remove(f.d, (const uint8_t(*)[KEYS_ID])ids, 3, keep_status, &status),
                     LL_OK); /* one unknown */
    assert_int_equal(status, LL_OK);
    assert_int_equal(list(&f, &owners[0], items, 4), 0);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM blob"), 1);
    assert_int_equal(list(&f, &owners[1], items, 4), 1);
    assert_int_equal(read_as(&f, &owners[1], &owners[1], items[0].id, 100000), LL_OK);
    /* twice is nothing new */
    assert_int_equal(drop_remove(f.d, (const uint8_t(*)[KEYS_ID])ids, 3, keep_status, &status), LL_OK);
    assert_int_equal(drop_waiting(f.d, &counts), LL_OK);
    assert_int_equal(counts.bytes, 200000);
    /* the second alias is deleted, then the third: no orphans */
    assert_int_equal(drop_remove_alias(f.d, owners[1].id, keep_status, &status), LL_OK);
    assert_int_equal(drop_remove_alias(f.d, owners[2].id, NULL, NULL), LL_OK);
    assert_int_equal(drop_waiting(f.d, &counts), LL_OK);
    assert_int_equal(counts.entries + counts.bytes + counts.aliases, 0);
    assert_int_equal(count_of(&f, "SELECT (SELECT count(*) FROM blob) + (SELECT count(*) FROM blob_chunk)"), 0);
    fixture_fini(&f);
}

static void refusals(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, &here);
    owner anna = make_owner();
    drop_recipient r[2] = {recipient(&anna), recipient(&anna)};
    spool *s = make_content(&f, 10);
    ll_status status = LL_MORE;
    assert_int_equal(drop_put(f.d, s, r, 0, 1, keep_status, &status), LL_EINVAL);
    assert_int_equal(drop_put(f.d, s, r, DROP_RECIPIENTS_MAX + 1, 1, keep_status, &status), LL_EINVAL);
    assert_int_equal(status, LL_MORE);
    memset(r[1].public_key, 0, KEYS_KEY); /* not a public key: nobody gets it */
    assert_int_equal(drop_put(f.d, s, r, 2, 1, keep_status, &status), LL_OK);
    assert_int_equal(status, LL_EINVAL);
    drop_item items[2];
    assert_int_equal(list(&f, &anna, items, 2), 0);
    assert_int_equal(count_of(&f, "SELECT count(*) FROM blob"), 0);
    spool_del(&s);
    drop *other;
    assert_int_equal(drop_open(&other, scratch_path(&f.scratch, "drop.sqlite"), other_key, &here, NULL), LL_ECORRUPT);
    assert_null(other);
    fixture_fini(&f);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    static const char *const damages[] = {
        "UPDATE blob_chunk SET data = zeroblob(length(data)) WHERE ordinal = 1",
        "DELETE FROM blob_chunk WHERE ordinal = 1",
        "UPDATE blob_chunk SET data = (SELECT data FROM blob_chunk WHERE ordinal = 0) WHERE ordinal = 1",
        "UPDATE blob SET chunks = 2",
        "UPDATE blob SET chunks = 2, size = 131072",
        "UPDATE blob SET id = randomblob(16)",
        "UPDATE entry SET sealed = randomblob(length(sealed))",
        "UPDATE entry SET sealed = x'00'",
    };
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        fixture f;
        fixture_init(&f, &here);
        owner anna = make_owner();
        drop_item item;
        db *d;
        assert_int_equal(put(&f, &anna, 1, 150000, 1), LL_OK);
        assert_int_equal(db_open(&d, scratch_path(&f.scratch, "drop.sqlite"), key, 0, NULL), LL_OK);
        assert_int_equal(db_exec(d, damages[i]), LL_OK);
        db_close(&d);
        assert_int_equal(list(&f, &anna, &item, 1), 1);
        ll_status status = read_as(&f, &anna, &anna, item.id, 150000);
        assert_true(status == LL_ECORRUPT || status == LL_EVERSION);
        fixture_fini(&f);
    }
}

static void a_bad_page_spoils_one_message(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, &here);
    owner anna = make_owner();
    drop_item items[20];
    for (int i = 0; i < 20; i++) {
        assert_int_equal(put(&f, &anna, 1, 60000, i), LL_OK);
    }
    drop_close(&f.d);
    int fd = open(scratch_path(&f.scratch, "drop.sqlite"), O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, 80 * DB_PAGE + 100), 6);
    close(fd);
    fixture_open(&f, &here);
    assert_int_equal(list(&f, &anna, items, 20), 20);
    int bad = 0;
    for (int i = 0; i < 20; i++) {
        bad += read_as(&f, &anna, &anna, items[i].id, 60000) != LL_OK;
    }
    assert_int_equal(bad, 1);
    assert_int_equal(put(&f, &anna, 1, 10, 100), LL_OK);
    fixture_fini(&f);
}

static void a_full_disk_acknowledges_nothing(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, &here);
    owner anna = make_owner();
    drop_item items[20];
    assert_int_equal(put(&f, &anna, 1, 1000, 1), LL_OK);
    spool *s = make_content(&f, 2000000);
    drop_recipient r = recipient(&anna);
    ll_status status = LL_MORE;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1 << 20, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(drop_put(f.d, s, &r, 1, 2, keep_status, &status), LL_OK);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, LL_EFULL);
    assert_int_equal(list(&f, &anna, items, 20), 1);
    /* and when there is room again, it goes on */
    assert_int_equal(drop_put(f.d, s, &r, 1, 3, keep_status, &status), LL_OK);
    assert_int_equal(status, LL_OK);
    spool_del(&s);
    drop_close(&f.d);
    fixture_open(&f, &here);
    assert_int_equal(list(&f, &anna, items, 20), 2);
    assert_int_equal(read_as(&f, &anna, &anna, items[1].id, 2000000), LL_OK);
    fixture_fini(&f);
}

/* A child puts without end and says each acknowledgement into a pipe; it is killed; every one that was said must be
 * there. */
static void killed_processes_keep_what_was_acknowledged(void **state)
{
    (void)state;
    fixture f;
    int pipes[2];
    scratch_init(&f.scratch);
    owner anna = make_owner();
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        fixture_open(&f, &here);
        for (int64_t i = 0;; i++) {
            if (put(&f, &anna, 1, 20000, i) != LL_OK || write(pipes[1], "+", 1) != 1) {
                _exit(1);
            }
        }
    }
    close(pipes[1]);
    size_t said = 0;
    char byte;
    while (said < 20 && read(pipes[0], &byte, 1) == 1) {
        said++;
    }
    kill(child, SIGKILL);
    while (read(pipes[0], &byte, 1) == 1) {
        said++;
    }
    waitpid(child, NULL, 0);
    close(pipes[0]);
    fixture_open(&f, &here);
    static drop_item items[10000];
    size_t there = list(&f, &anna, items, 10000);
    assert_true(there >= said);
    for (size_t i = 0; i < there; i++) {
        assert_int_equal(read_as(&f, &anna, &anna, items[i].id, 20000), LL_OK);
    }
    fixture_fini(&f);
}

enum { PUTTERS = 64, PUTS = 4 };

typedef struct putter {
    fixture *fixture;
    const owner *owner;
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    int done, good;
} putter;

static void putter_done(void *ctx, ll_status status)
{
    putter *p = ctx;
    pthread_mutex_lock(&p->mutex);
    p->done++;
    p->good += status == LL_OK;
    pthread_cond_signal(&p->answered);
    pthread_mutex_unlock(&p->mutex);
}

/* One delivery after the other, as a client of SMTP waits for its 250. */
static void *putter_run(void *self)
{
    putter *p = self;
    drop_recipient r = recipient(p->owner);
    for (int i = 0; i < PUTS; i++) {
        spool *s = make_content(p->fixture, 3000);
        if (drop_put(p->fixture->d, s, &r, 1, i, putter_done, p) == LL_OK) {
            pthread_mutex_lock(&p->mutex);
            while (p->done <= i) {
                pthread_cond_wait(&p->answered, &p->mutex);
            }
            pthread_mutex_unlock(&p->mutex);
        }
        spool_del(&s);
    }
    return NULL;
}

static void many_threads_share_syncs(void **state)
{
    (void)state;
    static putter putters[PUTTERS];
    pthread_t threads[PUTTERS];
    fixture f;
    pool p;
    pool_init(&p, 4);
    fixture_init(&f, &p.executor);
    owner anna = make_owner();
    int before = atomic_load(&syncs);
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (putter){.fixture = &f, .owner = &anna};
        pthread_mutex_init(&putters[i].mutex, NULL);
        pthread_cond_init(&putters[i].answered, NULL);
        pthread_create(&threads[i], NULL, putter_run, &putters[i]);
    }
    int good = 0;
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
        good += putters[i].good;
    }
    int used = atomic_load(&syncs) - before;
    print_message("%d puts in %d syncs\n", PUTTERS * PUTS, used);
    assert_int_equal(good, PUTTERS * PUTS);
    assert_true(used > 0);
    assert_true(used < PUTTERS * PUTS / 2);
    drop_waiting_counts counts;
    assert_int_equal(drop_waiting(f.d, &counts), LL_OK);
    assert_int_equal(counts.entries, PUTTERS * PUTS);
    drop_close(&f.d);
    pool_fini(&p);
    fixture_open(&f, &here);
    static drop_item items[PUTTERS * PUTS];
    assert_int_equal(list(&f, &anna, items, PUTTERS * PUTS), PUTTERS * PUTS);
    assert_int_equal(read_as(&f, &anna, &anna, items[17].id, 3000), LL_OK);
    fixture_fini(&f);
}

static void the_file_shrinks_again(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, &here);
    owner anna = make_owner();
    for (int i = 0; i < 12; i++) {
        assert_int_equal(put(&f, &anna, 1, 1000000, i), LL_OK);
    }
    int64_t before = count_of(&f, "PRAGMA page_count");
    assert_int_equal(drop_remove_alias(f.d, anna.id, NULL, NULL), LL_OK);
    int64_t after = count_of(&f, "PRAGMA page_count");
    assert_true(after < before);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_waits_and_is_read_by_its_owner_alone),
        cmocka_unit_test(one_content_for_many),
        cmocka_unit_test(refusals),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(a_bad_page_spoils_one_message),
        cmocka_unit_test(a_full_disk_acknowledges_nothing),
        cmocka_unit_test(killed_processes_keep_what_was_acknowledged),
        cmocka_unit_test(many_threads_share_syncs),
        cmocka_unit_test(the_file_shrinks_again),
    };
    return keys_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
