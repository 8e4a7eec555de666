/* notify_news.c - see notify_news.h
 * SPDX-License-Identifier: MIT */
#include "imap/notify_news.h"

#include "imap/old_name.h"
#include "imap/special.h"

#include <inttypes.h>
#include <stdlib.h>

/* --- finding --- */

static int compare_spans(ll_span a, ll_span b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.data, b.data, size) : 0;
    return order ? order : a.size < b.size ? -1 : a.size > b.size;
}

/* Those with an id come first: an id might be another's name. */
static int compare(const void *a, const void *b)
{
    const ll_survey *x = &((const call_survey *)a)->one, *y = &((const call_survey *)b)->one;
    if (!x->id.size != !y->id.size)
        return x->id.size ? -1 : 1;
    return x->id.size ? compare_spans(x->id, y->id) : compare_spans(x->mailbox.name, y->mailbox.name);
}

void notify_sort(notify_account *a)
{
    if (a->count)
        qsort(a->surveys, a->count, sizeof *a->surveys, compare);
}

static const call_survey *find(const notify_account *a, const call_survey *like)
{
    return a->count ? bsearch(like, a->surveys, a->count, sizeof *a->surveys, compare) : NULL;
}

/* By name: only for the rare news that need it. */
static const ll_survey *find_name(const notify_account *a, ll_span name)
{
    for (size_t i = 0; i < a->count; i++)
        if (span_equal(a->surveys[i].one.mailbox.name, name))
            return &a->surveys[i].one;
    return NULL;
}

static bool is_below(ll_span name, ll_span top)
{
    return name.size > top.size && name.data[top.size] == '/' && span_equal(span_first(name, top.size), top);
}

/* --- what is wanted --- */

static bool group_has(const notify_group *g, const ll_mailbox_info *m)
{
    if (g->where == NOTIFY_SUBSCRIBED)
        return m->attributes & LL_MAILBOX_SUBSCRIBED;
    if (g->where == NOTIFY_PERSONAL)
        return true;
    for (size_t i = 0; i < g->count; i++)
        if (span_equal(m->name, g->names[i]) || (g->where == NOTIFY_SUBTREE && is_below(m->name, g->names[i])))
            return true;
    return false;
}

static unsigned events_of(const notify_wish *wish, const ll_mailbox_info *m)
{
    unsigned events = 0;
    for (size_t i = 0; i < wish->count; i++) {
        if (!m->name.size)
            events |= wish->groups[i].events & NOTIFY_SERVER_METADATA;
        else if (group_has(&wish->groups[i], m))
            events |= wish->groups[i].events & ~(unsigned)NOTIFY_SERVER_METADATA;
    }
    return events;
}

/* Without what this client has done itself. A mailbox that it has made may have needed others above it. */
static unsigned without_own(const notify_wish *wish, ll_span name, unsigned events)
{
    for (const notify_deed *deed = wish->deeds; deed; deed = deed->next)
        if (deed->event != NOTIFY_NEW &&
            (span_equal(deed->mailbox, name) || (deed->event == NOTIFY_NAME && is_below(deed->mailbox, name))))
            events &= ~deed->event;
    return events;
}

/* The only messages that have come or gone are those that this client has put there. */
static bool only_own(const notify_wish *wish, ll_span name, const ll_mailbox_status *a, const ll_mailbox_status *b)
{
    uint32_t own = 0;
    for (const notify_deed *deed = wish->deeds; deed; deed = deed->next)
        if (deed->event == NOTIFY_NEW && span_equal(deed->mailbox, name))
            own += deed->messages;
    return own && a->uidvalidity == b->uidvalidity && b->messages - a->messages == own &&
           b->uidnext - a->uidnext == own;
}

static bool is_selected(const ll_session *s, const ll_survey *one)
{
    return s->mailbox && span_equal(text_span(&s->mailbox_key), s->mailbox_key_is_id ? one->id : one->mailbox.name);
}

static bool has_messages(const ll_survey *one)
{
    return one->mailbox.name.size && !(one->mailbox.attributes & (LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT));
}

/* --- saying --- */

static void say_number(ll_session *s, const char **between, const char *name, uint64_t number)
{
    session_say(s, "%s%s %" PRIu64, *between, name, number);
    *between = " ";
}

static void say_status(ll_session *s, const ll_survey *one, bool count, bool unseen, bool modseq)
{
    const char *between = "";
    session_add(s, SPAN("* STATUS "));
    session_add_name(s, &s->output, one->mailbox.name);
    session_add(s, SPAN(" ("));
    if (count) {
        say_number(s, &between, "MESSAGES", one->numbers.messages);
        say_number(s, &between, "UIDNEXT", one->numbers.uidnext);
    }
    say_number(s, &between, "UIDVALIDITY", one->numbers.uidvalidity);
    if (unseen)
        say_number(s, &between, "UNSEEN", one->numbers.unseen);
    if (modseq)
        say_number(s, &between, "HIGHESTMODSEQ", one->numbers.highest_modseq);
    session_add(s, SPAN(")\r\n"));
}

