/* server.c - see server.h
 * SPDX-License-Identifier: MIT */
#include "server/server.h"

#include "base/memory.h"
#include "keys/server_key.h"
#include "server/control.h"
#include "server/log.h"
#include "server/login.h"
#include "server/quota.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------ opening the house */

static void work_post(void *context, void (*fn)(void *), void *arg)
{
    server *s = context;
    net_workers_post(s->workers, fn, arg);
}

static void done_post(void *context, void (*fn)(void *), void *arg)
{
    server *s = context;
    net_loop_post(s->loop, fn, arg);
}

static void vault_log_line(void *context, ll_span line)
{
    (void)context;
    log_span("-", line);
}

/* What a locked vault holds, so that its quota counts at the door; and its passwords are not remembered any longer. */
static void vault_locking(void *context, const uint8_t alias[KEYS_ID], uint64_t bytes)
{
    server *s = context;
    memo_drop(s->memo, alias);
    quota_locking(s, alias, bytes);
}

/* As many descriptors and as much locked memory as the system lets us have; what is missing shows in `letterlock
 * check`. */
static void raise_limits(void)
{
    static const int which[] = {RLIMIT_NOFILE, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        struct rlimit limit;
        if (getrlimit((__rlimit_resource_t)which[i], &limit) == 0 && limit.rlim_cur != limit.rlim_max) {
            limit.rlim_cur = limit.rlim_max;
            (void)setrlimit((__rlimit_resource_t)which[i], &limit);
        }
    }
}

size_t server_secrets(const config *c)
{
    return c->vaults_unlocked * (1 + SERVER_MARKS_EACH) + VAULTS_CLOSING_MAX + SERVER_SECRETS;
}

static ll_status open_keys(server *s, text *error)
{
    uint8_t key[KEYS_KEY], sub[KEYS_KEY];
    ll_status status = secret_arena_new(&s->secrets, server_secrets(s->config), error);
    if (!status)
        status = keyring_new(&s->keyring, s->secrets, s->config->vaults_unlocked + VAULTS_CLOSING_MAX);
    if (!status)
        status = memo_new(&s->memo, s->secrets, SERVER_MARKS_EACH * s->config->vaults_unlocked);
    if (!status && !(s->sasl_fake = secret_take(s->secrets)))
        status = LL_ENOMEM;
    if (!status)
        status = server_key_load(layout_of(&s->layout, LAYOUT_SERVER_KEY).string, false, key, error);
    if (status)
        return status;
    server_key_derive(key, SERVER_KEY_SASL_FAKE, s->sasl_fake);
    server_key_derive(key, SERVER_KEY_DIRECTORY, sub);
    status = directory_open(&s->directory, layout_of(&s->layout, LAYOUT_DIRECTORY).string, sub, 0, error);
    server_key_derive(key, SERVER_KEY_QUEUE, sub);
    if (!status)
        status = drop_open(&s->drop, layout_of(&s->layout, LAYOUT_DROP).string, sub, &s->executor, error);
    memory_wipe(key, sizeof key);
    memory_wipe(sub, sizeof sub);
    return status;
}

static ll_status open_vaults(server *s)
{
    s->spool_folder = layout_of(&s->layout, LAYOUT_TMP);
    s->pool.bytes_max = s->config->spool_memory;
    vault_config shared = {
        .executor = &s->executor,
        .ledger = s->ledger,
        .keyring = s->keyring,
        .spool_folder = s->spool_folder.string,
        .spool_pool = &s->pool,
        .message_bytes_max = s->config->message_size,
        .log = vault_log_line,
        .locking = vault_locking,
        .ctx = s,
    };
    return vaults_new(&s->vaults, &shared, s->config->vault_grace, (unsigned)s->config->vaults_unlocked);
}

struct config_kept {
    config config;
    struct config_kept *next;
};

/* Read the file; if it has no fault these are the settings from now on. */
static ll_status config_load(server *s, text *error)
{
    struct config_kept *kept = memory_new(NULL, sizeof *kept);
    ll_status status = kept ? config_init(&kept->config) : LL_ENOMEM;
    if (!status)
        status = config_read(&kept->config, layout_of(&s->layout, LAYOUT_CONF).string, error);
    if (status) {
        if (kept)
            config_fini(&kept->config);
        memory_free(NULL, kept);
        return status;
    }
    kept->next = s->configs;
    s->configs = kept;
    s->config = &kept->config;
    return LL_OK;
}

