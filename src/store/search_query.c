/* search_query.c - see search_query.h
 * SPDX-License-Identifier: MIT */
#include "store/search_query.h"

#include "base/memory.h"
#include "mime/readable.h"
#include "store/search_sign.h"

/* Looked for in the terms of one class. */
typedef struct pattern {
    search_class class;
    text bytes;    /* with LF where the term must begin or end */
    uint8_t *bits; /* of the segment under way */
    uint32_t found;
    search_postings at; /* in the block under way, before term `next` */
    uint32_t next;
    bool may; /* the block under way may have it, says its signature */
} pattern;

/* Patterns that a message must all have. */
typedef struct group {
    size_t first, count;
    bool certain; /* what has them matches; else it may */
} group;

typedef struct term {
    bool open;       /* nothing is known: everything is possible */
    group groups[4]; /* two in each of two classes */
    size_t groups_count;
    unsigned classes; /* bit for each that it looks at */
} term;

/* What was found in one segment. */
typedef struct found {
    search_segment segment;
    bool damaged;
    uint8_t **bits;  /* for each term one bitmap of what is certain and one of what is possible; NULL: open */
    uint8_t *always; /* SEARCH_CLASSES bitmaps; NULL: none of them has any */
} found;

struct search_query {
    const ll_term *asked;
    term *terms;
    size_t count;
    pattern patterns[search_patterns_max];
    size_t patterns_count;
    search_segments segments;
    found *found;
    size_t found_count, last;
    size_t bytes;
    search_block block;
    text sign;
};

/* --------------------------------------------------------------------------------------------------- Terms */

/* Add a pattern; false: no room. */
static bool add_pattern(search_query *q, search_class class, const search_run *run)
{
    if (q->patterns_count == search_patterns_max)
        return false;
    pattern *p = &q->patterns[q->patterns_count++];
    p->class = class;
    text_init(&p->bytes, NULL, run->text.size + 2);
    if (run->begins)
        text_add_byte(&p->bytes, '\n');
    text_add(&p->bytes, run->text);
    if (run->ends)
        text_add_byte(&p->bytes, '\n');
    return true;
}

static void add_group(search_query *q, term *t, search_class class, const search_run *runs, size_t count, bool certain)
{
    t->groups[t->groups_count++] = (group){q->patterns_count, count, certain};
    t->classes |= count ? 1u << class : 0;
    for (size_t i = 0; i < count; i++)
        if (!add_pattern(q, class, &runs[i]))
            t->open = true;
}

/* The needle in one class. If a joiner stands at its end, it may or may not join in the text: the term has all of the
 * needle, or ends there. */
static void add_needle(search_query *q, term *t, search_class class, ll_span needle)
{
    search_run runs[search_runs_max], whole = {needle, false, false};
    size_t count = search_needle_runs(class, needle, runs, search_runs_max);
    t->open = t->open || !count;
    for (size_t i = 1; i < count; i++)
        runs[i].begins = true;
    bool loose = count == 1 && runs[0].text.size < needle.size && !runs[0].begins && !runs[0].ends;
    if (loose) {
        bool before = runs[0].text.data > needle.data;
        bool behind = runs[0].text.data + runs[0].text.size < needle.data + needle.size;
        add_group(q, t, class, &whole, 1, true);
        runs[0].begins = before && !behind;
        runs[0].ends = behind && !before;
    }
    add_group(q, t, class, runs, count, count == 1 && runs[0].text.size == needle.size);
}

/* A field's name in lower case; false: no field has such a name. */
static bool lower_name(ll_span name, char *to, size_t room)
{
    if (!name.size || name.size > room)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\n')
            return false;
        to[i] = ascii_lower(name.data[i]);
    }
    return true;
}

/* Fields that have a class of their own (imap/search_match.h looks at the same texts). */
static bool fact_class(ll_span name, search_class *class)
{
    mime_fact fact = MIME_FACT_FROM;
    bool is = mime_readable_fact_of(name, &fact);
    *class = (search_class)((int)SEARCH_CLASS_FROM + (int)fact);
    return is;
}

