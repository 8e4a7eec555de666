/* smtp_session.c - one SMTP or LMTP connection: moves bytes between net/conn and wire/smtp_server, and answers for the
 * house. SPDX-License-Identifier: MIT
 *
 * The journey of a message: rcpt asks post/intake (on a worker, it reads the directory), data goes into a spool and
 * through the MIME indexer as it comes, data_end hands both to post/deliver, whose answer comes when everything is on
 * the disk (invariant 1). */
#include "base/memory.h"
#include "mime/indexer.h"
#include "post/deliver.h"
#include "post/intake.h"
#include "post/trace.h"
#include "server/log.h"
#include "server/server.h"
#include "wire/smtp_server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

typedef struct smtp_session smtp_session;

/* A recipient under question, on its way to a worker and back. */
typedef struct question {
    smtp_session *session;
    uint64_t epoch; /* of the transaction that asked */
    smtp_path path;
    uint64_t size;
    intake house; /* as the settings were when it was asked */
    intake_answer answer;
} question;

struct smtp_session {
    client client;
    smtp_server *engine;
    bool pumping, again;
    bool ended; /* the client has sent its last byte; answers are still owed */
    uint64_t timeout_ms;
    uint64_t content_ms; /* when the content began */

    /* the transaction */
    uint64_t epoch; /* goes up with every reset, so that late answers find out that nobody waits */
    uint64_t transactions;
    smtp_path from;
    smtp_path first_to;
    uint64_t declared;
    bool utf8;
    bool tight;                    /* a recipient was taken who may have no room for the message */
    deliver_recipient *recipients; /* each alias once, however often it was named */
    size_t recipients_count, recipients_room, recipients_max;
    uint16_t *named; /* for each RCPT that was accepted, which of them */
    size_t named_count;
    spool *spool;
    mime_indexer *indexer;
};

static void pump(smtp_session *s);

/* ------------------------------------------------------------------------------------------------- the transaction */

static void transaction_end(smtp_session *s)
{
    s->epoch++;
    spool_del(&s->spool);
    mime_indexer_del(&s->indexer);
    memory_free(NULL, s->recipients);
    memory_free(NULL, s->named);
    s->recipients = NULL;
    s->named = NULL;
    s->recipients_count = s->recipients_room = s->named_count = 0;
}

static void host_helo(void *context, ll_span name, bool extended)
{
    (void)context;
    (void)name;
    (void)extended;
}

static void host_mail(void *context, const smtp_mail *mail)
{
    smtp_session *s = context;
    s->from = *mail->from;
    s->declared = mail->size;
    s->utf8 = mail->utf8;
    s->tight = false;
    s->transactions++;
    smtp_server_reply(s->engine, LL_OK, SPAN(""));
}

static_assert(DROP_RECIPIENTS_MAX <= UINT16_MAX, "a recipient's place fits struct smtp_session's `named`");

static bool recipients_reserve(smtp_session *s)
{
    if (!s->named)
        s->named = memory_new(NULL, s->recipients_max * sizeof *s->named);
    if (!s->named || s->named_count == s->recipients_max)
        return false;
    if (s->recipients_count < s->recipients_room)
        return true;
    size_t room = s->recipients_room ? s->recipients_room * 2 : 4;
    deliver_recipient *grown = memory_resize(NULL, s->recipients, room * sizeof *grown);
    if (!grown)
        return false;
    s->recipients = grown;
    s->recipients_room = room;
    return true;
}

/* The same alias twice (other case, another subaddress) is one recipient: one copy. */
static bool recipients_add(smtp_session *s, const question *q)
{
    if (!recipients_reserve(s))
        return false;
    size_t i = 0;
    while (i < s->recipients_count && memcmp(s->recipients[i].alias, q->answer.recipient.alias, KEYS_ID) != 0)
        i++;
    if (i == s->recipients_count)
        s->recipients[s->recipients_count++] = q->answer.recipient;
    if (!s->named_count)
        s->first_to = q->path;
    s->named[s->named_count++] = (uint16_t)i;
    return true;
}

enum { trace_bytes_max = 8192 /* what trace_write puts on top of a message */ };

