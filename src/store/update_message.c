/* update_message.c - see update.h. Here: messages.
 * SPDX-License-Identifier: MIT */
#include "store/update.h"

#include "mime/indexer.h"
#include "store/deliver.h"
#include "store/message.h"

/* The mailbox that is being changed: batches mostly stay in one, so it is loaded and saved once. */
typedef struct box {
    mailbox_row m;
    bool loaded;
} box;

static ll_status box_put(writer *w, box *b)
{
    bool loaded = b->loaded;
    b->loaded = false;
    return loaded && w->job_modseq ? mailbox_save(w, &b->m) : LL_OK;
}

static ll_status box_take(writer *w, box *b, int64_t mailbox)
{
    if (b->loaded && b->m.id == mailbox)
        return LL_OK;
    ll_status status = box_put(w, b);
    if (!status)
        status = mailbox_load(w->db, mailbox, &b->m);
    b->loaded = !status;
    return status;
}

/* --------------------------------------------------------------------------------------------------- Add */

static ll_status content_to_spool(writer *w, ll_span content, spool **out, text *facts)
{
    const vault *v = w->vault;
    ll_status status = spool_new(out, v->config.spool_folder, v->config.spool_pool);
    if (!status)
        status = spool_write(*out, content);
    return status ? status : mime_indexer_whole(NULL, content, facts);
}

/* A message of the vault that no entry counts yet: the caller makes one, or takes it back. */
static ll_status make_content(writer *w, ll_span content, int64_t *message)
{
    spool *s = NULL;
    text facts;
    text_init(&facts, NULL, mime_saved_max);
    ll_status status = content_to_spool(w, content, &s, &facts);
    if (!status)
        status = message_create(w->db, s, text_span(&facts), vault_now(w->vault), message);
    text_wipe(&facts);
    spool_del(&s);
    return status;
}

/* The bytes are here already if the message is in any mailbox. *message gets one reference for the new entry. */
static ll_status find_content(writer *w, const ll_remote_message *r, int64_t *message, uint64_t *size)
{
    int64_t mailbox = 0;
    uint32_t uid = 0;
    ll_status status = remote_message_next(w->db, r->id, 0, &mailbox, &uid);
    if (status == LL_ENOTFOUND) {
        *size = r->content.size;
        return make_content(w, r->content, message);
    }
    if (!status)
        status = entry_message(w->db, mailbox, uid, message);
    if (!status)
        status = message_ref(w->db, *message);
    int64_t bytes = 0;
    db_stmt *q = db_prepare(w->db, "SELECT size FROM message WHERE id = ?1");
    db_bind_int(q, 1, *message);
    if (!status)
        status = db_take_int(q, &bytes);
    *size = (uint64_t)bytes;
    return status;
}

/* Into one mailbox; if it is there, its flags become these. */
static ll_status put(writer *w, box *b, int64_t mailbox, const ll_remote_message *r)
{
    uint32_t uid = 0;
    ll_flags flags;
    entry e = {.internaldate = r->internaldate};
    ll_status status = box_take(w, b, mailbox);
    if (!status && b->m.noselect)
        status = LL_ENOTFOUND;
    if (!status)
        status = mailbox_flags(w, &b->m, r->flags, r->keywords, r->keywords_count, true, &flags);
    if (status)
        return status;
    status = remote_message_find(w->db, r->id, mailbox, &uid);
    if (!status)
        return entry_store(w, &b->m, &(ll_range){uid, uid}, 1, LL_FLAGS_REPLACE, &flags, UINT64_MAX, NULL, NULL);
    if (status != LL_ENOTFOUND)
        return status;
    e.flags = flags;
    status = find_content(w, r, &e.message, &e.size);
    if (!status)
        status = entry_load_sent(w->db, &e);
    if (!status)
        status = entry_add(w, &b->m, &e, &uid);
    return status ? status : remote_message_put(w->db, r->id, mailbox, uid);
}

static ll_status create_one(writer *w, box *b, const ll_update *u, const ll_remote_message *r)
{
    ll_status status = remote_id_valid(r->id) ? LL_OK : LL_EINVAL;
    for (size_t i = 0; !status && i < r->mailboxes_count; i++) {
        int64_t mailbox = 0;
        status = remote_mailbox_find(w->db, r->mailboxes[i], &mailbox);
        if (status == LL_ENOTFOUND && u->ignore_unknown)
            status = LL_OK;
        else if (!status)
            status = put(w, b, mailbox, r);
    }
    return status;
}

ll_status update_messages_created(writer *w, const ll_update *u)
{
    box b = {.loaded = false};
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < u->messages_count; i++)
        status = create_one(w, &b, u, &u->messages[i]);
    return status ? status : box_put(w, &b);
}

/* ------------------------------------------------------------------------------------------------- Remove */

static ll_status take_away(writer *w, box *b, int64_t mailbox, uint32_t uid)
{
    ll_range range = {uid, uid};
    ll_status status = box_take(w, b, mailbox);
    return status ? status : entry_expunge(w, &b->m, &range, 1, false);
}

