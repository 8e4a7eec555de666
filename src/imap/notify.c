/* notify.c - see notify.h. Here: the life of a watch, and the news of the selected mailbox; notify_news.c compares
 * surveys. SPDX-License-Identifier: MIT */
#include "imap/notify.h"

#include "base/memory.h"
#include "imap/new_messages.h"
#include "imap/notify_news.h"
#include "imap/sync.h"

#include <inttypes.h>

enum { STEP_IDLE, STEP_SYNC, STEP_NEW, STEP_FETCH, STEP_ASK, STEP_ASKED, STEP_SAY };

struct notify {
    notify_wish wish;
    bool due;
    bool synced; /* the snapshot has moved in these news */
    int step;
    uint32_t told_uidnext; /* new messages of the selected mailbox below it have been told */
    new_messages *fetch;   /* NULL: none under way */
    notify_account before, after;
    notify_news news; /* how far the comparison is */
    arena deeds;      /* memory of wish.deeds */
    uidset *own_uids; /* new in the selected mailbox by this client: it asks for what it wants of them; NULL: none */
};

static void free_account(ll_session *s, notify_account *a)
{
    memory_free(s->allocator, a->surveys);
    memory_free(s->allocator, a->entries);
    arena_fini(&a->memory);
    *a = (notify_account){0};
    arena_init(&a->memory, s->allocator, notify_survey_max);
}

static void end_fetch(struct notify *n)
{
    if (!n->fetch)
        return;
    new_messages_fini(n->fetch);
    n->fetch = NULL;
}

void notify_del(ll_session *s)
{
    struct notify *n = s->notify;
    if (!n)
        return;
    end_fetch(n);
    free_account(s, &n->before);
    free_account(s, &n->after);
    arena_fini(&n->wish.memory);
    arena_fini(&n->deeds);
    uidset_del(&n->own_uids);
    memory_free(s->allocator, n);
    s->notify = NULL;
}

static bool wants_survey(const notify_wish *wish)
{
    return wish->count > 0;
}

static bool wants_metadata(const notify_wish *wish)
{
    for (size_t i = 0; i < wish->count; i++)
        if (wish->groups[i].events & (NOTIFY_METADATA | NOTIFY_SERVER_METADATA))
            return true;
    return false;
}

ll_status notify_set(ll_session *s, notify_wish *wish)
{
    notify_del(s);
    struct notify *n = memory_new(s->allocator, sizeof *n);
    if (!n) {
        arena_fini(&wish->memory);
        return LL_ENOMEM;
    }
    s->notify = n;
    n->wish = *wish;
    arena_init(&n->deeds, s->allocator, notify_deeds_max);
    free_account(s, &n->before);
    free_account(s, &n->after);
    s->connector->watch(s->self, wants_survey(&n->wish));
    notify_selected(s);
    n->due = n->wish.items !=
             NULL; /* the data of what its own sync shows (section 3.1) come at once, not with the next news */
    return LL_OK;
}

/* --- own deeds --- */

void notify_own(ll_session *s, ll_span mailbox, unsigned event)
{
    struct notify *n = s->notify;
    if (!n || !wants_survey(&n->wish))
        return;
    notify_deed *deed = arena_new(&n->deeds, sizeof *deed);
    ll_span name = arena_copy(&n->deeds, mailbox);
    if (!deed || !name.data)
        return;
    *deed = (notify_deed){.next = n->wish.deeds, .mailbox = name, .event = event};
    if (event == NOTIFY_NEW)
        deed->messages = (uint32_t)s->call->placed_count;
    n->wish.deeds = deed;
}

void notify_own_messages(ll_session *s, ll_span mailbox)
{
    struct notify *n = s->notify;
    if (!n || !s->call->placed_count)
        return;
    /* The name may be another one since; where mailboxes share a UIDVALIDITY no harm is done. */
    bool selected = s->mailbox && s->call->placed[0].uidvalidity == ll_view_uidvalidity(s->snap.view);
    if (!selected || !span_equal(mailbox, text_span(&s->selected_name)))
        notify_own(s, mailbox, NOTIFY_NEW);
    if (!selected)
        return;
    s->command.sync_tells = true;
    if (!n->own_uids)
        n->own_uids = uidset_new();
    for (size_t i = 0; n->own_uids && i < s->call->placed_count; i++)
        uidset_add(n->own_uids, s->call->placed[i].uid);
}

