/* search_join.h - what stands between the words of a text, for the search index: needles with spaces and punctuation.
 * SPDX-License-Identifier: MIT
 *
 * A byte is of a word if it is an ASCII letter or digit or beyond ASCII; all else stands between words. A joint is what
 * stands between two words of a line, or before the first or behind the last one, with up to search_join_side bytes of
 * the word behind it; then search_join_mark and as many bytes of the word before it: of "Dear Sir, hello" there are
 * " Sir|ear" and ", hel|Sir". So joints that begin with what stands in a needle lie together in the file. A gap of more
 * than search_join_max bytes is all pieces of that length; those behind the first have nothing behind the mark.
 *
 * A needle with one gap and few bytes around it is in a text exactly if one of the text's joints is as it is; of
 * another needle every gap, with the ends of the words around it, is. Lines end with CR and LF: people do not look for
 * these, a needle that has one has no joints. */
#ifndef STORE_SEARCH_JOIN_H
#define STORE_SEARCH_JOIN_H

#include "store/search_terms.h"

enum {
    search_join_side = 3,    /* bytes: with 2 "in the" is only possible */
    search_join_max = 20,    /* of a gap with what is behind it */
    search_join_mark = 0x1f, /* controls that are no characters of mail: a needle that has one is only possible */
    search_join_line = 0x1e  /* stands for LF elsewhere (search_line.h) */
};

typedef struct search_joiner {
    uint8_t size, head, tail; /* bytes held; of those, of the word behind the gap; of the word before it */
    bool cut;                 /* the gap's beginning was given */
    char held[search_join_max + 1 + search_join_side], before[search_join_side];
} search_joiner;

void search_joiner_init(search_joiner *j);
/* The next piece of a folded text. The sink gets the same joint as often as it comes. */
LL_MUST_USE ll_status search_joiner_push(search_joiner *j, ll_span folded, search_term_sink *sink, void *ctx);
LL_MUST_USE ll_status search_joiner_end(search_joiner *j, search_term_sink *sink, void *ctx);

/* One gap of a needle. A joint is as it is if it begins with `gap` and ends with `before`; if that is empty, if it has
 * `gap`. */
typedef struct search_joint {
    char gap[search_join_max], before[search_join_side];
    size_t gap_size, before_size;
} search_joint;

/* The joints of a needle, at most `max`. *exact: there is one, and a text that has it has the needle. */
size_t search_needle_joints(ll_span needle, search_joint *joints, size_t max, bool *exact);
/* What stands where a needle is looked for is such a joint. `line`: a joint of a text. */
bool search_joint_is(ll_span line, ll_span gap, ll_span before);

#endif
