/* connector_fetch.c - the connector's answers that carry rows and bytes, and what it reads ahead for them.
 * SPDX-License-Identifier: MIT
 *
 * Without content, rows go straight from the statement to the call. With content, and for `read`, an answer is a
 * *portion*: made by a read job apart from any call, its bytes in one block of memory that is lent to the engine. So it
 * can be made before it is asked for: while the engine writes one portion out, a worker makes the next
 * (docs/why/fetch.md has the numbers).
 *
 * What is next we know from the question: its ranges reach beyond its limit. The rest of them is the *course*. After a
 * portion of rows the engine asks for the bytes of its last message if they were not all there, else for the course.
 *
 * Bounds, a session: the portion that the engine has, one of `read`, one ahead, LL_ROWS_CONTENT each at most. What was
 * read ahead goes when the session asks anything else; so no row is older than the command that gets it, but for the
 * \Seen that the same FETCH sets, which is of messages before. Content under a UID never changes. */
#include "base/arena.h"
#include "base/memory.h"
#include "mime/extract.h"
#include "mime/index.h"
#include "store/connector_op.h"
#include "store/message.h"

enum {
    AHEAD_READ_MIN = 65536,     /* a `read` of less is of one part, not of a stream */
    AHEAD_SPARES = 2,           /* blocks kept while a course goes on: malloc would give the pages back each time */
    PORTION_INDEXES = 16 << 20, /* indexes and ids of one portion; more: LL_ELIMIT, and the engine asks for less */
    fields_spare = 2,           /* mime_extract_read */
    PORTION_ROWS = 1024         /* rows of one portion: above the engine's limit */
};

typedef struct block {
    struct block *next; /* of the spares */
    connector *owner;   /* counted while it is lent */
    size_t size, room;
    char data[];
} block;

typedef struct question {
    bool read;
    int64_t mailbox;
    unsigned want;
    const ll_range *ranges;
    size_t count, limit;
    uint32_t uid;
    uint64_t offset;
    size_t length;
} question;

typedef struct portion {
    reader_job job;       /* first */
    connector *owner;     /* counted */
    ll_call *call;        /* waits for it; NULL: read ahead */
    question made, asked; /* asked: by the call */
    bool inside;          /* portion_start has not returned */
    bool done, dropped;
    ll_status status;
    block *bytes;
    arena memory; /* of the rows, but for their content */
    ll_row *rows;
    size_t rows_count;
    bool more;         /* there are rows, or bytes of the message, behind it */
    ll_range ranges[]; /* of `made`, if it was read ahead */
} portion;

struct ahead {
    portion *next; /* NULL: none */
    block *spares;
    size_t spares_count;
    bool ended;
    question course;  /* count is 0: none */
    ll_range *ranges; /* of the course */
    size_t room;
};

/* ------------------------------------------------------------------------------------------------- Blocks */

static block *block_new(connector *c, size_t room)
{
    struct ahead *a = c->ahead;
    block *b = NULL;
    if (a->spares && room == LL_ROWS_CONTENT) {
        b = a->spares;
        a->spares = b->next;
        a->spares_count--;
        b->size = 0;
        return b;
    }
    b = memory_resize(NULL, NULL, sizeof *b + room);
    if (b)
        *b = (block){.owner = c, .room = room};
    return b;
}

static void block_del(block *b)
{
    struct ahead *a = b->owner->ahead;
    if (b->room == LL_ROWS_CONTENT && a->course.count && a->spares_count < AHEAD_SPARES && !a->ended) {
        b->next = a->spares;
        a->spares = b;
        a->spares_count++;
    } else {
        memory_free(NULL, b);
    }
}

static void block_give_back(void *context)
{
    block *b = context;
    connector *c = b->owner;
    block_del(b);
    connector_unref(c);
}

/* ------------------------------------------------------------------------------- A portion, on a worker */

static ll_status take_bytes(void *ctx, ll_span bytes)
{
    block *b = ctx;
    if (bytes.size > b->room - b->size)
        return LL_ECORRUPT;
    memcpy(b->data + b->size, bytes.data, bytes.size);
    b->size += bytes.size;
    return LL_OK;
}

/* Bytes from offset on into the block, all of them or none: what cannot be read, the engine asks for and is told why.
 */
static ll_status add_content(portion *p, db *d, int64_t message, uint64_t offset, uint64_t length, ll_span *content)
{
    block *b = p->bytes;
    size_t before = b->size;
    ll_status status = message_content(d, message, offset, length, take_bytes, b);
    if (!status && b->size - before == length) {
        *content = span_of(b->data + before, (size_t)length);
        return LL_OK;
    }
    b->size = before;
    return status == LL_ENOMEM || status == LL_ETIMEOUT ? status : LL_OK;
}

