/* index_helper.h - for the tests of the MIME index: make one in pieces, and print it.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MIME_INDEX_HELPER_H
#define TESTS_MIME_INDEX_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mime/index.h"
#include "mime/indexer.h"

#include <stdio.h>
#include <stdlib.h>

/* The saved index of a message pushed in pieces of `piece` bytes; to be given to text_fini. */
static inline void make_saved(ll_span message, size_t piece, text *saved)
{
    mime_indexer *ix;
    text_init(saved, NULL, mime_saved_max);
    assert_int_equal(mime_indexer_new(&ix, NULL), LL_OK);
    for (size_t i = 0; i < message.size; i += piece) {
        /* each piece in its own memory, so that a sanitizer sees a read past it */
        ll_span part = span_first(span_from(message, i), piece);
        char *copy = malloc(part.size);
        assert_non_null(copy);
        memcpy(copy, part.data, part.size);
        mime_indexer_push(ix, span_of(copy, part.size));
        free(copy);
    }
    assert_int_equal(mime_indexer_finish(ix, saved), LL_OK);
    mime_indexer_del(&ix);
    assert_null(ix);
}

/* Whole, byte by byte, and in threes: always the same bytes. The index points into *saved. */
static inline mime_index *make_index(ll_span message, text *saved)
{
    make_saved(message, message.size + 1, saved);
    for (size_t piece = 1; piece <= 3; piece += 2) {
        text again;
        make_saved(message, piece, &again);
        assert_int_equal(saved->size, again.size);
        assert_memory_equal(saved->data, again.data, again.size);
        text_fini(&again);
    }
    mime_index *index;
    assert_int_equal(mime_index_open(&index, NULL, text_span(saved)), LL_OK);
    assert_int_equal(mime_index_size(index), message.size);
    return index;
}

/* One line per part: depth dots, kind, type/subtype, then the header and body bytes themselves with \n for LF and \r
 * for CR. */
static inline void print_bytes(text *out, ll_span bytes)
{
    text_add_byte(out, '[');
    for (size_t i = 0; i < bytes.size; i++) {
        if (bytes.data[i] == '\r')
            text_add_str(out, "");
        else if (bytes.data[i] == '\n')
            text_add_byte(out, '|');
        else
            text_add_byte(out, bytes.data[i] ? bytes.data[i] : '0');
    }
    text_add_byte(out, ']');
}

static inline void print_index(const mime_index *index, ll_span message, text *out)
{
    static const char *const kinds[] = {"leaf", "multipart", "message"};
    for (uint32_t i = 0; i < mime_index_parts(index); i++) {
        const mime_part *p = mime_index_part(index, i);
        for (uint32_t d = 0; d < p->depth; d++)
            text_add_byte(out, '.');
        text_print(out, "%s %.*s/%.*s ", kinds[p->kind], SPAN_PRINT(p->type), SPAN_PRINT(p->subtype));
        print_bytes(out, span_first(span_from(message, (size_t)p->header_offset), (size_t)p->header_size));
        text_print(out, "%d ", (int)p->header_lines);
        print_bytes(out, span_first(span_from(message, (size_t)p->body_offset), (size_t)p->body_size));
        text_print(out, "%d\n", (int)p->body_lines);
    }
}

/* Got and want of print_index for a message whose LF are written as they are; checked with LF and with CRLF. */
static inline void check_index(const char *message, const char *want)
{
    for (int crlf = 0; crlf < 2; crlf++) {
        text bytes, saved, got;
        text_init(&bytes, NULL, 1 << 20);
        text_init(&got, NULL, 1 << 20);
        for (const char *c = message; *c; c++) {
            if (*c == '\n' && crlf)
                text_add_byte(&bytes, '\r');
            text_add_byte(&bytes, *c);
        }
        mime_index *index = make_index(text_span(&bytes), &saved);
        print_index(index, text_span(&bytes), &got);
        assert_string_equal(text_str(&got), want);
        mime_index_del(&index);
        text_fini(&bytes);
        text_fini(&saved);
        text_fini(&got);
    }
}

#endif
