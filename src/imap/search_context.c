/* search_context.c - see search_context.h
 * SPDX-License-Identifier: MIT
 *
 * What the client was told is taken over into the set at once, so an update that stops halfway goes on by comparing
 * again. */
#include "imap/search_context.h"

#include "base/memory.h"
#include "imap/search_return.h"
#include "imap/search_sets.h"

typedef struct search_context {
    struct search_context *next;
    ll_span tag;
    bool uid;
    arena memory;
    search_keys keys;
    uidset *members; /* as the client knows them */
} search_context;

bool search_context_known(const ll_session *s, ll_span tag)
{
    for (const search_context *x = s->contexts; x; x = x->next)
        if (span_equal(x->tag, tag))
            return true;
    return false;
}

static void del(ll_session *s, search_context *x)
{
    uidset_del(&x->members);
    arena_fini(&x->memory);
    memory_free(s->allocator, x);
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

/* Its keys, parsed once more into memory of its own, with the sets of numbers as they are now: "evaluated at the time
 * the command is received". */
static ll_status take_keys(search_context *x, ll_session *s, const command *c, size_t at)
{
    lexer in;
    ll_span criteria = arena_copy(&x->memory, span_from(s->command_text, at));
    x->tag = arena_copy(&x->memory, c->tag);
    x->uid = c->uid;
    if (arena_status(&x->memory))
        return arena_status(&x->memory);
    lexer_init(&in, criteria, &x->memory, (unsigned)s->limits.depth);
    ll_status status = search_keys_parse(&x->keys, &in, s->limits.search_keys, s->limits.set_ranges);
    return status ? status : search_sets_bind(&x->keys, &s->snap, &x->memory);
}

ll_status search_context_add(ll_session *s, const command *c, size_t at, const search_keys *keys, const uidset *found)
{
    size_t count = 0;
    if (keys->rows || keys->fuzzy)
        return LL_EUNSUPPORTED;
    for (const search_context *x = s->contexts; x; x = x->next)
        count++;
    if (count >= search_contexts_max)
        return LL_ELIMIT;
    search_context *x = memory_new(s->allocator, sizeof *x);
    if (!x)
        return LL_ENOMEM;
    arena_init(&x->memory, s->allocator, search_context_memory);
    x->members = uidset_copy(found);
    ll_status status = x->members ? take_keys(x, s, c, at) : LL_ENOMEM;
    if (status) {
        del(s, x);
        return status;
    }
    x->next = s->contexts;
    s->contexts = x;
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

ll_status search_context_say_gone(ll_session *s)
{
    ll_status status = LL_OK;
    for (search_context *x = s->contexts; x && !status; x = x->next)
        status = say_difference(s, x, "REMOVEFROM", view_uids(s->snap.view), false);
    return status;
}

/* Flags and keywords are bound to a view, UIDs to the last one that there is; numbers and "$" stay what they were. */
static ll_status bind_again(search_context *x, const snapshot *snap, arena *memory)
{
    for (size_t i = 0; i < x->keys.leaves_count; i++) {
        search_key *leaf = x->keys.leaves[i];
        if (leaf->kind == SEARCH_SET || (leaf->kind == SEARCH_UID_SET && leaf->set.saved))
            continue;
        ll_status status = search_sets_bind_leaf(leaf, snap, memory);
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status compare(ll_session *s, search_context *x)
{
    arena memory;
    uidset *may = NULL, *must = NULL;
    arena_init(&memory, s->allocator, search_context_memory);
    ll_status status = bind_again(x, &s->snap, &memory);
    if (!status)
        status = search_sets_bounds(&x->keys, &s->snap, &may, &must);
    if (!status) {
        uidset_and(must, view_uids(s->snap.view)); /* what is held back was said to be gone already */
        status = say_difference(s, x, "REMOVEFROM", must, false);
    }
    if (!status)
        status = say_difference(s, x, "ADDTO", must, true);
    uidset_del(&may);
    uidset_del(&must);
    arena_fini(&memory);
    return status;
}

ll_status search_context_say_changed(ll_session *s)
{
    ll_status status = LL_OK;
    for (search_context *x = s->contexts; x && !status; x = x->next)
        status = compare(s, x);
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
