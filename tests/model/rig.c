/* rig.c - see rig.h
 * SPDX-License-Identifier: MIT
 *
 * A connector stands in front of the one that is tested with the engine: it holds calls back in later mode. */
#include "rig.h"

#include "store/vault_fixture.h"

#include "imap/call.h"

#include "imap/memory_connector.h"

/* One login, as the engine's connector; lives until the engine ends it. */
typedef struct rig_login {
    rig *rig;
    unsigned number;
    bool left; /* its session is gone */
    void *inner;
} rig_login;

typedef enum held_kind {
    HELD_LIST,
    HELD_CREATE,
    HELD_REMOVE,
    HELD_RENAME,
    HELD_SUBSCRIBE,
    HELD_REPLACE,
    HELD_SEARCH,
    HELD_STATUS,
    HELD_OPEN,
    HELD_FETCH,
    HELD_READ,
    HELD_STORE,
    HELD_EXPUNGE,
    HELD_COPY,
    HELD_APPEND_OPEN,
    HELD_APPEND_COMMIT,
    HELD_CHANGES,
    HELD_STORE_IF,
    HELD_SURVEY
} held_kind;

/* Arguments stay valid until the call is done, so they are kept as they came. */
typedef struct rig_held {
    struct rig_held *next;
    rig_login *login;
    held_kind kind;
    ll_call *call;
    void *mailbox;
    ll_span name, new_name;
    unsigned number;
    bool on;
    const ll_range *ranges;
    size_t count, limit;
    uint64_t offset;
    ll_flags_op op;
    const ll_span *keywords;
    size_t keywords_count;
    const ll_append *append;
    void *const *uploads;
    void *upload;
    const ll_term *terms;
} rig_held;

/* Did the connector's index say anything? */
static ll_status count_found(const rig_held *h, ll_status status)
{
    rig *r = h->login->rig;
    for (size_t i = 0; status == LL_OK && i < h->call->found_count; i++) {
        const call_found *f = &h->call->found[i];
        r->certain += f->certain ? uidset_count_range(f->certain, (ll_range){1, UINT32_MAX - 1}) : 0;
        r->possible += f->possible ? uidset_count_range(f->possible, (ll_range){1, UINT32_MAX - 1}) : 0;
    }
    return status;
}

static ll_status perform(const rig_held *h)
{
    const ll_connector *c = h->login->rig->inner;
    void *self = h->login->inner;
    switch (h->kind) {
    case HELD_LIST:
        return c->list(self, h->call);
    case HELD_CREATE:
        return c->create(self, h->call, h->name, h->number);
    case HELD_REMOVE:
        return c->remove(self, h->call, h->name);
    case HELD_RENAME:
        return c->rename(self, h->call, h->name, h->new_name);
    case HELD_SUBSCRIBE:
        return c->subscribe(self, h->call, h->name, h->on);
    case HELD_REPLACE:
        return c->replace(self, h->call, h->mailbox, h->number, h->upload);
    case HELD_SEARCH:
        return count_found(h, c->search(self, h->call, h->mailbox, h->terms, h->count));
    case HELD_STATUS:
        return c->status(self, h->call, h->name);
    case HELD_OPEN:
        return c->open(self, h->call, h->name, h->on);
    case HELD_FETCH:
        return c->fetch(self, h->call, h->mailbox, h->ranges, h->count, h->limit, h->number);
    case HELD_READ:
        return c->read(self, h->call, h->mailbox, h->number, h->offset, h->limit);
    case HELD_STORE:
        return c->store(self, h->call, h->mailbox, h->ranges, h->count, h->op, h->number, h->keywords,
                        h->keywords_count);
    case HELD_STORE_IF:
        return c->store_if(self, h->call, h->mailbox, h->ranges, h->count, h->op, h->number, h->keywords,
                           h->keywords_count, h->offset);
    case HELD_EXPUNGE:
        return c->expunge(self, h->call, h->mailbox, h->ranges, h->count);
    case HELD_COPY:
        return c->copy(self, h->call, h->mailbox, h->ranges, h->count, h->name, h->on);
    case HELD_APPEND_OPEN:
        return c->append_open(self, h->call, h->name, h->append);
    case HELD_APPEND_COMMIT:
        return c->append_commit(self, h->call, h->uploads, h->count);
    case HELD_SURVEY:
        return c->survey(self, h->call, h->on);
    case HELD_CHANGES:
        return c->changes(self, h->call, h->mailbox, h->offset);
    }
    return LL_EUNSUPPORTED;
}

