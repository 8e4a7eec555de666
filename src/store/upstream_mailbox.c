/* upstream_mailbox.c - CREATE, DELETE and RENAME by way of the upstream.
 * SPDX-License-Identifier: MIT */
#include "store/upstream.h"

#include "base/arena.h"
#include "store/mailbox_tree.h"

static ll_status refuse_reserved(ll_call *call)
{
    ll_call_text(call, SPAN(LL_RECOVERED_NAME " is kept for what could not be delivered"));
    return LL_EDENIED;
}

/* ------------------------------------------------------------------------------------------ Making names */

/* The levels above `name` that are not there, and with `itself` the name too. */
static ll_status find_missing(flow *f, db *d, ll_span name, bool itself)
{
    size_t levels = 1;
    for (size_t i = 0; i < name.size; i++)
        levels += name.data[i] == '/';
    f->names = arena_array(&f->memory, levels, sizeof *f->names);
    f->name_ids = arena_array(&f->memory, levels, sizeof *f->name_ids);
    if (!f->names || !f->name_ids)
        return arena_status(&f->memory);
    for (size_t i = 1; i <= name.size; i++) {
        mailbox_row m;
        ll_span level = span_first(name, i);
        if (i < name.size ? name.data[i] != '/' : !itself)
            continue;
        ll_status status = mailbox_find(d, level, &m);
        if (status == LL_ENOTFOUND || (!status && i == name.size))
            f->names[f->names_count++] = level;
        else if (status)
            return status;
    }
    return LL_OK;
}

static void ask_names(flow *f);

static void named(flow *f)
{
    ll_status status = f->status ? f->status : flow_one_id(f, &f->name_ids[f->next]);
    if (status) {
        flow_over(f, status);
        return;
    }
    f->next++;
    ask_names(f);
}

/* One question for each name; then f->then. */
static void ask_names(flow *f)
{
    if (f->next == f->names_count) {
        f->then(f);
        return;
    }
    bool last = span_equal(f->names[f->next], f->name);
    FLOW_ASK(f, named, mailbox_create, f->names[f->next], last ? f->flags : 0);
}

/* In the job: unless the source has pushed it meanwhile, as sources echo. */
static ll_status make_name(writer *w, ll_span name, unsigned attributes, ll_span id)
{
    mailbox_row m;
    int64_t known = 0;
    ll_status status = remote_mailbox_find(w->db, id, &known);
    if (status != LL_ENOTFOUND)
        return status;
    status = mailbox_find(w->db, name, &m);
    if (status == LL_ENOTFOUND || (!status && m.noselect))
        status = tree_create(w, name, attributes);
    if (!status)
        status = mailbox_find(w->db, name, &m);
    return status ? status : remote_mailbox_put(w->db, m.id, id, LL_VISIBLE);
}

