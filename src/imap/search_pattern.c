/* search_pattern.c - see search_pattern.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_pattern.h"

#include "imap/search_text.h"

void search_pattern_init(search_pattern *p, const ll_allocator *allocator, search_needle *const *needles, size_t count)
{
    *p = (search_pattern){.needles = needles, .count = count};
    for (size_t i = 0; i < count; i++)
        p->used = p->used || needles[i]->pattern;
    text_init(&p->raw, allocator, search_regex_window);
}

void search_pattern_fini(search_pattern *p)
{
    text_fini(&p->raw);
}

static bool match(search_pattern *p, unsigned flags)
{
    bool news = false;
    for (size_t i = 0; i < p->count; i++) {
        search_needle *needle = p->needles[i];
        if (needle->found || !needle->pattern)
            continue;
        ll_status status = regex_find(needle->pattern, p->raw.allocator, text_span(&p->raw), p->from, flags,
                                      needle->budget, &needle->found);
        p->out_of_memory = p->out_of_memory || status == LL_ENOMEM;
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

/* Fill the window, with whole characters. */
static ll_span fill(search_pattern *p, ll_span utf8)
{
    size_t room = search_regex_window - p->raw.size, size = utf8.size;
    if (size > room)
        for (size = room; size && (utf8.data[size] & 0xc0) == 0x80; size--)
            ;
    text_add(&p->raw, span_first(utf8, size));
    return span_from(utf8, size);
}

bool search_pattern_push(search_pattern *p, ll_span utf8)
{
    bool news = false;
    if (!p->used)
        return false;
    p->begun = true;
    while (utf8.size && !search_pattern_status(p)) {
        utf8 = fill(p, utf8);
        if (!utf8.size)
            break;
        news = match(p, REGEX_GOES_ON) || news;
        text_drop(&p->raw, character_at(text_span(&p->raw), p->raw.size - search_regex_overlap));
        p->from = character_at(text_span(&p->raw), 1);
    }
    return news;
}

bool search_pattern_end(search_pattern *p)
{
    bool news = p->begun && !search_pattern_status(p) && match(p, 0);
    if (p->begun && !text_status(&p->raw))
        text_clear(&p->raw);
    p->from = 0;
    p->begun = false;
    return news;
}

ll_status search_pattern_status(const search_pattern *p)
{
    return p->out_of_memory ? LL_ENOMEM : text_status(&p->raw);
}
