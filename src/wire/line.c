/* line.c - CRLF lines out of a stream: see line.h.
 * SPDX-License-Identifier: MIT */
#include "wire/line.h"

void line_init(line_reader *l, const ll_allocator *allocator, size_t size_max, uint64_t dropped_max)
{
    *l = (line_reader){.dropped_max = dropped_max};
    text_init(&l->held, allocator, size_max);
}

void line_fini(line_reader *l)
{
    text_fini(&l->held);
}

void line_clear(line_reader *l)
{
    text_clear(&l->held);
    l->wrong = 0;
    l->dropped = 0;
    l->skip = l->cr = l->given = false;
}

static ll_status line_drop(line_reader *l, size_t size)
{
    l->dropped += size;
    return l->dropped > l->dropped_max ? LL_ELIMIT : LL_OK;
}

/* What of `piece` is beyond the ceiling after `before` bytes is dropped; the rest stays in *piece. */
static ll_status line_cap(line_reader *l, size_t before, ll_span *piece)
{
    size_t room = l->held.size_max - before;
    if (piece->size <= room)
        return LL_OK;
    size_t over = piece->size - room;
    piece->size = room;
    l->wrong |= LINE_TOO_LONG;
    return line_drop(l, over);
}

static ll_status line_keep(line_reader *l, ll_span piece)
{
    ll_status status = line_cap(l, l->held.size, &piece);
    if (status)
        return status;
    text_add(&l->held, piece);
    return text_status(&l->held);
}

/* Add bytes without LF to the line. A CR at their end is kept aside until the next byte shows what it is. */
static ll_status line_add(line_reader *l, ll_span piece)
{
    if (piece.size == 0)
        return LL_OK;
    if (l->cr) {
        l->wrong |= LINE_BARE_CR;
        ll_status status = line_keep(l, SPAN("\r"));
        if (status)
            return status;
    }
    l->cr = piece.data[piece.size - 1] == '\r';
    if (l->cr)
        piece.size--;
    if (span_find(piece, '\r') < piece.size)
        l->wrong |= LINE_BARE_CR;
    return line_keep(l, piece);
}

/* The line lies whole in the input: nothing is copied. */
static ll_status line_whole(line_reader *l, ll_span piece, ll_span *out, unsigned *wrong)
{
    if (span_find(piece, '\r') < piece.size)
        l->wrong |= LINE_BARE_CR;
    ll_status status = line_cap(l, 0, &piece);
    *out = piece;
    *wrong = l->wrong;
    line_clear(l);
    return status;
}

/* The end of a line that came in pieces. */
static void line_give(line_reader *l, ll_span *out, unsigned *wrong)
{
    *out = text_span(&l->held);
    *wrong = l->wrong;
    l->wrong = 0;
    l->dropped = 0;
    l->cr = false;
    l->given = true;
}

static void line_bare_lf(line_reader *l, ll_span *out, unsigned *wrong)
{
    line_clear(l);
    l->skip = true;
    *out = SPAN("");
    *wrong = LINE_BARE_LF;
}

/* One step while skipping: up to the next LF. LL_OK: it was bare; LL_MORE: go on. */
static ll_status line_skip(line_reader *l, ll_span piece, bool lf, ll_span *out, unsigned *wrong)
{
    bool cr = piece.size ? piece.data[piece.size - 1] == '\r' : l->cr;
    ll_status status = line_drop(l, piece.size + lf);
    if (status)
        return status;
    l->cr = cr && !lf;
    if (!lf)
        return LL_MORE;
    if (cr) {
        line_clear(l);
        return LL_MORE;
    }
    line_bare_lf(l, out, wrong);
    return LL_OK;
}

/* One step of reading: up to the next LF. */
static ll_status line_read(line_reader *l, ll_span piece, bool lf, ll_span *out, unsigned *wrong)
{
    bool ends = lf && (piece.size ? piece.data[piece.size - 1] == '\r' : l->cr);
    if (ends && l->held.size == 0 && !l->cr && !l->wrong)
        return line_whole(l, span_first(piece, piece.size - 1), out, wrong);
    ll_status status = line_add(l, piece);
    if (status)
        return status;
    if (!lf)
        return LL_MORE;
    if (ends)
        line_give(l, out, wrong);
    else
        line_bare_lf(l, out, wrong);
    return LL_OK;
}

ll_status line_take(line_reader *l, ll_span bytes, size_t *taken, ll_span *out, unsigned *wrong)
{
    if (l->given)
        line_clear(l);
    *taken = 0;
    *out = SPAN("");
    *wrong = 0;
    while (*taken < bytes.size) {
        ll_span rest = span_from(bytes, *taken);
        size_t at = span_find(rest, '\n');
        bool lf = at < rest.size;
        *taken += at + lf;
        ll_status status = (l->skip ? line_skip : line_read)(l, span_first(rest, at), lf, out, wrong);
        if (status != LL_MORE)
            return status;
    }
    return LL_MORE;
}
