/* judge_check.c - compares what was said with what must be said. See judge.h
 * SPDX-License-Identifier: MIT */
#include "check.h"

#include "set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- what moves the view --- */

static bool remove_one(check *c, size_t index)
{
    const entry *e = &c->v->at[index];
    if (c->a->hold)
        return check_fault(c, "EXPUNGE during FETCH, STORE or SEARCH", e->uid, 0);
    if (!c->a->syncs)
        return check_fault(c, "EXPUNGE where nothing may be told", e->uid, 0);
    if (!check_gone(c, e))
        return check_fault(c, "EXPUNGE of a message that is there", e->uid, index + 1);
    if (!context_may_go(c, e->uid))
        return false;
    c->news = true;
    c->vanished[c->vanished_count++] = e->uid;
    c->recent_owed |= e->recent;
    viewer_drop(c->v, index);
    return true;
}

static bool check_expunge(check *c, const reply *r)
{
    if (c->v->qresync || c->v->uidonly)
        return check_fault(c, "EXPUNGE after ENABLE QRESYNC", r->number, 0);
    if (!r->number || r->number > c->v->count)
        return check_fault(c, "EXPUNGE of a number that is not there", r->number, c->v->count);
    return remove_one(c, r->number - 1);
}

static bool check_earlier(check *c, const reply *r)
{
    bool resync = c->a->resync, changedsince = c->a->st.op == OP_FETCH && c->a->st.resync && c->a->since.modseq;
    if (!resync && !changedsince)
        return check_fault(c, "VANISHED (EARLIER) that nobody asked for", r->numbers[0], 0);
    for (size_t i = 0; i < r->count; i++) {
        uint32_t uid = r->numbers[i];
        if (viewer_find(c->v, uid))
            return check_fault(c, "VANISHED (EARLIER) of a message that is there", uid, 0);
        if (uid >= c->j->w.boxes[c->v->box].uidnext)
            return check_fault(c, "VANISHED (EARLIER) of a UID that never was", uid, 0);
        if (resync && (!resync_asked(c, uid) || uid <= c->floor))
            return check_fault(c, "VANISHED (EARLIER) that QRESYNC has not asked for", uid, c->floor);
        if (c->vanished_count < REPLY_NUMBERS)
            c->vanished[c->vanished_count++] = uid;
    }
    if (changedsince)
        c->vanished_count = 0;
    return true;
}

static bool check_vanished(check *c, const reply *r)
{
    if (!c->v->qresync && !c->v->uidonly)
        return check_fault(c, "VANISHED without ENABLE QRESYNC", r->numbers[0], 0);
    if (r->earlier)
        return check_earlier(c, r);
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = viewer_find(c->v, r->numbers[i]);
        if (!e)
            return check_fault(c, "VANISHED of a UID that the client does not know", r->numbers[i], 0);
        if (!remove_one(c, (size_t)(e - c->v->at)))
            return false;
    }
    return true;
}

static bool check_exists(check *c, const reply *r)
{
    size_t added = check_add_new(c, false);
    if (!c->a->syncs)
        return check_fault(c, "EXISTS where nothing may be told", r->number, 0);
    if (c->exists_said && c->a->st.op != OP_IDLE)
        return check_fault(c, "EXISTS twice", r->number, 0);
    if (!added)
        return check_fault(c, "EXISTS without new messages", r->number, c->v->count);
    if (r->number != c->v->count + added)
        return check_fault(c, "EXISTS", r->number, c->v->count + added);
    c->exists_said = c->recent_owed = c->news = true;
    check_add_new(c, true);
    return true;
}

/* --- other untagged replies --- */

static bool check_flags(check *c, const reply *r)
{
    c->flags_said = true;
    if ((r->flags & 31u) != 31u)
        return check_fault(c, "FLAGS without the system flags", r->flags, 0);
    c->v->keywords = r->flags & FLAG_ALL & ~31u;
    return true;
}

