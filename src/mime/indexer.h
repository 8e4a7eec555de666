/* indexer.h - makes the MIME index of a message from its bytes, in one pass.
 * SPDX-License-Identifier: MIT
 *
 * Push the message in pieces of any size as it arrives; nothing of the bodies is kept, and how the bytes were cut makes
 * no difference to the result. Lines end with CRLF or with a bare LF. Any bytes give a valid index: there is no such
 * thing as a syntax error.
 *
 * How broken mail is read:
 *   - a message (or part) whose first line is no header field has no header: all of it is body. A "From " line of an
 *     mbox before fields belongs to the header;
 *   - a later line of a header that is no field and no continuation is passed over and belongs to the header;
 *   - of several Content-* fields of one name the first counts;
 *   - a line is a boundary if it begins with one (RFC 2046 section 5.1.1); the longest that matches counts, the
 *     innermost among equals. The line end before it belongs to the boundary. A header may end at a boundary, without
 *     a blank line;
 *   - a multipart that is not closed ends with what surrounds it.
 * Beyond a ceiling the rest is opaque content of a leaf, never an error.
 *
 * Time is linear in the bytes. Memory does not depend on the message's size: the facts kept so far (mime_facts_max),
 * 100 bytes per part, and while a header is read its fields (mime_header_bytes_max) and what they parse to. A usual
 * message takes under 10 KB. */
#ifndef MIME_INDEXER_H
#define MIME_INDEXER_H

#include "base/text.h"

enum {
    mime_depth_max = 100,    /* nested parts: real mail has under 10; forwards of forwards some 30 */
    mime_parts_max = 10000,  /* parts: digests have hundreds; each costs memory and a line of BODYSTRUCTURE */
    mime_boundary_max = 256, /* bytes of a boundary: RFC 2046 section 5.1.1 allows 70; a longer one counts as none */
    mime_line_bytes_max = 65536,    /* kept of one header line: RFC 5322 section 2.1.1 allows 998; longer ones fold */
    mime_field_bytes_max = 262144,  /* kept of one field: an address list of 5,000 recipients */
    mime_header_bytes_max = 524288, /* kept of the fields of one part together: two such lists */
    mime_facts_max = 2097152, /* facts of all parts together in the saved index: 10,000 parts with names of 100 bytes */
    mime_languages_max = 32   /* tags in Content-Language: more than one is rare */
};

typedef struct mime_indexer mime_indexer;

/* LL_ENOMEM. */
LL_MUST_USE ll_status mime_indexer_new(mime_indexer **out, const ll_allocator *allocator);
/* The next bytes of the message. Out of memory is remembered and reported by mime_indexer_finish. */
void mime_indexer_push(mime_indexer *indexer, ll_span bytes);
/* The message has ended: append the saved index to *saved. To be called once; then only mime_indexer_del.
 * LL_OK, LL_ENOMEM, or LL_ELIMIT of the text (mime_saved_max is always enough). */
LL_MUST_USE ll_status mime_indexer_finish(mime_indexer *indexer, text *saved);
/* Sets *indexer to NULL; NULL is fine. */
void mime_indexer_del(mime_indexer **indexer);

/* The most that a saved index may take: facts, and under 64 bytes of ranges per part. */
enum { mime_saved_max = mime_facts_max + 64 * mime_parts_max + 64 };

/* All at once, for a message in memory. */
LL_MUST_USE ll_status mime_indexer_whole(const ll_allocator *allocator, ll_span message, text *saved);

#endif
