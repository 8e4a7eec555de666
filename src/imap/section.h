/* section.h - the section of BODY[...] (RFC 3501 section 6.4.5): text to a section, and a section to bytes of a
 * message. SPDX-License-Identifier: MIT */
#ifndef IMAP_SECTION_H
#define IMAP_SECTION_H

#include "imap/lexer.h"
#include "mime/index.h"

enum {
    section_depth_max = 110, /* numbers of one section: mime_depth_max, and a few beyond it that name nothing */
    section_names_max = 1024 /* fields of one HEADER.FIELDS: more than any header has */
};

typedef enum section_what {
    SECTION_ALL,        /* nothing behind the numbers */
    SECTION_HEADER,     /* HEADER */
    SECTION_FIELDS,     /* HEADER.FIELDS */
    SECTION_FIELDS_NOT, /* HEADER.FIELDS.NOT */
    SECTION_TEXT,       /* TEXT */
    SECTION_MIME        /* MIME */
} section_what;

typedef struct section {
    const uint32_t *path; /* the part's numbers */
    size_t depth;         /* how many; 0: the message itself */
    section_what what;
    const ll_span *names; /* of SECTION_FIELDS and SECTION_FIELDS_NOT */
    size_t names_count;
} section;

/* Take "[...]" at the lexer's position; memory: the lexer's arena. LL_OK; LL_ESYNTAX (also for a field name that no
 * header can have); LL_ELIMIT; LL_ENOMEM. */
LL_MUST_USE ll_status section_parse(section *out, lexer *in);

/* Append "[...]" as it stands in the answer. */
void section_write(const section *wanted, text *out);

/* Can be answered from the message's size alone: BODY[]. */
bool section_is_whole(const section *wanted);

/* Where a section's bytes are. */
typedef enum section_kind {
    SECTION_MISSING, /* the message has no such part: NIL */
    SECTION_RANGE,   /* the bytes of the range as they stand */
    SECTION_COMPUTED /* section_select of the bytes of the range */
} section_kind;

typedef struct section_place {
    section_kind kind;
    uint64_t offset, size;
} section_place;

/* index may be NULL if section_is_whole; size: of the message. */
section_place section_find(const section *wanted, const mime_index *index, uint64_t size);
/* The same without an index, of the message's own header (HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT without a part's
 * number) or the whole. */
section_place section_find_own(const section *wanted, uint64_t size, uint64_t header_size);

/* For SECTION_COMPUTED: append what the section takes of a header block (mime/header.h). */
void section_select(const section *wanted, ll_span header, text *out);

#endif
