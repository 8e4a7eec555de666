/* message_plan.h - how a message on its way in will be divided: what goes into its own row, and what becomes pieces.
 * SPDX-License-Identifier: MIT
 *
 * A message is its head, into which pieces are put at their places (schema.c: message, piece). A piece is either a part
 * that may be shared, or base64 that the head holds decoded. Everything else, and for most messages that is everything,
 * is the head itself. A head that would be too large keeps the header only, and what lies between the other pieces
 * becomes pieces of its own. */
#ifndef STORE_MESSAGE_PLAN_H
#define STORE_MESSAGE_PLAN_H

#include "store/part.h"

/* Measured: docs/why/storage.md. */
enum {
    MESSAGE_HEAD_MAX = 32 << 10,   /* bytes of a head: what FETCH of a header field must decompress */
    MESSAGE_CODED_LEAST = 128,     /* base64 of fewer bytes stays as it came: a row of piece costs more */
    MESSAGE_PART_LEAST = 4 << 10,  /* decoded bytes of a part that is shared; smaller base64 is held by the head */
    MESSAGE_TEXT_LEAST = 16 << 10, /* bytes of a body that is not base64 and becomes a part */
    MESSAGE_PIECES_MAX = 1000      /* what comes behind them stays as it came: they are looked through one by one */
};

typedef struct message_piece {
    uint64_t place, text; /* offset and bytes in the message */
    uint64_t plain;       /* bytes of content */
    int64_t transfer;
    enum { MESSAGE_SHARED, MESSAGE_OWN, MESSAGE_IN_HEAD } where; /* own: a part that nobody looks for */
    uint8_t hash[DIGEST_SIZE];                                   /* shared */
} message_piece;

typedef struct message_plan {
    message_piece *pieces;
    size_t count, room;
    uint64_t size, head_size;
} message_plan;

/* facts: the saved MIME index; without one that fits, the message is not looked into. LL_ENOMEM, or as incoming_look.
 */
LL_MUST_USE ll_status message_plan_make(message_plan *plan, db *d, const incoming *content, ll_span facts);
/* One piece, as it came. LL_ENOMEM. */
LL_MUST_USE ll_status message_plan_whole(message_plan *plan, const incoming *content);
void message_plan_fini(message_plan *plan);

#endif
