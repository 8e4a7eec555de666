/* subject_test.c - see src/mime/subject.h
 * SPDX-License-Identifier: MIT */
#include "mime/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *value, *want;
    bool reply;
} cases[] = {
    {"", "", false},
    {"plain", "plain", false},
    {"  a\t b \r\n c ", "a b c", false},
    {"Re: a", "a", true},
    {"RE: re: FW: fwd: a", "a", true},
    {"Re : a", "a", true},
    {"Re[2]: a", "a", true},
    {"Re [list] : a", "a", true},
    {"Reply: a", "Reply: a", false},
    {"Fwdd: a", "Fwdd: a", false},
    {"[list] a", "a", false},
    {"[list] Re: a", "a", true},
    {"[a] [b] Re: [c] d", "d", true},
    {"[a][b]", "[b]", false}, /* the last blob is the base if nothing else is left */
    {"[a]", "[a]", false},
    {"[a] ", "[a]", false},
    {"Re: [a]", "[a]", true},
    {"[a [b] c", "[a [b] c", false},
    {"a (fwd)", "a", true},
    {"a (FWD) (fwd) ", "a", true},
    {"(fwd)", "", true},
    {"Re:", "", true},
    {"Re: ", "", true},
    {"[Fwd: a]", "a", true},
    {"[fwd: [list] Re: a (fwd)]", "a", true},
    {"[Fwd: [Fwd: a]]", "a", true},
    {"[fwd: a", "[fwd: a", false},
    {"[fwd: a] b", "b", false}, /* as any blob */
    {"[fwd:]", "", true},
    {"Re: [Fwd: a]", "a", true},
    {"a [b]", "a [b]", false},
    {"a re: b", "a re: b", false},
    {"=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=",
     "gr\xc3\xbc\xc3\x9f"
     "e",
     true},
    {"=?utf-8?q?a?=  =?utf-8?q?_b?=", "a b", false},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text out;
        bool reply;
        text_init(&out, NULL, 1000);
        mime_subject_base(span_str(cases[i].value), &out, &reply);
        if (strcmp(text_str(&out), cases[i].want) || reply != cases[i].reply)
            print_error("%s\n", cases[i].value);
        assert_string_equal(text_str(&out), cases[i].want);
        assert_int_equal(reply, cases[i].reply);
        text_fini(&out);
    }
}

/* Subjects that would take a minute if time were not linear. */
static void test_long(void **state)
{
    const char *const parts[] = {"[a]", "Re: ", "[Fwd: ", "(fwd)", "[", "[a] re [b] "};
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        text value, out;
        text_init(&value, NULL, 1 << 20);
        text_init(&out, NULL, 1 << 20);
        while (value.size < 250000)
            text_add_str(&value, parts[i]);
        while (!strcmp(parts[i], "[Fwd: ") && value.size < 300000)
            text_add_byte(&value, ']');
        mime_subject_base(text_span(&value), &out, NULL);
        assert_int_equal(text_status(&out), LL_OK);
        text_fini(&value);
        text_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_long)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
