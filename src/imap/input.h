/* input.h - bytes of the client become commands, lines and streams.
 * SPDX-License-Identifier: MIT
 *
 * A command is its line and the literals in it, kept together in s->input: the line without its last CRLF, each literal
 * as it came
 * ("{5}\r\nhello"). LF alone ends a line too. A literal that is APPEND's message is not collected: the command
 * starts with the announcement at its end, and run_append.c takes the bytes as a stream.
 *
 * What is refused (too large, or the client broke the rules) must never leave bytes behind that would be read as
 * commands: a literal that the client sends without waiting (RFC 7888) is skipped to its end, with the rest of its
 * command, before the reply is said. */
#ifndef IMAP_INPUT_H
#define IMAP_INPUT_H

#include "imap/session.h"

/* Use some of the bytes; how many. Stops behind a complete command or line, or at the end of a stream. */
size_t input_take(ll_session *s, ll_span bytes);
/* The engine can use bytes now. */
bool input_wanted(const ll_session *s);
/* The command under way wants one line: it comes in s->line when s->line_ready. */
void input_want_line(ll_session *s);
/* The command under way takes the message that was announced, with a "+ " if the client waits for it: s->stream gets
 * its bytes. */
void input_want_stream(ll_session *s, ll_status (*stream)(ll_session *s, command *c, ll_span bytes));
/* The command has failed while the client still sends: pass over `left` bytes, then over the rest of the command. */
void input_skip(ll_session *s, uint64_t left);
/* The reply to what was not to be a command: when appends.h lets it be said. */
void input_say_refusal(ll_session *s);
/* The command is over: ready for the next. */
void input_reset(ll_session *s);

/* The announcement of a literal at the end of a line. */
typedef enum announcement_kind {
    ANNOUNCEMENT_NONE,   /* the line does not end in one */
    ANNOUNCEMENT_GOOD,   /* "{5}" or "{5+}", behind a SP or '(' */
    ANNOUNCEMENT_BAD,    /* not a size or not at its place, but the client waits before it sends */
    ANNOUNCEMENT_UNSAFE, /* the same, and the client does not wait: what follows cannot be understood any more */
} announcement_kind;
typedef struct announcement {
    announcement_kind kind;
    uint64_t size;
    bool plus;
    bool binary; /* a literal8, "~{5}" (RFC 3516) */
    size_t at;   /* position of '{' or '~' */
} announcement;
announcement input_announcement(ll_span line);

#endif
