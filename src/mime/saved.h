/* saved.h - the bytes of a saved index, for indexer.c, facts.c, index.c and extract.c only.
 * SPDX-License-Identifier: MIT
 *
 * A number is a varint: 7 bits a byte, lowest first, the high bit says that more follow. A signed number is zigzag
 * coded (0, -1, 1, -2 ...). A span is a number, 0 for NIL or size + 1, and then the bytes.
 *
 *   version     byte, mime_index_version
 *   size, lines of the message
 *   parts       number of parts, 1 to mime_parts_max
 *   each part, in the order of the message (a parent before its children):
 *     kind      0 leaf, 1 multipart, 2 message
 *     children  only if multipart: number of parts directly inside, 1 or more
 *     gap       header_offset less where it could begin at the earliest: the end of the sibling before it, or
 *               the parent's body_offset
 *     header_size, header_lines, body_size, body_lines
 *     type, subtype     spans, never NIL, never empty
 *     params            number of parameters, then name (never empty) and value of each
 *     encoding          span, never NIL, never empty
 *     id, description, md5, location, disposition   spans
 *     disposition's params   only if disposition is not NIL
 *     languages         number, then spans (never NIL)
 *     envelope          only of the root and the child of a message:
 *       date, subject, in_reply_to, message_id, references   spans
 *       from, sender, reply_to, to, cc, bcc   number of addresses, then name, route, mailbox, host of each;
 *                                             sender or reply_to without any is from's list
 *       sent            0: not valid; 1: then seconds and offset_minutes, signed
 */
#ifndef MIME_SAVED_H
#define MIME_SAVED_H

#include "base/text.h"
#include "mime/param.h"

void saved_add_number(text *out, uint64_t number);
void saved_add_signed(text *out, int64_t number);
void saved_add_span(text *out, ll_span span);
void saved_add_params(text *out, const mime_param *params, size_t count);

/* Reads what the others wrote. Past the first fault `bad` stays set and every call answers 0 or NIL. */
typedef struct saved_reader {
    const char *at, *end;
    bool bad;
} saved_reader;

uint64_t saved_number(saved_reader *reader);
int64_t saved_signed(saved_reader *reader);
/* Bad if it holds NUL, CR or LF. */
ll_span saved_span(saved_reader *reader);
/* As saved_span; NIL and empty are bad too. */
ll_span saved_word(saved_reader *reader);
/* A number of things of which each takes at least `size_min` bytes: bad if they cannot all be there. */
size_t saved_count(saved_reader *reader, size_t size_min);

#endif