static bool placed_code(check *c, const reply *r)
{
    uint32_t *list = c->j->numbers + REPLY_NUMBERS;
    size_t count;
    const act *a = c->a;
    char validity[16], one[1000], two[1000];
    bool append = a->st.op == OP_APPEND || a->st.op == OP_REPLACE;
    if (!a->placed ||
        sscanf(r->argument, append ? "%15s %999s" : "%15s %999s %999s", validity, one, two) != (append ? 2 : 3))
        return check_fault(c, "COPYUID or APPENDUID", a->placed, 0);
    box *b = &c->j->w.boxes[a->st.box];
    uint32_t value = (uint32_t)strtoul(validity, NULL, 10);
    if (b->uidvalidity && b->uidvalidity != value)
        return check_fault(c, "UIDVALIDITY of COPYUID or APPENDUID", value, b->uidvalidity);
    b->uidvalidity = value;
    for (int side = append ? 1 : 0; side < 2; side++) {
        const char *set = append || !side ? one : two;
        if (!reply_set(set, strlen(set), list, &count) || count != a->placed)
            return check_fault(c, "count of COPYUID or APPENDUID", count, a->placed);
        for (size_t i = 0; i < count; i++)
            if (list[i] != (side ? a->to[i] : a->from[i]))
                return check_fault(c, side ? "new UID" : "source UID", list[i], side ? a->to[i] : a->from[i]);
    }
    return true;
}

static bool check_state(check *c, const reply *r)
{
    if (!strcmp(r->code, "COPYUID")) {
        c->moved = true;
        return c->a->st.op == OP_MOVE ? placed_code(c, r) : check_fault(c, "COPYUID untagged", 0, 0);
    }
    if (!strcmp(r->code, "APPENDUID")) { /* RFC 8508 section 3.4 */
        c->moved = true;
        return c->a->st.op == OP_REPLACE ? placed_code(c, r) : check_fault(c, "APPENDUID untagged", 0, 0);
    }
    if (!strcmp(r->code, "NOUPDATE"))
        return context_refused(c, r);
    if (!strcmp(r->code, "PERMANENTFLAGS"))
        c->permanent_said = true;
    if (check_opens(c->a) && *r->code)
        return select_code(c, r);
    if (!strcmp(r->code, "HIGHESTMODSEQ")) {
        c->v->highest = strtoull(r->argument, NULL, 10);
        c->v->condstore |= c->a->since.modseq || c->a->st.items & ITEM_MODSEQ; /* also if the command then fails */
    }
    return strcmp(r->state, "OK") == 0 || check_fault(c, "untagged NO or BAD", 0, 0);
}

static uint32_t shown(const check *c, uint32_t uid)
{
    const entry *e = viewer_find(c->v, uid);
    return c->a->st.uid || !e ? uid : (uint32_t)(e - c->v->at) + 1;
}

/* A message that has changed since this view was taken may be found by its old or its new mod-sequence. */
bool check_vague(const check *c)
{
    box *b = &c->j->w.boxes[c->v->box];
    bool vague = false;
    for (size_t i = 0; c->a->since.modseq && i < c->v->count; i++) {
        const message *m = messages_find(&b->here, c->v->at[i].uid);
        vague |= !m || (m->stamp != c->v->at[i].stamp && m->stamp > c->a->since.stamp);
    }
    return vague;
}

static bool check_list(check *c, const reply *r)
{
    const act *a = c->a;
    if (check_vague(c))
        return true;
    if (a->since.modseq && r->count && r->kind != REPLY_ESEARCH && !r->modseq)
        return check_fault(c, "SEARCH MODSEQ without a mod-sequence", r->count, 0);
    if (r->count != a->uids_count)
        return check_fault(c, "SEARCH finds so many", r->count, a->uids_count);
    for (size_t i = 0; i < r->count; i++)
        if (r->numbers[i] != shown(c, a->uids[i]))
            return check_fault(c, "SEARCH finds", r->numbers[i], shown(c, a->uids[i]));
    return true;
}

/* RFC 9394 section 4: 500:400 is the same as 400:500. */
static bool same_range(const char *a, const char *b)
{
    const char *one = strchr(a, ':'), *two = strchr(b, ':');
    if (!one || !two)
        return false;
    long a1 = strtol(a, NULL, 10), a2 = strtol(one + 1, NULL, 10), b1 = strtol(b, NULL, 10),
         b2 = strtol(two + 1, NULL, 10);
    return (a1 == b1 && a2 == b2) || (a1 == b2 && a2 == b1);
}

