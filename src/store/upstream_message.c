/* upstream_message.c - STORE, EXPUNGE, COPY and MOVE by way of the upstream.
 * SPDX-License-Identifier: MIT */
#include "store/upstream.h"

#include "store/mailbox_tree.h"
#include "store/message.h"

static ll_status load(db *d, int64_t id, mailbox_row *m)
{
    ll_status status = mailbox_load(d, id, m);
    return !status && m->noselect ? LL_ENOTFOUND : status;
}

static ll_status is_recovered(db *d, int64_t mailbox, arena *memory, bool *recovered)
{
    ll_span name;
    ll_status status = remote_mailbox_name(d, mailbox, memory, &name);
    *recovered = !status && upstream_reserves(name);
    return status;
}

/* f->from_id and the rows. What was recovered has ids of ours only (upstream_append.c). */
static ll_status look_rows(flow *f, db *d, unsigned choice)
{
    bool recovered = false;
    ll_status status = is_recovered(d, f->mailbox, &f->memory, &recovered);
    if (!status)
        status = remote_mailbox_id(d, f->mailbox, &f->memory, &f->from_id);
    if (!status)
        status = remote_rows_read(d, f->mailbox, f->ranges, f->count, choice, f->unchanged_since, &f->memory, &f->rows);
    for (size_t i = 0; !status && recovered && i < f->rows.count; i++)
        f->rows.rows[i].id = SPAN("");
    return status;
}

static flow *flow_of_mailbox(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count)
{
    flow *f = flow_new(self, call);
    if (!f)
        return NULL;
    f->handle = mailbox;
    f->mailbox = handle_mailbox(mailbox);
    f->ranges = ranges;
    f->count = count;
    f->unchanged_since = UINT64_MAX;
    return f;
}

/* ------------------------------------------------------------------------------------------------- Store */

static ll_status look_store(flow *f, db *d)
{
    return look_rows(f, d, 0);
}

/* Agreed: now as without an upstream. */
static void store_asked(flow *f)
{
    if (f->status)
        flow_end(f);
    else
        flow_over(f, connector_store_if(f->connector, f->call, f->handle, f->ranges, f->count, f->op, f->flags,
                                        f->keywords, f->keywords_count, f->unchanged_since));
}

static void store_looked(flow *f)
{
    ll_span *ids;
    size_t count = 0;
    if (!f->status)
        f->status = flow_ids(f, &ids, &count);
    if (f->status || !count)
        store_asked(f);
    else
        FLOW_ASK(f, store_asked, messages_flag, f->from_id, ids, count, f->op, f->flags, f->keywords,
                 f->keywords_count);
}

static void store_start(flow *f)
{
    flow_read(f, look_store, store_looked);
}

