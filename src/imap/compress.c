/* compress.c - see compress.h
 * SPDX-License-Identifier: MIT */
#include "imap/compress.h"

#include "base/memory.h"

#include <assert.h>
#include <zlib.h>

enum {
    deflate_window = 13, /* bits: 8 KiB */
    deflate_memory = 6,  /* with the window: (1 << 15) + (1 << 15) bytes */
    deflate_level = 3,   /* a third of the time of zlib's default for a tenth more bytes */
    inflate_window = 15  /* the most that a client may use */
};

struct compression {
    const ll_allocator *allocator;
    z_stream in, out;
    bool in_ready, out_ready;
    bool more;  /* the last piece was full: there may be more inside */
    bool ended; /* the client ended its stream */
    size_t start, size;
    uint64_t packed_bytes, plain_bytes;
    char plain[compress_piece];
};

static void *take_memory(void *opaque, unsigned items, unsigned size)
{
    const compression *c = opaque;
    return items && size > SIZE_MAX / items ? NULL : memory_resize(c->allocator, NULL, (size_t)items * size);
}

static void give_memory(void *opaque, void *memory)
{
    const compression *c = opaque;
    memory_free(c->allocator, memory);
}

ll_status compress_new(compression **out, const ll_allocator *allocator)
{
    compression *c = memory_new(allocator, sizeof *c);
    *out = c;
    if (!c)
        return LL_ENOMEM;
    c->allocator = allocator;
    c->in.zalloc = c->out.zalloc = take_memory;
    c->in.zfree = c->out.zfree = give_memory;
    c->in.opaque = c->out.opaque = c;
    c->in_ready = inflateInit2(&c->in, -inflate_window) == Z_OK;
    c->out_ready =
        deflateInit2(&c->out, deflate_level, Z_DEFLATED, -deflate_window, deflate_memory, Z_DEFAULT_STRATEGY) == Z_OK;
    if (c->in_ready && c->out_ready)
        return LL_OK;
    compress_del(out);
    return LL_ENOMEM;
}

void compress_del(compression **c)
{
    compression *gone = *c;
    *c = NULL;
    if (!gone)
        return;
    if (gone->in_ready)
        inflateEnd(&gone->in);
    if (gone->out_ready)
        deflateEnd(&gone->out);
    memory_wipe(gone->plain, sizeof gone->plain);
    memory_free(gone->allocator, gone);
}

ll_status compress_pack(compression *c, ll_span plain, bool flush, text *out)
{
    assert(plain.size <= compress_pack_most);
    c->out.next_in = (z_const Bytef *)(uintptr_t)plain.data;
    c->out.avail_in = (uInt)plain.size;
    do { /* deflate is done when it leaves room */
        unsigned room = 1024 + c->out.avail_in;
        char *to = text_grow(out, room);
        if (!to)
            return text_status(out);
        c->out.next_out = (Bytef *)to;
        c->out.avail_out = room;
        deflate(&c->out, flush ? Z_SYNC_FLUSH : Z_NO_FLUSH); /* Z_BUF_ERROR: there was nothing to do */
        text_grown(out, room - c->out.avail_out);
    } while (!c->out.avail_out);
    return LL_OK;
}

static ll_status count(compression *c, size_t packed, size_t plain)
{
    c->packed_bytes += packed;
    c->plain_bytes += plain;
    if (c->plain_bytes <= compress_ratio_free)
        return LL_OK;
    return c->plain_bytes / compress_ratio_max > c->packed_bytes ? LL_ELIMIT : LL_OK;
}

ll_status compress_unpack(compression *c, ll_span packed, size_t *taken)
{
    *taken = 0;
    if (c->size || (!packed.size && !c->more))
        return LL_OK;
    if (c->ended)
        return LL_ESYNTAX;
    size_t given = packed.size < compress_piece ? packed.size : compress_piece;
    c->in.next_in = (z_const Bytef *)(uintptr_t)packed.data;
    c->in.avail_in = (uInt)given;
    c->in.next_out = (Bytef *)c->plain;
    c->in.avail_out = compress_piece;
    int result = inflate(&c->in, Z_SYNC_FLUSH);
    if (result == Z_MEM_ERROR)
        return LL_ENOMEM;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
        return LL_ESYNTAX;
    *taken = given - c->in.avail_in;
    c->ended = result == Z_STREAM_END;
    c->start = 0;
    c->size = compress_piece - c->in.avail_out;
    c->more = !c->in.avail_out && !c->ended;
    return count(c, *taken, c->size);
}

ll_span compress_plain(const compression *c)
{
    return span_of(c->plain + c->start, c->size);
}

void compress_used(compression *c, size_t size)
{
    assert(size <= c->size);
    c->start += size;
    c->size -= size;
}

bool compress_is_dry(const compression *c)
{
    return !c->size && !c->more;
}
