/* mailbox_tree.c - see mailbox_tree.h
 * SPDX-License-Identifier: MIT */
#include "store/mailbox_tree.h"

#include "store/entry.h"
#include "store/metadata.h"

/* The names strictly below `name` are those between its bounds: "name/" and "name0", as '0' follows '/' in ASCII. */
typedef struct below {
    char first[MAILBOX_NAME_MAX + 1], last[MAILBOX_NAME_MAX + 1];
    size_t size;
} below;

static ll_status below_init(below *b, ll_span name)
{
    if (!name.size || name.size > MAILBOX_NAME_MAX)
        return LL_ELIMIT;
    memcpy(b->first, name.data, name.size);
    memcpy(b->last, name.data, name.size);
    b->first[name.size] = '/';
    b->last[name.size] = '/' + 1;
    b->size = name.size + 1;
    return LL_OK;
}

static void below_bind(db_stmt *q, int n, const below *b)
{
    db_bind_text(q, n, span_of(b->first, b->size));
    db_bind_text(q, n + 1, span_of(b->last, b->size));
}

static ll_status has_children(db *d, const below *b, bool *children)
{
    int64_t any = 0;
    db_stmt *q = db_prepare(d, "SELECT EXISTS(SELECT 1 FROM mailbox WHERE name > ?1 AND name < ?2)");
    below_bind(q, 1, b);
    ll_status status = db_take_int(q, &any);
    *children = any != 0;
    return status;
}

static ll_status room_for_one(db *d)
{
    int64_t mailboxes = 0, names = 0;
    ll_status status = db_take_int(db_prepare(d, "SELECT count(*) FROM mailbox"), &mailboxes);
    if (!status)
        status = db_take_int(db_prepare(d, "SELECT count(*) FROM subscription"), &names);
    return !status && mailboxes + names >= MAILBOXES_MAX ? LL_ELIMIT : status;
}

/* ------------------------------------------------------------------------------------------------- Create */

/* A name that was subscribed while there was no mailbox: the mailbox takes the subscription over. */
static ll_status subscription_take(db *d, ll_span name, bool *subscribed)
{
    db_stmt *q = db_prepare(d, "DELETE FROM subscription WHERE name = ?1");
    db_bind_text(q, 1, name);
    ll_status status = db_run(q);
    *subscribed = !status && db_changes(d) > 0;
    return status;
}

static ll_status insert(writer *w, ll_span name, unsigned attributes)
{
    bool subscribed = false;
    ll_status status = room_for_one(w->db);
    if (!status)
        status = subscription_take(w->db, name, &subscribed);
    if (status)
        return status;
    db_stmt *q =
        db_prepare(w->db, "INSERT INTO mailbox(name, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, "
                          "deleted_bytes, recent_uid, attributes, subscribed, noselect, created) "
                          "VALUES(?1, ?2, 1, ?3, 0, 0, 0, 0, 0, 1, ?4, ?5, 0, ?6)");
    db_bind_text(q, 1, name);
    db_bind_int(q, 2, writer_uidvalidity(w));
    db_bind_int(q, 3, (int64_t)writer_modseq(w));
    db_bind_int(q, 4, attributes & LL_MAILBOX_SPECIAL);
    db_bind_int(q, 5, subscribed);
    db_bind_int(q, 6, vault_now(w->vault));
    return db_run(q);
}

/* All levels above `name` that are not there. */
static ll_status insert_parents(writer *w, ll_span name)
{
    for (size_t i = 1; i < name.size; i++) {
        if (name.data[i] != '/')
            continue;
        mailbox_row m;
        ll_status status = mailbox_find(w->db, span_first(name, i), &m);
        if (status == LL_ENOTFOUND)
            status = insert(w, span_first(name, i), 0);
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status revive(writer *w, const mailbox_row *m, unsigned attributes)
{
    db_stmt *q = db_prepare(
        w->db, "UPDATE mailbox SET noselect = 0, uidvalidity = ?2, modseq = ?3, attributes = ?4, recent_uid = uidnext "
               "WHERE id = ?1");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, writer_uidvalidity(w));
    db_bind_int(q, 3, (int64_t)writer_modseq(w));
    db_bind_int(q, 4, attributes & LL_MAILBOX_SPECIAL);
    return db_run(q);
}

/* A special use belongs to one mailbox: whoever gets it takes it from the other (RFC 6154 section 3). Mailboxes that
 * show messages of others (\All, \Flagged, \Important) are not kept here. */
ll_status tree_free_uses(writer *w, unsigned attributes)
{
    attributes &= LL_MAILBOX_SPECIAL;
    if (attributes & (LL_MAILBOX_ALL | LL_MAILBOX_FLAGGED | LL_MAILBOX_IMPORTANT))
        return LL_EUNSUPPORTED;
    if (!attributes)
        return LL_OK;
    db_stmt *q = db_prepare(w->db, "UPDATE mailbox SET attributes = attributes & ~?1 WHERE attributes & ?1");
    db_bind_int(q, 1, attributes);
    return db_run(q);
}

ll_status tree_set_uses(writer *w, const mailbox_row *m, unsigned attributes)
{
    ll_status status = m->noselect && attributes ? LL_EDENIED : tree_free_uses(w, attributes);
    if (status)
        return status;
    (void)writer_modseq(w);
    db_stmt *q = db_prepare(w->db, "UPDATE mailbox SET attributes = ?2 WHERE id = ?1");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, attributes & LL_MAILBOX_SPECIAL);
    return db_run(q);
}

