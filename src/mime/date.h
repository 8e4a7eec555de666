/* date.h - the date of a header field, RFC 5322 section 3.3 with the obsolete forms of section 4.3.
 * SPDX-License-Identifier: MIT */
#ifndef MIME_DATE_H
#define MIME_DATE_H

#include "base/span.h"

typedef struct mime_date {
    bool valid; /* false: the rest is 0 */
    int32_t
        offset_minutes; /* zone, east of UTC; 0 if it is unknown. Local civil time is seconds + 60 * offset_minutes */
    int64_t seconds;    /* since 1970-01-01T00:00:00Z */
} mime_date;

/* Takes comments, missing week day, one- to four-digit years, missing seconds, missing zone (read as UTC), alphabetic
 * zones, asctime's order. A date that the calendar does not have is not valid. */
mime_date mime_date_parse(ll_span value);

#endif
