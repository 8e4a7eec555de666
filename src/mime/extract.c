/* extract.c - see extract.h
 * SPDX-License-Identifier: MIT
 *
 * An extract is a byte EXTRACT_VERSION and then operations, each of which appends to the text:
 *
 *     0 to 63         as many bytes and one follow: these
 *     64 + n          string n of the table below
 *     128 at          the span at this place (a number) of the saved index
 *     129 at          nothing, but the span there is opened
 *     130 size        the next bytes of the open span
 *     131             the rest of the open span
 *     132 at          nothing, but the next address is read there
 *     133 to 138      the next address: name <mailbox@host>, "name" <mailbox@host>, mailbox@host, <mailbox@host>,
 *                     and the first two with a CRLF before the space
 *     139 at          the span there, with a CRLF before each of its spaces
 *
 * The text begins with a CRLF that is left out at last: so a line's end and the next field's name are one string. */
#include "mime/extract.h"

#include "mime/header.h"
#include "mime/index.h"
#include "mime/saved.h"

enum { EXTRACT_VERSION = 1 };
enum { LITERAL_MOST = 64, OP_STRING = 64 };
enum {
    OP_SPAN = 128,
    OP_OPEN,
    OP_PART,
    OP_REST,
    OP_SEEK,
    OP_NAMED,
    OP_QUOTED,
    OP_BARE,
    OP_ANGLE,
    OP_NAMED_FOLD,
    OP_QUOTED_FOLD,
    OP_LINES
};

#define STRING(literal)                                                                                                \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
/* Part of the format: new ones are added at the end, and make a new version. */
static const ll_span strings[] = {
    STRING("\r\nDate: "),
    STRING("\r\nFrom: "),
    STRING("\r\nSender: "),
    STRING("\r\nReply-To: "),
    STRING("\r\nTo: "),
    STRING("\r\nCc: "),
    STRING("\r\nCC: "),
    STRING("\r\nBcc: "),
    STRING("\r\nSubject: "),
    STRING("\r\nMessage-ID: "),
    STRING("\r\nMessage-Id: "),
    STRING("\r\nIn-Reply-To: "),
    STRING("\r\nReferences: "),
    STRING("\r\nReply-to: "),
    STRING("\r\nNewsgroups: "),
    STRING("\r\nPriority: "),
    STRING("\r\nX-Priority: "),
    STRING("\r\nImportance: "),
    STRING("\r\n\r\n"),
    STRING(", "),
    STRING(",\r\n "),
    STRING(",\r\n\t"),
    STRING(",\r\n    "),
    STRING("\r\n\t"),
    STRING("\r\n "),
    STRING("\r\n"),
};
enum { STRINGS = sizeof strings / sizeof strings[0], STRING_BLANK = 18, STRING_FOLDS = 19, STRING_LINE = 25 };

/* ------------------------------------------------------------------------------------------------------- Read */

typedef struct cook {
    saved_reader recipe, address;
    ll_span saved, open;
    char *out;
    size_t size, room;
} cook;

static void put(cook *c, ll_span bytes)
{
    if (bytes.size > c->room - c->size) {
        c->recipe.bad = true;
        return;
    }
    if (bytes.size)
        memcpy(c->out + c->size, bytes.data, bytes.size);
    c->size += bytes.size;
}

/* A reader of the saved index from the place that comes next in the recipe. */
static saved_reader seek(cook *c)
{
    uint64_t at = saved_number(&c->recipe);
    if (at > c->saved.size)
        c->recipe.bad = true;
    return (saved_reader){.at = c->saved.data + (c->recipe.bad ? c->saved.size : (size_t)at),
                          .end = c->saved.data + c->saved.size};
}

static ll_span seek_span(cook *c)
{
    saved_reader r = seek(c);
    ll_span span = saved_span(&r);
    c->recipe.bad = c->recipe.bad || r.bad;
    return span;
}

static void put_some(cook *c, uint64_t size)
{
    if (size > c->open.size) {
        c->recipe.bad = true;
        return;
    }
    put(c, span_first(c->open, (size_t)size));
    c->open = span_from(c->open, (size_t)size);
}

/* What stands before the name, behind it, and behind the host. */
typedef struct form {
    ll_span before, between, after;
    bool name;
} form;

