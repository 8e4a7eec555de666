/* set.c - see set.h
 * SPDX-License-Identifier: MIT */
#include "set.h"

#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static uint32_t take_number(const char **at, uint32_t max)
{
    char *end;
    if (**at == '*') {
        (*at)++;
        return max;
    }
    unsigned long n = strtoul(*at, &end, 10);
    *at = end;
    return (uint32_t)n;
}

/* The next range, ordered. */
static bool next_range(const char **at, uint32_t max, uint32_t *first, uint32_t *last)
{
    if (!**at || **at == '$')
        return false;
    *first = *last = take_number(at, max);
    if (**at == ':') {
        (*at)++;
        *last = take_number(at, max);
    }
    if (**at == ',')
        (*at)++;
    if (*last < *first) {
        uint32_t swap = *first;
        *first = *last;
        *last = swap;
    }
    return true;
}

bool set_has(const char *set, uint32_t number, uint32_t max)
{
    uint32_t first, last;
    while (next_range(&set, max, &first, &last))
        if (number >= first && number <= last)
            return true;
    return false;
}

bool set_beyond(const char *set, uint32_t count)
{
    uint32_t first, last;
    while (next_range(&set, count, &first, &last))
        if (last > count || first == 0)
            return true;
    return false;
}

static bool is_one_of(const uint32_t *list, size_t count, uint32_t uid)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == uid)
            return true;
    return false;
}

/* As it was when the command came. */
static bool framed(const followed *f, uint32_t uid, const char *set)
{
    if (*set == '$')
        return is_one_of(f->saved, f->saved_count, uid);
    for (size_t i = 0; i < f->frame_count; i++)
        if (f->frame[i] == uid)
            return set_has(set, (uint32_t)i + 1, (uint32_t)f->frame_count);
    return false;
}

static bool entry_in(const viewer *v, size_t i, const char *set, bool uid)
{
    if (*set == '$')
        return is_one_of(v->saved, v->saved_count, v->at[i].uid);
    uint32_t max = uid ? (v->count ? v->at[v->count - 1].uid : 0) : (uint32_t)v->count;
    return set_has(set, uid ? v->at[i].uid : (uint32_t)i + 1, max);
}

bool set_resolve(const viewer *v, const char *set, bool uid, uint32_t *uids, size_t *count)
{
    *count = 0;
    if (!uid && *set != '$' && set_beyond(set, (uint32_t)v->count))
        return false;
    for (size_t i = 0; i < v->count; i++)
        if (entry_in(v, i, set, uid))
            uids[(*count)++] = v->at[i].uid;
    return true;
}

/* ------------------------------------------------------------------------------------------------ SEARCH */

typedef struct keys {
    const char *at;
    const followed *frame;
} keys;

static void word(keys *k, char *out, size_t room)
{
    size_t size = strcspn(k->at, "_");
    snprintf(out, room, "%.*s", (int)size, k->at);
    k->at += size;
    if (*k->at == '_')
        k->at++;
}

static unsigned keyword_bit(const char *name)
{
    for (unsigned i = 0; i < 10; i++)
        if (!strcasecmp(flag_names[i], name))
            return 1u << i;
    return 0;
}

static unsigned flag_key(const char *name)
{
    static const char *const names[5] = {"SEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT"};
    for (unsigned i = 0; i < 5; i++)
        if (!strcmp(names[i], name))
            return 1u << i;
    return 0;
}

/* A word that stands for a string: "~" is SP in it. */
static void string(keys *k, char *out, size_t room)
{
    char quoted[64];
    size_t size = 0;
    word(k, quoted, sizeof quoted);
    for (const char *at = quoted; *at && size + 1 < room; at++)
        if (*at != '"')
            out[size++] = *at == '~' ? ' ' : *at;
    out[size] = '\0';
}

static bool match(keys *k, const viewer *v, size_t i);

static bool match_two(keys *k, const viewer *v, size_t i)
{
    bool a = match(k, v, i), b = match(k, v, i);
    return a || b;
}

