/* view_saved.c - a view as bytes and back: ll_view_save and ll_view_load.
 * SPDX-License-Identifier: MIT
 *
 * Numbers are little-endian:
 *
 *   version, uidvalidity, uidnext, number of sets     4 bytes each
 *   modseq, sum (of all that follows)                 8 bytes each
 *   each set: number (0: the UIDs, n + 1: flag n), bytes     4 bytes each, then the set as CRoaring's portable format
 *
 * CRoaring reads a set without passing its end, but trusts what it says. The sum keeps damage by chance away from it.
 */
#include "imap/view.h"

#include "base/span.h"

#include <endian.h>

/* 1 is not read any more: its sum was slower, and its sets may be wrong (uidset_add_range). */
enum { SAVED_VERSION = 2, SAVED_HEAD = 32, SAVED_SET = 8, SUM_LANES = 4 };

static char *put_number(char *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (char)(number >> (8 * i));
    return to + size;
}

static uint64_t number_at(const char *from, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i; i--)
        number = number << 8 | (unsigned char)from[i - 1];
    return number;
}

static uint64_t sum_step(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 1099511628211u;
    return sum ^ sum >> 29;
}

/* FNV-1a, eight bytes at a time, every fourth eight in a lane of their own, so that the processor need not wait; then
 * the lanes and what is left. */
static uint64_t sum_of(ll_span bytes)
{
    uint64_t lanes[SUM_LANES], sum = 14695981039346656037u;
    for (size_t i = 0; i < SUM_LANES; i++)
        lanes[i] = sum + i;
    for (; bytes.size >= 8 * SUM_LANES; bytes = span_from(bytes, 8 * SUM_LANES)) {
        for (size_t i = 0; i < SUM_LANES; i++) {
            uint64_t word;
            memcpy(&word, bytes.data + 8 * i, 8);
            lanes[i] = sum_step(lanes[i], le64toh(word));
        }
    }
    for (size_t i = 0; i < SUM_LANES; i++)
        sum = sum_step(sum, lanes[i]);
    for (; bytes.size; bytes = span_from(bytes, 8))
        sum = sum_step(sum, number_at(bytes.data, bytes.size < 8 ? bytes.size : 8));
    return sum;
}

static const uidset *set_of(const ll_view *view, unsigned n)
{
    return n ? view_flag(view, n - 1) : view_uids(view);
}

size_t ll_view_saved_size(const ll_view *view)
{
    size_t size = SAVED_HEAD;
    for (unsigned n = 0; n <= view_flags_count(view); n++)
        if (set_of(view, n))
            size += SAVED_SET + uidset_saved_size(set_of(view, n));
    return size;
}

void ll_view_save(const ll_view *view, void *to)
{
    char *begin = (char *)to + SAVED_HEAD, *at = begin;
    uint32_t count = 0;
    for (unsigned n = 0; n <= view_flags_count(view); n++) {
        const uidset *set = set_of(view, n);
        if (!set)
            continue;
        size_t size = uidset_saved_size(set);
        at = put_number(put_number(at, n, 4), size, 4);
        uidset_save(set, at);
        at += size;
        count++;
    }
    uint64_t sum = sum_of(span_of(begin, (size_t)(at - begin)));
    at = put_number(put_number(to, SAVED_VERSION, 4), ll_view_uidvalidity(view), 4);
    at = put_number(put_number(at, ll_view_uidnext(view), 4), count, 4);
    put_number(put_number(at, ll_view_modseq(view), 8), sum, 8);
}

/* One set; the UIDs come first. */
static ll_status load_set(ll_view *view, ll_span *left, uint32_t uidnext)
{
    if (left->size < SAVED_SET)
        return LL_ECORRUPT;
    uint64_t n = number_at(left->data, 4), size = number_at(left->data + 4, 4);
    *left = span_from(*left, SAVED_SET);
    if (n > view_flags_count(view) || size > left->size)
        return LL_ECORRUPT;
    uidset *set = uidset_load(span_first(*left, (size_t)size));
    *left = span_from(*left, (size_t)size);
    if (!set)
        return LL_ENOMEM;
    bool fits = uidset_last(set) < uidnext && (!n || uidset_and_count(set, view_uids(view)) == uidset_count(set));
    if (fits)
        return view_put(view, (unsigned)n, set);
    uidset_del(&set);
    return LL_ECORRUPT;
}

ll_status ll_view_load(ll_view *view, ll_span saved, uint64_t *modseq)
{
    if (saved.size < SAVED_HEAD || number_at(saved.data, 4) != SAVED_VERSION ||
        number_at(saved.data + 4, 4) != ll_view_uidvalidity(view) || ll_view_count(view))
        return LL_ECORRUPT;
    uint32_t uidnext = (uint32_t)number_at(saved.data + 8, 4);
    ll_span left = span_from(saved, SAVED_HEAD);
    if (number_at(saved.data + 24, 8) != sum_of(left))
        return LL_ECORRUPT;
    ll_status status = LL_OK;
    for (uint64_t i = number_at(saved.data + 12, 4); !status && i; i--)
        status = load_set(view, &left, uidnext);
    *modseq = number_at(saved.data + 16, 8);
    return !status && left.size ? LL_ECORRUPT : status;
}
