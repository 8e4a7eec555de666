/* wire_smtp_path.c - any bytes as a path with parameters: what is accepted must survive the way to text and back.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_path.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const smtp_path *path)
{
    text out;
    text_init(&out, NULL, 1024);
    smtp_path_text(path, &out);
    smtp_path again;
    unsigned allow = SMTP_PATH_UTF8;
    if (text_status(&out) || smtp_path_address(&again, text_span(&out), allow, SMTP_LOCAL_MAX) != LL_OK ||
        !smtp_path_equal(path, &again))
        abort();
    text_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    unsigned allow = data[0] & 7u;
    size_t local_max = data[0] & 8u ? SMTP_LOCAL_MIN_MAX : SMTP_LOCAL_MAX, taken;
    ll_span bytes = span_of((const char *)data + 1, size - 1), keyword, value;
    smtp_path path;
    if (smtp_path_parse(&path, bytes, allow, local_max, &taken) == LL_OK) {
        if (!path.null && !path.postmaster)
            check_round_trip(&path);
        bytes = span_from(bytes, taken);
    }
    while (smtp_param_next(&bytes, &keyword, &value) == LL_OK)
        if (keyword.size == 0)
            abort();
    return 0;
}
