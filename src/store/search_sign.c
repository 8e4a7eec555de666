/* search_sign.c - see search_sign.h
 * SPDX-License-Identifier: MIT */
#include "store/search_sign.h"

/* The bit of the run of four bytes that begins here. Kept in the file: search_format. */
static uint32_t bit_of(const char *at, uint32_t bits)
{
    const uint8_t *b = (const uint8_t *)at;
    uint32_t gram = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
    uint32_t hash = gram * UINT32_C(0x9e3779b1);
    hash = (hash ^ hash >> 15) * UINT32_C(0x85ebca77);
    return (uint32_t)((uint64_t)hash * bits >> 32);
}

ll_status search_sign_make(text *out, ll_span terms)
{
    size_t size = terms.size / 8;
    size = size > search_sign_max ? search_sign_max : size < search_sign_min ? search_sign_min : size;
    char *sign = text_grow(out, size);
    if (!sign)
        return text_status(out);
    memset(sign, 0, size);
    while (terms.size) {
        ll_span term = span_cut(&terms, '\n');
        for (size_t i = 0; i + search_sign_gram <= term.size; i++) {
            uint32_t bit = bit_of(term.data + i, (uint32_t)size * 8);
            sign[bit >> 3] = (char)(sign[bit >> 3] | 1 << (bit & 7));
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

bool search_sign_tells(ll_span needle)
{
    return within_lines(needle).size >= search_sign_gram;
}

bool search_sign_may(ll_span sign, ll_span needle)
{
    if (sign.size < search_sign_min || sign.size > search_sign_max)
        return true;
    needle = within_lines(needle);
    for (size_t i = 0; i + search_sign_gram <= needle.size; i++) {
        uint32_t bit = bit_of(needle.data + i, (uint32_t)sign.size * 8);
        if (!((uint8_t)sign.data[bit >> 3] >> (bit & 7) & 1))
            return false;
    }
    return true;
}
