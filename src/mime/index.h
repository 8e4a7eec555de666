/* index.h - the MIME index of a message: its tree of parts as byte ranges, and what IMAP wants to know of each.
 * SPDX-License-Identifier: MIT
 *
 * An index is made once, when the message comes in (mime/indexer.h), saved as a small string, and opened from there to
 * answer BODYSTRUCTURE, ENVELOPE and BODY[...] without looking at the message again.
 *
 * Promises about every index that opens:
 *   - all ranges lie inside the message: a child inside its parent's body, siblings in order and without overlap;
 *   - body_offset == header_offset + header_size;
 *   - a MIME_MULTIPART has one child or more, a MIME_MESSAGE has exactly one, a MIME_LEAF has none;
 *   - depth and number of parts are under the ceilings of mime/indexer.h;
 *   - no fact (type, parameter, address, subject ...) holds NUL, CR or LF. Facts may hold any other byte, also 8-bit.
 *
 * A span with data == NULL is NIL: the field was not there. data != NULL with size 0 is an empty string.
 *
 * Threads: an open index is never written; any number of threads may read it. */
#ifndef MIME_INDEX_H
#define MIME_INDEX_H

#include "mime/address.h"
#include "mime/date.h"
#include "mime/param.h"

enum { mime_index_version = 1 }; /* the first byte of a saved index */

typedef enum mime_kind {
    MIME_LEAF = 0,
    MIME_MULTIPART = 1, /* multipart with a usable boundary and at least one part */
    MIME_MESSAGE = 2    /* message/rfc822, message/global: its one child is the message inside */
} mime_kind;

typedef struct mime_address_list {
    const mime_address *items;
    size_t count; /* 0: IMAP says NIL */
} mime_address_list;

/* The facts of ENVELOPE, RFC 3501 section 7.4.2: unfolded header text, encoded words left as they are. */
typedef struct mime_envelope {
    ll_span date, subject, in_reply_to, message_id;
    ll_span references; /* not in ENVELOPE, for threads */
    /* To, Cc, Bcc: all fields of the name together (RFC 5322 section 4.5.3); the others: the first field. sender and
     * reply_to are from's list if the field is missing or empty (RFC 3501 section 7.4.2). */
    mime_address_list from, sender, reply_to, to, cc, bcc;
    mime_date sent; /* date, parsed */
} mime_envelope;

typedef struct mime_part mime_part;
struct mime_part {
    mime_kind kind;
    uint32_t number; /* position among its siblings, from 1 */
    uint32_t children_count;
    uint32_t depth; /* 0 for the root */
    const mime_part *parent, *child, *next;

    uint64_t header_offset, header_size; /* with the blank line, if there is one; size 0: no header */
    uint64_t body_offset, body_size;     /* without the line end that belongs to the boundary behind it */
    uint64_t header_lines, body_lines;   /* line feeds in the range */

    /* Content-Type. Never empty: the defaults of RFC 2045 section 5.2 and RFC 2046 section 5.1.5 are filled in ("text",
     * "plain", charset us-ascii; "message", "rfc822" in a digest). A part whose structure cannot be followed is a leaf
     * with another type than its header says: "text/plain" for a multipart without boundary or parts,
     * "application/octet-stream" beyond a ceiling. */
    ll_span type, subtype;
    const mime_param *params;
    size_t params_count;
    ll_span encoding; /* Content-Transfer-Encoding, "7bit" if there is none. Never empty */
    ll_span id, description, md5, location;
    ll_span disposition; /* NULL: none */
    const mime_param *disposition_params;
    size_t disposition_params_count;
    const ll_span *languages;
    size_t languages_count;

    /* Of the root and of the child of each MIME_MESSAGE; else NULL. */
    const mime_envelope *envelope;
};

typedef struct mime_index mime_index;

/* Open a saved index. Its spans point into `saved`, which must outlive it unchanged. The saved bytes are distrusted:
 * whatever they are, the answer is LL_OK with the promises above, LL_ECORRUPT, LL_EVERSION (made by a newer program:
 * index the message again), or LL_ENOMEM. */
LL_MUST_USE ll_status mime_index_open(mime_index **out, const ll_allocator *allocator, ll_span saved);
/* The root's header_size without opening the whole; false: the saved bytes are not of a message of `size` bytes. */
bool mime_index_header_size(ll_span saved, uint64_t size, uint64_t *header_size);
/* Sets *index to NULL; NULL is fine. */
void mime_index_del(mime_index **index);

/* The whole message. Never NULL; its header begins at offset 0 and its body ends at the message's end. */
const mime_part *mime_index_root(const mime_index *index);
/* Bytes of the message (RFC822.SIZE), and its line feeds. */
uint64_t mime_index_size(const mime_index *index);
uint64_t mime_index_lines(const mime_index *index);
uint32_t mime_index_parts(const mime_index *index);
/* All parts in the order in which they stand in the message: n from 0 (the root) to mime_index_parts - 1. */
const mime_part *mime_index_part(const mime_index *index, uint32_t n);

/* The part of a section number, RFC 3501 section 6.4.5: {4, 2, 1} is "4.2.1", n == 0 is the message (the root). NULL:
 * no such part. BODY[4.2]         the body range of the part BODY[4.2.MIME]    its header range BODY[4.HEADER]    only
 * if kind is MIME_MESSAGE: header range of part->child; 4.TEXT: body range of part->child BODY[HEADER], BODY[TEXT]: the
 * ranges of the root Part 1 of a message that is not multipart is the message's own body: then the part is the root (or
 * the child of a MIME_MESSAGE), and its body range is what BODY[1] means. */
const mime_part *mime_index_find(const mime_index *index, const uint32_t *path, size_t n);

/* Type comparison without case: mime_part_is(part, "text", "html"); subtype NULL: any. */
bool mime_part_is(const mime_part *part, const char *type, const char *subtype);

#endif
