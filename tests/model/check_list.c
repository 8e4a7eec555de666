/* check_list.c - LIST with return options (RFC 5258, RFC 5819). See check.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include <string.h>

static int number_of(const world *w, const char *name)
{
    for (int i = 0; i < WORLD_BOXES; i++)
        if (!strcmp(w->boxes[i].name, name))
            return i;
    return -1;
}

/* It belongs into the answer. */
static bool is_due(const check *c, int number)
{
    unsigned how = c->a->st.how;
    if (how == 2)
        return c->j->w.subscribed[number];
    return c->j->w.boxes[number].exists && (how != 3 || number < 2);
}

bool list_answer(check *c, const reply *r)
{
    const world *w = &c->j->w;
    int number = number_of(w, r->name);
    unsigned how = c->a->st.how;
    if (number < 0 || !how) /* plain LIST may be answered late; other mailboxes nobody touches */
        return true;
    bool news = c->v->notify.set;
    if (r->nonexistent == w->boxes[number].exists)
        return check_fault(c, "LIST says that a mailbox is (not) there", (unsigned)number, r->nonexistent);
    if (news)
        c->listed |= 1u << number;
    if (news)
        return true;
    if (!is_due(c, number) || c->listed & 1u << number)
        return check_fault(c, "LIST of a mailbox that nobody asked for, or twice", (unsigned)number, how);
    if (how >= 2 && r->subscribed != w->subscribed[number])
        return check_fault(c, "LIST says that it is (not) subscribed", (unsigned)number, r->subscribed);
    c->listed |= 1u << number;
    return true;
}

bool list_status(check *c, const reply *r)
{
    int number = number_of(&c->j->w, r->name);
    c->a->status.there = false;
    if (number < 0)
        return true;
    if (!is_due(c, number) || !c->j->w.boxes[number].exists || c->status_said & 1u << number)
        return check_fault(c, "STATUS of LIST that nobody asked for, or twice", (unsigned)number, 0);
    c->status_said |= 1u << number;
    act_status(c->a, &c->j->w.boxes[number]);
    return true;
}

bool list_end(check *c)
{
    for (int i = 0; c->a->st.how && i < WORLD_BOXES; i++) {
        if (is_due(c, i) && !(c->listed & 1u << i))
            return check_fault(c, "LIST lacks a mailbox", (unsigned)i, c->listed);
        if (is_due(c, i) && c->j->w.boxes[i].exists && !(c->status_said & 1u << i))
            return check_fault(c, "LIST lacks the STATUS of a mailbox", (unsigned)i, c->status_said);
    }
    return true;
}
