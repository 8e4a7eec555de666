/* check_fetch.c - FETCH: what was asked for, and what is news. See check.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include "set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- mod-sequences --- */

/* The server's number for a message at this stamp: always the same, and in the order of the stamps. */
static bool learn_modseq(check *c, uint32_t uid, uint64_t stamp, uint64_t modseq)
{
    box *b = &c->j->w.boxes[c->v->box];
    message *m = messages_find(&b->here, uid);
    if (modseq > c->v->highest)
        c->v->highest = modseq;
    if (!m || m->stamp != stamp)
        return true;
    if (m->modseq && m->modseq != modseq)
        return check_fault(c, "another MODSEQ for an unchanged message", modseq, m->modseq);
    m->modseq = modseq;
    for (size_t i = 0; i < b->here.count; i++) {
        const message *o = &b->here.at[i];
        if (o->modseq && ((o->stamp < stamp && o->modseq > modseq) || (o->stamp > stamp && o->modseq < modseq)))
            return check_fault(c, "MODSEQ does not grow with changes", modseq, o->modseq);
    }
    return true;
}

/* --- FETCH --- */

static bool check_body(check *c, const reply *r, const entry *e)
{
    size_t size;
    const char *bytes = content_of(e->content, &size);
    if (r->items & ITEM_SIZE && r->size != size)
        return check_fault(c, "RFC822.SIZE", r->size, size);
    const char *date = dates[e->date];
    if (r->items & ITEM_DATE && (strcmp(r->date + 1, date + 1) != 0 ||
                                 (*r->date != *date && *r->date != (*date == ' ' ? '0' : *date)))) /* date-day-fixed */
        return check_fault(c, "INTERNALDATE", e->uid, e->date);
    if (r->items & ITEM_BODY && (!r->body || r->body_size != size || memcmp(r->body, bytes, size) != 0))
        return check_fault(c, "BODY[] is not what was appended", r->body_size, size);
    return true;
}

static unsigned wanted_items(const act *a)
{
    unsigned want = a->st.items | (a->st.uid ? ITEM_UID : 0u) | (a->since.modseq ? ITEM_MODSEQ : 0u);
    return want & ITEM_PEEK ? (want & ~(unsigned)ITEM_PEEK) | ITEM_BODY : want;
}

/* What a FETCH command asked for. */
static bool check_data(check *c, const reply *r, entry *e)
{
    unsigned want = wanted_items(c->a);
    if (c->v->uidonly) /* RFC 9586 section 3.3: the UID is there already */
        want |= r->items & ITEM_UID;
    if (c->v->uidonly && !(r->items & ITEM_UID) && !(c->a->st.items & ITEM_UID))
        want &= ~(unsigned)ITEM_UID;
    if (r->items != want)
        return check_fault(c, "FETCH with other items than asked for", r->items, want);
    if (r->items & ITEM_UID && r->uid != e->uid)
        return check_fault(c, "UID", r->uid, e->uid);
    if (r->items & ITEM_FLAGS) {
        if (r->flags != (e->flags | (e->recent ? FLAG_RECENT : 0)))
            return check_fault(c, "FLAGS", r->flags, e->flags | (e->recent ? FLAG_RECENT : 0));
        e->told = e->flags;
        e->known = true;
    }
    if (r->items & ITEM_MODSEQ && (!c->a->since.modseq || e->stamp > c->a->since.stamp) &&
        !learn_modseq(c, e->uid, e->stamp, r->modseq))
        return false;
    return check_body(c, r, e);
}

/* May this FETCH be there, though nobody asked? */
static bool is_wanted(const check *c, const entry *e, const message *m)
{
    const act *a = c->a;
    if (m && m->flags != e->flags && check_wants_flags(c))
        return true;
    if (a->st.op == OP_STORE && list_has(a->uids, a->uids_count, e->uid))
        return true;
    if (a->st.op == OP_FETCH && a->st.items & ITEM_BODY && list_has(a->uids, a->uids_count, e->uid))
        return true;
    return a->resync || (a->st.op == OP_IDLE && check_wants_flags(c));
}

