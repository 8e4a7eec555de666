/* run_select.c - SELECT and EXAMINE: RFC 3501 section 6.3.1, RFC 9051 section 6.3.2, with the parameters CONDSTORE and
 * QRESYNC of RFC 7162.
 * SPDX-License-Identifier: MIT
 *
 * QRESYNC: once the mailbox is open the connector says what has happened since the client was there; sync.c tells it.
 * The answer may be of a newer version than the one that the client is shown: what came or went in between is left out
 * here and told as news. */
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/old_name.h"
#include "imap/response.h"
#include "imap/sequence.h"
#include "imap/session.h"
#include "imap/sync.h"

#include <inttypes.h>

enum { PHASE_BEGIN, PHASE_OPENING, PHASE_CHANGES, PHASE_TELL };

typedef struct select_state {
    ll_span name, written;
    bool condstore, qresync;
    uint32_t uidvalidity;
    uint64_t modseq;
    sequence known, at, there; /* UIDs; sample of numbers and their UIDs */
} select_state;

/* --- parsing --- */

static ll_status take_set(ll_session *s, command *c, lexer *in, sequence *set)
{
    ll_span written;
    if (!lexer_set(in, &written) || memchr(written.data, '*', written.size) || memchr(written.data, '$', written.size))
        return LL_ESYNTAX;
    return sequence_parse(set, written, s->limits.set_ranges, &c->memory);
}

/* seq-match-data = "(" known-sequence-set SP known-uid-set ")" */
static ll_status take_match(ll_session *s, command *c, lexer *in, select_state *st)
{
    if (session_uidonly(s)) /* the first set is of numbers */
        return session_uid_required(c);
    ll_status status = take_set(s, c, in, &st->at);
    if (!status)
        status = lexer_space(in) ? take_set(s, c, in, &st->there) : LL_ESYNTAX;
    return status || lexer_byte(in, ')') ? status : LL_ESYNTAX;
}

/* SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")" */
static ll_status take_qresync(ll_session *s, command *c, lexer *in, select_state *st)
{
    ll_status status = LL_OK;
    if (!(s->enabled & SESSION_ENABLED_QRESYNC)) {
        c->text = "ENABLE QRESYNC first";
        return LL_EINVAL;
    }
    st->qresync = true;
    if (!lexer_space(in) || !lexer_byte(in, '(') || !lexer_nz_number(in, &st->uidvalidity) || !lexer_space(in) ||
        !lexer_number64(in, &st->modseq) || !st->modseq)
        return LL_ESYNTAX;
    bool more = lexer_space(in);
    if (more && lexer_peek(in) != '(') {
        status = take_set(s, c, in, &st->known);
        more = lexer_space(in);
    }
    if (!status && more)
        status = lexer_byte(in, '(') ? take_match(s, c, in, st) : LL_ESYNTAX;
    return status || lexer_byte(in, ')') ? status : LL_ESYNTAX;
}

static ll_status take_parameters(ll_session *s, command *c, lexer *in, select_state *st)
{
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    do {
        ll_status status = LL_OK;
        if (lexer_is_word(in, "CONDSTORE"))
            st->condstore = true;
        else
            status = lexer_is_word(in, "QRESYNC") ? take_qresync(s, c, in, st) : LL_ESYNTAX;
        if (status)
            return status;
    } while (lexer_space(in));
    return lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

/* RFC 7162 section 3.2.11: what follows is not of the old mailbox. */
static void leave(ll_session *s)
{
    if (s->mailbox)
        session_add(s, SPAN("* OK [CLOSED] The other mailbox is closed\r\n"));
    session_unselect(s);
}

ll_status parse_select(ll_session *s, command *c, lexer *in)
{
    select_state *st = c->state = arena_new(&c->memory, sizeof *st);
    if (!st)
        return LL_ENOMEM;
    if (!lexer_astring(in, &st->written))
        return LL_ESYNTAX;
    ll_status status = lexer_space(in) ? take_parameters(s, c, in, st) : LL_OK;
    if (status)
        return status;
    status = session_read_name(s, st->written, &c->memory, &st->name);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    if (status == LL_ELIMIT)
        c->text = "Mailbox name is too long or too deep";
    if (status && status != LL_ESYNTAX)
        leave(s); /* a failed SELECT leaves no mailbox, RFC 3501 section 6.3.1 */
    return status;
}

ll_status parse_examine(ll_session *s, command *c, lexer *in)
{
    return parse_select(s, c, in);
}

/* --- the mailbox is open: its description --- */

/* The least UID up to which there are more messages than seen ones. Sets of a million are not copied for it. */
static uint32_t first_unseen(const ll_view *view)
{
    const uidset *seen = view_flag(view, LL_FLAG_SEEN), *uids = view_uids(view);
    if (!seen)
        return uidset_first(uids);
    if (!ll_view_unseen(view))
        return 0;
    uint32_t from = 1, to = uidset_last(uids);
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (uidset_rank(uids, middle) > uidset_rank(seen, middle))
            to = middle;
        else
            from = middle + 1;
    }
    return from;
}

