/* search_context.c - see search_context.h
 * SPDX-License-Identifier: MIT
 *
 * What the client was told is taken over into the set (and the sequence) at once, so an update that stops halfway goes
 * on by comparing again. */
#include "imap/search_context.h"

#include "base/memory.h"
#include "imap/new_messages.h"
#include "imap/search_ask.h"
#include "imap/search_context_order.h"
#include "imap/search_filter.h"
#include "imap/search_match.h"
#include "imap/search_return.h"
#include "imap/search_sets.h"

typedef struct search_context {
    struct search_context *next;
    ll_span tag;
    bool uid;
    arena memory;
    search_keys keys;
    uidset *members; /* as the client knows them */

    /* if rows or content decide */
    search_known known;
    search_match match;
    rows *rows; /* being read: in the command's memory, as the connector works on it; NULL: nothing */
    size_t at;
    bool begun;
    bool asked;    /* in this sync: what is open still is left to the next one */
    bool given_up; /* a pattern takes too long for one of the new messages */
    arena bound;   /* what the leaves are bound to in this sync */

    search_order order; /* SORT */

    fetch_items *items;    /* NULL: nothing is to be said of new members */
    uint32_t told_uidnext; /* messages below it are not new */
    new_messages *fetch;   /* being said; NULL: nothing */
    bool fetched;          /* in this sync: all is said */
} search_context;

bool search_context_known(const ll_session *s, ll_span tag)
{
    for (const search_context *x = s->contexts; x; x = x->next)
        if (span_equal(x->tag, tag))
            return true;
    return false;
}

static void stop(search_context *x)
{
    if (x->rows)
        rows_fini(x->rows);
    x->rows = NULL;
    if (x->fetch)
        new_messages_fini(x->fetch);
    x->fetch = NULL;
    x->begun = x->asked = x->fetched = false;
    search_order_stop(&x->order);
    arena_fini(&x->bound);
}

static void del(ll_session *s, search_context *x)
{
    stop(x);
    uidset_del(&x->members);
    search_match_fini(&x->match);
    search_known_fini(&x->known);
    search_order_fini(&x->order);
    arena_fini(&x->memory);
    memory_free(s->allocator, x);
}

void search_context_stop(ll_session *s)
{
    for (search_context *x = s->contexts; x; x = x->next)
        stop(x);
}

void search_context_drop(ll_session *s, ll_span tag)
{
    for (search_context **at = &s->contexts; *at;) {
        search_context *x = *at;
        if (tag.data && !span_equal(x->tag, tag)) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        del(s, x);
    }
}

void search_context_drop_numbers(ll_session *s)
{
    for (search_context **at = &s->contexts; *at;) {
        search_context *x = *at;
        if (x->uid) {
            at = &x->next;
            continue;
        }
        *at = x->next;
        del(s, x);
    }
}

/* --- keeping --- */

ll_status search_context_before(const ll_session *s, unsigned want, uidset **before)
{
    if (!(want & SEARCH_RETURN_SAVE) || !(want & SEARCH_RETURN_UPDATE))
        return LL_OK;
    uidset_del(before);
    *before = s->snap.saved ? uidset_copy(s->snap.saved) : uidset_new();
    return *before ? LL_OK : LL_ENOMEM;
}

static ll_status parse_keys(search_context *x, ll_session *s, lexer *in, bool sorted)
{
    return sorted ? search_criteria_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges)
                  : search_keys_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
}

/* Its keys, parsed once more into memory of its own, with the sets of numbers as they are now: "evaluated at the time
 * the command is received". */
static ll_status take_keys(search_context *x, ll_session *s, const command *c, const search_context_seed *seed)
{
    lexer in;
    ll_span criteria = arena_copy(&x->memory, span_from(s->command_text, seed->criteria_at));
    x->tag = arena_copy(&x->memory, c->tag);
    x->uid = c->uid || seed->uid;
    if (arena_status(&x->memory))
        return arena_status(&x->memory);
    lexer_init(&in, criteria, &x->memory, (unsigned)s->limits.depth);
    ll_status status = parse_keys(x, s, &in, seed->criteria);
    if (!status)
        status = search_filter_repeat(&x->keys, seed->keys, s, &x->memory);
    x->keys.now = seed->keys->now;
    if (status)
        return status;
    uidset *saved = s->snap.saved;
    s->snap.saved = seed->before ? seed->before : saved;
    status = search_sets_bind(&x->keys, &s->snap, &x->memory);
    s->snap.saved = saved;
    return status;
}

