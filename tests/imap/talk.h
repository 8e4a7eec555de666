/* talk.h - a conversation with the engine, for tests: a session over a memory_store, commands in, replies out.
 * SPDX-License-Identifier: MIT
 *
 * A talk can be had in four ways: bytes at once or one by one (both directions), and a connector that answers at once
 * or later. What the client reads must be the same. */
#ifndef TESTS_IMAP_TALK_H
#define TESTS_IMAP_TALK_H

#include "base/text.h"
#include "grammar.h"
#include "memory_connector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct talk {
    memory_store *store;
    ll_session *session;
    const ll_connector *connector; /* &memory_connector, or one in front of it */
    bool bytewise;
    text got; /* the replies to the last command */
    grammar grammar;
    bool packed; /* what comes is compressed: the test feeds the grammar itself */
} talk;

static inline void talk_auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    talk *t = context;
    (void)mechanism;
    (void)initial;
    (void)login;
    ll_session_authenticated(t->session, t->connector, memory_login(t->store, NULL, NULL), SPAN(""));
}

static inline int64_t talk_now(void *context)
{
    (void)context;
    return 1700000000;
}

static inline const char *talk_mechanisms(void *context)
{
    (void)context;
    return "PLAIN";
}

static const ll_host talk_host = {
    .size = sizeof(ll_host), .now = talk_now, .mechanisms = talk_mechanisms, .auth_start = talk_auth_start};

/* Take the output and let the connector answer, until nothing moves. */
static inline void talk_settle(talk *t)
{
    for (bool moved = true; moved;) {
        ll_span out = ll_session_output(t->session);
        moved = out.size > 0;
        if (out.size) {
            out = span_first(out, t->bytewise ? 1 + out.size / 3 : out.size);
            text_add(&t->got, out);
            if (!t->packed)
                grammar_feed(&t->grammar, out);
            ll_session_sent(t->session, out.size);
        }
        moved = memory_complete(t->store) || moved;
    }
}

/* Say something; what comes back, until the next call. */
static inline const char *talk_bytes(talk *t, ll_span said)
{
    text_clear(&t->got);
    while (said.size) {
        size_t taken, step = t->bytewise ? 1 : said.size;
        if (ll_session_input(t->session, span_first(said, step), &taken) < 0)
            break;
        said = span_from(said, taken);
        talk_settle(t);
    }
    assert_int_equal(text_status(&t->got), LL_OK);
    return text_str(&t->got);
}

static inline const char *talk_say(talk *t, const char *said)
{
    return talk_bytes(t, span_str(said));
}

/* Another session on the same store. */
static inline void talk_join(talk *t, memory_store *store, bool bytewise, const ll_limits *limits, const char *select)
{
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .host = &talk_host, .context = t, .limits = limits};
    *t = (talk){.store = store, .connector = t->connector ? t->connector : &memory_connector, .bytewise = bytewise};
    text_init(&t->got, NULL, 64 << 20);
    assert_int_equal(ll_session_new(&t->session, &config), LL_OK);
    talk_settle(t);
    talk_say(t, "l LOGIN a b\r\n");
    assert_non_null(strstr(text_str(&t->got), "l OK"));
    talk_say(t, select);
    assert_non_null(strstr(text_str(&t->got), " OK "));
}

static inline void talk_leave(talk *t)
{
    ll_session_del(&t->session);
    text_fini(&t->got);
    grammar_fini(&t->grammar);
}

#define TALK_WAYS 4 /* for (unsigned way = 0; way < TALK_WAYS; way++) */

static inline bool talk_is_bytewise(unsigned way)
{
    return way & 1u;
}

static inline bool talk_is_later(unsigned way)
{
    return way & 2u;
}

#endif
