/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void write_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static void errors_say_what_to_do(void **state)
{
    (void)state;
    char *cert = rig_path("a-cert.pem"), *key = rig_path("a-key.pem"), *cert2 = rig_path("b-cert.pem");
    char *key2 = rig_path("b-key.pem"), *junk = rig_path("junk.pem"), *none = rig_path("none.pem");
    char *locked = rig_path("locked.pem");
    rig_certificate(cert, key, RIG_P256, "a");
    rig_certificate(cert2, key2, RIG_P256, "b");
    write_file(junk, "not PEM at all\n");
    write_file(locked, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                       "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBBURF9BRY8sBjVnhHGa\n"
                       "uvfuAgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQzOq9jtTRf7bkLhTk\n"
                       "r5xpswRATyXgHkZ5e9BUyqxJx5xjBvW3WmRLqQIzi2mcJv1JX6BRp2XwcyvJv7iE\n"
                       "UqkQ0Q6M8QkeWnzPPk3zXqzZsg+3XQ==\n"
                       "-----END ENCRYPTED PRIVATE KEY-----\n");
    const struct {
        const char *cert, *key;
        ll_status want;
        const char *says;
    } table[] = {
        {cert, key, LL_OK, ""},
        {none, key, LL_ENOTFOUND, "No such file"},
        {cert, none, LL_ENOTFOUND, "private key file"},
        {junk, key, LL_EINVAL, "must be PEM"},
        {cert, junk, LL_EINVAL, "one private key"},
        {cert, key2, LL_EINVAL, "does not belong to the certificate"},
        {cert, locked, LL_EINVAL, "passphrase"},
        {rig_folder(), key, LL_EINVAL, "must be PEM"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        text error;
        net_tls *tls = NULL;
        text_init(&error, NULL, 1000);
        ll_status got = net_tls_new(&tls, table[i].cert, table[i].key, &error);
        if (got != table[i].want || !strstr(text_str(&error), table[i].says))
            fail_msg("row %zu: got %d, \"%s\"", i, got, text_str(&error));
        assert_true((tls != NULL) == (got == LL_OK));
        if (tls) {
            int64_t left = net_tls_expires(tls) - (int64_t)time(NULL);
            assert_true(left > 86000 && left <= 86400);
        }
        net_tls_del(&tls);
        text_fini(&error);
    }
    char *all[] = {cert, key, cert2, key2, junk, none, locked};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

/* The common name that the server shows. */
static void shown_name(rig_client *client, char name[64])
{
    X509 *cert = SSL_get1_peer_certificate(client->ssl);
    assert_non_null(cert);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, 64);
    X509_free(cert);
}

static void reload_serves_new_connections_only(void **state)
{
    (void)state;
    rig_server server;
    char name[64], *cert = rig_path("cert.pem"), *key = rig_path("key.pem");
    text error;
    text_init(&error, NULL, 1000);
    rig_server_init(&server, (rig_options){.implicit_tls = true});
    rig_client old = rig_connect(&server);
    assert_true(rig_client_tls(&old, 0));

    rig_certificate(cert, key, RIG_P256, "new.example.com");
    assert_int_equal(net_tls_reload(server.tls, &error), LL_OK);
    rig_client new = rig_connect(&server);
    assert_true(rig_client_tls(&new, 0));
    shown_name(&new, name);
    assert_string_equal(name, "new.example.com");

    write_file(cert, "broken\n");
    assert_int_equal(net_tls_reload(server.tls, &error), LL_EINVAL);
    rig_client after = rig_connect(&server);
    assert_true(rig_client_tls(&after, 0));
    shown_name(&after, name);
    assert_string_equal(name, "new.example.com");

    shown_name(&old, name);
    assert_string_equal(name, "mail.example.com");
    rig_say(&old, "still here\n");
    rig_expect(&old, "=still here");
    rig_client_fini(&old);
    rig_client_fini(&new);
    rig_client_fini(&after);
    rig_server_fini(&server);
    text_fini(&error);
    free(cert);
    free(key);
}

static int teardown(void **state)
{
    (void)state;
    rig_folder_del();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_say_what_to_do),
        cmocka_unit_test(reload_serves_new_connections_only),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
