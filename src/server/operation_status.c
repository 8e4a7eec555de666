/* operation_status.c - status: what the running server does
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include <malloc.h>
#include <time.h>

/* Facts of the loop's thread, copied there. */
typedef struct look {
    server *server;
    waiter *waiter;
    uint64_t clients[PROTOCOL_COUNT], messages_in, logins, logins_failed;
    size_t vaults;
    json_t *listeners;
} look;

static void look_now(void *context)
{
    look *l = context;
    server *s = l->server;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++)
        l->clients[i] = s->clients_count[i];
    l->vaults = vaults_count(s->vaults);
    l->messages_in = s->messages_in;
    l->logins = s->logins;
    l->logins_failed = s->logins_failed;
    for (size_t i = 0; i < s->listeners_count; i++)
        json_array_append_new(l->listeners, json_sprintf("%s %s:%u%s", s->listeners[i].name, s->listeners[i].address,
                                                         s->listeners[i].port, s->listeners[i].tls ? " tls" : ""));
    waiter_done(l->waiter, LL_OK);
}

ll_status operation_status(server *s, const json_t *arguments, json_t **result, text *error)
{
    (void)arguments;
    (void)error;
    drop_waiting_counts waiting;
    uint64_t aliases = 0;
    ll_status status = drop_waiting(s->drop, &waiting);
    if (!status)
        status = directory_alias_count(s->directory, &aliases);
    if (status)
        return status;
    *result = json_pack("{s:b}", "running", s->loop != NULL);
    if (s->loop) {
        look l = {.server = s, .waiter = waiter_new(), .listeners = json_array()};
        if (!l.waiter)
            return LL_ENOMEM;
        executor_done(&s->executor, look_now, &l);
        (void)waiter_wait(&l.waiter);
        json_object_set_new(*result, "uptime_seconds", json_integer((json_int_t)(time(NULL) - s->started)));
        json_object_set_new(*result, "listeners", l.listeners);
        json_object_set_new(*result, "sessions_smtp", json_integer((json_int_t)l.clients[PROTOCOL_SMTP]));
        json_object_set_new(*result, "sessions_lmtp", json_integer((json_int_t)l.clients[PROTOCOL_LMTP]));
        json_object_set_new(*result, "sessions_imap", json_integer((json_int_t)l.clients[PROTOCOL_IMAP]));
        json_object_set_new(*result, "vaults_unlocked", json_integer((json_int_t)l.vaults));
        struct mallinfo2 memory = mallinfo2(); /* of all threads; what the process holds for reuse is not in it */
        json_object_set_new(*result, "memory_in_use", json_integer((json_int_t)(memory.uordblks + memory.hblkhd)));
        json_object_set_new(*result, "messages_received", json_integer((json_int_t)l.messages_in));
        json_object_set_new(*result, "logins", json_integer((json_int_t)l.logins));
        json_object_set_new(*result, "logins_failed", json_integer((json_int_t)l.logins_failed));
    }
    json_object_set_new(*result, "aliases", json_integer((json_int_t)aliases));
    json_object_set_new(*result, "waiting_messages", json_integer((json_int_t)waiting.entries));
    json_object_set_new(*result, "waiting_bytes", json_integer((json_int_t)waiting.bytes));
    json_object_set_new(*result, "waiting_aliases", json_integer((json_int_t)waiting.aliases));
    return LL_OK;
}
