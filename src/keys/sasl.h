/* sasl.h - the server's side of a SASL exchange (RFC 4422), knowing no storage and no protocol.
 * SPDX-License-Identifier: MIT
 *
 * Mechanisms: PLAIN (RFC 4616), LOGIN (the old draft), SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677; bindings
 * tls-exporter, RFC 9266, and tls-server-end-point, RFC 5929). Messages here are the decoded ones: base64 and framing
 * belong to the protocol.
 *
 *     sasl_new; answer = sasl_start(initial response, if any)
 *       SASL_CHALLENGE   send sasl_challenge(); feed the client's response to sasl_response()
 *       SASL_NEED_USER   look up sasl_user(), then:
 *           PLAIN and LOGIN (sasl_password().data is not NULL): run slot_login_plain or slot_login_fake on a worker,
 *           and call sasl_give_login() with the result
 *           SCRAM: call sasl_give_slots() with the alias's salts and slots, or sasl_give_nobody()
 *       SASL_DONE        logged in: sasl_key(), sasl_slot(), and sasl_final(), which goes to the client with success
 *           (empty but for SCRAM). A protocol whose success reply carries no data (IMAP, SMTP) sends it as one more
 *           challenge and expects an empty response
 *       SASL_NO          refused: sasl_status() says why; tell the client no more than "failed"
 *     sasl_del
 *
 * After SASL_DONE and SASL_NO the exchange takes nothing more. Not thread-safe: one exchange, one thread at a time. All
 * secrets are wiped as soon as they are not needed, at the latest in sasl_del. */
#ifndef KEYS_SASL_H
#define KEYS_SASL_H

#include "keys/slot.h"

enum {
    SASL_MESSAGE_MAX = 4096, /* one client message: name, password or nonce, and channel binding fit many times */
    SASL_USER_MAX = 320,     /* user name: 64 + 1 + 255, the longest mail address */
    SASL_NONCE_MAX = 256,    /* client's nonce: clients send 20 to 40 characters */
    SASL_BINDING_MAX = 64    /* channel binding data: a SHA-512 at most */
};

typedef enum sasl_mechanism { SASL_PLAIN, SASL_LOGIN, SASL_SCRAM_SHA_256, SASL_SCRAM_SHA_256_PLUS } sasl_mechanism;

typedef enum sasl_answer { SASL_CHALLENGE, SASL_NEED_USER, SASL_DONE, SASL_NO } sasl_answer;

typedef struct sasl_config {
    const ll_allocator *allocator; /* NULL: malloc */
    ll_span tls_exporter;          /* channel binding data of this connection, copied; empty if there is none */
    ll_span tls_server_end_point;
    bool plus_offered;    /* SCRAM-SHA-256-PLUS was in the list that the client saw: then 'y' is a downgrade */
    ll_span server_nonce; /* for test vectors only; empty: random */
} sasl_config;

typedef struct sasl sasl;

/* "PLAIN" and so on, without case; false: unknown. */
bool sasl_mechanism_find(ll_span name, sasl_mechanism *mechanism);
const char *sasl_mechanism_name(sasl_mechanism mechanism);

/* LL_ENOMEM; LL_EINVAL: binding data over SASL_BINDING_MAX. */
LL_MUST_USE ll_status sasl_new(sasl **out, sasl_mechanism mechanism, const sasl_config *config);
void sasl_del(sasl **exchange);

/* Begin; initial.data is NULL if the client sent none (an empty one is another thing, RFC 4422 section 3.3). */
sasl_answer sasl_start(sasl *exchange, ll_span initial);
/* The client's answer to a challenge. */
sasl_answer sasl_response(sasl *exchange, ll_span response);

/* The host's answers to SASL_NEED_USER. Slots and salts are copied; at most SLOT_COUNT_MAX slots. */
sasl_answer sasl_give_slots(sasl *exchange, const uint8_t alias[KEYS_ID], const slot_salts *salts, const slot *slots,
                            size_t count);
/* No such user: plays on with salts that are always the same for this name, and refuses at the end. secret: server_key
 * "sasl-fake". */
sasl_answer sasl_give_nobody(sasl *exchange, const uint8_t secret[KEYS_KEY]);
/* What slot_login_plain or slot_login_fake said; key and index count only with LL_OK. Also refuses a SCRAM exchange
 * (LL_EDENIED for a disabled account, LL_EUNAVAILABLE ...). */
sasl_answer sasl_give_login(sasl *exchange, ll_status status, const uint8_t *key, size_t index);

/* Borrowed until the next call. */
sasl_mechanism sasl_mechanism_of(const sasl *exchange);
ll_span sasl_challenge(const sasl *exchange);
ll_span sasl_user(const sasl *exchange);       /* from SASL_NEED_USER on; UTF-8 without controls */
ll_span sasl_password(const sasl *exchange);   /* while SASL_NEED_USER of PLAIN and LOGIN; otherwise data is NULL */
const uint8_t *sasl_key(const sasl *exchange); /* KEYS_KEY bytes after SASL_DONE; otherwise NULL */
size_t sasl_slot(const sasl *exchange);        /* index into the slots given */
ll_span sasl_final(const sasl *exchange);
/* After SASL_NO: LL_EAUTH wrong secret; LL_ESYNTAX malformed; LL_EDENIED acting for another user, or channel binding
 * missing, wrong or downgraded; LL_ECORRUPT the proof was right but the slot does not open; LL_ENOMEM; or what the host
 * gave. */
ll_status sasl_status(const sasl *exchange);

#endif
