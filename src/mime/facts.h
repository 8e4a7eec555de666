/* facts.h - gathers the header fields of one part, line by line, and writes what the index keeps of them.
 * SPDX-License-Identifier: MIT
 *
 * For indexer.c only. */
#ifndef MIME_FACTS_H
#define MIME_FACTS_H

#include "base/arena.h"
#include "base/text.h"
#include "mime/index.h"

enum {
    facts_fields_max = 64, /* kept of one part: there are 19 names, and only To, Cc and Bcc are kept more than once */
    facts_scratch_max = 16777216 /* while one header is parsed: 10,000 addresses twice, the strings, room to spare */
};

typedef struct facts_field {
    unsigned name; /* enum facts_name */
    size_t at, size;
} facts_field;

typedef struct mime_facts {
    const ll_allocator *allocator;
    arena scratch;
    /* of the present part: */
    bool envelope; /* it is a message: keep the fields of ENVELOPE too */
    bool open;     /* the last of fields is still growing */
    uint32_t seen; /* bit per name */
    size_t count;
    facts_field fields[facts_fields_max];
    text kept; /* the values, unfolded */
} mime_facts;

/* How the part goes on, as its header says. */
typedef struct mime_content {
    mime_kind kind;
    bool digest;      /* multipart/digest */
    ll_span boundary; /* of a multipart, not empty; until the next call on the facts */
    size_t type_size; /* bytes written of type, subtype and params */
} mime_content;

void mime_facts_init(mime_facts *facts, const ll_allocator *allocator);
void mime_facts_fini(mime_facts *facts);
/* A part begins. */
void mime_facts_begin(mime_facts *facts, bool envelope);
/* A field begins: its name and the value's first line. */
void mime_facts_add(mime_facts *facts, ll_span name, ll_span line);
/* The field's next line. */
void mime_facts_more(mime_facts *facts, ll_span line);
/* The header has ended: append the part's facts (saved.h) from type on. in_digest: its parent is a multipart/digest.
 * leaf: it may not have parts. LL_OK, LL_ENOMEM, or LL_ELIMIT of the text. */
ll_status mime_facts_end(mime_facts *facts, bool in_digest, bool leaf, mime_content *content, text *out);

/* Type, subtype and params of what is shown as plain text, and of what is opaque. */
void mime_facts_plain(text *out);
void mime_facts_opaque(text *out);
/* All facts of an opaque leaf, with an empty envelope if need be. */
void mime_facts_none(text *out, bool envelope);

#endif
