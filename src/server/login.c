/* login.c - see login.h
 * SPDX-License-Identifier: MIT */
#include "server/login.h"

#include "base/memory.h"
#include "keys/sasl.h"
#include "server/compaction.h"
#include "server/log.h"
#include "store/absorb.h"

#include <time.h>

/* What a worker is asked about one exchange; it lives until the worker has answered, whatever happens to the login. */
typedef struct inquiry {
    server *server;
    login *login; /* NULL: nobody waits any more */
    client *client;
    bool queued; /* waits at the gate */
    bool hashed; /* holds a place inside it */
    struct inquiry *previous, *next;
    /* in */
    text user, password; /* password is wiped */
    bool by_password;
    uint64_t endings; /* of the server, when it was asked */
    /* out */
    ll_status status;
    bool looked_up;     /* alias and slots are there */
    bool remembered;    /* the key comes from the keyring: the vault is open */
    bool touched;       /* "last used" needs no change */
    bool nothing_waits; /* in the drop */
    uint8_t mark[KEYS_KEY];
    directory_alias alias;
    directory_slot slots[SLOT_COUNT_MAX];
    size_t slots_count;
    uint8_t key[KEYS_KEY];
    size_t slot;
} inquiry;

enum {
    gate_waiting_max = 256,    /* logins that wait to be hashed, in all: at 0.1 s each and two at a time, 13 s */
    gate_waiting_each_max = 4, /* from one address; this machine itself (webmail) is exempt */
};

struct login_gate {
    server *server;
    unsigned at_once, running, waiting;
    inquiry *first, *last; /* waiting for their turn */
};

struct login {
    client *client;
    const login_events *events;
    void *context;
    sasl *exchange;
    inquiry *inquiry;  /* with a worker */
    uint64_t heard_ms; /* when the client's last message came */
    net_timer *timer;  /* the refusal */
    ll_status refusal;
    bool callback_due; /* the timer is for a challenge, not for a refusal */
    struct opening *open;
    directory_alias alias; /* as the directory said, for after the exchange */
    uint8_t (*slot_ids)[KEYS_ID];
    uint64_t endings;
    bool checked, nothing_waits; /* the slot a moment ago; the drop */
    bool marked;
    uint8_t mark[KEYS_KEY]; /* for the memo, once the vault has opened */
};

/* A vault being opened and filled for a login; lives until both are done. */
typedef struct opening {
    server *server;
    login *login; /* NULL: nobody waits any more */
    client *client;
    vault *vault;
    ll_status status; /* of slot_check */
    bool compact;     /* the vault is marked: compaction.h */
    uint8_t alias[KEYS_ID], slot[KEYS_ID];
    bool nothing_waits;
} opening;

const char *login_mechanisms(const net_conn *conn)
{
    if (net_conn_is_secure(conn)) {
        unsigned char binding[NET_CONN_ENDPOINT_MAX];
        size_t size;
        bool bound = net_conn_tls_exporter(conn, binding) || net_conn_tls_endpoint_hash(conn, binding, &size);
        return bound ? "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" : "SCRAM-SHA-256 PLAIN LOGIN";
    }
    return net_conn_is_loopback(conn) ? "SCRAM-SHA-256 PLAIN LOGIN" : "";
}

/* Is the word in the list? */
static bool is_offered(const char *list, ll_span word)
{
    ll_span rest = span_str(list);
    while (rest.size)
        if (span_equal_nocase(span_cut(&rest, ' '), word))
            return true;
    return false;
}

ll_status login_new(login **out, client *c, ll_span mechanism, const login_events *events, void *context)
{
    sasl_mechanism number;
    *out = NULL;
    const char *offered = login_mechanisms(c->conn);
    if (!is_offered(offered, mechanism) || !sasl_mechanism_find(mechanism, &number))
        return LL_EUNSUPPORTED;
    unsigned char exporter[32], endpoint[NET_CONN_ENDPOINT_MAX];
    size_t endpoint_size = 0;
    sasl_config binding = {.plus_offered = is_offered(offered, SPAN("SCRAM-SHA-256-PLUS"))};
    if (net_conn_tls_exporter(c->conn, exporter))
        binding.tls_exporter = span_of((const char *)exporter, sizeof exporter);
    if (net_conn_tls_endpoint_hash(c->conn, endpoint, &endpoint_size))
        binding.tls_server_end_point = span_of((const char *)endpoint, endpoint_size);
    login *l = memory_new(NULL, sizeof *l);
    if (!l || sasl_new(&l->exchange, number, &binding)) {
        memory_free(NULL, l);
        return LL_ENOMEM;
    }
    l->client = c;
    l->events = events;
    l->context = context;
    *out = l;
    return LL_OK;
}

