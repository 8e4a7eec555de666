/* part.c - see part.h
 * SPDX-License-Identifier: MIT */
#include "store/part.h"

#include "store/transfer.h"

#include "base/memory.h"

/* ----------------------------------------------------------------------------------------------- The source */

enum { input_size = 64 << 10, slack = 8 };

/* Walks through a part_source, a chunk at a time. */
typedef struct walk {
    const part_source *source;
    uint64_t at; /* bytes of the source that were taken */
    transfer_scanner scanner;
    char *chunk, *input;
    size_t have; /* decoded bytes in chunk */
    bool ended;
} walk;

static ll_status walk_begin(walk *w, db *d, const part_source *source)
{
    *w = (walk){.source = source};
    packing *p = packing_of(d);
    w->chunk = p ? packing_buffer(p, PACKING_WALK, PART_CHUNK + slack + input_size) : NULL;
    w->input = w->chunk ? w->chunk + PART_CHUNK + slack : NULL;
    return w->chunk ? LL_OK : LL_ENOMEM;
}

/* Up to `most` bytes of the source; empty: it has ended. */
static ll_status walk_input(walk *w, size_t most, ll_span *out)
{
    uint64_t left = w->source->size - w->at;
    size_t take = left < most ? (size_t)left : most;
    if (!w->source->from->in_memory && take > input_size)
        take = input_size;
    ll_status status = incoming_look(w->source->from, w->source->offset + w->at, take, w->input, out);
    w->at += out->size;
    return status || out->size == take ? status : LL_EIO;
}

static ll_status walk_fill(walk *w)
{
    while (w->have < PART_CHUNK && !w->ended) {
        ll_span bytes;
        size_t size = 0, room = PART_CHUNK - w->have;
        bool coded = w->source->transfer != TRANSFER_NONE;
        ll_status status = walk_input(w, coded ? room / 3 * 4 + 4 : room, &bytes);
        if (status)
            return status;
        if (coded) {
            w->ended = !transfer_scan(&w->scanner, bytes, w->chunk + w->have, &size);
        } else {
            size = bytes.size;
            if (size)
                memcpy(w->chunk + w->have, bytes.data, size);
        }
        w->have += size;
        w->ended |= w->at == w->source->size;
    }
    return LL_OK;
}

/* The next chunk: PART_CHUNK bytes or, at the end, fewer; empty: there is none. Borrowed until the next call. */
static ll_status walk_next(walk *w, size_t *passed, ll_span *out)
{
    w->have -= *passed;
    if (w->have)
        memmove(w->chunk, w->chunk + *passed, w->have);
    ll_status status = walk_fill(w);
    *passed = w->have < PART_CHUNK ? w->have : PART_CHUNK;
    *out = span_of(w->chunk, *passed);
    return status;
}

/* ------------------------------------------------------------------------------------------------------ Probe */

static ll_status probe(db *d, const part_source *source, part_found *out)
{
    walk w;
    digest hash = {0};
    size_t passed = 0;
    *out = (part_found){0};
    ll_status status = walk_begin(&w, d, source);
    digest_init(&hash);
    while (!status) {
        ll_span bytes;
        status = walk_next(&w, &passed, &bytes);
        if (status || !bytes.size)
            break;
        digest_add(&hash, bytes);
        out->plain += bytes.size;
    }
    digest_take(&hash, out->hash);
    bool coded = source->transfer != TRANSFER_NONE;
    out->transfer = coded ? transfer_scanned(&w.scanner) : TRANSFER_NONE;
    out->text = coded ? w.scanner.text : out->plain;
    return status;
}

ll_status part_probe(db *d, const incoming *from, uint64_t offset, uint64_t size, part_found *out)
{
    part_source source = {from, offset, size, TRANSFER_BASE64};
    return probe(d, &source, out);
}

ll_status part_hash(db *d, const incoming *from, uint64_t offset, uint64_t size, part_found *out)
{
    part_source source = {from, offset, size, TRANSFER_NONE};
    return probe(d, &source, out);
}

/* -------------------------------------------------------------------------------------------------------- Put */

static ll_status chunk_add(db *d, int64_t part, int64_t ordinal, ll_span data, int64_t encoding)
{
    db_stmt *q = db_prepare(d, "INSERT INTO chunk(part, ordinal, data, encoding) VALUES(?1, ?2, ?3, ?4)");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, ordinal);
    db_bind_blob(q, 3, data);
    db_bind_int(q, 4, encoding);
    return db_run(q);
}

/* The dictionary helps what is short; a longer text has its own words. */
enum { dictionary_helps = 16 << 10 };

static ll_status chunk_pack(db *d, int64_t part, int64_t ordinal, ll_span bytes)
{
    packing *p = packing_of(d);
    ll_span data = bytes;
    int64_t encoding = PACKING_NONE;
    if (bytes.size <= dictionary_helps || packing_promises(p, bytes))
        packing_pack(p, bytes, bytes.size <= dictionary_helps, &data, &encoding);
    return chunk_add(d, part, ordinal, data, encoding);
}

