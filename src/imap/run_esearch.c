/* run_esearch.c - ESEARCH, RFC 7377 (MULTISEARCH): a UID SEARCH in several mailboxes.
 * SPDX-License-Identifier: MIT
 *
 * The mailboxes are opened read-only one after the other. While one is being searched it stands in the place of the
 * selected mailbox (s->mailbox, s->snap), which is put back before the command ends, whatever ends it. */
#include "imap/response.h"
#include "imap/search_context.h"
#include "imap/search_find.h"
#include "imap/search_return.h"
#include "imap/search_source.h"

enum { BEGIN, LISTED, NEXT, OPENED, FIND, REPLY };

typedef struct esearch {
    search_source source;
    search_return wanted;
    search_keys keys;
    size_t criteria_at; /* where they begin in the command's text */
    bool followed;      /* the selected mailbox is, or that it cannot be was said */
    ll_span *names;     /* of the other mailboxes */
    size_t names_count, names_at;
    ll_span name; /* of the one under way */

    bool away; /* s->mailbox and s->snap are those of another mailbox; these are the selected one's: */
    void *selected;
    snapshot selected_snap;

    search_find find;
    uidset *before; /* search_context_before */
    search_result result;
    ll_span heading;
    search_writer writer;
    bool lost;
} esearch;

static ll_status parse(ll_session *s, command *c, esearch *x, lexer *in)
{
    ll_status status = search_source_parse(&x->source, in, &s->limits);
    if (!status)
        status = search_return_parse(&x->wanted, s, in);
    x->criteria_at = in->at;
    if (!status && x->wanted.want & SEARCH_RETURN_UPDATE && search_context_known(s, c->tag)) {
        c->text = "Tag reuse";
        return LL_EINVAL;
    }
    if (!status)
        status = search_keys_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
    status = search_find_parsed(c, &x->keys, status);
    if (status)
        return status;
    if (x->wanted.want & SEARCH_RETURN_UPDATE && s->state != SESSION_SELECTED) /* RFC 7377 section 2.2 */
        return LL_EINVAL;
    if (x->wanted.want & SEARCH_RETURN_RELEVANCY && !x->keys.fuzzy)
        return LL_ESYNTAX;
    if (x->source.selected && s->state != SESSION_SELECTED) {
        c->text = "No mailbox is selected";
        return LL_EINVAL;
    }
    if (x->wanted.want & SEARCH_RETURN_SAVE && x->source.items) { /* RFC 7377 section 2.2 */
        c->text = "SAVE is for the selected mailbox alone";
        return LL_EINVAL;
    }
    if (!x->wanted.given)
        x->wanted.want = SEARCH_RETURN_ALL;
    return search_find_check(s, c, &x->keys);
}

ll_status parse_esearch(ll_session *s, command *c, lexer *in)
{
    esearch *x = arena_new(&c->memory, sizeof *x);
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    return parse(s, c, x, in);
}

/* --- from mailbox to mailbox --- */

/* The mailboxes to be opened, without the selected one if that was searched already. */
static ll_status take_names(ll_session *s, command *c, esearch *x)
{
    const ll_call *call = s->call;
    x->names = arena_array(&c->memory, call->mailboxes_count, sizeof *x->names);
    for (size_t i = 0; x->names && i < call->mailboxes_count; i++) {
        const ll_mailbox_info *mailbox = &call->mailboxes[i];
        if (!search_source_has(&x->source, mailbox))
            continue;
        if (x->source.selected && span_equal(mailbox->name, text_span(&s->selected_name)))
            continue;
        x->names[x->names_count++] = arena_copy(&c->memory, mailbox->name);
    }
    return arena_status(&c->memory);
}

/* Back in the selected mailbox. */
static void come_back(ll_session *s, esearch *x)
{
    if (!x->away)
        return;
    x->away = false;
    snapshot_fini(&s->snap);
    if (s->mailbox)
        s->connector->close(s->self, s->mailbox);
    s->mailbox = x->selected;
    s->snap = x->selected_snap;
}

static void go_away(ll_session *s, esearch *x)
{
    x->away = true;
    x->selected = s->mailbox;
    x->selected_snap = s->snap;
    s->mailbox = s->call->mailbox;
    s->call->mailbox = NULL;
    snapshot_init(&s->snap);
}

/* LL_OK; LL_MORE: this one is passed over, as one that was deleted in this moment. */
static ll_status enter(ll_session *s, esearch *x)
{
    uint32_t recent_first = 0;
    ll_status status = s->call->status;
    if (status < 0) {
        x->lost = x->lost || status != LL_ENOTFOUND;
        return status == LL_ENOMEM ? status : LL_MORE;
    }
    go_away(s, x);
    ll_view *view = s->connector->latest(s->self, s->mailbox, &recent_first);
    if (!view) {
        come_back(s, x);
        return LL_MORE;
    }
    return snapshot_open(&s->snap, view, recent_first);
}

/* --- one mailbox --- */

