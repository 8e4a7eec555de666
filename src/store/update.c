/* update.c - see update.h. Here: mailboxes.
 * SPDX-License-Identifier: MIT */
#include "store/update.h"

#include "base/utf.h"
#include "store/mailbox_tree.h"
#include "store/upstream.h"

/* -------------------------------------------------------------------------------------------------- Names */

/* What the engine asks of a client's names holds for the source's too: UTF-8 in NFC, no empty level, no controls;
 * INBOX, however it is written and whatever is below it, in capitals (RFC 3501 section 5.1). */
static ll_status normal_name(ll_span given, text *out)
{
    ll_status status = utf_nfc(out, given);
    if (status)
        return status == LL_ENOMEM ? status : LL_EINVAL;
    if (text_status(out))
        return text_status(out);
    bool empty = true;
    for (size_t i = 0; i < out->size; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if (c < ' ' || c == 0x7f || (c == '/' && empty))
            return LL_EINVAL;
        empty = c == '/';
    }
    if (empty)
        return LL_EINVAL;
    if (out->size >= 5 && span_equal_nocase(span_first(text_span(out), 5), SPAN("INBOX")) &&
        (out->size == 5 || out->data[5] == '/'))
        memcpy(out->data, "INBOX", 5);
    return upstream_reserves(text_span(out)) ? LL_EEXISTS : LL_OK;
}

/* ---------------------------------------------------------------------------------------------- Mailboxes */

static ll_status dress(writer *w, const mailbox_row *m, const ll_update *u)
{
    ll_status status = LL_OK;
    if ((m->attributes & LL_MAILBOX_SPECIAL) != (u->attributes & LL_MAILBOX_SPECIAL))
        status = tree_set_uses(w, m, u->attributes & LL_MAILBOX_SPECIAL);
    return status ? status : remote_mailbox_put(w->db, m->id, u->mailbox, u->visibility);
}

static ll_status rename_to(writer *w, int64_t mailbox, ll_span name, arena *memory)
{
    ll_span old;
    ll_status status = remote_mailbox_name(w->db, mailbox, memory, &old);
    if (status || span_equal(old, name))
        return status;
    return span_equal(old, SPAN("INBOX")) ? LL_EDENIED : tree_rename(w, old, name);
}

static ll_status mailbox_updated(writer *w, const ll_update *u, ll_span name, arena *memory)
{
    mailbox_row m;
    int64_t mailbox = 0;
    ll_status status = remote_mailbox_find(w->db, u->mailbox, &mailbox);
    if (!status && name.size)
        status = rename_to(w, mailbox, name, memory);
    if (!status)
        status = mailbox_load(w->db, mailbox, &m);
    return status ? status : dress(w, &m, u);
}

static ll_status mailbox_made(writer *w, const ll_update *u, ll_span name, mailbox_row *m)
{
    ll_status status = mailbox_find(w->db, name, m);
    if (status && status != LL_ENOTFOUND)
        return status;
    if (!status && !m->noselect)
        return LL_OK;
    status = tree_create(w, name, u->attributes & LL_MAILBOX_SPECIAL);
    if (!status && u->visibility != LL_HIDDEN)
        status = tree_subscribe(w, name, true);
    return status ? status : mailbox_find(w->db, name, m);
}

static ll_status mailbox_created(writer *w, const ll_update *u, ll_span name, arena *memory)
{
    mailbox_row m;
    int64_t known = 0;
    ll_span id;
    ll_status status = remote_mailbox_find(w->db, u->mailbox, &known);
    if (status != LL_ENOTFOUND)
        return status ? status : mailbox_updated(w, u, name, memory);
    status = mailbox_made(w, u, name, &m);
    if (!status)
        status = remote_mailbox_id(w->db, m.id, memory, &id);
    if (!status && id.size)
        status = LL_EEXISTS;
    return status ? status : dress(w, &m, u);
}

static ll_status empty_inbox(writer *w, int64_t mailbox)
{
    mailbox_row m;
    ll_range all = {1, UINT32_MAX};
    ll_status status = mailbox_load(w->db, mailbox, &m);
    if (!status)
        status = entry_expunge(w, &m, &all, 1, false);
    if (!status && w->job_modseq)
        status = mailbox_save(w, &m);
    return status ? status : remote_mailbox_put(w->db, mailbox, SPAN(""), LL_VISIBLE);
}

/* What stays as a name for its children has no id any more. */
static ll_status mailbox_deleted(writer *w, const ll_update *u, arena *memory)
{
    mailbox_row m;
    int64_t mailbox = 0;
    ll_span name;
    ll_status status = remote_mailbox_find(w->db, u->mailbox, &mailbox);
    if (status)
        return status == LL_ENOTFOUND ? LL_OK : status;
    status = remote_mailbox_name(w->db, mailbox, memory, &name);
    if (!status && span_equal(name, SPAN("INBOX")))
        return empty_inbox(w, mailbox);
    if (!status)
        status = tree_subscribe(w, name, false);
    if (!status)
        status = tree_remove(w, name);
    if (status)
        return status;
    status = mailbox_find(w->db, name, &m);
    return status ? (status == LL_ENOTFOUND ? LL_OK : status) : remote_mailbox_put(w->db, m.id, SPAN(""), LL_VISIBLE);
}

static ll_status mailbox_id(writer *w, const ll_update *u)
{
    db_stmt *q = db_prepare(w->db, "UPDATE remote_mailbox SET id = ?2 WHERE id = ?1");
    db_bind_blob(q, 1, u->mailbox);
    db_bind_blob(q, 2, u->new_id);
    ll_status status = db_run(q);
    return status || db_changes(w->db) > 0 ? status : LL_ENOTFOUND;
}

