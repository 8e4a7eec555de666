/* control.c - see control.h
 * SPDX-License-Identifier: MIT */
#include "server/control.h"

#include "base/memory.h"
#include "base/utf.h"
#include "server/log.h"
#include "server/operation.h"

#include <stdlib.h>
#include <unistd.h>

struct control {
    server *server;
    net_listen *listen;
};

/* One connection. Held by the connection and, while an operation runs, by its worker: freed when both have let go. */
typedef struct control_session {
    server *server;
    net_conn *conn;
    bool working;
    text request, answer;
    size_t sent;
} control_session;

static void session_free(control_session *s)
{
    if (s->conn || s->working)
        return;
    text_wipe(&s->request);
    text_wipe(&s->answer);
    memory_free(NULL, s);
}

static void send_answer(control_session *s)
{
    if (!s->conn)
        return;
    s->sent += net_conn_write(s->conn, span_from(text_span(&s->answer), s->sent));
    if (s->sent == s->answer.size)
        net_conn_close_after_output(s->conn);
}

static void answer_ready(void *context)
{
    control_session *s = context;
    s->working = false;
    s->server->operations--;
    send_answer(s);
    session_free(s);
}

static void answer_write(control_session *s, ll_status status, json_t *result, const text *error)
{
    text clean; /* JSON is UTF-8; an error may quote what was not */
    text_init(&clean, NULL, 1 << 18);
    utf_add_valid(&clean, text_span(error));
    json_t *reply = json_pack("{s:i, s:s%}", "status", (int)status, "error", text_str(&clean), (size_t)clean.size);
    text_fini(&clean);
    if (reply && result)
        json_object_set(reply, "result", result);
    char *line = reply ? json_dumps(reply, JSON_COMPACT) : NULL;
    text_add_str(&s->answer, line ? line : "{\"status\":-3,\"error\":\"out of memory\"}");
    text_add_byte(&s->answer, '\n');
    if (line) {
        memory_wipe(line, strlen(line));
        free(line);
    }
    json_decref(reply);
}

/* On the operators' thread: it may wait for workers and loop, so it must be neither. */
static void request_work(void *context)
{
    control_session *s = context;
    text error;
    text_init(&error, NULL, 65536);
    json_t *request = json_loadb(text_str(&s->request), s->request.size, 0, NULL), *result = NULL;
    const operation *op = operation_find(operation_string(request, "group"), operation_string(request, "operation"));
    ll_status status = LL_EINVAL;
    if (!op)
        text_add_str(&error, "no such operation: is the server older than this program?");
    else {
        log_event("-", "operation name=\"%s %s\"", op->group, op->name);
        status = operation_run(s->server, op, json_object_get(request, "arguments"), &result, &error);
    }
    answer_write(s, status, result, &error);
    json_decref(result);
    json_decref(request);
    text_fini(&error);
    executor_done(&s->server->executor, answer_ready, s);
}

static size_t on_input(void *context, ll_span bytes)
{
    control_session *s = context;
    if (s->working)
        return bytes.size;
    size_t end = span_find(bytes, '\n');
    text_add(&s->request, span_first(bytes, end));
    if (text_status(&s->request)) {
        net_conn_abort(s->conn);
    } else if (end < bytes.size) {
        s->working = true;
        s->server->operations++;
        net_conn_timeout(s->conn, 0);
        net_workers_post(s->server->operators, request_work, s);
    }
    return bytes.size;
}

static void on_writable(void *context)
{
    send_answer(context);
}

static void on_eof(void *context)
{
    control_session *s = context;
    if (!s->working)
        net_conn_abort(s->conn);
}

static void on_timeout(void *context)
{
    control_session *s = context;
    net_conn_abort(s->conn);
}

static void on_closed(void *context, const char *reason)
{
    control_session *s = context;
    (void)reason;
    s->conn = NULL;
    session_free(s);
}

static const net_conn_callbacks callbacks = {on_input, on_writable, NULL, on_eof, on_timeout, on_closed};

static void accept_control(void *context, net_conn *conn)
{
    control *c = context;
    uint32_t uid;
    control_session *s = memory_new(NULL, sizeof *s);
    if (!s || !net_conn_peer_uid(conn, &uid) || (uid != 0 && uid != geteuid())) {
        memory_free(NULL, s);
        net_conn_abort(conn);
        return;
    }
    s->server = c->server;
    s->conn = conn;
    text_init(&s->request, NULL, control_request_max);
    text_init(&s->answer, NULL, 64 << 20); /* as much as the command line takes */
    net_conn_timeout(conn, control_timeout_ms);
    net_conn_begin(conn, &callbacks, s);
}

static void log_line(void *context, ll_span line)
{
    (void)context;
    log_span("-", line);
}

ll_status control_open(control **out, server *s, text *error)
{
    control *c = memory_new(NULL, sizeof *c);
    *out = c;
    if (!c)
        return LL_ENOMEM;
    c->server = s;
    layout_path path = layout_of(&s->layout, LAYOUT_CONTROL);
    net_listen_config listen = {.unix_path = path.string, .log = log_line, .accept = accept_control, .context = c};
    ll_status status = net_listen_open(&c->listen, s->loop, &listen, error);
    if (status)
        control_close(out);
    return status;
}

void control_close(control **c)
{
    if (!*c)
        return;
    if ((*c)->listen)
        net_listen_close(&(*c)->listen);
    memory_free(NULL, *c);
    *c = NULL;
}