static bool check_partial(check *c, const reply *r)
{
    const act *a = c->a;
    size_t first, last, at = 0;
    if (!same_range(r->partial, a->range))
        return check_fault(c, "PARTIAL of another range", 0, 0);
    if (!act_partial(a, &first, &last))
        first = last = 0;
    if (r->count != last - first)
        return check_fault(c, "PARTIAL gives so many", r->count, last - first);
    for (size_t i = first; i < last; i++, at++)
        if (r->numbers[at] != shown(c, a->uids[i]))
            return check_fault(c, "PARTIAL gives", r->numbers[at], shown(c, a->uids[i]));
    return true;
}

/* RFC 7162 section 3.1.10, RFC 4731 section 3.2: the highest mod-sequence of what is returned. */
static bool check_highest(check *c, const reply *r, unsigned ret)
{
    const act *a = c->a;
    uint64_t highest = 0;
    bool all = true;
    size_t first = 0, last = 0;
    if (ret & RETURN_PARTIAL && !act_partial(a, &first, &last))
        first = last = 0;
    for (size_t i = 0; i < a->uids_count; i++) {
        const message *m = messages_find(&c->j->w.boxes[c->v->box].here, a->uids[i]);
        bool one = ret & (RETURN_ALL | RETURN_COUNT) || (ret & RETURN_MIN && !i) ||
                   (ret & RETURN_MAX && i + 1 == a->uids_count) || (i >= first && i < last);
        if (!one)
            continue;
        all = all && m && m->modseq;
        highest = m && m->modseq > highest ? m->modseq : highest;
    }
    if (r->modseq < highest || (all && r->modseq != highest))
        return check_fault(c, "MODSEQ of ESEARCH", r->modseq, highest);
    return true;
}

static bool check_esearch(check *c, const reply *r)
{
    const act *a = c->a;
    unsigned asked = a->st.ret & ~(unsigned)RETURN_CONTEXT; /* a hint */
    unsigned ret = asked == RETURN_GIVEN || !asked ? RETURN_ALL : asked;
    if (check_vague(c))
        return true;
    bool any = a->uids_count > 0;
    if (strcmp(r->tag, a->tag) != 0 || r->is_uid != (a->st.uid != 0))
        return check_fault(c, "ESEARCH of another command", 0, 0);
    if (r->has_min != (any && ret & RETURN_MIN) || r->has_max != (any && ret & RETURN_MAX) ||
        r->has_all != (any && ret & RETURN_ALL) || r->has_partial != ((ret & RETURN_PARTIAL) != 0) ||
        r->has_count != ((ret & RETURN_COUNT) != 0))
        return check_fault(c, "ESEARCH has other results than asked for", ret, a->uids_count);
    if ((r->has_min && r->min != shown(c, a->uids[0])) ||
        (r->has_max && r->max != shown(c, a->uids[a->uids_count - 1])) || (r->has_count && r->total != a->uids_count))
        return check_fault(c, "ESEARCH MIN, MAX or COUNT", r->min, r->max);
    if (any && a->since.modseq && !check_highest(c, r, ret))
        return false;
    return r->has_partial ? check_partial(c, r) : !r->has_all || check_list(c, r);
}

/* RFC 5182 section 2.1: then no result is said. */
static bool saves_only(const act *a)
{
    return (a->st.ret & ~(unsigned)(RETURN_GIVEN | RETURN_CONTEXT | RETURN_UPDATE)) == RETURN_SAVE;
}

/* One mailbox of several. */
static bool check_multi(check *c, const reply *r)
{
    act *a = c->a;
    unsigned i = 0;
    while (i < WORLD_BOXES && strcmp(c->j->w.boxes[i].name, r->name) != 0)
        i++;
    if (a->st.op != OP_ESEARCH || i == WORLD_BOXES || !a->multi[i].due)
        return check_fault(c, "ESEARCH of a mailbox that nobody asked for, or twice", i, 0);
    box *b = &c->j->w.boxes[i];
    if (!a->multi[i].count)
        return check_fault(c, "ESEARCH of a mailbox where nothing is found", i, 0);
    if (b->uidvalidity && b->uidvalidity != r->number)
        return check_fault(c, "UIDVALIDITY of ESEARCH", r->number, b->uidvalidity);
    if (r->number <= b->uidvalidity_before)
        return check_fault(c, "UIDVALIDITY of ESEARCH is not larger than before", r->number, b->uidvalidity_before);
    b->uidvalidity = r->number;
    a->multi[i].due = false;
    memcpy(a->uids, a->multi[i].uids, sizeof a->uids);
    a->uids_count = a->multi[i].count;
    return check_esearch(c, r);
}

