/* search_return.h - what a SEARCH or SORT is asked to give back, and giving it: RETURN (...) and the ESEARCH response.
 * SPDX-License-Identifier: MIT
 *
 * RFC 4731 (MIN MAX ALL COUNT), RFC 5182 (SAVE), RFC 9394 (PARTIAL), RFC 6203 (RELEVANCY), RFC 5267 (CONTEXT, UPDATE),
 * RFC 5465 section 7 (UPDATE with items).
 */
#ifndef IMAP_SEARCH_RETURN_H
#define IMAP_SEARCH_RETURN_H

#include "imap/session.h"

enum {
    SEARCH_RETURN_MIN = 1u << 0,
    SEARCH_RETURN_MAX = 1u << 1,
    SEARCH_RETURN_ALL = 1u << 2,
    SEARCH_RETURN_COUNT = 1u << 3,
    SEARCH_RETURN_SAVE = 1u << 4,
    SEARCH_RETURN_PARTIAL = 1u << 5,
    SEARCH_RETURN_RELEVANCY = 1u << 6,
    SEARCH_RETURN_CONTEXT = 1u << 7, /* a hint that we have no use for */
    SEARCH_RETURN_UPDATE = 1u << 8,
    SEARCH_RETURN_DATA = SEARCH_RETURN_MIN | SEARCH_RETURN_MAX | SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT |
                         SEARCH_RETURN_PARTIAL | SEARCH_RETURN_RELEVANCY /* what shows in the response */
};

typedef struct search_return {
    bool given;    /* RETURN was said */
    unsigned want; /* SEARCH_RETURN_x */
    /* PARTIAL, the smaller one first; from the end if `last` */
    bool last;
    uint32_t first_wanted, last_wanted;
    ll_span items; /* UPDATE (...), RFC 5465 section 7: what to fetch of new members, as written; data is NULL: none */
} search_return;

/* Take "RETURN (options) " if it is there. LL_ESYNTAX: also an option twice, PARTIAL with ALL, an option unknown. */
LL_MUST_USE ll_status search_return_parse(search_return *r, const ll_session *s, lexer *in);

/* A result: messages in mailbox order, or sorted. */
typedef struct search_result {
    const uidset *set;      /* mailbox order; NULL: sorted */
    const uint32_t *sorted; /* UIDs */
    uint32_t count;
    uint64_t modseq;         /* the highest of what was found; 0: no MODSEQ key */
    const uint64_t *modseqs; /* of each message, in the result's order; NULL: not known */
    const uint8_t *scores;   /* 1 to 100 of each message, in the result's order; NULL: no FUZZY key */
} search_result;

/* The members of the result that a PARTIAL names: positions first..last from 1; false: none. */
bool search_return_partial(const search_return *r, uint32_t count, uint32_t *first, uint32_t *last);
/* What SAVE keeps of the result (RFC 5182 section 2.4, RFC 9394 section 3.2), a new set. LL_ENOMEM. */
LL_MUST_USE ll_status search_return_save(const search_return *r, const search_result *result, uidset **out);
/* It is "$" from now on, and the session's. */
void search_return_saved(ll_session *s, uidset *found);

/* Writing a response. One struct at a time, zero to begin with; it may stop when the output is full. */
typedef struct search_writer {
    int phase;
    uint32_t at, end; /* positions from 1 */
    uidset_walk *walk;
    ll_range pending; /* numbers not written yet; first is 0: none */
    bool comma;
} search_writer;

/* "* ESEARCH (TAG "t") [UID] ..." with its CRLF. heading: what stands in the parentheses, such as TAG "a1".
 * numbers: of sequence, not UIDs. LL_OK, LL_MORE (full), LL_ENOMEM. */
LL_MUST_USE ll_status search_writer_esearch(search_writer *w, ll_session *s, const search_return *r,
                                            const search_result *result, ll_span heading, bool uid);
/* "* SEARCH 1 2 3 (MODSEQ n)" or "* SORT ...", as above. name: "SEARCH". */
LL_MUST_USE ll_status search_writer_plain(search_writer *w, ll_session *s, const char *name,
                                          const search_result *result, bool uid);
/* All of a small set at once, as a sequence-set. LL_ENOMEM. */
LL_MUST_USE ll_status search_writer_set(search_writer *w, ll_session *s, const search_result *result, bool uid);
void search_writer_fini(search_writer *w);

/* A tag as a quoted string (RFC 4466, tag-string) after "TAG ", in the command's memory. data is NULL: no memory. */
ll_span search_return_heading(command *c);

#endif
