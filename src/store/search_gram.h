/* search_gram.h - the characters of a message's texts and the pairs of ASCII ones, for the search index: needles so
 * short that they are in the terms of every block. SPDX-License-Identifier: MIT
 *
 * A gram is a character, two ASCII characters that follow each other, or an ASCII character with a combining mark (as
 * accents are in folded text). A needle that is one is in a text exactly if
 * it is one of its grams. LF and search_join_line are in none: terms are lines in the file. */
#ifndef STORE_SEARCH_GRAM_H
#define STORE_SEARCH_GRAM_H

#include "store/search_terms.h"

enum { search_gram_kept = 256 }; /* characters of which it is remembered that they were given */

/* Grams of one message, each given once but for some beyond ASCII. */
typedef struct search_grams {
    uint64_t pairs[128][2]; /* of ASCII characters, a bit for each second one */
    uint64_t ones[2];
    char kept[search_gram_kept][4]; /* by hash */
} search_grams;

void search_grams_init(search_grams *g); /* of a new message */
/* The next piece of a folded text, of whole characters. *last: 0 when the text begins, then kept by the caller, as
 * texts may come side by side. Characters beyond ASCII are given at once. */
LL_MUST_USE ll_status search_grams_push(search_grams *g, char *last, ll_span folded, search_term_sink *sink, void *ctx);
/* After the message's last text: the others. */
LL_MUST_USE ll_status search_grams_end(const search_grams *g, search_term_sink *sink, void *ctx);

/* Is the needle a gram? */
bool search_needle_is_gram(ll_span needle);

#endif
