/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BULK = 3000000 };

/* ----------------------------------------------------------------------------------------------------------- plain */

static void lines_are_echoed(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "one\ntwo\nthr");
    rig_expect(&c, "=one");
    rig_expect(&c, "=two");
    rig_say(&c, "ee\nWHO\n");
    rig_expect(&c, "=three");
    rig_expect(&c, "127.0.0.1 near ");
    rig_client_fini(&c);
    char reason[200];
    rig_wait_closed(&server, 1, reason);
    assert_string_equal(reason, "closed by peer");
    rig_server_fini(&server);
}

static void input_byte_by_byte(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    for (const char *p = "slowly\nbut surely\n"; *p; p++) {
        rig_send(&c, p, 1);
        rig_sleep_ms(1);
    }
    rig_expect(&c, "=slowly");
    rig_expect(&c, "=but surely");
    rig_client_fini(&c);
    rig_server_fini(&server);
}

static void expect_pattern(rig_client *c, size_t size)
{
    char buffer[40000];
    for (size_t at = 0; at < size;) {
        long n = rig_receive(c, buffer, size - at < sizeof buffer ? size - at : sizeof buffer);
        assert_true(n > 0);
        for (size_t i = 0; i < (size_t)n; i++)
            if (buffer[i] != rig_pattern(at + i))
                fail_msg("byte %zu is wrong", at + i);
        at += (size_t)n;
    }
}

static void *sender_main(void *arg)
{
    rig_client *c = arg;
    char buffer[10000];
    for (size_t at = 0; at < BULK; at += sizeof buffer) {
        for (size_t i = 0; i < sizeof buffer; i++)
            buffer[i] = rig_pattern(at + i);
        rig_send(c, buffer, sizeof buffer);
    }
    return NULL;
}

/* The client sends on one thread while it receives on another: all of it comes back, in order, through bounded buffers.
 */
static void bulk_echo_plain(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "RAW\n");
    pthread_t thread;
    pthread_create(&thread, NULL, sender_main, &c);
    rig_sleep_ms(100); /* let it press */
    expect_pattern(&c, BULK);
    pthread_join(thread, NULL);
    rig_client_fini(&c);
    rig_server_fini(&server);
    assert_true(server.queued_max <= NET_CONN_OUTPUT_BYTES);
    assert_true(server.offered_max <= NET_CONN_INPUT_BYTES);
}

static void quit_flushes_everything(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "BIG 1000000\nQUIT\nnever read\n");
    rig_sleep_ms(30);
    expect_pattern(&c, 1000000);
    rig_expect(&c, "bye");
    char byte;
    assert_int_equal(rig_receive(&c, &byte, 1), 0);
    rig_client_fini(&c);
    char reason[200];
    rig_wait_closed(&server, 1, reason);
    assert_string_equal(reason, "closed by us");
    rig_server_fini(&server);
}

static void half_closed_peers_get_their_answers(void **state)
{
    (void)state;
    for (int use_eof = 0; use_eof < 2; use_eof++) {
        rig_server server;
        rig_server_init(&server, (rig_options){.use_eof = use_eof});
        rig_client c = rig_connect(&server);
        rig_say(&c, "BIG 600000\nlast words\nunfinished");
        shutdown(c.fd, SHUT_WR);
        expect_pattern(&c, 600000 - 300000); /* it presses while we read */
        rig_client_fini(&c);
        rig_wait_closed(&server, 1, NULL);
        c = rig_connect(&server);
        rig_say(&c, "last words\nunfinished");
        shutdown(c.fd, SHUT_WR);
        rig_expect(&c, "=last words");
        if (use_eof)
            rig_expect(&c, "eof");
        rig_expect(&c, "");
        rig_client_fini(&c);
        rig_wait_closed(&server, 2, NULL);
        rig_server_fini(&server);
    }
}

