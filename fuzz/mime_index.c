/* mime_index.c - any message, whole and in two pieces, gives one saved index; it opens, and its ranges hold.
 * SPDX-License-Identifier: MIT */
#include "mime/index.h"
#include "mime/indexer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make(ll_span message, size_t cut, text *saved)
{
    mime_indexer *ix;
    text_init(saved, NULL, mime_saved_max);
    if (mime_indexer_new(&ix, NULL))
        return;
    mime_indexer_push(ix, span_first(message, cut));
    mime_indexer_push(ix, span_from(message, cut));
    assert(mime_indexer_finish(ix, saved) == LL_OK);
    mime_indexer_del(&ix);
}

static uint64_t line_feeds(ll_span message, uint64_t offset, uint64_t size)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < size; i++)
        count += message.data[offset + i] == '\n';
    return count;
}

static void check_part(const mime_part *part, ll_span message)
{
    uint64_t at = part->body_offset, end = part->body_offset + part->body_size;
    assert(part->type.size && part->subtype.size && part->encoding.size);
    assert(part->body_offset == part->header_offset + part->header_size);
    assert(end <= message.size);
    assert(part->header_lines == line_feeds(message, part->header_offset, part->header_size));
    assert(part->body_lines == line_feeds(message, part->body_offset, part->body_size));
    assert((part->envelope != NULL) == (!part->parent || part->parent->kind == MIME_MESSAGE));
    for (const mime_part *child = part->child; child; child = child->next) {
        assert(child->header_offset >= at && child->parent == part);
        at = child->body_offset + child->body_size;
        assert(at <= end);
    }
    assert((part->kind == MIME_LEAF) == (part->child == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    ll_span message = span_of((const char *)data + 2, size - 2);
    text whole, pieces;
    mime_index *index;
    make(message, 0, &whole);
    make(message, ((size_t)data[0] << 8 | data[1]) % (message.size + 1), &pieces);
    assert(span_equal(text_span(&whole), text_span(&pieces)));
    assert(mime_index_open(&index, NULL, text_span(&whole)) == LL_OK);
    assert(mime_index_size(index) == message.size);
    uint64_t header_size = 0;
    assert(mime_index_header_size(text_span(&whole), message.size, &header_size));
    assert(header_size == mime_index_root(index)->header_size);
    for (uint32_t i = 0; i < mime_index_parts(index); i++)
        check_part(mime_index_part(index, i), message);
    mime_index_del(&index);
    text_fini(&whole);
    text_fini(&pieces);
    return 0;
}
