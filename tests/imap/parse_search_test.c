/* parse_search_test.c - see src/imap/parse_search.h
 * SPDX-License-Identifier: MIT */
#include "imap/parse_search.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const char *const kinds[] = {"ALL",     "FLAG",     "KEYWORD",     "RECENT",  "SET",        "UIDSET",
                                    "BEFORE",  "ON",       "SINCE",       "LARGER",  "SMALLER",    "OLDER",
                                    "YOUNGER", "MODSEQ",   "SAVEDBEFORE", "SAVEDON", "SAVEDSINCE", "SAVEDATE",
                                    "EMAILID", "THREADID", "SENTBEFORE",  "SENTON",  "SENTSINCE",  "ENVELOPE",
                                    "HEADER",  "BODY",     "TEXT",        "NOT",     "OR",         "AND"};

static void print_key(const search_key *key, text *out)
{
    text_add_str(out, kinds[key->kind]);
    if (key->kind == SEARCH_FLAG)
        text_print(out, "%u", key->flag);
    if (key->kind == SEARCH_ENVELOPE)
        text_print(out, "%d", (int)key->fact);
    if (key->number)
        text_print(out, "=%lld", (long long)key->number);
    if (key->name.size)
        text_print(out, "<%.*s>", SPAN_PRINT(key->name));
    if (key->needle.folded.size)
        text_print(out, "'%.*s'", SPAN_PRINT(key->needle.folded));
    if (!key->child)
        return;
    text_add_byte(out, '(');
    for (const search_key *child = key->child; child; child = child->next) {
        print_key(child, out);
        text_add_str(out, child->next ? " " : ")");
    }
}

static void parse(ll_span input, text *out)
{
    arena memory;
    lexer in;
    search_keys keys;
    arena_init(&memory, NULL, 1 << 20);
    lexer_init(&in, input, &memory, 6);
    ll_status status = search_keys_parse(&keys, &in, 12, 8);
    if (status)
        text_add_str(out, ll_status_name(status));
    else
        print_key(keys.root, out);
    arena_fini(&memory);
}

