/* indexer.c - see indexer.h
 * SPDX-License-Identifier: MIT
 *
 * The machine works line by line. A line of a body is looked at only if it begins with "--" while a boundary is open;
 * else memchr runs to its end. A line of a header is gathered if it comes in pieces, and handed to the facts.
 *
 *   HEADER  at the start of or inside a header line
 *   BODY    at the start of a body line
 *   PROBE   inside a body line that may be a boundary: its beginning is in `line`
 *   SKIP    inside a body line that is none, or behind the boundary in a boundary line (`delimiter` says which)
 *
 * Open parts are a stack of levels; boundaries are a second stack, whose entries know their level. A boundary line ends
 * all levels above its own (end_levels). (1) A child's range never passes its parent's. (2) Every open level but the
 * topmost has a complete header, which never changes again. (3) `from_line` means that the topmost level's header is
 * being read. */
#include "mime/indexer.h"

#include "base/memory.h"
#include "mime/facts.h"
#include "mime/header.h"
#include "mime/saved.h"

#include <assert.h>

enum { probe_max = 2 + mime_boundary_max + 2 }; /* "--" boundary "--": what must be seen of a line to decide */

typedef struct node {
    uint64_t header_offset, header_size, header_lines, body_size, body_lines;
    uint64_t facts_at;
    uint32_t facts_size, type_size, children;
    uint8_t kind;
    bool envelope, digest;
    bool full; /* its facts were over the ceiling */
} node;

typedef struct level {
    uint32_t node;
    bool in_header;
    uint64_t body_offset, body_lines; /* where the body begins, and the line feeds before it */
} level;

typedef struct boundary {
    size_t level, at, size; /* at: in `boundaries` */
} boundary;

typedef enum mode { HEADER, BODY, PROBE, SKIP } mode;
typedef enum delimiter { NO_DELIMITER, OPENS, CLOSES } delimiter;

struct mime_indexer {
    const ll_allocator *allocator;
    ll_status status;
    uint64_t offset, lines; /* bytes and line feeds so far */
    char last;              /* the last byte */

    mode mode;
    delimiter delimiter;   /* of the line in SKIP */
    bool opaque;           /* beyond a ceiling: no boundary counts any more */
    uint64_t line_start;   /* where the present line begins */
    unsigned eol;          /* size of the line end before it */
    text line;             /* its beginning, if it came in pieces */
    bool first_line;       /* of a header */
    bool from_line;        /* the header's first line was "From ", and nothing else is known yet */
    uint64_t header_lines; /* line feeds before the present header */

    node *nodes;
    uint32_t count, room;
    level levels[mime_depth_max + 1];
    size_t depth; /* levels in use; the topmost is levels[depth - 1] */
    boundary stack[mime_depth_max + 1];
    size_t stack_size;
    text boundaries;
    mime_facts facts;
    text saved; /* facts of all parts */
};

static void fail(mime_indexer *ix, ll_status status)
{
    if (!ix->status)
        ix->status = status;
}

static level *top(mime_indexer *ix)
{
    return &ix->levels[ix->depth - 1];
}

/* Open a part whose header begins at `start`, before which there were `lines`. The caller has checked the ceilings. */
static void open_part(mime_indexer *ix, uint64_t start, uint64_t lines)
{
    assert(ix->count < mime_parts_max && ix->depth <= mime_depth_max);
    if (ix->count == ix->room) {
        uint32_t room = ix->room ? ix->room * 2 : 8;
        node *nodes = memory_resize(ix->allocator, ix->nodes, room * sizeof *nodes);
        if (!nodes) {
            fail(ix, LL_ENOMEM);
            return;
        }
        ix->nodes = nodes;
        ix->room = room;
    }
    const node *parent = ix->depth ? &ix->nodes[top(ix)->node] : NULL;
    ix->nodes[ix->count] = (node){.header_offset = start, .envelope = !parent || parent->kind == MIME_MESSAGE};
    if (parent)
        ix->nodes[top(ix)->node].children++;
    ix->levels[ix->depth++] = (level){.node = ix->count, .in_header = true};
    ix->mode = HEADER;
    ix->first_line = true;
    ix->from_line = false;
    ix->header_lines = lines;
    mime_facts_begin(&ix->facts, ix->nodes[ix->count].envelope);
    ix->count++;
}

