/* response.c - see response.h
 * SPDX-License-Identifier: MIT */
#include "imap/response.h"

#include "base/utf.h"
#include "imap/name.h"

static const char *const system_flags[LL_FLAG_KEYWORD] = {
    [LL_FLAG_SEEN] = "\\Seen",       [LL_FLAG_ANSWERED] = "\\Answered", [LL_FLAG_FLAGGED] = "\\Flagged",
    [LL_FLAG_DELETED] = "\\Deleted", [LL_FLAG_DRAFT] = "\\Draft",
};

enum { quoted_max = 1000 }; /* bytes said as a quoted string: clients have line buffers, RFC 2683 section 3.2.1.5 */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Eight bytes at a time: the high bit of some byte is set if one of them is zero, or below 0x20. Carries make the bits
 * above the first such byte unreliable, so only whether there is any may be asked. */
static uint64_t zeros(uint64_t x)
{
    return (x - EACH(1)) & ~x;
}

/* Whether a byte of these is no printable ASCII, or needs a backslash within quotes. */
static uint64_t is_special(uint64_t x)
{
    uint64_t found = x | ((x - EACH(0x20)) & ~x) | zeros(x ^ EACH(0x7f)) | zeros(x ^ EACH('"')) | zeros(x ^ EACH('\\'));
    return found & EACH(0x80);
}

/* The eight bytes at an address; the last ones of a string may be looked at twice. */
static uint64_t eight(const char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

static uint32_t four(const char *at)
{
    uint32_t x;
    memcpy(&x, at, sizeof x);
    return x;
}

/* Only printable ASCII without quotes and backslashes. */
static bool is_plain(ll_span bytes)
{
    if (!bytes.size)
        return true;
    const char *at = bytes.data, *end = at + bytes.size;
    uint64_t special = 0, x = EACH(' ');
    if (bytes.size >= 8) {
        for (; end - at > 8; at += 8)
            special |= is_special(eight(at));
        return !(special | is_special(eight(end - 8)));
    }
    if (bytes.size >= 4)
        return !is_special(four(at) | (uint64_t)four(end - 4) << 32);
    while (at < end)
        x = x << 8 | (unsigned char)*at++;
    return !is_special(x);
}

char *response_put_plain(char *to, ll_span bytes)
{
    if (!to || bytes.size > quoted_max || !is_plain(bytes))
        return NULL;
    if (!bytes.data) {
        memcpy(to, "NIL", 3);
        return to + 3;
    }
    *to++ = '"';
    memcpy(to, bytes.data, bytes.size);
    to += bytes.size;
    *to++ = '"';
    return to;
}

/* Most strings are plain and short: said in one go. */
static bool add_plain(text *out, ll_span bytes)
{
    char *to = bytes.size <= quoted_max && is_plain(bytes) ? text_grow(out, bytes.size + 2) : NULL;
    if (!to)
        return false;
    to[0] = '"';
    if (bytes.size)
        memcpy(to + 1, bytes.data, bytes.size);
    to[bytes.size + 1] = '"';
    text_grown(out, bytes.size + 2);
    return true;
}

bool response_is_quotable(ll_span bytes)
{
    if (bytes.size > quoted_max)
        return false;
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] < ' ' || bytes.data[i] > '~') /* 8-bit bytes are negative or above, as char is */
            return false;
    return true;
}

void response_quoted(text *out, ll_span bytes)
{
    text_add_byte(out, '"');
    while (bytes.size) {
        size_t plain = 0;
        while (plain < bytes.size && bytes.data[plain] != '"' && bytes.data[plain] != '\\')
            plain++;
        text_add(out, span_first(bytes, plain));
        bytes = span_from(bytes, plain);
        if (!bytes.size)
            break;
        text_add_byte(out, '\\');
        text_add_byte(out, bytes.data[0]);
        bytes = span_from(bytes, 1);
    }
    text_add_byte(out, '"');
}

void response_string(text *out, ll_span bytes)
{
    if (add_plain(out, bytes))
        return;
    if (response_is_quotable(bytes)) {
        response_quoted(out, bytes);
        return;
    }
    text_add_byte(out, '{');
    text_add_u64(out, bytes.size);
    text_add(out, SPAN("}\r\n"));
    while (bytes.size) {
        size_t plain = span_find(bytes, '\0');
        text_add(out, span_first(bytes, plain));
        if (plain < bytes.size)
            text_add_byte(out, '?');
        bytes = span_from(bytes, plain + (plain < bytes.size));
    }
}

/* Also for a quoted string with UTF-8: no controls, valid. */
static bool is_quotable_utf8(ll_span bytes)
{
    if (bytes.size > quoted_max)
        return false;
    for (size_t i = 0; i < bytes.size; i++)
        if ((unsigned char)bytes.data[i] < ' ' || bytes.data[i] == 0x7f)
            return false;
    return utf_valid(bytes);
}

void response_string_as(text *out, ll_span bytes, bool utf8)
{
    if (add_plain(out, bytes))
        return;
    if (utf8 && is_quotable_utf8(bytes))
        response_quoted(out, bytes);
    else
        response_string(out, bytes);
}

void response_nstring_as(text *out, ll_span bytes, bool utf8)
{
    if (bytes.data)
        response_string_as(out, bytes, utf8);
    else
        text_add(out, SPAN("NIL"));
}

void response_nstring(text *out, ll_span bytes)
{
    if (bytes.data)
        response_string(out, bytes);
    else
        text_add(out, SPAN("NIL"));
}

void response_mailbox(text *out, ll_span name)
{
    text encoded;
    text_init(&encoded, out->allocator, SIZE_MAX / 2);
    name_add_utf7(&encoded, name);
    if (text_status(&encoded)) {
        if (!out->status)
            out->status = text_status(&encoded);
    } else
        response_quoted(out, text_span(&encoded)); /* modified UTF-7 is printable ASCII */
    text_fini(&encoded);
}

static void add_item(text *out, bool *first, ll_span item)
{
    if (!*first)
        text_add_byte(out, ' ');
    *first = false;
    text_add(out, item);
}

void response_flags(text *out, const ll_view *view, const ll_flags *flags, bool recent)
{
    bool first = true;
    text_add_byte(out, '(');
    for (unsigned i = 0; i < LL_FLAG_KEYWORD; i++)
        if (ll_flags_has(flags, i))
            add_item(out, &first, span_str(system_flags[i]));
    if (recent)
        add_item(out, &first, SPAN("\\Recent"));
    for (unsigned i = 0; i < ll_view_keywords(view); i++)
        if (ll_flags_has(flags, LL_FLAG_KEYWORD + i))
            add_item(out, &first, ll_view_keyword(view, i));
    text_add_byte(out, ')');
}

void response_flags_known(text *out, const ll_view *view, bool with_star)
{
    bool first = true;
    text_add_byte(out, '(');
    for (unsigned i = 0; i < LL_FLAG_KEYWORD; i++)
        add_item(out, &first, span_str(system_flags[i]));
    for (unsigned i = 0; i < ll_view_keywords(view); i++)
        add_item(out, &first, ll_view_keyword(view, i));
    if (with_star && ll_view_keywords(view) < LL_KEYWORDS_MAX)
        add_item(out, &first, SPAN("\\*"));
    text_add_byte(out, ')');
}
