/* arena_test.c - memory that dies with its scope.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static void test_arena(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, 1 << 20);
    for (size_t i = 1; i < 3000; i += 7) {
        unsigned char *p = arena_new(&a, i);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i; j++)
            assert_int_equal(p[j], 0);
        memset(p, 0xff, i); /* the next one must be zeroed all the same */
    }
    ll_span copy = arena_copy(&a, SPAN("abc"));
    assert_string_equal(copy.data, "abc");
    assert_int_equal(copy.size, 3);
    arena_clear(&a);
    unsigned char *again = arena_new(&a, 1000);
    for (size_t j = 0; j < 1000; j++)
        assert_int_equal(again[j], 0);
    arena_fini(&a);
    assert_int_equal(a.size, 0);
}

static void test_ceiling(void **state)
{
    (void)state;
    arena a;
    arena_init(&a, NULL, 5000);
    assert_non_null(arena_new(&a, 100));
    assert_null(arena_new(&a, 10000));
    assert_int_equal(arena_status(&a), LL_ELIMIT);
    arena_clear(&a);
    assert_int_equal(arena_status(&a), LL_OK);
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    assert_int_equal(arena_status(&a), LL_ELIMIT);
    arena_fini(&a);
    size_t total = 0;
    arena_init(&a, NULL, 5000);
    while (arena_new(&a, 64))
        total += 64;
    assert_in_range(total, 3000, 5000);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arena), cmocka_unit_test(test_ceiling)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
