/* public_message.c - ll_message and ll_decoder of letterlock.h: the MIME index for hosts.
 * SPDX-License-Identifier: MIT */
#include "base/memory.h"
#include "mime/decode.h"
#include "mime/index.h"
#include "mime/indexer.h"
#include "mime/word.h"

#include <string.h>

enum {
    push_bytes = 4096,             /* of a body decoded at a time, so that what waits for `take` stays small */
    decoded_max = 64 * push_bytes, /* a byte becomes at most 3 of UTF-8, and what the stages held back comes with it */
    words_max = 4 * mime_field_bytes_max /* a field in UTF-8 */
};

struct ll_message {
    const ll_allocator *allocator;
    mime_indexer *indexer; /* while bytes come */
    text saved;
    mime_index *index; /* NULL until all has come */
};

struct ll_decoder {
    mime_decoder *decoder;
    text out;
};

static ll_status message_new(ll_message **out, const ll_allocator *allocator)
{
    ll_message *m = memory_new(allocator, sizeof *m);
    *out = m;
    if (!m)
        return LL_ENOMEM;
    m->allocator = allocator;
    text_init(&m->saved, allocator, mime_saved_max);
    return LL_OK;
}

ll_status ll_message_new(ll_message **out, const ll_allocator *allocator)
{
    ll_status status = message_new(out, allocator);
    if (!status)
        status = mime_indexer_new(&(*out)->indexer, allocator);
    if (status)
        ll_message_del(out);
    return status;
}

void ll_message_push(ll_message *message, ll_span bytes)
{
    if (message->indexer && bytes.size)
        mime_indexer_push(message->indexer, bytes);
}

ll_status ll_message_end(ll_message *message)
{
    if (!message->indexer)
        return LL_EINVAL;
    ll_status status = mime_indexer_finish(message->indexer, &message->saved);
    mime_indexer_del(&message->indexer);
    if (!status)
        status = mime_index_open(&message->index, message->allocator, text_span(&message->saved));
    if (status)
        text_fini(&message->saved);
    return status;
}

ll_status ll_message_open(ll_message **out, const ll_allocator *allocator, ll_span saved)
{
    ll_status status = message_new(out, allocator);
    if (status)
        return status;
    text_add(&(*out)->saved, saved);
    status = text_status(&(*out)->saved);
    if (!status)
        status = mime_index_open(&(*out)->index, allocator, text_span(&(*out)->saved));
    if (status)
        ll_message_del(out);
    return status == LL_ELIMIT ? LL_ECORRUPT : status; /* none that we made is so long */
}

void ll_message_del(ll_message **message)
{
    ll_message *m = *message;
    *message = NULL;
    if (!m)
        return;
    mime_indexer_del(&m->indexer);
    mime_index_del(&m->index);
    text_fini(&m->saved);
    memory_free(m->allocator, m);
}

ll_span ll_message_saved(const ll_message *message)
{
    return text_span(&message->saved);
}

uint64_t ll_message_size(const ll_message *message)
{
    return message->index ? mime_index_size(message->index) : 0;
}

uint64_t ll_message_lines(const ll_message *message)
{
    return message->index ? mime_index_lines(message->index) : 0;
}

uint32_t ll_message_parts(const ll_message *message)
{
    return message->index ? mime_index_parts(message->index) : 0;
}

/* Parts lie in one array, in the order of the message. */
static uint32_t index_of(const ll_message *m, const mime_part *part)
{
    return part ? (uint32_t)(part - mime_index_root(m->index)) : LL_PART_NONE;
}

/* As much of it as the host's struct has room for; its first field, the size, stays. */
static void give(void *to, uint32_t size, const void *from, size_t from_size)
{
    if (size > sizeof(uint32_t))
        memcpy((char *)to + sizeof(uint32_t), (const char *)from + sizeof(uint32_t),
               (size < from_size ? size : from_size) - sizeof(uint32_t));
}

static bool give_part(const ll_message *m, const mime_part *p, ll_part *out)
{
    if (!p)
        return false;
    ll_part part;
    memset(&part, 0, sizeof part); /* what lies between the fields is given too */
    part.kind = (ll_part_kind)p->kind;
    part.index = index_of(m, p);
    part.number = p->number;
    part.depth = p->depth;
    part.parent = index_of(m, p->parent);
    part.child = index_of(m, p->child);
    part.next = index_of(m, p->next);
    part.children = p->children_count;
    part.header_offset = p->header_offset;
    part.header_size = p->header_size;
    part.body_offset = p->body_offset;
    part.body_size = p->body_size;
    part.header_lines = p->header_lines;
    part.body_lines = p->body_lines;
    part.type = p->type;
    part.subtype = p->subtype;
    part.encoding = p->encoding;
    part.params = p->params;
    part.params_count = p->params_count;
    part.id = p->id;
    part.description = p->description;
    part.md5 = p->md5;
    part.location = p->location;
    part.disposition = p->disposition;
    part.disposition_params = p->disposition_params;
    part.disposition_params_count = p->disposition_params_count;
    part.languages = p->languages;
    part.languages_count = p->languages_count;
    part.has_envelope = p->envelope != NULL;
    give(out, out->size, &part, sizeof part);
    return true;
}

