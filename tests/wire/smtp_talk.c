/* smtp_talk.c - see smtp_talk.h.
 * SPDX-License-Identifier: MIT */
#include "smtp_talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static bool has(const char *string, const char *word)
{
    return strstr(string, word) != NULL;
}

static bool starts(const char *string, const char *word)
{
    return strncmp(string, word, strlen(word)) == 0;
}

/* A new event; content events flow together, so that the pieces do not show. */
static void event(talk *t)
{
    if (t->in_data)
        text_add_str(&t->events, "];");
    t->in_data = false;
}

static void on_helo(void *context, ll_span name, bool extended)
{
    talk *t = context;
    event(t);
    text_print(&t->events, "%s %.*s;", extended ? "helo" : "HELO", SPAN_PRINT(name));
}

static void later(talk *t, char question, bool no)
{
    t->pending = question;
    t->pending_no = no;
}

static void on_mail(void *context, const smtp_mail *mail)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "mail ");
    smtp_path_text(mail->from, &t->events);
    if (mail->size)
        text_print(&t->events, " size=%llu", (unsigned long long)mail->size);
    text_print(&t->events, "%s%s;", mail->body_8bit ? " 8bit" : "", mail->utf8 ? " utf8" : "");
    snprintf(t->sender, sizeof t->sender, "%.*s", SPAN_PRINT(smtp_path_local(mail->from)));
    t->recipient_count = 0;
    if (has(t->sender, "later"))
        later(t, 'm', false);
    else if (has(t->sender, "goodbye"))
        smtp_server_reply_code(t->server, 421, "4.3.2", SPAN("Not today"));
    else
        smtp_server_reply(t->server, has(t->sender, "bad") ? LL_EDENIED : LL_OK, SPAN(""));
}

static void accept_rcpt(talk *t, bool no)
{
    if (no)
        t->recipient_count--;
    smtp_server_reply(t->server, no ? LL_ENOTFOUND : LL_OK, SPAN(""));
}

static void on_rcpt(void *context, const smtp_path *to)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "rcpt ");
    smtp_path_text(to, &t->events);
    text_add_byte(&t->events, ';');
    char *name = t->recipients[t->recipient_count++ % 16];
    snprintf(name, sizeof t->recipients[0], "%.*s", SPAN_PRINT(smtp_path_local(to)));
    if (starts(name, "grey")) {
        t->recipient_count--;
        smtp_server_reply_code(t->server, 451, "4.7.1", SPAN("Come back later"));
    } else if (starts(name, "later"))
        later(t, 'r', starts(name, "laterno"));
    else
        accept_rcpt(t, starts(name, "no"));
}

static void on_begin(void *context)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "begin;");
    if (has(t->sender, "later"))
        later(t, 'b', false);
    else if (has(t->sender, "beginno"))
        smtp_server_reply_code(t->server, 554, "5.7.1", SPAN("No content\nfrom you"));
    else
        smtp_server_reply(t->server, LL_OK, SPAN(""));
}

static ll_status on_data(void *context, ll_span bytes)
{
    talk *t = context;
    assert_true(bytes.size > 0);
    if (has(t->sender, "datano"))
        return LL_EFULL;
    if (!t->in_data)
        text_add_str(&t->events, "data[");
    t->in_data = true;
    text_add(&t->events, bytes);
    return LL_OK;
}

static void end_answer(talk *t)
{
    for (size_t i = 0; t->lmtp && i < smtp_server_recipients(t->server); i++)
        if (i + 1 < smtp_server_recipients(t->server) || starts(t->recipients[i], "full")) {
            smtp_server_reply_rcpt(t->server, i, starts(t->recipients[i], "full") ? LL_EQUOTA : LL_OK, SPAN(""));
            if (i + 1 == t->recipient_count)
                return;
        }
    smtp_server_reply(t->server, has(t->sender, "endno") ? LL_EQUOTA : LL_OK, SPAN("")); /* the last, or the only */
}

static void on_end(void *context)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "end;");
    if (has(t->sender, "later"))
        later(t, 'e', false);
    else
        end_answer(t);
}

static void on_reset(void *context)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "reset;");
    t->pending = 0;
}

static void on_tls(void *context)
{
    talk *t = context;
    event(t);
    text_add_str(&t->events, "tls;");
}

static void on_wake(void *context)
{
    ((talk *)context)->wakes++;
}

static void on_log(void *context, ll_span line)
{
    talk *t = context;
    text_add(&t->log, line);
    text_add_byte(&t->log, '\n');
}

void talk_init(talk *t, unsigned flags, const smtp_limits *limits)
{
    *t = (talk){.lmtp = flags & SMTP_SERVER_LMTP, .drain = true};
    t->host = (smtp_host){sizeof t->host, on_helo,  on_mail, on_rcpt, on_begin, on_data,
                          on_end,         on_reset, on_tls,  on_wake, on_log};
    text_init(&t->replies, NULL, 1 << 24);
    text_init(&t->events, NULL, 1 << 24);
    text_init(&t->log, NULL, 1 << 24);
    smtp_server_config config = {.size = sizeof config,
                                 .flags = flags,
                                 .limits = limits,
                                 .host = &t->host,
                                 .context = t,
                                 .name = SPAN("mx.test"),
                                 .peer = SPAN("192.0.2.1")};
    assert_int_equal(smtp_server_new(&t->server, &config), LL_OK);
}

void talk_fini(talk *t)
{
    smtp_server_del(&t->server);
    text_fini(&t->replies);
    text_fini(&t->events);
    text_fini(&t->log);
}

void talk_drain(talk *t)
{
    ll_span output = smtp_server_output(t->server);
    text_add(&t->replies, output);
    smtp_server_sent(t->server, output.size);
}

void talk_answer(talk *t)
{
    char pending = t->pending;
    t->pending = 0;
    assert_false(smtp_server_wants(t->server) & LL_WANTS_INPUT);
    assert_int_equal(smtp_server_timeout_ms(t->server), 0);
    if (pending == 'r')
        accept_rcpt(t, t->pending_no);
    else if (pending == 'e')
        end_answer(t);
    else
        smtp_server_reply(t->server, LL_OK, SPAN(""));
}

static void settle(talk *t)
{
    while (t->pending)
        talk_answer(t);
    if (t->drain)
        talk_drain(t);
    if (smtp_server_wants(t->server) & LL_WANTS_TLS)
        smtp_server_secured(t->server);
}

void talk_send(talk *t, ll_span input, size_t step)
{
    settle(t);
    while (input.size) {
        size_t taken;
        ll_status status = smtp_server_input(t->server, span_first(input, step), &taken);
        assert_true(status == LL_OK || status == LL_ECLOSED);
        input = span_from(input, taken);
        settle(t);
        if (taken == 0 && !(smtp_server_wants(t->server) & LL_WANTS_INPUT))
            break;
    }
    event(t);
}