static void forget_deeds(ll_session *s, struct notify *n)
{
    n->wish.deeds = NULL;
    arena_fini(&n->deeds);
    arena_init(&n->deeds, s->allocator, notify_deeds_max);
}

bool notify_wants_selected(const ll_session *s)
{
    return !s->notify || s->notify->wish.selected;
}

bool notify_wants_flags(const ll_session *s)
{
    /* NOTIFY itself is a NOOP first, section 3.1 */
    return !s->notify || s->notify->wish.selected & NOTIFY_FLAGS || s->command.row->step == run_notify;
}

/* --- surveys --- */

/* Take the answer out of the call. */
static ll_status take_survey(ll_session *s, notify_account *a)
{
    ll_call *call = s->call;
    free_account(s, a);
    a->memory = call->memory;
    a->surveys = call->surveys;
    a->entries = call->survey_entries;
    a->count = call->surveys_count;
    arena_init(&call->memory, call->allocator, call_memory_max);
    call->text = span_of("", 0);
    call->surveys = NULL;
    call->survey_entries = NULL;
    call->surveys_count = call->surveys_room = call->survey_entries_count = call->survey_entries_room = 0;
    notify_sort(a);
    return LL_OK;
}

static ll_status ask_survey(ll_session *s)
{
    return session_asked(s, s->connector->survey(s->self, session_call(s), wants_metadata(&s->notify->wish)));
}

ll_status notify_begin(ll_session *s, bool status)
{
    struct notify *n = s->notify;
    if (!wants_survey(&n->wish))
        return LL_OK;
    if (n->step == STEP_IDLE) {
        n->step = STEP_ASKED;
        if (ask_survey(s) == LL_LATER)
            return LL_LATER;
    }
    if (n->step == STEP_ASKED) {
        if (s->call->status < 0)
            return s->call->status;
        if (take_survey(s, &n->before))
            return LL_ENOMEM;
        forget_deeds(s, n);
        n->news = (notify_news){0};
        n->step = STEP_SAY;
    }
    ll_status answer = status ? notify_say_all(s, &n->wish, &n->before, &n->news) : LL_OK;
    if (answer == LL_OK)
        n->step = STEP_IDLE;
    return answer;
}

void notify_changed(ll_session *s)
{
    if (s->notify)
        s->notify->due = true;
}

void notify_selected(ll_session *s)
{
    if (s->notify)
        uidset_del(&s->notify->own_uids);
    if (s->notify)
        s->notify->told_uidnext = s->mailbox && s->snap.view ? ll_view_uidnext(s->snap.view) : 0;
}

bool notify_due(const ll_session *s)
{
    return s->notify && (s->notify->due || s->notify->step != STEP_IDLE);
}

/* --- the selected mailbox --- */

static ll_status step_sync(ll_session *s, struct notify *n, bool idle)
{
    bool nothing;
    if (!s->mailbox || !n->wish.selected)
        return LL_OK;
    if (!s->sync) {
        ll_status status = sync_begin(s, idle || !n->wish.delayed, NULL, NULL, true, &nothing);
        if (status == LL_ECLOSED) {
            session_bye(s, "The mailbox was deleted");
            return LL_MORE;
        }
        if (status || nothing)
            return status;
        n->synced = true;
    }
    return sync_step(s);
}

/* RFC 7162 section 3.2: the MODSEQs that were said may be above that of an EXPUNGE that is held back, and the client
 * must not ask for what came after them when it is back. */
static void say_held(ll_session *s, struct notify *n)
{
    bool held = n->synced && s->mailbox && snapshot_has_ghosts(&s->snap);
    if (held && s->enabled & SESSION_ENABLED_CONDSTORE && session_can(s, changes))
        session_say(s, "* OK [HIGHESTMODSEQ %" PRIu64 "] Of what was told\r\n", snapshot_modseq(&s->snap));
    n->synced = false;
}

