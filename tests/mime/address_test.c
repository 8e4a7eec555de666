/* address_test.c - addresses as IMAP shows them: name(route)mailbox@host, '-' for NIL, [group and ] for its marks.
 * SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/address.h"

static void print(text *out, ll_span span)
{
    if (span.data)
        text_add(out, span);
    else
        text_add_byte(out, '-');
}

static void check(const char *value, const char *want)
{
    arena memory;
    text got;
    mime_address *list;
    size_t count;
    arena_init(&memory, NULL, 1 << 20);
    text_init(&got, NULL, 1 << 16);
    assert_int_equal(mime_address_parse(&memory, span_str(value), &list, &count), LL_OK);
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_add_byte(&got, ' ');
        if (!list[i].host.data) {
            text_add_byte(&got, list[i].mailbox.data ? '[' : ']');
            text_add(&got, list[i].mailbox);
            continue;
        }
        print(&got, list[i].name);
        text_add_byte(&got, '(');
        print(&got, list[i].route);
        text_add_byte(&got, ')');
        print(&got, list[i].mailbox);
        text_add_byte(&got, '@');
        print(&got, list[i].host);
    }
    assert_string_equal(text_str(&got), want);
    text_fini(&got);
    arena_fini(&memory);
}

static void test_rfc5322(void **state)
{
    (void)state;
    check("", "");
    check("john@example.com", "-(-)john@example.com");
    check("<john@example.com>", "-(-)john@example.com");
    check("John Q. Public <john@example.com>", "John Q. Public(-)john@example.com");
    check("\"Joe Q. Public\" <john.q.public@example.com>, Mary Smith <mary@x.test>, jdoe@example.org",
          "Joe Q. Public(-)john.q.public@example.com Mary Smith(-)mary@x.test -(-)jdoe@example.org");
    check("\"Giant; \\\"Big\\\" Box\" <sysservices@example.net>", "Giant; \"Big\" Box(-)sysservices@example.net");
    check("A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
          "[A Group Ed Jones(-)c@a.test -(-)joe@where.test John(-)jdoe@one.test ]");
    check("Undisclosed recipients:;", "[Undisclosed recipients ]");
    check("a@b, Friends: c@d;, e@f", "-(-)a@b [Friends -(-)c@d ] -(-)e@f");
    check("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete(-)pete@silly.test");
    check("A Group(Some people)\r\n :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org;",
          "[A Group Chris Jones(-)c@public.example -(-)joe@example.org ]");
    check("\"john doe\"@example.com", "-(-)john doe@example.com");
    check("john@[192.168.1.1]", "-(-)john@[192.168.1.1]");
}

static void test_obsolete(void **state)
{
    (void)state;
    check("Mary <@node.test,@other.test:mary@example.net>", "Mary(@node.test,@other.test)mary@example.net");
    check("john . doe @ example . com", "-(-)john.doe@example.com");
    check("john@example.com (John Doe)", "John Doe(-)john@example.com");
    check("<john@example.com> (John Doe)", "John Doe(-)john@example.com");
    check(", a@b,,c@d ,", "-(-)a@b -(-)c@d");
    check("a@b; c@d", "-(-)a@b -(-)c@d");
}

static void test_broken(void **state)
{
    (void)state;
    check("john", "-(-)john@");
    check("<>", "-(-)@");
    check("Name <>", "Name(-)@");
    check("john@example.com <john@example.com>", "john@example.com(-)john@example.com");
    check("\"John <john@example.com>", "John(-)john@example.com");
    check("John (x <john@example.com>", "John x(-)john@example.com");
    check("John <john@example.com", "John(-)john@example.com");
    check("a@b@c", "-(-)a@b@c");
    check("Group: a@b", "[Group -(-)a@b ]");
    check("=?utf-8?Q?Doe,_John_(x)?= <john@example.com>", "=?utf-8?Q?Doe,_John_(x)?=(-)john@example.com");
    check("J\xc3\xbcrgen <j\xc3\xbc@b\xc3\xbc.example>", "J\xc3\xbcrgen(-)j\xc3\xbc@b\xc3\xbc.example");
    check(":;", "[ ]");
    check("(((((((", "");
    check("\"\" <a@b>", "(-)a@b");
    check("a@b\\", "-(-)a@b\\");
}

static void test_many(void **state)
{
    (void)state;
    text value;
    arena memory;
    mime_address *list;
    size_t count;
    text_init(&value, NULL, 1 << 20);
    arena_init(&memory, NULL, 16 << 20);
    text_add_str(&value, "g:");
    for (int i = 0; i < mime_addresses_max + 10; i++)
        text_add_str(&value, "a@b,");
    assert_int_equal(mime_address_parse(&memory, text_span(&value), &list, &count), LL_OK);
    assert_int_equal(count, mime_addresses_max);
    assert_null(list[count - 1].mailbox.data); /* the group is closed */
    arena_clear(&memory);
    text_clear(&value);
    for (int i = 0; i < 300000; i++) /* quadratic would not come back */
        text_add_str(&value, i % 2 ? "(" : "\"[");
    assert_int_equal(mime_address_parse(&memory, text_span(&value), &list, &count), LL_OK);
    arena_fini(&memory);
    text_fini(&value);
}

static void test_add(void **state)
{
    (void)state;
    static const struct {
        mime_address address;
        const char *want;
    } rows[] = {
        {{.mailbox = {"john.doe", 8}, .host = {"x.test", 6}}, "john.doe@x.test"},
        {{.mailbox = {"john doe", 8}, .host = {"x.test", 6}}, "\"john doe\"@x.test"},
        {{.mailbox = {".a\"", 3}, .host = {"x", 1}}, "\".a\\\"\"@x"},
        {{.mailbox = {"john", 4}, .host = {"", 0}}, "john"},
        {{.mailbox = {"group", 5}}, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        text got;
        text_init(&got, NULL, 100);
        mime_address_add(&got, &rows[i].address);
        assert_string_equal(text_str(&got), rows[i].want);
        text_fini(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rfc5322), cmocka_unit_test(test_obsolete),
                                       cmocka_unit_test(test_broken), cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_add)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
