/* fetch_preview.c - see fetch_preview.h
 * SPDX-License-Identifier: MIT */
#include "imap/fetch_preview.h"

#include "base/utf.h"

enum {
    first_piece = 8192, /* read first of a part; then more at a time */
    next_piece = 65536,
    decoded_max = next_piece * 8 /* a byte becomes at most 3 of UTF-8, iso-2022 escapes aside */
};

void fetch_preview_init(fetch_preview *p, const ll_allocator *allocator)
{
    *p = (fetch_preview){.m = NULL};
    text_init(&p->decoded, allocator, decoded_max);
    text_init(&p->preview, allocator, (fetch_preview_characters + 1) * 4);
}

void fetch_preview_fini(fetch_preview *p)
{
    mime_decoder_del(&p->decoder);
    text_fini(&p->decoded);
    text_fini(&p->preview);
}

void fetch_preview_begin(fetch_preview *p, message *m)
{
    mime_decoder_del(&p->decoder);
    text_clear(&p->preview);
    p->m = m;
    p->part = 0;
    p->tried = 0;
}

/* --- decoded text becomes preview --- */

static uint32_t take_point(ll_span *text_left)
{
    const unsigned char *at = (const unsigned char *)text_left->data;
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    uint32_t point = size == 1 ? at[0] : at[0] & (0x7fu >> size);
    for (size_t i = 1; i < size && i < text_left->size; i++)
        point = point << 6 | (at[i] & 0x3fu);
    *text_left = span_from(*text_left, size);
    return point;
}

static bool is_space(uint32_t point)
{
    return point <= ' ' || point == 0xa0 || (point >= 0x2000 && point <= 0x200a) || point == 0x2028 ||
           point == 0x2029 || point == 0x202f || point == 0x205f || point == 0x3000;
}

/* Controls, and what newsletters fill the space behind their first line with. */
static bool is_invisible(uint32_t point)
{
    return (point >= 0x7f && point < 0xa0) || point == 0xad || point == 0x34f ||
           (point >= 0x200b && point <= 0x200f && point != 0x200d) || (point >= 0x202a && point <= 0x202e) ||
           (point >= 0x2060 && point <= 0x2064) || point == 0xfeff;
}

static bool is_full(const fetch_preview *p)
{
    return p->characters >= fetch_preview_characters;
}

static void add_decoded(fetch_preview *p)
{
    for (ll_span left = text_span(&p->decoded); left.size && !is_full(p);) {
        uint32_t point = take_point(&left);
        if (is_space(point)) {
            p->space = p->characters > 0;
            continue;
        }
        if (is_invisible(point))
            continue;
        if (p->space) {
            text_add_byte(&p->preview, ' ');
            p->space = false;
            if (++p->characters == fetch_preview_characters) {
                text_cut(&p->preview, p->preview.size - 1);
                return;
            }
        }
        utf_add_point(&p->preview, point);
        p->characters++;
    }
}

/* --- parts --- */

static bool is_readable(const mime_part *part)
{
    return part->kind == MIME_LEAF && (mime_part_is(part, "text", "plain") || mime_part_is(part, "text", "html")) &&
           !span_equal_nocase(part->disposition, SPAN("attachment")) && part->body_size;
}

/* On to the next part with text. LL_MORE: there is none. */
static ll_status next_part(fetch_preview *p)
{
    const mime_index *index = p->m->index;
    while (p->part < mime_index_parts(index) && p->tried < fetch_preview_parts) {
        const mime_part *part = mime_index_part(index, p->part++);
        if (!is_readable(part))
            continue;
        p->tried++;
        p->at = part->body_offset;
        p->end = part->body_offset + (part->body_size < fetch_preview_bytes ? part->body_size : fetch_preview_bytes);
        p->characters = 0;
        p->space = false;
        return mime_decoder_new_part(&p->decoder, p->m->s->allocator, part, MIME_WANT_READABLE);
    }
    return LL_MORE;
}

static ll_status read_piece(fetch_preview *p)
{
    ll_span bytes;
    uint64_t left = p->end - p->at;
    size_t most = p->preview.size || p->decoded.size ? next_piece : first_piece;
    size_t piece = left < most ? (size_t)left : most;
    ll_status status = message_read(p->m, p->at, piece, &bytes);
    if (status)
        return status;
    p->at += piece;
    text_clear(&p->decoded);
    mime_decoder_push(p->decoder, bytes, &p->decoded);
    if (p->at == p->end)
        mime_decoder_finish(p->decoder, &p->decoded);
    if (text_status(&p->decoded) == LL_ENOMEM)
        return LL_ENOMEM;
    add_decoded(p);
    if (is_full(p) || p->at == p->end)
        mime_decoder_del(&p->decoder);
    return text_status(&p->preview);
}

ll_status fetch_preview_step(fetch_preview *p)
{
    ll_status status = LL_OK;
    while (!status) {
        if (p->decoder)
            status = read_piece(p);
        else if (p->preview.size)
            break;
        else
            status = next_part(p);
    }
    if (status == LL_MORE)
        status = LL_OK;
    if (status != LL_LATER)
        text_fini(&p->decoded);
    return status;
}
