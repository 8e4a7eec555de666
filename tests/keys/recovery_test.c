/* recovery_test.c - recovery codes, printed and typed.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/recovery.h"

static void round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        uint8_t code[RECOVERY_CODE], got[RECOVERY_CODE];
        char text[RECOVERY_TEXT + 1];
        recovery_make(code);
        recovery_print(code, text);
        assert_int_equal(strlen(text), RECOVERY_TEXT);
        assert_int_equal(recovery_parse(span_str(text), got), LL_OK);
        assert_memory_equal(code, got, RECOVERY_CODE);
    }
}

static void forgiving(void **state)
{
    (void)state;
    uint8_t code[RECOVERY_CODE] = {0}, got[RECOVERY_CODE];
    char text[RECOVERY_TEXT + 1], typed[128];
    code[0] = 0x08; /* begins with "10" */
    recovery_print(code, text);
    assert_memory_equal(text, "1000-0000-", 10);
    static const char *const beginnings[] = {"iO0o oooo ", " L000-0000-", "1oOO 00 00\t", "\r\nI000--0000"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        snprintf(typed, sizeof typed, "%s%s\n", beginnings[i], text + 10);
        for (char *c = typed; *c; c++)
            *c = ascii_lower(*c);
        assert_int_equal(recovery_parse(span_str(typed), got), LL_OK);
        assert_memory_equal(code, got, RECOVERY_CODE);
    }
}

static void refused(void **state)
{
    (void)state;
    uint8_t code[RECOVERY_CODE], got[RECOVERY_CODE];
    char text[RECOVERY_TEXT + 8];
    memset(code, 0x5a, sizeof code);
    recovery_print(code, text);
    /* Every single wrong character is noticed. */
    for (size_t i = 0; i < RECOVERY_TEXT; i++) {
        char kept = text[i];
        if (kept == '-')
            continue;
        text[i] = kept == 'Z' ? 'Y' : 'Z';
        assert_int_equal(recovery_parse(span_str(text), got), LL_ESYNTAX);
        text[i] = 'U';
        assert_int_equal(recovery_parse(span_str(text), got), LL_ESYNTAX);
        text[i] = kept;
    }
    for (size_t size = 0; size < RECOVERY_TEXT; size++)
        assert_int_equal(recovery_parse(span_of(text, size), got), LL_ESYNTAX);
    strcat(text, "0");
    assert_int_equal(recovery_parse(span_str(text), got), LL_ESYNTAX);
    assert_int_equal(recovery_parse(span_of("\0", 1), got), LL_ESYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(forgiving),
                                       cmocka_unit_test(refused)};
    return TEST_MAIN(tests);
}
