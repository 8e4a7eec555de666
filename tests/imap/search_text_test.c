/* search_text_test.c - see src/imap/search_text.h and search_part.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_part.h"
#include "mime/indexer.h"

#include "base/utf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct {
    const char *needle, *text;
    bool want;
} cases[] = {
    {"b", "abc", true},
    {"B", "abc", true},
    {"d", "abc", false},
    {"abcd", "abc", false},
    {"", "abc", true},
    {"GRÜSSE", "viele grüße", true},
    {"gruesse", "grüße", false},
    {"strasse", "Straße", true},
    {"привет", "ПРИВЕТ мир", true},
    {"東京", "東京都", true},
    {"A", "\xef\xbc\xa1", true},        /* a wide letter */
    {"e\xcc\x81", "caf\xc3\xa9", true}, /* composed and decomposed */
};

static bool find(const char *needle, ll_span text_, size_t step)
{
    text folded;
    search_text t;
    text_init(&folded, NULL, 65536);
    assert_int_equal(search_text_fold(SPAN("utf-8"), span_str(needle), &folded), LL_OK);
    search_needle n = {.folded = text_span(&folded)};
    search_needle *needles[] = {&n};
    search_text_init(&t, NULL, needles, 1);
    bool news = false;
    while (text_.size) {
        size_t size = step < text_.size ? step : text_.size;
        while (size < text_.size && ((unsigned char)text_.data[size] & 0xc0) == 0x80)
            size++; /* pieces are cut between characters */
        news = search_text_push(&t, span_first(text_, size)) || news;
        text_ = span_from(text_, size);
    }
    news = search_text_end(&t) || news;
    assert_int_equal(search_text_status(&t), LL_OK);
    assert_int_equal(news, n.found);
    search_text_fini(&t);
    text_fini(&folded);
    return n.found;
}

/* The same of a pattern; from what size of pieces on makes no difference. */
static bool find_pattern(const char *pattern, ll_span text_, size_t step)
{
    arena memory;
    regex_budget budget;
    regex *r;
    const char *why;
    search_text t;
    arena_init(&memory, NULL, 1 << 20);
    regex_budget_init(&budget);
    assert_int_equal(regex_new(&r, &memory, span_str(pattern), &why), LL_OK);
    search_needle n = {.pattern = r, .budget = &budget};
    search_needle *needles[] = {&n};
    search_text_init(&t, NULL, needles, 1);
    for (; text_.size; text_ = span_from(text_, step < text_.size ? step : text_.size))
        search_text_push(&t, span_first(text_, step));
    search_text_end(&t);
    assert_int_equal(search_text_status(&t), LL_OK);
    assert_false(budget.spent);
    search_text_fini(&t);
    arena_fini(&memory);
    return n.found;
}

static void test_patterns(void **state)
{
    (void)state;
    text long_one;
    text_init(&long_one, NULL, 1 << 20);
    text_add_str(&long_one, "begin\n");
    while (long_one.size < search_regex_window - 3)
        text_add_str(&long_one, "\xc3\xbc");
    text_add_str(&long_one, "needle");
    while (long_one.size < 3 * search_regex_window)
        text_add_str(&long_one, "\xc3\xbc");
    text_add_str(&long_one, "end");
    ll_span whole = text_span(&long_one);
    for (size_t step = 1000; step < 300000; step *= 4) {
        assert_true(find_pattern("needle", whole, step));
        assert_true(find_pattern("\xc3\x9cn..dle\xc3\xbc", whole, step));
        assert_true(find_pattern("\\Abegin$", whole, step));
        assert_true(find_pattern("end\\z", whole, step));
        assert_false(find_pattern("\\A\xc3\xbc", whole, step));
        assert_false(find_pattern("^\xc3\xbc{9}$", whole, step));
        assert_false(find_pattern("dle$", whole, step));
    }
    text_fini(&long_one);
}

static void test_find(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t step = 1; step < 20; step++)
            assert_int_equal(find(cases[i].needle, span_str(cases[i].text), step), cases[i].want);
}

