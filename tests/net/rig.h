/* rig.h - what the tests of this room share: a certificate, a folder, a server on its own thread, blocking clients.
 * SPDX-License-Identifier: MIT
 *
 * The server speaks lines, and what a line does is the test's remote control:
 *     STARTTLS  answers "go", then TLS           BIG n      answers n bytes of pattern (rig_pattern)
 *     QUIT      answers "bye", closes            RAW        from now on echoes bytes, not lines
 *     ABORT     closes hard                      EXPORTER / ENDPOINT   channel bindings in hex
 *     WHO       address and TLS                  HOLD ms    takes no input for so long, then offers
 *     PAUSE ms  stops reading for so long        anything else is echoed with "=" before it */
#ifndef TESTS_NET_RIG_H
#define TESTS_NET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/listen.h"

#include <openssl/ssl.h>
#include <pthread.h>

typedef enum rig_key { RIG_P256, RIG_ED25519 } rig_key;

/* Temporary folder of this process; rig_folder_del removes it with its files. */
const char *rig_folder(void);
void rig_folder_del(void);
/* "folder/name", to be freed. */
char *rig_path(const char *name);
/* A self-signed certificate and key as PEM files in the folder. */
void rig_certificate(const char *cert_path, const char *key_path, rig_key kind, const char *common_name);
char rig_pattern(size_t position);

typedef struct rig_server {
    net_loop *loop;
    net_listen *listener;
    net_tls *tls;
    pthread_t thread;
    uint64_t timeout_ms;
    bool use_eof; /* sessions get on_eof, and answer "eof" before closing */

    /* guarded by lock, for the test to look at */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned opened, closed, secured, timeouts, logs;
    size_t queued_max;  /* most bytes that any session saw in its queue */
    size_t offered_max; /* longest on_input */
    char reason[200];   /* of the last that closed */
} rig_server;

/* implicit_tls, unix_path, gate, address may be 0. The server runs when it returns. */
typedef struct rig_options {
    bool implicit_tls;
    const char *unix_path;
    net_gate *gate;
    uint64_t timeout_ms;
    bool use_eof;
} rig_options;

void rig_server_init(rig_server *server, rig_options options);
void rig_server_fini(rig_server *server);
/* Wait until so many sessions have closed; copies the last reason. Fails the test after 5 s. */
void rig_wait_closed(rig_server *server, unsigned count, char reason[200]);

/* A blocking client; every read and write fails the test after 5 s. */
typedef struct rig_client {
    int fd;
    SSL_CTX *context;
    SSL *ssl;
} rig_client;

rig_client rig_connect(const rig_server *server);
rig_client rig_connect_unix(const char *path);
/* TLS from now on; max_version 0 or TLS1_2_VERSION. False: the handshake failed. */
bool rig_client_tls(rig_client *client, int max_version);
void rig_client_fini(rig_client *client);
void rig_say(rig_client *client, const char *string);
void rig_send(rig_client *client, const void *data, size_t size);
/* Bytes received, at most size; 0 at the end, -1 on a reset. */
long rig_receive(rig_client *client, void *data, size_t size);
/* One line without its newline; "" at the end. */
const char *rig_line(rig_client *client, char *line, size_t size);
#define rig_expect(client, want)                                                                                       \
    do {                                                                                                               \
        char rig_line_[300];                                                                                           \
        assert_string_equal(rig_line((client), rig_line_, sizeof rig_line_), (want));                                  \
    } while (0)

void rig_sleep_ms(unsigned ms);
uint64_t rig_now_ms(void);

#endif
