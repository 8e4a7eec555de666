/* utf.c - see utf.h
 * SPDX-License-Identifier: MIT */
#include "base/utf.h"

#include "base/memory.h"

#include <limits.h>
#include <utf8proc.h>

static const char replacement[] = "\xef\xbf\xbd";

/* The bytes of the ASCII run at the start. */
static size_t ascii_size(const char *data, size_t size)
{
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < size && !(data[i] & 0x80))
        i++;
    return i;
}

/* One multi-byte character at the start: its size if it is valid, else 0 and *bad is the size of the maximal invalid
 * piece; *partial: the piece would be valid if more bytes came. Table 3-7 of Unicode 3.9. */
static size_t char_size(const uint8_t *in, size_t size, size_t *bad, bool *partial)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t need;
    *bad = 1;
    *partial = false;
    if (in[0] < 0xc2 || in[0] > 0xf4)
        return in[0] < 0x80 ? 1 : 0;
    if (in[0] < 0xe0)
        need = 2;
    else if (in[0] < 0xf0) {
        need = 3;
        if (in[0] == 0xe0)
            low = 0xa0;
        if (in[0] == 0xed)
            high = 0x9f;
    } else {
        need = 4;
        if (in[0] == 0xf0)
            low = 0x90;
        if (in[0] == 0xf4)
            high = 0x8f;
    }
    for (size_t i = 1; i < need; i++) {
        *bad = i;
        if (i == size) {
            *partial = true;
            return 0;
        }
        if (in[i] < low || in[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

size_t utf_valid_size(ll_span bytes, bool *partial)
{
    size_t i = 0, bad;
    bool cut = false;
    while (i < bytes.size) {
        i += ascii_size(bytes.data + i, bytes.size - i);
        if (i == bytes.size)
            break;
        size_t size = char_size((const uint8_t *)bytes.data + i, bytes.size - i, &bad, &cut);
        if (!size)
            break;
        i += size;
    }
    if (partial)
        *partial = cut;
    return i;
}

bool utf_valid(ll_span bytes)
{
    return utf_valid_size(bytes, NULL) == bytes.size;
}

size_t utf_invalid_size(ll_span bytes)
{
    size_t bad = 0;
    bool partial;
    if (bytes.size)
        (void)char_size((const uint8_t *)bytes.data, bytes.size, &bad, &partial);
    return bad;
}

void utf_add_valid(text *out, ll_span bytes)
{
    while (bytes.size) {
        size_t good = utf_valid_size(bytes, NULL);
        text_add(out, span_first(bytes, good));
        bytes = span_from(bytes, good);
        if (bytes.size)
            text_add(out, SPAN(replacement));
        bytes = span_from(bytes, utf_invalid_size(bytes));
    }
}

void utf_add_point(text *out, uint32_t point)
{
    if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
        text_add(out, SPAN(replacement));
        return;
    }
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t size = utf8proc_encode_char((utf8proc_int32_t)point, bytes);
    text_add(out, span_of((const char *)bytes, size > 0 ? (size_t)size : 0));
}

/* Combining characters that wait for their canonical order (Unicode 3.11): a starter and what hangs on it. */
enum { marks_max = 64 }; /* Unicode's stream-safe format (UAX 15) allows 30 */

typedef struct marks {
    utf8proc_int32_t points[marks_max];
    size_t count;
} marks;

static utf8proc_propval_t class_of(utf8proc_int32_t point)
{
    return utf8proc_get_property(point)->combining_class;
}

static void marks_flush(marks *m, text *out)
{
    for (size_t i = 1; i < m->count; i++) { /* insertion sort: it is stable, and nearly always nothing moves */
        utf8proc_int32_t point = m->points[i];
        utf8proc_propval_t class = class_of(point);
        size_t at = i;
        for (; class && at && class_of(m->points[at - 1]) > class; at--)
            m->points[at] = m->points[at - 1];
        m->points[at] = point;
    }
    for (size_t i = 0; i < m->count; i++)
        utf_add_point(out, (uint32_t)m->points[i]);
    m->count = 0;
}

static void add_decomposed(marks *m, utf8proc_int32_t point, utf8proc_option_t options, bool title, text *out)
{
    utf8proc_int32_t parts[32]; /* the longest decomposition has 18 (U+FDFA) */
    int boundary = 0;
    utf8proc_ssize_t count =
        utf8proc_decompose_char(point, parts, 32, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | options, &boundary);
    if (count < 0 || count > 32) {
        parts[0] = point;
        count = 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++) {
        if (m->count == marks_max || class_of(parts[i]) == 0)
            marks_flush(m, out);
        m->points[m->count++] = title && parts[i] != 0xdf ? utf8proc_totitle(parts[i]) : parts[i];
    }
}

static void fold_point(marks *m, utf8proc_int32_t point, text *out)
{
    if (point == 0x131) /* the dotless i is I in capitals: RFC 5051 section 2 goes by them, case folding does not */
        point = 'i';
    add_decomposed(m, point, UTF8PROC_CASEFOLD, false, out);
}

/* UnicodeData.txt has no capital for the sharp s, though utf8proc has one. */
static void title_point(marks *m, utf8proc_int32_t point, text *out)
{
    add_decomposed(m, point == 0xdf ? point : utf8proc_totitle(point), 0, true, out);
}

static void add_ascii(text *out, ll_span run, bool title)
{
    char *to = text_grow(out, run.size);
    if (!to)
        return;
    for (size_t i = 0; title && i < run.size; i++)
        to[i] = ascii_upper(run.data[i]);
    for (size_t i = 0; !title && i < run.size; i++) /* two loops: each is a vector's work */
        to[i] = ascii_lower(run.data[i]);
    text_grown(out, run.size);
}

static void map_points(text *out, ll_span utf8, bool title)
{
    marks m = {.count = 0};
    size_t i = 0;
    while (i < utf8.size) {
        size_t run = ascii_size(utf8.data + i, utf8.size - i);
        if (run) {
            marks_flush(&m, out);
            add_ascii(out, span_of(utf8.data + i, run), title);
            i += run;
            continue;
        }
        const uint8_t *in = (const uint8_t *)utf8.data + i;
        utf8proc_int32_t point = 0xfffd;
        size_t bad;
        bool partial;
        size_t size = char_size(in, utf8.size - i, &bad, &partial);
        if (size)
            utf8proc_iterate(in, (utf8proc_ssize_t)size, &point);
        if (title)
            title_point(&m, point, out);
        else
            fold_point(&m, point, out);
        i += size ? size : bad;
    }
    marks_flush(&m, out);
}

void utf_fold(text *out, ll_span utf8)
{
    map_points(out, utf8, false);
}

void utf_title(text *out, ll_span utf8)
{
    map_points(out, utf8, true);
}

ll_status utf_nfc(text *out, ll_span utf8)
{
    if (ascii_size(utf8.data, utf8.size) == utf8.size) {
        text_add(out, utf8);
        return LL_OK;
    }
    if (!utf_valid(utf8))
        return LL_ESYNTAX;
    const utf8proc_option_t options = UTF8PROC_COMPOSE | UTF8PROC_STABLE;
    const utf8proc_uint8_t *in = (const utf8proc_uint8_t *)utf8.data;
    if (utf8.size > SSIZE_MAX / 8)
        return LL_ENOMEM;
    utf8proc_ssize_t count = utf8proc_decompose(in, (utf8proc_ssize_t)utf8.size, NULL, 0, options);
    if (count < 0)
        return LL_ESYNTAX;
    utf8proc_int32_t *points = memory_resize(out->allocator, NULL, ((size_t)count + 1) * sizeof *points);
    if (!points)
        return LL_ENOMEM;
    count = utf8proc_decompose(in, (utf8proc_ssize_t)utf8.size, points, count, options);
    if (count >= 0)
        count = utf8proc_normalize_utf32(points, count, options);
    for (utf8proc_ssize_t i = 0; i < count; i++)
        utf_add_point(out, (uint32_t)points[i]);
    memory_free(out->allocator, points);
    return count < 0 ? LL_ESYNTAX : LL_OK;
}
