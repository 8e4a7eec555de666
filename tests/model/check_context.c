/* check_context.c - searches whose results are kept up to date: RETURN (UPDATE), RFC 5267 section 4.3. See check.h
 * SPDX-License-Identifier: MIT
 *
 * The client does what ADDTO and REMOVEFROM say, in their order; whenever its view has moved its list must be what the
 * same search would find now. */
#include "check.h"

#include "set.h"

#include <string.h>

static followed *context_of(viewer *v, const char *tag)
{
    for (size_t i = 0; i < v->contexts_count; i++)
        if (!strcmp(v->contexts[i].tag, tag))
            return &v->contexts[i];
    return NULL;
}

/* The UID that is meant; 0: none. */
static uint32_t meant(const check *c, const followed *x, uint32_t number)
{
    if (x->uid)
        return number;
    return number >= 1 && number <= c->v->count ? c->v->at[number - 1].uid : 0;
}

static size_t place_of(const followed *x, uint32_t uid)
{
    size_t at = 0;
    while (at < x->count && x->members[at] != uid)
        at++;
    return at;
}

/* at: where it comes to stand. */
static bool add(check *c, followed *x, uint32_t uid, size_t at)
{
    if (!uid || !viewer_find(c->v, uid))
        return check_fault(c, "ADDTO of a message that the client does not know", uid, x->uid);
    if (place_of(x, uid) < x->count)
        return check_fault(c, "ADDTO of a message that is in the results", uid, 0);
    if (at > x->count || x->count == WORLD_MESSAGES)
        return check_fault(c, "ADDTO beyond the end of the results", at + 1, x->count);
    memmove(&x->members[at + 1], &x->members[at], (x->count - at) * sizeof x->members[0]);
    x->members[at] = uid;
    x->count++;
    return true;
}

static bool take_out(check *c, followed *x, uint32_t uid, size_t at)
{
    if (!uid || at >= x->count || x->members[at] != uid)
        return check_fault(c, "REMOVEFROM of a message that is not there in the results", uid, at + 1);
    memmove(&x->members[at], &x->members[at + 1], (x->count - at - 1) * sizeof x->members[0]);
    x->count--;
    return true;
}

/* Position 0: the client finds the place itself. */
static size_t own_place(const followed *x, uint32_t uid, bool adds)
{
    size_t at = 0;
    if (!adds)
        return place_of(x, uid);
    while (at < x->count && x->members[at] < uid)
        at++;
    return at;
}

bool context_update(check *c, const reply *r)
{
    followed *x = context_of(c->v, r->tag);
    if (!x)
        return check_fault(c, "ADDTO or REMOVEFROM for a search that nobody follows", 0, 0);
    if (r->is_uid != x->uid)
        return check_fault(c, "ADDTO or REMOVEFROM of UIDs or numbers, the other one", r->is_uid, x->uid);
    if (r->has_min || r->has_max || r->has_all || r->has_count || r->has_partial)
        return check_fault(c, "ADDTO or REMOVEFROM with results", 0, 0);
    c->news = true;
    for (size_t n = 0; n < r->updates_count; n++) {
        uint32_t at = r->updates[n].at;
        c->j->updates++;
        bool adds = r->updates[n].add;
        if (!at && x->sorted)
            return check_fault(c, "position 0 for a SORT", 0, 0);
        for (size_t i = 0; i < r->updates[n].count; i++) {
            uint32_t uid = meant(c, x, r->numbers[r->updates[n].first + i]);
            size_t place = !at ? own_place(x, uid, adds) : adds ? at - 1 + i : at - 1;
            if (!(adds ? add : take_out)(c, x, uid, place))
                return false;
        }
    }
    return true;
}

bool context_refused(check *c, const reply *r)
{
    char tag[20];
    snprintf(tag, sizeof tag, "\"%s\"", c->a->tag);
    c->refusal_said = true;
    if (!c->a->unfollowed)
        return check_fault(c, "NOUPDATE though there is room", c->v->contexts_count, 0);
    return (!strcmp(r->state, "NO") && !strcmp(r->argument, tag)) || check_fault(c, "NOUPDATE of another tag", 0, 0);
}

/* Section 4.3.4: while the numbers are valid. */
bool context_may_go(const check *c, uint32_t uid)
{
    for (size_t i = 0; i < c->v->contexts_count; i++) {
        const followed *x = &c->v->contexts[i];
        if (!x->uid && place_of(x, uid) < x->count)
            return check_fault(c, "EXPUNGE before its REMOVEFROM", uid, i);
    }
    return true;
}

/* It may still be named or not. */
static bool is_ghost(const check *c, uint32_t uid)
{
    return viewer_find(c->v, uid) && !messages_find(&c->j->w.boxes[c->v->box].here, uid);
}

static bool settle(const check *c, const followed *x)
{
    uint32_t want[WORLD_MESSAGES];
    size_t count, at = 0;
    if (x->loose)
        return true;
    search_run(c->v, x->keys, x, want, &count);
    if (x->sorted)
        uids_sort(c->v, x->how, want, count);
    for (size_t i = 0; i <= count; i++) {
        if (i < count && is_ghost(c, want[i]))
            continue;
        while (at < x->count && is_ghost(c, x->members[at]))
            at++;
        if (i == count && at == x->count)
            return true;
        if (i == count)
            return check_fault(c, "REMOVEFROM was not told", x->members[at], x->count);
        if (at == x->count || x->members[at] != want[i])
            return check_fault(
                c, place_of(x, want[i]) < x->count ? "the results are wrong or in another order" : "ADDTO was not told",
                want[i], x->count);
        at++;
    }
    return true;
}

bool context_settle(check *c)
{
    for (size_t i = 0; i < c->v->contexts_count; i++)
        if (!settle(c, &c->v->contexts[i]))
            return false;
    return true;
}

static void end(viewer *v, followed *x)
{
    memmove(x, x + 1, (size_t)(&v->contexts[v->contexts_count] - (x + 1)) * sizeof *x);
    v->contexts_count--;
}

void context_no_recent(viewer *v)
{
    for (size_t i = 0; i < v->contexts_count; i++) {
        const char *keys = v->contexts[i].keys;
        v->contexts[i].loose |= strstr(keys, "RECENT") || strstr(keys, "NEW") || strstr(keys, "OLD");
    }
}

void context_end_numbers(viewer *v)
{
    for (size_t i = v->contexts_count; i-- > 0;)
        if (!v->contexts[i].uid)
            end(v, &v->contexts[i]);
}

void context_cancel(check *c)
{
    viewer *v = c->v;
    const step *st = &c->a->st;
    char tags[2][16] = {"", ""};
    for (unsigned i = 0; v->contexts_count && i < 1 + (st->how & 1u); i++)
        memcpy(tags[i], v->contexts[(st->n + i) % v->contexts_count].tag, sizeof tags[i]);
    for (unsigned i = 0; i < 2; i++) {
        followed *x = context_of(v, tags[i]);
        if (x)
            end(v, x);
    }
}
