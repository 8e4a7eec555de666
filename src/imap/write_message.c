/* write_message.c - see write_message.h
 * SPDX-License-Identifier: MIT */
#include "imap/write_message.h"

#include "base/clock.h"
#include "imap/response.h"
#include "imap/write_envelope.h"
#include "imap/write_structure.h"

enum { PREPARE, ITEMS, GATHER, ANSWER, BODY_FIRST, BODY_REST, COUNT, BINARY, PREVIEW };

void write_message_init(write_message *w, ll_session *s, const fetch_items *items)
{
    *w = (write_message){.s = s, .items = items};
    message_init(&w->m, s);
    write_flags_init(&w->flags, &s->snap);
    text_init(&w->header, s->allocator, write_message_header_max);
    text_init(&w->answer, s->allocator, write_message_answer_max);
    fetch_binary_init(&w->binary, s->allocator);
    fetch_preview_init(&w->preview, s->allocator);
    w->utf8 = s->enabled & (SESSION_ENABLED_UTF8 | SESSION_ENABLED_REV2);
}

void write_message_fini(write_message *w)
{
    if (!w->s)
        return;
    message_fini(&w->m);
    text_fini(&w->header);
    text_fini(&w->answer);
    fetch_binary_fini(&w->binary);
    fetch_preview_fini(&w->preview);
    w->s = NULL;
}

void write_message_begin(write_message *w, const ll_row *row, uint32_t number)
{
    message_begin(&w->m, row);
    w->number = number;
    w->phase = PREPARE;
    w->item = 0;
    w->open = w->failed = false;
    w->header_kept = false;
}

/* The name of the item under way, with the spaces around it, or all that stands before the first one. */
static void say_label(write_message *w)
{
    text *out = &w->s->output;
    if (!w->open) {
        text_add(out, SPAN("* "));
        text_add_u64(out, session_uidonly(w->s) ? w->m.row.uid : w->number);
        text_add(out, session_uidonly(w->s) ? SPAN(" UIDFETCH (") : SPAN(" FETCH ("));
    } else
        text_add_byte(out, ' ');
    w->open = true;
    text_add(out, w->items->items[w->item].label);
    text_add_byte(out, ' ');
}

static void say_literal_size(write_message *w, uint64_t size, bool literal8)
{
    text *out = &w->s->output;
    say_label(w);
    text_add(out, literal8 ? SPAN("~{") : SPAN("{"));
    text_add_u64(out, size);
    text_add(out, SPAN("}\r\n"));
}

/* The item under way is answered: on to the next. */
static void next_item(write_message *w)
{
    w->item++;
    w->phase = ITEMS;
}

static void say_item(write_message *w, ll_span value)
{
    say_label(w);
    text_add(&w->s->output, value);
    next_item(w);
}

/* Out of memory cannot be told in the middle of a reply. */
static ll_status break_off(write_message *w)
{
    w->s->broken = true;
    return LL_ECLOSED;
}

/* An item cannot be read, and nothing of it has been written. */
static ll_status lose_item(write_message *w, ll_status status)
{
    if (status == LL_ENOMEM)
        return break_off(w);
    w->lost = status;
    w->failed = true;
    say_item(w, SPAN("NIL"));
    return LL_OK;
}

/* BINARY.SIZE of what has no encoding to undo. */
static void say_size(write_message *w, uint64_t size)
{
    say_label(w);
    text_add_u64(&w->s->output, size);
    next_item(w);
}

/* What a partial leaves of `size` bytes: from *offset, *left bytes. */
static void cut_partial(const fetch_item *item, uint64_t size, uint64_t *offset, uint64_t *left)
{
    *offset = item->partial ? (item->offset < size ? item->offset : size) : 0;
    *left = size - *offset;
    if (item->partial && item->length < *left)
        *left = item->length;
}

/* The row brought the fields, and nothing else of the message is needed. */
static bool has_fields(const write_message *w)
{
    return w->m.row.fields.size && fetch_items_fields(w->items);
}

