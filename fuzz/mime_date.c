/* mime_date.c - any bytes as a date: valid ones can be written and read back.
 * SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "mime/date.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_span value = span_of((const char *)data, size);
    mime_date date = mime_date_parse(value);
    int64_t seconds;
    (void)clock_parse_imap(value, &seconds);
    (void)clock_parse_iso(value, &seconds);
    if (!date.valid)
        return 0;
    text out;
    text_init(&out, NULL, 64);
    clock_add_rfc5322(&out, date.seconds);
    mime_date again = mime_date_parse(text_span(&out));
    clock_civil civil = clock_from_seconds(date.seconds);
    assert(again.valid);
    assert(again.seconds == clock_to_seconds(&civil)); /* the zone may lead out of the years 0 to 9999 */
    text_fini(&out);
    return 0;
}
