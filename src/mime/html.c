/* html.c - see html.h
 * SPDX-License-Identifier: MIT
 *
 * One function per state, one byte at a time, except that runs of plain text are copied whole. A function answers
 * whether it took the byte; if not, it has changed the state and the byte is read again. */
#include "mime/html.h"

#include "mime/entity.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\0';
}

static bool is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static bool is_among(const char *name, size_t size, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == size && memcmp(*list, name, size) == 0)
            return true;
    return false;
}

/* Elements that do not break a line: all others do. */
static const char *const inlines[] = {"a",      "abbr", "acronym", "b",    "bdi",  "bdo",  "big",   "cite", "code",
                                      "data",   "del",  "dfn",     "em",   "font", "i",    "ins",   "kbd",  "label",
                                      "mark",   "nobr", "o:p",     "q",    "s",    "samp", "small", "span", "strike",
                                      "strong", "sub",  "sup",     "time", "tt",   "u",    "var",   "wbr",  NULL};
/* Elements that leave a space: cells of a table row, images. */
static const char *const spaced[] = {"td", "th", "img", "input", "button", "option", NULL};
/* Elements whose content is not text. */
static const char *const hiddens[] = {"script", "style", "template", "noframes", "iframe",
                                      "object", "svg",   "math",     NULL};

static void write_due(mime_html *h, text *out)
{
    if (h->said && h->line)
        text_add_byte(out, '\n');
    else if (h->said && h->space)
        text_add_byte(out, ' ');
    h->space = h->line = false;
    h->said = true;
}

static void say(mime_html *h, ll_span word, text *out)
{
    if (h->raw || !word.size)
        return;
    write_due(h, out);
    text_add(out, word);
}

static void keep_name(char *name, size_t *size, char c)
{
    if (*size < html_name_max)
        name[*size] = ascii_lower(c);
    *size += *size <= html_name_max; /* one more than fits: too long, matches nothing */
}

static void end_tag(mime_html *h)
{
    h->state = HTML_TEXT;
    bool fits = h->name_size <= html_name_max;
    if (h->raw) {
        if (h->closing && fits && strncmp(h->hidden, h->name, html_name_max) == 0)
            h->raw = false;
        return;
    }
    if (fits && !h->closing && is_among(h->name, h->name_size, hiddens)) {
        h->raw = true;
        memcpy(h->hidden, h->name, html_name_max);
    }
    if (fits && is_among(h->name, h->name_size, spaced))
        h->space = true;
    else if (!fits || !is_among(h->name, h->name_size, inlines))
        h->line = true;
}

static bool in_text(mime_html *h, char c, text *out)
{
    if (c == '<') {
        h->state = HTML_TAG_OPEN;
        h->closing = false;
        h->name_size = 0;
        memset(h->name, 0, sizeof h->name);
    } else if (c == '&') {
        h->state = HTML_REFERENCE;
        h->resume_value = false;
        h->reference_size = 0;
    } else if (is_space(c))
        h->space = true;
    else
        say(h, span_of(&c, 1), out);
    return true;
}

/* What was taken for a reference is one, or is text. */
static void end_reference(mime_html *h, bool semicolon, text *out)
{
    ll_span name = span_of(h->reference, h->reference_size);
    text decoded;
    text_init(&decoded, out->allocator, 4); /* one character */
    h->state = h->resume_value ? HTML_VALUE : HTML_TEXT;
    bool shown = !h->raw && (!h->resume_value || h->keep);
    if (!shown)
        return;
    if (mime_entity_add(&decoded, name)) {
        ll_span point = text_span(&decoded);
        if (span_equal(point, SPAN("\xc2\xa0")) || (point.size == 1 && is_space(point.data[0])))
            h->space = true; /* a no-break space is a space to who searches */
        else if (!span_equal(point, SPAN("\xc2\xad")) && !span_equal(point, SPAN("\xe2\x80\x8b")) &&
                 !span_equal(point, SPAN("\xe2\x80\x8c")))
            say(h, point, out); /* soft hyphens and zero widths are not seen */
    } else {
        say(h, SPAN("&"), out);
        say(h, name, out);
        if (semicolon)
            say(h, SPAN(";"), out);
    }
    if (text_status(&decoded) == LL_ENOMEM)
        out->status = LL_ENOMEM;
    text_fini(&decoded);
}

static bool in_reference(mime_html *h, char c, text *out)
{
    bool name = is_letter(c) || (c >= '0' && c <= '9') || (c == '#' && h->reference_size == 0);
    if (name && h->reference_size < html_reference_max) {
        h->reference[h->reference_size++] = c;
        return true;
    }
    end_reference(h, c == ';', out);
    return c == ';';
}

static bool in_tag_open(mime_html *h, char c, text *out)
{
    if (is_letter(c)) {
        h->state = HTML_TAG_NAME;
        return false;
    }
    if (c == '/' && !h->closing) {
        h->closing = true;
        return true;
    }
    if (!h->raw && (c == '!' || c == '?' || h->closing)) {
        h->state = HTML_MARKUP;
        h->dashes = 0;
        return c != '>';
    }
    h->state = HTML_TEXT; /* a '<' that begins no tag is text */
    say(h, h->closing ? SPAN("</") : SPAN("<"), out);
    return false;
}