/* In memory of its own too. */
static ll_status take_items(search_context *x, ll_session *s, const search_context_seed *seed)
{
    lexer in;
    x->told_uidnext = ll_view_uidnext(s->snap.view);
    if (!seed->items.data)
        return LL_OK;
    ll_span items = arena_copy(&x->memory, seed->items);
    x->items = arena_new(&x->memory, sizeof *x->items);
    if (!items.data || !x->items)
        return arena_status(&x->memory);
    lexer_init(&in, items, &x->memory, (unsigned)s->limits.depth);
    return new_messages_parse(s, x->items, &in, x->uid); /* RFC 9051 section 6.4.9: UID for what UID commands bring */
}

static ll_status take_known(search_context *x, ll_session *s, const search_context_seed *seed)
{
    ll_status status = search_known_absorb(seed->known, seed->keys, &s->snap);
    if (!status)
        status = search_match_init(&x->match, s, &x->keys, &x->memory);
    if (status)
        return status;
    x->known = *seed->known;
    *seed->known = (search_known){.yes = NULL};
    search_known_lend(&x->known, &x->keys);
    return LL_OK;
}

/* LL_OK: it can be kept. */
static ll_status check(const ll_session *s, const search_context_seed *seed)
{
    size_t count = 0, sorted = 0;
    if (seed->keys->modseq || (seed->criteria && seed->criteria->relevancy))
        return LL_EUNSUPPORTED;
    for (const search_context *x = s->contexts; x; x = x->next) {
        count++;
        sorted += search_order_used(&x->order);
    }
    if (count >= search_contexts_max || (seed->keys->rows && seed->keys->leaves_count > search_context_leaves_max))
        return LL_ELIMIT;
    return seed->criteria && (sorted >= search_contexts_sorted_max || seed->table->count > search_context_sorted_max)
               ? LL_ELIMIT
               : LL_OK;
}

ll_status search_context_add(ll_session *s, const command *c, const search_context_seed *seed)
{
    ll_status status = check(s, seed);
    if (status)
        return status;
    search_context *x = memory_new(s->allocator, sizeof *x);
    if (!x)
        return LL_ENOMEM;
    arena_init(&x->memory, s->allocator, search_context_memory);
    arena_init(&x->bound, s->allocator, search_context_memory);
    x->members = uidset_copy(seed->found);
    status = x->members ? take_keys(x, s, c, seed) : LL_ENOMEM;
    if (!status)
        status = take_items(x, s, seed);
    if (!status && x->keys.rows)
        status = take_known(x, s, seed);
    if (!status && seed->criteria)
        status = search_order_init(&x->order, s, seed->criteria, seed->table, seed->order);
    if (status) {
        del(s, x);
        return status;
    }
    x->next = s->contexts;
    s->contexts = x;
    return LL_OK;
}

ll_status search_context_keep(ll_session *s, const command *c, const search_context_seed *seed)
{
    ll_status status = search_context_add(s, c, seed);
    if (status != LL_EUNSUPPORTED && status != LL_ELIMIT)
        return status;
    session_say(s, "* NO [NOUPDATE \"%.*s\"] %s\r\n", SPAN_PRINT(c->tag),
                status == LL_ELIMIT ? "Too many contexts" : "This cannot be followed");
    return LL_OK;
}

/* --- telling --- */

/* The first ranges of a set, as many as one response may have; the others are removed. */
static ll_status shorten(uidset *set)
{
    ll_range range;
    uidset_walk *walk = uidset_walk_new(set, 1);
    if (!walk)
        return LL_ENOMEM;
    unsigned count = 0;
    uint32_t last = 0;
    while (count++ < search_context_update_ranges && uidset_walk_range(walk, UINT32_MAX, &range))
        last = range.last;
    uidset_walk_del(&walk);
    if (last < UINT32_MAX)
        uidset_remove_range(set, (ll_range){last + 1, UINT32_MAX});
    return LL_OK;
}

/* "(0 set)": in mailbox order, so no positions are needed (RFC 5267 sections 4.3.3 and 4.3.4). The set is consumed. */
static ll_status say(ll_session *s, search_context *x, const char *what, uidset *set)
{
    search_writer w = {.phase = 0};
    ll_status status = shorten(set);
    if (status)
        return status;
    session_say(s, "* ESEARCH (TAG \"%.*s\")%s %s (0 ", SPAN_PRINT(x->tag), x->uid ? " UID" : "", what);
    search_result result = {.set = set, .count = uidset_count(set)};
    status = search_writer_set(&w, s, &result, x->uid);
    search_writer_fini(&w);
    session_add(s, SPAN(")\r\n"));
    uidset_xor(x->members, set); /* it was all in there, or none of it */
    return status;
}

