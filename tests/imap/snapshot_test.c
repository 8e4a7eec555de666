/* Snapshots: ghosts keep their places, their flags and \Recent until the client has been told.
 * SPDX-License-Identifier: MIT */
#include "base/span.h"
#include "imap/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN };

static ll_view *first_version(void)
{
    ll_view *view;
    assert_int_equal(ll_view_new(&view, NULL, 7), LL_OK);
    for (uint32_t uid = 10; uid <= 50; uid += 10)
        assert_int_equal(ll_view_add(view, uid, &(ll_flags){{uid == 20 ? SEEN : 0}}), LL_OK);
    ll_view_seal(view, 51, 1);
    return view;
}

static ll_view *edit(const ll_view *from)
{
    ll_view *view;
    assert_int_equal(ll_view_edit(&view, from), LL_OK);
    return view;
}

static void numbers(void **state)
{
    (void)state;
    snapshot s;
    snapshot_init(&s);
    assert_int_equal(snapshot_open(&s, first_version(), 40), LL_OK);
    assert_int_equal(snapshot_count(&s), 5);
    assert_int_equal(snapshot_uid(&s, 2), 20);
    assert_int_equal(snapshot_uid(&s, 0), 0);
    assert_int_equal(snapshot_uid(&s, 6), 0);
    assert_int_equal(snapshot_number(&s, 50), 5);
    assert_int_equal(snapshot_number(&s, 15), 0);
    assert_int_equal(snapshot_recent_count(&s), 2);
    assert_true(snapshot_recent(&s, 40));
    assert_false(snapshot_recent(&s, 30));
    snapshot_fini(&s);
}

static void ghosts(void **state)
{
    (void)state;
    snapshot s;
    ll_flags flags;
    snapshot_init(&s);
    ll_view *view = first_version();
    assert_int_equal(snapshot_open(&s, view, 40), LL_OK);

    view = edit(view);
    assert_int_equal(ll_view_remove(view, (ll_range){20, 40}), LL_OK);
    assert_int_equal(ll_view_add(view, 60, &(ll_flags){{0}}), LL_OK);
    ll_view_seal(view, 61, 2);
    assert_int_equal(snapshot_advance(&s, view, 60), LL_OK);
    assert_true(snapshot_has_ghosts(&s));
    assert_int_equal(snapshot_count(&s), 6);
    assert_int_equal(snapshot_number(&s, 50), 5);
    assert_int_equal(snapshot_number(&s, 60), 6);
    assert_true(snapshot_flags(&s, 20, &flags));
    assert_int_equal(flags.bits[0], SEEN);
    assert_true(snapshot_flags(&s, 30, &flags));
    assert_int_equal(flags.bits[0], 0);
    assert_false(snapshot_flags(&s, 35, &flags));
    assert_int_equal(snapshot_recent_count(&s), 3);

    /* more of them in a later version, which has a keyword too */
    unsigned number;
    ll_view *next = edit(view);
    ll_flags both = {{SEEN}};
    assert_int_equal(ll_view_keyword_add(next, span_str("kw"), &number), LL_OK);
    ll_flags_add(&both, LL_FLAG_KEYWORD + number);
    assert_int_equal(ll_view_flags_change(next, (ll_range){50, 50}, LL_FLAGS_REPLACE, &both), LL_OK);
    ll_view_seal(next, 61, 3);
    ll_view *last = edit(next);
    assert_int_equal(ll_view_remove(last, (ll_range){50, 50}), LL_OK);
    ll_view_seal(last, 61, 4);
    assert_int_equal(snapshot_advance(&s, next, 0), LL_OK);
    assert_int_equal(snapshot_advance(&s, last, 0), LL_OK);
    assert_true(snapshot_flags(&s, 50, &flags));
    assert_true(ll_flags_equal(&flags, &both));
    uidset *seen = snapshot_with_flag(&s, LL_FLAG_SEEN);
    assert_int_equal(uidset_count(seen), 2);
    assert_true(uidset_has(seen, 20) && uidset_has(seen, 50));
    uidset_del(&seen);
    seen = snapshot_with_flag(&s, 200);
    assert_true(uidset_empty(seen));
    uidset_del(&seen);

    snapshot_tell_expunged(&s);
    assert_false(snapshot_has_ghosts(&s));
    assert_int_equal(snapshot_count(&s), 2);
    assert_int_equal(snapshot_number(&s, 60), 2);
    assert_int_equal(snapshot_recent_count(&s), 1);
    assert_false(snapshot_flags(&s, 20, &flags));
    snapshot_fini(&s);
}

/* Against a plain list, over random versions. */
static void random_versions(void **state)
{
    (void)state;
    unsigned seed = 1;
    snapshot s;
    bool believed[400] = {false};
    snapshot_init(&s);
    ll_view *view;
    assert_int_equal(ll_view_new(&view, NULL, 1), LL_OK);
    ll_view_seal(view, 1, 1);
    assert_int_equal(snapshot_open(&s, view, 0), LL_OK);
    uint32_t next = 1;
    for (unsigned round = 0; round < 300; round++) {
        ll_view *changed = edit(s.view);
        if (rand_r(&seed) % 2) {
            assert_int_equal(ll_view_add(changed, next, &(ll_flags){{0}}), LL_OK);
            believed[next++] = true;
        }
        uint32_t before = believed[next - 1] && !ll_view_has(s.view, next - 1) ? next - 1 : 0;
        uint32_t gone = (uint32_t)rand_r(&seed) % next;
        if (gone)
            assert_int_equal(ll_view_remove(changed, (ll_range){gone, gone}), LL_OK);
        if (before && gone == before && !snapshot_number(&s, before))
            believed[before] = false; /* come and gone in one version */
        ll_view_seal(changed, next, round + 2);
        assert_int_equal(snapshot_advance(&s, changed, 0), LL_OK);
        if (rand_r(&seed) % 5 == 0) {
            snapshot_tell_expunged(&s);
            for (uint32_t uid = 1; uid < next; uid++)
                believed[uid] = ll_view_has(s.view, uid);
        }
        uint32_t number = 0;
        for (uint32_t uid = 1; uid < next; uid++) {
            assert_int_equal(snapshot_number(&s, uid), believed[uid] ? ++number : 0);
            if (believed[uid])
                assert_int_equal(snapshot_uid(&s, number), uid);
        }
        assert_int_equal(snapshot_count(&s), number);
    }
    snapshot_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(ghosts),
                                       cmocka_unit_test(random_versions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