/* News: FLAGS of a message as it is now. */
static bool check_news(check *c, const reply *r, entry *e)
{
    const act *a = c->a;
    const message *m = messages_find(&c->a->target, e->uid);
    bool ghost = !m && a->st.op == OP_STORE && !a->st.silent && !a->since.modseq && a->hold &&
                 list_has(a->uids, a->uids_count, e->uid); /* see check_stored_ghost */
    uint32_t flags = m ? m->flags : flags_after(e->flags, (int)a->st.how, a->st.flags & FLAG_ALL);
    bool bare = r->items == (ITEM_UID | ITEM_MODSEQ) || r->items == ITEM_MODSEQ;
    if (r->items & ~(unsigned)(ITEM_FLAGS | ITEM_UID | ITEM_MODSEQ))
        return check_fault(c, "FETCH that nobody asked for with items", r->items, e->uid);
    if (!m && !ghost)
        return check_fault(c, "FETCH of a message that is gone", e->uid, 0);
    if (r->items & ITEM_UID && r->uid != e->uid)
        return check_fault(c, "UID in news", r->uid, e->uid);
    if (!c->v->uidonly &&
        ((c->a->st.uid && (c->a->st.op == OP_STORE || c->a->st.op == OP_FETCH) && !(r->items & ITEM_UID)) ||
         (c->a->resync && !(r->items & ITEM_UID))))
        return check_fault(c, "FETCH without UID", e->uid, 0);
    if (c->v->condstore && !(r->items & ITEM_MODSEQ))
        return check_fault(c, "FETCH without MODSEQ", e->uid, 0);
    if (!c->v->condstore && r->items & ITEM_MODSEQ)
        return check_fault(c, "MODSEQ for a client without CONDSTORE", e->uid, 0);
    if (!is_wanted(c, e, m))
        return check_fault(c, "FETCH of a message that has not changed", e->uid, r->flags);
    if (c->a->resync && !resync_asked(c, e->uid))
        return check_fault(c, "QRESYNC tells of a message that was not asked for", e->uid, 0);
    if (list_has(c->told, c->told_count, e->uid) && c->a->st.op != OP_IDLE)
        return check_fault(c, "two FETCH of news for one message", e->uid, 0);
    if (m && r->items & ITEM_MODSEQ && !learn_modseq(c, e->uid, m->stamp, r->modseq))
        return false;
    if (bare)
        return true;
    c->told[c->told_count++] = e->uid;
    c->news |= !list_has(c->a->uids, c->a->uids_count, e->uid);
    if (!(r->items & ITEM_FLAGS))
        return check_fault(c, "FETCH without FLAGS", e->uid, 0);
    e->recent |= !c->v->rev2 && c->a->recent_first && e->uid >= c->a->recent_first;
    if (r->flags != (flags | (e->recent ? FLAG_RECENT : 0)))
        return check_fault(c, "FLAGS in news", r->flags, flags | (e->recent ? FLAG_RECENT : 0));
    if (r->flags & (FLAG_ALL & ~31u) & ~c->v->keywords)
        return check_fault(c, "keyword that no FLAGS response has named", r->flags, c->v->keywords);
    e->told = flags;
    e->known = true;
    return true;
}

/* Data come first, in the order of their numbers; one that CHANGEDSINCE leaves out is passed over. */
static bool is_data(check *c, const entry *e)
{
    const act *a = c->a;
    if (a->st.op != OP_FETCH)
        return false;
    for (size_t i = c->next; i < a->uids_count; i++)
        if (a->uids[i] == e->uid) {
            for (; a->since.modseq == 0 && c->next < i; c->next++)
                return false;
            c->next = i + 1;
            return true;
        }
    return false;
}

/* Those left out of a CHANGEDSINCE must not have changed. */
bool check_left_out(check *c, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const entry *e = viewer_find(c->v, c->a->uids[i]);
        const message *m = messages_find(&c->j->w.boxes[c->v->box].here, c->a->uids[i]);
        if (e && m && e->stamp > c->a->since.stamp)
            return check_fault(c, "CHANGEDSINCE left out a changed message", e->uid, 0);
    }
    return true;
}

bool check_fetch(check *c, const reply *r)
{
    viewer *v = c->v;
    entry *e = !v->selected                              ? NULL
               : r->uidfetch                             ? viewer_find(v, r->number)
               : r->number >= 1 && r->number <= v->count ? &v->at[r->number - 1]
                                                         : NULL;
    if (!e)
        return check_fault(c, "FETCH of a number that is not there", r->number, v->count);
    if (r->uidfetch != v->uidonly)
        return check_fault(c, "FETCH or UIDFETCH, the other one", r->number, 0);
    size_t from = c->next;
    bool good;
    if (watch_data(c, r, e, &good))
        return good;
    const message *target = messages_find(&c->a->target, e->uid);
    /* What changed only in a version that this view does not show yet may be given as data or as news. */
    bool news = c->a->since.modseq && e->stamp <= c->a->since.stamp && target && target->flags != e->flags &&
                !(r->items & ~(unsigned)(ITEM_FLAGS | ITEM_UID | ITEM_MODSEQ)) && r->items & ITEM_FLAGS &&
                (r->flags & FLAG_ALL) == target->flags;
    if (!news && !c->exists_said && !c->vanished_count && is_data(c, e)) {
        if (c->a->since.modseq && !check_left_out(c, from, c->next - 1))
            return false;
        const message *m = messages_find(&c->j->w.boxes[v->box].here, e->uid);
        if (c->a->since.modseq && e->stamp <= c->a->since.stamp && m && m->stamp <= c->a->since.stamp)
            return check_fault(c, "CHANGEDSINCE gave an unchanged message", e->uid, 0);
        return check_data(c, r, e);
    }
    return check_news(c, r, e);
}
