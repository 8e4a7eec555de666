/* run_thread.c - THREAD and UID THREAD, RFC 5256.
 * SPDX-License-Identifier: MIT
 *
 * Find the messages as SEARCH does, add them to the threads batch by batch, reply. */
#include "imap/search_find.h"
#include "imap/thread_build.h"
#include "imap/thread_write.h"

enum { FIND, ROWS, MESSAGES, FINISH, REPLY };

typedef struct thread {
    thread_algorithm algorithm;
    search_keys keys;
    search_find find;

    rows rows;
    message m;
    size_t at; /* row under way */
    bool begun;
    ll_status lost; /* the last error because of which a message stands alone */
    bool built;     /* build is to be ended */
    thread_build build;
    thread_writer writer;
} thread;

ll_status parse_thread(ll_session *s, command *c, lexer *in)
{
    thread *x = arena_new(&c->memory, sizeof *x);
    if (!x)
        return arena_status(&c->memory);
    c->state = x;
    if (lexer_is_word(in, "REFERENCES"))
        x->algorithm = THREAD_REFERENCES;
    else if (!lexer_is_word(in, "ORDEREDSUBJECT"))
        return LL_ESYNTAX;
    if (!lexer_space(in))
        return LL_ESYNTAX;
    ll_status status = search_criteria_parse(&x->keys, in, s->limits.search_keys, s->limits.set_ranges);
    status = search_find_parsed(c, &x->keys, status);
    return status ? status : search_find_check(s, c, &x->keys);
}

static ll_status begin_rows(ll_session *s, thread *x)
{
    uidset *set = uidset_copy(x->find.found);
    if (!set)
        return LL_ENOMEM;
    message_init(&x->m, s);
    rows_init(&x->rows, s, set, true, LL_WANT_INDEX);
    x->built = true;
    return thread_build_init(&x->build, s->allocator, x->algorithm);
}

static ll_status next_batch(ll_session *s, command *c, thread *x)
{
    ll_status status = rows_next(&x->rows);
    if (status < 0)
        return x->rows.refused ? session_call_failed(s, c) : status;
    x->at = 0;
    return status;
}

/* One that cannot be read is threaded as one without header. */
static ll_status add_message(thread *x, const ll_row *row)
{
    if (!x->begun)
        message_begin(&x->m, row);
    x->begun = true;
    ll_status status = message_index(&x->m);
    if (status == LL_LATER || status == LL_ENOMEM)
        return status;
    x->begun = false;
    if (status)
        x->lost = status;
    return thread_build_add(&x->build, row, status ? NULL : mime_index_root(x->m.index)->envelope);
}

static ll_status add_batch(thread *x)
{
    for (; x->at < x->rows.count; x->at++) {
        const ll_row *row = &x->rows.rows[x->at];
        ll_status status = uidset_has(x->find.found, row->uid) ? add_message(x, row) : LL_OK;
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status finish(command *c, thread *x)
{
    if (x->lost || x->find.match.lost)
        c->text = "THREAD completed, but some messages could not be read";
    return thread_build_finish(&x->build);
}

ll_status run_thread(ll_session *s, command *c)
{
    thread *x = c->state;
    ll_status status;
    for (;;) {
        switch (c->phase) {
        case FIND:
            x->find.whole = true;
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
            c->phase = x->rows.count ? MESSAGES : FINISH;
            break;
        case MESSAGES:
            status = add_batch(x);
            if (status)
                return status;
            c->phase = ROWS;
            session_progress(s, 0, 0);
            if (session_yield(s))
                return LL_MORE;
            break;
        case FINISH:
            status = finish(c, x);
            if (status)
                return status;
            c->phase = REPLY;
            break;
        default:
            return thread_writer_step(&x->writer, s, &x->build.tree, c->uid);
        }
    }
}

void drop_thread(ll_session *s, command *c)
{
    thread *x = c->state;
    (void)s;
    if (!x)
        return;
    if (x->built)
        thread_build_fini(&x->build);
    if (x->m.s)
        message_fini(&x->m);
    rows_fini(&x->rows);
    search_find_fini(&x->find);
}
