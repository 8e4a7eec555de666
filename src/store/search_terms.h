/* search_terms.h - how the search index cuts folded text into terms.
 * SPDX-License-Identifier: MIT
 *
 * A term is a maximal run of term characters. What these are depends on the class of the text:
 *   - words: ASCII letters and digits, and all of Unicode beyond ASCII except two rows of punctuation that stand
 * between words (U+2010 to U+205E, and the CJK stops and brackets of U+3001 to U+301F), so that quotes and dashes do
 * not make new words of old ones; wide punctuation and spaces are ASCII in folded text. And the joiners . @ - _ ' where
 *     they stand between two of these: "mail.example.com", "2024-11-24", "don't" are one term each;
 *   - addresses (also Message-IDs): everything but white space, control characters and <>(),;" - a needle such as
 *     "joe@example.com" lies within one term.
 *
 * So a needle that is one run of term characters is in a text exactly if it is in one of the text's terms: the index
 * answers for certain. (What joins in the needle joins in the text, as it has the same neighbours there.) This is all
 * that the definition is good for; another one would be as right, and changing it means making the index anew
 * (search_format in search_segment.h). */
#ifndef STORE_SEARCH_TERMS_H
#define STORE_SEARCH_TERMS_H

#include "base/text.h"

/* What a term was found in. Kept in the file. */
typedef enum search_class {
    SEARCH_CLASS_BODY = 0, /* texts of parts, and headers of parts below the root: what BODY looks at */
    SEARCH_CLASS_HEAD = 1, /* lines (search_line.h): fields of the message's header: with BODY what TEXT looks at */
    SEARCH_CLASS_FROM = 2, /* facts of mime/readable.h, in its order; up to SUBJECT lines, then terms */
    SEARCH_CLASS_TO = 3,
    SEARCH_CLASS_CC = 4,
    SEARCH_CLASS_BCC = 5,
    SEARCH_CLASS_SUBJECT = 6,
    SEARCH_CLASS_MESSAGE_ID = 7,
    SEARCH_CLASS_IN_REPLY_TO = 8,
    SEARCH_CLASS_REFERENCES = 9,
    SEARCH_CLASS_NAMES = 10,  /* names of the header's fields in lower case, whole */
    SEARCH_CLASS_ALWAYS = 11, /* "a" + class: in that class anything is possible, it could not be indexed whole */
    SEARCH_CLASS_JOINS = 12,  /* of what BODY looks at: what stands between words (search_join.h) */
    SEARCH_CLASS_GRAMS = 13,  /* and its characters, and pairs of them (search_gram.h) */
    SEARCH_CLASSES = 14,
    /* added to BODY, HEAD or JOINS: no terms, but signatures (search_sign.h) of their blocks, with the same ordinals */
    SEARCH_CLASS_SIGNS = 16
} search_class;

/* Its terms are lines, whole values. */
static inline bool search_class_is_lines(search_class class)
{
    return class == SEARCH_CLASS_HEAD || (class >= SEARCH_CLASS_FROM && class <= SEARCH_CLASS_SUBJECT);
}

enum {
    search_term_max = 4096 /* bytes: longer runs make the message "always possible". As long as the longest needle */
};

typedef struct search_cutter {
    const uint8_t *kinds; /* of all 256 bytes */
    bool over;            /* since search_cutter_init: a run was too long and was left out */
    bool dropping;
    char joiner; /* the last character of the piece; it depends on the next one whether it joins. 0: none */
    size_t size;
    char run[search_term_max]; /* may go on in the next piece */
} search_cutter;

/* An error ends the cutting. */
typedef ll_status search_term_sink(void *ctx, ll_span term);

void search_cutter_init(search_cutter *c, search_class class);
/* The next piece of a folded text, of whole characters. */
LL_MUST_USE ll_status search_cutter_push(search_cutter *c, ll_span folded, search_term_sink *sink, void *ctx);
/* The end of the text. */
LL_MUST_USE ll_status search_cutter_end(search_cutter *c, search_term_sink *sink, void *ctx);

/* One run of a needle. */
typedef struct search_run {
    ll_span text;
    bool begins, ends; /* a separator stands before it, behind it: the term begins, ends there. Not so with a joiner
                          at the needle's end, which may join in the text */
} search_run;
/* The runs of a needle, borrowed from it. At most `max`, which is fine: the rest only narrows the search. */
size_t search_needle_runs(search_class class, ll_span needle, search_run *runs, size_t max);

#endif
