/* password_test.c - generated passwords, the judge, and preparation.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/password.h"

static void generated(void **state)
{
    (void)state;
    char a[PASSWORD_GENERATED + 1], b[PASSWORD_GENERATED + 1];
    unsigned seen[256] = {0};
    for (int i = 0; i < 500; i++) {
        password_generate(a);
        assert_int_equal(strlen(a), PASSWORD_GENERATED);
        assert_null(strpbrk(a, "0Oo1lIi"));
        assert_true(password_is_generated_like(span_str(a), NULL));
        for (const char *c = a; *c; c++)
            seen[(unsigned char)*c]++;
    }
    password_generate(b);
    assert_string_not_equal(a, b);
    /* 12,000 characters from 55: about 218 of each. */
    unsigned different = 0;
    for (int i = 0; i < 256; i++)
        if (seen[i]) {
            different++;
            assert_in_range(seen[i], 120, 330);
        }
    assert_int_equal(different, 55);
}

static void judged(void **state)
{
    (void)state;
    static const struct {
        const char *password, *reason; /* NULL: fine */
    } table[] = {
        {"x7Kq9mPz2wRt5vBn8cLd3f", NULL},           {"d41d8cd98f00b204e9800998ecf8427e", NULL},
        {"x7Kq9mPz2wRt5vBn8cLd3", "at least 22"},   {"", "at least 22"},
        {"x7Kq9mPz2wRt5vBn8cLd3\xc3\xa9", "ASCII"}, {"x7Kq9mPz2wRt5vBn8cLd3f\n", "ASCII"},
        {"xqkmpzwrtvbnclfxhgydsqjw", "mixes"},      {"aA1aA1aA1aA1bB2bB2bB2bB2", "different"},
        {"x7Kq9mPz2wRx7Kq9mPz2wR", "repeats"},      {"Pasw0rd51!Pasw0rd51!Pas", "repeats"},
        {"x7Kq9mPz2wRt5vBn8abcde", "sequence"},     {"x7Kq9mPz2wRt5vBn87777777", "sequence"},
        {"x7Kq9mPz2wRt5vBn98765cL", "sequence"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *reason = NULL;
        bool good = password_is_generated_like(span_str(table[i].password), &reason);
        if (good != !table[i].reason || (reason && !strstr(reason, table[i].reason)))
            fail_msg("%s: %s", table[i].password, reason ? reason : "taken");
    }
}

static void acceptable(void **state)
{
    (void)state;
    assert_true(password_is_acceptable(SPAN("correct horse"), NULL));
    assert_true(password_is_acceptable(SPAN("p\xc3\xa4sswort-1"), NULL));
    assert_false(password_is_acceptable(SPAN("short"), NULL));
    assert_false(password_is_acceptable(SPAN("aaaaaaaaaaaaaaa"), NULL));
    assert_false(password_is_acceptable(SPAN("correct\thorse"), NULL));
    assert_false(password_is_acceptable(SPAN("correct\xffhorse"), NULL));
    assert_false(password_is_acceptable(SPAN("correct\xc2\x85horse"), NULL));
    /* Ten bytes, but five characters. */
    assert_false(password_is_acceptable(SPAN("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa9"), NULL));
}

static ll_status prepare(ll_span password, char *out, size_t room)
{
    text t;
    text_init(&t, NULL, PASSWORD_PREPARED_MAX);
    ll_status status = password_prepare(password, &t);
    snprintf(out, room, "%s", text_str(&t));
    text_wipe(&t);
    return status;
}

static void prepared(void **state)
{
    (void)state;
    char got[64];
    assert_int_equal(prepare(SPAN("pencil "), got, sizeof got), LL_OK);
    assert_string_equal(got, "pencil ");
    /* a, combining diaeresis: the same password as with U+00E4. */
    assert_int_equal(prepare(SPAN("pa\xcc\x88ss"), got, sizeof got), LL_OK);
    assert_string_equal(got, "p\xc3\xa4ss");
    assert_int_equal(prepare(SPAN("p\xc3\xa4ss"), got, sizeof got), LL_OK);
    assert_string_equal(got, "p\xc3\xa4ss");
    static const char *const bad[] = {"", "a\nb", "a\x7f", "\xff", "\xc3", "\xed\xa0\x80", "\xc2\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(prepare(span_str(bad[i]), got, sizeof got), LL_EAUTH);
    assert_int_equal(prepare(span_of("a\0b", 3), got, sizeof got), LL_EAUTH);
}

/* The longest password, made of what grows most, fits into the ceilings. */
static void longest(void **state)
{
    (void)state;
    char big[PASSWORD_MAX + 1];
    text t;
    text_init(&t, NULL, PASSWORD_PREPARED_MAX);
    for (size_t i = 0; i < PASSWORD_MAX; i += 4)
        memcpy(big + i, "\xf0\x9d\x85\xa0", 4); /* U+1D160: three code points of four bytes each, also in NFC */
    assert_int_equal(password_prepare(span_of(big, PASSWORD_MAX), &t), LL_OK);
    assert_int_equal(t.size, PASSWORD_PREPARED_MAX);
    text_wipe(&t);
    for (size_t i = 0; i + 2 <= PASSWORD_MAX; i += 2)
        memcpy(big + i, "\xcd\x84", 2); /* U+0344: two code points */
    assert_int_equal(password_prepare(span_of(big, PASSWORD_MAX), &t), LL_OK);
    text_wipe(&t);
    memset(big, 'x', sizeof big);
    assert_int_equal(password_prepare(span_of(big, PASSWORD_MAX + 1), &t), LL_EAUTH);
    text_wipe(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(generated), cmocka_unit_test(judged),
                                       cmocka_unit_test(acceptable), cmocka_unit_test(prepared),
                                       cmocka_unit_test(longest)};
    return TEST_MAIN(tests);
}
