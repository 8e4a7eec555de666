/* opened.c - see opened.h
 * SPDX-License-Identifier: MIT */
#include "store/opened.h"

#include "base/memory.h"
#include "store/mailbox_view.h"
#include "store/purge.h"
#include "store/recent.h"
#include "store/vault_state.h"

#include <assert.h>

typedef enum opened_state { OPENED_LOADING, OPENED_READY, OPENED_GONE } opened_state;

struct opened {
    opened *next; /* in the vault's list; not while GONE */
    int64_t mailbox;
    opened_state state;
    unsigned loaders; /* calls between opened_take and opened_give */
    handle *handles;
    ll_view *view;
    ll_view *editing;    /* the next version, while publishing */
    change_list backlog; /* committed while LOADING */
    uint64_t held;       /* oldest modseq in `held`, 0: none */
    uint64_t changed;    /* messages since the view was loaded or kept, mailbox_view.h */
    /* UIDs from here on are claimed by no session: now, as being written, as in the file. */
    uint32_t recent_uid, recent_writing, recent_saved;
};

static opened *find(vault *v, int64_t mailbox)
{
    opened *o = v->opened.first;
    while (o && o->mailbox != mailbox)
        o = o->next;
    return o;
}

static void unlink_opened(vault *v, opened *o)
{
    for (opened **at = &v->opened.first; *at; at = &(*at)->next) {
        if (*at == o) {
            *at = o->next;
            o->next = NULL;
            return;
        }
    }
}

static void opened_del(opened *o)
{
    ll_view_unref(&o->view);
    ll_view_unref(&o->editing);
    change_list_clear(&o->backlog);
    memory_free(NULL, o);
}

static bool unused(const opened *o)
{
    return !o->handles && !o->loaders;
}

/* Sessions are told at their next look (latest answers NULL); the record lives until the last has left. */
static void make_gone(vault *v, opened *o)
{
    if (o->state == OPENED_GONE)
        return;
    unlink_opened(v, o);
    o->state = OPENED_GONE;
    ll_view_unref(&o->view);
    change_list_clear(&o->backlog);
    for (handle *h = o->handles; h; h = h->next)
        h->tell = true;
}

/* Somebody has left: forget what is not worth keeping. Claims must be written first. */
static void drop_unused(vault *v, opened *o)
{
    if (o->state != OPENED_READY && unused(o)) {
        if (o->state == OPENED_LOADING)
            unlink_opened(v, o);
        opened_del(o);
        return;
    }
    unsigned idle = 0;
    for (opened *each = v->opened.first, *next; each; each = next) {
        next = each->next;
        if (unused(each) && each->recent_uid == each->recent_saved && ++idle > OPENED_IDLE_MAX) {
            unlink_opened(v, each);
            opened_del(each);
        }
    }
}

ll_status opened_take(vault *v, int64_t mailbox, opened **out, bool *ready)
{
    pthread_mutex_lock(&v->mutex);
    opened *o = find(v, mailbox);
    if (o)
        unlink_opened(v, o);
    else if ((o = memory_new(NULL, sizeof *o)))
        o->mailbox = mailbox; /* never changes: handles read it without the lock */
    if (o) {
        o->loaders++;
        o->next = v->opened.first;
        v->opened.first = o;
        *ready = o->state == OPENED_READY;
    }
    *out = o;
    pthread_mutex_unlock(&v->mutex);
    return o ? LL_OK : LL_ENOMEM;
}

void opened_give(vault *v, opened **o)
{
    opened *given = *o;
    *o = NULL;
    if (!given)
        return;
    pthread_mutex_lock(&v->mutex);
    given->loaders--;
    drop_unused(v, given);
    pthread_mutex_unlock(&v->mutex);
}

/* The scan's view with what was committed while it ran. Changes at or below its mod-sequence are in it already. */
static ll_status catch_up(ll_view **view, const change_list *backlog)
{
    for (const change *c = backlog->first; c; c = c->next) {
        if (c->modseq <= ll_view_modseq(*view))
            continue;
        if (c->gone)
            return LL_ENOTFOUND;
        ll_view *next;
        ll_status status = ll_view_edit(&next, *view);
        if (status)
            return status;
        status = change_apply(c, next);
        if (status) {
            ll_view_unref(&next);
            return status;
        }
        ll_view_seal(next, c->uidnext, c->modseq);
        ll_view_unref(view);
        *view = next;
    }
    return LL_OK;
}

ll_status opened_load(vault *v, opened *o, ll_view *view, uint32_t recent_uid)
{
    ll_status status = LL_OK;
    pthread_mutex_lock(&v->mutex);
    if (o->state == OPENED_GONE)
        status = LL_ENOTFOUND;
    if (o->state == OPENED_LOADING)
        status = catch_up(&view, &o->backlog);
    if (!status && o->state == OPENED_LOADING) {
        change_list_clear(&o->backlog);
        o->recent_uid = o->recent_writing = o->recent_saved = recent_uid;
        o->view = view;
        view = NULL;
        o->state = OPENED_READY;
    }
    pthread_mutex_unlock(&v->mutex);
    ll_view_unref(&view);
    return status;
}

