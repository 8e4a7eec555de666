/* memory.c - a full read-write connector in memory.
 * SPDX-License-Identifier: MIT
 *
 *     memory PORT       serves IMAP on 127.0.0.1; user "me", password "memory"; ends with SIGTERM
 *
 * Every method of ll_connector that changes mail is here, in the simplest form that is right: several sessions may have
 * one mailbox open, what one changes the others hear of, and a message that one has expunged stays readable for the
 * others until they have been told. Nothing is durable. host.c is the other half. */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A message's bytes, shared by its copies. */
typedef struct letter {
    unsigned refs;
    size_t size;
    char bytes[];
} letter;

/* A message in a mailbox. Its flags are in the mailbox's view. It stays when it is expunged, for `changes`. */
typedef struct row {
    uint32_t uid;
    uint64_t modseq; /* of its last change, or at which it was expunged */
    int64_t date;
    letter *letter; /* NULL: expunged, and everybody knows */
    bool gone;
} row;

typedef struct mailbox {
    struct mailbox *next;
    unsigned refs; /* the tree, and each session that has it open */
    char *name;
    unsigned attributes;
    bool deleted;
    uint32_t recent; /* from this UID on, messages are \Recent for the next session to ask */
    ll_view *view;   /* the newest version */
    row *rows;       /* ascending */
    size_t count;
} mailbox;

typedef struct name {
    struct name *next;
    char *text;
} name;

typedef struct account {
    mailbox *mailboxes; /* in the order of LIST */
    name *subscribed;   /* names: they may outlive their mailbox, RFC 3501 section 6.3.6 */
    struct session *sessions;
    uint64_t modseq;
    uint32_t uidvalidity;
} account;

/* A client's connection: `self` of all methods. */
typedef struct session {
    struct session *next;
    account *account;
    host_client *client; /* NULL: it is leaving */
    struct opened *opened;
} session;

/* A mailbox that a session has open. A session may have one that it is about to close and the next one. */
typedef struct opened {
    struct opened *next;
    mailbox *mailbox;
    bool readonly;
    uint64_t told; /* the client knows everything up to this mod-sequence */
} opened;

static bool same(ll_span a, ll_span b)
{
    return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

static ll_span span(const char *text)
{
    return (ll_span){text, strlen(text)};
}

static char *join(ll_span a, ll_span b)
{
    char *text = calloc(1, a.size + b.size + 1);
    if (text && a.size)
        memcpy(text, a.data, a.size);
    if (text && b.size)
        memcpy(text + a.size, b.data, b.size);
    return text;
}

/* ---------------------------------------------------------------------------------------------------------- messages
 */

static letter *letter_ref(letter *l)
{
    l->refs++;
    return l;
}

static void letter_unref(letter **l)
{
    if (*l && !--(*l)->refs)
        free(*l);
    *l = NULL;
}

static row *find_row(const mailbox *m, uint32_t uid)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->rows[i].uid == uid)
            return &m->rows[i];
    return NULL;
}

static bool in_ranges(uint32_t uid, const ll_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (uid >= ranges[i].first && uid <= ranges[i].last)
            return true;
    return false;
}

/* `next` becomes the newest version: what differs from the last one gets the new mod-sequence, and every session that
 * has the mailbox open hears of it. */
static void publish(account *a, mailbox *m, ll_view *next, uint32_t uidnext)
{
    ll_view_seal(next, uidnext, ++a->modseq);
    for (size_t i = 0; i < m->count; i++) {
        ll_flags before = {{0}}, after = {{0}};
        row *r = &m->rows[i];
        bool was = ll_view_flags(m->view, r->uid, &before), is = ll_view_flags(next, r->uid, &after);
        if (was != is || !ll_flags_equal(&before, &after))
            r->modseq = a->modseq;
        r->gone = !is;
    }
    ll_view_unref(&m->view);
    m->view = next;
    for (session *s = a->sessions; s; s = s->next)
        for (opened *o = s->opened; o; o = o->next)
            if (o->mailbox == m && s->client)
                host_notify(s->client);
}

static ll_status flags_of(ll_view *view, unsigned flags, const ll_span *keywords, size_t count, ll_flags *out)
{
    *out = (ll_flags){{flags}};
    for (size_t i = 0; i < count; i++) {
        unsigned number;
        ll_status status = ll_view_keyword_add(view, keywords[i], &number);
        if (status)
            return status;
        ll_flags_add(out, LL_FLAG_KEYWORD + number);
    }
    return LL_OK;
}

