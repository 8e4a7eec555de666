/* search_ask.c - see search_ask.h
 * SPDX-License-Identifier: MIT */
#include "imap/search_ask.h"

#include "base/clock.h"

/* --- leaves as terms --- */

typedef struct bounds {
    int64_t first, last;
} bounds;

/* BEFORE, ON and SINCE a day, by how far the kind is from the first of the three. */
static bounds days_of(unsigned which, int64_t day)
{
    if (which == 0)
        return (bounds){INT64_MIN, day - 1};
    return which == 1 ? (bounds){day, day} : (bounds){day, INT64_MAX};
}

static bool range_term(const search_key *leaf, ll_term *term)
{
    bounds b = {1, 0};
    if (leaf->kind <= SEARCH_SINCE) {
        term->kind = LL_TERM_INTERNALDATE;
        b = days_of(leaf->kind - SEARCH_BEFORE, leaf->number);
    } else if (leaf->kind >= SEARCH_SAVEDBEFORE && leaf->kind <= SEARCH_SAVEDSINCE) {
        term->kind = LL_TERM_SAVED;
        b = days_of(leaf->kind - SEARCH_SAVEDBEFORE, leaf->number);
    } else if (leaf->kind >= SEARCH_SENTBEFORE && leaf->kind <= SEARCH_SENTSINCE) {
        term->kind = LL_TERM_SENT;
        b = days_of(leaf->kind - SEARCH_SENTBEFORE, leaf->number);
    } else {
        term->kind = LL_TERM_SIZE;
        if (leaf->kind == SEARCH_LARGER && leaf->number < INT64_MAX)
            b = (bounds){leaf->number + 1, INT64_MAX};
        else if (leaf->kind == SEARCH_SMALLER)
            b = (bounds){0, leaf->number - 1};
    }
    term->first = b.first;
    term->last = b.last;
    return b.first <= b.last;
}

static bool text_term(const search_key *leaf, ll_term *term)
{
    static const ll_term_kind of_fact[] = {LL_TERM_FROM, LL_TERM_TO, LL_TERM_CC, LL_TERM_BCC, LL_TERM_SUBJECT};
    term->needle = leaf->needle.pattern ? leaf->needle.literal : leaf->needle.folded;
    if (leaf->kind == SEARCH_BODY || leaf->kind == SEARCH_TEXT) {
        term->kind = leaf->kind == SEARCH_BODY ? LL_TERM_BODY : LL_TERM_TEXT;
        return term->needle.size > 0;
    }
    if (leaf->kind == SEARCH_ENVELOPE && leaf->fact <= SEARCH_SUBJECT) {
        term->kind = of_fact[leaf->fact];
        return term->needle.size > 0; /* "the field is there" is said of HEADER alone */
    }
    term->kind = LL_TERM_HEADER;
    term->name = leaf->name;
    return leaf->name.size > 0;
}

/* The leaf as one term that says the same, or of a pattern, what it says at least; false: there is none. */
static bool exact_term(const search_key *leaf, ll_term *term)
{
    *term = (ll_term){.needle = SPAN(""), .name = SPAN("")};
    if (leaf->needle.pattern && !leaf->needle.literal.size)
        return false;
    if (leaf->kind >= SEARCH_ENVELOPE && leaf->kind <= SEARCH_TEXT)
        return text_term(leaf, term);
    bool range = (leaf->kind >= SEARCH_BEFORE && leaf->kind <= SEARCH_SMALLER) ||
                 (leaf->kind >= SEARCH_SAVEDBEFORE && leaf->kind <= SEARCH_SAVEDSINCE) ||
                 (leaf->kind >= SEARCH_SENTBEFORE && leaf->kind <= SEARCH_SENTSINCE);
    return range && range_term(leaf, term);
}

/* OLDER and YOUNGER speak of seconds, terms of days: the day of the moment itself is open. */
static void within_terms(const search_key *leaf, int64_t now, ll_term *lower, ll_term *upper)
{
    int64_t day = clock_day(now - leaf->number);
    bool older = leaf->kind == SEARCH_OLDER;
    *lower = *upper = (ll_term){.kind = LL_TERM_INTERNALDATE, .needle = SPAN(""), .name = SPAN("")};
    lower->first = older ? INT64_MIN : day + 1;
    lower->last = older ? day - 1 : INT64_MAX;
    upper->first = older ? INT64_MIN : day;
    upper->last = older ? day : INT64_MAX;
}

/* In a zone of its own the host's day begins at most a day before or after that of UTC, of which terms speak. */
static bool zoned_terms(const search_key *leaf, ll_term *lower, ll_term *upper)
{
    bool saved = leaf->kind >= SEARCH_SAVEDBEFORE && leaf->kind <= SEARCH_SAVEDSINCE;
    if ((leaf->kind < SEARCH_BEFORE || leaf->kind > SEARCH_SINCE) && !saved)
        return false;
    *lower = *upper = (ll_term){.needle = SPAN(""), .name = SPAN("")};
    range_term(leaf, lower);
    range_term(leaf, upper);
    if (upper->first > INT64_MIN) {
        lower->first++;
        upper->first--;
    }
    if (upper->last < INT64_MAX) {
        lower->last--;
        upper->last++;
    }
    if (lower->first > lower->last) /* ON: no day is certain; nothing has this one */
        lower->first = lower->last = INT64_MAX;
    return true;
}

/* --- the question --- */

