/* fetch_preview.h - PREVIEW (RFC 8970): the first words of a message, for lists.
 * SPDX-License-Identifier: MIT
 *
 * Made when it is asked for, from the first text part in which there is something to read; a few kilobytes are read as
 * a rule. Works in steps as message.h does. */
#ifndef IMAP_FETCH_PREVIEW_H
#define IMAP_FETCH_PREVIEW_H

#include "imap/message.h"
#include "mime/decode.h"

enum {
    fetch_preview_characters = 200, /* RFC 8970 section 3.3 */
    fetch_preview_parts = 8,        /* text parts looked at: an empty one in front of the text is not rare, two are */
    fetch_preview_bytes = 262144    /* read of one part: HTML may begin with 100 KB of styles */
};

typedef struct fetch_preview {
    message *m;
    uint32_t part; /* number under way in mime_index_part */
    unsigned tried;
    uint64_t at, end;
    mime_decoder *decoder; /* NULL: between parts */
    text decoded;          /* of the last piece */
    unsigned characters;
    bool space; /* one is due before the next character */
    text preview;
} fetch_preview;

void fetch_preview_init(fetch_preview *p, const ll_allocator *allocator);
void fetch_preview_fini(fetch_preview *p);
void fetch_preview_begin(fetch_preview *p, message *m);
/* Go on. LL_OK: p->preview is UTF-8 without line ends or controls, at most 200 characters, perhaps empty; LL_LATER;
 * LL_ENOMEM; or as message_read. The message's index must be there. */
LL_MUST_USE ll_status fetch_preview_step(fetch_preview *p);

#endif