/* Bytes of this row that are wanted. */
static uint64_t wanted(unsigned want, const ll_row *row, ll_span facts, uint64_t *header_size)
{
    *header_size = 0;
    if (want & LL_WANT_HEADER && !mime_index_header_size(facts, row->size, header_size))
        *header_size = 0;
    return want & LL_WANT_CONTENT ? row->size : *header_size;
}

static bool brings_bytes(const question *q)
{
    return q->read || q->want & (LL_WANT_HEADER | LL_WANT_CONTENT);
}

typedef struct taking {
    portion *portion;
    db *db;
} taking;

/* The fields alone, if that is enough and they can be had without the message. */
static bool add_fields(portion *p, ll_span facts, ll_span extract, ll_row *row)
{
    block *b = p->bytes;
    if (!b || !(p->made.want & LL_WANT_FIELDS) || p->made.want & LL_WANT_CONTENT || !extract.size)
        return false;
    size_t size = mime_extract_read(extract, facts, b->data + b->size, b->room - b->size);
    row->fields = span_of(b->data + b->size, size);
    b->size += size;
    return size > 0;
}

static ll_status take_row(void *ctx, const ll_row *row, int64_t message, ll_span facts, ll_span extract)
{
    portion *p = ((taking *)ctx)->portion;
    ll_row copy = *row;
    if (!p->bytes && brings_bytes(&p->made)) { /* of one message */
        size_t room = row->size < LL_ROWS_CONTENT ? (size_t)row->size + fields_spare : (size_t)LL_ROWS_CONTENT;
        p->bytes = memory_resize(NULL, NULL, sizeof *p->bytes + room);
        if (!p->bytes)
            return LL_ENOMEM;
        *p->bytes = (block){.owner = p->owner, .room = room};
    }
    bool fields = add_fields(p, facts, extract, &copy);
    uint64_t length = fields ? 0 : wanted(p->made.want, row, facts, &copy.header_size);
    size_t room = p->bytes ? p->bytes->room - p->bytes->size : 0;
    if (length > room && p->rows_count) {
        p->more = true;
        return LL_MORE;
    }
    length = length < room ? length : room;
    ll_status status = length ? add_content(p, ((taking *)ctx)->db, message, 0, length, &copy.content) : LL_OK;
    if (status)
        return status;
    bool whole = fields || (copy.header_size && copy.header_size <= copy.content.size);
    bool index = p->made.want & LL_WANT_INDEX || !whole;
    copy.index = arena_copy(&p->memory, index ? facts : SPAN(""));
    copy.email_id = arena_copy(&p->memory, row->email_id);
    copy.thread_id = arena_copy(&p->memory, row->thread_id);
    if (!copy.index.data || !copy.email_id.data || !copy.thread_id.data)
        return arena_status(&p->memory);
    p->rows[p->rows_count++] = copy;
    return LL_OK;
}

static ll_status make_rows(portion *p, db *d)
{
    const question *q = &p->made; /* only read: the session's thread compares it with the next question meanwhile */
    p->rows = memory_new(NULL, q->limit * sizeof *p->rows);
    if (!p->rows)
        return LL_ENOMEM;
    taking ctx = {p, d};
    ll_status status = entry_rows(d, q->mailbox, q->ranges, q->count, q->limit, q->want, take_row, &ctx);
    p->more = p->more || p->rows_count == q->limit;
    return status;
}

static ll_status make_read(portion *p, db *d)
{
    int64_t message;
    uint64_t size;
    ll_status status = entry_message_size(d, p->made.mailbox, p->made.uid, &message, &size);
    if (status || p->made.offset >= size || !p->made.length)
        return status;
    uint64_t length = size - p->made.offset;
    p->more = length > p->made.length;
    return message_content(d, message, p->made.offset, p->more ? p->made.length : length, take_bytes, p->bytes);
}

static ll_status make(reader_job *job, db *d)
{
    portion *p = (portion *)job;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = p->made.read ? make_read(p, d) : make_rows(p, d);
    db_rollback(d);
    return status;
}

/* -------------------------------------------------------------------------------------- Life of a portion */

static void portion_del(portion *p)
{
    connector *c = p->owner;
    if (p->bytes)
        block_del(p->bytes);
    arena_fini(&p->memory);
    memory_free(NULL, p->rows);
    memory_free(NULL, p);
    connector_unref(c);
}

static bool ready(connector *c)
{
    if (!c->ahead)
        c->ahead = memory_new(NULL, sizeof *c->ahead);
    return c->ahead != NULL;
}

