/* sort_key.h - what messages are sorted by: the criteria of RFC 5256 section 3 (SORT), RFC 5957 and RFC 6203.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_SORT_KEY_H
#define IMAP_SORT_KEY_H

#include "imap/lexer.h"
#include "mime/index.h"

enum {
    sort_criteria_max = 16, /* of one SORT: there are 10 */
    sort_text_max = 512     /* bytes of one key that count: longer ones that begin alike are in mailbox order */
};

typedef enum sort_kind {
    SORT_ARRIVAL,
    SORT_CC,
    SORT_DATE,
    SORT_DISPLAYFROM,
    SORT_DISPLAYTO,
    SORT_FROM,
    SORT_RELEVANCY,
    SORT_SIZE,
    SORT_SUBJECT,
    SORT_TO
} sort_kind;

typedef struct sort_criterion {
    sort_kind kind;
    bool reverse;
} sort_criterion;

typedef struct sort_criteria {
    sort_criterion items[sort_criteria_max];
    size_t count;
    bool index;     /* some of them need the MIME index */
    bool relevancy; /* needs scores */
} sort_criteria;

/* Take "(criteria)". LL_ESYNTAX, LL_ELIMIT. */
LL_MUST_USE ll_status sort_criteria_parse(sort_criteria *out, lexer *in);

/* A number, or else a text. */
bool sort_kind_is_number(sort_kind kind);
/* The number by which a message is sorted. envelope may be NULL; score: 1 to 100. */
int64_t sort_number(sort_kind kind, const ll_row *row, const mime_envelope *envelope, unsigned score);
/* Append the text by which a message is sorted, in the form of sort_fold. envelope may be NULL: the empty text. */
void sort_text(sort_kind kind, const mime_envelope *envelope, const ll_allocator *allocator, text *out);

/* Sent date (RFC 5256 section 2.2), seconds since 1970. */
int64_t sort_date(const ll_row *row, const mime_envelope *envelope);
/* Append the form in which texts are compared octet by octet, at most sort_text_max bytes of it: that
 * of utf_title, i;unicode-casemap (RFC 5051). */
void sort_fold(ll_span utf8, const ll_allocator *allocator, text *out);

#endif
