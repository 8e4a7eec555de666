/* arena.h - memory that dies with its scope: one arena per command, per message, per call.
 * SPDX-License-Identifier: MIT
 *
 * Good: no single frees, so nothing is leaked on error paths. Bad: nothing comes back before the end, so what grows
 * without bound does not belong here; an arena has a ceiling and answers NULL beyond it (the reason is in
 * arena_status). */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

typedef struct arena_block arena_block;

typedef struct arena {
    const ll_allocator *allocator;
    size_t size_max;
    arena_block *blocks; /* newest first */
    size_t size;         /* bytes in all blocks */
    ll_status status;
} arena;

void arena_init(arena *a, const ll_allocator *allocator, size_t size_max);
void arena_fini(arena *a);
/* Forget everything; keep the newest block for reuse if it is small. */
void arena_clear(arena *a);
/* Zeroed, aligned for any type. NULL: arena_status says LL_ENOMEM or LL_ELIMIT. */
void *arena_new(arena *a, size_t size);
/* count * size, checked. */
void *arena_array(arena *a, size_t count, size_t size);
/* A copy that lives in the arena, followed by a NUL. data is NULL if there was no memory. */
ll_span arena_copy(arena *a, ll_span bytes);

static inline ll_status arena_status(const arena *a)
{
    return a->status;
}

#endif
