/* scram_test.c - the arithmetic, against RFC 7677 section 3.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/scram.h"

#include <sodium.h>

static void from_base64(const char *text, uint8_t *out, size_t size)
{
    size_t done = 0;
    assert_int_equal(
        sodium_base642bin(out, size, text, strlen(text), NULL, &done, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    assert_int_equal(done, size);
}

static const char auth_message[] =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,"
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

static void vector(void **state)
{
    (void)state;
    uint8_t salt[16], proof[KEYS_KEY], want[KEYS_KEY], client_key[KEYS_KEY], signature[KEYS_KEY];
    scram_keys keys;
    from_base64("W22ZaJ0SNY7soEsUEjb6gQ==", salt, sizeof salt);
    from_base64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", proof, sizeof proof);
    assert_int_equal(scram_derive(SPAN("pencil"), salt, sizeof salt, 4096, &keys), LL_OK);
    assert_true(scram_check(keys.stored, SPAN(auth_message), proof, client_key));
    assert_memory_equal(client_key, keys.client, KEYS_KEY);
    scram_sign(keys.server, SPAN(auth_message), signature);
    from_base64("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", want, sizeof want);
    assert_memory_equal(signature, want, KEYS_KEY);
    proof[31] ^= 1;
    assert_false(scram_check(keys.stored, SPAN(auth_message), proof, client_key));
    assert_int_equal(scram_derive(SPAN("pencil"), salt, sizeof salt, 0, &keys), LL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vector)};
    return TEST_MAIN(tests);
}
