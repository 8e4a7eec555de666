/* view.c - see view.h and section 3 of the public header.
 * SPDX-License-Identifier: MIT */
#include "imap/view.h"

#include "base/memory.h"
#include "base/span.h"

#include <assert.h>
#include <stdatomic.h>

/* A set with its holders. */
typedef struct shared_set {
    atomic_uint refs;
    uidset *set;
} shared_set;

/* Keyword names in the order of their numbers; immutable once a second view holds it. */
typedef struct keyword_names {
    atomic_uint refs;
    unsigned count;
    ll_span names[]; /* each in memory of its own */
} keyword_names;

struct ll_view {
    atomic_uint refs;
    const ll_allocator *allocator;
    bool sealed;
    uint32_t uidvalidity, uidnext;
    uint64_t modseq;
    shared_set *uids;
    unsigned flags_room;     /* entries of flags[] */
    shared_set **flags;      /* NULL entries are empty sets */
    keyword_names *keywords; /* NULL: none */
};

static shared_set *set_new(const ll_allocator *allocator, const uidset *copy_of)
{
    shared_set *shared = memory_new(allocator, sizeof *shared);
    if (!shared)
        return NULL;
    atomic_init(&shared->refs, 1);
    shared->set = copy_of ? uidset_copy(copy_of) : uidset_new();
    if (!shared->set) {
        memory_free(allocator, shared);
        return NULL;
    }
    return shared;
}

static shared_set *set_ref(shared_set *shared)
{
    if (shared)
        atomic_fetch_add_explicit(&shared->refs, 1, memory_order_relaxed);
    return shared;
}

static void set_unref(const ll_allocator *allocator, shared_set **shared)
{
    if (*shared && atomic_fetch_sub_explicit(&(*shared)->refs, 1, memory_order_acq_rel) == 1) {
        uidset_del(&(*shared)->set);
        memory_free(allocator, *shared);
    }
    *shared = NULL;
}

/* The set at *slot, alone in our hands: made if it is missing, copied if somebody else holds it too. */
static uidset *set_own(const ll_allocator *allocator, shared_set **slot)
{
    if (*slot && atomic_load_explicit(&(*slot)->refs, memory_order_acquire) == 1)
        return (*slot)->set;
    shared_set *own = set_new(allocator, *slot ? (*slot)->set : NULL);
    if (!own)
        return NULL;
    set_unref(allocator, slot);
    *slot = own;
    return own->set;
}

static void names_unref(const ll_allocator *allocator, keyword_names **names)
{
    if (*names && atomic_fetch_sub_explicit(&(*names)->refs, 1, memory_order_acq_rel) == 1) {
        for (unsigned i = 0; i < (*names)->count; i++) {
            char *name = (char *)(uintptr_t)(*names)->names[i].data;
            memory_free(allocator, name);
        }
        memory_free(allocator, *names);
    }
    *names = NULL;
}

ll_status ll_view_new(ll_view **out, const ll_allocator *allocator, uint32_t uidvalidity)
{
    ll_view *view = memory_new(allocator, sizeof *view);
    *out = NULL;
    if (!view)
        return LL_ENOMEM;
    atomic_init(&view->refs, 1);
    view->allocator = allocator;
    view->uidvalidity = uidvalidity;
    view->uidnext = 1;
    view->uids = set_new(allocator, NULL);
    view->flags_room = LL_FLAG_KEYWORD;
    view->flags = memory_new(allocator, view->flags_room * sizeof *view->flags);
    if (!view->uids || !view->flags) {
        ll_view_unref(&view);
        return LL_ENOMEM;
    }
    *out = view;
    return LL_OK;
}

ll_status ll_view_edit(ll_view **out, const ll_view *last)
{
    ll_view *view = memory_new(last->allocator, sizeof *view);
    *out = NULL;
    if (!view)
        return LL_ENOMEM;
    atomic_init(&view->refs, 1);
    view->allocator = last->allocator;
    view->uidvalidity = last->uidvalidity;
    view->uidnext = last->uidnext;
    view->modseq = last->modseq;
    view->flags_room = last->flags_room;
    view->flags = memory_new(view->allocator, view->flags_room * sizeof *view->flags);
    if (!view->flags) {
        ll_view_unref(&view);
        return LL_ENOMEM;
    }
    view->uids = set_ref(last->uids);
    for (unsigned i = 0; i < view->flags_room; i++)
        view->flags[i] = set_ref(last->flags[i]);
    view->keywords = last->keywords;
    if (view->keywords)
        atomic_fetch_add_explicit(&view->keywords->refs, 1, memory_order_relaxed);
    *out = view;
    return LL_OK;
}

