/* span.h - borrowed bytes: the ll_span of the public header, with what everybody does to one.
 * SPDX-License-Identifier: MIT
 *
 * A span never owns. Parsers return spans into their input. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "letterlock.h"

#include <string.h>

/* A span of a string literal. */
#define SPAN(literal) ((ll_span){(literal), sizeof(literal) - 1})
/* For printf: "%.*s", SPAN_PRINT(span) */
#define SPAN_PRINT(span) (int)(span).size, (span).data ? (span).data : ""

static inline ll_span span_of(const char *data, size_t size)
{
    return (ll_span){data, size};
}

static inline ll_span span_str(const char *string)
{
    return (ll_span){string, string ? strlen(string) : 0};
}

static inline bool span_equal(ll_span a, ll_span b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ASCII case is ignored. */
bool span_equal_nocase(ll_span a, ll_span b);
bool span_starts_nocase(ll_span span, ll_span prefix);
/* -1, 0, 1 as memcmp; the shorter of equal prefixes comes first. */
int span_compare(ll_span a, ll_span b);
int span_compare_nocase(ll_span a, ll_span b);

static inline ll_span span_from(ll_span span, size_t start)
{
    return start >= span.size ? span_of(span.data + span.size, 0) : span_of(span.data + start, span.size - start);
}

static inline ll_span span_first(ll_span span, size_t size)
{
    return span_of(span.data, size < span.size ? size : span.size);
}

/* Without spaces, tabs, CR and LF at both ends. */
ll_span span_trim(ll_span span);
/* Position of a byte, or span.size if there is none. */
size_t span_find(ll_span span, char byte);
/* Take the part before the first `byte`, and leave the rest behind it in *rest; without one, take all and leave
 * nothing. */
ll_span span_cut(ll_span *rest, char byte);
/* Decimal digits only, all of the span, at least one; false on anything else and on overflow. */
bool span_u64(ll_span span, uint64_t *out);
bool span_u32(ll_span span, uint32_t *out);

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

#endif
