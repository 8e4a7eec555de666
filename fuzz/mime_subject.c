/* mime_subject.c - any bytes as a subject: what is left is UTF-8 and no longer than it was decoded.
 * SPDX-License-Identifier: MIT */
#include "base/utf.h"
#include "mime/subject.h"
#include "mime/word.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_span value = span_of((const char *)data, size);
    text decoded, base;
    bool reply;
    text_init(&decoded, NULL, 1 << 24);
    text_init(&base, NULL, 1 << 24);
    mime_word_decode(value, &decoded);
    mime_subject_base(value, &base, &reply);
    assert(!text_status(&base) && utf_valid(text_span(&base)));
    assert(base.size <= decoded.size && (!reply || base.size < decoded.size));
    text_fini(&decoded);
    text_fini(&base);
    return 0;
}
