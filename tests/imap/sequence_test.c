/* sequence_test.c - see src/imap/sequence.h
 * SPDX-License-Identifier: MIT */
#include "imap/sequence.h"

#include "base/text.h"
#include "imap/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A snapshot with these UIDs; the view passes to it. */
static void snapshot_of(snapshot *snap, const uint32_t *uids, size_t count)
{
    static const ll_flags none;
    ll_view *view;
    snapshot_init(snap);
    assert_int_equal(ll_view_new(&view, NULL, 1), LL_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ll_view_add(view, uids[i], &none), LL_OK);
    ll_view_seal(view, count ? uids[count - 1] + 1 : 1, 1);
    assert_int_equal(snapshot_open(snap, view, 0), LL_OK);
}

static void print_set(const uidset *set, text *out)
{
    uidset_walk *walk = uidset_walk_new(set, 1);
    for (ll_range range; uidset_walk_range(walk, UINT32_MAX, &range);)
        text_print(out, out->size ? " %u-%u" : "%u-%u", range.first, range.last);
    uidset_walk_del(&walk);
}

static void test_parse(void **state)
{
    static const struct {
        const char *set;
        ll_status want;
    } cases[] = {
        {"1", LL_OK},
        {"*", LL_OK},
        {"1:*", LL_OK},
        {"*:1", LL_OK},
        {"2,4:7,9,12:*", LL_OK},
        {"", LL_ESYNTAX},
        {"0", LL_ESYNTAX},
        {"01", LL_ESYNTAX},
        {"1,", LL_ESYNTAX},
        {",1", LL_ESYNTAX},
        {"1:", LL_ESYNTAX},
        {":1", LL_ESYNTAX},
        {"1:2:3", LL_ESYNTAX},
        {"1,,2", LL_ESYNTAX},
        {"**", LL_ESYNTAX},
        {"1*", LL_ESYNTAX},
        {"$", LL_OK},
        {"$,1", LL_ESYNTAX},
        {"1,$", LL_ESYNTAX},
        {"-1", LL_ESYNTAX},
        {"1 ", LL_ESYNTAX},
        {"4294967295", LL_OK},
        {"4294967296", LL_ESYNTAX},
        {"99999999999999999999", LL_ESYNTAX},
        {"1,2,3,4,5,6,7,8", LL_OK},
        {"1,2,3,4,5,6,7,8,9", LL_ELIMIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arena memory;
        sequence set;
        arena_init(&memory, NULL, 4096);
        assert_int_equal(sequence_parse(&set, span_str(cases[i].set), 8, &memory), cases[i].want);
        arena_fini(&memory);
    }
}

static void test_uids(void **state)
{
    static const uint32_t uids[] = {2, 3, 4, 10, 11, 20};
    static const struct {
        const char *set;
        bool uid;
        const char *want; /* NULL: LL_EINVAL */
    } cases[] = {
        {"1", false, "2-2"},
        {"1:6", false, "2-4 10-11 20-20"},
        {"6:1", false, "2-4 10-11 20-20"},
        {"*", false, "20-20"},
        {"5:*", false, "11-11 20-20"},
        {"*:5", false, "11-11 20-20"},
        {"1,1:2,2", false, "2-3"},
        {"3,1,5", false, "2-2 4-4 11-11"},
        {"4:5,2:4", false, "3-4 10-11"},
        {"7", false, NULL},
        {"1:7", false, NULL},
        {"7:*", false, NULL},
        {"1", true, ""},
        {"1:4294967295", true, "2-4 10-11 20-20"},
        {"5:9", true, ""},
        {"4:10", true, "4-4 10-10"},
        {"1000:*", true, "20-20"},
        {"*:1000", true, "20-20"},
        {"*", true, "20-20"},
        {"*:11", true, "11-11 20-20"},
        {"11,10,10:11,2", true, "2-2 10-11"},
        {"4294967295,4294967294:4294967295,3", true, "3-3"},
    };
    snapshot snap;
    (void)state;
    snapshot_of(&snap, uids, sizeof uids / sizeof uids[0]);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arena memory;
        sequence set;
        uidset *got;
        text printed;
        arena_init(&memory, NULL, 4096);
        text_init(&printed, NULL, 4096);
        assert_int_equal(sequence_parse(&set, span_str(cases[i].set), 8, &memory), LL_OK);
        ll_status status = sequence_uids(&set, cases[i].uid, &snap, &got);
        assert_int_equal(status, cases[i].want ? LL_OK : LL_EINVAL);
        if (!status) {
            print_set(got, &printed);
            assert_string_equal(text_str(&printed), cases[i].want);
        } else
            assert_null(got);
        uidset_del(&got);
        text_fini(&printed);
        arena_fini(&memory);
    }
    snapshot_fini(&snap);
}

static void test_empty_mailbox(void **state)
{
    snapshot snap;
    arena memory;
    sequence set;
    uidset *got;
    (void)state;
    snapshot_of(&snap, NULL, 0);
    arena_init(&memory, NULL, 4096);
    assert_int_equal(sequence_parse(&set, SPAN("1:*"), 8, &memory), LL_OK);
    assert_int_equal(sequence_uids(&set, false, &snap, &got), LL_EINVAL);
    assert_int_equal(sequence_uids(&set, true, &snap, &got), LL_OK);
    assert_true(uidset_empty(got));
    uidset_del(&got);
    arena_fini(&memory);
    snapshot_fini(&snap);
}

static void test_ranges(void **state)
{
    arena memory;
    ll_range *ranges;
    size_t count;
    uidset *set = uidset_new();
    (void)state;
    arena_init(&memory, NULL, 4096);
    assert_int_equal(sequence_ranges(set, &memory, &ranges, &count), LL_OK);
    assert_int_equal(count, 0);
    uidset_add_range(set, (ll_range){3, 7});
    uidset_add(set, 9);
    uidset_add_range(set, (ll_range){4294967294u, 4294967295u});
    assert_int_equal(sequence_ranges(set, &memory, &ranges, &count), LL_OK);
    assert_int_equal(count, 3);
    assert_int_equal(ranges[0].first, 3);
    assert_int_equal(ranges[0].last, 7);
    assert_int_equal(ranges[1].first, 9);
    assert_int_equal(ranges[1].last, 9);
    assert_int_equal(ranges[2].first, 4294967294u);
    assert_int_equal(ranges[2].last, 4294967295u);
    assert_true(sequence_has(ranges, count, 5));
    assert_false(sequence_has(ranges, count, 8));
    assert_true(sequence_has(ranges, count, 4294967295u));
    assert_false(sequence_has(ranges, count, 2));
    uidset_del(&set);
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_uids),
        cmocka_unit_test(test_empty_mailbox),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
