/* certificate_test.c - made, then read.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/certificate.h"

static const int64_t now = 1770000000; /* 2026-02-02 */

static ll_status make(const char *host, unsigned days, text *key, text *certificate)
{
    text_init(key, NULL, 10000);
    text_init(certificate, NULL, 10000);
    return certificate_make(span_str(host), days, now, key, certificate);
}

static void made(void **state)
{
    (void)state;
    static const char *const hosts[][2] = {
        {"mail.example.org", "mail.example.org\n"},
        {"192.0.2.1", "192.0.2.1\n"},
        {"2001:db8::1", "2001:db8::1\n"},
        {"a-name-that-is-longer-than-a-common-name-may-be-which-is-64.example.org",
         "a-name-that-is-longer-than-a-common-name-may-be-which-is-64.example.org\n"}};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        text key, certificate;
        certificate_facts facts;
        assert_int_equal(make(hosts[i][0], 90, &key, &certificate), LL_OK);
        assert_memory_equal(text_str(&key), "-----BEGIN PRIVATE KEY-----\n", 28);
        assert_int_equal(certificate_read(text_span(&certificate), &facts), LL_OK);
        assert_int_equal(facts.not_before, now - 3600);
        assert_int_equal(facts.not_after, now + 90 * 86400);
        assert_true(facts.self_signed);
        assert_span(text_span(&facts.names), hosts[i][1]);
        assert_true(certificate_covers(&facts, span_str(hosts[i][0])));
        assert_false(certificate_covers(&facts, SPAN("other.example.org")));
        assert_int_equal(certificate_fits(text_span(&certificate), text_span(&key)), LL_OK);
        certificate_facts_fini(&facts);
        text_wipe(&key);
        text_fini(&certificate);
    }
}

static void fits(void **state)
{
    (void)state;
    text key[2], certificate[2];
    assert_int_equal(make("a.example", 1, &key[0], &certificate[0]), LL_OK);
    assert_int_equal(make("b.example", 1, &key[1], &certificate[1]), LL_OK);
    assert_int_equal(certificate_fits(text_span(&certificate[0]), text_span(&key[1])), LL_EINVAL);
    assert_int_equal(certificate_fits(text_span(&key[0]), text_span(&key[0])), LL_ESYNTAX);
    assert_int_equal(certificate_fits(text_span(&certificate[0]), SPAN("nothing")), LL_ESYNTAX);
    assert_int_equal(certificate_fits(SPAN(""), SPAN("")), LL_ESYNTAX);
    for (int i = 0; i < 2; i++) {
        text_wipe(&key[i]);
        text_fini(&certificate[i]);
    }
}

static void refused(void **state)
{
    (void)state;
    static const char *const hosts[] = {"", "a,DNS:b", "a b", ".a", "-a", "a_b", "a\nb", "sp\xc3\xa4t.example"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        text key, certificate;
        assert_int_equal(make(hosts[i], 90, &key, &certificate), LL_EINVAL);
        text_fini(&key);
        text_fini(&certificate);
    }
    certificate_facts facts;
    static const char *const bad[] = {"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(certificate_read(span_str(bad[i]), &facts), LL_ESYNTAX);
        certificate_facts_fini(&facts);
    }
}

static void wildcards(void **state)
{
    (void)state;
    certificate_facts facts;
    text_init(&facts.names, NULL, 1000);
    text_add_str(&facts.names, "*.example.org\nexample.net\n");
    static const struct {
        const char *host;
        bool covered;
    } table[] = {{"mail.example.org", true},
                 {"MAIL.Example.org", true},
                 {"example.org", false},
                 {"a.b.example.org", false},
                 {"example.net", true},
                 {"x.example.net", false},
                 {".example.org", false},
                 {"org", false},
                 {"", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        assert_int_equal(certificate_covers(&facts, span_str(table[i].host)), table[i].covered);
    text_fini(&facts.names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(made), cmocka_unit_test(fits), cmocka_unit_test(refused),
                                       cmocka_unit_test(wildcards)};
    return TEST_MAIN(tests);
}
