/* search_block.c - see search_block.h
 * SPDX-License-Identifier: MIT */
#include "store/search_block.h"

#include "store/search_sign.h"

#include <zstd.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    PLAIN = 0,
    PACKED = 1,
    LEVEL = 3,   /* 1 saved no time worth the name, 9 no space; see docs/why/search-index.md */
    VARINT = 10, /* bytes, at most; half of it for 32 bits */
    SMALL = 64   /* not worth packing */
};

/* ------------------------------------------------------------------------------------------------- Writing */

static size_t put_varint(char *to, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        to[n++] = (char)(0x80 | (value & 0x7f));
    to[n++] = (char)value;
    return n;
}

static void add_varint(text *out, uint64_t value)
{
    char bytes[VARINT];
    text_add(out, span_of(bytes, put_varint(bytes, value)));
}

ll_status search_packer_init(search_packer *w, search_block_sink *sink, void *ctx)
{
    *w = (search_packer){.sink = sink, .ctx = ctx, .zstd = ZSTD_createCCtx()};
    text_init(&w->terms, NULL, search_terms_max);
    text_init(&w->postings, NULL, search_postings_max);
    text_init(&w->list, NULL, search_postings_max);
    text_init(&w->sign, NULL, search_sign_max);
    for (size_t i = 0; i < 2; i++)
        text_init(&w->packed[i], NULL, search_postings_max + VARINT + 1);
    return w->zstd ? LL_OK : LL_ENOMEM;
}

void search_packer_fini(search_packer *w)
{
    text_fini(&w->terms);
    text_fini(&w->postings);
    text_fini(&w->list);
    text_fini(&w->sign);
    for (size_t i = 0; i < 2; i++)
        text_fini(&w->packed[i]);
    ZSTD_freeCCtx(w->zstd);
    w->zstd = NULL;
}

static ll_status pack(search_packer *w, ll_span plain, text *out)
{
    text_clear(out);
    text_add_byte(out, PACKED);
    add_varint(out, plain.size);
    char *to = plain.size > SMALL ? text_grow(out, plain.size) : NULL;
    size_t size = to ? ZSTD_compressCCtx(w->zstd, to, plain.size - 1, plain.data, plain.size, LEVEL) : plain.size;
    if (to && !ZSTD_isError(size)) {
        text_grown(out, size);
        return text_status(out);
    }
    if (text_status(out))
        return text_status(out);
    out->data[0] = PLAIN;
    text_add(out, plain);
    return text_status(out);
}

static ll_status give_sign(search_packer *w)
{
    if (!search_sign_has(w->class) || w->terms.size < search_sign_terms)
        return LL_OK;
    text_clear(&w->sign);
    ll_status status = search_sign_make(&w->sign, w->class, text_span(&w->terms));
    return status ? status
                  : w->sink(w->ctx, w->class + SEARCH_CLASS_SIGNS, w->ordinal, text_span(&w->sign), span_of(NULL, 0));
}

static ll_status finish(search_packer *w)
{
    if (!w->terms.size)
        return LL_OK;
    ll_status status = pack(w, text_span(&w->terms), &w->packed[0]);
    if (!status)
        status = pack(w, text_span(&w->postings), &w->packed[1]);
    if (!status)
        status = w->sink(w->ctx, w->class, w->ordinal, text_span(&w->packed[0]), text_span(&w->packed[1]));
    if (!status)
        status = give_sign(w);
    w->ordinal++;
    text_clear(&w->terms);
    text_clear(&w->postings);
    return status;
}

static void add_list(search_packer *w, const uint32_t *messages, size_t count)
{
    text_clear(&w->list);
    char *to = text_grow(&w->list, count * (VARINT / 2));
    size_t size = 0;
    for (size_t i = 0; to && i < count; i++)
        size += put_varint(to + size, i ? messages[i] - messages[i - 1] : messages[i]);
    text_grown(&w->list, size);
    add_varint(&w->postings, w->list.size << 1 | 1);
    text_add(&w->postings, text_span(&w->list));
}

