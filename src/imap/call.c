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

void call_loan_end(call_loan *loan)
{
    call_loan ended = *loan;
    *loan = (call_loan){NULL, NULL};
    if (ended.give_back)
        ended.give_back(ended.context);
}

static void release_lists(ll_call *call)
{
    memory_free(call->allocator, call->mailboxes);
    memory_free(call->allocator, call->rows);
    memory_free(call->allocator, call->placed);
    memory_free(call->allocator, call->surveys);
    memory_free(call->allocator, call->survey_entries);
    memory_free(call->allocator, call->quotas);
    memory_free(call->allocator, call->metadata);
}

static void release_sets(ll_call *call)
{
    uidset_del(&call->changed);
    uidset_del(&call->vanished);
    uidset_del(&call->refused);
    for (size_t i = 0; i < call->found_count; i++) {
        uidset_del(&call->found[i].certain);
        uidset_del(&call->found[i].possible);
    }
    memory_free(call->allocator, call->found);
    call->found = NULL;
    call->found_count = call->found_room = 0;
}

void call_del(ll_call **call)
{
    ll_call *gone = *call;
    *call = NULL;
    if (!gone)
        return;
    assert(!gone->pending);
    ll_view_unref(&gone->view);
    call_loan_end(&gone->loan);
    release_sets(gone);
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
    call_loan_end(&call->loan);
    call->lent_bytes = span_of(NULL, 0);
    call->rows_content = 0;
    call->rows_more = false;
    release_sets(call);
    if (call->mailboxes_room > 64 || call->rows_room > 64 || call->placed_room > 64 || call->quotas_room ||
        call->metadata_room || call->surveys_room || call->survey_entries_room) {
        release_lists(call);
        call->surveys = NULL;
        call->survey_entries = NULL;
        call->surveys_room = call->survey_entries_room = 0;
        call->mailboxes = NULL;
        call->rows = NULL;
        call->placed = NULL;
        call->quotas = NULL;
        call->metadata = NULL;
        call->mailboxes_room = call->rows_room = call->placed_room = call->quotas_room = call->metadata_room = 0;
    }
    call->surveys_count = call->survey_entries_count = 0;
    call->mailboxes_count = call->rows_count = call->placed_count = call->quotas_count = call->metadata_count = 0;
    call->mailbox_id = span_of(NULL, 0);
    call->text = span_of("", 0);
    call->numbers = (ll_mailbox_status){0};
    call->readonly = false;
    call->status = LL_OK;
    return call;
}

void call_orphan(ll_call **call, ll_call **orphans, void **uploads, size_t uploads_count, arena *arguments)
{
    ll_call *left = *call;
    *call = NULL;
    assert(left->pending);
    left->done = NULL;
    left->abort_uploads = uploads;
    left->abort_uploads_count = uploads_count;
    left->arguments = *arguments;
    arena_init(arguments, arguments->allocator, arguments->size_max);
    left->orphan_next = *orphans ? (*orphans)->orphan_next : left;
    if (*orphans)
        (*orphans)->orphan_next = left;
    else
        *orphans = left;
}

void call_orphans_leave(ll_call *orphans, const ll_connector *connector, void *self, void *close_mailbox,
                        void *close_other)
{
    ll_call *each = orphans;
    do {
        each->connector = connector;
        each->self = self;
        each = each->orphan_next;
    } while (each != orphans);
    orphans->close_mailbox = close_mailbox;
    orphans->close_other = close_other;
}

/* The ring without the call: what is to be closed in the end goes to another. */
static void orphan_leave_ring(ll_call *call)
{
    ll_call *before = call->orphan_next;
    while (before->orphan_next != call)
        before = before->orphan_next;
    before->orphan_next = call->orphan_next;
    if (call->close_mailbox)
        before->close_mailbox = call->close_mailbox;
    if (call->close_other)
        before->close_other = call->close_other;
}

