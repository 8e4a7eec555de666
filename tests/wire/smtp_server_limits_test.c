/* smtp_server_limits_test.c - ceilings, time, the end of connections, and a large message in bounded memory.
 * SPDX-License-Identifier: MIT */
#include "smtp_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define EHLO  "EHLO c\r\n"
#define MAIL  "MAIL FROM:<a@b>\r\n"
#define RCPT  "RCPT TO:<x@d>\r\n"
#define BEGIN EHLO MAIL RCPT

static smtp_limits small(void)
{
    smtp_limits limits;
    smtp_limits_init(&limits);
    limits.message_bytes = 20;
    limits.swallow_bytes = 100;
    limits.recipients = 3;
    limits.rejected_recipients = 2;
    limits.transactions = 2;
    limits.errors = 3;
    limits.idle_commands = 5;
    limits.stranger_bytes = 100;
    limits.line_bytes = 60;
    limits.line_dropped_bytes = 100;
    return limits;
}

/* The replies end with `want`, however the input is cut. */
static void expect(const char *input, const char *want)
{
    smtp_limits limits = small();
    static const size_t steps[] = {4096, 1, 2, 3, 7, 50};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        talk t;
        talk_init(&t, 0, &limits);
        talk_send(&t, span_str(input), steps[i]);
        const char *got = text_str(&t.replies);
        size_t size = strlen(got), want_size = strlen(want);
        if (size < want_size)
            assert_string_equal(got, want);
        else
            assert_string_equal(got + size - want_size, want);
        talk_fini(&t);
    }
}

static void test_ceilings(void **state)
{
    (void)state;
    expect("X\r\nX\r\nX\r\nX\r\nNOOP\r\n", "known\r\n421 4.7.0 mx.test Too many errors, closing\r\n");
    expect("NOOP\r\nNOOP\r\nNOOP\r\nRSET\r\n" EHLO "HELP\r\nNOOP\r\n",
           "CODES\r\n421 4.7.0 mx.test Too many commands without mail, closing\r\n");
    expect("NOOP 345678901234567890123456789012345678901234567890\r\nNOOP "
           "345678901234567890123456789012345678901234567890\r\n",
           "Done\r\n421 4.7.0 mx.test Too much was said without mail, closing\r\n");
    expect(BEGIN RCPT RCPT RCPT "DATA\r\n",
           "accepted\r\n452 4.5.3 Too many recipients\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    expect(EHLO MAIL "RCPT TO:<no@d>\r\nRCPT TO:<no@d>\r\nRCPT TO:<no@d>\r\nNOOP\r\n",
           "421 4.7.0 mx.test Too many recipients were refused, closing\r\n");
    expect(BEGIN "RSET\r\n" MAIL "RSET\r\n" MAIL, "421 4.7.0 mx.test Enough messages on this connection, closing\r\n");
    expect(BEGIN "NOOP 6789012345678901234567890123456789012345678901234567890\r\n", "Done\r\n");
    expect(BEGIN "NOOP 678901234567890123456789012345678901234567890123456789012\r\n", "500 5.5.2 Line too long\r\n");
    expect(
        BEGIN
        "NOOP 6789012345678901234567890123456789012345678901234567890"
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123\r\n",
        "accepted\r\n421 4.7.0 mx.test Line far too long, closing\r\n");
}

static void test_message_size(void **state)
{
    (void)state;
    expect(BEGIN "DATA\r\n012345678901234567\r\n.\r\n",
           "354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 Message accepted\r\n");
    expect(BEGIN "DATA\r\n0123456789012345678\r\n.\r\nNOOP\r\n",
           "552 5.3.4 Message larger than 20 bytes\r\n250 2.0.0 Done\r\n");
    expect(BEGIN "DATA\r\n..............................\r\n.\r\nNOOP\r\n",
           "552 5.3.4 Message larger than 20 bytes\r\n250 2.0.0 Done\r\n");
    expect(BEGIN "BDAT 10\r\n0123456789BDAT 10 LAST\r\n0123456789NOOP\r\n",
           "250 2.0.0 10 bytes received\r\n250 2.0.0 Message accepted\r\n250 2.0.0 Done\r\n");
    expect(BEGIN "BDAT 10\r\n0123456789BDAT 11 LAST\r\n01234567890NOOP\r\n",
           "250 2.0.0 10 bytes received\r\n552 5.3.4 Message larger than 20 bytes\r\n250 2.0.0 Done\r\n");
    expect(BEGIN "BDAT 21\r\n012345678901234567890BDAT 1\r\nxRSET\r\n",
           "552 5.3.4 Message larger than 20 bytes\r\n503 5.5.1 An earlier chunk was refused: RSET first\r\n250 2.0.0 "
           "Done\r\n");
    expect(
        BEGIN
        "DATA\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789\r\n.\r\n",
        "354 End data with <CR><LF>.<CR><LF>\r\n421 4.7.0 mx.test Too much was sent of refused messages, closing\r\n");
}