ll_status search_packer_add(search_packer *w, search_class class, ll_span term, const uint32_t *messages, size_t count)
{
    ll_status status = LL_OK;
    bool full = w->terms.size + term.size + 1 > search_block_terms || w->postings.size > search_block_postings;
    if (class != w->class || full)
        status = finish(w);
    if (status)
        return status;
    if (class != w->class)
        w->ordinal = 0;
    w->class = class;
    if (!w->terms.size)
        text_add_byte(&w->terms, '\n');
    text_add(&w->terms, term);
    text_add_byte(&w->terms, '\n');
    if (count == 1)
        add_varint(&w->postings, (uint64_t)messages[0] << 1);
    else
        add_list(w, messages, count);
    if (text_status(&w->list))
        return text_status(&w->list);
    return text_status(&w->terms) ? text_status(&w->terms) : text_status(&w->postings);
}

ll_status search_packer_end(search_packer *w)
{
    return finish(w);
}

/* ------------------------------------------------------------------------------------------------- Reading */

/* False: cut off, or beyond 64 bits. */
static bool take_varint(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return shift < 63 || byte <= 1;
    }
    return false;
}

ll_status search_block_init(search_block *b)
{
    *b = (search_block){.zstd = ZSTD_createDCtx()};
    text_init(&b->terms, NULL, search_terms_max);
    text_init(&b->postings, NULL, search_postings_max);
    return b->zstd ? LL_OK : LL_ENOMEM;
}

void search_block_fini(search_block *b)
{
    text_wipe(&b->terms);
    text_wipe(&b->postings);
    ZSTD_freeDCtx(b->zstd);
    b->zstd = NULL;
}

static ll_status unpack(search_block *b, ll_span bytes, text *out)
{
    const uint8_t *at = (const uint8_t *)bytes.data, *end = at + bytes.size;
    uint64_t size = 0;
    text_clear(out);
    if (!bytes.size || *at > PACKED)
        return LL_ECORRUPT;
    bool packed = *at++ == PACKED;
    if (!take_varint(&at, end, &size) || size > out->size_max)
        return LL_ECORRUPT;
    if (!packed && size != (size_t)(end - at))
        return LL_ECORRUPT;
    if (packed && ZSTD_getFrameContentSize(at, (size_t)(end - at)) != size) /* before memory is taken for it */
        return LL_ECORRUPT;
    char *to = size ? text_grow(out, (size_t)size) : NULL;
    if (size && !to)
        return text_status(out);
    if (!packed && size)
        memcpy(to, at, (size_t)size);
    else if (packed && ZSTD_decompressDCtx(b->zstd, to, (size_t)size, at, (size_t)(end - at)) != size)
        return LL_ECORRUPT;
    text_grown(out, (size_t)size);
    return LL_OK;
}

uint32_t search_count_lines(const char *data, size_t size)
{
    const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f), lines = UINT64_C(0x0a0a0a0a0a0a0a0a);
    uint32_t count = 0;
    for (; size >= 8; data += 8, size -= 8) { /* eight at a time: the high bit of a byte that is LF, and their sum */
        uint64_t word;
        memcpy(&word, data, 8);
        word ^= lines;
        word = ~(((word & low) + low) | word | low) >> 7;
        count += (uint32_t)(word * UINT64_C(0x0101010101010101) >> 56);
    }
    for (size_t i = 0; i < size; i++)
        count += data[i] == '\n';
    return count;
}

ll_status search_block_terms_set(search_block *b, ll_span bytes)
{
    ll_status status = unpack(b, bytes, &b->terms);
    if (status)
        return status;
    if (b->terms.size < 2 || b->terms.data[0] != '\n' || b->terms.data[b->terms.size - 1] != '\n') {
        text_clear(&b->terms);
        return LL_ECORRUPT;
    }
    return LL_OK;
}

uint32_t search_block_terms_count(const search_block *b)
{
    return b->terms.size ? search_count_lines(b->terms.data, b->terms.size) - 1 : 0;
}