static void resets_end_the_session_once(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    const struct linger hard = {.l_onoff = 1, .l_linger = 0};
    for (unsigned i = 0; i < 20; i++) {
        rig_client c = rig_connect(&server);
        rig_say(&c, i % 2 ? "BIG 5000000\n" : "half a line");
        if (i % 4 > 1)
            rig_sleep_ms(3);
        setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        rig_client_fini(&c);
    }
    rig_client c = rig_connect(&server);
    rig_say(&c, "alive\n");
    rig_expect(&c, "=alive");
    rig_say(&c, "ABORT\n");
    char byte;
    assert_true(rig_receive(&c, &byte, 1) <= 0);
    rig_client_fini(&c);
    rig_server_fini(&server);
}

/* ---------------------------------------------------------------------------------------------- pressure and timers */

static void one_that_does_not_read_costs_a_ceiling_and_nobody_else(void **state)
{
    (void)state;
    for (int tls = 0; tls < 2; tls++) {
        rig_server server;
        rig_server_init(&server, (rig_options){.implicit_tls = tls});
        rig_client lazy = rig_connect(&server), eager = rig_connect(&server);
        if (tls)
            assert_true(rig_client_tls(&lazy, 0) && rig_client_tls(&eager, 0));
        rig_say(&lazy, "BIG 20000000\n");
        for (int i = 0; i < 50; i++) {
            rig_say(&eager, "quick\n");
            rig_expect(&eager, "=quick");
        }
        expect_pattern(&lazy, 20000000); /* in the end it reads, and nothing is missing */
        rig_client_fini(&lazy);
        rig_client_fini(&eager);
        rig_server_fini(&server);
        assert_true(server.queued_max > 0 && server.queued_max <= NET_CONN_OUTPUT_BYTES);
    }
}

static void input_not_taken_is_bounded_and_offered_again(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "HOLD 60\n");
    char lines[90000];
    for (size_t i = 0; i < sizeof lines; i++)
        lines[i] = i % 10 == 9 ? '\n' : (char)('a' + i / 10 % 26);
    rig_send(&c, lines, sizeof lines);
    for (size_t i = 0; i < sizeof lines / 10; i++) {
        char want[16];
        snprintf(want, sizeof want, "=%.9s", lines + i * 10);
        rig_expect(&c, want);
    }
    rig_client_fini(&c);
    rig_server_fini(&server);
    assert_true(server.offered_max <= NET_CONN_INPUT_BYTES);
}

static void paused_reading_resumes(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    uint64_t began = rig_now_ms();
    rig_say(&c, "PAUSE 50\nafter\n");
    rig_expect(&c, "=after");
    assert_true(rig_now_ms() - began >= 45);
    rig_client_fini(&c);
    rig_server_fini(&server);
}

static void silence_times_out_and_input_restarts_it(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){.timeout_ms = 150});
    rig_client c = rig_connect(&server);
    uint64_t began = rig_now_ms();
    for (int i = 0; i < 4; i++) {
        rig_sleep_ms(60);
        rig_say(&c, "tick\n");
        rig_expect(&c, "=tick");
    }
    rig_expect(&c, "timeout");
    assert_true(rig_now_ms() - began >= 240 + 140);
    rig_expect(&c, "");
    rig_client_fini(&c);
    rig_server_fini(&server);
    assert_int_equal(server.timeouts, 1);
}

/* ------------------------------------------------------------------------------------------------------------- TLS */

static void echo_over_tls(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *who;
    } table[] = {{0, "127.0.0.1 near TLSv1.3"}, {TLS1_2_VERSION, "127.0.0.1 near TLSv1.2"}};
    for (size_t i = 0; i < 2; i++) {
        rig_server server;
        rig_server_init(&server, (rig_options){.implicit_tls = true});
        rig_client c = rig_connect(&server);
        assert_true(rig_client_tls(&c, table[i].version));
        rig_say(&c, "hello\nWHO\nBIG 1000000\nQUIT\n");
        rig_expect(&c, "=hello");
        rig_expect(&c, table[i].who);
        expect_pattern(&c, 1000000);
        rig_expect(&c, "bye");
        char byte;
        assert_int_equal(rig_receive(&c, &byte, 1), 0); /* close_notify */
        rig_client_fini(&c);
        rig_wait_closed(&server, 1, NULL);
        rig_server_fini(&server);
        assert_int_equal(server.secured, 1);
    }
}

