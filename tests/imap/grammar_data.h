/* grammar_data.h - what responses are made of: the lower half of grammar.c.
 * SPDX-License-Identifier: MIT
 *
 * Each function takes one thing at p->at and answers true, or leaves a fault (the first one counts) and answers false;
 * only grammar_lit and grammar_at try. */
#ifndef TESTS_IMAP_GRAMMAR_DATA_H
#define TESTS_IMAP_GRAMMAR_DATA_H

#include "base/span.h"

typedef struct grammar_parser {
    const char *at, *end;
    bool utf8, nul;
    const char *fault; /* what was expected; NULL: none so far */
    const char *fault_at;
} grammar_parser;

bool grammar_fault(grammar_parser *p, const char *expected); /* false */
bool grammar_lit(grammar_parser *p, const char *literal);    /* case does not matter */
bool grammar_at(const grammar_parser *p, char byte);
bool grammar_need(grammar_parser *p, const char *literal, const char *expected);

bool grammar_char(grammar_parser *p);   /* one QUOTED-CHAR */
bool grammar_number(grammar_parser *p); /* up to 63 bits, no leading zero */
bool grammar_nz(grammar_parser *p);
bool grammar_set(grammar_parser *p); /* sequence-set of numbers: no "*" in a response */
bool grammar_atom(grammar_parser *p);
bool grammar_tag(grammar_parser *p);
bool grammar_word(grammar_parser *p, ll_span *word); /* a keyword of the protocol */
bool grammar_quoted(grammar_parser *p);
bool grammar_string(grammar_parser *p);
bool grammar_nstring(grammar_parser *p);
bool grammar_nstring8(grammar_parser *p); /* or literal8 */
bool grammar_astring(grammar_parser *p);
bool grammar_astring_no_bracket(grammar_parser *p); /* inside of a response code */
bool grammar_mailbox(grammar_parser *p);            /* in modified UTF-7 unless utf8 */
bool grammar_text(grammar_parser *p);               /* 1*TEXT-CHAR to the end of the line */
bool grammar_until(grammar_parser *p, char end);    /* 1*TEXT-CHAR before that */
bool grammar_object(grammar_parser *p);             /* "(" objectid ")", RFC 8474 */
bool grammar_capabilities(grammar_parser *p);       /* with the space before them; IMAP4rev1 or rev2 among them */

typedef enum grammar_flags_kind {
    GRAMMAR_FLAGS_KNOWN,     /* of FLAGS: no \Recent, no \* */
    GRAMMAR_FLAGS_PERMANENT, /* and \* */
    GRAMMAR_FLAGS_FETCH,     /* and \Recent */
    GRAMMAR_FLAGS_LIST       /* attributes of a mailbox */
} grammar_flags_kind;
bool grammar_flags(grammar_parser *p, grammar_flags_kind kind); /* "(" ... ")" */

/* grammar_fetch.c: msg-att, with its parentheses. */
bool grammar_fetch(grammar_parser *p);

#endif
