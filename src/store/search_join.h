/* search_join.h - what stands between the words of a text, for the search index: needles with spaces and punctuation.
 * SPDX-License-Identifier: MIT
 *
 * A byte is of a word if it is an ASCII letter or digit or beyond ASCII; all else stands between words. A joint is what
 * stands between two words, or at an end of the text, with up to search_join_side bytes of the word on each side: of
 * "Dear Sir, hello" there are "ear Sir", "Sir, hel". One that is longer than search_join_max is all pieces of that
 * length. So a needle with one such gap and few bytes around it is in a text exactly if it is in one of its joints; and
 * of another needle every gap, with the ends of the words around it, is in one of them. LF stands as search_join_line,
 * as terms are lines in the file. */
#ifndef STORE_SEARCH_JOIN_H
#define STORE_SEARCH_JOIN_H

#include "store/search_terms.h"

enum {
    search_join_side = 3, /* bytes: 2 made the index of small mails 4 % of the mail smaller and "in the" uncertain;
                             4 made it 2 % larger */
    search_join_max = 24,
    search_join_line =
        0x1e /* what is no character of mail either: a text that has it says LF, and neither is certain */
};

typedef struct search_joiner {
    uint8_t size, head; /* bytes held; of those, of the word behind the gap */
    bool gap;           /* a gap has begun */
    char held[search_join_max];
} search_joiner;

void search_joiner_init(search_joiner *j);
/* The next piece of a folded text. The sink gets the same joint as often as it comes. */
LL_MUST_USE ll_status search_joiner_push(search_joiner *j, ll_span folded, search_term_sink *sink, void *ctx);
LL_MUST_USE ll_status search_joiner_end(search_joiner *j, search_term_sink *sink, void *ctx);

/* One gap of a needle. */
typedef struct search_joint {
    char bytes[search_join_max];
    size_t size;
} search_joint;

/* The joints of a needle, at most `max`. *exact: there is one, and a text that has it has the needle. */
size_t search_needle_joints(ll_span needle, search_joint *joints, size_t max, bool *exact);

#endif
