/* search_line.c - see search_line.h
 * SPDX-License-Identifier: MIT */
#include "store/search_line.h"

#include <assert.h>

static_assert(search_line_name + 1 + search_line_piece <= search_term_max, "a line is a term");

/* True: nothing in it had to be replaced. */
static bool add_kept(text *out, ll_span folded)
{
    bool same = true;
    size_t from = out->size;
    text_add(out, folded);
    for (size_t i = from; i < out->size; i++) {
        bool special = out->data[i] == '\n' || out->data[i] == search_line_more;
        same = same && !special && out->data[i] != search_join_line;
        if (special)
            out->data[i] = search_join_line;
    }
    return same;
}

ll_status search_line_cut(ll_span name, ll_span folded, text *made, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    bool first = true, last = !folded.size;
    for (; !status && !last; first = false) {
        last = folded.size <= search_line_piece;
        text_clear(made);
        if (!first && name.size) {
            text_add(made, name);
            text_add_byte(made, search_line_more);
        }
        add_kept(made, span_first(folded, last ? folded.size : search_line_piece));
        status = text_status(made) ? text_status(made) : sink(ctx, text_span(made));
        if (!last)
            folded = span_from(folded, search_line_piece - search_line_needle + 1);
    }
    return status;
}

bool search_line_needle_make(ll_span needle, text *out)
{
    bool whole = needle.size <= search_line_needle;
    return add_kept(out, whole ? needle : span_first(needle, search_line_needle)) && whole;
}
