/* header.c - see header.h
 * SPDX-License-Identifier: MIT */
#include "mime/header.h"

size_t mime_field_name(ll_span line, size_t *value)
{
    size_t i = 0;
    while (i < line.size && line.data[i] > ' ' && line.data[i] < 127 && line.data[i] != ':')
        i++; /* RFC 5322 section 3.6.8: ftext */
    size_t name = i;
    while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
        i++; /* RFC 5322 section 4.5.8: white space before the colon is obsolete, and read */
    if (name == 0 || i == line.size || line.data[i] != ':')
        return 0;
    *value = i + 1;
    return name;
}

/* Size of the line at the start, with its line feed if it has one. */
static size_t line_size(ll_span bytes)
{
    size_t end = span_find(bytes, '\n');
    return end < bytes.size ? end + 1 : end;
}

static bool is_blank(ll_span line)
{
    return span_equal(line, SPAN("\n")) || span_equal(line, SPAN("\r\n"));
}

static ll_span without_eol(ll_span line)
{
    if (line.size && line.data[line.size - 1] == '\n')
        line.size--;
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

bool mime_field_next(ll_span *header, mime_field *field)
{
    size_t size = line_size(*header);
    if (!size || is_blank(span_first(*header, size)))
        return false;
    size_t value = 0;
    size_t name = mime_field_name(span_first(*header, size), &value);
    for (;;) { /* continuation lines; a line of white space only is one too, and a blank line is none */
        ll_span rest = span_from(*header, size);
        if (!rest.size || (rest.data[0] != ' ' && rest.data[0] != '\t'))
            break;
        size += line_size(rest);
    }
    field->whole = span_first(*header, size);
    field->name = span_first(*header, name);
    field->value = without_eol(span_from(field->whole, name ? value : 0));
    *header = span_from(*header, size);
    return true;
}

bool mime_header_find(ll_span header, ll_span name, mime_field *field)
{
    while (mime_field_next(&header, field))
        if (field->name.size && span_equal_nocase(field->name, name))
            return true;
    return false;
}

static bool is_among(ll_span name, const ll_span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (name.size && span_equal_nocase(name, names[i]))
            return true;
    return false;
}

void mime_header_select(ll_span header, const ll_span *names, size_t count, bool not, text *out)
{
    mime_field field;
    while (mime_field_next(&header, &field))
        if (is_among(field.name, names, count) != not )
            text_add(out, field.whole);
    if (header.size)
        text_add(out, span_first(header, line_size(header)));
}

void mime_header_unfold(ll_span value, text *out)
{
    value = span_trim(value);
    while (value.size) {
        size_t i = 0;
        while (i < value.size && value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != '\0')
            i++;
        text_add(out, span_first(value, i));
        value = span_from(value, i + 1);
    }
}