/* What is to be said of messages that have come since. */
static ll_status begin_fetch(ll_session *s, struct notify *n)
{
    uint32_t from = n->told_uidnext;
    uidset *own = n->own_uids;
    n->own_uids = NULL;
    notify_selected(s);
    bool due = s->mailbox && n->wish.items && from && from < n->told_uidnext;
    uidset *set = due ? uidset_new() : NULL;
    if (set) {
        uidset_add_range(set, (ll_range){from, n->told_uidnext - 1});
        uidset_and(set, snapshot_uids(&s->snap));
        if (own)
            uidset_andnot(set, own);
    }
    uidset_del(&own);
    if (!set)
        return due ? LL_ENOMEM : LL_OK;
    if (!s->command.notify_room)
        s->command.notify_room = arena_new(&s->command.memory, sizeof(new_messages));
    if (uidset_empty(set) || !s->command.notify_room) {
        uidset_del(&set);
        return s->command.notify_room ? LL_OK : LL_ENOMEM;
    }
    ll_status status = new_messages_init(s->command.notify_room, s, set, n->wish.items, &n->wish.memory);
    if (!status)
        n->fetch = s->command.notify_room;
    return status;
}

static ll_status step_fetch(struct notify *n)
{
    ll_status status = n->fetch ? new_messages_step(n->fetch) : LL_OK;
    if (status)
        return status;
    end_fetch(n);
    return LL_OK;
}

/* --- all of it --- */

/* Section 5.8 */
static ll_status overflow(ll_session *s)
{
    session_add(s, SPAN("* OK [NOTIFICATIONOVERFLOW] Too much to watch: use NOTIFY again\r\n"));
    s->connector->watch(s->self, false);
    notify_wish none = {0};
    arena_init(&none.memory, s->allocator, notify_memory_max);
    return notify_set(s, &none);
}

static ll_status step_survey(ll_session *s, struct notify *n)
{
    if (!wants_survey(&n->wish))
        return LL_OK;
    if (n->step == STEP_ASK) {
        n->step = STEP_ASKED;
        if (ask_survey(s) == LL_LATER)
            return LL_LATER;
    }
    if (n->step == STEP_ASKED) {
        if (s->call->status < 0)
            return s->call->status;
        if (take_survey(s, &n->after))
            return LL_ENOMEM;
        n->news = (notify_news){0};
        n->step = STEP_SAY;
    }
    ll_status status = notify_say_news(s, &n->wish, &n->before, &n->after, &n->news);
    if (status)
        return status;
    forget_deeds(s, n);
    free_account(s, &n->before);
    n->before = n->after;
    n->after = (notify_account){0};
    arena_init(&n->after.memory, s->allocator, notify_survey_max);
    return LL_OK;
}

ll_status notify_step(ll_session *s, bool idle)
{
    struct notify *n = s->notify;
    ll_status status = LL_OK;
    if (n->step == STEP_IDLE) {
        n->due = false;
        n->step = STEP_SYNC;
    }
    if (n->step == STEP_SYNC) {
        status = step_sync(s, n, idle);
        if (status)
            return status;
        n->step = STEP_NEW;
    }
    if (n->step == STEP_NEW) {
        status = begin_fetch(s, n);
        if (status)
            return status;
        n->step = STEP_FETCH;
    }
    if (n->step == STEP_FETCH) {
        status = step_fetch(n);
        if (status)
            return status;
        say_held(s, n);
        n->step = STEP_ASK;
    }
    status = step_survey(s, n);
    if (status == LL_LATER || status == LL_MORE)
        return status;
    if (status < 0)
        return overflow(s);
    n->step = STEP_IDLE;
    return LL_OK;
}

static ll_status run_news(ll_session *s, command *c)
{
    (void)c;
    return notify_step(s, false);
}

/* Also when the session goes while the connector is at work for it. */
static void drop_news(ll_session *s, command *c)
{
    (void)c;
    if (s->notify)
        end_fetch(s->notify);
}

const command_row notify_row = {"", COMMAND_AUTHENTICATED | COMMAND_NO_SYNC, NULL, run_news, drop_news};
