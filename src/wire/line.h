/* line.h - CRLF lines cut out of a stream of bytes, for protocols that speak in lines (SMTP, LMTP, POP3).
 * SPDX-License-Identifier: MIT
 *
 * Only CRLF ends a line. A line is handed out once, when its end was seen, whatever pieces it came in; it is a span
 * into the input if it lay there whole, otherwise into the reader's own memory. Bytes beyond the ceiling are dropped,
 * so that the reader never holds more than `size_max` bytes, and the line is marked.
 *
 * A bare LF is reported at once, not at the next CRLF, because a peer that ends all lines with LF would otherwise hear
 * nothing; what stands between it and the next CRLF is dropped (it never becomes a line of its own: that would be
 * smuggling). */
#ifndef WIRE_LINE_H
#define WIRE_LINE_H

#include "base/text.h"

/* What is wrong with a line. */
enum {
    LINE_TOO_LONG = 1u << 0, /* longer than the ceiling: only its beginning is there */
    LINE_BARE_LF = 1u << 1,  /* an LF without CR before it; the line's bytes are not given */
    LINE_BARE_CR = 1u << 2   /* a CR without LF behind it */
};

typedef struct line_reader {
    uint64_t dropped_max;
    text held;        /* a line that came in pieces, until it is whole */
    unsigned wrong;   /* LINE_* of the line being read */
    uint64_t dropped; /* bytes dropped of the line being read or skipped */
    bool skip;        /* after a bare LF: drop until CRLF */
    bool cr;          /* the last byte was a CR, which is not in held yet */
    bool given;       /* held was handed out: clear it at the next call */
} line_reader;

/* size_max: the longest line in bytes, without its CRLF. dropped_max: how many bytes of one line may be dropped. */
void line_init(line_reader *l, const ll_allocator *allocator, size_t size_max, uint64_t dropped_max);
void line_fini(line_reader *l);
/* Forget the piece of a line that has come so far. */
void line_clear(line_reader *l);
/* Take bytes, at most to the end of the next line; *taken says how many.
 * LL_OK: *out is the line without its CRLF, valid until the next call and as long as `bytes`; *wrong is 0 or LINE_*
 * bits. LL_MORE: all bytes are taken and the line has not ended. LL_ELIMIT: more than dropped_max dropped; give it up.
 * LL_ENOMEM. */
LL_MUST_USE ll_status line_take(line_reader *l, ll_span bytes, size_t *taken, ll_span *out, unsigned *wrong);

#endif
