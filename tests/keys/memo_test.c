/* memo_test.c - what is remembered, what makes it forgotten, and that it stays within its bounds.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/memo.h"
#include "keys/random.h"

#include <pthread.h>

static secret_arena *arena;
static const uint8_t ann[KEYS_ID] = {1, 2, 3}, ben[KEYS_ID] = {1, 2, 4}; /* in one bucket */

static int setup(void **state)
{
    (void)state;
    return keys_init() || secret_arena_new(&arena, 100, NULL);
}

static int teardown(void **state)
{
    (void)state;
    secret_arena_del(&arena);
    return 0;
}

static slot slot_any(void)
{
    slot made = {.kind = SLOT_GENERATED};
    random_id(made.id);
    random_bytes(made.wrapped, sizeof made.wrapped);
    return made;
}

static void keep(memo *m, const uint8_t alias[KEYS_ID], const slot *at, ll_span password)
{
    uint8_t mark[KEYS_KEY];
    memo_mark(m, alias, at, password, mark);
    memo_keep(m, alias, at->id, mark);
}

static void finds_its_own(void **state)
{
    (void)state;
    memo *m;
    size_t index = 99, room = secret_arena_room(arena);
    slot slots[3] = {slot_any(), slot_any(), slot_any()};
    assert_int_equal(memo_new(&m, arena, 8), LL_OK);
    assert_false(memo_find(m, ann, slots, 3, SPAN("first"), &index));
    keep(m, ann, &slots[1], SPAN("first"));
    keep(m, ann, &slots[2], SPAN("second"));
    assert_true(memo_find(m, ann, slots, 3, SPAN("first"), &index));
    assert_int_equal(index, 1);
    assert_true(memo_find(m, ann, slots, 3, SPAN("second"), &index));
    assert_int_equal(index, 2);
    assert_false(memo_find(m, ann, slots, 3, SPAN("firs"), &index));
    assert_false(memo_find(m, ann, slots, 3, SPAN(""), &index));
    assert_false(memo_find(m, ben, slots, 3, SPAN("first"), &index));
    memo_drop(m, ben);
    memo_drop(m, ann);
    assert_false(memo_find(m, ann, slots, 3, SPAN("first"), &index));
    assert_int_equal(memo_count(m), 0);
    keep(m, ben, &slots[0], SPAN("first"));
    memo_del(&m);
    memo_del(&m);
    assert_int_equal(secret_arena_room(arena), room);
}

/* Removed, or wrapped anew under the same id: the old password is not known any more. */
static void bound_to_the_slot(void **state)
{
    (void)state;
    memo *m;
    size_t index;
    slot slots[2] = {slot_any(), slot_any()};
    assert_int_equal(memo_new(&m, arena, 8), LL_OK);
    keep(m, ann, &slots[1], SPAN("first"));
    assert_false(memo_find(m, ann, slots, 1, SPAN("first"), &index));
    assert_true(memo_find(m, ann, slots, 2, SPAN("first"), &index));
    slots[1].wrapped[40] ^= 1;
    assert_false(memo_find(m, ann, slots, 2, SPAN("first"), &index));
    keep(m, ann, &slots[1], SPAN("other")); /* takes the slot's own place */
    assert_int_equal(memo_count(m), 1);
    assert_true(memo_find(m, ann, slots, 2, SPAN("other"), &index));
    memo_del(&m);
}

static void bounded(void **state)
{
    (void)state;
    memo *m;
    size_t index;
    slot slots[MEMO_EACH + 1];
    assert_int_equal(memo_new(&m, arena, MEMO_EACH + 1), LL_OK);
    for (size_t i = 0; i <= MEMO_EACH; i++) {
        slots[i] = slot_any();
        keep(m, ann, &slots[i], SPAN("same"));
    }
    assert_int_equal(memo_count(m), MEMO_EACH);
    assert_false(memo_find(m, ann, slots, 1, SPAN("same"), &index)); /* the oldest made room */
    assert_true(memo_find(m, ann, slots, MEMO_EACH + 1, SPAN("same"), &index));
    keep(m, ben, &slots[0], SPAN("same"));
    keep(m, ben, &slots[1], SPAN("same")); /* no room */
    assert_int_equal(memo_count(m), MEMO_EACH + 1);
    assert_false(memo_find(m, ben, slots + 1, 1, SPAN("same"), &index));
    memo_del(&m);
    assert_int_equal(memo_new(&m, arena, 0), LL_ELIMIT);
    assert_null(m);
}

static void *hammer(void *context)
{
    memo *m = context;
    const slot at = slot_any();
    size_t index;
    for (int i = 0; i < 500; i++) {
        const uint8_t *who = i % 2 ? ann : ben;
        keep(m, who, &at, SPAN("hammer"));
        (void)memo_find(m, who, &at, 1, SPAN("hammer"), &index);
        assert_false(memo_find(m, who, &at, 1, SPAN("nail"), &index));
        if (i % 7 == 0)
            memo_drop(m, who);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    memo *m;
    pthread_t all[4];
    size_t room = secret_arena_room(arena);
    assert_int_equal(memo_new(&m, arena, 6), LL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&all[i], NULL, hammer, m), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(all[i], NULL);
    memo_del(&m);
    assert_int_equal(secret_arena_room(arena), room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_its_own), cmocka_unit_test(bound_to_the_slot),
                                       cmocka_unit_test(bounded), cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
