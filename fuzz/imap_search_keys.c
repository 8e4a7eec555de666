/* imap_search_keys.c - fuzzes the keys of SEARCH.
 * SPDX-License-Identifier: MIT */
#include "imap/parse_search.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena memory;
    lexer in;
    search_keys keys;
    arena_init(&memory, NULL, 16 << 20);
    lexer_init(&in, (ll_span){(const char *)data, size}, &memory, 32);
    if (search_keys_parse(&keys, &in, 4096, 32768) == LL_OK) {
        for (size_t i = 0; i < keys.leaves_count; i++)
            keys.leaves[i]->verdict = SEARCH_YES;
        if (search_keys_verdict(keys.root) == SEARCH_OPEN)
            abort(); /* all leaves are known */
        if (keys.root->height > 32)
            abort();
    }
    arena_fini(&memory);
    return 0;
}
