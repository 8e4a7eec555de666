/* check_notify.c - NOTIFY (RFC 5465): what a client has asked for, and the news of other mailboxes. See check.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <inttypes.h>
#include <string.h>

bool viewer_quiet(const viewer *v)
{
    return v->notify.set && !v->notify.selected;
}

bool viewer_prompt(const viewer *v)
{
    return v->notify.set && v->notify.selected == 1;
}

/* Changes of flags are to be told. NOTIFY itself is a NOOP first (section 3.1). */
bool check_wants_flags(const check *c)
{
    return !c->v->notify.set || c->v->notify.flags || c->a->st.op == OP_NOTIFY;
}

static const wish *wish_of(const viewer *v)
{
    return &wishes[v->notify.set ? v->notify.others : 0];
}

/* It must be told of changes in this mailbox. */
static bool watches_messages(const world *w, const viewer *v, unsigned number)
{
    return wish_of(v)->messages & 1u << number &&
           (!wish_of(v)->subscribed || (w->subscribed[number] && v->notify.at[number].subscribed));
}

/* It may: the subscription came or went meanwhile, or the mailbox had a name of those until now. */
static bool may_watch_messages(const world *w, const viewer *v, unsigned number)
{
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        const known *k = &v->notify.at[i];
        bool was = k->exists && k->generation == w->boxes[number].generation;
        if ((i == number || was) && wish_of(v)->messages & 1u << i &&
            (!wish_of(v)->subscribed || w->subscribed[i] || k->subscribed))
            return true;
    }
    return false;
}

static bool watches_flags(const viewer *v, unsigned number)
{
    return wish_of(v)->flags & 1u << number;
}

static bool watches_names(const viewer *v, unsigned number)
{
    return wish_of(v)->names & 1u << number;
}

static bool watches_subscriptions(const viewer *v, unsigned number)
{
    return wish_of(v)->subscriptions & 1u << number;
}

/* --- what the client knows of the mailboxes --- */

static bool numbers_differ(const box *b, const known *k)
{
    return b->here.count != k->messages || b->uidnext != k->uidnext;
}

/* It must be told. */
static bool status_differs(const viewer *v, const box *b, const known *k)
{
    unsigned number = (unsigned)(k - v->notify.at);
    return b->exists &&
           (numbers_differ(b, k) || (watches_flags(v, number) && v->condstore && b->changed != k->changed));
}

static bool name_differs(const box *b, const known *k)
{
    return b->exists != k->exists || (b->exists && b->generation != k->generation);
}

static void know_status(const box *b, known *k)
{
    k->status_generation = b->generation;
    k->messages = b->here.count;
    k->uidnext = b->uidnext;
    k->changed = b->changed;
}

static void know_name(const box *b, known *k)
{
    k->exists = b->exists;
    k->generation = b->generation;
}

void watch_know(const world *w, viewer *v)
{
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        known *k = &v->notify.at[i];
        *k = (known){0};
        know_status(&w->boxes[i], k);
        know_name(&w->boxes[i], k);
        k->subscribed = w->subscribed[i];
    }
    v->notify.selected_before = v->selected ? v->generation : 0;
}

void watch_unsure(const world *w, viewer *v)
{
    watch_know(w, v);
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        known *k = &v->notify.at[i];
        k->status_own = k->status_mixed_own = k->name_own = k->name_mixed_own = k->subscribed_own = true;
    }
}

/* Its own deeds are no news (section 5), if nothing else has happened to the mailbox. */
void watch_before(const world *w, viewer *v)
{
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        known *k = &v->notify.at[i];
        k->status_mixed |= k->status_generation != w->boxes[i].generation || status_differs(v, &w->boxes[i], k);
        k->name_mixed |= name_differs(&w->boxes[i], k);
        k->changed_before = w->boxes[i].changed;
        k->generation_before = w->boxes[i].generation;
        k->subscribed_before = w->subscribed[i];
    }
}

void watch_after(const world *w, viewer *v)
{
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        known *k = &v->notify.at[i];
        const box *b = &w->boxes[i];
        if (k->changed_before != b->changed || k->generation_before != b->generation) {
            k->status_own = true;
            k->status_mixed_own |= k->status_mixed;
            know_status(b, k);
        }
        if (k->generation_before != b->generation) {
            k->name_own = true;
            k->name_mixed_own |= k->name_mixed;
            know_name(b, k);
        }
        k->subscribed_own |= k->subscribed_before != w->subscribed[i];
        k->status_mixed = k->name_mixed = false;
    }
}

/* --- news --- */

static int box_number(const world *w, const char *name)
{
    for (int i = 0; i < WORLD_BOXES; i++)
        if (!strcmp(w->boxes[i].name, name))
            return i;
    return -1;
}

static uint64_t value_of(const reply *r, const char *name, bool *there)
{
    for (unsigned i = 0; i < r->items; i++)
        if (!strcmp(r->status[i].name, name)) {
            *there = true;
            return r->status[i].value;
        }
    *there = false;
    return 0;
}

