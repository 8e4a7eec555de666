/* client.c - what every session begins with: see struct client in server.h
 * SPDX-License-Identifier: MIT */
#include "server/log.h"
#include "server/server.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

void client_join(client *c, server *s, net_conn *conn, protocol kind)
{
    static const char letters[PROTOCOL_COUNT] = {'s', 'l', 'i'};
    c->server = s;
    c->conn = conn;
    c->protocol = kind;
    c->refs = 1;
    c->since_ms = net_loop_now_ms(s->loop);
    snprintf(c->id, sizeof c->id, "%c%" PRIu64, letters[kind], s->next_session++);
    c->next = s->clients;
    if (s->clients)
        s->clients->previous = c;
    s->clients = c;
    s->clients_count[kind]++;
    s->clients_alive++;
}

void client_leave(client *c)
{
    server *s = c->server;
    assert(c->conn);
    c->conn = NULL;
    if (c->previous)
        c->previous->next = c->next;
    else
        s->clients = c->next;
    if (c->next)
        c->next->previous = c->previous;
    s->clients_count[c->protocol]--;
    client_unref(c);
}

void client_ref(client *c)
{
    c->refs++;
}

void client_unref(client *c)
{
    assert(c->refs);
    if (--c->refs == 0) {
        c->server->clients_alive--;
        c->free(c);
    }
}

void server_end_alias(server *s, const uint8_t alias[KEYS_ID], bool abort)
{
    s->endings++;
    for (client *c = s->clients, *next; c; c = next) {
        next = c->next;
        if (!c->login_alias || memcmp(c->login_alias, alias, KEYS_ID) != 0)
            continue;
        log_event(c->id, "ended reason=alias-changed%s", abort ? " cut-off" : "");
        if (abort)
            net_conn_abort(c->conn);
        else
            c->shutdown(c, SPAN("the account was changed: log in again"));
    }
}
