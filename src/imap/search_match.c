/* search_match.c - see search_match.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_match.h"

#include "base/clock.h"
#include "imap/search_sets.h"

#include <assert.h>

enum { ROW, INDEX, HEADER, BODY, END };

ll_status search_match_init(search_match *x, ll_session *s, search_keys *keys, arena *memory)
{
    *x = (search_match){.s = s, .keys = keys};
    message_init(&x->m, s);
    text_init(&x->header, s->allocator, search_header_max);
    x->needles = arena_array(memory, keys->leaves_count, sizeof *x->needles);
    return x->needles ? LL_OK : arena_status(memory);
}

static void close_part(search_match *x)
{
    if (x->part_open)
        search_part_close(&x->part);
    x->part_open = false;
}

void search_match_fini(search_match *x)
{
    if (!x->s)
        return;
    close_part(x);
    message_fini(&x->m);
    text_fini(&x->header);
    x->s = NULL;
}

void search_match_begin(search_match *x, const ll_row *row)
{
    message_begin(&x->m, row);
    text_fini(&x->header);
    close_part(x);
    x->stage = ROW;
    x->lost_now = false;
    x->part_at = 0;
    x->header_done = false;
    for (size_t i = 0; i < x->keys->leaves_count; i++) {
        search_key *leaf = x->keys->leaves[i];
        leaf->verdict = search_sets_verdict(leaf, &x->s->snap, row->uid);
        leaf->needle.found = false;
    }
}

static search_verdict verdict_of(bool yes)
{
    return yes ? SEARCH_YES : SEARCH_NO;
}

/* The day that INTERNALDATE and SAVEDATE say. */
static int64_t day_of(const ll_session *s, int64_t seconds)
{
    return clock_day(seconds + 60 * (int64_t)session_offset(s, seconds));
}

static void judge_saved(const ll_session *s, search_key *leaf, const ll_row *row)
{
    /* RFC 8514 section 4.3: a store without save dates goes by the internal date */
    int64_t day = day_of(s, row->savedate ? row->savedate : row->internaldate);
    if (leaf->kind == SEARCH_SAVEDBEFORE)
        leaf->verdict = verdict_of(day < leaf->number);
    else if (leaf->kind == SEARCH_SAVEDON)
        leaf->verdict = verdict_of(day == leaf->number);
    else if (leaf->kind == SEARCH_SAVEDSINCE)
        leaf->verdict = verdict_of(day >= leaf->number);
    else if (leaf->kind == SEARCH_SAVEDATE)
        leaf->verdict = verdict_of(row->savedate != 0);
}

static void judge_extended(const ll_session *s, search_key *leaf, const ll_row *row, uint64_t modseq, int64_t now)
{
    if (leaf->kind == SEARCH_OLDER)
        leaf->verdict = verdict_of(row->internaldate <= now - leaf->number);
    else if (leaf->kind == SEARCH_YOUNGER)
        leaf->verdict = verdict_of(row->internaldate >= now - leaf->number);
    else if (leaf->kind == SEARCH_MODSEQ)
        leaf->verdict = verdict_of(modseq >= (uint64_t)leaf->number);
    else if (leaf->kind == SEARCH_EMAILID) /* case matters, RFC 8474 section 7 */
        leaf->verdict = verdict_of(span_equal(leaf->name, row->email_id));
    else if (leaf->kind == SEARCH_THREADID)
        leaf->verdict = verdict_of(span_equal(leaf->name, row->thread_id));
    else
        judge_saved(s, leaf, row);
}

static void judge_row(const ll_session *s, search_key *leaf, const ll_row *row, uint64_t modseq, int64_t now)
{
    uint64_t bytes = (uint64_t)leaf->number;
    int64_t day = day_of(s, row->internaldate);
    if (leaf->kind == SEARCH_BEFORE)
        leaf->verdict = verdict_of(day < leaf->number);
    else if (leaf->kind == SEARCH_ON)
        leaf->verdict = verdict_of(day == leaf->number);
    else if (leaf->kind == SEARCH_SINCE)
        leaf->verdict = verdict_of(day >= leaf->number);
    else if (leaf->kind == SEARCH_LARGER)
        leaf->verdict = verdict_of(row->size > bytes);
    else if (leaf->kind == SEARCH_SMALLER)
        leaf->verdict = verdict_of(row->size < bytes);
    else if (leaf->kind > SEARCH_SMALLER && leaf->kind < SEARCH_SENTBEFORE)
        judge_extended(s, leaf, row, modseq, now);
}

