/* smtp_path_test.c - addresses as they come, as they must not come, and back to text.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LOCAL64 "0123456789012345678901234567890123456789012345678901234567890123"
#define LABEL63 "012345678901234567890123456789012345678901234567890123456789012"
#define ALL     (SMTP_PATH_NULL | SMTP_PATH_POSTMASTER | SMTP_PATH_UTF8)
#define MAIL    (SMTP_PATH_NULL)
#define RCPT    (SMTP_PATH_POSTMASTER)

/* An initializer for a span whose bytes may hold NULs. */
#define BYTES(literal)                                                                                                 \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

/* Parse from memory of exactly that size, so that a sanitizer sees every byte read too many. */
static ll_status parse(smtp_path *path, ll_span bytes, unsigned allow, size_t *taken)
{
    char *copy = malloc(bytes.size ? bytes.size : 1);
    memcpy(copy, bytes.data, bytes.size);
    ll_status status = smtp_path_parse(path, span_of(copy, bytes.size), allow, 64, taken);
    free(copy);
    return status;
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *input;
        unsigned allow;
        const char *local, *domain, *text;
    } table[] = {
        {"<a@b>", 0, "a", "b", "a@b"},
        {"<Joe.Doe+x@Example.ORG>", 0, "Joe.Doe+x", "example.org", "Joe.Doe+x@example.org"},
        {"<>", MAIL, "", "", ""},
        {"<Postmaster>", RCPT, "Postmaster", "", "Postmaster"},
        {"<postmaster@b>", RCPT, "postmaster", "b", "postmaster@b"},
        {"<@one.example,@two.example:joe@three.example>", 0, "joe", "three.example", "joe@three.example"},
        {"<\"joe\"@b>", 0, "joe", "b", "joe@b"},
        {"<\"joe doe\"@b>", 0, "joe doe", "b", "\"joe doe\"@b"},
        {"<\"a>b@c\"@d>", 0, "a>b@c", "d", "\"a>b@c\"@d"},
        {"<\"\\j\\o\\\"e\\\\\"@b>", 0, "jo\"e\\", "b", "\"jo\\\"e\\\\\"@b"},
        {"<\"a..b\"@c>", 0, "a..b", "c", "\"a..b\"@c"},
        {"<joe@[192.0.2.1]>", 0, "joe", "[192.0.2.1]", "joe@[192.0.2.1]"},
        {"<joe@[IPv6:2001:DB8::1]>", 0, "joe", "[ipv6:2001:db8::1]", "joe@[ipv6:2001:db8::1]"},
        {"<" LOCAL64 "@b>", 0, LOCAL64, "b", LOCAL64 "@b"},
        {"<a@" LABEL63 ".b>", 0, "a", LABEL63 ".b", "a@" LABEL63 ".b"},
        {"<j\xc3\xb6@b\xc3\xbc"
         "cher.example>",
         ALL, "j\xc3\xb6",
         "b\xc3\xbc"
         "cher.example",
         "j\xc3\xb6@b\xc3\xbc"
         "cher.example"},
        {"<\"j \xf0\x9f\x98\x80\"@b>", ALL, "j \xf0\x9f\x98\x80", "b", "\"j \xf0\x9f\x98\x80\"@b"},
        {"<a=b=c!d#$%&'*/?^_`{|}~@b-c.1d>", 0, "a=b=c!d#$%&'*/?^_`{|}~", "b-c.1d", "a=b=c!d#$%&'*/?^_`{|}~@b-c.1d"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        smtp_path path, again;
        size_t taken;
        ll_span input = span_str(table[i].input);
        assert_int_equal(parse(&path, input, table[i].allow, &taken), LL_OK);
        assert_int_equal(taken, input.size);
        assert_true(span_equal(smtp_path_local(&path), span_str(table[i].local)));
        assert_true(span_equal(smtp_path_domain(&path), span_str(table[i].domain)));
        text out;
        text_init(&out, NULL, 1024);
        smtp_path_text(&path, &out);
        assert_string_equal(text_str(&out), table[i].text);
        if (!path.null && !path.postmaster) { /* the canonical form is a fixed point */
            assert_int_equal(smtp_path_address(&again, text_span(&out), ALL, 64), LL_OK);
            assert_true(smtp_path_equal(&path, &again));
        }
        text_fini(&out);
    }
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        ll_span input;
        unsigned allow;
        ll_status want;
    } table[] = {
        {BYTES(""), ALL, LL_ESYNTAX},
        {BYTES("<"), ALL, LL_ESYNTAX},
        {BYTES("<>"), RCPT, LL_ESYNTAX},
        {BYTES("a@b"), ALL, LL_ESYNTAX},
        {BYTES("<a>"), ALL, LL_ESYNTAX},
        {BYTES("<postmaster>"), MAIL, LL_ESYNTAX},
        {BYTES("<postmaster"), RCPT, LL_ESYNTAX},
        {BYTES("<a@>"), ALL, LL_ESYNTAX},
        {BYTES("<@b>"), ALL, LL_ESYNTAX},
        {BYTES("<a@b"), ALL, LL_ESYNTAX},
        {BYTES("<a@b.>"), ALL, LL_ESYNTAX},
        {BYTES("<a@.b>"), ALL, LL_ESYNTAX},
        {BYTES("<a@b..c>"), ALL, LL_ESYNTAX},
        {BYTES("<a@-b>"), ALL, LL_ESYNTAX},
        {BYTES("<a@b->"), ALL, LL_ESYNTAX},
        {BYTES("<a@b c>"), ALL, LL_ESYNTAX},
        {BYTES("<a@b@c>"), ALL, LL_ESYNTAX},
        {BYTES("<.a@b>"), ALL, LL_ESYNTAX},
        {BYTES("<a.@b>"), ALL, LL_ESYNTAX},
        {BYTES("<a..b@c>"), ALL, LL_ESYNTAX},
        {BYTES("<a b@c>"), ALL, LL_ESYNTAX},
        {BYTES("<\"a@b>"), ALL, LL_ESYNTAX},
        {BYTES("<\"\"@b>"), ALL, LL_ESYNTAX},
        {BYTES("<\"a\\"), ALL, LL_ESYNTAX},
        {BYTES("<\"a\"b@c>"), ALL, LL_ESYNTAX},
        {BYTES("<\"a\rb\"@c>"), ALL, LL_ESYNTAX},
        {BYTES("<\"a\0b\"@c>"), ALL, LL_ESYNTAX},
        {BYTES("<a\0@c>"), ALL, LL_ESYNTAX},
        {BYTES("<a@c\0>"), ALL, LL_ESYNTAX},
        {BYTES("<@a:>"), ALL, LL_ESYNTAX},
        {BYTES("<@a,b:c@d>"), ALL, LL_ESYNTAX},
        {BYTES("<@a@b>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[]>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[1.2.3]>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[1.2.3.4>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[1.2.3.4\0]>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[IPv6:1.2.3.4]>"), ALL, LL_ESYNTAX},
        {BYTES("<a@[x:y]>"), ALL, LL_ESYNTAX},
        {BYTES("<0" LOCAL64 "@b>"), ALL, LL_ELIMIT},
        {BYTES("<\"0 " LOCAL64 "\"@b>"), ALL, LL_ELIMIT},
        {BYTES("<a@0" LABEL63 ">"), ALL, LL_ESYNTAX},
        {BYTES("<a@" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ">"), ALL, LL_ELIMIT},
        {BYTES("<a@" LABEL63 "." LABEL63 "." LABEL63 "." LABEL63 ".c>"), ALL, LL_ELIMIT},
        {BYTES("<\xc3\xb6@b>"), MAIL, LL_EUNSUPPORTED},
        {BYTES("<a@\xc3\xb6>"), MAIL, LL_EUNSUPPORTED},
        {BYTES("<\xc3@b>"), ALL, LL_ESYNTAX}, /* cut in the middle */
        {BYTES("<a@b\xc3>"), ALL, LL_ESYNTAX},
        {BYTES("<\xc0\x80@b>"), ALL, LL_ESYNTAX},     /* overlong */
        {BYTES("<\xe0\x80\xaf@b>"), ALL, LL_ESYNTAX}, /* overlong */
        {BYTES("<\xed\xa0\x80@b>"), ALL, LL_ESYNTAX}, /* surrogate */
        {BYTES("<\xf4\x90\x80\x80@b>"), ALL, LL_ESYNTAX},
        {BYTES("<\xc2\x85@b>"), ALL, LL_ESYNTAX}, /* a control: NEL */
        {BYTES("<\"\\\xc3\xb6\"@b>"), ALL, LL_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        smtp_path path;
        size_t taken;
        ll_status got = parse(&path, table[i].input, table[i].allow, &taken);
        if (got != table[i].want)
            print_error("%.*s\n", SPAN_PRINT(table[i].input));
        assert_int_equal(got, table[i].want);
    }
}

