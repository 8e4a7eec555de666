/* name.c - see name.h
 * SPDX-License-Identifier: MIT */
#include "imap/name.h"

#include "base/utf.h"

#include <assert.h>

/* --- modified UTF-7, RFC 3501 section 5.1.3 --- */

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '&';
}

/* Size of the UTF-8 character at the start of valid UTF-8, and its code point. */
static size_t take_point(ll_span utf8, uint32_t *point)
{
    unsigned char c = (unsigned char)utf8.data[0];
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    *point = size == 1 ? c : c & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        *point = *point << 6 | ((unsigned char)utf8.data[i] & 0x3fu);
    return size;
}

/* 16-bit units into base64. */
typedef struct shifted {
    uint32_t bits;
    unsigned count;
} shifted;

static void add_unit(text *out, shifted *state, uint32_t unit)
{
    state->bits = state->bits << 16 | unit;
    state->count += 16;
    while (state->count >= 6) {
        state->count -= 6;
        text_add_byte(out, base64_alphabet[state->bits >> state->count & 0x3f]);
    }
    state->bits &= (1u << state->count) - 1;
}

/* A run of characters that are not plain, between '&' and '-'. Returns its size. */
static size_t add_shifted(text *out, ll_span name)
{
    shifted state = {0};
    size_t at = 0;
    text_add_byte(out, '&');
    while (at < name.size && !is_plain(name.data[at]) && name.data[at] != '&') {
        uint32_t point;
        at += take_point(span_from(name, at), &point);
        if (point >= 0x10000) {
            add_unit(out, &state, 0xd800 + ((point - 0x10000) >> 10));
            point = 0xdc00 + ((point - 0x10000) & 0x3ff);
        }
        add_unit(out, &state, point);
    }
    if (state.count)
        text_add_byte(out, base64_alphabet[state.bits << (6 - state.count) & 0x3f]);
    text_add_byte(out, '-');
    return at;
}

static void add_valid_utf7(text *out, ll_span name)
{
    while (name.size) {
        size_t size = 0;
        if (name.data[0] == '&') {
            text_add(out, SPAN("&-"));
            size = 1;
        } else if (!is_plain(name.data[0]))
            size = add_shifted(out, name);
        else {
            while (size < name.size && is_plain(name.data[size]))
                size++;
            text_add(out, span_first(name, size));
        }
        name = span_from(name, size);
    }
}

void name_add_utf7(text *out, ll_span name)
{
    if (utf_valid(name)) {
        add_valid_utf7(out, name);
        return;
    }
    text repaired;
    text_init(&repaired, out->allocator, SIZE_MAX / 2);
    utf_add_valid(&repaired, name);
    if (text_status(&repaired))
        out->status = text_status(&repaired);
    else
        add_valid_utf7(out, text_span(&repaired));
    text_fini(&repaired);
}

/* One 16-bit unit joins what came before. Surrogates only in pairs. */
static bool take_unit(text *out, uint32_t *high, uint32_t unit)
{
    if (*high) {
        if (unit < 0xdc00 || unit > 0xdfff)
            return false;
        utf_add_point(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
        *high = 0;
    } else if (unit >= 0xd800 && unit <= 0xdbff)
        *high = unit;
    else if (unit >= 0xdc00 && unit <= 0xdfff)
        return false;
    else
        utf_add_point(out, unit);
    return true;
}

/* What stands between '&' and '-'. */
static ll_status add_unshifted(text *out, ll_span base64)
{
    uint32_t bits = 0, high = 0;
    unsigned count = 0;
    for (size_t i = 0; i < base64.size; i++) {
        const char *digit = base64.data[i] ? strchr(base64_alphabet, base64.data[i]) : NULL;
        if (!digit)
            return LL_ESYNTAX;
        bits = (bits << 6 | (uint32_t)(digit - base64_alphabet)) & 0xffffff;
        count += 6;
        if (count < 16)
            continue;
        count -= 16;
        if (!take_unit(out, &high, bits >> count & 0xffff))
            return LL_ESYNTAX;
    }
    return high || count >= 6 || (bits & ((1u << count) - 1)) ? LL_ESYNTAX : LL_OK;
}

ll_status name_add_utf8(text *out, ll_span utf7)
{
    if (!utf_valid(utf7))
        return LL_ESYNTAX;
    while (utf7.size) {
        size_t plain = span_find(utf7, '&');
        text_add(out, span_first(utf7, plain));
        utf7 = span_from(utf7, plain);
        if (!utf7.size)
            return LL_OK;
        size_t end = span_find(utf7, '-');
        if (end == utf7.size)
            return LL_ESYNTAX;
        if (end == 1)
            text_add_byte(out, '&');
        else if (add_unshifted(out, span_of(utf7.data + 1, end - 1)))
            return LL_ESYNTAX;
        utf7 = span_from(utf7, end + 1);
    }
    return LL_OK;
}

/* --- what is a name --- */

bool name_is_inbox(ll_span name)
{
    return span_equal_nocase(span_first(name, span_find(name, '/')), SPAN("INBOX"));
}

/* No C0 and C1 controls, DEL, or line and paragraph separators: they would confuse terminals, logs and clients' lists.
 */
static bool has_controls(ll_span utf8)
{
    while (utf8.size) {
        uint32_t point;
        size_t size = take_point(utf8, &point);
        if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 || point == 0x2029)
            return true;
        utf8 = span_from(utf8, size);
    }
    return false;
}