static bool check_search(check *c, const reply *r)
{
    bool sort = c->a->st.op == OP_SORT;
    if (r->updates_count)
        return context_update(c, r);
    if (*r->name)
        return check_multi(c, r);
    if ((c->a->st.op != OP_SEARCH && !sort) || c->result_said)
        return check_fault(c, "SEARCH that nobody asked for", 0, 0);
    c->result_said = true;
    if (c->a->follows && !saves_only(c->a))
        c->v->contexts_count++;
    if ((r->kind == REPLY_ESEARCH) != (c->a->st.ret != 0 || (c->v->rev2 && !sort)))
        return check_fault(c, "SEARCH or ESEARCH, the other one", c->a->st.ret, 0);
    if (r->kind != REPLY_ESEARCH && (r->kind == REPLY_SORT) != sort)
        return check_fault(c, "SEARCH or SORT, the other one", 0, 0);
    return r->kind == REPLY_ESEARCH ? check_esearch(c, r) : check_list(c, r);
}

static bool is_answer(const check *c, const reply *r)
{
    for (unsigned i = 0; (c->a->st.op == OP_STATUS || c->a->st.op == OP_LIST) && i < r->items; i++)
        if (!strcmp(r->status[i].name, "SIZE"))
            return true;
    return !c->v->notify.set;
}

static bool check_status(check *c, const reply *r)
{
    act *a = c->a;
    if (!is_answer(c, r))
        return watch_status(c, r);
    if (a->st.op == OP_LIST && !list_status(c, r))
        return false;
    if (a->st.op == OP_LIST && !a->status.there)
        return true;
    if (a->st.op != OP_LIST && (a->st.op != OP_STATUS || strcmp(r->name, c->j->w.boxes[a->st.box].name) != 0))
        return check_fault(c, "STATUS that nobody asked for", 0, 0);
    c->result_said = true;
    for (unsigned i = 0; i < r->items; i++) {
        const char *name = r->status[i].name;
        uint64_t got = r->status[i].value;
        uint64_t want = !strcmp(name, "MESSAGES")  ? a->status.messages
                        : !strcmp(name, "RECENT")  ? a->status.recent
                        : !strcmp(name, "UNSEEN")  ? a->status.unseen
                        : !strcmp(name, "UIDNEXT") ? a->status.uidnext
                        : !strcmp(name, "DELETED") ? a->status.deleted
                        : !strcmp(name, "SIZE")    ? a->status.size
                                                   : got;
        if (got != want)
            return judge_fault(c->j, "session %u %s: STATUS %s is %" PRIu64 ", not %" PRIu64, c->n, a->tag, name, got,
                               want);
    }
    return true;
}

static bool check_untagged(check *c, const reply *r)
{
    switch (r->kind) {
    case REPLY_FETCH:
        return check_fetch(c, r);
    case REPLY_EXPUNGE:
        return check_expunge(c, r);
    case REPLY_VANISHED:
        return check_vanished(c, r);
    case REPLY_EXISTS:
        return check_opens(c->a) ? select_number(c, r) : check_exists(c, r);
    case REPLY_RECENT:
        if (c->v->rev2)
            return check_fault(c, "RECENT after ENABLE IMAP4rev2", r->number, 0);
        if (check_opens(c->a))
            return select_number(c, r);
        if (!c->recent_owed || r->number != check_recent_count(c->v))
            return check_fault(c, "RECENT", r->number, check_recent_count(c->v));
        c->recent_owed = false;
        return true;
    case REPLY_FLAGS:
        return check_flags(c, r);
    case REPLY_STATE:
        return check_state(c, r);
    case REPLY_SEARCH:
    case REPLY_SORT:
    case REPLY_ESEARCH:
        return check_search(c, r);
    case REPLY_THREAD:
        return check_thread(c, r);
    case REPLY_LIST:
        return c->a->st.op == OP_LIST && !c->v->notify.set ? list_answer(c, r) : watch_list(c, r);
    case REPLY_STATUS:
        return check_status(c, r);
    case REPLY_BYE:
        return c->a->st.op == OP_LOGOUT || check_fault(c, "BYE", 0, 0);
    default:
        return true;
    }
}

/* --- the end of a command --- */

