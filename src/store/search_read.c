/* search_read.c - see search_read.h
 * SPDX-License-Identifier: MIT */
#include "store/search_read.h"

#include "base/memory.h"
#include "mime/fold.h"
#include "mime/indexer.h"
#include "mime/readable.h"
#include "store/message.h"
#include "store/search_gram.h"
#include "store/search_line.h"

#include <assert.h>

static_assert((int)SEARCH_CLASS_FROM + (int)MIME_FACT_REFERENCES == (int)SEARCH_CLASS_REFERENCES, "one order");

enum { LINE_MAX = 4 * mime_readable_header_max }; /* of a field, folded: beyond it "always possible" */

/* One text on its way into a class. */
typedef struct stream {
    mime_fold fold;
    search_cutter cutter;
    search_joiner joiner; /* of what BODY looks at */
    char last;            /* for grams */
} stream;

struct search_reader {
    search_batch *batch;
    search_class class; /* of the text under way */
    ll_status status;   /* what ended it */
    stream written, read;
    search_grams grams;
    text folded, header, line, made, whole, piece;
    mime_readable *part; /* under way */
};

ll_status search_reader_new(search_reader **out)
{
    search_reader *r = *out = memory_new(NULL, sizeof *r);
    if (!r)
        return LL_ENOMEM;
    mime_fold_init(&r->written.fold, NULL);
    mime_fold_init(&r->read.fold, NULL);
    text_init(&r->folded, NULL, mime_fold_max);
    text_init(&r->header, NULL, mime_readable_header_max);
    text_init(&r->line, NULL, mime_readable_line_max);
    text_init(&r->made, NULL, mime_saved_max);
    text_init(&r->whole, NULL, LINE_MAX);
    text_init(&r->piece, NULL, search_term_max);
    return LL_OK;
}

void search_reader_del(search_reader **reader)
{
    search_reader *r = *reader;
    *reader = NULL;
    if (!r)
        return;
    text *all[] = {
        &r->written.fold.held, &r->read.fold.held, &r->folded, &r->header, &r->line, &r->made, &r->whole, &r->piece};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        text_wipe(all[i]);
    memory_free(NULL, r);
}

/* ---------------------------------------------------------------------------------------------------- Texts */

static ll_status add_term(void *ctx, ll_span term)
{
    search_reader *r = ctx;
    return search_batch_add(r->batch, r->class, term);
}

static ll_status add_joint(void *ctx, ll_span joint)
{
    search_reader *r = ctx;
    return search_batch_add(r->batch, SEARCH_CLASS_JOINS, joint);
}

static ll_status add_gram(void *ctx, ll_span gram)
{
    search_reader *r = ctx;
    return search_batch_add(r->batch, SEARCH_CLASS_GRAMS, gram);
}

static void note(search_reader *r, ll_status status)
{
    if (!r->status)
        r->status = status;
}

static void stream_begin(search_reader *r, stream *s)
{
    search_cutter_init(&s->cutter, r->class);
    search_joiner_init(&s->joiner);
    s->last = 0;
    text_clear(&s->fold.held);
}

static void cut_folded(search_reader *r, stream *s)
{
    if (!r->status)
        note(r, text_status(&r->folded));
    if (!r->status)
        note(r, search_cutter_push(&s->cutter, text_span(&r->folded), add_term, r));
    if (!r->status && r->class == SEARCH_CLASS_BODY)
        note(r, search_joiner_push(&s->joiner, text_span(&r->folded), add_joint, r));
    if (!r->status && r->class == SEARCH_CLASS_BODY)
        note(r, search_grams_push(&r->grams, &s->last, text_span(&r->folded), add_gram, r));
    text_clear(&r->folded);
}

static void stream_push(search_reader *r, stream *s, ll_span utf8)
{
    bool more = true;
    while (more && !r->status) {
        more = mime_fold_push(&s->fold, &utf8, &r->folded);
        cut_folded(r, s);
        note(r, mime_fold_status(&s->fold));
    }
}

static void stream_end(search_reader *r, stream *s)
{
    if (r->status)
        return;
    mime_fold_end(&s->fold, &r->folded);
    cut_folded(r, s);
    if (!r->status)
        note(r, search_cutter_end(&s->cutter, add_term, r));
    if (!r->status && r->class == SEARCH_CLASS_BODY)
        note(r, search_joiner_end(&s->joiner, add_joint, r));
    if (s->cutter.over)
        note(r, search_batch_possible(r->batch, r->class));
}

static void take_folded(search_reader *r)
{
    text_add(&r->whole, text_span(&r->folded));
    text_clear(&r->folded);
    note(r, text_status(&r->whole));
    note(r, mime_fold_status(&r->written.fold));
}

