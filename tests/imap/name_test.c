/* Mailbox names and the patterns of LIST.
 * SPDX-License-Identifier: MIT */
#include "imap/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TINY "\xe5\x8f\xb0\xe5\x8c\x97" /* Taipei, as in RFC 3501 section 5.1.3 */

static const struct {
    const char *utf7, *utf8; /* utf8 NULL: not modified UTF-7 */
} names[] = {
    {"INBOX", "INBOX"},
    {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/" TINY "/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
    {"a&-b", "a&b"},
    {"&-", "&"},
    {"&-&-", "&&"},
    {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
    {"&2D3eAA-", "\xf0\x9f\x98\x80"}, /* U+1F600: a pair of surrogates */
    {"&2D0-", NULL},                  /* half a pair */
    {"&3gA-", NULL},                  /* the other half */
    {"&", NULL},
    {"a&b", NULL},
    {"&AP-", NULL},   /* not a whole unit */
    {"&APx-", NULL},  /* bits left over */
    {"&A/w-", NULL},  /* '/' is not of this base64 */
    {"&APw=-", NULL}, /* nor is '=' */
    {"\xff", NULL},
};

static void utf7(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        text out;
        text_init(&out, NULL, 1000);
        ll_status status = name_add_utf8(&out, span_str(names[i].utf7));
        if (!names[i].utf8)
            assert_int_equal(status, LL_ESYNTAX);
        else {
            assert_int_equal(status, LL_OK);
            assert_string_equal(text_str(&out), names[i].utf8);
            text_clear(&out);
            name_add_utf7(&out, span_str(names[i].utf8));
            assert_string_equal(text_str(&out), names[i].utf7);
        }
        text_fini(&out);
    }
    text out;
    text_init(&out, NULL, 1000);
    name_add_utf7(&out, span_str("a\xff\x01"));
    assert_string_equal(text_str(&out), "a&,,0AAQ-");
    text_fini(&out);
}

static void reading(void **state)
{
    (void)state;
    static const struct {
        const char *written, *name;
        ll_status status;
    } table[] = {
        {"inbox", "INBOX", LL_OK},
        {"iNbOx/Sub", "INBOX/Sub", LL_OK},
        {"inboxes", "inboxes", LL_OK},
        {"a/inbox", "a/inbox", LL_OK},
        {"a/b", "a/b", LL_OK},
        {"\xc3\xa4", "\xc3\xa4", LL_OK}, /* UTF-8 as it is */
        {"a&AwgA-", NULL, LL_EUNSUPPORTED},
        {"a&Awg-", "\xc3\xa4", LL_OK}, /* a + combining diaeresis, composed */
        {"&AGEAYg-", "ab", LL_OK},     /* needless base64 is the same name */
        {"", NULL, LL_EUNSUPPORTED},
        {"/", NULL, LL_EUNSUPPORTED},
        {"/a", NULL, LL_EUNSUPPORTED},
        {"a/", NULL, LL_EUNSUPPORTED},
        {"a//b", NULL, LL_EUNSUPPORTED},
        {"a&AC8-/b", NULL, LL_EUNSUPPORTED}, /* an encoded '/' too */
        {"a\tb", NULL, LL_EUNSUPPORTED},
        {"&AAE-", NULL, LL_EUNSUPPORTED},
        {"&AIU-", NULL, LL_EUNSUPPORTED},
        {"../etc/passwd", "../etc/passwd", LL_OK}, /* names are not paths */
        {"a/b/c/d", NULL, LL_ELIMIT},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, LL_ELIMIT},
    };
    ll_limits limits;
    ll_limits_init(&limits);
    limits.mailbox_name_bytes = 40;
    limits.mailbox_depth = 3;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        arena memory;
        ll_span name;
        arena_init(&memory, NULL, 65536);
        ll_status status = name_read(span_str(table[i].written), &limits, &memory, &name);
        if (status != table[i].status)
            fail_msg("%s: %s", table[i].written, ll_status_name(status));
        if (!table[i].status)
            assert_string_equal(name.data, table[i].name);
        arena_fini(&memory);
    }
}

static void matching(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool match;
    } table[] = {
        {"*", "a/b/c", true},
        {"%", "a/b", false},
        {"%", "a", true},
        {"%/%", "a/b", true},
        {"%/%", "a/b/c", false},
        {"a/%", "a/b", true},
        {"a/%", "a", false},
        {"a%", "abc", true},
        {"a%", "a", true},
        {"a*", "a/b", true},
        {"%b", "aab", true},
        {"%b", "a/b", false},
        {"*b", "a/b", true},
        {"*/c", "a/b/c", true},
        {"*%c", "a/b/c", true},
        {"%*c", "a/b/c", true},
        {"a*c*e", "abcde", true},
        {"a*c*e", "abcd", false},
        {"inbox", "INBOX", true},
        {"InB%", "INBOX", true},
        {"inbox/*", "INBOX/a", true},
        {"INBOX/A", "INBOX/a", false},
        {"a", "A", false},
        {"", "a", false},
        {"a", "ab", false},
        {"ab", "a", false},
        {"a%b%c", "axbxbxc", true},
        {"%a%a%b", "aab", true},
        {"*a%b", "x/a/xab", true},
        {"*a%b", "x/axb/c", false},
    };
    ll_limits limits;
    ll_limits_init(&limits);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        arena memory;
        ll_span pattern;
        arena_init(&memory, NULL, 65536);
        assert_int_equal(name_read_pattern(SPAN(""), span_str(table[i].pattern), &limits, &memory, &pattern), LL_OK);
        if (name_match(pattern, span_str(table[i].name)) != table[i].match)
            fail_msg("%s %s", table[i].pattern, table[i].name);
        arena_fini(&memory);
    }
}

/* Bug class 9: patterns that take others for ever. */
static void hostile_pattern(void **state)
{
    (void)state;
    char pattern[64], name[1000];
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    memset(name, 'a', sizeof name);
    for (int i = 0; i < 100; i++)
        assert_false(name_match(span_of(pattern, sizeof pattern), span_of(name, sizeof name)));
    ll_limits limits;
    ll_limits_init(&limits);
    arena memory;
    ll_span read;
    arena_init(&memory, NULL, 65536);
    assert_int_equal(name_read_pattern(SPAN("*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x*x"),
                                       SPAN("*"), &limits, &memory, &read),
                     LL_ELIMIT);
    assert_int_equal(name_read_pattern(SPAN("a%%**%/"), SPAN("b%%"), &limits, &memory, &read), LL_OK);
    assert_int_equal(read.size, 5);
    assert_memory_equal(read.data, "a*/b%", 5);
    arena_fini(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(utf7), cmocka_unit_test(reading), cmocka_unit_test(matching),
                                       cmocka_unit_test(hostile_pattern)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