/* "Disregarding time and timezone" (RFC 3501 section 6.4.4): the date as it stands in the header. No date: no match. */
static void judge_sent(search_key *leaf, const mime_date *sent)
{
    int64_t day = clock_day(sent->seconds + 60 * (int64_t)sent->offset_minutes);
    bool before = leaf->kind == SEARCH_SENTBEFORE && day < leaf->number;
    bool on = leaf->kind == SEARCH_SENTON && day == leaf->number;
    bool since = leaf->kind == SEARCH_SENTSINCE && day >= leaf->number;
    leaf->verdict = verdict_of(sent->valid && (before || on || since));
}

/* Gather the needles of the open leaves that `wanted` says; 0: none. */
static size_t open_needles(search_match *x, bool (*wanted)(const search_key *leaf, const void *context),
                           const void *context)
{
    x->needles_count = 0;
    for (size_t i = 0; i < x->keys->leaves_count; i++) {
        search_key *leaf = x->keys->leaves[i];
        if (leaf->verdict == SEARCH_OPEN && wanted(leaf, context))
            x->needles[x->needles_count++] = &leaf->needle;
    }
    return x->needles_count;
}

/* Search one short text for the gathered needles. */
static ll_status look_at(search_match *x, ll_span utf8)
{
    search_text looking;
    search_text_init(&looking, x->s->allocator, x->needles, x->needles_count);
    search_text_push(&looking, utf8);
    search_text_end(&looking);
    ll_status status = search_text_status(&looking);
    for (size_t i = 0; i < x->needles_count; i++) /* a field that is there and empty holds the empty string */
        x->needles[i]->found = x->needles[i]->found || (!x->needles[i]->folded.size && !x->needles[i]->pattern);
    search_text_fini(&looking);
    return status;
}

/* ---- the index */

static_assert((int)SEARCH_FROM == (int)MIME_FACT_FROM && (int)SEARCH_REFERENCES == (int)MIME_FACT_REFERENCES,
              "one order");

/* HEADER looks at the field as it was written, and with one run at the addresses too: "joe@example.com" is also found
 * where it stands as "joe@example . com". */
static bool wants_fact(const search_key *leaf, const void *context)
{
    search_fact fact = *(const search_fact *)context;
    mime_fact of = MIME_FACT_FROM;
    if (leaf->kind == SEARCH_ENVELOPE)
        return leaf->fact == fact;
    return leaf->kind == SEARCH_HEADER && fact <= SEARCH_BCC && mime_readable_fact_of(leaf->name, &of) &&
           (int)of == (int)fact && !leaf->needle.pattern && mime_readable_is_one_run(leaf->needle.folded);
}

/* What the envelope does not have may still stand in the field, as it was written: stage_header. */
static ll_status judge_fact(search_match *x, const mime_envelope *envelope, search_fact fact)
{
    text value;
    if (!open_needles(x, wants_fact, &fact))
        return LL_OK;
    text_init(&value, x->s->allocator, 4 * (size_t)mime_facts_max);
    ll_status status = LL_OK;
    if (envelope && mime_readable_fact(envelope, (mime_fact)fact, &value))
        status = text_status(&value) ? text_status(&value) : look_at(x, text_span(&value));
    text_fini(&value);
    for (size_t i = 0; i < x->keys->leaves_count; i++) {
        search_key *leaf = x->keys->leaves[i];
        if (leaf->verdict == SEARCH_OPEN && wants_fact(leaf, &fact) && leaf->needle.found)
            leaf->verdict = SEARCH_YES;
    }
    return status;
}

static ll_status stage_index(search_match *x)
{
    ll_status status = message_index(&x->m);
    if (status)
        return status;
    const mime_envelope *envelope = mime_index_root(x->m.index)->envelope;
    for (size_t i = 0; i < x->keys->leaves_count; i++) {
        search_key *leaf = x->keys->leaves[i];
        if (leaf->verdict != SEARCH_OPEN || leaf->kind < SEARCH_SENTBEFORE || leaf->kind > SEARCH_SENTSINCE)
            continue;
        leaf->verdict = SEARCH_NO;
        if (envelope)
            judge_sent(leaf, &envelope->sent);
    }
    for (search_fact fact = SEARCH_FROM; fact <= SEARCH_REFERENCES && !status; fact++)
        status = judge_fact(x, envelope, fact);
    return status;
}

