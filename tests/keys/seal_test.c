/* seal_test.c - sealed keys and chunks: round trips, moved, cut, swapped, damaged.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/random.h"
#include "keys/seal.h"

static const uint8_t alias[KEYS_ID] = {1}, other[KEYS_ID] = {2};

static void sealed(void **state)
{
    (void)state;
    uint8_t public_key[KEYS_KEY], secret_key[KEYS_KEY], public2[KEYS_KEY], secret2[KEYS_KEY];
    uint8_t content[KEYS_KEY], got[KEYS_KEY], box[SEAL_KEY], box2[SEAL_KEY];
    seal_pair_make(public_key, secret_key);
    seal_pair_make(public2, secret2);
    random_bytes(content, sizeof content);
    ll_span span = test_bytes(box, sizeof box);
    assert_int_equal(seal_key(public_key, alias, SPAN("drop"), content, box), LL_OK);
    assert_int_equal(seal_open(public_key, secret_key, alias, SPAN("drop"), span, got), LL_OK);
    assert_memory_equal(got, content, KEYS_KEY);
    assert_int_equal(seal_key(public_key, alias, SPAN("drop"), content, box2), LL_OK);
    assert_memory_not_equal(box, box2, SEAL_KEY);
    assert_int_equal(seal_open(public_key, secret_key, other, SPAN("drop"), span, got), LL_ECORRUPT);
    assert_int_equal(seal_open(public_key, secret_key, alias, SPAN("drip"), span, got), LL_ECORRUPT);
    assert_int_equal(seal_open(public2, secret2, alias, SPAN("drop"), span, got), LL_ECORRUPT);
    for (size_t i = 0; i < SEAL_KEY; i++) {
        box[i] ^= 4;
        assert_int_equal(seal_open(public_key, secret_key, alias, SPAN("drop"), span, got),
                         i ? LL_ECORRUPT : LL_EVERSION);
        box[i] ^= 4;
    }
    for (size_t cut = 0; cut < SEAL_KEY; cut++)
        assert_int_equal(seal_open(public_key, secret_key, alias, SPAN("drop"), span_first(span, cut), got),
                         LL_ECORRUPT);
    uint8_t small_order[KEYS_KEY] = {0};
    assert_int_equal(seal_key(small_order, alias, SPAN("drop"), content, box), LL_EINVAL);
}

static void wrapped(void **state)
{
    (void)state;
    uint8_t key[KEYS_KEY], content[KEYS_KEY], got[KEYS_KEY], box[SEAL_WRAPPED];
    random_bytes(key, sizeof key);
    random_bytes(content, sizeof content);
    ll_span span = test_bytes(box, sizeof box);
    seal_wrap(key, alias, SPAN("queue"), content, box);
    assert_int_equal(seal_unwrap(key, alias, SPAN("queue"), span, got), LL_OK);
    assert_memory_equal(got, content, KEYS_KEY);
    assert_int_equal(seal_unwrap(key, other, SPAN("queue"), span, got), LL_ECORRUPT);
    assert_int_equal(seal_unwrap(key, alias, SPAN("spool"), span, got), LL_ECORRUPT);
    box[40] ^= 1;
    assert_int_equal(seal_unwrap(key, alias, SPAN("queue"), span, got), LL_ECORRUPT);
    box[0] = 2;
    assert_int_equal(seal_unwrap(key, alias, SPAN("queue"), span, got), LL_EVERSION);
}

static void sizes(void **state)
{
    (void)state;
    static const uint64_t table[][2] = {{0, 16},        {1, 17},        {65535, 65551},
                                        {65536, 65552}, {65537, 65569}, {131072, 131104}};
    uint64_t size;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(seal_size(table[i][0]), table[i][1]);
        assert_true(seal_plain_size(table[i][1], &size));
        assert_int_equal(size, table[i][0]);
    }
    static const uint64_t bad[] = {0, 1, 15, 65553, 65552 + 16, 131105};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(seal_plain_size(bad[i], &size));
}

/* Encrypt content as its writers will, then read it in every wrong way. */
static void chunks(void **state)
{
    (void)state;
    const size_t contents[] = {0, 1, 1000, SEAL_CHUNK - 1, SEAL_CHUNK, SEAL_CHUNK + 1, 2 * SEAL_CHUNK, 150000};
    uint8_t key[KEYS_KEY], *plain = malloc(200000), *boxed = malloc(200000), *back = malloc(SEAL_CHUNK_SEALED);
    random_bytes(key, sizeof key);
    random_bytes(plain, 200000);
    for (size_t c = 0; c < sizeof contents / sizeof contents[0]; c++) {
        uint64_t count = seal_chunks(contents[c]);
        for (uint64_t n = 0; n < count; n++) {
            size_t from = (size_t)n * SEAL_CHUNK, left = contents[c] - from;
            seal_chunk_encrypt(key, alias, n, n + 1 == count,
                               test_bytes(plain + from, left < SEAL_CHUNK ? left : SEAL_CHUNK),
                               boxed + n * SEAL_CHUNK_SEALED);
        }
        for (uint64_t n = count; n-- > 0;) {
            bool last = n + 1 == count;
            size_t at = (size_t)n * SEAL_CHUNK_SEALED, left = (size_t)seal_size(contents[c]) - at;
            ll_span box = test_bytes(boxed + at, left < SEAL_CHUNK_SEALED ? left : SEAL_CHUNK_SEALED);
            assert_int_equal(seal_chunk_decrypt(key, alias, n, last, box, back), LL_OK);
            assert_memory_equal(back, plain + n * SEAL_CHUNK, box.size - KEYS_TAG);
            assert_int_equal(seal_chunk_decrypt(key, other, n, last, box, back), LL_ECORRUPT);
            assert_int_equal(seal_chunk_decrypt(key, alias, n + 1, last, box, back), LL_ECORRUPT);
            assert_int_equal(seal_chunk_decrypt(key, alias, n, !last, box, back), LL_ECORRUPT);
            assert_int_equal(seal_chunk_decrypt(key, alias, n, last, span_first(box, box.size - 1), back), LL_ECORRUPT);
            boxed[at + box.size / 2] ^= 1;
            assert_int_equal(seal_chunk_decrypt(key, alias, n, last, box, back), LL_ECORRUPT);
            boxed[at + box.size / 2] ^= 1;
            /* In place. */
            assert_int_equal(seal_chunk_decrypt(key, alias, n, last, box, boxed + at), LL_OK);
            assert_memory_equal(boxed + at, plain + n * SEAL_CHUNK, box.size - KEYS_TAG);
        }
    }
    free(plain);
    free(boxed);
    free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sealed), cmocka_unit_test(wrapped), cmocka_unit_test(sizes),
                                       cmocka_unit_test(chunks)};
    return TEST_MAIN(tests);
}
