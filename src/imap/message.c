/* message.c - see message.h
 * SPDX-License-Identifier: MIT */
#include "imap/message.h"

#include <assert.h>

void message_init(message *m, ll_session *s)
{
    *m = (message){.s = s};
    text_init(&m->made, s->allocator, mime_saved_max);
}

void message_fini(message *m)
{
    mime_index_del(&m->index);
    mime_indexer_del(&m->indexer);
    text_fini(&m->made);
    message_init(m, m->s);
}

void message_begin(message *m, const ll_row *row)
{
    message_fini(m);
    m->row = *row;
    if (m->row.content.size > m->row.size)
        m->row.content = SPAN("");
}

bool message_have(const message *m, uint64_t offset, uint64_t size, ll_span *bytes)
{
    ll_span content = m->row.content;
    if (offset > content.size || size > content.size - offset)
        return false;
    *bytes = span_of(content.data + offset, (size_t)size);
    return true;
}

size_t message_piece_at(const message *m, uint64_t offset, uint64_t left)
{
    uint64_t most = message_piece;
    if (offset < m->row.content.size && m->row.content.size - offset < most)
        most = m->row.content.size - offset;
    return left < most ? (size_t)left : (size_t)most;
}

ll_status message_read(message *m, uint64_t offset, size_t size, ll_span *bytes)
{
    ll_session *s = m->s;
    assert(size <= message_piece);
    *bytes = SPAN("");
    if (!size)
        return LL_OK;
    if (!m->asked && message_have(m, offset, size, bytes))
        return LL_OK;
    if (!m->asked) {
        m->asked = true;
        m->window = SPAN("");
        void *mailbox = m->mailbox ? m->mailbox : s->mailbox;
        if (session_asked(s, s->connector->read(s->self, session_call(s), mailbox, m->row.uid, offset, size)) ==
            LL_LATER)
            return LL_LATER;
    }
    m->asked = false;
    if (s->call->status < 0)
        return s->call->status;
    if (text_status(&s->call->bytes))
        return text_status(&s->call->bytes);
    *bytes = call_read(s->call);
    return bytes->size == size ? LL_OK : LL_ECORRUPT;
}

ll_status message_window(message *m, uint64_t offset, ll_span *bytes)
{
    assert(offset < m->row.size);
    if (offset < m->window_offset || offset - m->window_offset >= m->window.size) {
        ll_status status = message_read(m, offset, message_piece_at(m, offset, m->row.size - offset), &m->window);
        if (status) {
            m->window = SPAN("");
            return status;
        }
        m->window_offset = offset;
    }
    *bytes = span_from(m->window, (size_t)(offset - m->window_offset));
    return LL_OK;
}

ll_status message_gather(message *m, uint64_t offset, uint64_t size, text *to)
{
    if (size > to->size_max)
        return LL_ELIMIT;
    while (to->size < size) {
        ll_span bytes;
        ll_status status =
            message_read(m, offset + to->size, message_piece_at(m, offset + to->size, size - to->size), &bytes);
        if (status)
            return status;
        text_add(to, bytes);
        if (text_status(to))
            return text_status(to);
    }
    return LL_OK;
}

static ll_status make_index(message *m)
{
    while (m->indexed < m->row.size) {
        ll_span bytes;
        ll_status status =
            message_read(m, m->indexed, message_piece_at(m, m->indexed, m->row.size - m->indexed), &bytes);
        if (status)
            return status;
        mime_indexer_push(m->indexer, bytes);
        m->indexed += bytes.size;
    }
    ll_status status = mime_indexer_finish(m->indexer, &m->made);
    mime_indexer_del(&m->indexer);
    return status ? status : mime_index_open(&m->index, m->s->allocator, text_span(&m->made));
}

/* An index that opens but is of another message would send literals of wrong sizes: its size must be the row's. */
static ll_status open_saved(message *m)
{
    ll_status status = mime_index_open(&m->index, m->s->allocator, m->row.index);
    if (!status && mime_index_size(m->index) != m->row.size) {
        mime_index_del(&m->index);
        status = LL_ECORRUPT;
    }
    return status;
}

ll_status message_index(message *m)
{
    if (m->index)
        return LL_OK;
    if (!m->indexer) {
        ll_status status = m->row.index.size ? open_saved(m) : LL_ECORRUPT;
        if (status != LL_ECORRUPT && status != LL_EVERSION)
            return status;
        m->indexed = 0;
        status = mime_indexer_new(&m->indexer, m->s->allocator);
        if (status)
            return status;
    }
    return make_index(m);
}