static const struct {
    const char *input, *want;
} cases[] = {
    {"ALL", "ALL"},
    {"all", "ALL"},
    {"(ALL)", "ALL"},
    {"UNSEEN", "NOT(FLAG0)"},
    {"NEW", "AND(RECENT NOT(FLAG0))"},
    {"OLD", "NOT(RECENT)"},
    {"FLAGGED DELETED", "AND(FLAG2 FLAG3)"},
    {"OR SEEN DRAFT", "OR(FLAG0 FLAG4)"},
    {"OR (SEEN DRAFT) NOT ANSWERED", "OR(AND(FLAG0 FLAG4) NOT(FLAG1))"},
    {"NOT NOT SEEN", "FLAG0"},
    {"NOT NOT NOT SEEN", "NOT(FLAG0)"},
    {"NOT UNSEEN", "FLAG0"},
    {"1:4,7 UID 2:*", "AND(SET UIDSET)"},
    {"*", "SET"},
    {"KEYWORD $Work", "KEYWORD<$Work>"},
    {"UNKEYWORD a", "NOT(KEYWORD<a>)"},
    {"BEFORE 1-Feb-1994", "BEFORE=8797"},
    {"SINCE \"01-Jan-1970\" ON 2-Jan-1970", "AND(SINCE ON=1)"},
    {"SENTSINCE 31-Dec-1969", "SENTSINCE=-1"},
    {"LARGER 5000000000 SMALLER 7", "AND(LARGER=5000000000 SMALLER=7)"},
    {"FROM Smith TO \"a b\" CC {1}\r\nx BCC y SUBJECT z",
     "AND(ENVELOPE0'smith' ENVELOPE1'a b' ENVELOPE2'x' ENVELOPE3'y' ENVELOPE4'z')"},
    {"HEADER X-A b", "HEADER<X-A>'b'"},
    {"$ UID $", "AND(SET UIDSET)"},
    {"OLDER 60 YOUNGER 1", "AND(OLDER=60 YOUNGER=1)"},
    {"OLDER 0", "LL_ESYNTAX"},
    {"YOUNGER a", "LL_ESYNTAX"},
    {"MODSEQ 0", "MODSEQ"},
    {"MODSEQ 9223372036854775807", "MODSEQ=9223372036854775807"},
    {"MODSEQ 9223372036854775808", "LL_ESYNTAX"},
    {"MODSEQ \"/flags/\\\\draft\" all 620162338", "MODSEQ=620162338"},
    {"MODSEQ \"/flags/\\\\draft\" none 620162338", "LL_ESYNTAX"},
    {"MODSEQ \"/flags/\\\\draft\" 620162338", "LL_ESYNTAX"},
    {"SAVEDBEFORE 1-Feb-1994 SAVEDON 2-Feb-1994 SAVEDSINCE 3-Feb-1994",
     "AND(SAVEDBEFORE=8797 SAVEDON=8798 SAVEDSINCE=8799)"},
    {"SAVEDATESUPPORTED", "SAVEDATE"},
    {"EMAILID M-6_d THREADID T1", "AND(EMAILID<M-6_d> THREADID<T1>)"},
    {"EMAILID a.b", "LL_ESYNTAX"},
    {"FUZZY SEEN", "FLAG0"},
    {"FUZZY SUBJECT Helo", "ENVELOPE4'helo'"},
    {"FUZZY SUBJECT \" IMAP  break\" FROM \"a b\"",
     "AND(OR(ENVELOPE4' imap  break' AND(ENVELOPE4'imap' ENVELOPE4'break')) ENVELOPE0'a b')"},
    {"FUZZY (HEADER X \"a b\")", "OR(HEADER<X>'a b' AND(HEADER<X>'a' HEADER<X>'b'))"},
    {"FUZZY", "LL_ESYNTAX"},
    {"HEADER X-A \"\"", "HEADER<X-A>"},
    {"HEADER message-id <1@X>", "ENVELOPE5<message-id>'<1@x>'"},
    {"BODY a TEXT b", "AND(BODY'a' TEXT'b')"},
    {"BODY \"\"", "ALL"},
    {"CHARSET UTF-8 TEXT A", "TEXT'a'"},
    {"charset \"us-ascii\" ALL", "ALL"},
    {"CHARSET ISO-8859-1 SUBJECT {1}\r\n\xc4", "ENVELOPE4'a\xcc\x88'"},
    {"CHARSET X-NONSENSE ALL", "LL_ECHARSET"},
    {"SUBJECT {1}\r\n\xc4", "LL_ECHARSET"},
    {"SUBJECT {2}\r\n\xc3\x84", "ENVELOPE4'a\xcc\x88'"},
    {"CHARSET UTF-8", "LL_ESYNTAX"},
    {"", "LL_ESYNTAX"},
    {"NONSENSE", "LL_ESYNTAX"},
    {"ALL ", "LL_ESYNTAX"},
    {" ALL", "LL_ESYNTAX"},
    {"()", "LL_ESYNTAX"},
    {"(ALL", "LL_ESYNTAX"},
    {"ALL)", "LL_ESYNTAX"},
    {"OR SEEN", "LL_ESYNTAX"},
    {"NOT", "LL_ESYNTAX"},
    {"FROM", "LL_ESYNTAX"},
    {"FROM  x", "LL_ESYNTAX"},
    {"HEADER x", "LL_ESYNTAX"},
    {"BEFORE 31-Feb-1994", "LL_ESYNTAX"},
    {"BEFORE 1994-02-01", "LL_ESYNTAX"},
    {"LARGER x", "LL_ESYNTAX"},
    {"LARGER 1x", "LL_ESYNTAX"},
    {"KEYWORD \\Seen", "LL_ESYNTAX"},
    {"UID x", "LL_ESYNTAX"},
    {"0", "LL_ESYNTAX"},
    /* chains are one key, however they are nested */
    {"OR 1 OR 2 OR 3 4", "OR(SET SET SET SET)"},
    {"OR OR OR SEEN 2 3 4", "OR(FLAG0 SET SET SET)"},
    {"OR OR SEEN 2 OR ANSWERED DRAFT", "OR(FLAG0 SET FLAG1 FLAG4)"},
    {"OR (SEEN) (OR (1) (OR (2) (DRAFT)))", "OR(FLAG0 SET SET FLAG4)"},
    {"(OR (OR SEEN 1) DRAFT) ANSWERED", "AND(OR(FLAG0 SET FLAG4) FLAG1)"},
    {"SEEN (DRAFT (1 (2)))", "AND(FLAG0 FLAG4 SET SET)"},
    {"(SEEN DRAFT) NEW (1)", "AND(FLAG0 FLAG4 RECENT NOT(FLAG0) SET)"},
    {"OR OR (1 2) NOT OR 3 4 NOT 5", "OR(AND(SET SET) NOT(OR(SET SET)) NOT(SET))"},
    {"OR 1 FUZZY OR SUBJECT \"a b\" 2", "OR(SET ENVELOPE4'a b' AND(ENVELOPE4'a' ENVELOPE4'b') SET)"},
    {"OR 1 OR 2", "LL_ESYNTAX"},
    {"OR OR 1 2", "LL_ESYNTAX"},
    {"OR 1 2 OR", "LL_ESYNTAX"},
    {"OR (1 2", "LL_ESYNTAX"},
    {"OR (1) 2)", "LL_ESYNTAX"},
    {"OR OR OR OR OR OR OR OR OR 1 2 3 4 5 6 7 8 9 10", "OR(SET SET SET SET SET SET SET SET SET SET)"},
    {"OR OR OR OR OR OR OR OR OR OR OR OR 1 2 3 4 5 6 7 8 9 10 11 12 13", "LL_ELIMIT"}, /* 13 keys */
    {"((((((ALL))))))", "ALL"},
    {"(((((((((((ALL)))))))))))", "ALL"},
    {"((((((((((((ALL))))))))))))", "LL_ELIMIT"},
    {"NOT NOT NOT NOT NOT NOT NOT ALL", "NOT(ALL)"},
    {"NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT ALL", "LL_ELIMIT"},
    /* but taking turns is bounded: six levels here */
    {"NOT (1 NOT (2 NOT 3))", "NOT(AND(SET NOT(AND(SET NOT(SET)))))"},
    {"NOT (1 NOT (2 NOT OR 3 4))", "NOT(AND(SET NOT(AND(SET NOT(OR(SET SET))))))"},
    {"1 NOT (1 NOT (2 NOT OR 3 4))", "LL_ELIMIT"},
    {"(((((1 NOT (2 NOT OR 3 4))))))", "AND(SET NOT(AND(SET NOT(OR(SET SET)))))"},
    {"1 2 3 4 5 6 7 8 9 10 11 12 13", "LL_ELIMIT"},
    {"1,2,3,4,5,6,7,8,9", "LL_ELIMIT"},
};