static void begin_section(write_message *w, const fetch_item *item)
{
    uint64_t skipped;
    if (has_fields(w)) {
        w->phase = GATHER;
        return;
    }
    section_place place = w->m.index ? section_find(&item->section, w->m.index, w->m.row.size)
                                     : section_find_own(&item->section, w->m.row.size, w->m.row.header_size);
    if (place.kind == SECTION_MISSING) {
        say_item(w, item->kind == FETCH_BINARY_SIZE ? SPAN("0") : SPAN("NIL"));
        return;
    }
    if (place.kind == SECTION_COMPUTED) {
        if (!w->header_kept || w->header_offset != place.offset || w->header.size != place.size) {
            text_fini(&w->header);
            w->header_kept = false;
            w->header_offset = place.offset;
        }
        w->left = place.size;
        w->phase = GATHER;
        return;
    }
    if (item->kind == FETCH_BINARY_SIZE) {
        say_size(w, place.size);
        return;
    }
    cut_partial(item, place.size, &skipped, &w->left);
    w->offset = place.offset + skipped;
    w->phase = BODY_FIRST;
    if (!w->left)
        say_item(w, SPAN("\"\""));
}

/* Send size bytes of the answer, from at on: not all at once, it may be megabytes. */
static void begin_answer(write_message *w, size_t at, size_t size)
{
    w->answer_at = at;
    w->answer_end = at + size;
    w->phase = ANSWER;
}

static void step_answer(write_message *w)
{
    ll_span rest = span_from(text_span(&w->answer), w->answer_at);
    ll_span piece = span_first(span_first(rest, w->answer_end - w->answer_at), message_piece);
    text_add(&w->s->output, piece);
    w->answer_at += piece.size;
    if (w->answer_at < w->answer_end)
        return;
    if (w->answer.room > write_message_answer_keep)
        text_fini(&w->answer);
    next_item(w);
}

static void add_facts(const write_message *w, fetch_kind kind, text *out)
{
    const mime_part *root = mime_index_root(w->m.index);
    if (kind == FETCH_ENVELOPE)
        write_envelope(out, root->envelope, w->utf8);
    else
        write_structure(out, root, kind == FETCH_BODYSTRUCTURE, w->utf8);
}

/* ENVELOPE, BODY, BODYSTRUCTURE. Of a small index they are small too, and need not go by the answer. */
static ll_status write_facts(write_message *w, fetch_kind kind)
{
    if (w->m.row.index.size && w->m.row.index.size <= write_message_small) {
        say_label(w);
        add_facts(w, kind, &w->s->output);
        next_item(w);
        return LL_OK;
    }
    text_clear(&w->answer);
    add_facts(w, kind, &w->answer);
    if (text_status(&w->answer)) /* the index has ceilings, so it is memory; and there is no NIL for these */
        return break_off(w);
    say_label(w);
    begin_answer(w, 0, w->answer.size);
    return LL_OK;
}

static void write_date(const ll_session *s, text *out, int64_t date)
{
    text_add_byte(out, '"');
    clock_add_imap(out, date, session_offset(s, date));
    text_add_byte(out, '"');
}

/* "(" objectid ")", RFC 8474 section 7. */
static void write_id(text *out, ll_span id)
{
    text_add_byte(out, '(');
    text_add(out, id);
    text_add_byte(out, ')');
}

/* The items that are in the row or in the snapshot. */
static void write_fact(write_message *w, fetch_kind kind)
{
    const ll_row *row = &w->m.row;
    text *out = &w->s->output;
    if (kind != FETCH_EMAILID || row->email_id.size) {
        say_label(w);
        if (kind == FETCH_UID)
            text_add_u64(out, row->uid);
        else if (kind == FETCH_FLAGS)
            write_flags_add(&w->flags, row->uid, out);
        else if (kind == FETCH_INTERNALDATE)
            write_date(w->s, out, row->internaldate);
        else if (kind == FETCH_SIZE)
            text_add_u64(out, row->size);
        else if (kind == FETCH_MODSEQ)
            text_print(out, "(%llu)", (unsigned long long)session_modseq(w->s, row));
        else if (kind == FETCH_SAVEDATE && row->savedate)
            write_date(w->s, out, row->savedate);
        else if (kind == FETCH_EMAILID)
            write_id(out, row->email_id);
        else if (kind == FETCH_THREADID && row->thread_id.size)
            write_id(out, row->thread_id);
        else
            text_add(out, SPAN("NIL"));
    }
    next_item(w);
}

