/* keyring_test.c - keys of unlocked vaults: against a plain table, and gone after drop.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/keyring.h"
#include "keys/random.h"

#include <pthread.h>

enum { COUNT = 64 };

static secret_arena *arena;

static int setup(void **state)
{
    (void)state;
    return keys_init() || secret_arena_new(&arena, 200, NULL);
}

static int teardown(void **state)
{
    (void)state;
    secret_arena_del(&arena);
    return 0;
}

static void basics(void **state)
{
    (void)state;
    keyring *ring;
    uint8_t a[KEYS_ID] = {1}, b[KEYS_ID] = {2}, key[KEYS_KEY], other[KEYS_KEY], got[KEYS_KEY];
    size_t room = secret_arena_room(arena);
    random_bytes(key, sizeof key);
    random_bytes(other, sizeof other);
    assert_int_equal(keyring_new(&ring, arena, 1), LL_OK);
    assert_int_equal(keyring_get(ring, a, got), LL_ENOTFOUND);
    assert_int_equal(keyring_put(ring, a, key), LL_OK);
    assert_int_equal(keyring_get(ring, a, got), LL_OK);
    assert_memory_equal(got, key, KEYS_KEY);
    assert_true(keyring_has(ring, a));
    assert_false(keyring_has(ring, b));
    assert_int_equal(keyring_put(ring, b, key), LL_ELIMIT);
    assert_int_equal(keyring_put(ring, a, other), LL_OK);
    assert_int_equal(keyring_get(ring, a, got), LL_OK);
    assert_memory_equal(got, other, KEYS_KEY);
    assert_int_equal(keyring_count(ring), 1);
    keyring_drop(ring, b);
    keyring_drop(ring, a);
    assert_int_equal(keyring_get(ring, a, got), LL_ENOTFOUND);
    assert_int_equal(keyring_put(ring, b, key), LL_OK);
    keyring_del(&ring);
    keyring_del(&ring);
    assert_int_equal(secret_arena_room(arena), room);
    assert_int_equal(keyring_new(&ring, arena, 0), LL_ELIMIT);
}

/* Random puts and drops on ids that collide, against a table. */
static void model(void **state)
{
    (void)state;
    keyring *ring;
    bool there[COUNT] = {false};
    uint8_t keys[COUNT][KEYS_KEY], got[KEYS_KEY];
    assert_int_equal(keyring_new(&ring, arena, COUNT), LL_OK);
    for (int step = 0; step < 20000; step++) {
        uint32_t n = random_below(COUNT);
        uint8_t id[KEYS_ID] = {(uint8_t)(n % 5), 0, 0, 0, 0, 0, 0, 0, (uint8_t)n};
        switch (random_below(3)) {
        case 0:
            random_bytes(keys[n], KEYS_KEY);
            assert_int_equal(keyring_put(ring, id, keys[n]), LL_OK);
            there[n] = true;
            break;
        case 1:
            keyring_drop(ring, id);
            there[n] = false;
            break;
        default:
            assert_int_equal(keyring_get(ring, id, got), there[n] ? LL_OK : LL_ENOTFOUND);
            if (there[n])
                assert_memory_equal(got, keys[n], KEYS_KEY);
        }
    }
    keyring_drop_all(ring);
    assert_int_equal(keyring_count(ring), 0);
    keyring_del(&ring);
}

/* Neither the key itself is in the arena while it is kept, nor its wrapped form after drop. */
static void gone(void **state)
{
    (void)state;
    keyring *ring;
    uint8_t id[KEYS_ID] = {9}, key[KEYS_KEY];
    memset(key, 0xab, sizeof key);
    uint8_t *probe = secret_take(arena);
    secret_give(arena, &probe);
    assert_int_equal(keyring_new(&ring, arena, 4), LL_OK);
    uint8_t *next = secret_take(arena);
    uint8_t *place = next;
    secret_give(arena, &next);
    assert_int_equal(keyring_put(ring, id, key), LL_OK); /* takes the slot just given back */
    uint8_t zero[KEYS_KEY] = {0};
    assert_memory_not_equal(place, zero, KEYS_KEY);
    assert_memory_not_equal(place, key, KEYS_KEY);
    keyring_drop(ring, id);
    assert_memory_equal(place, zero, KEYS_KEY);
    keyring_del(&ring);
}

static void *work(void *context)
{
    keyring *ring = context;
    uint8_t id[KEYS_ID], key[KEYS_KEY], got[KEYS_KEY];
    random_id(id);
    random_bytes(key, sizeof key);
    for (int i = 0; i < 2000; i++) {
        if (keyring_put(ring, id, key) || keyring_get(ring, id, got) || memcmp(got, key, KEYS_KEY) != 0)
            return context;
        keyring_drop(ring, id);
    }
    return NULL;
}

static void threads(void **state)
{
    (void)state;
    keyring *ring;
    pthread_t all[4];
    assert_int_equal(keyring_new(&ring, arena, 8), LL_OK);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&all[i], NULL, work, ring), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(all[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(keyring_count(ring), 0);
    keyring_del(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(basics), cmocka_unit_test(model), cmocka_unit_test(gone),
                                       cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
