/* parse_fetch_test.c - see src/imap/parse_fetch.h and src/imap/section.h
 * SPDX-License-Identifier: MIT */
#include "imap/parse_fetch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The items as "label label ..."; s, i, r: seen, index, rows wanted; or the status. */
static void parse(const char *input, bool uid, text *out)
{
    arena memory;
    lexer in;
    fetch_items items;
    arena_init(&memory, NULL, 1 << 20);
    lexer_init(&in, span_str(input), &memory, 8);
    ll_status status = fetch_items_parse(&items, &in, uid, 12);
    if (!status && !lexer_end(&in))
        status = LL_ESYNTAX;
    if (status)
        text_print(out, "%s", ll_status_name(status));
    for (size_t i = 0; !status && i < items.count; i++) {
        text_add(out, items.items[i].label);
        text_add_byte(out, ' ');
    }
    if (!status)
        text_print(out, "%s%s%s%s%s", items.rows ? "r" : "", items.index ? "i" : "", items.header ? "h" : "",
                   items.content ? "c" : "", items.seen ? "s" : "");
    arena_fini(&memory);
}

static const struct {
    const char *input;
    bool uid;
    const char *want;
} cases[] = {
    {"ALL", false, "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE ri"},
    {"fast", false, "FLAGS INTERNALDATE RFC822.SIZE r"},
    {"FULL", true, "UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY ri"},
    {"(ALL)", false, "LL_ESYNTAX"},
    {"ALL FLAGS", false, "LL_ESYNTAX"},
    {"FLAGS", false, "FLAGS "},
    {"(flags uid)", false, "FLAGS UID "},
    {"(FLAGS UID)", true, "UID FLAGS "},
    {"(FLAGS FLAGS)", false, "FLAGS "},
    {"FLAGS UID", false, "LL_ESYNTAX"},
    {"()", false, "LL_ESYNTAX"},
    {"(FLAGS", false, "LL_ESYNTAX"},
    {"(FLAGS )", false, "LL_ESYNTAX"},
    {"(FLAGS  UID)", false, "LL_ESYNTAX"},
    {"FLAG", false, "LL_ESYNTAX"},
    {"RFC822", false, "RFC822 rcs"},
    {"RFC822.HEADER", false, "RFC822.HEADER rh"},
    {"RFC822.TEXT", false, "RFC822.TEXT rics"},
    {"RFC822.PEEK", false, "LL_ESYNTAX"},
    {"BODY", false, "BODY ri"},
    {"BODYSTRUCTURE", false, "BODYSTRUCTURE ri"},
    {"BODY[]", false, "BODY[] rcs"},
    {"body.peek[]", false, "BODY[] rc"},
    {"BODY.PEEK", false, "LL_ESYNTAX"},
    {"BODYSTRUCTURE[]", false, "LL_ESYNTAX"},
    {"BODY []", false, "LL_ESYNTAX"},
    {"BODY[1]", false, "BODY[1] ris"},
    {"BODY.PEEK[4.2.1]", false, "BODY[4.2.1] ri"},
    {"BODY.PEEK[1.mime]", false, "BODY[1.MIME] ri"},
    {"BODY.PEEK[MIME]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[header]", false, "BODY[HEADER] rh"},
    {"BODY.PEEK[3.TEXT]", false, "BODY[3.TEXT] ri"},
    {"BODY.PEEK[HEADER.FIELDS (Date From)]", false, "BODY[HEADER.FIELDS (Date From)] rh"},
    {"BODY.PEEK[2.header.fields.not (\"To\")]", false, "BODY[2.HEADER.FIELDS.NOT (To)] ri"},
    {"BODY.PEEK[HEADER.FIELDS ({4}\r\nDate)]", false, "BODY[HEADER.FIELDS (Date)] rh"},
    {"BODY.PEEK[HEADER.FIELDS (\"a\\\"b\" c(]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[HEADER.FIELDS (\"a\\\"b\")]", false, "BODY[HEADER.FIELDS (\"a\\\"b\")] rh"},
    {"BODY.PEEK[HEADER.FIELDS ()]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[HEADER.FIELDS]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[HEADER.FIELDS (\"\")]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[HEADER.FIELDS (a:b)]", false, "LL_ESYNTAX"},
    {"BODY.PEEK[HEADER (a)]", false, "LL_ESYNTAX"},
    {"BODY[0]", false, "LL_ESYNTAX"},
    {"BODY[01]", false, "LL_ESYNTAX"},
    {"BODY[1.]", false, "LL_ESYNTAX"},
    {"BODY[.1]", false, "LL_ESYNTAX"},
    {"BODY[1..2]", false, "LL_ESYNTAX"},
    {"BODY[1a]", false, "LL_ESYNTAX"},
    {"BODY[TEXT.1]", false, "LL_ESYNTAX"},
    {"BODY[4294967296]", false, "LL_ESYNTAX"},
    {"BODY[", false, "LL_ESYNTAX"},
    {"BODY[]<0.100>", false, "BODY[]<0> rs"},
    {"BODY[1]<5000000000.1>", false, "BODY[1]<5000000000> ris"},
    {"BODY[]<0.0>", false, "LL_ESYNTAX"},
    {"BODY[]<0>", false, "LL_ESYNTAX"},
    {"BODY[]<.1>", false, "LL_ESYNTAX"},
    {"BODY[]<0.1", false, "LL_ESYNTAX"},
    {"(UID BODY.PEEK[HEADER.FIELDS (A)]<0.1> FLAGS)", false, "UID BODY[HEADER.FIELDS (A)]<0> FLAGS rh"},
    {"BODY[]<0.524288>", false, "BODY[]<0> rcs"},
    {"BODY[]<0.65536>", false, "BODY[]<0> rs"},
    {"BODY[]<1.524288>", false, "BODY[]<1> rs"},
    {"BODY.PEEK[1.HEADER]", false, "BODY[1.HEADER] ri"},
    {"BODY.PEEK[1.MIME]", false, "BODY[1.MIME] ri"},
    {"(BODY[1] BODY[2] BODY[3] BODY[4] BODY[5] BODY[6] BODY[7] BODY[8] BODY[9] BODY[10] BODY[11] BODY[12] BODY[13])",
     false, "LL_ELIMIT"},
};

static void test_items(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text got;
        text_init(&got, NULL, 4096);
        parse(cases[i].input, cases[i].uid, &got);
        assert_string_equal(text_str(&got), cases[i].want);
        text_fini(&got);
    }
}

/* What is cut off anywhere never reads past its end (ASan) and never passes for the whole, unless the whole begins with
 * it. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = strlen(cases[i].input);
        for (size_t cut = 0; cut < size; cut++) {
            arena memory;
            lexer in;
            fetch_items items;
            char *exact = test_malloc(cut ? cut : 1);
            memcpy(exact, cases[i].input, cut);
            arena_init(&memory, NULL, 1 << 20);
            lexer_init(&in, span_of(exact, cut), &memory, 8);
            ll_status status = fetch_items_parse(&items, &in, false, 256);
            assert_true(status == LL_OK || status == LL_ESYNTAX);
            arena_fini(&memory);
            test_free(exact);
        }
    }
}

static void test_depth(void **state)
{
    text input, got;
    (void)state;
    text_init(&input, NULL, 65536);
    text_init(&got, NULL, 65536);
    text_add_str(&input, "BODY[1");
    for (int i = 0; i < section_depth_max; i++)
        text_add_str(&input, ".1");
    text_add_str(&input, "]");
    parse(text_str(&input), false, &got);
    assert_string_equal(text_str(&got), "LL_ELIMIT");
    text_fini(&input);
    text_fini(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
