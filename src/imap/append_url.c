/* append_url.c - see append_url.h
 * SPDX-License-Identifier: MIT */
#include "imap/append_url.h"

#include "imap/name.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo %XX; with amp, write '&' as modified UTF-7 has it, as name_read wants to see it. */
static ll_status decode(ll_span coded, bool amp, arena *memory, ll_span *plain)
{
    char *copy = arena_array(memory, coded.size + 1, 2);
    size_t size = 0;
    if (!copy)
        return arena_status(memory);
    for (size_t i = 0; i < coded.size; i++) {
        char c = coded.data[i];
        if (c == '%') {
            int high = i + 2 < coded.size ? hex_digit(coded.data[i + 1]) : -1;
            int low = i + 2 < coded.size ? hex_digit(coded.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return LL_ENOTFOUND;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c || c == '\r' || c == '\n')
            return LL_ENOTFOUND;
        copy[size++] = c;
        if (amp && c == '&')
            copy[size++] = '-';
    }
    *plain = span_of(copy, size);
    return LL_OK;
}

/* Where ";NAME=" stands, without case, from `from` on; url.size if it is not there. */
static size_t find_part(ll_span url, size_t from, ll_span name)
{
    for (size_t i = from; i + name.size <= url.size; i++)
        if (span_starts_nocase(span_from(url, i), name))
            return i;
    return url.size;
}

/* Take digits at *at. */
static bool take_number(ll_span url, size_t *at, uint32_t *number)
{
    size_t end = *at;
    while (end < url.size && url.data[end] >= '0' && url.data[end] <= '9')
        end++;
    bool good = span_u32(span_of(url.data + *at, end - *at), number) && *number;
    *at = end;
    return good;
}

static ll_status take_section(append_url *out, ll_span coded, arena *memory)
{
    ll_span plain = SPAN("");
    lexer in;
    ll_status status = decode(coded, false, memory, &plain);
    if (status)
        return status;
    char *bracketed = arena_new(memory, plain.size + 2);
    if (!bracketed)
        return arena_status(memory);
    bracketed[0] = '[';
    if (plain.size)
        memcpy(bracketed + 1, plain.data, plain.size);
    bracketed[plain.size + 1] = ']';
    lexer_init(&in, span_of(bracketed, plain.size + 2), memory, 0);
    status = section_parse(&out->section, &in);
    if (status == LL_ESYNTAX || (!status && !lexer_end(&in)))
        return LL_ENOTFOUND;
    return status;
}

/* "/mailbox[;UIDVALIDITY=n][/]": what stands before ";UID=". */
static ll_status take_mailbox(append_url *out, ll_span path, const ll_limits *limits, arena *memory)
{
    static const char validity[] = ";UIDVALIDITY=";
    if (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    size_t at = find_part(path, 0, span_str(validity));
    ll_span name = span_first(path, at);
    if (at < path.size) {
        at += sizeof validity - 1;
        if (!take_number(path, &at, &out->uidvalidity) || at != path.size)
            return LL_ENOTFOUND;
    }
    ll_status status = decode(span_from(name, 1), true, memory, &name);
    if (!status)
        status = name_read(name, limits, memory, &out->mailbox);
    return status == LL_EUNSUPPORTED || status == LL_ELIMIT ? LL_ENOTFOUND : status;
}

/* ";PARTIAL=first[.count]", partial-range of RFC 5092 section 11; the rest of the URL. */
static bool take_partial(append_url *out, ll_span range)
{
    size_t dot = 0;
    while (dot < range.size && range.data[dot] != '.')
        dot++;
    if (!span_u64(span_first(range, dot), &out->offset))
        return false;
    return dot == range.size || (span_u64(span_from(range, dot + 1), &out->length) && out->length);
}

ll_status append_url_parse(append_url *out, ll_span url, const ll_limits *limits, arena *memory)
{
    static const char section_part[] = ";SECTION=", uid_part[] = ";UID=", partial_part[] = ";PARTIAL=";
    *out = (append_url){.section = {.what = SECTION_ALL}, .length = UINT64_MAX};
    size_t at = find_part(url, 0, span_str(uid_part));
    if (!url.size || url.data[0] != '/' || at == url.size)
        return LL_ENOTFOUND;
    ll_status status = take_mailbox(out, span_first(url, at), limits, memory);
    if (status)
        return status;
    at += sizeof uid_part - 1;
    if (!take_number(url, &at, &out->uid))
        return LL_ENOTFOUND;
    size_t partial = find_part(url, at, span_str(partial_part));
    if (partial < url.size && !take_partial(out, span_from(url, partial + sizeof partial_part - 1)))
        return LL_ENOTFOUND;
    if (partial < url.size && partial > at && url.data[partial - 1] == '/')
        partial--;
    url = span_first(url, partial);
    if (at < url.size && url.data[at] == '/')
        at++;
    if (at == url.size)
        return LL_OK;
    if (!span_starts_nocase(span_from(url, at), span_str(section_part)))
        return LL_ENOTFOUND;
    return take_section(out, span_from(url, at + sizeof section_part - 1), memory);
}