static ll_status chunks_add(db *d, int64_t part, const part_source *source, uint64_t plain)
{
    walk w;
    size_t passed = 0;
    uint64_t done = 0;
    ll_status status = walk_begin(&w, d, source);
    for (int64_t n = 0; !status; n++) {
        ll_span bytes;
        status = walk_next(&w, &passed, &bytes);
        if (status || !bytes.size)
            break;
        status = chunk_pack(d, part, n, bytes);
        done += bytes.size;
    }
    return status || done == plain ? status : LL_EIO;
}

static ll_status part_create(db *d, const part_source *source, uint64_t plain, const uint8_t *hash, int64_t *part)
{
    db_stmt *q = db_prepare(d, "INSERT INTO part(refs, size, encoding, hash) VALUES(1, ?1, ?2, ?3)");
    db_bind_int(q, 1, (int64_t)plain);
    db_bind_int(q, 2, PART_ALIGNED);
    if (hash)
        db_bind_blob(q, 3, span_of((const char *)hash, DIGEST_SIZE));
    else
        db_bind_null(q, 3);
    ll_status status = db_run(q);
    if (status)
        return status;
    *part = db_last_id(d);
    return chunks_add(d, *part, source, plain);
}

/* ------------------------------------------------------------------------------------------------------ Share */

typedef struct comparison {
    walk walk;
    ll_span bytes; /* of the chunk under way, not compared yet */
    size_t passed;
    bool differs;
} comparison;

static ll_status compare(void *ctx, ll_span stored)
{
    comparison *c = ctx;
    while (stored.size) {
        if (!c->bytes.size) {
            ll_status status = walk_next(&c->walk, &c->passed, &c->bytes);
            if (status)
                return status;
        }
        size_t size = stored.size < c->bytes.size ? stored.size : c->bytes.size;
        c->differs = !size || memcmp(stored.data, c->bytes.data, size) != 0;
        if (c->differs)
            return LL_EEXISTS; /* any: it is not looked at */
        stored = span_from(stored, size);
        c->bytes = span_from(c->bytes, size);
    }
    return LL_OK;
}

/* The part of this content. LL_ENOTFOUND: there is none, and its hash is free. LL_EEXISTS: the hash is taken, by other
 * bytes or by a part that is damaged. */
static ll_status part_find(db *d, const part_source *source, uint64_t plain, const uint8_t *hash, int64_t *part)
{
    db_stmt *q = db_prepare(d, "SELECT id, size, encoding FROM part WHERE hash = ?1");
    db_bind_blob(q, 1, span_of((const char *)hash, DIGEST_SIZE));
    ll_status status = db_first(q);
    if (status)
        return status;
    part_row row = {db_column_int(q, 0), db_column_int(q, 2), (uint64_t)db_column_int(q, 1)};
    db_reset(q);
    comparison c = {.differs = false};
    status = walk_begin(&c.walk, d, source);
    if (!status && row.size == plain)
        status = part_read(d, &row, TRANSFER_NONE, 0, plain, compare, &c);
    if (c.differs || row.size != plain || status == LL_ECORRUPT || status == LL_EVERSION)
        return LL_EEXISTS;
    *part = row.id;
    return status;
}

ll_status part_put(db *d, const part_source *source, uint64_t plain, const uint8_t *hash, int64_t *part)
{
    ll_status status = hash ? part_find(d, source, plain, hash, part) : LL_EEXISTS;
    if (status == LL_ENOTFOUND || status == LL_EEXISTS)
        return part_create(d, source, plain, status == LL_ENOTFOUND ? hash : NULL, part);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "UPDATE part SET refs = refs + 1 WHERE id = ?1");
    db_bind_int(q, 1, *part);
    return db_run(q);
}

static ll_status part_delete(db *d, int64_t part)
{
    db_stmt *q = db_prepare(d, "DELETE FROM part WHERE id = ?1"); /* with its chunks */
    db_bind_int(q, 1, part);
    return db_run(q);
}

/* Its pieces, but for those of one message (0: of none). */
static ll_status part_pieces(db *d, int64_t part, int64_t message, int64_t *count)
{
    db_stmt *q = db_prepare(d, "SELECT count(*) FROM piece WHERE -part = -?1 AND part <> 0 AND message <> ?2");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, message);
    return db_take_int(q, count);
}

static ll_status part_refs_set(db *d, int64_t part, int64_t refs)
{
    db_stmt *q = db_prepare(d, "UPDATE part SET refs = ?2 WHERE id = ?1");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, refs);
    return db_run(q);
}