static void test_end_resets(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    talk_send(&t, SPAN(BEGIN "DATA\r\nx"), 100);
    smtp_server_expire(t.server);
    talk_drain(&t);
    assert_non_null(strstr(text_str(&t.replies), "421 4.4.2 mx.test Timeout, closing\r\n"));
    assert_string_equal(text_str(&t.events), "helo c;mail a@b;rcpt x@d;begin;data[x];reset;");
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_CLOSE);
    size_t taken;
    assert_int_equal(smtp_server_input(t.server, SPAN("NOOP\r\n"), &taken), LL_ECLOSED);
    assert_int_equal(taken, 6);
    talk_fini(&t);
}

static void test_times(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    assert_int_equal(smtp_server_timeout_ms(t.server), 60000);
    talk_send(&t, SPAN("EHL"), 100);
    assert_int_equal(smtp_server_timeout_ms(t.server), 60000);
    talk_send(&t, SPAN("O c\r\n"), 100);
    assert_int_equal(smtp_server_timeout_ms(t.server), 300000);
    /* The client does not read: after the second silence not even 421 is waited for. */
    t.drain = false;
    smtp_server_expire(t.server);
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_OUTPUT);
    assert_int_not_equal(smtp_server_timeout_ms(t.server), 0);
    smtp_server_expire(t.server);
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_CLOSE);
    talk_fini(&t);
}

/* Going down while the host still works on a message: its answer goes out first, or the client would send the message
 * again. */
static void test_shutdown_waits_for_the_answer(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    talk_send(&t, SPAN(EHLO "MAIL FROM:<later@b>\r\n" RCPT "DATA\r\n"), 100);
    size_t taken;
    assert_int_equal(smtp_server_input(t.server, SPAN("x\r\n.\r\nNOOP\r\n"), &taken), LL_OK);
    assert_int_equal(taken, 6); /* the pipelined command stays with us */
    assert_int_equal(smtp_server_wants(t.server), 0);
    smtp_server_expire(t.server);
    smtp_server_shutdown(t.server);
    assert_int_equal(smtp_server_wants(t.server), 0);
    unsigned wakes = t.wakes;
    talk_answer(&t);
    assert_int_equal(t.wakes, wakes + 1);
    talk_drain(&t);
    assert_non_null(
        strstr(text_str(&t.replies), "250 2.0.0 Message accepted\r\n421 4.3.2 mx.test Going down, closing\r\n"));
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_CLOSE);
    talk_fini(&t);
    talk_init(&t, 0, NULL);
    smtp_server_shutdown(t.server);
    talk_drain(&t);
    assert_string_equal(text_str(&t.replies),
                        "220 mx.test ESMTP Letterlock\r\n421 4.3.2 mx.test Going down, closing\r\n");
    talk_fini(&t);
}

static void test_del_forgets_the_question(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    size_t taken;
    assert_int_equal(smtp_server_input(t.server, SPAN(EHLO "MAIL FROM:<later@b>\r\n"), &taken), LL_OK);
    assert_int_equal(t.pending, 'm');
    smtp_server_del(&t.server);
    assert_string_equal(text_str(&t.events), "helo c;mail later@b;reset;");
    talk_fini(&t);
}

/* A client that sends and never reads: its commands pause, and nothing grows. */
static void test_output_pauses_input(void **state)
{
    (void)state;
    smtp_limits limits;
    smtp_limits_init(&limits);
    limits.idle_commands = 100000;
    limits.output_bytes = 200;
    talk t;
    talk_init(&t, 0, &limits);
    t.drain = false;
    size_t taken = 0, all = 0;
    do {
        assert_int_equal(smtp_server_input(t.server, SPAN("NOOP\r\nNOOP\r\nNOOP\r\n"), &taken), LL_OK);
        all += taken;
    } while (taken);
    assert_true(all < 200);
    assert_true(smtp_server_output(t.server).size < 250);
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_OUTPUT);
    talk_drain(&t);
    assert_int_equal(smtp_server_wants(t.server), LL_WANTS_INPUT);
    talk_fini(&t);
}

