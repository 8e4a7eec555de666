/* imap_name.c - whatever is accepted as a name is written so that it reads back the same.
 * SPDX-License-Identifier: MIT */
#include "base/span.h"
#include "imap/name.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena memory;
    ll_limits limits;
    ll_span input = span_of((const char *)data, size), name, again, pattern;
    arena_init(&memory, NULL, 1 << 20);
    ll_limits_init(&limits);
    if (name_read(input, &limits, &memory, &name) == LL_OK) {
        text written;
        text_init(&written, NULL, 1 << 20);
        name_add_utf7(&written, name);
        check(name_read(text_span(&written), &limits, &memory, &again) == LL_OK && span_equal(name, again));
        check(name_match(SPAN("*"), name) && name_match(name, name));
        text_fini(&written);
    }
    ll_span rest = input, reference = span_cut(&rest, '\n');
    if (name_read_pattern(SPAN(""), reference, &limits, &memory, &pattern) == LL_OK)
        name_match(pattern, rest);
    text any; /* bytes that are no name can be written too */
    text_init(&any, NULL, 16 << 20);
    name_add_utf7(&any, input);
    text_fini(&any);
    arena_fini(&memory);
    return 0;
}