static void inquiry_forget(inquiry *q);

void login_del(login **out)
{
    login *l = *out;
    *out = NULL;
    if (!l)
        return;
    if (l->client->login_alias == l->alias.id)
        l->client->login_alias = NULL;
    if (l->inquiry)
        inquiry_forget(l->inquiry);
    if (l->open)
        l->open->login = NULL;
    net_timer_del(&l->timer);
    sasl_del(&l->exchange);
    memory_free(NULL, l->slot_ids);
    memory_wipe(l->mark, sizeof l->mark);
    memory_free(NULL, l);
}

/* --------------------------------------------------------------------------------------------------------- refusal */

static void timer_fired(void *context)
{
    login *l = context;
    if (l->callback_due) {
        l->callback_due = false;
        l->events->challenge(l->context, sasl_challenge(l->exchange));
        return;
    }
    ll_status status = l->refusal;
    bool secret = status == LL_EAUTH || status == LL_ESYNTAX || status == LL_EDENIED || status == LL_ECORRUPT;
    l->events->refused(l->context, secret ? LL_EAUTH : status,
                       secret ? SPAN("user name or password is wrong") : SPAN("try again later"));
}

static void timer_in(login *l, uint64_t ms)
{
    if (!l->timer)
        l->timer = net_timer_new(l->client->server->loop, timer_fired, l);
    if (l->timer)
        net_timer_start(l->timer, ms);
    else
        net_conn_abort(l->client->conn);
}

static void refuse(login *l, ll_status status)
{
    server *s = l->client->server;
    uint64_t spent = net_loop_now_ms(s->loop) - l->heard_ms, delay = s->config->login_failure_delay;
    l->refusal = status;
    s->logins_failed++;
    log_event(l->client->id, "login-failed mechanism=%s reason=%s", sasl_mechanism_name(sasl_mechanism_of(l->exchange)),
              ll_status_name(status));
    timer_in(l, spent < delay ? delay - spent : 0);
}

/* ----------------------------------------------------------------------------------------- opening the vault */

static void open_finish(opening *o, ll_status status)
{
    login *l = o->login;
    if (l)
        l->open = NULL;
    if (l && !status) {
        vault *v = o->vault;
        o->vault = NULL;
        o->server->logins++;
        if (l->marked) /* while the vault is held: it cannot be locked before this */
            memo_keep(o->server->memo, o->alias, o->slot, l->mark);
        log_event(o->client->id, "login alias=%02x%02x%02x%02x mechanism=%s", o->alias[0], o->alias[1], o->alias[2],
                  o->alias[3], sasl_mechanism_name(sasl_mechanism_of(l->exchange)));
        if (o->compact)
            compaction_begin(o->server, v, o->alias);
        l->events->accepted(l->context, v, o->alias, sasl_final(l->exchange));
    } else if (l) {
        log_event(o->client->id, "vault-unavailable alias=%02x%02x%02x%02x status=%s", o->alias[0], o->alias[1],
                  o->alias[2], o->alias[3], ll_status_name(status));
        refuse(l, status == LL_EAUTH ? status : LL_EUNAVAILABLE);
    }
    if (o->vault)
        vaults_release(o->server->vaults, &o->vault);
    client_unref(o->client);
    memory_free(NULL, o);
}

/* The drop that cannot be emptied now (a full disk) is no reason to keep the owner out: it waits. */
static void absorbed(void *context, ll_status status)
{
    opening *o = context;
    if (status)
        log_event(o->client->id, "absorb-incomplete alias=%02x%02x%02x%02x status=%s", o->alias[0], o->alias[1],
                  o->alias[2], o->alias[3], ll_status_name(status));
    open_finish(o, LL_OK);
}