static void configs_free(server *s)
{
    while (s->configs) {
        struct config_kept *next = s->configs->next;
        config_fini(&s->configs->config);
        memory_free(NULL, s->configs);
        s->configs = next;
    }
}

/* A command may have the data directory for a moment when the server starts; the command line itself asks again
 * (cli.c). */
static ll_status lock_folder(server *s, bool wait, text *error)
{
    size_t said = error->size;
    ll_status status = layout_lock(&s->layout, &s->lock, error);
    for (int waited = 0; wait && status == LL_EBUSY && waited < SERVER_LOCK_MS; waited += SERVER_STOP_POLL_MS) {
        struct timespec pause = {0, SERVER_STOP_POLL_MS * 1000000L};
        nanosleep(&pause, NULL);
        text_cut(error, said);
        status = layout_lock(&s->layout, &s->lock, error);
    }
    return status;
}

ll_status server_open(server *s, const char *data, bool loop, text *error)
{
    *s = (server){.lock = -1, .started = time(NULL), .next_session = 1};
    ll_status status = keys_init();
    if (!status)
        status = layout_init(&s->layout, data);
    if (!status)
        status = config_load(s, error);
    if (!status)
        status = lock_folder(s, loop, error);
    if (!status && loop) {
        raise_limits();
        if (!footprint_init(&s->footprint))
            log_event("-", "memory-not-locked remedy=\"turn swap off, or allow LimitMEMLOCK=infinity\"");
        s->executor = (executor){work_post, done_post, s};
        status = net_loop_new(&s->loop);
        if (!status)
            status = net_workers_new(&s->workers, (unsigned)s->config->workers);
        if (!status)
            status = net_workers_new(&s->operators, 1);
    }
    if (!status)
        status = open_keys(s, error);
    if (!status && loop)
        status = quota_open(s);
    if (!status)
        status = open_vaults(s);
    return status;
}

void server_close(server *s)
{
    /* The vaults were closed by server_run; without a loop everything happens at once, here. */
    if (s->vaults && !s->loop)
        vaults_close_all(s->vaults, NULL, NULL);
    if (s->operators)
        net_workers_del(&s->operators);
    drop_close(&s->drop);
    if (s->workers)
        net_workers_del(&s->workers);
    if (s->loop)
        net_loop_del(&s->loop);
    if (s->vaults)
        vaults_del(&s->vaults);
    ledger_del(&s->ledger);
    directory_close(&s->directory);
    login_gate_del(&s->gate_logins);
    net_tls_del(&s->tls);
    if (s->gate)
        net_gate_del(&s->gate);
    if (s->secrets)
        secret_give(s->secrets, &s->sasl_fake);
    memo_del(&s->memo);
    keyring_del(&s->keyring);
    secret_arena_del(&s->secrets);
    configs_free(s);
    if (s->lock >= 0)
        layout_unlock(&s->lock);
}

/* ------------------------------------------------------------------------------------------------------- listening */

static void log_line(void *context, ll_span line)
{
    (void)context;
    log_span("-", line);
}

static void accept_client(void *context, net_conn *conn)
{
    server_listener *listener = context;
    if (listener->server->stopping)
        net_conn_abort(conn);
    else if (listener->protocol == PROTOCOL_IMAP)
        imap_session_accept(listener, conn);
    else
        smtp_session_accept(listener, conn);
}

typedef struct listener_kind {
    const char *name;
    const char *value;
    protocol protocol;
    bool tls;
    const char *refusal;
} listener_kind;

