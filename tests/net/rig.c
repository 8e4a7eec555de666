/* rig.c - see rig.h
 * SPDX-License-Identifier: MIT */
#include "rig.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------------- folder */

static char folder[64];

const char *rig_folder(void)
{
    if (!folder[0]) {
        strcpy(folder, "/tmp/letterlock-net-XXXXXX");
        assert_non_null(mkdtemp(folder));
    }
    return folder;
}

char *rig_path(const char *name)
{
    char *path = malloc(200);
    assert_non_null(path);
    snprintf(path, 200, "%s/%s", rig_folder(), name);
    return path;
}

void rig_folder_del(void)
{
    if (!folder[0])
        return;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(folder);
    folder[0] = '\0';
}

void rig_certificate(const char *cert_path, const char *key_path, rig_key kind, const char *common_name)
{
    EVP_PKEY *key = kind == RIG_P256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *cert = X509_new();
    assert_true(key && cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
    X509_set_issuer_name(cert, name);
    assert_true(X509_sign(cert, key, kind == RIG_P256 ? EVP_sha256() : NULL) > 0);
    FILE *f = fopen(cert_path, "w");
    assert_non_null(f);
    PEM_write_X509(f, cert);
    fclose(f);
    f = fopen(key_path, "w");
    assert_non_null(f);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    X509_free(cert);
    EVP_PKEY_free(key);
}

char rig_pattern(size_t position)
{
    return (char)('a' + position * 7 % 23 + position / 1000 % 3);
}

/* --------------------------------------------------------------------------------------------------------- session */

typedef struct session {
    rig_server *server;
    net_conn *conn;
    net_timer *timer;
    char out[4096]; /* lines that the connection has not taken yet */
    size_t out_size;
    size_t big_left, big_at;
    bool raw, holding, quitting;
} session;

static void note_max(rig_server *server, size_t *max, size_t value)
{
    pthread_mutex_lock(&server->lock);
    if (value > *max)
        *max = value;
    pthread_mutex_unlock(&server->lock);
}

static void session_pump(session *s)
{
    if (s->out_size) {
        size_t n = net_conn_write(s->conn, span_of(s->out, s->out_size));
        memmove(s->out, s->out + n, s->out_size - n);
        s->out_size -= n;
    }
    while (!s->out_size && s->big_left) {
        char chunk[10000];
        size_t size = s->big_left < sizeof chunk ? s->big_left : sizeof chunk;
        for (size_t i = 0; i < size; i++)
            chunk[i] = rig_pattern(s->big_at + i);
        size_t n = net_conn_write(s->conn, span_of(chunk, size));
        note_max(s->server, &s->server->queued_max, net_conn_queued(s->conn));
        s->big_left -= n;
        s->big_at += n;
        if (n < size)
            return;
    }
    if (s->quitting && !s->out_size && !s->big_left)
        net_conn_close_after_output(s->conn);
}

static void session_say(session *s, const char *line)
{
    size_t size = strlen(line);
    assert_true(s->out_size + size + 1 <= sizeof s->out);
    memcpy(s->out + s->out_size, line, size);
    s->out[s->out_size + size] = '\n';
    s->out_size += size + 1;
    session_pump(s);
}

static void say_hex(session *s, const unsigned char *bytes, size_t size)
{
    char hex[200] = "none";
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    session_say(s, hex);
}

static void on_timer(void *context)
{
    session *s = context;
    s->holding = false;
    net_conn_resume(s->conn);
}

static void session_command(session *s, const char *line)
{
    unsigned char bytes[NET_CONN_ENDPOINT_MAX];
    char answer[300];
    size_t size = 0;
    if (strcmp(line, "STARTTLS") == 0) {
        session_say(s, "go");
        assert_true(net_conn_start_tls(s->conn, s->server->tls));
    } else if (strcmp(line, "QUIT") == 0) {
        s->quitting = true;
        session_say(s, "bye");
    } else if (strcmp(line, "ABORT") == 0) {
        net_conn_abort(s->conn);
    } else if (strncmp(line, "BIG ", 4) == 0) {
        s->big_at = 0;
        s->big_left = strtoul(line + 4, NULL, 10);
        session_pump(s);
    } else if (strcmp(line, "RAW") == 0) {
        s->raw = true;
    } else if (strcmp(line, "EXPORTER") == 0) {
        say_hex(s, bytes, net_conn_tls_exporter(s->conn, bytes) ? 32 : 0);
    } else if (strcmp(line, "ENDPOINT") == 0) {
        bool known = net_conn_tls_endpoint_hash(s->conn, bytes, &size);
        say_hex(s, bytes, known ? size : 0);
    } else if (strncmp(line, "HOLD ", 5) == 0) {
        s->holding = true;
        net_timer_start(s->timer, strtoul(line + 5, NULL, 10));
    } else if (strncmp(line, "PAUSE ", 6) == 0) {
        net_conn_pause(s->conn);
        net_timer_start(s->timer, strtoul(line + 6, NULL, 10));
    } else if (strcmp(line, "WHO") == 0) {
        snprintf(answer, sizeof answer, "%s %s %s", net_conn_peer(s->conn),
                 net_conn_is_loopback(s->conn) ? "near" : "far", net_conn_tls_version(s->conn));
        session_say(s, answer);
    } else {
        snprintf(answer, sizeof answer, "=%s", line);
        session_say(s, answer);
    }
}

static size_t on_input(void *context, ll_span bytes)
{
    session *s = context;
    note_max(s->server, &s->server->offered_max, bytes.size);
    if (s->raw) {
        size_t n = net_conn_write(s->conn, bytes);
        note_max(s->server, &s->server->queued_max, net_conn_queued(s->conn));
        return n;
    }
    size_t end = span_find(bytes, '\n');
    if (s->holding || s->big_left || end == bytes.size)
        return 0;
    char line[200];
    snprintf(line, sizeof line, "%.*s", (int)end, bytes.data);
    session_command(s, line);
    return end + 1;
}

static void on_writable(void *context)
{
    session *s = context;
    session_pump(s);
    net_conn_offer(s->conn);
}

static void on_secured(void *context)
{
    session *s = context;
    pthread_mutex_lock(&s->server->lock);
    s->server->secured++;
    pthread_mutex_unlock(&s->server->lock);
}

static void on_timeout(void *context)
{
    session *s = context;
    pthread_mutex_lock(&s->server->lock);
    s->server->timeouts++;
    pthread_mutex_unlock(&s->server->lock);
    session_say(s, "timeout");
    net_conn_close_after_output(s->conn);
}

static void on_eof(void *context)
{
    session *s = context;
    session_say(s, "eof");
    net_conn_close_after_output(s->conn);
}

static void on_closed(void *context, const char *reason)
{
    session *s = context;
    net_timer_del(&s->timer);
    pthread_mutex_lock(&s->server->lock);
    s->server->closed++;
    snprintf(s->server->reason, sizeof s->server->reason, "%s", reason);
    pthread_cond_broadcast(&s->server->changed);
    pthread_mutex_unlock(&s->server->lock);
    free(s);
}

static const net_conn_callbacks callbacks = {on_input, on_writable, on_secured, NULL, on_timeout, on_closed};
static const net_conn_callbacks callbacks_eof = {on_input, on_writable, on_secured, on_eof, on_timeout, on_closed};

static void on_accept(void *context, net_conn *conn)
{
    rig_server *server = context;
    session *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->server = server;
    s->conn = conn;
    s->timer = net_timer_new(server->loop, on_timer, s);
    pthread_mutex_lock(&server->lock);
    server->opened++;
    pthread_mutex_unlock(&server->lock);
    net_conn_begin(conn, server->use_eof ? &callbacks_eof : &callbacks, s);
    net_conn_timeout(conn, server->timeout_ms);
}

static void on_log(void *context, ll_span line)
{
    rig_server *server = context;
    (void)line;
    pthread_mutex_lock(&server->lock);
    server->logs++;
    pthread_mutex_unlock(&server->lock);
}

/* ---------------------------------------------------------------------------------------------------------- server */

static void *server_main(void *arg)
{
    rig_server *server = arg;
    net_loop_run(server->loop);
    return NULL;
}

void rig_server_init(rig_server *server, rig_options options)
{
    text error;
    text_init(&error, NULL, 1000);
    *server = (rig_server){.timeout_ms = options.timeout_ms, .use_eof = options.use_eof};
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    char *cert = rig_path("cert.pem"), *key = rig_path("key.pem");
    rig_certificate(cert, key, RIG_P256, "mail.example.com");
    assert_int_equal(net_tls_new(&server->tls, cert, key, &error), LL_OK);
    assert_int_equal(net_loop_new(&server->loop), LL_OK);
    net_listen_config config = {.address = "127.0.0.1",
                                .unix_path = options.unix_path,
                                .tls = options.implicit_tls ? server->tls : NULL,
                                .gate = options.gate,
                                .refusal = SPAN("421 too many\n"),
                                .log = on_log,
                                .accept = on_accept,
                                .context = server};
    assert_int_equal(net_listen_open(&server->listener, server->loop, &config, &error), LL_OK);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
    text_fini(&error);
    free(cert);
    free(key);
}

void rig_server_fini(rig_server *server)
{
    net_loop_stop(server->loop);
    pthread_join(server->thread, NULL);
    net_listen_close(&server->listener);
    net_loop_del(&server->loop);
    assert_int_equal(server->opened, server->closed);
    net_tls_del(&server->tls);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
}

void rig_wait_closed(rig_server *server, unsigned count, char reason[200])
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    int rc = 0;
    pthread_mutex_lock(&server->lock);
    while (server->closed < count && rc == 0)
        rc = pthread_cond_timedwait(&server->changed, &server->lock, &until);
    if (reason)
        memcpy(reason, server->reason, 200);
    pthread_mutex_unlock(&server->lock);
    assert_int_equal(rc, 0);
}

