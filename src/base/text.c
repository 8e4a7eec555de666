/* text.c - see text.h
 * SPDX-License-Identifier: MIT */
#include "base/text.h"

#include "base/memory.h"

#include <stdio.h>

void text_init(text *t, const ll_allocator *allocator, size_t size_max)
{
    *t = (text){.allocator = allocator, .size_max = size_max};
}

void text_fini(text *t)
{
    memory_free(t->allocator, t->data);
    text_init(t, t->allocator, t->size_max);
}

void text_wipe(text *t)
{
    if (t->data)
        memory_wipe(t->data, t->room);
    text_fini(t);
}

void text_clear(text *t)
{
    t->size = 0;
    t->status = LL_OK;
    if (t->data)
        t->data[0] = '\0';
}

/* Growing allocates anew and wipes the old block, because a text may hold a password and realloc would leave a copy
 * behind. */
static bool text_reserve_more(text *t, size_t size)
{
    if (t->status)
        return false;
    if (size > t->size_max - t->size || t->size > t->size_max) {
        t->status = LL_ELIMIT;
        return false;
    }
    size_t need = t->size + size + 1;
    if (need <= t->room)
        return true;
    size_t room = t->room ? t->room : 64;
    while (room < need)
        room += room / 2 + 32;
    if (room > t->size_max + 1)
        room = t->size_max + 1;
    char *data = memory_resize(t->allocator, NULL, room);
    if (!data) {
        t->status = LL_ENOMEM;
        return false;
    }
    if (t->data) {
        memcpy(data, t->data, t->size + 1);
        memory_wipe(t->data, t->size);
        memory_free(t->allocator, t->data);
    }
    t->data = data;
    t->room = room;
    return true;
}

/* Nearly always there is room: then this is all. The room is within the ceiling. */
static inline bool text_reserve(text *t, size_t size)
{
    return (size < t->room - t->size && !t->status) || text_reserve_more(t, size);
}

char *text_grow(text *t, size_t size)
{
    return text_reserve(t, size) ? t->data + t->size : NULL;
}

void text_grown(text *t, size_t size)
{
    if (t->data) {
        t->size += size;
        t->data[t->size] = '\0';
    }
}

void text_add(text *t, ll_span bytes)
{
    if (!text_reserve(t, bytes.size))
        return;
    if (bytes.size)
        memcpy(t->data + t->size, bytes.data, bytes.size);
    text_grown(t, bytes.size);
}

void text_add_str(text *t, const char *string)
{
    text_add(t, span_str(string));
}

void text_add_byte(text *t, char byte)
{
    if (!text_reserve(t, 1))
        return;
    t->data[t->size++] = byte;
    t->data[t->size] = '\0';
}

void text_add_u64(text *t, uint64_t number)
{
    char digits[20];
    size_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    text_add(t, span_of(digits + n, sizeof digits - n));
}

void text_vprint(text *t, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    if (size < 0)
        t->status = LL_EINVAL;
    else if (text_reserve(t, (size_t)size)) {
        vsnprintf(t->data + t->size, (size_t)size + 1, format, again);
        text_grown(t, (size_t)size);
    }
    va_end(again);
}

void text_print(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprint(t, format, args);
    va_end(args);
}

void text_drop(text *t, size_t size)
{
    if (size >= t->size)
        t->size = 0;
    else {
        memmove(t->data, t->data + size, t->size - size);
        t->size -= size;
    }
    if (t->data)
        t->data[t->size] = '\0';
}

void text_cut(text *t, size_t size)
{
    if (size < t->size) {
        t->size = size;
        t->data[size] = '\0';
    }
}
