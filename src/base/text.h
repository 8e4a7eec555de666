/* text.h - owned bytes that grow up to a ceiling.
 * SPDX-License-Identifier: MIT
 *
 * A text is born with its ceiling. Appending past the ceiling, or running out of memory, puts the text into a sticky
 * error: later appends do nothing, and text_status() is asked once at the end. The bytes are followed by a NUL that is
 * not counted.
 *
 *     text t;
 *     text_init(&t, allocator, 4096);
 *     text_print(&t, "* %u EXISTS\r\n", n);
 *     if (text_status(&t)) ...
 *     text_fini(&t);
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/span.h"

#include <stdarg.h>

typedef struct text {
    const ll_allocator *allocator;
    size_t size_max;
    char *data; /* NULL until the first append */
    size_t size;
    size_t room; /* bytes allocated */
    ll_status status;
} text;

void text_init(text *t, const ll_allocator *allocator, size_t size_max);
void text_fini(text *t);  /* frees; ready for use again with the same ceiling */
void text_wipe(text *t);  /* zeroes the bytes, then text_fini: for secrets. Growing wipes what it leaves, see text.c */
void text_clear(text *t); /* empty, no error, memory kept */

void text_add(text *t, ll_span bytes);
void text_add_str(text *t, const char *string);
void text_add_byte(text *t, char byte);
void text_print(text *t, const char *format, ...) LL_PRINTF(2, 3);
void text_vprint(text *t, const char *format, va_list args) LL_PRINTF(2, 0);
void text_add_u64(text *t, uint64_t number);
/* Room for `size` more bytes: where to write them, or NULL (sticky error); then text_grown says how many were written.
 */
char *text_grow(text *t, size_t size);
void text_grown(text *t, size_t size);
/* Drop the first `size` bytes. */
void text_drop(text *t, size_t size);
/* Cut to `size` bytes. */
void text_cut(text *t, size_t size);

static inline ll_span text_span(const text *t)
{
    return span_of(t->data ? t->data : "", t->size);
}

/* The bytes as a C string (they may hold NULs of their own). Never NULL. */
static inline const char *text_str(const text *t)
{
    return t->data ? t->data : "";
}

/* LL_OK, LL_ENOMEM or LL_ELIMIT. */
static inline ll_status text_status(const text *t)
{
    return t->status;
}

#endif
