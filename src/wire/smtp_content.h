/* smtp_content.h - what stands between DATA and the lone dot, and inside BDAT chunks: unstuffed, checked, found the end
 * of. SPDX-License-Identifier: MIT
 *
 * The whole defence against SMTP smuggling is here: the only end of DATA is CRLF "." CRLF (RFC 5321 section 4.1.1.4),
 * where the first CRLF may be that of the DATA command, and every CR without LF and every LF without CR is noticed
 * (section 2.3.8). Nothing is held but the state between two bytes, and nothing is copied: content is handed out as
 * spans of the input. */
#ifndef WIRE_SMTP_CONTENT_H
#define WIRE_SMTP_CONTENT_H

#include "base/span.h"

typedef enum smtp_content_state {
    SMTP_CONTENT_START, /* at the beginning of a line */
    SMTP_CONTENT_TEXT,  /* inside a line */
    SMTP_CONTENT_CR,    /* inside a line, after CR */
    SMTP_CONTENT_DOT,   /* a dot began the line; it is not handed out */
    SMTP_CONTENT_DOT_CR /* a dot and a CR; neither is handed out */
} smtp_content_state;

typedef struct smtp_content {
    smtp_content_state state;
    bool bare_cr, bare_lf; /* seen so far; they stay */
} smtp_content;

/* At the beginning of a message. */
void smtp_content_init(smtp_content *c);
/* Take some of the bytes of DATA (rarely none, when only the state has moved). *out: the next content, a part of bytes,
 * may be empty. A bare CR or LF ends it, and there is no content any more: the message must be refused. Its end is
 * still found. LL_OK: the message has ended, the lone dot is taken. LL_MORE: call again with the rest. */
LL_MUST_USE ll_status smtp_content_data(smtp_content *c, ll_span bytes, size_t *taken, ll_span *out);
/* The same for the bytes of a chunk, which have no dots of stuffing and no end of their own. All of bytes is taken. */
void smtp_content_chunk(smtp_content *c, ll_span bytes, ll_span *out);
/* The last chunk has ended: a CR at its end is bare. */
void smtp_content_last(smtp_content *c);

static inline bool smtp_content_bare(const smtp_content *c)
{
    return c->bare_cr || c->bare_lf;
}

#endif
