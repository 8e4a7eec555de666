/* search_look.c - see search_look.h
 * SPDX-License-Identifier: MIT */
#include "store/search_look.h"

#include "store/search_join.h"
#include "store/search_line.h"
#include "store/search_sign.h"

/* -------------------------------------------------------------------------------------------------- A block */

static ll_status mark_term(search_look *k, db *d, int64_t id, search_look_pattern *p, uint32_t ordinal, uint32_t last,
                           bool *loaded)
{
    ll_status status = *loaded ? LL_OK : search_block_postings_load(d, id, &k->block);
    if (status)
        return status;
    *loaded = true;
    if (!p->at.at)
        p->at = search_postings_of(&k->block);
    status = search_postings_skip(&p->at, ordinal - p->next);
    uint32_t added = 0;
    if (!status)
        status = search_postings_mark(&p->at, last, p->bits, &added);
    p->next = ordinal + 1;
    p->found += added;
    return status;
}

/* Each term of the block that has the pattern, once. */
static ll_status search_in_block(search_look *k, db *d, int64_t id, search_look_pattern *p, const search_segment *s,
                                 bool *loaded)
{
    const char *begin = k->block.terms.data, *end = begin + k->block.terms.size, *counted = begin;
    uint32_t lines = 0, last = (uint32_t)(s->last - s->first);
    ll_span needle = text_span(&p->bytes);
    size_t skip = needle.data[0] == '\n';
    p->at = (search_postings){NULL, NULL};
    p->next = 0;
    for (const char *at = begin; p->found < s->messages;) {
        at = search_block_find(at, end, needle);
        if (!at)
            return LL_OK;
        at += skip;
        lines += search_count_lines(counted, (size_t)(at - counted));
        counted = at;
        ll_status status = mark_term(k, d, id, p, lines - 1, last, loaded);
        if (status)
            return status;
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            return LL_ECORRUPT;
    }
    return LL_OK;
}

/* Is the line at `line` (its LF) of the field, in the form with this byte behind the name? What is looked for begins
 * behind it. */
static bool is_of_field(const search_look_pattern *p, const char *line, const char *end, char behind)
{
    size_t size = p->field.size;
    return (size_t)(end - line) > size + 2 && !memcmp(line + 1, p->field.data, size) && line[size + 1] == behind;
}

/* Lines of a field stand together. Those of one form; *counted and *lines go on. */
static ll_status search_field_form(search_look *k, db *d, int64_t id, search_look_pattern *p, const search_segment *s,
                                   bool *loaded, char behind, const char **counted, uint32_t *lines)
{
    const char *end = k->block.terms.data + k->block.terms.size, *at = k->block.terms.data;
    size_t skip = p->field.size + (behind == ':' ? 3 : 2);
    for (;; at++) { /* the first such line */
        at = memmem(at, (size_t)(end - at), p->field.data, p->field.size);
        if (!at)
            return LL_OK;
        if (at[-1] == '\n' && is_of_field(p, at - 1, end, behind))
            break;
    }
    for (const char *line = at - 1; is_of_field(p, line, end, behind);) {
        const char *next = memchr(line + 1, '\n', (size_t)(end - line - 1));
        if (!next)
            return LL_ECORRUPT;
        if (next > line + skip && memmem(line + skip, (size_t)(next - line) - skip, p->bytes.data, p->bytes.size)) {
            *lines += search_count_lines(*counted, (size_t)(line + 1 - *counted));
            *counted = line + 1;
            ll_status status = mark_term(k, d, id, p, *lines - 1, (uint32_t)(s->last - s->first), loaded);
            if (status)
                return status;
        }
        line = next;
    }
    return LL_OK;
}

/* Joints that begin alike stand together. */
static ll_status search_joints_in_block(search_look *k, db *d, int64_t id, search_look_pattern *p,
                                        const search_segment *s, bool *loaded)
{
    ll_span terms = text_span(&k->block.terms), begin = text_span(&p->bytes);
    const char *end = terms.data + terms.size, *counted = terms.data;
    const char *line = memmem(terms.data, terms.size, begin.data, begin.size);
    uint32_t lines = 0;
    p->at = (search_postings){NULL, NULL};
    p->next = 0;
    while (line && (size_t)(end - line) > begin.size && !memcmp(line, begin.data, begin.size)) {
        const char *next = memchr(line + 1, '\n', (size_t)(end - line - 1));
        if (!next)
            return LL_ECORRUPT;
        if (search_joint_is(span_of(line + 1, (size_t)(next - line - 1)), span_from(begin, 1), text_span(&p->field))) {
            lines += search_count_lines(counted, (size_t)(line + 1 - counted));
            counted = line + 1;
            ll_status status = mark_term(k, d, id, p, lines - 1, (uint32_t)(s->last - s->first), loaded);
            if (status)
                return status;
        }
        line = next;
    }
    return LL_OK;
}

static ll_status search_field_in_block(search_look *k, db *d, int64_t id, search_look_pattern *p,
                                       const search_segment *s, bool *loaded)
{
    const char *counted = k->block.terms.data;
    uint32_t lines = 0;
    p->at = (search_postings){NULL, NULL};
    p->next = 0;
    ll_status status = search_field_form(k, d, id, p, s, loaded, search_line_more, &counted, &lines);
    return status ? status : search_field_form(k, d, id, p, s, loaded, ':', &counted, &lines);
}

/* ------------------------------------------------------------------------------------------------ A segment */