/* A new message; the reference to its letter is taken over, also on failure. */
static ll_status add(account *a, mailbox *m, letter *l, int64_t date, unsigned flags, const ll_span *keywords,
                     size_t keywords_count, uint32_t *uid)
{
    ll_view *next = NULL;
    ll_flags all;
    row *rows = realloc(m->rows, (m->count + 1) * sizeof *rows);
    ll_status status = rows ? ll_view_edit(&next, m->view) : LL_ENOMEM;
    if (rows)
        m->rows = rows;
    *uid = ll_view_uidnext(m->view);
    if (!status)
        status = flags_of(next, flags, keywords, keywords_count, &all);
    if (!status)
        status = ll_view_add(next, *uid, &all);
    if (status) {
        ll_view_unref(&next);
        letter_unref(&l);
        return status;
    }
    rows[m->count++] = (row){.uid = *uid, .date = date, .letter = l};
    publish(a, m, next, *uid + 1);
    return LL_OK;
}

/* Without `all` only those that are \Deleted. */
static ll_status remove_messages(account *a, mailbox *m, const ll_range *ranges, size_t count, bool all)
{
    ll_view *next;
    ll_status status = ll_view_edit(&next, m->view);
    for (size_t i = 0; !status && i < m->count; i++) {
        uint32_t uid = m->rows[i].uid;
        ll_flags flags;
        if (in_ranges(uid, ranges, count) && ll_view_flags(m->view, uid, &flags) &&
            (all || ll_flags_has(&flags, LL_FLAG_DELETED)))
            status = ll_view_remove(next, (ll_range){uid, uid});
    }
    if (status)
        ll_view_unref(&next);
    else
        publish(a, m, next, ll_view_uidnext(m->view));
    return status;
}

/* Forget the bytes of what was expunged so long ago that every session has been told. */
static void purge(account *a, mailbox *m)
{
    uint64_t told = UINT64_MAX;
    for (session *s = a->sessions; s; s = s->next)
        for (opened *o = s->opened; o; o = o->next)
            if (o->mailbox == m && o->told < told)
                told = o->told;
    for (size_t i = 0; i < m->count; i++)
        if (m->rows[i].gone && m->rows[i].modseq <= told)
            letter_unref(&m->rows[i].letter);
}

/* --------------------------------------------------------------------------------------------------------- mailboxes
 */

static mailbox *find(account *a, ll_span wanted)
{
    for (mailbox *m = a->mailboxes; m; m = m->next)
        if (same(span(m->name), wanted))
            return m;
    return NULL;
}

/* One that can hold messages. */
static mailbox *find_real(account *a, ll_span wanted)
{
    mailbox *m = find(a, wanted);
    return m && !(m->attributes & LL_MAILBOX_NOSELECT) ? m : NULL;
}

static void mailbox_unref(mailbox *m)
{
    if (--m->refs)
        return;
    for (size_t i = 0; i < m->count; i++)
        letter_unref(&m->rows[i].letter);
    free(m->rows);
    free(m->name);
    ll_view_unref(&m->view);
    free(m);
}

static ll_status insert(account *a, ll_span called, unsigned attributes)
{
    mailbox **last = &a->mailboxes, *m = calloc(1, sizeof *m);
    while (*last)
        last = &(*last)->next;
    ll_status status = m && (m->name = join(called, (ll_span){"", 0})) ? LL_OK : LL_ENOMEM;
    if (!status)
        status = ll_view_new(&m->view, NULL, ++a->uidvalidity);
    if (status) {
        if (m)
            free(m->name);
        free(m);
        return status;
    }
    ll_view_seal(m->view, 1, ++a->modseq);
    m->refs = m->recent = 1;
    m->attributes = attributes;
    *last = m;
    return LL_OK;
}

/* With its parents. */
static ll_status create_tree(account *a, ll_span called, unsigned attributes)
{
    ll_status status = LL_OK;
    for (size_t i = 1; !status && i < called.size; i++)
        if (called.data[i] == '/' && !find(a, (ll_span){called.data, i}))
            status = insert(a, (ll_span){called.data, i}, 0);
    return status ? status : insert(a, called, attributes);
}

/* Out of the tree; sessions that have it open find that it is gone. */
static void take_out(account *a, mailbox *m)
{
    mailbox **at = &a->mailboxes;
    while (*at != m)
        at = &(*at)->next;
    *at = m->next;
    m->deleted = true;
    for (session *s = a->sessions; s; s = s->next)
        if (s->client)
            host_notify(s->client);
    mailbox_unref(m);
}