static bool is_change(held_kind kind)
{
    return kind == HELD_CREATE || kind == HELD_REMOVE || kind == HELD_RENAME || kind == HELD_SUBSCRIBE ||
           kind == HELD_REPLACE || kind == HELD_STORE || kind == HELD_STORE_IF || kind == HELD_EXPUNGE ||
           kind == HELD_COPY || kind == HELD_APPEND_COMMIT;
}

static void tell(const rig_login *l, held_kind kind)
{
    rig *r = l->rig;
    if (is_change(kind))
        r->event(r->context, l->number, RIG_CHANGED);
    else if (kind == HELD_STATUS || kind == HELD_APPEND_OPEN)
        r->event(r->context, l->number, RIG_READ);
}

/* The last command has been answered: what comes now are news (NOTIFY). */
static bool has_reply(ll_span bytes, const char *line)
{
    size_t size = strlen(line);
    if (bytes.size >= size - 2 && !memcmp(bytes.data, line + 2, size - 2))
        return true;
    return bytes.size && memmem(bytes.data, bytes.size, line, size);
}

static bool rig_answered(const rig *r, unsigned n)
{
    const rig_session *s = &r->sessions[n];
    char line[32];
    snprintf(line, sizeof line, "\r\nt%lu ", r->tag[n]);
    return s->session && (has_reply(text_span(&s->said), line) || has_reply(ll_session_output(s->session), line));
}

static ll_status hold(void *self, rig_held h)
{
    rig_login *l = self;
    rig *r = l->rig;
    h.login = l;
    if (!r->later[l->number] || rig_answered(r, l->number)) {
        ll_status status = perform(&h);
        tell(l, h.kind);
        return status;
    }
    rig_held **last = &r->held;
    while (*last)
        last = &(*last)->next;
    *last = malloc(sizeof h);
    if (!*last)
        abort();
    **last = h;
    return LL_LATER;
}

static void r_end(void *self)
{
    rig_login *l = self;
    if (l->rig->inner->end)
        l->rig->inner->end(l->inner);
    free(l);
}

static ll_status r_list(void *self, ll_call *call)
{
    return hold(self, (rig_held){.kind = HELD_LIST, .call = call});
}

static ll_status r_create(void *self, ll_call *call, ll_span name, unsigned attributes)
{
    return hold(self, (rig_held){.kind = HELD_CREATE, .call = call, .name = name, .number = attributes});
}

static ll_status r_remove(void *self, ll_call *call, ll_span name)
{
    return hold(self, (rig_held){.kind = HELD_REMOVE, .call = call, .name = name});
}

static ll_status r_rename(void *self, ll_call *call, ll_span from, ll_span to)
{
    return hold(self, (rig_held){.kind = HELD_RENAME, .call = call, .name = from, .new_name = to});
}

static ll_status r_subscribe(void *self, ll_call *call, ll_span name, bool on)
{
    return hold(self, (rig_held){.kind = HELD_SUBSCRIBE, .call = call, .name = name, .on = on});
}

static ll_status r_status(void *self, ll_call *call, ll_span name)
{
    return hold(self, (rig_held){.kind = HELD_STATUS, .call = call, .name = name});
}

static ll_status r_open(void *self, ll_call *call, ll_span name, bool readonly)
{
    return hold(self, (rig_held){.kind = HELD_OPEN, .call = call, .name = name, .on = readonly});
}

static void r_close(void *self, void *mailbox)
{
    rig_login *l = self;
    l->rig->inner->close(l->inner, mailbox);
}

static ll_view *r_latest(void *self, void *mailbox, uint32_t *recent_first)
{
    rig_login *l = self;
    ll_view *view = l->rig->inner->latest(l->inner, mailbox, recent_first);
    l->rig->event(l->rig->context, l->number, rig_answered(l->rig, l->number) ? RIG_NEWS : RIG_LOOKED);
    return view;
}

static void r_told(void *self, void *mailbox, uint64_t modseq)
{
    rig_login *l = self;
    l->rig->inner->told(l->inner, mailbox, modseq);
}

static ll_status r_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                         unsigned want)
{
    return hold(self, (rig_held){.kind = HELD_FETCH,
                                 .call = call,
                                 .mailbox = mailbox,
                                 .ranges = ranges,
                                 .count = count,
                                 .limit = limit,
                                 .number = want});
}

static ll_status r_read(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length)
{
    return hold(
        self,
        (rig_held){
            .kind = HELD_READ, .call = call, .mailbox = mailbox, .number = uid, .offset = offset, .limit = length});
}

