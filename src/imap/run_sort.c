/* run_sort.c - SORT and UID SORT, RFC 5256; with RETURN, RFC 5267 section 3 (ESORT).
 * SPDX-License-Identifier: MIT
 *
 * Find the messages as SEARCH does, gather their keys batch by batch, sort, reply. */
#include "base/memory.h"
#include "imap/search_context.h"
#include "imap/search_find.h"
#include "imap/search_return.h"
#include "imap/sort_table.h"

enum { FIND, ROWS, KEYS, SORT, REPLY, KEEP };

typedef struct sort {
    sort_criteria criteria;
    search_keys keys;
    search_return wanted;
    size_t criteria_at; /* where charset and criteria begin in the command's text */
    search_find find;
    uidset *before; /* search_context_before */

    rows rows;
    message m;
    size_t at; /* row under way */
    bool begun;
    ll_status lost; /* the last error because of which a message has no keys */
    sort_table table;

    uint32_t *order;   /* positions in the table, for a context; NULL: not kept */
    uint32_t *sorted;  /* UIDs */
    uint64_t *modseqs; /* in their order; NULL: none */
    uint8_t *scores;
    search_result result;
    ll_span heading;
    search_writer writer;
} sort;

static ll_status refused(ll_session *s, const sort *x, ll_status status)
{
    if (status < 0 && !command_is_bad(status) && x->wanted.want & SEARCH_RETURN_SAVE)
        uidset_del(&s->snap.saved); /* RFC 5182 section 2.1 */
    return status;
}

/* RETURN belongs in front of the criteria (RFC 5267 section 5). Behind the charset, where nothing else could stand,
 * some clients have it: ImapTest does. Then it is taken out, and parsing goes on with what is left. */
static ll_status take_late_return(const ll_session *s, sort *x, lexer *in)
{
    size_t at = in->at;
    ll_span charset;
    bool late = !x->wanted.given && lexer_word(in, &charset) && lexer_space(in);
    size_t options = in->at;
    if (!late || !lexer_is_word(in, "RETURN")) {
        in->at = at;
        return LL_OK;
    }
    in->at = options;
    ll_status status = search_return_parse(&x->wanted, s, in);
    if (status || x->wanted.want & SEARCH_RETURN_UPDATE)
        return status ? status : LL_ESYNTAX;
    ll_span keys = span_from(in->input, in->at);
    char *joined = arena_new(in->memory, options - at + keys.size);
    if (!joined)
        return arena_status(in->memory);
    memcpy(joined, in->input.data + at, options - at);
    memcpy(joined + (options - at), keys.data, keys.size);
    in->input = span_of(joined, options - at + keys.size);
    in->at = 0;
    return LL_OK;
}

static ll_status parse(ll_session *s, command *c, sort *x, lexer *in)
{
    ll_status status = search_return_parse(&x->wanted, s, in);
    if (!status && x->wanted.want & SEARCH_RETURN_UPDATE && search_context_known(s, c->tag)) {
        c->text = "Tag reuse"; /* RFC 5267 section 4.3 */
        return LL_EINVAL;
    }
    if (!status)
        status = sort_criteria_parse(&x->criteria, in);
    if (!status && !lexer_space(in))
        status = LL_ESYNTAX;
    x->criteria_at = in->at;
    if (!status)
        status = take_late_return(s, x, in);
    if (!status)
        status = search_criteria_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
    status = search_find_parsed(c, &x->keys, status);
    if (!status && (x->criteria.relevancy || x->wanted.want & SEARCH_RETURN_RELEVANCY) && !x->keys.fuzzy)
        status = LL_ESYNTAX; /* RFC 6203 sections 4 and 6 */
    return status ? status : search_find_check(s, c, &x->keys);
}

ll_status parse_sort(ll_session *s, command *c, lexer *in)
{
    sort *x = arena_new(&c->memory, sizeof *x);
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    return refused(s, x, parse(s, c, x, in));
}

static ll_status begin_rows(ll_session *s, sort *x)
{
    uidset *set = uidset_copy(x->find.found);
    if (!set)
        return LL_ENOMEM;
    message_init(&x->m, s);
    sort_table_init(&x->table, s->allocator, &x->criteria);
    rows_init(&x->rows, s, set, true, x->criteria.index ? LL_WANT_INDEX : 0);
    return LL_OK;
}

/* The keys of one message. One that cannot be read is sorted as one without header. */
static ll_status add_message(sort *x, const ll_row *row)
{
    const mime_envelope *envelope = NULL;
    uint32_t rank = uidset_rank(x->find.found, row->uid) - 1;
    unsigned score = x->keys.fuzzy ? (uint8_t)x->find.scores.data[rank] : 0;
    if (x->criteria.index) {
        if (!x->begun)
            message_begin(&x->m, row);
        x->begun = true;
        ll_status status = message_index(&x->m);
        if (status == LL_LATER || status == LL_ENOMEM)
            return status;
        x->begun = false;
        if (status)
            x->lost = status;
        else
            envelope = mime_index_root(x->m.index)->envelope;
    }
    return sort_table_add(&x->table, row, envelope, score, rank);
}