/* "above/..." */
static bool below(ll_span child, ll_span above)
{
    return child.size > above.size && child.data[above.size] == '/' && !memcmp(child.data, above.data, above.size);
}

static bool has_children(account *a, ll_span above)
{
    for (mailbox *m = a->mailboxes; m; m = m->next)
        if (below(span(m->name), above))
            return true;
    return false;
}

/* The link that holds this name, or the empty link at the end. */
static name **find_name(account *a, ll_span text)
{
    name **at = &a->subscribed;
    while (*at && !same(span((*at)->text), text))
        at = &(*at)->next;
    return at;
}

/* --------------------------------------------------------------------------------- the connector: names and numbers */

static ll_status list(void *self, ll_call *call)
{
    account *a = ((session *)self)->account;
    ll_status status = LL_OK;
    for (mailbox *m = a->mailboxes; !status && m; m = m->next) {
        unsigned on = *find_name(a, span(m->name)) ? LL_MAILBOX_SUBSCRIBED : 0;
        status = ll_call_mailbox(call, &(ll_mailbox_info){span(m->name), m->attributes | on});
    }
    for (name *n = a->subscribed; !status && n; n = n->next)
        if (!find(a, span(n->text)))
            status = ll_call_mailbox(call,
                                     &(ll_mailbox_info){span(n->text), LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_NONEXISTENT});
    return status;
}

static ll_status create(void *self, ll_call *call, ll_span called, unsigned attributes)
{
    account *a = ((session *)self)->account;
    mailbox *m = find(a, called);
    (void)call;
    if (!m)
        return create_tree(a, called, attributes);
    if (!(m->attributes & LL_MAILBOX_NOSELECT))
        return LL_EEXISTS;
    m->attributes = attributes;
    return LL_OK;
}

static ll_status delete_mailbox(void *self, ll_call *call, ll_span called)
{
    account *a = ((session *)self)->account;
    mailbox *m = find(a, called);
    bool children = has_children(a, called);
    (void)call;
    if (!m)
        return LL_ENOTFOUND;
    if (same(called, span("INBOX")) || (children && m->attributes & LL_MAILBOX_NOSELECT))
        return LL_EDENIED;
    take_out(a, m);
    return children ? insert(a, called, LL_MAILBOX_NOSELECT) : LL_OK;
}

static ll_status copy_messages(account *a, mailbox *from, mailbox *to, const ll_range *ranges, size_t count,
                               ll_call *call);

/* RFC 3501 section 6.3.5: its messages move, INBOX stays. */
static ll_status rename_inbox(account *a, ll_span to)
{
    static const ll_range all = {1, UINT32_MAX};
    mailbox *inbox = find(a, span("INBOX"));
    ll_status status = create_tree(a, to, 0);
    if (!status)
        status = copy_messages(a, inbox, find(a, to), &all, 1, NULL);
    return status ? status : remove_messages(a, inbox, &all, 1, true);
}

static ll_status rename_mailbox(void *self, ll_call *call, ll_span from, ll_span to)
{
    account *a = ((session *)self)->account;
    (void)call;
    if (!find(a, from))
        return LL_ENOTFOUND;
    if (find(a, to))
        return LL_EEXISTS;
    if (below(to, from))
        return LL_EINVAL;
    if (same(from, span("INBOX")))
        return rename_inbox(a, to);
    for (mailbox *m = a->mailboxes; m; m = m->next) {
        ll_span old = span(m->name);
        if (!same(old, from) && !below(old, from))
            continue;
        char *renamed = join(to, (ll_span){old.data + from.size, old.size - from.size});
        if (!renamed)
            return LL_ENOMEM;
        free(m->name);
        m->name = renamed;
    }
    return LL_OK;
}

static ll_status subscribe(void *self, ll_call *call, ll_span text, bool on)
{
    account *a = ((session *)self)->account;
    name **at = find_name(a, text), *n = *at;
    (void)call;
    if (on == (n != NULL))
        return LL_OK;
    if (!on) {
        *at = n->next;
        free(n->text);
        free(n);
        return LL_OK;
    }
    n = calloc(1, sizeof *n);
    if (!n || !(n->text = join(text, (ll_span){"", 0}))) {
        free(n);
        return LL_ENOMEM;
    }
    *at = n;
    return LL_OK;
}