ll_status ll_view_add(ll_view *view, uint32_t uid, const ll_flags *flags)
{
    return ll_view_add_range(view, (ll_range){uid, uid}, flags);
}

ll_status ll_view_add_range(ll_view *view, ll_range range, const ll_flags *flags)
{
    assert(!view->sealed && range.first > 0 && range.first <= range.last);
    if (uidset_count_range(view->uids->set, range))
        return LL_EEXISTS;
    uidset *uids = set_own(view->allocator, &view->uids);
    if (!uids)
        return LL_ENOMEM;
    for (unsigned i = 0; i < view->flags_room; i++) {
        if (!ll_flags_has(flags, i))
            continue;
        uidset *set = set_own(view->allocator, &view->flags[i]);
        if (!set)
            return LL_ENOMEM;
        uidset_add_range(set, range);
    }
    uidset_add_range(uids, range);
    if (range.last >= view->uidnext && range.last < UINT32_MAX)
        view->uidnext = range.last + 1;
    return LL_OK;
}

/* An emptied set becomes NULL, so that "has none" is one test everywhere. */
static void drop_if_empty(ll_view *view, unsigned n)
{
    if (view->flags[n] && uidset_empty(view->flags[n]->set))
        set_unref(view->allocator, &view->flags[n]);
}

static ll_status flag_clear(ll_view *view, unsigned n, ll_range range)
{
    if (!view->flags[n] || !uidset_count_range(view->flags[n]->set, range))
        return LL_OK;
    uidset *set = set_own(view->allocator, &view->flags[n]);
    if (!set)
        return LL_ENOMEM;
    uidset_remove_range(set, range);
    drop_if_empty(view, n);
    return LL_OK;
}

ll_status ll_view_remove(ll_view *view, ll_range range)
{
    assert(!view->sealed);
    if (!uidset_count_range(view->uids->set, range))
        return LL_OK;
    for (unsigned i = 0; i < view->flags_room; i++)
        if (flag_clear(view, i, range))
            return LL_ENOMEM;
    uidset *uids = set_own(view->allocator, &view->uids);
    if (!uids)
        return LL_ENOMEM;
    uidset_remove_range(uids, range);
    return LL_OK;
}

/* Add the members of the range to flag n. */
static ll_status flag_set(ll_view *view, unsigned n, ll_range range)
{
    uint64_t members = uidset_count_range(view->uids->set, range);
    if (!members || (view->flags[n] && uidset_count_range(view->flags[n]->set, range) == members))
        return LL_OK;
    uidset *set = set_own(view->allocator, &view->flags[n]);
    if (!set)
        return LL_ENOMEM;
    if (members == (uint64_t)range.last - range.first + 1) {
        uidset_add_range(set, range);
        return LL_OK;
    }
    uidset *part = uidset_new();
    if (!part)
        return LL_ENOMEM;
    uidset_add_range(part, range);
    uidset_and(part, view->uids->set);
    uidset_or(set, part);
    uidset_del(&part);
    return LL_OK;
}

ll_status ll_view_flags_change(ll_view *view, ll_range range, ll_flags_op op, const ll_flags *flags)
{
    assert(!view->sealed);
    for (unsigned i = 0; i < view->flags_room; i++) {
        bool named = ll_flags_has(flags, i);
        ll_status status = LL_OK;
        if (named && op != LL_FLAGS_REMOVE)
            status = flag_set(view, i, range);
        else if (named || op == LL_FLAGS_REPLACE)
            status = flag_clear(view, i, range);
        if (status)
            return status;
    }
    return LL_OK;
}

/* Names with one more, in the hands of this view alone. */
static keyword_names *names_extend(const ll_view *view, ll_span name)
{
    unsigned old = view->keywords ? view->keywords->count : 0;
    keyword_names *names = memory_new(view->allocator, sizeof *names + (old + 1) * sizeof names->names[0]);
    if (!names)
        return NULL;
    atomic_init(&names->refs, 1);
    for (unsigned i = 0; i <= old; i++) {
        ll_span from = i < old ? view->keywords->names[i] : name;
        char *copy = memory_new(view->allocator, from.size + 1);
        if (!copy) {
            names_unref(view->allocator, &names);
            return NULL;
        }
        memcpy(copy, from.data, from.size);
        names->names[i] = span_of(copy, from.size);
        names->count = i + 1;
    }
    return names;
}

static ll_status flags_grow(ll_view *view, unsigned room)
{
    shared_set **flags = memory_resize(view->allocator, view->flags, room * sizeof *flags);
    if (!flags)
        return LL_ENOMEM;
    for (unsigned i = view->flags_room; i < room; i++)
        flags[i] = NULL;
    view->flags = flags;
    view->flags_room = room;
    return LL_OK;
}

