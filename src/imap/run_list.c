/* run_list.c - LIST and LSUB (RFC 3501 sections 6.3.8 and 6.3.9).
 * SPDX-License-Identifier: MIT
 *
 * With CHILDREN (RFC 3348), SPECIAL-USE (RFC 6154), and as much of LIST-EXTENDED (RFC 5258) as clients that use
 * SPECIAL-USE say: the selection options SUBSCRIBED, SPECIAL-USE and REMOTE, several patterns, and RETURN (SUBSCRIBED
 * CHILDREN SPECIAL-USE).
 *
 * The connector gives all mailboxes; they are written one at a time as there is room. Two sorted arrays answer what is
 * asked of a name: has it children, and is it there at all. */
#include "imap/name.h"
#include "imap/response.h"
#include "imap/session.h"
#include "imap/special.h"

#include <stdlib.h>

enum { patterns_max = 64 }; /* patterns of one LIST: clients use one */

typedef struct list_state {
    bool lsub, delimiter; /* delimiter: LIST "" "", which only asks for it */
    bool only_subscribed, only_special, return_subscribed;
    ll_span reference;
    ll_span *patterns;
    size_t patterns_count;
    /* when the answer is there */
    const ll_mailbox_info **there; /* mailboxes that exist, by name */
    size_t there_count;
    const ll_mailbox_info **listed; /* the names that may be listed, by name */
    size_t listed_count;
    size_t next; /* in the connector's order */
} list_state;

/* --- parsing --- */

static ll_status add_pattern(ll_session *s, command *c, lexer *in)
{
    list_state *l = c->state;
    ll_span written;
    if (!lexer_list_mailbox(in, &written))
        return LL_ESYNTAX;
    if (l->patterns_count == patterns_max)
        return LL_ELIMIT;
    if (!written.size)
        l->delimiter = true;
    ll_status status =
        name_read_pattern(l->reference, written, &s->limits, &c->memory, &l->patterns[l->patterns_count++]);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a pattern of mailbox names";
    return status;
}

/* "(" [option *(SP option)] ")" */
static ll_status take_options(command *c, lexer *in, bool (*take)(list_state *l, lexer *in))
{
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    for (bool first = true; !lexer_byte(in, ')'); first = false)
        if ((!first && !lexer_space(in)) || !take(c->state, in))
            return LL_ESYNTAX;
    return LL_OK;
}

static bool take_selection(list_state *l, lexer *in)
{
    if (lexer_is_word(in, "SUBSCRIBED"))
        l->only_subscribed = l->return_subscribed = true;
    else if (lexer_is_word(in, "SPECIAL-USE"))
        l->only_special = true;
    else if (!lexer_is_word(in, "REMOTE")) /* there are none */
        return false;
    return true;
}

/* CHILDREN and SPECIAL-USE are always said. */
static bool take_return(list_state *l, lexer *in)
{
    if (lexer_is_word(in, "SUBSCRIBED"))
        l->return_subscribed = true;
    else if (!lexer_is_word(in, "CHILDREN") && !lexer_is_word(in, "SPECIAL-USE"))
        return false;
    return true;
}

static ll_status take_patterns(ll_session *s, command *c, lexer *in)
{
    if (lexer_peek(in) != '(')
        return add_pattern(s, c, in);
    lexer_byte(in, '(');
    for (;;) {
        ll_status status = add_pattern(s, c, in);
        if (status)
            return status;
        if (lexer_byte(in, ')'))
            return LL_OK;
        if (!lexer_space(in))
            return LL_ESYNTAX;
    }
}

static ll_status parse_both(ll_session *s, command *c, lexer *in, bool lsub)
{
    list_state *l = c->state = arena_new(&c->memory, sizeof *l);
    ll_status status = LL_OK;
    if (!l)
        return LL_ENOMEM;
    l->lsub = l->only_subscribed = lsub;
    l->patterns = arena_array(&c->memory, patterns_max, sizeof *l->patterns);
    if (!l->patterns)
        return LL_ENOMEM;
    if (!lsub && lexer_peek(in) == '(') {
        status = take_options(c, in, take_selection);
        if (!status && !lexer_space(in))
            status = LL_ESYNTAX;
    }
    if (!status && (!lexer_astring(in, &l->reference) || !lexer_space(in)))
        status = LL_ESYNTAX;
    if (!status)
        status = lsub ? add_pattern(s, c, in) : take_patterns(s, c, in);
    if (!status && !lsub && lexer_space(in))
        status = lexer_is_word(in, "RETURN") && lexer_space(in) ? take_options(c, in, take_return) : LL_ESYNTAX;
    return status;
}

ll_status parse_list(ll_session *s, command *c, lexer *in)
{
    return parse_both(s, c, in, false);
}

ll_status parse_lsub(ll_session *s, command *c, lexer *in)
{
    return parse_both(s, c, in, true);
}

/* --- sorted names --- */

static int order(const void *a, const void *b)
{
    const ll_mailbox_info *const *x = a, *const *y = b;
    return span_compare((*x)->name, (*y)->name);
}

/* How the name compares with "prefix/". */
static int compare_below(ll_span name, ll_span prefix)
{
    int first = span_compare(span_first(name, prefix.size), prefix);
    if (first)
        return first;
    if (name.size == prefix.size)
        return -1;
    unsigned char next = (unsigned char)name.data[prefix.size];
    return next < '/' ? -1 : next > '/';
}