static ll_status numbers(void *self, ll_call *call, ll_span called)
{
    mailbox *m = find_real(((session *)self)->account, called);
    if (!m)
        return LL_ENOTFOUND;
    ll_mailbox_status n = {.messages = ll_view_count(m->view),
                           .unseen = ll_view_unseen(m->view),
                           .uidnext = ll_view_uidnext(m->view),
                           .uidvalidity = ll_view_uidvalidity(m->view),
                           .highest_modseq = ll_view_modseq(m->view)};
    for (size_t i = 0; i < m->count; i++) {
        ll_flags flags;
        const row *r = &m->rows[i];
        if (!ll_view_flags(m->view, r->uid, &flags))
            continue;
        n.recent += r->uid >= m->recent;
        n.bytes += r->letter->size;
        n.deleted += ll_flags_has(&flags, LL_FLAG_DELETED);
        n.deleted_bytes += ll_flags_has(&flags, LL_FLAG_DELETED) ? r->letter->size : 0;
    }
    ll_call_status(call, &n);
    return LL_OK;
}

/* ------------------------------------------------------------------------------------- the connector: an open mailbox
 */

static ll_status open_mailbox(void *self, ll_call *call, ll_span called, bool readonly)
{
    session *s = self;
    mailbox *m = find_real(s->account, called);
    if (!m)
        return LL_ENOTFOUND;
    opened *o = calloc(1, sizeof *o);
    if (!o)
        return LL_ENOMEM;
    *o = (opened){s->opened, m, readonly, ll_view_modseq(m->view)};
    s->opened = o;
    m->refs++;
    ll_call_opened(call, o, ll_view_ref(m->view), readonly);
    return LL_OK;
}

static void close_mailbox(void *self, void *handle)
{
    session *s = self;
    opened *o = handle, **at = &s->opened;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    purge(s->account, o->mailbox);
    mailbox_unref(o->mailbox);
    free(o);
}

static ll_view *latest(void *self, void *handle, uint32_t *recent_first)
{
    opened *o = handle;
    mailbox *m = o->mailbox;
    (void)self;
    *recent_first = 0;
    if (m->deleted)
        return NULL;
    if (m->recent < ll_view_uidnext(m->view))
        *recent_first = m->recent;
    if (!o->readonly)
        m->recent = ll_view_uidnext(m->view);
    return ll_view_ref(m->view);
}

static void told(void *self, void *handle, uint64_t modseq)
{
    opened *o = handle;
    o->told = modseq;
    purge(((session *)self)->account, o->mailbox);
}

static ll_status fetch(void *self, ll_call *call, void *handle, const ll_range *ranges, size_t count, size_t limit,
                       unsigned want)
{
    const mailbox *m = ((opened *)handle)->mailbox;
    size_t given = 0;
    (void)self;
    for (size_t i = 0; i < m->count && limit; i++) {
        const row *r = &m->rows[i];
        if (!r->letter || !in_ranges(r->uid, ranges, count))
            continue;
        ll_row answer = {.uid = r->uid, .modseq = r->modseq, .internaldate = r->date, .size = r->letter->size};
        if (given >= LL_ROWS_CONTENT) { /* enough for one answer */
            ll_call_more(call);
            return LL_OK;
        }
        if (want & LL_WANT_CONTENT && r->letter->size <= LL_ROWS_CONTENT) /* saves the engine asking for it */
            answer.content = (ll_span){r->letter->bytes, r->letter->size};
        if (ll_call_row(call, &answer))
            return LL_ENOMEM;
        given += answer.content.size;
        limit--;
    }
    return LL_OK;
}

static ll_status read_bytes(void *self, ll_call *call, void *handle, uint32_t uid, uint64_t offset, size_t length)
{
    const row *r = find_row(((opened *)handle)->mailbox, uid);
    (void)self;
    if (!r || !r->letter)
        return LL_ENOTFOUND;
    if (offset >= r->letter->size)
        return LL_OK;
    size_t rest = r->letter->size - (size_t)offset;
    return ll_call_bytes(call, (ll_span){r->letter->bytes + offset, length < rest ? length : rest});
}

static ll_status changes(void *self, ll_call *call, void *handle, uint64_t since)
{
    const mailbox *m = ((opened *)handle)->mailbox;
    ll_status status = LL_OK;
    (void)self;
    for (size_t i = 0; !status && i < m->count; i++) {
        ll_range uid = {m->rows[i].uid, m->rows[i].uid};
        if (m->rows[i].modseq > since)
            status = m->rows[i].gone ? ll_call_vanished(call, uid) : ll_call_changed(call, uid);
    }
    return status;
}

