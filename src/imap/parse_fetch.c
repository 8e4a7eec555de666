/* parse_fetch.c - see parse_fetch.h
 * SPDX-License-Identifier: MIT */
#include "imap/parse_fetch.h"

#include "mime/extract.h"

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
    {"MODSEQ", FETCH_MODSEQ, SECTION_ALL, false, false},
    {"SAVEDATE", FETCH_SAVEDATE, SECTION_ALL, false, false},
    {"EMAILID", FETCH_EMAILID, SECTION_ALL, false, false},
    {"THREADID", FETCH_THREADID, SECTION_ALL, false, false},
    {"PREVIEW", FETCH_PREVIEW, SECTION_ALL, true, false},
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
    size_t items_max;
} parser;

/* Only fields that rows may bring without their header. */
static bool are_common(const section *of)
{
    size_t n = 0;
    while (n < of->names_count && mime_extract_has(of->names[n]))
        n++;
    return n == of->names_count;
}

/* What an item needs of the rows. The content for a partial only if it reaches as far as what rows bring. */
static void note_needs(fetch_items *out, const fetch_item *item)
{
    const section *of = &item->section;
    bool own = item->kind == FETCH_SECTION && !of->depth; /* not of a part */
    if (own && (of->what == SECTION_ALL || of->what == SECTION_TEXT))
        out->content = out->content || !item->partial || (!item->offset && item->length >= LL_ROWS_CONTENT);
    if (!own || of->what != SECTION_FIELDS || !are_common(of))
        out->beyond_fields = true;
    if (own && (of->what == SECTION_HEADER || of->what == SECTION_FIELDS || of->what == SECTION_FIELDS_NOT))
        out->header = true;
    else if (item->kind != FETCH_SECTION || !section_is_whole(of))
        out->index = true;
}

bool fetch_items_fields(const fetch_items *items)
{
    return items->header && !items->beyond_fields && !items->index && !items->content;
}

unsigned fetch_items_want(const fetch_items *items)
{
    return (items->index ? LL_WANT_INDEX : 0u) | (items->ids ? LL_WANT_IDS : 0u) |
           (items->header ? LL_WANT_HEADER : 0u) | (items->content ? LL_WANT_CONTENT : 0u) |
           (fetch_items_fields(items) ? LL_WANT_FIELDS : 0u);
}

static ll_status append_item(fetch_items *out, const fetch_item *item, arena *memory)
{
    if (out->count == out->room) {
        size_t room = out->room ? out->room * 2 : 8;
        fetch_item *more = arena_array(memory, room, sizeof *more);
        if (!more)
            return arena_status(memory);
        if (out->count)
            memcpy(more, out->items, out->count * sizeof *more);
        out->items = more;
        out->room = room;
    }
    out->items[out->count++] = *item;
    return LL_OK;
}

static ll_status add_item(parser *p, const fetch_item *item)
{
    return p->out->count < p->items_max ? append_item(p->out, item, p->in->memory) : LL_ELIMIT;
}

static ll_status add_word(parser *p, const struct item_word *word)
{
    fetch_items *out = p->out;
    fetch_item item = {.kind = word->kind, .label = span_str(word->name), .section = {.what = word->what}};
    for (size_t i = 0; i < out->count; i++) /* asked twice is answered once */
        if (span_equal(out->items[i].label, item.label))
            return LL_OK;
    out->rows = out->rows || (word->kind != FETCH_UID && word->kind != FETCH_FLAGS);
    if (word->index || word->kind == FETCH_SECTION)
        note_needs(out, &item);
    out->seen = out->seen || word->seen;
    out->ids = out->ids || word->kind == FETCH_EMAILID || word->kind == FETCH_THREADID;
    out->modseq = out->modseq || word->kind == FETCH_MODSEQ;
    return add_item(p, &item);
}

ll_status fetch_items_add_modseq(fetch_items *items, arena *memory)
{
    fetch_item item = {.kind = FETCH_MODSEQ, .label = SPAN("MODSEQ")};
    if (items->modseq)
        return LL_OK;
    items->modseq = items->rows = true;
    return append_item(items, &item, memory);
}

