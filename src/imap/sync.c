/* sync.c - see sync.h
 * SPDX-License-Identifier: MIT
 *
 * The snapshot moves as a whole in sync_begin; what the client must hear of it is written after that, in order. Between
 * the two nothing else of the session runs. Until the removals have been said their messages are ghosts, so the
 * sequence numbers of EXPUNGE are taken from the snapshot as it stands: new messages come behind all that the client
 * knows and do not disturb them. */
#include "imap/sync.h"

#include "base/memory.h"
#include "imap/response.h"

typedef enum sync_phase { SYNC_FLAGS, SYNC_EXPUNGE, SYNC_EXISTS, SYNC_FETCH, SYNC_END } sync_phase;

struct sync {
    sync_phase phase;
    bool expunge, grew, new_keywords, with_uid;
    uint32_t ghosts_left; /* those not yet said, the lowest */
    uidset *fetch;        /* whose flags are to be said; NULL: none */
    uint32_t fetch_from;
};

void sync_drop(ll_session *s)
{
    if (!s->sync)
        return;
    uidset_del(&s->sync->fetch);
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

/* The messages known to the client and still there whose flags are to be said. NULL: out of memory. */
static uidset *changed_flags(const ll_view *before, const ll_view *after, const uidset *force, const uidset *silent)
{
    uidset *changed = uidset_new();
    if (!changed)
        return NULL;
    unsigned flags =
        view_flags_count(after) > view_flags_count(before) ? view_flags_count(after) : view_flags_count(before);
    for (unsigned i = 0; i < flags; i++)
        if (add_difference(changed, view_flag(before, i), view_flag(after, i))) {
            uidset_del(&changed);
            return NULL;
        }
    if (silent)
        uidset_andnot(changed, silent);
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
    sync->fetch = changed_flags(before, after, force, silent);
    if (!sync->fetch)
        return LL_ENOMEM;
    if (uidset_empty(sync->fetch))
        uidset_del(&sync->fetch);
    sync->new_keywords = ll_view_keywords(after) > ll_view_keywords(before);
    const uidset *old = view_uids(before), *new = view_uids(after);
    sync->grew = old != new &&uidset_and_count(old, new) < uidset_count(new);
    return LL_OK;
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
    if (view == s->snap.view && !force && !(expunge_allowed && snapshot_has_ghosts(&s->snap))) {
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
    sync->with_uid = with_uid;
    sync->expunge = expunge_allowed && snapshot_has_ghosts(&s->snap);
    sync->ghosts_left = sync->expunge ? uidset_count(s->snap.ghosts) : 0;
    *nothing = false;
    return LL_OK;
}

/* --- saying it --- */

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
    while (sync->ghosts_left) {
        if (session_full(s))
            return LL_MORE;
        uint32_t uid = uidset_select(ghosts, sync->ghosts_left);
        session_say(s, "* %u EXPUNGE\r\n", snapshot_number(&s->snap, uid));
        sync->ghosts_left--;
    }
    if (sync->expunge)
        snapshot_tell_expunged(&s->snap);
    return LL_OK;
}

static ll_status say_flags(ll_session *s, struct sync *sync)
{
    uint32_t uid;
    while (sync->fetch && (uid = uidset_next(sync->fetch, sync->fetch_from)) != 0) {
        if (session_full(s))
            return LL_MORE;
        session_say(s, "* %u FETCH (", snapshot_number(&s->snap, uid));
        if (sync->with_uid) /* RFC 3501 section 6.4.8 */
            session_say(s, "UID %u ", uid);
        sync_write_flags(s, uid);
        session_add(s, SPAN(")\r\n"));
        if (uid == UINT32_MAX)
            break;
        sync->fetch_from = uid + 1;
    }
    return LL_OK;
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
    case SYNC_FLAGS:
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
        if (sync->grew)
            session_say(s, "* %u EXISTS\r\n* %u RECENT\r\n", snapshot_count(&s->snap), snapshot_recent_count(&s->snap));
        sync->phase = SYNC_FETCH;
        __attribute__((fallthrough));
    case SYNC_FETCH:
        status = say_flags(s, sync);
        if (status)
            return status;
        sync->phase = SYNC_END;
        __attribute__((fallthrough));
    case SYNC_END:
        finish(s);
    }
    return text_status(&s->output);
}