static void opened(void *context, ll_status status, vault *v)
{
    opening *o = context;
    o->vault = v;
    if (status || o->nothing_waits)
        open_finish(o, status);
    else
        vault_absorb(v, o->server->drop, absorbed, o);
}

/* On the loop: the slot is still there. */
static void slot_checked(void *context)
{
    opening *o = context;
    server *s = o->server;
    login *l = o->login;
    if (!l || o->status) {
        open_finish(o, o->status ? o->status : LL_ECLOSED);
        return;
    }
    vault *open = o->nothing_waits ? vaults_find(s->vaults, o->alias) : NULL;
    if (open && vault_key_is(open, sasl_key(l->exchange))) {
        opened(o, LL_OK, open);
        return;
    }
    vaults_release(s->vaults, &open);
    o->nothing_waits = false; /* it was locked since that was seen: mail may have come into the drop */
    layout_path path = layout_vault(&s->layout, l->alias.vault);
    vaults_open(s->vaults, l->alias.id, path.string, sasl_key(l->exchange), 0, opened, o);
}

/* A slot of which nobody can have taken the right since it was looked at: whoever revokes one also ends the sessions of
 * its alias, on this thread, and from here on finds this one. */
static bool is_checked(const login *l)
{
    return l->checked && l->endings == l->client->server->endings;
}

/* "Last used": a sync of the directory, for which no login waits; if it fails, that keeps nobody out. */
typedef struct touch {
    server *server;
    uint8_t alias[KEYS_ID], slot[KEYS_ID];
} touch;

static void touch_work(void *context)
{
    touch *t = context;
    ll_status status = directory_slot_touch(t->server->directory, t->alias, t->slot, time(NULL));
    if (status && status != LL_ENOTFOUND)
        log_event("-", "touch-failed status=%s", ll_status_name(status));
    memory_free(NULL, t);
}

static void touch_later(const opening *o)
{
    touch *t = memory_new(NULL, sizeof *t);
    if (!t)
        return;
    t->server = o->server;
    memcpy(t->alias, o->alias, KEYS_ID);
    memcpy(t->slot, o->slot, KEYS_ID);
    executor_work(&o->server->executor, touch_work, t);
}

/* A slot that was revoked while its password was being hashed does not count any more. */
static void slot_check(void *context)
{
    opening *o = context;
    int64_t used = 0;
    ll_status status = directory_slot_used(o->server->directory, o->alias, o->slot, &used);
    o->status = status == LL_ENOTFOUND ? LL_EAUTH : LL_OK;
    o->compact = !o->status && compaction_is_marked(o->server, o->alias);
    if (!status && used != directory_touch_hour(time(NULL)))
        touch_later(o);
    executor_done(&o->server->executor, slot_checked, o); /* o may be gone now */
}

static void open_vault(login *l)
{
    server *s = l->client->server;
    opening *o = memory_new(NULL, sizeof *o);
    if (!o) {
        refuse(l, LL_ENOMEM);
        return;
    }
    *o = (opening){.server = s, .login = l, .client = l->client};
    memcpy(o->alias, l->alias.id, KEYS_ID);
    memcpy(o->slot, l->slot_ids[sasl_slot(l->exchange)], KEYS_ID);
    client_ref(o->client);
    l->open = o;
    l->client->login_alias = l->alias.id; /* from here on server_end_alias finds it */
    o->nothing_waits = l->nothing_waits;
    if (is_checked(l))
        slot_checked(o);
    else
        executor_work(&s->executor, slot_check, o);
}

/* ----------------------------------------------------------------------------------------- asking the directory */

static void inquiry_del(inquiry *q)
{
    text_wipe(&q->user);
    text_wipe(&q->password);
    memory_wipe(q->key, sizeof q->key);
    memory_wipe(q->mark, sizeof q->mark);
    memory_free(NULL, q);
}

static void proceed(login *l, sasl_answer answer);
static void gate_leave(login_gate *g);
static void gate_enter(login_gate *g, inquiry *q);
static bool gate_is_crowded(const login_gate *g, const client *c);

