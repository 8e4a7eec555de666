/* transfer.c - see transfer.h
 * SPDX-License-Identifier: MIT
 *
 * Both directions take 12 or 16 bytes at a time where the processor has SSSE3 (all of x86 since 2006): measured, a body
 * goes out at 5 GB/s instead of 1.1. The vector code is the method of W. Mula and D. Lemire, "Faster Base64 Encoding
 * and Decoding using AVX2 Instructions" (2018). The plain code is what the tests compare it with. */
#include "store/transfer.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define VECTOR 1
#else
#define VECTOR 0
#endif

enum { base64 = 1, with_lf = 1 << 4, line_shift = 8 };

static uint64_t line_of(int64_t transfer)
{
    return (uint64_t)transfer >> line_shift;
}

static uint64_t end_of(int64_t transfer)
{
    return transfer & with_lf ? 1 : 2;
}

bool transfer_known(int64_t transfer)
{
    if (transfer == TRANSFER_NONE)
        return true;
    return transfer > 0 && (transfer & 0xef) == base64 && line_of(transfer) % 4 == 0 &&
           line_of(transfer) <= TRANSFER_LINE_MAX;
}

/* Where the text of character c begins, if the line end before it belongs to it. */
static uint64_t text_begin(int64_t transfer, uint64_t c)
{
    uint64_t line = line_of(transfer);
    return line && c ? c + (c - 1) / line * end_of(transfer) : c;
}

uint64_t transfer_size(int64_t transfer, uint64_t plain)
{
    if (transfer == TRANSFER_NONE)
        return plain;
    return text_begin(transfer, (plain + 2) / 3 * 4);
}

size_t transfer_room(int64_t transfer, size_t plain)
{
    if (transfer == TRANSFER_NONE)
        return plain;
    size_t characters = (plain + 2) / 3 * 4, line = (size_t)line_of(transfer);
    return characters + (line ? characters / line + 2 : 0) * 2 + 16; /* a vector may write beyond its last group */
}

uint64_t transfer_seek(int64_t transfer, uint64_t offset, uint64_t *start)
{
    *start = offset;
    if (transfer == TRANSFER_NONE)
        return offset;
    uint64_t line = line_of(transfer), c = offset;
    if (line) {
        uint64_t whole = line + end_of(transfer), column = offset % whole;
        c = offset / whole * line + (column < line ? column : line - 1);
    }
    c = c / 4 * 4;
    *start = text_begin(transfer, c);
    return c / 4 * 3;
}