ll_status ll_view_keyword_add(ll_view *view, ll_span name, unsigned *number)
{
    assert(!view->sealed);
    int known = ll_view_keyword_find(view, name);
    if (known >= 0) {
        *number = (unsigned)known;
        return LL_OK;
    }
    unsigned count = ll_view_keywords(view);
    if (count >= LL_KEYWORDS_MAX)
        return LL_ELIMIT;
    if (view->flags_room < LL_FLAG_KEYWORD + count + 1 && flags_grow(view, LL_FLAG_KEYWORD + count + 1))
        return LL_ENOMEM;
    keyword_names *names = names_extend(view, name);
    if (!names)
        return LL_ENOMEM;
    names_unref(view->allocator, &view->keywords);
    view->keywords = names;
    *number = count;
    return LL_OK;
}

void ll_view_seal(ll_view *view, uint32_t uidnext, uint64_t modseq)
{
    assert(!view->sealed && uidnext >= view->uidnext);
    view->uidnext = uidnext;
    view->modseq = modseq;
    view->sealed = true;
}

ll_view *ll_view_ref(ll_view *view)
{
    if (view)
        atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
    return view;
}

void ll_view_unref(ll_view **view)
{
    ll_view *gone = *view;
    *view = NULL;
    if (!gone || atomic_fetch_sub_explicit(&gone->refs, 1, memory_order_acq_rel) != 1)
        return;
    set_unref(gone->allocator, &gone->uids);
    for (unsigned i = 0; gone->flags && i < gone->flags_room; i++)
        set_unref(gone->allocator, &gone->flags[i]);
    memory_free(gone->allocator, gone->flags);
    names_unref(gone->allocator, &gone->keywords);
    memory_free(gone->allocator, gone);
}

uint32_t ll_view_count(const ll_view *view)
{
    return uidset_count(view->uids->set);
}

uint32_t ll_view_uidvalidity(const ll_view *view)
{
    return view->uidvalidity;
}

uint32_t ll_view_uidnext(const ll_view *view)
{
    return view->uidnext;
}

uint64_t ll_view_modseq(const ll_view *view)
{
    return view->modseq;
}

bool ll_view_has(const ll_view *view, uint32_t uid)
{
    return uidset_has(view->uids->set, uid);
}

uint32_t ll_view_unseen(const ll_view *view)
{
    const uidset *seen = view_flag(view, LL_FLAG_SEEN);
    return ll_view_count(view) - (seen ? uidset_count(seen) : 0);
}

uint32_t ll_view_flagged(const ll_view *view, unsigned n)
{
    const uidset *set = view_flag(view, n);
    return set ? uidset_count(set) : 0;
}

bool ll_view_flags(const ll_view *view, uint32_t uid, ll_flags *flags)
{
    *flags = (ll_flags){{0}};
    if (!ll_view_has(view, uid))
        return false;
    for (unsigned i = 0; i < view->flags_room; i++)
        if (view->flags[i] && uidset_has(view->flags[i]->set, uid))
            ll_flags_add(flags, i);
    return true;
}

unsigned ll_view_keywords(const ll_view *view)
{
    return view->keywords ? view->keywords->count : 0;
}

ll_span ll_view_keyword(const ll_view *view, unsigned n)
{
    assert(n < ll_view_keywords(view));
    return view->keywords->names[n];
}

int ll_view_keyword_find(const ll_view *view, ll_span name)
{
    for (unsigned i = 0; i < ll_view_keywords(view); i++)
        if (span_equal_nocase(view->keywords->names[i], name))
            return (int)i;
    return -1;
}

const uidset *view_uids(const ll_view *view)
{
    return view->uids->set;
}

const uidset *view_flag(const ll_view *view, unsigned n)
{
    return n < view->flags_room && view->flags[n] ? view->flags[n]->set : NULL;
}

unsigned view_flags_count(const ll_view *view)
{
    return LL_FLAG_KEYWORD + ll_view_keywords(view);
}

ll_status view_put(ll_view *view, unsigned n, uidset *set)
{
    assert(!view->sealed && (!n || n - 1 < view->flags_room));
    shared_set **slot = n ? &view->flags[n - 1] : &view->uids;
    shared_set *shared = memory_new(view->allocator, sizeof *shared);
    if (!shared) {
        uidset_del(&set);
        return LL_ENOMEM;
    }
    atomic_init(&shared->refs, 1);
    shared->set = set;
    set_unref(view->allocator, slot);
    *slot = shared;
    return LL_OK;
}