/* The first name below the prefix; NULL: none is. */
static const ll_mailbox_info *first_below(const ll_mailbox_info *const *names, size_t count, ll_span prefix)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_below(names[middle]->name, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && compare_below(names[low]->name, prefix) == 0 ? names[low] : NULL;
}

static bool is_among(const ll_mailbox_info *const *names, size_t count, ll_span name)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = span_compare(names[middle]->name, name);
        if (!compared)
            return true;
        if (compared < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool may_be_listed(const list_state *l, const ll_mailbox_info *info)
{
    if (l->only_subscribed && !(info->attributes & LL_MAILBOX_SUBSCRIBED))
        return false;
    if (l->only_special && !(info->attributes & LL_MAILBOX_SPECIAL))
        return false;
    return l->only_subscribed || !(info->attributes & LL_MAILBOX_NONEXISTENT);
}

static ll_status sort_names(ll_session *s, command *c)
{
    list_state *l = c->state;
    size_t count = s->call->mailboxes_count;
    l->there = arena_array(&c->memory, count, sizeof(void *));
    l->listed = arena_array(&c->memory, count, sizeof(void *));
    if (!l->there || !l->listed)
        return arena_status(&c->memory);
    for (size_t i = 0; i < count; i++) {
        const ll_mailbox_info *info = &s->call->mailboxes[i];
        if (!(info->attributes & LL_MAILBOX_NONEXISTENT))
            l->there[l->there_count++] = info;
        if (may_be_listed(l, info))
            l->listed[l->listed_count++] = info;
    }
    qsort(l->there, l->there_count, sizeof(void *), order);
    qsort(l->listed, l->listed_count, sizeof(void *), order);
    return LL_OK;
}

/* --- saying --- */

static bool matches(const list_state *l, ll_span name)
{
    for (size_t i = 0; i < l->patterns_count; i++)
        if (name_match(l->patterns[i], name))
            return true;
    return false;
}

static void say(ll_session *s, const list_state *l, ll_span name, unsigned attributes)
{
    bool first = true;
    session_say(s, "* %s (", l->lsub ? "LSUB" : "LIST");
    special_add_names(&s->output, attributes, &first);
    if (!l->lsub && !(attributes & LL_MAILBOX_NOINFERIORS)) {
        bool children = first_below(l->there, l->there_count, name) != NULL;
        session_say(s, "%s\\Has%sChildren", first ? "" : " ", children ? "" : "No");
    }
    session_add(s, SPAN(") \"/\" "));
    response_mailbox(&s->output, name);
    session_add(s, SPAN("\r\n"));
}

static unsigned shown_attributes(const list_state *l, unsigned attributes)
{
    if (l->lsub) /* what does not exist cannot be selected; RFC 3501 has no better word */
        return attributes & (LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT) ? LL_MAILBOX_NOSELECT : 0u;
    return l->return_subscribed ? attributes : attributes & ~(unsigned)LL_MAILBOX_SUBSCRIBED;
}

/* Some pattern ends in '%': then levels above what is listed are listed too (RFC 3501 section 6.3.8), and with LSUB
 * stand for it (6.3.9). */
static bool wants_levels(const list_state *l)
{
    for (size_t i = 0; i < l->patterns_count; i++)
        if (l->patterns[i].size && l->patterns[i].data[l->patterns[i].size - 1] == '%')
            return !l->only_special && (l->lsub || !l->only_subscribed);
    return false;
}

/* The levels above a name that are not listed themselves; each is said with the first name below it. */
static void say_levels(ll_session *s, const list_state *l, const ll_mailbox_info *info)
{
    for (size_t i = 1; i < info->name.size; i++) {
        if (info->name.data[i] != '/')
            continue;
        ll_span level = span_first(info->name, i);
        if (!is_among(l->listed, l->listed_count, level) && first_below(l->listed, l->listed_count, level) == info &&
            matches(l, level))
            say(s, l, level, LL_MAILBOX_NOSELECT);
    }
}

static ll_status say_all(ll_session *s, list_state *l)
{
    bool levels = wants_levels(l);
    while (l->next < s->call->mailboxes_count) {
        if (session_full(s))
            return LL_MORE;
        const ll_mailbox_info *info = &s->call->mailboxes[l->next++];
        if (!may_be_listed(l, info))
            continue;
        if (levels)
            say_levels(s, l, info);
        if (matches(l, info->name))
            say(s, l, info->name, shown_attributes(l, info->attributes));
    }
    return LL_OK;
}

static ll_status run_both(ll_session *s, command *c)
{
    list_state *l = c->state;
    if (l->delimiter) { /* RFC 3501 section 6.3.8: the delimiter and the root */
        session_say(s, "* %s (\\Noselect) \"/\" \"\"\r\n", l->lsub ? "LSUB" : "LIST");
        return LL_OK;
    }
    if (c->phase == 0) {
        c->phase = 1;
        if (session_asked(s, s->connector->list(s->self, session_call(s))) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    if (c->phase == 1) {
        ll_status status = sort_names(s, c);
        if (status)
            return status;
        c->phase = 2;
    }
    return say_all(s, l);
}

ll_status run_list(ll_session *s, command *c)
{
    return run_both(s, c);
}

ll_status run_lsub(ll_session *s, command *c)
{
    return run_both(s, c);
}
