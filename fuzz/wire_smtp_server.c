/* wire_smtp_server.c - any bytes as a client, cut at random: in pieces it must say and ask the same as in one piece.
 * SPDX-License-Identifier: MIT
 *
 * The first byte chooses: bit 0 LMTP, bit 1 no CHUNKING, bit 2 TLS already, bit 3 small ceilings, bits 4-7 the size of
 * the pieces. */
#include "wire/smtp_server.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct client {
    smtp_server *server;
    text heard, asked; /* replies; calls to the host and content */
    bool waiting;
    unsigned questions;
} client;

/* Each fourth question is answered later, each seventh with no. */
static void question(client *c, const char *name)
{
    text_add_str(&c->asked, name);
    if (++c->questions % 4 == 0)
        c->waiting = true;
    else
        smtp_server_reply(c->server, c->questions % 7 ? LL_OK : LL_EDENIED, SPAN("a\nb"));
}

static void on_helo(void *c, ll_span name, bool extended)
{
    (void)extended;
    text_add(&((client *)c)->asked, name);
}
static void on_mail(void *c, const smtp_mail *mail)
{
    smtp_path_text(mail->from, &((client *)c)->asked);
    question(c, "|mail|");
}
static void on_rcpt(void *c, const smtp_path *to)
{
    smtp_path_text(to, &((client *)c)->asked);
    question(c, "|rcpt|");
}
static void on_begin(void *c)
{
    question(c, "|begin|");
}
static ll_status on_data(void *c, ll_span bytes)
{
    text_add(&((client *)c)->asked, bytes);
    return LL_OK;
}
static void on_end(void *c)
{
    question(c, "|end|");
}
static void on_reset(void *c)
{
    text_add_str(&((client *)c)->asked, "|reset|");
    ((client *)c)->waiting = false;
}
static void on_nothing(void *c)
{
    (void)c;
}
static void on_log(void *c, ll_span line)
{
    (void)c, (void)line;
}

static const smtp_host host = {sizeof host, on_helo,  on_mail,    on_rcpt,    on_begin, on_data,
                               on_end,      on_reset, on_nothing, on_nothing, on_log};

static void settle(client *c)
{
    while (c->waiting) {
        c->waiting = false;
        smtp_server_reply(c->server, LL_OK, SPAN(""));
    }
    ll_span output = smtp_server_output(c->server);
    text_add(&c->heard, output);
    smtp_server_sent(c->server, output.size);
    if (smtp_server_wants(c->server) & LL_WANTS_TLS)
        smtp_server_secured(c->server);
}

static void talk(client *c, uint8_t choice, ll_span input, size_t step)
{
    smtp_limits limits;
    smtp_limits_init(&limits);
    if (choice & 8)
        limits.message_bytes = 32, limits.swallow_bytes = 64, limits.line_bytes = 32, limits.recipients = 2;
    smtp_server_config config = {.size = sizeof config,
                                 .flags = choice & 1 ? SMTP_SERVER_LMTP : 0,
                                 .limits = &limits,
                                 .host = &host,
                                 .context = c,
                                 .name = SPAN("mx.test")};
    config.flags |= (choice & 2 ? SMTP_SERVER_NO_CHUNKING : 0) | (choice & 4 ? SMTP_SERVER_SECURE : 0);
    text_init(&c->heard, NULL, 1 << 26);
    text_init(&c->asked, NULL, 1 << 26);
    if (smtp_server_new(&c->server, &config))
        abort();
    settle(c);
    while (input.size) {
        size_t taken;
        ll_status status = smtp_server_input(c->server, span_first(input, step), &taken);
        if (status == LL_ENOMEM || (status == LL_OK && taken == 0 && smtp_server_output(c->server).size == 0))
            abort();
        settle(c);
        input = span_from(input, taken);
    }
    smtp_server_del(&c->server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    /* STARTTLS drops what is in flight, which depends on the pieces: such input is only run, not compared. */
    ll_span input = span_of((const char *)data + 1, size - 1);
    client whole = {0}, pieces = {0};
    talk(&whole, data[0], input, input.size);
    talk(&pieces, data[0], input, 1 + (size_t)(data[0] >> 4));
    if (data[0] & 4 && !(span_equal(text_span(&whole.heard), text_span(&pieces.heard)) &&
                         span_equal(text_span(&whole.asked), text_span(&pieces.asked))))
        abort();
    text_fini(&whole.heard), text_fini(&whole.asked);
    text_fini(&pieces.heard), text_fini(&pieces.asked);
    return 0;
}