static void add_leaf(search_ask *a, const ll_session *s, search_key *leaf, int64_t now)
{
    ll_term lower, upper;
    bool within = leaf->kind == SEARCH_OLDER || leaf->kind == SEARCH_YOUNGER;
    if (within)
        within_terms(leaf, now, &lower, &upper);
    if (within || (session_host_can(s, utc_offset) && zoned_terms(leaf, &lower, &upper))) {
        a->terms[a->terms_count] = lower;
        a->terms[a->terms_count + 1] = upper;
        a->leaves[a->leaves_count++] =
            (search_ask_leaf){.leaf = leaf, .lower = a->terms_count, .upper = a->terms_count + 1};
        a->terms_count += 2;
    } else if (exact_term(leaf, &upper)) {
        a->terms[a->terms_count] = upper;
        size_t says = leaf->needle.pattern ? SIZE_MAX : a->terms_count;
        a->leaves[a->leaves_count++] = (search_ask_leaf){.leaf = leaf, .lower = says, .upper = a->terms_count};
        a->terms_count++;
    }
}

ll_status search_ask_init(search_ask *a, ll_session *s, const search_keys *keys, const uidset *candidates,
                          arena *memory)
{
    *a = (search_ask){.leaves = NULL};
    uint32_t count = uidset_count(candidates);
    if (!count || !keys->rows || !session_can(s, search))
        return LL_OK;
    a->leaves = arena_array(memory, keys->leaves_count, sizeof *a->leaves);
    a->terms = arena_array(memory, 2 * keys->leaves_count, sizeof *a->terms);
    if (!a->leaves || !a->terms)
        return arena_status(memory);
    /* the cheap ones first: kinds stand in the order of what they cost */
    for (search_kind kind = count > search_ask_rows ? SEARCH_BEFORE : SEARCH_ENVELOPE; kind <= SEARCH_TEXT; kind++)
        for (size_t i = 0; i < keys->leaves_count; i++)
            if (keys->leaves[i]->kind == kind)
                add_leaf(a, s, keys->leaves[i], keys->now);
    return LL_OK;
}

/* --- the answer --- */

/* A copy, or an empty set. */
static uidset *set_of(const uidset *set)
{
    return set ? uidset_copy(set) : uidset_new();
}

/* The first term of the question under way. */
static size_t first_term(const search_ask *a)
{
    const search_ask_leaf *one = &a->leaves[a->from];
    return one->lower == SIZE_MAX ? one->upper : one->lower;
}

/* first: of the question */
static ll_status take(search_ask_leaf *one, size_t first, const ll_call *call)
{
    const call_found none = {NULL, NULL};
    const call_found *lower = one->lower - first < call->found_count ? &call->found[one->lower - first] : &none;
    const call_found *upper = one->upper - first < call->found_count ? &call->found[one->upper - first] : &none;
    one->certain = set_of(lower->certain);
    one->candidates = set_of(upper->certain);
    if (!one->certain || !one->candidates)
        return LL_ENOMEM;
    if (upper->possible)
        uidset_or(one->candidates, upper->possible);
    uidset_or(one->candidates, one->certain);
    one->leaf->certain = one->certain;
    one->leaf->candidates = one->candidates;
    return LL_OK;
}

/* The next question: as many leaves as fit. */
static ll_status ask(search_ask *a, ll_session *s)
{
    size_t first = first_term(a);
    while (a->to < a->leaves_count && a->leaves[a->to].upper - first < search_ask_terms)
        a->to++;
    size_t count = a->leaves[a->to - 1].upper + 1 - first;
    return session_asked(s, s->connector->search(s->self, session_call(s), s->mailbox, a->terms + first, count));
}

/* LL_OK; < 0: no more questions. */
static ll_status answered(search_ask *a, ll_session *s)
{
    ll_status status = s->call->status;
    size_t first = first_term(a);
    if (status > 0)
        status = LL_OK;
    for (; !status && a->from < a->to; a->from++)
        status = take(&a->leaves[a->from], first, s->call);
    call_begin(s->call); /* what it found may be large */
    return status;
}

ll_status search_ask_step(search_ask *a, ll_session *s)
{
    a->asked = true;
    while (a->from < a->leaves_count) {
        if (a->from == a->to && ask(a, s) == LL_LATER)
            return LL_LATER;
        ll_status status = answered(a, s);
        if (status < 0) /* damage of an index stays local: the messages are there to be read */
            return status == LL_ENOMEM ? status : LL_OK;
    }
    return LL_OK;
}

void search_ask_fini(search_ask *a)
{
    for (size_t i = 0; i < a->leaves_count; i++) {
        a->leaves[i].leaf->certain = a->leaves[i].leaf->candidates = NULL;
        uidset_del(&a->leaves[i].certain);
        uidset_del(&a->leaves[i].candidates);
    }
    *a = (search_ask){.leaves = NULL};
}

bool search_ask_is_open(const search_key *leaf, const uidset *messages)
{
    if (leaf->kind < SEARCH_BEFORE)
        return false;
    return !leaf->candidates ||
           uidset_and_count(leaf->candidates, messages) != uidset_and_count(leaf->certain, messages);
}

unsigned search_ask_want(const search_keys *keys, const uidset *messages, bool *needed)
{
    unsigned want = keys->ids ? (unsigned)LL_WANT_IDS : 0u, bytes = 0;
    bool cheaper = false;
    *needed = false;
    for (size_t i = 0; i < keys->leaves_count; i++) {
        const search_key *leaf = keys->leaves[i];
        if (!search_ask_is_open(leaf, messages))
            continue;
        *needed = true;
        cheaper = cheaper || leaf->kind < SEARCH_ENVELOPE;
        want |= leaf->kind >= SEARCH_SENTBEFORE ? (unsigned)LL_WANT_INDEX : 0u;
        bytes |= leaf->kind <= SEARCH_HEADER ? (unsigned)LL_WANT_HEADER : (unsigned)LL_WANT_CONTENT;
    }
    return cheaper ? want : want | bytes;
}