/* What the terms that a pattern can be in begin with, so that a few blocks of the class have them all; empty: anything.
 */
static ll_span beginning(const search_look_pattern *p)
{
    if (p->field.size)
        return p->class == SEARCH_CLASS_HEAD ? text_span(&p->field) : span_from(text_span(&p->bytes), 1);
    return p->class == SEARCH_CLASS_GRAMS || p->class == SEARCH_CLASS_NAMES
               ? span_first(span_from(text_span(&p->bytes), 1), p->bytes.size - 2)
               : SPAN("");
}

/* How the first term of the block compares with a beginning. */
static int first_compare(const search_block *b, ll_span begin)
{
    ll_span rest = span_from(text_span(&b->terms), 1);
    return span_compare(span_first(span_cut(&rest, '\n'), begin.size), begin);
}

/* The last block that begins before what is looked for, by halving. */
static ll_status first_block(search_look *k, db *d, const search_segment *s, const search_look_pattern *p,
                             uint32_t *first)
{
    uint32_t high = 0;
    ll_status status = search_block_count(d, s->id, p->class, &high);
    *first = 0;
    while (!status && high - *first > 1) {
        uint32_t middle = *first + (high - *first) / 2;
        int64_t id = search_block_id(s->id, p->class, middle);
        status = search_block_next(d, &id, id, &k->block);
        if (!status && first_compare(&k->block, beginning(p)) < 0)
            *first = middle;
        else
            high = middle;
    }
    return status;
}

/* Only the blocks where the pattern can be. */
static ll_status search_narrow(search_look *k, db *d, const search_segment *s, search_look_pattern *p)
{
    int64_t last = search_block_id(s->id, p->class, search_ordinal_max);
    uint32_t first;
    ll_status status = first_block(k, d, s, p, &first);
    for (int64_t id = search_block_id(s->id, p->class, first); !status && id <= last && p->found < s->messages; id++) {
        bool loaded = false;
        status = search_block_next(d, &id, last, &k->block);
        if (status || first_compare(&k->block, beginning(p)) > 0)
            break;
        if (p->class == SEARCH_CLASS_JOINS)
            status = search_joints_in_block(k, d, id, p, s, &loaded);
        else if (p->class == SEARCH_CLASS_HEAD)
            status = search_field_in_block(k, d, id, p, s, &loaded);
        else
            status = search_in_block(k, d, id, p, s, &loaded);
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

static bool class_is_done(const search_look *k, search_class class, uint64_t messages)
{
    for (size_t i = 0; i < k->count; i++)
        if (k->patterns[i].class == class && k->patterns[i].found < messages && !beginning(&k->patterns[i]).size)
            return false;
    return true;
}

/* Can signatures spare us blocks? Only if they tell something of every pattern of the class. */
static bool signs_tell(const search_look *k, search_class class)
{
    bool tell = search_sign_has(class);
    for (size_t i = 0; tell && i < k->count; i++)
        if (k->patterns[i].class == class && !beginning(&k->patterns[i]).size &&
            !search_sign_tells(class, text_span(&k->patterns[i].bytes)))
            tell = false;
    return tell;
}

/* Which patterns may be in the block? *any: there is one. LL_ENOTFOUND: nothing is known of the block. */
static ll_status ask_sign(search_look *k, db *d, int64_t id, search_class class, bool *any)
{
    ll_status status = search_block_sign(d, id, &k->sign);
    if (status)
        return status;
    *any = false;
    for (size_t i = 0; i < k->count; i++) {
        search_look_pattern *p = &k->patterns[i];
        if (p->class == class && !beginning(p).size)
            *any |= p->may = search_sign_may(text_span(&k->sign), text_span(&p->bytes));
    }
    return LL_OK;
}

static ll_status search_block_of(search_look *k, db *d, int64_t id, const search_segment *s, search_class class)
{
    ll_status status = LL_OK;
    bool loaded = false;
    for (size_t i = 0; !status && i < k->count; i++)
        if (k->patterns[i].class == class && k->patterns[i].may && !beginning(&k->patterns[i]).size)
            status = search_in_block(k, d, id, &k->patterns[i], s, &loaded);
    return status;
}

static ll_status search_class_of(search_look *k, db *d, const search_segment *s, search_class class)
{
    int64_t last = search_block_id(s->id, class, search_ordinal_max);
    bool signs = signs_tell(k, class);
    ll_status status = LL_OK;
    for (int64_t id = search_block_id(s->id, class, 0); !status && id <= last; id++) {
        bool any = true;
        if (class_is_done(k, class, s->messages))
            return LL_OK;
        for (size_t i = 0; i < k->count; i++)
            k->patterns[i].may = true;
        status = signs ? ask_sign(k, d, id, class, &any) : LL_OK;
        if (!any)
            continue;
        if (!status || status == LL_ENOTFOUND)
            status = search_block_next(d, &id, last, &k->block);
        if (!status)
            status = search_block_of(k, d, id, s, class);
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

ll_status search_look_segment(search_look *k, db *d, const search_segment *s)
{
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < k->count; i++)
        if (beginning(&k->patterns[i]).size)
            status = search_narrow(k, d, s, &k->patterns[i]);
    for (search_class class = 0; !status && class < SEARCH_CLASSES; class ++)
        if (class != SEARCH_CLASS_ALWAYS)
            status = search_class_of(k, d, s, class);
    return status;
}
