/* secret_test.c - the locked arena: slots, wiping, guards, fork.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/secret.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void slots(void **state)
{
    (void)state;
    secret_arena *a;
    assert_int_equal(secret_arena_new(&a, 100, NULL), LL_OK);
    size_t count = secret_arena_room(a);
    assert_in_range(count, 100, 100 + 128);
    uint8_t **taken = calloc(count, sizeof *taken);
    for (size_t i = 0; i < count; i++) {
        taken[i] = secret_take(a);
        assert_non_null(taken[i]);
        for (size_t k = 0; k < KEYS_KEY; k++)
            assert_int_equal(taken[i][k], 0);
        memset(taken[i], (int)i | 1, KEYS_KEY);
    }
    assert_null(secret_take(a));
    assert_int_equal(secret_arena_room(a), 0);
    uint8_t *place = taken[5];
    secret_give(a, &taken[5]);
    assert_null(taken[5]);
    assert_int_equal(place[0] | place[KEYS_KEY - 1], 0);
    assert_int_equal(place[-1], 4 | 1);
    assert_int_equal(place[KEYS_KEY], 6 | 1);
    taken[5] = secret_take(a);
    assert_ptr_equal(taken[5], place);
    for (size_t i = 0; i < count; i++)
        secret_give(a, &taken[i]);
    assert_int_equal(secret_arena_room(a), count);
    secret_give(a, &taken[0]);
    free(taken);
    secret_arena_del(&a);
    assert_null(a);
    secret_arena_del(&a);
}

static long locked_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmLck: %ld", &kib) == 1)
            break;
    fclose(status);
    return kib;
}

static void locked_again(void **state)
{
    (void)state;
    secret_arena *a;
    assert_int_equal(secret_arena_new(&a, 100, NULL), LL_OK);
    long before = locked_kib();
    if (!before) { /* sanitizers make mlock do nothing */
        secret_arena_del(&a);
        skip();
    }
    assert_int_equal(munlockall(), 0);
    assert_true(locked_kib() < before);
    assert_int_equal(secret_arena_lock(a), LL_OK);
    assert_int_equal(locked_kib(), before);
    secret_arena_del(&a);
}

static void wide(void **state)
{
    (void)state;
    secret_arena *a;
    uint8_t *taken[SECRET_WIDE_COUNT];
    assert_int_equal(secret_arena_new(&a, 1, NULL), LL_OK);
    for (int i = 0; i < SECRET_WIDE_COUNT; i++) {
        taken[i] = secret_take_wide(a);
        assert_non_null(taken[i]);
        memset(taken[i], 0xee, SECRET_WIDE);
    }
    assert_null(secret_take_wide(a));
    uint8_t *narrow = secret_take(a);
    assert_non_null(narrow);
    assert_int_equal(narrow[KEYS_KEY - 1], 0);
    secret_give(a, &narrow);
    for (int i = 0; i < SECRET_WIDE_COUNT; i++)
        secret_give(a, &taken[i]);
    secret_arena_del(&a);
}

static void limits(void **state)
{
    (void)state;
    secret_arena *a;
    assert_int_equal(secret_arena_new(&a, 0, NULL), LL_ELIMIT);
    assert_int_equal(secret_arena_new(&a, SECRET_COUNT_MAX + 1, NULL), LL_ELIMIT);
    assert_null(a);
}

/* The address sanitizer turns mlock off and reports a SIGSEGV in its own way. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* How a child ended that ran this: exit code, or 128 + signal. */
static int in_child(int (*run)(secret_arena *), secret_arena *a)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGSEGV, SIG_DFL);
        _exit(run(a));
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

static uint8_t *shared;

static int read_secret(secret_arena *a)
{
    (void)a;
    return *(volatile uint8_t *)shared ? 1 : 2;
}

static int overrun(secret_arena *a)
{
    /* In the child the parent's arena is gone, so it makes one. */
    (void)a;
    secret_arena *own;
    if (secret_arena_new(&own, 1, NULL))
        return 3;
    volatile uint8_t *last = secret_take_wide(own);
    return last[secret_arena_bytes(1)];
}

static void guarded(void **state)
{
    (void)state;
    secret_arena *a;
    assert_int_equal(secret_arena_new(&a, 1, NULL), LL_OK);
    shared = secret_take(a);
    *shared = 7;
    assert_int_equal(in_child(read_secret, a), 128 + SIGSEGV);
    assert_int_equal(in_child(overrun, a), 128 + SIGSEGV);
    assert_int_equal(*shared, 7);
    secret_give(a, &shared);
    secret_arena_del(&a);
}

static int without_limit(secret_arena *a)
{
    struct rlimit none = {0, 0};
    text why;
    secret_arena *own;
    (void)a;
    text_init(&why, NULL, 1024);
    if (setrlimit(RLIMIT_MEMLOCK, &none) || (geteuid() == 0 && (setgid(65534) || setuid(65534))))
        return 9;
    ll_status status = secret_arena_new(&own, 100, &why);
    int code = status == LL_EDENIED && strstr(text_str(&why), "LimitMEMLOCK") && !own ? 0 : 1;
    text_fini(&why);
    return code;
}

static void denied(void **state)
{
    (void)state;
    if (SANITIZED)
        skip();
    int code = in_child(without_limit, NULL);
    if (code == 9)
        skip();
    assert_int_equal(code, 0);
}

static int harden(secret_arena *a)
{
    (void)a;
    struct rlimit got;
    return secret_process_harden() || getrlimit(RLIMIT_CORE, &got) || got.rlim_max ? 1 : 0;
}

static void hardened(void **state)
{
    (void)state;
    assert_int_equal(in_child(harden, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots),    cmocka_unit_test(locked_again), cmocka_unit_test(wide),  cmocka_unit_test(limits),
        cmocka_unit_test(hardened), cmocka_unit_test(guarded),      cmocka_unit_test(denied)};
    return TEST_MAIN(tests);
}