ll_status opened_join(vault *v, opened *o, listener *l, bool readonly, handle **out, ll_view **view)
{
    handle *h = memory_new(NULL, sizeof *h);
    if (!h)
        return LL_ENOMEM;
    pthread_mutex_lock(&v->mutex);
    bool ready = o->state == OPENED_READY;
    if (ready) {
        h->opened = o;
        h->listener = listener_ref(l);
        h->readonly = readonly;
        h->told = ll_view_modseq(o->view);
        h->next = o->handles;
        o->handles = h;
        *view = ll_view_ref(o->view);
        *out = h;
    }
    pthread_mutex_unlock(&v->mutex);
    if (!ready)
        memory_free(NULL, h);
    return ready ? LL_OK : LL_ENOTFOUND;
}

/* What no session can see any more. A scan under way may see anything. */
static uint64_t horizon(const opened *o)
{
    if (o->state == OPENED_LOADING && o->loaders)
        return 0;
    uint64_t least = UINT64_MAX;
    for (const handle *h = o->handles; h; h = h->next)
        least = h->told < least ? h->told : least;
    return least;
}

static bool may_purge(const opened *o)
{
    return o->held && horizon(o) >= o->held;
}

void handle_close(vault *v, handle **h)
{
    handle *gone = *h;
    *h = NULL;
    if (!gone)
        return;
    pthread_mutex_lock(&v->mutex);
    opened *o = gone->opened;
    for (handle **at = &o->handles; *at; at = &(*at)->next) {
        if (*at == gone) {
            *at = gone->next;
            break;
        }
    }
    bool purge = may_purge(o);
    bool left = o->state == OPENED_READY && unused(o);
    bool claims = left && o->recent_uid != o->recent_saved;
    bool keep =
        left && ll_view_count(o->view) >= MAILBOX_VIEW_LEAST && o->changed > mailbox_view_old(ll_view_count(o->view));
    int64_t mailbox = o->mailbox;
    if (keep)
        o->changed = 0;
    drop_unused(v, o);
    pthread_mutex_unlock(&v->mutex);
    listener_unref(&gone->listener);
    memory_free(NULL, gone);
    if (purge)
        purge_wake(v);
    if (claims)
        recent_save(v);
    if (keep)
        mailbox_view_save(v, mailbox);
}

ll_view *handle_latest(vault *v, handle *h, uint32_t *recent_first)
{
    *recent_first = 0;
    pthread_mutex_lock(&v->mutex);
    opened *o = h->opened;
    ll_view *view = ll_view_ref(o->view);
    if (view && o->recent_uid < ll_view_uidnext(view)) {
        *recent_first = o->recent_uid;
        if (!h->readonly)
            o->recent_uid = ll_view_uidnext(view);
    }
    pthread_mutex_unlock(&v->mutex);
    return view;
}

void handle_told(vault *v, handle *h, uint64_t modseq)
{
    pthread_mutex_lock(&v->mutex);
    bool moved = modseq > h->told;
    if (moved)
        h->told = modseq;
    bool purge = moved && may_purge(h->opened);
    pthread_mutex_unlock(&v->mutex);
    if (purge)
        purge_wake(v);
}

ll_view *opened_view(vault *v, int64_t mailbox)
{
    pthread_mutex_lock(&v->mutex);
    opened *o = find(v, mailbox);
    ll_view *view = o && o->state == OPENED_READY ? ll_view_ref(o->view) : NULL;
    pthread_mutex_unlock(&v->mutex);
    return view;
}

int64_t handle_mailbox(const handle *h)
{
    return h->opened->mailbox;
}

/* Bring one change into the version being made. */
static void publish_one(vault *v, opened *o, const change *c)
{
    ll_status status = c->gone ? LL_ENOTFOUND : LL_OK;
    if (!status && !o->editing)
        status = ll_view_edit(&o->editing, o->view);
    if (!status)
        status = change_apply(c, o->editing);
    if (!status)
        return;
    ll_view_unref(&o->editing);
    make_gone(v, o);
}

/* All changes of one mailbox in the batch become one version. `first` is the first of them. */
static void publish_mailbox(vault *v, opened *o, const change *first)
{
    uint32_t uidnext = 0;
    uint64_t modseq = 0;
    for (const change *c = first; c && o->state == OPENED_READY; c = c->next) {
        /* A scan that began between COMMIT and here has the change already. */
        if (c->mailbox != o->mailbox || c->modseq <= ll_view_modseq(o->view))
            continue;
        publish_one(v, o, c);
        o->changed += change_messages(c);
        uidnext = c->uidnext;
        modseq = c->modseq;
    }
    if (o->state != OPENED_READY || !o->editing)
        return;
    ll_view_seal(o->editing, uidnext, modseq);
    ll_view_unref(&o->view);
    o->view = o->editing;
    o->editing = NULL;
    for (handle *h = o->handles; h; h = h->next)
        h->tell = true;
}