/* own: the ranges are to be copied. */
static portion *portion_new(connector *c, const question *q, bool own)
{
    portion *p = memory_new(NULL, sizeof *p + (own ? q->count * sizeof *q->ranges : 0));
    if (!p)
        return NULL;
    p->owner = c;
    p->made = *q;
    if (own && q->count) {
        memcpy(p->ranges, q->ranges, q->count * sizeof *q->ranges);
        p->made.ranges = p->ranges;
    }
    arena_init(&p->memory, NULL, PORTION_INDEXES);
    c->refs++;
    bool one = !q->read && q->count == 1 && q->ranges[0].first == q->ranges[0].last;
    if (!one && brings_bytes(q) &&
        !(p->bytes = block_new(c, q->read && q->length < AHEAD_READ_MIN ? q->length : (size_t)LL_ROWS_CONTENT))) {
        portion_del(p);
        return NULL;
    }
    return p;
}

static void portion_done(reader_job *job, ll_status status);

static void portion_start(portion *p)
{
    p->job.run = make;
    p->job.brief = true;
    p->job.done = portion_done;
    p->inside = true;
    reader_add(p->owner->vault, &p->job);
    p->inside = false;
}

/* ------------------------------------------------------------------------------------------- Reading ahead */

void connector_ahead_drop(connector *c)
{
    struct ahead *a = c->ahead;
    if (!a)
        return;
    portion *p = a->next;
    a->next = NULL;
    a->course.count = 0;
    for (block *b; (b = a->spares); a->spares_count--) {
        a->spares = b->next;
        memory_free(NULL, b);
    }
    if (p && p->done)
        portion_del(p);
    else if (p)
        p->dropped = true;
}

void connector_ahead_end(connector *c)
{
    connector_ahead_drop(c);
    if (c->ahead)
        c->ahead->ended = true;
}

void connector_ahead_free(connector *c)
{
    if (c->ahead)
        memory_free(NULL, c->ahead->ranges);
    memory_free(NULL, c->ahead);
}

bool connector_ahead_behind(const connector *c, uint32_t uid)
{
    const portion *p = c->ahead ? c->ahead->next : NULL;
    return !p || (p->made.read ? p->made.uid > uid : p->made.ranges[0].first > uid);
}

/* Remember what of the question's ranges lies behind this UID. */
static void set_course(struct ahead *a, const question *asked, uint32_t behind)
{
    a->course.count = 0;
    if (asked->count > a->room) {
        ll_range *ranges = memory_resize(NULL, a->ranges, asked->count * sizeof *ranges);
        if (!ranges)
            return;
        a->ranges = ranges;
        a->room = asked->count;
    }
    size_t count = 0;
    for (size_t i = 0; i < asked->count; i++) {
        ll_range r = asked->ranges[i];
        if (r.last <= behind)
            continue;
        r.first = r.first > behind ? r.first : behind + 1;
        a->ranges[count++] = r;
    }
    a->course = *asked;
    a->course.ranges = a->ranges;
    a->course.count = count;
}

/* This portion has been given: begin with what will be asked next. */
static void look_ahead(connector *c, const portion *given)
{
    struct ahead *a = c->ahead;
    question q = a->course;
    if (!c->vault->config.executor->work || a->ended || a->next)
        return;
    if (given->made.read && given->more) {
        if (given->asked.length < AHEAD_READ_MIN)
            return;
        q = given->asked;
        q.offset += q.length;
    } else if (!given->made.read && given->rows_count && given->made.want & LL_WANT_CONTENT) {
        const ll_row *row = &given->rows[given->rows_count - 1];
        if (row->content.size && row->content.size < row->size)
            q = (question){.read = true,
                           .mailbox = given->made.mailbox,
                           .uid = row->uid,
                           .offset = row->content.size,
                           .length = LL_ROWS_CONTENT / 2};
    }
    if (!q.read && !q.count)
        return;
    a->next = portion_new(c, &q, true);
    if (a->next)
        portion_start(a->next);
}

/* The portion that was made ahead answers this question, or the beginning of it: its ranges begin with the portion's.
 */
