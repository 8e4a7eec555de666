/* search_sign.c - see search_sign.h
 * SPDX-License-Identifier: MIT */
#include "store/search_sign.h"

enum { SHARE = 8 };

/* The bit of the run that begins here. Of three bytes: with a fourth that is in no text (UTF-8). Kept in the file:
 * search_format. */
static uint32_t bit_of(const char *at, bool shorter, uint32_t bits)
{
    const uint8_t *b = (const uint8_t *)at;
    uint32_t gram = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
    gram |= (shorter ? UINT32_C(0xff) : (uint32_t)b[3]) << 24;
    uint32_t hash = gram * UINT32_C(0x9e3779b1);
    hash = (hash ^ hash >> 15) * UINT32_C(0x85ebca77);
    return (uint32_t)((uint64_t)hash * bits >> 32);
}

static void set(char *sign, uint32_t bit)
{
    sign[bit >> 3] = (char)(sign[bit >> 3] | 1 << (bit & 7));
}

static bool has(const char *sign, uint32_t bit)
{
    return (uint8_t)sign[bit >> 3] >> (bit & 7) & 1;
}

ll_status search_sign_make(text *out, search_class class, ll_span terms)
{
    bool lines = search_class_is_lines(class);
    size_t size = terms.size / SHARE;
    size = size > search_sign_max ? search_sign_max : size < search_sign_min ? search_sign_min : size;
    char *sign = text_grow(out, size);
    if (!sign)
        return text_status(out);
    memset(sign, 0, size);
    while (terms.size) {
        ll_span term = span_cut(&terms, '\n');
        for (size_t i = 0; i + search_sign_short <= term.size; i++) {
            if (!lines)
                set(sign, bit_of(term.data + i, true, (uint32_t)size * 8));
            if (i + search_sign_gram <= term.size)
                set(sign, bit_of(term.data + i, false, (uint32_t)size * 8));
        }
    }
    text_grown(out, size);
    return LL_OK;
}

static ll_span within_lines(ll_span needle)
{
    if (needle.size && needle.data[0] == '\n')
        needle = span_from(needle, 1);
    if (needle.size && needle.data[needle.size - 1] == '\n')
        needle = span_first(needle, needle.size - 1);
    return needle;
}

bool search_sign_tells(search_class class, ll_span needle)
{
    size_t least = search_class_is_lines(class) ? search_sign_gram : search_sign_short;
    return within_lines(needle).size >= least;
}

bool search_sign_may(ll_span sign, ll_span needle)
{
    if (sign.size < search_sign_min || sign.size > search_sign_max)
        return true;
    needle = within_lines(needle);
    bool shorter = needle.size < search_sign_gram;
    for (size_t i = 0; i + (shorter ? search_sign_short : search_sign_gram) <= needle.size; i++)
        if (!has(sign.data, bit_of(needle.data + i, shorter, (uint32_t)sign.size * 8)))
            return false;
    return true;
}
