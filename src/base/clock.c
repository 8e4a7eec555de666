/* clock.c - see clock.h
 * SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <time.h>

static const char *const months[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const weekdays[7] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static const int64_t seconds_first = INT64_C(-62167219200); /* 0000-01-01T00:00:00Z */
static const int64_t seconds_last = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */

int64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

uint64_t clock_forward_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int32_t month_days(int32_t year, int32_t month)
{
    static const int32_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

bool clock_civil_valid(const clock_civil *c)
{
    return c->year >= 0 && c->year <= 9999 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= month_days(c->year, c->month) && c->hour >= 0 && c->hour <= 23 && c->minute >= 0 &&
           c->minute <= 59 && c->second >= 0 && c->second <= 60 && c->offset_minutes > -1440 &&
           c->offset_minutes < 1440;
}

/* Days since 1970-01-01. The year is counted from March, so that the leap day is its last (H. Hinnant,
 * "chrono-compatible low-level date algorithms"). */
static int64_t days_of(int32_t year, int32_t month, int32_t day)
{
    int64_t y = year - (month <= 2) + 400; /* 400 years more: never negative */
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (era - 1) * 146097 + day_of_era - 719468;
}

int64_t clock_to_seconds(const clock_civil *c)
{
    return days_of(c->year, c->month, c->day) * 86400 + (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second -
           (int64_t)c->offset_minutes * 60;
}

static int64_t clamp(int64_t seconds)
{
    return seconds < seconds_first ? seconds_first : seconds > seconds_last ? seconds_last : seconds;
}

int64_t clock_day(int64_t seconds)
{
    return seconds / 86400 - (seconds % 86400 < 0);
}

clock_civil clock_from_seconds(int64_t seconds)
{
    seconds = clamp(seconds);
    int64_t rest = seconds - clock_day(seconds) * 86400;
    int64_t days = clock_day(seconds) + 719468 + 146097; /* 400 years more, as above */
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t march = (5 * day_of_year + 2) / 153;
    clock_civil c = {0};
    c.month = (int32_t)(march < 10 ? march + 3 : march - 9);
    c.day = (int32_t)(day_of_year - (153 * march + 2) / 5 + 1);
    c.year = (int32_t)(year_of_era + era * 400 - 400 + (c.month <= 2));
    c.hour = (int32_t)(rest / 3600);
    c.minute = (int32_t)(rest / 60 % 60);
    c.second = (int32_t)(rest % 60);
    return c;
}

unsigned clock_weekday(int64_t seconds)
{
    int64_t day = (clock_day(clamp(seconds)) + 4) % 7; /* 1970-01-01 was a Thursday */
    return (unsigned)(day < 0 ? day + 7 : day);
}

int32_t clock_month(ll_span name)
{
    for (int32_t i = 0; i < 12; i++)
        if (name.size >= 3 && span_equal_nocase(span_first(name, 3), span_str(months[i])))
            return i + 1;
    return 0;
}

static void put_two(char *at, int number)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
}

void clock_add_imap(text *out, int64_t seconds, int32_t offset_minutes)
{
    clock_civil c = clock_from_seconds(clamp(seconds) + (int64_t)offset_minutes * 60);
    int32_t zone = offset_minutes < 0 ? -offset_minutes : offset_minutes;
    char form[] = "DD-Mon-YYYY hh:mm:ss +zzzz"; /* printf would be a third of a FETCH of such facts */
    put_two(form, c.day);
    memcpy(form + 3, months[c.month - 1], 3);
    put_two(form + 7, c.year / 100);
    put_two(form + 9, c.year % 100);
    put_two(form + 12, c.hour);
    put_two(form + 15, c.minute);
    put_two(form + 18, c.second);
    form[21] = offset_minutes < 0 ? '-' : '+';
    put_two(form + 22, zone / 60);
    put_two(form + 24, zone % 60);
    text_add(out, span_of(form, sizeof form - 1));
}

void clock_add_rfc5322(text *out, int64_t seconds)
{
    clock_civil c = clock_from_seconds(seconds);
    text_print(out, "%s, %02d %s %04d %02d:%02d:%02d +0000", weekdays[clock_weekday(seconds)], c.day,
               months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

void clock_add_iso(text *out, int64_t seconds)
{
    clock_civil c = clock_from_seconds(seconds);
    text_print(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

/* Take exactly `digits` decimal digits, or one byte, from the front. */
static bool take_number(ll_span *rest, size_t digits, int32_t *number)
{
    uint32_t value;
    if (rest->size < digits || !span_u32(span_first(*rest, digits), &value))
        return false;
    *number = (int32_t)value;
    *rest = span_from(*rest, digits);
    return true;
}

static bool take_byte(ll_span *rest, char byte)
{
    if (!rest->size || rest->data[0] != byte)
        return false;
    *rest = span_from(*rest, 1);
    return true;
}

static bool take_month(ll_span *rest, int32_t *month)
{
    *month = clock_month(*rest);
    if (!*month)
        return false;
    *rest = span_from(*rest, 3);
    return true;
}

/* "d-Mon-yyyy" */
static bool take_imap_date(ll_span *rest, clock_civil *c)
{
    bool day = take_number(rest, 2, &c->day) || take_number(rest, 1, &c->day);
    return day && take_byte(rest, '-') && take_month(rest, &c->month) && take_byte(rest, '-') &&
           take_number(rest, 4, &c->year);
}

static bool take_time(ll_span *rest, clock_civil *c)
{
    return take_number(rest, 2, &c->hour) && take_byte(rest, ':') && take_number(rest, 2, &c->minute) &&
           take_byte(rest, ':') && take_number(rest, 2, &c->second);
}

/* "+hhmm", with a colon between if `colon`. */
static bool take_offset(ll_span *rest, bool colon, clock_civil *c)
{
    int32_t hours, minutes;
    bool west = rest->size && rest->data[0] == '-';
    if (!(take_byte(rest, '+') || take_byte(rest, '-')) || !take_number(rest, 2, &hours) ||
        (colon && !take_byte(rest, ':')) || !take_number(rest, 2, &minutes) || minutes > 59)
        return false;
    c->offset_minutes = (hours * 60 + minutes) * (west ? -1 : 1);
    return true;
}

static bool finish(ll_span rest, const clock_civil *c, int64_t *seconds)
{
    if (rest.size || !clock_civil_valid(c))
        return false;
    *seconds = clock_to_seconds(c);
    return true;
}

bool clock_parse_imap_date(ll_span date, int64_t *seconds)
{
    clock_civil c = {0};
    return take_imap_date(&date, &c) && finish(date, &c, seconds);
}

bool clock_parse_imap(ll_span date_time, int64_t *seconds)
{
    clock_civil c = {0};
    take_byte(&date_time, ' ');
    return take_imap_date(&date_time, &c) && take_byte(&date_time, ' ') && take_time(&date_time, &c) &&
           take_byte(&date_time, ' ') && take_offset(&date_time, false, &c) && finish(date_time, &c, seconds);
}

bool clock_parse_iso(ll_span date_time, int64_t *seconds)
{
    clock_civil c = {0};
    ll_span *rest = &date_time;
    if (!(take_number(rest, 4, &c.year) && take_byte(rest, '-') && take_number(rest, 2, &c.month) &&
          take_byte(rest, '-') && take_number(rest, 2, &c.day) &&
          (take_byte(rest, 'T') || take_byte(rest, 't') || take_byte(rest, ' ')) && take_time(rest, &c)))
        return false;
    int32_t digit;
    if (take_byte(rest, '.')) {
        if (!take_number(rest, 1, &digit))
            return false;
        while (take_number(rest, 1, &digit))
            continue;
    }
    if (!take_byte(rest, 'Z') && !take_byte(rest, 'z') && !take_offset(rest, true, &c))
        return false;
    return finish(*rest, &c, seconds);
}
