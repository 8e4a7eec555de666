/* search_gram.c - see search_gram.h
 * SPDX-License-Identifier: MIT */
#include "store/search_gram.h"

#include "store/search_join.h"

void search_grams_init(search_grams *g)
{
    memset(g, 0, sizeof *g);
}

/* Bytes of the character that begins so; 0: none does. */
static size_t size_of(char lead)
{
    uint8_t b = (uint8_t)lead;
    return b < 0x80 ? 1 : b < 0xc0 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
}

static ll_status give(search_grams *g, const char *at, size_t size, search_term_sink *sink, void *ctx)
{
    char whole[4] = {0};
    uint32_t number;
    memcpy(whole, at, size);
    memcpy(&number, whole, sizeof number);
    char *kept = g->kept[(number * UINT32_C(0x9e3779b1)) >> 24];
    if (!memcmp(kept, whole, sizeof whole))
        return LL_OK;
    memcpy(kept, whole, sizeof whole);
    return sink(ctx, span_of(at, size));
}

/* U+0300 to U+036F and the first after them. */
static bool is_combining(char lead)
{
    return (uint8_t)lead == 0xcc || (uint8_t)lead == 0xcd;
}

static ll_status give_accented(search_grams *g, char letter, const char *mark, search_term_sink *sink, void *ctx)
{
    char both[3] = {letter, mark[0], mark[1]};
    return give(g, both, sizeof both, sink, ctx);
}

static void add_ascii(search_grams *g, char before, char c)
{
    unsigned now = (unsigned char)c;
    g->ones[now >> 6] |= UINT64_C(1) << (now & 63);
    if (before)
        g->pairs[(unsigned char)before][now >> 6] |= UINT64_C(1) << (now & 63);
}

ll_status search_grams_push(search_grams *g, char *last, ll_span folded, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    for (size_t at = 0; !status && at < folded.size;) {
        char c = folded.data[at];
        size_t size = size_of(c);
        bool ascii = size == 1 && c && c != '\n' && c != search_join_line;
        if (ascii)
            add_ascii(g, *last, c);
        if (size == 2 && *last && is_combining(c) && folded.size - at >= size)
            status = give_accented(g, *last, folded.data + at, sink, ctx);
        *last = ascii ? c : 0;
        if (!status && size > 1 && size <= folded.size - at) /* pieces are of whole characters */
            status = give(g, folded.data + at, size, sink, ctx);
        at += size ? size : 1;
    }
    return status;
}

static bool is_set(const uint64_t bits[2], unsigned n)
{
    return bits[n >> 6] >> (n & 63) & 1;
}

ll_status search_grams_end(const search_grams *g, search_term_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    for (unsigned a = 0; !status && a < 128; a++) {
        char gram[2] = {(char)a, 0};
        if (!is_set(g->ones, a))
            continue;
        status = sink(ctx, span_of(gram, 1));
        for (unsigned b = 0; !status && b < 128; b++) {
            gram[1] = (char)b;
            if (is_set(g->pairs[a], b))
                status = sink(ctx, span_of(gram, 2));
        }
    }
    return status;
}

bool search_needle_is_gram(ll_span needle)
{
    if (!needle.size || needle.size > 4)
        return false;
    for (size_t i = 0; i < needle.size; i++)
        if (needle.data[i] == '\n' || needle.data[i] == search_join_line || !needle.data[i])
            return false;
    size_t size = size_of(needle.data[0]);
    if (size == 1 && needle.size == 3)
        return is_combining(needle.data[1]);
    return size == needle.size || (size == 1 && needle.size == 2 && (uint8_t)needle.data[1] < 0x80);
}
