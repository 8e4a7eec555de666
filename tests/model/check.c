/* check.c - see check.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include "set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool check_fault(const check *c, const char *what, uint64_t a, uint64_t b)
{
    return judge_fault(c->j, "session %u %s: %s (%" PRIu64 ", %" PRIu64 ")", c->n, c->a->tag, what, a, b);
}

bool list_has(const uint32_t *list, size_t count, uint32_t uid)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == uid)
            return true;
    return false;
}

bool check_opens(const act *a)
{
    return a->st.op == OP_SELECT || a->st.op == OP_EXAMINE;
}

/* The message of this view has gone. */
bool check_gone(const check *c, const entry *e)
{
    return !messages_find(&c->a->target, e->uid);
}

/* NOTIFY has asked for data of new messages, but not of what the client brings itself (RFC 5465 section 5.2). */
static bool owed(const check *c, uint32_t uid)
{
    const act *a = c->a;
    bool own = a->placed && (int)a->st.box == c->v->box && list_has(a->to, a->placed, uid);
    return !check_opens(a) && !own && c->v->notify.fetch;
}

static void add_entry(check *c, const message *m)
{
    viewer *v = c->v;
    v->at[v->count++] = (entry){.uid = m->uid,
                                .flags = m->flags,
                                .stamp = m->stamp,
                                .content = m->content % CONTENTS,
                                .date = m->date,
                                .owed = owed(c, m->uid),
                                .recent = !v->rev2 && c->a->recent_first && m->uid >= c->a->recent_first};
}

/* Messages that the client does not know yet; they come behind all others. */
size_t check_add_new(check *c, bool really)
{
    size_t added = 0;
    for (size_t i = 0; i < c->a->target.count; i++)
        if (!viewer_find(c->v, c->a->target.at[i].uid)) {
            added++;
            if (really)
                add_entry(c, &c->a->target.at[i]);
        }
    return added;
}

size_t check_recent_count(const viewer *v)
{
    size_t count = 0;
    for (size_t i = 0; i < v->count; i++)
        count += v->at[i].recent;
    return count;
}
