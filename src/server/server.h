/* server.h - the running server: everything that `letterlock serve` puts together.
 * SPDX-License-Identifier: MIT
 *
 * One loop thread owns all sockets and engines; workers do what blocks (SQL, password hashes). A session of any
 * protocol begins with a struct client, by which it is counted, found at shutdown, and kept alive while somebody else
 * still has work under way for it. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "keys/keyring.h"
#include "keys/memo.h"
#include "net/conn.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/tls.h"
#include "net/worker.h"
#include "server/config.h"
#include "server/footprint.h"
#include "store/directory.h"
#include "store/drop.h"
#include "store/executor.h"
#include "store/layout.h"
#include "store/spool.h"
#include "store/vaults.h"

typedef struct server server;
typedef struct client client;
typedef struct control control;
typedef struct login_gate login_gate;

typedef enum protocol { PROTOCOL_SMTP, PROTOCOL_LMTP, PROTOCOL_IMAP, PROTOCOL_COUNT } protocol;

/* One listener of the server, for `status` and for the ready line. */
typedef struct server_listener {
    server *server;
    net_listen *listen;
    protocol protocol;
    bool tls;         /* implicit TLS */
    const char *name; /* "smtp", "imaps" ... */
    char address[64];
    uint16_t port;
} server_listener;

enum {
    SERVER_MARKS_EACH = 2, /* remembered passwords for each vault that may be unlocked: a telephone and a computer */
    SERVER_SECRETS = 8,    /* besides keys and marks: the keyring's own, the memo's own, the fake-salt secret */
    SERVER_LISTENERS_MAX = 32,  /* four kinds, a few addresses each */
    SERVER_SHUTDOWN_MS = 10000, /* clients get this long to take their last replies */
    SERVER_LOCK_MS = 3000,      /* a command of the command line is done by then; a running server is not */
    SERVER_LINGER_MS = 500,     /* at shutdown, clients that were told everything get this long to hang up */
    SERVER_STOP_POLL_MS = 20,
    SERVER_OVERDUE_MS = 1000, /* how often connections are looked at that take too long */
    SERVER_STRANGER_MS =
        180000,                 /* to log in, or to begin a message: three times what the slowest honest client needs */
    SERVER_CONTENT_MS = 300000, /* grace for the content of a message; after it, */
    SERVER_CONTENT_BYTES_S = 1024, /* this many bytes a second must have come: slower than any line in use */
    SERVER_TICK_MS = 250           /* how often vaults are looked at for their grace period */
};

struct server {
    layout layout;
    footprint footprint;
    int lock;
    const config *_Atomic config; /* never changed, only exchanged: any thread may read it */
    struct config_kept
        *configs; /* all there ever were: their strings may be in use on workers, so they stay to the end */
    net_loop *loop;
    net_workers *workers;
    net_workers *operators; /* one thread: operations wait for what the workers do, and one after the other */
    executor executor;
    net_gate *gate;
    net_tls *tls;
    secret_arena *secrets;
    keyring *keyring;
    memo *memo; /* of passwords whose vault is unlocked */
    directory *directory;
    ledger *ledger;
    drop *drop;
    vaults *vaults;
    spool_pool pool;
    layout_path spool_folder;
    uint8_t *sasl_fake; /* in the secret arena */
    login_gate *gate_logins;
    control *control;

    server_listener listeners[SERVER_LISTENERS_MAX];
    size_t listeners_count;
    client *clients;
    uint64_t clients_count[PROTOCOL_COUNT];
    uint64_t clients_alive; /* with those that are closed but have work under way */
    uint64_t operations;    /* of the control socket, under way */
    uint64_t messages_in, logins, logins_failed;
    uint64_t endings; /* calls of server_end_alias: a login that was under way meanwhile looks again */
    int64_t started;
    uint64_t next_session;
    uint64_t overdue_ms; /* when connections were looked at */
    uint64_t stopping_ms;
    bool noting; /* a worker writes what vaults hold into the directory */
    bool stopping;
    bool aborted; /* sessions that did not take their goodbye were cut off */
    bool closing; /* no sessions any more: the vaults are being closed */
    net_timer *tick, *deadline;
};

/* Open the data directory for use: lock, configuration, keys, stores. With `loop` false only what the command line
 * needs (no loop, no workers, no listeners; executor runs everything at once). On failure `error` has sentences for the
 * operator. */
LL_MUST_USE ll_status server_open(server *s, const char *data, bool loop, text *error);
void server_close(server *s);
/* Slots of the secret arena that these settings need. */
size_t server_secrets(const config *c);
/* Listen, serve until SIGTERM or SIGINT, and finish. Prints the ready line on stdout. */
LL_MUST_USE ll_status server_run(server *s, text *error);
/* Read configuration and certificate again (SIGHUP). */
void server_reload(server *s);

/* What every session begins with. */
struct client {
    server *server;
    net_conn *conn; /* NULL once closed */
    protocol protocol;
    char id[24]; /* for the log */
    unsigned refs;
    bool said_all; /* only the client's hanging up is waited for */
    client *previous, *next;
    uint64_t since_ms;                           /* connected */
    void (*shutdown)(client *c, ll_span why);    /* say goodbye */
    bool (*overdue)(client *c, uint64_t now_ms); /* it takes too long: cut it off */
    void (*free)(client *c);                     /* the last reference is gone */
    void *login_alias; /* not NULL after login: 16 bytes, for `status` and for ending an alias's sessions */
};

void client_join(client *c, server *s, net_conn *conn, protocol kind);
/* The connection is gone: leaves the list and drops the connection's reference. */
void client_leave(client *c);
/* Loop thread only. */
void client_ref(client *c);
void client_unref(client *c);
/* End the sessions of one alias (its slot was revoked, or it was removed), also those that are just logging in; abort:
 * without a goodbye. Loop thread. */
void server_end_alias(server *s, const uint8_t alias[KEYS_ID], bool abort);

/* The sessions' own makers, called by the listeners. */
void imap_session_accept(server_listener *listener, net_conn *conn);
void smtp_session_accept(server_listener *listener, net_conn *conn);

#endif
