/* span.c - see span.h
 * SPDX-License-Identifier: MIT */
#include "base/span.h"

bool span_equal_nocase(ll_span a, ll_span b)
{
    return a.size == b.size && span_starts_nocase(a, b);
}

bool span_starts_nocase(ll_span span, ll_span prefix)
{
    if (span.size < prefix.size)
        return false;
    for (size_t i = 0; i < prefix.size; i++)
        if (ascii_lower(span.data[i]) != ascii_lower(prefix.data[i]))
            return false;
    return true;
}

static int size_order(size_t a, size_t b)
{
    return a < b ? -1 : a > b;
}

int span_compare(ll_span a, ll_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order < 0 ? -1 : 1;
    return size_order(a.size, b.size);
}

int span_compare_nocase(ll_span a, ll_span b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < common; i++) {
        unsigned char x = (unsigned char)ascii_lower(a.data[i]), y = (unsigned char)ascii_lower(b.data[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return size_order(a.size, b.size);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

ll_span span_trim(ll_span span)
{
    while (span.size && is_blank(span.data[0]))
        span = span_from(span, 1);
    while (span.size && is_blank(span.data[span.size - 1]))
        span.size--;
    return span;
}

size_t span_find(ll_span span, char byte)
{
    const char *at = span.size ? memchr(span.data, byte, span.size) : NULL;
    return at ? (size_t)(at - span.data) : span.size;
}

ll_span span_cut(ll_span *rest, char byte)
{
    size_t at = span_find(*rest, byte);
    ll_span head = span_first(*rest, at);
    *rest = span_from(*rest, at < rest->size ? at + 1 : at);
    return head;
}

bool span_u64(ll_span span, uint64_t *out)
{
    uint64_t value = 0;
    if (!span.size)
        return false;
    for (size_t i = 0; i < span.size; i++) {
        char c = span.data[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool span_u32(ll_span span, uint32_t *out)
{
    uint64_t value;
    if (!span_u64(span, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}