/* A field by its name: with a needle the value is in the header somewhere; without one it only has to be there. */
static void add_field(search_query *q, term *t, const ll_term *asked)
{
    char name[256];
    search_class class;
    bool fact = fact_class(asked->name, &class);
    if (fact && asked->needle.size) {
        add_needle(q, t, class, asked->needle);
        return;
    }
    if (!lower_name(asked->name, name, sizeof name)) {
        t->open = true;
        return;
    }
    search_run run = {span_of(name, asked->name.size), true, true}, runs[search_runs_max];
    size_t count = search_needle_runs(SEARCH_CLASS_HEAD, asked->needle, runs, search_runs_max);
    for (size_t i = 1; i < count; i++)
        runs[i].begins = true;
    add_group(q, t, SEARCH_CLASS_HEAD, runs, count, !asked->needle.size);
    t->classes |= 1u << SEARCH_CLASS_NAMES;
    t->groups[0].count++; /* the name says something even if the needle does not */
    t->open = t->open || !add_pattern(q, SEARCH_CLASS_NAMES, &run);
}

static void add_term(search_query *q, term *t, const ll_term *asked)
{
    switch (asked->kind) {
    case LL_TERM_TEXT:
        add_needle(q, t, SEARCH_CLASS_BODY, asked->needle);
        add_needle(q, t, SEARCH_CLASS_HEAD, asked->needle);
        return;
    case LL_TERM_BODY:
        add_needle(q, t, SEARCH_CLASS_BODY, asked->needle);
        return;
    case LL_TERM_FROM:
    case LL_TERM_TO:
    case LL_TERM_CC:
    case LL_TERM_BCC:
    case LL_TERM_SUBJECT:
        add_needle(q, t, (search_class)(SEARCH_CLASS_FROM + (asked->kind - LL_TERM_FROM)), asked->needle);
        return;
    case LL_TERM_HEADER:
        add_field(q, t, asked);
        return;
    default:
        t->open = true;
    }
}

ll_status search_query_new(search_query **out, const ll_term *terms, size_t count)
{
    search_query *q = *out = memory_new(NULL, sizeof *q);
    if (!q)
        return LL_ENOMEM;
    q->terms = memory_new(NULL, (count + 1) * sizeof *q->terms);
    q->asked = terms;
    text_init(&q->sign, NULL, 4 * search_sign_max);
    ll_status status = search_block_init(&q->block);
    if (!q->terms)
        status = LL_ENOMEM;
    for (size_t i = 0; !status && i < count; i++, q->count++)
        add_term(q, &q->terms[i], &terms[i]);
    for (size_t i = 0; !status && i < q->patterns_count; i++)
        status = text_status(&q->patterns[i].bytes);
    if (status)
        search_query_del(out);
    return status;
}

static void found_fini(search_query *q, found *f)
{
    for (size_t i = 0; f->bits && i < q->count; i++)
        memory_free(NULL, f->bits[i]);
    memory_free(NULL, f->bits);
    memory_free(NULL, f->always);
}

void search_query_del(search_query **query)
{
    search_query *q = *query;
    *query = NULL;
    if (!q)
        return;
    for (size_t i = 0; i < q->patterns_count; i++) {
        text_wipe(&q->patterns[i].bytes);
        memory_free(NULL, q->patterns[i].bits);
    }
    for (size_t i = 0; i < q->found_count; i++)
        found_fini(q, &q->found[i]);
    memory_free(NULL, q->found);
    memory_free(NULL, q->terms);
    text_wipe(&q->sign);
    search_block_fini(&q->block);
    memory_free(NULL, q);
}

/* -------------------------------------------------------------------------------------------------- A block */

static ll_status mark_term(search_query *q, db *d, int64_t id, pattern *p, uint32_t ordinal, uint32_t last,
                           bool *loaded)
{
    ll_status status = *loaded ? LL_OK : search_block_postings_load(d, id, &q->block);
    if (status)
        return status;
    *loaded = true;
    if (!p->at.at)
        p->at = search_postings_of(&q->block);
    status = search_postings_skip(&p->at, ordinal - p->next);
    uint32_t added = 0;
    if (!status)
        status = search_postings_mark(&p->at, last, p->bits, &added);
    p->next = ordinal + 1;
    p->found += added;
    return status;
}

