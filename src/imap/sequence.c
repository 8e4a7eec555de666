/* sequence.c - see sequence.h
 * SPDX-License-Identifier: MIT
 *
 * Ranges are turned to UIDs, sorted and joined before they reach a bitmap, so that a line full of "1:*" costs no more
 * than one. */
#include "imap/sequence.h"

#include "imap/snapshot.h"

#include <stdlib.h>

/* seq-number: nz-number or "*" (0). nz-number has no leading zero. */
static bool take_number(ll_span *rest, uint32_t *number)
{
    if (rest->size && rest->data[0] == '*') {
        *number = 0;
        *rest = span_from(*rest, 1);
        return true;
    }
    size_t digits = 0;
    while (digits < rest->size && rest->data[digits] >= '0' && rest->data[digits] <= '9')
        digits++;
    if (!digits || rest->data[0] == '0' || !span_u32(span_first(*rest, digits), number))
        return false;
    *rest = span_from(*rest, digits);
    return true;
}

static bool take_range(ll_span *rest, ll_range *range)
{
    if (!take_number(rest, &range->first))
        return false;
    range->last = range->first;
    if (!rest->size || rest->data[0] != ':')
        return true;
    *rest = span_from(*rest, 1);
    return take_number(rest, &range->last);
}

ll_status sequence_parse(sequence *out, ll_span set, size_t ranges_max, arena *memory)
{
    size_t count = 1;
    *out = (sequence){.saved = span_equal(set, SPAN("$"))};
    if (out->saved)
        return LL_OK;
    for (size_t i = 0; i < set.size; i++)
        count += set.data[i] == ',';
    if (count > ranges_max)
        return LL_ELIMIT;
    out->ranges = arena_array(memory, count, sizeof(ll_range));
    if (!out->ranges)
        return arena_status(memory);
    for (ll_span rest = set;; rest = span_from(rest, 1)) {
        if (!take_range(&rest, &out->ranges[out->count++]))
            return LL_ESYNTAX;
        if (!rest.size)
            return LL_OK;
        if (rest.data[0] != ',')
            return LL_ESYNTAX;
    }
}

/* One range as UIDs, in order. LL_EINVAL: a sequence number beyond the end. */
static ll_status range_uids(ll_range range, bool uid, const snapshot *snap, uint32_t count, ll_range *out)
{
    uint32_t star = uid ? uidset_last(snapshot_uids(snap)) : count;
    uint32_t a = range.first ? range.first : star, b = range.last ? range.last : star;
    *out = a <= b ? (ll_range){a, b} : (ll_range){b, a};
    if (uid)
        return LL_OK;
    if (out->last > count)
        return LL_EINVAL;
    *out = (ll_range){snapshot_uid(snap, out->first), snapshot_uid(snap, out->last)};
    return LL_OK;
}