static const form forms[] = {
    {STRING(""), STRING(" <"), STRING(">"), true},     {STRING("\""), STRING("\" <"), STRING(">"), true},
    {STRING(""), STRING(""), STRING(""), false},       {STRING(""), STRING("<"), STRING(">"), false},
    {STRING(""), STRING("\r\n <"), STRING(">"), true}, {STRING("\""), STRING("\"\r\n <"), STRING(">"), true},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

static void put_address(cook *c, const form *f)
{
    ll_span name = saved_span(&c->address);
    saved_span(&c->address); /* the route */
    ll_span mailbox = saved_span(&c->address), host = saved_span(&c->address);
    put(c, f->before);
    if (f->name)
        put(c, name);
    put(c, f->between);
    put(c, mailbox);
    put(c, SPAN("@"));
    put(c, host);
    put(c, f->after);
    c->recipe.bad = c->recipe.bad || c->address.bad;
}

/* A line that begins with each space. */
static void put_lines(cook *c, ll_span span)
{
    while (span.size && !c->recipe.bad) {
        size_t run = 1 + span_find(span_from(span, 1), ' ');
        put(c, span_first(span, run));
        span = span_from(span, run);
        if (span.size)
            put(c, SPAN("\r\n"));
    }
}

static void put_literal(cook *c, size_t size)
{
    saved_reader *r = &c->recipe;
    if (size > (size_t)(r->end - r->at)) {
        r->bad = true;
        return;
    }
    put(c, span_of(r->at, size));
    r->at += size;
}

static void do_op(cook *c, unsigned op)
{
    if (op < LITERAL_MOST)
        put_literal(c, op + 1);
    else if (op < OP_STRING + STRINGS)
        put(c, strings[op - OP_STRING]);
    else if (op == OP_SPAN)
        put(c, seek_span(c));
    else if (op == OP_OPEN)
        c->open = seek_span(c);
    else if (op == OP_PART)
        put_some(c, saved_number(&c->recipe));
    else if (op == OP_REST)
        put_some(c, c->open.size);
    else if (op == OP_SEEK)
        c->address = seek(c);
    else if (op >= OP_NAMED && op < OP_NAMED + FORMS)
        put_address(c, &forms[op - OP_NAMED]);
    else if (op == OP_LINES)
        put_lines(c, seek_span(c));
    else
        c->recipe.bad = true;
}

/* Bytes behind the CRLF at the front; 0 if it is not one. */
static size_t without_front(char *out, size_t size)
{
    if (size < 2 || out[0] != '\r' || out[1] != '\n')
        return 0;
    memmove(out, out + 2, size - 2);
    return size - 2;
}

size_t mime_extract_read(ll_span extract, ll_span saved, char *out, size_t room)
{
    cook c = {.recipe = {.at = extract.data, .end = extract.data + extract.size},
              .address = {.at = saved.data, .end = saved.data}, /* nothing, until a place is given */
              .saved = saved,
              .open = SPAN(""),
              .out = out,
              .room = room};
    if (!extract.size || (uint8_t)*c.recipe.at++ != EXTRACT_VERSION)
        return 0;
    while (c.recipe.at < c.recipe.end && !c.recipe.bad)
        do_op(&c, (uint8_t)*c.recipe.at++);
    return c.recipe.bad ? 0 : without_front(out, c.size);
}

/* ------------------------------------------------------------------------------------------------------- Make */

typedef struct maker {
    text *out;
    ll_span saved;
    ll_span literal; /* bytes of the text that are to be said as they are */
    size_t cursor;   /* where the next address would be read; 0: nowhere */
} maker;

static void flush(maker *m)
{
    while (m->literal.size) {
        ll_span piece = span_first(m->literal, LITERAL_MOST);
        text_add_byte(m->out, (char)(piece.size - 1));
        text_add(m->out, piece);
        m->literal = span_from(m->literal, piece.size);
    }
}

static void add_literal(maker *m, ll_span bytes)
{
    if (m->literal.size && m->literal.data + m->literal.size == bytes.data) {
        m->literal.size += bytes.size;
        return;
    }
    flush(m);
    m->literal = bytes;
}

static void add_op(maker *m, unsigned op)
{
    flush(m);
    text_add_byte(m->out, (char)op);
}

static void add_op_number(maker *m, unsigned op, uint64_t number)
{
    add_op(m, op);
    saved_add_number(m->out, number);
}

/* The first of the strings [from, to) with which the bytes begin; `to`: none does. */
static unsigned find_string(ll_span bytes, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if (span_equal(span_first(bytes, strings[i].size), strings[i]))
            return i;
    return to;
}

/* Where a span of the index stands in the saved bytes, with its size before it. */
static size_t place_of(const maker *m, ll_span span)
{
    size_t place = (size_t)(span.data - m->saved.data) - 1;
    for (uint64_t number = (uint64_t)span.size + 1; number >= 0x80; number >>= 7)
        place--;
    return place;
}

static size_t line_break(ll_span bytes)
{
    size_t at = span_find(bytes, '\r');
    return at + 1 < bytes.size && bytes.data[at + 1] == '\n' ? at : bytes.size;
}

/* The value is this span, but for its line breaks. */
static bool is_folded(ll_span value, ll_span span)
{
    while (value.size) {
        size_t run = line_break(value);
        if (!span_equal(span_first(value, run), span_first(span, run)))
            return false;
        span = span_from(span, run);
        value = span_from(value, run < value.size ? run + 2 : run);
    }
    return !span.size;
}

static bool take(ll_span *rest, ll_span bytes)
{
    if (!span_equal(span_first(*rest, bytes.size), bytes))
        return false;
    *rest = span_from(*rest, bytes.size);
    return true;
}

/* The same, with a line break before each space and nowhere else. */
static bool is_lines(ll_span value, ll_span span)
{
    for (size_t at = 0; at < span.size; at++) {
        if (at && span.data[at] == ' ' && !take(&value, SPAN("\r\n")))
            return false;
        if (!take(&value, span_of(span.data + at, 1)))
            return false;
    }
    return !value.size;
}

/* A span of the index as it stands in the header, in one or more lines. */
static void add_span(maker *m, ll_span value, ll_span span)
{
    size_t run = line_break(value);
    if (run == value.size) {
        add_op_number(m, OP_SPAN, place_of(m, span));
        return;
    }
    if (is_lines(value, span)) {
        add_op_number(m, OP_LINES, place_of(m, span));
        return;
    }
    add_op_number(m, OP_OPEN, place_of(m, span));
    while (run < value.size) {
        add_op_number(m, OP_PART, run);
        add_op(m, OP_STRING + STRING_LINE);
        value = span_from(value, run + 2);
        run = line_break(value);
    }
    add_op(m, OP_REST);
}

static void add_value(maker *m, ll_span value, ll_span span)
{
    ll_span middle = span_trim(value);
    if (!span.size || !is_folded(middle, span)) {
        add_literal(m, value);
        return;
    }
    size_t lead = (size_t)(middle.data - value.data);
    add_literal(m, span_first(value, lead));
    add_span(m, middle, span);
    add_literal(m, span_from(value, lead + middle.size));
}

/* Bytes of `rest` that are this address in this form; 0: they are not. */
static size_t match(ll_span rest, const mime_address *a, const form *f)
{
    size_t before = rest.size;
    bool good = take(&rest, f->before) && (!f->name || (a->name.size && take(&rest, a->name))) &&
                take(&rest, f->between) && take(&rest, a->mailbox) && take(&rest, SPAN("@")) && take(&rest, a->host) &&
                take(&rest, f->after);
    return good ? before - rest.size : 0;
}

/* The address in one of the forms; returns its bytes, 0: it is in none. */
static size_t add_form(maker *m, ll_span rest, const mime_address *a)
{
    size_t place = a->name.data ? place_of(m, a->name) : place_of(m, a->mailbox) - 2; /* behind two NIL */
    for (unsigned n = 0; n < FORMS; n++) {
        size_t size = match(rest, a, &forms[n]);
        if (!size)
            continue;
        if (m->cursor != place)
            add_op_number(m, OP_SEEK, place);
        add_op(m, OP_NAMED + n);
        m->cursor = (size_t)(a->host.data + a->host.size - m->saved.data);
        return size;
    }
    return 0;
}

/* The name of several lines, before the address in angles. */
static size_t add_name(maker *m, ll_span rest, const mime_address *a)
{
    ll_span name = span_first(rest, span_find(rest, '<'));
    if (!a->name.size || name.size == rest.size || !is_folded(span_trim(name), a->name))
        return 0;
    add_value(m, name, a->name);
    return name.size;
}

/* Say the address at the front; returns its bytes, 0: it is none of these. *next is then the one behind it. */
static size_t add_address(maker *m, ll_span rest, const mime_address_list *list, size_t *next)
{
    enum { ahead = 2 }; /* some may be in a form that we do not have */
    for (size_t i = *next; i < list->count && i < *next + ahead; i++) {
        const mime_address *a = &list->items[i];
        size_t size = a->mailbox.size && a->host.size && !a->route.data ? add_form(m, rest, a) : 0;
        if (size) {
            *next = i + 1;
            return size;
        }
    }
    return *next < list->count ? add_name(m, rest, &list->items[*next]) : 0;
}

static void add_addresses(maker *m, ll_span value, const mime_address_list *list)
{
    size_t next = 0;
    while (value.size) {
        size_t size = add_address(m, value, list, &next);
        if (!size) {
            unsigned string = find_string(value, STRING_FOLDS, STRINGS);
            size = string < STRINGS ? strings[string].size : 1;
            if (string < STRINGS)
                add_op(m, OP_STRING + string);
            else
                add_literal(m, span_first(value, size));
        }
        value = span_from(value, size);
    }
}

typedef struct fact {
    const char *name;
    ll_span span;
    const mime_address_list *list; /* NULL: the span */
} fact;

/* What the index knows of a field. */
static fact find_fact(const mime_envelope *e, ll_span name)
{
    const fact facts[] = {
        {"Date", e->date, NULL},
        {"Subject", e->subject, NULL},
        {"Message-ID", e->message_id, NULL},
        {"In-Reply-To", e->in_reply_to, NULL},
        {"References", e->references, NULL},
        {"From", {"", 0}, &e->from},
        {"Sender", {"", 0}, &e->sender},
        {"Reply-To", {"", 0}, &e->reply_to},
        {"To", {"", 0}, &e->to},
        {"Cc", {"", 0}, &e->cc},
        {"Bcc", {"", 0}, &e->bcc},
    };
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        if (span_equal_nocase(name, span_str(facts[i].name)))
            return facts[i];
    return (fact){"", {"", 0}, NULL};
}

/* The field begins behind a CRLF and ends with one, which is said with what follows. */
static void add_field(maker *m, const mime_field *field, const mime_envelope *e)
{
    ll_span bytes = span_of(field->whole.data - 2, field->whole.size);
    unsigned string = find_string(bytes, 0, STRING_BLANK);
    fact known = find_fact(e, field->name);
    if (string < STRING_BLANK) {
        add_op(m, OP_STRING + string);
        bytes = span_from(bytes, strings[string].size);
    } else {
        size_t name = (size_t)(field->value.data - bytes.data);
        add_literal(m, span_first(bytes, name));
        bytes = span_from(bytes, name);
    }
    if (known.list)
        add_addresses(m, bytes, known.list);
    else
        add_value(m, bytes, known.span);
}

static const ll_span names[] = {
    STRING("Date"),       STRING("From"),       STRING("Sender"),   STRING("Reply-To"),   STRING("To"),
    STRING("Cc"),         STRING("Bcc"),        STRING("Subject"),  STRING("Message-ID"), STRING("In-Reply-To"),
    STRING("References"), STRING("Newsgroups"), STRING("Priority"), STRING("X-Priority"), STRING("Importance"),
};

bool mime_extract_has(ll_span name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal_nocase(name, names[i]))
            return true;
    return false;
}

