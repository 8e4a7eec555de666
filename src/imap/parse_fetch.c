/* parse_fetch.c - see parse_fetch.h
 * SPDX-License-Identifier: MIT */
#include "imap/parse_fetch.h"

/* Items that are a word; those of FETCH_SECTION are sections under an older name (RFC 3501 section 6.4.5). */
static const struct item_word {
    const char *name;
    fetch_kind kind;
    section_what what;
    bool index, seen;
} item_words[] = {
    {"UID", FETCH_UID, SECTION_ALL, false, false},
    {"FLAGS", FETCH_FLAGS, SECTION_ALL, false, false},
    {"INTERNALDATE", FETCH_INTERNALDATE, SECTION_ALL, false, false},
    {"RFC822.SIZE", FETCH_SIZE, SECTION_ALL, false, false},
    {"ENVELOPE", FETCH_ENVELOPE, SECTION_ALL, true, false},
    {"BODY", FETCH_BODY, SECTION_ALL, true, false},
    {"BODYSTRUCTURE", FETCH_BODYSTRUCTURE, SECTION_ALL, true, false},
    {"RFC822", FETCH_SECTION, SECTION_ALL, false, true},
    {"RFC822.HEADER", FETCH_SECTION, SECTION_HEADER, true, false},
    {"RFC822.TEXT", FETCH_SECTION, SECTION_TEXT, true, true},
};

static const struct {
    const char *name, *items[6];
} macros[] = {
    {"ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}},
    {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
    {"FULL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}},
};

typedef struct parser {
    fetch_items *out;
    lexer *in;
    size_t room, items_max;
} parser;

static ll_status add_item(parser *p, const fetch_item *item)
{
    fetch_items *out = p->out;
    if (out->count == p->room) {
        size_t room = p->room ? p->room * 2 : 8;
        fetch_item *more = arena_array(p->in->memory, room, sizeof *more);
        if (!more)
            return arena_status(p->in->memory);
        if (out->count)
            memcpy(more, out->items, out->count * sizeof *more);
        out->items = more;
        p->room = room;
    }
    if (out->count >= p->items_max)
        return LL_ELIMIT;
    out->items[out->count++] = *item;
    return LL_OK;
}

static ll_status add_word(parser *p, const struct item_word *word)
{
    fetch_items *out = p->out;
    fetch_item item = {.kind = word->kind, .label = span_str(word->name), .section = {.what = word->what}};
    for (size_t i = 0; i < out->count; i++) /* asked twice is answered once */
        if (span_equal(out->items[i].label, item.label))
            return LL_OK;
    out->rows = out->rows || (word->kind != FETCH_UID && word->kind != FETCH_FLAGS);
    out->index = out->index || word->index;
    out->seen = out->seen || word->seen;
    return add_item(p, &item);
}

static ll_status add_name(parser *p, ll_span name)
{
    for (size_t i = 0; i < sizeof item_words / sizeof item_words[0]; i++)
        if (span_equal_nocase(name, span_str(item_words[i].name)))
            return add_word(p, &item_words[i]);
    return LL_ESYNTAX;
}

/* "<" number "." nz-number ">", RFC 9051: 64 bits. */
static bool take_partial(lexer *in, fetch_item *item)
{
    if (!lexer_byte(in, '<'))
        return true;
    item->partial = true;
    return lexer_number64(in, &item->offset) && lexer_byte(in, '.') && lexer_number64(in, &item->length) &&
           item->length && lexer_byte(in, '>');
}

static ll_status take_section(parser *p, bool peek)
{
    fetch_item item = {.kind = FETCH_SECTION};
    text label;
    ll_status status = section_parse(&item.section, p->in);
    if (status || !take_partial(p->in, &item))
        return status ? status : LL_ESYNTAX;
    text_init(&label, p->in->memory->allocator, 2 * p->in->input.size + 64);
    text_add_str(&label, "BODY");
    section_write(&item.section, &label);
    if (item.partial) {
        text_add_byte(&label, '<');
        text_add_u64(&label, item.offset);
        text_add_byte(&label, '>');
    }
    item.label = arena_copy(p->in->memory, text_span(&label));
    status = text_status(&label) ? text_status(&label) : arena_status(p->in->memory);
    text_fini(&label);
    p->out->rows = true;
    p->out->index = p->out->index || !section_is_whole(&item.section);
    p->out->seen = p->out->seen || !peek;
    return status ? status : add_item(p, &item);
}

static ll_status take_item(parser *p)
{
    ll_span name;
    if (!lexer_word(p->in, &name))
        return LL_ESYNTAX;
    if (lexer_peek(p->in) == '[') {
        bool peek = span_equal_nocase(name, SPAN("BODY.PEEK"));
        return peek || span_equal_nocase(name, SPAN("BODY")) ? take_section(p, peek) : LL_ESYNTAX;
    }
    return add_name(p, name);
}

static ll_status take_list(parser *p)
{
    ll_status status;
    do {
        status = take_item(p);
    } while (!status && lexer_space(p->in));
    if (status)
        return status;
    return lexer_byte(p->in, ')') ? LL_OK : LL_ESYNTAX;
}

static ll_status add_macro(parser *p, size_t n)
{
    ll_status status = LL_OK;
    for (size_t i = 0; macros[n].items[i] && !status; i++)
        status = add_name(p, span_str(macros[n].items[i]));
    return status;
}

ll_status fetch_items_parse(fetch_items *out, lexer *in, bool uid, size_t items_max)
{
    parser p = {.out = out, .in = in, .items_max = items_max};
    *out = (fetch_items){.items = NULL};
    ll_status status = uid ? add_word(&p, &item_words[0]) : LL_OK; /* RFC 3501 section 6.4.8 */
    if (status)
        return status;
    for (size_t i = 0; i < sizeof macros / sizeof macros[0]; i++)
        if (lexer_is_word(in, macros[i].name))
            return add_macro(&p, i);
    return lexer_byte(in, '(') ? take_list(&p) : take_item(&p);
}
