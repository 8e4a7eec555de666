/* check_select.c - SELECT and EXAMINE, and what QRESYNC has to tell. See check.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include "set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- SELECT --- */

static void open_view(check *c)
{
    viewer *v = c->v;
    v->count = 0;
    check_add_new(c, true);
    for (size_t i = 0; c->a->resync && i < v->count; i++)
        for (size_t k = 0; k < v->kept.count; k++)
            if (v->kept.at[k].uid == v->at[i].uid) {
                v->at[i].known = v->kept.at[k].known;
                v->at[i].told = v->kept.at[k].told;
            }
    for (size_t i = 0; i < c->a->matches_count; i++)
        if (c->a->matches[i][0] <= v->count && v->at[c->a->matches[i][0] - 1].uid == c->a->matches[i][1])
            c->floor = c->a->matches[i][1];
    v->selected = true;
    v->readonly = c->a->st.op == OP_EXAMINE;
    v->box = (int)c->a->st.box;
    v->generation = c->j->w.boxes[v->box].generation;
    v->seen_stamp = c->a->target_stamp;
    v->notify.recent_first = 0;
    v->highest = 0;
}

/* RFC 7162 section 3.2.5.1: of the known UIDs, if they were given. */
bool resync_asked(const check *c, uint32_t uid)
{
    bool asked = !c->a->known_given;
    for (size_t k = 0; !asked && k < c->v->kept.count; k++)
        asked = c->v->kept.at[k].uid == uid;
    return asked;
}

bool select_number(check *c, const reply *r)
{
    if (r->kind == REPLY_EXISTS) {
        open_view(c);
        c->select_exists = true;
        return r->number == c->v->count || check_fault(c, "EXISTS of SELECT", r->number, c->v->count);
    }
    c->recent_said = true;
    if (!c->select_exists)
        return check_fault(c, "RECENT before EXISTS", r->number, 0);
    return r->number == check_recent_count(c->v) ||
           check_fault(c, "RECENT of SELECT", r->number, check_recent_count(c->v));
}

bool select_code(check *c, const reply *r)
{
    box *b = &c->j->w.boxes[c->a->st.box];
    uint64_t value = strtoull(r->argument, NULL, 10);
    if (!strcmp(r->code, "UIDVALIDITY")) {
        c->uidvalidity_said = true;
        if (b->uidvalidity && b->uidvalidity != value && b->generation == c->v->generation)
            return check_fault(c, "UIDVALIDITY has changed", value, b->uidvalidity);
        if (value <= b->uidvalidity_before)
            return check_fault(c, "UIDVALIDITY is not larger than before the mailbox was deleted", value,
                               b->uidvalidity_before);
        b->uidvalidity = (uint32_t)value;
    } else if (!strcmp(r->code, "UIDNEXT")) {
        c->uidnext_said = true;
        return value == c->a->uidnext || check_fault(c, "UIDNEXT", value, c->a->uidnext);
    } else if (!strcmp(r->code, "UNSEEN")) {
        c->unseen_said = (uint32_t)value;
    } else if (!strcmp(r->code, "HIGHESTMODSEQ")) {
        c->highest_said = true;
        c->v->highest = value;
        for (size_t i = 0; i < b->here.count; i++)
            if (b->here.at[i].modseq > value && b->here.at[i].stamp <= c->a->target_stamp)
                return check_fault(c, "HIGHESTMODSEQ below a message's", value, b->here.at[i].modseq);
        for (size_t i = 0; i < b->points_count; i++)
            if (b->points[i].stamp < c->a->target_stamp && b->points[i].modseq >= value)
                return check_fault(c, "HIGHESTMODSEQ has not grown", value, b->points[i].modseq);
        box_learn(b, value, c->a->target_stamp);
    }
    return true;
}

bool select_end(check *c)
{
    uint32_t unseen = 0;
    for (size_t i = c->v->count; i-- > 0;)
        if (!(c->v->at[i].flags & FLAG_SEEN))
            unseen = (uint32_t)i + 1;
    if (!c->select_exists || c->recent_said == c->v->rev2 || !c->uidnext_said || !c->uidvalidity_said ||
        !c->flags_said || !c->permanent_said || !c->highest_said)
        return check_fault(c, "SELECT lacks a response", 0, 0);
    if (unseen != c->unseen_said && !((c->v->rev2 || c->v->uidonly) && !c->unseen_said)) /* RFC 9051 has none here */
        return check_fault(c, "UNSEEN of SELECT", c->unseen_said, unseen);
    for (size_t k = 0; c->a->resync && k < c->v->kept.count; k++) {
        const entry *old = &c->v->kept.at[k];
        if (old->uid > c->floor && !viewer_find(c->v, old->uid) && !list_has(c->vanished, c->vanished_count, old->uid))
            return check_fault(c, "QRESYNC does not tell that a message vanished", old->uid, 0);
    }
    for (size_t i = 0; c->a->resync && i < c->v->count; i++) {
        const entry *e = &c->v->at[i];
        if (!messages_find(&c->j->w.boxes[c->v->box].here, e->uid))
            continue; /* gone between opening and asking what has changed: VANISHED comes next */
        if (e->known && e->told != e->flags)
            return check_fault(c, "QRESYNC does not tell changed flags", e->uid, e->flags);
        bool old = false;
        for (size_t k = 0; k < c->v->kept.count; k++)
            old |= c->v->kept.at[k].uid == e->uid;
        if (!old && !c->a->known_given && !c->v->kept.some && !list_has(c->told, c->told_count, e->uid))
            return check_fault(c, "QRESYNC does not tell a new message", e->uid, 0);
    }
    return true;
}
