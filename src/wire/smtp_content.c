/* smtp_content.c - the bytes of a message on the wire: see smtp_content.h.
 * SPDX-License-Identifier: MIT
 *
 * Speed: nearly all bytes are inside lines, and there two memchr() per line do the work. Only the first bytes of a
 * piece and what follows a dot go through the byte-wise step. */
#include "wire/smtp_content.h"

void smtp_content_init(smtp_content *c)
{
    *c = (smtp_content){.state = SMTP_CONTENT_START};
}

/* Where the run of plain content ends in bytes[at..]: behind a CRLF that a dot follows (only if `dots`), behind a bare
 * CR, at a bare LF, or at the end of bytes. The state on entry is START, TEXT or CR, and says on return what the next
 * byte meets. A bare LF that ended the run is still to be taken: *bare is set. */
static size_t content_run(smtp_content *c, ll_span bytes, size_t at, bool dots, bool *bare)
{
    const char *p = bytes.data + at, *end = bytes.data + bytes.size;
    while (p < end) {
        if (c->state == SMTP_CONTENT_START && dots && *p == '.')
            break;
        if (c->state == SMTP_CONTENT_CR) {
            if (*p != '\n') { /* the CR before p was bare: p is looked at again, as text */
                c->bare_cr = *bare = true;
                c->state = SMTP_CONTENT_TEXT;
                break;
            }
            p++;
            c->state = SMTP_CONTENT_START;
            continue;
        }
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;
        const char *cr = memchr(p, '\r', (size_t)(stop - p));
        if (cr) {
            p = cr + 1;
            c->state = SMTP_CONTENT_CR;
        } else if (lf) {
            p = lf;
            c->bare_lf = *bare = true;
            c->state = SMTP_CONTENT_TEXT;
            break;
        } else {
            p = end;
            c->state = SMTP_CONTENT_TEXT;
        }
    }
    return (size_t)(p - bytes.data);
}

/* The same once the message is refused: only line beginnings matter. One memchr() per LF, because with two a flood of
 * bare CR or bare LF would be looked through again and again. */
static size_t content_skip(smtp_content *c, ll_span bytes, size_t at)
{
    const char *p = bytes.data + at, *end = bytes.data + bytes.size;
    while (p < end && !(c->state == SMTP_CONTENT_START && *p == '.')) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        const char *stop = lf ? lf : end;
        bool cr = stop > p ? stop[-1] == '\r' : c->state == SMTP_CONTENT_CR;
        c->state = !cr ? SMTP_CONTENT_TEXT : lf ? SMTP_CONTENT_START : SMTP_CONTENT_CR;
        p = lf ? lf + 1 : end;
    }
    return (size_t)(p - bytes.data);
}

/* Behind a dot at the beginning of a line: is it the lone dot? *at is moved over what belongs to the question. */
static ll_status content_dot(smtp_content *c, ll_span bytes, size_t *at)
{
    for (; *at < bytes.size; ++*at) {
        char byte = bytes.data[*at];
        if (c->state == SMTP_CONTENT_DOT && byte == '\r') {
            c->state = SMTP_CONTENT_DOT_CR;
        } else if (c->state == SMTP_CONTENT_DOT_CR && byte == '\n') {
            ++*at;
            c->state = SMTP_CONTENT_START;
            return LL_OK;
        } else {
            c->bare_cr |= c->state == SMTP_CONTENT_DOT_CR; /* ".\r" and no LF */
            c->state = SMTP_CONTENT_TEXT;
            return LL_MORE;
        }
    }
    return LL_MORE;
}

ll_status smtp_content_data(smtp_content *c, ll_span bytes, size_t *taken, ll_span *out)
{
    size_t at = 0;
    if (c->state == SMTP_CONTENT_START && bytes.size && bytes.data[0] == '.') {
        c->state = SMTP_CONTENT_DOT;
        at = 1;
    }
    *out = span_of(bytes.data, 0);
    if (c->state == SMTP_CONTENT_DOT || c->state == SMTP_CONTENT_DOT_CR) {
        ll_status status = content_dot(c, bytes, &at);
        *taken = at;
        if (status == LL_OK || at == bytes.size)
            return status;
    }
    if (smtp_content_bare(c)) {
        *taken = content_skip(c, bytes, at);
        return LL_MORE;
    }
    bool bare = false;
    size_t end = content_run(c, bytes, at, true, &bare);
    *out = span_of(bytes.data + at, end - at);
    /* A bare LF itself is taken here, and is no content. */
    *taken = end + (bare && end < bytes.size && bytes.data[end] == '\n');
    return LL_MORE;
}

void smtp_content_chunk(smtp_content *c, ll_span bytes, ll_span *out)
{
    bool bare = false;
    *out = span_first(bytes, smtp_content_bare(c) ? 0 : content_run(c, bytes, 0, false, &bare));
}

void smtp_content_last(smtp_content *c)
{
    c->bare_cr |= c->state == SMTP_CONTENT_CR;
}
