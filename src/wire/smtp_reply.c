/* smtp_reply.c - replies on the wire: see smtp_reply.h.
 * SPDX-License-Identifier: MIT */
#include "wire/smtp_reply.h"

/* Where to cut a line that is too long: not inside a UTF-8 sequence. */
static size_t line_cut(ll_span words)
{
    if (words.size <= SMTP_REPLY_LINE_MAX)
        return words.size;
    size_t cut = SMTP_REPLY_LINE_MAX;
    for (int i = 0; i < 3 && ((unsigned char)words.data[cut] & 0xc0) == 0x80; i++)
        cut--;
    return cut;
}

static void line_add(text *out, int code, const char *enhanced, ll_span words, bool utf8, bool last)
{
    text_print(out, "%03d%c", code, last ? ' ' : '-');
    if (enhanced)
        text_print(out, "%s ", enhanced);
    for (size_t i = 0; i < words.size; i++) {
        unsigned char c = (unsigned char)words.data[i];
        bool plain = c >= 0x20 && c < 0x7f;
        text_add_byte(out, plain || (utf8 && c >= 0x80) ? (char)c : ' ');
    }
    text_add(out, SPAN("\r\n"));
}

void smtp_reply_add(text *out, int code, const char *enhanced, ll_span words, bool utf8)
{
    words = span_first(words, SMTP_REPLY_TEXT_MAX);
    while (words.size && (words.data[words.size - 1] == '\n' || words.data[words.size - 1] == '\r'))
        words.size--;
    for (int lines = 1;; lines++) {
        size_t feed = lines < SMTP_REPLY_LINES_MAX ? span_find(words, '\n') : words.size;
        ll_span line = span_first(words, feed);
        size_t cut = line_cut(line);
        bool wrapped = cut < line.size;
        bool last = !wrapped && feed == words.size;
        line_add(out, code, enhanced, span_first(line, cut), utf8, last);
        if (last)
            return;
        words = span_from(words, wrapped ? cut : feed + 1);
    }
}