/* A value, kept whole; `name` in lower case if it is that of a field. */
static void add_line(search_reader *r, search_class class, ll_span name, ll_span utf8)
{
    r->class = class;
    stream_begin(r, &r->written);
    text_clear(&r->whole);
    if (class == SEARCH_CLASS_HEAD && !name.size) /* not to be taken for a field of that name */
        text_add_byte(&r->whole, search_join_line);
    for (bool more = true; more && !r->status;) {
        more = mime_fold_push(&r->written.fold, &utf8, &r->folded);
        note(r, text_status(&r->folded));
        take_folded(r);
    }
    mime_fold_end(&r->written.fold, &r->folded);
    take_folded(r);
    if (!r->status)
        note(r, search_line_cut(name, text_span(&r->whole), &r->piece, add_term, r));
}

/* A text in one piece. */
static void add_text(search_reader *r, search_class class, ll_span utf8)
{
    r->class = class;
    stream_begin(r, &r->written);
    stream_push(r, &r->written, utf8);
    stream_end(r, &r->written);
}

/* What may have gone wrong in a class is no reason to give up the others. */
static ll_status settle(search_reader *r, search_class class)
{
    ll_status status = r->status;
    r->status = LL_OK;
    if (!status)
        return LL_OK;
    if (status == LL_ENOMEM || status == LL_ETIMEOUT || status == LL_EIO)
        return status;
    return search_batch_possible(r->batch, class);
}

/* --------------------------------------------------------------------------------------------------- Header */

static ll_status add_facts(search_reader *r, const mime_envelope *envelope)
{
    ll_status status = LL_OK;
    for (mime_fact fact = MIME_FACT_FROM; envelope && !status && fact < MIME_FACTS; fact++) {
        search_class class = (search_class)((int)SEARCH_CLASS_FROM + (int)fact);
        text_clear(&r->line);
        bool there = mime_readable_fact(envelope, fact, &r->line);
        note(r, text_status(&r->line));
        if (there && !r->status && search_class_is_lines(class))
            add_line(r, class, SPAN(""), text_span(&r->line));
        else if (there && !r->status)
            add_text(r, class, text_span(&r->line));
        status = settle(r, class);
    }
    return status;
}

/* A field's name in lower case; empty: no HEADER can ask for it. */
static ll_span lower_name(ll_span name, char lower[search_line_name])
{
    if (name.size > search_line_name)
        return SPAN("");
    for (size_t i = 0; i < name.size; i++)
        lower[i] = ascii_lower(name.data[i]);
    return span_of(lower, name.size);
}

static ll_status add_name(search_reader *r, ll_span name, ll_span lower)
{
    if (!name.size)
        return LL_OK;
    ll_status status = lower.size ? search_batch_add(r->batch, SEARCH_CLASS_NAMES, lower) : LL_ELIMIT;
    return status == LL_ELIMIT ? search_batch_possible(r->batch, SEARCH_CLASS_NAMES) : status;
}

/* A field of the message's own header. */
static ll_status add_field(search_reader *r, ll_span name)
{
    char lower[search_line_name];
    ll_span known = lower_name(name, lower);
    if (!r->status)
        add_line(r, SEARCH_CLASS_HEAD, known, text_span(&r->line));
    ll_span line = text_span(&r->whole);
    bool fits = !name.size || (known.size && span_equal(span_first(line, known.size), known) &&
                               span_equal(span_first(span_from(line, known.size), 2), SPAN(": ")));
    if (!r->status && (!fits || r->line.size > mime_fold_piece)) /* folded otherwise, or maybe, than the value alone */
        note(r, LL_ELIMIT);
    return !r->status || r->status == LL_ELIMIT ? add_name(r, name, known) : LL_OK;
}

/* The value of a field as it is written, when it is one of those that have a class of their own. */
static void add_fact(search_reader *r, ll_span name, ll_span value)
{
    mime_fact fact;
    if (r->status || !mime_readable_fact_of(name, &fact))
        return;
    search_class class = (search_class)((int)SEARCH_CLASS_FROM + (int)fact);
    if (search_class_is_lines(class))
        add_line(r, class, SPAN(""), value);
    else
        add_text(r, class, value);
}

static ll_status gather(void *ctx, ll_span bytes)
{
    text_add(ctx, bytes);
    return text_status(ctx);
}

