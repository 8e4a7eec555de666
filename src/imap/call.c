/* call.c - see call.h and section 4 of the public header.
 * SPDX-License-Identifier: MIT */
#include "imap/call.h"

#include "base/memory.h"

#include <assert.h>

ll_status call_new(ll_call **out, const ll_allocator *allocator, void (*done)(ll_call *, void *), void *context)
{
    ll_call *call = memory_new(allocator, sizeof *call);
    *out = call;
    if (!call)
        return LL_ENOMEM;
    call->allocator = allocator;
    call->done = done;
    call->context = context;
    arena_init(&call->memory, allocator, call_memory_max);
    arena_init(&call->arguments, allocator, 0);
    text_init(&call->bytes, allocator, call_bytes_max);
    return LL_OK;
}

static void release_lists(ll_call *call)
{
    memory_free(call->allocator, call->mailboxes);
    memory_free(call->allocator, call->rows);
    memory_free(call->allocator, call->placed);
}

void call_del(ll_call **call)
{
    ll_call *gone = *call;
    *call = NULL;
    if (!gone)
        return;
    assert(!gone->pending);
    ll_view_unref(&gone->view);
    release_lists(gone);
    memory_free(gone->allocator, gone->abort_uploads);
    text_fini(&gone->bytes);
    arena_fini(&gone->memory);
    arena_fini(&gone->arguments);
    memory_free(gone->allocator, gone);
}

ll_call *call_begin(ll_call *call)
{
    assert(!call->pending && !call->mailbox && !call->upload);
    arena_clear(&call->memory);
    if (call->bytes.room > 65536) /* an idle session must not keep a read's buffer */
        text_fini(&call->bytes);
    else
        text_clear(&call->bytes);
    ll_view_unref(&call->view);
    if (call->mailboxes_room > 64 || call->rows_room > 64 || call->placed_room > 64) {
        release_lists(call);
        call->mailboxes = NULL;
        call->rows = NULL;
        call->placed = NULL;
        call->mailboxes_room = call->rows_room = call->placed_room = 0;
    }
    call->mailboxes_count = call->rows_count = call->placed_count = 0;
    call->text = span_of("", 0);
    call->numbers = (ll_mailbox_status){0};
    call->readonly = false;
    call->status = LL_OK;
    return call;
}

void call_orphan(ll_call **call, const ll_connector *connector, void *self, void *close_mailbox, void **uploads,
                 size_t uploads_count, arena *arguments)
{
    ll_call *left = *call;
    *call = NULL;
    assert(left->pending);
    left->done = NULL;
    left->connector = connector;
    left->self = self;
    left->close_mailbox = close_mailbox;
    left->abort_uploads = uploads;
    left->abort_uploads_count = uploads_count;
    left->arguments = *arguments;
    arena_init(arguments, arguments->allocator, arguments->size_max);
}

static void orphan_finish(ll_call *call)
{
    const ll_connector *connector = call->connector;
    if (call->mailbox)
        connector->close(call->self, call->mailbox);
    if (call->close_mailbox)
        connector->close(call->self, call->close_mailbox);
    if (call->upload)
        connector->append_abort(call->self, call->upload);
    for (size_t i = 0; i < call->abort_uploads_count; i++)
        connector->append_abort(call->self, call->abort_uploads[i]);
    if (connector->end)
        connector->end(call->self);
    call_del(&call);
}

void ll_call_done(ll_call *call, ll_status status)
{
    assert(call->pending && status != LL_LATER);
    call->pending = false;
    call->status = status;
    if (call->done)
        call->done(call, call->context);
    else
        orphan_finish(call);
}

void ll_call_text(ll_call *call, ll_span human)
{
    ll_span copy = arena_copy(&call->memory, human);
    if (copy.data)
        call->text = copy;
}

/* Room for one more entry in a growing array. */
static ll_status list_reserve(ll_call *call, void **list, size_t count, size_t *room, size_t size, size_t count_max)
{
    if (count < *room)
        return LL_OK;
    if (count >= count_max)
        return LL_ELIMIT;
    size_t more = *room ? *room * 2 : 16;
    void *grown = memory_resize(call->allocator, *list, more * size);
    if (!grown)
        return LL_ENOMEM;
    *list = grown;
    *room = more;
    return LL_OK;
}

ll_status ll_call_mailbox(ll_call *call, const ll_mailbox_info *info)
{
    void *list = call->mailboxes;
    ll_status status = list_reserve(call, &list, call->mailboxes_count, &call->mailboxes_room, sizeof *call->mailboxes,
                                    call_mailboxes_max);
    call->mailboxes = list;
    if (status)
        return status;
    ll_mailbox_info copy = {arena_copy(&call->memory, info->name), info->attributes};
    if (!copy.name.data)
        return arena_status(&call->memory);
    call->mailboxes[call->mailboxes_count++] = copy;
    return LL_OK;
}

void ll_call_status(ll_call *call, const ll_mailbox_status *numbers)
{
    call->numbers = *numbers;
}

void ll_call_opened(ll_call *call, void *mailbox, ll_view *view, bool readonly)
{
    call->mailbox = mailbox;
    ll_view_unref(&call->view);
    call->view = view;
    call->readonly = readonly;
}

ll_status ll_call_row(ll_call *call, const ll_row *row)
{
    void *list = call->rows;
    ll_status status = list_reserve(call, &list, call->rows_count, &call->rows_room, sizeof *call->rows, call_rows_max);
    call->rows = list;
    if (status)
        return status;
    ll_row copy = *row;
    copy.index = arena_copy(&call->memory, row->index);
    if (!copy.index.data)
        return arena_status(&call->memory);
    call->rows[call->rows_count++] = copy;
    return LL_OK;
}

ll_status ll_call_bytes(ll_call *call, ll_span bytes)
{
    text_add(&call->bytes, bytes);
    return text_status(&call->bytes);
}

void ll_call_upload(ll_call *call, void *upload)
{
    call->upload = upload;
}

ll_status ll_call_placed(ll_call *call, uint32_t uidvalidity, uint32_t source, uint32_t uid)
{
    void *list = call->placed;
    ll_status status =
        list_reserve(call, &list, call->placed_count, &call->placed_room, sizeof *call->placed, call_placed_max);
    call->placed = list;
    if (status)
        return status;
    call->placed[call->placed_count++] = (call_placed){uidvalidity, source, uid};
    return LL_OK;
}