/* Tell the listeners one after the other, without the lock while it happens. GONE mailboxes are not in the list: `o` is
 * held by its handles, which may go away in between, so we look it up by handle each time. */
static void tell(vault *v, opened *o)
{
    for (;;) {
        listener *l = NULL;
        for (handle *h = o->handles; h; h = h->next) {
            if (h->tell) {
                h->tell = false;
                l = listener_ref(h->listener);
                break;
            }
        }
        if (!l)
            return;
        pthread_mutex_unlock(&v->mutex);
        listener_notify(l);
        listener_unref(&l);
        pthread_mutex_lock(&v->mutex);
    }
}

static void note_expunged(opened *o, const change *c, bool *purge)
{
    if (!c->expunged && !c->gone)
        return;
    if (!o || c->gone) {
        *purge = true;
        return;
    }
    if (!o->held)
        o->held = c->modseq;
    *purge |= may_purge(o);
}

/* Take the first change and deal with all of its mailbox. */
static void publish_next(vault *v, change_list *changes, bool *purge)
{
    change *first = changes->first;
    int64_t mailbox = first->mailbox;
    opened *o = find(v, mailbox);
    bool closed = !o, loading = o && o->state == OPENED_LOADING;
    if (!closed && !loading) {
        o->loaders++; /* stays while the lock is away */
        publish_mailbox(v, o, first);
        for (change *c = first; c; c = c->next)
            if (c->mailbox == o->mailbox)
                note_expunged(o->state == OPENED_READY ? o : NULL, c, purge);
        tell(v, o);
        o->loaders--;
        *purge |= may_purge(o);
        drop_unused(v, o);
    }
    change_list rest = {NULL, NULL};
    for (change *c; (c = change_list_take(changes));) {
        if (c->mailbox != mailbox) {
            change_list_append(&rest, c);
        } else if (loading) {
            note_expunged(o, c, purge);
            change_list_append(&o->backlog, c);
        } else {
            if (closed)
                note_expunged(NULL, c, purge);
            change_del(&c);
        }
    }
    *changes = rest;
}

void opened_publish(vault *v, change_list *changes, bool *purge)
{
    *purge = false;
    pthread_mutex_lock(&v->mutex);
    while (changes->first)
        publish_next(v, changes, purge);
    pthread_mutex_unlock(&v->mutex);
}

uint64_t opened_horizon(vault *v, int64_t mailbox)
{
    pthread_mutex_lock(&v->mutex);
    const opened *o = find(v, mailbox);
    uint64_t least = o ? horizon(o) : UINT64_MAX;
    pthread_mutex_unlock(&v->mutex);
    return least;
}

void opened_held(vault *v, int64_t mailbox, uint64_t modseq)
{
    pthread_mutex_lock(&v->mutex);
    opened *o = find(v, mailbox);
    if (o)
        o->held = modseq;
    pthread_mutex_unlock(&v->mutex);
}

bool opened_recent_next(vault *v, int64_t *mailbox, uint32_t *recent_uid)
{
    pthread_mutex_lock(&v->mutex);
    opened *o = v->opened.first;
    while (o && (o->state != OPENED_READY || o->recent_uid == o->recent_writing))
        o = o->next;
    if (o) {
        *mailbox = o->mailbox;
        *recent_uid = o->recent_writing = o->recent_uid;
    }
    pthread_mutex_unlock(&v->mutex);
    return o != NULL;
}

void opened_recent_written(vault *v, bool committed)
{
    pthread_mutex_lock(&v->mutex);
    for (opened *o = v->opened.first; o; o = o->next) {
        if (committed)
            o->recent_saved = o->recent_writing;
        else
            o->recent_writing = o->recent_saved;
    }
    pthread_mutex_unlock(&v->mutex);
}

bool opened_recent(vault *v, int64_t mailbox, uint32_t *recent_uid)
{
    pthread_mutex_lock(&v->mutex);
    const opened *o = find(v, mailbox);
    bool known = o && o->state == OPENED_READY;
    if (known)
        *recent_uid = o->recent_uid;
    pthread_mutex_unlock(&v->mutex);
    return known;
}

unsigned opened_count(vault *v)
{
    unsigned count = 0;
    pthread_mutex_lock(&v->mutex);
    for (const opened *o = v->opened.first; o; o = o->next)
        count++;
    pthread_mutex_unlock(&v->mutex);
    return count;
}

void opened_clear(vault *v)
{
    while (v->opened.first) {
        opened *o = v->opened.first;
        assert(unused(o));
        unlink_opened(v, o);
        opened_del(o);
    }
}
