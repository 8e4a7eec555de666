/* clock.h - times: seconds since 1970 and the calendar, and the ways in which IMAP, mail and logs write them.
 * SPDX-License-Identifier: MIT
 *
 * All of it is the proleptic Gregorian calendar in UTC, without leap seconds and without the C library's time zone.
 * Years reach from 0 to 9999, which is what the formats can write; seconds beyond are held at these ends when they are
 * written. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/text.h"

typedef struct clock_civil {
    int32_t year;                 /* 0 to 9999 */
    int32_t month, day;           /* 1 to 12, 1 to 31 */
    int32_t hour, minute, second; /* second up to 60 */
    int32_t offset_minutes;       /* east of UTC; set to 0 by clock_from_seconds */
} clock_civil;

/* Present time: seconds since 1970-01-01T00:00:00Z; and milliseconds of a clock that only goes forward, from any start.
 */
int64_t clock_now(void);
uint64_t clock_forward_ms(void);

/* The calendar has this date, and the time of day and the offset (under 24 hours) are possible. */
bool clock_civil_valid(const clock_civil *civil);
/* Seconds of a valid civil time. */
int64_t clock_to_seconds(const clock_civil *civil);
clock_civil clock_from_seconds(int64_t seconds);
/* Day since 1970, rounded down. */
int64_t clock_day(int64_t seconds);
/* 0 Sunday to 6 Saturday. */
unsigned clock_weekday(int64_t seconds);
/* 1 to 12 of a month's first three letters (case does not matter), 0 if there is none. */
int32_t clock_month(ll_span name);

/* Append. */
/* "01-Feb-2026 03:04:05 +0000", date-time of RFC 3501 without its quotes; in the zone so many minutes east of UTC,
 * which are less than a day. */
void clock_add_imap(text *out, int64_t seconds, int32_t offset_minutes);
void clock_add_rfc5322(text *out, int64_t seconds); /* "Sun, 01 Feb 2026 03:04:05 +0000" */
void clock_add_iso(text *out, int64_t seconds);     /* "2026-02-01T03:04:05Z" */

/* "1-Feb-1994", date of RFC 3501 without quotes: seconds of its midnight in UTC. */
bool clock_parse_imap_date(ll_span date, int64_t *seconds);
/* " 1-Feb-1994 03:04:05 +0130", date-time of RFC 3501 without quotes; the day may have one digit, without the space
 * too. */
bool clock_parse_imap(ll_span date_time, int64_t *seconds);
/* "2026-02-01T03:04:05Z", with a fraction (dropped) or an offset if need be: RFC 3339. */
bool clock_parse_iso(ll_span date_time, int64_t *seconds);

#endif
