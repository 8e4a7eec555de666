/* search_return.c - see search_return.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_return.h"

#include "imap/new_messages.h"

enum { piece = 1024 /* messages between two looks at the room for output */ };

/* --- what is wanted --- */

static const struct {
    const char *name;
    unsigned bit;
} options[] = {
    {"MIN", SEARCH_RETURN_MIN},
    {"MAX", SEARCH_RETURN_MAX},
    {"ALL", SEARCH_RETURN_ALL},
    {"COUNT", SEARCH_RETURN_COUNT},
    {"SAVE", SEARCH_RETURN_SAVE},
    {"PARTIAL", SEARCH_RETURN_PARTIAL},
    {"RELEVANCY", SEARCH_RETURN_RELEVANCY},
    {"CONTEXT", SEARCH_RETURN_CONTEXT},
    {"UPDATE", SEARCH_RETURN_UPDATE},
};

/* partial-range: both numbers with "-", or none. 4:2 is the same as 2:4 (RFC 9394 section 4) and answered as that. */
static bool take_partial(search_return *r, lexer *in)
{
    r->last = lexer_byte(in, '-');
    if (!lexer_nz_number(in, &r->first_wanted) || !lexer_byte(in, ':') || lexer_byte(in, '-') != r->last ||
        !lexer_nz_number(in, &r->last_wanted))
        return false;
    if (r->first_wanted > r->last_wanted) {
        uint32_t high = r->first_wanted;
        r->first_wanted = r->last_wanted;
        r->last_wanted = high;
    }
    return true;
}

/* ["(" fetch-att *(SP fetch-att) ")"] behind UPDATE: where there is NOTIFY. What they are for is a matter of
 * search_context.c; here they must be right. */
static ll_status take_items(search_return *r, const ll_session *s, lexer *in)
{
    fetch_items items;
    lexer try = *in;
    if (!session_can(s, survey) || !session_can(s, watch) || !lexer_space(&try) || lexer_peek(&try) != '(')
        return LL_OK;
    size_t from = try.at;
    *in = try;
    if (r->items.data)
        return LL_ESYNTAX;
    ll_status status = new_messages_parse(s, &items, in, false);
    r->items = span_of(in->input.data + from, in->at - from);
    return status;
}

static ll_status take_option(search_return *r, const ll_session *s, lexer *in)
{
    ll_span word;
    unsigned bit = 0;
    if (!lexer_word(in, &word))
        return LL_ESYNTAX;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (span_equal_nocase(word, span_str(options[i].name)))
            bit = options[i].bit;
    if (!bit || (bit == SEARCH_RETURN_PARTIAL && (r->want & bit || !lexer_space(in) || !take_partial(r, in))))
        return LL_ESYNTAX;
    r->want |= bit;
    return bit == SEARCH_RETURN_UPDATE ? take_items(r, s, in) : LL_OK;
}

ll_status search_return_parse(search_return *r, const ll_session *s, lexer *in)
{
    *r = (search_return){.given = lexer_is_word(in, "RETURN")};
    if (!r->given)
        return LL_OK;
    if (!lexer_space(in) || !lexer_byte(in, '('))
        return LL_ESYNTAX;
    if (!lexer_byte(in, ')')) {
        do {
            ll_status status = take_option(r, s, in);
            if (status)
                return status;
        } while (lexer_space(in));
        if (!lexer_byte(in, ')'))
            return LL_ESYNTAX;
    }
    if (r->want & SEARCH_RETURN_ALL && r->want & SEARCH_RETURN_PARTIAL) /* RFC 9394 section 3.1 */
        return LL_ESYNTAX;
    if (!(r->want & ~(unsigned)SEARCH_RETURN_CONTEXT)) /* RFC 4731 section 3.1: empty is ALL */
        r->want |= SEARCH_RETURN_ALL;
    return lexer_space(in) ? LL_OK : LL_ESYNTAX;
}

bool search_return_partial(const search_return *r, uint32_t count, uint32_t *first, uint32_t *last)
{
    uint32_t low = r->first_wanted, high = r->last_wanted;
    if (low > count)
        return false;
    if (high > count)
        high = count;
    *first = r->last ? count + 1 - high : low;
    *last = r->last ? count + 1 - low : high;
    return true;
}

/* The message at a position, from 1. */
static uint32_t uid_at(const search_result *result, uint32_t at)
{
    return result->set ? uidset_select(result->set, at) : result->sorted[at - 1];
}

static void add_positions(uidset *to, const search_result *result, uint32_t first, uint32_t last)
{
    for (uint32_t at = first; at <= last; at++)
        uidset_add(to, uid_at(result, at));
}