/* --------------------------------------------------------------------------------------------------------- clients */

static void client_patience(int fd)
{
    struct timeval five = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &five, sizeof five);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &five, sizeof five);
}

rig_client rig_connect(const rig_server *server)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(net_listen_port(server->listener))};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rig_client client = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    client_patience(client.fd);
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&in, sizeof in), 0);
    return client;
}

rig_client rig_connect_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    rig_client client = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    client_patience(client.fd);
    assert_int_equal(connect(client.fd, (const struct sockaddr *)&un, sizeof un), 0);
    return client;
}

bool rig_client_tls(rig_client *client, int max_version)
{
    client->context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(client->context, max_version);
    client->ssl = SSL_new(client->context);
    SSL_set_fd(client->ssl, client->fd);
    return SSL_connect(client->ssl) == 1;
}

void rig_client_fini(rig_client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    if (client->fd >= 0)
        close(client->fd);
    *client = (rig_client){.fd = -1};
}

void rig_send(rig_client *client, const void *data, size_t size)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = client->ssl ? SSL_write(client->ssl, at, (int)size) : send(client->fd, at, size, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += n;
        size -= (size_t)n;
    }
}

void rig_say(rig_client *client, const char *string)
{
    rig_send(client, string, strlen(string));
}

long rig_receive(rig_client *client, void *data, size_t size)
{
    if (!client->ssl) {
        ssize_t n = recv(client->fd, data, size, 0);
        assert_true(n >= 0 || errno != EAGAIN);
        return (long)n;
    }
    int n = SSL_read(client->ssl, data, (int)size);
    if (n <= 0) {
        assert_true(SSL_get_error(client->ssl, n) != SSL_ERROR_WANT_READ);
        return SSL_get_error(client->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }
    return n;
}

const char *rig_line(rig_client *client, char *line, size_t size)
{
    size_t used = 0;
    while (used + 1 < size && rig_receive(client, line + used, 1) == 1 && line[used] != '\n')
        used++;
    line[used] = '\0';
    return line;
}

void rig_sleep_ms(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

uint64_t rig_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