/* Up to the ")". */
static bool match_all(keys *k, const viewer *v, size_t i)
{
    bool all = true;
    while (*k->at && *k->at != ')')
        all = match(k, v, i) && all;
    k->at += strcspn(k->at, "_");
    k->at += *k->at == '_';
    return all;
}

static bool match_argument(const char *name, const char *argument, const viewer *v, size_t i)
{
    const entry *e = &v->at[i];
    size_t size;
    content_of(e->content, &size);
    if (!strcmp(name, "KEYWORD"))
        return e->flags & keyword_bit(argument);
    if (!strcmp(name, "UNKEYWORD"))
        return !(e->flags & keyword_bit(argument));
    if (!strcmp(name, "BODY"))
        return content_has(e->content, NULL, argument);
    if (!strcmp(name, "TEXT"))
        return content_has(e->content, "", argument);
    if (!strcmp(name, "SUBJECT") || !strcmp(name, "FROM") || !strcmp(name, "TO"))
        return content_has(e->content, name, argument);
    if (!strcmp(name, "LARGER"))
        return size > strtoul(argument, NULL, 10);
    if (!strcmp(name, "SMALLER"))
        return size < strtoul(argument, NULL, 10);
    if (!strcmp(name, "BEFORE")) /* 1-Jan-2005 */
        return e->date == 0 || e->date == 1;
    return e->date == 2 || e->date == 3; /* SINCE */
}

static bool match(keys *k, const viewer *v, size_t i)
{
    char name[64], argument[64];
    const entry *e = &v->at[i];
    word(k, name, sizeof name);
    if (!strcmp(name, "ALL"))
        return true;
    if (!strcmp(name, "NOT"))
        return !match(k, v, i);
    if (!strcmp(name, "OR"))
        return match_two(k, v, i);
    if (!strcmp(name, "("))
        return match_all(k, v, i);
    if (!strcmp(name, "RECENT") || !strcmp(name, "OLD"))
        return e->recent == !strcmp(name, "RECENT");
    if (!strcmp(name, "NEW"))
        return e->recent && !(e->flags & FLAG_SEEN);
    if (flag_key(name))
        return e->flags & flag_key(name);
    if (!strncmp(name, "UN", 2) && flag_key(name + 2))
        return !(e->flags & flag_key(name + 2));
    if (!strcmp(name, "UID")) {
        word(k, argument, sizeof argument);
        return *argument == '$' && k->frame ? framed(k->frame, e->uid, argument) : entry_in(v, i, argument, true);
    }
    if (strchr("0123456789*$", *name))
        return k->frame ? framed(k->frame, e->uid, name) : entry_in(v, i, name, false);
    string(k, argument, sizeof argument);
    if (!strcmp(name, "HEADER")) {
        char needle[64];
        string(k, needle, sizeof needle);
        return content_has(e->content, argument, needle);
    }
    return match_argument(name, argument, v, i);
}

bool search_numbers(const char *text)
{
    static const char *const more[] = {"KEYWORD", "UNKEYWORD", "SUBJECT", "LARGER", "SMALLER", "BEFORE", "SINCE",
                                       "BODY",    "TEXT",      "FROM",    "TO",     "UID",     "HEADER"};
    keys k = {text, NULL};
    char name[64];
    while (*k.at) {
        word(&k, name, sizeof name);
        if (strchr("0123456789*", *name))
            return true;
        bool header = !strcmp(name, "HEADER");
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
            if (!strcmp(name, more[i])) {
                word(&k, name, sizeof name);
                break;
            }
        if (header)
            word(&k, name, sizeof name);
    }
    return false;
}

void search_run(const viewer *v, const char *text, const followed *frame, uint32_t *uids, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < v->count; i++) {
        keys k = {text, frame};
        bool all = true;
        while (*k.at)
            all = match(&k, v, i) && all;
        if (all)
            uids[(*count)++] = v->at[i].uid;
    }
}
