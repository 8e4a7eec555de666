/* readable.c - see readable.h
 * SPDX-License-Identifier: MIT */
#include "mime/readable.h"

#include "base/utf.h"
#include "mime/word.h"

#include <assert.h>

static void add_list(text *out, const mime_address_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const mime_address *address = &list->items[i];
        if (i)
            text_add(out, SPAN(", "));
        if (!address->host.data) { /* a group's name */
            mime_word_decode(address->mailbox.data ? address->mailbox : SPAN(""), out);
            continue;
        }
        if (address->name.size)
            mime_word_decode(address->name, out);
        text_add(out, address->name.size ? SPAN(" <") : SPAN("<"));
        utf_add_valid(out, address->mailbox);
        text_add_byte(out, '@');
        utf_add_valid(out, address->host);
        text_add_byte(out, '>');
    }
}

bool mime_readable_fact(const mime_envelope *e, mime_fact fact, text *out)
{
    const mime_address_list *lists[] = {&e->from, &e->to, &e->cc, &e->bcc};
    if (fact <= MIME_FACT_BCC) {
        add_list(out, lists[fact]);
        return lists[fact]->count > 0;
    }
    const ll_span spans[] = {e->subject, e->message_id, e->in_reply_to, e->references};
    ll_span span = spans[fact - MIME_FACT_SUBJECT];
    if (span.data)
        mime_word_decode(span, out);
    return span.data != NULL;
}

bool mime_readable_is_one_run(ll_span folded)
{
    for (size_t i = 0; i < folded.size; i++)
        if ((unsigned char)folded.data[i] <= ' ' || strchr("<>(),;\"\x7f", folded.data[i]))
            return false;
    return true;
}

bool mime_readable_fact_of(ll_span name, mime_fact *fact)
{
    static const char *const names[] = {"from",    "to",         "cc",          "bcc",
                                        "subject", "message-id", "in-reply-to", "references"};
    static_assert(sizeof names / sizeof names[0] == MIME_FACTS, "one name each");
    for (size_t i = 0; i < MIME_FACTS; i++)
        if (span_equal_nocase(name, span_str(names[i]))) {
            *fact = (mime_fact)i;
            return true;
        }
    return false;
}

void mime_readable_field(const mime_field *field, text *out, size_t *value)
{
    utf_add_valid(out, field->name);
    text_add(out, field->name.size ? SPAN(": ") : SPAN(""));
    *value = out->size;
    ll_span written = field->name.size ? field->value : field->whole;
    mime_word_decode(written, out);
    ll_span kept = span_trim(written);
    size_t end = kept.size ? (size_t)(kept.data - written.data) + kept.size : written.size;
    for (ll_span rest = span_from(written, end); rest.size; rest = span_from(rest, 1))
        if (rest.data[0] == ' ' || rest.data[0] == '\t') /* not the line ends: it is unfolded */
            text_add_byte(out, rest.data[0]);
}

bool mime_readable_name(const mime_part *part, unsigned which, text *out)
{
    if (which == 0)
        return mime_param_decode(part->disposition_params, part->disposition_params_count, SPAN("filename"), out);
    return mime_param_decode(part->params, part->params_count, SPAN("name"), out);
}

bool mime_readable_is_text(const mime_part *part)
{
    return part->kind == MIME_LEAF && (mime_part_is(part, "text", NULL) || mime_part_is(part, "message", NULL));
}

ll_status mime_readable_open(mime_readable *r, const ll_allocator *allocator, const mime_part *part,
                             void (*piece)(void *ctx, bool as_read, ll_span utf8), void *ctx)
{
    *r = (mime_readable){.html = mime_part_is(part, "text", "html"), .piece = piece, .ctx = ctx};
    text_init(&r->utf8, allocator,
              16 * mime_readable_piece); /* UTF-8 has up to 3 bytes for one, and a decoder may hold some back */
    text_init(&r->words, allocator, 64 * mime_readable_piece);
    return mime_decoder_new_part(&r->decoder, allocator, part, MIME_WANT_UTF8);
}

void mime_readable_close(mime_readable *r)
{
    mime_decoder_del(&r->decoder);
    text_fini(&r->utf8);
    text_fini(&r->words);
}

/* r->utf8 holds new text. */
static void give(mime_readable *r)
{
    if (text_status(&r->utf8))
        return;
    r->piece(r->ctx, false, text_span(&r->utf8));
    if (!r->html)
        return;
    text_clear(&r->words);
    mime_html_push(&r->reader, text_span(&r->utf8), &r->words);
    r->piece(r->ctx, true, text_span(&r->words));
}

void mime_readable_push(mime_readable *r, ll_span bytes)
{
    while (bytes.size && !mime_readable_status(r)) {
        ll_span piece = span_first(bytes, mime_readable_piece);
        bytes = span_from(bytes, piece.size);
        text_clear(&r->utf8);
        mime_decoder_push(r->decoder, piece, &r->utf8);
        give(r);
    }
}

void mime_readable_end(mime_readable *r)
{
    if (mime_readable_status(r))
        return;
    text_clear(&r->utf8);
    mime_decoder_finish(r->decoder, &r->utf8);
    give(r);
    if (!r->html || mime_readable_status(r))
        return;
    text_clear(&r->words);
    mime_html_finish(&r->reader, &r->words);
    r->piece(r->ctx, true, text_span(&r->words));
}

ll_status mime_readable_status(const mime_readable *r)
{
    return text_status(&r->utf8) ? text_status(&r->utf8) : text_status(&r->words);
}