ll_status notify_say_all(ll_session *s, const notify_wish *wish, const notify_account *a, notify_news *news)
{
    for (; news->at < a->count; news->at++) {
        const ll_survey *one = &a->surveys[news->at].one;
        unsigned events = events_of(wish, &one->mailbox);
        if (!(events & NOTIFY_MESSAGES) || !has_messages(one) || is_selected(s, one))
            continue;
        if (session_full(s))
            return LL_MORE;
        say_status(s, one, true, false, events & NOTIFY_FLAGS && session_can(s, changes));
    }
    return LL_OK;
}

static bool has_children(const notify_account *a, ll_span name)
{
    for (size_t i = 0; i < a->count; i++)
        if (!(a->surveys[i].one.mailbox.attributes & LL_MAILBOX_NONEXISTENT) &&
            is_below(a->surveys[i].one.mailbox.name, name))
            return true;
    return false;
}

/* "* LIST": as the mailbox is now; old.data is not NULL: it was called so. */
static void say_list(ll_session *s, const notify_account *a, ll_span name, ll_span old)
{
    const ll_survey *one = find_name(a, name);
    bool first = true;
    session_add(s, SPAN("* LIST ("));
    special_add_names(&s->output, one ? one->mailbox.attributes : (unsigned)LL_MAILBOX_NONEXISTENT, &first);
    session_say(s, "%s\\Has%sChildren) \"/\" ", first ? "" : " ", has_children(a, name) ? "" : "No");
    session_add_name(s, &s->output, name);
    if (old.data) {
        old_name_add(s, old);
    }
    session_add(s, SPAN("\r\n"));
}

/* Section 5.4: the direct parent is affected too, unless it has news of its own. */
static void say_parent(ll_session *s, const notify_account *before, const notify_account *after, ll_span name)
{
    size_t end = name.size;
    while (end && name.data[end - 1] != '/')
        end--;
    if (end < 2)
        return;
    ll_span parent = span_first(name, end - 1);
    if (!find_name(before, parent) == !find_name(after, parent))
        say_list(s, after, parent, span_of(NULL, 0));
}

/* It only went along with a mailbox above it, for which there is one LIST for all. */
static bool went_along(const notify_account *before, const notify_account *after, ll_span old, ll_span new)
{
    for (size_t i = new.size; i-- > 0;) {
        size_t rest = new.size - i;
        if (rest > old.size)
            return false;
        if (new.data[i] != old.data[old.size - rest])
            return false;
        if (new.data[i] != '/' || rest == old.size)
            continue;
        const ll_survey *top = find_name(before, span_first(old, old.size - rest));
        if (!top)
            continue;
        const call_survey like = {.one = *top};
        const call_survey *now = find(after, &like);
        if (now && span_equal(now->one.mailbox.name, span_first(new, i)) &&
            !span_equal(now->one.mailbox.name, top->mailbox.name))
            return true;
    }
    return false;
}

/* Names of entries that are new, changed or gone (sections 5.6 and 5.7). */
static bool entry_is_same(const notify_account *a, const call_survey *in, const call_entry *entry)
{
    for (size_t i = 0; in && i < in->entries_count; i++) {
        const call_entry *other = &a->entries[in->entries_at + i];
        if (span_equal(other->name, entry->name))
            return other->version == entry->version;
    }
    return false;
}

static bool entry_is_there(const notify_account *a, const call_survey *in, ll_span name)
{
    for (size_t i = 0; in && i < in->entries_count; i++)
        if (span_equal(a->entries[in->entries_at + i].name, name))
            return true;
    return false;
}

static void say_entry(ll_session *s, ll_span mailbox, ll_span entry, bool *open)
{
    if (!*open) {
        session_add(s, SPAN("* METADATA "));
        session_add_name(s, &s->output, mailbox);
    }
    *open = true;
    session_say(s, " %.*s", SPAN_PRINT(entry)); /* an entry's name is made of ASTRING-CHARs but for odd ones */
}

static bool is_plain_entry(ll_span entry)
{
    for (size_t i = 0; i < entry.size; i++)
        if (entry.data[i] <= ' ' || entry.data[i] > '~' || strchr("(){%*\"\\", entry.data[i]))
            return false;
    return true;
}