static const mime_part *part_at(const ll_message *m, uint32_t n)
{
    return n < ll_message_parts(m) ? mime_index_part(m->index, n) : NULL;
}

bool ll_message_part(const ll_message *message, uint32_t n, ll_part *part)
{
    return give_part(message, part_at(message, n), part);
}

bool ll_message_find(const ll_message *message, const uint32_t *path, size_t count, ll_part *part)
{
    return message->index && give_part(message, mime_index_find(message->index, path, count), part);
}

static ll_addresses addresses(mime_address_list list)
{
    return (ll_addresses){.items = list.items, .count = list.count};
}

bool ll_message_envelope(const ll_message *message, uint32_t n, ll_envelope *envelope)
{
    const mime_part *part = part_at(message, n);
    if (!part || !part->envelope)
        return false;
    const mime_envelope *e = part->envelope;
    ll_envelope out;
    memset(&out, 0, sizeof out);
    out.date = e->date;
    out.subject = e->subject;
    out.in_reply_to = e->in_reply_to;
    out.message_id = e->message_id;
    out.references = e->references;
    out.from = addresses(e->from);
    out.sender = addresses(e->sender);
    out.reply_to = addresses(e->reply_to);
    out.to = addresses(e->to);
    out.cc = addresses(e->cc);
    out.bcc = addresses(e->bcc);
    out.dated = e->sent.valid;
    out.offset_minutes = e->sent.offset_minutes;
    out.seconds = e->sent.seconds;
    give(envelope, envelope->size, &out, sizeof out);
    return true;
}

/* --- text --- */

/* The text to the host, and away with it. */
static ll_status hand_over(text *out, ll_take take, void *context)
{
    ll_status status = text_status(out);
    if (!status && out->size)
        status = take(context, text_span(out));
    text_clear(out);
    return status;
}

ll_status ll_message_param(const ll_message *message, const ll_param *params, size_t count, ll_span name, ll_take take,
                           void *context)
{
    text out;
    text_init(&out, message->allocator, words_max);
    bool found = mime_param_decode(params, count, name, &out);
    ll_status status = text_status(&out);
    if (!status)
        status = found ? take(context, text_span(&out)) : LL_ENOTFOUND;
    text_fini(&out);
    return status;
}

ll_status ll_message_words(const ll_message *message, ll_span raw, ll_take take, void *context)
{
    text out;
    text_init(&out, message->allocator, words_max);
    mime_word_decode(raw, &out);
    ll_status status = text_status(&out);
    if (!status)
        status = take(context, text_span(&out));
    text_fini(&out);
    return status;
}

ll_status ll_decoder_new(ll_decoder **out, const ll_message *message, uint32_t n, ll_decode want)
{
    static const mime_decoder_want wants[] = {MIME_WANT_BYTES, MIME_WANT_UTF8, MIME_WANT_READABLE};
    const mime_part *part = part_at(message, n);
    *out = NULL;
    if (!part)
        return LL_ENOTFOUND;
    ll_decoder *d = memory_new(message->allocator, sizeof *d);
    if (!d)
        return LL_ENOMEM;
    text_init(&d->out, message->allocator, decoded_max);
    *out = d;
    ll_status status = mime_decoder_new_part(&d->decoder, message->allocator, part, wants[want]);
    if (status)
        ll_decoder_del(out);
    return status;
}

ll_status ll_decoder_push(ll_decoder *decoder, ll_span bytes, ll_take take, void *context)
{
    ll_status status = LL_OK;
    while (bytes.size && !status) {
        ll_span piece = span_first(bytes, bytes.size < push_bytes ? bytes.size : push_bytes);
        mime_decoder_push(decoder->decoder, piece, &decoder->out);
        status = hand_over(&decoder->out, take, context);
        bytes = span_from(bytes, piece.size);
    }
    return status;
}

ll_status ll_decoder_end(ll_decoder *decoder, ll_take take, void *context)
{
    mime_decoder_finish(decoder->decoder, &decoder->out);
    return hand_over(&decoder->out, take, context);
}

void ll_decoder_del(ll_decoder **decoder)
{
    ll_decoder *d = *decoder;
    *decoder = NULL;
    if (!d)
        return;
    const ll_allocator *allocator = d->out.allocator;
    mime_decoder_del(&d->decoder);
    text_fini(&d->out);
    memory_free(allocator, d);
}
