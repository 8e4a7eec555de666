/* search_terms_test.c - how text is cut into terms: whole and byte by byte; and what a needle says of terms.
 * SPDX-License-Identifier: MIT */
#include "base/text.h"
#include "base/utf.h"
#include "store/search_gram.h"
#include "store/search_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static ll_status gather(void *ctx, ll_span term)
{
    text_add_byte(ctx, '|');
    text_add(ctx, term);
    return LL_OK;
}

static const struct {
    search_class class;
    const char *text, *terms;
} cases[] = {
    {SEARCH_CLASS_BODY, "", ""},
    {SEARCH_CLASS_BODY, "one", "|one"},
    {SEARCH_CLASS_BODY, " one, two;three 4.", "|one|two|three|4"},
    {SEARCH_CLASS_BODY, "mail.example.com a.b..c -d e- f_g don't 'q' x@y",
     "|mail.example.com|a.b|c|d|e|f_g|don't|q|x@y"},
    {SEARCH_CLASS_BODY, "a.-b .c", "|a|b|c"},
    {SEARCH_CLASS_BODY,
     "\xe2\x80\x9cgr\xc3\xbc\xc3\x9f"
     "e\xe2\x80\x9d\xe2\x80\x94x",
     "|gr\xc3\xbc\xc3\x9f"
     "e|x"},
    {SEARCH_CLASS_BODY, "\xe6\x9d\xb1\xe4\xba\xac\xe3\x80\x82\xe5\xa4\xa7", "|\xe6\x9d\xb1\xe4\xba\xac|\xe5\xa4\xa7"},
    {SEARCH_CLASS_BODY, "\xe3\x81\x82.\xe2\x88\x80.\xe2\x80\xa6", "|\xe3\x81\x82.\xe2\x88\x80"},
    {SEARCH_CLASS_BODY, "a\nb\r\nc\td", "|a|b|c|d"},
    {SEARCH_CLASS_BODY, "\xcc\x81\xcc\x82 x", "|\xcc\x81\xcc\x82|x"},
    {SEARCH_CLASS_HEAD, "name: a=b", "|name|a|b"},
    {SEARCH_CLASS_FROM, "\"doe, joe\" <joe.doe@example.com>, x-y", "|doe|joe|joe.doe@example.com|x-y"},
    {SEARCH_CLASS_MESSAGE_ID, "<a.b+c/d=e@f> -", "|a.b+c/d=e@f|-"},
};

static void cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step < 9; step++) {
            search_cutter c;
            text out;
            text_init(&out, NULL, 65536);
            search_cutter_init(&c, cases[i].class);
            for (ll_span rest = span_str(cases[i].text); rest.size;) {
                size_t size = step < rest.size && step < 8 ? step : rest.size;
                while (size < rest.size && ((uint8_t)rest.data[size] & 0xc0) == 0x80) /* whole characters */
                    size++;
                assert_int_equal(search_cutter_push(&c, span_first(rest, size), gather, &out), LL_OK);
                rest = span_from(rest, size);
            }
            assert_int_equal(search_cutter_end(&c, gather, &out), LL_OK);
            assert_string_equal(text_str(&out), cases[i].terms);
            assert_false(c.over);
            text_fini(&out);
        }
}

/* The ceiling, whole and in pieces; what follows is cut as ever. */
static void long_runs(void **state)
{
    (void)state;
    for (size_t size = search_term_max - 1; size <= search_term_max + 1; size++)
        for (size_t step = 1; step < 10000; step = step * 9 + 1) {
            search_cutter c;
            text run, out;
            text_init(&run, NULL, 1 << 16);
            text_init(&out, NULL, 1 << 16);
            text_add_str(&run, "x ");
            for (size_t i = 0; i < size; i++)
                text_add_byte(&run, 'l');
            text_add_str(&run, " y.");
            search_cutter_init(&c, SEARCH_CLASS_BODY);
            for (ll_span rest = text_span(&run); rest.size; rest = span_from(rest, step < rest.size ? step : rest.size))
                assert_int_equal(search_cutter_push(&c, span_first(rest, step), gather, &out), LL_OK);
            assert_int_equal(search_cutter_end(&c, gather, &out), LL_OK);
            bool over = size > search_term_max;
            assert_int_equal(c.over, over);
            assert_int_equal(out.size, 4 + (over ? 0 : size + 1));
            text_fini(&run);
            text_fini(&out);
        }
}

