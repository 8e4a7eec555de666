/* search_line.h - header fields and facts as terms of the search index: whole, so that any needle is found in them.
 * SPDX-License-Identifier: MIT
 *
 * A line is the folded value, of a field "name: value". One that is longer than search_line_piece is in overlapping
 * pieces; of a field's, those behind the first begin with the name and search_line_more in place of ": ". So a needle
 * of search_line_needle bytes or less is in a value exactly if it is in one of its pieces, and the lines of one field
 * stand together in the file. LF and search_line_more stand as search_join_line. */
#ifndef STORE_SEARCH_LINE_H
#define STORE_SEARCH_LINE_H

#include "store/search_join.h"

enum {
    search_line_name = 255,    /* bytes of a field's name: RFC 5322 section 2.1.1 allows 998 for the whole line */
    search_line_piece = 3072,  /* most lines are shorter; with the name still a term (search_term_max) */
    search_line_needle = 1024, /* pieces overlap by so many bytes, less one */
    search_line_more = 0x01
};

/* Give a line. name: in lower case, of a field, and `folded` begins with it and ": "; empty: a fact. `made`: any text,
 * is overwritten. LL_ENOMEM, LL_ELIMIT of it; errors of the sink. */
LL_MUST_USE ll_status search_line_cut(ll_span name, ll_span folded, text *made, search_term_sink *sink, void *ctx);
/* Add the needle as it stands in lines, or its beginning. False: then, and if it has what stands for something else,
 * it says only where the needle may be. */
bool search_line_needle_make(ll_span needle, text *out);

#endif
