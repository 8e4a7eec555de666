/* codec.c - see codec.h
 * SPDX-License-Identifier: MIT */
#include "base/codec.h"

#include <assert.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value of each byte in base64, 0xff for the others. Both alphabets share all but the last two. */
#define X 0xff
static const uint8_t values[256] = {
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  62, X,  X,  X,  63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61,
    X,  X,  X,  X,  X,  X,  X,  0, 1, 2, 3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, X,  X,  X,  X, X, X, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44,
    45, 46, 47, 48, 49, 50, 51, X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,
    X,  X,  X,  X,  X,  X,  X,  X, X, X, X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X,  X};
#undef X

static size_t encode(char *to, const char *from, size_t size, const char *letters, bool pad)
{
    const uint8_t *in = (const uint8_t *)from;
    char *start = to;
    for (; size >= 3; in += 3, size -= 3) {
        uint32_t v = (uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2];
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        *to++ = letters[v >> 6 & 63];
        *to++ = letters[v & 63];
    }
    if (size) {
        uint32_t v = (uint32_t)in[0] << 16 | (size > 1 ? (uint32_t)in[1] << 8 : 0);
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        if (size > 1)
            *to++ = letters[v >> 6 & 63];
        else if (pad)
            *to++ = '=';
        if (pad)
            *to++ = '=';
    }
    return (size_t)(to - start);
}

static void add(text *out, ll_span bytes, const char *letters, bool pad)
{
    size_t groups = bytes.size / 3 + 1;
    if (groups > SIZE_MAX / 4) {
        (void)text_grow(out, SIZE_MAX); /* no memory is that large: the sticky error */
        return;
    }
    char *to = text_grow(out, bytes.size ? groups * 4 - (bytes.size % 3 == 0 ? 4 : 0) : 0);
    if (to)
        text_grown(out, encode(to, bytes.data, bytes.size, letters, pad));
}

void codec_base64_add(text *out, ll_span bytes)
{
    add(out, bytes, alphabet, true);
}

void codec_base64url_add(text *out, ll_span bytes)
{
    add(out, bytes, alphabet_url, false);
}

void codec_base64_add_lines(text *out, ll_span bytes, size_t columns, ll_span eol)
{
    assert(columns >= 4 && columns % 4 == 0);
    size_t line = columns / 4 * 3;
    while (bytes.size > line) {
        codec_base64_add(out, span_first(bytes, line));
        text_add(out, eol);
        bytes = span_from(bytes, line);
    }
    codec_base64_add(out, bytes);
}

void codec_hex_add(text *out, ll_span bytes)
{
    static const char digits[] = "0123456789abcdef";
    char *to = text_grow(out, bytes.size > SIZE_MAX / 2 ? SIZE_MAX : bytes.size * 2);
    if (!to)
        return;
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = (uint8_t)bytes.data[i];
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
    text_grown(out, bytes.size * 2);
}

int codec_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

ll_status codec_hex_decode(ll_span encoded, text *out)
{
    if (encoded.size % 2)
        return LL_ESYNTAX;
    for (size_t i = 0; i < encoded.size; i++)
        if (codec_hex_digit(encoded.data[i]) < 0)
            return LL_ESYNTAX;
    char *to = text_grow(out, encoded.size / 2);
    if (!to)
        return LL_OK;
    for (size_t i = 0; i < encoded.size; i += 2)
        *to++ = (char)(codec_hex_digit(encoded.data[i]) << 4 | codec_hex_digit(encoded.data[i + 1]));
    text_grown(out, encoded.size / 2);
    return LL_OK;
}

/* The value of a character in one of the alphabets, -1 if it is not there. */
static int value_of(char c, bool url)
{
    if (url && (c == '+' || c == '/'))
        return -1;
    if (url && (c == '-' || c == '_'))
        return c == '-' ? 62 : 63;
    uint8_t v = values[(uint8_t)c];
    return v == 0xff ? -1 : v;
}

/* `encoded` without its padding: whole groups and a rest of 0, 2 or 3 characters. */
static ll_status decode_strict(ll_span encoded, bool url, text *out)
{
    size_t rest = encoded.size % 4;
    if (rest == 1)
        return LL_ESYNTAX;
    for (size_t i = 0; i < encoded.size; i++)
        if (value_of(encoded.data[i], url) < 0)
            return LL_ESYNTAX;
    if (rest && (value_of(encoded.data[encoded.size - 1], url) & (rest == 2 ? 15 : 3)))
        return LL_ESYNTAX; /* RFC 4648 section 3.5: only the canonical form */
    char *to = text_grow(out, encoded.size / 4 * 3 + (rest ? rest - 1 : 0));
    if (!to)
        return LL_OK;
    char *start = to;
    uint32_t bits = 0;
    for (size_t i = 0; i < encoded.size; i++) {
        bits = bits << 6 | (uint32_t)value_of(encoded.data[i], url);
        if (i % 4 == 3) {
            *to++ = (char)(bits >> 16 & 255);
            *to++ = (char)(bits >> 8 & 255);
            *to++ = (char)(bits & 255);
        }
    }
    if (rest == 2)
        *to++ = (char)(bits >> 4 & 255);
    if (rest == 3) {
        *to++ = (char)(bits >> 10 & 255);
        *to++ = (char)(bits >> 2 & 255);
    }
    text_grown(out, (size_t)(to - start));
    return LL_OK;
}

ll_status codec_base64_decode(ll_span encoded, text *out)
{
    if (encoded.size % 4)
        return LL_ESYNTAX;
    for (int i = 0; i < 2 && encoded.size && encoded.data[encoded.size - 1] == '='; i++)
        encoded.size--;
    return decode_strict(encoded, false, out);
}