static void push_boundary(mime_indexer *ix, ll_span bytes)
{
    ix->stack[ix->stack_size++] = (boundary){.level = ix->depth - 1, .at = ix->boundaries.size, .size = bytes.size};
    text_add(&ix->boundaries, bytes);
    if (text_status(&ix->boundaries))
        fail(ix, text_status(&ix->boundaries));
}

/* The header of the topmost level is complete: its body begins at `body`, before which there were `lines` in the
 * message. */
static void end_header(mime_indexer *ix, uint64_t body, uint64_t lines)
{
    level *l = top(ix);
    node *n = &ix->nodes[l->node];
    n->header_size = body - n->header_offset;
    n->header_lines = lines - ix->header_lines;
    *l = (level){.node = l->node, .body_offset = body, .body_lines = lines};
    ix->mode = BODY;
    ix->first_line = ix->from_line = false; /* these speak of a header that is being read: (3) */

    bool in_digest = ix->depth > 1 && ix->nodes[ix->levels[ix->depth - 2].node].digest;
    bool leaf = ix->depth > mime_depth_max || ix->count == mime_parts_max || ix->opaque;
    mime_content content;
    n->facts_at = ix->saved.size;
    ll_status status = mime_facts_end(&ix->facts, in_digest, leaf, &content, &ix->saved);
    if (status == LL_ELIMIT) { /* mime_facts_max: this part is the last */
        text_cut(&ix->saved, (size_t)n->facts_at);
        n->full = ix->opaque = true;
        return;
    }
    if (status) {
        fail(ix, status);
        return;
    }
    n->facts_size = (uint32_t)(ix->saved.size - n->facts_at);
    n->type_size = (uint32_t)content.type_size;
    n->kind = (uint8_t)content.kind;
    n->digest = content.digest;
    if (content.kind == MIME_MULTIPART)
        push_boundary(ix, content.boundary);
    else if (content.kind == MIME_MESSAGE)
        open_part(ix, body, lines);
}

/* The topmost part has no header: all from its start is body. A message inside sees the same bytes and has none either.
 */
static void end_headerless(mime_indexer *ix)
{
    do
        end_header(ix, ix->nodes[top(ix)->node].header_offset, ix->header_lines);
    while (!ix->status && top(ix)->in_header);
}

/* End every level from `from` on at `end`, before which there were `lines`. */
static void end_levels(mime_indexer *ix, size_t from, uint64_t end, uint64_t lines)
{
    if (top(ix)->in_header) {
        node *n = &ix->nodes[top(ix)->node];
        if (n->header_offset > end) { /* it begins behind the line end that the boundary takes: (1) */
            n->header_offset = end;
            ix->header_lines = lines;
        }
        end_header(ix, end, lines);
        if (!ix->status && top(ix)->in_header) /* the header was of a message, which is empty */
            end_header(ix, end, lines);
    }
    while (!ix->status && ix->depth > from) {
        const level *l = top(ix);
        node *n = &ix->nodes[l->node];
        n->body_size = end - l->body_offset;
        n->body_lines = lines - l->body_lines;
        ix->depth--;
    }
    while (ix->stack_size && ix->stack[ix->stack_size - 1].level >= from) {
        text_cut(&ix->boundaries, ix->stack[--ix->stack_size].at);
    }
}