/* ---- headers */

static bool wants_field(const search_key *leaf, const void *context)
{
    ll_span name = *(const ll_span *)context;
    mime_fact fact;
    if (leaf->kind == SEARCH_ENVELOPE)
        return mime_readable_fact_of(name, &fact) && (mime_fact)leaf->fact == fact;
    return leaf->kind == SEARCH_HEADER && span_equal_nocase(leaf->name, name);
}

static bool wants_text(const search_key *leaf, const void *context)
{
    (void)context;
    return leaf->kind == SEARCH_TEXT;
}

static bool wants_body(const search_key *leaf, const void *context)
{
    (void)context;
    return leaf->kind == SEARCH_TEXT || leaf->kind == SEARCH_BODY;
}

/* One field: its value for HEADER, all of it for TEXT (and BODY, in a header within the body). */
static ll_status look_at_field(search_match *x, const mime_field *field, bool by_name,
                               bool (*wanted)(const search_key *, const void *))
{
    text line;
    ll_status status = LL_OK;
    text_init(&line, x->s->allocator, mime_readable_line_max);
    size_t value = 0;
    mime_readable_field(field, &line, &value);
    if (open_needles(x, wanted, NULL))
        status = look_at(x, text_span(&line));
    if (!status && by_name && field->name.size && open_needles(x, wants_field, &field->name))
        status = look_at(x, span_from(text_span(&line), value));
    if (!status)
        status = text_status(&line);
    text_fini(&line);
    return status;
}

static ll_status look_at_header(search_match *x, bool by_name, bool (*wanted)(const search_key *, const void *))
{
    mime_field field;
    ll_status status = LL_OK;
    for (ll_span rest = text_span(&x->header); !status && mime_field_next(&rest, &field);)
        status = look_at_field(x, &field, by_name, wanted);
    return status;
}

static ll_status look_at_names(search_match *x, const mime_part *part, bool (*wanted)(const search_key *, const void *))
{
    text name;
    ll_status status = LL_OK;
    text_init(&name, x->s->allocator, mime_readable_line_max);
    for (unsigned which = 0; !status && which < mime_readable_names; which++) {
        text_clear(&name);
        bool there = mime_readable_name(part, which, &name);
        status = text_status(&name);
        if (there && !status && open_needles(x, wanted, NULL))
            status = look_at(x, text_span(&name));
    }
    text_fini(&name);
    return status;
}

/* Leaves whose needle has been found are decided; last: the others of this kind are too. */
static void settle(search_match *x, search_kind kind, bool last)
{
    for (size_t i = 0; i < x->keys->leaves_count; i++) {
        search_key *leaf = x->keys->leaves[i];
        if (leaf->kind == kind && leaf->verdict == SEARCH_OPEN && (leaf->needle.found || last))
            leaf->verdict = verdict_of(leaf->needle.found);
    }
}

static ll_status gather_header(search_match *x, const mime_part *part)
{
    uint64_t size = part->header_size < search_header_max ? part->header_size : (uint64_t)search_header_max;
    return message_gather(&x->m, part->header_offset, size, &x->header);
}

static ll_status stage_header(search_match *x)
{
    if (!x->keys->header)
        return LL_OK;
    ll_status status = gather_header(x, mime_index_root(x->m.index));
    if (!status)
        status = look_at_header(x, true, wants_text);
    if (!status)
        status = look_at_names(x, mime_index_root(x->m.index), wants_text);
    if (status)
        return status;
    settle(x, SEARCH_ENVELOPE, true);
    settle(x, SEARCH_HEADER, true);
    settle(x, SEARCH_TEXT, false);
    return LL_OK;
}

/* ---- bodies */