/* What will be needed when the exchange is done. */
static ll_status keep_alias(login *l, const inquiry *q)
{
    l->alias = q->alias;
    l->endings = q->endings;
    l->checked = q->remembered && q->touched;
    l->nothing_waits = q->nothing_waits;
    l->marked = q->by_password && !q->remembered;
    memcpy(l->mark, q->mark, sizeof l->mark);
    memory_free(NULL, l->slot_ids);
    l->slot_ids = memory_new(NULL, (q->slots_count + 1) * sizeof *l->slot_ids);
    for (size_t i = 0; l->slot_ids && i < q->slots_count; i++)
        memcpy(l->slot_ids[i], q->slots[i].slot.id, KEYS_ID);
    return l->slot_ids ? LL_OK : LL_ENOMEM;
}

static void slots_of(const inquiry *q, slot slots[SLOT_COUNT_MAX])
{
    for (size_t i = 0; i < q->slots_count; i++)
        slots[i] = q->slots[i].slot;
}

/* Back on the loop. */
static void inquiry_answered(void *context)
{
    inquiry *q = context;
    login *l = q->login;
    if (q->hashed)
        gate_leave(q->server->gate_logins);
    if (l && q->status == LL_MORE && !gate_is_crowded(q->server->gate_logins, q->client)) {
        gate_enter(q->server->gate_logins, q);
        return;
    }
    if (l) {
        l->inquiry = NULL;
        if (q->status == LL_MORE)
            q->status = LL_EUNAVAILABLE;
        if (!q->status)
            q->status = keep_alias(l, q);
        sasl_answer answer;
        if (q->by_password || (q->status && q->status != LL_ENOTFOUND)) {
            answer = sasl_give_login(l->exchange, q->status, q->key, q->slot);
        } else if (q->status == LL_ENOTFOUND) {
            answer = sasl_give_nobody(l->exchange, q->server->sasl_fake);
        } else {
            slot slots[SLOT_COUNT_MAX];
            slots_of(q, slots);
            answer = sasl_give_slots(l->exchange, q->alias.id, &q->alias.salts, slots, q->slots_count);
        }
        proceed(l, answer);
    }
    client_unref(q->client);
    inquiry_del(q);
}

/* Is it a password that has opened this vault since it was unlocked? Then the rest of the login needs no worker. */
static bool remember(inquiry *q)
{
    server *s = q->server;
    slot slots[SLOT_COUNT_MAX];
    slots_of(q, slots);
    if (!memo_find(s->memo, q->alias.id, slots, q->slots_count, text_span(&q->password), &q->slot) ||
        keyring_get(s->keyring, q->alias.id, q->key))
        return false;
    q->remembered = true;
    q->touched = q->slots[q->slot].last_used == directory_touch_hour(time(NULL));
    return true;
}

/* The vault is open, and the drop has nothing for it. */
static bool nothing_waits(const inquiry *q)
{
    uint64_t bytes, entries;
    const server *s = q->server;
    return keyring_has(s->keyring, q->alias.id) && !drop_alias_bytes(s->drop, q->alias.id, &bytes, &entries) &&
           !entries;
}

/* LL_MORE: the password must be hashed. */
static ll_status look_up(inquiry *q)
{
    server *s = q->server;
    ll_status status = directory_alias_find(s->directory, text_span(&q->user), &q->alias);
    if (!status && q->alias.disabled)
        status = LL_ENOTFOUND;
    if (!status)
        status = directory_slot_list(s->directory, q->alias.id, q->slots, &q->slots_count);
    q->looked_up = status == LL_OK;
    q->nothing_waits = q->looked_up && nothing_waits(q);
    if (!q->by_password || (status && status != LL_ENOTFOUND))
        return status;
    return q->looked_up && remember(q) ? LL_OK : LL_MORE;
}

static ll_status hash(inquiry *q)
{
    server *s = q->server;
    if (!q->looked_up)
        return slot_login_fake(s->sasl_fake, text_span(&q->user), text_span(&q->password));
    slot slots[SLOT_COUNT_MAX];
    slots_of(q, slots);
    ll_status status = slot_login_plain(q->alias.id, &q->alias.salts, slots, q->slots_count, text_span(&q->password),
                                        q->key, &q->slot);
    if (!status)
        memo_mark(s->memo, q->alias.id, &slots[q->slot], text_span(&q->password), q->mark);
    return status;
}