/* -------------------------------------------------------------------------------------------- UIDVALIDITY */

/* Its sessions find that it is gone, and come back. What vanished under the old value nobody can ask for any more. */
static ll_status renew(writer *w, int64_t mailbox)
{
    change *c = change_of(&w->job, mailbox, writer_modseq(w));
    if (!c)
        return LL_ENOMEM;
    c->gone = true;
    db_stmt *q = db_prepare(w->db, "DELETE FROM vanished WHERE mailbox = ?1");
    db_bind_int(q, 1, mailbox);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "DELETE FROM mailbox_view WHERE mailbox = ?1"); /* it has the old one */
    db_bind_int(q, 1, mailbox);
    status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "UPDATE mailbox SET uidvalidity = ?2, modseq = ?3 WHERE id = ?1");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, writer_uidvalidity(w));
    db_bind_int(q, 3, (int64_t)c->modseq);
    return db_run(q);
}

static ll_status renew_all(writer *w)
{
    int64_t mailbox = 0;
    for (;;) {
        db_stmt *q = db_prepare(w->db, "SELECT id FROM mailbox WHERE id > ?1 AND NOT noselect ORDER BY id LIMIT 1");
        db_bind_int(q, 1, mailbox);
        ll_status status = db_take_int(q, &mailbox);
        if (!status)
            status = renew(w, mailbox);
        if (status)
            return status == LL_ENOTFOUND ? LL_OK : status;
    }
}

static ll_status uidvalidity(writer *w, const ll_update *u)
{
    int64_t mailbox = 0;
    if (!u->mailbox.size)
        return renew_all(w);
    ll_status status = remote_mailbox_find(w->db, u->mailbox, &mailbox);
    return status ? status : renew(w, mailbox);
}

/* ------------------------------------------------------------------------------------------------- Settings */

static ll_status setting(writer *w, const ll_update *u)
{
    db_stmt *q = db_prepare(w->db, "INSERT OR REPLACE INTO remote_setting(name, value) VALUES(?1, ?2)");
    db_bind_blob(q, 1, u->name);
    db_bind_blob(q, 2, u->content);
    return db_run(q);
}

/* --------------------------------------------------------------------------------------------------- Apply */

static bool well_formed(const ll_update *u)
{
    switch (u->kind) {
    case LL_UPDATE_MAILBOX_CREATED:
    case LL_UPDATE_MAILBOX_UPDATED:
        return remote_id_valid(u->mailbox) && u->visibility <= LL_HIDDEN_IF_EMPTY;
    case LL_UPDATE_MAILBOX_DELETED:
        return remote_id_valid(u->mailbox);
    case LL_UPDATE_MAILBOX_ID:
        return remote_id_valid(u->mailbox) && remote_id_valid(u->new_id);
    case LL_UPDATE_MESSAGE_DELETED:
    case LL_UPDATE_MESSAGE_FLAGS:
        return remote_id_valid(u->message);
    case LL_UPDATE_MESSAGE_MAILBOXES:
        return remote_id_valid(u->message) && u->messages_count == 1;
    case LL_UPDATE_MESSAGE_ID:
        return remote_id_valid(u->message) && remote_id_valid(u->new_id);
    default:
        return true;
    }
}

static ll_status apply_named(writer *w, const ll_update *u, arena *memory)
{
    text name;
    text_init(&name, NULL, MAILBOX_NAME_MAX);
    ll_status status = u->name.size ? normal_name(u->name, &name) : LL_OK;
    if (!status && u->kind == LL_UPDATE_MAILBOX_CREATED)
        status = name.size ? mailbox_created(w, u, text_span(&name), memory) : LL_EINVAL;
    else if (!status)
        status = mailbox_updated(w, u, text_span(&name), memory);
    text_fini(&name);
    return status;
}

static ll_status apply(writer *w, const ll_update *u, arena *memory)
{
    switch (u->kind) {
    case LL_UPDATE_MAILBOX_CREATED:
    case LL_UPDATE_MAILBOX_UPDATED:
        return apply_named(w, u, memory);
    case LL_UPDATE_MAILBOX_DELETED:
        return mailbox_deleted(w, u, memory);
    case LL_UPDATE_MAILBOX_ID:
        return mailbox_id(w, u);
    case LL_UPDATE_MESSAGES_CREATED:
        return update_messages_created(w, u);
    case LL_UPDATE_MESSAGE_DELETED:
        return update_message_deleted(w, u);
    case LL_UPDATE_MESSAGE_UPDATED:
        return update_message_updated(w, u);
    case LL_UPDATE_MESSAGE_FLAGS:
        return update_message_flags(w, u);
    case LL_UPDATE_MESSAGE_MAILBOXES:
        return update_message_mailboxes(w, u);
    case LL_UPDATE_MESSAGE_ID:
        return update_message_id(w, u);
    case LL_UPDATE_UIDVALIDITY:
        return uidvalidity(w, u);
    case LL_UPDATE_NOOP:
        return LL_OK;
    case LL_UPDATE_SETTING:
        return setting(w, u);
    }
    return LL_EUNSUPPORTED;
}

ll_status update_apply(writer *w, const ll_update *u)
{
    arena memory;
    if (!well_formed(u))
        return LL_EINVAL;
    arena_init(&memory, NULL, UPDATE_MEMORY_MAX);
    ll_status status = apply(w, u, &memory);
    arena_fini(&memory);
    return status;
}