static bool in_tag_name(mime_html *h, char c)
{
    if (c == '>' || c == '/' || is_space(c)) {
        h->state = HTML_TAG;
        /* inside of what is hidden only its end tag is a tag: "if (a<b) x='" must not begin a value */
        if (h->raw && !(h->closing && h->name_size <= html_name_max && strncmp(h->hidden, h->name, html_name_max) == 0))
            h->state = HTML_TEXT;
        return h->state == HTML_TEXT;
    }
    if (h->raw && c == '<') {
        h->state = HTML_TEXT;
        return false;
    }
    keep_name(h->name, &h->name_size, c);
    return true;
}

static bool in_tag(mime_html *h, char c)
{
    if (c == '>') {
        end_tag(h);
        return true;
    }
    if (is_space(c) || c == '/')
        return true;
    h->state = HTML_ATTRIBUTE;
    h->attribute_size = 0;
    keep_name(h->attribute, &h->attribute_size, c);
    return true;
}

static bool in_attribute(mime_html *h, char c)
{
    if (c == '=' || c == '>' || c == '/' || is_space(c)) {
        h->state = HTML_EQUALS;
        return false;
    }
    keep_name(h->attribute, &h->attribute_size, c);
    return true;
}

/* Behind an attribute's name: '=' and then the value begins, or another attribute does. quote is '=' once that was
 * seen. */
static bool in_equals(mime_html *h, char c)
{
    static const char *const kept[] = {"alt", "title", NULL};
    if (is_space(c))
        return true;
    if (c == '=' && h->quote != '=') {
        h->quote = '=';
        return true;
    }
    if (h->quote != '=' || c == '>') {
        h->quote = '\0';
        h->state = HTML_TAG;
        return false;
    }
    h->state = HTML_VALUE;
    h->keep = !h->raw && h->attribute_size <= html_name_max && is_among(h->attribute, h->attribute_size, kept);
    h->space = h->space || h->keep;
    h->quote = c == '"' || c == '\'' ? c : '\0';
    return h->quote != '\0';
}

static bool in_value(mime_html *h, char c, text *out)
{
    bool end = h->quote ? c == h->quote : is_space(c) || c == '>';
    if (end) {
        bool take = h->quote != '\0';
        h->space = h->space || h->keep;
        h->quote = '\0';
        h->state = HTML_TAG;
        return take;
    }
    if (h->keep && c == '&') {
        h->state = HTML_REFERENCE;
        h->resume_value = true;
        h->reference_size = 0;
    } else if (h->keep && is_space(c))
        h->space = true;
    else if (h->keep)
        say(h, span_of(&c, 1), out);
    return true;
}

static bool in_markup(mime_html *h, char c)
{
    if (c == '-' && h->dashes < 2) {
        if (++h->dashes == 2) {
            h->state = HTML_COMMENT;
            h->dashes = 2; /* "<!-->" is a whole comment */
        }
        return true;
    }
    h->dashes = 3; /* not a comment */
    if (c == '>')
        h->state = HTML_TEXT;
    return true;
}

static bool in_comment(mime_html *h, char c)
{
    if (c == '>' && h->dashes >= 2)
        h->state = HTML_TEXT;
    h->dashes = c == '-' ? h->dashes + (h->dashes < 2) : 0;
    return true;
}

static bool step(mime_html *h, char c, text *out)
{
    switch (h->state) {
    case HTML_TEXT:
        return in_text(h, c, out);
    case HTML_REFERENCE:
        return in_reference(h, c, out);
    case HTML_TAG_OPEN:
        return in_tag_open(h, c, out);
    case HTML_TAG_NAME:
        return in_tag_name(h, c);
    case HTML_TAG:
        return in_tag(h, c);
    case HTML_ATTRIBUTE:
        return in_attribute(h, c);
    case HTML_EQUALS:
        return in_equals(h, c);
    case HTML_VALUE:
        return in_value(h, c, out);
    case HTML_MARKUP:
        return in_markup(h, c);
    case HTML_COMMENT:
        return in_comment(h, c);
    }
    return true;
}

void mime_html_push(mime_html *h, ll_span utf8, text *out)
{
    for (size_t i = 0; i < utf8.size;) {
        size_t run = i;
        while (h->state == HTML_TEXT && run < utf8.size && utf8.data[run] != '<' && utf8.data[run] != '&' &&
               !is_space(utf8.data[run]))
            run++;
        say(h, span_of(utf8.data + i, run - i), out);
        i = run;
        if (i < utf8.size)
            i += step(h, utf8.data[i], out);
    }
}

void mime_html_finish(mime_html *h, text *out)
{
    if (h->state == HTML_REFERENCE)
        end_reference(h, false, out);
    if (h->state == HTML_TAG_OPEN)
        say(h, h->closing ? SPAN("</") : SPAN("<"), out);
    *h = (mime_html){0};
}