static ll_status listen_one(server *s, const listener_kind *kind, const char *address, uint16_t port, text *error)
{
    if (s->listeners_count == SERVER_LISTENERS_MAX) {
        text_print(error, "more than %d listeners are configured\n", SERVER_LISTENERS_MAX);
        return LL_ELIMIT;
    }
    server_listener *l = &s->listeners[s->listeners_count];
    *l = (server_listener){.server = s, .protocol = kind->protocol, .tls = kind->tls, .name = kind->name};
    net_listen_config wanted = {
        .address = address,
        .port = port,
        .tls = kind->tls ? s->tls : NULL,
        .gate = s->gate,
        .refusal = span_str(kind->refusal),
        .log = log_line,
        .accept = accept_client,
        .context = l,
    };
    ll_status status = net_listen_open(&l->listen, s->loop, &wanted, error);
    if (status)
        return status;
    snprintf(l->address, sizeof l->address, "%s", address);
    l->port = net_listen_port(l->listen);
    s->listeners_count++;
    return LL_OK;
}

static ll_status listen_all(server *s, text *error)
{
    const listener_kind kinds[] = {
        {"smtp", s->config->listen_smtp, PROTOCOL_SMTP, false, "421 4.3.2 too many connections, try again later\r\n"},
        {"lmtp", s->config->listen_lmtp, PROTOCOL_LMTP, false, "421 4.3.2 too many connections, try again later\r\n"},
        {"imap", s->config->listen_imap, PROTOCOL_IMAP, false, "* BYE too many connections, try again later\r\n"},
        {"imaps", s->config->listen_imaps, PROTOCOL_IMAP, true, ""},
    };
    bool failed = false; /* all that fail are named, not only the first */
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        ll_span rest = span_str(kinds[i].value);
        char address[64];
        uint16_t port;
        while (config_listen_next(&rest, address, &port)) {
            text why;
            text_init(&why, NULL, 4096);
            if (listen_one(s, &kinds[i], address, port, &why)) {
                failed = true;
                text_print(error, "listen_%s: %s\n", kinds[i].name, text_str(&why));
            }
            text_fini(&why);
        }
    }
    return failed ? LL_EUNAVAILABLE : LL_OK;
}

static void listeners_close(server *s)
{
    for (size_t i = 0; i < s->listeners_count; i++)
        if (s->listeners[i].listen)
            net_listen_close(&s->listeners[i].listen);
}

static void say_ready(const server *s)
{
    printf("ready");
    for (size_t i = 0; i < s->listeners_count; i++) {
        const server_listener *l = &s->listeners[i];
        bool six = strchr(l->address, ':') != NULL;
        printf(" %s=%s%s%s:%u", l->name, six ? "[" : "", l->address, six ? "]" : "", l->port);
    }
    printf("\n");
    fflush(stdout);
}

/* ---------------------------------------------------------------------------------------------- running and ending */

/* A file named by a setting: relative to the data directory. */
static void data_path(const server *s, const char *name, char *out, size_t size)
{
    if (name[0] == '/')
        snprintf(out, size, "%s", name);
    else
        snprintf(out, size, "%s/%s", s->layout.root, name);
}

static ll_status open_tls(server *s, text *error)
{
    char certificate[PATH_MAX], key[PATH_MAX];
    data_path(s, s->config->tls_certificate, certificate, sizeof certificate);
    data_path(s, s->config->tls_key, key, sizeof key);
    return net_tls_new(&s->tls, certificate, key, error);
}

void server_reload(server *s)
{
    text error;
    text_init(&error, NULL, 65536);
    ll_status status = config_load(s, &error);
    if (!status) {
        vaults_grace(s->vaults, s->config->vault_grace);
        ledger_default(s->ledger, s->config->quota);
        status = net_tls_reload(s->tls, &error);
    }
    if (status)
        log_event("-", "reload-failed text=\"%s\"", text_str(&error));
    else
        log_event("-", "reloaded");
    text_fini(&error);
}

/* Silence is measured by the connections; this is for those who are never silent and never get on. */
static void end_overdue(server *s, uint64_t now_ms)
{
    if (now_ms - s->overdue_ms < SERVER_OVERDUE_MS)
        return;
    s->overdue_ms = now_ms;
    for (client *c = s->clients, *next; c; c = next) {
        next = c->next;
        if (c->overdue && c->overdue(c, now_ms)) {
            log_event(c->id, "overdue");
            net_conn_abort(c->conn);
        }
    }
}

static void trim(void *arg)
{
    server *s = arg;
    if (footprint_trim(&s->footprint))
        return;
    bool keys = !secret_arena_lock(s->secrets);
    log_event("-", "memory-not-locked keys=%s remedy=\"turn swap off, or restart\"", keys ? "locked" : "not-locked");
}