static ll_status r_store(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_flags_op op,
                         unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    return hold(self, (rig_held){.kind = HELD_STORE,
                                 .call = call,
                                 .mailbox = mailbox,
                                 .ranges = ranges,
                                 .count = count,
                                 .op = op,
                                 .number = flags,
                                 .keywords = keywords,
                                 .keywords_count = keywords_count});
}

static ll_status r_store_if(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                            ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count,
                            uint64_t since)
{
    return hold(self, (rig_held){.kind = HELD_STORE_IF,
                                 .call = call,
                                 .mailbox = mailbox,
                                 .ranges = ranges,
                                 .count = count,
                                 .op = op,
                                 .number = flags,
                                 .keywords = keywords,
                                 .keywords_count = keywords_count,
                                 .offset = since});
}

static ll_status r_expunge(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count)
{
    return hold(self,
                (rig_held){.kind = HELD_EXPUNGE, .call = call, .mailbox = mailbox, .ranges = ranges, .count = count});
}

static ll_status r_copy(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                        bool move)
{
    return hold(self, (rig_held){.kind = HELD_COPY,
                                 .call = call,
                                 .mailbox = mailbox,
                                 .ranges = ranges,
                                 .count = count,
                                 .name = to,
                                 .on = move});
}

static ll_status r_append_open(void *self, ll_call *call, ll_span to, const ll_append *message)
{
    return hold(self, (rig_held){.kind = HELD_APPEND_OPEN, .call = call, .name = to, .append = message});
}

static ll_status r_append_data(void *self, void *upload, ll_span bytes)
{
    rig_login *l = self;
    return l->rig->inner->append_data(l->inner, upload, bytes);
}

static ll_status r_append_commit(void *self, ll_call *call, void *const *uploads, size_t count)
{
    return hold(self, (rig_held){.kind = HELD_APPEND_COMMIT, .call = call, .uploads = uploads, .count = count});
}

static void r_append_abort(void *self, void *upload)
{
    rig_login *l = self;
    l->rig->inner->append_abort(l->inner, upload);
}

static ll_status r_changes(void *self, ll_call *call, void *mailbox, uint64_t since)
{
    return hold(self, (rig_held){.kind = HELD_CHANGES, .call = call, .mailbox = mailbox, .offset = since});
}

static ll_status r_replace(void *self, ll_call *call, void *mailbox, uint32_t uid, void *upload)
{
    return hold(self,
                (rig_held){.kind = HELD_REPLACE, .call = call, .mailbox = mailbox, .number = uid, .upload = upload});
}

static ll_status r_search(void *self, ll_call *call, void *mailbox, const ll_term *terms, size_t count)
{
    const rig_login *l = self;
    if (!l->rig->inner->search)
        return LL_EUNSUPPORTED;
    return hold(self,
                (rig_held){.kind = HELD_SEARCH, .call = call, .mailbox = mailbox, .terms = terms, .count = count});
}

static ll_status r_survey(void *self, ll_call *call, bool metadata)
{
    return hold(self, (rig_held){.kind = HELD_SURVEY, .call = call, .on = metadata});
}

static void r_watch(void *self, bool on)
{
    rig_login *l = self;
    l->rig->inner->watch(l->inner, on);
}

static const ll_connector rig_connector = {
    .size = sizeof(ll_connector),
    .end = r_end,
    .list = r_list,
    .create = r_create,
    .remove = r_remove,
    .rename = r_rename,
    .subscribe = r_subscribe,
    .status = r_status,
    .open = r_open,
    .close = r_close,
    .latest = r_latest,
    .told = r_told,
    .fetch = r_fetch,
    .read = r_read,
    .store = r_store,
    .expunge = r_expunge,
    .copy = r_copy,
    .append_open = r_append_open,
    .append_data = r_append_data,
    .append_commit = r_append_commit,
    .append_abort = r_append_abort,
    .changes = r_changes,
    .store_if = r_store_if,
    .search = r_search,
    .replace = r_replace,
    .survey = r_survey,
    .watch = r_watch,
};

/* ---------------------------------------------------------------------------------------------- The account */

void rig_init(rig *r, rig_kind kind)
{
    memset(r, 0, sizeof *r);
    r->kind = kind;
    for (unsigned i = 0; i < RIG_SESSIONS; i++) {
        r->sessions[i].rig = r;
        text_init(&r->sessions[i].said, NULL, 64 << 20);
    }
    if (kind == RIG_MEMORY) {
        r->backend = memory_store_new();
        r->inner = &memory_connector;
        return;
    }
    fixture *f = malloc(sizeof *f);
    if (!f)
        abort();
    fixture_init(f, 0);
    r->backend = f;
}