ll_status codec_base64url_decode(ll_span encoded, text *out)
{
    return decode_strict(encoded, true, out);
}

/* Whole groups at the start of `in`, as long as nothing else is among them: the fast path of every attachment. */
static size_t decode_groups(const uint8_t *in, size_t size, char **to)
{
    size_t used = 0;
    for (; size - used >= 4; used += 4) {
        uint32_t a = values[in[used]], b = values[in[used + 1]], c = values[in[used + 2]], d = values[in[used + 3]];
        if ((a | b | c | d) & 0x80)
            break;
        uint32_t v = a << 18 | b << 12 | c << 6 | d;
        (*to)[0] = (char)(v >> 16);
        (*to)[1] = (char)(v >> 8 & 255);
        (*to)[2] = (char)(v & 255);
        *to += 3;
    }
    return used;
}

static char *end_group(codec_base64 *codec, char *to)
{
    if (codec->count >= 2)
        *to++ = (char)(codec->bits >> (codec->count == 2 ? 4 : 10) & 255);
    if (codec->count == 3)
        *to++ = (char)(codec->bits >> 2 & 255);
    *codec = (codec_base64){0};
    return to;
}

void codec_base64_push(codec_base64 *codec, ll_span encoded, text *out)
{
    char *start = text_grow(out, encoded.size / 4 * 3 + 6);
    if (!start)
        return;
    char *to = start;
    const uint8_t *in = (const uint8_t *)encoded.data;
    for (size_t i = 0; i < encoded.size; i++) {
        if (codec->count == 0) {
            i += decode_groups(in + i, encoded.size - i, &to);
            if (i == encoded.size)
                break;
        }
        if (in[i] == '=')
            to = end_group(codec, to);
        if (values[in[i]] == 0xff)
            continue;
        codec->bits = codec->bits << 6 | values[in[i]];
        if (++codec->count == 4) {
            *to++ = (char)(codec->bits >> 16 & 255);
            *to++ = (char)(codec->bits >> 8 & 255);
            *to++ = (char)(codec->bits & 255);
            *codec = (codec_base64){0};
        }
    }
    text_grown(out, (size_t)(to - start));
}

void codec_base64_finish(codec_base64 *codec, text *out)
{
    char bytes[2];
    char *end = end_group(codec, bytes);
    text_add(out, span_of(bytes, (size_t)(end - bytes)));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static void flush_held(codec_qp *codec, text *out)
{
    text_add(out, span_of(codec->held, codec->held_size));
    codec->held_size = 0;
    codec->escape = false;
}

/* One more character of an escape that began with '='. false: it is none, and `c` is still to be read. */
static bool escape_char(codec_qp *codec, char c, text *out)
{
    char second = codec->held_size > 1 ? codec->held[1] : '\0';
    bool soft = codec->held_size > 1 && (is_space(second) || second == '\r');
    if (c == '\n' && (codec->held_size == 1 || soft)) { /* soft line break, perhaps with white space that was added */
        codec->held_size = 0;
        codec->escape = false;
        return true;
    }
    bool room = codec->held_size < codec_qp_space_max;
    if ((codec->held_size == 1 && (is_space(c) || c == '\r' || codec_hex_digit(c) >= 0)) ||
        (soft && room && codec->held[codec->held_size - 1] != '\r' && (is_space(c) || c == '\r'))) {
        codec->held[codec->held_size++] = c;
        return true;
    }
    if (codec->held_size == 2 && !soft && codec_hex_digit(c) >= 0) {
        text_add_byte(out, (char)(codec_hex_digit(second) << 4 | codec_hex_digit(c)));
        codec->held_size = 0;
        codec->escape = false;
        return true;
    }
    flush_held(codec, out);
    return false;
}

static void qp_char(codec_qp *codec, char c, text *out)
{
    if (codec->escape && escape_char(codec, c, out))
        return;
    if (is_space(c) || (c == '\r' && codec->held_size < codec_qp_space_max)) {
        if (codec->held_size >= codec_qp_space_max)
            flush_held(codec, out);
        codec->held[codec->held_size++] = c;
        return;
    }
    if (c == '\n') { /* rule 3: white space before the line end was added on the way */
        bool cr = codec->held_size && codec->held[codec->held_size - 1] == '\r';
        size_t keep = codec->held_size - cr;
        while (keep && is_space(codec->held[keep - 1]))
            keep--;
        text_add(out, span_of(codec->held, keep));
        codec->held_size = 0;
        text_add(out, cr ? SPAN("\r\n") : SPAN("\n"));
        return;
    }
    flush_held(codec, out);
    if (c == '=') {
        codec->held[0] = '=';
        codec->held_size = 1;
        codec->escape = true;
    } else
        text_add_byte(out, c == '_' && codec->underline ? ' ' : c);
}

void codec_qp_push(codec_qp *codec, ll_span encoded, text *out)
{
    size_t i = 0;
    while (i < encoded.size) {
        size_t from = i;
        while (i < encoded.size && (uint8_t)encoded.data[i] > ' ' && encoded.data[i] != '=' && encoded.data[i] != '_')
            i++;
        if (i > from && !codec->escape && !codec->held_size)
            text_add(out, span_of(encoded.data + from, i - from));
        else
            i = from;
        if (i < encoded.size)
            qp_char(codec, encoded.data[i++], out);
    }
}

void codec_qp_finish(codec_qp *codec, text *out)
{
    if (codec->escape && codec->held_size == 1) /* "=" at the very end: a soft line break */
        codec->held_size = 0;
    if (codec->escape && codec->held_size > 1 && codec_hex_digit(codec->held[1]) < 0)
        codec->held_size = 0;
    flush_held(codec, out);
}
