/* date.c - see date.h
 * SPDX-License-Identifier: MIT
 *
 * The value is read as a row of small tokens: numbers, words and "+hhmm". What each number means follows from its
 * place: the first is the day, the one behind the month and day is the year, one with a colon behind it begins the
 * time. */
#include "mime/date.h"

#include "base/clock.h"

typedef struct reader {
    ll_span rest;
    clock_civil civil;
    bool day, month, year, time, zone;
} reader;

/* Behind the comment at the start; nested, with quoted pairs (RFC 5322 section 3.2.2). */
static ll_span skip_comment(ll_span rest)
{
    size_t depth = 0;
    for (size_t i = 0; i < rest.size; i++) {
        char c = rest.data[i];
        if (c == '\\')
            i++;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return span_from(rest, i + 1);
    }
    return span_from(rest, rest.size);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static ll_span take_run(reader *r, bool (*is)(char))
{
    size_t size = 0;
    while (size < r->rest.size && is(r->rest.data[size]))
        size++;
    ll_span run = span_first(r->rest, size);
    r->rest = span_from(r->rest, size);
    return run;
}

/* A number after white space; the digits' count is its size. */
static bool take_number(reader *r, uint32_t *number)
{
    while (r->rest.size && (r->rest.data[0] == ' ' || r->rest.data[0] == '\t'))
        r->rest = span_from(r->rest, 1);
    return span_u32(take_run(r, is_digit), number) && *number < 100000;
}

static bool take_colon(reader *r)
{
    ll_span at = r->rest;
    while (at.size && (at.data[0] == ' ' || at.data[0] == '\t'))
        at = span_from(at, 1);
    if (!at.size || at.data[0] != ':')
        return false;
    r->rest = span_from(at, 1);
    return true;
}

/* hour is read, its colon is next. */
static bool read_time(reader *r, uint32_t hour)
{
    uint32_t minute, second = 0;
    if (r->time || !take_number(r, &minute) || (take_colon(r) && !take_number(r, &second)))
        return false;
    r->time = true;
    r->civil.hour = (int32_t)hour;
    r->civil.minute = (int32_t)minute;
    r->civil.second = (int32_t)second;
    if (r->rest.size && r->rest.data[0] == '.') { /* a fraction of a second, of no RFC */
        r->rest = span_from(r->rest, 1);
        take_run(r, is_digit);
    }
    return true;
}

static bool read_number(reader *r)
{
    ll_span digits = take_run(r, is_digit);
    uint32_t number;
    if (!span_u32(digits, &number) || number > 99999)
        return false;
    if (!r->time && take_colon(r))
        return read_time(r, number);
    if (!r->day && digits.size <= 2) {
        r->civil.day = (int32_t)number;
        return r->day = true;
    }
    if (r->year || !r->month || digits.size > 4)
        return false;
    /* RFC 5322 section 4.3: two digits are 1950 to 2049, three count from 1900 */
    if (digits.size <= 2)
        number += number < 50 ? 2000 : 1900;
    else if (digits.size == 3)
        number += 1900;
    r->civil.year = (int32_t)number;
    return r->year = true;
}

/* "+hhmm" behind the time; the sign is next. */
static bool read_offset(reader *r)
{
    bool west = r->rest.data[0] == '-';
    r->rest = span_from(r->rest, 1);
    ll_span digits = take_run(r, is_digit);
    uint32_t number, more;
    if (!span_u32(digits, &number))
        return false;
    if (digits.size <= 2 && take_colon(r) && take_number(r, &more)) /* "+01:00" */
        number = number * 100 + more;
    else if (digits.size <= 2)
        number *= 100;
    if (number > 9999 || number % 100 > 59)
        return false;
    r->civil.offset_minutes = (int32_t)(number / 100 * 60 + number % 100) * (west ? -1 : 1);
    if (r->civil.offset_minutes <= -1440 || r->civil.offset_minutes >= 1440)
        r->civil.offset_minutes = 0; /* no such zone: unknown, as "-0000" */
    return r->zone = true;
}

/* RFC 5322 section 4.3 and the European names that mail has; others, military letters among them, mean "-0000". */
static void read_zone_name(reader *r, ll_span name)
{
    static const struct {
        const char *name;
        int32_t minutes;
    } zones[] = {{"UT", 0},     {"GMT", 0},    {"UTC", 0},    {"Z", 0},      {"EST", -300}, {"EDT", -240},
                 {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420},
                 {"WET", 0},    {"WEST", 60},  {"BST", 60},   {"CET", 60},   {"MET", 60},   {"CEST", 120},
                 {"MEST", 120}, {"EET", 120},  {"EEST", 180}, {"MSK", 180},  {"JST", 540},  {"KST", 540}};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
        if (span_equal_nocase(name, span_str(zones[i].name)))
            r->civil.offset_minutes = zones[i].minutes;
    /* "GMT+0100" has its offset behind the name */
    r->zone = !(r->rest.size && (r->rest.data[0] == '+' || r->rest.data[0] == '-'));
}

static bool read_word(reader *r)
{
    ll_span name = take_run(r, is_letter);
    if (!r->month && clock_month(name)) {
        r->civil.month = clock_month(name);
        return r->month = true;
    }
    if (r->time && !r->zone)
        read_zone_name(r, name);
    return true; /* a week day, or something that does no harm */
}

static bool read_token(reader *r)
{
    char c = r->rest.data[0];
    if (is_digit(c))
        return read_number(r);
    if (is_letter(c))
        return read_word(r);
    if ((c == '+' || c == '-') && r->time && !r->zone)
        return read_offset(r);
    r->rest = c == '(' ? skip_comment(r->rest) : span_from(r->rest, 1);
    return true;
}

mime_date mime_date_parse(ll_span value)
{
    reader r = {.rest = value};
    while (r.rest.size && !(r.day && r.month && r.year && r.time && r.zone))
        if (!read_token(&r))
            return (mime_date){0};
    if (!r.day || !r.month || !r.year || !clock_civil_valid(&r.civil))
        return (mime_date){0};
    return (mime_date){.valid = true, .offset_minutes = r.civil.offset_minutes, .seconds = clock_to_seconds(&r.civil)};
}
