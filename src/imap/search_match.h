/* search_match.h - does this message match? Asks for the cheapest facts first and stops when the answer is known.
 * SPDX-License-Identifier: MIT
 *
 * Stages: snapshot, row, MIME index, header, bodies part by part. Resumable wherever the message is read. Holds one
 * header and one window of one part at a time. */
#ifndef IMAP_SEARCH_MATCH_H
#define IMAP_SEARCH_MATCH_H

#include "imap/message.h"
#include "imap/parse_search.h"
#include "imap/search_part.h"

enum {
    search_header_max = mime_readable_header_max,
    search_work = 2 << 20 /* bytes of bodies searched at a time, some 10 ms; then other sessions have their turn */
};

typedef struct search_match {
    ll_session *s;
    search_keys *keys;
    message m;
    int stage;
    bool lost_now;  /* the present message is such a one */
    ll_status lost; /* the last error because of which a message could not be searched to its end */

    search_needle **needles; /* those open in this stage; room for all leaves */
    size_t needles_count;
    text header;      /* raw */
    uint32_t part_at; /* position in mime_index_part */
    uint64_t body_at; /* offset in the message of the next byte of the part's body */
    bool part_open, header_done;
    search_part part;
    size_t worked; /* bytes of bodies since the last pause */
} search_match;

/* LL_ENOMEM. memory: of the command. */
LL_MUST_USE ll_status search_match_init(search_match *x, ll_session *s, search_keys *keys, arena *memory);
void search_match_fini(search_match *x);
void search_match_begin(search_match *x, const ll_row *row);
/* LL_OK: *matches; LL_LATER; LL_MORE (session_yield: call again when the session goes on); LL_ENOMEM. A message that
 * cannot be read does not match, and x->lost is set. */
LL_MUST_USE ll_status search_match_step(search_match *x, bool *matches);

#endif
