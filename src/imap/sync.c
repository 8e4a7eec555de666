/* sync.c - see sync.h
 * SPDX-License-Identifier: MIT
 *
 * The snapshot moves as a whole in sync_begin; what the client must hear of it is written after that, in order. Between
 * the two nothing else of the session runs. Until the removals have been said their messages are ghosts, so the
 * sequence numbers of EXPUNGE are taken from the snapshot as it stands: new messages come behind all that the client
 * knows and do not disturb them.
 *
 * With CONDSTORE each FETCH has the message's mod-sequence, which the view does not carry (it would cost every session
 * 8 bytes a message): the connector is asked for the rows of the few messages that have changed. */
#include "imap/sync.h"

#include "base/memory.h"
#include "imap/notify.h"
#include "imap/response.h"
#include "imap/search_context.h"
#include "imap/rows.h"

#include <inttypes.h>

enum {
    vanished_line = 400 /* ranges of one VANISHED line: under the 8,192 bytes of RFC 7162 section 4 */
};

typedef enum sync_phase { SYNC_EARLIER, SYNC_FLAGS, SYNC_EXPUNGE, SYNC_EXISTS, SYNC_FETCH, SYNC_END } sync_phase;

struct sync {
    sync_phase phase;
    bool expunge, grew, recent_fell, new_keywords, with_uid;
    uint32_t ghosts_left; /* those not yet said, the lowest */
    uint32_t vanished_from;
    uidset *fetch;   /* whose flags are to be said, before `rows` has it; NULL: none */
    uidset *bare;    /* of these only UID and MODSEQ; NULL: none */
    bool all_bare;   /* also those whose mod-sequence was known before */
    uidset *earlier; /* VANISHED (EARLIER); NULL: none */
    uint64_t before; /* mod-sequence of the last version */
    rows *rows;      /* in the command's memory, as the connector works on it */
    size_t at;
};

void sync_drop(ll_session *s)
{
    if (!s->sync)
        return;
    search_context_stop(s);
    uidset_del(&s->sync->fetch);
    uidset_del(&s->sync->bare);
    uidset_del(&s->sync->earlier);
    if (s->sync->rows)
        rows_fini(s->sync->rows);
    memory_free(s->allocator, s->sync);
    s->sync = NULL;
}

/* --- what has changed --- */

/* Add to `changed` where flag n differs. */
static ll_status add_difference(uidset *changed, const uidset *before, const uidset *after)
{
    if (before == after)
        return LL_OK;
    if (!before || !after) {
        uidset_or(changed, before ? before : after);
        return LL_OK;
    }
    uidset *difference = uidset_copy(before);
    if (!difference)
        return LL_ENOMEM;
    uidset_xor(difference, after);
    uidset_or(changed, difference);
    uidset_del(&difference);
    return LL_OK;
}

/* The flags that a silent STORE names, by their numbers in this view. */
static ll_flags named_flags(const command *c, const ll_view *view)
{
    ll_flags named = {{c->sync_silent_op.flags}};
    for (size_t i = 0; i < c->sync_silent_op.keywords_count; i++) {
        int number = ll_view_keyword_find(view, c->sync_silent_op.keywords[i]);
        if (number >= 0)
            ll_flags_add(&named, LL_FLAG_KEYWORD + (unsigned)number);
    }
    return named;
}

/* Where flag n is not as the client must think after its silent STORE: somebody else was at work too. */
static ll_status add_surprise(uidset *changed, const command *c, const uidset *before, const uidset *after, bool named)
{
    ll_flags_op op = c->sync_silent_op.op;
    uidset *wrong;
    if (named && op != LL_FLAGS_REMOVE)
        wrong = uidset_copy(c->sync_silent);
    else if (named || op == LL_FLAGS_REPLACE || !before)
        wrong = uidset_new();
    else
        wrong = uidset_copy(before);
    if (!wrong)
        return LL_ENOMEM;
    if (after)
        uidset_xor(wrong, after);
    uidset_and(wrong, c->sync_silent);
    uidset_or(changed, wrong);
    uidset_del(&wrong);
    return LL_OK;
}

/* Add where the flags of the views differ, and of the silent ones where they are not as the client thinks. */
static ll_status add_changes(uidset *changed, const command *c, const ll_view *before, const ll_view *after,
                             const uidset *silent)
{
    unsigned old = view_flags_count(before), new = view_flags_count(after), flags = new > old ? new : old;
    for (unsigned i = 0; i < flags; i++)
        if (add_difference(changed, view_flag(before, i), view_flag(after, i)))
            return LL_ENOMEM;
    if (!silent)
        return LL_OK;
    uidset_andnot(changed, silent);
    ll_flags named = named_flags(c, after);
    for (unsigned i = 0; i < flags; i++)
        if (add_surprise(changed, c, view_flag(before, i), view_flag(after, i), ll_flags_has(&named, i)))
            return LL_ENOMEM;
    return LL_OK;
}

