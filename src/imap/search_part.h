/* search_part.h - one text part of a message on its way to search_text: decoded, and HTML twice, as it was
 * written and as it is read (mime/readable.h). SPDX-License-Identifier: MIT */
#ifndef IMAP_SEARCH_PART_H
#define IMAP_SEARCH_PART_H

#include "imap/search_text.h"
#include "mime/readable.h"

typedef struct search_part {
    mime_readable text;
    search_text plain, read;
    bool found; /* by the present call */
} search_part;

/* LL_ENOMEM; also then to be closed. */
LL_MUST_USE ll_status search_part_open(search_part *p, const ll_allocator *allocator, const mime_part *part,
                                       search_needle *const *needles, size_t count);
/* The next bytes of the body. True if a needle was found. */
bool search_part_push(search_part *p, ll_span bytes);
bool search_part_end(search_part *p);
ll_status search_part_status(const search_part *p);
void search_part_close(search_part *p);

#endif