/* Each term of the block that has the pattern, once. */
static ll_status search_in_block(search_query *q, db *d, int64_t id, pattern *p, const search_segment *s, bool *loaded)
{
    const char *begin = q->block.terms.data, *end = begin + q->block.terms.size, *counted = begin;
    uint32_t lines = 0, last = (uint32_t)(s->last - s->first);
    ll_span needle = text_span(&p->bytes);
    size_t skip = needle.data[0] == '\n';
    p->at = (search_postings){NULL, NULL};
    p->next = 0;
    for (const char *at = begin; p->found < s->messages;) {
        at = memmem(at, (size_t)(end - at), needle.data, needle.size);
        if (!at)
            return LL_OK;
        at += skip;
        lines += search_count_lines(counted, (size_t)(at - counted));
        counted = at;
        ll_status status = mark_term(q, d, id, p, lines - 1, last, loaded);
        if (status)
            return status;
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            return LL_ECORRUPT;
    }
    return LL_OK;
}

/* ------------------------------------------------------------------------------------------------ A segment */

static bool class_is_done(const search_query *q, search_class class, uint64_t messages)
{
    for (size_t i = 0; i < q->patterns_count; i++)
        if (q->patterns[i].class == class && q->patterns[i].found < messages)
            return false;
    return true;
}

/* Can signatures spare us blocks? Only if they tell something of every pattern of the class. */
static bool signs_tell(const search_query *q, search_class class)
{
    bool tell = class == SEARCH_CLASS_BODY || class == SEARCH_CLASS_HEAD;
    for (size_t i = 0; tell && i < q->patterns_count; i++)
        if (q->patterns[i].class == class && !search_sign_tells(text_span(&q->patterns[i].bytes)))
            tell = false;
    return tell;
}

/* Which patterns may be in the block? *any: there is one. LL_ENOTFOUND: nothing is known of the block. */
static ll_status ask_sign(search_query *q, db *d, int64_t id, search_class class, bool *any)
{
    ll_status status = search_block_sign(d, id, &q->sign);
    if (status)
        return status;
    *any = false;
    for (size_t i = 0; i < q->patterns_count; i++) {
        pattern *p = &q->patterns[i];
        if (p->class == class)
            *any |= p->may = search_sign_may(text_span(&q->sign), text_span(&p->bytes));
    }
    return LL_OK;
}

static ll_status search_block_of(search_query *q, db *d, int64_t id, const search_segment *s, search_class class)
{
    ll_status status = LL_OK;
    bool loaded = false;
    for (size_t i = 0; !status && i < q->patterns_count; i++)
        if (q->patterns[i].class == class && q->patterns[i].may)
            status = search_in_block(q, d, id, &q->patterns[i], s, &loaded);
    return status;
}