/* What .SILENT lets the client think. */
static void believe(check *c)
{
    const act *a = c->a;
    if (a->st.op != OP_STORE || !a->st.silent || strcmp(a->want, "OK") != 0)
        return;
    for (size_t i = 0; i < a->uids_count; i++) {
        entry *e = viewer_find(c->v, a->uids[i]);
        if (e && !check_gone(c, e) && !list_has(a->refused, a->refused_count, e->uid) &&
            !list_has(c->told, c->told_count, e->uid))
            e->told = flags_after(e->told, (int)a->st.how, a->st.flags & FLAG_ALL);
    }
}

/* This STORE named a message whose removal must not be told yet: to this client it is as if it had stored. */
static bool check_stored_ghost(check *c, entry *e)
{
    const act *a = c->a;
    if (a->st.op != OP_STORE || strcmp(a->want, "OK") != 0 || a->since.modseq ||
        !list_has(a->uids, a->uids_count, e->uid))
        return true;
    if (!a->st.silent && !list_has(c->told, c->told_count, e->uid))
        return check_fault(c, "STORE without its FETCH, for one that is gone", e->uid, 0);
    e->flags = flags_after(e->flags, (int)a->st.how, a->st.flags & FLAG_ALL);
    if (a->st.silent)
        e->told = flags_after(e->told, (int)a->st.how, a->st.flags & FLAG_ALL);
    return true;
}

/* After the sync the client knows what it must. */
static bool check_view(check *c)
{
    viewer *v = c->v;
    act *a = c->a;
    if (viewer_dead(&c->j->w, v)) /* deleted since the engine looked: the next command ends with BYE */
        return true;
    believe(c);
    if (!a->hold)
        for (size_t i = 0; i < v->count; i++)
            if (check_gone(c, &v->at[i]))
                return check_fault(c, "a removal was not told", v->at[i].uid, 0);
    if (c->recent_owed && !v->rev2)
        return check_fault(c, "RECENT was not told", check_recent_count(v), 0);
    if (check_add_new(c, false))
        return check_fault(c, "new messages were not told", check_add_new(c, false), 0);
    for (size_t i = 0; i < v->count; i++) {
        entry *e = &v->at[i];
        const message *m = messages_find(&a->target, e->uid);
        if (!m && !check_stored_ghost(c, e))
            return false;
        if (!m)
            continue;
        bool silent = a->st.op == OP_STORE && a->st.silent && list_has(a->uids, a->uids_count, e->uid);
        bool own = ((a->st.op == OP_STORE && !a->st.silent) ||
                    (a->st.op == OP_FETCH && a->st.items & ITEM_BODY && !v->readonly && !(e->flags & FLAG_SEEN))) &&
                   list_has(a->uids, a->uids_count, e->uid);
        if (!own && !check_wants_flags(c) && e->told != m->flags)
            e->known = false;
        if (m->flags != e->flags && !silent && (own || check_wants_flags(c)) &&
            !list_has(c->told, c->told_count, e->uid))
            return check_fault(c, "changed flags were not told", e->uid, m->flags);
        if (e->known && e->told != m->flags)
            return check_fault(c, "the client must think wrong of the flags of", e->uid, m->flags);
        if (a->st.op == OP_STORE && !a->st.silent && !strcmp(a->want, "OK") &&
            list_has(a->uids, a->uids_count, e->uid) && !list_has(c->told, c->told_count, e->uid))
            return check_fault(c, "STORE without its FETCH", e->uid, 0);
        e->flags = m->flags;
        e->stamp = m->stamp;
        e->recent |= !v->rev2 && a->recent_first && e->uid >= a->recent_first;
    }
    v->seen_stamp = a->target_stamp;
    v->notify.recent_first = 0;
    return context_settle(c);
}

/* As check_view, but NOTIFY may want no news of the selected mailbox: then its view moves only with what the client has
 * changed itself. */
static bool check_sync(check *c)
{
    const act *a = c->a;
    bool bad = a->want && *a->want == 'B'; /* has changed nothing */
    bool moves = (!bad && (c->moves || a->touched)) || a->st.op == OP_NOTIFY;
    if (!viewer_quiet(c->v) || moves || viewer_dead(&c->j->w, c->v))
        return check_view(c);
    if (c->news)
        return check_fault(c, "news that NOTIFY has turned off", 0, 0);
    for (size_t i = 0; a->st.op == OP_STORE && !a->st.silent && !strcmp(a->want, "OK") && i < a->uids_count; i++)
        if (messages_find(&c->a->target, a->uids[i]) && !list_has(c->told, c->told_count, a->uids[i]))
            return check_fault(c, "STORE without its FETCH", a->uids[i], 0);
    return true;
}

