/* message.c - see message.h; reading is in message_read.c
 * SPDX-License-Identifier: MIT */
#include "store/message.h"

#include "base/memory.h"
#include "mime/extract.h"
#include "mime/index.h"
#include "store/message_plan.h"
#include "store/thread.h"
#include "store/transfer.h"

/* ----------------------------------------------------------------------------------------------------- Head */

/* Base64 whose content is smaller than a part: with a line end after every group it is no longer than this. */
enum { coded_max = MESSAGE_PART_LEAST * 3 };

/* Base64 of a few kilobytes, decoded. out has room for `plain` and the spare of a vector. */
static ll_status copy_coded(const incoming *content, const message_piece *piece, char *coded, char *out)
{
    transfer_scanner s = {0};
    size_t size = 0;
    ll_status status = incoming_read(content, piece->place, (size_t)piece->text, coded);
    if (status)
        return status;
    transfer_scan(&s, span_of(coded, (size_t)piece->text), out, &size);
    return size == piece->plain ? LL_OK : LL_EIO;
}

/* The bytes of the head: what lies between the pieces, and the pieces that it holds. */
static ll_status gather(const message_plan *plan, const incoming *content, char *coded, char *out)
{
    uint64_t at = 0;
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < plan->count; i++) {
        const message_piece *p = &plan->pieces[i];
        status = incoming_read(content, at, (size_t)(p->place - at), out);
        out += p->place - at;
        if (!status && p->where == MESSAGE_IN_HEAD) {
            status = copy_coded(content, p, coded, out);
            out += p->plain;
        }
        at = p->place + p->text;
    }
    return status ? status : incoming_read(content, at, (size_t)(plan->size - at), out);
}

/* The row's columns 1 to 5: size and head. */
static void bind_head(db_stmt *q, const message_plan *plan, ll_span head, int64_t encoding)
{
    db_bind_int(q, 1, (int64_t)plan->size);
    if (plan->head_size)
        db_bind_blob(q, 2, head);
    else
        db_bind_null(q, 2);
    db_bind_int(q, 3, (int64_t)plan->head_size);
    db_bind_int(q, 4, encoding);
}

static void bind_blob_or_null(db_stmt *q, int column, ll_span blob)
{
    if (blob.size)
        db_bind_blob(q, column, blob);
    else
        db_bind_null(q, column);
}

static ll_status insert(db *d, const message_plan *plan, ll_span head, int64_t encoding, ll_span facts, ll_span extract,
                        int64_t received)
{
    db_stmt *q = db_prepare(d, "INSERT INTO message(refs, size, received, thread, facts, head, head_size, "
                               "head_encoding, extract) VALUES(1, ?1, ?5, 0, ?6, ?2, ?3, ?4, ?7)");
    bind_head(q, plan, head, encoding);
    db_bind_int(q, 5, received);
    bind_blob_or_null(q, 6, facts);
    bind_blob_or_null(q, 7, extract);
    return db_run(q);
}

static ll_status update(db *d, const message_plan *plan, ll_span head, int64_t encoding, int64_t message)
{
    db_stmt *q =
        db_prepare(d, "UPDATE message SET size = ?1, head = ?2, head_size = ?3, head_encoding = ?4 WHERE id = ?5");
    bind_head(q, plan, head, encoding);
    db_bind_int(q, 5, message);
    return db_run(q);
}

/* The extract of the header, with which the head begins. Not for one whose header is in pieces. */
static void add_extract(const message_plan *plan, ll_span head, ll_span facts, text *extract)
{
    uint64_t header;
    if (facts.size && mime_index_header_size(facts, plan->size, &header) && header && header <= head.size &&
        (!plan->count || plan->pieces[0].place >= header))
        mime_extract_make(facts, span_first(head, (size_t)header), extract);
}