static ll_status add_batch(sort *x)
{
    for (; x->at < x->rows.count; x->at++) {
        const ll_row *row = &x->rows.rows[x->at];
        if (!uidset_has(x->find.found, row->uid))
            continue;
        ll_status status = add_message(x, row);
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status next_batch(ll_session *s, command *c, sort *x)
{
    ll_status status = rows_next(&x->rows);
    if (status < 0)
        return x->rows.refused ? session_call_failed(s, c) : status;
    x->at = 0;
    return status;
}

/* What is told of each message, in the order of the result. */
static ll_status arrange(ll_session *s, sort *x, const uint32_t *order)
{
    size_t room = (size_t)x->table.count + 1;
    const uint64_t *modseqs = (const uint64_t *)(const void *)x->find.modseqs.data;
    x->sorted = memory_new(s->allocator, room * sizeof *x->sorted);
    x->modseqs = x->keys.modseq ? memory_new(s->allocator, room * sizeof *x->modseqs) : NULL;
    x->scores = x->keys.fuzzy ? memory_new(s->allocator, room) : NULL;
    if (!x->sorted || !x->modseqs != !x->keys.modseq || !x->scores != !x->keys.fuzzy)
        return LL_ENOMEM;
    for (uint32_t i = 0; i < x->table.count; i++) {
        uint32_t rank = sort_table_ordinal(&x->table, order[i]);
        x->sorted[i] = sort_table_uid(&x->table, order[i]);
        if (x->modseqs)
            x->modseqs[i] = modseqs[rank];
        if (x->scores)
            x->scores[i] = (uint8_t)x->find.scores.data[rank];
    }
    return LL_OK;
}

static ll_status finish(ll_session *s, command *c, sort *x)
{
    uint32_t *order;
    ll_status status = sort_table_order(&x->table, &order);
    if (!status)
        status = arrange(s, x, order);
    if (x->wanted.want & SEARCH_RETURN_UPDATE)
        x->order = order;
    else
        memory_free(s->allocator, order);
    if (!status)
        status = search_context_before(s, x->wanted.want, &x->before);
    if (status)
        return status;
    x->result = (search_result){.sorted = x->sorted,
                                .count = x->table.count,
                                .modseq = x->find.modseq,
                                .modseqs = x->modseqs,
                                .scores = x->scores};
    if (!x->order)
        sort_table_fini(&x->table);
    if (x->wanted.want & SEARCH_RETURN_SAVE) {
        uidset *saved;
        status = search_return_save(&x->wanted, &x->result, &saved);
        if (status)
            return status;
        search_return_saved(s, saved);
    }
    if (x->lost || x->find.match.lost)
        c->text = "SORT completed, but some messages could not be read";
    x->heading = search_return_heading(c);
    return x->heading.data ? LL_OK : LL_ENOMEM;
}

static ll_status reply(ll_session *s, command *c, sort *x)
{
    if (!x->wanted.given)
        return search_writer_plain(&x->writer, s, "SORT", &x->result, c->uid);
    if (!(x->wanted.want & (SEARCH_RETURN_DATA | SEARCH_RETURN_UPDATE)))
        return LL_OK;
    return search_writer_esearch(&x->writer, s, &x->wanted, &x->result, x->heading, c->uid);
}

/* RFC 5267 section 4.3 */
static ll_status keep(ll_session *s, command *c, sort *x)
{
    uidset *told = uidset_new();
    if (!told)
        return LL_ENOMEM;
    for (uint32_t i = 0; i < x->result.count; i++)
        uidset_add(told, x->sorted[i]);
    search_context_seed seed = {.criteria_at = x->criteria_at,
                                .items = x->wanted.items,
                                .keys = &x->keys,
                                .before = x->before,
                                .found = told,
                                .known = &x->find.known,
                                .criteria = &x->criteria,
                                .table = &x->table,
                                .order = x->order};
    ll_status status = search_context_keep(s, c, &seed);
    uidset_del(&told);
    return status;
}

static ll_status step(ll_session *s, command *c, sort *x)
{
    ll_status status;
    for (;;) {
        switch (c->phase) {
        case FIND:
            x->find.whole = true;
            x->find.learn = x->wanted.want & SEARCH_RETURN_UPDATE;
            status = search_find_step(&x->find, s, c, &x->keys);
            if (!status)
                status = begin_rows(s, x);
            if (status)
                return status;
            c->phase = ROWS;
            break;
        case ROWS:
            status = next_batch(s, c, x);
            if (status)
                return status;
            c->phase = x->rows.count ? KEYS : SORT;
            break;
        case KEYS:
            status = add_batch(x);
            if (status)
                return status;
            c->phase = ROWS;
            session_progress(s, 0, 0);
            if (session_yield(s))
                return LL_MORE;
            break;
        case SORT:
            status = finish(s, c, x);
            if (status)
                return status;
            c->phase = REPLY;
            break;
        case REPLY:
            status = reply(s, c, x);
            if (status)
                return status;
            c->phase = KEEP;
            break;
        default:
            return x->order ? keep(s, c, x) : LL_OK;
        }
    }
}

ll_status run_sort(ll_session *s, command *c)
{
    return refused(s, c->state, step(s, c, c->state));
}

void drop_sort(ll_session *s, command *c)
{
    sort *x = c->state;
    if (!x)
        return;
    search_writer_fini(&x->writer);
    memory_free(s->allocator, x->order);
    memory_free(s->allocator, x->sorted);
    memory_free(s->allocator, x->modseqs);
    memory_free(s->allocator, x->scores);
    sort_table_fini(&x->table);
    if (x->m.s)
        message_fini(&x->m);
    rows_fini(&x->rows);
    uidset_del(&x->before);
    search_find_fini(&x->find);
}
