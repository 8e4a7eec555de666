/* scram_message_test.c - tables of what SCRAM clients say.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/scram_message.h"

static void first(void **state)
{
    (void)state;
    static const struct {
        const char *message, *header, *authzid, *user, *nonce, *binding;
    } good[] = {
        {"n,,n=user,r=abc", "n,,", "", "user", "abc", ""},
        {"y,,n=user,r=abc,x=ext,y=more", "y,,", "", "user", "abc", ""},
        {"p=tls-exporter,,n=u,r=a", "p=tls-exporter,,", "", "u", "a", "tls-exporter"},
        {"n,a=user=2C1,n=user=2C1,r=~!+", "n,a=user=2C1,", "user=2C1", "user=2C1", "~!+", ""},
    };
    scram_first f;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(scram_first_parse(span_str(good[i].message), &f));
        assert_span(f.header, good[i].header);
        assert_span(f.authzid, good[i].authzid);
        assert_span(f.user, good[i].user);
        assert_span(f.nonce, good[i].nonce);
        assert_span(f.binding, good[i].binding);
        assert_span(f.bare, good[i].message + strlen(good[i].header));
    }
    static const char *const bad[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,n=user,",
        "n,,n=user,r=",
        "n,,n=,r=a",
        "n,,r=a,n=u",
        "x,,n=u,r=a",
        "p,,n=u,r=a",
        "p=,,n=u,r=a",
        "p=a_b,,n=u,r=a",
        "nn,,n=u,r=a",
        "n,n=u,r=a",
        "n,a=,n=u,r=a",
        "n,b=c,n=u,r=a",
        "n,,m=x,n=u,r=a",
        "n,,n=u,r=a b",
        "n,,n=u,r=\xc3\xa9",
        "n,,n=u,r=a,,",
        "n,,n=u,r=a,",
        "n,,n=u,r=a,1=x",
        "n,,n=u,r=a,x=",
        ",,n=u,r=a",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (scram_first_parse(span_str(bad[i]), &f))
            fail_msg("taken: %s", bad[i]);
}

static void last(void **state)
{
    (void)state;
    scram_last l;
    assert_true(scram_last_parse(SPAN("c=biws,r=abc,p=cHJvb2Y="), &l));
    assert_span(l.binding, "biws");
    assert_span(l.nonce, "abc");
    assert_span(l.proof, "cHJvb2Y=");
    assert_span(l.without_proof, "c=biws,r=abc");
    assert_true(scram_last_parse(SPAN("c=biws,r=abc,x=y,p=cHJvb2Y="), &l));
    assert_span(l.without_proof, "c=biws,r=abc,x=y");
    static const char *const bad[] = {"",
                                      ",p=",
                                      "c=biws,p=x",
                                      "r=abc,c=biws,p=x",
                                      "c=biws,r=abc",
                                      "c=,r=abc,p=x",
                                      "c=biws,r=,p=x",
                                      "c=biws,r=abc,,p=x",
                                      "c=biws,r=a\x01,p=x",
                                      "p=x"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (scram_last_parse(span_str(bad[i]), &l))
            fail_msg("taken: %s", bad[i]);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *escaped, *name; /* NULL: refused */
    } table[] = {
        {"user", "user"}, {"a=2Cb=3Dc", "a,b=c"}, {"=3D2C", "=2C"}, {"us\xc3\xa9r", "us\xc3\xa9r"},
        {"a=", NULL},     {"a=2", NULL},          {"a=2c", NULL},   {"a=41", NULL},
        {"a\nb", NULL},   {"a\xff", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        text t;
        text_init(&t, NULL, 100);
        assert_int_equal(scram_name_decode(span_str(table[i].escaped), &t), table[i].name != NULL);
        if (table[i].name)
            assert_span(text_span(&t), table[i].name);
        text_fini(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first), cmocka_unit_test(last), cmocka_unit_test(names)};
    return TEST_MAIN(tests);
}
