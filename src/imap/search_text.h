/* search_text.h - "is a substring, without case" of RFC 3501 section 6.4.4 over text that comes in pieces.
 * SPDX-License-Identifier: MIT
 *
 * Needles and text are compared in the folded form of base/utf.h. Of the text no more is kept than the longest needle
 * needs to be found across two pieces, so a body of any size is searched in bounded memory. */
#ifndef IMAP_SEARCH_TEXT_H
#define IMAP_SEARCH_TEXT_H

#include "imap/search_pattern.h"
#include "mime/fold.h"

enum {
    search_needle_max =
        4096, /* bytes of one folded search text: people search for words; a window has room for it and a piece */
    search_piece = mime_fold_piece /* bytes of text taken at a time */
};

typedef struct search_needle search_needle;
struct search_needle {
    ll_span folded;
    bool found;
    const regex *pattern; /* in place of the folded text; NULL: none */
    ll_span literal;      /* of the pattern: what every text that it matches has, folded; empty: nothing is known */
    regex_budget *budget; /* of the pattern */
};

typedef struct search_text {
    search_needle *const *needles; /* those found already cost nothing */
    size_t count;
    size_t tail; /* bytes kept of the text: the longest needle less one */
    mime_fold fold;
    text window; /* folded */
    search_pattern patterns;
} search_text;

/* The array and what it points to must stay. */
void search_text_init(search_text *t, const ll_allocator *allocator, search_needle *const *needles, size_t count);
void search_text_fini(search_text *t);
/* The next piece: valid UTF-8, of any size, cut between characters. Sets `found`; true if one was found that had not
 * been. */
bool search_text_push(search_text *t, ll_span utf8);
/* The end of a text; what is pushed next is not joined to it. As above. */
bool search_text_end(search_text *t);
/* LL_OK, or LL_ENOMEM: something may have been missed. */
ll_status search_text_status(const search_text *t);

/* Append as UTF-8 what came in a charset. LL_ECHARSET: no such charset, or bytes that are not of it; LL_ENOMEM. */
LL_MUST_USE ll_status search_text_decode(ll_span charset, ll_span bytes, text *utf8);
/* Append the folded form of a search text that came in a charset (RFC 3501: CHARSET). LL_ECHARSET: no such charset, or
 * bytes that are not of it; LL_ELIMIT: over search_needle_max; LL_ENOMEM. */
LL_MUST_USE ll_status search_text_fold(ll_span charset, ll_span bytes, text *out);

#endif