/* preview-mod, RFC 8970 section 6: " (LAZY)". Other parentheses are the modifiers of the whole command. */
static void skip_lazy(lexer *in)
{
    size_t at = in->at;
    if (lexer_space(in) && lexer_byte(in, '(')) {
        do {
            if (!lexer_is_word(in, "LAZY"))
                break;
        } while (lexer_space(in));
        if (lexer_byte(in, ')'))
            return;
    }
    in->at = at;
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

/* The items with a section behind their name. */
static const struct section_word {
    const char *name, *label;
    fetch_kind kind;
    bool peek;
} section_words[] = {
    {"BODY", "BODY", FETCH_SECTION, false},
    {"BODY.PEEK", "BODY", FETCH_SECTION, true},
    {"BINARY", "BINARY", FETCH_BINARY, false},
    {"BINARY.PEEK", "BINARY", FETCH_BINARY, true},
    {"BINARY.SIZE", "BINARY.SIZE", FETCH_BINARY_SIZE, true},
};

static ll_status take_section(parser *p, const struct section_word *word)
{
    fetch_item item = {.kind = word->kind};
    text label;
    ll_status status = section_parse(&item.section, p->in);
    if (status || (word->kind != FETCH_BINARY_SIZE && !take_partial(p->in, &item)))
        return status ? status : LL_ESYNTAX;
    text_init(&label, p->in->memory->allocator, 2 * p->in->input.size + 64);
    text_add_str(&label, word->label);
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
    note_needs(p->out, &item);
    p->out->seen = p->out->seen || !word->peek;
    return status ? status : add_item(p, &item);
}

static ll_status take_item(parser *p)
{
    ll_span name;
    if (!lexer_word(p->in, &name))
        return LL_ESYNTAX;
    if (lexer_peek(p->in) != '[') {
        if (span_equal_nocase(name, SPAN("PREVIEW")))
            skip_lazy(p->in);
        return add_name(p, name);
    }
    for (size_t i = 0; i < sizeof section_words / sizeof section_words[0]; i++)
        if (span_equal_nocase(name, span_str(section_words[i].name)))
            return take_section(p, &section_words[i]);
    return LL_ESYNTAX;
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

/* partial-range, RFC 9394 section 4: "1:500", "-1:-100", either end first. */
static bool take_partial_range(fetch_modifiers *out, lexer *in)
{
    uint32_t a, b;
    if (!lexer_space(in))
        return false;
    out->from_last = lexer_byte(in, '-');
    if (!lexer_nz_number(in, &a) || !lexer_byte(in, ':') || lexer_byte(in, '-') != out->from_last ||
        !lexer_nz_number(in, &b))
        return false;
    out->first = a < b ? a : b;
    out->last = a < b ? b : a;
    return true;
}

/* The flag of this modifier, which must not be set yet. */
static bool once(bool *flag)
{
    bool first = !*flag;
    *flag = true;
    return first;
}

static bool take_modifier(fetch_modifiers *out, lexer *in, bool uid)
{
    if (lexer_is_word(in, "CHANGEDSINCE"))
        return once(&out->changed) && lexer_space(in) && lexer_number64(in, &out->since);
    if (uid && lexer_is_word(in, "VANISHED"))
        return once(&out->vanished);
    return uid && lexer_is_word(in, "PARTIAL") && once(&out->partial) && take_partial_range(out, in);
}

ll_status fetch_modifiers_parse(fetch_modifiers *out, lexer *in, bool uid)
{
    *out = (fetch_modifiers){.changed = false};
    if (!lexer_space(in))
        return LL_OK;
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        if (!take_modifier(out, in, uid))
            return LL_ESYNTAX;
    } while (lexer_space(in));
    return lexer_byte(in, ')') && (out->changed || !out->vanished) ? LL_OK : LL_ESYNTAX;
}
