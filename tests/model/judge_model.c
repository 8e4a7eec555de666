/* judge_model.c - what a command does to the model, and what the client must then be told. See judge.h
 * SPDX-License-Identifier: MIT */
#include "judge.h"

#include "set.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool writes(step_op op)
{
    return op == OP_STORE || op == OP_MOVE || op == OP_EXPUNGE || op == OP_REPLACE;
}

static bool needs_mailbox(step_op op)
{
    return writes(op) || op == OP_CHECK || op == OP_UNSELECT || op == OP_CLOSE || op == OP_FETCH || op == OP_SEARCH ||
           op == OP_SORT || op == OP_COPY || op == OP_CANCEL || op == OP_THREAD;
}

static void begin_expunge(viewer *v, act *a)
{
    a->uids_count = 0;
    for (size_t i = 0; i < v->count; i++) {
        const entry *e = &v->at[i];
        uint32_t max = v->at[v->count - 1].uid;
        if (!(e->flags & FLAG_DELETED))
            continue;
        bool in = !a->st.uid || set_has(a->st.set, e->uid, max);
        for (size_t s = 0; *a->st.set == '$' && s < v->saved_count; s++)
            in |= v->saved[s] == e->uid;
        if (in)
            a->uids[a->uids_count++] = e->uid;
    }
}

/* The order of two messages. */
int entries_order(unsigned how, const entry *a, const entry *b)
{
    static const int arrival[DATES] = {1, 0, 3, 2};
    size_t one, two;
    content_of(a->content, &one);
    content_of(b->content, &two);
    int size = (one > two) - (one < two), date = arrival[a->date] - arrival[b->date],
        subject = strcasecmp(content_subject(a->content), content_subject(b->content));
    switch (how % SORTS) {
    case 0:
        return date;
    case 1:
        return size;
    case 2:
        return -size;
    case 3:
        return -date;
    case 4:
        return subject;
    default:
        return subject ? -subject : size;
    }
}

void uids_sort(viewer *v, unsigned how, uint32_t *uids, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0; k--) {
            uint32_t uid = uids[k];
            if (entries_order(how, viewer_find(v, uids[k - 1]), viewer_find(v, uid)) <= 0)
                break;
            uids[k] = uids[k - 1];
            uids[k - 1] = uid;
        }
}

/* The results that PARTIAL asks for, from one to another: RFC 9394 section 3.1. False: none. */
bool act_partial(const act *a, size_t *first, size_t *last)
{
    long from = strtol(a->range, NULL, 10), to = strtol(strchr(a->range, ':') + 1, NULL, 10);
    long count = (long)a->uids_count;
    if (from < 0) {
        from += count + 1;
        to += count + 1;
    }
    long low = from < to ? from : to, high = from < to ? to : from;
    low = low < 1 ? 1 : low;
    high = high > count ? count : high;
    *first = (size_t)low - 1;
    *last = (size_t)high;
    return low <= high;
}

/* RETURN (UPDATE). False: its tag is in use. */
static bool begin_follow(viewer *v, act *a)
{
    size_t sorted = 0;
    followed *c = &v->contexts[v->contexts_count];
    for (size_t i = 0; i < v->contexts_count; i++) {
        if (!strcmp(v->contexts[i].tag, a->tag))
            return false;
        sorted += v->contexts[i].sorted;
    }
    a->unfollowed =
        a->since.modseq || v->contexts_count == WORLD_CONTEXTS || (a->st.op == OP_SORT && sorted == WORLD_SORTED);
    a->follows = !a->unfollowed;
    *c = (followed){.uid = a->st.uid, .sorted = a->st.op == OP_SORT, .how = a->st.how};
    memcpy(c->tag, a->tag, sizeof c->tag);
    memcpy(c->keys, a->st.keys, sizeof c->keys);
    for (size_t i = 0; i < v->count; i++)
        c->frame[c->frame_count++] = v->at[i].uid;
    memcpy(c->saved, v->saved, sizeof c->saved);
    c->saved_count = v->saved_count;
    memcpy(c->members, a->uids, sizeof c->members);
    c->count = a->uids_count;
    return true;
}

static void begin_search(viewer *v, act *a, bool *good)
{
    size_t kept = 0;
    search_run(v, a->st.keys, NULL, a->uids, &a->uids_count);
    for (size_t i = 0; a->since.modseq && i < a->uids_count; i++)
        if (viewer_find(v, a->uids[i])->stamp > a->since.stamp)
            a->uids[kept++] = a->uids[i];
    if (a->since.modseq)
        a->uids_count = kept;
    if (a->st.op == OP_SORT)
        uids_sort(v, a->st.how, a->uids, a->uids_count);
    *good = !(a->st.ret & RETURN_UPDATE) || begin_follow(v, a);
}