/* The boundary that this line begins with: the longest, the innermost of equals; or NULL. */
static const boundary *find_boundary(const mime_indexer *ix, ll_span line)
{
    const boundary *best = NULL;
    if (line.size < 3 || line.data[0] != '-' || line.data[1] != '-' || ix->opaque)
        return NULL;
    ll_span rest = span_from(line, 2);
    for (size_t i = ix->stack_size; i-- > 0;) {
        const boundary *b = &ix->stack[i];
        if (b->size <= rest.size && (!best || b->size > best->size) &&
            memcmp(rest.data, text_str(&ix->boundaries) + b->at, b->size) == 0)
            best = b;
    }
    return best;
}

/* The present line begins with a boundary: end what it ends. false: it would open a part, and there may not be more. */
static bool take_boundary(mime_indexer *ix, const boundary *found, ll_span line)
{
    boundary b = *found;
    bool closes = span_starts_nocase(span_from(line, 2 + b.size), SPAN("--"));
    if (!closes && ix->count == mime_parts_max) {
        ix->opaque = true;
        return false;
    }
    if (ix->from_line)
        end_headerless(ix);
    uint64_t end = ix->line_start - ix->eol, lines = ix->lines - 1;
    /* the innermost body may begin behind the line end that the boundary takes: then it keeps it, as do those around it
     */
    size_t complete = ix->depth - 1 - top(ix)->in_header;
    if (ix->levels[complete].body_offset > end) {
        end = ix->line_start;
        lines = ix->lines;
    }
    end_levels(ix, b.level + 1, end, lines);
    if (closes) /* what follows is the epilogue */
        text_cut(&ix->boundaries, ix->stack[--ix->stack_size].at);
    ix->delimiter = closes ? CLOSES : OPENS;
    ix->mode = SKIP;
    return true;
}

/* The present line has ended, and the next one begins at ix->offset (ix->lines and ix->eol are up to date). */
static void next_line(mime_indexer *ix)
{
    ix->line_start = ix->offset;
    if (ix->mode == HEADER)
        return;
    bool opens = ix->delimiter == OPENS;
    ix->mode = BODY;
    ix->delimiter = NO_DELIMITER;
    if (opens && !ix->opaque && ix->count < mime_parts_max)
        open_part(ix, ix->offset, ix->lines);
}

static bool is_from_line(ll_span line)
{
    return span_equal(span_first(line, 5), SPAN("From ")) || span_equal(span_first(line, 6), SPAN(">From "));
}

/* One header line without its line end. `lines` is the count of line feeds before it. */
static void header_line(mime_indexer *ix, ll_span line, bool blank)
{
    const boundary *found = find_boundary(ix, line);
    if (found && take_boundary(ix, found, line))
        return;
    size_t value = 0, name = mime_field_name(line, &value);
    bool more = line.size && (line.data[0] == ' ' || line.data[0] == '\t');
    bool first = ix->first_line, from = ix->from_line;
    ix->first_line = ix->from_line = false;
    if (blank)
        return;                               /* the caller ends the header, once the line is counted */
    if (first && !name && is_from_line(line)) /* "From : a@b" is a field, RFC 5322 section 4.5 */
        ix->from_line = true;
    else if ((first || from) && !name) {
        end_headerless(ix);
        ix->mode = SKIP;
    } else if (name)
        mime_facts_add(&ix->facts, span_first(line, name), span_from(line, value));
    else if (more)
        mime_facts_more(&ix->facts, line);
    else
        ix->facts.open = false;
}