static bool answers(const portion *p, const question *q)
{
    const question *made = &p->made;
    if (made->read != q->read || made->mailbox != q->mailbox)
        return false;
    if (q->read)
        return made->uid == q->uid && made->offset == q->offset && q->length <= made->length;
    if (made->want != q->want || made->count > q->count || made->limit > q->limit)
        return false;
    for (size_t i = 0; i < made->count; i++) {
        bool last = i + 1 == made->count;
        if (made->ranges[i].first != q->ranges[i].first ||
            (last ? made->ranges[i].last > q->ranges[i].last : made->ranges[i].last != q->ranges[i].last))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------- Answers */

static ll_status give_read(portion *p, ll_call *call)
{
    block *b = p->bytes;
    ll_span bytes = span_first(span_of(b->data, b->size), p->asked.length);
    p->more = p->more || bytes.size < b->size;
    if (!bytes.size)
        return LL_OK;
    p->owner->refs++;
    p->bytes = NULL;
    ll_call_lend(call, block_give_back, b);
    return ll_call_bytes(call, bytes);
}

static ll_status give_rows(portion *p, ll_call *call)
{
    const question *asked = &p->asked, *made = &p->made;
    uint32_t end = made->ranges[made->count - 1].last, behind = end;
    if (p->bytes) {
        p->owner->refs++;
        ll_call_lend(call, block_give_back, p->bytes);
        p->bytes = NULL;
    }
    for (size_t i = 0; i < p->rows_count; i++) {
        ll_status status = ll_call_row(call, &p->rows[i]);
        if (status)
            return status;
    }
    if (p->more)
        behind = p->rows[p->rows_count - 1].uid;
    set_course(p->owner->ahead, asked, behind);
    if (p->rows_count && p->owner->ahead->course.count)
        ll_call_more(call);
    return LL_OK;
}

/* Answer the call with this portion, which is gone then. */
static ll_status portion_give(portion *p, ll_call *call)
{
    ll_status status = p->status;
    if (!status)
        status = p->made.read ? give_read(p, call) : give_rows(p, call);
    if (!status)
        look_ahead(p->owner, p);
    portion_del(p);
    return status;
}

/* LL_LATER, or the answer. */
static ll_status ask_now(connector *c, ll_call *call, const question *q)
{
    portion *p = portion_new(c, q, false);
    if (!p)
        return LL_ENOMEM;
    p->call = call;
    p->asked = *q;
    portion_start(p);
    return p->done ? portion_give(p, call) : LL_LATER;
}

/* Nothing of what was read ahead is there any more, but behind it there may be. */
static bool is_void(const portion *p)
{
    return !p->status && !p->made.read && !p->rows_count;
}

static void portion_done(reader_job *job, ll_status status)
{
    portion *p = (portion *)job;
    p->status = status;
    p->done = true;
    if (p->inside || (!p->call && !p->dropped))
        return;
    ll_call *call = p->call;
    if (!call) {
        portion_del(p);
        return;
    }
    if (is_void(p) && p->made.ranges == p->ranges) {
        question q = p->asked;
        connector *c = p->owner;
        c->refs++;
        portion_del(p);
        status = ask_now(c, call, &q);
        connector_unref(c);
    } else {
        status = portion_give(p, call);
    }
    if (status != LL_LATER)
        ll_call_done(call, status);
}

static ll_status ask(connector *c, ll_call *call, const question *q)
{
    if (!ready(c))
        return LL_ENOMEM;
    portion *p = c->ahead->next;
    if (!p || !answers(p, q) || (p->done && (p->status || is_void(p)))) {
        connector_ahead_drop(c);
        return ask_now(c, call, q);
    }
    c->ahead->next = NULL;
    p->asked = *q;
    if (p->done)
        return portion_give(p, call);
    p->call = call;
    return LL_LATER;
}

/* ------------------------------------------------------------------------------------------------- Methods */

static ll_status give_row(void *ctx, const ll_row *row, int64_t message, ll_span facts, ll_span extract)
{
    ll_row copy = *row;
    (void)message;
    (void)extract;
    copy.index = facts;
    return ll_call_row(ctx, &copy);
}

static ll_status fetch(op *o, db *d)
{
    return entry_rows(d, o->mailbox, o->ranges, o->count, o->limit, o->flags, give_row, o->call);
}

ll_status connector_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                          unsigned want)
{
    if (want & (LL_WANT_INDEX | LL_WANT_HEADER | LL_WANT_CONTENT) && count && limit) {
        question q = {.mailbox = handle_mailbox(mailbox),
                      .want = want,
                      .ranges = ranges,
                      .count = count,
                      .limit = limit < PORTION_ROWS ? limit : PORTION_ROWS};
        return ask(self, call, &q);
    }
    op *o = op_new(self, call);
    if (!o)
        return LL_ENOMEM;
    o->read = fetch;
    o->mailbox = handle_mailbox(mailbox);
    o->ranges = ranges;
    o->count = count;
    o->limit = limit;
    o->flags = want;
    return op_start(o);
}

ll_status connector_read(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length)
{
    question q = {.read = true, .mailbox = handle_mailbox(mailbox), .uid = uid, .offset = offset, .length = length};
    return ask(self, call, &q);
}
