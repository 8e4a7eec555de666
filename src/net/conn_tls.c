/* conn_tls.c - the TLS half of a connection, see conn.h and conn_private.h
 * SPDX-License-Identifier: MIT
 *
 * OpenSSL reads and writes the socket itself (SSL_set_fd): memory BIOs would cost 2 KB more an idle connection and one
 * more copy. Without read-ahead it takes exactly one record from the socket, and conn.c always reads with room for a
 * whole record, so no decrypted byte hides inside OpenSSL while the poll waits for the socket. */
#include "net/conn_private.h"

#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

bool conn_tls_attach(net_conn *conn, net_tls *tls)
{
    assert(!conn->ssl);
    conn->ssl = net_tls_take(tls);
    if (!conn->ssl)
        return false;
    if (SSL_set_fd(conn->ssl, conn->fd) != 1) {
        SSL_free(conn->ssl);
        conn->ssl = NULL;
        ERR_clear_error();
        return false;
    }
    SSL_set_accept_state(conn->ssl);
    return true;
}

/* Sort out what an SSL call that did not succeed means. */
static conn_io tls_outcome(net_conn *conn, int rc, const char *what, bool *wants_read, bool *wants_write)
{
    int number = errno;
    int error = SSL_get_error(conn->ssl, rc);
    if (error == SSL_ERROR_WANT_READ) {
        *wants_read = true;
        return CONN_AGAIN;
    }
    if (error == SSL_ERROR_WANT_WRITE) {
        *wants_write = true;
        return CONN_AGAIN;
    }
    if (error == SSL_ERROR_ZERO_RETURN)
        return CONN_EOF;
    if (error == SSL_ERROR_SYSCALL && !ERR_peek_error()) {
        if (number == 0)
            return CONN_EOF;
        conn_fail(conn, conn_errno_text(number), NULL);
        return CONN_FAILED;
    }
    const char *detail = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    conn_fail(conn, what, detail);
    return CONN_FAILED;
}

conn_io conn_tls_read(net_conn *conn, char *to, size_t room, size_t *done)
{
    bool wants_read = false;
    conn->read_wants_write = false;
    *done = 0;
    ERR_clear_error();
    errno = 0;
    int rc = SSL_read_ex(conn->ssl, to, room, done);
    return rc == 1 ? CONN_DONE : tls_outcome(conn, rc, "TLS failed", &wants_read, &conn->read_wants_write);
}

conn_io conn_tls_write(net_conn *conn, ll_span bytes, size_t *done)
{
    bool wants_write = false;
    conn->write_wants_read = false;
    *done = 0;
    ERR_clear_error();
    errno = 0;
    int rc = SSL_write_ex(conn->ssl, bytes.data, bytes.size, done);
    return rc == 1 ? CONN_DONE : tls_outcome(conn, rc, "TLS failed", &conn->write_wants_read, &wants_write);
}

conn_io conn_tls_handshake(net_conn *conn)
{
    bool wants_read = false;
    conn->read_wants_write = false;
    ERR_clear_error();
    errno = 0;
    int rc = SSL_do_handshake(conn->ssl);
    if (rc == 1)
        return CONN_DONE;
    conn_io io = tls_outcome(conn, rc, "TLS handshake failed", &wants_read, &conn->read_wants_write);
    if (io == CONN_EOF) {
        conn_fail(conn, "closed by peer during TLS handshake", NULL);
        return CONN_FAILED;
    }
    return io;
}

conn_io conn_tls_goodbye(net_conn *conn)
{
    ERR_clear_error();
    int rc = SSL_shutdown(conn->ssl);
    bool again = rc < 0 && SSL_get_error(conn->ssl, rc) == SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    return again ? CONN_AGAIN : CONN_DONE;
}

/* ------------------------------------------------------------------------------------------------- what hosts may ask
 */

bool net_conn_is_secure(const net_conn *conn)
{
    return conn->secure;
}

const char *net_conn_tls_version(const net_conn *conn)
{
    return conn->secure && conn->ssl ? SSL_get_version(conn->ssl) : "";
}

const char *net_conn_tls_cipher(const net_conn *conn)
{
    return conn->secure && conn->ssl ? SSL_get_cipher_name(conn->ssl) : "";
}

bool net_conn_tls_exporter(const net_conn *conn, unsigned char out[32])
{
    static const char label[] = "EXPORTER-Channel-Binding";
    if (!conn->secure || !conn->ssl)
        return false;
    /* RFC 9266 section 4.2: before TLS 1.3 only with the extended master secret of RFC 7627. */
    if (SSL_version(conn->ssl) < TLS1_3_VERSION && SSL_get_extms_support(conn->ssl) != 1)
        return false;
    bool done =
        SSL_export_keying_material(conn->ssl, out, 32, label, sizeof label - 1, (const unsigned char *)"", 0, 1) == 1;
    ERR_clear_error();
    return done;
}

/* RFC 5929 section 4.1: the hash of the certificate's signature, but SHA-256 in place of MD5 and SHA-1. */
static const EVP_MD *tls_endpoint_digest(X509 *certificate)
{
    int digest = NID_undef;
    if (X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1 || digest == NID_undef)
        return NULL;
    if (digest == NID_md5 || digest == NID_sha1)
        return EVP_sha256();
    return EVP_get_digestbynid(digest);
}

bool net_conn_tls_endpoint_hash(const net_conn *conn, unsigned char out[NET_CONN_ENDPOINT_MAX], size_t *size)
{
    *size = 0;
    X509 *certificate = conn->secure && conn->ssl ? SSL_get_certificate(conn->ssl) : NULL;
    const EVP_MD *digest = certificate ? tls_endpoint_digest(certificate) : NULL;
    unsigned length = 0;
    _Static_assert(EVP_MAX_MD_SIZE <= NET_CONN_ENDPOINT_MAX, "every hash fits");
    bool done = digest && X509_digest(certificate, digest, out, &length) == 1;
    ERR_clear_error();
    *size = done ? length : 0;
    return done;
}
