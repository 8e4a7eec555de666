/* word.c - see word.h
 * SPDX-License-Identifier: MIT */
#include "mime/word.h"

#include "base/charset.h"
#include "base/codec.h"
#include "base/utf.h"

enum {
    word_max = 4096 /* one encoded word: RFC 2047 section 2 allows 75; some mailers write a whole subject as one */
};

typedef struct word {
    ll_span charset, body;
    bool base64;
} word;

typedef struct decoder {
    text *out;
    charset_reader *converter; /* of the words before, to which the next one may be joined */
    ll_span charset;
    text bytes;
} decoder;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* An encoded word at the start of `in`: its size, or 0. */
static size_t read_word(ll_span in, word *w)
{
    if (in.size < 8 || in.data[0] != '=' || in.data[1] != '?')
        return 0;
    size_t marks[3], count = 0, i = 2;
    for (; i < in.size && i < word_max && count < 3; i++) {
        if (in.data[i] == '?')
            marks[count++] = i;
        else if (is_space(in.data[i]) && count < 2)
            return 0;
        else if (in.data[i] == '\n') /* a space inside the text is against the RFC but common; a line end is not */
            return 0;
    }
    if (count < 3 || i >= in.size || in.data[i] != '=' || marks[1] != marks[0] + 2 || marks[0] == 2)
        return 0;
    char encoding = ascii_lower(in.data[marks[0] + 1]);
    if (encoding != 'b' && encoding != 'q')
        return 0;
    ll_span charset = span_of(in.data + 2, marks[0] - 2);
    *w = (word){.charset = span_first(charset, span_find(charset, '*')), /* RFC 2231 section 5: charset*language */
                .body = span_of(in.data + marks[1] + 1, marks[2] - marks[1] - 1),
                .base64 = encoding == 'b'};
    return i + 1;
}

static void end_words(decoder *d)
{
    if (d->converter)
        charset_finish(d->converter, d->out);
    charset_del(&d->converter);
}

/* false: a charset that we do not have. */
static bool add_word(decoder *d, const word *w)
{
    if (!d->converter || !span_equal_nocase(d->charset, w->charset)) {
        charset_reader *next;
        ll_status status = charset_new(&next, d->out->allocator, w->charset);
        if (status == LL_ENOMEM)
            d->out->status = LL_ENOMEM;
        if (status)
            return false;
        end_words(d);
        d->converter = next;
        d->charset = w->charset;
    }
    text_clear(&d->bytes);
    if (w->base64) {
        codec_base64 codec = {0};
        codec_base64_push(&codec, w->body, &d->bytes);
        codec_base64_finish(&codec, &d->bytes);
    } else {
        codec_qp codec = {.underline = true};
        codec_qp_push(&codec, w->body, &d->bytes);
        codec_qp_finish(&codec, &d->bytes);
    }
    if (text_status(&d->bytes) == LL_ENOMEM)
        d->out->status = LL_ENOMEM;
    charset_push(d->converter, text_span(&d->bytes), d->out);
    return true;
}

/* Text that is no encoded word. */
static void add_plain(decoder *d, ll_span plain)
{
    end_words(d);
    while (plain.size) {
        size_t i = 0;
        while (i < plain.size && plain.data[i] != '\r' && plain.data[i] != '\n' && plain.data[i] != '\0')
            i++;
        utf_add_valid(d->out, span_first(plain, i));
        plain = span_from(plain, i + 1);
    }
}

/* Bytes up to the next "=?" that is not at the start. */
static size_t plain_size(ll_span in)
{
    size_t i = 1;
    while (i < in.size) {
        i += span_find(span_from(in, i), '=');
        if (i + 1 < in.size && in.data[i + 1] == '?')
            return i;
        i++;
    }
    return in.size;
}

static bool all_space(ll_span span)
{
    for (size_t i = 0; i < span.size; i++)
        if (!is_space(span.data[i]))
            return false;
    return true;
}

void mime_word_decode(ll_span value, text *out)
{
    decoder d = {.out = out};
    text_init(&d.bytes, out->allocator, word_max);
    value = span_trim(value);
    ll_span gap = {0}; /* white space behind a word, held until it is known whether another word follows */
    while (value.size && !text_status(out)) {
        word w;
        size_t size = read_word(value, &w);
        if (!d.converter || !size) {
            if (gap.size)
                add_plain(&d, gap);
            gap.size = 0;
        }
        if (size && add_word(&d, &w)) {
            gap.size = 0;
        } else {
            size = size ? size : plain_size(value);
            ll_span plain = span_first(value, size);
            if (gap.size)
                add_plain(&d, gap);
            gap.size = 0;
            if (d.converter && all_space(plain))
                gap = plain;
            else
                add_plain(&d, plain);
        }
        value = span_from(value, size);
    }
    if (gap.size)
        add_plain(&d, gap);
    end_words(&d);
    text_fini(&d.bytes);
}