/* The head in its packed form, borrowed until the next use of the connection's packing. */
static ll_status head_pack(db *d, const message_plan *plan, const incoming *content, ll_span facts, text *extract,
                           ll_span *head, int64_t *encoding)
{
    enum { spare = 16 };
    packing *p = packing_of(d);
    char *out = p ? packing_buffer(p, PACKING_HEAD, MESSAGE_HEAD_MAX + spare) : NULL;
    char *scratch = out ? packing_buffer(p, PACKING_TEXT, coded_max) : NULL;
    if (!scratch)
        return LL_ENOMEM;
    ll_status status = plan->head_size ? gather(plan, content, scratch, out) : LL_OK;
    if (!status)
        add_extract(plan, span_of(out, (size_t)plan->head_size), facts, extract);
    if (!status)
        packing_pack(p, span_of(out, (size_t)plan->head_size), true, head, encoding);
    return status;
}

/* ---------------------------------------------------------------------------------------------------- Pieces */

static ll_status piece_add(db *d, int64_t message, int64_t ordinal, const message_piece *piece, const incoming *content)
{
    int64_t part = 0;
    part_source source = {content, piece->place, piece->text, piece->transfer};
    if (piece->where != MESSAGE_IN_HEAD) {
        ll_status status =
            part_put(d, &source, piece->plain, piece->where == MESSAGE_SHARED ? piece->hash : NULL, &part);
        if (status)
            return status;
    }
    db_stmt *q = db_prepare(d, "INSERT INTO piece(message, ordinal, part, transfer, size, place, plain) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    db_bind_int(q, 1, message);
    db_bind_int(q, 2, ordinal);
    db_bind_int(q, 3, part);
    db_bind_int(q, 4, piece->transfer);
    db_bind_int(q, 5, (int64_t)piece->text);
    db_bind_int(q, 6, (int64_t)piece->place);
    if (part)
        db_bind_null(q, 7);
    else
        db_bind_int(q, 7, (int64_t)piece->plain);
    return db_run(q);
}

static ll_status pieces_add(db *d, int64_t message, const message_plan *plan, const incoming *content)
{
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < plan->count; i++)
        status = piece_add(d, message, (int64_t)i, &plan->pieces[i], content);
    return status;
}

static ll_status message_write(db *d, const message_plan *plan, const incoming *content, ll_span facts,
                               int64_t received, int64_t *message)
{
    ll_span head;
    int64_t encoding = 0;
    text extract;
    text_init(&extract, NULL, mime_extract_max);
    ll_status status = head_pack(d, plan, content, facts, &extract, &head, &encoding);
    if (!status)
        status = insert(d, plan, head, encoding, facts, text_span(&extract), received);
    text_wipe(&extract);
    if (status)
        return status;
    *message = db_last_id(d);
    return pieces_add(d, *message, plan, content);
}

/* ------------------------------------------------------------------------------------------------- Read back */

typedef struct comparison {
    const incoming *content;
    uint64_t at;
    bool differs;
} comparison;

static ll_status compare(void *ctx, ll_span bytes)
{
    comparison *c = ctx;
    char buffer[4096]; /* of stack that the next call overwrites */
    ll_status status = LL_OK;
    while (!status && !c->differs && bytes.size) {
        ll_span came;
        size_t size = c->content->in_memory || bytes.size < sizeof buffer ? bytes.size : sizeof buffer;
        status = incoming_look(c->content, c->at, size, buffer, &came);
        c->differs = !status && !span_equal(came, span_first(bytes, size));
        c->at += size;
        bytes = span_from(bytes, size);
    }
    return status;
}

/* Does the message read as the content? */
static ll_status verify(db *d, int64_t message, const incoming *content, bool *good)
{
    comparison c = {.content = content};
    ll_status status = message_content(d, message, 0, UINT64_MAX, compare, &c);
    *good = !status && !c.differs && c.at == content->size;
    return status == LL_ECORRUPT || status == LL_EVERSION ? LL_OK : status;
}

static ll_status message_remove(db *d, int64_t message, int64_t *thread);

static ll_status write_verified(db *d, message_plan *plan, const incoming *content, ll_span facts, int64_t received,
                                int64_t *message)
{
    bool good = false;
    int64_t thread = 0;
    ll_status status = message_write(d, plan, content, facts, received, message);
    if (!status)
        status = verify(d, *message, content, &good);
    if (status || good)
        return status;
    status = message_remove(d, *message, &thread);
    message_plan_fini(plan);
    if (!status)
        status = message_plan_whole(plan, content);
    if (!status)
        status = message_write(d, plan, content, facts, received, message);
    if (!status)
        status = verify(d, *message, content, &good);
    return status || good ? status : LL_ECORRUPT;
}

