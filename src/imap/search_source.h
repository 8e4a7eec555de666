/* search_source.h - in which mailboxes an ESEARCH looks: IN (...), RFC 7377 section 2.2, RFC 5465 section 6.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_SEARCH_SOURCE_H
#define IMAP_SEARCH_SOURCE_H

#include "imap/lexer.h"

enum {
    search_source_names_max = 1000, /* of one IN: clients have them from LIST, so the trees of few hundred mailboxes */
};

typedef struct search_source_item search_source_item;

typedef struct search_source {
    bool given;    /* IN was said */
    bool selected; /* the selected mailbox; alone if there are no items */
    search_source_item *items;
    size_t names; /* in all of them */
} search_source;

/* Take "IN (...) " if it is there; without it: selected. memory: the lexer's. LL_ESYNTAX, LL_ELIMIT, LL_ENOMEM; names
 * that cannot be are passed over: there is nothing to be found in them. */
LL_MUST_USE ll_status search_source_parse(search_source *out, lexer *in, const ll_limits *limits);
/* This mailbox is one of the others. */
bool search_source_has(const search_source *source, const ll_mailbox_info *mailbox);

#endif