/* Long texts: the needle everywhere around the places where windows are cut. */
static void test_windows(void **state)
{
    static const char *const fill[] = {"x", "\xc3\xa4", "\xe6\x9d\xb1"};
    (void)state;
    for (size_t f = 0; f < 3; f++)
        for (int shift = -40; shift < 40; shift += 3) {
            text long_text;
            text_init(&long_text, NULL, 1 << 20);
            while ((int)long_text.size < search_piece + shift)
                text_add_str(&long_text, fill[f]);
            text_add_str(&long_text, "N\xc3\x84"
                                     "DLE e\xcc\x81nd");
            for (int i = 0; i < 20000; i++)
                text_add_str(&long_text, fill[f]);
            assert_true(find("n\xc3\xa4"
                             "dle \xc3\xa9nd",
                             text_span(&long_text), 5000));
            assert_true(find("n\xc3\xa4"
                             "dle \xc3\xa9nd",
                             text_span(&long_text), 1 << 20));
            assert_false(find("needle", text_span(&long_text), 4096));
            text_fini(&long_text);
        }
}

static void test_fold(void **state)
{
    text out;
    (void)state;
    text_init(&out, NULL, 65536);
    assert_int_equal(search_text_fold(SPAN("iso-8859-1"), SPAN("GR\xdc\xdf\x45"), &out), LL_OK);
    text want;
    text_init(&want, NULL, 100);
    utf_fold(&want, SPAN("gr\xc3\xbc\xc3\x9f\x65"));
    assert_string_equal(text_str(&out), text_str(&want));
    text_fini(&want);
    text_clear(&out);
    assert_int_equal(search_text_fold(SPAN("x-nonsense"), SPAN("a"), &out), LL_ECHARSET);
    assert_int_equal(search_text_fold(SPAN("utf-8"), SPAN("\xff"), &out), LL_ECHARSET);
    char big[search_needle_max + 1];
    memset(big, 'a', sizeof big);
    assert_int_equal(search_text_fold(SPAN("utf-8"), span_of(big, sizeof big), &out), LL_ELIMIT);
    text_fini(&out);
}

/* Parts: header and body of a message, searched in its first leaf. */
static const struct {
    const char *message, *needle;
    bool want;
} parts[] = {
    {"\r\nHello World\r\n", "o wor", true},
    {"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsch=F6=\r\nn",
     "sch\xc3\xb6n", true},
    {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nZ3LD\r\nvMOfZQ==\r\n",
     "gr\xc3\xbc\xc3\x9f\x65", true},
    {"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nZ3LD\r\nvMOfZQ==\r\n", "Z3LD",
     false},
    {"Content-Type: text/plain; charset=x-nonsense\r\n\r\nplain words\r\n", "plain words", true},
    {"Content-Type: text/html\r\n\r\n<p>wo<b>rd</b> &amp; more</p>", "word & more", true},
    {"Content-Type: text/html\r\n\r\n<p>wo<b>rd</b> &amp; more</p>", "wo<b>rd", true},
    {"Content-Type: text/html\r\n\r\n<p>wo<b>rd</b></p>", "bword", false},
};

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (size_t step = 1; step < 100; step += 7) {
            text saved, folded;
            mime_index *index;
            search_part part;
            ll_span message = span_str(parts[i].message);
            text_init(&saved, NULL, mime_saved_max);
            text_init(&folded, NULL, 1000);
            assert_int_equal(mime_indexer_whole(NULL, message, &saved), LL_OK);
            assert_int_equal(mime_index_open(&index, NULL, text_span(&saved)), LL_OK);
            assert_int_equal(search_text_fold(SPAN("utf-8"), span_str(parts[i].needle), &folded), LL_OK);
            search_needle n = {.folded = text_span(&folded)};
            search_needle *needles[] = {&n};
            const mime_part *root = mime_index_root(index);
            assert_true(mime_readable_is_text(root));
            assert_int_equal(search_part_open(&part, NULL, root, needles, 1), LL_OK);
            for (ll_span rest = span_from(message, (size_t)root->body_offset); rest.size; rest = span_from(rest, step))
                search_part_push(&part, span_first(rest, step));
            search_part_end(&part);
            assert_int_equal(search_part_status(&part), LL_OK);
            search_part_close(&part);
            assert_int_equal(n.found, parts[i].want);
            mime_index_del(&index);
            text_fini(&saved);
            text_fini(&folded);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_find),  cmocka_unit_test(test_windows),
        cmocka_unit_test(test_fold),     cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