static int range_order(const void *a, const void *b)
{
    const ll_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* Sort and join in place; the new count. */
static size_t ranges_join(ll_range *ranges, size_t count)
{
    size_t kept = 0;
    qsort(ranges, count, sizeof *ranges, range_order);
    for (size_t i = 0; i < count; i++) {
        ll_range *last = kept ? &ranges[kept - 1] : NULL;
        if (last && (last->last == UINT32_MAX || ranges[i].first <= last->last + 1)) {
            if (ranges[i].last > last->last)
                last->last = ranges[i].last;
        } else
            ranges[kept++] = ranges[i];
    }
    return kept;
}

/* What was saved, without messages expunged since (RFC 5182 section 2.1). */
static ll_status saved_ranges(const snapshot *snap, arena *memory, ll_range **ranges, size_t *count)
{
    if (!snap->saved)
        return LL_OK;
    uidset *left = uidset_copy(snap->saved);
    if (!left)
        return LL_ENOMEM;
    uidset_and(left, snapshot_uids(snap));
    ll_status status = sequence_ranges(left, memory, ranges, count);
    uidset_del(&left);
    return status;
}

ll_status sequence_resolve(const sequence *set, bool uid, const snapshot *snap, arena *memory, ll_range **ranges,
                           size_t *count)
{
    uint32_t messages = snapshot_count(snap);
    *ranges = NULL;
    *count = 0;
    if (set->saved)
        return messages ? saved_ranges(snap, memory, ranges, count) : LL_OK;
    if (!messages) /* RFC 3501 section 9, seq-number: even "*" is BAD as a number of an empty mailbox */
        return uid ? LL_OK : LL_EINVAL;
    ll_range *list = arena_array(memory, set->count, sizeof *list);
    if (!list)
        return arena_status(memory);
    for (size_t i = 0; i < set->count; i++) {
        ll_status status = range_uids(set->ranges[i], uid, snap, messages, &list[i]);
        if (status)
            return status;
    }
    *ranges = list;
    *count = ranges_join(list, set->count);
    return LL_OK;
}

ll_status sequence_matches(const sequence *set, bool uid, const snapshot *snap, arena *memory, ll_range **ranges,
                           size_t *count)
{
    uint32_t messages = snapshot_count(snap);
    size_t kept = 0;
    if (uid || set->saved || !messages)
        return sequence_resolve(set, uid || !messages, snap, memory, ranges, count);
    ll_range *list = arena_array(memory, set->count, sizeof *list);
    if (!list)
        return arena_status(memory);
    for (size_t i = 0; i < set->count; i++) {
        uint32_t a = set->ranges[i].first ? set->ranges[i].first : messages;
        uint32_t b = set->ranges[i].last ? set->ranges[i].last : messages;
        uint32_t low = a < b ? a : b, high = a < b ? b : a;
        if (low <= messages)
            list[kept++] = (ll_range){snapshot_uid(snap, low), snapshot_uid(snap, high < messages ? high : messages)};
    }
    *ranges = list;
    *count = ranges_join(list, kept);
    return LL_OK;
}

bool sequence_has(const ll_range *ranges, size_t count, uint32_t uid)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges[middle].last < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].first <= uid;
}

uidset *sequence_members(const ll_range *ranges, size_t count, const snapshot *snap)
{
    uidset *members = uidset_new();
    if (!members)
        return NULL;
    const uidset *all = snapshot_uids(snap);
    ll_range bounds = {uidset_first(all), uidset_last(all)};
    for (size_t i = 0; i < count; i++) { /* a UID set may reach to 4294967295: only what can have members costs */
        ll_range part = ranges[i];
        part.first = part.first > bounds.first ? part.first : bounds.first;
        part.last = part.last < bounds.last ? part.last : bounds.last;
        if (part.first <= part.last)
            uidset_add_range(members, part);
    }
    if (count)
        uidset_and(members, all);
    return members;
}

ll_status sequence_uids(const sequence *set, bool uid, const snapshot *snap, uidset **out)
{
    arena memory;
    ll_range *ranges;
    size_t count;
    *out = NULL;
    arena_init(&memory, NULL, SIZE_MAX); /* as large as the set that was parsed */
    ll_status status = sequence_resolve(set, uid, snap, &memory, &ranges, &count);
    if (!status) {
        *out = sequence_members(ranges, count, snap);
        status = *out ? LL_OK : LL_ENOMEM;
    }
    arena_fini(&memory);
    return status;
}

ll_status sequence_ranges(const uidset *set, arena *memory, ll_range **ranges, size_t *count)
{
    ll_range range;
    *count = 0;
    uidset_walk *walk = uidset_walk_new(set, 1);
    if (!walk)
        return LL_ENOMEM;
    while (uidset_walk_range(walk, UINT32_MAX, &range))
        ++*count;
    uidset_walk_del(&walk);
    *ranges = arena_array(memory, *count, sizeof **ranges);
    if (!*ranges)
        return arena_status(memory);
    walk = uidset_walk_new(set, 1);
    if (!walk)
        return LL_ENOMEM;
    for (size_t i = 0; i < *count && uidset_walk_range(walk, UINT32_MAX, &(*ranges)[i]); i++)
        ;
    uidset_walk_del(&walk);
    return LL_OK;
}