/* An item of BINARY cannot be answered: a size can be neither NIL nor made up, and is left out. */
static ll_status lose_binary(write_message *w, const fetch_item *item, ll_status status)
{
    fetch_binary_fini(&w->binary);
    w->unknown_encoding = w->unknown_encoding || status == LL_EUNSUPPORTED;
    if (item->kind == FETCH_BINARY || status == LL_ENOMEM)
        return lose_item(w, status);
    w->lost = status;
    next_item(w);
    return LL_OK;
}

static ll_status begin_binary(write_message *w, const fetch_item *item)
{
    ll_status status = fetch_binary_begin(&w->binary, &w->m, &item->section);
    if (status == LL_ENOTFOUND) {
        say_item(w, item->kind == FETCH_BINARY ? SPAN("NIL") : SPAN("0"));
        return LL_OK;
    }
    w->phase = COUNT;
    return status ? lose_binary(w, item, status) : LL_OK;
}

static ll_status step_count(write_message *w)
{
    const fetch_item *item = &w->items->items[w->item];
    bool all = !item->partial || item->length > UINT64_MAX - item->offset;
    uint64_t skipped;
    ll_status status = fetch_binary_count(&w->binary, item->partial ? item->offset : 0,
                                          all ? UINT64_MAX : item->offset + item->length);
    if (status == LL_LATER)
        return status;
    if (status)
        return lose_binary(w, item, status);
    if (item->kind == FETCH_BINARY_SIZE) {
        say_size(w, w->binary.size);
        return LL_OK;
    }
    bool literal8 = w->binary.has_nul;
    cut_partial(item, w->binary.size, &skipped, &w->left);
    if (!w->left) {
        say_item(w, SPAN("\"\""));
        return LL_OK;
    }
    status = fetch_binary_rewind(&w->binary);
    if (status)
        return lose_binary(w, item, status);
    w->offset = skipped;
    say_literal_size(w, w->left, literal8);
    w->phase = BINARY;
    return LL_OK;
}

/* The decoded bytes from w->offset on; they were all there a moment ago. */
static ll_status step_binary(write_message *w)
{
    ll_span bytes;
    ll_status status = fetch_binary_next(&w->binary, &bytes);
    if (status == LL_LATER)
        return status;
    if (status || !bytes.size)
        return break_off(w);
    size_t skip = w->offset < bytes.size ? (size_t)w->offset : bytes.size;
    w->offset -= skip;
    bytes = span_from(bytes, skip);
    if (bytes.size > w->left)
        bytes.size = (size_t)w->left;
    text_add(&w->s->output, bytes);
    w->left -= bytes.size;
    if (!w->left) {
        fetch_binary_fini(&w->binary);
        next_item(w);
    }
    return LL_OK;
}

static ll_status step_preview(write_message *w)
{
    ll_status status = fetch_preview_step(&w->preview);
    if (status == LL_LATER)
        return status;
    if (status)
        return lose_item(w, status);
    say_label(w);
    response_string_as(&w->s->output, text_span(&w->preview.preview), w->utf8);
    next_item(w);
    return LL_OK;
}

static ll_status write_item(write_message *w)
{
    const fetch_item *item = &w->items->items[w->item];
    bool body = item->section.what == SECTION_ALL || item->section.what == SECTION_TEXT;
    switch (item->kind) {
    case FETCH_BINARY:
    case FETCH_BINARY_SIZE:
        if (body)
            return begin_binary(w, item);
        begin_section(w, item);
        return LL_OK;
    case FETCH_SECTION:
        begin_section(w, item);
        return LL_OK;
    case FETCH_PREVIEW:
        fetch_preview_begin(&w->preview, &w->m);
        w->phase = PREVIEW;
        return LL_OK;
    case FETCH_ENVELOPE:
    case FETCH_BODY:
    case FETCH_BODYSTRUCTURE:
        return write_facts(w, item->kind);
    default:
        write_fact(w, item->kind);
        return LL_OK;
    }
}

