/* run_store.c - STORE and UID STORE, RFC 3501 section 6.4.6; UNCHANGEDSINCE, RFC 7162 section 3.1.3.
 * SPDX-License-Identifier: MIT
 *
 * The connector changes the flags, and the sync at the command's end tells the client what became of them: every
 * message of the set, also those that had the flags already; with .SILENT only what is not as the client must think.
 * What a conditional STORE refused is told too, with its flags, so that the client can decide anew. */
#include "imap/message_limit.h"
#include "imap/rows.h"

enum {
    store_ranges =
        4096, /* ranges of one question: one transaction of the connector; only sets full of holes need several */
    store_modified_ranges = 20000, /* of one MODIFIED: 260 KB; what would be more is joined, and the client looks at
                                      more messages than it must */
    store_keyword_bytes = 255      /* a keyword: they are names like $Forwarded, and each is kept for ever */
};

enum { BEGIN, NEXT, ASKED };

typedef struct store {
    sequence set;
    ll_flags_op op;
    bool silent;
    unsigned flags; /* system flags, bit LL_FLAG_x */
    ll_span *keywords;
    size_t keywords_count;
    bool conditional;
    uint64_t unchanged_since;
    uidset *refused; /* NULL: none */
    uidset *uids;
    uidset_walk *walk;
    ll_range *ranges;
} store;

/* ["+" / "-"] "FLAGS" [".SILENT"] */
static bool take_operation(store *st, lexer *in)
{
    ll_span word;
    if (!lexer_word(in, &word))
        return false;
    st->op = word.data[0] == '+' ? LL_FLAGS_ADD : word.data[0] == '-' ? LL_FLAGS_REMOVE : LL_FLAGS_REPLACE;
    word = span_from(word, st->op != LL_FLAGS_REPLACE);
    st->silent = span_equal_nocase(word, SPAN("FLAGS.SILENT"));
    return st->silent || span_equal_nocase(word, SPAN("FLAGS"));
}

