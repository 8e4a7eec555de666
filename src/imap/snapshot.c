/* snapshot.c - see snapshot.h
 * SPDX-License-Identifier: MIT */
#include "imap/snapshot.h"

#include "base/memory.h"

#include <assert.h>

/* Which ghosts had flag n when they were alive: one entry for each flag. NULL: none. */
struct ghost_flags {
    uidset *uids;
};

void snapshot_init(snapshot *s)
{
    *s = (snapshot){0};
}

static void drop_ghosts(snapshot *s)
{
    for (size_t i = 0; i < s->ghost_flags_count; i++)
        uidset_del(&s->ghost_flags[i].uids);
    memory_free(NULL, s->ghost_flags);
    s->ghost_flags = NULL;
    s->ghost_flags_count = s->ghost_flags_room = 0;
    uidset_del(&s->ghosts);
    uidset_del(&s->all);
}

void snapshot_fini(snapshot *s)
{
    drop_ghosts(s);
    uidset_del(&s->recent);
    uidset_del(&s->saved);
    ll_view_unref(&s->view);
}

/* The view's UIDs at or above recent_first are \Recent too. */
static ll_status add_recent(snapshot *s, const ll_view *view, uint32_t recent_first)
{
    uint32_t last = uidset_last(view_uids(view));
    if (!recent_first || last < recent_first)
        return LL_OK;
    uidset *more = uidset_new();
    if (!more)
        return LL_ENOMEM;
    uidset_add_range(more, (ll_range){recent_first, last});
    uidset_and(more, view_uids(view));
    if (!s->recent) {
        s->recent = more;
        return LL_OK;
    }
    uidset_or(s->recent, more);
    uidset_del(&more);
    return LL_OK;
}

ll_status snapshot_open(snapshot *s, ll_view *view, uint32_t recent_first)
{
    assert(!s->view);
    s->view = view;
    return add_recent(s, view, recent_first);
}

const uidset *snapshot_uids(const snapshot *s)
{
    return s->all ? s->all : view_uids(s->view);
}

uint32_t snapshot_count(const snapshot *s)
{
    return uidset_count(snapshot_uids(s));
}

uint32_t snapshot_uid(const snapshot *s, uint32_t sequence_number)
{
    return uidset_select(snapshot_uids(s), sequence_number);
}

uint32_t snapshot_number(const snapshot *s, uint32_t uid)
{
    const uidset *uids = snapshot_uids(s);
    return uidset_has(uids, uid) ? uidset_rank(uids, uid) : 0;
}

bool snapshot_flags(const snapshot *s, uint32_t uid, ll_flags *flags)
{
    if (ll_view_flags(s->view, uid, flags))
        return true;
    if (!s->ghosts || !uidset_has(s->ghosts, uid))
        return false;
    for (unsigned i = 0; i < s->ghost_flags_count; i++)
        if (s->ghost_flags[i].uids && uidset_has(s->ghost_flags[i].uids, uid))
            ll_flags_add(flags, i);
    return true;
}

bool snapshot_recent(const snapshot *s, uint32_t uid)
{
    return s->recent && uidset_has(s->recent, uid);
}

uint32_t snapshot_recent_count(const snapshot *s)
{
    return s->recent ? uidset_count(s->recent) : 0;
}

uidset *snapshot_with_flag(const snapshot *s, unsigned n)
{
    const uidset *alive = view_flag(s->view, n);
    uidset *with = alive ? uidset_copy(alive) : uidset_new();
    if (with && n < s->ghost_flags_count && s->ghost_flags[n].uids)
        uidset_or(with, s->ghost_flags[n].uids);
    return with;
}

bool snapshot_has_ghosts(const snapshot *s)
{
    return s->ghosts != NULL;
}

uint64_t snapshot_modseq(const snapshot *s)
{
    return s->ghosts ? s->told_modseq : ll_view_modseq(s->view);
}

/* Set *to (made if need be) also gets what both sets have. */
static ll_status add_common(uidset **to, const uidset *a, const uidset *b)
{
    if (!uidset_intersects(a, b))
        return LL_OK;
    uidset *common = uidset_copy(a);
    if (!common)
        return LL_ENOMEM;
    uidset_and(common, b);
    if (!*to) {
        *to = common;
        return LL_OK;
    }
    uidset_or(*to, common);
    uidset_del(&common);
    return LL_OK;
}

/* Room for as many flags as the view has. */
static ll_status make_room(snapshot *s)
{
    unsigned flags = view_flags_count(s->view);
    if (s->ghost_flags_room >= flags)
        return LL_OK;
    struct ghost_flags *grown = memory_resize(NULL, s->ghost_flags, flags * sizeof *grown);
    if (!grown)
        return LL_ENOMEM;
    for (size_t i = s->ghost_flags_room; i < flags; i++)
        grown[i].uids = NULL;
    s->ghost_flags = grown;
    s->ghost_flags_room = s->ghost_flags_count = flags;
    return LL_OK;
}

/* Remember the flags that these messages have in the present view. */
static ll_status keep_flags(snapshot *s, const uidset *gone)
{
    unsigned flags = view_flags_count(s->view);
    ll_status status = make_room(s);
    if (status)
        return status;
    for (unsigned i = 0; i < flags; i++) {
        const uidset *flag = view_flag(s->view, i);
        if (flag && add_common(&s->ghost_flags[i].uids, flag, gone))
            return LL_ENOMEM;
    }
    return LL_OK;
}

/* Those of the present view that the next one lacks become ghosts. */
static ll_status add_ghosts(snapshot *s, const ll_view *view)
{
    uidset *gone = uidset_copy(view_uids(s->view));
    if (!gone)
        return LL_ENOMEM;
    uidset_andnot(gone, view_uids(view));
    ll_status status = LL_OK;
    if (!uidset_empty(gone)) {
        status = keep_flags(s, gone);
        if (!status && s->ghosts)
            uidset_or(s->ghosts, gone);
        else if (!status) {
            s->told_modseq = ll_view_modseq(s->view);
            s->ghosts = gone;
            gone = NULL;
        }
    }
    uidset_del(&gone);
    return status;
}

ll_status snapshot_advance(snapshot *s, ll_view *view, uint32_t recent_first)
{
    uidset *all = NULL;
    ll_status status = view_uids(s->view) == view_uids(view) ? LL_OK : add_ghosts(s, view);
    if (!status && s->ghosts) {
        all = uidset_copy(view_uids(view));
        if (all)
            uidset_or(all, s->ghosts);
        else
            status = LL_ENOMEM;
    }
    if (!status)
        status = add_recent(s, view, recent_first);
    if (status) {
        uidset_del(&all);
        ll_view_unref(&view);
        return status;
    }
    uidset_del(&s->all);
    s->all = all;
    ll_view_unref(&s->view);
    s->view = view;
    return LL_OK;
}

ll_status snapshot_store_ghosts(snapshot *s, const uidset *set, ll_flags_op op, const ll_flags *named)
{
    ll_status status = make_room(s);
    for (unsigned i = 0; i < s->ghost_flags_count && !status; i++) {
        struct ghost_flags *flag = &s->ghost_flags[i];
        if (ll_flags_has(named, i) && op != LL_FLAGS_REMOVE)
            status = add_common(&flag->uids, set, s->ghosts);
        else if (flag->uids && (ll_flags_has(named, i) || op == LL_FLAGS_REPLACE))
            uidset_andnot(flag->uids, set);
    }
    return status;
}

void snapshot_tell_expunged(snapshot *s)
{
    if (s->recent && s->ghosts)
        uidset_andnot(s->recent, s->ghosts);
    drop_ghosts(s);
}
