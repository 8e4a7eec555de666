/* run_search.c - SEARCH and UID SEARCH, RFC 3501 section 6.4.4, RFC 9051 section 6.4.4, with RETURN (RFC 4731).
 * SPDX-License-Identifier: MIT */
#include "imap/search_context.h"
#include "imap/search_find.h"
#include "imap/search_return.h"

enum { FIND, FOUND, REPLY, KEEP };

typedef struct search {
    search_keys keys;
    search_return wanted;
    size_t criteria_at; /* where the criteria begin in the command's text */
    search_find find;
    uidset *before; /* search_context_before */
    search_result result;
    ll_span heading;
    search_writer writer;
} search;

/* A SEARCH that keeps its result and fails with NO leaves nothing kept (RFC 5182 section 2.1). */
static ll_status refused(ll_session *s, const search *x, ll_status status)
{
    if (status < 0 && !command_is_bad(status) && x->wanted.want & SEARCH_RETURN_SAVE)
        uidset_del(&s->snap.saved);
    return status;
}

/* With UTF8=ACCEPT everything is UTF-8 (RFC 6855 section 3). */
static bool names_charset(const ll_session *s, lexer *in)
{
    lexer look = *in;
    return s->enabled & SESSION_ENABLED_UTF8 && lexer_is_word(&look, "CHARSET");
}

static ll_status parse(ll_session *s, command *c, search *x, lexer *in)
{
    ll_status status = search_return_parse(&x->wanted, s, in);
    if (status)
        return status;
    x->criteria_at = in->at;
    if (x->wanted.want & SEARCH_RETURN_UPDATE && search_context_known(s, c->tag)) {
        c->text = "Tag reuse";
        return LL_EINVAL;
    }
    if (names_charset(s, in)) {
        c->text = "CHARSET is not allowed with UTF8=ACCEPT";
        return LL_ESYNTAX;
    }
    status = search_keys_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
    status = search_find_parsed(c, &x->keys, status);
    if (!status && x->wanted.want & SEARCH_RETURN_RELEVANCY && !x->keys.fuzzy) /* RFC 6203 section 4 */
        status = LL_ESYNTAX;
    return status ? status : search_find_check(s, c, &x->keys);
}

ll_status parse_search(ll_session *s, command *c, lexer *in)
{
    search *x = arena_new(&c->memory, sizeof *x);
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    return refused(s, x, parse(s, c, x, in));
}

static ll_status found(ll_session *s, command *c, search *x)
{
    if (search_context_before(s, x->wanted.want, &x->before))
        return LL_ENOMEM;
    x->heading = search_return_heading(c);
    x->result = (search_result){.set = x->find.found,
                                .count = uidset_count(x->find.found),
                                .modseq = x->find.modseq,
                                .modseqs = x->keys.modseq ? (const uint64_t *)(const void *)x->find.modseqs.data : NULL,
                                .scores = x->keys.fuzzy ? (const uint8_t *)text_str(&x->find.scores) : NULL};
    if (x->wanted.want & SEARCH_RETURN_SAVE) {
        uidset *saved;
        ll_status status = search_return_save(&x->wanted, &x->result, &saved);
        if (status)
            return status;
        search_return_saved(s, saved);
    }
    c->text = search_find_lost(&x->find, "SEARCH completed, but some messages could not be read");
    return x->heading.data ? LL_OK : LL_ENOMEM;
}

/* RFC 9051 section 6.4.4: a client of IMAP4rev2 gets ESEARCH always. */
static ll_status reply(ll_session *s, command *c, search *x)
{
    search_return *wanted = &x->wanted;
    if (!wanted->given && s->enabled & SESSION_ENABLED_REV2)
        wanted->want = SEARCH_RETURN_ALL;
    else if (!wanted->given)
        return search_writer_plain(&x->writer, s, "SEARCH", &x->result, c->uid);
    if (!(wanted->want & ~(unsigned)(SEARCH_RETURN_SAVE | SEARCH_RETURN_CONTEXT))) /* RFC 5182 section 2.1 */
        return LL_OK;
    return search_writer_esearch(&x->writer, s, wanted, &x->result, x->heading, c->uid);
}

static ll_status keep(ll_session *s, command *c, search *x)
{
    search_context_seed seed = {.criteria_at = x->criteria_at,
                                .items = x->wanted.items,
                                .keys = &x->keys,
                                .before = x->before,
                                .found = x->find.found,
                                .known = &x->find.known};
    return x->wanted.want & SEARCH_RETURN_UPDATE ? search_context_keep(s, c, &seed) : LL_OK;
}

ll_status run_search(ll_session *s, command *c)
{
    search *x = c->state;
    ll_status status;
    if (c->phase == FIND) {
        x->find.learn = x->wanted.want & SEARCH_RETURN_UPDATE;
        status = search_find_step(&x->find, s, c, &x->keys);
        if (status)
            return refused(s, x, status);
        c->phase = FOUND;
    }
    if (c->phase == FOUND) {
        status = found(s, c, x);
        if (status)
            return refused(s, x, status);
        c->phase = REPLY;
    }
    if (c->phase == REPLY) {
        status = reply(s, c, x);
        if (status)
            return status;
        c->phase = KEEP;
    }
    return keep(s, c, x);
}

void drop_search(ll_session *s, command *c)
{
    search *x = c->state;
    (void)s;
    if (!x)
        return;
    search_writer_fini(&x->writer);
    uidset_del(&x->before);
    search_find_fini(&x->find);
}
