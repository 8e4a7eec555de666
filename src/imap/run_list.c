/* run_list.c - LIST and LSUB (RFC 3501 sections 6.3.8 and 6.3.9).
 * SPDX-License-Identifier: MIT
 *
 * With LIST-EXTENDED (RFC 5258), CHILDREN (RFC 3348), SPECIAL-USE (RFC 6154), LIST-STATUS (RFC 5819) and LIST-METADATA
 * (RFC 9590).
 *
 * The connector gives all mailboxes; they are written one at a time as there is room, each followed by its STATUS and
 * METADATA, which are asked for then. Sorted arrays answer what is asked of a name: has it children, is one of them
 * listed, is it there at all. */
#include "base/memory.h"
#include "imap/metadata.h"
#include "imap/name.h"
#include "imap/response.h"
#include "imap/special.h"
#include "imap/status.h"

#include <stdlib.h>

enum { patterns_max = 64 }; /* patterns of one LIST: clients use one */

/* What follows a LIST reply. */
enum { EXTRA_STATUS = 1u << 0, EXTRA_METADATA = 1u << 1 };

/* Names sorted by their bytes. */
typedef struct names {
    const ll_mailbox_info **all;
    size_t count;
} names;

typedef struct list_state {
    bool lsub, delimiter; /* delimiter: LIST "" "", which only asks for it */
    bool extended;        /* a form of RFC 5258 */
    bool only_subscribed, only_special, recursive, return_subscribed;
    unsigned extras;
    status_items status;
    metadata_entries metadata;
    ll_span reference;
    ll_span *patterns;
    size_t patterns_count;
    /* when the answer is there */
    ll_mailbox_info *mailboxes; /* in the connector's order, owned */
    size_t count;
    arena memory;  /* their names */
    names known;   /* all of them */
    names there;   /* those that exist */
    names meeting; /* those that meet the selection criteria */
    char *name;    /* room for a copy of any name: what the connector is asked with outlives a session that ends */
    size_t next;
    /* the extras of the mailbox before next */
    unsigned missing;
    bool asked;
    metadata_reply reply;
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
    if (!written.size && !l->extended)
        l->delimiter = true;
    ll_status status = session_read_pattern(s, l->reference, written, &c->memory, &l->patterns[l->patterns_count++]);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a pattern of mailbox names";
    return status;
}