ll_status search_return_save(const search_return *r, const search_result *result, uidset **out)
{
    const unsigned some = SEARCH_RETURN_MIN | SEARCH_RETURN_MAX | SEARCH_RETURN_PARTIAL;
    bool all = r->want & (SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT) || !(r->want & some);
    uint32_t first, last;
    *out = all && result->set ? uidset_copy(result->set) : uidset_new();
    if (!*out)
        return LL_ENOMEM;
    if (!result->count || (all && result->set))
        return LL_OK;
    if (all)
        add_positions(*out, result, 1, result->count);
    if (r->want & SEARCH_RETURN_MIN)
        uidset_add(*out, uid_at(result, 1));
    if (r->want & SEARCH_RETURN_MAX)
        uidset_add(*out, uid_at(result, result->count));
    if (r->want & SEARCH_RETURN_PARTIAL && search_return_partial(r, result->count, &first, &last))
        add_positions(*out, result, first, last);
    return LL_OK;
}

void search_return_saved(ll_session *s, uidset *found)
{
    uidset_del(&s->snap.saved);
    s->snap.saved = found;
}

/* --- lists of messages --- */

void search_writer_fini(search_writer *w)
{
    uidset_walk_del(&w->walk);
    *w = (search_writer){.phase = 0};
}

static bool begin_list(search_writer *w, const search_result *result, uint32_t first, uint32_t last)
{
    uidset_walk_del(&w->walk);
    *w = (search_writer){.phase = w->phase, .at = first, .end = last};
    if (result->set && first <= last)
        w->walk = uidset_walk_new(result->set, uid_at(result, first));
    return !result->set || first > last || w->walk;
}

/* The next messages of the list whose numbers follow each other, as numbers; false at its end. */
static bool next_range(search_writer *w, const ll_session *s, const search_result *result, bool uid, ll_range *range)
{
    if (w->at > w->end)
        return false;
    uint32_t most = w->end - w->at < piece ? w->end - w->at + 1 : (uint32_t)piece;
    if (!result->set) {
        range->first = range->last = result->sorted[w->at - 1];
    } else if (!uidset_walk_range(w->walk, most, range))
        return false;
    uint32_t more = range->last - range->first;
    w->at += more + 1;
    if (!uid)
        range->first = snapshot_number(&s->snap, range->first);
    range->last = range->first + more;
    return true;
}

static void write_pending(search_writer *w, text *out)
{
    if (!w->pending.first)
        return;
    if (w->comma)
        text_add_byte(out, ',');
    w->comma = true;
    text_add_u64(out, w->pending.first);
    if (w->pending.last != w->pending.first) {
        text_add_byte(out, ':');
        text_add_u64(out, w->pending.last);
    }
    w->pending.first = 0;
}

static void add_range(search_writer *w, text *out, ll_range range)
{
    if (w->pending.first && w->pending.last < UINT32_MAX && range.first == w->pending.last + 1) {
        w->pending.last = range.last;
        return;
    }
    write_pending(w, out);
    w->pending = range;
}

ll_status search_writer_set(search_writer *w, ll_session *s, const search_result *result, bool uid)
{
    ll_range range;
    if (!begin_list(w, result, 1, result->count))
        return LL_ENOMEM;
    while (next_range(w, s, result, uid, &range))
        add_range(w, &s->output, range);
    write_pending(w, &s->output);
    return LL_OK;
}

/* The list as a sequence-set. */
static ll_status write_set(search_writer *w, ll_session *s, const search_result *result, bool uid)
{
    ll_range range;
    while (!session_full(s)) {
        if (!next_range(w, s, result, uid, &range)) {
            write_pending(w, &s->output);
            return LL_OK;
        }
        add_range(w, &s->output, range);
    }
    return LL_MORE;
}

/* The list as numbers with a space before each. */
static ll_status write_numbers(search_writer *w, ll_session *s, const search_result *result, bool uid)
{
    ll_range range;
    while (!session_full(s)) {
        if (!next_range(w, s, result, uid, &range))
            return LL_OK;
        for (uint32_t n = 0; n <= range.last - range.first; n++) {
            text_add_byte(&s->output, ' ');
            text_add_u64(&s->output, range.first + n);
        }
    }
    return LL_MORE;
}

static ll_status write_scores(search_writer *w, ll_session *s, const search_result *result)
{
    for (; w->at <= w->end; w->at++) {
        if (w->at % piece == 0 && session_full(s))
            return LL_MORE;
        if (w->comma)
            text_add_byte(&s->output, ' ');
        w->comma = true;
        text_add_u64(&s->output, result->scores[w->at - 1]);
    }
    return LL_OK;
}

/* --- responses --- */

static uint64_t highest(const search_result *result, uint32_t first, uint32_t last)
{
    uint64_t most = 0;
    for (uint32_t at = first; at <= last; at++)
        if (result->modseqs[at - 1] > most)
            most = result->modseqs[at - 1];
    return most;
}

