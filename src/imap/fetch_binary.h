/* fetch_binary.h - the decoded bytes of a section, for BINARY[...] and BINARY.SIZE[...] (RFC 3516).
 * SPDX-License-Identifier: MIT
 *
 * Reads the part piece by piece and undoes its content transfer encoding: memory is bounded by one piece, whatever the
 * part's size. A literal's size must be said before it, so its bytes are gone through twice: once to count them (and to
 * look for NUL, which only a literal8 may hold), once to send them. Works in steps as message.h does. */
#ifndef IMAP_FETCH_BINARY_H
#define IMAP_FETCH_BINARY_H

#include "imap/message.h"
#include "imap/section.h"
#include "mime/decode.h"

typedef struct fetch_binary {
    message *m; /* NULL: not begun */
    uint64_t begin, end, at;
    ll_span encoding;
    mime_decoder *decoder; /* NULL: the bytes are as they stand */
    bool finished;
    text decoded;   /* of the last piece */
    uint64_t given; /* bytes given before it */
    uint64_t size;  /* after counting */
    bool has_nul;
} fetch_binary;

void fetch_binary_init(fetch_binary *b, const ll_allocator *allocator);
void fetch_binary_fini(fetch_binary *b);

/* Choose the section's bytes: of a part, or TEXT. The message's index must be there, unless the section is the whole
 * message. LL_OK; LL_ENOTFOUND: no such part; LL_EUNSUPPORTED: its encoding is not known (UNKNOWN-CTE); LL_ENOMEM. */
LL_MUST_USE ll_status fetch_binary_begin(fetch_binary *b, message *m, const section *wanted);
/* Begin again at the front. LL_ENOMEM. */
LL_MUST_USE ll_status fetch_binary_rewind(fetch_binary *b);
/* The next decoded bytes, borrowed until the next call; none: the end. LL_OK; LL_LATER; or as message_read. */
LL_MUST_USE ll_status fetch_binary_next(fetch_binary *b, ll_span *bytes);
/* Go on counting: LL_OK when size is of all that lies in front of `stop`, perhaps some more, and has_nul of what lies
 * from `from` on and in front of `stop`. Otherwise as fetch_binary_next. */
LL_MUST_USE ll_status fetch_binary_count(fetch_binary *b, uint64_t from, uint64_t stop);

#endif
