/* thread_map_test.c - see src/imap/thread_map.h and thread_id.h
 * SPDX-License-Identifier: MIT */
#include "imap/thread_id.h"
#include "imap/thread_map.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
    enum { many = 5000 };
    thread_map m;
    (void)state;
    thread_map_init(&m, NULL);
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < many; i++) {
            char key[40];
            uint32_t number;
            bool is_new;
            snprintf(key, sizeof key, "%u.%x@%u", i * 7919u % many, i, i & 3);
            assert_int_equal(thread_map_number(&m, span_str(key), &number, &is_new), LL_OK);
            assert_int_equal(number, i);
            assert_int_equal(is_new, round == 0);
        }
    assert_int_equal(thread_map_count(&m), many);
    thread_map_fini(&m);
}

/* Each text is the beginning of the next one. */
static void test_prefixes(void **state)
{
    thread_map m;
    char key[300];
    (void)state;
    thread_map_init(&m, NULL);
    memset(key, 'a', sizeof key);
    for (unsigned round = 0; round < 2; round++)
        for (uint32_t i = 0; i < sizeof key; i++) {
            uint32_t number;
            bool is_new;
            uint32_t size = i * 7 % sizeof key;
            assert_int_equal(thread_map_number(&m, span_of(key, size), &number, &is_new), LL_OK);
            assert_int_equal(number, i);
            assert_int_equal(is_new, round == 0);
        }
    thread_map_fini(&m);
}

static const struct {
    const char *field, *want;
} ids[] = {
    {"<a@b>", "a@b;"},
    {"<a@b><c@d>, <e@f> x", "a@b;c@d;e@f;"},
    {"<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com> <01KF8JCEOCBS0045PS@xxx.yyy.com>",
     "01KF8JCEOCBS0045PS@xxx.yyy.com;01KF8JCEOCBS0045PS@xxx.yyy.com;"},
    {"<\"a\\\"b>c\"@d>", "a\"b>c@d;"},
    {"Your message of <today> joe@x <a@b>", "a@b;"},
    {"<a> <@b> <a@> <> <", ""},
    {"<a <b@c>", "b@c;"},
    {"< a @\tb >", "a@b;"},
    {"<a@b", ""},
    {"<\"a@b> <c@d>", ""},
    {"", ""},
};

static void test_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        text id, got;
        ll_span rest = span_str(ids[i].field);
        text_init(&id, NULL, 2 * thread_id_max);
        text_init(&got, NULL, 1000);
        while (thread_id_next(&rest, &id)) {
            text_add(&got, text_span(&id));
            text_add_byte(&got, ';');
        }
        assert_string_equal(text_str(&got), ids[i].want);
        text_fini(&id);
        text_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_prefixes),
                                       cmocka_unit_test(test_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
