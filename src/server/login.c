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
    /* out */
    ll_status status;
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
    if (status)
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
    layout_path path = layout_vault(&s->layout, l->alias.vault);
    uint64_t quota = l->alias.quota_bytes ? l->alias.quota_bytes : s->config->quota;
    vaults_open(s->vaults, l->alias.id, path.string, sasl_key(l->exchange), quota, opened, o);
}

/* A slot that was revoked while its password was being hashed does not count any more. "Last used" is noted by the way;
 * if only that fails, it keeps nobody out. */
static void slot_check(void *context)
{
    opening *o = context;
    ll_status status = directory_slot_touch(o->server->directory, o->alias, o->slot, time(NULL));
    o->status = status == LL_ENOTFOUND ? LL_EAUTH : LL_OK;
    o->compact = !o->status && compaction_is_marked(o->server, o->alias);
    if (status && status != LL_ENOTFOUND)
        log_event("-", "touch-failed status=%s", ll_status_name(status));
    executor_done(&o->server->executor, slot_checked, o);
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
    executor_work(&s->executor, slot_check, o);
}

/* ----------------------------------------------------------------------------------------- asking the directory */

static void inquiry_del(inquiry *q)
{
    text_wipe(&q->user);
    text_wipe(&q->password);
    memory_wipe(q->key, sizeof q->key);
    memory_free(NULL, q);
}

static void proceed(login *l, sasl_answer answer);
static void gate_leave(login_gate *g);

/* What will be needed when the exchange is done. */
static ll_status keep_alias(login *l, const inquiry *q)
{
    l->alias = q->alias;
    memory_free(NULL, l->slot_ids);
    l->slot_ids = memory_new(NULL, (q->slots_count + 1) * sizeof *l->slot_ids);
    for (size_t i = 0; l->slot_ids && i < q->slots_count; i++)
        memcpy(l->slot_ids[i], q->slots[i].slot.id, KEYS_ID);
    return l->slot_ids ? LL_OK : LL_ENOMEM;
}

/* Back on the loop. */
static void inquiry_answered(void *context)
{
    inquiry *q = context;
    login *l = q->login;
    if (q->hashed)
        gate_leave(q->server->gate_logins);
    if (l) {
        l->inquiry = NULL;
        if (!q->status)
            q->status = keep_alias(l, q);
        sasl_answer answer;
        if (q->by_password || (q->status && q->status != LL_ENOTFOUND)) {
            answer = sasl_give_login(l->exchange, q->status, q->key, q->slot);
        } else if (q->status == LL_ENOTFOUND) {
            answer = sasl_give_nobody(l->exchange, q->server->sasl_fake);
        } else {
            slot slots[SLOT_COUNT_MAX];
            for (size_t i = 0; i < q->slots_count; i++)
                slots[i] = q->slots[i].slot;
            answer = sasl_give_slots(l->exchange, q->alias.id, &q->alias.salts, slots, q->slots_count);
        }
        proceed(l, answer);
    }
    client_unref(q->client);
    inquiry_del(q);
}

static ll_status inquire(inquiry *q)
{
    server *s = q->server;
    ll_status status = directory_alias_find(s->directory, text_span(&q->user), &q->alias);
    if (!status && q->alias.disabled)
        status = LL_ENOTFOUND;
    if (!status)
        status = directory_slot_list(s->directory, q->alias.id, q->slots, &q->slots_count);
    if (!q->by_password || (status && status != LL_ENOTFOUND))
        return status;
    if (status == LL_ENOTFOUND)
        return slot_login_fake(s->sasl_fake, text_span(&q->user), text_span(&q->password));
    slot slots[SLOT_COUNT_MAX];
    for (size_t i = 0; i < q->slots_count; i++)
        slots[i] = q->slots[i].slot;
    return slot_login_plain(q->alias.id, &q->alias.salts, slots, q->slots_count, text_span(&q->password), q->key,
                            &q->slot);
}

static void inquiry_work(void *context)
{
    inquiry *q = context;
    q->status = inquire(q);
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
    bool crowded = sasl_password(l->exchange).data && gate_is_crowded(s->gate_logins, l->client);
    inquiry *q = crowded ? NULL : memory_new(NULL, sizeof *q);
    if (!q) {
        refuse(l, crowded ? LL_EUNAVAILABLE : LL_ENOMEM);
        return;
    }
    *q = (inquiry){.server = s, .login = l, .client = l->client};
    ll_span password = sasl_password(l->exchange);
    text_init(&q->user, NULL, SASL_MESSAGE_MAX);
    text_init(&q->password, NULL, SASL_MESSAGE_MAX);
    text_add(&q->user, sasl_user(l->exchange));
    q->by_password = password.data != NULL;
    if (q->by_password)
        text_add(&q->password, password);
    client_ref(q->client);
    l->inquiry = q;
    if (q->by_password)
        gate_enter(s->gate_logins, q);
    else
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