/* The header of a part; the root's is what TEXT and HEADER look at, the others are in the body. */
static ll_status add_header(search_reader *r, db *d, int64_t message, const mime_part *part)
{
    search_class class = part->parent ? SEARCH_CLASS_BODY : SEARCH_CLASS_HEAD;
    uint64_t size = part->header_size < mime_readable_header_max ? part->header_size : mime_readable_header_max;
    mime_field field;
    text_clear(&r->header);
    if (size)
        note(r, message_content(d, message, part->header_offset, size, gather, &r->header));
    bool unread = r->status;
    for (ll_span rest = text_span(&r->header); !r->status && mime_field_next(&rest, &field);) {
        size_t value;
        text_clear(&r->line);
        mime_readable_field(&field, &r->line, &value);
        note(r, text_status(&r->line));
        if (part->parent && !r->status)
            add_text(r, class, text_span(&r->line));
        if (!part->parent)
            add_fact(r, field.name, span_from(text_span(&r->line), value));
        ll_status status = part->parent ? LL_OK : add_field(r, field.name);
        if (status)
            return status;
    }
    for (unsigned which = 0; !r->status && which < mime_readable_names; which++) {
        text_clear(&r->line);
        bool there = mime_readable_name(part, which, &r->line);
        note(r, text_status(&r->line));
        if (there && !r->status)
            add_text(r, class, text_span(&r->line));
    }
    if (!part->parent && (unread || r->status == LL_ELIMIT)) { /* names behind this field were not seen */
        ll_status status = search_batch_possible(r->batch, SEARCH_CLASS_NAMES);
        for (int fact = 0; !status && fact < (int)MIME_FACTS; fact++)
            status = search_batch_possible(r->batch, (search_class)((int)SEARCH_CLASS_FROM + fact));
        if (status)
            return status;
    }
    return settle(r, class);
}

/* ---------------------------------------------------------------------------------------------------- Body */

static void take_piece(void *ctx, bool as_read, ll_span utf8)
{
    search_reader *r = ctx;
    stream_push(r, as_read ? &r->read : &r->written, utf8);
}

static ll_status push_part(void *ctx, ll_span bytes)
{
    search_reader *r = ctx;
    mime_readable_push(r->part, bytes);
    note(r, mime_readable_status(r->part));
    return r->status;
}

static ll_status add_body(search_reader *r, db *d, int64_t message, const mime_part *part)
{
    mime_readable readable;
    if (!mime_readable_is_text(part))
        return LL_OK;
    r->class = SEARCH_CLASS_BODY;
    r->part = &readable;
    stream_begin(r, &r->written);
    stream_begin(r, &r->read);
    note(r, mime_readable_open(&readable, NULL, part, take_piece, r));
    if (!r->status && part->body_size)
        note(r, message_content(d, message, part->body_offset, part->body_size, push_part, r));
    if (!r->status)
        mime_readable_end(&readable);
    note(r, mime_readable_status(&readable));
    stream_end(r, &r->written);
    stream_end(r, &r->read);
    mime_readable_close(&readable);
    r->part = NULL;
    return settle(r, SEARCH_CLASS_BODY);
}

/* -------------------------------------------------------------------------------------------------- Message */

static ll_status push_indexer(void *ctx, ll_span bytes)
{
    mime_indexer_push(ctx, bytes);
    return LL_OK;
}

/* As the engine does if a message has no index that opens. */
static ll_status make_index(search_reader *r, db *d, int64_t message, uint64_t size, mime_index **index)
{
    mime_indexer *indexer;
    ll_status status = mime_indexer_new(&indexer, NULL);
    if (status)
        return status;
    text_clear(&r->made);
    if (size)
        status = message_content(d, message, 0, size, push_indexer, indexer);
    if (!status)
        status = mime_indexer_finish(indexer, &r->made);
    mime_indexer_del(&indexer);
    return status ? status : mime_index_open(index, NULL, text_span(&r->made));
}

static ll_status open_index(search_reader *r, db *d, int64_t message, uint64_t size, ll_span facts, mime_index **index)
{
    *index = NULL;
    ll_status status = facts.size ? mime_index_open(index, NULL, facts) : LL_ECORRUPT;
    if (!status && mime_index_size(*index) != size) {
        mime_index_del(index);
        status = LL_ECORRUPT;
    }
    return status == LL_ECORRUPT || status == LL_EVERSION ? make_index(r, d, message, size, index) : status;
}

static ll_status anything_possible(search_reader *r)
{
    ll_status status = LL_OK;
    for (search_class class = 0; !status && class < SEARCH_CLASS_ALWAYS; class ++)
        status = search_batch_possible(r->batch, class);
    return status;
}

static ll_status add_parts(search_reader *r, db *d, int64_t message, const mime_index *index)
{
    ll_status status = add_facts(r, mime_index_root(index)->envelope);
    for (uint32_t i = 0; !status && i < mime_index_parts(index); i++) {
        const mime_part *part = mime_index_part(index, i);
        status = add_header(r, d, message, part);
        if (!status)
            status = add_body(r, d, message, part);
    }
    if (!status)
        note(r, search_grams_end(&r->grams, add_gram, r));
    return status ? status : settle(r, SEARCH_CLASS_BODY);
}

ll_status search_read_message(search_reader *r, db *d, int64_t message, uint64_t size, ll_span facts,
                              search_batch *batch)
{
    mime_index *index;
    r->batch = batch;
    search_grams_init(&r->grams);
    r->status = open_index(r, d, message, size, facts, &index);
    if (r->status == LL_ENOMEM || r->status == LL_ETIMEOUT || r->status == LL_EIO)
        return r->status;
    if (r->status) {
        r->status = LL_OK;
        return anything_possible(r);
    }
    ll_status status = add_parts(r, d, message, index);
    mime_index_del(&index);
    return status;
}
