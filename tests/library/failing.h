/* failing.h - an allocator of which one allocation fails, for tests that let each fail in turn.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_LIBRARY_FAILING_H
#define TESTS_LIBRARY_FAILING_H

#include <stddef.h>
#include <stdlib.h>

typedef struct failing {
    long left; /* allocations until one fails */
    long held; /* blocks not given back yet */
} failing;

/* ll_allocator.resize; the context is a failing. */
static inline void *failing_resize(void *context, void *memory, size_t size)
{
    failing *f = context;
    if (!size) {
        f->held -= memory != NULL;
        free(memory);
        return NULL;
    }
    if (f->left-- == 0)
        return NULL;
    void *grown = realloc(memory, size);
    f->held += grown && !memory;
    return grown;
}

#endif
