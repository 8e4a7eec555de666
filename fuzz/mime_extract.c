/* mime_extract.c - any bytes as a message, whose extract must read as its header has it; and as an extract.
 * SPDX-License-Identifier: MIT */
#include "mime/extract.h"
#include "mime/index.h"
#include "mime/indexer.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_span message = span_of((const char *)data, size);
    char out[mime_extract_text_max + 2];
    mime_indexer *indexer;
    text saved, extract;
    if (mime_indexer_new(&indexer, NULL))
        return 0;
    mime_indexer_push(indexer, message);
    text_init(&saved, NULL, mime_saved_max);
    text_init(&extract, NULL, mime_extract_max);
    uint64_t header;
    if (!mime_indexer_finish(indexer, &saved) && mime_index_header_size(text_span(&saved), size, &header)) {
        mime_extract_make(text_span(&saved), span_first(message, (size_t)header), &extract); /* compares */
        if (extract.size)
            assert(mime_extract_read(text_span(&extract), text_span(&saved), out, sizeof out) <= header);
        assert(mime_extract_read(message, text_span(&saved), out, sizeof out) <= sizeof out - 2);
    }
    assert(mime_extract_read(message, message, out, sizeof out) <= sizeof out - 2);
    mime_indexer_del(&indexer);
    text_fini(&saved);
    text_fini(&extract);
    return 0;
}