ll_status message_create(db *d, spool *content, ll_span facts, int64_t received, int64_t *message)
{
    incoming in;
    message_plan plan = {0};
    ll_status status = incoming_open(&in, content);
    if (!status)
        status = message_plan_make(&plan, d, &in, facts);
    if (!status)
        status = write_verified(d, &plan, &in, facts, received, message);
    message_plan_fini(&plan);
    incoming_close(&in);
    return status ? status : thread_assign(d, *message, facts);
}

/* ---------------------------------------------------------------------------------------------------- Counts */

ll_status message_ref(db *d, int64_t message)
{
    db_stmt *q = db_prepare(d, "UPDATE message SET refs = refs + 1 WHERE id = ?1");
    db_bind_int(q, 1, message);
    return db_run(q);
}

/* What the message's pieces alone refer to. */
static ll_status parts_unref(db *d, int64_t message)
{
    db_stmt *pieces = db_prepare(d, "SELECT part, count(*) FROM piece WHERE message = ?1 AND part <> 0 GROUP BY part");
    db_bind_int(pieces, 1, message);
    ll_status status;
    while ((status = db_step(pieces)) == LL_MORE) {
        status = part_unref(d, db_column_int(pieces, 0), db_column_int(pieces, 1), message);
        if (status) {
            db_reset(pieces);
            return status;
        }
    }
    return status;
}

static ll_status message_remove(db *d, int64_t message, int64_t *thread)
{
    ll_status status = parts_unref(d, message);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "DELETE FROM message WHERE id = ?1 RETURNING thread"); /* with its pieces */
    db_bind_int(q, 1, message);
    return db_take_int(q, thread);
}

ll_status message_unref(db *d, int64_t message)
{
    int64_t refs = 0, thread = 0;
    db_stmt *q = db_prepare(d, "UPDATE message SET refs = refs - 1 WHERE id = ?1 RETURNING refs");
    db_bind_int(q, 1, message);
    ll_status status = db_take_int(q, &refs);
    if (status || refs > 0)
        return status == LL_ENOTFOUND ? LL_OK : status;
    status = message_remove(d, message, &thread);
    return status ? status : thread_release(d, thread);
}

/* --------------------------------------------------------------------------------------------------- Rewrite */

static ll_status plan_again(db *d, int64_t message, const incoming *content, message_plan *plan)
{
    db_stmt *q = db_prepare(d, "SELECT facts FROM message WHERE id = ?1");
    db_bind_int(q, 1, message);
    ll_status status = db_first(q);
    if (!status)
        status = message_plan_make(plan, d, content, db_column_blob(q, 0));
    db_reset(q);
    return status;
}

static ll_status rewrite(db *d, int64_t message, const incoming *content, const message_plan *plan)
{
    ll_span head = SPAN("");
    int64_t encoding = 0;
    bool good = false;
    ll_status status = parts_unref(d, message);
    db_stmt *q = db_prepare(d, "DELETE FROM piece WHERE message = ?1");
    db_bind_int(q, 1, message);
    if (!status)
        status = db_run(q);
    if (!status)
        status = head_pack(d, plan, content, SPAN(""), NULL, &head, &encoding); /* the extract stays: so do the facts */
    if (!status)
        status = update(d, plan, head, encoding, message);
    if (!status)
        status = pieces_add(d, message, plan, content);
    if (!status)
        status = verify(d, message, content, &good);
    return status || good ? status : LL_ECORRUPT;
}

ll_status message_rewrite(db *d, int64_t message, spool *content)
{
    incoming in;
    message_plan plan = {0};
    ll_status status = incoming_open(&in, content);
    if (!status)
        status = plan_again(d, message, &in, &plan);
    if (!status)
        status = rewrite(d, message, &in, &plan);
    message_plan_fini(&plan);
    incoming_close(&in);
    return status;
}