/* All that match in one mailbox, as a client would see it that opens it now. */
static void search_box(const world *w, unsigned box_number, const act *a, uint32_t *uids, size_t *count)
{
    viewer *v = calloc(1, sizeof *v);
    const messages *m = &w->boxes[box_number].here;
    if (!v)
        abort();
    for (size_t i = 0; i < m->count; i++)
        v->at[v->count++] = (entry){.uid = m->at[i].uid,
                                    .flags = m->at[i].flags,
                                    .content = m->at[i].content % CONTENTS,
                                    .date = m->at[i].date};
    search_run(v, a->st.keys, NULL, uids, count);
    free(v);
}

/* ESEARCH. The selected mailbox is searched as it is seen, if it is named so, else as it is. */
static void begin_multi(const world *w, viewer *v, act *a, bool *good)
{
    const source *s = &sources[a->st.n];
    bool only = a->st.n < 2; /* RFC 7377 section 2.2: SAVE */
    if ((s->selected && !v->selected) || (a->st.ret & RETURN_SAVE && !only) ||
        (a->st.ret & RETURN_UPDATE && !v->selected)) {
        *good = false;
        return;
    }
    for (unsigned i = 0; i < WORLD_BOXES; i++) {
        bool named = s->boxes & 1u << i && (!s->subscribed || w->subscribed[i]);
        bool own = v->selected && v->box == (int)i;
        if ((!named && !(own && s->selected)) || !w->boxes[i].exists)
            continue;
        a->multi[i].due = true;
        a->multi[i].generation = w->boxes[i].generation;
        if (own && s->selected && !viewer_dead(w, v))
            search_run(v, a->st.keys, NULL, a->multi[i].uids, &a->multi[i].count);
        else
            search_box(w, i, a, a->multi[i].uids, &a->multi[i].count);
        if (own && only) {
            memcpy(a->uids, a->multi[i].uids, sizeof a->uids);
            a->uids_count = a->multi[i].count;
        }
    }
    *good = !(a->st.ret & RETURN_UPDATE) || begin_follow(v, a);
}

/* FETCH with PARTIAL: RFC 9394 section 3.3. */
static void begin_fetch(viewer *v, act *a, bool *good)
{
    size_t first, last;
    *good = set_resolve(v, a->st.set, a->st.uid, a->uids, &a->uids_count);
    if (!*a->range)
        return;
    if (!act_partial(a, &first, &last))
        first = last = 0;
    memmove(a->uids, a->uids + first, (last - first) * sizeof *a->uids);
    a->uids_count = last - first;
}

/* RFC 9586 section 3.2: it takes or gives message numbers. */
static bool uses_numbers(const step *st)
{
    bool several = st->op == OP_ESEARCH,
         search = st->op == OP_SEARCH || st->op == OP_SORT || st->op == OP_THREAD || several,
         set =
             st->op == OP_FETCH || st->op == OP_STORE || st->op == OP_COPY || st->op == OP_MOVE || st->op == OP_REPLACE;
    return ((set || search) && !st->uid) || (search && search_numbers(st->keys));
}

static void begin_replace(viewer *v, act *a, bool *good)
{
    *good = set_resolve(v, a->st.set, a->st.uid, a->uids, &a->uids_count);
    if (*good && a->uids_count != 1)
        a->want = "NO";
}

/* The outcome as far as it is known before anything happens; which messages are meant. */
void act_begin(judge *j, act *a, unsigned n)
{
    viewer *v = &j->w.viewers[n];
    const step *st = &a->st;
    a->begun = true;
    a->want = "OK";
    a->hold =
        (st->op == OP_FETCH || st->op == OP_STORE || st->op == OP_SEARCH || st->op == OP_SORT || st->op == OP_THREAD) &&
        !st->uid;
    a->syncs = st->op != OP_SELECT && st->op != OP_EXAMINE && st->op != OP_UNSELECT && st->op != OP_CLOSE &&
               st->op != OP_LOGOUT;
    bool both = (st->op == OP_SEARCH || st->op == OP_ESEARCH || st->op == OP_SORT) && st->ret & RETURN_PARTIAL &&
                st->ret & RETURN_ALL;
    if ((needs_mailbox(st->op) && !v->selected) || both || (v->uidonly && uses_numbers(st))) {
        a->want = "BAD";
        return;
    }
    if (writes(st->op) && v->readonly) {
        a->want = "NO";
        return;
    }
    bool good = true;
    if (st->op == OP_FETCH)
        begin_fetch(v, a, &good);
    else if (st->op == OP_STORE || st->op == OP_COPY || st->op == OP_MOVE)
        good = set_resolve(v, st->set, st->uid, a->uids, &a->uids_count);
    else if (st->op == OP_REPLACE)
        begin_replace(v, a, &good);
    else if (st->op == OP_ESEARCH)
        begin_multi(&j->w, v, a, &good);
    else if (st->op == OP_SEARCH || st->op == OP_SORT || st->op == OP_THREAD)
        begin_search(v, a, &good);
    else if (st->op == OP_EXPUNGE)
        begin_expunge(v, a);
    if (!good) {
        a->want = "BAD";
        a->uids_count = 0;
    }
}