/* From everywhere. *known: it was somewhere. */
static ll_status remove_all(writer *w, box *b, ll_span id, bool *known)
{
    int64_t mailbox = 0;
    uint32_t uid = 0;
    ll_status status;
    *known = false;
    while (!(status = remote_message_next(w->db, id, mailbox, &mailbox, &uid))) {
        *known = true;
        status = take_away(w, b, mailbox, uid);
        if (status)
            return status;
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

ll_status update_message_deleted(writer *w, const ll_update *u)
{
    box b = {.loaded = false};
    bool known;
    ll_status status = remove_all(w, &b, u->message, &known);
    return status ? status : box_put(w, &b);
}

ll_status update_message_updated(writer *w, const ll_update *u)
{
    box b = {.loaded = false};
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < u->messages_count; i++) {
        bool known;
        status = remove_all(w, &b, u->messages[i].id, &known);
        if (!status && !known && !u->create)
            status = LL_ENOTFOUND;
        if (!status)
            status = create_one(w, &b, u, &u->messages[i]);
    }
    return status ? status : box_put(w, &b);
}

/* -------------------------------------------------------------------------------------------------- Change */

static ll_status flag_one(writer *w, box *b, const ll_update *u, int64_t mailbox, uint32_t uid)
{
    ll_flags flags;
    ll_range range = {uid, uid};
    ll_status status = box_take(w, b, mailbox);
    if (!status)
        status =
            mailbox_flags(w, &b->m, u->flags, u->keywords, u->keywords_count, u->flags_op != LL_FLAGS_REMOVE, &flags);
    return status ? status : entry_store(w, &b->m, &range, 1, u->flags_op, &flags, UINT64_MAX, NULL, NULL);
}

static ll_status flag_everywhere(writer *w, box *b, const ll_update *u)
{
    int64_t mailbox = 0;
    uint32_t uid = 0;
    bool known = false;
    ll_status status;
    while (!(status = remote_message_next(w->db, u->message, mailbox, &mailbox, &uid))) {
        known = true;
        status = flag_one(w, b, u, mailbox, uid);
        if (status)
            return status;
    }
    return status == LL_ENOTFOUND && known ? LL_OK : status;
}

ll_status update_message_flags(writer *w, const ll_update *u)
{
    box b = {.loaded = false};
    int64_t mailbox = 0;
    uint32_t uid = 0;
    ll_status status;
    if (u->mailbox.size) {
        status = remote_mailbox_find(w->db, u->mailbox, &mailbox);
        if (!status)
            status = remote_message_find(w->db, u->message, mailbox, &uid);
        if (!status)
            status = flag_one(w, &b, u, mailbox, uid);
    } else {
        status = flag_everywhere(w, &b, u);
    }
    return status ? status : box_put(w, &b);
}

static ll_status is_wanted(writer *w, const ll_remote_message *r, int64_t mailbox, bool *wanted)
{
    *wanted = false;
    for (size_t i = 0; !*wanted && i < r->mailboxes_count; i++) {
        int64_t each = 0;
        ll_status status = remote_mailbox_find(w->db, r->mailboxes[i], &each);
        if (status && status != LL_ENOTFOUND)
            return status;
        *wanted = !status && each == mailbox;
    }
    return LL_OK;
}

static ll_status remove_unwanted(writer *w, box *b, const ll_remote_message *r)
{
    int64_t mailbox = 0;
    uint32_t uid = 0;
    ll_status status;
    while (!(status = remote_message_next(w->db, r->id, mailbox, &mailbox, &uid))) {
        bool wanted;
        status = is_wanted(w, r, mailbox, &wanted);
        if (!status && !wanted)
            status = take_away(w, b, mailbox, uid);
        if (status)
            return status;
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

/* First into the new ones, which take the bytes from the old. Where it is already its flags stay. */
ll_status update_message_mailboxes(writer *w, const ll_update *u)
{
    box b = {.loaded = false};
    ll_remote_message r = u->messages[0];
    int64_t any = 0;
    uint32_t uid = 0;
    r.id = u->message;
    ll_status status = remote_message_next(w->db, r.id, 0, &any, &uid);
    for (size_t i = 0; !status && i < r.mailboxes_count; i++) {
        int64_t mailbox = 0;
        status = remote_mailbox_find(w->db, r.mailboxes[i], &mailbox);
        if (status == LL_ENOTFOUND && u->ignore_unknown) {
            status = LL_OK;
            continue;
        }
        if (!status && remote_message_find(w->db, r.id, mailbox, &uid) == LL_ENOTFOUND)
            status = put(w, &b, mailbox, &r);
    }
    if (!status)
        status = remove_unwanted(w, &b, &r);
    return status ? status : box_put(w, &b);
}

ll_status update_message_id(writer *w, const ll_update *u)
{
    int64_t mailbox = 0;
    ll_status status = u->mailbox.size ? remote_mailbox_find(w->db, u->mailbox, &mailbox) : LL_OK;
    if (status)
        return status;
    db_stmt *q = db_prepare(w->db, "UPDATE remote_message SET id = ?2 WHERE id = ?1 AND (?3 = 0 OR mailbox = ?3)");
    db_bind_blob(q, 1, u->message);
    db_bind_blob(q, 2, u->new_id);
    db_bind_int(q, 3, mailbox);
    status = db_run(q);
    return status || db_changes(w->db) > 0 ? status : LL_ENOTFOUND;
}
