/* remote.c - see remote.h
 * SPDX-License-Identifier: MIT */
#include "remote.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 64 << 20, /* one response: the largest message, and something around it */
    SECONDS = 30               /* a server that is silent for longer is lost */
};

struct remote {
    int socket;
    bool alive, utf8;
    unsigned tag;
    char *in; /* what was read: [begin, end) waits to be looked at */
    size_t begin, end, room;
    char text[512], selected[1024], capabilities[2048];
    uint32_t uidvalidity; /* of the selected mailbox */
};

/* ------------------------------------------------------------------------------------------------------------- bytes
 */

static bool lose(remote *r)
{
    r->alive = false;
    snprintf(r->text, sizeof r->text, "the connection is lost");
    return false;
}

static bool say(remote *r, const char *data, size_t size)
{
    while (size && r->alive) {
        ssize_t sent = send(r->socket, data, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return lose(r);
        data += sent;
        size -= (size_t)sent;
    }
    return r->alive;
}

static bool more(remote *r)
{
    if (r->begin) {
        memmove(r->in, r->in + r->begin, r->end - r->begin);
        r->end -= r->begin;
        r->begin = 0;
    }
    if (r->room - r->end < 65536) {
        char *grown = r->room < LINE_MAX_BYTES ? realloc(r->in, r->room * 2 + 131072) : NULL;
        if (!grown)
            return lose(r);
        r->in = grown;
        r->room = r->room * 2 + 131072;
    }
    ssize_t got = recv(r->socket, r->in + r->end, r->room - r->end - 1, 0);
    if (got <= 0)
        return lose(r);
    r->end += (size_t)got;
    return true;
}

/* Bytes of the literal that is announced at the end of this line; -1: none is. */
static long announced(const char *line, size_t size)
{
    size_t at = size;
    if (size < 3 || line[size - 1] != '}')
        return -1;
    while (at && line[at - 1] != '{')
        at--;
    return at ? strtol(line + at, NULL, 10) : -1;
}

/* The next response, whole. It stays in the buffer until the next call. */
static bool take_response(remote *r, char **line, size_t *size)
{
    size_t seen = 0;
    for (;;) {
        char *start = r->in + r->begin, *end = NULL;
        if (r->end > r->begin + seen)
            end = memmem(start + seen, r->end - r->begin - seen, "\r\n", 2);
        if (!end) {
            if (!more(r))
                return false;
            continue;
        }
        long literal = announced(start + seen, (size_t)(end - start) - seen);
        if (literal < 0) {
            *line = start;
            *size = (size_t)(end - start);
            *end = 0;
            r->begin += *size + 2;
            return true;
        }
        seen = (size_t)(end - start) + 2 + (size_t)literal;
        while (r->end - r->begin < seen)
            if (!more(r))
                return false;
    }
}

/* ---------------------------------------------------------------------------------------------------------- commands
 */

static bool finish(remote *r, remote_each *each, void *context, const char *tag)
{
    char *line;
    size_t size, tag_size = strlen(tag);
    while (take_response(r, &line, &size)) {
        if (!strncmp(line, tag, tag_size) && line[tag_size] == ' ') {
            const char *answer = line + tag_size + 1;
            bool good = !strncmp(answer, "OK", 2);
            snprintf(r->text, sizeof r->text, "%s", strchr(answer, ' ') ? strchr(answer, ' ') + 1 : "");
            return good;
        }
        if (!strncmp(line, "* BYE", 5))
            return lose(r);
        if (each && line[0] == '*')
            each(context, line, size);
    }
    return false;
}

__attribute__((format(printf, 3, 0))) static bool start(remote *r, char tag[16], const char *format, va_list args)
{
    char *text = NULL;
    snprintf(tag, 16, "b%u", ++r->tag);
    int size = vasprintf(&text, format, args);
    if (size < 0 || !text)
        return lose(r);
    bool good = say(r, tag, strlen(tag)) && say(r, " ", 1) && say(r, text, (size_t)size);
    free(text);
    return good;
}

bool remote_command(remote *r, remote_each *each, void *context, const char *format, ...)
{
    char tag[16];
    va_list args;
    va_start(args, format);
    bool good = r->alive && start(r, tag, format, args) && say(r, "\r\n", 2);
    va_end(args);
    return good && finish(r, each, context, tag);
}

bool remote_upload(remote *r, uint64_t size, remote_read *read_piece, void *context, const char *format, ...)
{
    static char piece[65536];
    char tag[16], literal[40], *line;
    size_t line_size;
    va_list args;
    va_start(args, format);
    bool good = r->alive && start(r, tag, format, args);
    va_end(args);
    snprintf(literal, sizeof literal, " {%llu}\r\n", (unsigned long long)size);
    if (!good || !say(r, literal, strlen(literal)))
        return false;
    do { /* it may have news before it says "go on" */
        if (!take_response(r, &line, &line_size))
            return false;
        if (!strncmp(line, tag, strlen(tag))) {
            snprintf(r->text, sizeof r->text, "%s", line + strlen(tag) + 1);
            return false;
        }
    } while (line[0] != '+');
    for (uint64_t at = 0; at < size;) {
        size_t got = 0;
        if (!read_piece(context, at, piece, sizeof piece, &got) || !got)
            return lose(r); /* the server waits for bytes that we do not have */
        if (!say(r, piece, got))
            return false;
        at += got;
    }
    return say(r, "\r\n", 2) && finish(r, NULL, NULL, tag);
}

bool remote_quote(const remote *r, const char *name, size_t size, char *out, size_t room)
{
    size_t at = 0;
    if (room < 2 * size + 3)
        return false;
    out[at++] = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 127 || (!r->utf8 && (c > 126 || c == '&')))
            return false;
        if (c == '"' || c == '\\')
            out[at++] = '\\';
        out[at++] = (char)c;
    }
    out[at++] = '"';
    out[at] = 0;
    return true;
}

