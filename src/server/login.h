/* login.h - from a SASL exchange to an open vault with the waiting mail in it.
 * SPDX-License-Identifier: MIT
 *
 * The login check is the unwrap of the vault key (DESIGN.md section 4). A login asks the directory on a worker, checks
 * a password there (at most config.login_hashes at once, first come first served), opens the vault, absorbs the drop,
 * and only then says `accepted`. Every refusal comes config.login_failure_delay after the exchange's last message came
 * in, so that neither the kind of failure nor the existence of a user shows in the time.
 *
 * All calls and callbacks are on the loop's thread. Callbacks never come from inside login_start, login_response or
 * login_new. */
#ifndef SERVER_LOGIN_H
#define SERVER_LOGIN_H

#include "server/server.h"

typedef struct login login;

typedef struct login_events {
    /* Send this to the client and give its answer to login_response. */
    void (*challenge)(void *context, ll_span bytes);
    /* In. The vault's reference goes over to the session. final: see sasl_final. */
    void (*accepted)(void *context, vault *vault, const uint8_t alias[KEYS_ID], ll_span final);
    void (*refused)(void *context, ll_status status, ll_span text);
} login_events;

/* The gate bounds how many passwords are hashed at once. NULL: out of memory. */
login_gate *login_gate_new(server *s, unsigned at_once);
void login_gate_del(login_gate **gate);

/* The mechanisms to offer on this connection, separated by spaces. */
const char *login_mechanisms(const net_conn *conn);
/* One exchange; c is referenced until it ends. LL_ENOMEM; LL_EUNSUPPORTED: no such mechanism here. */
LL_MUST_USE ll_status login_new(login **out, client *c, ll_span mechanism, const login_events *events, void *context);
/* Begin; initial.data is NULL if the client sent none. */
void login_start(login *l, ll_span initial);
void login_response(login *l, ll_span response);
/* Forget it: no callback comes any more. Sets *l to NULL. Also to be called after accepted or refused. */
void login_del(login **l);

#endif
