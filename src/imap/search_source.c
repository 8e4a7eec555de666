/* search_source.c - see search_source.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_source.h"

#include "imap/name.h"

typedef enum source_kind { INBOXES, PERSONAL, SUBSCRIBED, SUBTREE, SUBTREE_ONE, MAILBOXES } source_kind;

typedef struct source_name source_name;
struct source_name {
    source_name *next;
    ll_span name;
};

struct search_source_item {
    search_source_item *next;
    source_kind kind;
    source_name *names;
};

static const struct {
    const char *word;
    source_kind kind;
} kinds[] = {{"inboxes", INBOXES}, {"personal", PERSONAL},       {"subscribed", SUBSCRIBED},
             {"subtree", SUBTREE}, {"subtree-one", SUBTREE_ONE}, {"mailboxes", MAILBOXES}};

static ll_status take_name(search_source *out, search_source_item *item, lexer *in, const ll_limits *limits)
{
    ll_span written;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    if (out->names++ == search_source_names_max)
        return LL_ELIMIT;
    source_name *name = arena_new(in->memory, sizeof *name);
    if (!name)
        return arena_status(in->memory);
    ll_status status = name_read(written, limits, in->memory, &name->name);
    if (status == LL_ENOMEM)
        return status;
    if (status)
        return LL_OK;
    name->next = item->names;
    item->names = name;
    return LL_OK;
}

/* one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static ll_status take_names(search_source *out, search_source_item *item, lexer *in, const ll_limits *limits)
{
    if (!lexer_space(in))
        return LL_ESYNTAX;
    bool many = lexer_byte(in, '(');
    do {
        ll_status status = take_name(out, item, in, limits);
        if (status)
            return status;
    } while (many && lexer_space(in));
    return !many || lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

/* filter-mailboxes */
static ll_status take_item(search_source *out, lexer *in, const ll_limits *limits)
{
    ll_span word;
    if (!lexer_word(in, &word))
        return LL_ESYNTAX;
    if (span_equal_nocase(word, SPAN("selected"))) {
        out->selected = true;
        return LL_OK;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!span_equal_nocase(word, span_str(kinds[i].word)))
            continue;
        search_source_item *item = arena_new(in->memory, sizeof *item);
        if (!item)
            return arena_status(in->memory);
        item->kind = kinds[i].kind;
        item->next = out->items;
        out->items = item;
        return item->kind >= SUBTREE ? take_names(out, item, in, limits) : LL_OK;
    }
    return LL_ESYNTAX;
}

ll_status search_source_parse(search_source *out, lexer *in, const ll_limits *limits)
{
    *out = (search_source){.given = lexer_is_word(in, "IN")};
    out->selected = !out->given;
    if (!out->given)
        return LL_OK;
    if (!lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    do { /* no scope-options are defined, so one in parentheses is an error */
        ll_status status = take_item(out, in, limits);
        if (status)
            return status;
    } while (lexer_space(in));
    return lexer_byte(in, ')') && lexer_space(in) ? LL_OK : LL_ESYNTAX;
}

static bool is_below(ll_span name, ll_span top, bool any_depth)
{
    if (name.size <= top.size + 1 || !span_equal(span_first(name, top.size), top) || name.data[top.size] != '/')
        return false;
    ll_span rest = span_from(name, top.size + 1);
    return any_depth || span_find(rest, '/') == rest.size;
}

static bool item_has(const search_source_item *item, const ll_mailbox_info *mailbox)
{
    if (item->kind == INBOXES) /* where mail is delivered */
        return span_equal(mailbox->name, SPAN("INBOX"));
    if (item->kind == PERSONAL)
        return true;
    if (item->kind == SUBSCRIBED)
        return mailbox->attributes & LL_MAILBOX_SUBSCRIBED;
    for (const source_name *name = item->names; name; name = name->next)
        if (span_equal(mailbox->name, name->name) ||
            (item->kind != MAILBOXES && is_below(mailbox->name, name->name, item->kind == SUBTREE)))
            return true;
    return false;
}

bool search_source_has(const search_source *source, const ll_mailbox_info *mailbox)
{
    if (mailbox->attributes & (LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT))
        return false;
    for (const search_source_item *item = source->items; item; item = item->next)
        if (item_has(item, mailbox))
            return true;
    return false;
}
