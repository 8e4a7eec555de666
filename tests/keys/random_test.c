/* random_test.c - ids and their hex.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/random.h"

static void ids(void **state)
{
    (void)state;
    uint8_t a[KEYS_ID], b[KEYS_ID];
    char hex[RANDOM_HEX + 1];
    random_id(a);
    random_id(b);
    assert_memory_not_equal(a, b, KEYS_ID);
    random_id_hex(a, hex);
    assert_int_equal(strlen(hex), RANDOM_HEX);
    assert_true(random_id_parse(span_str(hex), b));
    assert_memory_equal(a, b, KEYS_ID);
    assert_true(random_id_parse(SPAN("00112233445566778899aabbccddEEFF"), b));
    assert_int_equal(b[15], 0xff);
    static const char *const bad[] = {"",
                                      "00",
                                      "00112233445566778899aabbccddeef",
                                      "00112233445566778899aabbccddeefff",
                                      "00112233445566778899aabbccddeefg",
                                      "00112233-4455-6677-8899-aabbccddee"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(random_id_parse(span_str(bad[i]), b));
}

static void below(void **state)
{
    (void)state;
    bool seen[7] = {false};
    for (int i = 0; i < 1000; i++) {
        uint32_t n = random_below(7);
        assert_true(n < 7);
        seen[n] = true;
    }
    for (int i = 0; i < 7; i++)
        assert_true(seen[i]);
    assert_int_equal(random_below(1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids), cmocka_unit_test(below)};
    return TEST_MAIN(tests);
}
