/* incoming.c - see incoming.h
 * SPDX-License-Identifier: MIT */
#include "store/incoming.h"

#include "base/memory.h"
#include "base/span.h"

ll_status incoming_open(incoming *in, spool *content)
{
    *in = (incoming){.spool = content, .size = spool_size(content)};
    in->in_memory = spool_whole(content, &in->whole);
    if (in->in_memory || in->size > INCOMING_MAX)
        return LL_OK;
    in->loaded = memory_new(NULL, (size_t)in->size);
    if (!in->loaded)
        return LL_OK; /* it can be read from the file as well */
    ll_status status = incoming_read(in, 0, (size_t)in->size, in->loaded);
    in->whole = span_of(in->loaded, (size_t)in->size);
    in->in_memory = !status;
    if (status)
        incoming_close(in);
    return status;
}

void incoming_close(incoming *in)
{
    if (in->loaded)
        memory_wipe(in->loaded, (size_t)in->size);
    memory_free(NULL, in->loaded);
    in->loaded = NULL;
    in->in_memory = false;
}

ll_status incoming_read(const incoming *in, uint64_t offset, size_t size, char *out)
{
    ll_span bytes;
    ll_status status = incoming_look(in, offset, size, out, &bytes);
    if (status)
        return status;
    if (bytes.size && bytes.data != out)
        memcpy(out, bytes.data, bytes.size);
    return bytes.size == size ? LL_OK : LL_EIO;
}

ll_status incoming_look(const incoming *in, uint64_t offset, size_t size, char *buffer, ll_span *out)
{
    if (in->in_memory) {
        *out = span_first(span_from(in->whole, (size_t)offset), size);
        return LL_OK;
    }
    size_t got = 0;
    ll_status status = spool_read(in->spool, offset, size, buffer, &got);
    *out = span_of(buffer, got);
    return status;
}
