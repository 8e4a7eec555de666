/* smtp_talk.h - for tests: a conversation with an smtp_server, and a host that writes down what it was asked.
 * SPDX-License-Identifier: MIT
 *
 * What the host answers stands in the addresses. Sender: "bad" is refused, "beginno" at data_begin, "datano" at the
 * first data, "endno" at data_end; with "later" in it, mail, data_begin and data_end are answered later. Recipient:
 * "no..." is refused, "grey..." for now, "later..." is accepted later, "laterno..." refused later; "full..." is refused
 * at the end of LMTP.
 *
 * Events: "helo NAME;", "HELO NAME;" (not extended), "mail ADDRESS size=1 8bit utf8;", "rcpt ADDRESS;", "begin;",
 * "data[bytes];", "end;", "reset;", "tls;". */
#ifndef TESTS_WIRE_SMTP_TALK_H
#define TESTS_WIRE_SMTP_TALK_H

#include "wire/smtp_server.h"

typedef struct talk {
    smtp_server *server;
    smtp_host host;
    text replies, events, log;
    bool lmtp, in_data, drain; /* drain: take the output after each step, as a client that reads */
    char sender[64];
    char recipients[16][64];
    size_t recipient_count;
    char pending; /* 0, or which question is to be answered later: 'm', 'r', 'b', 'e' */
    bool pending_no;
    unsigned wakes;
} talk;

/* flags: SMTP_SERVER_*; limits may be NULL. */
void talk_init(talk *t, unsigned flags, const smtp_limits *limits);
void talk_fini(talk *t);
/* Send `input` in pieces of `step` bytes, answering what is pending and finishing each handshake. */
void talk_send(talk *t, ll_span input, size_t step);
/* Give the answer that is pending. */
void talk_answer(talk *t);
/* Move the output to replies. */
void talk_drain(talk *t);

#endif
