/* search_text.c - see search_text.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_text.h"

#include "base/charset.h"
#include "base/utf.h"

void search_text_init(search_text *t, const ll_allocator *allocator, search_needle *const *needles, size_t count)
{
    *t = (search_text){.needles = needles, .count = count};
    for (size_t i = 0; i < count; i++) {
        if (needles[i]->folded.size > t->tail + 1)
            t->tail = needles[i]->folded.size - 1;
        if (needles[i]->pattern)
            t->matches = true;
        else
            t->folds = true;
    }
    text_init(&t->raw, allocator, search_regex_window + 8);
    mime_fold_init(&t->fold, allocator);
    text_init(&t->window, allocator, t->tail + mime_fold_max);
}

void search_text_fini(search_text *t)
{
    mime_fold_fini(&t->fold);
    text_fini(&t->window);
    text_fini(&t->raw);
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

/* --- patterns --- */

static bool match(search_text *t, unsigned flags)
{
    bool news = false;
    for (size_t i = 0; i < t->count; i++) {
        search_needle *needle = t->needles[i];
        if (needle->found || !needle->pattern)
            continue;
        ll_status status = regex_find(needle->pattern, t->raw.allocator, text_span(&t->raw), t->raw_from, flags,
                                      needle->budget, &needle->found);
        if (status == LL_ENOMEM)
            t->out_of_memory = true;
        news = news || needle->found;
    }
    return news;
}

/* The next character's begin at or behind `at`. */
static size_t character_at(ll_span utf8, size_t at)
{
    while (at < utf8.size && (utf8.data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static bool push_raw(search_text *t, ll_span utf8)
{
    bool news = false;
    t->begun = true;
    while (utf8.size && !search_text_status(t)) {
        size_t room = search_regex_window - t->raw.size, size = utf8.size;
        if (size > room)
            for (size = room; size && (utf8.data[size] & 0xc0) == 0x80; size--)
                ;
        text_add(&t->raw, span_first(utf8, size));
        utf8 = span_from(utf8, size);
        if (!utf8.size)
            break;
        news = match(t, REGEX_GOES_ON) || news;
        text_drop(&t->raw, character_at(text_span(&t->raw), t->raw.size - search_regex_overlap));
        t->raw_from = character_at(text_span(&t->raw), 1);
    }
    return news;
}

static bool end_raw(search_text *t)
{
    bool news = t->begun && match(t, 0);
    text_clear(&t->raw);
    t->raw_from = 0;
    t->begun = false;
    return news;
}

/* --- */

static bool push_folded(search_text *t, ll_span utf8)
{
    bool news = false, more = utf8.size > 0;
    while (more && !search_text_status(t)) {
        make_room(t);
        size_t before = t->window.size;
        more = mime_fold_push(&t->fold, &utf8, &t->window);
        if (t->window.size > before)
            news = look(t) || news;
    }
    return news;
}

bool search_text_push(search_text *t, ll_span utf8)
{
    bool news = t->folds && push_folded(t, utf8);
    return (t->matches && push_raw(t, utf8)) || news;
}

bool search_text_end(search_text *t)
{
    if (search_text_status(t)) /* stays known */
        return false;
    make_room(t);
    size_t before = t->window.size;
    mime_fold_end(&t->fold, &t->window);
    bool news = t->window.size > before && look(t);
    news = (t->matches && end_raw(t)) || news;
    if (search_text_status(t))
        return news;
    text_clear(&t->window);
    return news;
}

ll_status search_text_status(const search_text *t)
{
    if (t->out_of_memory)
        return LL_ENOMEM;
    if (text_status(&t->raw))
        return text_status(&t->raw);
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