static bool check_numbers(check *c, const reply *r, const box *b, const known *k)
{
    bool count_said, uidnext, validity, highest, unseen, indicator = c->a->st.op == OP_NOTIFY;
    uint64_t said = value_of(r, "MESSAGES", &count_said), next = value_of(r, "UIDNEXT", &uidnext),
             valid = value_of(r, "UIDVALIDITY", &validity), not_seen = value_of(r, "UNSEEN", &unseen), count = 0;
    value_of(r, "HIGHESTMODSEQ", &highest);
    for (size_t i = 0; i < b->here.count; i++)
        count += !(b->here.at[i].flags & FLAG_SEEN);
    if ((count_said && said != b->here.count) || (uidnext && next != b->uidnext) || (unseen && not_seen != count))
        return check_fault(c, "STATUS of NOTIFY", said, b->here.count);
    if (validity && b->uidvalidity && valid != b->uidvalidity)
        return check_fault(c, "UIDVALIDITY in STATUS of NOTIFY", valid, b->uidvalidity);
    if ((indicator || numbers_differ(b, k)) && (!count_said || !uidnext || (indicator && !validity)))
        return check_fault(c, "STATUS of NOTIFY lacks numbers", r->items, 0);
    if ((indicator ? watches_flags(c->v, (unsigned)(k - c->v->notify.at)) : c->v->condstore) && !highest)
        return check_fault(c, "STATUS of NOTIFY without HIGHESTMODSEQ", r->items, 0);
    return true;
}

bool watch_status(check *c, const reply *r)
{
    viewer *v = c->v;
    bool indicator = c->a->st.op == OP_NOTIFY && c->a->st.silent;
    int number = box_number(&c->j->w, r->name);
    if (number < 0) /* the connector in memory has others, which nobody touches */
        return indicator || check_fault(c, "STATUS of a mailbox that nobody touches", 0, 0);
    const box *b = &c->j->w.boxes[number];
    known *k = &v->notify.at[number];
    bool was = v->notify.selected_before == b->generation;
    /* a STORE of no message moves the mod-sequence of the connector in memory */
    was |= c->j->r.kind == RIG_MEMORY && watches_flags(v, (unsigned)number) && v->condstore;
    if (!may_watch_messages(&c->j->w, v, (unsigned)number) || !b->exists)
        return check_fault(c, "STATUS that nobody asked for", (unsigned)number, v->notify.others);
    if (v->selected && v->generation == b->generation && !was)
        return check_fault(c, "STATUS of the selected mailbox", (unsigned)number, 0);
    if (!indicator && !k->status_own && !was && k->status_generation == b->generation && !numbers_differ(b, k) &&
        !(watches_flags(v, (unsigned)number) && b->changed != k->changed))
        return check_fault(c, "STATUS without news", (unsigned)number, 0);
    const known *of = k; /* under the name that it had */
    for (unsigned i = 0; k->status_generation != b->generation && i < WORLD_BOXES; i++)
        if (v->notify.at[i].status_generation == b->generation)
            of = &v->notify.at[i];
    if (!check_numbers(c, r, b, of))
        return false;
    c->status_said |= 1u << number;
    know_status(b, k);
    return true;
}

/* Renamed: the client must be told the old name. */
static bool check_oldname(check *c, const reply *r, int number)
{
    const box *b = &c->j->w.boxes[number];
    int old = *r->old ? box_number(&c->j->w, r->old) : -1;
    for (int i = 0; i < WORLD_BOXES; i++) {
        const known *k = &c->v->notify.at[i];
        if (i != number && k->exists && k->generation == b->generation && b->exists && i != old && !k->name_own)
            return check_fault(c, "LIST of a new name without OLDNAME", (unsigned)number, (unsigned)i);
    }
    if (old >= 0)
        know_name(&c->j->w.boxes[old], &c->v->notify.at[old]);
    return true;
}