static void needles(void **state)
{
    (void)state;
    static const struct {
        search_class class;
        const char *needle, *runs; /* <: begins there, >: ends there */
    } cases_[] = {
        {SEARCH_CLASS_BODY, "word", "word"},
        {SEARCH_CLASS_BODY, "two words", "two> <words"},
        {SEARCH_CLASS_BODY, " a ", "<a>"},
        {SEARCH_CLASS_BODY, "example.com", "example.com"},
        {SEARCH_CLASS_BODY, ".com", "com"},
        {SEARCH_CLASS_BODY, "foo.", "foo"},
        {SEARCH_CLASS_BODY, "..com", "<com"},
        {SEARCH_CLASS_BODY, "foo..", "foo>"},
        {SEARCH_CLASS_BODY, "a. b", "a> <b"},
        {SEARCH_CLASS_BODY, "--", ""},
        {SEARCH_CLASS_BODY, ",x.", "<x"},
        {SEARCH_CLASS_FROM, "joe <joe@", "joe> <joe@"},
        {SEARCH_CLASS_FROM, "@example.com>", "@example.com>"},
    };
    for (size_t i = 0; i < sizeof cases_ / sizeof *cases_; i++) {
        search_run runs[4];
        text out;
        text_init(&out, NULL, 4096);
        size_t count = search_needle_runs(cases_[i].class, span_str(cases_[i].needle), runs, 4);
        for (size_t n = 0; n < count; n++)
            text_print(&out, "%s%s%.*s%s", n ? " " : "", runs[n].begins ? "<" : "", SPAN_PRINT(runs[n].text),
                       runs[n].ends ? ">" : "");
        assert_string_equal(text_str(&out), cases_[i].runs);
        text_fini(&out);
    }
}

/* What stands between words, in pieces of any size. The mark is shown as ! */
static void joints(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"", ""},
        {"word", ""},
        {"Dear Sir, hello", "| Sir!ear|, hel!Sir"},
        {"a b  c", "| b!a|  c!b"},
        {" (x)", "| (x!|)!x"},
        {"end.\r\n\r\nnext line", "|.!end| lin!ext"},
        {"abcdef----------------------gh", "|--------------------!def|--------------------!|--------------------!|-----"
                                           "--------------g!|------------------gh!"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (size_t step = 1; step < 9; step++) {
            search_joiner j;
            text out;
            text_init(&out, NULL, 65536);
            search_joiner_init(&j);
            for (ll_span rest = span_str(texts[i][0]); rest.size; rest = span_from(rest, step))
                assert_int_equal(search_joiner_push(&j, span_first(rest, step), gather, &out), LL_OK);
            assert_int_equal(search_joiner_end(&j, gather, &out), LL_OK);
            for (size_t n = 0; n < out.size; n++)
                out.data[n] = out.data[n] == search_join_mark ? '!' : out.data[n];
            assert_string_equal(text_str(&out), texts[i][1]);
            text_fini(&out);
        }
}