static ll_status found(ll_session *s, command *c, esearch *x)
{
    if (search_context_before(s, x->wanted.want, &x->before))
        return LL_ENOMEM;
    text heading;
    x->lost = x->lost || x->find.match.lost;
    x->result = (search_result){.set = x->find.found,
                                .count = uidset_count(x->find.found),
                                .modseq = x->find.modseq,
                                .modseqs = x->keys.modseq ? (const uint64_t *)(const void *)x->find.modseqs.data : NULL,
                                .scores = x->keys.fuzzy ? (const uint8_t *)text_str(&x->find.scores) : NULL};
    if (x->wanted.want & SEARCH_RETURN_SAVE) {
        uidset *saved;
        ll_status status = search_return_save(&x->wanted, &x->result, &saved);
        if (status)
            return status;
        search_return_saved(s, saved);
    }
    text_init(&heading, s->allocator, session_tag_max + 8 * (size_t)s->limits.mailbox_name_bytes + 100);
    text_print(&heading, "TAG \"%.*s\" MAILBOX ", SPAN_PRINT(c->tag));
    session_add_name(s, &heading, x->name);
    text_print(&heading, " UIDVALIDITY %u", ll_view_uidvalidity(s->snap.view));
    x->heading = arena_copy(&c->memory, text_span(&heading));
    ll_status status = text_status(&heading) ? text_status(&heading) : arena_status(&c->memory);
    text_fini(&heading);
    return status;
}

static ll_status reply(ll_session *s, esearch *x)
{
    if (!x->result.count || !(x->wanted.want & (SEARCH_RETURN_DATA | SEARCH_RETURN_UPDATE))) /* RFC 7377 section 2.1 */
        return LL_OK;
    return search_writer_esearch(&x->writer, s, &x->wanted, &x->result, x->heading, true);
}

/* UPDATE is for the selected mailbox alone (RFC 7377 section 2.2). */
static ll_status keep(ll_session *s, command *c, esearch *x)
{
    search_context_seed seed = {.uid = true,
                                .criteria_at = x->criteria_at,
                                .items = x->wanted.items,
                                .keys = &x->keys,
                                .before = x->before,
                                .found = x->find.found,
                                .known = &x->find.known};
    if (x->away || !(x->wanted.want & SEARCH_RETURN_UPDATE))
        return LL_OK;
    x->followed = true;
    return search_context_keep(s, c, &seed);
}

static ll_status next(ll_session *s, command *c, esearch *x)
{
    search_find_fini(&x->find);
    x->find = (search_find){.one_of_many = true};
    search_writer_fini(&x->writer);
    come_back(s, x);
    if (x->names_at == x->names_count)
        return LL_OK;
    x->name = x->names[x->names_at++];
    c->phase = OPENED;
    return session_asked(s, s->connector->open(s->self, session_call(s), x->name, true)) == LL_LATER ? LL_LATER
                                                                                                     : LL_MORE;
}

/* LL_MORE: go on at c->phase. */
static ll_status begin(ll_session *s, command *c, esearch *x)
{
    if (c->phase == BEGIN && x->source.items) {
        c->phase = LISTED;
        if (session_asked(s, s->connector->list(s->self, session_call(s))) == LL_LATER)
            return LL_LATER;
    }
    if (x->source.items) {
        if (s->call->status < 0)
            return session_call_failed(s, c);
        ll_status status = take_names(s, c, x);
        if (status)
            return status;
    }
    x->name = text_span(&s->selected_name);
    c->phase = x->source.selected ? FIND : NEXT;
    x->find.one_of_many = x->source.items != NULL;
    return LL_MORE;
}

static ll_status step(ll_session *s, command *c, esearch *x, bool *finished)
{
    ll_status status;
    switch (c->phase) {
    case BEGIN:
    case LISTED:
        return begin(s, c, x);
    case NEXT:
        status = next(s, c, x);
        *finished = status == LL_OK;
        return status;
    case OPENED:
        status = enter(s, x);
        c->phase = status == LL_MORE ? NEXT : FIND;
        return status == LL_OK ? LL_MORE : status;
    case FIND:
        x->find.learn = !x->away && x->wanted.want & SEARCH_RETURN_UPDATE;
        status = search_find_step(&x->find, s, c, &x->keys);
        if (!status)
            status = found(s, c, x);
        if (status)
            return status == LL_MORE ? LL_LATER : status; /* a pause */
        c->phase = REPLY;
        return LL_MORE;
    default:
        status = reply(s, x);
        if (status)
            return status == LL_MORE ? LL_LATER : status; /* output is full */
        c->phase = NEXT;
        status = keep(s, c, x);
        return status ? status : LL_MORE;
    }
}

ll_status run_esearch(ll_session *s, command *c)
{
    esearch *x = c->state;
    bool finished = false;
    ll_status status;
    do
        status = step(s, c, x, &finished);
    while (status == LL_MORE);
    if (finished && x->wanted.want & SEARCH_RETURN_UPDATE && !x->followed) /* RFC 5267 section 4.3.1 */
        session_say(s, "* NO [NOUPDATE \"%.*s\"] Only the selected mailbox can be followed\r\n", SPAN_PRINT(c->tag));
    if (finished && x->lost)
        c->text = "ESEARCH completed, but some mail could not be read";
    return status;
}

void drop_esearch(ll_session *s, command *c)
{
    esearch *x = c->state;
    if (!x)
        return;
    search_writer_fini(&x->writer);
    uidset_del(&x->before);
    search_find_fini(&x->find);
    if (!x->away || !s->call->pending) {
        come_back(s, x);
        return;
    }
    /* the session goes: call_orphan closes the mailbox that is being asked, here goes the selected one */
    snapshot_fini(&x->selected_snap);
    if (x->selected)
        s->connector->close(s->self, x->selected);
    x->away = false;
}