/* The messages known to the client and still there whose flags are to be said. NULL: out of memory. */
static uidset *changed_flags(const ll_session *s, const ll_view *before, const ll_view *after, const uidset *force,
                             const uidset *silent)
{
    const command *c = &s->command;
    uidset *changed = uidset_new();
    if (!changed)
        return NULL;
    if (notify_wants_flags(s) && add_changes(changed, c, before, after, silent)) {
        uidset_del(&changed);
        return NULL;
    }
    if (force)
        uidset_or(changed, force);
    uidset_and(changed,
               view_uids(before)); /* a new message's flags are not news: the client has not asked for it yet */
    uidset_and(changed, view_uids(after));
    return changed;
}

static ll_status compare(ll_session *s, struct sync *sync, ll_view *after, const uidset *force, const uidset *silent)
{
    const ll_view *before = s->snap.view;
    sync->fetch = changed_flags(s, before, after, force, silent);
    if (!sync->fetch)
        return LL_ENOMEM;
    if (silent && s->enabled & SESSION_ENABLED_CONDSTORE) {
        sync->bare = uidset_copy(silent);
        if (!sync->bare)
            return LL_ENOMEM;
        uidset_and(sync->bare, view_uids(after));
        uidset_and(sync->bare, view_uids(before));
        uidset_andnot(sync->bare, sync->fetch);
        uidset_or(sync->fetch, sync->bare);
    }
    sync->before = ll_view_modseq(before);
    sync->phase = SYNC_FLAGS;
    sync->new_keywords = ll_view_keywords(after) > ll_view_keywords(before);
    const uidset *old = view_uids(before), *new = view_uids(after);
    sync->grew = old != new &&uidset_and_count(old, new) < uidset_count(new);
    return LL_OK;
}

/* The client's STORE named messages that went meanwhile and that it may not be told of yet. */
static ll_status store_ghosts(ll_session *s, struct sync *sync, const uidset *stored, bool silent)
{
    const command *c = &s->command;
    if (!c->sync_silent_op.given || s->outcome < 0 || !stored || sync->expunge || !snapshot_has_ghosts(&s->snap) ||
        c->sync_modseq)
        return LL_OK;
    uidset *set = uidset_copy(stored);
    if (!set)
        return LL_ENOMEM;
    uidset_and(set, s->snap.ghosts);
    ll_flags named = named_flags(c, s->snap.view);
    ll_status status = snapshot_store_ghosts(&s->snap, set, c->sync_silent_op.op, &named);
    if (!status && !silent)
        uidset_or(sync->fetch, set);
    uidset_del(&set);
    return status;
}

ll_status sync_begin(ll_session *s, bool expunge_allowed, const uidset *force, const uidset *silent, bool with_uid,
                     bool *nothing)
{
    uint32_t recent_first = 0;
    *nothing = true;
    sync_drop(s);
    s->notified = false; /* before looking: what comes later notifies again */
    ll_view *view = s->connector->latest(s->self, s->mailbox, &recent_first);
    if (!view || ll_view_uidvalidity(view) != ll_view_uidvalidity(s->snap.view)) {
        ll_view_unref(&view);
        return LL_ECLOSED;
    }
    if (s->recent_first && (!recent_first || s->recent_first < recent_first))
        recent_first = s->recent_first;
    s->recent_first = 0;
    if (s->enabled & SESSION_ENABLED_REV2) /* RFC 9051 knows no \Recent */
        recent_first = 0;
    bool bare = silent && s->enabled & SESSION_ENABLED_CONDSTORE;
    if (view == s->snap.view && !force && !bare && !((expunge_allowed || silent) && snapshot_has_ghosts(&s->snap))) {
        ll_view_unref(&view);
        return LL_OK;
    }
    struct sync *sync = memory_new(s->allocator, sizeof *sync);
    s->sync = sync;
    ll_status status = sync ? compare(s, sync, view, force, silent) : LL_ENOMEM;
    if (status) {
        ll_view_unref(&view);
        sync_drop(s);
        return status;
    }
    status = snapshot_advance(&s->snap, view, recent_first);
    if (status) {
        sync_drop(s);
        return status;
    }
    sync->with_uid = with_uid || s->enabled & SESSION_ENABLED_CONDSTORE; /* RFC 7162 section 3.2.4 */
    sync->expunge = expunge_allowed && snapshot_has_ghosts(&s->snap);
    sync->ghosts_left = sync->expunge ? uidset_count(s->snap.ghosts) : 0;
    sync->vanished_from = 1;
    *nothing = false;
    status = store_ghosts(s, sync, force ? force : silent, !force);
    if (status)
        sync_drop(s);
    return status;
}

