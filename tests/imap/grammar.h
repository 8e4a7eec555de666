/* grammar.h - a checker of everything a server says, for tests: by the ABNF of RFC 3501 and RFC 9051 and of the
 * extensions that the engine has.
 * SPDX-License-Identifier: MIT
 *
 * Written from the RFCs, and of the engine knows nothing. It is fed each byte that a session says, in pieces of any
 * size, and aborts the test (with a word on stderr) at the first response that the grammar does not allow. What rev1
 * and rev2 say differently is both allowed, but UTF-8 in quoted strings only after ENABLED UTF8=ACCEPT or IMAP4rev2. A
 * response code or data item that it does not know is a fault: nobody else's client knows it either. */
#ifndef TESTS_IMAP_GRAMMAR_H
#define TESTS_IMAP_GRAMMAR_H

#include "base/text.h"

typedef struct grammar {
    bool begun;
    bool utf8;             /* UTF-8 may stand in quoted strings */
    bool nul;              /* set by who fetches messages with NUL: literals may hold it, as what came goes out again */
    text response;         /* so far */
    size_t line;           /* where its present line begins */
    uint64_t literal_left; /* bytes of the literal to come */
} grammar;

/* Zero is a valid beginning. cmocka takes the abort for a failed test, a fuzzer for a crash. */
void grammar_feed(grammar *g, ll_span bytes);
void grammar_fini(grammar *g);

/* One whole response with its CRLF; utf8 and nul as above. NULL: it is right; else what was expected, with *at the
 * offset of it. */
const char *grammar_check(ll_span response, bool utf8, bool nul, size_t *at);

#endif
