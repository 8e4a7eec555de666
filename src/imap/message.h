/* message.h - one message in the hands of a command: its row, its MIME index, its bytes in pieces.
 * SPDX-License-Identifier: MIT
 *
 * Works in steps as a command does: a function that answers LL_LATER is to be called again with the same arguments when
 * the connector has answered. One function at a time. It uses s->call, so rows still in there are lost: rows.h takes
 * them away before. */
#ifndef IMAP_MESSAGE_H
#define IMAP_MESSAGE_H

#include "base/uidset.h"
#include "imap/session.h"
#include "mime/index.h"
#include "mime/indexer.h"

enum {
    message_piece = 256 << 10 /* bytes asked of the connector at a time: output_bytes of the limits; memory per session
                                 stays at a few such pieces */
};

typedef struct message {
    ll_session *s;
    void *mailbox;     /* where it is; NULL: the selected mailbox */
    ll_row row;        /* index and content are borrowed */
    mime_index *index; /* NULL: not opened yet */
    bool asked;        /* a read is under way */
    ll_span window;    /* what message_window read last; in s->call */
    uint64_t window_offset;

    mime_indexer *indexer; /* making the index that the row did not have */
    uint64_t indexed;      /* bytes given to it */
    text made;
} message;

void message_init(message *m, ll_session *s);
/* Forget the message; ready for the next. Not while a read is under way, except at the command's end. */
void message_fini(message *m);
/* Begin with this row; its index and content must live as long as the message is used. */
void message_begin(message *m, const ll_row *row);

/* Open the index, or make it by reading the message if there is none, or one that is damaged or of a newer version.
 * LL_OK: m->index is there; LL_LATER; LL_ENOMEM; or the connector's error. */
LL_MUST_USE ll_status message_index(message *m);

/* These bytes are in the row's content: nobody need be asked. */
bool message_have(const message *m, uint64_t offset, uint64_t size, ll_span *bytes);
/* How many of the `left` bytes at offset to read at a time: up to the content's end, or to message_piece. */
size_t message_piece_at(const message *m, uint64_t offset, uint64_t left);

/* Read exactly size bytes (at most message_piece) at offset. LL_OK: *bytes, borrowed until the next question to the
 * connector; LL_LATER; LL_ECORRUPT: other than size bytes came; or the connector's error. */
LL_MUST_USE ll_status message_read(message *m, uint64_t offset, size_t size, ll_span *bytes);

/* Some bytes at offset, at least one, of what was read last or of a piece read now: for walking through a message that
 * is small as a rule, part by part. offset is inside the message. Answers as message_read. */
LL_MUST_USE ll_status message_window(message *m, uint64_t offset, ll_span *bytes);

/* Append the range to *to, in pieces. LL_ELIMIT: more than to->size_max (nothing was read). Otherwise as message_read;
 * on an error *to holds what came. Begin with an empty text. */
LL_MUST_USE ll_status message_gather(message *m, uint64_t offset, uint64_t size, text *to);

#endif