bool sync_closed(ll_session *s)
{
    uint32_t recent_first = 0;
    ll_view *view = s->connector->latest(s->self, s->mailbox, &recent_first);
    bool closed = !view || ll_view_uidvalidity(view) != ll_view_uidvalidity(s->snap.view);
    if (recent_first && (!s->recent_first || recent_first < s->recent_first))
        s->recent_first = recent_first;
    ll_view_unref(&view);
    return closed;
}

void sync_all_modseqs(ll_session *s)
{
    s->sync->all_bare = true;
}

ll_status sync_begin_earlier(ll_session *s, uidset *vanished, uidset *changed)
{
    sync_drop(s);
    s->sync = memory_new(s->allocator, sizeof *s->sync);
    if (!s->sync) {
        uidset_del(&vanished);
        uidset_del(&changed);
        return LL_ENOMEM;
    }
    s->sync->phase = SYNC_EARLIER;
    s->sync->earlier = vanished;
    s->sync->fetch = changed;
    s->sync->with_uid = true;
    s->sync->vanished_from = 1;
    return LL_OK;
}

/* --- saying it --- */

ll_status session_say_vanished(ll_session *s, const uidset *uids, uint32_t *from, bool earlier)
{
    uidset_walk *walk = uidset_walk_new(uids, *from);
    ll_range range;
    if (!walk)
        return LL_ENOMEM;
    ll_status status = LL_OK;
    for (bool more = uidset_walk_range(walk, UINT32_MAX, &range); more;) {
        if (session_full(s)) {
            *from = range.first;
            status = LL_MORE;
            break;
        }
        session_add(s, earlier ? SPAN("* VANISHED (EARLIER) ") : SPAN("* VANISHED "));
        for (unsigned i = 0; more && i < vanished_line; i++) {
            session_say(s, range.first < range.last ? "%s%u:%u" : "%s%u", i ? "," : "", range.first, range.last);
            more = uidset_walk_range(walk, UINT32_MAX, &range);
        }
        session_add(s, SPAN("\r\n"));
    }
    uidset_walk_del(&walk);
    return status;
}

void sync_write_flags(ll_session *s, uint32_t uid)
{
    ll_flags flags;
    session_add(s, SPAN("FLAGS "));
    if (snapshot_flags(&s->snap, uid, &flags))
        response_flags(&s->output, s->snap.view, &flags, snapshot_recent(&s->snap, uid));
    else
        session_add(s, SPAN("()"));
}

static void say_keywords(ll_session *s)
{
    session_add(s, SPAN("* FLAGS "));
    response_flags_known(&s->output, s->snap.view, false);
    session_add(s, SPAN("\r\n* OK [PERMANENTFLAGS "));
    if (s->readonly)
        session_add(s, SPAN("()"));
    else
        response_flags_known(&s->output, s->snap.view, true);
    session_add(s, SPAN("] New keywords\r\n"));
}

/* From the highest number down, so that no number said before changes. */
static ll_status say_expunges(ll_session *s, struct sync *sync)
{
    const uidset *ghosts = s->snap.ghosts;
    if (sync->expunge && s->enabled & (SESSION_ENABLED_QRESYNC | SESSION_ENABLED_UIDONLY)) {
        ll_status status = session_say_vanished(s, ghosts, &sync->vanished_from, false);
        if (status)
            return status;
        sync->ghosts_left = 0;
    }
    while (sync->ghosts_left) {
        if (session_full(s))
            return LL_MORE;
        uint32_t uid = uidset_select(ghosts, sync->ghosts_left);
        session_say(s, "* %u EXPUNGE\r\n", snapshot_number(&s->snap, uid));
        sync->ghosts_left--;
    }
    uint32_t recent = snapshot_recent_count(&s->snap);
    if (sync->expunge)
        snapshot_tell_expunged(&s->snap);
    sync->recent_fell = snapshot_recent_count(&s->snap) < recent;
    return LL_OK;
}