/* Take header bytes up to the end of the line; answers how many. */
static size_t push_header(mime_indexer *ix, ll_span bytes)
{
    const char *feed = memchr(bytes.data, '\n', bytes.size);
    size_t size = feed ? (size_t)(feed - bytes.data) + 1 : bytes.size;
    ll_span line = span_first(bytes, size);
    if (!feed ||
        ix->line.size) { /* it comes in pieces: two bytes more than the ceiling, because its end may not count */
        text_add(&ix->line, span_first(line, mime_line_bytes_max + 2 - ix->line.size));
        line = text_span(&ix->line);
        if (text_status(&ix->line))
            fail(ix, text_status(&ix->line));
    }
    char before = size > 1 ? bytes.data[size - 2] : ix->last;
    ix->offset += size;
    ix->last = bytes.data[size - 1];
    if (!feed || ix->status)
        return size;
    unsigned eol = before == '\r' ? 2 : 1;
    uint64_t content = ix->offset - ix->line_start - eol;
    line = span_first(line, content < mime_line_bytes_max ? (size_t)content : mime_line_bytes_max);
    header_line(ix, line, content == 0);
    ix->lines++;
    ix->eol = eol;
    text_clear(&ix->line);
    if (content == 0 && !ix->status && ix->mode == HEADER)
        end_header(ix, ix->offset, ix->lines);
    if (!ix->status)
        next_line(ix);
    return size;
}

/* Take body bytes from inside a line, up to the start of a line that may be a boundary; answers how many. */
static size_t push_body(mime_indexer *ix, ll_span bytes)
{
    const char *at = bytes.data, *end = at + bytes.size, *feed;
    bool probe = ix->stack_size && !ix->opaque;
    uint64_t lines = ix->lines;
    for (;;) {
        feed = memchr(at, '\n', (size_t)(end - at));
        if (!feed)
            break;
        lines++;
        at = feed + 1;
        if (ix->delimiter != NO_DELIMITER || at == end || (probe && *at == '-'))
            break;
    }
    size_t size = feed ? (size_t)(at - bytes.data) : bytes.size;
    char before = feed ? (feed > bytes.data ? feed[-1] : ix->last) : '\0';
    ix->lines = lines;
    ix->offset += size;
    ix->last = bytes.data[size - 1];
    if (feed) {
        ix->eol = before == '\r' ? 2 : 1;
        next_line(ix);
    } else
        ix->mode = SKIP;
    return size;
}

/* At the start of a body line, or inside one that may be a boundary: look at enough of it. Answers how many bytes were
 * taken. */
static size_t push_probe(mime_indexer *ix, ll_span bytes)
{
    const char *feed = memchr(bytes.data, '\n', bytes.size < probe_max ? bytes.size : probe_max);
    size_t size = feed ? (size_t)(feed - bytes.data) : bytes.size;
    ll_span line = span_first(bytes, size);
    bool known = feed || size >= probe_max || (line.size > 1 && line.data[1] != '-');
    size_t taken = 0;
    if (ix->mode == PROBE || !known) {
        taken = size < probe_max - ix->line.size ? size : probe_max - ix->line.size;
        text_add(&ix->line, span_first(line, taken));
        if (text_status(&ix->line))
            fail(ix, text_status(&ix->line));
        ix->offset += taken;
        if (taken)
            ix->last = bytes.data[taken - 1];
        line = text_span(&ix->line);
        known = feed || line.size >= probe_max;
        ix->mode = PROBE;
    }
    if (!known || ix->status)
        return taken;
    const boundary *found = find_boundary(ix, line);
    ix->mode = SKIP;
    if (found)
        take_boundary(ix, found, line);
    text_clear(&ix->line);
    return taken;
}

void mime_indexer_push(mime_indexer *ix, ll_span bytes)
{
    while (bytes.size && !ix->status) {
        size_t taken = 0;
        if (ix->mode == HEADER)
            taken = push_header(ix, bytes);
        else if (ix->mode == PROBE || (ix->mode == BODY && ix->stack_size && !ix->opaque && bytes.data[0] == '-'))
            taken = push_probe(ix, bytes);
        else
            taken = push_body(ix, bytes);
        bytes = span_from(bytes, taken);
    }
}

/* The last line has no line end: read it as it is. */
static void end_line(mime_indexer *ix)
{
    ll_span line = span_first(text_span(&ix->line), mime_line_bytes_max);
    if (ix->mode == HEADER && ix->offset > ix->line_start)
        header_line(ix, line, false);
    else if (ix->mode == PROBE) {
        const boundary *found = find_boundary(ix, line);
        ix->mode = SKIP;
        if (found)
            take_boundary(ix, found, line);
    }
    if (!ix->status && ix->mode == HEADER && ix->from_line)
        end_headerless(ix);
    if (!ix->status && ix->delimiter == OPENS)
        next_line(ix);
}