/* SMTP has one answer for all recipients of a message. If one of them may turn out to have no room for it, that answer
 * would be no for everybody, again and again: so such a one is only taken alone. "Too many recipients" makes the sender
 * send the rest by itself (RFC 5321 section 4.5.3.1.10). */
static bool must_be_alone(smtp_session *s, const intake_answer *a)
{
    uint64_t most = s->declared ? s->declared : s->client.server->config->message_size;
    uint64_t need = most + trace_bytes_max;
    s->tight |= a->room < need || a->shared / (s->recipients_count + 1) < need;
    return s->client.protocol != PROTOCOL_LMTP && s->recipients_count && s->tight;
}

/* Back on the loop: tell the client. */
static void rcpt_answer(void *context)
{
    question *q = context;
    smtp_session *s = q->session;
    if (s->engine && q->epoch == s->epoch) {
        const intake_answer *a = &q->answer;
        if (a->code >= 400)
            smtp_server_reply_code(s->engine, a->code, a->enhanced, span_str(a->text));
        else if (must_be_alone(s, a))
            smtp_server_reply_code(s->engine, 452, "4.5.3", SPAN("this recipient only in a transaction of its own"));
        else if (recipients_add(s, q))
            smtp_server_reply(s->engine, LL_OK, SPAN(""));
        else
            smtp_server_reply(s->engine, LL_ENOMEM, SPAN(""));
        if (a->code >= 400)
            log_event(s->client.id, "rcpt-refused code=%d enhanced=%s", a->code, a->enhanced);
        pump(s);
    }
    memory_free(NULL, q);
    client_unref(&s->client);
}

static void rcpt_work(void *context)
{
    question *q = context;
    intake_rcpt(&q->house, &q->path, q->size, &q->answer);
    executor_done(&q->session->client.server->executor, rcpt_answer, q);
}

static void host_rcpt(void *context, const smtp_path *to)
{
    smtp_session *s = context;
    question *q = memory_new(NULL, sizeof *q);
    if (!q) {
        smtp_server_reply(s->engine, LL_ENOMEM, SPAN(""));
        return;
    }
    server *house = s->client.server;
    *q = (question){.session = s, .epoch = s->epoch, .path = *to, .size = s->declared};
    q->house = (intake){house->directory, house->ledger, house->config->hostname};
    client_ref(&s->client);
    executor_work(&house->executor, rcpt_work, q);
}

static void trace_add(smtp_session *s, text *out)
{
    char id[48];
    snprintf(id, sizeof id, "%s.%" PRIu64, s->client.id, s->transactions);
    trace lines = {
        .from = &s->from,
        .to = s->named_count == 1 ? &s->first_to : NULL,
        .helo = smtp_server_helo(s->engine),
        .peer = span_str(s->client.conn ? net_conn_peer(s->client.conn) : "unknown"),
        .host = span_str(s->client.server->config->hostname),
        .id = span_str(id),
        .extended = smtp_server_is_extended(s->engine),
        .lmtp = s->client.protocol == PROTOCOL_LMTP,
        .secure = smtp_server_is_secure(s->engine),
        .utf8 = s->utf8,
        .now = time(NULL),
    };
    trace_write(&lines, out);
}

static ll_status host_data(void *context, ll_span bytes)
{
    smtp_session *s = context;
    ll_status status = spool_write(s->spool, bytes);
    if (!status)
        mime_indexer_push(s->indexer, bytes);
    return status;
}

static void host_data_begin(void *context)
{
    smtp_session *s = context;
    server *house = s->client.server;
    text lines;
    s->content_ms = net_loop_now_ms(house->loop);
    text_init(&lines, NULL, 8192);
    trace_add(s, &lines);
    ll_status status = text_status(&lines);
    if (!status)
        status = spool_new(&s->spool, house->spool_folder.string, &house->pool);
    if (!status)
        status = mime_indexer_new(&s->indexer, NULL);
    if (!status)
        status = host_data(s, text_span(&lines));
    text_fini(&lines);
    if (status) {
        spool_del(&s->spool);
        mime_indexer_del(&s->indexer);
    }
    smtp_server_reply(s->engine, status, SPAN(""));
}