static void test_taken_stops_behind_the_bracket(void **state)
{
    (void)state;
    smtp_path path;
    size_t taken;
    assert_int_equal(parse(&path, SPAN("<a@b> SIZE=1"), 0, &taken), LL_OK);
    assert_int_equal(taken, 5);
}

static void test_long_local_on_request(void **state)
{
    (void)state;
    smtp_path path;
    assert_int_equal(smtp_path_address(&path, SPAN("x" LOCAL64 LOCAL64 "@b"), 0, 1000), LL_OK);
    assert_int_equal(smtp_path_address(&path, SPAN(LOCAL64 LOCAL64 LOCAL64 LOCAL64 "@b"), 0, 1000), LL_ELIMIT);
    assert_int_equal(smtp_path_address(&path, SPAN("\"a@b"), 0, 64), LL_ESYNTAX);
    assert_int_equal(smtp_path_address(&path, SPAN("postmaster"), SMTP_PATH_POSTMASTER, 64), LL_ESYNTAX);
}

static void test_params(void **state)
{
    (void)state;
    static const struct {
        const char *input, *want;
    } table[] = {
        {"", ""},
        {"  ", ""},
        {" SIZE=100", "SIZE=100;"},
        {" SIZE=100  BODY=8BITMIME SMTPUTF8 ", "SIZE=100;BODY=8BITMIME;SMTPUTF8;"},
        {" X-Y=a+b<>", "X-Y=a+b<>;"},
        {"SIZE=1", "!"},
        {" SIZE=", "!"},
        {" SIZE=1=2", "!"},
        {" =1", "!"},
        {" -X", "!"},
        {" A\tB", "!"},
        {" A=\x01", "!"},
        {" A=\xc3", "!"},
        {" A=\xc3\xb6", "A=\xc3\xb6;"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        ll_span rest = span_str(table[i].input), keyword, value;
        text got;
        text_init(&got, NULL, 1024);
        ll_status status;
        while ((status = smtp_param_next(&rest, &keyword, &value)) == LL_OK)
            text_print(&got, "%.*s%s%.*s;", SPAN_PRINT(keyword), value.data ? "=" : "", SPAN_PRINT(value));
        if (status == LL_ESYNTAX)
            text_add_byte(&got, '!');
        assert_string_equal(text_str(&got), table[i].want);
        text_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_taken_stops_behind_the_bracket),
        cmocka_unit_test(test_long_local_on_request),
        cmocka_unit_test(test_params),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
