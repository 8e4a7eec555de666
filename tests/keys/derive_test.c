/* derive_test.c - vectors of RFC 4231 (HMAC) and RFC 5869 (HKDF).
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/derive.h"

static void hmac(void **state)
{
    (void)state;
    uint8_t got[32], want[32];
    test_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
    derive_hmac(SPAN("Jefe"), &SPAN("what do ya want for nothing?"), 1, got);
    assert_memory_equal(got, want, 32);
    const ll_span pieces[] = {SPAN("what do ya "), {NULL, 0}, SPAN("want for nothing?")};
    derive_hmac(SPAN("Jefe"), pieces, 3, got);
    assert_memory_equal(got, want, 32);
}

static void hkdf(void **state)
{
    (void)state;
    /* RFC 5869 appendices A.1 and A.3, the first 32 bytes. */
    uint8_t secret[22], salt[13], info[10], got[32], want[32];
    memset(secret, 0x0b, sizeof secret);
    test_hex("000102030405060708090a0b0c", salt);
    test_hex("f0f1f2f3f4f5f6f7f8f9", info);
    test_hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf", want);
    const ll_span pieces[] = {test_bytes(info, 4), test_bytes(info + 4, 6)};
    derive_hkdf(test_bytes(salt, sizeof salt), test_bytes(secret, sizeof secret), pieces, 2, got);
    assert_memory_equal(got, want, 32);
    test_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d", want);
    derive_hkdf((ll_span){NULL, 0}, test_bytes(secret, sizeof secret), NULL, 0, got);
    assert_memory_equal(got, want, 32);
}

static void digests(void **state)
{
    (void)state;
    uint8_t got[32], want[32], other[32];
    test_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want);
    derive_sha256(SPAN("abc"), got);
    assert_memory_equal(got, want, 32);
    test_hex("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319", want);
    derive_digest((ll_span){NULL, 0}, SPAN("abc"), got);
    assert_memory_equal(got, want, 32);
    derive_digest(SPAN("0123456789abcdef"), SPAN("abc"), other);
    assert_memory_not_equal(got, other, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hmac), cmocka_unit_test(hkdf), cmocka_unit_test(digests)};
    return TEST_MAIN(tests);
}