/* ---------------------------------------------------------------------------------------------------- the delivery */

/* A whole message on its way: to a worker, which asks once more about its recipients, and then to post/deliver. It owns
 * what it carries, whatever becomes of the session. */
typedef struct delivery {
    smtp_session *session;
    uint64_t epoch;
    uint64_t size;
    intake house;
    spool *spool;
    text index;
    deliver_recipient *recipients;
    size_t count;
    bool each;
} delivery;

/* One answer for all (SMTP): the message is ours only if it is everybody's. */
static ll_status worst_of(const deliver_recipient *recipients, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (recipients[i].status)
            return recipients[i].status;
    return LL_OK;
}

/* No room: for ever, or for now? */
static void quota_code(const deliver_recipient *r, uint64_t size, int *code, const char **enhanced, ll_span *why)
{
    bool never = size > r->most;
    *code = never ? 552 : 452;
    *enhanced = never ? "5.2.2" : "4.2.2";
    *why = never ? SPAN("the message is larger than all that the mailbox may keep")
                 : SPAN("the mailbox is full, try again later");
}

static void answer_rcpt(smtp_session *s, size_t i, const deliver_recipient *r, uint64_t size)
{
    int code;
    const char *enhanced;
    ll_span why;
    if (r->status != LL_EQUOTA) {
        smtp_server_reply_rcpt(s->engine, i, r->status, SPAN(""));
        return;
    }
    quota_code(r, size, &code, &enhanced, &why);
    smtp_server_reply_rcpt_code(s->engine, i, code, enhanced, why);
}

static void answer_all(smtp_session *s, const deliver_recipient *recipients, size_t count, ll_status worst,
                       uint64_t size)
{
    int code;
    const char *enhanced;
    ll_span why;
    if (worst != LL_EQUOTA) {
        smtp_server_reply(s->engine, worst, SPAN(""));
        return;
    }
    const deliver_recipient *least = recipients;
    for (size_t i = 1; i < count; i++)
        if (recipients[i].most < least->most)
            least = &recipients[i];
    quota_code(least, size, &code, &enhanced, &why);
    smtp_server_reply_code(s->engine, code, enhanced, why);
}

/* The transaction ends with its answer, after which the engine may begin the next at once. */
static void answer_delivery(smtp_session *s, const deliver_recipient *recipients, size_t recipients_count,
                            ll_status worst, uint64_t size)
{
    uint16_t *named = s->named;
    size_t count = s->named_count;
    s->named = NULL;
    transaction_end(s);
    if (s->client.protocol != PROTOCOL_LMTP)
        answer_all(s, recipients, recipients_count, worst, size);
    else
        for (size_t i = 0; i < count; i++)
            answer_rcpt(s, i, &recipients[named[i]], size);
    memory_free(NULL, named);
}

static void delivery_done(void *context, const deliver_recipient *recipients, size_t count)
{
    delivery *d = context;
    smtp_session *s = d->session;
    ll_status worst = worst_of(recipients, count);
    if (!worst)
        s->client.server->messages_in++;
    log_event(s->client.id, "message transaction=%" PRIu64 " recipients=%zu bytes=%" PRIu64 " status=%s",
              s->transactions, count, d->size, ll_status_name(worst));
    if (s->engine && d->epoch == s->epoch) {
        answer_delivery(s, recipients, count, worst, d->size);
        pump(s);
    }
    memory_free(NULL, d);
    client_unref(&s->client);
}

/* Nothing was delivered to anybody: one status for all. */
static void delivery_refuse(delivery *d, ll_status status)
{
    for (size_t i = 0; i < d->count; i++)
        d->recipients[i].status = status;
    deliver_recipient *recipients = d->recipients;
    d->recipients = NULL;
    spool_del(&d->spool);
    text_fini(&d->index);
    delivery_done(d, recipients, d->count);
    memory_free(NULL, recipients);
}

