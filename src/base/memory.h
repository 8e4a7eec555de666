/* memory.h - the allocator that the host gave, in one-line calls.
 * SPDX-License-Identifier: MIT
 *
 * NULL as allocator means malloc. Every call may fail with NULL, and the caller turns that into LL_ENOMEM. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include "letterlock.h"

/* The allocator over malloc. */
extern const ll_allocator memory_malloc;

void *memory_new(const ll_allocator *allocator, size_t size); /* zeroed */
void *memory_resize(const ll_allocator *allocator, void *memory, size_t size);
void memory_free(const ll_allocator *allocator, void *memory); /* NULL is fine */
/* Overwrite with zeros in a way that the compiler may not leave out. */
void memory_wipe(void *memory, size_t size);

#endif