static ll_status store_if(void *self, ll_call *call, void *handle, const ll_range *ranges, size_t count, ll_flags_op op,
                          unsigned flags, const ll_span *keywords, size_t keywords_count, uint64_t unchanged_since)
{
    mailbox *m = ((opened *)handle)->mailbox;
    ll_view *next;
    ll_flags all;
    ll_status status = ll_view_edit(&next, m->view);
    if (!status)
        status = flags_of(next, flags, keywords, keywords_count, &all);
    for (size_t i = 0; !status && i < m->count; i++) {
        ll_range uid = {m->rows[i].uid, m->rows[i].uid};
        if (m->rows[i].gone || !in_ranges(uid.first, ranges, count))
            continue;
        status = m->rows[i].modseq > unchanged_since ? ll_call_refused(call, uid)
                                                     : ll_view_flags_change(next, uid, op, &all);
    }
    if (status)
        ll_view_unref(&next);
    else
        publish(((session *)self)->account, m, next, ll_view_uidnext(m->view));
    return status;
}

static ll_status store(void *self, ll_call *call, void *handle, const ll_range *ranges, size_t count, ll_flags_op op,
                       unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    return store_if(self, call, handle, ranges, count, op, flags, keywords, keywords_count, UINT64_MAX);
}

static ll_status expunge(void *self, ll_call *call, void *handle, const ll_range *ranges, size_t count)
{
    (void)call;
    return remove_messages(((session *)self)->account, ((opened *)handle)->mailbox, ranges, count, false);
}

/* One message, with its flags. Keywords go by name: each mailbox has numbers of its own. */
static ll_status copy_one(account *a, mailbox *from, mailbox *to, row r, uint32_t *uid)
{
    ll_flags flags;
    ll_span keywords[LL_KEYWORDS_MAX];
    size_t count = 0;
    ll_view *view = ll_view_ref(from->view); /* the names live as long as it */
    ll_view_flags(view, r.uid, &flags);
    for (unsigned n = 0; n < ll_view_keywords(view); n++)
        if (ll_flags_has(&flags, LL_FLAG_KEYWORD + n))
            keywords[count++] = ll_view_keyword(view, n);
    ll_status status = add(a, to, letter_ref(r.letter), r.date, flags.bits[0] & 31u, keywords, count, uid);
    ll_view_unref(&view);
    return status;
}

static ll_status copy_messages(account *a, mailbox *from, mailbox *to, const ll_range *ranges, size_t count,
                               ll_call *call)
{
    ll_status status = LL_OK;
    size_t rows = from->count; /* a copy into the same mailbox adds more */
    for (size_t i = 0; !status && i < rows; i++) {
        row r = from->rows[i];
        uint32_t uid = 0;
        if (r.gone || !in_ranges(r.uid, ranges, count))
            continue;
        status = copy_one(a, from, to, r, &uid);
        if (!status && call)
            status = ll_call_placed(call, ll_view_uidvalidity(to->view), r.uid, uid);
    }
    return status;
}

/* All or nothing is the rule; here only a full memory can end it in the middle. */
static ll_status copy(void *self, ll_call *call, void *handle, const ll_range *ranges, size_t count, ll_span called,
                      bool move)
{
    account *a = ((session *)self)->account;
    mailbox *from = ((opened *)handle)->mailbox, *to = find_real(a, called);
    uint32_t last = ll_view_uidnext(from->view) - 1; /* what is moved within one mailbox has UIDs above it */
    if (!to)
        return LL_ETRYCREATE;
    ll_status status = copy_messages(a, from, to, ranges, count, call);
    for (size_t i = 0; !status && move && i < count && ranges[i].first <= last; i++) {
        ll_range sources = {ranges[i].first, ranges[i].last < last ? ranges[i].last : last};
        status = remove_messages(a, from, &sources, 1, true);
    }
    return status;
}

/* ----------------------------------------------------------------------------------------------- the connector: APPEND
 */

typedef struct upload {
    char *to;
    ll_append how;
    ll_span *keywords;
    letter *letter;
    size_t size;
} upload;

static void append_abort(void *self, void *handle)
{
    upload *u = handle;
    (void)self;
    for (size_t i = 0; u->keywords && i < u->how.keywords_count; i++)
        free((char *)(uintptr_t)u->keywords[i].data);
    free(u->keywords);
    free(u->to);
    letter_unref(&u->letter);
    free(u);
}