static void orphan_finish(ll_call *call)
{
    const ll_connector *connector = call->connector;
    if (call->mailbox)
        connector->close(call->self, call->mailbox);
    if (call->upload)
        connector->append_abort(call->self, call->upload);
    for (size_t i = 0; i < call->abort_uploads_count; i++)
        connector->append_abort(call->self, call->abort_uploads[i]);
    if (call->orphan_next != call) {
        orphan_leave_ring(call);
        call_del(&call);
        return;
    }
    if (call->close_mailbox)
        connector->close(call->self, call->close_mailbox);
    if (call->close_other)
        connector->close(call->self, call->close_other);
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

ll_status ll_call_mailbox_id(ll_call *call, ll_span id)
{
    assert(id.size && id.size <= LL_OBJECTID_MAX);
    call->mailbox_id = arena_copy(&call->memory, id);
    return call->mailbox_id.data ? LL_OK : arena_status(&call->memory);
}

ll_status ll_call_quota(ll_call *call, const ll_quota *quota)
{
    void *list = call->quotas;
    ll_status status =
        list_reserve(call, &list, call->quotas_count, &call->quotas_room, sizeof *call->quotas, call_quotas_max);
    call->quotas = list;
    if (status)
        return status;
    ll_quota copy = {arena_copy(&call->memory, quota->resource), quota->used, quota->limit};
    if (!copy.resource.data)
        return arena_status(&call->memory);
    call->quotas[call->quotas_count++] = copy;
    return LL_OK;
}

ll_status ll_call_metadata(ll_call *call, const ll_metadata *metadata)
{
    void *list = call->metadata;
    ll_status status = list_reserve(call, &list, call->metadata_count, &call->metadata_room, sizeof *call->metadata,
                                    call_metadata_max);
    call->metadata = list;
    if (status)
        return status;
    ll_metadata copy = {arena_copy(&call->memory, metadata->entry), arena_copy(&call->memory, metadata->value)};
    if (!copy.entry.data || !copy.value.data)
        return arena_status(&call->memory);
    call->metadata[call->metadata_count++] = copy;
    return LL_OK;
}

void ll_call_opened(ll_call *call, void *mailbox, ll_view *view, bool readonly)
{
    call->mailbox = mailbox;
    ll_view_unref(&call->view);
    call->view = view;
    call->readonly = readonly;
}

/* Of content that is too much the row has nothing. */
static ll_span keep_content(ll_call *call, ll_span content)
{
    if (call->loan.give_back)
        return content;
    if (content.size > LL_ROW_CONTENT_MAX - call->rows_content)
        return SPAN("");
    call->rows_content += content.size;
    return arena_copy(&call->memory, content);
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
    copy.email_id = arena_copy(&call->memory, row->email_id);
    copy.thread_id = arena_copy(&call->memory, row->thread_id);
    copy.content = row->content.size ? keep_content(call, row->content) : SPAN("");
    copy.fields = row->fields.size ? keep_content(call, row->fields) : SPAN("");
    if (copy.header_size > copy.content.size)
        copy.header_size = 0;
    if (!copy.index.data || !copy.email_id.data || !copy.thread_id.data || !copy.content.data || !copy.fields.data)
        return arena_status(&call->memory);
    call->rows[call->rows_count++] = copy;
    return LL_OK;
}

void ll_call_more(ll_call *call)
{
    assert(call->rows_count);
    call->rows_more = true;
}

void ll_call_lend(ll_call *call, void (*give_back)(void *context), void *context)
{
    assert(give_back && !call->loan.give_back);
    call->loan = (call_loan){give_back, context};
}

ll_status ll_call_bytes(ll_call *call, ll_span bytes)
{
    if (call->loan.give_back) {
        assert(!call->lent_bytes.data);
        call->lent_bytes = bytes;
        return LL_OK;
    }
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

ll_status ll_call_survey(ll_call *call, const ll_survey *one)
{
    void *list = call->surveys;
    ll_status status =
        list_reserve(call, &list, call->surveys_count, &call->surveys_room, sizeof *call->surveys, call_mailboxes_max);
    call->surveys = list;
    if (status)
        return status;
    call_survey copy = {.one = *one, .entries_at = call->survey_entries_count};
    copy.one.mailbox.name = arena_copy(&call->memory, one->mailbox.name);
    copy.one.id = arena_copy(&call->memory, one->id);
    if (!copy.one.mailbox.name.data || !copy.one.id.data)
        return arena_status(&call->memory);
    call->surveys[call->surveys_count++] = copy;
    return LL_OK;
}

ll_status ll_call_survey_entry(ll_call *call, ll_span entry, uint64_t version)
{
    void *list = call->survey_entries;
    assert(call->surveys_count);
    ll_status status = list_reserve(call, &list, call->survey_entries_count, &call->survey_entries_room,
                                    sizeof *call->survey_entries, call_entries_max);
    call->survey_entries = list;
    if (status)
        return status;
    call_entry copy = {arena_copy(&call->memory, entry), version};
    if (!copy.name.data)
        return arena_status(&call->memory);
    call->survey_entries[call->survey_entries_count++] = copy;
    call->surveys[call->surveys_count - 1].entries_count++;
    return LL_OK;
}

/* Ranges become a set: the connector's order does not matter, and a large answer stays small. */
static ll_status add_uids(uidset **set, ll_range uids)
{
    if (!*set)
        *set = uidset_new();
    if (!*set)
        return LL_ENOMEM;
    uidset_add_range(*set, uids);
    return LL_OK;
}

ll_status ll_call_changed(ll_call *call, ll_range uids)
{
    return add_uids(&call->changed, uids);
}

ll_status ll_call_vanished(ll_call *call, ll_range uids)
{
    return add_uids(&call->vanished, uids);
}

ll_status ll_call_refused(ll_call *call, ll_range uids)
{
    return add_uids(&call->refused, uids);
}

ll_status ll_call_found(ll_call *call, size_t term, ll_range uids, bool certain)
{
    while (call->found_count <= term) {
        void *list = call->found;
        ll_status status =
            list_reserve(call, &list, call->found_count, &call->found_room, sizeof *call->found, call_terms_max);
        call->found = list;
        if (status)
            return status;
        call->found[call->found_count++] = (call_found){NULL, NULL};
    }
    return add_uids(certain ? &call->found[term].certain : &call->found[term].possible, uids);
}
