/* status_test.c - the status table.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "letterlock.h"

static void test_table(void **state)
{
    (void)state;
    assert_string_equal(ll_status_name(LL_OK), "LL_OK");
    assert_string_equal(ll_status_name(LL_EQUOTA), "LL_EQUOTA");
    assert_string_equal(ll_status_imap(LL_EQUOTA), "OVERQUOTA");
    assert_string_equal(ll_status_enhanced(LL_EQUOTA), "5.2.2");
    assert_int_equal(ll_status_smtp(LL_EQUOTA), 552);
    assert_int_equal(ll_status_http(LL_EQUOTA), 507);
    assert_string_equal(ll_status_text(LL_ENOMEM), "out of memory");
    /* a value that nobody knows is an I/O failure */
    assert_int_equal(ll_status_smtp((ll_status)-999), ll_status_smtp(LL_EIO));
    assert_string_equal(ll_status_imap((ll_status)-999), ll_status_imap(LL_EIO));
}

/* The enhanced code's class is the reply's first digit: RFC 3463 section 2. */
static void test_classes(void **state)
{
    (void)state;
    static const ll_status all[] = {
#define X(name, value, text, imap, smtp, enhanced, http) name,
        LL_STATUS_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        assert_int_equal(ll_status_smtp(all[i]) / 100, ll_status_enhanced(all[i])[0] - '0');
}

static void test_limits(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    assert_int_equal(limits.size, sizeof limits);
    assert_true(limits.prelogin_bytes > 0 && limits.prelogin_bytes <= limits.command_bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_classes),
                                       cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
