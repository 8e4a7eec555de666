/* mime_message.c - ll_message with any bytes as message, and any bytes as what was saved: parts hold together and every
 * text decodes.
 * SPDX-License-Identifier: MIT */
#include "letterlock.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ll_status count(void *context, ll_span bytes)
{
    *(size_t *)context += bytes.size;
    return LL_OK;
}

static void read_part(const ll_message *m, uint32_t n, ll_span whole)
{
    ll_part p = {.size = sizeof p}, parent = {.size = sizeof parent};
    ll_envelope e = {.size = sizeof e};
    size_t said = 0;
    assert(ll_message_part(m, n, &p) && p.index == n && p.body_offset == p.header_offset + p.header_size);
    assert(p.body_offset + p.body_size <= ll_message_size(m));
    assert(ll_message_envelope(m, n, &e) == p.has_envelope);
    if (n) {
        assert(ll_message_part(m, p.parent, &parent) && p.header_offset >= parent.body_offset);
        assert(p.body_offset + p.body_size <= parent.body_offset + parent.body_size && p.depth == parent.depth + 1);
    }
    if (p.has_envelope)
        assert(ll_message_words(m, e.subject, count, &said) == LL_OK);
    for (size_t i = 0; i < p.params_count; i++)
        assert(ll_message_param(m, p.params, p.params_count, p.params[i].name, count, &said) <= 0);
    ll_decoder *d;
    if (p.body_offset + p.body_size > whole.size || ll_decoder_new(&d, m, n, (ll_decode)(n % 3)))
        return; /* what was saved may be of another message */
    ll_span body = {whole.data + p.body_offset, (size_t)p.body_size};
    assert(ll_decoder_push(d, body, count, &said) == LL_OK);
    assert(ll_decoder_end(d, count, &said) == LL_OK);
    ll_decoder_del(&d);
}

/* The first byte says whether the rest is a message or what was saved of one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    ll_span rest = {(const char *)data + 1, size - 1};
    ll_message *m = NULL;
    if (data[0] & 1) {
        if (ll_message_open(&m, NULL, rest))
            return 0;
    } else {
        assert(ll_message_new(&m, NULL) == LL_OK);
        ll_message_push(m, rest);
        assert(ll_message_end(m) == LL_OK && ll_message_size(m) == rest.size);
    }
    for (uint32_t n = 0; n < ll_message_parts(m); n++)
        read_part(m, n, rest);
    ll_message_del(&m);
    return 0;
}