typedef struct meter {
    size_t now, peak;
} meter;

static void *meter_resize(void *context, void *memory, size_t size)
{
    meter *m = context;
    size_t *block = memory ? (size_t *)memory - 2 : NULL;
    if (block)
        m->now -= block[0];
    if (size == 0) {
        free(block);
        return NULL;
    }
    block = realloc(block, size + 2 * sizeof *block);
    block[0] = size;
    m->now += size;
    m->peak = m->now > m->peak ? m->now : m->peak;
    return block + 2;
}

static uint64_t big_bytes;

static ll_status count_data(void *context, ll_span bytes)
{
    (void)context;
    big_bytes += bytes.size;
    return LL_OK;
}

static void test_a_large_message_needs_no_memory(void **state)
{
    (void)state;
    meter m = {0};
    ll_allocator allocator = {meter_resize, &m};
    talk t;
    talk_init(&t, 0, NULL);
    smtp_server_del(&t.server);
    t.host.data = count_data;
    smtp_server_config config = {
        .size = sizeof config, .allocator = &allocator, .host = &t.host, .context = &t, .name = SPAN("mx.test")};
    assert_int_equal(smtp_server_new(&t.server, &config), LL_OK);
    talk_send(&t, SPAN(BEGIN "DATA\r\n"), 1000);
    static char block[65536];
    memset(block, 'x', sizeof block); /* one line of 50 MB */
    for (int i = 0; i < 799; i++)
        talk_send(&t, span_of(block, sizeof block), sizeof block);
    talk_send(&t, SPAN("\r\n.\r\n"), 1000);
    assert_int_equal(big_bytes, 799u * sizeof block + 2);
    assert_non_null(strstr(text_str(&t.replies), "250 2.0.0 Message accepted\r\n"));
    assert_true(m.peak < 8192);
    smtp_server_del(&t.server);
    assert_int_equal(m.now, 0);
    talk_fini(&t);
}

/* Memory that runs out at the nth request. */
static void *failing_resize(void *context, void *memory, size_t size)
{
    int *left = context;
    if (size && (*left)-- <= 0)
        return NULL;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, size);
}

static void test_out_of_memory_anywhere(void **state)
{
    (void)state;
    static const char input[] =
        EHLO "MAIL FROM:<datano@b>\r\n" RCPT "DATA\r\nx\r\n.\r\n" MAIL RCPT "BDAT 2 LAST\r\na\nFOO\r\nHELP\r\n";
    bool ended = false;
    for (int n = 0; !ended; n++) {
        int left = n;
        ll_allocator allocator = {failing_resize, &left};
        talk t;
        talk_init(&t, 0, NULL);
        smtp_server_del(&t.server);
        smtp_server_config config = {
            .size = sizeof config, .allocator = &allocator, .host = &t.host, .context = &t, .name = SPAN("mx.test")};
        ll_status status = smtp_server_new(&t.server, &config);
        size_t taken = 1;
        for (size_t i = 0; !status && taken && i < sizeof input - 1; i += taken)
            status = smtp_server_input(t.server, span_of(input + i, i + 3 < sizeof input ? 3 : 1), &taken);
        assert_true(status == LL_OK || status == LL_ENOMEM);
        ended = status == LL_OK && left > 0;
        talk_fini(&t);
        assert_true(n < 200);
    }
}

static void test_config_is_checked(void **state)
{
    (void)state;
    talk t;
    talk_init(&t, 0, NULL);
    smtp_server *s;
    smtp_server_config config = {.size = sizeof config, .host = &t.host, .context = &t};
    assert_int_equal(smtp_server_new(&s, &config), LL_EINVAL);
    config.name = SPAN("mx.test");
    t.host.rcpt = NULL;
    assert_int_equal(smtp_server_new(&s, &config), LL_EINVAL);
    talk_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ceilings),
        cmocka_unit_test(test_message_size),
        cmocka_unit_test(test_end_resets),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_shutdown_waits_for_the_answer),
        cmocka_unit_test(test_del_forgets_the_question),
        cmocka_unit_test(test_output_pauses_input),
        cmocka_unit_test(test_a_large_message_needs_no_memory),
        cmocka_unit_test(test_out_of_memory_anywhere),
        cmocka_unit_test(test_config_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
