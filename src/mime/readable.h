/* readable.h - the texts of a message that people search: header fields, the facts of the envelope, text parts.
 * SPDX-License-Identifier: MIT
 *
 * In one place, so that SEARCH, which looks at a message, and the search index, which looked at it before, see the same
 * bytes. RFC 3501 section 6.4.4. */
#ifndef MIME_READABLE_H
#define MIME_READABLE_H

#include "mime/decode.h"
#include "mime/header.h"
#include "mime/html.h"

enum {
    mime_readable_header_max = 1 << 20, /* of a header this much is searched: real ones have under 64 KB */
    mime_readable_line_max = 8 * mime_readable_header_max, /* one field, decoded */
    mime_readable_piece = 16384                            /* bytes of a body decoded at a time */
};

/* Header text that the index has. */
typedef enum mime_fact {
    MIME_FACT_FROM,
    MIME_FACT_TO,
    MIME_FACT_CC,
    MIME_FACT_BCC,
    MIME_FACT_SUBJECT,
    MIME_FACT_MESSAGE_ID, /* fields that a message has once (RFC 5322 section 3.6) */
    MIME_FACT_IN_REPLY_TO,
    MIME_FACT_REFERENCES,
    MIME_FACTS /* how many */
} mime_fact;

/* Append the fact as text: addresses as "Name <local@host>, ..." with the names decoded. False: the message does not
 * have it. */
bool mime_readable_fact(const mime_envelope *envelope, mime_fact fact, text *out);

/* The fact that fields of this name hold; false: none. Searches look at the fact and at the fields as they were written
 * (RFC 3501 section 6.4.4: "the envelope structure's FROM field", and for HEADER "the text of the header"): a route, a
 * comment, quotes and a second field are only there. */
bool mime_readable_fact_of(ll_span name, mime_fact *fact);

/* Nothing in it separates addresses or their parts: it is in a field as it was written if it is in its addresses, but
 * for comments and white space between their tokens. */
bool mime_readable_is_one_run(ll_span folded);

/* Append the field as "Name: value", decoded, with the white space that ends it; *value: where the value begins. */
void mime_readable_field(const mime_field *field, text *out, size_t *value);

/* The part's name as its header has it in pieces and per cent (RFC 2231), put together: a text of the header, beside
 * its fields. `which` counts from 0 to mime_readable_names less one. False: there is none. */
enum { mime_readable_names = 2 };
bool mime_readable_name(const mime_part *part, unsigned which, text *out);

/* The part's body holds text: text and message/... that is no message by itself. */
bool mime_readable_is_text(const mime_part *part);

/* The texts of such a part's body: as it was written, and HTML also as it is read. `piece` gets them piece by piece, of
 * whole characters of UTF-8. */
typedef struct mime_readable {
    mime_decoder *decoder;
    bool html;
    mime_html reader;
    text utf8, words;
    void (*piece)(void *ctx, bool as_read, ll_span utf8);
    void *ctx;
} mime_readable;

/* LL_ENOMEM; also then to be closed. */
LL_MUST_USE ll_status mime_readable_open(mime_readable *r, const ll_allocator *allocator, const mime_part *part,
                                         void (*piece)(void *ctx, bool as_read, ll_span utf8), void *ctx);
/* The next bytes of the body. */
void mime_readable_push(mime_readable *r, ll_span bytes);
void mime_readable_end(mime_readable *r);
/* LL_OK, or LL_ENOMEM: something is missing. */
ll_status mime_readable_status(const mime_readable *r);
void mime_readable_close(mime_readable *r);

#endif
