/* run_metadata.c - GETMETADATA and SETMETADATA (RFC 5464).
 * SPDX-License-Identifier: MIT */
#include "imap/metadata.h"
#include "imap/name.h"
#include "imap/notify.h"
#include "imap/search_filter.h"

#include <inttypes.h>

typedef struct metadata_state {
    ll_span mailbox; /* empty: the server's */
    metadata_entries wanted;
    metadata_reply reply;
    ll_metadata *pairs;
    size_t count;
} metadata_state;

/* --- parsing --- */

static ll_status take_mailbox(ll_session *s, command *c, lexer *in, ll_span *mailbox)
{
    ll_span written;
    if (!lexer_astring(in, &written))
        return LL_ESYNTAX;
    *mailbox = SPAN("");
    if (!written.size)
        return LL_OK;
    ll_status status = session_read_name(s, written, &c->memory, mailbox);
    if (status == LL_EUNSUPPORTED)
        c->text = "Not a mailbox name";
    return status;
}

static bool take_depth(lexer *in, unsigned *depth)
{
    if (lexer_is_word(in, "0"))
        *depth = 0;
    else if (lexer_is_word(in, "1"))
        *depth = 1;
    else if (lexer_is_word(in, "infinity"))
        *depth = metadata_depth_infinity;
    else
        return false;
    return true;
}

/* "(" option *(SP option) ")"; false: there is another thing, such as a list of entries. */
static bool take_options(lexer *in, metadata_entries *wanted)
{
    size_t start = in->at;
    bool good = lexer_byte(in, '(');
    while (good) {
        if (lexer_is_word(in, "MAXSIZE"))
            good = wanted->sized = lexer_space(in) && lexer_number64(in, &wanted->size_max);
        else
            good = lexer_is_word(in, "DEPTH") && lexer_space(in) && take_depth(in, &wanted->depth);
        if (good && lexer_byte(in, ')'))
            return true;
        good = good && lexer_space(in);
    }
    in->at = start;
    return false;
}

/* The RFC's grammar has the options before the mailbox, its examples behind it: clients send both. */
ll_status parse_getmetadata(ll_session *s, command *c, lexer *in)
{
    metadata_state *m = c->state = arena_new(&c->memory, sizeof *m);
    if (!m)
        return LL_ENOMEM;
    if (take_options(in, &m->wanted) && !lexer_space(in))
        return LL_ESYNTAX;
    ll_status status = take_mailbox(s, c, in, &m->mailbox);
    if (status)
        return status;
    if (!lexer_space(in) || (take_options(in, &m->wanted) && !lexer_space(in)))
        return LL_ESYNTAX;
    return metadata_take_entries(s, c, in, &m->wanted);
}

/* value = nstring / literal8 */
static bool take_value(lexer *in, ll_span *value)
{
    return lexer_literal8(in, value) || lexer_nstring(in, value);
}

static ll_status take_pair(ll_session *s, command *c, lexer *in, ll_metadata *pair)
{
    ll_status status = metadata_take_entry(c, in, &pair->entry);
    if (status)
        return status;
    if (!lexer_space(in) || !take_value(in, &pair->value))
        return LL_ESYNTAX;
    if (pair->value.size <= s->limits.metadata_value_bytes)
        return LL_OK;
    c->code = command_print(c, "METADATA MAXSIZE %" PRIu64, s->limits.metadata_value_bytes);
    c->text = "Value is too large";
    return LL_ELIMIT;
}

/* Of an entry that is named twice the last value counts. */
static void keep_pair(metadata_state *m, const ll_metadata *pair)
{
    size_t i = 0;
    while (i < m->count && !span_equal(m->pairs[i].entry, pair->entry))
        i++;
    m->pairs[i] = *pair;
    m->count += i == m->count;
}

/* RFC 5466 section 3.2: what is stored as a filter is one. */
static ll_status check_filter(ll_session *s, command *c, const metadata_state *m, const ll_metadata *pair)
{
    ll_span name;
    if (m->mailbox.size || !pair->value.data || !search_filter_is_entry(pair->entry, &name))
        return LL_OK;
    ll_status status = search_filter_check(pair->value, s, &c->memory);
    if (!status || status == LL_ENOMEM)
        return status;
    c->text = "The value of a filter must be a whole search, such as: UNSEEN FROM boss@example.com";
    return LL_EUNSUPPORTED;
}

ll_status parse_setmetadata(ll_session *s, command *c, lexer *in)
{
    metadata_state *m = c->state = arena_new(&c->memory, sizeof *m);
    ll_metadata pair;
    if (!m)
        return LL_ENOMEM;
    m->pairs = arena_array(&c->memory, (size_t)s->limits.metadata_entries, sizeof *m->pairs);
    if (!m->pairs)
        return arena_status(&c->memory);
    ll_status status = take_mailbox(s, c, in, &m->mailbox);
    if (!status && (!lexer_space(in) || !lexer_byte(in, '(')))
        status = LL_ESYNTAX;
    while (!status) {
        status = m->count == s->limits.metadata_entries ? LL_ELIMIT : take_pair(s, c, in, &pair);
        if (!status)
            status = check_filter(s, c, m, &pair);
        if (status)
            break;
        keep_pair(m, &pair);
        if (lexer_byte(in, ')'))
            return LL_OK;
        if (!lexer_space(in))
            status = LL_ESYNTAX;
    }
    return status;
}

/* --- running --- */

ll_status run_getmetadata(ll_session *s, command *c)
{
    metadata_state *m = c->state;
    if (!session_has_metadata(s))
        return LL_EUNSUPPORTED;
    if (c->phase == 0) {
        c->phase = 1;
        if (session_asked(s, s->connector->metadata(s->self, session_call(s), m->mailbox)) == LL_LATER)
            return LL_LATER;
    }
    if (s->call->status < 0)
        return session_call_failed(s, c);
    if (metadata_say(s, m->mailbox, &m->wanted, s->call, &m->reply) == LL_MORE)
        return LL_MORE;
    if (m->reply.longest)
        c->code = command_print(c, "METADATA LONGENTRIES %" PRIu64, m->reply.longest);
    return LL_OK;
}

ll_status run_setmetadata(ll_session *s, command *c)
{
    metadata_state *m = c->state;
    if (!session_has_metadata(s))
        return LL_EUNSUPPORTED;
    if (c->phase == 0) {
        c->phase = 1;
        if (session_asked(s, s->connector->metadata_set(s->self, session_call(s), m->mailbox, m->pairs, m->count)) ==
            LL_LATER)
            return LL_LATER;
    }
    if (s->call->status >= 0) {
        notify_own(s, m->mailbox, m->mailbox.size ? NOTIFY_METADATA : NOTIFY_SERVER_METADATA);
        return LL_OK;
    }
    if (s->call->status == LL_ELIMIT)
        c->code = "METADATA TOOMANY";
    return session_call_failed(s, c);
}
