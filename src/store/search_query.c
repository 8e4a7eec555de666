/* search_query.c - see search_query.h
 * SPDX-License-Identifier: MIT */
#include "store/search_query.h"

#include "base/memory.h"
#include "store/search_gram.h"
#include "store/search_line.h"
#include "store/search_sign.h"

/* Looked for in the terms of one class. */
typedef struct pattern {
    search_class class;
    text bytes;    /* with LF where the term must begin or end */
    text field;    /* of HEAD: the name of the field that the line must be of; of JOINS: what a joint ends with */
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

static pattern *new_pattern(search_query *q, search_class class, size_t size)
{
    if (q->patterns_count == search_patterns_max)
        return NULL;
    pattern *p = &q->patterns[q->patterns_count++];
    p->class = class;
    text_init(&p->bytes, NULL, size);
    text_init(&p->field, NULL, search_line_name);
    return p;
}

/* Add a pattern; false: no room. */
static bool add_pattern(search_query *q, search_class class, const search_run *run)
{
    pattern *p = new_pattern(q, class, run->text.size + 2);
    if (!p)
        return false;
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

/* A needle in a class of lines; `field`: in those of one field. */
static void add_line_needle(search_query *q, term *t, search_class class, ll_span field, ll_span needle)
{
    pattern *p = t->open || !needle.size ? NULL : new_pattern(q, class, search_line_needle);
    t->classes |= 1u << class;
    t->open = !p;
    if (!p)
        return;
    group *g = &t->groups[t->groups_count++];
    *g = (group){q->patterns_count - 1, 1, false};
    g->certain = search_line_needle_make(needle, &p->bytes);
    text_add(&p->field, field);
}

/* Its runs in terms. If a joiner stands at its end, it may or may not join in the text: the term has all of the needle,
 * or ends there. */
static void add_term_needle(search_query *q, term *t, search_class class, ll_span needle)
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

static void add_joints(search_query *q, term *t, const search_joint *joints, size_t count)
{
    group *g = &t->groups[t->groups_count - 1];
    for (size_t i = 0; i < count; i++) {
        search_run run = {span_of(joints[i].gap, joints[i].gap_size), joints[i].before_size > 0, false};
        if (!add_pattern(q, SEARCH_CLASS_JOINS, &run)) /* without it there is only more that is possible */
            return;
        text_add(&q->patterns[q->patterns_count - 1].field, span_of(joints[i].before, joints[i].before_size));
        g->count++;
    }
}

/* A needle in bodies: in one term, one joint, a gram; else its runs and joints must all be there. */
static void add_body_needle(search_query *q, term *t, ll_span needle)
{
    search_run runs[search_runs_max], whole = {needle, true, true};
    search_joint joints[search_runs_max];
    bool exact;
    t->classes |= 1u << SEARCH_CLASS_BODY; /* what is not whole is said of it */
    if (search_needle_is_gram(needle)) {
        add_group(q, t, SEARCH_CLASS_GRAMS, &whole, 1, true);
        return;
    }
    size_t joints_count = search_needle_joints(needle, joints, search_runs_max, &exact);
    size_t count = search_needle_runs(SEARCH_CLASS_BODY, needle, runs, search_runs_max);
    bool one = count == 1 && runs[0].text.size == needle.size;
    for (size_t i = 1; i < count; i++)
        runs[i].begins = true;
    if (one || !exact)
        add_group(q, t, SEARCH_CLASS_BODY, runs, count, one);
    else
        add_group(q, t, SEARCH_CLASS_JOINS, runs, 0, true);
    if (!one)
        add_joints(q, t, joints, joints_count);
    t->open = t->open || !t->groups[t->groups_count - 1].count;
}

/* A field's name in lower case; false: no field has such a name. */
static bool lower_name(ll_span name, char *to, size_t room)
{
    if (!name.size || name.size > room)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\n' || name.data[i] == search_line_more || name.data[i] == search_join_line)
            return false;
        to[i] = ascii_lower(name.data[i]);
    }
    return true;
}

/* Fields of which the index has the value (imap/search_match.h looks at the same fact). */
static bool fact_class(ll_span name, search_class *class)
{
    static const char *const names[] = {"from",    "to",         "cc",          "bcc",
                                        "subject", "message-id", "in-reply-to", "references"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *class = (search_class)(SEARCH_CLASS_FROM + i);
        if (span_equal_nocase(name, span_str(names[i])))
            return true;
    }
    return false;
}

/* A field by its name: with a needle a line of that name has it; without one it only has to be there. */
static void add_field(search_query *q, term *t, const ll_term *asked)
{
    char name[search_line_name];
    search_class class;
    bool fact = fact_class(asked->name, &class);
    if (fact && asked->needle.size && search_class_is_lines(class)) {
        add_line_needle(q, t, class, SPAN(""), asked->needle);
    } else if (fact && asked->needle.size) {
        add_term_needle(q, t, class, asked->needle);
    } else if (!lower_name(asked->name, name, sizeof name)) {
        t->open = true;
    } else if (asked->needle.size) {
        add_line_needle(q, t, SEARCH_CLASS_HEAD, span_of(name, asked->name.size), asked->needle);
    } else {
        search_run run = {span_of(name, asked->name.size), true, true};
        add_group(q, t, SEARCH_CLASS_NAMES, &run, 1, !fact);
    }
}

static void add_term(search_query *q, term *t, const ll_term *asked)
{
    switch (asked->kind) {
    case LL_TERM_TEXT:
        add_body_needle(q, t, asked->needle);
        add_line_needle(q, t, SEARCH_CLASS_HEAD, SPAN(""), asked->needle);
        return;
    case LL_TERM_BODY:
        add_body_needle(q, t, asked->needle);
        return;
    case LL_TERM_FROM:
    case LL_TERM_TO:
    case LL_TERM_CC:
    case LL_TERM_BCC:
    case LL_TERM_SUBJECT:
        add_line_needle(q, t, (search_class)(SEARCH_CLASS_FROM + (asked->kind - LL_TERM_FROM)), SPAN(""),
                        asked->needle);
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
        status = text_status(&q->patterns[i].bytes) ? text_status(&q->patterns[i].bytes)
                                                    : text_status(&q->patterns[i].field);
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
        text_wipe(&q->patterns[i].field);
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
        at = search_block_find(at, end, needle);
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

/* Is the line at `line` (its LF) of the field, in the form with this byte behind the name? What is looked for begins
 * behind it. */
static bool is_of_field(const pattern *p, const char *line, const char *end, char behind)
{
    size_t size = p->field.size;
    return (size_t)(end - line) > size + 2 && !memcmp(line + 1, p->field.data, size) && line[size + 1] == behind;
}

/* Lines of a field stand together. Those of one form; *counted and *lines go on. */
static ll_status search_field_form(search_query *q, db *d, int64_t id, pattern *p, const search_segment *s,
                                   bool *loaded, char behind, const char **counted, uint32_t *lines)
{
    const char *end = q->block.terms.data + q->block.terms.size, *at = q->block.terms.data;
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
            ll_status status = mark_term(q, d, id, p, *lines - 1, (uint32_t)(s->last - s->first), loaded);
            if (status)
                return status;
        }
        line = next;
    }
    return LL_OK;
}

/* Joints that begin alike stand together. */
static ll_status search_joints_in_block(search_query *q, db *d, int64_t id, pattern *p, const search_segment *s,
                                        bool *loaded)
{
    ll_span terms = text_span(&q->block.terms), begin = text_span(&p->bytes);
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
            ll_status status = mark_term(q, d, id, p, lines - 1, (uint32_t)(s->last - s->first), loaded);
            if (status)
                return status;
        }
        line = next;
    }
    return LL_OK;
}

