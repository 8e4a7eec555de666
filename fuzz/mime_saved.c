/* mime_saved.c - any bytes opened as a saved index.
 * SPDX-License-Identifier: MIT */
#include "mime/index.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mime_index *index;
    ll_status status = mime_index_open(&index, NULL, span_of((const char *)data, size));
    assert((status == LL_OK) == (index != NULL));
    if (!index)
        return 0;
    for (uint32_t i = 0; i < mime_index_parts(index); i++) {
        const mime_part *part = mime_index_part(index, i);
        assert(part->body_offset + part->body_size <= mime_index_size(index));
        assert((part->kind == MIME_LEAF) == (part->child == NULL));
        assert(part->type.size && part->encoding.size);
    }
    static const uint32_t path[] = {1, 1, 2};
    (void)mime_index_find(index, path, 3);
    mime_index_del(&index);
    return 0;
}
