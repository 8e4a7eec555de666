/* uidset.h - a set of 32-bit numbers (UIDs), as a compressed bitmap.
 * SPDX-License-Identifier: MIT
 *
 * The only place that knows CRoaring. A uidset is plain data without locks: shared ones are immutable under somebody's
 * reference count (CRoaring's own copy-on-write counter is not atomic and stays off). Calls that return a pointer
 * answer NULL when out of memory; CRoaring itself aborts on a failed small allocation inside add, see
 * docs/why/uidset.md.
 *
 * Sequence numbers (RFC 3501 section 2.3.1.2) are positions: rank and select, both counted from 1. */
#ifndef BASE_UIDSET_H
#define BASE_UIDSET_H

#include "letterlock.h"

typedef struct uidset uidset;

uidset *uidset_new(void);
uidset *uidset_copy(const uidset *set);
void uidset_del(uidset **set);

void uidset_add(uidset *set, uint32_t uid);
void uidset_add_range(uidset *set, ll_range range);
void uidset_remove(uidset *set, uint32_t uid);
void uidset_remove_range(uidset *set, ll_range range);
bool uidset_has(const uidset *set, uint32_t uid);
/* How many of the range are in the set. */
uint64_t uidset_count_range(const uidset *set, ll_range range);
uint32_t uidset_count(const uidset *set);
bool uidset_empty(const uidset *set);
bool uidset_equal(const uidset *a, const uidset *b);
bool uidset_intersects(const uidset *a, const uidset *b);
uint32_t uidset_first(const uidset *set); /* 0 when empty */
uint32_t uidset_last(const uidset *set);  /* 0 when empty */
/* Number of members up to and including uid: its sequence number, if it is a member. */
uint32_t uidset_rank(const uidset *set, uint32_t uid);
/* The nth member, n from 1 to count; 0 beyond. */
uint32_t uidset_select(const uidset *set, uint32_t n);
/* The first member >= uid; 0 if none. For walking: u = uidset_next(set, u + 1); use the iterator for long walks. */
uint32_t uidset_next(const uidset *set, uint32_t uid);

/* In place on the first. */
void uidset_or(uidset *set, const uidset *with);
void uidset_and(uidset *set, const uidset *with);
void uidset_andnot(uidset *set, const uidset *with);
void uidset_xor(uidset *set, const uidset *with);
uint32_t uidset_and_count(const uidset *a, const uidset *b);

/* Walk in ascending order. The set must not change meanwhile.
 *     uidset_walk *w = uidset_walk_new(set, 1);  for (uint32_t u; (u = uidset_walk_next(w)); ) ... uidset_walk_del(&w);
 */
typedef struct uidset_walk uidset_walk;
uidset_walk *uidset_walk_new(const uidset *set, uint32_t from);
uint32_t uidset_walk_next(uidset_walk *walk); /* 0 at the end */
/* The next run of consecutive members, at most `most` long; false at the end. */
bool uidset_walk_range(uidset_walk *walk, uint32_t most, ll_range *range);
void uidset_walk_del(uidset_walk **walk);

/* Portable serialisation. */
size_t uidset_saved_size(const uidset *set);
void uidset_save(const uidset *set, char *to);
uidset *uidset_load(ll_span saved); /* NULL: damaged, or no memory */
void uidset_pack(uidset *set);      /* run compression; call before keeping a set for long */

#endif