static void say_fetch(ll_session *s, const struct sync *sync, const ll_row *row, uint64_t modseq)
{
    uint32_t number = snapshot_number(&s->snap, row->uid);
    const char *between = "";
    bool bare = sync->bare && uidset_has(sync->bare, row->uid), condstore = s->enabled & SESSION_ENABLED_CONDSTORE;
    if (!number || (bare && !sync->all_bare && modseq <= sync->before))
        return;
    if (session_uidonly(s))
        session_say(s, "* %u UIDFETCH (", row->uid);
    else
        session_say(s, "* %u FETCH (", number);
    if (sync->with_uid && !session_uidonly(s)) { /* RFC 3501 section 6.4.8 */
        session_say(s, "UID %u", row->uid);
        between = " ";
    }
    if (!bare) {
        session_add_str(s, between);
        sync_write_flags(s, row->uid);
        between = " ";
    }
    if (condstore)
        session_say(s, "%sMODSEQ (%" PRIu64 ")", between, modseq);
    session_add(s, SPAN(")\r\n"));
}

static ll_status start_rows(ll_session *s, struct sync *sync)
{
    command *c = &s->command;
    if (!c->sync_rows)
        c->sync_rows = arena_new(&c->memory, sizeof *c->sync_rows);
    if (!c->sync_rows)
        return LL_ENOMEM;
    sync->rows = c->sync_rows;
    rows_init(sync->rows, s, sync->fetch, s->enabled & SESSION_ENABLED_CONDSTORE, 0);
    sync->fetch = NULL;
    return LL_OK;
}

/* The connector could not give rows. That the flags have changed must be said all the same; they are as in this
 * version, so its mod-sequence is right for a client that asks for later changes. */
static ll_status go_on_without(const ll_session *s, struct sync *sync)
{
    rows *r = sync->rows;
    if (!r->refused)
        return LL_ENOMEM;
    uidset_walk_del(&r->walk);
    memory_free(s->allocator, r->rows);
    r->rows = NULL;
    r->count = r->room = 0;
    r->needed = false;
    r->walk = uidset_walk_new(r->set, r->ranges[0].first);
    return r->walk ? LL_OK : LL_ENOMEM;
}

static ll_status say_flags(ll_session *s, struct sync *sync)
{
    if (sync->fetch) {
        ll_status status = start_rows(s, sync);
        if (status)
            return status;
    }
    rows *r = sync->rows;
    while (r) {
        for (; sync->at < r->count; sync->at++) {
            if (session_full(s))
                return LL_MORE;
            const ll_row *row = &r->rows[sync->at];
            say_fetch(s, sync, row, r->needed ? session_modseq(s, row) : ll_view_modseq(s->snap.view));
        }
        ll_status status = rows_next(r);
        if (status < 0)
            status = go_on_without(s, sync);
        else if (!status && !r->count)
            break;
        if (status)
            return status;
        sync->at = 0;
    }
    return LL_OK;
}

/* RFC 3501 section 7.3.2: RECENT when the mailbox grows, and when the count falls by removals. */
static void say_exists(ll_session *s, const struct sync *sync)
{
    if (sync->grew)
        session_say(s, "* %u EXISTS\r\n", snapshot_count(&s->snap));
    if ((sync->grew || sync->recent_fell) && !(s->enabled & SESSION_ENABLED_REV2)) /* RFC 9051 appendix E: no RECENT */
        session_say(s, "* %u RECENT\r\n", snapshot_recent_count(&s->snap));
}

/* All is said, except perhaps ghosts. */
static void finish(ll_session *s)
{
    if (!snapshot_has_ghosts(&s->snap) && s->connector->told)
        s->connector->told(s->self, s->mailbox, ll_view_modseq(s->snap.view));
    sync_drop(s);
}

ll_status sync_step(ll_session *s)
{
    struct sync *sync = s->sync;
    ll_status status = LL_OK;
    switch (sync->phase) {
    case SYNC_EARLIER:
        status = sync->earlier ? session_say_vanished(s, sync->earlier, &sync->vanished_from, true) : LL_OK;
        if (status)
            return status;
        sync->phase = SYNC_FLAGS;
        sync->vanished_from = 1;
        __attribute__((fallthrough));
    case SYNC_FLAGS:
        status = search_context_say_gone(s); /* RFC 5267 section 4.3.4: before EXPUNGE */
        if (status)
            return status;
        if (sync->new_keywords)
            say_keywords(s);
        sync->phase = SYNC_EXPUNGE;
        __attribute__((fallthrough));
    case SYNC_EXPUNGE:
        status = say_expunges(s, sync);
        if (status)
            return status;
        sync->phase = SYNC_EXISTS;
        __attribute__((fallthrough));
    case SYNC_EXISTS:
        say_exists(s, sync);
        sync->phase = SYNC_FETCH;
        __attribute__((fallthrough));
    case SYNC_FETCH:
        status = say_flags(s, sync);
        if (status)
            return status;
        sync->phase = SYNC_END;
        __attribute__((fallthrough));
    case SYNC_END:
        status = search_context_say_changed(s);
        if (status)
            return status;
        finish(s);
    }
    return text_status(&s->output);
}