static ll_status search_class_of(search_query *q, db *d, const search_segment *s, search_class class)
{
    int64_t last = search_block_id(s->id, class, search_ordinal_max);
    bool signs = signs_tell(q, class);
    ll_status status = LL_OK;
    for (int64_t id = search_block_id(s->id, class, 0); !status && id <= last; id++) {
        bool any = true;
        if (class_is_done(q, class, s->messages))
            return LL_OK;
        for (size_t i = 0; i < q->patterns_count; i++)
            q->patterns[i].may = true;
        status = signs ? ask_sign(q, d, id, class, &any) : LL_OK;
        if (!any)
            continue;
        if (!status || status == LL_ENOTFOUND)
            status = search_block_next(d, &id, last, &q->block);
        if (!status)
            status = search_block_of(q, d, id, s, class);
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

/* Bitmaps of the segment's range; NULL: no memory, or beyond the ceiling. */
static uint8_t *new_bits(search_query *q, const search_segment *s, size_t count)
{
    size_t size = ((size_t)(s->last - s->first) / 8 + 1) * count;
    if (size > search_query_bytes - q->bytes)
        return NULL;
    q->bytes += size;
    return memory_new(NULL, size);
}

static size_t bits_size(const search_segment *s)
{
    return (size_t)(s->last - s->first) / 8 + 1;
}

/* The messages for which a class could not be indexed. */
static ll_status load_always(search_query *q, db *d, found *f)
{
    int64_t id = search_block_id(f->segment.id, SEARCH_CLASS_ALWAYS, 0);
    ll_status status = search_block_next(d, &id, id, &q->block);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    status = search_block_postings_load(d, id, &q->block);
    f->always = status ? NULL : new_bits(q, &f->segment, SEARCH_CLASSES);
    if (!status && !f->always)
        return LL_ELIMIT;
    search_postings at = search_postings_of(&q->block);
    for (size_t i = 1; !status && i < q->block.terms.size; i += 2) {
        uint32_t added;
        unsigned class = (unsigned char)q->block.terms.data[i] - (unsigned)'a';
        status = class < SEARCH_CLASSES ? search_postings_mark(&at, (uint32_t)(f->segment.last - f->segment.first),
                                                               f->always + class * bits_size(&f->segment), &added)
                                        : LL_ECORRUPT;
    }
    return status;
}

/* A message must have all patterns of one of the term's groups. */
static ll_status combine(search_query *q, found *f, size_t n)
{
    const term *t = &q->terms[n];
    size_t size = bits_size(&f->segment);
    uint8_t *both = f->bits[n] = new_bits(q, &f->segment, 2);
    if (!both)
        return LL_ELIMIT;
    for (size_t g = 0; g < t->groups_count; g++) {
        uint8_t *bits = t->groups[g].certain ? both : both + size;
        for (size_t byte = 0; byte < size; byte++) {
            uint8_t all = 0xff;
            for (size_t i = 0; i < t->groups[g].count; i++)
                all &= q->patterns[t->groups[g].first + i].bits[byte];
            bits[byte] |= all;
        }
    }
    return LL_OK;
}

static ll_status prepare_patterns(search_query *q, const search_segment *s)
{
    for (size_t i = 0; i < q->patterns_count; i++) {
        pattern *p = &q->patterns[i];
        memory_free(NULL, p->bits);
        p->bits = memory_new(NULL, bits_size(s));
        if (!p->bits)
            return LL_ENOMEM;
        p->found = 0;
    }
    return LL_OK;
}

static ll_status search_segment_of(search_query *q, db *d, found *f)
{
    ll_status status = prepare_patterns(q, &f->segment);
    f->bits = memory_new(NULL, (q->count + 1) * sizeof *f->bits);
    if (!f->bits)
        status = LL_ENOMEM;
    for (search_class class = 0; !status && class < SEARCH_CLASS_ALWAYS; class ++)
        status = search_class_of(q, d, &f->segment, class);
    if (!status)
        status = load_always(q, d, f);
    for (size_t i = 0; !status && i < q->count; i++)
        if (!q->terms[i].open)
            status = combine(q, f, i);
    return status;
}

ll_status search_query_run(search_query *q, db *d, int64_t *damaged)
{
    *damaged = 0;
    ll_status status = search_segments_load(d, &q->segments);
    if (status == LL_ECORRUPT) {
        *damaged = 1;
        return LL_OK; /* no segment at all */
    }
    q->found = status ? NULL : memory_new(NULL, (q->segments.count + 1) * sizeof *q->found);
    if (!status && !q->found)
        status = LL_ENOMEM;
    for (size_t i = 0; !status && i < q->segments.count; i++) {
        found *f = &q->found[q->found_count++];
        f->segment = q->segments.all[i];
        status = search_segment_of(q, d, f);
        f->damaged = status == LL_ECORRUPT;
        if (f->damaged && !*damaged)
            *damaged = f->segment.first;
        if (f->damaged)
            status = LL_OK;
    }
    for (size_t i = 0; status && i < q->found_count; i++)
        q->found[i].damaged = true;
    return status;
}

/* -------------------------------------------------------------------------------------------------- Answers */

static const found *found_of(search_query *q, int64_t message)
{
    if (q->last < q->found_count && message >= q->found[q->last].segment.first &&
        message <= q->found[q->last].segment.last)
        return &q->found[q->last];
    for (q->last = 0; q->last < q->found_count; q->last++)
        if (message >= q->found[q->last].segment.first && message <= q->found[q->last].segment.last)
            return &q->found[q->last];
    return NULL;
}

search_answer search_query_answer(search_query *q, size_t n, int64_t message)
{
    const term *t = &q->terms[n];
    const found *f = t->open ? NULL : found_of(q, message);
    if (!f || f->damaged)
        return SEARCH_ANSWER_POSSIBLE;
    uint64_t bit = (uint64_t)(message - f->segment.first);
    const uint8_t *bits = f->bits[n] + (bit >> 3);
    if (*bits >> (bit & 7) & 1)
        return SEARCH_ANSWER_CERTAIN;
    if (bits[bits_size(&f->segment)] >> (bit & 7) & 1)
        return SEARCH_ANSWER_POSSIBLE;
    for (unsigned class = 0; f->always && class < SEARCH_CLASSES; class ++)
        if (t->classes >> class & 1 && f->always[class * bits_size(&f->segment) + (bit >> 3)] >> (bit & 7) & 1)
            return SEARCH_ANSWER_POSSIBLE;
    return SEARCH_ANSWER_NO;
}