/* Back on the loop. */
static void delivery_confirmed(void *context)
{
    delivery *d = context;
    server *house = d->session->client.server;
    deliver_house to = {house->drop, house->vaults, &house->executor, house->ledger};
    /* Somebody of several was removed or begun anew since RCPT: the sender will find out who when it tries again. */
    bool some_gone = !d->each && d->count > 1 && worst_of(d->recipients, d->count);
    ll_status status = some_gone ? LL_EUNAVAILABLE
                                 : deliver_message(&to, &d->spool, &d->index, &d->recipients, d->count, time(NULL),
                                                   d->each, delivery_done, d);
    if (status)
        delivery_refuse(d, status);
}

static void delivery_confirm(void *context)
{
    delivery *d = context;
    intake_confirm(&d->house, d->recipients, d->count);
    executor_done(&d->session->client.server->executor, delivery_confirmed, d);
}

static delivery *delivery_new(smtp_session *s)
{
    server *house = s->client.server;
    delivery *d = memory_new(NULL, sizeof *d);
    if (!d)
        return NULL;
    *d = (delivery){
        .session = s, .epoch = s->epoch, .size = spool_size(s->spool), .each = s->client.protocol == PROTOCOL_LMTP};
    d->house = (intake){house->directory, house->ledger, house->config->hostname};
    text_init(&d->index, NULL, deliver_index_max);
    if (mime_indexer_finish(s->indexer, &d->index) || text_status(&d->index)) {
        text_fini(&d->index);
        memory_free(NULL, d);
        return NULL;
    }
    d->spool = s->spool;
    d->recipients = s->recipients;
    d->count = s->recipients_count;
    s->spool = NULL;
    s->recipients = NULL;
    s->recipients_count = s->recipients_room = 0;
    client_ref(&s->client);
    return d;
}

static void host_data_end(void *context)
{
    smtp_session *s = context;
    delivery *d = delivery_new(s);
    mime_indexer_del(&s->indexer);
    if (d) {
        executor_work(&s->client.server->executor, delivery_confirm, d);
        return;
    }
    transaction_end(s);
    smtp_server_reply(s->engine, LL_ENOMEM, SPAN(""));
}

static void host_reset(void *context)
{
    transaction_end(context);
}

/* --------------------------------------------------------------------------------------------------- moving bytes */

static void host_start_tls(void *context)
{
    (void)context; /* pump sees LL_WANTS_TLS when all output is sent */
}

static void wake_again(void *context)
{
    smtp_session *s = context;
    pump(s);
    client_unref(&s->client);
}

static void host_wake(void *context)
{
    smtp_session *s = context;
    if (s->pumping) {
        s->again = true;
        return;
    }
    client_ref(&s->client);
    net_loop_soon(s->client.server->loop, wake_again, s);
}

static void host_log(void *context, ll_span line)
{
    smtp_session *s = context;
    log_span(s->client.id, line);
}

static const smtp_host host = {
    .size = sizeof(smtp_host),
    .helo = host_helo,
    .mail = host_mail,
    .rcpt = host_rcpt,
    .data_begin = host_data_begin,
    .data = host_data,
    .data_end = host_data_end,
    .reset = host_reset,
    .start_tls = host_start_tls,
    .wake = host_wake,
    .log = host_log,
};

/* Send what can be sent. */
static void flush_output(smtp_session *s)
{
    for (;;) {
        ll_span out = smtp_server_output(s->engine);
        size_t sent = out.size ? net_conn_write(s->client.conn, out) : 0;
        if (!sent)
            return;
        smtp_server_sent(s->engine, sent);
    }
}

static void pump(smtp_session *s)
{
    if (!s->client.conn || !s->engine)
        return;
    if (s->pumping) {
        s->again = true;
        return;
    }
    s->pumping = true;
    do {
        s->again = false;
        flush_output(s);
        unsigned wants = smtp_server_wants(s->engine);
        s->client.said_all = wants & LL_WANTS_CLOSE;
        if (s->client.said_all)
            net_conn_close_after_output(s->client.conn);
        else if ((wants & LL_WANTS_TLS) && !(wants & LL_WANTS_OUTPUT) && !net_conn_is_secure(s->client.conn))
            net_conn_start_tls(s->client.conn, s->client.server->tls);
        else if (wants & LL_WANTS_INPUT)
            net_conn_offer(s->client.conn);
        if (s->ended && (smtp_server_wants(s->engine) & (LL_WANTS_INPUT | LL_WANTS_OUTPUT)) == LL_WANTS_INPUT)
            net_conn_close_after_output(s->client.conn);
    } while (s->again);
    uint64_t timeout = smtp_server_timeout_ms(s->engine);
    if (timeout != s->timeout_ms) {
        s->timeout_ms = timeout;
        net_conn_timeout(s->client.conn, timeout);
    }
    s->pumping = false;
}

