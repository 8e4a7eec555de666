/* message.c - see message.h
 * SPDX-License-Identifier: MIT */
#include "store/message.h"

#include "base/memory.h"
#include "store/thread.h"

static ll_status chunk_add(db *d, int64_t part, int64_t ordinal, ll_span data)
{
    db_stmt *q = db_prepare(d, "INSERT INTO chunk(part, ordinal, data) VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, ordinal);
    db_bind_blob(q, 3, data);
    return db_run(q);
}

/* Content that is in memory goes in without a copy. */
static ll_status chunks_add_whole(db *d, int64_t part, ll_span content)
{
    ll_status status = LL_OK;
    for (int64_t n = 0; !status && content.size; n++) {
        status = chunk_add(d, part, n, span_first(content, MESSAGE_CHUNK));
        content = span_from(content, MESSAGE_CHUNK);
    }
    return status;
}

static ll_status chunks_add(db *d, int64_t part, spool *content)
{
    ll_span whole;
    if (spool_whole(content, &whole))
        return chunks_add_whole(d, part, whole);
    char *buffer = memory_new(NULL, MESSAGE_CHUNK);
    if (!buffer)
        return LL_ENOMEM;
    ll_status status = LL_OK;
    uint64_t size = spool_size(content), offset = 0;
    for (int64_t n = 0; !status && offset < size; n++) {
        size_t got = 0;
        status = spool_read(content, offset, MESSAGE_CHUNK, buffer, &got);
        if (!status && got < MESSAGE_CHUNK && offset + got < size)
            status = LL_EIO;
        if (!status)
            status = chunk_add(d, part, n, span_of(buffer, got));
        offset += got;
    }
    memory_wipe(buffer, MESSAGE_CHUNK);
    memory_free(NULL, buffer);
    return status;
}

static ll_status part_create(db *d, spool *content, int64_t *part)
{
    db_stmt *q = db_prepare(d, "INSERT INTO part(refs, size, encoding) VALUES(1, ?1, 0)");
    db_bind_int(q, 1, (int64_t)spool_size(content));
    ll_status status = db_run(q);
    if (status)
        return status;
    *part = db_last_id(d);
    return chunks_add(d, *part, content);
}

ll_status message_create(db *d, spool *content, ll_span facts, int64_t received, int64_t *message)
{
    int64_t part = 0;
    ll_status status = part_create(d, content, &part);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "INSERT INTO message(refs, size, received, thread, facts) VALUES(1, ?1, ?2, 0, ?3)");
    db_bind_int(q, 1, (int64_t)spool_size(content));
    db_bind_int(q, 2, received);
    if (facts.size)
        db_bind_blob(q, 3, facts);
    else
        db_bind_null(q, 3);
    status = db_run(q);
    if (status)
        return status;
    *message = db_last_id(d);
    status = thread_assign(d, *message, facts);
    if (status)
        return status;
    q = db_prepare(d, "INSERT INTO piece(message, ordinal, part) VALUES(?1, 0, ?2)");
    db_bind_int(q, 1, *message);
    db_bind_int(q, 2, part);
    return db_run(q);
}

ll_status message_ref(db *d, int64_t message)
{
    db_stmt *q = db_prepare(d, "UPDATE message SET refs = refs + 1 WHERE id = ?1");
    db_bind_int(q, 1, message);
    return db_run(q);
}

/* chunk rows go with their part (ON DELETE CASCADE). */
static ll_status part_unref(db *d, int64_t part, int64_t count)
{
    int64_t refs = 0;
    db_stmt *q = db_prepare(d, "UPDATE part SET refs = refs - ?2 WHERE id = ?1 RETURNING refs");
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, count);
    ll_status status = db_take_int(q, &refs);
    if (status)
        return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
    if (refs > 0)
        return LL_OK;
    q = db_prepare(d, "DELETE FROM part WHERE id = ?1");
    db_bind_int(q, 1, part);
    return db_run(q);
}

static ll_status message_delete(db *d, int64_t message)
{
    db_stmt *pieces = db_prepare(d, "SELECT part, count(*) FROM piece WHERE message = ?1 GROUP BY part");
    db_bind_int(pieces, 1, message);
    ll_status status;
    while ((status = db_step(pieces)) == LL_MORE) {
        status = part_unref(d, db_column_int(pieces, 0), db_column_int(pieces, 1));
        if (status) {
            db_reset(pieces);
            return status;
        }
    }
    if (status)
        return status;
    int64_t thread = 0;
    db_stmt *q = db_prepare(d, "DELETE FROM message WHERE id = ?1 RETURNING thread"); /* with its pieces */
    db_bind_int(q, 1, message);
    status = db_take_int(q, &thread);
    return status ? status : thread_release(d, thread);
}

ll_status message_unref(db *d, int64_t message)
{
    int64_t refs = 0;
    db_stmt *q = db_prepare(d, "UPDATE message SET refs = refs - 1 WHERE id = ?1 RETURNING refs");
    db_bind_int(q, 1, message);
    ll_status status = db_take_int(q, &refs);
    if (status == LL_ENOTFOUND)
        return LL_ECORRUPT;
    return status || refs > 0 ? status : message_delete(d, message);
}

/* ------------------------------------------------------------------------------------------------- Reading */

/* Bytes offset..offset+length of one part. */
static ll_status part_read(db *d, int64_t part, uint64_t size, uint64_t offset, uint64_t length, message_sink *sink,
                           void *ctx)
{
    db_stmt *q =
        db_prepare(d, "SELECT ordinal, data FROM chunk WHERE part = ?1 AND ordinal BETWEEN ?2 AND ?3 ORDER BY ordinal");
    uint64_t end = offset + length, n = offset / MESSAGE_CHUNK;
    db_bind_int(q, 1, part);
    db_bind_int(q, 2, (int64_t)n);
    db_bind_int(q, 3, (int64_t)((end - 1) / MESSAGE_CHUNK));
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        ll_span data = db_column_blob(q, 1);
        uint64_t begin = n * MESSAGE_CHUNK;
        uint64_t want = size - begin < MESSAGE_CHUNK ? size - begin : MESSAGE_CHUNK;
        bool fits = (uint64_t)db_column_int(q, 0) == n && data.size == want;
        size_t skip = offset > begin ? (size_t)(offset - begin) : 0;
        size_t stop = end - begin < data.size ? (size_t)(end - begin) : data.size;
        status = fits ? sink(ctx, span_of(data.data + skip, stop - skip)) : LL_ECORRUPT;
        if (status) {
            db_reset(q);
            return status;
        }
        n++;
    }
    if (status)
        return status;
    return n == (end - 1) / MESSAGE_CHUNK + 1 ? LL_OK : LL_ECORRUPT;
}

ll_status message_content(db *d, int64_t message, uint64_t offset, uint64_t length, message_sink *sink, void *ctx)
{
    db_stmt *q = db_prepare(d, "SELECT p.part, t.size, t.encoding FROM piece p JOIN part t ON t.id = p.part "
                               "WHERE p.message = ?1 ORDER BY p.ordinal");
    db_bind_int(q, 1, message);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        uint64_t size = (uint64_t)db_column_int(q, 1);
        if (offset >= size) {
            offset -= size;
            continue;
        }
        uint64_t here = length < size - offset ? length : size - offset;
        status = db_column_int(q, 2) == 0 ? LL_OK : LL_EVERSION;
        if (!status && here)
            status = part_read(d, db_column_int(q, 0), size, offset, here, sink, ctx);
        length -= here;
        offset = 0;
        if (status || !length) {
            db_reset(q);
            return status;
        }
    }
    return status;
}