const char *search_block_find(const char *at, const char *end, ll_span needle)
{
#ifdef __SSE2__
    enum { FEW = 8, LANES = 16 };
    if (needle.size <= FEW) { /* where the first and the last byte stand right, 16 places at a time */
        const __m128i first = _mm_set1_epi8(needle.data[0]), last = _mm_set1_epi8(needle.data[needle.size - 1]);
        for (; (size_t)(end - at) >= LANES + needle.size - 1; at += LANES) {
            __m128i a = _mm_loadu_si128((const __m128i *)(const void *)at);
            __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(at + needle.size - 1));
            __m128i both = _mm_and_si128(_mm_cmpeq_epi8(a, first), _mm_cmpeq_epi8(b, last));
            for (unsigned places = (unsigned)_mm_movemask_epi8(both); places; places &= places - 1) {
                const char *place = at + __builtin_ctz(places);
                if (!memcmp(place, needle.data, needle.size))
                    return place;
            }
        }
    }
#endif
    return memmem(at, (size_t)(end - at), needle.data, needle.size);
}

ll_status search_block_postings_set(search_block *b, ll_span bytes)
{
    return unpack(b, bytes, &b->postings);
}

search_postings search_postings_of(const search_block *b)
{
    ll_span s = text_span(&b->postings);
    return (search_postings){(const uint8_t *)s.data, (const uint8_t *)s.data + s.size};
}

ll_status search_postings_skip(search_postings *p, uint32_t n)
{
    for (; n; n--) {
        uint64_t head;
        if (!take_varint(&p->at, p->end, &head))
            return LL_ECORRUPT;
        if (!(head & 1))
            continue;
        if (head >> 1 > (uint64_t)(p->end - p->at))
            return LL_ECORRUPT;
        p->at += head >> 1;
    }
    return LL_OK;
}

/* The messages of one term: in the list's head if it is one, else from at to end. */
typedef struct posting_list {
    const uint8_t *at, *end;
    uint64_t message;
    bool single, begun;
} posting_list;

/* The next term's. */
static ll_status open_list(search_postings *p, posting_list *list)
{
    uint64_t head;
    if (!take_varint(&p->at, p->end, &head))
        return LL_ECORRUPT;
    *list = (posting_list){.message = head >> 1, .single = !(head & 1)};
    if (list->single)
        return LL_OK;
    if (!(head >> 1) || head >> 1 > (uint64_t)(p->end - p->at))
        return LL_ECORRUPT;
    list->at = p->at;
    list->end = p->at += head >> 1;
    return LL_OK;
}

/* LL_MORE: list->message is the next one; LL_OK: there are no more; LL_ECORRUPT: one above `last`, or not ascending. */
static ll_status next_message(posting_list *list, uint32_t last)
{
    uint64_t step;
    if (list->single ? list->begun : list->at == list->end)
        return LL_OK;
    if (!list->single) {
        if (!take_varint(&list->at, list->end, &step) || step > last || (list->begun && !step))
            return LL_ECORRUPT;
        list->message = list->begun ? list->message + step : step;
    }
    list->begun = true;
    return list->message <= last ? LL_MORE : LL_ECORRUPT;
}

ll_status search_postings_mark(search_postings *p, uint32_t last, uint8_t *bits, uint32_t *added)
{
    posting_list list;
    *added = 0;
    ll_status status = open_list(p, &list);
    if (status)
        return status;
    while ((status = next_message(&list, last)) == LL_MORE) {
        uint8_t bit = (uint8_t)(1u << (list.message & 7));
        *added += !(bits[list.message >> 3] & bit);
        bits[list.message >> 3] |= bit;
    }
    return status;
}

ll_status search_postings_take(search_postings *p, uint32_t last, text *messages)
{
    posting_list list;
    ll_status status = open_list(p, &list);
    if (status)
        return status;
    while ((status = next_message(&list, last)) == LL_MORE) {
        uint32_t number = (uint32_t)list.message;
        text_add(messages, span_of((const char *)&number, sizeof number));
    }
    return status ? status : text_status(messages);
}
