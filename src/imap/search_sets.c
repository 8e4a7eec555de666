/* search_sets.c - see search_sets.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_sets.h"

ll_status search_sets_bind_leaf(search_key *leaf, const snapshot *snap, arena *memory)
{
    if (leaf->kind == SEARCH_SET || leaf->kind == SEARCH_UID_SET)
        return sequence_matches(&leaf->set, leaf->kind == SEARCH_UID_SET, snap, memory, &leaf->ranges,
                                &leaf->ranges_count);
    if (leaf->kind == SEARCH_KEYWORD) {
        int number = ll_view_keyword_find(snap->view, leaf->name);
        leaf->known = number >= 0;
        leaf->flag = number >= 0 ? LL_FLAG_KEYWORD + (unsigned)number : 0;
        leaf->members = leaf->known ? view_flag(snap->view, leaf->flag) : NULL;
    }
    if (leaf->kind == SEARCH_FLAG) {
        leaf->known = true;
        leaf->members = view_flag(snap->view, leaf->flag);
    }
    return LL_OK;
}

ll_status search_sets_bind(search_keys *keys, const snapshot *snap, arena *memory)
{
    for (size_t i = 0; i < keys->leaves_count; i++) {
        ll_status status = search_sets_bind_leaf(keys->leaves[i], snap, memory);
        if (status)
            return status;
    }
    return LL_OK;
}

/* Messages of a leaf that the snapshot answers; a new set. */
static uidset *leaf_members(const search_key *leaf, const snapshot *snap)
{
    switch (leaf->kind) {
    case SEARCH_ALL:
        return uidset_copy(snapshot_uids(snap));
    case SEARCH_FLAG:
    case SEARCH_KEYWORD:
        return leaf->known ? snapshot_with_flag(snap, leaf->flag) : uidset_new();
    case SEARCH_RECENT:
        return snap->recent ? uidset_copy(snap->recent) : uidset_new();
    default:
        return sequence_members(leaf->ranges, leaf->ranges_count, snap);
    }
}

typedef struct bounds {
    uidset *may, *must;
} bounds;

static void drop(bounds *b)
{
    uidset_del(&b->may);
    uidset_del(&b->must);
}

static ll_status bounds_of(const search_key *key, const snapshot *snap, bounds *out);

static ll_status leaf_bounds(const search_key *leaf, const snapshot *snap, bounds *out)
{
    if (leaf->kind >= SEARCH_BEFORE) {
        out->may = uidset_copy(snapshot_uids(snap));
        out->must = leaf->certain ? uidset_copy(snapshot_uids(snap)) : uidset_new();
        if (!out->may || !out->must)
            return LL_ENOMEM;
        if (leaf->certain)
            uidset_and(out->must, leaf->certain);
        if (leaf->candidates)
            uidset_and(out->may, leaf->candidates);
        if (leaf->refuted)
            uidset_andnot(out->may, leaf->refuted);
    } else {
        out->must = leaf_members(leaf, snap);
        out->may = out->must ? uidset_copy(out->must) : NULL;
    }
    return out->may && out->must ? LL_OK : LL_ENOMEM;
}

/* All messages without these, in place of these. */
static bool complement(uidset **set, const snapshot *snap)
{
    uidset *all = uidset_copy(snapshot_uids(snap));
    if (!all)
        return false;
    uidset_andnot(all, *set);
    uidset_del(set);
    *set = all;
    return true;
}

static ll_status not_bounds(const search_key *key, const snapshot *snap, bounds *out)
{
    ll_status status = bounds_of(key->child, snap, out);
    if (status)
        return status;
    if (!complement(&out->may, snap) || !complement(&out->must, snap))
        return LL_ENOMEM;
    uidset *swap = out->may;
    out->may = out->must;
    out->must = swap;
    return LL_OK;
}

static ll_status many_bounds(const search_key *key, const snapshot *snap, bounds *out)
{
    void (*join)(uidset *, const uidset *) = key->kind == SEARCH_AND ? uidset_and : uidset_or;
    ll_status status = bounds_of(key->child, snap, out);
    for (const search_key *child = key->child->next; child && !status; child = child->next) {
        bounds more = {NULL, NULL};
        status = bounds_of(child, snap, &more);
        if (!status) {
            join(out->may, more.may);
            join(out->must, more.must);
        }
        drop(&more);
    }
    return status;
}

/* On an error *out still holds what is to be dropped. */
static ll_status bounds_of(const search_key *key, const snapshot *snap, bounds *out)
{
    if (key->kind < SEARCH_NOT)
        return leaf_bounds(key, snap, out);
    return key->kind == SEARCH_NOT ? not_bounds(key, snap, out) : many_bounds(key, snap, out);
}

ll_status search_sets_bounds(const search_keys *keys, const snapshot *snap, uidset **may, uidset **must)
{
    bounds b = {NULL, NULL};
    ll_status status = bounds_of(keys->root, snap, &b);
    if (status)
        drop(&b);
    *may = b.may;
    *must = b.must;
    return status;
}

static bool has_flag(const search_key *leaf, const snapshot *snap, uint32_t uid)
{
    ll_flags flags;
    if (!leaf->known)
        return false;
    if (!snapshot_has_ghosts(snap) || ll_view_has(snap->view, uid))
        return leaf->members && uidset_has(leaf->members, uid);
    return snapshot_flags(snap, uid, &flags) && ll_flags_has(&flags, leaf->flag);
}

search_verdict search_sets_verdict(const search_key *leaf, const snapshot *snap, uint32_t uid)
{
    switch (leaf->kind) {
    case SEARCH_ALL:
        return SEARCH_YES;
    case SEARCH_FLAG:
    case SEARCH_KEYWORD:
        return has_flag(leaf, snap, uid) ? SEARCH_YES : SEARCH_NO;
    case SEARCH_RECENT:
        return snapshot_recent(snap, uid) ? SEARCH_YES : SEARCH_NO;
    case SEARCH_SET:
    case SEARCH_UID_SET:
        return sequence_has(leaf->ranges, leaf->ranges_count, uid) ? SEARCH_YES : SEARCH_NO;
    default:
        if (leaf->certain && uidset_has(leaf->certain, uid))
            return SEARCH_YES;
        if ((leaf->candidates && !uidset_has(leaf->candidates, uid)) ||
            (leaf->refuted && uidset_has(leaf->refuted, uid)))
            return SEARCH_NO;
        return SEARCH_OPEN;
    }
}
