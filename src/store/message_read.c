/* message_read.c - message.h: from rows to the bytes of a message.
 * SPDX-License-Identifier: MIT */
#include "store/message.h"

#include "store/message_plan.h"
#include "store/transfer.h"

/* A message being walked through from its first byte, of which from..to are wanted. */
typedef struct reading {
    db *db;
    packing *packing;
    uint64_t size, at, from, to;
    ll_span head; /* what is left of it */
    message_sink *sink;
    void *ctx;
} reading;

/* Bytes that stand at r->at. */
static ll_status give(reading *r, ll_span bytes)
{
    uint64_t begin = r->at, end = begin + bytes.size;
    r->at = end;
    if (end <= r->from || begin >= r->to)
        return LL_OK;
    size_t skip = r->from > begin ? (size_t)(r->from - begin) : 0;
    size_t stop = r->to < end ? (size_t)(r->to - begin) : bytes.size;
    return skip < stop ? r->sink(r->ctx, span_of(bytes.data + skip, stop - skip)) : LL_OK;
}

static ll_status give_head(reading *r, uint64_t size)
{
    if (size > r->head.size)
        return LL_ECORRUPT;
    ll_span bytes = span_first(r->head, (size_t)size);
    r->head = span_from(r->head, (size_t)size);
    return give(r, bytes);
}

/* Base64 that the head holds decoded. */
static ll_status give_coded(reading *r, int64_t transfer, uint64_t coded, uint64_t plain)
{
    if (plain > r->head.size || transfer_size(transfer, plain) != coded)
        return LL_ECORRUPT;
    ll_span bytes = span_first(r->head, (size_t)plain);
    r->head = span_from(r->head, bytes.size);
    if (r->at + coded <= r->from) {
        r->at += coded;
        return LL_OK;
    }
    char *out = packing_buffer(r->packing, PACKING_TEXT, transfer_room(transfer, bytes.size));
    return out ? give(r, span_of(out, transfer_encode(transfer, 0, bytes, out))) : LL_ENOMEM;
}

static ll_status give_part(reading *r, const part_row *part, int64_t transfer, uint64_t coded)
{
    uint64_t begin = r->at, from = r->from > begin ? r->from - begin : 0;
    uint64_t to = r->to - begin < coded ? r->to - begin : coded;
    if (transfer_size(transfer, part->size) != coded)
        return LL_ECORRUPT;
    r->at += coded;
    return from < to ? part_read(r->db, part, transfer, from, to, r->sink, r->ctx) : LL_OK;
}

/* One row of piece, and what lies before it. Columns as in read_pieces. */
static ll_status give_piece(reading *r, db_stmt *q)
{
    uint64_t place = db_column_is_null(q, 0) ? r->at : (uint64_t)db_column_int(q, 0);
    uint64_t coded = (uint64_t)db_column_int(q, 1);
    int64_t transfer = db_column_int(q, 2);
    part_row part = {db_column_int(q, 3), db_column_int(q, 6), (uint64_t)db_column_int(q, 5)};
    if (!transfer_known(transfer))
        return LL_EVERSION;
    if (place < r->at || place > r->size || coded > r->size - place || (part.id && db_column_is_null(q, 5)))
        return LL_ECORRUPT;
    ll_status status = give_head(r, place - r->at);
    if (status || r->at >= r->to)
        return status;
    return part.id ? give_part(r, &part, transfer, coded)
                   : give_coded(r, transfer, coded, (uint64_t)db_column_int(q, 4));
}

static ll_status read_pieces(reading *r, int64_t message)
{
    db_stmt *q =
        db_prepare(r->db, "SELECT p.place, coalesce(p.size, t.size), p.transfer, p.part, p.plain, t.size, "
                          "t.encoding, p.ordinal FROM piece p LEFT JOIN part t ON t.id = p.part WHERE p.message = ?1 "
                          "ORDER BY p.ordinal");
    db_bind_int(q, 1, message);
    ll_status status = LL_OK;
    bool more = true;
    for (int64_t n = 0; !status && r->at < r->to && more; n++) {
        status = db_step(q);
        more = status == LL_MORE;
        if (more) /* where one is missing, the head goes on somewhere else */
            status = db_column_int(q, 7) == n ? give_piece(r, q) : LL_ECORRUPT;
    }
    db_reset(q);
    return status || r->at >= r->to ? status : give_head(r, r->size - r->at);
}

/* The row's head; *out may be borrowed from the row. */
static ll_status open_head(packing *p, db_stmt *q, ll_span *out)
{
    uint64_t size = (uint64_t)db_column_int(q, 2);
    *out = span_of("", 0);
    if (db_column_is_null(q, 1))
        return LL_OK;
    if (size > MESSAGE_HEAD_MAX)
        return LL_ECORRUPT;
    char *buffer = packing_buffer(p, PACKING_HEAD, MESSAGE_HEAD_MAX);
    return buffer ? packing_open(p, db_column_blob(q, 1), db_column_int(q, 3), (size_t)size, buffer, out) : LL_ENOMEM;
}

/* Columns: size, head, head_size, head_encoding. The caller resets it. */
static ll_status first_row(db *d, int64_t message, db_stmt **out)
{
    db_stmt *q = *out = db_prepare(d, "SELECT size, head, head_size, head_encoding FROM message WHERE id = ?1");
    db_bind_int(q, 1, message);
    return db_first(q);
}

ll_status message_content(db *d, int64_t message, uint64_t offset, uint64_t length, message_sink *sink, void *ctx)
{
    reading r = {.db = d, .packing = packing_of(d), .from = offset, .sink = sink, .ctx = ctx};
    db_stmt *q;
    if (!r.packing)
        return LL_ENOMEM;
    ll_status status = first_row(d, message, &q);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    r.size = (uint64_t)db_column_int(q, 0);
    r.to = offset < r.size && length < r.size - offset ? offset + length : r.size;
    status = open_head(r.packing, q, &r.head);
    if (!status && r.from < r.to)
        status = r.head.size == r.size ? give_head(&r, r.size) : read_pieces(&r, message);
    db_reset(q);
    return status;
}

ll_status message_head(db *d, int64_t message, message_sink *sink, void *ctx)
{
    packing *p = packing_of(d);
    db_stmt *q;
    ll_span head;
    if (!p)
        return LL_ENOMEM;
    ll_status status = first_row(d, message, &q);
    if (status)
        return status;
    status = open_head(p, q, &head);
    /* Up to the first piece the head is the message's beginning. */
    int64_t place = db_column_int(q, 0);
    if (!status && head.size && (int64_t)head.size != place) {
        db_stmt *first = db_prepare(d, "SELECT place FROM piece WHERE message = ?1 ORDER BY ordinal LIMIT 1");
        db_bind_int(first, 1, message);
        status = db_take_int(first, &place);
    }
    if (!status && (!head.size || place <= 0))
        status = LL_ENOTFOUND;
    if (!status)
        status = sink(ctx, span_first(head, (size_t)place));
    db_reset(q);
    return status;
}

ll_status message_remains(db *d, int64_t message, message_sink *sink, void *ctx)
{
    packing *p = packing_of(d);
    db_stmt *q;
    ll_span head;
    if (!p)
        return LL_ENOMEM;
    ll_status status = first_row(d, message, &q);
    if (status)
        return status;
    status = open_head(p, q, &head);
    if (!status)
        status = head.size ? sink(ctx, head) : LL_ENOTFOUND;
    db_reset(q);
    return status;
}