static bool has_ghosts(const check *c)
{
    for (size_t i = 0; i < c->v->count; i++)
        if (check_gone(c, &c->v->at[i]))
            return true;
    return false;
}

static bool check_modified(check *c, const reply *r)
{
    uint32_t *list = c->j->numbers + REPLY_NUMBERS;
    size_t count = 0;
    const act *a = c->a;
    if (a->st.op != OP_STORE || !reply_set(r->argument, strlen(r->argument), list, &count) || count != a->refused_count)
        return check_fault(c, "MODIFIED names so many", count, a->refused_count);
    for (size_t i = 0; i < count; i++) {
        const entry *e = viewer_find(c->v, a->refused[i]);
        uint32_t want = a->st.uid || !e ? a->refused[i] : (uint32_t)(e - c->v->at) + 1;
        if (list[i] != want)
            return check_fault(c, "MODIFIED names", list[i], want);
        if (!list_has(c->told, c->told_count, a->refused[i]))
            return check_fault(c, "MODIFIED without a FETCH", a->refused[i], 0);
    }
    return true;
}

static bool check_code(check *c, const reply *r)
{
    const act *a = c->a;
    bool ok = !strcmp(r->state, "OK"), placed = ok && a->placed && (a->st.op == OP_COPY || a->st.op == OP_APPEND);
    bool quiet = viewer_quiet(c->v), ghosts = !quiet && c->v->selected && a->syncs && !a->dead && has_ghosts(c);
    if (c->v->uidonly && c->v->selected && a->want && *a->want == 'B')
        return !strcmp(r->code, "UIDREQUIRED") ||
               (a->st.ret & (RETURN_PARTIAL | RETURN_UPDATE | (a->st.op == OP_ESEARCH ? RETURN_SAVE : 0))) ||
               check_fault(c, "no UIDREQUIRED", 0, 0);
    if (a->refused_count || !strcmp(r->code, "MODIFIED"))
        return !strcmp(r->code, "MODIFIED") ? check_modified(c, r) : check_fault(c, "no MODIFIED", a->refused_count, 0);
    if (placed)
        return strcmp(r->code, a->st.op == OP_COPY ? "COPYUID" : "APPENDUID")
                   ? check_fault(c, "no COPYUID or APPENDUID", a->placed, 0)
                   : placed_code(c, r);
    if (!ok && (a->st.op == OP_COPY || a->st.op == OP_MOVE || a->st.op == OP_APPEND) && !strcmp(r->state, "NO") &&
        !a->dead && strcmp(r->code, "TRYCREATE") != 0 && !(a->bad_url && !strcmp(r->code, "BADURL")) && !c->v->readonly)
        return check_fault(c, "no TRYCREATE", 0, 0);
    if (check_opens(a) && ok)
        return !strcmp(r->code, a->st.op == OP_SELECT ? "READ-WRITE" : "READ-ONLY") ||
               check_fault(c, "READ-WRITE or READ-ONLY", 0, 0);
    if (!strcmp(r->code, "HIGHESTMODSEQ"))
        c->v->highest = strtoull(r->argument, NULL, 10);
    if (ok && ghosts && strcmp(r->code, "EXPUNGEISSUED") != 0)
        return check_fault(c, "no EXPUNGEISSUED", 0, 0);
    if (!ghosts && !quiet && !strcmp(r->code, "EXPUNGEISSUED"))
        return check_fault(c, "EXPUNGEISSUED for nothing", 0, 0);
    return true;
}

static void save_result(check *c)
{
    act *a = c->a;
    viewer *v = c->v;
    if ((a->st.op != OP_SEARCH && a->st.op != OP_SORT && a->st.op != OP_ESEARCH) || !(a->st.ret & RETURN_SAVE))
        return;
    bool ends = !(a->st.ret & (RETURN_ALL | RETURN_COUNT)) && a->st.ret & (RETURN_MIN | RETURN_MAX | RETURN_PARTIAL);
    /* RFC 5182 section 2.1, RFC 9394 section 3.2 */
    size_t first = 0, last = 0;
    if (a->st.ret & RETURN_PARTIAL && !act_partial(a, &first, &last))
        first = last = 0;
    v->saved_count = 0;
    for (size_t i = 0; i < a->uids_count; i++) {
        bool edge = (i == 0 && a->st.ret & RETURN_MIN) || (i + 1 == a->uids_count && a->st.ret & RETURN_MAX);
        edge |= i >= first && i < last;
        if (!ends || edge)
            v->saved[v->saved_count++] = a->uids[i];
    }
}