static void test_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text got;
        text_init(&got, NULL, 4096);
        parse(span_str(cases[i].input), &got);
        assert_string_equal(text_str(&got), cases[i].want);
        text_fini(&got);
    }
}

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t cut = 0; cut < strlen(cases[i].input); cut++) {
            text got;
            char *exact = test_malloc(cut ? cut : 1);
            memcpy(exact, cases[i].input, cut);
            text_init(&got, NULL, 4096);
            parse(span_of(exact, cut), &got);
            text_fini(&got);
            test_free(exact);
        }
}

/* Thousands of keys, nested to one side or the other or in parentheses: what Outlook and imapfilter send for a list of
 * addresses, and what nobody but the malicious does. Neither needs stack. */
static ll_status parse_long(text *input, search_keys *keys, arena *memory, size_t keys_max)
{
    lexer in;
    arena_init(memory, NULL, 32 << 20);
    lexer_init(&in, text_span(input), memory, 32);
    return search_keys_parse(keys, &in, keys_max, 8);
}

static void repeat(text *to, const char *part, size_t times)
{
    for (size_t i = 0; i < times; i++)
        text_add_str(to, part);
}

static void test_long(void **state)
{
    static const struct {
        const char *before, *middle, *behind;
        size_t times;
        ll_status want;
        size_t leaves;
    } table[] = {
        {"OR FROM a ", "FROM b", "", 500, LL_OK, 501},
        {"OR ", "FROM b", " FROM a", 500, LL_OK, 501},
        {"OR (FROM a) (", "FROM b", ")", 500, LL_OK, 501},
        {"(FROM a ", "FROM b", ")", 500, LL_OK, 501},
        {"OR FROM a ", "FROM b", "", 4000, LL_OK, 4001},
        {"OR FROM a ", "FROM b", "", 5000, LL_ELIMIT, 0},
        {"NOT ", "FROM b", "", 4000, LL_OK, 1},
        {"NOT ", "FROM b", "", 60000, LL_ELIMIT, 0},
        {"(", "FROM b", ")", 4000, LL_OK, 1},
        {"(", "FROM b", ")", 60000, LL_ELIMIT, 0},
        {"OR ", "", "", 60000, LL_ESYNTAX, 0},
        {"FUZZY ", "FROM b", "", 4000, LL_OK, 1},
        {"NOT (FROM a ", "FROM b", ")", 16, LL_OK, 17},
        {"NOT (FROM a ", "FROM b", ")", 17, LL_ELIMIT, 0},
        {"OR FROM a (FROM b ", "FROM c", ")", 500, LL_ELIMIT, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        text input;
        arena memory;
        search_keys keys;
        text_init(&input, NULL, 4 << 20);
        repeat(&input, table[i].before, table[i].times);
        text_add_str(&input, table[i].middle);
        repeat(&input, table[i].behind, table[i].times);
        assert_int_equal(parse_long(&input, &keys, &memory, 4096), table[i].want);
        if (!table[i].want)
            assert_int_equal(keys.leaves_count, table[i].leaves);
        for (size_t n = 0; !table[i].want && n < keys.leaves_count; n++)
            keys.leaves[n]->verdict = SEARCH_YES;
        if (!table[i].want)
            assert_int_not_equal(search_keys_verdict(keys.root), SEARCH_OPEN);
        text_fini(&input);
        arena_fini(&memory);
    }
}

/* Verdicts of a, b, c under (OR a (b NOT c)): what is known decides as soon as it can. */
static void test_verdict(void **state)
{
    arena memory;
    lexer in;
    search_keys keys;
    static const struct {
        search_verdict a, b, c, want;
    } table[] = {
        {SEARCH_YES, SEARCH_OPEN, SEARCH_OPEN, SEARCH_YES}, {SEARCH_NO, SEARCH_OPEN, SEARCH_OPEN, SEARCH_OPEN},
        {SEARCH_NO, SEARCH_NO, SEARCH_OPEN, SEARCH_NO},     {SEARCH_NO, SEARCH_OPEN, SEARCH_YES, SEARCH_NO},
        {SEARCH_OPEN, SEARCH_YES, SEARCH_NO, SEARCH_YES},   {SEARCH_OPEN, SEARCH_NO, SEARCH_NO, SEARCH_OPEN},
        {SEARCH_NO, SEARCH_YES, SEARCH_NO, SEARCH_YES},     {SEARCH_NO, SEARCH_YES, SEARCH_OPEN, SEARCH_OPEN},
    };
    (void)state;
    arena_init(&memory, NULL, 1 << 20);
    lexer_init(&in, SPAN("OR TEXT a (BODY b NOT FROM c)"), &memory, 6);
    assert_int_equal(search_keys_parse(&keys, &in, 12, 8), LL_OK);
    assert_int_equal(keys.leaves_count, 3);
    assert_true(keys.rows && keys.index && keys.header && keys.body);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        keys.leaves[0]->verdict = table[i].a;
        keys.leaves[1]->verdict = table[i].b;
        keys.leaves[2]->verdict = table[i].c;
        assert_int_equal(search_keys_verdict(keys.root), table[i].want);
    }
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_long),
        cmocka_unit_test(test_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
