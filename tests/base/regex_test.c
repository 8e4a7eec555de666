/* regex_test.c - see src/base/regex.h
 * SPDX-License-Identifier: MIT */
#include "base/regex.h"

#include "base/regex_literal.h"
#include "base/utf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

static bool matches(const char *pattern, ll_span in, size_t from, unsigned flags)
{
    arena memory;
    regex *r;
    const char *why;
    bool found;
    regex_budget budget;
    regex_budget_init(&budget);
    arena_init(&memory, NULL, 1 << 20);
    if (regex_new(&r, &memory, span_str(pattern), &why))
        fail_msg("%s: %s", pattern, why ? why : "?");
    assert_int_equal(regex_find(r, NULL, in, from, flags, &budget, &found), LL_OK);
    assert_false(budget.spent);
    arena_fini(&memory);
    return found;
}

static void test_matches(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *in;
        bool found;
    } cases[] = {
        {"invoice", "Your Invoice", true},
        {"(?-i)invoice", "Your Invoice", false},
        {"GR\xc3\x9c\xc3\x9f"
         "E",
         "gr\xc3\xbc\xc3\x9f"
         "e",
         true},
        {"^re:", "x\r\nRe: y", true},
        {"\\Are:", "x\r\nRe: y", false},
        {"end$", "the end\r\nof it", true},
        {"end\\z", "the end\r\nof it", false},
        {"a.b", "a\nb", false},
        {"(?s)a.b", "a\nb", true},
        {"\\d{3}-\\d{4}", "call 555-1234 now", true},
        {"^\\w+$", "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", true},
        {"(.)\\1", "abccd", true},
        {"(?<=b)c", "abc", true},
        {"", "", true},
        {"^$", "", true},
        {"x", "", false},
        {"(?:[a-z0-9._-]+)@(?:[a-z0-9-]+\\.)+org", "<joe.d@mail.example.org>", true},
        {"\\x{1F600}", "\xf0\x9f\x98\x80", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (matches(cases[i].pattern, span_str(cases[i].in), 0, 0) != cases[i].found)
            fail_msg("%s in %s", cases[i].pattern, cases[i].in);
    assert_true(matches("a", span_of(NULL, 0), 0, 0) == false);
    assert_false(matches("^b", SPAN("ab"), 1, 0));
    assert_true(matches("(?<=a)b", SPAN("ab"), 1, 0));
    assert_false(matches("b$", SPAN("ab"), 0, REGEX_GOES_ON));
    assert_false(matches("x", SPAN("\xff\xfex"), 0, 0)); /* no UTF-8 */
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {"(",   "[a",       "*",        "a{2,1}", "\\C", "(?<n>a)(?<n>b)",
                                      "\\1", "(?<=a*)b", "\\p{Nope}"};
    arena memory;
    regex *r;
    const char *why;
    arena_init(&memory, NULL, 8 << 20);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(regex_new(&r, &memory, span_str(bad[i]), &why), LL_EUNSUPPORTED);
        assert_non_null(strstr(why, "at its byte"));
    }
    char nested[400] = "", large[regex_pattern_max + 2];
    for (unsigned i = 0; i < 60; i++)
        memcpy(nested + i, "(", 1), memcpy(nested + 61 + i, ")", 1);
    nested[60] = 'a';
    assert_int_equal(regex_new(&r, &memory, span_of(nested, 121), &why), LL_EUNSUPPORTED);
    memset(large, 'a', sizeof large);
    assert_int_equal(regex_new(&r, &memory, span_of(large, sizeof large), &why), LL_EUNSUPPORTED);
    assert_string_equal(why, "The pattern is too long");
    assert_int_equal(regex_new(&r, &memory, SPAN("(((a{1000}){1000}){1000}){1000}"), &why), LL_EUNSUPPORTED);
    assert_int_equal(regex_new(&r, &memory, SPAN("\xff"), &why), LL_EUNSUPPORTED);
    arena_fini(&memory);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Each ends soon: found, not found, or given up. */
static void test_bombs(void **state)
{
    (void)state;
    static const char *const bombs[] = {
        "(a+)+$",
        "(a|aa)+$",
        "(.*)*[xyz]",
        "(a*)*[bc]",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a+a+)+[yz]",
        "(?s).*.*.*.*.*=.*",
        "(a?){64}a{64}[bc]",
        "(?:a{60000}|a{59999}|a{59998}|a{59997}|a{59996}|a{59995}|a{59994})[bc]",
        "(?:\\w{60000}[bc]|\\w{59999}[bc]|\\w{59998}[bc]|[a-z]{59997}[bc]|\\w{59996}[bc])",
        "(?=(a+))a*[bc]\\1",
        "(a(?1)?a)+[bc]",
        "((?:a{0,200}){0,200})[bc]",
        "(((((((((((a*)*)*)*)*)*)*)*)*)*)*[bc]",
        "(?:(?=a*)(?=a*)(?=a*)a)*[bc]",
        "(?R)?a*(?R)?[bc]",
        "(a|b|aa)*[cd]"};
    enum { size = 65536 };
    char *as = malloc(size);
    memset(as, 'a', size);
    for (size_t i = 0; i < sizeof bombs / sizeof bombs[0]; i++) {
        arena memory;
        regex *r;
        const char *why;
        bool found;
        regex_budget budget;
        double began = seconds();
        arena_init(&memory, NULL, 8 << 20);
        regex_budget_init(&budget);
        as[size - 1] = '!';
        ll_status status = regex_new(&r, &memory, span_str(bombs[i]), &why);
        if (!status)
            status = regex_find(r, NULL, span_of(as, size), 0, 0, &budget, &found);
        assert_true(status == LL_OK || status == LL_ELIMIT || status == LL_EUNSUPPORTED);
        assert_int_equal(status == LL_ELIMIT, !why && budget.spent);
        if (getenv("LETTERLOCK_VERBOSE"))
            print_message("%-60s %d %.3f s\n", bombs[i], status, seconds() - began);
        assert_true(seconds() - began < 1.5); /* regex_find_ms, and room for sanitizers */
        arena_fini(&memory);
    }
    free(as);
}