static bool check_results(check *c)
{
    const act *a = c->a;
    if (a->st.op == OP_FETCH && !a->since.modseq && c->next != a->uids_count)
        return check_fault(c, "FETCH left out messages", c->next, a->uids_count);
    if (((a->st.op == OP_SEARCH || a->st.op == OP_SORT) && !c->result_said && !saves_only(a)) ||
        ((a->st.op == OP_STATUS || a->st.op == OP_THREAD) && !c->result_said))
        return check_fault(c, "no result", 0, 0);
    for (unsigned i = 0; a->st.op == OP_ESEARCH && !saves_only(a) && i < WORLD_BOXES; i++)
        if (a->multi[i].due && a->multi[i].count)
            return check_fault(c, "no ESEARCH of a mailbox", i, a->multi[i].count);
    if (a->st.op == OP_LIST && !list_end(c))
        return false;
    if (a->unfollowed && !c->refusal_said)
        return check_fault(c, "no NOUPDATE", c->v->contexts_count, 0);
    if ((a->st.op == OP_MOVE || a->st.op == OP_REPLACE) && a->placed && !c->moved)
        return check_fault(c, "MOVE or REPLACE without COPYUID or APPENDUID", a->placed, 0);
    return true;
}

/* ENABLE, UNSELECT and their like. */
static bool follow(check *c, bool ok)
{
    viewer *v = c->v;
    const act *a = c->a;
    if (check_opens(a) && !ok)
        viewer_unselect(v);
    if ((a->st.op == OP_UNSELECT || a->st.op == OP_CLOSE) && ok)
        viewer_unselect(v);
    return true;
}

static bool check_tagged(check *c, const reply *r)
{
    act *a = c->a;
    bool ok = !strcmp(r->state, "OK");
    if (strcmp(r->tag, a->tag) != 0)
        return judge_fault(c->j, "session %u: reply to %s instead of %s", c->n, r->tag, a->tag);
    if (a->dead)
        return true; /* whatever it was; BYE follows */
    if (a->want && strcmp(r->state, a->want) != 0)
        return judge_fault(c->j, "session %u %s: %s instead of %s", c->n, a->tag, r->state, a->want);
    if (ok && a->st.op == OP_FETCH && a->since.modseq && !check_left_out(c, c->next, a->uids_count))
        return false;
    if (c->v->selected && a->syncs && !check_sync(c))
        return false;
    if (!check_code(c, r))
        return false;
    if (ok && !check_results(c))
        return false;
    if (check_opens(a) && ok && !select_end(c))
        return false;
    if (a->st.op == OP_NOTIFY && !watch_begun(c))
        return false;
    if (ok)
        save_result(c);
    return follow(c, ok);
}

/* The mailbox of this session was deleted: nothing is compared but that the connection ends. */
static bool read_to_end(check *c, size_t *at, reply *r)
{
    text *said = &c->j->r.sessions[c->n].said;
    const char *why;
    long size;
    bool bye = false;
    while (*at < said->size && (size = reply_read(said->data + *at, said->size - *at, r, &why)) > 0) {
        bye |= r->kind == REPLY_BYE;
        *at += (size_t)size;
    }
    if (c->v->notify.set)
        watch_unsure(&c->j->w, c->v);
    return bye || c->v->notify.set || check_fault(c, "no BYE though the mailbox was deleted", 0, 0);
}

/* The client may change the selected mailbox with it. */
static bool may_change(check *c)
{
    const act *a = c->a;
    for (size_t i = 0; a->st.op == OP_FETCH && a->st.items & ITEM_BODY && !c->v->readonly && i < a->uids_count; i++) {
        const entry *e = viewer_find(c->v, a->uids[i]);
        if (e && !(e->flags & FLAG_SEEN)) /* it sets \Seen, if nobody has done so */
            return true;
    }
    return a->st.op == OP_STORE || a->st.op == OP_MOVE || a->st.op == OP_EXPUNGE || a->st.op == OP_REPLACE;
}