static ll_status search_field_in_block(search_query *q, db *d, int64_t id, pattern *p, const search_segment *s,
                                       bool *loaded)
{
    const char *counted = q->block.terms.data;
    uint32_t lines = 0;
    p->at = (search_postings){NULL, NULL};
    p->next = 0;
    ll_status status = search_field_form(q, d, id, p, s, loaded, search_line_more, &counted, &lines);
    return status ? status : search_field_form(q, d, id, p, s, loaded, ':', &counted, &lines);
}

/* ------------------------------------------------------------------------------------------------ A segment */

/* What the terms that a pattern can be in begin with, so that a few blocks of the class have them all; empty: anything.
 */
static ll_span beginning(const pattern *p)
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
static ll_status first_block(search_query *q, db *d, const search_segment *s, const pattern *p, uint32_t *first)
{
    uint32_t high = 0;
    ll_status status = search_block_count(d, s->id, p->class, &high);
    *first = 0;
    while (!status && high - *first > 1) {
        uint32_t middle = *first + (high - *first) / 2;
        int64_t id = search_block_id(s->id, p->class, middle);
        status = search_block_next(d, &id, id, &q->block);
        if (!status && first_compare(&q->block, beginning(p)) < 0)
            *first = middle;
        else
            high = middle;
    }
    return status;
}

/* Only the blocks where the pattern can be. */
static ll_status search_narrow(search_query *q, db *d, const search_segment *s, pattern *p)
{
    int64_t last = search_block_id(s->id, p->class, search_ordinal_max);
    uint32_t first;
    ll_status status = first_block(q, d, s, p, &first);
    for (int64_t id = search_block_id(s->id, p->class, first); !status && id <= last && p->found < s->messages; id++) {
        bool loaded = false;
        status = search_block_next(d, &id, last, &q->block);
        if (status || first_compare(&q->block, beginning(p)) > 0)
            break;
        if (p->class == SEARCH_CLASS_JOINS)
            status = search_joints_in_block(q, d, id, p, s, &loaded);
        else if (p->class == SEARCH_CLASS_HEAD)
            status = search_field_in_block(q, d, id, p, s, &loaded);
        else
            status = search_in_block(q, d, id, p, s, &loaded);
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

static bool class_is_done(const search_query *q, search_class class, uint64_t messages)
{
    for (size_t i = 0; i < q->patterns_count; i++)
        if (q->patterns[i].class == class && q->patterns[i].found < messages && !beginning(&q->patterns[i]).size)
            return false;
    return true;
}

/* Can signatures spare us blocks? Only if they tell something of every pattern of the class. */
static bool signs_tell(const search_query *q, search_class class)
{
    bool tell = search_sign_has(class);
    for (size_t i = 0; tell && i < q->patterns_count; i++)
        if (q->patterns[i].class == class && !beginning(&q->patterns[i]).size &&
            !search_sign_tells(class, text_span(&q->patterns[i].bytes)))
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
        if (p->class == class && !beginning(p).size)
            *any |= p->may = search_sign_may(text_span(&q->sign), text_span(&p->bytes));
    }
    return LL_OK;
}

static ll_status search_block_of(search_query *q, db *d, int64_t id, const search_segment *s, search_class class)
{
    ll_status status = LL_OK;
    bool loaded = false;
    for (size_t i = 0; !status && i < q->patterns_count; i++)
        if (q->patterns[i].class == class && q->patterns[i].may && !beginning(&q->patterns[i]).size)
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
    for (size_t i = 0; !status && i < q->patterns_count; i++)
        if (beginning(&q->patterns[i]).size)
            status = search_narrow(q, d, &f->segment, &q->patterns[i]);
    for (search_class class = 0; !status && class < SEARCH_CLASSES; class ++)
        if (class != SEARCH_CLASS_ALWAYS)
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