/* The messages of `from` that are not in `without`; NULL: out of memory. */
static uidset *difference(const uidset *from, const uidset *without)
{
    uidset *set = uidset_copy(from);
    if (set)
        uidset_andnot(set, without);
    return set;
}

/* Say how `from` is more than `without`, in several responses if need be. */
static ll_status say_difference(ll_session *s, search_context *x, const char *what, const uidset *wanted, bool added)
{
    for (;;) {
        uidset *set = added ? difference(wanted, x->members) : difference(x->members, wanted);
        if (!set)
            return LL_ENOMEM;
        bool none = uidset_empty(set);
        ll_status status = none ? LL_OK : session_full(s) ? LL_MORE : say(s, x, what, set);
        uidset_del(&set);
        if (none || status)
            return status;
    }
}

static ll_status say_removed(ll_session *s, search_context *x, const uidset *wanted)
{
    if (search_order_used(&x->order))
        return search_order_remove(&x->order, s, x->tag, x->uid, wanted, x->members);
    return say_difference(s, x, "REMOVEFROM", wanted, false);
}

static ll_status say_added(ll_session *s, search_context *x, const uidset *wanted)
{
    if (!search_order_used(&x->order))
        return say_difference(s, x, "ADDTO", wanted, true);
    uidset *more = difference(wanted, x->members);
    ll_status status = more ? search_order_add(&x->order, s, x->tag, x->uid, more, x->members) : LL_ENOMEM;
    uidset_del(&more);
    return status;
}

ll_status search_context_say_gone(ll_session *s)
{
    ll_status status = LL_OK;
    for (search_context *x = s->contexts; x && !status; x = x->next)
        status = say_removed(s, x, view_uids(s->snap.view));
    return status;
}

/* Flags and keywords are bound to a view, UIDs to the last one that there is; numbers and "$" stay what they were. */
static ll_status bind_again(search_context *x, const snapshot *snap)
{
    arena_fini(&x->bound);
    for (size_t i = 0; i < x->keys.leaves_count; i++) {
        search_key *leaf = x->keys.leaves[i];
        if (leaf->kind == SEARCH_SET || (leaf->kind == SEARCH_UID_SET && leaf->set.saved))
            continue;
        ll_status status = search_sets_bind_leaf(leaf, snap, &x->bound);
        if (status)
            return status;
    }
    return LL_OK;
}

/* *wanted: those that match for certain; *open: those that must be read for it. */
static ll_status bounds(ll_session *s, search_context *x, uidset **wanted, uidset **open)
{
    ll_status status = bind_again(x, &s->snap);
    if (!status)
        status = search_sets_bounds(&x->keys, &s->snap, open, wanted);
    if (status)
        return status;
    uidset_and(*wanted, view_uids(s->snap.view)); /* what is held back was said to be gone already */
    uidset_and(*open, view_uids(s->snap.view));
    uidset_andnot(*open, *wanted);
    if (x->known.lost) {
        uidset_andnot(*open, x->known.lost);
        uidset_andnot(*wanted, x->known.lost);
    }
    return LL_OK;
}

/* --- reading --- */

static ll_status begin_rows(ll_session *s, search_context *x, uidset *open)
{
    command *c = &s->command;
    if (!c->context_rows)
        c->context_rows = arena_new(&c->memory, sizeof *c->context_rows);
    if (!c->context_rows) {
        uidset_del(&open);
        return LL_ENOMEM;
    }
    x->rows = c->context_rows;
    x->at = 0;
    bool needed;
    unsigned want = search_ask_want(&x->keys, open, &needed);
    rows_init(x->rows, s, open, true, want);
    if (x->keys.budget)
        regex_budget_init(x->keys.budget); /* of this sync */
    return LL_OK;
}

static ll_status match_batch(ll_session *s, search_context *x)
{
    for (; x->at < x->rows->count; x->at++) {
        const ll_row *row = &x->rows->rows[x->at];
        bool matches;
        if (!x->begun)
            search_match_begin(&x->match, row);
        x->begun = true;
        ll_status status = search_match_step(&x->match, &matches);
        if (status)
            return status;
        x->begun = false;
        if (x->keys.budget && x->keys.budget->spent)
            return LL_ELIMIT;
        status = search_known_learn(&x->known, &x->keys, row->uid, x->match.lost_now);
        search_known_lend(&x->known, &x->keys); /* the first one makes a set */
        if (status)
            return status;
        if (search_keys_tired(&x->keys) && session_yield(s)) {
            x->at++;
            return LL_MORE;
        }
    }
    return LL_OK;
}