static const char *const system_flags[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

/* "\Recent" cannot be stored (RFC 3501 section 2.3.2), and no other name with "\" is known. */
static ll_status add_system(command *c, store *st, ll_span flag)
{
    for (unsigned n = 0; n < LL_FLAG_KEYWORD; n++)
        if (span_equal_nocase(flag, span_str(system_flags[n]))) {
            st->flags |= 1u << n;
            return LL_OK;
        }
    c->text = span_equal_nocase(flag, SPAN("\\Recent")) ? "\\Recent cannot be changed" : "Unknown system flag";
    return LL_ESYNTAX;
}

static ll_status add_flag(ll_session *s, command *c, store *st, ll_span flag)
{
    if (flag.data[0] == '\\')
        return add_system(c, st, flag);
    for (size_t i = 0; i < st->keywords_count; i++)
        if (span_equal_nocase(flag, st->keywords[i]))
            return LL_OK;
    if (st->keywords_count >= s->limits.keywords_per_message || flag.size > store_keyword_bytes)
        return LL_ELIMIT;
    if (!(st->keywords_count & (st->keywords_count - 1))) { /* room is a power of two */
        ll_span *more = arena_array(&c->memory, st->keywords_count ? st->keywords_count * 2 : 1, sizeof *more);
        if (!more)
            return arena_status(&c->memory);
        if (st->keywords_count)
            memcpy(more, st->keywords, st->keywords_count * sizeof *more);
        st->keywords = more;
    }
    st->keywords[st->keywords_count++] = flag;
    return LL_OK;
}

/* flag-list / (flag *(SP flag)) */
static ll_status take_flags(ll_session *s, command *c, store *st, lexer *in)
{
    ll_span flag;
    bool list = lexer_byte(in, '(');
    if (list && lexer_byte(in, ')'))
        return LL_OK;
    do {
        if (!lexer_flag(in, &flag))
            return LL_ESYNTAX;
        ll_status status = add_flag(s, c, st, flag);
        if (status)
            return status;
    } while (lexer_space(in));
    return !list || lexer_byte(in, ')') ? LL_OK : LL_ESYNTAX;
}

/* [SP "(" "UNCHANGEDSINCE" SP mod-sequence-value ")"], behind the SP */
static ll_status take_modifiers(ll_session *s, command *c, store *st, lexer *in)
{
    if (!lexer_byte(in, '('))
        return LL_OK;
    if (!lexer_is_word(in, "UNCHANGEDSINCE") || !lexer_space(in) || !lexer_number64(in, &st->unchanged_since) ||
        !lexer_byte(in, ')') || !lexer_space(in))
        return LL_ESYNTAX;
    st->conditional = true;
    if (session_can(s, store_if))
        return LL_OK;
    c->text = "No mod-sequences here"; /* RFC 7162 section 3.1.2.2 */
    return LL_EINVAL;
}

ll_status parse_store(ll_session *s, command *c, lexer *in)
{
    ll_span set;
    store *st = arena_new(&c->memory, sizeof *st);
    if (!st)
        return arena_status(&c->memory);
    c->state = st;
    if (!lexer_set(in, &set) || !lexer_space(in))
        return LL_ESYNTAX;
    ll_status status = sequence_parse(&st->set, set, s->limits.set_ranges, &c->memory);
    if (status)
        return status;
    status = take_modifiers(s, c, st, in);
    if (status)
        return status;
    if (!take_operation(st, in) || !lexer_space(in))
        return LL_ESYNTAX;
    return take_flags(s, c, st, in);
}

static ll_status begin(ll_session *s, command *c, store *st)
{
    ll_status status = rows_select(s, c, &st->set, &st->uids);
    if (status)
        return status;
    message_limit_cut(s, c, st->uids);
    if (st->conditional) {
        session_enable_condstore(s);
        c->sync_modseq = true;
    }
    uidset **told = st->silent ? &c->sync_silent : &c->sync_force;
    *told = uidset_copy(st->uids);
    c->sync_silent_op.given = true;
    c->sync_silent_op.op = st->op;
    c->sync_silent_op.flags = st->flags;
    c->sync_silent_op.keywords = st->keywords;
    c->sync_silent_op.keywords_count = st->keywords_count;
    st->ranges = arena_array(&c->memory, store_ranges, sizeof *st->ranges);
    st->walk = uidset_walk_new(st->uids, 1);
    return *told && st->ranges && st->walk ? LL_OK : LL_ENOMEM;
}

static bool changes_nothing(const store *st)
{
    return st->op != LL_FLAGS_REPLACE && !st->flags && !st->keywords_count;
}

/* LL_MORE: there are no more ranges. */
static ll_status ask_next(ll_session *s, store *st)
{
    size_t count = 0;
    while (count < store_ranges && uidset_walk_range(st->walk, UINT32_MAX, &st->ranges[count]))
        count++;
    if (!count || changes_nothing(st))
        return LL_MORE;
    if (st->conditional)
        return session_asked(s,
                             s->connector->store_if(s->self, session_call(s), s->mailbox, st->ranges, count, st->op,
                                                    st->flags, st->keywords, st->keywords_count, st->unchanged_since));
    return session_asked(s, s->connector->store(s->self, session_call(s), s->mailbox, st->ranges, count, st->op,
                                                st->flags, st->keywords, st->keywords_count));
}

static void note_refused(ll_session *s, store *st)
{
    uidset *more = s->call->refused;
    if (!more)
        return;
    s->call->refused = NULL;
    uidset_and(more, st->uids);
    if (!st->refused) {
        st->refused = more;
        return;
    }
    uidset_or(st->refused, more);
    uidset_del(&more);
}

/* A set of sequence numbers for one of UIDs. NULL: out of memory. */
static uidset *numbers_of(const ll_session *s, const uidset *uids)
{
    uidset *numbers = uidset_new();
    uidset_walk *walk = uidset_walk_new(uids, 1);
    for (uint32_t uid; numbers && walk && (uid = uidset_walk_next(walk)) != 0;)
        uidset_add(numbers, snapshot_number(&s->snap, uid));
    if (!walk)
        uidset_del(&numbers);
    uidset_walk_del(&walk);
    return numbers;
}

/* "MODIFIED 7,9" in the command's memory; NULL: no memory. */
static const char *modified(ll_session *s, command *c, const uidset *set)
{
    const char *code = NULL;
    text out;
    ll_range range;
    text_init(&out, s->allocator, session_output_slack);
    text_add_str(&out, "MODIFIED ");
    uidset_walk *walk = uidset_walk_new(set, 1);
    for (unsigned i = 0; walk && uidset_walk_range(walk, UINT32_MAX, &range); i++) {
        if (i == store_modified_ranges - 1)
            range.last = uidset_last(set);
        text_print(&out, range.first < range.last ? "%s%u:%u" : "%s%u", i ? "," : "", range.first, range.last);
        if (i == store_modified_ranges - 1)
            break;
    }
    if (walk && !text_status(&out))
        code = arena_copy(&c->memory, text_span(&out)).data;
    uidset_walk_del(&walk);
    text_fini(&out);
    return code;
}

/* All is stored that may be. */
static ll_status finish(ll_session *s, command *c, store *st)
{
    if (!st->refused || uidset_empty(st->refused))
        return LL_OK;
    if (c->sync_silent)
        uidset_andnot(c->sync_silent, st->refused);
    if (!c->sync_force)
        c->sync_force = uidset_copy(st->refused); /* RFC 7162: recommended, so that the client need not ask */
    uidset *numbers = c->uid ? NULL : numbers_of(s, st->refused);
    if (!c->sync_force || (!c->uid && !numbers)) {
        uidset_del(&numbers);
        return LL_ENOMEM;
    }
    c->code = modified(s, c, c->uid ? st->refused : numbers);
    c->text = "Conditional STORE failed for some";
    uidset_del(&numbers);
    return c->code ? LL_OK : LL_ENOMEM;
}

ll_status run_store(ll_session *s, command *c)
{
    store *st = c->state;
    ll_status status;
    if (c->phase == BEGIN) {
        status = begin(s, c, st);
        if (status)
            return status;
        c->phase = NEXT;
    }
    for (;;) {
        if (c->phase == NEXT) {
            status = ask_next(s, st);
            if (status == LL_MORE)
                return finish(s, c, st);
            c->phase = ASKED;
            if (status == LL_LATER)
                return status;
        }
        if (s->call->status < 0)
            return session_call_failed(s, c);
        note_refused(s, st);
        session_progress(s, 0, 0);
        c->phase = NEXT;
    }
}

void drop_store(ll_session *s, command *c)
{
    store *st = c->state;
    (void)s;
    if (!st)
        return;
    uidset_walk_del(&st->walk);
    uidset_del(&st->uids);
    uidset_del(&st->refused);
}
