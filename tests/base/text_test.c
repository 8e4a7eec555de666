/* text_test.c - texts grow to their ceiling, and the error sticks.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

static void test_append(void **state)
{
    (void)state;
    text t;
    text_init(&t, NULL, 1000);
    assert_string_equal(text_str(&t), "");
    text_add(&t, SPAN("a\0b"));
    assert_int_equal(t.size, 3);
    text_clear(&t);
    text_add_str(&t, "x=");
    text_add_u64(&t, UINT64_MAX);
    text_add_byte(&t, ';');
    text_print(&t, "%s %d", "y", -7);
    assert_string_equal(text_str(&t), "x=18446744073709551615;y -7");
    text_drop(&t, 2);
    assert_string_equal(text_str(&t), "18446744073709551615;y -7");
    text_cut(&t, 2);
    assert_string_equal(text_str(&t), "18");
    text_drop(&t, 9);
    assert_string_equal(text_str(&t), "");
    char *room = text_grow(&t, 3);
    memcpy(room, "abc", 3);
    text_grown(&t, 2);
    assert_string_equal(text_str(&t), "ab");
    assert_int_equal(text_status(&t), LL_OK);
    text_fini(&t);
    text_add_str(&t, "again");
    assert_string_equal(text_str(&t), "again");
    text_wipe(&t);
    assert_int_equal(t.size, 0);
}

static void test_ceiling(void **state)
{
    (void)state;
    text t;
    text_init(&t, NULL, 10);
    text_add_str(&t, "0123456789");
    assert_int_equal(text_status(&t), LL_OK);
    text_add_byte(&t, 'x');
    assert_int_equal(text_status(&t), LL_ELIMIT);
    text_cut(&t, 0);
    text_add_byte(&t, 'x'); /* sticky */
    assert_int_equal(t.size, 0);
    text_clear(&t);
    text_print(&t, "%s", "01234567890");
    assert_int_equal(text_status(&t), LL_ELIMIT);
    text_clear(&t);
    assert_null(text_grow(&t, SIZE_MAX));
    text_fini(&t);
}

static void *no_resize(void *context, void *memory, size_t size)
{
    (void)context;
    (void)memory;
    (void)size;
    return NULL;
}

static void test_no_memory(void **state)
{
    (void)state;
    const ll_allocator none = {no_resize, NULL};
    text t;
    text_init(&t, &none, 10);
    text_add_str(&t, "x");
    assert_int_equal(text_status(&t), LL_ENOMEM);
    assert_int_equal(text_span(&t).size, 0);
    assert_non_null(text_span(&t).data);
    text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_append), cmocka_unit_test(test_ceiling),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
