/* buffer.c - see buffer.h
 * SPDX-License-Identifier: MIT */
#include "net/buffer.h"

#include "base/memory.h"

#include <assert.h>

enum { BUFFER_FIRST = 1024, BUFFER_MAX = 1 << 30 };

/* Room for `size` more bytes at the end. Doubling makes appending cheap; old memory is wiped by hand because realloc
 * would not. */
static bool buffer_reserve(net_buffer *b, size_t size)
{
    if (size > BUFFER_MAX - b->size)
        return false;
    size_t need = b->size + size;
    if (b->start + need <= b->room)
        return true;
    if (need <= b->room / 2) {
        memmove(b->data, b->data + b->start, b->size);
        b->start = 0;
        return true;
    }
    size_t room = b->room ? b->room : BUFFER_FIRST;
    while (room < need)
        room *= 2;
    char *data = memory_resize(NULL, NULL, room);
    if (!data)
        return false;
    if (b->data) {
        memcpy(data, b->data + b->start, b->size);
        memory_wipe(b->data, b->room);
        memory_free(NULL, b->data);
    }
    *b = (net_buffer){.data = data, .size = b->size, .room = (uint32_t)room};
    return true;
}

bool net_buffer_add(net_buffer *buffer, ll_span bytes)
{
    if (bytes.size == 0)
        return true;
    if (!buffer_reserve(buffer, bytes.size))
        return false;
    memcpy(buffer->data + buffer->start + buffer->size, bytes.data, bytes.size);
    buffer->size += (uint32_t)bytes.size;
    return true;
}

void net_buffer_drop(net_buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    buffer->start += (uint32_t)size;
    buffer->size -= (uint32_t)size;
    if (buffer->size == 0)
        net_buffer_fini(buffer);
}

void net_buffer_fini(net_buffer *buffer)
{
    if (buffer->data)
        memory_wipe(buffer->data, buffer->room);
    memory_free(NULL, buffer->data);
    *buffer = (net_buffer){0};
}
