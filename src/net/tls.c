/* tls.c - see tls.h
 * SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct net_tls {
    char *cert_path, *key_path;
    pthread_mutex_t lock; /* guards what follows */
    SSL_CTX *context;
    int64_t expires;
};

void net_tls_error(text *to)
{
    unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    text_add_str(to, reason ? reason : "no reason given");
    ERR_clear_error();
}

/* Tell files that cannot be read from files with the wrong content, before OpenSSL mixes the two. */
static ll_status tls_readable(const char *what, const char *path, text *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return LL_OK;
    }
    int number = errno;
    char reason[128];
    text_print(error, "%s file %s: %s; ", what, path, strerror_r(number, reason, sizeof reason));
    if (number == ENOENT || number == ENOTDIR) {
        text_add_str(error, "give the path of a PEM file that exists");
        return LL_ENOTFOUND;
    }
    if (number == EACCES || number == EPERM) {
        text_add_str(error, "let the server's user read it, for instance by chown and chmod 0400");
        return LL_EDENIED;
    }
    text_add_str(error, "check the disk");
    return LL_EIO;
}

/* Never ask on the terminal, but note that somebody wanted to. */
static int tls_no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing;
    if (context)
        *(bool *)context = true;
    return -1;
}

static ll_status tls_load_certificate(SSL_CTX *context, const char *path, text *error)
{
    ll_status status = tls_readable("certificate", path, error);
    if (status)
        return status;
    if (SSL_CTX_use_certificate_chain_file(context, path) == 1)
        return LL_OK;
    text_print(error, "certificate file %s: ", path);
    net_tls_error(error);
    text_add_str(error, "; it must be PEM: the server's certificate first, then the intermediates");
    return LL_EINVAL;
}

static ll_status tls_load_key(SSL_CTX *context, const char *path, const char *cert_path, text *error)
{
    ll_status status = tls_readable("private key", path, error);
    if (status)
        return status;
    bool passphrase = false;
    SSL_CTX_set_default_passwd_cb_userdata(context, &passphrase);
    bool done =
        SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(context) == 1;
    SSL_CTX_set_default_passwd_cb_userdata(context, NULL);
    if (done)
        return LL_OK;
    bool mismatch = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;
    text_print(error, "private key file %s: ", path);
    net_tls_error(error);
    if (passphrase)
        text_print(error, "; it has a passphrase: write a copy without one, openssl pkey -in %s -out NEW", path);
    else if (mismatch)
        text_print(error, "; it does not belong to the certificate in %s: give the pair that was issued together",
                   cert_path);
    else
        text_add_str(error, "; it must be a PEM file with one private key");
    return LL_EINVAL;
}

static void tls_harden(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    /* RFC 9325 section 4.2 for TLS 1.2; TLS 1.3 has good ones only. */
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!SRP");
    SSL_CTX_set_dh_auto(context, 1);
    /* IGNORE_UNEXPECTED_EOF: many mail clients hang up without close_notify, and our protocols say themselves where
     * they end. */
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
    /* RELEASE_BUFFERS: an idle connection keeps no record buffers, which halves its memory. The other two let a write
     * be retried from the output queue, whose memory moves. */
    SSL_CTX_set_mode(context,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* No resumption: OpenSSL's cache would keep up to 20,000 sessions in memory, tickets see tls.h. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, tls_no_passphrase);
}

static int64_t tls_certificate_end(SSL_CTX *context)
{
    struct tm tm = {0};
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm) != 1)
        return 0;
    return (int64_t)timegm(&tm);
}

static ll_status tls_build(const net_tls *tls, SSL_CTX **out, text *error)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context) {
        text_add_str(error, "out of memory for a TLS context");
        return LL_ENOMEM;
    }
    tls_harden(context);
    ll_status status = tls_load_certificate(context, tls->cert_path, error);
    if (!status)
        status = tls_load_key(context, tls->key_path, tls->cert_path, error);
    ERR_clear_error();
    if (status) {
        SSL_CTX_free(context);
        return status;
    }
    *out = context;
    return LL_OK;
}

ll_status net_tls_new(net_tls **out, const char *cert_path, const char *key_path, text *error)
{
    *out = NULL;
    net_tls *tls = memory_new(NULL, sizeof *tls);
    if (!tls)
        return LL_ENOMEM;
    pthread_mutex_init(&tls->lock, NULL);
    tls->cert_path = strdup(cert_path);
    tls->key_path = strdup(key_path);
    ll_status status = tls->cert_path && tls->key_path ? net_tls_reload(tls, error) : LL_ENOMEM;
    if (status) {
        net_tls_del(&tls);
        return status;
    }
    *out = tls;
    return LL_OK;
}

ll_status net_tls_reload(net_tls *tls, text *error)
{
    SSL_CTX *context = NULL;
    ll_status status = tls_build(tls, &context, error);
    if (status)
        return status;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = context;
    tls->expires = tls_certificate_end(context);
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old);
    return LL_OK;
}

void net_tls_del(net_tls **pointer)
{
    net_tls *tls = *pointer;
    *pointer = NULL;
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    pthread_mutex_destroy(&tls->lock);
    memory_free(NULL, tls->cert_path);
    memory_free(NULL, tls->key_path);
    memory_free(NULL, tls);
}

int64_t net_tls_expires(net_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    int64_t expires = tls->expires;
    pthread_mutex_unlock(&tls->lock);
    return expires;
}

/* SSL_new counts a reference to the context, so a reload cannot pull it from under a connection. */
SSL *net_tls_take(net_tls *tls)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (!ssl)
        ERR_clear_error();
    return ssl;
}
