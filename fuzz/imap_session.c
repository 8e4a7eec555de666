/* imap_session.c - a client that says anything, cut anywhere, to a session over a mailbox in memory.
 * SPDX-License-Identifier: MIT
 *
 * First byte: bit 0 logged in, bit 1 the connector answers later, bit 2 little room for output, bit 3 others change the
 * mailbox meanwhile, bit 6 a small MESSAGELIMIT. Second byte: where the input is cut. The session must begin with its
 * greeting, end each output with a line, say nothing that the grammar does not have, and let everything go. */
#include "../tests/imap/grammar.h"
#include "../tests/imap/memory_connector.h"
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct guest {
    memory_store *store;
    ll_session *session;
    text said;
    grammar grammar;
    bool packed;
} guest;

static const char *mechanisms(void *context)
{
    (void)context;
    return "PLAIN X";
}

static void notify(void *context)
{
    ll_session_notify(((guest *)context)->session);
}

static void auth(void *context, ll_span mechanism, ll_span initial, bool login)
{
    guest *g = context;
    if (login || initial.size)
        ll_session_authenticated(g->session, &memory_connector, memory_login(g->store, notify, g), mechanism);
    else
        ll_session_challenge(g->session, SPAN("?"));
}

static void auth_response(void *context, ll_span response)
{
    guest *g = context;
    if (response.size % 2)
        ll_session_refused(g->session, LL_EAUTH, response);
    else
        auth(context, response, SPAN("x"), false);
}

static void start_tls(void *context)
{
    (void)context;
}

static const ll_host host = {.size = sizeof host,
                             .mechanisms = mechanisms,
                             .auth_start = auth,
                             .auth_response = auth_response,
                             .start_tls = start_tls};

static void check(bool good)
{
    if (!good)
        abort();
}

/* Everything that can go on without the client. */
static void work(guest *g)
{
    do {
        ll_span out = ll_session_output(g->session);
        text_add(&g->said, out);
        if (!g->packed)
            grammar_feed(&g->grammar, out);
        size_t tail = out.size + 20 < g->said.size ? out.size + 20 : g->said.size;
        g->packed = g->packed || strstr(text_str(&g->said) + (g->said.size - tail), " OK DEFLATE active\r\n");
        ll_session_sent(g->session, out.size);
        if (ll_session_wants(g->session) == LL_WANTS_TLS)
            ll_session_secured(g->session);
    } while (memory_complete(g->store) || ll_session_output(g->session).size);
}

static void others(memory_store *store, uint8_t what)
{
    ll_range some = {what % 5u + 1, what % 7u + 1};
    if (what % 3 == 0)
        memory_deliver(store, "INBOX", SPAN("From: x\r\nSubject: y\r\n\r\nbody\r\n"), what % 32u);
    else if (some.first <= some.last && what % 3 == 1)
        memory_expunge(store, "INBOX", some);
    else if (some.first <= some.last)
        memory_flag(store, "INBOX", some, (ll_flags_op)(what % 2 + 1), what % 32u, "kw");
    memory_notify(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.append_messages = 2;
    limits.message_limit = data[0] & 64 ? 2 : 0;
    limits.output_bytes = data[0] & 4 ? 64 : 4096;
    guest g = {.store = memory_store_new(), .grammar = {.nul = true}};
    text_init(&g.said, NULL, 64 << 20);
    for (uint8_t i = 0; i < 6; i++)
        others(g.store, (uint8_t)(i * 3));
    ll_session_config config = {.size = sizeof config,
                                .flags = data[0] & 16 ? 0 : LL_SESSION_CLEAR_LOGIN,
                                .limits = &limits,
                                .host = &host,
                                .context = &g};
    check(ll_session_new(&g.session, &config) == LL_OK);
    work(&g);
    check(g.said.size > 5 && !memcmp(g.said.data, "* OK ", 5));
    size_t taken;
    if (data[0] & 1)
        (void)!ll_session_input(g.session, SPAN("0 LOGIN a b\r\n1 SELECT INBOX\r\n"), &taken);
    work(&g);
    memory_later(g.store, data[0] & 2);
    uint32_t cut = data[1];
    for (size_t at = 2; at < size; at += taken) {
        cut = cut * 1103515245u + 12345u;
        size_t piece = data[1] ? (cut >> 16) % (data[1] * 2u) + 1 : size;
        ll_status status = ll_session_input(
            g.session, span_of((const char *)data + at, piece < size - at ? piece : size - at), &taken);
        if (status || (!taken && !(ll_session_wants(g.session) & LL_WANTS_OUTPUT) && !memory_waiting(g.store)))
            break;
        if (data[0] & 8)
            others(g.store, (uint8_t)(cut >> 24));
        if (cut >> 30 || !taken)
            work(&g);
    }
    if (!(data[0] & 32))
        work(&g);
    check(data[0] & 32 || (g.said.size && g.said.data[g.said.size - 1] == '\n'));
    ll_session_del(&g.session);
    while (memory_complete(g.store))
        ;
    check(memory_sessions(g.store) == 0);
    memory_store_del(&g.store);
    text_fini(&g.said);
    grammar_fini(&g.grammar);
    return 0;
}
