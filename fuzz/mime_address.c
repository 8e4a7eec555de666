/* mime_address.c - any bytes as an address field and as a field with parameters.
 * SPDX-License-Identifier: MIT */
#include "mime/address.h"
#include "mime/param.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena memory;
    text out;
    mime_address *list;
    mime_value value;
    size_t count;
    bool in_group = false;
    arena_init(&memory, NULL, 1 << 26);
    text_init(&out, NULL, 1 << 24);
    assert(mime_address_parse(&memory, span_of((const char *)data, size), &list, &count) == LL_OK);
    for (size_t i = 0; i < count; i++) {
        assert(list[i].host.data == NULL || list[i].mailbox.data != NULL);
        if (!list[i].host.data)
            assert(in_group == !list[i].mailbox.data);
        in_group = list[i].host.data ? in_group : list[i].mailbox.data != NULL;
        mime_address_add(&out, &list[i]);
    }
    assert(!in_group);
    assert(mime_value_parse(&memory, span_of((const char *)data, size), &value) == LL_OK);
    for (size_t i = 0; i < value.params_count; i++) {
        assert(value.params[i].name.size > 0);
        mime_param_decode(value.params, value.params_count, value.params[i].name, &out);
    }
    mime_param_decode(value.params, value.params_count, SPAN("n"), &out);
    text_fini(&out);
    arena_fini(&memory);
    return 0;
}