static void on_tick(void *context)
{
    server *s = context;
    vaults_tick(s->vaults, net_loop_now_ms(s->loop));
    if (footprint_due(&s->footprint, net_loop_now_ms(s->loop)))
        net_workers_post(s->operators, trim, s);
    quota_tick(s);
    end_overdue(s, net_loop_now_ms(s->loop));
    net_timer_start(s->tick, SERVER_TICK_MS);
}

static void on_deadline(void *context)
{
    server *s = context;
    if (s->aborted) {
        /* Something is stuck. What was acknowledged is on the disk, and taking the house down around work under way is
         * not safe. */
        log_event("-", "stopping-hard sessions=%" PRIu64 " operations=%" PRIu64, s->clients_alive, s->operations);
        _exit(1);
    }
    s->aborted = true;
    for (client *c = s->clients; c; c = c->next)
        net_conn_abort(c->conn);
    net_timer_start(s->deadline, SERVER_SHUTDOWN_MS);
}

static void vaults_closed(void *context)
{
    server *s = context;
    net_loop_stop(s->loop);
}

/* While stopping: once every session is gone the vaults are closed, and then the loop may end. */
static void on_stop_tick(void *context)
{
    server *s = context;
    bool linger = net_loop_now_ms(s->loop) - s->stopping_ms < SERVER_LINGER_MS;
    for (client *c = linger ? NULL : s->clients; c; c = c->next)
        if (c->said_all && !net_conn_queued(c->conn))
            net_conn_abort(c->conn);
    if (s->closing)
        vaults_tick(s->vaults, net_loop_now_ms(s->loop));
    else if (!s->clients && !s->clients_alive && !s->operations) {
        s->closing = true;
        net_timer_start(s->deadline, SERVER_SHUTDOWN_MS);
        vaults_close_all(s->vaults, vaults_closed, s);
    }
    net_timer_start(s->tick, SERVER_STOP_POLL_MS);
}

static void server_stop(server *s)
{
    if (s->stopping)
        return;
    log_event("-", "stopping sessions=%llu",
              (unsigned long long)(s->clients_count[0] + s->clients_count[1] + s->clients_count[2]));
    s->stopping = true;
    s->stopping_ms = net_loop_now_ms(s->loop);
    listeners_close(s);
    control_close(&s->control);
    for (client *c = s->clients, *next; c; c = next) {
        next = c->next;
        c->shutdown(c, SPAN("the server is shutting down"));
    }
    net_timer_del(&s->tick);
    s->tick = net_timer_new(s->loop, on_stop_tick, s);
    s->deadline = net_timer_new(s->loop, on_deadline, s);
    if (!s->tick || !s->deadline) {
        net_loop_stop(s->loop);
        return;
    }
    net_timer_start(s->tick, 0);
    net_timer_start(s->deadline, SERVER_SHUTDOWN_MS);
}

static void on_signal(void *context, int number)
{
    server *s = context;
    if (number == SIGHUP)
        server_reload(s);
    else
        server_stop(s);
}

static ll_status start(server *s, text *error)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    ll_status status = open_tls(s, error);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && !status; i++)
        status = net_loop_signal(s->loop, signals[i], on_signal, s);
    if (status)
        return status;
    s->gate = net_gate_new((uint32_t)s->config->connections, (uint32_t)s->config->connections_per_address, true);
    s->gate_logins = login_gate_new(s, (unsigned)s->config->login_hashes);
    s->tick = net_timer_new(s->loop, on_tick, s);
    if (!s->gate || !s->gate_logins || !s->tick)
        return LL_ENOMEM;
    status = listen_all(s, error);
    return status ? status : control_open(&s->control, s, error);
}

ll_status server_run(server *s, text *error)
{
    ll_status status = start(s, error);
    if (!status) {
        log_event("-", "started pid=%ld", (long)getpid());
        say_ready(s);
        net_timer_start(s->tick, SERVER_TICK_MS);
        net_loop_run(s->loop);
        log_event("-", "stopped");
    }
    listeners_close(s);
    control_close(&s->control);
    return status;
}
