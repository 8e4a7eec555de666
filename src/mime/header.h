/* header.h - the fields of a header block that is in memory, byte by byte as they stand.
 * SPDX-License-Identifier: MIT
 *
 * A header block is the header range of a part (mime/index.h): fields, perhaps lines that are none, perhaps the blank
 * line. */
#ifndef MIME_HEADER_H
#define MIME_HEADER_H

#include "base/text.h"

typedef struct mime_field {
    ll_span name;  /* without white space before the colon; empty: these lines are no field */
    ll_span value; /* behind the colon, up to the last line end, which is not in it; folded as it is */
    ll_span whole; /* all of it, with the line end if there is one */
} mime_field;

/* Take the next field from the front of *header. false at the blank line or at the end; *header is then the blank line
 * and what is behind it, or empty. Lines that are no field come as a mime_field without name.
 *
 *     for (ll_span rest = header; mime_field_next(&rest, &field);) ... */
bool mime_field_next(ll_span *header, mime_field *field);

/* The first field of this name (case does not matter); false if there is none. */
bool mime_header_find(ll_span header, ll_span name, mime_field *field);

/* HEADER.FIELDS (not == false) and HEADER.FIELDS.NOT (not == true) of RFC 3501 section 6.4.5: append the fields whose
 * names are (not) among the given ones, byte for byte and in their order, and the blank line if the header has it.
 * Lines that are no field are in HEADER.FIELDS.NOT. Time: bytes + fields * count. */
void mime_header_select(ll_span header, const ll_span *names, size_t count, bool not, text *out);

/* Unfold: append the value without CR, LF and NUL, and without white space at its ends (RFC 5322 section 2.2.3). */
void mime_header_unfold(ll_span value, text *out);

/* Size of the field name at the start of a line, without white space before the colon: 0 if the line is no field.
 * *value is where the value begins, behind the colon. */
size_t mime_field_name(ll_span line, size_t *value);

#endif
