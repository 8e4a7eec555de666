/* chat.c - see chat.h
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- the host --- */

static void wake(void *context)
{
    ((chat *)context)->wakes++;
}

static void host_unauthenticated(void *context)
{
    chat *t = context;
    t->unauthenticated++;
}

static int64_t now(void *context)
{
    (void)context;
    return 1700000000;
}

static const char *mechanisms(void *context)
{
    chat *t = context;
    return t->how.mechanisms ? t->how.mechanisms : "PLAIN SCRAM-SHA-256";
}

static void notify(void *context)
{
    chat *t = context;
    if (t->session)
        ll_session_notify(t->session);
}

static void authenticated(chat *t, ll_span final)
{
    const ll_connector *connector = t->how.connector ? t->how.connector : &memory_connector;
    ll_session_authenticated(t->session, connector, memory_login(t->store, notify, t), final);
}

/* PLAIN: the message of user and secret. Anything else, as SCRAM: "first" is challenged with "server-first", "last"
 * succeeds with data. */
static void answer(chat *t)
{
    t->asked = false;
    ll_span response = text_span(&t->response);
    if (!strcmp(t->mechanism, "PLAIN")) {
        if (t->round++ == 0 && t->no_response)
            ll_session_challenge(t->session, SPAN(""));
        else if (span_equal(response, span_of("\0user\0secret", 12)))
            authenticated(t, SPAN(""));
        else if (span_equal(response, span_of("\0user\0away", 10)))
            ll_session_refused(t->session, LL_EUNAVAILABLE, SPAN("[Try]\r\nlater"));
        else
            ll_session_refused(t->session, LL_EAUTH, SPAN(""));
    } else if (span_equal(response, SPAN("first")))
        ll_session_challenge(t->session, SPAN("server-first"));
    else if (span_equal(response, SPAN("last")))
        authenticated(t, SPAN("v=signature"));
    else
        ll_session_refused(t->session, LL_EAUTH, SPAN(""));
}

static void ask(chat *t, ll_span response)
{
    text_clear(&t->response);
    t->no_response = !response.data;
    text_add(&t->response, response);
    t->asked = true;
    if (!t->how.later)
        answer(t);
}

static void auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    chat *t = context;
    (void)login;
    assert_true(mechanism.size < sizeof t->mechanism);
    memset(t->mechanism, 0, sizeof t->mechanism);
    memcpy(t->mechanism, mechanism.data, mechanism.size);
    t->round = 0;
    ask(t, initial);
}

static void auth_response(void *context, ll_span response)
{
    assert_non_null(response.data);
    ask(context, response);
}

static void auth_cancel(void *context)
{
    chat *t = context;
    t->asked = false;
    t->cancelled = true;
}

static void start_tls(void *context)
{
    ((chat *)context)->starting_tls = true;
}

/* --- running --- */

static bool take_output(chat *t)
{
    ll_span out = ll_session_output(t->session);
    if (!out.size)
        return false;
    size_t size = t->how.narrow ? 1 : out.size;
    text_add(&t->said, span_first(out, size));
    grammar_feed(&t->grammar, span_first(out, size));
    ll_session_sent(t->session, size);
    return true;
}

static bool give_input(chat *t)
{
    if (!t->kept.size || !(ll_session_wants(t->session) & (LL_WANTS_INPUT | LL_WANTS_TLS)))
        return false;
    size_t taken, size = t->how.bytes ? 1 : t->kept.size;
    /* exactly as many bytes as are given, so that ASan sees a read beyond them */
    char *exact = test_malloc(size);
    memcpy(exact, t->kept.data, size);
    ll_status status = ll_session_input(t->session, span_of(exact, size), &taken);
    test_free(exact);
    assert_int_equal(status, LL_OK);
    text_drop(&t->kept, taken);
    return taken > 0;
}

static bool go_on(chat *t)
{
    if (take_output(t))
        return true;
    if (t->starting_tls) {
        t->starting_tls = false;
        while (give_input(t)) /* what came in clear and the host still has must not come back as if it were encrypted */
            ;
        ll_session_secured(t->session);
        return true;
    }
    if (t->asked) {
        answer(t);
        return true;
    }
    return memory_complete(t->store);
}

void chat_work(chat *t)
{
    do {
        while (go_on(t))
            ;
    } while (give_input(t));
    while (go_on(t))
        ;
}

/* --- for tests --- */