/* Read on. LL_OK: all that was open has been read, or cannot be read now. */
static ll_status read_open(ll_session *s, search_context *x)
{
    ll_status status = LL_OK;
    while (!status) {
        status = match_batch(s, x);
        if (status == LL_ELIMIT) {
            x->given_up = true;
            break;
        }
        if (status)
            return status;
        status = rows_next(x->rows);
        x->at = status ? x->at : 0;
        if (status == LL_LATER || status == LL_ENOMEM)
            return status;
        if (status || !x->rows->count)
            break;
        if (session_yield(s))
            return LL_MORE;
    }
    rows_fini(x->rows);
    x->rows = NULL;
    x->asked = true;
    return LL_OK;
}

/* --- telling what is in the new ones --- */

static ll_status begin_fetch(ll_session *s, search_context *x, const uidset *wanted)
{
    command *c = &s->command;
    uidset *set = difference(wanted, x->members);
    if (!set)
        return LL_ENOMEM;
    if (x->told_uidnext > 1)
        uidset_remove_range(set, (ll_range){1, x->told_uidnext - 1});
    if (!c->context_fetch)
        c->context_fetch = arena_new(&c->memory, sizeof *x->fetch);
    if (uidset_empty(set) || !c->context_fetch) {
        x->fetched = uidset_empty(set);
        uidset_del(&set);
        return x->fetched ? LL_OK : LL_ENOMEM;
    }
    ll_status status = new_messages_init(c->context_fetch, s, set, x->items, &x->memory);
    if (!status)
        x->fetch = c->context_fetch;
    return status;
}

static ll_status step_fetch(search_context *x)
{
    ll_status status = x->fetch ? new_messages_step(x->fetch) : LL_OK;
    if (status || !x->fetch)
        return status;
    new_messages_fini(x->fetch);
    x->fetch = NULL;
    x->fetched = true;
    return LL_OK;
}

/* Before their ADDTO. */
static ll_status say_new(ll_session *s, search_context *x, const uidset *wanted)
{
    if (!x->items || x->fetched)
        return LL_OK;
    ll_status status = begin_fetch(s, x, wanted);
    return status ? status : step_fetch(x);
}

/* --- all of it --- */

static ll_status compare(ll_session *s, search_context *x)
{
    uidset *wanted = NULL, *open = NULL;
    ll_status status = step_fetch(x);
    if (!status && x->rows)
        status = read_open(s, x);
    if (!status)
        status = bounds(s, x, &wanted, &open);
    if (!status && !x->asked && !x->given_up && !uidset_empty(open)) {
        status = begin_rows(s, x, open);
        open = NULL;
        if (!status)
            status = read_open(s, x);
        uidset_del(&wanted);
        if (!status)
            status = bounds(s, x, &wanted, &open);
    }
    if (!status)
        status = say_removed(s, x, wanted);
    if (!status)
        status = say_new(s, x, wanted);
    if (!status)
        status = say_added(s, x, wanted);
    if (!status)
        x->told_uidnext = ll_view_uidnext(s->snap.view);
    uidset_del(&open);
    uidset_del(&wanted);
    return status;
}

/* It cannot be followed any more. */
static void give_up(ll_session *s, search_context *x)
{
    search_context **at = &s->contexts;
    session_say(s, "* NO [NOUPDATE \"%.*s\"] It takes too much now\r\n", SPAN_PRINT(x->tag));
    while (*at != x)
        at = &(*at)->next;
    *at = x->next;
    del(s, x);
}

ll_status search_context_say_changed(ll_session *s)
{
    ll_status status = LL_OK;
    for (search_context *x = s->contexts, *next; x && !status; x = next) {
        next = x->next;
        status = compare(s, x);
        if (status == LL_ELIMIT || x->given_up) {
            give_up(s, x);
            status = LL_OK;
        }
    }
    return status;
}

/* --- CANCELUPDATE --- */

typedef struct cancel {
    ll_span *tags;
    size_t count;
} cancel;

ll_status parse_cancelupdate(ll_session *s, command *c, lexer *in)
{
    cancel *x = arena_new(&c->memory, sizeof *x);
    (void)s;
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    x->tags = arena_array(&c->memory, search_contexts_max, sizeof *x->tags);
    if (!x->tags)
        return arena_status(&c->memory);
    do {
        if (x->count == search_contexts_max)
            return LL_ELIMIT;
        if (!lexer_quoted(in, &x->tags[x->count++]))
            return LL_ESYNTAX;
    } while (lexer_space(in));
    return LL_OK;
}

ll_status run_cancelupdate(ll_session *s, command *c)
{
    const cancel *x = c->state;
    for (size_t i = 0; i < x->count; i++)
        if (x->tags[i].size)
            search_context_drop(s, x->tags[i]);
    c->text = "No further updates";
    return LL_OK;
}