static ll_status check_levels(ll_span name, uint64_t depth_max)
{
    uint64_t depth = 1;
    if (!name.size || name.data[0] == '/' || name.data[name.size - 1] == '/')
        return LL_EUNSUPPORTED;
    for (size_t i = 1; i < name.size; i++) {
        if (name.data[i] != '/')
            continue;
        if (name.data[i - 1] == '/')
            return LL_EUNSUPPORTED;
        depth++;
    }
    return depth > depth_max ? LL_ELIMIT : LL_OK;
}

/* Decoded and composed, into the arena. */
static ll_status decode(ll_span written, const ll_limits *limits, arena *memory, ll_span *name)
{
    text utf8, composed;
    size_t most = (size_t)limits->mailbox_name_bytes;
    if (written.size > most * 3 + 16) /* base64 of a unit is at most 8/3 of a byte of UTF-8 */
        return LL_ELIMIT;
    text_init(&utf8, memory->allocator, written.size * 3 + 16);
    text_init(&composed, memory->allocator, written.size * 9 + 64); /* NFC grows UTF-8 by three at most */
    ll_status status = name_add_utf8(&utf8, written);
    if (!status)
        status = text_status(&utf8);
    if (!status)
        status = utf_nfc(&composed, text_span(&utf8));
    if (!status)
        status = text_status(&composed);
    if (status == LL_ESYNTAX)
        status = LL_EUNSUPPORTED;
    if (!status && composed.size > most)
        status = LL_ELIMIT;
    if (!status) {
        *name = arena_copy(memory, text_span(&composed));
        status = name->data ? LL_OK : arena_status(memory);
    }
    text_fini(&utf8);
    text_fini(&composed);
    return status;
}

ll_status name_read(ll_span written, const ll_limits *limits, arena *memory, ll_span *name)
{
    ll_status status = decode(written, limits, memory, name);
    if (status)
        return status;
    if (has_controls(*name))
        return LL_EUNSUPPORTED;
    status = check_levels(*name, limits->mailbox_depth);
    if (status || !name_is_inbox(*name))
        return status;
    char *own = (char *)(uintptr_t)name->data; /* decode made it, in the arena */
    memcpy(own, "INBOX", 5);
    return LL_OK;
}

/* Runs of wildcards are one: '*' if there is one among them. In place. */
static ll_status shorten_wildcards(ll_span *pattern)
{
    char *own = (char *)(uintptr_t)pattern->data;
    size_t size = 0;
    unsigned wildcards = 0;
    for (size_t i = 0; i < pattern->size; i++) {
        char c = own[i];
        if (c == '*' || c == '%') {
            if (size && (own[size - 1] == '*' || own[size - 1] == '%')) {
                own[size - 1] = c == '*' ? c : own[size - 1];
                continue;
            }
            wildcards++;
        }
        own[size++] = c;
    }
    pattern->size = size;
    return wildcards > name_wildcards_max ? LL_ELIMIT : LL_OK;
}

ll_status name_read_pattern(ll_span reference, ll_span written, const ll_limits *limits, arena *memory,
                            ll_span *pattern)
{
    char *both = arena_array(memory, reference.size + written.size + 1, 1);
    if (!both)
        return arena_status(memory);
    if (reference.size)
        memcpy(both, reference.data, reference.size);
    if (written.size)
        memcpy(both + reference.size, written.data, written.size);
    ll_status status = decode(span_of(both, reference.size + written.size), limits, memory, pattern);
    return status ? status : shorten_wildcards(pattern);
}

/* --- matching --- */

/* reached[n]: the pattern so far can stand for the first n bytes of the name. Each byte of the pattern turns one such
 * row into the next; [low, high] is where it may be true. */
typedef struct match {
    ll_span name;
    bool inbox;
    size_t low, high;
    bool reached[name_match_max + 1];
} match;

static void match_wildcard(match *m, bool slash_too)
{
    bool on = false;
    for (size_t n = m->low; n <= m->name.size; n++) {
        if (n > m->low && !slash_too && m->name.data[n - 1] == '/')
            on = false;
        on = on || (n <= m->high && m->reached[n]);
        m->reached[n] = on;
    }
    m->high = m->name.size;
}

static void match_byte(match *m, char byte)
{
    size_t end = m->high < m->name.size ? m->high + 1 : m->name.size;
    for (size_t n = end; n > m->low; n--) {
        char c = m->name.data[n - 1];
        bool same = c == byte || (m->inbox && n <= 5 && ascii_upper(byte) == c);
        m->reached[n] = n - 1 <= m->high && m->reached[n - 1] && same;
    }
    m->low++;
    m->high = end;
    while (m->low <= m->high && !m->reached[m->low])
        m->low++;
}

bool name_match(ll_span pattern, ll_span name)
{
    if (name.size > name_match_max)
        return false;
    match m;
    m.name = name;
    m.inbox = name_is_inbox(name);
    m.low = m.high = 0;
    m.reached[0] = true;
    for (size_t i = 0; i < pattern.size; i++) {
        char c = pattern.data[i];
        if (c == '*' && i + 1 == pattern.size)
            return true;
        if (c == '*' || c == '%')
            match_wildcard(&m, c == '*');
        else
            match_byte(&m, c);
        if (m.low > m.high)
            return false;
    }
    return m.high == name.size && m.reached[name.size];
}
