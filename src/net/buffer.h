/* buffer.h - bytes on their way through a connection: appended at the end, dropped at the start; for this room only.
 * SPDX-License-Identifier: MIT
 *
 * Holds no memory when empty. What it gives back is wiped: passwords and mail pass through here. */
#ifndef NET_BUFFER_H
#define NET_BUFFER_H

#include "base/span.h"

typedef struct net_buffer {
    char *data;
    uint32_t start, size, room;
} net_buffer;

/* False: out of memory (nothing was appended), or more than 1 GiB, which no caller's ceiling allows. */
bool net_buffer_add(net_buffer *buffer, ll_span bytes);
/* Drop the first `size` bytes. */
void net_buffer_drop(net_buffer *buffer, size_t size);
void net_buffer_fini(net_buffer *buffer);

static inline ll_span net_buffer_span(const net_buffer *buffer)
{
    return span_of(buffer->data ? buffer->data + buffer->start : "", buffer->size);
}

#endif
