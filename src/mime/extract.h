/* extract.h - the fields of a header that clients ask for most, written as a recipe over the saved index.
 * SPDX-License-Identifier: MIT
 *
 * The saved index (index.h) holds nearly all that a mail program's list of messages shows, but not as the header has
 * it: unfolded, addresses taken apart. The extract says in some 30 bytes how to make of it the fields as they stand, to
 * the byte (docs/format.md has its form). So HEADER.FIELDS of these needs neither the message nor decompression.
 *
 * Threads: any; no state. */
#ifndef MIME_EXTRACT_H
#define MIME_EXTRACT_H

#include "base/text.h"

enum {
    mime_extract_text_max = 4096, /* bytes of the fields; with more of them a message has no extract */
    mime_extract_max = 1024       /* bytes of an extract */
};

/* Whether it is one of the fields of which an extract is made: Date, From, Sender, Reply-To, To, Cc, Bcc, Subject,
 * Message-ID, In-Reply-To, References, and the rare Newsgroups, Priority, X-Priority, Importance. */
bool mime_extract_has(ll_span name);

/* Append the extract of a header block whose saved index is this. Nothing is appended where it would not be worth it
 * (longer than a fourth of what it stands for) or cannot be had: lines that end otherwise than in CRLF, fields over the
 * ceiling, no memory. What is appended was read back and compared. */
void mime_extract_make(ll_span saved, ll_span header, text *out);

/* The fields and the blank line behind them, as mime_header_select takes them of the header, at the beginning of `out`,
 * which has `room` bytes: 2 more than they are. Returns their bytes; 0: damaged, not of this index, or too much. */
size_t mime_extract_read(ll_span extract, ll_span saved, char *out, size_t room);

#endif
