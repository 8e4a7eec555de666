/* write_message.h - the FETCH reply of one message, item by item (RFC 3501 section 7.4.2), resumable in the middle of a
 * body. SPDX-License-Identifier: MIT
 *
 * Every literal's size is known before its first byte is written. An item whose bytes cannot be read is answered NIL
 * (one that can neither be NIL nor known is left out) and the message's other items follow; a message without a MIME
 * index is passed over if one is needed; a body that fails behind its first piece cannot be taken back, and the session
 * ends (s->broken). */
#ifndef IMAP_WRITE_MESSAGE_H
#define IMAP_WRITE_MESSAGE_H

#include "imap/fetch_binary.h"
#include "imap/fetch_preview.h"
#include "imap/parse_fetch.h"
#include "imap/write_flags.h"

enum {
    write_message_header_max = 4 << 20, /* one header from which HEADER.FIELDS takes fields, in memory: eight times what
                                           the index keeps of one */
    write_message_answer_max =
        8 << 20, /* one item made in memory: such a header, or the structure of 10,000 parts with all their facts */
    write_message_answer_keep = 65536, /* of its memory from one message to the next */
    write_message_small = 4096         /* a saved index up to this is said at once: not over 40 KB of structure */
};

typedef struct write_message {
    ll_session *s;
    const fetch_items *items;
    write_flags flags;
    message m;
    uint32_t number;       /* sequence number of the message under way, 0: none */
    ll_status lost;        /* the last error because of which an item was answered NIL, or a message passed over */
    bool unknown_encoding; /* UNKNOWN-CTE, RFC 3516 section 4.3 */
    bool utf8;             /* the client takes UTF-8 in quoted strings (RFC 6855, RFC 9051) */

    /* the message under way */
    int phase;
    size_t item;
    bool open;              /* "* n FETCH (" and an item have been said */
    bool failed;            /* something of this message could not be answered */
    uint64_t offset, left;  /* the range being sent */
    text header;            /* the header block being gathered, or the last one */
    uint64_t header_offset; /* where it was in the message */
    bool header_kept;       /* header is that block, complete */
    text answer;            /* an item made in memory, being sent */
    size_t answer_at, answer_end;
    fetch_binary binary;
    fetch_preview preview;
} write_message;

/* What items points to and the snapshot must outlive it. */
void write_message_init(write_message *w, ll_session *s, const fetch_items *items);
void write_message_fini(write_message *w);
/* Begin the reply for a row; what its index points to must stay until the reply is complete. */
void write_message_begin(write_message *w, const ll_row *row, uint32_t number);
/* Go on. LL_OK: the reply is complete; LL_LATER; LL_MORE: output is full; LL_ECLOSED: s->broken was set; LL_ENOMEM. */
LL_MUST_USE ll_status write_message_step(write_message *w);

#endif
