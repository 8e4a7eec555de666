/* address.c - see address.h
 * SPDX-License-Identifier: MIT
 *
 * The field is read one mailbox at a time: look ahead to see what ends it ('<' begins an angle address, ':' a group,
 * ',' ';' or the end a bare address), then read the same bytes again as what they are. So each byte is read twice at
 * most. All strings made go one after another into one buffer of twice the field's size, which always is enough: a
 * string is never longer than what it was made from, except that each may need a space between words that were told
 * apart by quotes or comments. */
#include "mime/address.h"

#include <assert.h>

typedef struct reader {
    arena *memory;
    const char *at, *end;
    char *to; /* next free byte of the buffer */
    bool in_group;
    const char *unclosed[3]; /* from here on no '(', '"', '[' is closed; NULL: not known */
    mime_address *items;
    size_t count, room;
} reader;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static bool is_special(char c)
{
    return c && strchr("()<>[]:;@\\,.\"", c);
}

/* Behind a comment that begins at `at`; nested, with quoted pairs. NULL: nothing closes it. */
static const char *comment_end(const char *at, const char *end)
{
    size_t depth = 0;
    for (; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        else if (*at == '(')
            depth++;
        else if (*at == ')' && --depth == 0)
            return at + 1;
    }
    return NULL;
}

/* Behind a quoted string or domain literal that begins at `at` and ends with `close`. NULL: nothing closes it. */
static const char *quoted_end(const char *at, const char *end, char close)
{
    for (at++; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        else if (*at == close)
            return at + 1;
    }
    return NULL;
}

/* Behind an encoded word at `at`, or NULL: "=?charset?q?text?=". Its text may hold what is special elsewhere. */
static const char *encoded_word_end(const char *at, const char *end)
{
    if (end - at < 9 || at[0] != '=' || at[1] != '?')
        return NULL;
    int marks = 0;
    for (at += 2; at < end && !is_space(*at) && *at != '"'; at++) {
        if (*at != '?')
            continue;
        if (++marks == 3)
            return at + 1 < end && at[1] == '=' ? at + 2 : NULL;
    }
    return NULL;
}

static const char *atom_end(const char *at, const char *end)
{
    const char *word = encoded_word_end(at, end);
    if (word)
        return word;
    for (at++; at < end && !is_space(*at) && !is_special(*at); at++)
        continue;
    return at;
}

/* Behind the token at `at`: comment, quoted string, literal, atom, one special, or one white space. What nothing closes
 * is one special; where that was found is remembered, so that the end of the field is not searched for again and again.
 */
static const char *token_end(reader *r, const char *at)
{
    static const char opens[] = "(\"[", closes[] = ")\"]";
    const char *kind = *at ? strchr(opens, *at) : NULL;
    if (kind) {
        size_t n = (size_t)(kind - opens);
        if (r->unclosed[n] && at >= r->unclosed[n])
            return at + 1;
        const char *behind = n == 0 ? comment_end(at, r->end) : quoted_end(at, r->end, closes[n]);
        if (!behind)
            r->unclosed[n] = at;
        return behind ? behind : at + 1;
    }
    if (*at == '\\' && at + 1 < r->end)
        return at + 2;
    return is_space(*at) || is_special(*at) ? at + 1 : atom_end(at, r->end);
}

/* Copy what stands between quotes or parentheses. White space at the ends of a comment goes. */
static void copy_quoted(reader *r, const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        if (*at != '\r' && *at != '\n' && *at != '\0')
            *r->to++ = *at;
    }
}

/* The inside of a token that has a closing byte, which may be missing at the end of the field. */
static const char *inside_end(const char *at, const char *end, char close)
{
    return end - at >= 2 && end[-1] == close ? end - 1 : end;
}

static ll_span made(const reader *r, const char *start)
{
    return span_of(start, (size_t)(r->to - start));
}

/* Words with one space between, quoting and comments removed: a phrase. NULL data if there is no word. */
static ll_span read_phrase(reader *r, const char *at, const char *end)
{
    char *start = r->to;
    bool word = false, gap = false;
    while (at < end) {
        const char *next = token_end(r, at);
        if (is_space(*at) || *at == '(' || *at == '>') {
            gap = true;
        } else {
            if (word && gap)
                *r->to++ = ' ';
            if (*at == '"')
                copy_quoted(r, at + 1, inside_end(at, next, '"'));
            else
                copy_quoted(r, at, next);
            word = true;
            gap = false;
        }
        at = next;
    }
    return word ? made(r, start) : span_of(NULL, 0);
}

/* The first comment in the range: old mail has the name there, "user@host (Full Name)". */
static ll_span read_comment(reader *r, const char *at, const char *end)
{
    while (at < end) {
        const char *next = token_end(r, at);
        if (*at == '(' && next > at + 1) {
            char *start = r->to;
            copy_quoted(r, at + 1, inside_end(at, next, ')'));
            ll_span name = span_trim(made(r, start));
            return name.size ? name : span_of(NULL, 0);
        }
        at = next;
    }
    return span_of(NULL, 0);
}

/* A part of an address: white space and comments removed, except that words which would run together keep one space. */
static ll_span read_joined(reader *r, const char *at, const char *end)
{
    char *start = r->to;
    bool gap = false, word = false; /* word: the last thing was a word */
    while (at < end) {
        const char *next = token_end(r, at);
        if (is_space(*at) || *at == '(' || *at == '>') {
            gap = word;
        } else {
            bool is_word = !is_special(*at) || *at == '"' || *at == '[';
            if (gap && is_word)
                *r->to++ = ' ';
            if (*at == '"')
                copy_quoted(r, at + 1, inside_end(at, next, '"'));
            else
                copy_quoted(r, at, next);
            word = is_word;
            gap = false;
        }
        at = next;
    }
    return made(r, start);
}

