/* new_messages.c - see new_messages.h
 * SPDX-License-Identifier: MIT */
#include "imap/new_messages.h"

ll_status new_messages_parse(const ll_session *s, fetch_items *out, lexer *in, bool uid)
{
    return lexer_peek(in) == '(' ? fetch_items_parse(out, in, uid && !session_uidonly(s), s->limits.fetch_items)
                                 : LL_ESYNTAX;
}

ll_status new_messages_init(new_messages *f, ll_session *s, uidset *set, fetch_items *items, arena *memory)
{
    /* RFC 7162 section 3.1: MODSEQ in every untagged FETCH */
    if (s->enabled & SESSION_ENABLED_CONDSTORE && fetch_items_add_modseq(items, memory)) {
        uidset_del(&set);
        return LL_ENOMEM;
    }
    *f = (new_messages){0};
    rows_init(&f->rows, s, set, items->rows, fetch_items_want(items));
    write_message_init(&f->writer, s, items);
    return LL_OK;
}

static ll_status say_batch(new_messages *f)
{
    for (; f->at < f->rows.count; f->at++) {
        const ll_row *row = &f->rows.rows[f->at];
        uint32_t number = snapshot_number(&f->rows.s->snap, row->uid);
        if (!f->writing && !number)
            continue;
        if (!f->writing)
            write_message_begin(&f->writer, row, number);
        f->writing = true;
        ll_status status = write_message_step(&f->writer);
        if (status)
            return status;
        f->writing = false;
    }
    return LL_OK;
}

ll_status new_messages_step(new_messages *f)
{
    for (;;) {
        ll_status status = say_batch(f);
        if (status)
            return status;
        status = rows_next(&f->rows);
        if (status > LL_OK || status == LL_ENOMEM)
            return status;
        if (status < 0 || !f->rows.count) /* what cannot be read now the client may still ask for: it knows EXISTS */
            return LL_OK;
        f->at = 0;
    }
}

void new_messages_fini(new_messages *f)
{
    write_message_fini(&f->writer);
    rows_fini(&f->rows);
}
