/* host.h - a poll(2) loop that serves many IMAP clients: what the larger examples share.
 * SPDX-License-Identifier: MIT
 *
 * One thread, loopback only, no TLS. Passwords come by LOGIN or PLAIN. */
#ifndef EXAMPLES_HOST_H
#define EXAMPLES_HOST_H

#include <letterlock.h>

typedef struct host_client host_client;

typedef struct host_events {
    /* LL_OK: *connector and *self are this client's from now on; LL_EAUTH. */
    ll_status (*login)(void *context, host_client *client, ll_span user, ll_span password,
                       const ll_connector **connector, void **self);
    /* The client goes away and must not be told anything any more. May be NULL. */
    void (*leave)(void *context, void *self);
    /* Called about every `tick_ms`, if that is not 0. */
    void (*tick)(void *context);
    int tick_ms;
    void *context;
} host_events;

/* Serve until SIGTERM or SIGINT: 0; or 1: the port is taken. Says "ready" on standard output. */
int host_serve(int port, const host_events *events);

/* The mailbox that this client has open has a newer version. To be called from anywhere: the session hears of it when
 * the loop comes round. */
void host_notify(void *client);

#endif
