/* slot_test.c - slots: made, opened, moved, damaged, saved; login over several.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/password.h"
#include "keys/random.h"
#include "keys/scram.h"
#include "keys/slot.h"

static const uint8_t alias[KEYS_ID] = {1, 2, 3}, other_alias[KEYS_ID] = {3, 2, 1};
static slot_salts salts;
static uint8_t vault_key[KEYS_KEY];
static char generated[2][PASSWORD_GENERATED + 1];

/* Cheap Argon2id: the tests are about who gets in. */
static int setup(void **state)
{
    (void)state;
    if (keys_init())
        return 1;
    slot_salts_make(&salts);
    salts.argon_kib = SLOT_ARGON_KIB_MIN;
    salts.argon_passes = 1;
    random_bytes(vault_key, sizeof vault_key);
    password_generate(generated[0]);
    password_generate(generated[1]);
    return 0;
}

static void login(void **state)
{
    (void)state;
    slot slots[5];
    uint8_t code[RECOVERY_CODE], got[KEYS_KEY];
    size_t index;
    recovery_make(code);
    assert_int_equal(slot_make_generated(alias, &salts, span_str(generated[0]), vault_key, &slots[0]), LL_OK);
    assert_int_equal(slot_make_recovery(alias, code, vault_key, &slots[1]), LL_OK);
    assert_int_equal(slot_make_chosen(alias, &salts, SPAN("correct horse"), vault_key, &slots[2]), LL_OK);
    assert_int_equal(slot_make_generated(alias, &salts, span_str(generated[1]), vault_key, &slots[3]), LL_OK);
    assert_int_equal(slot_make_chosen(alias, &salts, SPAN("pa\xcc\x88sswort-1"), vault_key, &slots[4]), LL_OK);
    const struct {
        ll_span password;
        ll_status status;
        size_t index;
    } table[] = {
        {span_str(generated[0]), LL_OK, 0},   {span_str(generated[1]), LL_OK, 3},
        {SPAN("correct horse"), LL_OK, 2},    {SPAN("p\xc3\xa4sswort-1"), LL_OK, 4},
        {SPAN("correct horsf"), LL_EAUTH, 0}, {SPAN(""), LL_EAUTH, 0},
        {SPAN("\xff"), LL_EAUTH, 0},          {span_first(span_str(generated[0]), 23), LL_EAUTH, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        memset(got, 0, sizeof got);
        index = 99;
        assert_int_equal(slot_login_plain(alias, &salts, slots, 5, table[i].password, got, &index), table[i].status);
        if (table[i].status == LL_OK) {
            assert_memory_equal(got, vault_key, KEYS_KEY);
            assert_int_equal(index, table[i].index);
        }
    }
    assert_int_equal(slot_login_recovery(alias, slots, 5, code, got, &index), LL_OK);
    assert_int_equal(index, 1);
    assert_memory_equal(got, vault_key, KEYS_KEY);
    code[0] ^= 1;
    assert_int_equal(slot_login_recovery(alias, slots, 5, code, got, &index), LL_EAUTH);
    assert_int_equal(slot_login_plain(alias, &salts, slots, 0, SPAN("correct horse"), got, &index), LL_EAUTH);
    assert_int_equal(slot_login_plain(other_alias, &salts, slots, 5, span_str(generated[0]), got, &index), LL_EAUTH);
}

/* Bound to its place: another alias, another slot id, another kind, any flipped bit. */
static void bound(void **state)
{
    (void)state;
    slot s, moved;
    scram_keys keys;
    uint8_t got[KEYS_KEY];
    assert_int_equal(slot_make_generated(alias, &salts, span_str(generated[0]), vault_key, &s), LL_OK);
    assert_int_equal(scram_derive(span_str(generated[0]), salts.scram, KEYS_SALT, salts.scram_iterations, &keys),
                     LL_OK);
    assert_memory_equal(keys.stored, s.stored_key, KEYS_KEY);
    assert_memory_equal(keys.server, s.server_key, KEYS_KEY);
    assert_int_equal(slot_unwrap_client_key(&s, alias, keys.client, got), LL_OK);
    assert_memory_equal(got, vault_key, KEYS_KEY);
    assert_int_equal(slot_unwrap_client_key(&s, other_alias, keys.client, got), LL_EAUTH);
    moved = s;
    moved.id[0] ^= 1;
    assert_int_equal(slot_unwrap_client_key(&moved, alias, keys.client, got), LL_EAUTH);
    moved = s;
    moved.kind = SLOT_CHOSEN;
    assert_int_equal(slot_unwrap_client_key(&moved, alias, keys.client, got), LL_EAUTH);
    assert_int_equal(slot_unwrap_recovery(&s, alias, keys.client, got), LL_EAUTH);
    for (size_t i = 1; i < SLOT_WRAPPED; i++) {
        moved = s;
        moved.wrapped[i] ^= 0x10;
        assert_int_equal(slot_unwrap_client_key(&moved, alias, keys.client, got), LL_EAUTH);
    }
    moved.wrapped[0] = 2;
    assert_int_equal(slot_unwrap_client_key(&moved, alias, keys.client, got), LL_EVERSION);
    moved.wrapped[0] = 0;
    assert_int_equal(slot_unwrap_client_key(&moved, alias, keys.client, got), LL_EAUTH);
}

static void refused(void **state)
{
    (void)state;
    slot s;
    assert_int_equal(slot_make_generated(alias, &salts, SPAN("correct horse"), vault_key, &s), LL_EINVAL);
    assert_int_equal(slot_make_chosen(alias, &salts, SPAN("short"), vault_key, &s), LL_EINVAL);
    assert_int_equal(slot_make_chosen(alias, &salts, SPAN("correct\nhorse"), vault_key, &s), LL_EINVAL);
}

static void saved(void **state)
{
    (void)state;
    slot made[3], got;
    uint8_t code[RECOVERY_CODE] = {1}, blob[SLOT_SAVED_MAX + 1];
    assert_int_equal(slot_make_generated(alias, &salts, span_str(generated[0]), vault_key, &made[0]), LL_OK);
    assert_int_equal(slot_make_chosen(alias, &salts, SPAN("correct horse"), vault_key, &made[1]), LL_OK);
    assert_int_equal(slot_make_recovery(alias, code, vault_key, &made[2]), LL_OK);
    for (int i = 0; i < 3; i++) {
        size_t size = slot_save(&made[i], blob);
        assert_int_equal(slot_load(test_bytes(blob, size), &got), LL_OK);
        assert_int_equal(got.kind, made[i].kind);
        assert_memory_equal(got.id, made[i].id, KEYS_ID);
        assert_memory_equal(got.wrapped, made[i].wrapped, SLOT_WRAPPED);
        assert_memory_equal(got.stored_key, made[i].stored_key, KEYS_KEY);
        assert_memory_equal(got.server_key, made[i].server_key, KEYS_KEY);
        for (size_t cut = 0; cut < size; cut++)
            assert_int_equal(slot_load(test_bytes(blob, cut), &got), LL_ECORRUPT);
        blob[size] = 0;
        assert_int_equal(slot_load(test_bytes(blob, size + 1), &got), LL_ECORRUPT);
        blob[1] = 4;
        assert_int_equal(slot_load(test_bytes(blob, size), &got), LL_ECORRUPT);
        blob[0] = 2;
        assert_int_equal(slot_load(test_bytes(blob, size), &got), LL_EVERSION);
        blob[0] = 0;
        assert_int_equal(slot_load(test_bytes(blob, size), &got), LL_ECORRUPT);
    }
}

static void saved_salts(void **state)
{
    (void)state;
    uint8_t blob[SLOT_SALTS_SAVED];
    slot_salts got, weak = salts;
    slot_salts_save(&salts, blob);
    assert_int_equal(slot_salts_load(test_bytes(blob, sizeof blob), &got), LL_OK);
    assert_memory_equal(&got, &salts, sizeof got);
    assert_int_equal(slot_salts_load(test_bytes(blob, sizeof blob - 1), &got), LL_ECORRUPT);
    weak.scram_iterations = 1;
    slot_salts_save(&weak, blob);
    assert_int_equal(slot_salts_load(test_bytes(blob, sizeof blob), &got), LL_ECORRUPT);
    weak = salts;
    weak.argon_kib = UINT32_MAX;
    slot_salts_save(&weak, blob);
    assert_int_equal(slot_salts_load(test_bytes(blob, sizeof blob), &got), LL_ECORRUPT);
    blob[0] = 9;
    assert_int_equal(slot_salts_load(test_bytes(blob, sizeof blob), &got), LL_EVERSION);
}

static void fake(void **state)
{
    (void)state;
    uint8_t secret[KEYS_KEY] = {1}, other[KEYS_KEY] = {2};
    slot_salts a, b;
    slot_salts_fake(secret, SPAN("nobody@example.org"), &a);
    slot_salts_fake(secret, SPAN("Nobody@Example.org"), &b);
    assert_memory_equal(&a, &b, sizeof a);
    slot_salts_fake(secret, SPAN("nobody2@example.org"), &b);
    assert_memory_not_equal(a.scram, b.scram, KEYS_SALT);
    slot_salts_fake(other, SPAN("nobody@example.org"), &b);
    assert_memory_not_equal(a.scram, b.scram, KEYS_SALT);
    assert_int_equal(slot_login_fake(secret, SPAN("nobody@example.org"), SPAN("correct horse")), LL_EAUTH);
    assert_int_equal(slot_login_fake(secret, SPAN("x"), SPAN("")), LL_EAUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(login),       cmocka_unit_test(bound),
                                       cmocka_unit_test(refused),     cmocka_unit_test(saved),
                                       cmocka_unit_test(saved_salts), cmocka_unit_test(fake)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