static void joints_of_needles(void **state)
{
    (void)state;
    static const struct {
        const char *needle, *joints;
        bool exact;
    } cases_[] = {
        {"word", "", false},
        {"in the", "[in| the]", true},
        {"into the", "[nto| the]", false},
        {", x", "[|, x]", true},
        {"e.g.", "[e|.g][g|.]", false},
        {"the ", "[the| ]", true},
        {"a\r\nb", "", false},
        {"in\x1fx", "", false},
        {"of the ", "[of| the][the| ]", false},
        {"in them", "[in| the]", false},
    };
    for (size_t i = 0; i < sizeof cases_ / sizeof *cases_; i++) {
        search_joint joints_[4];
        text out;
        bool exact;
        text_init(&out, NULL, 4096);
        size_t count = search_needle_joints(span_str(cases_[i].needle), joints_, 4, &exact);
        for (size_t n = 0; n < count; n++)
            text_print(&out, "[%.*s|%.*s]", (int)joints_[n].before_size, joints_[n].before, (int)joints_[n].gap_size,
                       joints_[n].gap);
        assert_string_equal(text_str(&out), cases_[i].joints);
        assert_int_equal(exact, cases_[i].exact);
        text_fini(&out);
    }
    assert_true(search_joint_is(SPAN(" the\x1fin"), SPAN(" th"), SPAN("n")));
    assert_false(search_joint_is(SPAN(" the\x1fin"), SPAN("the"), SPAN("n")));
    assert_false(search_joint_is(SPAN(" the\x1f"), SPAN(" the"), SPAN("n")));
    assert_true(search_joint_is(SPAN(",  the\x1fin"), SPAN(" the"), SPAN("")));
}

static void grams(void **state)
{
    (void)state;
    search_grams g;
    text out;
    char last = 0;
    text_init(&out, NULL, 65536);
    search_grams_init(&g);
    assert_int_equal(search_grams_push(&g, &last, SPAN("ab\nu\xcc\x88"), gather, &out), LL_OK);
    assert_int_equal(search_grams_push(&g, &last,
                                       SPAN("\xe6\x9d\xb1"
                                            "c"),
                                       gather, &out),
                     LL_OK);
    assert_int_equal(search_grams_push(&g, &last, SPAN("d\xe6\x9d\xb1"), gather, &out), LL_OK);
    assert_int_equal(search_grams_end(&g, gather, &out), LL_OK);
    assert_string_equal(text_str(&out), "|u\xcc\x88|\xcc\x88|\xe6\x9d\xb1|a|ab|b|c|cd|d|u");
    text_fini(&out);
    static const char *const yes[] = {"a", "a ", "\xc3\x9f", "\xe6\x9d\xb1", "\xf0\x9f\x98\x80", "u\xcc\x88"};
    static const char *const no[] = {"", "abc", "a\n", "\n", "\x1e", "\xc3\x9fx", "a\xc3\x9f", "\xcc\x88\xcc\x88"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(search_needle_is_gram(span_str(yes[i])));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(search_needle_is_gram(span_str(no[i])));
}

/* A long line is in pieces, each of which begins with its name, and no needle falls between them. */
static void lines(void **state)
{
    (void)state;
    text made, line, out, needle;
    text_init(&made, NULL, search_term_max);
    text_init(&line, NULL, 1 << 16);
    text_init(&out, NULL, 1 << 20);
    text_init(&needle, NULL, search_line_needle);
    text_add_str(&line, "x-y: ");
    for (unsigned i = 0; line.size < 9000; i++)
        text_print(&line, "%u\n", i);
    assert_int_equal(search_line_cut(SPAN("x-y"), text_span(&line), &made, gather, &out), LL_OK);
    ll_span rest = span_from(text_span(&out), 1);
    for (size_t n = 0; rest.size; n++) {
        ll_span piece = span_cut(&rest, '|');
        assert_true(span_equal(span_first(piece, 4), n ? SPAN("x-y\x01") : SPAN("x-y:")));
        assert_in_range(piece.size, 1, search_term_max);
        assert_ptr_equal(memchr(piece.data, '\n', piece.size), NULL);
    }
    for (size_t at = 5; at + search_line_needle <= line.size; at += 7) {
        text_clear(&needle);
        assert_false(search_line_needle_make(span_of(line.data + at, search_line_needle), &needle)); /* for its LFs */
        assert_non_null(memmem(out.data, out.size, needle.data, needle.size));
    }
    text_clear(&needle);
    assert_true(search_line_needle_make(SPAN("some words"), &needle));
    assert_string_equal(text_str(&needle), "some words");
    text_fini(&made);
    text_fini(&line);
    text_fini(&out);
    text_fini(&needle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut),    cmocka_unit_test(long_runs),         cmocka_unit_test(needles),
        cmocka_unit_test(joints), cmocka_unit_test(joints_of_needles), cmocka_unit_test(grams),
        cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
