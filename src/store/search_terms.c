/* search_terms.c - see search_terms.h
 * SPDX-License-Identifier: MIT */
#include "store/search_terms.h"

enum {
    SEPARATOR,
    TERM,
    LEAD,  /* the first byte of a character of which more must be seen */
    JOINER /* a term character between two others */
};

static bool is_address(search_class class)
{
    return (class >= SEARCH_CLASS_FROM && class <= SEARCH_CLASS_BCC) ||
           (class >= SEARCH_CLASS_MESSAGE_ID && class <= SEARCH_CLASS_REFERENCES);
}

static uint8_t kind_of(search_class class, int byte)
{
    if (is_address(class)) {
        bool between =
            byte == '<' || byte == '>' || byte == '(' || byte == ')' || byte == ',' || byte == ';' || byte == '"';
        return byte <= ' ' || byte == 0x7f || between ? SEPARATOR : TERM;
    }
    if (byte == 0xe2 || byte == 0xe3)
        return LEAD;
    if (byte == '.' || byte == '@' || byte == '-' || byte == '_' || byte == '\'')
        return JOINER;
    bool ascii = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
    return byte >= 0x80 || ascii ? TERM : SEPARATOR;
}

void search_cutter_init(search_cutter *c, search_class class)
{
    for (int i = 0; i < 256; i++)
        c->kinds[i] = kind_of(class, i);
    c->over = c->dropping = false;
    c->joiner = 0;
    c->size = 0;
}

/* Punctuation of three bytes that begins here. */
static bool is_mark(const char *at, size_t size)
{
    if (size < 3)
        return false;
    unsigned lead = (uint8_t)at[0], second = (uint8_t)at[1], third = (uint8_t)at[2];
    if (lead == 0xe2)
        return (second == 0x80 && third >= 0x90) || (second == 0x81 && third <= 0x9e);
    return lead == 0xe3 && second == 0x80 && (third == 0x81 || third == 0x82 || (third >= 0x88 && third <= 0x9f));
}

static bool is_term(const uint8_t kinds[256], ll_span s, size_t at)
{
    uint8_t kind = at < s.size ? kinds[(uint8_t)s.data[at]] : SEPARATOR;
    return kind == TERM || (kind == LEAD && !is_mark(s.data + at, s.size - at));
}

/* The end of the run that begins at `at`, or goes on there (inside). Stops before a joiner that is the last character.
 */
static size_t run_end(const uint8_t kinds[256], ll_span s, size_t at, bool inside)
{
    for (; at < s.size; at++, inside = true) {
        if (is_term(kinds, s, at))
            continue;
        bool joins = inside && kinds[(uint8_t)s.data[at]] == JOINER && is_term(kinds, s, at + 1);
        if (!joins)
            break;
    }
    return at;
}

/* Behind the separators that begin at `at`. */
static size_t gap_end(const uint8_t kinds[256], ll_span s, size_t at)
{
    while (at < s.size && !is_term(kinds, s, at))
        at += kinds[(uint8_t)s.data[at]] == LEAD ? 3 : 1;
    return at;
}

static void hold(search_cutter *c, ll_span part)
{
    if (c->dropping)
        return;
    if (part.size > sizeof c->run - c->size) {
        c->over = c->dropping = true;
        return;
    }
    memcpy(c->run + c->size, part.data, part.size);
    c->size += part.size;
}

/* The run has ended. */
static ll_status release(search_cutter *c, search_term_sink *sink, void *ctx)
{
    ll_span term = span_of(c->run, c->size);
    bool whole = !c->dropping && c->size;
    c->dropping = false;
    c->size = 0;
    return whole ? sink(ctx, term) : LL_OK;
}

/* The end of the piece, where only the next one tells whether a joiner joins. */
static bool is_undecided(const search_cutter *c, ll_span s, size_t at)
{
    return at + 1 == s.size && c->kinds[(uint8_t)s.data[at]] == JOINER;
}

/* A joiner that was left by the last piece. */
static ll_status decide(search_cutter *c, ll_span next, search_term_sink *sink, void *ctx)
{
    char joiner = c->joiner;
    c->joiner = 0;
    if (!joiner)
        return LL_OK;
    if (!is_term(c->kinds, next, 0))
        return release(c, sink, ctx);
    hold(c, span_of(&joiner, 1));
    return LL_OK;
}

ll_status search_cutter_push(search_cutter *c, ll_span folded, search_term_sink *sink, void *ctx)
{
    ll_status status = folded.size ? decide(c, folded, sink, ctx) : LL_OK;
    for (size_t at = 0; !status && at < folded.size;) {
        bool inside = c->size || c->dropping;
        size_t end = run_end(c->kinds, folded, at, inside);
        ll_span part = span_of(folded.data + at, end - at);
        inside = inside || part.size;
        if (inside && end < folded.size && is_undecided(c, folded, end)) {
            hold(c, part);
            c->joiner = folded.data[end];
            return LL_OK;
        }
        if (end == folded.size || c->size || c->dropping || part.size > search_term_max) {
            if (part.size)
                hold(c, part);
            if (end < folded.size)
                status = release(c, sink, ctx);
        } else if (part.size) {
            status = sink(ctx, part);
        }
        at = gap_end(c->kinds, folded, end);
    }
    return status;
}

ll_status search_cutter_end(search_cutter *c, search_term_sink *sink, void *ctx)
{
    c->joiner = 0;
    return release(c, sink, ctx);
}

static bool is_joiner(const search_cutter *c, ll_span s, size_t at)
{
    return c->kinds[(uint8_t)s.data[at]] == JOINER;
}

size_t search_needle_runs(search_class class, ll_span needle, search_run *runs, size_t max)
{
    search_cutter c;
    size_t count = 0;
    search_cutter_init(&c, class);
    size_t at = gap_end(c.kinds, needle, 0);
    while (at < needle.size && count < max) {
        size_t end = run_end(c.kinds, needle, at, false);
        bool loose_begin = at == 1 && is_joiner(&c, needle, 0);
        bool loose_end = end + 1 == needle.size && is_joiner(&c, needle, end);
        runs[count++] =
            (search_run){span_of(needle.data + at, end - at), at > 0 && !loose_begin, end < needle.size && !loose_end};
        at = gap_end(c.kinds, needle, end);
    }
    return count;
}