bool watch_list(check *c, const reply *r)
{
    int number = box_number(&c->j->w, r->name);
    if (c->a->st.op == OP_LIST && !*r->old && (!r->nonexistent || c->a->st.how == 2))
        return list_answer(c, r);
    if (check_opens(c->a) && c->v->rev2 && number == (int)c->a->st.box && !r->nonexistent) /* RFC 9051 section 6.3.2 */
        return true;
    if (number < 0)
        return check_fault(
            c, wish_of(c->v)->names ? "LIST of a mailbox that nobody touches" : "LIST that nobody asked for", 0, 0);
    int old = *r->old ? box_number(&c->j->w, r->old) : -1;
    bool names = watches_names(c->v, (unsigned)number) || (old >= 0 && watches_names(c->v, (unsigned)old)),
         subscriptions = watches_subscriptions(c->v, (unsigned)number);
    if (!names && !subscriptions)
        return check_fault(c, "LIST that nobody asked for", (unsigned)number, 0);
    const box *b = &c->j->w.boxes[number];
    known *k = &c->v->notify.at[number];
    if (r->nonexistent == b->exists)
        return check_fault(c, "LIST of NOTIFY says that it is (not) there", (unsigned)number, b->exists);
    if (subscriptions && r->subscribed != c->j->w.subscribed[number])
        return check_fault(c, "LIST of NOTIFY says that it is (not) subscribed", (unsigned)number, r->subscribed);
    bool other = subscriptions && (k->subscribed != r->subscribed || k->subscribed_own);
    if (!(names && (name_differs(b, k) || k->name_own)) && !other)
        return check_fault(c, "LIST without news", (unsigned)number, b->generation);
    if (other)
        k->subscribed = r->subscribed;
    if (!names)
        return !*r->old || check_fault(c, "OLDNAME for a subscription", (unsigned)number, 0);
    if (!check_oldname(c, r, number))
        return false;
    know_name(b, k);
    return true;
}

/* Nothing is under way: the client has been told. */
bool watch_settle(check *c)
{
    viewer *v = c->v;
    for (size_t i = 0; i < v->count; i++)
        if (v->at[i].owed && !viewer_dead(&c->j->w, v) && messages_find(&c->j->w.boxes[v->box].here, v->at[i].uid))
            return check_fault(c, "no FETCH of a new message", v->at[i].uid, v->notify.fetch);
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        const box *b = &c->j->w.boxes[i];
        const known *k = &v->notify.at[i];
        bool selected = (v->selected && v->generation == b->generation) || v->notify.selected_before == b->generation;
        if (watches_messages(&c->j->w, v, i) && !selected && b->exists && k->status_generation == b->generation &&
            !k->status_mixed_own && status_differs(v, b, k))
            return check_fault(c, "STATUS was not told", i, k->messages);
        if (watches_subscriptions(v, i) && !k->subscribed_own && k->subscribed != c->j->w.subscribed[i])
            return check_fault(c, "LIST of a subscription was not told", i, c->j->w.subscribed[i]);
        if (watches_names(v, i) && !k->name_mixed_own && name_differs(b, k))
            return check_fault(c, "LIST was not told", i, b->exists);
    }
    watch_know(&c->j->w, v);
    return true;
}

/* NOTIFY begins. */
void watch_begin(check *c)
{
    const step *st = &c->a->st;
    viewer *v = c->v;
    memset(&v->notify, 0, sizeof v->notify);
    v->notify.set = true;
    v->notify.selected = st->how == 3 ? 0 : st->how;
    v->notify.flags = v->notify.selected && st->flags;
    v->notify.fetch = v->notify.selected ? st->items : 0;
    v->notify.others = st->how ? st->n : 0;
    for (size_t i = 0; i < v->count; i++)
        v->at[i].owed = false;
    watch_know(&c->j->w, v);
}

/* Its tagged OK: section 3.1, STATUS. */
bool watch_begun(check *c)
{
    for (unsigned i = 0; c->a->st.silent && i < WORLD_BOXES; i++) {
        const box *b = &c->j->w.boxes[i];
        if (watches_messages(&c->j->w, c->v, i) && b->exists &&
            !(c->v->selected && c->v->generation == b->generation) && !(c->status_said & 1u << i))
            return check_fault(c, "NOTIFY SET STATUS without STATUS", i, 0);
    }
    return true;
}

/* What NOTIFY has asked for of a new message; answers false if it is not this. */
bool watch_data(check *c, const reply *r, entry *e, bool *good)
{
    unsigned want = c->v->notify.fetch, extra = ITEM_UID | ITEM_MODSEQ;
    const message *m = messages_find(&c->j->w.boxes[c->v->box].here, e->uid);
    size_t size;
    if (!e->owed || (r->items & ~extra) != (want & ~extra) || (want & ITEM_UID && !(r->items & ITEM_UID)))
        return false;
    e->owed = false;
    content_of(e->content, &size);
    unsigned recent = e->recent ? FLAG_RECENT : 0;
    *good = !c->v->condstore || r->items & ITEM_MODSEQ || /* RFC 7162 section 3.1: in every untagged FETCH */
            check_fault(c, "FETCH of a new message without MODSEQ", e->uid, 0);
    if (r->items & ITEM_UID && r->uid != e->uid)
        *good = check_fault(c, "UID of a new message", r->uid, e->uid);
    if (r->items & ITEM_SIZE && r->size != size)
        *good = check_fault(c, "RFC822.SIZE of a new message", r->size, size);
    if (r->items & ITEM_FLAGS) {
        if (r->flags != (e->flags | recent) && (!m || r->flags != (m->flags | recent)))
            *good = check_fault(c, "FLAGS of a new message", r->flags, e->flags);
        e->told = r->flags & FLAG_ALL;
        e->known = true;
    }
    return true;
}
