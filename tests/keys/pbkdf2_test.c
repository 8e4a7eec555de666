/* pbkdf2_test.c - the vectors of RFC 7914 section 11, and OpenSSL's answer for every size that matters.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/pbkdf2.h"
#include "keys/random.h"

#include <openssl/evp.h>

static void vectors(void **state)
{
    (void)state;
    static const uint8_t one[KEYS_KEY] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91,
                                          0xc2, 0x25, 0x44, 0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde,
                                          0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc};
    static const uint8_t many[KEYS_KEY] = {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21, 0x83, 0x0c, 0xee,
                                           0x5e, 0xf2, 0x27, 0x01, 0xf9, 0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c,
                                           0x04, 0x14, 0xae, 0xff, 0x08, 0x87, 0x6b, 0x34, 0xab, 0x56};
    uint8_t got[KEYS_KEY];
    pbkdf2_sha256(SPAN("passwd"), SPAN("salt"), 1, got);
    assert_memory_equal(got, one, KEYS_KEY);
    pbkdf2_sha256(SPAN("Password"), SPAN("NaCl"), 80000, got);
    assert_memory_equal(got, many, KEYS_KEY);
}

static void as_openssl(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 22, 24, 55, 56, 63, 64, 65, 127, 128, 129, 200};
    char password[200], salt[200];
    random_bytes(password, sizeof password);
    random_bytes(salt, sizeof salt);
    for (size_t p = 0; p < sizeof sizes / sizeof *sizes; p++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (int iterations = 1; iterations < 5; iterations++) {
                uint8_t got[KEYS_KEY], want[KEYS_KEY];
                pbkdf2_sha256(span_of(password, sizes[p]), span_of(salt, sizes[s]), (uint32_t)iterations, got);
                assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)sizes[p], (const unsigned char *)salt, (int)sizes[s],
                                                   iterations, EVP_sha256(), KEYS_KEY, want),
                                 1);
                assert_memory_equal(got, want, KEYS_KEY);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vectors), cmocka_unit_test(as_openssl)};
    return keys_init() || cmocka_run_group_tests(tests, NULL, NULL);
}
