/* search_known.c - see search_known.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_known.h"

#include "base/memory.h"

ll_status search_known_init(search_known *k, const search_keys *keys, const ll_allocator *allocator)
{
    *k = (search_known){.allocator = allocator, .count = keys->leaves_count};
    k->yes = memory_new(allocator, keys->leaves_count * sizeof(uidset *));
    k->no = memory_new(allocator, keys->leaves_count * sizeof(uidset *));
    if (k->yes && k->no)
        return LL_OK;
    search_known_fini(k);
    return LL_ENOMEM;
}

void search_known_fini(search_known *k)
{
    for (size_t i = 0; i < k->count && k->yes && k->no; i++) {
        uidset_del(&k->yes[i]);
        uidset_del(&k->no[i]);
    }
    uidset_del(&k->lost);
    memory_free(k->allocator, k->yes);
    memory_free(k->allocator, k->no);
    *k = (search_known){.yes = NULL};
}

static ll_status add(uidset **set, uint32_t uid)
{
    if (!*set)
        *set = uidset_new();
    if (!*set)
        return LL_ENOMEM;
    uidset_add(*set, uid);
    return LL_OK;
}

ll_status search_known_learn(search_known *k, const search_keys *keys, uint32_t uid, bool lost)
{
    ll_status status = lost ? add(&k->lost, uid) : LL_OK;
    for (size_t i = 0; i < k->count && !status; i++) {
        const search_key *leaf = keys->leaves[i];
        if (leaf->kind < SEARCH_BEFORE || leaf->verdict == SEARCH_OPEN)
            continue;
        status = add(leaf->verdict == SEARCH_YES ? &k->yes[i] : &k->no[i], uid);
    }
    return status;
}

/* *to |= set; takes over `set`. */
static ll_status join(uidset **to, uidset *set)
{
    if (!set)
        return LL_ENOMEM;
    if (!*to) {
        *to = set;
        return LL_OK;
    }
    uidset_or(*to, set);
    uidset_del(&set);
    return LL_OK;
}

ll_status search_known_absorb(search_known *k, const search_keys *keys, const snapshot *snap)
{
    ll_status status = LL_OK;
    for (size_t i = 0; i < k->count && !status; i++) {
        const search_key *leaf = keys->leaves[i];
        if (!leaf->candidates)
            continue;
        uidset *not = uidset_copy(snapshot_uids(snap));
        if (not )
            uidset_andnot(not, leaf->candidates);
        status = join(&k->no[i], not );
        if (!status)
            status = join(&k->yes[i], uidset_copy(leaf->certain));
    }
    return status;
}

void search_known_lend(const search_known *k, search_keys *keys)
{
    for (size_t i = 0; i < k->count && i < keys->leaves_count; i++) {
        keys->leaves[i]->certain = k->yes[i];
        keys->leaves[i]->refuted = k->no[i];
    }
}