static void old_versions_and_garbage_fail_the_handshake(void **state)
{
    (void)state;
    rig_server server;
    char reason[200], buffer[100];
    rig_server_init(&server, (rig_options){.implicit_tls = true});
    rig_client c = rig_connect(&server);
    rig_say(&c, "EHLO not.tls.example.com\r\n");
    while (rig_receive(&c, buffer, sizeof buffer) > 0)
        continue;
    rig_client_fini(&c);
    rig_wait_closed(&server, 1, reason);
    assert_non_null(strstr(reason, "TLS handshake failed"));
    c = rig_connect(&server);
    rig_client_fini(&c);
    rig_wait_closed(&server, 2, reason);
    assert_string_equal(reason, "closed by peer during TLS handshake");
    c = rig_connect(&server);
    assert_false(rig_client_tls(&c, TLS1_1_VERSION));
    rig_client_fini(&c);
    rig_wait_closed(&server, 3, reason);
    rig_server_fini(&server);
    assert_int_equal(server.secured, 0);
}

static void starttls_drops_what_was_injected(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "before\nSTARTTLS\ninjected\nALSO injected");
    rig_expect(&c, "=before");
    rig_expect(&c, "go");
    assert_true(rig_client_tls(&c, 0));
    rig_say(&c, "inside\n");
    rig_expect(&c, "=inside");
    rig_client_fini(&c);
    rig_server_fini(&server);
    assert_int_equal(server.secured, 1);
}

/* The answer to STARTTLS stands behind a full queue: all of it goes in clear before the handshake. */
static void starttls_behind_queued_output(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "BIG 8000000\nSTARTTLS\n");
    rig_sleep_ms(20);
    expect_pattern(&c, 8000000);
    rig_expect(&c, "go");
    assert_true(rig_client_tls(&c, 0));
    rig_say(&c, "BIG 300000\n");
    expect_pattern(&c, 300000);
    rig_client_fini(&c);
    rig_server_fini(&server);
}

/* One direction at a time, because an SSL of the client must not be used by two threads: the server echoes into a
 * client that does not read until the server's window is full, then both go on. */
static void bulk_echo_tls(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){.implicit_tls = true});
    rig_client c = rig_connect(&server);
    assert_true(rig_client_tls(&c, 0));
    rig_say(&c, "RAW\n");
    char buffer[10000];
    for (size_t round = 0; round < 100; round++) {
        for (size_t i = 0; i < sizeof buffer; i++)
            buffer[i] = rig_pattern(round * sizeof buffer + i);
        rig_send(&c, buffer, sizeof buffer);
        if (round % 10 == 9) {
            char back[100000];
            for (size_t at = 0; at < sizeof back;) {
                long n = rig_receive(&c, back + at, sizeof back - at);
                assert_true(n > 0);
                at += (size_t)n;
            }
            for (size_t i = 0; i < sizeof back; i++)
                assert_true(back[i] == rig_pattern((round - 9) * sizeof buffer + i));
        }
    }
    rig_client_fini(&c);
    rig_server_fini(&server);
}

static void to_hex(const unsigned char *bytes, size_t size, char *hex)
{
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
}