static void test_budget(void **state)
{
    (void)state;
    arena memory;
    regex *r;
    const char *why;
    bool found;
    regex_budget budget;
    regex_budget_init(&budget);
    arena_init(&memory, NULL, 1 << 20);
    assert_int_equal(regex_new(&r, &memory, SPAN("a"), &why), LL_OK);
    assert_int_equal(regex_find(r, NULL, SPAN("bca"), 0, 0, &budget, &found), LL_OK);
    assert_true(found && budget.used_ns > 0 && budget.left_ns < (int64_t)regex_budget_ms * 1000000);
    budget.left_ns = 0;
    assert_int_equal(regex_find(r, NULL, SPAN("bca"), 0, 0, &budget, &found), LL_ELIMIT);
    assert_true(budget.spent && !found);
    arena_fini(&memory);
    arena_init(&memory, NULL, 64); /* no room */
    assert_int_equal(regex_new(&r, &memory, SPAN("a"), &why), LL_ELIMIT);
    arena_fini(&memory);
}

static void literal_of(const char *pattern, const char *want)
{
    text literal;
    text_init(&literal, NULL, regex_pattern_max);
    regex_literal(span_str(pattern), &literal);
    if (!span_equal(text_span(&literal), span_str(want)))
        fail_msg("%s: '%s', not '%s'", pattern, text_str(&literal), want);
    text_fini(&literal);
}

static void test_literals(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"invoice", "invoice"},
                                           {"^(re|fwd?): .*INVOICE", "invoice"},
                                           {"ornithopt(er|or)y", "ornithopt"},
                                           {"colou?red", "colo"},
                                           {"colou{0,1}red", "colo"},
                                           {"ab+cde", "cde"},
                                           {"abcd+e", "abcd"},
                                           {"abc*", ""},
                                           {"abc|def", ""},
                                           {"(?:abcd|efgh)xyz", "xyz"},
                                           {"(?i)abc[d-f]xyzw\\.", "xyzw."},
                                           {"[0-9]{4}-[0-9]{7}", ""},
                                           {"\\d+ euros\\b", " euros"},
                                           {"(?x)a b c d", ""},
                                           {"abc(?!def)", ""},
                                           {"abcdef(?#|)", ""},
                                           {"\\Qabc|def\\E", ""},
                                           {"[[:alpha:]]abc", ""},
                                           {"[]abc]xyz", "xyz"},
                                           {"gr\xc3\xbc\xc3\x9f"
                                            "en",
                                            ""},
                                           {"a.b", ""},
                                           {"(abc", ""},
                                           {"abc)", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        literal_of(cases[i][0], cases[i][1]);
}

/* What PCRE2 takes for an ASCII character without looking at case, the folded form takes for it too. */
static void test_folding(void **state)
{
    (void)state;
    for (uint32_t point = 0x80; point < 0x11000; point++) {
        char utf8[8], letter[2] = {0, 0};
        text folded;
        if (point >= 0xd800 && point < 0xe000)
            continue;
        size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        for (size_t i = size - 1; i; i--)
            utf8[i] = (char)(0x80 | (point >> (6 * (size - 1 - i)) & 0x3f));
        utf8[0] = (char)((size == 2 ? 0xc0 : size == 3 ? 0xe0 : 0xf0) | point >> (6 * (size - 1)));
        if (!matches("^[!-~]$", span_of(utf8, size), 0, 0))
            continue;
        text_init(&folded, NULL, 64);
        utf_fold(&folded, span_of(utf8, size));
        assert_int_equal(folded.size, 1);
        letter[0] = folded.data[0];
        assert_true(matches(letter, span_of(utf8, size), 0, 0));
        text_fini(&folded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matches),  cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_bombs),    cmocka_unit_test(test_budget),
                                       cmocka_unit_test(test_literals), cmocka_unit_test(test_folding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