/* The same through the window, which the bodies are read through too. */
static ll_status gather_part_header(search_match *x, const mime_part *part)
{
    uint64_t size = part->header_size < search_header_max ? part->header_size : (uint64_t)search_header_max;
    while (x->header.size < size) {
        ll_span bytes;
        ll_status status = message_window(&x->m, part->header_offset + x->header.size, &bytes);
        if (status)
            return status;
        text_add(&x->header, span_first(bytes, (size_t)size - x->header.size));
        if (text_status(&x->header))
            return text_status(&x->header);
    }
    return LL_OK;
}

/* The part's own header: in the body unless it is the message's. */
static ll_status step_part_header(search_match *x, const mime_part *part)
{
    if (part->parent) {
        ll_status status = gather_part_header(x, part);
        if (!status)
            status = look_at_header(x, false, wants_body);
        if (!status)
            status = look_at_names(x, part, wants_body);
        if (status)
            return status;
    }
    text_fini(&x->header);
    x->header_done = true;
    x->body_at = part->body_offset;
    return LL_OK;
}

static ll_status step_part_body(search_match *x, const mime_part *part)
{
    ll_status status = LL_OK;
    if (!mime_readable_is_text(part))
        return LL_OK;
    if (!x->part_open) {
        if (!open_needles(x, wants_body, NULL))
            return LL_OK;
        x->part_open = true;
        status = search_part_open(&x->part, x->s->allocator, part, x->needles, x->needles_count);
    }
    uint64_t end = part->body_offset + part->body_size;
    while (!status && x->body_at < end) {
        ll_span bytes;
        if ((x->worked >= search_work || search_keys_tired(x->keys)) && session_yield(x->s)) {
            x->worked = 0;
            return LL_MORE;
        }
        status = message_window(&x->m, x->body_at, &bytes);
        if (status)
            return status;
        bytes = span_first(bytes, end - x->body_at < bytes.size ? (size_t)(end - x->body_at) : bytes.size);
        if (x->keys->patterns) /* then a window is work enough */
            bytes = span_first(bytes, search_regex_window);
        x->body_at += bytes.size;
        x->worked += bytes.size;
        if (search_part_push(&x->part, bytes)) {
            settle(x, SEARCH_BODY, false);
            settle(x, SEARCH_TEXT, false);
            if (search_keys_verdict(x->keys->root) != SEARCH_OPEN)
                return LL_OK;
        }
    }
    if (!status)
        search_part_end(&x->part);
    return status ? status : search_part_status(&x->part);
}

static ll_status stage_body(search_match *x)
{
    while (x->keys->body && x->part_at < mime_index_parts(x->m.index)) {
        const mime_part *part = mime_index_part(x->m.index, x->part_at);
        ll_status status = x->header_done ? LL_OK : step_part_header(x, part);
        if (!status)
            status = step_part_body(x, part);
        if (status)
            return status;
        close_part(x);
        settle(x, SEARCH_BODY, false);
        settle(x, SEARCH_TEXT, false);
        if (search_keys_verdict(x->keys->root) != SEARCH_OPEN)
            return LL_OK;
        x->part_at++;
        x->header_done = false;
    }
    settle(x, SEARCH_BODY, true);
    settle(x, SEARCH_TEXT, true);
    return LL_OK;
}

static ll_status run_stage(search_match *x)
{
    switch (x->stage) {
    case ROW:
        for (size_t i = 0; i < x->keys->leaves_count; i++)
            if (x->keys->leaves[i]->verdict == SEARCH_OPEN)
                judge_row(x->s, x->keys->leaves[i], &x->m.row, session_modseq(x->s, &x->m.row), x->keys->now);
        return LL_OK;
    case INDEX:
        return stage_index(x);
    case HEADER:
        return stage_header(x);
    default:
        return stage_body(x);
    }
}

ll_status search_match_step(search_match *x, bool *matches)
{
    *matches = false;
    for (; x->stage < END; x->stage++) {
        ll_status status = run_stage(x);
        if (status == LL_LATER || status == LL_MORE || status == LL_ENOMEM)
            return status;
        if (status) {
            x->lost = status;
            x->lost_now = true;
            return LL_OK;
        }
        search_verdict verdict = search_keys_verdict(x->keys->root);
        if (verdict == SEARCH_OPEN)
            continue;
        *matches = verdict == SEARCH_YES;
        return LL_OK;
    }
    return LL_OK;
}
