/* saved.c - see saved.h
 * SPDX-License-Identifier: MIT */
#include "mime/saved.h"

void saved_add_number(text *out, uint64_t number)
{
    char bytes[10];
    size_t size = 0;
    for (; number >= 0x80; number >>= 7)
        bytes[size++] = (char)((number & 0x7f) | 0x80);
    bytes[size++] = (char)number;
    text_add(out, span_of(bytes, size));
}

void saved_add_signed(text *out, int64_t number)
{
    saved_add_number(out, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

void saved_add_span(text *out, ll_span span)
{
    saved_add_number(out, span.data ? span.size + 1 : 0);
    if (span.data)
        text_add(out, span);
}

void saved_add_params(text *out, const mime_param *params, size_t count)
{
    saved_add_number(out, count);
    for (size_t i = 0; i < count; i++) {
        saved_add_span(out, params[i].name);
        saved_add_span(out, params[i].value);
    }
}

static void set_bad(saved_reader *reader)
{
    reader->bad = true;
    reader->at = reader->end;
}

uint64_t saved_number(saved_reader *reader)
{
    uint64_t number = 0;
    if (reader->at < reader->end && !(*reader->at & 0x80)) /* nearly always */
        return (uint8_t)*reader->at++;
    for (unsigned shift = 0; reader->at < reader->end && shift < 64; shift += 7) {
        uint8_t byte = (uint8_t)*reader->at++;
        if (shift == 63 && byte > 1)
            break;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return number;
    }
    set_bad(reader);
    return 0;
}

int64_t saved_signed(saved_reader *reader)
{
    uint64_t number = saved_number(reader);
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

/* Some byte below 14, eight at a time: then it is worth looking at each. */
static bool has_low(ll_span span)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t x, low = 0;
    const char *at = span.data, *end = at + span.size;
    if (span.size < sizeof x) {
        bool found = false;
        while (at < end)
            found |= (unsigned char)*at++ < 14;
        return found;
    }
    for (; end - at > 8; at += 8) {
        memcpy(&x, at, sizeof x);
        low |= (x - each * 14) & ~x;
    }
    memcpy(&x, end - 8, sizeof x); /* the last ones, some of them again */
    low |= (x - each * 14) & ~x;
    return low & each * 0x80;
}

ll_span saved_span(saved_reader *reader)
{
    uint64_t size = saved_number(reader);
    if (size == 0)
        return span_of(NULL, 0);
    if (size - 1 > (uint64_t)(reader->end - reader->at)) {
        set_bad(reader);
        return span_of(NULL, 0);
    }
    ll_span span = span_of(reader->at, (size_t)(size - 1));
    reader->at += span.size;
    if (!has_low(span))
        return span;
    for (size_t i = 0; i < span.size; i++)
        if (span.data[i] == '\0' || span.data[i] == '\r' || span.data[i] == '\n') {
            set_bad(reader);
            return span_of(NULL, 0);
        }
    return span;
}

ll_span saved_word(saved_reader *reader)
{
    ll_span span = saved_span(reader);
    if (!span.size)
        set_bad(reader);
    return span;
}

size_t saved_count(saved_reader *reader, size_t size_min)
{
    uint64_t count = saved_number(reader);
    if (count > (uint64_t)(reader->end - reader->at) / size_min) {
        set_bad(reader);
        return 0;
    }
    return (size_t)count;
}
