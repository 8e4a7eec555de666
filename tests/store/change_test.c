/* change_test.c - records of what jobs do, applied to views.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "base/span.h"
#include "store/change.h"

static void test_apply(void **state)
{
    (void)state;
    change_list list = {NULL, NULL}, batch = {NULL, NULL};
    ll_flags none = {{0}}, seen = {{1}}, keyword = {{1u << LL_FLAG_KEYWORD}}, flags;
    change *c = change_of(&list, 7, 3);
    assert_non_null(c);
    assert_ptr_equal(change_of(&list, 7, 3), c);
    assert_ptr_not_equal(change_of(&list, 8, 3), c);
    for (uint32_t uid = 1; uid <= 100; uid++)
        assert_int_equal(change_add(c, uid, &none), LL_OK);
    assert_int_equal(c->count, 1); /* neighbours are merged */
    assert_int_equal(change_keyword(c, SPAN("k")), LL_OK);
    for (uint32_t uid = 10; uid <= 20; uid++)
        assert_int_equal(change_flags(c, (ll_range){uid, uid}, LL_FLAGS_ADD, &seen), LL_OK);
    assert_int_equal(change_flags(c, (ll_range){5, 5}, LL_FLAGS_REPLACE, &keyword), LL_OK);
    for (uint32_t uid = 50; uid <= 60; uid++)
        assert_int_equal(change_remove(c, uid), LL_OK);
    assert_int_equal(c->count, 5);
    assert_true(c->expunged);

    ll_view *view;
    assert_int_equal(ll_view_new(&view, NULL, 1), LL_OK);
    assert_int_equal(change_apply(c, view), LL_OK);
    assert_int_equal(ll_view_count(view), 89);
    assert_int_equal(ll_view_unseen(view), 78);
    assert_true(ll_view_flags(view, 5, &flags));
    assert_true(ll_flags_equal(&flags, &keyword));
    assert_int_equal(change_apply(c, view), LL_ECORRUPT); /* not the view it was made for */
    ll_view_unref(&view);

    change_list_join(&batch, &list);
    assert_null(list.first);
    assert_ptr_equal(change_list_take(&batch), c);
    change_del(&c);
    change_list_clear(&batch);
    assert_null(batch.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_apply)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
