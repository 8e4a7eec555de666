/* search_text.c - see search_text.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_text.h"

#include "base/charset.h"
#include "base/utf.h"

enum {
    fold_growth = 18, /* U+FDFA folds from 3 bytes to 33; no point grows more than 18 times in the worst table */
    joined_max = 128  /* held back for characters that are composed over a cut: 30 combining marks */
};

void search_text_init(search_text *t, const ll_allocator *allocator, search_needle *const *needles, size_t count)
{
    *t = (search_text){.needles = needles, .count = count};
    for (size_t i = 0; i < count; i++)
        if (needles[i]->folded.size > t->tail + 1)
            t->tail = needles[i]->folded.size - 1;
    search_pattern_init(&t->patterns, allocator, needles, count);
    text_init(&t->held, allocator, search_piece + joined_max);
    text_init(&t->window, allocator, t->tail + fold_growth * (search_piece + joined_max));
}

void search_text_fini(search_text *t)
{
    search_pattern_fini(&t->patterns);
    text_fini(&t->held);
    text_fini(&t->window);
}

static bool look(search_text *t)
{
    bool news = false;
    for (size_t i = 0; i < t->count; i++) {
        search_needle *needle = t->needles[i];
        if (needle->found || needle->pattern || needle->folded.size > t->window.size)
            continue;
        if (!needle->folded.size || memmem(t->window.data, t->window.size, needle->folded.data, needle->folded.size))
            needle->found = news = true;
    }
    return news;
}

/* Fold the first `size` bytes held, and look. */
static bool fold_and_look(search_text *t, size_t size)
{
    if (t->window.size > t->tail)
        text_drop(&t->window, t->window.size - t->tail);
    utf_fold(&t->window, span_first(text_span(&t->held), size));
    text_drop(&t->held, size);
    return look(t);
}

/* Where held text may be cut: behind an ASCII character that is followed by another one, if there is such a place near
 * its end. */
static size_t cut_of(const search_text *t)
{
    size_t size = t->held.size, low = size > joined_max ? size - joined_max : 0;
    for (size_t at = size; at > low + 1; at--)
        if (!(t->held.data[at - 1] & 0x80) && !(t->held.data[at - 2] & 0x80))
            return at - 1;
    for (size_t at = size; at > low + 1; at--) /* at least not within a character */
        if ((t->held.data[at - 1] & 0xc0) != 0x80)
            return at - 1;
    return size;
}

bool search_text_push(search_text *t, ll_span utf8)
{
    bool news = search_pattern_push(&t->patterns, utf8);
    while (utf8.size && !search_text_status(t)) {
        size_t room = search_piece > t->held.size ? search_piece - t->held.size : 0;
        ll_span part = span_first(utf8, room);
        text_add(&t->held, part);
        utf8 = span_from(utf8, part.size);
        if (t->held.size >= search_piece)
            news = fold_and_look(t, cut_of(t)) || news;
    }
    return news;
}

bool search_text_end(search_text *t)
{
    if (search_text_status(t)) /* stays known */
        return false;
    bool matched = search_pattern_end(&t->patterns);
    bool news = (t->held.size && fold_and_look(t, t->held.size)) || matched;
    if (search_text_status(t))
        return news;
    text_clear(&t->held);
    text_clear(&t->window);
    return news;
}

ll_status search_text_status(const search_text *t)
{
    if (search_pattern_status(&t->patterns))
        return search_pattern_status(&t->patterns);
    return text_status(&t->held) ? text_status(&t->held) : text_status(&t->window);
}

ll_status search_text_decode(ll_span charset, ll_span bytes, text *utf8)
{
    bool plain = span_equal_nocase(charset, SPAN("us-ascii")) || span_equal_nocase(charset, SPAN("utf-8"));
    ll_status status = plain && !utf_valid(bytes) ? LL_ECHARSET : charset_to_utf8(charset, bytes, utf8);
    return status ? status : text_status(utf8);
}

ll_status search_text_fold(ll_span charset, ll_span bytes, text *out)
{
    text utf8;
    text_init(&utf8, out->allocator, 4 * bytes.size + 16);
    ll_status status = search_text_decode(charset, bytes, &utf8);
    if (!status)
        utf_fold(out, text_span(&utf8));
    if (!status)
        status = text_status(out);
    if (!status && out->size > search_needle_max)
        status = LL_ELIMIT;
    text_fini(&utf8);
    return status;
}
