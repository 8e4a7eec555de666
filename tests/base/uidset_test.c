/* uidset_test.c - sets of UIDs against an array of flags.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uidset.h"

#include <stdlib.h>

static void test_members(void **state)
{
    (void)state;
    uidset *set = uidset_new();
    assert_true(uidset_empty(set));
    assert_int_equal(uidset_first(set), 0);
    assert_int_equal(uidset_last(set), 0);
    assert_int_equal(uidset_select(set, 1), 0);
    uidset_add(set, UINT32_MAX);
    uidset_add_range(set, (ll_range){5, 7});
    uidset_add(set, 1);
    assert_int_equal(uidset_count(set), 5);
    assert_true(uidset_has(set, 6));
    assert_false(uidset_has(set, 8));
    assert_int_equal(uidset_first(set), 1);
    assert_int_equal(uidset_last(set), UINT32_MAX);
    assert_int_equal(uidset_rank(set, 6), 3);
    assert_int_equal(uidset_rank(set, 4), 1);
    assert_int_equal(uidset_select(set, 3), 6);
    assert_int_equal(uidset_select(set, 5), UINT32_MAX);
    assert_int_equal(uidset_select(set, 6), 0);
    assert_int_equal(uidset_select(set, 0), 0);
    assert_int_equal(uidset_next(set, 2), 5);
    assert_int_equal(uidset_next(set, 8), UINT32_MAX);
    assert_int_equal(uidset_count_range(set, (ll_range){2, 6}), 2);
    assert_int_equal(uidset_count_range(set, (ll_range){1, UINT32_MAX}), 5);
    uidset_remove(set, UINT32_MAX);
    uidset_remove_range(set, (ll_range){6, UINT32_MAX});
    assert_int_equal(uidset_count(set), 2);
    assert_int_equal(uidset_next(set, 6), 0);
    uidset_del(&set);
    assert_null(set);
}

static void test_operations(void **state)
{
    (void)state;
    uidset *a = uidset_new(), *b = uidset_new();
    uidset_add_range(a, (ll_range){1, 10});
    uidset_add_range(b, (ll_range){6, 15});
    assert_true(uidset_intersects(a, b));
    assert_int_equal(uidset_and_count(a, b), 5);
    void (*const operations[])(uidset *, const uidset *) = {uidset_or, uidset_and, uidset_andnot, uidset_xor};
    const uint32_t counts[] = {15, 5, 5, 10};
    for (size_t i = 0; i < 4; i++) {
        uidset *c = uidset_copy(a);
        assert_true(uidset_equal(c, a));
        operations[i](c, b);
        assert_int_equal(uidset_count(c), counts[i]);
        uidset_del(&c);
    }
    uidset_del(&a);
    uidset_del(&b);
}

static void test_walk(void **state)
{
    (void)state;
    uidset *set = uidset_new();
    uidset_add_range(set, (ll_range){3, 100000});
    uidset_add(set, 200000);
    uidset_pack(set);
    uint32_t want = 50, got;
    uidset_walk *walk = uidset_walk_new(set, 50);
    while ((got = uidset_walk_next(walk))) {
        assert_int_equal(got, want);
        want = want == 100000 ? 200000 : want + 1;
    }
    uidset_walk_del(&walk);
    walk = uidset_walk_new(set, 1);
    ll_range range;
    uint64_t count = 0;
    while (uidset_walk_range(walk, 7000, &range)) {
        assert_true(range.last - range.first < 7000);
        count += range.last - range.first + 1;
    }
    assert_int_equal(count, uidset_count(set));
    uidset_walk_del(&walk);
    uidset_del(&set);
}

static void test_saved(void **state)
{
    (void)state;
    uidset *set = uidset_new();
    for (uint32_t i = 1; i < 300000; i += i % 100 + 1)
        uidset_add(set, i);
    size_t size = uidset_saved_size(set);
    char *saved = malloc(size);
    assert_non_null(saved);
    uidset_save(set, saved);
    uidset *again = uidset_load((ll_span){saved, size});
    assert_non_null(again);
    assert_true(uidset_equal(set, again));
    assert_null(uidset_load((ll_span){saved, size - 1}));
    assert_null(uidset_load((ll_span){saved, 3}));
    free(saved);
    uidset_del(&again);
    uidset_del(&set);
}

/* What is saved is what is there, and loads as an equal set. */
static void check_saved(const uidset *set)
{
    char *bytes = malloc(uidset_saved_size(set));
    uidset_save(set, bytes);
    uidset *loaded = uidset_load((ll_span){bytes, uidset_saved_size(set)});
    assert_non_null(loaded);
    assert_int_equal(uidset_and_count(loaded, set), uidset_count(set));
    assert_int_equal(uidset_count(loaded), uidset_count(set));
    assert_int_equal(uidset_last(loaded), uidset_last(set));
    assert_true(uidset_equal(loaded, set));
    uidset_del(&loaded);
    free(bytes);
}

/* Sets that begin with a range and then get thousands of scattered members, and the way back: at the sizes at which
 * CRoaring changes its mind about how to hold them. */
static void test_sizes(void **state)
{
    (void)state;
    uidset *set = uidset_new();
    uidset_add_range(set, (ll_range){1, 8});
    for (uint32_t i = 0; i < 6000; i++) {
        uint32_t uid = 20 + 10 * i;
        uidset_add_range(set, (ll_range){uid, uid});
        if (i > 2000 && i % 7 == 0)
            check_saved(set);
    }
    for (uint32_t i = 0; i < 6000; i++) {
        uint32_t uid = 20 + 10 * i;
        uidset_remove_range(set, (ll_range){uid, uid + 1});
        if (i < 2200)
            check_saved(set);
    }
    assert_int_equal(uidset_count(set), 8);
    uidset_del(&set);
}

static void test_random_ranges(void **state)
{
    (void)state;
    uidset *set = uidset_new(), *other = uidset_new();
    for (unsigned n = 0; n < 60000; n++) {
        uint32_t first = 1 + (uint32_t)random() % 150000, last = first + (uint32_t)random() % 5;
        if (n % 9999 == 0)
            last += 30000;
        switch (random() % 16) {
        case 0:
            uidset_remove_range(set, (ll_range){first, last});
            break;
        case 1:
            uidset_add_range(other, (ll_range){first, last});
            break;
        default:
            uidset_add_range(set, (ll_range){first, last});
        }
        if (n % 20000 == 19999)
            (n % 40000 == 19999 ? uidset_andnot : uidset_xor)(set, other);
        if (n % 200 == 0)
            check_saved(set);
    }
    uidset_del(&set);
    uidset_del(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_members), cmocka_unit_test(test_operations),
                                       cmocka_unit_test(test_walk),    cmocka_unit_test(test_saved),
                                       cmocka_unit_test(test_sizes),   cmocka_unit_test(test_random_ranges)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