/* --- changes --- */

static void change_store(world *w, act *a, box *b)
{
    if (a->st.how && !a->st.flags)
        return;
    w->stamp++;
    for (size_t i = 0; i < a->uids_count; i++) {
        message *m = messages_find(&b->here, a->uids[i]);
        if (!m)
            continue;
        if (a->since.modseq && m->stamp > a->since.stamp)
            a->refused[a->refused_count++] = m->uid;
        else
            world_flags(w, m, b, flags_after(m->flags, (int)a->st.how, a->st.flags & FLAG_ALL));
    }
}

static void change_seen(world *w, act *a, box *b, viewer *v)
{
    w->stamp++;
    for (size_t i = 0; i < a->uids_count; i++) {
        message *m = messages_find(&b->here, a->uids[i]);
        const entry *e = viewer_find(v, a->uids[i]);
        if (m && e && !(e->flags & FLAG_SEEN))
            world_flags(w, m, b, m->flags | FLAG_SEEN);
    }
}

static void change_expunge(world *w, act *a, box *b, int number)
{
    w->stamp++;
    for (size_t i = 0; i < a->uids_count; i++) {
        const message *m = messages_find(&b->here, a->uids[i]);
        if (m && m->flags & FLAG_DELETED)
            world_remove(w, number, a->uids[i]);
    }
}

static void change_close(world *w, viewer *v)
{
    box *b = &w->boxes[v->box];
    uint32_t last = v->count ? v->at[v->count - 1].uid : 0;
    w->stamp++;
    for (size_t i = b->here.count; i-- > 0;)
        if (b->here.at[i].uid <= last && b->here.at[i].flags & FLAG_DELETED)
            world_remove(w, v->box, b->here.at[i].uid);
}

static void change_copy(world *w, act *a, viewer *v, bool move)
{
    box *from = &w->boxes[v->box];
    int to = (int)a->st.box;
    if (!w->boxes[to].exists) {
        a->want = a->uids_count ? "NO" : "OK";
        return;
    }
    for (size_t i = 0; i < a->uids_count; i++) {
        const message *m = messages_find(&from->here, a->uids[i]);
        if (!m && w->copies_ghosts && !move)
            m = messages_find(&from->graves, a->uids[i]);
        if (!m)
            continue;
        message copy = *m;
        a->from[a->placed] = copy.uid;
        a->to[a->placed++] = world_add(w, to, copy.flags, copy.content, copy.date);
    }
    w->stamp++;
    for (size_t i = 0; move && i < a->placed; i++)
        world_remove(w, v->box, a->from[i]);
}

static void change_replace(world *w, act *a, viewer *v)
{
    if (!w->boxes[a->st.box].exists || !messages_find(&w->boxes[v->box].here, a->uids[0]))
        a->want = "NO";
    if (*a->want == 'N')
        return;
    a->from[0] = 0;
    a->to[a->placed++] = world_add(w, (int)a->st.box, a->st.flags & FLAG_ALL, a->st.items, a->st.date);
    world_remove(w, v->box, a->uids[0]);
}

static void change_rename(world *w, act *a)
{
    unsigned from = a->st.box, to = a->st.n % WORLD_BOXES;
    a->want = w->boxes[from].exists && !w->boxes[to].exists ? "OK" : "NO";
    if (*a->want == 'O')
        world_rename(w, (int)from, (int)to);
}

static void change_append(world *w, act *a)
{
    unsigned count = a->st.resync ? 1 : a->st.n;
    if (!w->boxes[a->st.box].exists || a->bad_url)
        a->want = "NO";
    if (*a->want == 'N') /* also when it was not there as the message was announced */
        return;
    for (unsigned i = 0; i < count; i++) {
        a->from[a->placed] = 0;
        a->to[a->placed++] = world_add(w, (int)a->st.box, a->st.flags & FLAG_ALL, a->st.items + i, a->st.date);
    }
}

