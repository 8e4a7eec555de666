/* arena.c - see arena.h
 * SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/memory.h"

#include <stdalign.h>

struct arena_block {
    arena_block *next;
    size_t room, used;
    alignas(max_align_t) char data[];
};

enum { block_first = 1024, block_most = 65536 };

void arena_init(arena *a, const ll_allocator *allocator, size_t size_max)
{
    *a = (arena){.allocator = allocator, .size_max = size_max};
}

static void free_from(arena *a, arena_block *block)
{
    while (block) {
        arena_block *next = block->next;
        a->size -= block->room;
        memory_free(a->allocator, block);
        block = next;
    }
}

void arena_fini(arena *a)
{
    free_from(a, a->blocks);
    a->blocks = NULL;
    a->status = LL_OK;
}

void arena_clear(arena *a)
{
    a->status = LL_OK;
    if (!a->blocks)
        return;
    if (a->blocks->room > block_most) {
        arena_fini(a);
        return;
    }
    free_from(a, a->blocks->next);
    a->blocks->next = NULL;
    a->blocks->used = 0;
}

static arena_block *block_new(arena *a, size_t need)
{
    size_t room = a->blocks ? a->blocks->room * 2 : block_first;
    if (room > block_most)
        room = block_most;
    if (room < need)
        room = need;
    if (room > a->size_max - a->size)
        room = need;
    if (room > a->size_max - a->size) {
        a->status = LL_ELIMIT;
        return NULL;
    }
    arena_block *block = memory_resize(a->allocator, NULL, sizeof *block + room);
    if (!block) {
        a->status = LL_ENOMEM;
        return NULL;
    }
    *block = (arena_block){.next = a->blocks, .room = room};
    a->blocks = block;
    a->size += room;
    return block;
}

/* As arena_new, but not zeroed. */
static void *take(arena *a, size_t size)
{
    size_t align = alignof(max_align_t);
    if (size > a->size_max) {
        a->status = LL_ELIMIT;
        return NULL;
    }
    size = size ? (size + align - 1) / align * align : align;
    arena_block *block = a->blocks;
    if (!block || block->room - block->used < size)
        block = block_new(a, size);
    if (!block)
        return NULL;
    void *memory = block->data + block->used;
    block->used += size;
    return memory;
}

void *arena_new(arena *a, size_t size)
{
    void *memory = take(a, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void *arena_array(arena *a, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        a->status = LL_ELIMIT;
        return NULL;
    }
    return arena_new(a, total);
}

ll_span arena_copy(arena *a, ll_span bytes)
{
    char *copy = bytes.size < SIZE_MAX ? take(a, bytes.size + 1) : NULL;
    if (!copy)
        return span_of(NULL, 0);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return span_of(copy, bytes.size);
}
