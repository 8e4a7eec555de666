/* channel.c - see channel.h
 * SPDX-License-Identifier: MIT */
#include "channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    buffer_size = 256 * 1024, /* a read brings as much as the socket has: the server must be the slow one */
    small_buffer_size = 4096, /* the longest line of an idle session is a capability list */
    receive_seconds = 60,     /* no server under test may think longer than this */
};

struct channel {
    int fd;
    SSL *ssl;
    char *buffer;
    size_t room, begin, end;
    uint64_t received;
};

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(1);
}

uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static SSL_CTX *tls_context;

static void make_tls_context(void)
{
    tls_context = SSL_CTX_new(TLS_client_method());
    if (!tls_context)
        die("no TLS");
    SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
}

static SSL *start_tls(int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_tls_context);
    SSL *ssl = SSL_new(tls_context);
    if (!ssl || SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        die("TLS handshake failed");
    return ssl;
}

channel *channel_open(unsigned port, bool tls, bool small_buffer)
{
    channel *l = calloc(1, sizeof *l);
    if (!l)
        die("out of memory");
    l->room = small_buffer ? small_buffer_size : buffer_size;
    l->buffer = malloc(l->room + 1);
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!l->buffer || l->fd < 0)
        die("no socket: %s", strerror(errno));
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(l->fd, (const struct sockaddr *)&to, sizeof to))
        die("connect to port %u: %s", port, strerror(errno));
    const int yes = 1;
    const struct timeval wait = {.tv_sec = receive_seconds};
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(l->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (tls)
        l->ssl = start_tls(l->fd);
    return l;
}

void channel_close(channel **connection)
{
    channel *l = *connection;
    if (!l)
        return;
    SSL_free(l->ssl);
    close(l->fd);
    free(l->buffer);
    free(l);
    *connection = NULL;
}

void channel_send(channel *l, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = l->ssl ? SSL_write(l->ssl, bytes, (int)(size < 1 << 20 ? size : 1 << 20))
                              : send(l->fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            die("send: %s", strerror(errno));
        bytes += sent;
        size -= (size_t)sent;
    }
}

void channel_print(channel *l, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size < 0 || (size_t)size >= sizeof text)
        die("a command line is too long");
    channel_send(l, text, (size_t)size);
}

/* Read more behind `end`; what was taken already is moved out of the way first. */
static void fill(channel *l)
{
    if (l->begin == l->end)
        l->begin = l->end = 0;
    if (l->end == l->room) {
        memmove(l->buffer, l->buffer + l->begin, l->end - l->begin);
        l->end -= l->begin;
        l->begin = 0;
    }
    ssize_t got = l->ssl ? SSL_read(l->ssl, l->buffer + l->end, (int)(l->room - l->end))
                         : recv(l->fd, l->buffer + l->end, l->room - l->end, 0);
    if (got <= 0)
        die("the server closed the connection or was silent for %d s: %s", receive_seconds,
            got ? strerror(errno) : "end");
    l->end += (size_t)got;
    l->received += (uint64_t)got;
}

const char *channel_line(channel *l)
{
    size_t looked = 0;
    for (;;) {
        char *start = l->buffer + l->begin;
        size_t have = l->end - l->begin;
        char *end = memchr(start + looked, '\n', have - looked);
        if (end || have == l->room) {
            size_t size = end ? (size_t)(end - start) : have;
            l->begin += end ? size + 1 : size;
            size -= size && start[size - 1] == '\r';
            start[size] = '\0'; /* over the line end, or the byte kept free behind the buffer */
            return start;
        }
        looked = have;
        fill(l);
    }
}

void channel_skip(channel *l, uint64_t size)
{
    while (size) {
        if (l->begin == l->end)
            fill(l);
        size_t step = l->end - l->begin;
        if (step > size)
            step = (size_t)size;
        l->begin += step;
        size -= step;
    }
}

void channel_reply(channel *l, char digit)
{
    const char *line;
    do
        line = channel_line(l);
    while (strlen(line) > 3 && line[3] == '-');
    if (line[0] != digit)
        die("wanted a reply of %c..: %s", digit, line);
}

/* The size of the literal that ends the line, 0 if none does. */
static uint64_t literal_size(const char *line)
{
    size_t size = strlen(line);
    if (size < 3 || line[size - 1] != '}')
        return 0;
    const char *open = strrchr(line, '{');
    return open ? strtoull(open + 1, NULL, 10) : 0;
}

void channel_tagged(channel *l, const char *tag, const char *word, uint64_t *untagged)
{
    size_t size = strlen(tag);
    for (;;) {
        const char *line = channel_line(l);
        if (strncmp(line, tag, size) == 0 && line[size] == ' ') {
            if (strncmp(line + size + 1, "OK", 2) != 0)
                die("refused: %s", line);
            return;
        }
        if (strncmp(line, "* BYE", 5) == 0 && !word)
            continue;
        if (untagged && strstr(line, word))
            ++*untagged;
        uint64_t literal = literal_size(line);
        if (literal)
            channel_skip(l, literal);
    }
}

uint64_t channel_received(const channel *l)
{
    return l->received;
}

int channel_fd(const channel *l)
{
    return l->fd;
}
