/* utf7.c - see utf7.h
 * SPDX-License-Identifier: MIT */
#include "base/utf7.h"

#include "base/utf.h"

enum { replacement = 0xfffd };

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void add_unit(utf7_decoder *d, uint32_t unit, text *out)
{
    uint32_t high = d->high;
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    d->high = 0;
    if (high && is_low) {
        utf_add_point(out, 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00));
        return;
    }
    if (high)
        utf_add_point(out, replacement);
    if (unit >= 0xd800 && unit <= 0xdbff)
        d->high = unit;
    else
        utf_add_point(out, unit); /* U+FFFD for a low half alone */
}

static void add_base64(utf7_decoder *d, uint32_t value, text *out)
{
    d->fresh = false;
    d->bits = d->bits << 6 | value;
    d->bits_size += 6;
    if (d->bits_size < 16)
        return;
    d->bits_size -= 16;
    uint32_t unit = d->bits >> d->bits_size;
    d->bits &= (1u << d->bits_size) - 1;
    add_unit(d, unit, out);
}

/* Base64 has ended. RFC 2152: what is left are fewer than 6 bits, all zero. One U+FFFD at most: it is one fault. */
static void end_base64(utf7_decoder *d, text *out)
{
    if (d->fresh || d->high || d->bits_size >= 6 || d->bits)
        utf_add_point(out, replacement);
    *d = (utf7_decoder){0};
}

void utf7_push(utf7_decoder *d, ll_span bytes, text *out)
{
    for (size_t i = 0; i < bytes.size;) {
        char c = bytes.data[i];
        int value = base64_value(c);
        if (d->shifted && value >= 0) {
            add_base64(d, (uint32_t)value, out);
            i++;
        } else if (d->shifted) {
            bool plus = d->fresh && c == '-'; /* "+-" is '+' */
            if (plus)
                d->fresh = false;
            end_base64(d, out);
            if (plus)
                text_add_byte(out, '+');
            i += c == '-'; /* it belongs to the base64, any other byte ends it and is itself */
        } else if (c == '+') {
            d->shifted = d->fresh = true;
            i++;
        } else {
            size_t run = i;
            while (run < bytes.size && bytes.data[run] != '+' && !(bytes.data[run] & 0x80))
                run++;
            text_add(out, span_of(bytes.data + i, run - i));
            i = run;
            if (i < bytes.size && bytes.data[i] & 0x80) {
                utf_add_point(out, replacement);
                i++;
            }
        }
    }
}

void utf7_finish(utf7_decoder *d, text *out)
{
    end_base64(d, out);
}