static void change(judge *j, act *a, unsigned n)
{
    world *w = &j->w;
    viewer *v = &w->viewers[n];
    box *b = &w->boxes[v->box];
    bool good = a->want && !strcmp(a->want, "OK"), here = v->selected && !viewer_dead(w, v);
    a->changed = true;
    if (!good)
        return;
    switch (a->st.op) {
    case OP_STORE:
        if (here)
            change_store(w, a, b);
        break;
    case OP_FETCH:
        if (here && a->st.items & ITEM_BODY && !v->readonly)
            change_seen(w, a, b, v);
        break;
    case OP_EXPUNGE:
        if (here)
            change_expunge(w, a, b, v->box);
        break;
    case OP_CLOSE:
        if (here && !v->readonly)
            change_close(w, v);
        break;
    case OP_COPY:
    case OP_MOVE:
        if (here)
            change_copy(w, a, v, a->st.op == OP_MOVE);
        break;
    case OP_APPEND:
        change_append(w, a);
        break;
    case OP_REPLACE:
        if (here)
            change_replace(w, a, v);
        break;
    case OP_RENAME:
        change_rename(w, a);
        break;
    case OP_CREATE:
        a->want = w->boxes[a->st.box].exists ? "NO" : "OK";
        if (*a->want == 'O')
            world_create(w, (int)a->st.box);
        break;
    case OP_SUBSCRIBE:
        w->subscribed[a->st.box] = !(a->st.how & 1u);
        break;
    case OP_DELETE:
        a->want = a->st.box && w->boxes[a->st.box].exists ? "OK" : "NO";
        if (*a->want == 'O')
            world_delete(w, (int)a->st.box);
        break;
    default:
        break;
    }
}

void act_change(judge *j, act *a, unsigned n)
{
    viewer *v = &j->w.viewers[n];
    bool here = v->selected && !viewer_dead(&j->w, v);
    uint64_t before = j->w.boxes[v->box].changed;
    if (v->notify.set)
        watch_before(&j->w, v);
    change(j, a, n);
    if (v->notify.set)
        watch_after(&j->w, v);
    a->touched = here && a->st.op != OP_RENAME && j->w.boxes[v->box].changed != before;
}

/* --- looking and reading --- */

void act_look(judge *j, act *a, unsigned n)
{
    world *w = &j->w;
    viewer *v = &w->viewers[n];
    bool opens = a->st.op == OP_SELECT || a->st.op == OP_EXAMINE,
         readonly = opens ? a->st.op == OP_EXAMINE : v->readonly;
    box *b = &w->boxes[opens ? a->st.box : (unsigned)v->box];
    a->looked = true;
    a->dead = !opens && a->syncs && viewer_dead(w, v);
    if (a->st.op == OP_CLOSE && viewer_dead(w, v))
        a->want = NULL;
    if (opens && !b->exists)
        a->want = "NO";
    if (a->dead || !b->exists || (!opens && (!v->selected || !a->syncs)))
        return;
    a->target = b->here;
    a->target_stamp = b->changed;
    a->uidnext = b->uidnext;
    a->recent_first = b->unclaimed < b->uidnext ? b->unclaimed : 0;
    bool asleep = v->notify.set && v->notify.selected != 1 && !opens && !j->saw[n] &&
                  !(a->st.op == OP_IDLE && j->saw_news[n]); /* the engine did not look */
    if (asleep)
        a->recent_first = 0;
    else if (!readonly)
        b->unclaimed = b->uidnext;
    if (v->notify.set && !opens) {
        uint32_t *first = &v->notify.recent_first;
        *first = a->recent_first && (!*first || a->recent_first < *first) ? a->recent_first : *first;
        a->recent_first = *first;
    }
}

void act_status(act *a, const box *b)
{
    a->status.there = b->exists;
    a->status.messages = b->here.count;
    a->status.uidnext = b->uidnext;
    a->status.recent = a->status.unseen = a->status.deleted = a->status.size = 0;
    for (size_t i = 0; i < b->here.count; i++) {
        size_t size;
        const message *m = &b->here.at[i];
        content_of(m->content, &size);
        a->status.recent += m->uid >= b->unclaimed;
        a->status.unseen += !(m->flags & FLAG_SEEN);
        a->status.deleted += (m->flags & FLAG_DELETED) != 0;
        a->status.size += size;
    }
}

/* STATUS is answered, or a message announced. */
void act_read(judge *j, act *a, unsigned n)
{
    const box *b = &j->w.boxes[a->st.box];
    (void)n;
    a->read = true;
    if (a->st.op != OP_STATUS && a->st.op != OP_APPEND && a->st.op != OP_REPLACE)
        return;
    if (!b->exists && *a->want == 'O')
        a->want = "NO";
    act_status(a, b);
}
