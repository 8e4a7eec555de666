/* search_block.h - the search index as bytes: sorted terms and, apart from them, the messages that hold each.
 * SPDX-License-Identifier: MIT
 *
 * A segment is, class by class, a row of blocks. Each block is two strings: its terms, which every query of the class
 * reads, and its postings, which only a query reads that found something among the terms.
 *
 *   string     coding byte (0: plain, 1: zstd), size of what follows when decoded (varint), data
 *   terms      LF, then each term and LF, in the order of their bytes: so that memmem finds needles, and with an LF at
 *              one end beginnings and ends of terms
 *   postings   for each term a varint n: if n is even, one message, n / 2; if it is odd, n / 2 bytes follow: varints,
 *              the first message and then differences, each 1 or more. Messages are numbered from the segment's first
 *
 * The bytes are distrusted: LL_ECORRUPT. */
#ifndef STORE_SEARCH_BLOCK_H
#define STORE_SEARCH_BLOCK_H

#include "store/search_terms.h"

enum {
    search_block_terms = 64 << 10,     /* a block ends with the term that passes it: read whole by every query */
    search_block_postings = 128 << 10, /* the same; decoded up to the terms that were found */
    search_terms_max = search_block_terms + search_term_max + 2,
    search_postings_max = 64 << 20 /* decoded. One term's are the last: 5 bytes for each of 13 million messages */
};

/* ---- Writing */

/* One finished block; ordinal from 0 in each class. Of some a signature (search_sign.h) comes next, of the same
 * ordinal: its class and SEARCH_CLASS_SIGNS, in place of the terms, and without postings. */
typedef ll_status search_block_sink(void *ctx, search_class class, uint32_t ordinal, ll_span terms, ll_span postings);

typedef struct search_packer {
    search_block_sink *sink;
    void *ctx;
    search_class class;
    uint32_t ordinal;
    text terms, postings; /* of the block under way, plain */
    text list, packed[2], sign;
    struct ZSTD_CCtx_s *zstd;
} search_packer;

/* LL_ENOMEM. */
LL_MUST_USE ll_status search_packer_init(search_packer *w, search_block_sink *sink, void *ctx);
void search_packer_fini(search_packer *w);
/* Terms in order of class and bytes, each once; messages ascending, one or more. Errors of the sink, LL_ENOMEM,
 * LL_ELIMIT: too many messages for one term. */
LL_MUST_USE ll_status search_packer_add(search_packer *w, search_class class, ll_span term, const uint32_t *messages,
                                        size_t count);
LL_MUST_USE ll_status search_packer_end(search_packer *w);

/* ---- Reading */

typedef struct search_block {
    text terms, postings; /* decoded */
    struct ZSTD_DCtx_s *zstd;
} search_block;

LL_MUST_USE ll_status search_block_init(search_block *b);
void search_block_fini(search_block *b);
/* Decode over what was there. LL_ECORRUPT, LL_ENOMEM. */
LL_MUST_USE ll_status search_block_terms_set(search_block *b, ll_span bytes);
/* How many terms were decoded. */
uint32_t search_block_terms_count(const search_block *b);
/* As memmem, which is slow for needles of a few bytes; `needle` is not empty. */
const char *search_block_find(const char *at, const char *end, ll_span needle);
/* LFs among these bytes: by what a place in the terms is told its number. */
uint32_t search_count_lines(const char *data, size_t size);
LL_MUST_USE ll_status search_block_postings_set(search_block *b, ll_span bytes);

/* Walks through the postings of a block, term by term. */
typedef struct search_postings {
    const uint8_t *at, *end;
} search_postings;

search_postings search_postings_of(const search_block *b);
/* Pass over n terms. LL_ECORRUPT. */
LL_MUST_USE ll_status search_postings_skip(search_postings *p, uint32_t n);
/* The next term's messages, each at most `last`, into a bitmap of last + 1 bits; *added: how many were new. */
LL_MUST_USE ll_status search_postings_mark(search_postings *p, uint32_t last, uint8_t *bits, uint32_t *added);
/* The same, appended to an array of uint32_t. LL_ENOMEM, LL_ELIMIT of the text. */
LL_MUST_USE ll_status search_postings_take(search_postings *p, uint32_t last, text *messages);

#endif