static void describe_flags(ll_session *s)
{
    const ll_view *view = s->snap.view;
    session_add(s, SPAN("* FLAGS "));
    response_flags_known(&s->output, view, false);
    session_add(s, SPAN("\r\n* OK [PERMANENTFLAGS "));
    if (s->readonly)
        session_add(s, SPAN("()"));
    else
        response_flags_known(&s->output, view, true);
    session_say(s, "] %s\r\n", s->readonly ? "Read-only" : "Flags that can be kept");
}

/* What revision 1 has and revision 2 has not (RFC 9051 appendix E), and the other way round. */
static void describe_revision(ll_session *s, const select_state *st)
{
    if (s->enabled & SESSION_ENABLED_REV2) {
        session_add(s, SPAN("* LIST () \"/\" "));
        session_add_name(s, &s->output, st->name);
        if (old_name_differs(s, st->name, st->written))
            old_name_add(s, st->written);
        session_add(s, SPAN("\r\n"));
        return;
    }
    session_say(s, "* %u RECENT\r\n", snapshot_recent_count(&s->snap));
    uint32_t unseen = session_uidonly(s) ? 0 : first_unseen(s->snap.view);
    if (unseen)
        session_say(s, "* OK [UNSEEN %u] First unseen\r\n", snapshot_number(&s->snap, unseen));
}

