/* store_search_block.c - any bytes as the terms, the postings and the signature of a block of the search index.
 * SPDX-License-Identifier: MIT */
#include "store/search_block.h"
#include "store/search_sign.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { LAST = 999 };
    search_block b;
    uint8_t bits[LAST / 8 + 1] = {0};
    size_t cut = size ? data[0] % size : 0;
    ll_span bytes = span_of((const char *)data, size);
    if (search_block_init(&b))
        return 0;
    ll_status status = search_block_terms_set(&b, span_first(span_from(bytes, 1), cut));
    assert(!status || status == LL_ECORRUPT || status == LL_ENOMEM);
    assert(status || search_block_terms_count(&b) + 1 <= b.terms.size);
    status = search_block_postings_set(&b, span_from(bytes, cut + 1));
    assert(!status || status == LL_ECORRUPT || status == LL_ENOMEM);
    ll_span needle = span_first(bytes, 1 + size % 12);
    if (needle.size) /* as memmem */
        assert(search_block_find(bytes.data + 1, bytes.data + size, needle) ==
               memmem(bytes.data + 1, size - 1, needle.data, needle.size));
    search_postings marks = search_postings_of(&b), skips = marks;
    text list;
    text_init(&list, NULL, 1 << 20);
    while (!status && marks.at < marks.end) {
        search_postings takes = marks;
        uint32_t added;
        text_clear(&list);
        status = search_postings_mark(&marks, LAST, bits, &added);
        assert(search_postings_take(&takes, LAST, &list) == status || list.size > 0);
        assert(status || added * sizeof(uint32_t) <= list.size);
        assert(status || (search_postings_skip(&skips, 1) == LL_OK && skips.at == marks.at && takes.at == marks.at));
    }
    text_fini(&list);
    (void)search_sign_may(span_first(bytes, cut), span_from(bytes, cut)); /* any bytes as a signature */
    text_init(&list, NULL, search_sign_max);
    if (size && search_sign_make(&list, SEARCH_CLASS_BODY, bytes) == LL_OK) { /* what is there is said to be there */
        ll_span rest = bytes, term = span_cut(&rest, '\n');
        assert(search_sign_may(text_span(&list), span_from(term, cut < term.size ? cut : term.size)));
    }
    text_fini(&list);
    search_block_fini(&b);
    return 0;
}