/* Of the messages that are given back: RFC 4731 section 3.2. */
static uint64_t modseq_of(const search_return *r, const search_result *result)
{
    uint32_t first, last;
    uint64_t most = 0, more;
    if (!result->modseqs || !result->count || r->want & (SEARCH_RETURN_ALL | SEARCH_RETURN_COUNT))
        return result->count ? result->modseq : 0;
    if (r->want & SEARCH_RETURN_MIN)
        most = result->modseqs[0];
    if (r->want & SEARCH_RETURN_MAX && (more = result->modseqs[result->count - 1]) > most)
        most = more;
    if (r->want & SEARCH_RETURN_PARTIAL && search_return_partial(r, result->count, &first, &last) &&
        (more = highest(result, first, last)) > most)
        most = more;
    return most;
}

static uint32_t number_at(const ll_session *s, const search_result *result, uint32_t at, bool uid)
{
    uint32_t n = uid_at(result, at);
    return uid ? n : snapshot_number(&s->snap, n);
}

static void write_ends(ll_session *s, const search_return *r, const search_result *result, bool uid)
{
    if (r->want & SEARCH_RETURN_MIN && result->count)
        session_say(s, " MIN %u", number_at(s, result, 1, uid));
    if (r->want & SEARCH_RETURN_MAX && result->count)
        session_say(s, " MAX %u", number_at(s, result, result->count, uid));
    if (r->want & SEARCH_RETURN_COUNT)
        session_say(s, " COUNT %u", result->count);
}

/* ALL or PARTIAL, if it is wanted. False: out of memory. */
static bool begin_messages(search_writer *w, ll_session *s, const search_return *r, const search_result *result)
{
    uint32_t first = 1, last = 0;
    const char *sign = r->last ? "-" : "";
    if (r->want & SEARCH_RETURN_ALL && result->count) {
        session_add(s, SPAN(" ALL "));
        last = result->count;
    } else if (r->want & SEARCH_RETURN_PARTIAL) {
        session_say(s, " PARTIAL (%s%u:%s%u ", sign, r->first_wanted, sign, r->last_wanted);
        if (!search_return_partial(r, result->count, &first, &last)) {
            session_add(s, SPAN("NIL"));
            first = 1, last = 0;
        }
    }
    return begin_list(w, result, first, last);
}

static void begin_scores(search_writer *w, ll_session *s, const search_return *r, const search_result *result)
{
    uint32_t first = 1, last = result->count;
    uint64_t modseq = modseq_of(r, result);
    if (r->want & SEARCH_RETURN_PARTIAL)
        text_add_byte(&s->output, ')');
    if (modseq)
        session_say(s, " MODSEQ %llu", (unsigned long long)modseq);
    if (r->want & SEARCH_RETURN_PARTIAL && !search_return_partial(r, result->count, &first, &last))
        first = 1, last = 0;
    if (!(r->want & SEARCH_RETURN_RELEVANCY) || !result->scores)
        first = 1, last = 0;
    else
        session_add(s, SPAN(" RELEVANCY ("));
    *w = (search_writer){.phase = w->phase, .at = first, .end = last};
}

enum { HEAD, MESSAGES, TAIL, SCORES, END };

ll_status search_writer_esearch(search_writer *w, ll_session *s, const search_return *r, const search_result *result,
                                ll_span heading, bool uid)
{
    for (;; w->phase++) {
        ll_status status = LL_OK;
        switch (w->phase) {
        case HEAD:
            session_say(s, "* ESEARCH (%.*s)%s", SPAN_PRINT(heading), uid ? " UID" : "");
            write_ends(s, r, result, uid);
            if (!begin_messages(w, s, r, result))
                return LL_ENOMEM;
            break;
        case MESSAGES:
            status = write_set(w, s, result, uid);
            break;
        case TAIL:
            search_writer_fini(w);
            w->phase = TAIL;
            begin_scores(w, s, r, result);
            break;
        case SCORES:
            status = write_scores(w, s, result);
            break;
        default:
            if (r->want & SEARCH_RETURN_RELEVANCY && result->scores)
                text_add_byte(&s->output, ')');
            session_add(s, SPAN("\r\n"));
            search_writer_fini(w);
            return LL_OK;
        }
        if (status)
            return status;
    }
}

ll_status search_writer_plain(search_writer *w, ll_session *s, const char *name, const search_result *result, bool uid)
{
    if (w->phase == HEAD) {
        session_say(s, "* %s", name);
        if (!begin_list(w, result, 1, result->count))
            return LL_ENOMEM;
        w->phase = MESSAGES;
    }
    ll_status status = write_numbers(w, s, result, uid);
    if (status)
        return status;
    if (result->modseq && result->count) /* RFC 7162 section 3.1.5 */
        session_say(s, " (MODSEQ %llu)", (unsigned long long)result->modseq);
    session_add(s, SPAN("\r\n"));
    search_writer_fini(w);
    return LL_OK;
}

ll_span search_return_heading(command *c)
{
    return span_str(command_print(c, "TAG \"%.*s\"", SPAN_PRINT(c->tag))); /* a tag has no quotes: lexer_tag */
}