void chat_open(chat *t, const chat_how *how)
{
    *t = (chat){.how = *how};
    t->how.later = t->how.held = false; /* until logged in */
    t->host = (ll_host){.size = sizeof t->host,
                        .wake = wake,
                        .now = now,
                        .mechanisms = mechanisms,
                        .auth_start = auth_start,
                        .auth_response = auth_response,
                        .auth_cancel = auth_cancel,
                        .unauthenticated = host_unauthenticated,
                        .start_tls = start_tls};
    ll_limits_init(&t->limits);
    if (how->limits)
        t->limits = *how->limits;
    if (how->narrow)
        t->limits.output_bytes = 16;
    t->store = how->store ? how->store : memory_store_new();
    text_init(&t->said, NULL, SIZE_MAX / 2);
    text_init(&t->kept, NULL, SIZE_MAX / 2);
    text_init(&t->response, NULL, 65536);
    ll_session_config config = {.size = sizeof config,
                                .flags = how->clear ? 0 : LL_SESSION_CLEAR_LOGIN,
                                .limits = &t->limits,
                                .allocator = how->allocator,
                                .host = &t->host,
                                .context = t,
                                .greeting = SPAN("ready")};
    assert_int_equal(ll_session_new(&t->session, &config), LL_OK);
    if (how->login) {
        chat_send(t, SPAN("0 LOGIN user secret\r\n"));
        if (!strstr(text_str(&t->said), "0 OK "))
            fail_msg("%s", text_str(&t->said));
        text_clear(&t->said);
    }
    t->how = *how;
    memory_later(t->store, how->later);
}

void chat_close(chat *t)
{
    ll_session_del(&t->session);
    while (memory_complete(t->store))
        ;
    text_fini(&t->said);
    grammar_fini(&t->grammar);
    text_fini(&t->kept);
    text_fini(&t->response);
    if (!t->how.store) {
        assert_int_equal(memory_sessions(t->store), 0);
        memory_store_del(&t->store);
    }
}

void chat_send(chat *t, ll_span bytes)
{
    text_add(&t->kept, bytes);
    if (t->how.held)
        while (take_output(t) || give_input(t))
            ;
    else
        chat_work(t);
}

/* Of what is said behind CAPABILITY only IMAP4rev1 and the words about login stay: the list grows with every extension,
 * and capability_test.c looks at all of it. */
static void shorten_capabilities(text *said)
{
    static const char head[] = "CAPABILITY IMAP4rev1";
    static const char *const kept[] = {"SASL-IR", "STARTTLS", "LOGINDISABLED", "AUTH="};
    text copy;
    text_init(&copy, NULL, 64 << 20);
    ll_span rest = text_span(said);
    for (const char *at; (at = memmem(rest.data, rest.size, head, sizeof head - 1));) {
        size_t size = (size_t)(at - rest.data) + sizeof head - 1;
        text_add(&copy, span_first(rest, size));
        rest = span_from(rest, size);
        while (rest.size && rest.data[0] == ' ') {
            size_t end = 1;
            while (end < rest.size && !strchr(" ]\r", rest.data[end]))
                end++;
            for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
                if (span_starts_nocase(span_from(span_first(rest, end), 1), span_str(kept[i])))
                    text_add(&copy, span_first(rest, end));
            rest = span_from(rest, end);
        }
    }
    text_add(&copy, rest);
    text_fini(said);
    text_add(said, text_span(&copy));
    text_fini(&copy);
}

void chat_expect(chat *t, const char *send, const char *want)
{
    chat_send(t, span_str(send));
    shorten_capabilities(&t->said);
    if (getenv("CHAT_SHOW") && strcmp(text_str(&t->said), want) != 0)
        fprintf(stderr, "%s\n----\n%s\n", text_str(&t->said), want);
    assert_string_equal(text_str(&t->said), want);
    text_clear(&t->said);
}

void chat_contains(chat *t, const char *send, const char *part)
{
    chat_send(t, span_str(send));
    shorten_capabilities(&t->said);
    if (!strstr(text_str(&t->said), part))
        assert_string_equal(text_str(&t->said), part); /* shows both */
    text_clear(&t->said);
}

bool chat_ended(const chat *t)
{
    return ll_session_wants(t->session) == LL_WANTS_CLOSE;
}

void chat_all(const chat_how *how, void (*prepare)(memory_store *store), const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat_how mine = *how;
        chat t;
        mine.bytes = way & 1;
        mine.later = way & 2;
        mine.narrow = way & 4;
        mine.store = memory_store_new();
        if (prepare)
            prepare(mine.store);
        chat_open(&t, &mine);
        if (!mine.login) {
            chat_work(&t);
            text_clear(&t.said); /* the greeting */
        }
        chat_expect(&t, send, want);
        chat_close(&t);
        assert_int_equal(memory_sessions(mine.store), 0);
        memory_store_del(&mine.store);
    }
}