ll_status part_unref(db *d, int64_t part, int64_t count, int64_t message)
{
    int64_t refs = 0;
    db_stmt *q = db_prepare(d, "UPDATE part SET refs = refs - ?2 WHERE id = ?1 RETURNING refs");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, count);
    ll_status status = db_take_int(q, &refs);
    if (status || refs > 0)
        return status == LL_ENOTFOUND ? LL_OK : status; /* damage has taken it */
    int64_t others = 0;
    status = part_pieces(d, part, message, &others);
    if (status)
        return status;
    return others ? part_refs_set(d, part, others) : part_delete(d, part);
}

ll_status part_recount(db *d, int64_t part, bool *mended)
{
    int64_t refs = 0, pieces = 0;
    db_stmt *q = db_prepare(d, "SELECT refs FROM part WHERE id = ?1");
    db_bind_int(q, 1, part);
    *mended = false;
    ll_status status = db_take_int(q, &refs);
    if (!status)
        status = part_pieces(d, part, 0, &pieces);
    if (status || refs == pieces || !pieces)
        return status == LL_ENOTFOUND ? LL_OK : status;
    *mended = true;
    return part_refs_set(d, part, pieces);
}

/* ------------------------------------------------------------------------------------------------------- Read */

typedef struct reading {
    packing *packing;
    int64_t transfer;
    uint64_t at, from, to; /* text: where the next bytes stand, and what is wanted */
    uint64_t plain;        /* content: where they stand */
    part_sink *sink;
    void *ctx;
} reading;

/* What the text holds of from..to, of these bytes of content. */
static ll_status give(reading *r, ll_span plain)
{
    ll_span bytes = plain;
    if (r->transfer != TRANSFER_NONE) {
        uint64_t most = (r->to - r->at) / 4 * 3 + 6; /* of content is enough, whatever line ends there are */
        plain = span_first(plain, most < plain.size ? (size_t)most / 3 * 3 : plain.size);
        char *out = packing_buffer(r->packing, PACKING_TEXT, transfer_room(r->transfer, plain.size));
        if (!out)
            return LL_ENOMEM;
        bytes = span_of(out, transfer_encode(r->transfer, r->plain, plain, out));
    }
    size_t skip = r->from > r->at ? (size_t)(r->from - r->at) : 0;
    uint64_t stop = r->to - r->at < bytes.size ? r->to - r->at : bytes.size;
    r->plain += plain.size;
    r->at += bytes.size;
    return skip < stop ? r->sink(r->ctx, span_of(bytes.data + skip, (size_t)stop - skip)) : LL_OK;
}

/* The row of chunk n, which begins at n * chunk. */
static ll_status give_chunk(reading *r, db_stmt *q, const part_row *part, uint64_t chunk, uint64_t n)
{
    uint64_t begin = n * chunk;
    size_t size = part->size - begin < chunk ? (size_t)(part->size - begin) : (size_t)chunk;
    char *buffer = packing_buffer(r->packing, PACKING_CHUNK, PACKING_MAX);
    if (!buffer)
        return LL_ENOMEM;
    ll_span bytes;
    ll_status status = (uint64_t)db_column_int(q, 0) == n ? LL_OK : LL_ECORRUPT;
    if (!status)
        status = packing_open(r->packing, db_column_blob(q, 1), db_column_int(q, 2), size, buffer, &bytes);
    return status ? status : give(r, span_from(bytes, (size_t)(r->plain - begin)));
}

ll_status part_read(db *d, const part_row *part, int64_t transfer, uint64_t from, uint64_t to, part_sink *sink,
                    void *ctx)
{
    reading r = {packing_of(d), transfer, 0, from, to, 0, sink, ctx};
    if (!r.packing)
        return LL_ENOMEM;
    if (part->encoding != PART_OLD && part->encoding != PART_ALIGNED)
        return LL_EVERSION;
    uint64_t chunk = part->encoding == PART_OLD ? PART_CHUNK_OLD : PART_CHUNK;
    r.plain = transfer_seek(transfer, from, &r.at);
    if (from >= to)
        return LL_OK;
    if (part->encoding == PART_OLD && transfer != TRANSFER_NONE)
        return LL_ECORRUPT; /* its chunks are no multiple of 3 */
    db_stmt *q = db_prepare(d, "SELECT ordinal, data, encoding FROM chunk WHERE part = ?1 AND ordinal >= ?2 "
                               "ORDER BY ordinal");
    db_bind_int(q, 1, part->id);
    db_bind_int(q, 2, (int64_t)(r.plain / chunk));
    ll_status status = LL_OK;
    while (!status && r.at < to && r.plain < part->size) {
        status = db_step(q);
        if (status == LL_MORE)
            status = give_chunk(&r, q, part, chunk, r.plain / chunk);
        else if (!status)
            return LL_ECORRUPT; /* one is missing */
    }
    db_reset(q);
    return status || r.at >= to ? status : LL_ECORRUPT;
}
