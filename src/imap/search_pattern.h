/* search_pattern.h - regular expressions (XREGEX) over text that comes in pieces: the other half of search_text.h.
 * SPDX-License-Identifier: MIT
 *
 * A pattern sees a text in windows which overlap: what it matches is found if it is no longer than the overlap, or lies
 * within a window. People look for words; a window bounds what one match may cost. */
#ifndef IMAP_SEARCH_PATTERN_H
#define IMAP_SEARCH_PATTERN_H

#include "base/regex.h"
#include "base/text.h"

enum {
    search_regex_window = 65536, /* bytes of text that a pattern sees at a time */
    search_regex_overlap = 8192
};

struct search_needle;

typedef struct search_pattern {
    struct search_needle *const *needles;
    size_t count;
    bool used;   /* some of them are patterns */
    text raw;    /* the window */
    size_t from; /* matches begin here: what is before was seen */
    bool begun;  /* something was pushed: a text may be empty */
    bool out_of_memory;
} search_pattern;

/* The array and what it points to must stay; needles without a pattern are left alone. */
void search_pattern_init(search_pattern *p, const ll_allocator *allocator, struct search_needle *const *needles,
                         size_t count);
void search_pattern_fini(search_pattern *p);
/* As search_text_push and search_text_end. A pattern that is given up sets its budget's `spent`, and is not found. */
bool search_pattern_push(search_pattern *p, ll_span utf8);
bool search_pattern_end(search_pattern *p);
/* LL_OK, or LL_ENOMEM: something may have been missed. */
ll_status search_pattern_status(const search_pattern *p);

#endif