/* "(" [option *(SP option)] ")" */
static ll_status take_options(ll_session *s, command *c, lexer *in,
                              ll_status (*take)(ll_session *s, command *c, lexer *in))
{
    list_state *l = c->state;
    l->extended = true;
    if (!lexer_byte(in, '('))
        return LL_ESYNTAX;
    for (bool first = true; !lexer_byte(in, ')'); first = false) {
        ll_status status = first || lexer_space(in) ? take(s, c, in) : LL_ESYNTAX;
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status take_selection(ll_session *s, command *c, lexer *in)
{
    list_state *l = c->state;
    (void)s;
    if (lexer_is_word(in, "SUBSCRIBED"))
        l->only_subscribed = l->return_subscribed = true;
    else if (lexer_is_word(in, "SPECIAL-USE"))
        l->only_special = true;
    else if (lexer_is_word(in, "RECURSIVEMATCH"))
        l->recursive = true;
    else if (!lexer_is_word(in, "REMOTE")) /* there are none */
        return LL_ESYNTAX;
    return LL_OK;
}

/* CHILDREN and SPECIAL-USE are always said. */
static ll_status take_return(ll_session *s, command *c, lexer *in)
{
    list_state *l = c->state;
    if (lexer_is_word(in, "SUBSCRIBED"))
        l->return_subscribed = true;
    else if (lexer_is_word(in, "STATUS")) {
        l->extras |= EXTRA_STATUS;
        return lexer_space(in) && status_take_items(s, in, &l->status) ? LL_OK : LL_ESYNTAX;
    } else if (session_has_metadata(s) && lexer_is_word(in, "METADATA")) {
        l->extras |= EXTRA_METADATA;
        return lexer_space(in) && lexer_peek(in) == '(' ? metadata_take_entries(s, c, in, &l->metadata) : LL_ESYNTAX;
    } else if (!lexer_is_word(in, "CHILDREN") && !lexer_is_word(in, "SPECIAL-USE"))
        return LL_ESYNTAX;
    return LL_OK;
}

static ll_status take_patterns(ll_session *s, command *c, lexer *in)
{
    list_state *l = c->state;
    if (!lexer_byte(in, '('))
        return add_pattern(s, c, in);
    l->extended = true;
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
    arena_init(&l->memory, s->allocator, 0);
    l->lsub = l->only_subscribed = lsub;
    l->patterns = arena_array(&c->memory, patterns_max, sizeof *l->patterns);
    if (!l->patterns)
        return LL_ENOMEM;
    if (!lsub && lexer_peek(in) == '(') {
        status = take_options(s, c, in, take_selection);
        if (!status && (!lexer_space(in) || (l->recursive && !l->only_subscribed)))
            status = LL_ESYNTAX; /* RFC 5258 section 3.1: RECURSIVEMATCH modifies SUBSCRIBED */
    }
    if (!status && (!lexer_astring(in, &l->reference) || !lexer_space(in)))
        status = LL_ESYNTAX;
    if (!status)
        status = lsub ? add_pattern(s, c, in) : take_patterns(s, c, in);
    if (!status && !lsub && lexer_space(in))
        status = lexer_is_word(in, "RETURN") && lexer_space(in) ? take_options(s, c, in, take_return) : LL_ESYNTAX;
    if (l->extended)
        l->delimiter = false;
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

/* Where the names below the prefix begin, or would. */
static size_t find_below(const names *n, ll_span prefix)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_below(n->all[middle]->name, prefix) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_below(const names *n, size_t at, ll_span prefix)
{
    return at < n->count && compare_below(n->all[at]->name, prefix) == 0;
}

/* The first name below the prefix; NULL: none is. */
static const ll_mailbox_info *first_below(const names *n, ll_span prefix)
{
    size_t at = find_below(n, prefix);
    return is_below(n, at, prefix) ? n->all[at] : NULL;
}

static bool is_among(const names *n, ll_span name)
{
    size_t low = 0, high = n->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = span_compare(n->all[middle]->name, name);
        if (!compared)
            return true;
        if (compared < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool meets(const list_state *l, const ll_mailbox_info *info)
{
    if (l->only_subscribed && !(info->attributes & LL_MAILBOX_SUBSCRIBED))
        return false;
    if (l->only_special && !(info->attributes & LL_MAILBOX_SPECIAL))
        return false;
    return l->only_subscribed || !(info->attributes & LL_MAILBOX_NONEXISTENT);
}

/* The call is needed for more questions. */
static void take_answer(ll_session *s, list_state *l)
{
    ll_call *call = s->call;
    l->memory = call->memory;
    l->mailboxes = call->mailboxes;
    l->count = call->mailboxes_count;
    arena_init(&call->memory, call->allocator, call_memory_max);
    call->text = span_of("", 0);
    call->mailboxes = NULL;
    call->mailboxes_count = call->mailboxes_room = 0;
}

static ll_status sort_names(command *c)
{
    list_state *l = c->state;
    size_t longest = 0;
    l->known.all = arena_array(&c->memory, l->count, sizeof(void *));
    l->there.all = arena_array(&c->memory, l->count, sizeof(void *));
    l->meeting.all = arena_array(&c->memory, l->count, sizeof(void *));
    if (!l->known.all || !l->there.all || !l->meeting.all)
        return arena_status(&c->memory);
    for (size_t i = 0; i < l->count; i++) {
        const ll_mailbox_info *info = &l->mailboxes[i];
        longest = info->name.size > longest ? info->name.size : longest;
        l->known.all[l->known.count++] = info;
        if (!(info->attributes & LL_MAILBOX_NONEXISTENT))
            l->there.all[l->there.count++] = info;
        if (meets(l, info))
            l->meeting.all[l->meeting.count++] = info;
    }
    qsort(l->known.all, l->known.count, sizeof(void *), order);
    qsort(l->there.all, l->there.count, sizeof(void *), order);
    qsort(l->meeting.all, l->meeting.count, sizeof(void *), order);
    l->name = arena_new(&c->memory, longest + 1);
    return l->name ? LL_OK : arena_status(&c->memory);
}

/* --- saying --- */

static bool matches(const list_state *l, ll_span name)
{
    for (size_t i = 0; i < l->patterns_count; i++)
        if (name_match(l->patterns[i], name))
            return true;
    return false;
}

static void say(ll_session *s, const list_state *l, ll_span name, unsigned attributes, bool child_info)
{
    bool first = true;
    session_say(s, "* %s (", l->lsub ? "LSUB" : "LIST");
    special_add_names(&s->output, attributes, &first);
    if (!l->lsub && !(attributes & LL_MAILBOX_NOINFERIORS))
        session_say(s, "%s\\Has%sChildren", first ? "" : " ", first_below(&l->there, name) ? "" : "No");
    session_add(s, SPAN(") \"/\" "));
    session_add_name(s, &s->output, name);
    session_add_str(s, child_info ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n" : "\r\n");
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
    if (l->recursive)
        return true;
    for (size_t i = 0; i < l->patterns_count; i++)
        if (l->patterns[i].size && l->patterns[i].data[l->patterns[i].size - 1] == '%')
            return !l->only_special && (l->lsub || !l->only_subscribed);
    return false;
}

/* A name below this one meets the selection criteria but not the patterns: RECURSIVEMATCH then shows the upper name in
 * its stead, RFC 5258 section 3.3. */
static bool stands_for_others(const list_state *l, ll_span name)
{
    for (size_t i = find_below(&l->meeting, name); is_below(&l->meeting, i, name); i++)
        if (!matches(l, l->meeting.all[i]->name))
            return true;
    return false;
}

/* The levels above a name that are not there themselves; each is said with the first name below it. */
static void say_levels(ll_session *s, const list_state *l, const ll_mailbox_info *info)
{
    for (size_t i = 1; i < info->name.size; i++) {
        if (info->name.data[i] != '/')
            continue;
        ll_span level = span_first(info->name, i);
        if (is_among(l->recursive ? &l->known : &l->meeting, level) || first_below(&l->meeting, level) != info ||
            !matches(l, level) || (l->recursive && !stands_for_others(l, level)))
            continue;
        say(s, l, level, l->extended ? LL_MAILBOX_NONEXISTENT : LL_MAILBOX_NOSELECT, l->recursive);
    }
}

/* The next mailbox, if it is one of those to be listed. */
static void say_next(ll_session *s, list_state *l)
{
    const ll_mailbox_info *info = &l->mailboxes[l->next++];
    bool meeting = meets(l, info);
    if (meeting && wants_levels(l))
        say_levels(s, l, info);
    if (!matches(l, info->name) || !(meeting || (l->recursive && stands_for_others(l, info->name))))
        return;
    bool child_info = l->recursive && first_below(&l->meeting, info->name);
    say(s, l, info->name, shown_attributes(l, info->attributes), child_info);
    /* RFC 5819 section 2: no STATUS of what is there only for its children, or cannot be selected */
    if (meeting && !(info->attributes & (LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT)))
        l->missing = l->extras;
    else if (meeting && !(info->attributes & LL_MAILBOX_NONEXISTENT))
        l->missing = l->extras & EXTRA_METADATA;
}

static ll_status ask_extra(ll_session *s, const list_state *l, ll_span name, unsigned extra)
{
    memcpy(l->name, name.data, name.size);
    name.data = l->name;
    return session_asked(s, extra == EXTRA_STATUS ? s->connector->status(s->self, session_call(s), name)
                                                  : s->connector->metadata(s->self, session_call(s), name));
}

static ll_status say_extra(ll_session *s, list_state *l, ll_span name, unsigned extra)
{
    if (extra == EXTRA_METADATA)
        return metadata_say(s, name, &l->metadata, s->call, &l->reply);
    status_say(s, name, &l->status, s->call);
    return LL_OK;
}

/* The STATUS and METADATA of the mailbox that was said last. If one of them cannot be had it is left out (RFC 5819
 * section 2): the mailbox may be gone by now. */
static ll_status say_extras(ll_session *s, list_state *l)
{
    ll_span name = l->mailboxes[l->next - 1].name;
    while (l->missing) {
        unsigned extra = l->missing & EXTRA_STATUS ? EXTRA_STATUS : EXTRA_METADATA;
        if (!l->asked) {
            l->asked = true;
            if (ask_extra(s, l, name, extra) == LL_LATER)
                return LL_LATER;
        }
        if (session_full(s))
            return LL_MORE;
        if (s->call->status == LL_ENOMEM)
            return LL_ENOMEM;
        if (s->call->status >= 0 && say_extra(s, l, name, extra) == LL_MORE)
            return LL_MORE;
        l->asked = false;
        l->missing &= ~extra;
        l->reply = (metadata_reply){0};
    }
    return LL_OK;
}

static ll_status say_all(ll_session *s, list_state *l)
{
    for (;;) {
        ll_status status = l->missing ? say_extras(s, l) : LL_OK;
        if (status || l->next == l->count)
            return status;
        if (session_full(s))
            return LL_MORE;
        say_next(s, l);
    }
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
    if (c->phase == 1) {
        if (s->call->status < 0)
            return session_call_failed(s, c);
        take_answer(s, l);
        ll_status status = sort_names(c);
        if (status)
            return status;
        if (l->extras & EXTRA_STATUS && status_enables_condstore(&l->status))
            session_enable_condstore(s);
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

void drop_listing(ll_session *s, command *c)
{
    list_state *l = c->state;
    if (!l)
        return;
    memory_free(s->allocator, l->mailboxes);
    l->mailboxes = NULL;
    arena_fini(&l->memory);
}