/* What a command brings about before its replies are read. */
static void expect(check *c)
{
    act *a = c->a;
    viewer *v = c->v;
    c->before = v->seen_stamp;
    c->moves = may_change(c);
    if (check_opens(a)) {
        v->generation = c->j->w.boxes[a->st.box].generation;
        if (a->st.resync && !strcmp(a->want, "OK"))
            v->condstore = true;
        if (!strcmp(a->want, "NO"))
            viewer_unselect(v);
        v->saved_count = v->contexts_count = 0;
    }
    if (v->selected && a->want && !strcmp(a->want, "OK") &&
        ((a->st.op == OP_FETCH && (a->st.items & ITEM_MODSEQ || a->since.modseq)) ||
         ((a->st.op == OP_STORE || a->st.op == OP_SEARCH || a->st.op == OP_SORT) && a->since.modseq)))
        v->condstore = true;
    if (a->st.op == OP_NOTIFY)
        watch_begin(c);
    if (a->follows && (saves_only(a) || a->st.op == OP_ESEARCH) && !strcmp(a->want, "OK"))
        v->contexts_count++;
    if (a->st.op == OP_CANCEL && !strcmp(a->want, "OK"))
        context_cancel(c);
    if (a->st.op == OP_ENABLE) {
        v->condstore |= a->st.resync < 3;
        v->qresync |= a->st.resync == 2;
        v->rev2 |= a->st.resync == 3;
        v->uidonly |= a->st.resync == 4;
        if (a->st.resync == 3)
            context_no_recent(v);
        if (a->st.resync == 4)
            context_end_numbers(v);
        for (size_t i = 0; v->rev2 && i < v->count; i++)
            v->at[i].recent = false;
    }
}

bool act_check(judge *j, act *a, unsigned n)
{
    check *c = &(check){.j = j, .a = a, .v = &j->w.viewers[n], .n = n};
    text *said = &j->r.sessions[n].said;
    reply r = {.numbers = j->numbers};
    const char *why = "";
    size_t at = 0;
    bool done = false, good = true;
    expect(c);
    while (good && !done) {
        long size = reply_read(said->data + at, said->size - at, &r, &why);
        if (size == 0)
            return judge_fault(j, "session %u %s: no reply", n, a->tag);
        if (size < 0)
            return judge_fault(j, "session %u %s: %s: %.200s", n, a->tag, why, text_str(said) + at);
        at += (size_t)size;
        j->replies++;
        done = r.kind == REPLY_TAGGED;
        if (a->dead && !done)
            continue;
        good = done ? check_tagged(c, &r) : check_untagged(c, &r);
    }
    if (good && a->dead)
        good = read_to_end(c, &at, &r);
    text_drop(said, at);
    return good;
}

static bool news_check(judge *j, act *a, unsigned n)
{
    check *c = &(check){.j = j, .a = a, .v = &j->w.viewers[n], .n = n};
    text *said = &j->r.sessions[n].said;
    reply r = {.numbers = j->numbers};
    const char *why;
    size_t at = 0;
    long size;
    bool good = true;
    act_look(j, a, n);
    if (a->dead) {
        good = read_to_end(c, &at, &r);
        text_drop(said, at);
        return good;
    }
    while (good && (size = reply_read(said->data + at, said->size - at, &r, &why)) != 0) {
        if (size < 0)
            return judge_fault(j, "session %u idling: %s: %.200s", n, why, text_str(said) + at);
        at += (size_t)size;
        j->replies++;
        good = r.kind == REPLY_TAGGED ? check_fault(c, "tagged reply in IDLE", 0, 0) : check_untagged(c, &r);
    }
    text_drop(said, at);
    bool stays = viewer_quiet(c->v) || (a->hold && !j->saw[n] && !j->saw_news[n]);
    if (good && stays && c->news)
        good = check_fault(c, "news that NOTIFY has turned off", 0, 0);
    if (good && c->v->selected && !stays)
        good = check_view(c);
    return good && (!c->v->notify.set || watch_settle(c));
}

bool idle_check(judge *j, act *a, unsigned n)
{
    return news_check(j, a, n);
}

bool watch_check(judge *j, act *a, unsigned n)
{
    memset(a, 0, sizeof *a);
    a->st.op = OP_IDLE;
    a->syncs = true;
    a->want = "OK";
    a->hold = !viewer_prompt(&j->w.viewers[n]); /* section 6.1.2 */
    snprintf(a->tag, sizeof a->tag, "(news)");
    return news_check(j, a, n);
}