static void describe(ll_session *s, const select_state *st)
{
    const ll_view *view = s->snap.view;
    describe_flags(s);
    session_say(s, "* %u EXISTS\r\n", snapshot_count(&s->snap));
    describe_revision(s, st);
    session_say(s, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", ll_view_uidvalidity(view));
    session_say(s, "* OK [UIDNEXT %u] Next UID\r\n", ll_view_uidnext(view));
    if (s->call->mailbox_id.data) /* RFC 8474 section 4.2 */
        session_say(s, "* OK [MAILBOXID (%.*s)] Id\r\n", SPAN_PRINT(s->call->mailbox_id));
    if (session_can(s, changes))
        session_say(s, "* OK [HIGHESTMODSEQ %" PRIu64 "] Highest\r\n", ll_view_modseq(view));
    else if (s->enabled & SESSION_ENABLED_CONDSTORE)
        session_add(s, SPAN("* OK [NOMODSEQ] No mod-sequences\r\n"));
}

/* The call has opened a mailbox: it becomes the session's. */
static ll_status enter(ll_session *s, command *c)
{
    const select_state *st = c->state;
    uint32_t recent_first = 0;
    s->mailbox = s->call->mailbox;
    s->call->mailbox = NULL;
    s->readonly = s->readonly || s->call->readonly || !session_can(s, store) || !session_can(s, expunge);
    ll_view *view = s->connector->latest(s->self, s->mailbox, &recent_first);
    if (!view) { /* deleted in this very moment */
        session_unselect(s);
        return LL_ENOTFOUND;
    }
    if (snapshot_open(&s->snap, view, s->enabled & SESSION_ENABLED_REV2 ? 0 : recent_first)) {
        session_unselect(s);
        return LL_ENOMEM;
    }
    s->mailbox_key_is_id = s->call->mailbox_id.data;
    text_clear(&s->mailbox_key);
    text_add(&s->mailbox_key, s->mailbox_key_is_id ? s->call->mailbox_id : st->name);
    if (text_status(&s->mailbox_key)) {
        session_unselect(s);
        return LL_ENOMEM;
    }
    notify_selected(s);
    s->state = SESSION_SELECTED;
    text_clear(&s->selected_name);
    text_add(&s->selected_name, st->name);
    if (st->condstore || st->qresync)
        s->enabled |= SESSION_ENABLED_CONDSTORE; /* HIGHESTMODSEQ follows anyhow */
    describe(s, st);
    if (s->connector->told)
        s->connector->told(s->self, s->mailbox, ll_view_modseq(view));
    c->code = s->readonly ? "READ-ONLY" : "READ-WRITE";
    return LL_OK;
}

/* --- QRESYNC --- */

/* Walks over the numbers of a set as written. */
typedef struct numbers {
    const sequence *set;
    size_t range;
    uint32_t next; /* in the range; 0: not begun */
} numbers;

static uint32_t numbers_next(numbers *n)
{
    if (n->range >= n->set->count)
        return 0;
    ll_range range = n->set->ranges[n->range];
    if (range.first > range.last)
        range = (ll_range){range.last, range.first};
    uint32_t number = n->next ? n->next : range.first;
    if (number == range.last) {
        n->range++;
        n->next = 0;
    } else
        n->next = number + 1;
    return number;
}

/* The highest UID up to which client and mailbox agree, RFC 7162 section 3.2.5.2; 0: none. Ends at the first pair that
 * does not match, so it takes no longer than the mailbox has messages. */
static uint32_t last_match(const ll_session *s, const select_state *st)
{
    numbers at = {&st->at, 0, 0}, there = {&st->there, 0, 0};
    uint32_t last = 0;
    for (;;) {
        uint32_t number = numbers_next(&at), uid = numbers_next(&there);
        if (!number || !uid || uid <= last || snapshot_uid(&s->snap, number) != uid)
            return last;
        last = uid;
    }
}

/* UIDs that the client may know and that are not there, behind the last that matches. */
static uidset *everything_gone(const ll_session *s, const select_state *st)
{
    uidset *gone = uidset_new();
    uint32_t first = last_match(s, st) + 1, next = ll_view_uidnext(s->snap.view);
    if (gone && first < next)
        uidset_add_range(gone, (ll_range){first, next - 1});
    return gone;
}

static void keep_known(uidset **set, const select_state *st)
{
    if (!st->known.count || !*set)
        return;
    uidset *known = uidset_new();
    for (size_t i = 0; known && i < st->known.count; i++) {
        ll_range r = st->known.ranges[i];
        uidset_add_range(known, r.first <= r.last ? r : (ll_range){r.last, r.first});
    }
    if (known)
        uidset_and(*set, known);
    else
        uidset_del(set);
    uidset_del(&known);
}

/* Both sets as this client is to hear them: within what it knows and what it is shown. */
static ll_status take_changes(ll_session *s, const select_state *st)
{
    const uidset *here = view_uids(s->snap.view);
    bool forgotten = s->call->status == LL_ENOTFOUND;
    uidset *vanished = forgotten ? everything_gone(s, st) : s->call->vanished;
    uidset *changed = forgotten ? uidset_copy(here) : s->call->changed;
    bool had[] = {vanished != NULL, changed != NULL};
    if (!forgotten)
        s->call->vanished = s->call->changed = NULL;
    if (!changed && vanished && uidset_intersects(vanished, here)) {
        had[1] = true;
        changed = uidset_new();
    }
    if (changed && vanished) /* gone since the version that we show: EXISTS counts them, so the client must know them */
        uidset_or(changed, vanished);
    if (changed)
        uidset_and(changed, here);
    if (vanished) { /* a UID at or above uidnext came and went later */
        uidset_andnot(vanished, here);
        uidset_remove_range(vanished, (ll_range){ll_view_uidnext(s->snap.view), UINT32_MAX});
    }
    keep_known(&vanished, st);
    keep_known(&changed, st);
    uint32_t agreed = last_match(s, st);
    if (vanished && agreed) /* RFC 7162 section 3.2.5.2: it knows what has gone up to there */
        uidset_remove_range(vanished, (ll_range){1, agreed});
    if ((had[0] && !vanished) || (had[1] && !changed) || (forgotten && !(had[0] && had[1]))) {
        uidset_del(&vanished);
        uidset_del(&changed);
        return LL_ENOMEM;
    }
    return sync_begin_earlier(s, vanished, changed);
}

static bool wants_changes(const ll_session *s, const select_state *st)
{
    return st->qresync && session_can(s, changes) && st->uidvalidity == ll_view_uidvalidity(s->snap.view) &&
           st->modseq < ll_view_modseq(s->snap.view);
}

static ll_status opened(ll_session *s, command *c, bool readonly)
{
    const select_state *st = c->state;
    if (s->call->status < 0)
        return session_call_failed(s, c);
    s->readonly = readonly;
    ll_status status = enter(s, c);
    if (status || !wants_changes(s, st))
        return status;
    c->phase = PHASE_CHANGES;
    return session_asked(s, s->connector->changes(s->self, session_call(s), s->mailbox, st->modseq)) == LL_LATER
               ? LL_LATER
               : LL_OK;
}

/* A failed SELECT leaves no mailbox. */
static ll_status resync_failed(ll_session *s, command *c, ll_status status)
{
    c->code = NULL;
    session_unselect(s);
    return status;
}

static ll_status resync(ll_session *s, command *c)
{
    if (c->phase == PHASE_CHANGES) {
        if (s->call->status < 0 && s->call->status != LL_ENOTFOUND)
            return resync_failed(s, c, session_call_failed(s, c));
        ll_status status = take_changes(s, c->state);
        if (status)
            return resync_failed(s, c, status);
        c->phase = PHASE_TELL;
    }
    return sync_step(s);
}

static ll_status run(ll_session *s, command *c, bool readonly)
{
    select_state *st = c->state;
    ll_status status = LL_OK;
    if (c->phase == PHASE_BEGIN) {
        leave(s);
        c->phase = PHASE_OPENING;
        if (session_asked(s, s->connector->open(s->self, session_call(s), st->name, readonly)) == LL_LATER)
            return LL_LATER;
    }
    if (c->phase == PHASE_OPENING) {
        status = opened(s, c, readonly);
        if (status || c->phase == PHASE_OPENING)
            return status;
    }
    return resync(s, c);
}

ll_status run_select(ll_session *s, command *c)
{
    return run(s, c, false);
}

ll_status run_examine(ll_session *s, command *c)
{
    return run(s, c, true);
}
