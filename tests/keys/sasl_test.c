/* sasl_test.c - whole exchanges, the vector of RFC 7677, and what must be refused.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "base/codec.h"
#include "base/memory.h"
#include "keys/password.h"
#include "keys/random.h"
#include "keys/sasl.h"
#include "keys/scram.h"

#include <sodium.h>

static const uint8_t alias[KEYS_ID] = {7}, secret[KEYS_KEY] = {5};
static const uint8_t exporter[32] = {0xaa, 0xbb, 0xcc};
static slot_salts salts;
static uint8_t vault_key[KEYS_KEY];
static char password[2][PASSWORD_GENERATED + 1];
static slot slots[3]; /* generated, chosen, generated */

static int setup(void **state)
{
    (void)state;
    if (keys_init())
        return 1;
    slot_salts_make(&salts);
    salts.argon_kib = SLOT_ARGON_KIB_MIN;
    salts.argon_passes = 1;
    random_bytes(vault_key, sizeof vault_key);
    password_generate(password[0]);
    password_generate(password[1]);
    return slot_make_generated(alias, &salts, span_str(password[0]), vault_key, &slots[0]) ||
           slot_make_chosen(alias, &salts, SPAN("correct horse"), vault_key, &slots[1]) ||
           slot_make_generated(alias, &salts, span_str(password[1]), vault_key, &slots[2]);
}

static sasl *begin(sasl_mechanism mechanism, bool plus)
{
    sasl *s;
    sasl_config config = {.plus_offered = plus};
    if (plus)
        config.tls_exporter = test_bytes(exporter, sizeof exporter);
    assert_int_equal(sasl_new(&s, mechanism, &config), LL_OK);
    return s;
}

static void find(void **state)
{
    (void)state;
    sasl_mechanism m;
    assert_true(sasl_mechanism_find(SPAN("scram-sha-256-PLUS"), &m));
    assert_int_equal(m, SASL_SCRAM_SHA_256_PLUS);
    assert_string_equal(sasl_mechanism_name(m), "SCRAM-SHA-256-PLUS");
    assert_true(sasl_mechanism_find(SPAN("plain"), &m));
    assert_int_equal(m, SASL_PLAIN);
    assert_false(sasl_mechanism_find(SPAN("CRAM-MD5"), &m));
    assert_false(sasl_mechanism_find(SPAN(""), &m));
}

