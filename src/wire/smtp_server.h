/* smtp_server.h - the server's side of an SMTP or LMTP connection, sans-I/O: bytes in, bytes out, questions to the
 * host. SPDX-License-Identifier: MIT
 *
 * RFC 5321 (SMTP), 2033 (LMTP), with 1870 SIZE, 2920 PIPELINING, 6152 8BITMIME, 6531 SMTPUTF8, 2034
 * ENHANCEDSTATUSCODES, 3030 CHUNKING (without BINARYMIME) and 3207 STARTTLS. There is no AUTH: this is the door for
 * strangers (MX) and, as LMTP, for a neighbour.
 *
 * For the server room, which sits on both sides of it: it moves the bytes, and it answers as the host. The engine
 * promises:
 *
 * 1. Input cut anywhere gives the same replies and the same calls as input in one piece.
 * 2. It holds no content: a message of any size passes through in spans of the input, without the dots of stuffing.
 * 3. Only CRLF.CRLF ends a message. A message with a bare CR or a bare LF anywhere is read to that end and refused.
 * 4. Nothing that came in clear counts after STARTTLS: input behind the command is dropped, the client begins anew with
 * EHLO.
 * 5. Every host method that asks a question gets exactly one answer, and the client's next command waits for it.
 * 6. Every ceiling of SMTP_LIMITS_TABLE holds.
 *
 * The host's loop is that of letterlock.h:
 *
 *     smtp_server_new(&s, &config);
 *     for (;;) {
 *         ll_span out = smtp_server_output(s);            send it, then smtp_server_sent(s, bytes_sent)
 *         unsigned wants = smtp_server_wants(s);
 *         if (wants & LL_WANTS_CLOSE) break;              all was said and sent
 *         if (wants & LL_WANTS_TLS) handshake once the output is sent, then smtp_server_secured(s)
 *         if (wants & LL_WANTS_INPUT) read some bytes, then smtp_server_input(s, bytes, &taken)   keep what was not
 * taken
 *     }
 *     smtp_server_del(&s);
 *
 * While an answer is owed, or the client does not read its replies, LL_WANTS_INPUT is off and input takes nothing: the
 * host must then stop reading the socket, and it holds at most the one buffer it has read.
 *
 * One thread at a time. Not to be called from inside a host method, except the smtp_server_reply* family. */
#ifndef WIRE_SMTP_SERVER_H
#define WIRE_SMTP_SERVER_H

#include "wire/smtp_path.h"

/* Every ceiling. X(field, default, reason) */
#define SMTP_LIMITS_TABLE(X)                                                                                           \
    X(line_bytes, 2048, "a command line: 512 of RFC 5321 section 4.5.3.1.4 and room for the parameters of extensions") \
    X(line_dropped_bytes, 65536, "what is dropped of one over-long line before 421: nobody's mistake is longer")       \
    X(message_bytes, 52428800, "one message, announced as SIZE: the default message size of 50 MB")                    \
    X(swallow_bytes, 1073741824,                                                                                       \
      "what is read of a refused message before 421: an honest client has not more to send")                           \
    X(local_bytes, 64,                                                                                                 \
      "a local part, RFC 5321 section 4.5.3.1.1; SRS and VERP senders may need more, up to SMTP_LOCAL_MAX")            \
    X(recipients, 1000, "of one message: RFC 5321 section 4.5.3.1.8 asks for 100, list servers send 500")              \
    X(rejected_recipients, 100, "on one connection before 421: more is a harvest of addresses")                        \
    X(transactions, 1000, "messages on one connection: then the queue of the client shall let others in")              \
    X(errors, 10, "wrong commands before 421, counted anew after each accepted message: one that cannot speak SMTP")   \
    X(idle_commands, 50, "NOOP, RSET, HELO, VRFY ... without a message accepted between: one that has no mail")        \
    X(stranger_bytes, 16384, "all that is sent before the first MAIL: EHLO, STARTTLS, EHLO fit a hundred times")       \
    X(output_bytes, 16384, "replies that wait for the client before its commands pause")                               \
    X(stranger_timeout_ms, 60000, "silence before the first command: a client that connects has something to say")     \
    X(command_timeout_ms, 300000, "silence between commands: RFC 5321 section 4.5.3.2.7, 5 minutes")                   \
    X(data_timeout_ms, 300000, "silence inside a message: above the 3 minutes of RFC 5321 section 4.5.3.2.5")

