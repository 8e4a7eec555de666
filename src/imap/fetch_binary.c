/* fetch_binary.c - see fetch_binary.h
 * SPDX-License-Identifier: MIT */
#include "imap/fetch_binary.h"

void fetch_binary_init(fetch_binary *b, const ll_allocator *allocator)
{
    *b = (fetch_binary){.m = NULL};
    text_init(&b->decoded, allocator, 2 * message_piece); /* neither encoding grows when it is undone */
}

void fetch_binary_fini(fetch_binary *b)
{
    mime_decoder_del(&b->decoder);
    text_fini(&b->decoded);
    b->m = NULL;
}

/* The encodings of RFC 2045 section 6.1. */
static bool is_known(ll_span encoding, bool *identity)
{
    static const char *const names[] = {"7bit", "8bit", "binary", "base64", "quoted-printable"};
    encoding = span_trim(encoding);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (span_equal_nocase(encoding, span_str(names[i]))) {
            *identity = i < 3;
            return true;
        }
    return false;
}

ll_status fetch_binary_begin(fetch_binary *b, message *m, const section *wanted)
{
    bool identity = true;
    fetch_binary_fini(b);
    section_place place = section_find(wanted, m->index, m->row.size);
    if (place.kind == SECTION_MISSING)
        return LL_ENOTFOUND;
    b->m = m;
    b->begin = place.offset;
    b->end = place.offset + place.size;
    b->encoding = SPAN("");
    if (!section_is_whole(wanted)) {
        const mime_part *part = mime_index_find(m->index, wanted->path, wanted->depth);
        if (wanted->what == SECTION_TEXT && wanted->depth)
            part = part->child; /* the message inside of a message/rfc822: section_find has seen that it is one */
        bool composite = part->kind != MIME_LEAF; /* RFC 2045 section 6.4: not encoded, whatever it says */
        if (!composite && !is_known(part->encoding, &identity))
            return LL_EUNSUPPORTED;
        b->encoding = identity ? SPAN("") : part->encoding;
    }
    return fetch_binary_rewind(b);
}

ll_status fetch_binary_rewind(fetch_binary *b)
{
    mime_decoder_del(&b->decoder);
    text_clear(&b->decoded);
    b->at = b->begin;
    b->given = b->size = 0;
    b->finished = b->has_nul = false;
    if (!b->encoding.size)
        return LL_OK;
    return mime_decoder_new(&b->decoder, b->m->s->allocator, b->encoding, SPAN(""), MIME_WANT_BYTES, false);
}

ll_status fetch_binary_next(fetch_binary *b, ll_span *bytes)
{
    *bytes = SPAN("");
    while (!bytes->size && !b->finished) {
        size_t piece = b->end - b->at < message_piece ? (size_t)(b->end - b->at) : (size_t)message_piece;
        ll_status status = message_read(b->m, b->at, piece, bytes);
        if (status)
            return status;
        b->at += piece;
        b->finished = b->at == b->end;
        if (!b->decoder)
            return LL_OK;
        text_clear(&b->decoded);
        mime_decoder_push(b->decoder, *bytes, &b->decoded);
        if (b->finished)
            mime_decoder_finish(b->decoder, &b->decoded);
        if (text_status(&b->decoded))
            return text_status(&b->decoded);
        *bytes = text_span(&b->decoded);
    }
    return LL_OK;
}

/* Some of these bytes, which begin at `at`, are in from..stop and NUL. */
static bool has_nul(ll_span bytes, uint64_t at, uint64_t from, uint64_t stop)
{
    if (stop <= at || at + bytes.size <= from)
        return false;
    ll_span within = span_first(bytes, stop - at < bytes.size ? (size_t)(stop - at) : bytes.size);
    within = span_from(within, from > at ? (size_t)(from - at) : 0);
    return memchr(within.data, '\0', within.size);
}

ll_status fetch_binary_count(fetch_binary *b, uint64_t from, uint64_t stop)
{
    ll_span bytes;
    do {
        ll_status status = fetch_binary_next(b, &bytes);
        if (status)
            return status;
        b->has_nul = b->has_nul || (bytes.size && has_nul(bytes, b->size, from, stop));
        b->size += bytes.size;
    } while (bytes.size && b->size < stop);
    return LL_OK;
}