ll_status upstream_store_if(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                            ll_flags_op op_kind, unsigned flags, const ll_span *keywords, size_t keywords_count,
                            uint64_t unchanged_since)
{
    if (((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    flow *f = flow_of_mailbox(self, call, mailbox, ranges, count);
    if (!f)
        return LL_ENOMEM;
    f->op = op_kind;
    f->flags = flags;
    f->keywords = keywords;
    f->keywords_count = keywords_count;
    f->unchanged_since = unchanged_since;
    return flow_start(f, store_start);
}

ll_status upstream_store(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                         ll_flags_op op_kind, unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    return upstream_store_if(self, call, mailbox, ranges, count, op_kind, flags, keywords, keywords_count, UINT64_MAX);
}

/* ----------------------------------------------------------------------------------------------- Expunge */

static ll_status look_expunge(flow *f, db *d)
{
    return look_rows(f, d, REMOTE_ONLY_DELETED);
}

/* Neighbours in one go. */
static ll_status remove_rows(writer *w, mailbox_row *m, const remote_row *rows, size_t count)
{
    ll_status status = LL_OK;
    for (size_t i = 0, next; !status && i < count; i = next) {
        for (next = i + 1; next < count && rows[next].uid == rows[next - 1].uid + 1; next++)
            continue;
        ll_range range = {rows[i].uid, rows[next - 1].uid};
        status = entry_expunge(w, m, &range, 1, false);
    }
    return status;
}

/* Exactly those that the source has let go, whatever their flags are by now. */
static ll_status write_expunge(flow *f, writer *w)
{
    mailbox_row m;
    ll_status status = load(w->db, f->mailbox, &m);
    if (!status)
        status = remove_rows(w, &m, f->rows.rows, f->rows.count);
    return status || !w->job_modseq ? status : mailbox_save(w, &m);
}

static void expunge_asked(flow *f)
{
    if (f->status)
        flow_end(f);
    else
        flow_write(f, write_expunge, flow_end);
}

static void expunge_looked(flow *f)
{
    ll_span *ids;
    size_t count = 0;
    if (!f->status)
        f->status = flow_ids(f, &ids, &count);
    if (f->status || !count)
        expunge_asked(f);
    else
        FLOW_ASK(f, expunge_asked, messages_remove, f->from_id, ids, count);
}

static void expunge_start(flow *f)
{
    flow_read(f, look_expunge, expunge_looked);
}

ll_status upstream_expunge(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count)
{
    if (((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    flow *f = flow_of_mailbox(self, call, mailbox, ranges, count);
    return f ? flow_start(f, expunge_start) : LL_ENOMEM;
}

/* ------------------------------------------------------------------------------------------ Copy and move */

static ll_status look_copy(flow *f, db *d)
{
    mailbox_row from, to;
    ll_status status = load(d, f->mailbox, &from);
    if (status)
        return status;
    status = mailbox_find_selectable(d, f->to, &to);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    status = remote_mailbox_id(d, to.id, &f->memory, &f->to_id);
    if (!status)
        status = look_rows(f, d, f->move ? 0 : REMOTE_HELD);
    if (status)
        return status;
    f->new_ids = arena_array(&f->memory, f->rows.count + 1, sizeof *f->new_ids);
    return f->new_ids ? LL_OK : arena_status(&f->memory);
}

/* A copy made by the job: the UID that it got. */
typedef struct copied {
    uint32_t uid;
} copied;

static ll_status note_copy(void *ctx, uint32_t source, uint32_t uid)
{
    (void)source;
    ((copied *)ctx)->uid = uid;
    return LL_OK;
}

/* One message to `to`, unless it is there under that id already: then that is where it went. *stays: it is in the same
 * mailbox under the same UID. */
static ll_status copy_row(flow *f, writer *w, mailbox_row *from, mailbox_row *to, size_t i, bool *stays)
{
    uint32_t source = f->rows.rows[i].uid;
    ll_span id = f->new_ids[i];
    copied c = {0};
    ll_range range = {source, source};
    ll_status status = id.size ? remote_message_find(w->db, id, to->id, &c.uid) : LL_ENOTFOUND;
    *stays = !status && to->id == from->id && c.uid == source;
    if (status == LL_ENOTFOUND) {
        status = entry_copy(w, from, to, &range, 1, !f->move, note_copy, &c);
        if (!status && c.uid && id.size)
            status = remote_message_put(w->db, id, to->id, c.uid);
    }
    return status || !c.uid ? status : ll_call_placed(f->call, to->uidvalidity, source, c.uid);
}

static ll_status copy_rows(flow *f, writer *w, mailbox_row *from, mailbox_row *to)
{
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < f->rows.count; i++) {
        bool stays = false;
        status = copy_row(f, w, from, to, i, &stays);
        if (!status && f->move && !stays)
            status = remove_rows(w, from, &f->rows.rows[i], 1);
    }
    return status;
}

static ll_status write_copy(flow *f, writer *w)
{
    mailbox_row from, other, *to = &from;
    ll_status status = load(w->db, f->mailbox, &from);
    if (!status)
        status = mailbox_find_selectable(w->db, f->to, &other);
    if (status)
        return status == LL_ENOTFOUND ? LL_ETRYCREATE : status;
    if (other.id != from.id)
        to = &other;
    status = copy_rows(f, w, &from, to);
    if (status || !w->job_modseq)
        return status;
    status = mailbox_save(w, to);
    return status || !f->move || to == &from ? status : mailbox_save(w, &from);
}

static void import_next(flow *f);

static void imported(flow *f)
{
    ll_status status = f->status ? f->status : flow_one_id(f, &f->new_ids[f->next]);
    spool_del(&f->content);
    if (status) {
        flow_over(f, status);
        return;
    }
    f->next++;
    import_next(f);
}

static ll_status take_bytes(void *ctx, ll_span bytes)
{
    return spool_write(ctx, bytes);
}

/* What the upstream is told of a message of ours; the memory is the flow's. */
typedef struct outgoing {
    ll_upstream_message message;
    ll_span keywords[LL_KEYWORDS_MAX];
} outgoing;

static ll_status look_keywords(flow *f, db *d, const ll_flags *flags, outgoing *o)
{
    db_stmt *q = db_prepare(d, "SELECT number, name FROM keyword WHERE mailbox = ?1");
    db_bind_int(q, 1, f->mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        unsigned number = (unsigned)db_column_int(q, 0);
        if (number >= LL_KEYWORDS_MAX || !ll_flags_has(flags, LL_FLAG_KEYWORD + number))
            continue;
        ll_span *keyword = &o->keywords[o->message.keywords_count++];
        *keyword = arena_copy(&f->memory, db_column_text(q, 1));
        if (!keyword->data) {
            db_reset(q);
            return arena_status(&f->memory);
        }
    }
    return status;
}

static ll_status look_entry(flow *f, db *d, outgoing *o)
{
    ll_flags flags = {{0}};
    db_stmt *q =
        db_prepare(d, "SELECT flags, keywords, internaldate, size FROM entry WHERE mailbox = ?1 AND uid = ?2 UNION ALL "
                      "SELECT flags, keywords, internaldate, size FROM held WHERE mailbox = ?1 AND uid = ?2");
    db_bind_int(q, 1, f->mailbox);
    db_bind_int(q, 2, f->rows.rows[f->next].uid);
    ll_status status = db_first(q);
    if (status)
        return status;
    status = entry_flags_unpack((unsigned)db_column_int(q, 0), db_column_blob(q, 1), &flags);
    o->message.flags = (unsigned)(flags.bits[0] & ENTRY_SYSTEM_FLAGS);
    o->message.internaldate = db_column_int(q, 2);
    o->message.size = (uint64_t)db_column_int(q, 3);
    db_reset(q);
    return status ? status : look_keywords(f, d, &flags, o);
}

/* The message of row f->next into a spool, and what else there is to say of it into f->upload. */
static ll_status look_message(flow *f, db *d)
{
    const vault *v = f->connector->vault;
    int64_t message = 0;
    outgoing *o = f->upload = arena_new(&f->memory, sizeof *o);
    if (!o)
        return arena_status(&f->memory);
    ll_status status = look_entry(f, d, o);
    if (!status)
        status = entry_message(d, f->mailbox, f->rows.rows[f->next].uid, &message);
    if (!status)
        status = spool_new(&f->content, v->config.spool_folder, v->config.spool_pool);
    if (!status)
        status = message_content(d, message, 0, UINT64_MAX, take_bytes, f->content);
    o->message.keywords = o->keywords;
    o->message.content = (ll_upload *)f->content;
    return status;
}

static void import_looked(flow *f)
{
    const outgoing *o = f->upload;
    if (f->status)
        flow_end(f);
    else
        FLOW_ASK(f, imported, message_create, f->to_id, &o->message);
}

/* What the source does not know is new to it. */
static void import_next(flow *f)
{
    while (f->next < f->rows.count && (f->rows.rows[f->next].id.size || !f->to_id.size))
        f->next++;
    if (f->next == f->rows.count)
        flow_write(f, write_copy, flow_end);
    else
        flow_read(f, look_message, import_looked);
}

/* The answer for the rows with ids. */
static void copy_asked(flow *f)
{
    size_t known = 0, given = f->task.count;
    for (size_t i = 0; i < f->rows.count; i++)
        known += f->rows.rows[i].id.size != 0;
    if (!f->status && given && given != known)
        f->status = LL_EIO;
    for (size_t i = 0, n = 0; !f->status && f->to_id.size && i < f->rows.count; i++)
        if (f->rows.rows[i].id.size)
            f->new_ids[i] = given ? f->task.ids[n++] : f->rows.rows[i].id;
    f->task.count = 0;
    f->next = 0;
    if (f->status)
        flow_end(f);
    else
        import_next(f);
}

static void copy_looked(flow *f)
{
    ll_span *ids;
    size_t count = 0;
    if (!f->status)
        f->status = flow_ids(f, &ids, &count);
    f->task.count = 0;
    if (f->status)
        flow_end(f);
    else if (!count || (!f->to_id.size && !f->move))
        copy_asked(f);
    else if (!f->to_id.size)
        FLOW_ASK(f, copy_asked, messages_remove, f->from_id, ids, count);
    else if (f->move)
        FLOW_ASK(f, copy_asked, messages_move, f->from_id, f->to_id, ids, count);
    else
        FLOW_ASK(f, copy_asked, messages_add, f->from_id, f->to_id, ids, count);
}

static void copy_start(flow *f)
{
    flow_read(f, look_copy, copy_looked);
}

ll_status upstream_copy(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                        bool move)
{
    if (move && ((handle *)mailbox)->readonly)
        return LL_EREADONLY;
    if (upstream_reserves(to)) {
        ll_call_text(call, SPAN(LL_RECOVERED_NAME " is kept for what could not be delivered"));
        return LL_EDENIED;
    }
    flow *f = flow_of_mailbox(self, call, mailbox, ranges, count);
    if (!f)
        return LL_ENOMEM;
    f->to = to;
    f->move = move;
    return flow_start(f, copy_start);
}

void upstream_move_all(flow *f)
{
    static const ll_range all = {1, UINT32_MAX};
    f->ranges = &all;
    f->count = 1;
    f->move = true;
    f->unchanged_since = UINT64_MAX;
    copy_start(f);
}
