/* memory.c - see memory.h
 * SPDX-License-Identifier: MIT */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void *malloc_resize(void *context, void *memory, size_t size)
{
    (void)context;
    if (size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, size);
}

const ll_allocator memory_malloc = {malloc_resize, NULL};

void *memory_resize(const ll_allocator *allocator, void *memory, size_t size)
{
    const ll_allocator *from = allocator ? allocator : &memory_malloc;
    return from->resize(from->context, memory, size);
}

void *memory_new(const ll_allocator *allocator, size_t size)
{
    void *memory = memory_resize(allocator, NULL, size);
    if (memory)
        memset(memory, 0, size);
    return memory;
}

void memory_free(const ll_allocator *allocator, void *memory)
{
    if (memory)
        memory_resize(allocator, memory, 0);
}

void memory_wipe(void *memory, size_t size)
{
    if (size)
        explicit_bzero(memory, size);
}