/* ---------------------------------------------------------------------------------------------------- Encode */

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#if VECTOR
/* 16 readable bytes, of which 12 become 16 characters. */
__attribute__((target("ssse3"))) static void encode_12(const char *in, char *out)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)in);
    x = _mm_shuffle_epi8(x, _mm_set_epi8(10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1));
    __m128i high = _mm_mulhi_epu16(_mm_and_si128(x, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
    __m128i low = _mm_mullo_epi16(_mm_and_si128(x, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
    x = _mm_or_si128(high, low);
    __m128i shift = _mm_setr_epi8(65, 71, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, -19, -16, 0, 0);
    __m128i which = _mm_subs_epu8(x, _mm_set1_epi8(51));
    which = _mm_sub_epi8(which, _mm_cmpgt_epi8(x, _mm_set1_epi8(25)));
    x = _mm_add_epi8(x, _mm_shuffle_epi8(shift, which));
    _mm_storeu_si128((__m128i *)(void *)out, x);
}

/* Groups of 3, as long as 16 bytes may be read: how many bytes were taken. */
__attribute__((target("ssse3"))) static size_t encode_fast(const char *in, size_t size, size_t readable, char *out)
{
    size_t n = 0;
    while (n + 12 <= size && n + 16 <= readable) {
        encode_12(in + n, out + n / 3 * 4);
        n += 12;
    }
    return n;
}

static bool fast(void)
{
    return __builtin_cpu_supports("ssse3");
}
#else
static size_t encode_fast(const char *in, size_t size, size_t readable, char *out)
{
    (void)in, (void)size, (void)readable, (void)out;
    return 0;
}

static bool fast(void)
{
    return false;
}
#endif

static void encode_group(const char *in, size_t size, char *out)
{
    uint32_t x = (uint32_t)(uint8_t)in[0] << 16;
    if (size > 1)
        x |= (uint32_t)(uint8_t)in[1] << 8;
    if (size > 2)
        x |= (uint8_t)in[2];
    out[0] = alphabet[x >> 18];
    out[1] = alphabet[x >> 12 & 63];
    out[2] = size > 1 ? alphabet[x >> 6 & 63] : '=';
    out[3] = size > 2 ? alphabet[x & 63] : '=';
}

/* Without line ends. size bytes, behind which more may be readable. */
static void encode_run(const char *in, size_t size, size_t readable, char *out, bool vector)
{
    size_t n = vector ? encode_fast(in, size, readable, out) : 0;
    for (; n < size; n += 3)
        encode_group(in + n, size - n, out + n / 3 * 4);
}

size_t transfer_encode(int64_t transfer, uint64_t at, ll_span plain, char *out)
{
    if (transfer == TRANSFER_NONE) {
        if (plain.size)
            memcpy(out, plain.data, plain.size);
        return plain.size;
    }
    bool vector = fast();
    uint64_t line = line_of(transfer), c = at / 3 * 4;
    char *to = out;
    while (plain.size) {
        if (line && c && c % line == 0) {
            if (!(transfer & with_lf))
                *to++ = '\r';
            *to++ = '\n';
        }
        size_t left = line ? (size_t)(line - c % line) / 4 * 3 : plain.size;
        size_t take = left < plain.size ? left : plain.size;
        encode_run(plain.data, take, plain.size, to, vector);
        size_t written = (take + 2) / 3 * 4;
        to += written;
        c += written;
        plain = span_from(plain, take);
    }
    return (size_t)(to - out);
}

/* ---------------------------------------------------------------------------------------------------- Decode */

/* 0 to 63; 64 is added to what is none of the alphabet. */
static unsigned value_of(char c)
{
    static const uint8_t values[128] = {['A'] = 128, 129, 130,         131,        132, 133, 134,         135, 136, 137,
                                        138,         139, 140,         141,        142, 143, 144,         145, 146, 147,
                                        148,         149, 150,         151,        152, 153, ['a'] = 154, 155, 156, 157,
                                        158,         159, 160,         161,        162, 163, 164,         165, 166, 167,
                                        168,         169, 170,         171,        172, 173, 174,         175, 176, 177,
                                        178,         179, ['0'] = 180, 181,        182, 183, 184,         185, 186, 187,
                                        188,         189, ['+'] = 190, ['/'] = 191};
    unsigned value = (uint8_t)c < 128 ? values[(uint8_t)c] : 0;
    return value & 128 ? value & 63 : 64;
}

#if VECTOR
/* 16 characters to 12 bytes (16 are written); false: one of them is none of the alphabet. */
__attribute__((target("ssse3"))) static bool decode_16(const char *in, char *out)
{
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)in);
    const __m128i lows =
        _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13, 0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m128i highs =
        _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10);
    const __m128i rolls = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i mask = _mm_set1_epi8(0x2f);
    __m128i high = _mm_and_si128(_mm_srli_epi32(x, 4), mask), low = _mm_and_si128(x, mask);
    __m128i wrong = _mm_and_si128(_mm_shuffle_epi8(lows, low), _mm_shuffle_epi8(highs, high));
    if (_mm_movemask_epi8(_mm_cmpgt_epi8(wrong, _mm_setzero_si128())))
        return false;
    x = _mm_add_epi8(x, _mm_shuffle_epi8(rolls, _mm_add_epi8(_mm_cmpeq_epi8(x, mask), high)));
    x = _mm_maddubs_epi16(x, _mm_set1_epi32(0x01400140));
    x = _mm_madd_epi16(x, _mm_set1_epi32(0x00011000));
    x = _mm_shuffle_epi8(x, _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    char twelve[16];
    _mm_storeu_si128((__m128i *)(void *)twelve, x);
    memcpy(out, twelve, 12);
    return true;
}
#endif

/* Groups of four characters, none of them padding, as far as they are of the alphabet: characters taken. */
static size_t decode_run(const char *in, size_t size, char *out)
{
    size_t n = 0;
#if VECTOR
    if (fast()) {
        while (n + 16 <= size && decode_16(in + n, out + n / 4 * 3))
            n += 16;
        size_t last = size / 4 * 4; /* the rest of a line, with some of it once more */
        if (n && n < last && last - n < 16 && decode_16(in + last - 16, out + (last - 16) / 4 * 3))
            n = last;
    }
#endif
    for (; n + 4 <= size; n += 4) {
        unsigned a = value_of(in[n]), b = value_of(in[n + 1]), c = value_of(in[n + 2]), d = value_of(in[n + 3]);
        if ((a | b | c | d) & 64)
            break;
        uint32_t x = a << 18 | b << 12 | c << 6 | d;
        char *to = out + n / 4 * 3;
        to[0] = (char)(x >> 16);
        to[1] = (char)(x >> 8);
        to[2] = (char)x;
    }
    return n;
}

/* Four characters that may end with padding: 1 to 3 bytes; 0: it is no group, or not as an encoder writes it. */
static unsigned decode_group(const uint8_t in[4], char out[3])
{
    unsigned a = value_of((char)in[0]), b = value_of((char)in[1]), c = value_of((char)in[2]), d = value_of((char)in[3]);
    unsigned bytes = in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
    c = bytes < 2 ? 0 : c;
    d = bytes < 3 ? 0 : d;
    if ((a | b | c | d) & 64 || (bytes == 1 && b & 15) || (bytes == 2 && c & 3))
        return 0;
    uint32_t x = a << 18 | b << 12 | c << 6 | d;
    out[0] = (char)(x >> 16);
    out[1] = (char)(x >> 8);
    out[2] = (char)x;
    return bytes;
}

/* The first line's end says how long lines are and what they end with. A line end alone is no text yet: `text` takes it
 * with the group behind it. */
static bool scan_end(transfer_scanner *s, char c)
{
    if (s->kept_count || (s->line && s->column != s->line) || !s->column || s->column > TRANSFER_LINE_MAX)
        return false;
    if (c == '\r')
        return s->end_count++ == 0 && s->end != 1;
    uint64_t end = s->end_count + 1;
    if (s->end && s->end != end)
        return false;
    s->line = s->column;
    s->end = end;
    s->column = 0;
    s->end_count = 0;
    return true;
}

/* A whole group is in `kept`. */
static bool scan_group(transfer_scanner *s, char *out, size_t *size)
{
    unsigned bytes = decode_group(s->kept, out + *size);
    s->kept_count = 0;
    if (!bytes || (s->line && s->column == s->line))
        return false;
    if (s->column == 0 && s->plain)
        s->text += s->end; /* the line end before it */
    s->column += 4;
    s->text += 4;
    s->plain += bytes;
    *size += bytes;
    return bytes == 3;
}

/* As many groups as stand together in this line: characters taken. */
static size_t scan_run(transfer_scanner *s, ll_span bytes, char *out, size_t *size)
{
    uint64_t room = s->line ? s->line - s->column : UINT64_MAX;
    size_t n = decode_run(bytes.data, bytes.size < room ? bytes.size : (size_t)room, out + *size);
    if (!n)
        return 0;
    if (s->column == 0 && s->plain)
        s->text += s->end;
    s->column += n;
    s->text += n;
    s->plain += n / 4 * 3;
    *size += n / 4 * 3;
    return n;
}

bool transfer_scan(transfer_scanner *s, ll_span bytes, char *out, size_t *size)
{
    *size = 0;
    while (!s->over && bytes.size) {
        if (!s->kept_count && !s->end_count) {
            size_t n = scan_run(s, bytes, out, size);
            bytes = span_from(bytes, n);
            if (!bytes.size)
                break;
        }
        char c = *bytes.data;
        bytes = span_from(bytes, 1);
        if (c == '\r' || c == '\n') {
            s->over = !scan_end(s, c);
            continue;
        }
        if (s->end_count) {
            s->over = true;
            break;
        }
        s->kept[s->kept_count++] = (uint8_t)c;
        if (s->kept_count == 4)
            s->over = !scan_group(s, out, size);
    }
    return !s->over;
}

int64_t transfer_scanned(const transfer_scanner *s)
{
    uint64_t line = s->line <= TRANSFER_LINE_MAX ? s->line : 0;
    return base64 | (s->end == 1 ? with_lf : 0) | (int64_t)(line << line_shift);
}
