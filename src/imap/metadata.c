/* metadata.c - see metadata.h
 * SPDX-License-Identifier: MIT */
#include "imap/metadata.h"

#include "imap/response.h"

/* RFC 5464 section 3.2: slash-separated, no empty component, ASCII without controls, '*' and '%'. */
static bool is_name(ll_span name, bool root)
{
    if (root && (span_equal_nocase(name, SPAN("/private")) || span_equal_nocase(name, SPAN("/shared"))))
        return true;
    if (!span_starts_nocase(name, SPAN("/private/")) && !span_starts_nocase(name, SPAN("/shared/")))
        return false;
    if (name.size > metadata_name_max || name.data[name.size - 1] == '/')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (c <= ' ' || c > '~' || c == '*' || c == '%' || (c == '/' && i && name.data[i - 1] == '/'))
            return false;
    }
    return true;
}

static ll_status take_entry(command *c, lexer *in, bool root, ll_span *entry)
{
    ll_span written;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    if (!is_name(written, root)) {
        c->text = "Not an entry of metadata: /private/... or /shared/...";
        return LL_ESYNTAX;
    }
    *entry = arena_copy(&c->memory, written);
    if (!entry->data)
        return arena_status(&c->memory);
    char *own = (char *)(uintptr_t)entry->data;
    for (size_t i = 0; i < entry->size; i++)
        own[i] = ascii_lower(own[i]);
    return LL_OK;
}

ll_status metadata_take_entry(command *c, lexer *in, ll_span *entry)
{
    return take_entry(c, in, false, entry);
}

ll_status metadata_take_entries(ll_session *s, command *c, lexer *in, metadata_entries *entries)
{
    bool list = lexer_byte(in, '(');
    entries->count = 0;
    entries->names = arena_array(&c->memory, (size_t)s->limits.metadata_entries, sizeof *entries->names);
    if (!entries->names)
        return arena_status(&c->memory);
    do {
        if (entries->count == s->limits.metadata_entries)
            return LL_ELIMIT;
        ll_status status = take_entry(c, in, true, &entries->names[entries->count++]);
        if (status)
            return status;
    } while (list && lexer_space(in));
    return !list || lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

/* How many levels the entry is below the name; 0: it is the name itself; -1: it is not below. */
static int levels_below(ll_span entry, ll_span name)
{
    if (entry.size < name.size || !span_equal(span_first(entry, name.size), name))
        return -1;
    if (entry.size == name.size)
        return 0;
    if (entry.data[name.size] != '/')
        return -1;
    int levels = 0;
    for (size_t i = name.size; i < entry.size; i++)
        levels += entry.data[i] == '/';
    return levels;
}

static bool is_asked(const metadata_entries *entries, ll_span entry)
{
    for (size_t i = 0; i < entries->count; i++) {
        int levels = levels_below(entry, entries->names[i]);
        if (levels >= 0 && (unsigned)levels <= entries->depth)
            return true;
    }
    return false;
}

static bool is_there(const ll_call *call, ll_span entry)
{
    for (size_t i = 0; i < call->metadata_count; i++)
        if (span_equal(call->metadata[i].entry, entry))
            return true;
    return false;
}

/* As the RFC's examples have it if that is an atom for certain. */
static void say_name(ll_session *s, ll_span entry)
{
    bool plain = true;
    for (size_t i = 0; i < entry.size; i++) {
        char c = entry.data[i];
        plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("/._-", c));
    }
    if (plain)
        session_add(s, entry);
    else
        response_string(&s->output, entry);
}

/* Opens the reply before the first pair. */
static void say_entry(ll_session *s, ll_span name, ll_span entry, metadata_reply *reply)
{
    if (!reply->open) {
        session_add(s, SPAN("* METADATA "));
        session_add_name(s, &s->output, name);
    }
    session_add_str(s, reply->open ? " " : " (");
    reply->open = true;
    say_name(s, entry);
    session_add(s, SPAN(" "));
}

/* value = nstring / literal8 */
static void say_value(ll_session *s, ll_span value)
{
    if (value.size && memchr(value.data, '\0', value.size)) {
        session_say(s, "~{%zu}\r\n", value.size);
        session_add(s, value);
    } else
        response_string(&s->output, value);
}

static void say_one(ll_session *s, ll_span name, const metadata_entries *entries, const ll_metadata *one,
                    metadata_reply *reply)
{
    if (!is_asked(entries, one->entry))
        return;
    if (entries->sized && one->value.size > entries->size_max) {
        reply->longest = one->value.size > reply->longest ? one->value.size : reply->longest;
        return;
    }
    say_entry(s, name, one->entry, reply);
    say_value(s, one->value);
}

ll_status metadata_say(ll_session *s, ll_span name, const metadata_entries *entries, const ll_call *call,
                       metadata_reply *reply)
{
    for (; reply->at < call->metadata_count; reply->at++) {
        if (session_full(s))
            return LL_MORE;
        say_one(s, name, entries, &call->metadata[reply->at], reply);
    }
    size_t asked = reply->at - call->metadata_count;
    for (; !entries->depth && asked < entries->count; asked++, reply->at++) {
        if (session_full(s))
            return LL_MORE;
        if (is_there(call, entries->names[asked]))
            continue;
        say_entry(s, name, entries->names[asked], reply);
        session_add(s, SPAN("NIL"));
    }
    if (reply->open)
        session_add(s, SPAN(")\r\n"));
    return LL_OK;
}