void rig_fini(rig *r)
{
    for (unsigned i = 0; i < RIG_SESSIONS; i++) {
        rig_drop(r, i);
        text_fini(&r->sessions[i].said);
    }
    if (r->kind == RIG_MEMORY) {
        memory_store *store = r->backend;
        memory_store_del(&store);
        return;
    }
    fixture_fini(r->backend);
    free(r->backend);
}

static void notify(void *context)
{
    rig_session *s = context;
    s->notified = true;
}

static void auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    rig_session *s = context;
    rig *r = s->rig;
    (void)mechanism, (void)initial, (void)login;
    rig_login *l = calloc(1, sizeof *l);
    if (!l)
        abort();
    l->rig = r;
    l->number = (unsigned)(s - r->sessions);
    s->login = l;
    if (r->kind == RIG_MEMORY)
        l->inner = memory_login(r->backend, notify, s);
    else if (connector_new(((fixture *)r->backend)->vault, notify, s, &r->inner, &l->inner))
        abort();
    ll_session_authenticated(s->session, &rig_connector, l, SPAN(""));
}

static const char *mechanisms(void *context)
{
    (void)context;
    return "PLAIN";
}

static int64_t now(void *context)
{
    (void)context;
    return 1700000000;
}

static const ll_host host = {.size = sizeof(ll_host), .now = now, .mechanisms = mechanisms, .auth_start = auth_start};

static void take_output(rig_session *s)
{
    for (ll_span out; s->session && (out = ll_session_output(s->session)).size;) {
        text_add(&s->said, out);
        ll_session_sent(s->session, out.size);
    }
}

void rig_connect(rig *r, unsigned n)
{
    rig_session *s = &r->sessions[n];
    ll_limits limits;
    ll_limits_init(&limits);
    limits.bad_commands = UINT64_MAX;
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .host = &host, .context = s, .limits = &limits};
    bool later = r->later[n];
    r->later[n] = false;
    if (ll_session_new(&s->session, &config))
        abort();
    rig_send(r, n, "login LOGIN a b\r\n", 17);
    if (!strstr(text_str(&s->said), "login OK"))
        abort();
    text_clear(&s->said);
    r->later[n] = later;
}

bool rig_waits(const rig *r, unsigned n)
{
    for (const rig_held *h = r->held; h; h = h->next)
        if (h->login->number == n)
            return true;
    return false;
}

bool rig_go(rig *r, unsigned n)
{
    rig_held **at = &r->held;
    while (*at && (*at)->login->number != n)
        at = &(*at)->next;
    if (!*at)
        return false;
    rig_held *h = *at;
    *at = h->next;
    ll_status status = perform(h);
    tell(h->login, h->kind);
    ll_call_done(h->call, status);
    free(h);
    take_output(&r->sessions[n]);
    rig_settle(r);
    return true;
}

void rig_settle(rig *r)
{
    if (r->kind == RIG_MEMORY)
        memory_notify(r->backend);
    for (unsigned i = 0; i < RIG_SESSIONS; i++) {
        rig_session *s = &r->sessions[i];
        if (!s->notified || !s->session)
            continue;
        s->notified = false;
        ll_session_notify(s->session);
        take_output(s);
    }
}

void rig_drop(rig *r, unsigned n)
{
    rig_session *s = &r->sessions[n];
    if (!s->session)
        return;
    if (r->kind == RIG_VAULT && s->login)
        connector_mute(s->login->inner);
    s->login = NULL;
    ll_session_del(&s->session);
    while (rig_go(r, n))
        ;
    text_clear(&s->said);
    s->notified = false;
    rig_settle(r);
}

void rig_send(rig *r, unsigned n, const char *bytes, size_t size)
{
    rig_session *s = &r->sessions[n];
    ll_span rest = span_of(bytes, size);
    if (r->kind == RIG_VAULT)
        ((fixture *)r->backend)->now++; /* so that messages wait long enough to be indexed */
    while (rest.size) {
        size_t taken = 0;
        if (ll_session_input(s->session, rest, &taken) < 0)
            break;
        rest = span_from(rest, taken);
        take_output(s);
        if (!taken && !(r->later[n] && rig_go(r, n)))
            break;
    }
    take_output(s);
    rig_settle(r);
}

bool rig_ended(const rig *r, unsigned n)
{
    return !r->sessions[n].session || ll_session_wants(r->sessions[n].session) & LL_WANTS_CLOSE;
}
