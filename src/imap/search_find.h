/* search_find.h - finding the messages that a SEARCH, SORT or THREAD is about.
 * SPDX-License-Identifier: MIT
 *
 * First the snapshot's sets, then what the connector can say at once (search_ask.h): most searches end there, or are
 * down to a few candidates. Those are read one by one. */
#ifndef IMAP_SEARCH_FIND_H
#define IMAP_SEARCH_FIND_H

#include "imap/rows.h"
#include "imap/search_ask.h"
#include "imap/search_known.h"
#include "imap/search_match.h"

typedef struct search_find {
    ll_session *s; /* NULL: not begun */
    search_keys *keys;
    uidset *found; /* the result; owned, may be taken */
    /* Of each message found, in mailbox order; empty unless the keys ask for it. */
    text modseqs;    /* uint64_t */
    text scores;     /* uint8_t, 1 to 100 */
    uint64_t modseq; /* the highest */

    int phase;
    uidset *may; /* candidates, until rows has them */
    search_ask ask;
    rows rows;
    search_match match;
    size_t at; /* row under way */
    bool begun;
    bool whole; /* of more than the limit of one command nothing is worth anything (SORT, THREAD) */
    bool learn; /* keep what is learnt, for a context: */
    search_known known;
    bool one_of_many;     /* other searches of the same command follow: how far it is tells nothing */
    uint32_t done, total; /* candidates */
} search_find;

/* What the parser of keys has answered, with c->code and c->text. */
ll_status search_find_parsed(command *c, const search_keys *keys, ll_status status);
/* Take the keys as they come from the parser. LL_OK; or what is wrong with them here, with c->text or c->code. */
LL_MUST_USE ll_status search_find_check(ll_session *s, command *c, const search_keys *keys);
/* Go on; zero at the beginning. LL_OK: all were found; LL_LATER, LL_MORE: as a step; < 0: as a step's, text is set. */
LL_MUST_USE ll_status search_find_step(search_find *f, ll_session *s, command *c, search_keys *keys);
/* Some message could not be read, so it was not found: the remark for the tagged reply; NULL: none. */
const char *search_find_lost(const search_find *f, const char *remark);
void search_find_fini(search_find *f);

#endif