/* A multipart in which no part was found is shown as the text that it is. */
static void save_part(const mime_indexer *ix, const node *n, uint64_t gap, text *out)
{
    bool plain = n->kind == MIME_MULTIPART && n->children == 0;
    saved_add_number(out, plain ? MIME_LEAF : n->kind);
    if (n->kind == MIME_MULTIPART && !plain)
        saved_add_number(out, n->children);
    const uint64_t numbers[] = {gap, n->header_size, n->header_lines, n->body_size, n->body_lines};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        saved_add_number(out, numbers[i]);
    if (n->full) {
        mime_facts_none(out, n->envelope);
        return;
    }
    ll_span facts = span_of(text_str(&ix->saved) + n->facts_at, n->facts_size);
    if (plain)
        mime_facts_plain(out);
    text_add(out, plain ? span_from(facts, n->type_size) : facts);
}

/* Parts in order. For each open ancestor: how many children are to come, and where the next may begin. */
static void save_parts(const mime_indexer *ix, text *out)
{
    struct {
        uint32_t left;
        uint64_t base;
    } open[mime_depth_max + 2];
    size_t depth = 0;
    open[0].left = 1;
    open[0].base = 0;
    for (uint32_t i = 0; i < ix->count; i++) {
        const node *n = &ix->nodes[i];
        while (open[depth].left == 0)
            depth--;
        save_part(ix, n, n->header_offset - open[depth].base, out);
        uint64_t body = n->header_offset + n->header_size;
        open[depth].left--;
        open[depth].base = body + n->body_size;
        if (n->children) {
            depth++;
            open[depth].left = n->children;
            open[depth].base = body;
        }
    }
}

ll_status mime_indexer_finish(mime_indexer *ix, text *saved)
{
    if (!ix->status)
        end_line(ix);
    if (!ix->status)
        end_levels(ix, 0, ix->offset, ix->lines);
    if (ix->status)
        return ix->status;
    text_add_byte(saved, mime_index_version);
    saved_add_number(saved, ix->offset);
    saved_add_number(saved, ix->lines);
    saved_add_number(saved, ix->count);
    save_parts(ix, saved);
    return text_status(saved);
}

ll_status mime_indexer_new(mime_indexer **out, const ll_allocator *allocator)
{
    mime_indexer *ix = memory_new(allocator, sizeof *ix);
    *out = ix;
    if (!ix)
        return LL_ENOMEM;
    ix->allocator = allocator;
    text_init(&ix->line, allocator, mime_line_bytes_max + 2);
    text_init(&ix->boundaries, allocator, (size_t)mime_boundary_max * (mime_depth_max + 1));
    text_init(&ix->saved, allocator, mime_facts_max);
    mime_facts_init(&ix->facts, allocator);
    open_part(ix, 0, 0);
    if (ix->status)
        mime_indexer_del(out);
    return *out ? LL_OK : LL_ENOMEM;
}

void mime_indexer_del(mime_indexer **indexer)
{
    mime_indexer *ix = *indexer;
    if (!ix)
        return;
    text_fini(&ix->line);
    text_fini(&ix->boundaries);
    text_fini(&ix->saved);
    mime_facts_fini(&ix->facts);
    memory_free(ix->allocator, ix->nodes);
    memory_free(ix->allocator, ix);
    *indexer = NULL;
}

ll_status mime_indexer_whole(const ll_allocator *allocator, ll_span message, text *saved)
{
    mime_indexer *ix;
    ll_status status = mime_indexer_new(&ix, allocator);
    if (status)
        return status;
    mime_indexer_push(ix, message);
    status = mime_indexer_finish(ix, saved);
    mime_indexer_del(&ix);
    return status;
}
