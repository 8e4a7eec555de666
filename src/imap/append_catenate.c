/* append_catenate.c - see append_catenate.h
 * SPDX-License-Identifier: MIT */
#include "imap/append_catenate.h"

enum { CATENATE_PARSE, CATENATE_OPEN, CATENATE_FETCH, CATENATE_INDEX, CATENATE_HEADER, CATENATE_COPY };

enum { bad_url_max = 1000 }; /* bytes of a URL that are said in BADURL: longer ones the client must guess */

void catenate_init(catenate *k, ll_session *s, command *c, ll_status (*sink)(ll_session *s, command *c, ll_span bytes))
{
    *k = (catenate){.s = s, .c = c, .sink = sink};
    message_init(&k->m, s);
    text_init(&k->index, s->allocator, mime_saved_max);
    text_init(&k->header, s->allocator, catenate_header_max);
}

void catenate_fini(catenate *k)
{
    if (!k->s)
        return;
    message_fini(&k->m);
    text_fini(&k->index);
    text_fini(&k->header);
}

void catenate_begin(catenate *k, ll_span url)
{
    k->written = url;
    k->phase = CATENATE_PARSE;
}

/* RFC 4469 section 4.1: the URL in the code, as far as a code can hold it. */
static ll_status bad_url(catenate *k)
{
    ll_span url = span_first(k->written, bad_url_max);
    const char *code = command_print(k->c, "BADURL \"%.*s\"", SPAN_PRINT(url));
    if (!code)
        return LL_ENOMEM;
    for (char *at = (char *)(uintptr_t)code; *at; at++)
        if (*at < ' ' || *at > '~' || *at == ']')
            *at = '?';
    k->c->code = code;
    k->c->text = "There is no such message part";
    return LL_ENOTFOUND;
}

static void close_other(catenate *k)
{
    ll_session *s = k->s;
    if (s->other_mailbox)
        s->connector->close(s->self, s->other_mailbox);
    s->other_mailbox = NULL;
    k->open_name = span_of(NULL, 0);
}

static ll_status parse(catenate *k)
{
    ll_session *s = k->s;
    ll_status status = append_url_parse(&k->url, k->written, &s->limits, &k->c->memory);
    if (status)
        return status == LL_ENOTFOUND ? bad_url(k) : status;
    bool open = k->open_name.data && span_equal(k->open_name, k->url.mailbox);
    k->phase = open ? CATENATE_FETCH : CATENATE_OPEN;
    if (open)
        return LL_OK;
    close_other(k);
    return session_asked(s, s->connector->open(s->self, session_call(s), k->url.mailbox, true)) == LL_LATER ? LL_LATER
                                                                                                            : LL_OK;
}

static ll_status opened(catenate *k)
{
    ll_session *s = k->s;
    if (s->call->status == LL_ENOTFOUND)
        return bad_url(k);
    if (s->call->status < 0)
        return session_call_failed(s, k->c);
    s->other_mailbox = s->call->mailbox;
    s->call->mailbox = NULL;
    k->open_name = k->url.mailbox;
    k->phase = CATENATE_FETCH;
    return LL_OK;
}

/* Is the message there now, and the mailbox the one that the client means? Then ask for its row. */
static ll_status fetch(catenate *k)
{
    ll_session *s = k->s;
    uint32_t recent;
    ll_view *view = s->connector->latest(s->self, s->other_mailbox, &recent);
    if (!view)
        return bad_url(k);
    bool there =
        ll_view_has(view, k->url.uid) && (!k->url.uidvalidity || k->url.uidvalidity == ll_view_uidvalidity(view));
    ll_view_unref(&view);
    ll_range *range = there ? arena_new(&k->c->memory, sizeof *range) : NULL;
    if (!range)
        return there ? LL_ENOMEM : bad_url(k);
    *range = (ll_range){k->url.uid, k->url.uid};
    k->phase = CATENATE_INDEX;
    return session_asked(s, s->connector->fetch(s->self, session_call(s), s->other_mailbox, range, 1, 1,
                                                LL_WANT_INDEX)) == LL_LATER
               ? LL_LATER
               : LL_OK;
}

/* The row is the message's; the next question would clear it. */
static ll_status take_row(catenate *k)
{
    ll_call *call = k->s->call;
    if (call->status < 0)
        return session_call_failed(k->s, k->c);
    if (!call->rows_count)
        return bad_url(k);
    ll_row row = call->rows[0];
    text_clear(&k->index);
    text_add(&k->index, row.index);
    if (text_status(&k->index))
        return text_status(&k->index);
    row.index = text_span(&k->index);
    row.email_id = row.thread_id = span_of("", 0);
    message_begin(&k->m, &row);
    k->m.mailbox = k->s->other_mailbox;
    call->rows_count = 0;
    return LL_OK;
}

/* What PARTIAL leaves of *left bytes at *offset: beyond the end there are none (RFC 3501 section 6.4.5). */
static void cut_partial(const append_url *url, uint64_t *offset, uint64_t *left)
{
    uint64_t skip = url->offset < *left ? url->offset : *left;
    *offset += skip;
    *left -= skip;
    if (*left > url->length)
        *left = url->length;
}

static ll_status find_section(catenate *k)
{
    if (!section_is_whole(&k->url.section)) {
        ll_status status = message_index(&k->m);
        if (status)
            return status;
    }
    section_place place = section_find(&k->url.section, k->m.index, k->m.row.size);
    if (place.kind == SECTION_MISSING)
        return bad_url(k);
    k->offset = place.offset;
    k->left = place.size;
    if (place.kind == SECTION_RANGE)
        cut_partial(&k->url, &k->offset, &k->left);
    text_clear(&k->header);
    k->phase = place.kind == SECTION_COMPUTED ? CATENATE_HEADER : CATENATE_COPY;
    return LL_OK;
}

static ll_status copy_fields(catenate *k)
{
    text fields;
    ll_status status = message_gather(&k->m, k->offset, k->left, &k->header);
    if (status)
        return status;
    text_init(&fields, k->s->allocator, catenate_header_max);
    section_select(&k->url.section, text_span(&k->header), &fields);
    status = text_status(&fields);
    uint64_t from = 0, left = fields.size;
    cut_partial(&k->url, &from, &left);
    if (!status)
        status = k->sink(k->s, k->c, span_first(span_from(text_span(&fields), (size_t)from), (size_t)left));
    text_fini(&fields);
    k->left = 0;
    k->phase = CATENATE_COPY;
    return status;
}

static ll_status copy_range(catenate *k)
{
    while (k->left) {
        ll_span bytes;
        ll_status status =
            message_read(&k->m, k->offset, k->left < message_piece ? (size_t)k->left : message_piece, &bytes);
        if (!status)
            status = k->sink(k->s, k->c, bytes);
        if (status)
            return status;
        k->offset += bytes.size;
        k->left -= bytes.size;
    }
    message_fini(&k->m);
    return LL_OK;
}

ll_status catenate_step(catenate *k)
{
    for (;;) {
        ll_status status = LL_OK;
        switch (k->phase) {
        case CATENATE_PARSE:
            status = parse(k);
            break;
        case CATENATE_OPEN:
            status = opened(k);
            break;
        case CATENATE_FETCH:
            status = fetch(k);
            break;
        case CATENATE_INDEX:
            status = k->m.mailbox ? LL_OK : take_row(k);
            if (!status)
                status = find_section(k);
            break;
        case CATENATE_HEADER:
            status = copy_fields(k);
            break;
        default:
            status = copy_range(k);
            k->m.mailbox = status ? k->m.mailbox : NULL;
            return status;
        }
        if (status)
            return status;
    }
}
