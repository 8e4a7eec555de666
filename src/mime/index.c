/* index.c - see index.h
 * SPDX-License-Identifier: MIT */
#include "mime/index.h"

#include "base/memory.h"
#include "mime/indexer.h"
#include "mime/saved.h"

struct mime_index {
    const ll_allocator *allocator;
    arena memory;
    uint64_t size, lines;
    mime_part *parts;
    uint32_t count;
};

/* The least bytes that each thing takes in a saved index: so a count cannot make us allocate more than a fixed multiple
 * of its size. */
enum { param_size_min = 3, address_size_min = 4, language_size_min = 2, part_size_min = 19 };

static const mime_param *read_params(saved_reader *r, arena *memory, size_t *count)
{
    *count = saved_count(r, param_size_min);
    if (!*count)
        return NULL;
    mime_param *params = arena_array(memory, *count, sizeof *params);
    for (size_t i = 0; params && i < *count; i++)
        params[i] = (mime_param){.name = saved_word(r), .value = saved_span(r)};
    if (!params)
        *count = 0;
    return params;
}

static mime_address_list read_addresses(saved_reader *r, arena *memory)
{
    size_t count = saved_count(r, address_size_min);
    mime_address *items = count ? arena_array(memory, count, sizeof *items) : NULL;
    bool in_group = false;
    for (size_t i = 0; items && i < count; i++) {
        mime_address *a = &items[i];
        a->name = saved_span(r);
        a->route = saved_span(r);
        a->mailbox = saved_span(r);
        a->host = saved_span(r);
        bool start = !a->host.data && a->mailbox.data, end = !a->host.data && !a->mailbox.data;
        if ((start && in_group) || (end && !in_group) || (a->host.data && !a->mailbox.data))
            r->bad = true;
        in_group = start || (in_group && !end);
    }
    if (in_group)
        r->bad = true;
    return (mime_address_list){.items = items, .count = items ? count : 0};
}

static mime_date read_sent(saved_reader *r)
{
    uint64_t valid = saved_number(r);
    if (valid > 1)
        r->bad = true;
    if (!valid)
        return (mime_date){0};
    int64_t seconds = saved_signed(r), offset = saved_signed(r);
    /* years 0 to 9999, with a day for the zone */
    if (offset <= -1440 || offset >= 1440 || seconds < INT64_C(-62167305600) || seconds > INT64_C(253402387200))
        r->bad = true;
    return (mime_date){.valid = true, .seconds = seconds, .offset_minutes = (int32_t)offset};
}

static const mime_envelope *read_envelope(saved_reader *r, arena *memory)
{
    mime_envelope *e = arena_new(memory, sizeof *e);
    if (!e)
        return NULL;
    ll_span *const spans[] = {&e->date, &e->subject, &e->in_reply_to, &e->message_id, &e->references};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        *spans[i] = saved_span(r);
    mime_address_list *const lists[] = {&e->from, &e->sender, &e->reply_to, &e->to, &e->cc, &e->bcc};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        *lists[i] = read_addresses(r, memory);
    if (!e->sender.count)
        e->sender = e->from;
    if (!e->reply_to.count)
        e->reply_to = e->from;
    e->sent = read_sent(r);
    return e;
}

static void read_languages(saved_reader *r, arena *memory, mime_part *part)
{
    size_t count = saved_count(r, language_size_min);
    ll_span *languages = count ? arena_array(memory, count, sizeof *languages) : NULL;
    for (size_t i = 0; languages && i < count; i++)
        languages[i] = saved_word(r);
    part->languages = languages;
    part->languages_count = languages ? count : 0;
}

static void read_facts(saved_reader *r, arena *memory, bool envelope, mime_part *part)
{
    part->type = saved_word(r);
    part->subtype = saved_word(r);
    part->params = read_params(r, memory, &part->params_count);
    part->encoding = saved_word(r);
    ll_span *const spans[] = {&part->id, &part->description, &part->md5, &part->location, &part->disposition};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++)
        *spans[i] = saved_span(r);
    if (part->disposition.data)
        part->disposition_params = read_params(r, memory, &part->disposition_params_count);
    read_languages(r, memory, part);
    if (envelope)
        part->envelope = read_envelope(r, memory);
}

/* Add a size to an offset within `end`; false: it passes it. */
static bool advance(uint64_t *offset, uint64_t size, uint64_t end)
{
    if (size > end - *offset)
        return false;
    *offset += size;
    return true;
}

/* The ranges of a part that may begin at `base` and must end by `end`. */
static void read_ranges(saved_reader *r, uint64_t base, uint64_t end, mime_part *part)
{
    uint64_t at = base;
    bool good = advance(&at, saved_number(r), end);
    part->header_offset = at;
    part->header_size = saved_number(r);
    part->header_lines = saved_number(r);
    good = good && advance(&at, part->header_size, end);
    part->body_offset = at;
    part->body_size = saved_number(r);
    part->body_lines = saved_number(r);
    good = good && advance(&at, part->body_size, end);
    if (!good || part->header_lines > part->header_size || part->body_lines > part->body_size)
        r->bad = true;
}

/* One open ancestor while the parts are read. */
typedef struct ancestor {
    mime_part *part; /* NULL: above the root */
    mime_part *last; /* its last child so far */
    uint32_t left;   /* children to come */
    uint64_t base, end;
} ancestor;