typedef struct smtp_limits {
#define X(field, value, reason) uint64_t field;
    SMTP_LIMITS_TABLE(X)
#undef X
} smtp_limits;

/* The defaults of the table. */
void smtp_limits_init(smtp_limits *limits);

/* MAIL, as the host sees it. */
typedef struct smtp_mail {
    const smtp_path *from;
    uint64_t size;  /* SIZE=, RFC 1870; 0: not said. At most message_bytes: the engine has refused more */
    bool body_8bit; /* BODY=8BITMIME */
    bool utf8;      /* SMTPUTF8 */
} smtp_mail;

/* What the host does. All are called from inside smtp_server_input (or _sent, _reply, _shutdown, _expire, _del). The
 * methods marked ASKS are answered exactly once, from inside the method or later, by smtp_server_reply or
 * smtp_server_reply_code; until then the engine calls nothing but, when it is deleted, reset. What a method is given is
 * valid until it returns; smtp_mail.from until the transaction ends, the path of rcpt until its answer. No method may
 * be NULL but start_tls. */
typedef struct smtp_host {
    uint32_t size; /* sizeof(smtp_host) of the host */

    /* The client's name, as it says: printable ASCII, 1 to 255 bytes. extended: EHLO or LHLO. Again at each greeting.
     */
    void (*helo)(void *context, ll_span name, bool extended);
    /* ASKS. A transaction begins. LL_OK: 250. An error: the transaction has not begun, no reset follows. */
    void (*mail)(void *context, const smtp_mail *mail);
    /* ASKS. LL_OK: 250, and the recipient has the next index (from 0). An error refuses this recipient alone. */
    void (*rcpt)(void *context, const smtp_path *to);
    /* ASKS. Content is about to come, by DATA or BDAT, for at least one recipient. LL_OK: go on. An error: refused
     * before the content; after DATA the transaction goes on (the client may try again or RSET), after BDAT reset
     * follows. */
    void (*data_begin)(void *context);
    /* Content: unstuffed, with its CRLFs, as it came; pieces follow each other. An error dooms the message: reset
     * follows at once, and the client hears this status at the end of the message. Never later: to slow a client down,
     * do not feed the engine. */
    ll_status (*data)(void *context, ll_span bytes);
    /* ASKS. The message is whole and is no longer the client's after 250: durable first. SMTP: one answer for all
     * recipients. LMTP: smtp_server_reply_rcpt for each accepted recipient in their order, or smtp_server_reply for all
     * that are left. The transaction ends with the answer, without reset. */
    void (*data_end)(void *context);
    /* The transaction that mail began is over without delivery: RSET, new greeting, doomed message, STARTTLS, end of
     * connection. Called once for it; also when the engine is deleted while a question is open, which must not be
     * answered any more. */
    void (*reset)(void *context);
    /* STARTTLS was accepted: send all output, then shake hands, then smtp_server_secured. What the client sent behind
     * it in clear has been dropped; bytes already read from the socket must not be given to TLS. NULL: not offered. */
    void (*start_tls)(void *context);
    /* A late answer has changed output or wants: look again soon, but not from inside this call. */
    void (*wake)(void *context);
    /* A line for the log: "event key=value ...". Never content, never an address of a mailbox. */
    void (*log)(void *context, ll_span line);
} smtp_host;