static void inquiry_work(void *context)
{
    inquiry *q = context;
    q->status = q->hashed ? hash(q) : look_up(q);
    executor_done(&q->server->executor, inquiry_answered, q);
}

login_gate *login_gate_new(server *s, unsigned at_once)
{
    login_gate *g = memory_new(NULL, sizeof *g);
    if (g)
        *g = (login_gate){.server = s, .at_once = at_once};
    return g;
}

void login_gate_del(login_gate **gate)
{
    memory_free(NULL, *gate);
    *gate = NULL;
}

static void gate_take_out(login_gate *g, inquiry *q)
{
    if (q->previous)
        q->previous->next = q->next;
    else
        g->first = q->next;
    if (q->next)
        q->next->previous = q->previous;
    else
        g->last = q->previous;
    q->previous = q->next = NULL;
    q->queued = false;
    g->waiting--;
}

static void gate_run(login_gate *g)
{
    while (g->first && g->running < g->at_once) {
        inquiry *q = g->first;
        gate_take_out(g, q);
        g->running++;
        q->hashed = true;
        executor_work(&g->server->executor, inquiry_work, q);
    }
}

static void gate_leave(login_gate *g)
{
    g->running--;
    gate_run(g);
}

/* Does this address have its share of the queue already? */
static bool gate_is_crowded(const login_gate *g, const client *c)
{
    unsigned same = 0;
    if (g->waiting >= gate_waiting_max)
        return true;
    if (net_conn_is_loopback(c->conn))
        return false;
    for (const inquiry *q = g->first; q; q = q->next)
        same += q->client->conn && strcmp(net_conn_peer(q->client->conn), net_conn_peer(c->conn)) == 0;
    return same >= gate_waiting_each_max;
}

static void gate_enter(login_gate *g, inquiry *q)
{
    q->queued = true;
    q->previous = g->last;
    if (g->last)
        g->last->next = q;
    else
        g->first = q;
    g->last = q;
    g->waiting++;
    gate_run(g);
}

/* The login has gone: what still waits is not hashed for nobody. */
static void inquiry_forget(inquiry *q)
{
    q->login = NULL;
    if (!q->queued)
        return;
    gate_take_out(q->server->gate_logins, q);
    client_unref(q->client);
    inquiry_del(q);
}

static void ask_directory(login *l)
{
    server *s = l->client->server;
    inquiry *q = memory_new(NULL, sizeof *q);
    if (!q) {
        refuse(l, LL_ENOMEM);
        return;
    }
    *q = (inquiry){.server = s, .login = l, .client = l->client, .endings = s->endings};
    ll_span password = sasl_password(l->exchange);
    text_init(&q->user, NULL, SASL_MESSAGE_MAX);
    text_init(&q->password, NULL, SASL_MESSAGE_MAX);
    text_add(&q->user, sasl_user(l->exchange));
    q->by_password = password.data != NULL;
    if (q->by_password)
        text_add(&q->password, password);
    client_ref(q->client);
    l->inquiry = q;
    executor_work(&s->executor, inquiry_work, q);
}

/* -------------------------------------------------------------------------------------------------- the exchange */

static void proceed(login *l, sasl_answer answer)
{
    switch (answer) {
    case SASL_CHALLENGE:
        l->callback_due = true;
        timer_in(l, 0);
        break;
    case SASL_NEED_USER:
        ask_directory(l);
        break;
    case SASL_NO:
        refuse(l, sasl_status(l->exchange));
        break;
    case SASL_DONE:
        open_vault(l);
        break;
    }
}

void login_start(login *l, ll_span initial)
{
    l->heard_ms = net_loop_now_ms(l->client->server->loop);
    proceed(l, sasl_start(l->exchange, initial));
}

void login_response(login *l, ll_span response)
{
    l->heard_ms = net_loop_now_ms(l->client->server->loop);
    proceed(l, sasl_response(l->exchange, response));
}
