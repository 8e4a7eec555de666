/* imap_append_url.c - any bytes as a URL of CATENATE: what is accepted names a mailbox and a UID.
 * SPDX-License-Identifier: MIT */
#include "imap/append_url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    arena memory;
    ll_limits limits;
    append_url url;
    arena_init(&memory, NULL, 1 << 20);
    ll_limits_init(&limits);
    ll_status status = append_url_parse(&url, span_of((const char *)data, size), &limits, &memory);
    if (!status && (!url.uid || !url.mailbox.size || url.mailbox.size > limits.mailbox_name_bytes))
        abort();
    if (status > 0)
        abort();
    arena_fini(&memory);
    return 0;
}
