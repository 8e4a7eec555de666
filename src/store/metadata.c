/* metadata.c - see metadata.h
 * SPDX-License-Identifier: MIT */
#include "store/metadata.h"

#include "store/mailbox_tree.h"

/* ------------------------------------------------------------------------------------------ Special uses */

static const struct {
    const char *name;
    unsigned bit;
} uses[] = {
    {"\\All", LL_MAILBOX_ALL},         {"\\Archive", LL_MAILBOX_ARCHIVE},     {"\\Drafts", LL_MAILBOX_DRAFTS},
    {"\\Flagged", LL_MAILBOX_FLAGGED}, {"\\Junk", LL_MAILBOX_JUNK},           {"\\Sent", LL_MAILBOX_SENT},
    {"\\Trash", LL_MAILBOX_TRASH},     {"\\Important", LL_MAILBOX_IMPORTANT},
};
enum { uses_count = sizeof uses / sizeof uses[0] };

static bool is_specialuse(ll_span entry)
{
    return span_equal(entry, SPAN("/private/specialuse"));
}

static unsigned use_of(ll_span word)
{
    for (size_t i = 0; i < uses_count; i++)
        if (span_equal_nocase(word, span_str(uses[i].name)))
            return uses[i].bit;
    return 0;
}

static ll_status set_uses(writer *w, const mailbox_row *m, ll_span value)
{
    unsigned attributes = 0;
    while (value.size) {
        ll_span word = span_cut(&value, ' ');
        unsigned bit = use_of(word);
        if (word.size && !bit)
            return LL_EDENIED;
        attributes |= bit;
    }
    ll_status status = m ? tree_set_uses(w, m, attributes) : LL_EDENIED;
    return status == LL_EUNSUPPORTED ? LL_EDENIED : status;
}

static ll_status give_uses(const mailbox_row *m, metadata_one *one, void *ctx)
{
    char words[uses_count * 12];
    size_t size = 0;
    for (size_t i = 0; i < uses_count; i++) {
        if (!(m->attributes & uses[i].bit))
            continue;
        if (size)
            words[size++] = ' ';
        size_t length = strlen(uses[i].name);
        memcpy(words + size, uses[i].name, length);
        size += length;
    }
    ll_metadata entry = {SPAN("/private/specialuse"), span_of(words, size)};
    return size ? one(ctx, &entry, m->attributes) : LL_OK;
}

/* -------------------------------------------------------------------------------------------------- Read */

static void bind_mailbox(db_stmt *q, int n, const mailbox_row *m)
{
    if (m)
        db_bind_int(q, n, m->id);
    else
        db_bind_null(q, n);
}

ll_status metadata_read(db *d, const mailbox_row *m, metadata_one *one, void *ctx)
{
    bool uses_given = !m;
    db_stmt *q = db_prepare(d, "SELECT entry, value, version FROM metadata WHERE mailbox IS ?1 ORDER BY entry");
    bind_mailbox(q, 1, m);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        ll_metadata entry = {db_column_text(q, 0), db_column_blob(q, 1)};
        if (!entry.value.data)
            entry.value = SPAN("");
        status = LL_OK;
        if (!uses_given && span_compare(entry.entry, SPAN("/private/specialuse")) > 0) {
            uses_given = true;
            status = give_uses(m, one, ctx);
        }
        if (!status)
            status = one(ctx, &entry, (uint64_t)db_column_int(q, 2));
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status || uses_given ? status : give_uses(m, one, ctx);
}

/* --------------------------------------------------------------------------------------------------- Set */

static ll_status remove_row(db *d, const mailbox_row *m, ll_span entry)
{
    db_stmt *q = db_prepare(d, "DELETE FROM metadata WHERE mailbox IS ?1 AND entry = ?2");
    bind_mailbox(q, 1, m);
    db_bind_text(q, 2, entry);
    return db_run(q);
}

static ll_status set_one(writer *w, const mailbox_row *m, const ll_metadata *pair)
{
    if (is_specialuse(pair->entry))
        return set_uses(w, m, pair->value.data ? pair->value : SPAN(""));
    ll_status status = remove_row(w->db, m, pair->entry);
    if (status || !pair->value.data)
        return status;
    db_stmt *q = db_prepare(w->db, "INSERT INTO metadata(mailbox, entry, value, version) VALUES(?1, ?2, ?3, ?4)");
    bind_mailbox(q, 1, m);
    db_bind_text(q, 2, pair->entry);
    db_bind_blob(q, 3, pair->value);
    db_bind_int(q, 4, (int64_t)writer_modseq(w));
    return db_run(q);
}

static ll_status check_room(db *d, const mailbox_row *m)
{
    int64_t entries = 0, bytes = 0;
    db_stmt *q = db_prepare(d, "SELECT count(*) FROM metadata WHERE mailbox IS ?1");
    bind_mailbox(q, 1, m);
    ll_status status = db_take_int(q, &entries);
    if (!status)
        status = db_take_int(
            db_prepare(d, "SELECT coalesce(sum(octet_length(entry) + octet_length(value)), 0) FROM metadata"), &bytes);
    return !status && (entries > METADATA_ENTRIES_MAX || bytes > METADATA_BYTES_MAX) ? LL_ELIMIT : status;
}

ll_status metadata_set(writer *w, const mailbox_row *m, const ll_metadata *entries, size_t count)
{
    bool more = false;
    ll_status status = LL_OK;
    (void)writer_modseq(w); /* a removal counts as a change too */
    for (size_t i = 0; !status && i < count; i++) {
        status = set_one(w, m, &entries[i]);
        more |= entries[i].value.data != NULL;
    }
    return status || !more ? status : check_room(w->db, m); /* what only removes is never too much */
}

ll_status metadata_clear(db *d, int64_t mailbox)
{
    db_stmt *q = db_prepare(d, "DELETE FROM metadata WHERE mailbox = ?1");
    db_bind_int(q, 1, mailbox);
    return db_run(q);
}

ll_status metadata_copy(db *d, int64_t from, int64_t to)
{
    db_stmt *q = db_prepare(d, "INSERT INTO metadata(mailbox, entry, value, version) "
                               "SELECT ?2, entry, value, version FROM metadata WHERE mailbox = ?1");
    db_bind_int(q, 1, from);
    db_bind_int(q, 2, to);
    return db_run(q);
}