static ll_status make_names(flow *f, writer *w)
{
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < f->names_count; i++) {
        bool last = span_equal(f->names[i], f->name);
        status = make_name(w, f->names[i], last ? f->flags : 0, f->name_ids[i]);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ Create */

static ll_status look_create(flow *f, db *d)
{
    mailbox_row m;
    ll_status status = mailbox_find(d, f->name, &m);
    if (!status && !m.noselect)
        return LL_EEXISTS;
    return status && status != LL_ENOTFOUND ? status : find_missing(f, d, f->name, true);
}

static ll_status write_create(flow *f, writer *w)
{
    mailbox_row m;
    char id[CONNECTOR_ID_MAX];
    ll_status status = make_names(f, w);
    if (!status)
        status = mailbox_find(w->db, f->name, &m);
    return status ? status : ll_call_mailbox_id(f->call, connector_object_id(id, m.id, m.uidvalidity));
}

static void create_all(flow *f)
{
    flow_write(f, write_create, flow_end);
}

static void create_looked(flow *f)
{
    f->then = create_all;
    if (f->status)
        flow_end(f);
    else
        ask_names(f);
}

static void create_start(flow *f)
{
    flow_read(f, look_create, create_looked);
}

ll_status upstream_create(void *self, ll_call *call, ll_span name, unsigned attributes)
{
    if (upstream_reserves(name))
        return refuse_reserved(call);
    flow *f = flow_new(self, call);
    if (!f)
        return LL_ENOMEM;
    f->name = name;
    f->flags = attributes;
    return flow_start(f, create_start);
}

/* ------------------------------------------------------------------------------------------------ Delete */

static ll_status look_remove(flow *f, db *d)
{
    mailbox_row m;
    ll_status status = mailbox_find(d, f->name, &m);
    return status ? status : remote_mailbox_id(d, m.id, &f->memory, &f->from_id);
}

/* What stays as a name for its children has no id any more. */
static ll_status write_remove(flow *f, writer *w)
{
    mailbox_row m;
    ll_status status = tree_remove(w, f->name);
    if (status == LL_ENOTFOUND && f->from_id.size)
        return LL_OK; /* the source has told us already */
    if (status)
        return status;
    status = mailbox_find(w->db, f->name, &m);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    return remote_mailbox_put(w->db, m.id, SPAN(""), LL_VISIBLE);
}

static void remove_asked(flow *f)
{
    if (f->status)
        flow_end(f);
    else
        flow_write(f, write_remove, flow_end);
}

static void remove_looked(flow *f)
{
    if (f->status || !f->from_id.size)
        remove_asked(f);
    else
        FLOW_ASK(f, remove_asked, mailbox_delete, f->from_id);
}

static void remove_start(flow *f)
{
    flow_read(f, look_remove, remove_looked);
}

ll_status upstream_remove(void *self, ll_call *call, ll_span name)
{
    if (upstream_reserves(name))
        return refuse_reserved(call);
    if (span_equal(name, SPAN("INBOX"))) {
        ll_call_text(call, SPAN("INBOX cannot be deleted"));
        return LL_EDENIED;
    }
    flow *f = flow_new(self, call);
    if (!f)
        return LL_ENOMEM;
    f->name = name;
    return flow_start(f, remove_start);
}

/* ------------------------------------------------------------------------------------------------ Rename */

static bool below(ll_span child, ll_span above)
{
    return child.size > above.size && child.data[above.size] == '/' && span_equal(span_first(child, above.size), above);
}

/* "from/a" when from becomes to. */
static ll_status renamed_path(flow *f, ll_span path, ll_span *out)
{
    ll_span rest = span_from(path, f->name.size);
    char *joined = arena_new(&f->memory, f->to.size + rest.size + 1);
    if (!joined)
        return arena_status(&f->memory);
    memcpy(joined, f->to.data, f->to.size);
    if (rest.size)
        memcpy(joined + f->to.size, rest.data, rest.size);
    *out = span_of(joined, f->to.size + rest.size);
    return LL_OK;
}

/* The source hears of the topmost mailboxes that it knows; what is below moves with them. */
static ll_status find_renames(flow *f, db *d)
{
    int64_t count = 0;
    db_stmt *q = db_prepare(d, "SELECT count(*) FROM mailbox");
    ll_status status = db_take_int(q, &count);
    f->renames = status ? NULL : arena_array(&f->memory, (size_t)count + 1, sizeof *f->renames);
    if (!f->renames)
        return status ? status : arena_status(&f->memory);
    q = db_prepare(d, "SELECT m.name, r.id FROM mailbox m JOIN remote_mailbox r ON r.mailbox = m.id "
                      "WHERE r.id IS NOT NULL ORDER BY m.name || '/'");
    while ((status = db_step(q)) == LL_MORE) {
        ll_span path = db_column_text(q, 0);
        const flow_rename *last = f->renames_count ? &f->renames[f->renames_count - 1] : NULL;
        if ((!span_equal(path, f->name) && !below(path, f->name)) || (last && below(path, last->name)))
            continue;
        flow_rename r = {arena_copy(&f->memory, db_column_blob(q, 1)), arena_copy(&f->memory, path), SPAN("")};
        status = r.id.data && r.name.data ? renamed_path(f, r.name, &r.new_name) : arena_status(&f->memory);
        if (status) {
            db_reset(q);
            return status;
        }
        f->renames[f->renames_count++] = r;
    }
    return status;
}

static ll_status look_rename(flow *f, db *d)
{
    mailbox_row m, other;
    ll_status status = mailbox_find(d, f->name, &m);
    if (status)
        return status;
    status = mailbox_find(d, f->to, &other);
    if (status != LL_ENOTFOUND)
        return status ? status : LL_EEXISTS;
    bool inbox = span_equal(f->name, SPAN("INBOX"));
    f->mailbox = m.id;
    if (!inbox && below(f->to, f->name))
        return LL_EINVAL;
    status = find_missing(f, d, f->to, inbox);
    return status || inbox ? status : find_renames(f, d);
}

static ll_status write_rename(flow *f, writer *w)
{
    ll_status status = make_names(f, w);
    return status ? status : tree_rename(w, f->name, f->to);
}

static void ask_renames(flow *f);

static void rename_asked(flow *f)
{
    f->next++;
    if (f->status)
        flow_end(f);
    else
        ask_renames(f);
}

static void ask_renames(flow *f)
{
    if (f->next == f->renames_count) {
        flow_write(f, write_rename, flow_end);
        return;
    }
    const flow_rename *r = &f->renames[f->next];
    FLOW_ASK(f, rename_asked, mailbox_rename, r->id, r->name, r->new_name);
}

static void move_inbox(flow *f)
{
    if (f->status)
        flow_end(f);
    else
        upstream_move_all(f);
}

static ll_status write_names(flow *f, writer *w)
{
    return make_names(f, w);
}

/* The names above are made at the source. INBOX: the new mailbox too, and its messages move to it (RFC 3501 6.3.5). */
static void rename_named(flow *f)
{
    f->next = 0;
    if (span_equal(f->name, SPAN("INBOX")))
        flow_write(f, write_names, move_inbox);
    else
        ask_renames(f);
}

static void rename_looked(flow *f)
{
    f->then = rename_named;
    if (f->status)
        flow_end(f);
    else
        ask_names(f);
}

static void rename_start(flow *f)
{
    flow_read(f, look_rename, rename_looked);
}

ll_status upstream_rename(void *self, ll_call *call, ll_span from, ll_span to)
{
    if (upstream_reserves(from) || upstream_reserves(to))
        return refuse_reserved(call);
    flow *f = flow_new(self, call);
    if (!f)
        return LL_ENOMEM;
    f->name = from;
    f->to = to;
    return flow_start(f, rename_start);
}