/* local-part "@" domain. The last '@' outside quotes divides. */
static void read_spec(reader *r, const char *at, const char *end, mime_address *address)
{
    const char *sign = NULL;
    for (const char *p = at; p < end; p = token_end(r, p))
        if (*p == '@')
            sign = p;
    address->mailbox = read_joined(r, at, sign ? sign : end);
    address->host = sign ? read_joined(r, sign + 1, end) : span_of(r->to, 0);
}

static void add_item(reader *r, const mime_address *address)
{
    if (r->count >= mime_addresses_max || arena_status(r->memory))
        return;
    if (r->count == r->room) {
        size_t room = r->room ? r->room * 2 : 4;
        mime_address *items = arena_array(r->memory, room, sizeof *items);
        if (!items)
            return;
        if (r->count)
            memcpy(items, r->items, r->count * sizeof *items);
        r->items = items;
        r->room = room;
    }
    r->items[r->count++] = *address;
}

/* "[@route:] spec >" behind '<' at r->at; then up to what separates mailboxes. */
static void read_angle(reader *r, const char *start)
{
    mime_address address = {.name = read_phrase(r, start, r->at)};
    const char *at = r->at + 1, *end = at, *colon = NULL;
    while (end < r->end && is_space(*end))
        end++;
    bool route = end < r->end && *end == '@'; /* RFC 5322 section 4.4, obs-route */
    while (end < r->end && *end != '>' && (*end != ',' || (route && !colon)) && *end != ';') {
        if (*end == ':' && route && !colon)
            colon = end;
        end = token_end(r, end);
    }
    if (colon) {
        address.route = read_joined(r, at, colon);
        at = colon + 1;
    }
    read_spec(r, at, end, &address);
    const char *after = end;
    while (after < r->end && *after != ',' && *after != ';')
        after = token_end(r, after);
    if (!address.name.data)
        address.name = read_comment(r, start, r->at);
    if (!address.name.data)
        address.name = read_comment(r, end, after);
    add_item(r, &address);
    r->at = after;
}

static void read_bare(reader *r, const char *start)
{
    mime_address address = {0};
    read_spec(r, start, r->at, &address);
    if (address.mailbox.size || address.host.size) {
        address.name = read_comment(r, start, r->at);
        add_item(r, &address);
    }
}

static void end_group(reader *r)
{
    if (r->in_group)
        add_item(r, &(mime_address){0});
    r->in_group = false;
}

static void begin_group(reader *r, const char *start)
{
    /* room for the end too, so that starts and ends stay in pairs */
    if (r->count + 1 >= mime_addresses_max)
        return;
    ll_span name = read_phrase(r, start, r->at);
    add_item(r, &(mime_address){.mailbox = name.data ? name : span_of(r->to, 0)});
    r->in_group = true;
}

/* One mailbox, or the start of a group, and the separator behind it. */
static void read_one(reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && !(*r->at == '<' || *r->at == ',' || *r->at == ';' || (*r->at == ':' && !r->in_group)))
        r->at = token_end(r, r->at);
    if (r->at < r->end && *r->at == '<')
        read_angle(r, start);
    else if (r->at < r->end && *r->at == ':')
        begin_group(r, start);
    else
        read_bare(r, start);
    if (r->at < r->end && *r->at == ';')
        end_group(r);
    if (r->at < r->end)
        r->at++;
}

ll_status mime_address_parse(arena *memory, ll_span value, mime_address **out, size_t *count)
{
    *out = NULL;
    *count = 0;
    value = span_trim(value);
    if (!value.size)
        return LL_OK;
    char *buffer = value.size < SIZE_MAX / 4 ? arena_new(memory, value.size * 2 + 1) : NULL;
    if (!buffer)
        return arena_status(memory) ? arena_status(memory) : LL_ELIMIT;
    reader r = {.memory = memory, .at = value.data, .end = value.data + value.size, .to = buffer};
    while (r.at < r.end && r.count < mime_addresses_max)
        read_one(&r);
    if (r.in_group && r.count == mime_addresses_max)
        r.count--;
    end_group(&r);
    assert(r.to <= buffer + value.size * 2 + 1);
    if (arena_status(memory))
        return arena_status(memory);
    *out = r.items;
    *count = r.count;
    return LL_OK;
}

void mime_address_add(text *out, const mime_address *address)
{
    if (!address->host.data)
        return;
    bool plain = address->mailbox.size > 0;
    char last = '.';
    for (size_t i = 0; i < address->mailbox.size; i++) {
        char c = address->mailbox.data[i];
        if (is_space(c) || (is_special(c) && c != '.') || (c == '.' && last == '.'))
            plain = false;
        last = c;
    }
    if (plain && last != '.')
        text_add(out, address->mailbox);
    else {
        text_add_byte(out, '"');
        for (size_t i = 0; i < address->mailbox.size; i++) {
            if (address->mailbox.data[i] == '"' || address->mailbox.data[i] == '\\')
                text_add_byte(out, '\\');
            text_add_byte(out, address->mailbox.data[i]);
        }
        text_add_byte(out, '"');
    }
    if (address->host.size)
        text_add_byte(out, '@');
    text_add(out, address->host);
}