static void say_metadata(ll_session *s, const notify_account *before, const call_survey *old,
                         const notify_account *after, const call_survey *now)
{
    bool open = false;
    for (size_t i = 0; i < now->entries_count; i++) {
        const call_entry *entry = &after->entries[now->entries_at + i];
        if (is_plain_entry(entry->name) && !entry_is_same(before, old, entry))
            say_entry(s, now->one.mailbox.name, entry->name, &open);
    }
    for (size_t i = 0; old && i < old->entries_count; i++) {
        ll_span name = before->entries[old->entries_at + i].name;
        if (is_plain_entry(name) && !entry_is_there(after, now, name))
            say_entry(s, now->one.mailbox.name, name, &open);
    }
    if (open)
        session_add(s, SPAN("\r\n"));
}

/* --- one mailbox --- */

static void say_messages(ll_session *s, unsigned events, const ll_survey *old, const ll_survey *now)
{
    const ll_mailbox_status *a = &old->numbers, *b = &now->numbers;
    bool condstore = s->enabled & SESSION_ENABLED_CONDSTORE && session_can(s, changes);
    bool count = a->messages != b->messages || a->uidnext != b->uidnext, unseen = a->unseen != b->unseen;
    bool replaced = a->uidvalidity != b->uidvalidity;
    bool flags = events & NOTIFY_FLAGS && (replaced || unseen || (condstore && a->highest_modseq != b->highest_modseq));
    count = count && events & (NOTIFY_NEW | NOTIFY_EXPUNGE);
    if (count || flags)
        say_status(s, now, count, events & NOTIFY_FLAGS && unseen, condstore);
}

/* Both as it was (NULL: it was not there) and as it is. */
static void say_mailbox(ll_session *s, const notify_wish *wish, const notify_account *before, const call_survey *old,
                        const notify_account *after, const call_survey *now)
{
    const unsigned state = LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT;
    ll_span name = now->one.mailbox.name;
    unsigned events = events_of(wish, &now->one.mailbox);
    if (old)
        events |= events_of(wish, &old->one.mailbox);
    events = without_own(wish, name, events);
    bool renamed = old && !span_equal(old->one.mailbox.name, name);
    unsigned changed = old ? old->one.mailbox.attributes ^ now->one.mailbox.attributes : 0;
    bool is_only_name = now->one.mailbox.attributes & LL_MAILBOX_NONEXISTENT;
    if (events & NOTIFY_NAME && renamed && !went_along(before, after, old->one.mailbox.name, name))
        say_list(s, after, name, old->one.mailbox.name);
    else if (events & NOTIFY_NAME && !old && name.size && !is_only_name) {
        say_list(s, after, name, span_of(NULL, 0));
        say_parent(s, before, after, name);
    } else if ((events & NOTIFY_NAME && changed & state) ||
               (events & NOTIFY_SUBSCRIPTION && !renamed &&
                (changed & LL_MAILBOX_SUBSCRIBED || (!old && is_only_name && !find_name(before, name)))))
        say_list(s, after, name, span_of(NULL, 0));
    if (old && events & NOTIFY_MESSAGES && has_messages(&now->one) && has_messages(&old->one) &&
        !is_selected(s, &now->one) && !only_own(wish, name, &old->one.numbers, &now->one.numbers))
        say_messages(s, events, &old->one, &now->one);
    if (events & (NOTIFY_METADATA | NOTIFY_SERVER_METADATA))
        say_metadata(s, before, old, after, now);
}

static void say_gone(ll_session *s, const notify_wish *wish, const notify_account *before, const call_survey *old,
                     const notify_account *after)
{
    ll_span name = old->one.mailbox.name;
    unsigned events = without_own(wish, name, events_of(wish, &old->one.mailbox));
    bool was_only_name = old->one.mailbox.attributes & LL_MAILBOX_NONEXISTENT;
    const ll_survey *there = find_name(after, name);
    if (there && (was_only_name || !(there->mailbox.attributes & LL_MAILBOX_NONEXISTENT))) /* created now */
        return;                                                                            /* it is said of that one */
    if (was_only_name ? events & NOTIFY_SUBSCRIPTION : events & NOTIFY_NAME) {
        say_list(s, after, name, span_of(NULL, 0));
        if (!was_only_name)
            say_parent(s, before, after, name);
    }
}

ll_status notify_say_news(ll_session *s, const notify_wish *wish, const notify_account *before,
                          const notify_account *after, notify_news *news)
{
    for (; news->gone < before->count; news->gone++) {
        if (find(after, &before->surveys[news->gone]))
            continue;
        if (session_full(s))
            return LL_MORE;
        say_gone(s, wish, before, &before->surveys[news->gone], after);
    }
    for (; news->at < after->count; news->at++) {
        const call_survey *now = &after->surveys[news->at];
        if (session_full(s))
            return LL_MORE;
        say_mailbox(s, wish, before, find(before, now), after, now);
    }
    return LL_OK;
}
