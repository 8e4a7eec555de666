/* search_text.c - see search_text.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_text.h"

#include "base/charset.h"
#include "base/utf.h"

void search_text_init(search_text *t, const ll_allocator *allocator, search_needle *const *needles, size_t count)
{
    *t = (search_text){.needles = needles, .count = count};
    for (size_t i = 0; i < count; i++)
        if (needles[i]->folded.size > t->tail + 1)
            t->tail = needles[i]->folded.size - 1;
    search_pattern_init(&t->patterns, allocator, needles, count);
    mime_fold_init(&t->fold, allocator);
    text_init(&t->window, allocator, t->tail + mime_fold_max);
}

void search_text_fini(search_text *t)
{
    search_pattern_fini(&t->patterns);
    mime_fold_fini(&t->fold);
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

/* Room for one more piece: the longest needle less one byte stays. */
static void make_room(search_text *t)
{
    if (t->window.size > t->tail)
        text_drop(&t->window, t->window.size - t->tail);
}

bool search_text_push(search_text *t, ll_span utf8)
{
    bool news = search_pattern_push(&t->patterns, utf8), more = utf8.size > 0;
    while (more && !search_text_status(t)) {
        make_room(t);
        size_t before = t->window.size;
        more = mime_fold_push(&t->fold, &utf8, &t->window);
        if (t->window.size > before)
            news = look(t) || news;
    }
    return news;
}

bool search_text_end(search_text *t)
{
    if (search_text_status(t)) /* stays known */
        return false;
    bool matched = search_pattern_end(&t->patterns);
    make_room(t);
    size_t before = t->window.size;
    mime_fold_end(&t->fold, &t->window);
    bool news = (t->window.size > before && look(t)) || matched;
    if (search_text_status(t))
        return news;
    text_clear(&t->window);
    return news;
}

ll_status search_text_status(const search_text *t)
{
    if (search_pattern_status(&t->patterns))
        return search_pattern_status(&t->patterns);
    return mime_fold_status(&t->fold) ? mime_fold_status(&t->fold) : text_status(&t->window);
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