static void both_ends_agree_on_channel_bindings(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){.implicit_tls = true});
    for (int version = 0; version < 2; version++) {
        rig_client c = rig_connect(&server);
        assert_true(rig_client_tls(&c, version ? TLS1_2_VERSION : 0));
        unsigned char bytes[EVP_MAX_MD_SIZE];
        char hex[200];
        assert_int_equal(SSL_export_keying_material(c.ssl, bytes, 32, "EXPORTER-Channel-Binding", 24,
                                                    (const unsigned char *)"", 0, 1),
                         1);
        to_hex(bytes, 32, hex);
        rig_say(&c, "EXPORTER\n");
        rig_expect(&c, hex);
        unsigned size = 0;
        X509 *cert = SSL_get1_peer_certificate(c.ssl);
        assert_int_equal(X509_digest(cert, EVP_sha256(), bytes, &size), 1);
        X509_free(cert);
        to_hex(bytes, size, hex);
        rig_say(&c, "ENDPOINT\n");
        rig_expect(&c, hex);
        rig_client_fini(&c);
    }
    /* Ed25519 signs without a hash: the binding is not defined. */
    char *cert = rig_path("cert.pem"), *key = rig_path("key.pem");
    text error;
    text_init(&error, NULL, 1000);
    rig_certificate(cert, key, RIG_ED25519, "ed");
    assert_int_equal(net_tls_reload(server.tls, &error), LL_OK);
    rig_client c = rig_connect(&server);
    assert_true(rig_client_tls(&c, 0));
    rig_say(&c, "ENDPOINT\n");
    rig_expect(&c, "none");
    rig_client_fini(&c);
    rig_server_fini(&server);
    text_fini(&error);
    free(cert);
    free(key);
}

static void no_bindings_in_clear(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){0});
    rig_client c = rig_connect(&server);
    rig_say(&c, "EXPORTER\nENDPOINT\n");
    rig_expect(&c, "none");
    rig_expect(&c, "none");
    rig_client_fini(&c);
    rig_server_fini(&server);
}

/* Renegotiation is refused (TLS 1.2), and the connection survives or ends, but never hangs. */
static void renegotiation_is_refused(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){.implicit_tls = true});
    rig_client c = rig_connect(&server);
    assert_true(rig_client_tls(&c, TLS1_2_VERSION));
    SSL_renegotiate(c.ssl);
    assert_true(SSL_do_handshake(c.ssl) != 1);
    ERR_clear_error();
    rig_client_fini(&c);
    rig_wait_closed(&server, 1, NULL);
    rig_server_fini(&server);
}

static void the_loop_ends_with_connections_open(void **state)
{
    (void)state;
    rig_server server;
    rig_server_init(&server, (rig_options){.implicit_tls = true, .timeout_ms = 60000});
    rig_client c = rig_connect(&server), half = rig_connect(&server);
    assert_true(rig_client_tls(&c, 0));
    rig_say(&c, "HOLD 60000\nheld\n");
    rig_sleep_ms(20);
    rig_server_fini(&server); /* checks that every session was closed */
    assert_string_equal(server.reason, "the loop ends");
    rig_client_fini(&c);
    rig_client_fini(&half);
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
        cmocka_unit_test(lines_are_echoed),
        cmocka_unit_test(input_byte_by_byte),
        cmocka_unit_test(quit_flushes_everything),
        cmocka_unit_test(half_closed_peers_get_their_answers),
        cmocka_unit_test(resets_end_the_session_once),
        cmocka_unit_test(bulk_echo_plain),
        cmocka_unit_test(input_not_taken_is_bounded_and_offered_again),
        cmocka_unit_test(paused_reading_resumes),
        cmocka_unit_test(silence_times_out_and_input_restarts_it),
        cmocka_unit_test(echo_over_tls),
        cmocka_unit_test(old_versions_and_garbage_fail_the_handshake),
        cmocka_unit_test(starttls_drops_what_was_injected),
        cmocka_unit_test(starttls_behind_queued_output),
        cmocka_unit_test(bulk_echo_tls),
        cmocka_unit_test(both_ends_agree_on_channel_bindings),
        cmocka_unit_test(no_bindings_in_clear),
        cmocka_unit_test(renegotiation_is_refused),
        cmocka_unit_test(one_that_does_not_read_costs_a_ceiling_and_nobody_else),
        cmocka_unit_test(the_loop_ends_with_connections_open),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