ll_status tree_create(writer *w, ll_span name, unsigned attributes)
{
    mailbox_row m;
    if (!name.size || name.size > MAILBOX_NAME_MAX)
        return LL_ELIMIT;
    ll_status status = mailbox_find(w->db, name, &m);
    if (!status && !m.noselect)
        return LL_EEXISTS;
    if (status && status != LL_ENOTFOUND)
        return status;
    bool there = !status;
    status = tree_free_uses(w, attributes);
    if (!status && there)
        return revive(w, &m, attributes);
    if (!status)
        status = insert_parents(w, name);
    return status ? status : insert(w, name, attributes);
}

ll_status tree_fill(writer *w)
{
    static const struct {
        const char *name;
        unsigned attributes;
    } standard[] = {
        {"INBOX", 0},
        {"Drafts", LL_MAILBOX_DRAFTS},
        {"Sent", LL_MAILBOX_SENT},
        {"Junk", LL_MAILBOX_JUNK},
        {"Trash", LL_MAILBOX_TRASH},
        {"Archive", LL_MAILBOX_ARCHIVE},
    };
    ll_status status = LL_OK;
    for (size_t i = 0; !status && i < sizeof standard / sizeof *standard; i++) {
        status = insert(w, span_str(standard[i].name), standard[i].attributes);
        if (!status)
            status = tree_subscribe(w, span_str(standard[i].name), true);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------- Delete */

/* All messages at once to `held`, from where they are freed in the background. */
static ll_status drop_messages(writer *w, const mailbox_row *m)
{
    change *c = change_of(&w->job, m->id, writer_modseq(w));
    if (!c)
        return LL_ENOMEM;
    c->gone = true;
    w->bytes -= m->bytes;
    w->messages -= m->messages;
    db_stmt *q = db_prepare(
        w->db, "INSERT INTO held(mailbox, uid, message, modseq, internaldate, savedate, size, flags, keywords, sent) "
               "SELECT mailbox, uid, message, ?2, internaldate, savedate, size, flags, keywords, sent FROM entry "
               "WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, (int64_t)c->modseq);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "DELETE FROM entry WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    return db_run(q);
}

static ll_status make_noselect(writer *w, const mailbox_row *m)
{
    db_stmt *q = db_prepare(w->db, "DELETE FROM keyword WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    ll_status status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "DELETE FROM vanished WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "DELETE FROM changed WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    status = db_run(q);
    if (status)
        return status;
    q = db_prepare(w->db, "DELETE FROM mailbox_view WHERE mailbox = ?1");
    db_bind_int(q, 1, m->id);
    status = db_run(q);
    if (!status) /* RFC 5464 section 4.1: a new mailbox of this name does not inherit them */
        status = metadata_clear(w->db, m->id);
    if (status)
        return status;
    q = db_prepare(w->db, "UPDATE mailbox SET noselect = 1, attributes = 0, messages = 0, unseen = 0, deleted = 0, "
                          "bytes = 0, deleted_bytes = 0, modseq = ?2 "
                          "WHERE id = ?1");
    db_bind_int(q, 1, m->id);
    db_bind_int(q, 2, (int64_t)writer_modseq(w));
    return db_run(q);
}

static ll_status delete_row(writer *w, const mailbox_row *m, ll_span name)
{
    db_stmt *q = db_prepare(w->db, "DELETE FROM mailbox WHERE id = ?1"); /* with its keywords and its expunge log */
    db_bind_int(q, 1, m->id);
    ll_status status = db_run(q);
    if (status || !m->subscribed)
        return status;
    q = db_prepare(w->db, "INSERT OR IGNORE INTO subscription(name) VALUES(?1)");
    db_bind_text(q, 1, name);
    return db_run(q);
}

ll_status tree_remove(writer *w, ll_span name)
{
    mailbox_row m;
    below b;
    bool children = false;
    if (span_equal(name, SPAN("INBOX")))
        return LL_EDENIED;
    ll_status status = below_init(&b, name);
    if (!status)
        status = mailbox_find(w->db, name, &m);
    if (!status)
        status = has_children(w->db, &b, &children);
    if (status)
        return status;
    if (children && m.noselect)
        return LL_EDENIED;
    w->names_gone = true;
    status = drop_messages(w, &m);
    if (status)
        return status;
    return children ? make_noselect(w, &m) : delete_row(w, &m, name);
}

/* ------------------------------------------------------------------------------------------------- Rename */

static ll_status rename_inbox(writer *w, mailbox_row *inbox, ll_span to)
{
    mailbox_row m = {0};
    ll_range all = {1, UINT32_MAX};
    ll_status status = tree_create(w, to, 0);
    if (!status)
        status = mailbox_find(w->db, to, &m);
    if (!status)
        status = metadata_copy(w->db, inbox->id, m.id);
    if (!status)
        status = entry_copy(w, inbox, &m, &all, 1, false, NULL, NULL);
    if (!status)
        status = entry_expunge(w, inbox, &all, 1, false);
    if (!status)
        status = mailbox_save(w, inbox);
    return status ? status : mailbox_save(w, &m);
}

/* No child may end up with a name that is too long. */
static ll_status names_fit(db *d, const below *b, ll_span from, ll_span to)
{
    int64_t longest = 0;
    db_stmt *q =
        db_prepare(d, "SELECT coalesce(max(octet_length(name)), 0) FROM mailbox WHERE name > ?1 AND name < ?2");
    below_bind(q, 1, b);
    ll_status status = db_take_int(q, &longest);
    if (status)
        return status;
    bool fits = to.size <= MAILBOX_NAME_MAX && longest - (int64_t)from.size + (int64_t)to.size <= MAILBOX_NAME_MAX;
    return fits ? LL_OK : LL_ELIMIT;
}

/* The old names stay subscribed, without mailbox. */
static ll_status leave_subscriptions(db *d, const below *b, ll_span from)
{
    db_stmt *q =
        db_prepare(d, "INSERT OR IGNORE INTO subscription(name) "
                      "SELECT name FROM mailbox WHERE subscribed AND (name = ?3 OR (name > ?1 AND name < ?2))");
    below_bind(q, 1, b);
    db_bind_text(q, 3, from);
    return db_run(q);
}

/* And what was subscribed under the new names is now the mailboxes'. */
static ll_status take_subscriptions(db *d, ll_span to)
{
    below b;
    ll_status status = below_init(&b, to);
    if (status)
        return status;
    db_stmt *q = db_prepare(d, "UPDATE mailbox SET subscribed = 1 WHERE (name = ?3 OR (name > ?1 AND name < ?2)) "
                               "AND name IN (SELECT name FROM subscription)");
    below_bind(q, 1, &b);
    db_bind_text(q, 3, to);
    status = db_run(q);
    if (status)
        return status;
    q = db_prepare(d, "DELETE FROM subscription WHERE (name = ?3 OR (name > ?1 AND name < ?2)) "
                      "AND name IN (SELECT name FROM mailbox)");
    below_bind(q, 1, &b);
    db_bind_text(q, 3, to);
    return db_run(q);
}

static ll_status rename_rows(db *d, const below *b, ll_span from, ll_span to)
{
    db_stmt *q = db_prepare(d, "UPDATE mailbox SET subscribed = 0, name = ?4 || substr(name, length(?3) + 1) "
                               "WHERE name = ?3 OR (name > ?1 AND name < ?2)");
    below_bind(q, 1, b);
    db_bind_text(q, 3, from);
    db_bind_text(q, 4, to);
    return db_run(q);
}

ll_status tree_rename(writer *w, ll_span from, ll_span to)
{
    mailbox_row m, other;
    below b;
    ll_status status = below_init(&b, from);
    if (!status)
        status = mailbox_find(w->db, from, &m);
    if (status)
        return status;
    status = mailbox_find(w->db, to, &other);
    if (status != LL_ENOTFOUND)
        return status ? status : LL_EEXISTS;
    if (span_equal(from, SPAN("INBOX")))
        return rename_inbox(w, &m, to);
    if (to.size > from.size && span_equal(span_first(to, b.size), span_of(b.first, b.size)))
        return LL_EINVAL;
    w->names_gone = true;
    status = names_fit(w->db, &b, from, to);
    if (!status)
        status = insert_parents(w, to);
    if (!status)
        status = leave_subscriptions(w->db, &b, from);
    if (!status)
        status = rename_rows(w->db, &b, from, to);
    return status ? status : take_subscriptions(w->db, to);
}

/* ---------------------------------------------------------------------------------------------- Subscribe */

ll_status tree_subscribe(writer *w, ll_span name, bool on)
{
    db_stmt *q = db_prepare(w->db, "UPDATE mailbox SET subscribed = ?2 WHERE name = ?1");
    db_bind_text(q, 1, name);
    db_bind_int(q, 2, on);
    ll_status status = db_run(q);
    if (status || db_changes(w->db) > 0)
        return status;
    if (on) {
        status = room_for_one(w->db);
        q = db_prepare(w->db, "INSERT OR IGNORE INTO subscription(name) VALUES(?1)");
    } else {
        q = db_prepare(w->db, "DELETE FROM subscription WHERE name = ?1");
    }
    db_bind_text(q, 1, name);
    return status ? status : db_run(q);
}