static void read_part(mime_index *index, saved_reader *r, ancestor *up, uint32_t depth, mime_part *part)
{
    uint64_t kind = saved_number(r);
    uint64_t children = kind == MIME_MULTIPART ? saved_number(r) : kind == MIME_MESSAGE;
    if (kind > MIME_MESSAGE || children > index->count || (kind == MIME_MULTIPART && !children))
        r->bad = true;
    part->kind = r->bad ? MIME_LEAF : (mime_kind)kind;
    part->children_count = r->bad ? 0 : (uint32_t)children;
    part->depth = depth;
    part->parent = up->part;
    part->number = up->last ? up->last->number + 1 : 1;
    read_ranges(r, up->base, up->end, part);
    read_facts(r, &index->memory, !up->part || up->part->kind == MIME_MESSAGE, part);
    if (up->last)
        up->last->next = part;
    else if (up->part)
        up->part->child = part;
    up->last = part;
    up->left--;
    up->base = part->body_offset + part->body_size;
}

static void read_parts(mime_index *index, saved_reader *r)
{
    ancestor open[mime_depth_max + 2] = {{.left = 1, .end = index->size}};
    uint32_t depth = 0;
    for (uint32_t i = 0; i < index->count && !r->bad && !arena_status(&index->memory); i++) {
        while (open[depth].left == 0 && depth)
            depth--;
        mime_part *part = &index->parts[i];
        if (open[depth].left == 0) {
            r->bad = true; /* more parts than the tree has places for */
            return;
        }
        read_part(index, r, &open[depth], depth, part);
        if (part->children_count) {
            if (depth == mime_depth_max) {
                r->bad = true;
                return;
            }
            open[++depth] = (ancestor){.part = part,
                                       .left = part->children_count,
                                       .base = part->body_offset,
                                       .end = part->body_offset + part->body_size};
        }
    }
    for (uint32_t i = 0; i <= depth; i++)
        if (open[i].left)
            r->bad = true; /* fewer */
}

static ll_status read_index(mime_index *index, ll_span saved)
{
    saved_reader r = {.at = saved.data, .end = saved.data + saved.size};
    if (!saved.size)
        return LL_ECORRUPT;
    uint8_t version = (uint8_t)*r.at++;
    if (version != mime_index_version)
        return version > mime_index_version ? LL_EVERSION : LL_ECORRUPT;
    index->size = saved_number(&r);
    index->lines = saved_number(&r);
    size_t count = saved_count(&r, part_size_min);
    if (r.bad || !count || count > mime_parts_max || index->lines > index->size)
        return LL_ECORRUPT;
    index->count = (uint32_t)count;
    index->parts = arena_array(&index->memory, count, sizeof *index->parts);
    if (index->parts)
        read_parts(index, &r);
    if (arena_status(&index->memory))
        return arena_status(&index->memory) == LL_ENOMEM ? LL_ENOMEM : LL_ECORRUPT;
    const mime_part *root = index->parts;
    bool whole = root->header_offset == 0 && root->body_offset + root->body_size == index->size &&
                 root->header_lines + root->body_lines == index->lines;
    return r.bad || r.at != r.end || !whole ? LL_ECORRUPT : LL_OK;
}

ll_status mime_index_open(mime_index **out, const ll_allocator *allocator, ll_span saved)
{
    *out = NULL;
    if (saved.size > mime_saved_max)
        return LL_ECORRUPT;
    mime_index *index = memory_new(allocator, sizeof *index);
    if (!index)
        return LL_ENOMEM;
    index->allocator = allocator;
    /* the largest multiple is an address of 4 bytes that becomes 64, or a part of 19 that becomes sizeof(mime_part) */
    arena_init(&index->memory, allocator, 65536 + saved.size * 40);
    ll_status status = read_index(index, saved);
    if (status)
        mime_index_del(&index);
    *out = index;
    return status;
}

bool mime_index_header_size(ll_span saved, uint64_t size, uint64_t *header_size)
{
    saved_reader r = {.at = saved.data, .end = saved.data + saved.size};
    if (!saved.size || (uint8_t)*r.at++ != mime_index_version || saved_number(&r) != size)
        return false;
    saved_number(&r); /* lines */
    size_t parts = saved_count(&r, part_size_min);
    if (saved_number(&r) == MIME_MULTIPART)
        saved_number(&r); /* children */
    uint64_t gap = saved_number(&r);
    *header_size = saved_number(&r);
    return !r.bad && parts && !gap && *header_size <= size;
}

void mime_index_del(mime_index **index)
{
    if (!*index)
        return;
    arena_fini(&(*index)->memory);
    memory_free((*index)->allocator, *index);
    *index = NULL;
}

const mime_part *mime_index_root(const mime_index *index)
{
    return index->parts;
}

uint64_t mime_index_size(const mime_index *index)
{
    return index->size;
}

uint64_t mime_index_lines(const mime_index *index)
{
    return index->lines;
}

uint32_t mime_index_parts(const mime_index *index)
{
    return index->count;
}

const mime_part *mime_index_part(const mime_index *index, uint32_t n)
{
    return n < index->count ? &index->parts[n] : NULL;
}

static const mime_part *child(const mime_part *part, uint32_t number)
{
    const mime_part *at = part->child;
    while (at && at->number != number)
        at = at->next;
    return at;
}

const mime_part *mime_index_find(const mime_index *index, const uint32_t *path, size_t n)
{
    const mime_part *part = index->parts;
    bool message = true; /* part is a whole message, whose body is numbered next */
    for (size_t i = 0; part && i < n; i++) {
        if (!message && part->kind == MIME_MESSAGE) {
            part = part->child;
            message = true;
        }
        if (part->kind == MIME_MULTIPART)
            part = child(part, path[i]);
        else if (!message || path[i] != 1)
            part = NULL;
        message = false;
    }
    return part;
}

bool mime_part_is(const mime_part *part, const char *type, const char *subtype)
{
    return span_equal_nocase(part->type, span_str(type)) &&
           (!subtype || span_equal_nocase(part->subtype, span_str(subtype)));
}