static size_t on_input(void *context, ll_span bytes)
{
    smtp_session *s = context;
    size_t taken = 0;
    if (!(smtp_server_wants(s->engine) & LL_WANTS_INPUT))
        return 0;
    bool outer = !s->pumping;
    if (smtp_server_input(s->engine, bytes, &taken) == LL_ENOMEM)
        net_conn_abort(s->client.conn);
    if (outer)
        pump(s);
    else
        s->again = true;
    return taken;
}

static void on_writable(void *context)
{
    pump(context);
}

static void on_secured(void *context)
{
    smtp_session *s = context;
    log_event(s->client.id, "tls version=%s cipher=%s", net_conn_tls_version(s->client.conn),
              net_conn_tls_cipher(s->client.conn));
    smtp_server_secured(s->engine);
    pump(s);
}

static void on_eof(void *context)
{
    smtp_session *s = context;
    s->ended = true;
    pump(s);
}

static void on_timeout(void *context)
{
    smtp_session *s = context;
    smtp_server_expire(s->engine);
    pump(s);
}

static void on_closed(void *context, const char *reason)
{
    smtp_session *s = context;
    log_event(s->client.id, "close reason=\"%s\" transactions=%" PRIu64, reason, s->transactions);
    smtp_server_del(&s->engine);
    transaction_end(s);
    client_leave(&s->client);
}

static const net_conn_callbacks callbacks = {on_input, on_writable, on_secured, on_eof, on_timeout, on_closed};

static void session_shutdown(client *c, ll_span why)
{
    smtp_session *s = (smtp_session *)c;
    (void)why; /* 421 says it */
    smtp_server_shutdown(s->engine);
    pump(s);
}

/* A stranger has a while to begin; content must come at some rate, however small. */
static bool session_overdue(client *c, uint64_t now_ms)
{
    const smtp_session *s = (const smtp_session *)c;
    if (!s->transactions)
        return now_ms - c->since_ms > SERVER_STRANGER_MS;
    if (!s->spool)
        return false;
    uint64_t allowed = SERVER_CONTENT_MS + spool_size(s->spool) * 1000 / SERVER_CONTENT_BYTES_S;
    return now_ms - s->content_ms > allowed;
}

static void session_free(client *c)
{
    memory_free(NULL, c);
}

void smtp_session_accept(server_listener *listener, net_conn *conn)
{
    server *house = listener->server;
    smtp_session *s = memory_new(NULL, sizeof *s);
    smtp_limits limits;
    smtp_limits_init(&limits);
    limits.message_bytes = house->config->message_size;
    limits.recipients = house->config->recipients;
    limits.local_bytes = SMTP_LOCAL_MAX; /* senders with VERP and SRS addresses go beyond RFC 5321's 64 */
    bool lmtp = listener->protocol == PROTOCOL_LMTP;
    smtp_server_config wanted = {
        .size = sizeof wanted,
        .flags = lmtp ? SMTP_SERVER_LMTP : 0,
        .limits = &limits,
        .host = &host,
        .context = s,
        .name = span_str(house->config->hostname),
        .peer = span_str(net_conn_peer(conn)),
    };
    if (!s || smtp_server_new(&s->engine, &wanted)) {
        memory_free(NULL, s);
        net_conn_abort(conn);
        return;
    }
    s->recipients_max = limits.recipients;
    client_join(&s->client, house, conn, listener->protocol);
    s->client.shutdown = session_shutdown;
    s->client.overdue = session_overdue;
    s->client.free = session_free;
    log_event(s->client.id, "connect protocol=%s peer=%s", listener->name, net_conn_peer(conn));
    net_conn_begin(conn, &callbacks, s);
    pump(s);
}
