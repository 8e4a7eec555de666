/* spool_test.c - in memory, in a file, over the pool, on a full disk.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "base/span.h"
#include "keys/random.h"
#include "store/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char content[1000003];

static void content_make(void)
{
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (char)(i * 2654435761u >> 13);
    }
}

static spool *filled(const scratch *s, spool_pool *pool, size_t size, size_t step)
{
    spool *p;
    assert_int_equal(spool_new(&p, s->dir, pool), LL_OK);
    for (size_t done = 0; done < size; done += step) {
        size_t part = size - done < step ? size - done : step;
        assert_int_equal(spool_write(p, span_of(content + done, part)), LL_OK);
    }
    assert_int_equal(spool_size(p), size);
    return p;
}

static void check_read(spool *p, uint64_t offset, size_t length)
{
    static char out[sizeof content];
    size_t got, size = (size_t)spool_size(p);
    size_t want = offset >= size ? 0 : size - (size_t)offset < length ? size - (size_t)offset : length;
    assert_int_equal(spool_read(p, offset, length, out, &got), LL_OK);
    assert_int_equal(got, want);
    assert_memory_equal(out, content + offset, want);
}

static void check_all(spool *p)
{
    size_t size = (size_t)spool_size(p);
    check_read(p, 0, size);
    check_read(p, 0, size + 10 < sizeof content ? size + 10 : size);
    check_read(p, size, 5);
    for (int i = 0; size && i < 40; i++) {
        check_read(p, random_below((uint32_t)size), random_below(100000));
    }
}

static void sizes_and_steps(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4096, 4097, 65535, 65536, 65537, 262144, 262145, 393216, 1000003};
    scratch s;
    scratch_init(&s);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        static const size_t steps[] = {1, 777, 65536, 1000003};
        for (size_t j = sizes[i] > 300000; j < 4; j++) { /* byte by byte for the smaller ones */
            ll_span whole;
            spool_pool pool = {.bytes_max = 10 << 20};
            spool *p = filled(&s, &pool, sizes[i], steps[j]);
            assert_int_equal(spool_whole(p, &whole), sizes[i] <= SPOOL_MEMORY);
            check_all(p);
            assert_true(pool.bytes <= SPOOL_MEMORY + 200000);
            spool_del(&p);
            assert_null(p);
            assert_int_equal(pool.bytes, 0);
        }
    }
    scratch_fini(&s);
}

static void a_full_pool_means_file(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    spool_pool pool = {.bytes_max = 300000};
    ll_span whole;
    spool *a = filled(&s, &pool, 200000, 1000);
    assert_true(spool_whole(a, &whole));
    spool *b = filled(&s, &pool, 200000, 1000);
    assert_false(spool_whole(b, &whole));
    spool *c = filled(&s, &pool, 60000, 1000); /* less than a chunk is always held: a file would need as much */
    assert_true(spool_whole(c, &whole));
    check_all(a);
    check_all(b);
    check_all(c);
    /* reading does not end writing */
    assert_int_equal(spool_write(b, span_of(content + 200000, 100000)), LL_OK);
    check_all(b);
    spool_del(&a);
    spool_del(&b);
    spool_del(&c);
    assert_int_equal(pool.bytes, 0);
    scratch_fini(&s);
}

/* The descriptor of the spool's file: the one that points to an unlinked file in our directory. */
static int find_fd(const scratch *s)
{
    for (int fd = 3; fd < 64; fd++) {
        char link[64], target[1024];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, target, sizeof target - 1);
        if (size > 0 && strncmp((target[size] = 0, target), s->dir, strlen(s->dir)) == 0 &&
            strstr(target, "(deleted)")) {
            return fd;
        }
    }
    return -1;
}

static void the_file_is_nameless_and_sealed(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    memcpy(content + 70000, "marker of plain text", 20);
    spool *p = filled(&s, NULL, 600000, 5000);
    DIR *dir = opendir(s.dir);
    int names = 0;
    while (readdir(dir)) {
        names++;
    }
    closedir(dir);
    assert_int_equal(names, 2); /* . and .. */
    int fd = find_fd(&s);
    if (fd < 0) { /* no /proc */
        spool_del(&p);
        scratch_fini(&s);
        skip();
    }
    static char raw[700000];
    ssize_t size = pread(fd, raw, sizeof raw, 0);
    assert_true(size > 500000);
    assert_null(memmem(raw, (size_t)size, "marker of plain text", 20));
    /* one flipped bit */
    raw[70000] ^= 1;
    assert_int_equal(pwrite(fd, raw + 70000, 1, 70000), 1);
    size_t got;
    check_read(p, 0, 60000);
    assert_int_equal(spool_read(p, 60000, 100000, raw, &got), LL_ECORRUPT);
    check_read(p, 200000, 60000);
    spool_del(&p);
    content_make();
    scratch_fini(&s);
}

static void a_full_disk_is_said_so(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    spool *p;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){300000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(spool_new(&p, s.dir, NULL), LL_OK);
    ll_status status = LL_OK;
    for (size_t done = 0; status == LL_OK && done < 900000; done += 10000) {
        status = spool_write(p, span_of(content + done, 10000));
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, LL_EFULL);
    assert_int_equal(spool_write(p, SPAN("more")), LL_EFULL);
    size_t got;
    assert_int_equal(spool_read(p, 0, 1, &(char){0}, &got), LL_EFULL);
    spool_del(&p);
    scratch_fini(&s);
}

static void no_directory(void **state)
{
    (void)state;
    spool *p;
    assert_int_equal(spool_new(&p, "/nonexistent/letterlock", NULL), LL_OK);
    assert_int_equal(spool_write(p, span_of(content, 1000)), LL_OK);
    assert_int_equal(spool_write(p, span_of(content, 500000)), LL_EIO);
    spool_del(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_steps),
        cmocka_unit_test(a_full_pool_means_file),
        cmocka_unit_test(the_file_is_nameless_and_sealed),
        cmocka_unit_test(a_full_disk_is_said_so),
        cmocka_unit_test(no_directory),
    };
    content_make();
    return keys_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
