/* chat.h - conversations with a session in tests: what the client sends, what the server says, over a memory_connector.
 * SPDX-License-Identifier: MIT
 *
 *     chat t;
 *     chat_open(&t, &(chat_how){.login = true});
 *     chat_expect(&t, "a NOOP\r\n", "a OK NOOP completed\r\n");
 *     chat_close(&t);
 *
 * chat_all has one conversation in every way that must make no difference: bytes at once or one by one, the connector
 * and the host answering at once or later, with room for output or hardly any. (talk.h is for the commands about
 * messages; this one knows login, TLS and the ends too.) */
#ifndef TESTS_IMAP_CHAT_H
#define TESTS_IMAP_CHAT_H

#include "base/text.h"
#include "grammar.h"
#include "memory_connector.h"

typedef struct chat_how {
    bool login;  /* log in before the conversation, and take what was said until then */
    bool clear;  /* neither TLS nor LL_SESSION_CLEAR_LOGIN */
    bool bytes;  /* one byte at a time */
    bool later;  /* connector and host answer later */
    bool narrow; /* output is taken one byte at a time, its ceiling is small */
    const ll_limits *limits;
    const char *mechanisms; /* NULL: "PLAIN SCRAM-SHA-256" */
    memory_store *store;    /* NULL: one of its own */
    const ll_allocator *allocator;
    const ll_connector *connector; /* NULL: memory_connector */
    bool held;                     /* later calls wait for chat_work */
} chat_how;

typedef struct chat {
    chat_how how;
    memory_store *store;
    ll_session *session;
    ll_host host;
    ll_limits limits;
    text said; /* by the server, not yet expected */
    grammar grammar;
    text kept; /* given, not yet taken */
    bool starting_tls, cancelled;
    unsigned wakes, unauthenticated;
    /* the SASL exchange: "user" with "secret" may log in */
    bool asked; /* an answer is owed */
    char mechanism[32];
    text response; /* the last message of the client */
    bool no_response;
    int round;
} chat;

void chat_open(chat *t, const chat_how *how);
void chat_close(chat *t);
/* Give bytes, let everything run that can run. */
void chat_send(chat *t, ll_span bytes);
/* Let the connector, the host and the output go on until nothing moves. */
void chat_work(chat *t);
/* Send, then exactly this was said. */
void chat_expect(chat *t, const char *send, const char *want);
/* Send, then this is somewhere in what was said; all of it is taken. */
void chat_contains(chat *t, const char *send, const char *part);
/* The server has ended the connection. */
bool chat_ended(const chat *t);

/* For each way: make a store, prepare it (may be NULL), open, expect, close. */
void chat_all(const chat_how *how, void (*prepare)(memory_store *store), const char *send, const char *want);

#endif
