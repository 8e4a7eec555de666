/* imap_fetch_items.c - fuzzes the items and modifiers of FETCH, and that what is written for a section can be read
 * again and is the same. SPDX-License-Identifier: MIT */
#include "imap/parse_fetch.h"

#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena memory;
    lexer in, again;
    fetch_items items;
    arena_init(&memory, NULL, 16 << 20);
    lexer_init(&in, (ll_span){(const char *)data, size}, &memory, 32);
    if (fetch_items_parse(&items, &in, size & 1, 256) == LL_OK)
        for (size_t i = 0; i < items.count; i++) {
            text first, second;
            section read;
            if (items.items[i].kind != FETCH_SECTION)
                continue;
            text_init(&first, NULL, 16 << 20);
            text_init(&second, NULL, 16 << 20);
            section_write(&items.items[i].section, &first);
            lexer_init(&again, text_span(&first), &memory, 32);
            ll_status status = section_parse(&read, &again);
            if (status == LL_OK)
                section_write(&read, &second);
            if (status != LL_ENOMEM && status != LL_ELIMIT && !span_equal(text_span(&first), text_span(&second)))
                abort();
            text_fini(&first);
            text_fini(&second);
        }
    fetch_modifiers modifiers;
    if (fetch_modifiers_parse(&modifiers, &in, size & 1) == LL_OK && modifiers.partial &&
        (!modifiers.first || modifiers.first > modifiers.last))
        abort();
    arena_fini(&memory);
    return 0;
}