static void plain(void **state)
{
    (void)state;
    const struct {
        ll_span message;
        sasl_answer answer;
        ll_status status;
    } table[] = {
        {SPAN("\0user\0pencil"), SASL_NEED_USER, LL_OK},
        {SPAN("user\0user\0pencil"), SASL_NEED_USER, LL_OK},
        {SPAN("USER\0user\0pencil"), SASL_NEED_USER, LL_OK},
        {SPAN("admin\0user\0pencil"), SASL_NO, LL_EDENIED},
        {SPAN("\0user\0"), SASL_NO, LL_ESYNTAX},
        {SPAN("\0\0pencil"), SASL_NO, LL_ESYNTAX},
        {SPAN("\0user"), SASL_NO, LL_ESYNTAX},
        {SPAN("user"), SASL_NO, LL_ESYNTAX},
        {SPAN(""), SASL_NO, LL_ESYNTAX},
        {SPAN("\0user\0pen\0cil"), SASL_NO, LL_ESYNTAX},
        {SPAN("\0us\ner\0pencil"), SASL_NO, LL_ESYNTAX},
        {SPAN("\0us\xff\0pencil"), SASL_NO, LL_ESYNTAX},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        for (int initial = 0; initial < 2; initial++) {
            sasl *s = begin(SASL_PLAIN, false);
            sasl_answer answer;
            if (initial) {
                answer = sasl_start(s, table[i].message);
            } else {
                assert_int_equal(sasl_start(s, span_of(NULL, 0)), SASL_CHALLENGE);
                assert_int_equal(sasl_challenge(s).size, 0);
                answer = sasl_response(s, table[i].message);
            }
            assert_int_equal(answer, table[i].answer);
            assert_int_equal(sasl_status(s), table[i].status);
            if (answer == SASL_NEED_USER) {
                assert_span(sasl_user(s), "user");
                assert_span(sasl_password(s), "pencil");
                assert_null(sasl_key(s));
                assert_int_equal(sasl_give_login(s, LL_OK, vault_key, 3), SASL_DONE);
                assert_null(sasl_password(s).data);
                assert_memory_equal(sasl_key(s), vault_key, KEYS_KEY);
                assert_int_equal(sasl_slot(s), 3);
                assert_int_equal(sasl_final(s).size, 0);
                assert_int_equal(sasl_response(s, SPAN("more")), SASL_NO);
                assert_null(sasl_key(s));
            }
            sasl_del(&s);
            assert_null(s);
        }
}

static void long_plain(void **state)
{
    (void)state;
    static char big[SASL_MESSAGE_MAX + 2];
    memset(big, 'x', sizeof big);
    sasl *s = begin(SASL_PLAIN, false);
    assert_int_equal(sasl_start(s, span_of(big, sizeof big)), SASL_NO);
    sasl_del(&s);
    big[0] = big[SASL_USER_MAX + 2] = '\0'; /* the name is one byte too long */
    s = begin(SASL_PLAIN, false);
    assert_int_equal(sasl_start(s, span_of(big, SASL_USER_MAX + 10)), SASL_NO);
    assert_int_equal(sasl_status(s), LL_ESYNTAX);
    sasl_del(&s);
}

static void login(void **state)
{
    (void)state;
    for (int initial = 0; initial < 2; initial++) {
        sasl *s = begin(SASL_LOGIN, false);
        if (initial) {
            assert_int_equal(sasl_start(s, SPAN("user")), SASL_CHALLENGE);
        } else {
            assert_int_equal(sasl_start(s, span_of(NULL, 0)), SASL_CHALLENGE);
            assert_span(sasl_challenge(s), "Username:");
            assert_int_equal(sasl_response(s, SPAN("user")), SASL_CHALLENGE);
        }
        assert_span(sasl_challenge(s), "Password:");
        assert_int_equal(sasl_response(s, SPAN("pencil")), SASL_NEED_USER);
        assert_span(sasl_user(s), "user");
        assert_span(sasl_password(s), "pencil");
        assert_int_equal(sasl_give_login(s, LL_EAUTH, NULL, 0), SASL_NO);
        assert_int_equal(sasl_status(s), LL_EAUTH);
        assert_null(sasl_key(s));
        sasl_del(&s);
    }
}

/* RFC 7677 section 3, message by message. */
static void vector(void **state)
{
    (void)state;
    sasl *s;
    slot_salts rfc = salts;
    slot one = {.kind = SLOT_GENERATED};
    scram_keys keys;
    size_t done;
    assert_int_equal(sodium_base642bin(rfc.scram, KEYS_SALT, "W22ZaJ0SNY7soEsUEjb6gQ==", 24, NULL, &done, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    rfc.scram_iterations = 4096;
    assert_int_equal(scram_derive(SPAN("pencil"), rfc.scram, KEYS_SALT, 4096, &keys), LL_OK);
    memcpy(one.stored_key, keys.stored, KEYS_KEY);
    memcpy(one.server_key, keys.server, KEYS_KEY);
    sasl_config config = {.server_nonce = SPAN("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")};
    assert_int_equal(sasl_new(&s, SASL_SCRAM_SHA_256, &config), LL_OK);
    assert_int_equal(sasl_start(s, SPAN("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")), SASL_NEED_USER);
    assert_span(sasl_user(s), "user");
    assert_null(sasl_password(s).data);
    assert_int_equal(sasl_give_slots(s, alias, &rfc, &one, 1), SASL_CHALLENGE);
    assert_span(sasl_challenge(s),
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    /* "pencil" is no generated password, so its slot has nothing wrapped: the proof is right, the slot damaged. */
    assert_int_equal(sasl_response(s, SPAN("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                           "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")),
                     SASL_NO);
    assert_int_equal(sasl_status(s), LL_ECORRUPT);
    sasl_del(&s);
}

/* A client: answers server-first for this password. `bound` is gs2-header and channel data. */
static void client_final(ll_span server_first, const char *bare, ll_span bound, const char *word, text *out,
                         text *expect)
{
    scram_keys keys;
    uint8_t signature[KEYS_KEY], salt[KEYS_SALT];
    size_t done;
    const char *s = strstr(server_first.data, ",s=");
    assert_int_equal(sodium_base642bin(salt, KEYS_SALT, s + 3, 24, NULL, &done, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    assert_int_equal(
        scram_derive(span_str(word), salt, KEYS_SALT, (uint32_t)strtoul(strstr(s, ",i=") + 3, NULL, 10), &keys), 0);
    text_add_str(out, "c=");
    codec_base64_add(out, bound);
    text_add_byte(out, ',');
    text_add(out, span_of(server_first.data, (size_t)(s - server_first.data)));
    text message;
    text_init(&message, NULL, 10000);
    text_print(&message, "%s,%.*s,%s", bare, SPAN_PRINT(server_first), text_str(out));
    scram_sign(keys.stored, text_span(&message), signature);
    for (size_t i = 0; i < KEYS_KEY; i++)
        signature[i] ^= keys.client[i];
    text_add_str(out, ",p=");
    codec_base64_add(out, test_bytes(signature, KEYS_KEY));
    scram_sign(keys.server, text_span(&message), signature);
    text_add_str(expect, "v=");
    codec_base64_add(expect, test_bytes(signature, KEYS_KEY));
    text_fini(&message);
}

typedef struct trial {
    const char *header, *bare, *word;
    sasl_mechanism mechanism;
    bool plus_offered, nobody;
    ll_span channel; /* what the client believes */
    sasl_answer answer;
    ll_status status;
    size_t slot;
} trial;

static void run(const trial *t)
{
    text first, bound, final, expect;
    text_init(&first, NULL, 4000);
    text_init(&bound, NULL, 4000);
    text_init(&final, NULL, 4000);
    text_init(&expect, NULL, 4000);
    sasl *s = begin(t->mechanism, t->plus_offered);
    text_print(&first, "%s%s", t->header, t->bare);
    text_add_str(&bound, t->header);
    text_add(&bound, t->channel);
    sasl_answer answer = sasl_start(s, text_span(&first));
    if (answer == SASL_NEED_USER) {
        assert_span(sasl_user(s), "user");
        assert_int_equal(t->nobody ? sasl_give_nobody(s, secret) : sasl_give_slots(s, alias, &salts, slots, 3),
                         SASL_CHALLENGE);
        client_final(sasl_challenge(s), t->bare, text_span(&bound), t->word, &final, &expect);
        answer = sasl_response(s, text_span(&final));
    }
    assert_int_equal(answer, t->answer);
    assert_int_equal(sasl_status(s), t->status);
    if (answer == SASL_DONE) {
        assert_span(sasl_final(s), text_str(&expect));
        assert_memory_equal(sasl_key(s), vault_key, KEYS_KEY);
        assert_int_equal(sasl_slot(s), t->slot);
    } else {
        assert_null(sasl_key(s));
        assert_int_equal(sasl_final(s).size, 0);
    }
    sasl_del(&s);
    text_fini(&first);
    text_fini(&bound);
    text_fini(&final);
    text_fini(&expect);
}

static void scram(void **state)
{
    (void)state;
    const ll_span channel = test_bytes(exporter, sizeof exporter), none = {NULL, 0}, wrong = SPAN("another channel");
    const trial table[] = {
        {"n,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256, false, false, none, SASL_DONE, LL_OK, 0},
        {"y,,", "n=user,r=abc,x=1", password[1], SASL_SCRAM_SHA_256, false, false, none, SASL_DONE, LL_OK, 2},
        {"n,a=user,", "n=user,r=abc", password[1], SASL_SCRAM_SHA_256, true, false, none, SASL_DONE, LL_OK, 2},
        {"p=tls-exporter,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256_PLUS, true, false, channel, SASL_DONE,
         LL_OK, 0},
        /* The wrong password; a chosen one, which SCRAM cannot use; nobody. */
        {"n,,", "n=user,r=abc", "wrong", SASL_SCRAM_SHA_256, false, false, none, SASL_NO, LL_EAUTH, 0},
        {"n,,", "n=user,r=abc", "correct horse", SASL_SCRAM_SHA_256, false, false, none, SASL_NO, LL_EAUTH, 0},
        {"n,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256, false, true, none, SASL_NO, LL_EAUTH, 0},
        /* For somebody else. */
        {"n,a=admin,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256, false, false, none, SASL_NO, LL_EDENIED, 0},
        /* Downgrade: PLUS was offered, the client did not see it. */
        {"y,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256, true, false, none, SASL_NO, LL_EDENIED, 0},
        /* Somebody between us: the channels differ. */
        {"p=tls-exporter,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256_PLUS, true, false, wrong, SASL_NO,
         LL_EDENIED, 0},
        {"p=tls-exporter,,", "n=user,r=abc", password[0], SASL_SCRAM_SHA_256_PLUS, true, false, none, SASL_NO,
         LL_EDENIED, 0},
        /* A binding that we have not, or not know; no binding with PLUS; binding without it. */
        {"p=tls-server-end-point,,", "n=user,r=abc", "x", SASL_SCRAM_SHA_256_PLUS, true, false, none, SASL_NO,
         LL_EDENIED, 0},
        {"p=tls-unique,,", "n=user,r=abc", "x", SASL_SCRAM_SHA_256_PLUS, true, false, none, SASL_NO, LL_EDENIED, 0},
        {"p=tls-exporter,,", "n=user,r=abc", "x", SASL_SCRAM_SHA_256_PLUS, false, false, none, SASL_NO, LL_EDENIED, 0},
        {"n,,", "n=user,r=abc", "x", SASL_SCRAM_SHA_256_PLUS, true, false, none, SASL_NO, LL_EDENIED, 0},
        {"p=tls-exporter,,", "n=user,r=abc", "x", SASL_SCRAM_SHA_256, true, false, channel, SASL_NO, LL_EDENIED, 0},
        {"n,,", "m=1,n=user,r=abc", "x", SASL_SCRAM_SHA_256, false, false, none, SASL_NO, LL_ESYNTAX, 0},
        {"n,,", "n=us=er,r=abc", "x", SASL_SCRAM_SHA_256, false, false, none, SASL_NO, LL_ESYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        run(&table[i]);
}

/* What a man in the middle may try on the last message. */
static void tampered(void **state)
{
    (void)state;
    static const char *const finals[] = {
        "",
        "c=biws",
        "c=biws,r=wrong,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=eSws,r=abcXYZ,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=abcXYZ,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "c=biws,r=abcXYZ,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndV==",
        "c=biws,r=abcXYZ,p=",
        "c=biws,r=abcXYZ,p=dHzb",
        "c=biws,r=abcXYZ,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVR=",
    };
    for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++) {
        sasl *s;
        sasl_config config = {.server_nonce = SPAN("XYZ")};
        assert_int_equal(sasl_new(&s, SASL_SCRAM_SHA_256, &config), LL_OK);
        assert_int_equal(sasl_start(s, SPAN("n,,n=user,r=abc")), SASL_NEED_USER);
        assert_int_equal(sasl_give_slots(s, alias, &salts, slots, 3), SASL_CHALLENGE);
        assert_int_equal(sasl_response(s, span_str(finals[i])), SASL_NO);
        assert_int_equal(sasl_response(s, span_str(finals[i])), SASL_NO);
        assert_null(sasl_key(s));
        sasl_del(&s);
    }
}

/* Unknown users show the same salt each time, of the same form as real ones. */
static void nobody(void **state)
{
    (void)state;
    char first[2][64];
    for (int i = 0; i < 2; i++) {
        sasl *s = begin(SASL_SCRAM_SHA_256, false);
        assert_int_equal(sasl_start(s, SPAN("n,,n=nobody,r=abc")), SASL_NEED_USER);
        assert_int_equal(sasl_give_nobody(s, secret), SASL_CHALLENGE);
        snprintf(first[i], sizeof first[i], "%s", strstr(sasl_challenge(s).data, ",s="));
        sasl_del(&s);
    }
    assert_string_equal(first[0], first[1]);
    assert_non_null(strstr(first[0], "==,i=4096"));
}

/* The n-th allocation fails, for every n. */
typedef struct failing {
    size_t left;
} failing;

static void *failing_resize(void *context, void *memory, size_t size)
{
    failing *f = context;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    if (f->left == 0)
        return NULL;
    f->left--;
    return realloc(memory, size);
}

static void no_memory(void **state)
{
    (void)state;
    for (size_t n = 0; n < 40; n++) {
        failing f = {n};
        const ll_allocator allocator = {failing_resize, &f};
        sasl_config config = {.allocator = &allocator};
        sasl *s;
        if (sasl_new(&s, SASL_SCRAM_SHA_256, &config))
            continue;
        sasl_answer answer = sasl_start(s, SPAN("n,,n=user,r=abc"));
        if (answer == SASL_NEED_USER)
            answer = sasl_give_slots(s, alias, &salts, slots, 3);
        if (answer == SASL_CHALLENGE)
            answer = sasl_response(s, SPAN("c=biws,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        assert_int_equal(answer, SASL_NO);
        assert_true(sasl_status(s) == LL_ENOMEM || sasl_status(s) == LL_EAUTH);
        sasl_del(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find),     cmocka_unit_test(plain),  cmocka_unit_test(long_plain),
        cmocka_unit_test(login),    cmocka_unit_test(vector), cmocka_unit_test(scram),
        cmocka_unit_test(tampered), cmocka_unit_test(nobody), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, setup, NULL);
}