/* `all`: a CRLF and the fields. False: it cannot be said. */
static bool make(maker *m, ll_span all, const mime_envelope *e)
{
    mime_field field;
    ll_span rest = span_from(all, 2);
    text_add_byte(m->out, EXTRACT_VERSION);
    while (mime_field_next(&rest, &field)) {
        ll_span whole = field.whole;
        if (whole.size < 4 || !span_equal(span_from(whole, whole.size - 2), SPAN("\r\n")) ||
            field.value.data > whole.data + whole.size - 2)
            return false;
        add_field(m, &field, e);
    }
    if (rest.size && !span_equal(rest, SPAN("\r\n")))
        return false;
    add_op(m, OP_STRING + (rest.size ? STRING_BLANK : STRING_LINE));
    return true;
}

static bool reads_as(ll_span extract, ll_span saved, ll_span fields)
{
    char buffer[mime_extract_text_max + 2];
    size_t size = mime_extract_read(extract, saved, buffer, sizeof buffer);
    return size && span_equal(span_of(buffer, size), fields);
}

void mime_extract_make(ll_span saved, ll_span header, text *out)
{
    mime_index *index = NULL;
    text all, made;
    text_init(&all, NULL, mime_extract_text_max + 2);
    text_add(&all, SPAN("\r\n"));
    mime_header_select(header, names, sizeof names / sizeof names[0], false, &all);
    size_t most = 16 + all.size / 4;
    text_init(&made, NULL, most < mime_extract_max ? most : mime_extract_max);
    const mime_envelope *e = NULL;
    if (!text_status(&all) && all.size > 2 && !mime_index_open(&index, NULL, saved))
        e = mime_index_root(index)->envelope;
    maker m = {.out = &made, .saved = saved};
    if (e && make(&m, text_span(&all), e) && !text_status(&made) &&
        reads_as(text_span(&made), saved, span_from(text_span(&all), 2)))
        text_add(out, text_span(&made));
    mime_index_del(&index);
    text_wipe(&all);
    text_wipe(&made);
}
