/* search_look.h - looks for patterns in the terms of a segment: the half of search_query.h that reads blocks.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SEARCH_LOOK_H
#define STORE_SEARCH_LOOK_H

#include "store/search_query.h"

/* Looked for in the terms of one class. */
typedef struct search_look_pattern {
    search_class class;
    text bytes;    /* with LF where the term must begin or end */
    text field;    /* of HEAD: the name of the field that the line must be of; of JOINS: what a joint ends with */
    uint8_t *bits; /* of the segment under way */
    uint32_t found;
    search_postings at; /* in the block under way, before term `next` */
    uint32_t next;
    bool may; /* the block under way may have it, says its signature */
} search_look_pattern;

typedef struct search_look {
    search_look_pattern patterns[search_patterns_max];
    size_t count;
    search_block block;
    text sign;
} search_look;

/* Set the patterns' bits, of which there is room for the segment's range. In a read transaction. LL_ECORRUPT,
 * LL_ENOMEM, LL_EIO, LL_ETIMEOUT. */
LL_MUST_USE ll_status search_look_segment(search_look *k, db *d, const search_segment *s);

#endif