enum {
    SMTP_SERVER_LMTP = 1u << 0,       /* LHLO; a reply for each recipient at the end of a message */
    SMTP_SERVER_SECURE = 1u << 1,     /* under TLS from the beginning: STARTTLS is not offered */
    SMTP_SERVER_NO_CHUNKING = 1u << 2 /* do not offer BDAT, and do not know it */
};

typedef struct smtp_server_config {
    uint32_t size; /* sizeof(smtp_server_config) of the caller */
    unsigned flags;
    const ll_allocator *allocator; /* NULL: malloc; must outlive the engine */
    const smtp_limits *limits;     /* NULL: the defaults; copied */
    const smtp_host *host;         /* must outlive the engine */
    void *context;                 /* handed to every host method */
    ll_span name;                  /* our host name, in the greeting and in the answer to EHLO; copied */
    ll_span peer; /* the client's address as text, for the answer to EHLO and the log; copied; may be empty */
} smtp_server_config;

typedef struct smtp_server smtp_server;

/* LL_ENOMEM; LL_EINVAL: no name, or a host without a method. The greeting is ready as output. */
LL_MUST_USE ll_status smtp_server_new(smtp_server **out, const smtp_server_config *config);
/* Resets an open transaction. *s becomes NULL. */
void smtp_server_del(smtp_server **s);

/* Bytes from the client. *taken: how many were used; give the rest again when wants says LL_WANTS_INPUT.
 * LL_OK; LL_ENOMEM: delete it; LL_ECLOSED: it has ended (all is taken and dropped). */
LL_MUST_USE ll_status smtp_server_input(smtp_server *s, ll_span bytes, size_t *taken);
/* Bytes for the client, valid until the next call. */
ll_span smtp_server_output(smtp_server *s);
/* The first `size` bytes of output have gone out. */
void smtp_server_sent(smtp_server *s, size_t size);
/* LL_WANTS_* bits of letterlock.h. */
unsigned smtp_server_wants(const smtp_server *s);
/* Silence, in ms, after which to call smtp_server_expire; 0: never (the host owes an answer, or the handshake is under
 * way). */
uint64_t smtp_server_timeout_ms(const smtp_server *s);
/* Too long silent: 421, reset, end. Does nothing while an answer is owed. */
void smtp_server_expire(smtp_server *s);
/* We go down: 421, reset, end; after the answer if one is owed, so that an accepted message is acknowledged. */
void smtp_server_shutdown(smtp_server *s);
/* The handshake is complete: the client begins anew (RFC 3207 section 4.2), and STARTTLS is no longer offered. Not to
 * be called from inside start_tls. */
void smtp_server_secured(smtp_server *s);

/* Answer the question that is open. LL_OK, or an error whose row of LL_STATUS_TABLE gives code and enhanced code. text:
 * for the client, may be empty; '\n' begins another line of the reply, other control bytes become spaces; more than
 * 1000 bytes are cut. */
void smtp_server_reply(smtp_server *s, ll_status status, ll_span text);
/* The same with code and enhanced code of the host's choice ("4.7.1"; NULL: none): 2xx accepts, 4xx and 5xx refuse, 421
 * ends the connection. */
void smtp_server_reply_code(smtp_server *s, int code, const char *enhanced, ll_span text);
/* LMTP after data_end: recipient `index`, in order from 0. */
void smtp_server_reply_rcpt(smtp_server *s, size_t index, ll_status status, ll_span text);
void smtp_server_reply_rcpt_code(smtp_server *s, size_t index, int code, const char *enhanced, ll_span text);

/* Facts for the host's Received line (RFC 3848) and its log. */
bool smtp_server_is_secure(const smtp_server *s);
bool smtp_server_is_extended(const smtp_server *s);  /* EHLO or LHLO */
ll_span smtp_server_helo(const smtp_server *s);      /* empty before the greeting */
size_t smtp_server_recipients(const smtp_server *s); /* accepted in this transaction */

#endif
