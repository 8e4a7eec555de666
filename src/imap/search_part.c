/* search_part.c - see search_part.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_part.h"

bool search_part_is_text(const mime_part *part)
{
    return part->kind == MIME_LEAF && (mime_part_is(part, "text", NULL) || mime_part_is(part, "message", NULL));
}

ll_status search_part_open(search_part *p, const ll_allocator *allocator, const mime_part *part,
                           search_needle *const *needles, size_t count)
{
    *p = (search_part){.html = mime_part_is(part, "text", "html")};
    text_init(&p->utf8, allocator,
              16 * search_piece); /* UTF-8 has up to 3 bytes for one, and a decoder may hold some back */
    text_init(&p->words, allocator, 64 * search_piece);
    search_text_init(&p->plain, allocator, needles, count);
    search_text_init(&p->read, allocator, needles, count);
    return mime_decoder_new_part(&p->decoder, allocator, part, MIME_WANT_UTF8);
}

void search_part_close(search_part *p)
{
    mime_decoder_del(&p->decoder);
    text_fini(&p->utf8);
    text_fini(&p->words);
    search_text_fini(&p->plain);
    search_text_fini(&p->read);
}

/* p->utf8 holds new text. */
static bool look(search_part *p)
{
    bool found = search_text_push(&p->plain, text_span(&p->utf8));
    if (p->html) {
        text_clear(&p->words);
        mime_html_push(&p->reader, text_span(&p->utf8), &p->words);
        found = search_text_push(&p->read, text_span(&p->words)) || found;
    }
    return found;
}

bool search_part_push(search_part *p, ll_span bytes)
{
    bool found = false;
    while (bytes.size && !search_part_status(p)) {
        ll_span piece = span_first(bytes, search_piece);
        bytes = span_from(bytes, piece.size);
        text_clear(&p->utf8);
        mime_decoder_push(p->decoder, piece, &p->utf8);
        if (!search_part_status(p))
            found = look(p) || found;
    }
    return found;
}

bool search_part_end(search_part *p)
{
    if (search_part_status(p))
        return false;
    text_clear(&p->utf8);
    mime_decoder_finish(p->decoder, &p->utf8);
    bool found = look(p);
    found = search_text_end(&p->plain) || found;
    if (search_part_status(p))
        return found;
    if (p->html) {
        text_clear(&p->words);
        mime_html_finish(&p->reader, &p->words);
        found = search_text_push(&p->read, text_span(&p->words)) || found;
    }
    return search_text_end(&p->read) || found;
}

ll_status search_part_status(const search_part *p)
{
    ll_status status = text_status(&p->utf8) ? text_status(&p->utf8) : text_status(&p->words);
    if (!status)
        status = search_text_status(&p->plain);
    return status ? status : search_text_status(&p->read);
}