/* What the engine gives is its own: it must be copied. */
static ll_status append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    if (!find_real(((session *)self)->account, to))
        return LL_ETRYCREATE;
    upload *u = calloc(1, sizeof *u);
    if (!u)
        return LL_ENOMEM;
    u->how = *message;
    u->to = join(to, (ll_span){"", 0});
    u->keywords = calloc(message->keywords_count + 1, sizeof *u->keywords);
    u->letter = calloc(1, sizeof *u->letter + message->size);
    bool copied = u->to && u->keywords && u->letter;
    for (size_t i = 0; copied && i < message->keywords_count; i++) {
        char *keyword = join(message->keywords[i], (ll_span){"", 0});
        u->keywords[i] = (ll_span){keyword, message->keywords[i].size};
        copied = keyword != NULL;
    }
    if (!copied) {
        append_abort(self, u);
        return LL_ENOMEM;
    }
    u->letter->refs = 1;
    u->letter->size = message->size;
    ll_call_upload(call, u);
    return LL_OK;
}

static ll_status append_data(void *self, void *handle, ll_span bytes)
{
    upload *u = handle;
    (void)self;
    if (bytes.size > u->letter->size - u->size) { /* CATENATE: the size was not known before */
        letter *grown = realloc(u->letter, sizeof *grown + (u->size + bytes.size) * 2);
        if (!grown)
            return LL_ENOMEM;
        u->letter = grown;
        u->letter->size = (u->size + bytes.size) * 2;
    }
    memcpy(u->letter->bytes + u->size, bytes.data, bytes.size);
    u->size += bytes.size;
    return LL_OK;
}

static ll_status append_commit(void *self, ll_call *call, void *const *uploads, size_t count)
{
    account *a = ((session *)self)->account;
    ll_status status = LL_OK;
    for (size_t i = 0; i < count; i++) {
        upload *u = uploads[i];
        mailbox *m = find_real(a, span(u->to));
        uint32_t uid = 0;
        u->letter->size = u->size;
        if (!m)
            status = LL_ETRYCREATE;
        if (!status)
            status =
                add(a, m, letter_ref(u->letter), u->how.internaldate == INT64_MIN ? time(NULL) : u->how.internaldate,
                    u->how.flags, u->keywords, u->how.keywords_count, &uid);
        if (!status)
            status = ll_call_placed(call, ll_view_uidvalidity(m->view), 0, uid);
        append_abort(self, u);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------------- its sessions
 */

static void end(void *self)
{
    session *s = self, **at = &s->account->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    free(s);
}

static const ll_connector memory = {.size = sizeof memory,
                                    .end = end,
                                    .list = list,
                                    .create = create,
                                    .remove = delete_mailbox,
                                    .rename = rename_mailbox,
                                    .subscribe = subscribe,
                                    .status = numbers,
                                    .open = open_mailbox,
                                    .close = close_mailbox,
                                    .latest = latest,
                                    .told = told,
                                    .fetch = fetch,
                                    .read = read_bytes,
                                    .store = store,
                                    .expunge = expunge,
                                    .copy = copy,
                                    .append_open = append_open,
                                    .append_data = append_data,
                                    .append_commit = append_commit,
                                    .append_abort = append_abort,
                                    .changes = changes,
                                    .store_if = store_if};

static ll_status login(void *context, host_client *client, ll_span user, ll_span password,
                       const ll_connector **connector, void **self)
{
    account *a = context;
    if (!same(user, span("me")) || !same(password, span("memory")))
        return LL_EAUTH;
    session *s = calloc(1, sizeof *s);
    if (!s)
        return LL_ENOMEM;
    *s = (session){a->sessions, a, client, NULL};
    a->sessions = s;
    *connector = &memory;
    *self = s;
    return LL_OK;
}

static void leave(void *context, void *self)
{
    (void)context;
    ((session *)self)->client = NULL;
}

int main(int argc, char **argv)
{
    account a = {.uidvalidity = (uint32_t)time(NULL)}; /* the next run's are higher */
    host_events events = {.login = login, .leave = leave, .context = &a};
    if (insert(&a, span("INBOX"), 0) || insert(&a, span("Sent"), LL_MAILBOX_SENT) ||
        insert(&a, span("Trash"), LL_MAILBOX_TRASH))
        return 1;
    int code = host_serve(argc > 1 ? atoi(argv[1]) : 1143, &events);
    while (a.mailboxes)
        take_out(&a, a.mailboxes);
    for (name *n = a.subscribed, *next; n; n = next) {
        next = n->next;
        free(n->text);
        free(n);
    }
    return code;
}
