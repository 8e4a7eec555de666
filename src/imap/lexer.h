/* lexer.h - the tokens of one complete command, by the grammar of RFC 3501 section 9 and RFC 9051 section 9.
 * SPDX-License-Identifier: MIT
 *
 * A lexer walks over the bytes of one command, which input.c has collected: the line without its CRLF, and inside it
 * each literal as it came: "{5}\r\nhello". Every function tries to take one thing at the current position.
 *
 * The convention, for all: true = taken, the position is behind it; false = it is not there, the position has not
 * moved. Spans point into the input, except where an escape had to be undone: then into the arena. */
#ifndef IMAP_LEXER_H
#define IMAP_LEXER_H

#include "base/arena.h"

typedef struct lexer {
    ll_span input;
    size_t at;
    arena *memory;
    unsigned depth_max; /* nested parentheses allowed */
} lexer;

void lexer_init(lexer *in, ll_span input, arena *memory, unsigned depth_max);
bool lexer_end(const lexer *in);       /* nothing is left */
int lexer_peek(const lexer *in);       /* the next byte, -1 at the end */
bool lexer_byte(lexer *in, char byte); /* exactly this byte */
bool lexer_space(lexer *in);           /* exactly one SP */
bool lexer_word(lexer *in,
                ll_span *word); /* letters, digits, '.', '-', '_', '=', '+': a command or item name; at least one */
bool lexer_is_word(lexer *in, const char *word);   /* this word and no longer one, without case */
bool lexer_atom(lexer *in, ll_span *atom);         /* 1*ATOM-CHAR */
bool lexer_astring_atom(lexer *in, ll_span *atom); /* 1*ASTRING-CHAR: also ']' */
bool lexer_tag(lexer *in, ll_span *tag);           /* 1*<ASTRING-CHAR except "+"> */
bool lexer_quoted(lexer *in, ll_span *string);
bool lexer_literal(lexer *in, ll_span *string);       /* {n}, {n+} (RFC 7888), ~{n} is not taken here */
bool lexer_literal8(lexer *in, ll_span *string);      /* ~{n}, ~{n+} (RFC 3516): may hold NUL */
bool lexer_string(lexer *in, ll_span *string);        /* quoted / literal */
bool lexer_nstring(lexer *in, ll_span *string);       /* string / NIL; data is NULL for NIL */
bool lexer_astring(lexer *in, ll_span *string);       /* 1*ASTRING-CHAR / string */
bool lexer_list_mailbox(lexer *in, ll_span *pattern); /* 1*list-char / string */
bool lexer_number(lexer *in, uint32_t *number);       /* 0 to 4294967295 */
bool lexer_number64(lexer *in, uint64_t *number);     /* 0 to 9223372036854775807 */
bool lexer_nz_number(lexer *in, uint32_t *number);
bool lexer_flag(lexer *in, ll_span *flag); /* "\" atom / atom, as written */
/* sequence-set as raw text: digits, ':', ',', '*' and '$'; sequence.h understands it. */
bool lexer_set(lexer *in, ll_span *set);

#endif
