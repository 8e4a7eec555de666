/* uidset.c - see uidset.h
 * SPDX-License-Identifier: MIT */
#include "base/uidset.h"

#include "base/memory.h"

#include <roaring/containers/bitset.h>
#include <roaring/containers/containers.h>
#include <roaring/roaring.h>

/* A uidset is a roaring_bitmap_t under our name. */
static roaring_bitmap_t *in(uidset *set)
{
    return (roaring_bitmap_t *)set;
}

static const roaring_bitmap_t *cin(const uidset *set)
{
    return (const roaring_bitmap_t *)set;
}

uidset *uidset_new(void)
{
    return (uidset *)roaring_bitmap_create();
}

uidset *uidset_copy(const uidset *set)
{
    return (uidset *)roaring_bitmap_copy(cin(set));
}

void uidset_del(uidset **set)
{
    if (*set)
        roaring_bitmap_free(in(*set));
    *set = NULL;
}

void uidset_add(uidset *set, uint32_t uid)
{
    roaring_bitmap_add(in(set), uid);
}

/* Is the container of these 65,536 UIDs a bitset of so few members that it has to be an array? */
static bool is_misfit(const uidset *set, uint32_t key)
{
    const roaring_array_t *all = &cin(set)->high_low_container;
    int32_t from = 0, to = all->size;
    while (from < to) {
        int32_t middle = from + (to - from) / 2;
        if (all->keys[middle] < key)
            from = middle + 1;
        else
            to = middle;
    }
    return from < all->size && all->keys[from] == key && all->typecodes[from] == BITSET_CONTAINER_TYPE_CODE &&
           ((const bitset_container_t *)all->containers[from])->cardinality <= DEFAULT_MAX_SIZE;
}

/* CRoaring 0.2.66 leaves such containers where a range begins or ends: when ranges are added to more than 2,048 others,
 * or are removed and 4,096 members are left. Sets with them are saved as other sets, and compare unequal. */
static void mend_range(uidset *set, ll_range range)
{
    uint32_t first = range.first >> 16, last = range.last >> 16;
    if (is_misfit(set, first) || (first != last && is_misfit(set, last)))
        roaring_bitmap_repair_after_lazy(in(set));
}

void uidset_add_range(uidset *set, ll_range range)
{
    roaring_bitmap_add_range_closed(in(set), range.first, range.last);
    mend_range(set, range);
}

void uidset_remove(uidset *set, uint32_t uid)
{
    roaring_bitmap_remove(in(set), uid);
}

void uidset_remove_range(uidset *set, ll_range range)
{
    roaring_bitmap_remove_range_closed(in(set), range.first, range.last);
    mend_range(set, range);
}

bool uidset_has(const uidset *set, uint32_t uid)
{
    return roaring_bitmap_contains(cin(set), uid);
}

uint64_t uidset_count_range(const uidset *set, ll_range range)
{
    return roaring_bitmap_range_cardinality(cin(set), range.first, (uint64_t)range.last + 1);
}

uint32_t uidset_count(const uidset *set)
{
    return (uint32_t)roaring_bitmap_get_cardinality(cin(set));
}

bool uidset_empty(const uidset *set)
{
    return roaring_bitmap_is_empty(cin(set));
}

bool uidset_equal(const uidset *a, const uidset *b)
{
    return a == b || roaring_bitmap_equals(cin(a), cin(b));
}

bool uidset_intersects(const uidset *a, const uidset *b)
{
    return roaring_bitmap_intersect(cin(a), cin(b));
}

uint32_t uidset_first(const uidset *set)
{
    return uidset_empty(set) ? 0 : roaring_bitmap_minimum(cin(set));
}

uint32_t uidset_last(const uidset *set)
{
    return uidset_empty(set) ? 0 : roaring_bitmap_maximum(cin(set));
}

uint32_t uidset_rank(const uidset *set, uint32_t uid)
{
    return (uint32_t)roaring_bitmap_rank(cin(set), uid);
}

uint32_t uidset_select(const uidset *set, uint32_t n)
{
    uint32_t uid = 0;
    if (n == 0 || !roaring_bitmap_select(cin(set), n - 1, &uid))
        return 0;
    return uid;
}

uint32_t uidset_next(const uidset *set, uint32_t uid)
{
    roaring_uint32_iterator_t at;
    roaring_init_iterator(cin(set), &at);
    if (!roaring_move_uint32_iterator_equalorlarger(&at, uid))
        return 0;
    return at.current_value;
}

void uidset_or(uidset *set, const uidset *with)
{
    roaring_bitmap_or_inplace(in(set), cin(with));
}

void uidset_and(uidset *set, const uidset *with)
{
    roaring_bitmap_and_inplace(in(set), cin(with));
}

void uidset_andnot(uidset *set, const uidset *with)
{
    roaring_bitmap_andnot_inplace(in(set), cin(with));
}

void uidset_xor(uidset *set, const uidset *with)
{
    roaring_bitmap_xor_inplace(in(set), cin(with));
}

uint32_t uidset_and_count(const uidset *a, const uidset *b)
{
    return (uint32_t)roaring_bitmap_and_cardinality(cin(a), cin(b));
}

struct uidset_walk {
    roaring_uint32_iterator_t at;
};

uidset_walk *uidset_walk_new(const uidset *set, uint32_t from)
{
    uidset_walk *walk = memory_new(NULL, sizeof *walk);
    if (!walk)
        return NULL;
    roaring_init_iterator(cin(set), &walk->at);
    if (from > 1)
        roaring_move_uint32_iterator_equalorlarger(&walk->at, from);
    return walk;
}

uint32_t uidset_walk_next(uidset_walk *walk)
{
    if (!walk->at.has_value)
        return 0;
    uint32_t uid = walk->at.current_value;
    roaring_advance_uint32_iterator(&walk->at);
    return uid;
}

bool uidset_walk_range(uidset_walk *walk, uint32_t most, ll_range *range)
{
    uint32_t first = uidset_walk_next(walk);
    if (!first)
        return false;
    *range = (ll_range){first, first};
    while (range->last - range->first + 1 < most && walk->at.has_value && walk->at.current_value == range->last + 1) {
        range->last++;
        roaring_advance_uint32_iterator(&walk->at);
    }
    return true;
}

void uidset_walk_del(uidset_walk **walk)
{
    memory_free(NULL, *walk);
    *walk = NULL;
}

size_t uidset_saved_size(const uidset *set)
{
    return roaring_bitmap_portable_size_in_bytes(cin(set));
}

void uidset_save(const uidset *set, char *to)
{
    roaring_bitmap_portable_serialize(cin(set), to);
}

uidset *uidset_load(ll_span saved)
{
    return (uidset *)roaring_bitmap_portable_deserialize_safe(saved.data, saved.size);
}

void uidset_pack(uidset *set)
{
    roaring_bitmap_run_optimize(in(set));
}
