/* smtp_server_state.h - the inside of an smtp_server, shared by the files that make it up and by nobody else.
 * SPDX-License-Identifier: MIT
 *
 *     smtp_server.c   the object: input, output, time, end
 *     smtp_command.c  one command line: the table of commands
 *     smtp_message.c  content: DATA, BDAT, and what becomes of it
 *     smtp_answer.c   questions to the host and their answers
 *
 * Two things say what comes next: `mode`, what the next input bytes are, and `state`, which commands are legal. While
 * `asking` is not SMTP_ASK_NONE no input is taken. */
#ifndef WIRE_SMTP_SERVER_STATE_H
#define WIRE_SMTP_SERVER_STATE_H

#include "wire/line.h"
#include "wire/smtp_content.h"
#include "wire/smtp_reply.h"
#include "wire/smtp_server.h"

typedef enum smtp_mode {
    SMTP_MODE_COMMAND,
    SMTP_MODE_DATA,
    SMTP_MODE_CHUNK,
    SMTP_MODE_TLS,  /* STARTTLS accepted: input is dropped until the handshake is complete */
    SMTP_MODE_ENDED /* input is dropped, output is sent, then LL_WANTS_CLOSE */
} smtp_mode;

/* Bits, because a command is legal in several. */
typedef enum smtp_state {
    SMTP_STATE_START = 1u << 0, /* no HELO, EHLO or LHLO yet */
    SMTP_STATE_READY = 1u << 1,
    SMTP_STATE_MAIL = 1u << 2,  /* a sender, any number of recipients */
    SMTP_STATE_BDAT = 1u << 3,  /* at least one chunk accepted, more to come */
    SMTP_STATE_BROKEN = 1u << 4 /* a chunk was refused: RSET, or the last chunk, clears it (RFC 3030 section 2) */
} smtp_state;

typedef enum smtp_ask { SMTP_ASK_NONE, SMTP_ASK_MAIL, SMTP_ASK_RCPT, SMTP_ASK_BEGIN, SMTP_ASK_END } smtp_ask;

/* Why a message is read and not taken; code 0: it is taken. */
typedef struct smtp_refusal {
    int code;
    char enhanced[12]; /* "5.7.999" fits; empty: none */
    text words;
} smtp_refusal;

struct smtp_server {
    /* Set at creation. */
    const ll_allocator *allocator;
    const smtp_host *host;
    void *context;
    smtp_limits limits;
    text name, peer;
    bool lmtp, chunking;

    /* Of the connection. */
    smtp_mode mode;
    smtp_state state;
    bool secure, extended, leaving; /* leaving: 421 as soon as no answer is owed */
    bool known;                     /* a command has come: no stranger's silence any more */
    bool mailed;                    /* a MAIL was accepted: stranger_bytes counts no longer */
    ll_status broken;               /* LL_ENOMEM ends everything */
    line_reader line;
    text output, helo;
    uint64_t stranger_bytes, errors, idle_commands, rejected, transactions, swallowed;

    /* The open question. */
    smtp_ask asking;
    bool answered;       /* by a call from inside the host's method */
    unsigned inside;     /* methods that ask, or start_tls, running */
    int answer_code;     /* LMTP after the message: 250 if one recipient got it */
    size_t answer_index; /* LMTP: recipients answered */

    /* Of the transaction. */
    bool open; /* the host knows of it */
    smtp_path from, to;
    smtp_mail mail;
    size_t recipients;
    smtp_content content;
    uint64_t size; /* content bytes given to the host */
    bool begun;    /* data_begin was answered with yes */
    smtp_refusal refusal;

    /* Of the chunk. */
    bool by_chunk; /* the content comes by BDAT */
    bool chunk_last;
    uint64_t chunk_left, chunk_size;
    int chunk_void; /* the chunk can belong to no message: what to answer once it is read; 0: it can */
    const char *chunk_void_words;
};

/* smtp_server.c */
void smtp_server_say(smtp_server *s, int code, const char *enhanced, const char *words);
void smtp_server_log(smtp_server *s, const char *format, ...) LL_PRINTF(2, 3);
/* The peer's fault: say it and count it; the one too many ends the connection with 421. */
void smtp_server_fault(smtp_server *s, int code, const char *enhanced, const char *words);
/* 421 with the words, then the end. */
void smtp_server_leave(smtp_server *s, const char *enhanced, const char *words);
/* Nothing more is read; an open transaction is reset. */
void smtp_server_end(smtp_server *s);
/* Tell the host, if it knows of a transaction, that it is over; forget it. */
void smtp_server_reset(smtp_server *s);
/* The transaction is over and the host knows: back to READY. */
void smtp_server_forget(smtp_server *s);
bool smtp_server_utf8(const smtp_server *s); /* may replies be UTF-8 */

/* smtp_command.c */
void smtp_command(smtp_server *s, ll_span line, unsigned wrong);

/* smtp_message.c */
void smtp_message_data(smtp_server *s);                            /* DATA: asks data_begin */
void smtp_message_chunk(smtp_server *s, uint64_t size, bool last); /* BDAT, syntax checked */
void smtp_message_begun(smtp_server *s, bool accepted);            /* the answer to data_begin has come */
void smtp_message_done(smtp_server *s, bool accepted);             /* the answer to data_end has come and was said */
/* Content bytes in mode DATA or CHUNK. */
size_t smtp_message_input(smtp_server *s, ll_span bytes);
/* Keep the reason why the message is not taken, to be said later; the first one stays. */
void smtp_message_keep_refusal(smtp_server *s, int code, const char *enhanced, ll_span words);
/* Doom a message whose content has begun: keep the reason, and tell the host at once. */
void smtp_message_refuse(smtp_server *s, int code, const char *enhanced, ll_span words);

/* smtp_answer.c */
void smtp_answer_ask(smtp_server *s, smtp_ask ask);

#endif
