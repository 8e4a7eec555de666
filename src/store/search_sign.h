/* search_sign.h - a signature of the terms of one block: which blocks a query need not read.
 * SPDX-License-Identifier: MIT
 *
 * A Bloom filter with one hash over all runs of three and of four bytes that stand within the block's terms. A needle
 * of three bytes or more that is in one of the terms has all its runs here; one that is in none of them has, by
 * accident, seldom. So what is said is "not here" for certain, or "look". A signature takes at most an eighth of the
 * plain terms, less if they repeat themselves; only the classes with many blocks have them. */
#ifndef STORE_SEARCH_SIGN_H
#define STORE_SEARCH_SIGN_H

#include "store/search_terms.h"

enum {
    search_sign_short = 3,   /* bytes: what is asked of a needle that has no more. Only rare runs are in few blocks */
    search_sign_gram = 4,    /* of all others */
    search_sign_max = 7936,  /* bytes: the row takes one page, not one and a bit */
    search_sign_min = 32,    /* so that few terms still tell */
    search_sign_terms = 8192 /* plain terms below this are as soon read: no signature */
};

/* Blocks of this class have signatures. */
static inline bool search_sign_has(search_class class)
{
    return class == SEARCH_CLASS_BODY || class == SEARCH_CLASS_HEAD;
}

/* Add the signature of a block's decoded terms (search_block.h) of a class. LL_ENOMEM, LL_ELIMIT of the text. */
LL_MUST_USE ll_status search_sign_make(text *out, search_class class, ll_span terms);
/* Is the needle long enough that a signature of the class can say anything about it? LFs at its ends do not count. */
bool search_sign_tells(search_class class, ll_span needle);
/* False: the needle is in none of the terms. True also for a signature that cannot be
 * one: the block itself is to tell what is damaged. */
bool search_sign_may(ll_span sign, ll_span needle);

#endif