static void note_uidvalidity(void *context, const char *line, size_t size)
{
    const char *at = strstr(line, "[UIDVALIDITY ");
    (void)size;
    if (at)
        *(uint32_t *)context = (uint32_t)strtoul(at + 13, NULL, 10);
}

bool remote_select(remote *r, const char *quoted, uint32_t *uidvalidity)
{
    if (strcmp(r->selected, quoted) != 0) {
        r->selected[0] = 0;
        if (!remote_command(r, note_uidvalidity, &r->uidvalidity, "SELECT %s", quoted))
            return false;
        snprintf(r->selected, sizeof r->selected, "%s", quoted);
    }
    *uidvalidity = r->uidvalidity;
    return true;
}

/* ------------------------------------------------------------------------------------------------------ its life */

static void note_capabilities(void *context, const char *line, size_t size)
{
    remote *r = context;
    (void)size;
    if (!strncmp(line, "* CAPABILITY ", 13))
        snprintf(r->capabilities, sizeof r->capabilities, "%s ", line + 12);
}

bool remote_offers(const remote *r, const char *capability)
{
    char word[64];
    snprintf(word, sizeof word, " %s ", capability);
    return strstr(r->capabilities, word) != NULL;
}

static int connect_to(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char service[16];
    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found))
        return -1;
    int made = -1;
    for (struct addrinfo *a = found; a && made < 0; a = a->ai_next) {
        made = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        struct timeval patience = {.tv_sec = SECONDS};
        int one = 1; /* a command goes in several small pieces: none is to wait for the answer to the last */
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        if (made >= 0 && connect(made, a->ai_addr, a->ai_addrlen)) {
            close(made);
            made = -1;
        }
    }
    freeaddrinfo(found);
    return made;
}

static bool greet(remote *r, const char *user, const char *password)
{
    char *line, quoted_user[600], quoted_password[600];
    size_t size;
    r->utf8 = true; /* for the quoting of these two */
    if (!take_response(r, &line, &size) || strncmp(line, "* OK", 4) != 0 ||
        !remote_quote(r, user, strlen(user), quoted_user, sizeof quoted_user) ||
        !remote_quote(r, password, strlen(password), quoted_password, sizeof quoted_password))
        return false;
    if (!remote_command(r, NULL, NULL, "LOGIN %s %s", quoted_user, quoted_password) ||
        !remote_command(r, note_capabilities, r, "CAPABILITY") || !remote_offers(r, "UIDPLUS"))
        return false;
    r->utf8 = remote_offers(r, "UTF8=ACCEPT") && remote_command(r, NULL, NULL, "ENABLE UTF8=ACCEPT");
    return true;
}

remote *remote_open(const char *host, int port, const char *user, const char *password)
{
    remote *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->socket = connect_to(host, port);
    r->alive = r->socket >= 0;
    if (!r->alive || !greet(r, user, password))
        remote_close(&r);
    return r;
}

void remote_close(remote **r)
{
    if (*r && (*r)->socket >= 0)
        close((*r)->socket);
    if (*r)
        free((*r)->in);
    free(*r);
    *r = NULL;
}

bool remote_alive(const remote *r)
{
    return r && r->alive;
}

const char *remote_text(const remote *r)
{
    return r->text;
}
