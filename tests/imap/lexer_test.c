/* The tokens of RFC 3501 section 9.
 * SPDX-License-Identifier: MIT */
#include "base/span.h"
#include "imap/lexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef bool (*take_one)(lexer *in, ll_span *out);

/* What is taken from the input, and what is left; NULL: nothing is taken. */
static void check(take_one take, const char *input, const char *taken, const char *left)
{
    arena memory;
    lexer in;
    ll_span out;
    arena_init(&memory, NULL, 65536);
    size_t size = strlen(input);
    char *exact = test_malloc(size + 1);
    memcpy(exact, input, size);
    lexer_init(&in, span_of(exact, size), &memory, 2);
    bool done = take(&in, &out);
    if (!taken) {
        assert_false(done);
        assert_int_equal(in.at, 0);
    } else {
        assert_true(done);
        assert_int_equal(out.size, strlen(taken));
        assert_memory_equal(out.data ? out.data : "", taken, out.size);
        assert_int_equal(size - in.at, strlen(left));
    }
    test_free(exact);
    arena_fini(&memory);
}

static void atoms(void **state)
{
    (void)state;
    check(lexer_atom, "abc def", "abc", " def");
    check(lexer_atom, "a]b", "a", "]b");
    check(lexer_atom, "", NULL, NULL);
    check(lexer_atom, "(a", NULL, NULL);
    check(lexer_atom, "\x7f", NULL, NULL);
    check(lexer_atom, "\xc3\xa4", NULL, NULL);
    check(lexer_astring_atom, "a]b)", "a]b", ")");
    check(lexer_tag, "a1+b", "a1", "+b");
    check(lexer_tag, "+", NULL, NULL);
    check(lexer_word, "BODY.PEEK[", "BODY.PEEK", "[");
    check(lexer_word, "SPECIAL-USE)", "SPECIAL-USE", ")");
    check(lexer_flag, "\\Seen)", "\\Seen", ")");
    check(lexer_flag, "$Label1 x", "$Label1", " x");
    check(lexer_flag, "\\*", NULL, NULL);
    check(lexer_flag, "\\", NULL, NULL);
    check(lexer_set, "1:*,3 x", "1:*,3", " x");
}

static void strings(void **state)
{
    (void)state;
    check(lexer_quoted, "\"\"", "", "");
    check(lexer_quoted, "\"a b\" c", "a b", " c");
    check(lexer_quoted, "\"a\\\"\\\\b\"x", "a\"\\b", "x");
    check(lexer_quoted, "\"a\\nb\"", NULL, NULL);
    check(lexer_quoted, "\"a", NULL, NULL);
    check(lexer_quoted, "\"a\\", NULL, NULL);
    check(lexer_quoted, "\"a\\\"", NULL, NULL);
    check(lexer_quoted, "\"a\r\nb\"", NULL, NULL);
    check(lexer_literal, "{0}\r\n)", "", ")");
    check(lexer_literal, "{5}\r\nhello x", "hello", " x");
    check(lexer_literal, "{2+}\r\n\r\n\"", "\r\n", "\"");
    check(lexer_literal, "{5}\r\nhell", NULL, NULL);
    check(lexer_literal, "{5}\nhello", NULL, NULL);
    check(lexer_literal, "{-1}\r\nhello", NULL, NULL);
    check(lexer_literal, "{99999999999999999999}\r\nx", NULL, NULL);
    check(lexer_literal, "{18446744073709551615}\r\nx", NULL, NULL);
    check(lexer_literal, "~{1}\r\nx", NULL, NULL);
    check(lexer_nstring, "NIL)", "", ")");
    check(lexer_nstring, "nil", "", "");
    check(lexer_nstring, "NILX", NULL, NULL);
    check(lexer_nstring, "\"NIL\"", "NIL", "");
    check(lexer_astring, "INBOX", "INBOX", "");
    check(lexer_astring, "\"a b\"", "a b", "");
    check(lexer_list_mailbox, "a/%*] x", "a/%*]", " x");
    check(lexer_list_mailbox, "\"%\"", "%", "");
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        bool ok, nz;
        uint32_t number;
    } table[] = {
        {"0", true, false, 0},           {"1)", true, true, 1},
        {"007", true, true, 7},          {"4294967295", true, true, 4294967295u},
        {"4294967296", false, false, 0}, {"99999999999999999999999", false, false, 0},
        {"-1", false, false, 0},         {"", false, false, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        lexer in;
        uint32_t number = 0;
        lexer_init(&in, span_str(table[i].input), NULL, 0);
        assert_int_equal(lexer_number(&in, &number), table[i].ok);
        if (table[i].ok)
            assert_int_equal(number, table[i].number);
        lexer_init(&in, span_str(table[i].input), NULL, 0);
        assert_int_equal(lexer_nz_number(&in, &number), table[i].nz);
    }
    lexer in;
    uint64_t wide;
    lexer_init(&in, SPAN("9223372036854775807"), NULL, 0);
    assert_true(lexer_number64(&in, &wide));
    lexer_init(&in, SPAN("9223372036854775808"), NULL, 0);
    assert_false(lexer_number64(&in, &wide));
    assert_int_equal(in.at, 0);
}

static void words(void **state)
{
    (void)state;
    lexer in;
    lexer_init(&in, SPAN("body Structure"), NULL, 0);
    assert_false(lexer_is_word(&in, "BOD"));
    assert_false(lexer_is_word(&in, "BODYSTRUCTURE"));
    assert_true(lexer_is_word(&in, "BODY"));
    assert_true(lexer_space(&in));
    assert_false(lexer_space(&in));
    assert_int_equal(lexer_peek(&in), 'S');
    assert_true(lexer_is_word(&in, "structure"));
    assert_true(lexer_end(&in));
    assert_int_equal(lexer_peek(&in), -1);
    assert_false(lexer_byte(&in, '\0'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(atoms), cmocka_unit_test(strings), cmocka_unit_test(numbers),
                                       cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