/* The header came with the row, and its size. */
static bool has_header(const write_message *w)
{
    return w->m.row.header_size && w->m.row.header_size <= w->m.row.content.size;
}

static ll_status prepare(write_message *w)
{
    if (w->items->index || (w->items->header && !has_fields(w) && !has_header(w))) {
        ll_status status = message_index(&w->m);
        if (status == LL_LATER || status == LL_ENOMEM)
            return status;
        if (status) {
            w->lost = status;
            w->failed = true;
            w->number = 0;
            return LL_OK;
        }
    }
    w->phase = ITEMS;
    return LL_OK;
}

/* HEADER.FIELDS and their like: gather the header block, take from it, say it. */
static ll_status step_gather(write_message *w)
{
    const fetch_item *item = &w->items->items[w->item];
    uint64_t offset, left;
    ll_span header = text_span(&w->header);
    if (has_fields(w)) {
        header = w->m.row.fields;
    } else if (!w->header_kept && !w->m.asked && !w->header.size &&
               message_have(&w->m, w->header_offset, w->left, &header)) {
        /* it came with the row */
    } else if (!w->header_kept) {
        ll_status status = message_gather(&w->m, w->header_offset, w->left, &w->header);
        if (status == LL_LATER)
            return status;
        if (status) {
            text_fini(&w->header);
            return lose_item(w, status);
        }
        w->header_kept = true;
        header = text_span(&w->header);
    }
    text_clear(&w->answer);
    section_select(&item->section, header, &w->answer);
    if (text_status(&w->answer))
        return lose_item(w, text_status(&w->answer));
    if (item->kind == FETCH_BINARY_SIZE) {
        say_size(w, w->answer.size);
        return LL_OK;
    }
    cut_partial(item, w->answer.size, &offset, &left);
    if (left) {
        say_literal_size(w, left, false);
        begin_answer(w, (size_t)offset, (size_t)left);
    } else
        say_item(w, SPAN("\"\""));
    return LL_OK;
}

/* A body in pieces. The first is read before the literal is announced. */
static ll_status step_body(write_message *w)
{
    ll_span bytes;
    size_t piece = message_piece_at(&w->m, w->offset, w->left);
    ll_status status = message_read(&w->m, w->offset, piece, &bytes);
    if (status == LL_LATER)
        return status;
    if (status)
        return w->phase == BODY_FIRST ? lose_item(w, status) : break_off(w);
    if (w->phase == BODY_FIRST)
        say_literal_size(w, w->left, false);
    text_add(&w->s->output, bytes);
    w->offset += piece;
    w->left -= piece;
    w->phase = BODY_REST;
    if (!w->left)
        next_item(w);
    return LL_OK;
}

static ll_status step(write_message *w)
{
    switch (w->phase) {
    case ITEMS:
        return write_item(w);
    case GATHER:
        return step_gather(w);
    case ANSWER:
        step_answer(w);
        return LL_OK;
    case COUNT:
        return step_count(w);
    case BINARY:
        return step_binary(w);
    case PREVIEW:
        return step_preview(w);
    default:
        return step_body(w);
    }
}

ll_status write_message_step(write_message *w)
{
    ll_status status = LL_OK;
    while (!status) {
        if (w->phase == PREPARE) {
            status = prepare(w);
            if (!w->number)
                return status;
            continue;
        }
        if (w->phase == ITEMS && w->item == w->items->count) {
            if (w->open)
                text_add(&w->s->output, SPAN(")\r\n"));
            return LL_OK;
        }
        if (!w->m.asked && session_full(w->s))
            return LL_MORE;
        status = step(w);
    }
    return status;
}
