/* directory_slot.c - the slots of an alias, and settings: the second half of directory.h.
 * SPDX-License-Identifier: MIT */
#include "store/directory_internal.h"

ll_status directory_slot_insert(db *w, const uint8_t alias[KEYS_ID], const directory_slot *from)
{
    uint8_t saved[SLOT_SAVED_MAX];
    size_t size = slot_save(&from->slot, saved);
    db_stmt *q = db_prepare(w, "INSERT INTO slot(alias, id, kind, label, data, created, last_used) "
                               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    db_bind_blob(q, 2, directory_bytes(from->slot.id, sizeof from->slot.id));
    db_bind_int(q, 3, from->slot.kind);
    db_bind_text(q, 4, span_str(from->label));
    db_bind_blob(q, 5, directory_bytes(saved, size));
    db_bind_int(q, 6, from->created);
    db_bind_int(q, 7, from->last_used);
    ll_status status = db_run(q);
    return status == LL_EINVAL ? LL_ENOTFOUND : status; /* the foreign key: no such alias */
}

static ll_status slot_row(db_stmt *q, directory_slot *out)
{
    ll_status status = slot_load(db_column_blob(q, 0), &out->slot);
    status = status ? status : directory_text(q, 1, out->label, DIRECTORY_LABEL_MAX);
    out->created = db_column_int(q, 2);
    out->last_used = db_column_int(q, 3);
    return status;
}

ll_status directory_slot_list(directory *d, const uint8_t alias[KEYS_ID], directory_slot slots[SLOT_COUNT_MAX],
                              size_t *count)
{
    ll_status status = LL_OK;
    *count = 0;
    pthread_mutex_lock(&d->reading);
    db_stmt *q =
        db_prepare(d->reader, "SELECT data, label, created, last_used FROM slot WHERE alias = ?1 ORDER BY number");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    while (*count < SLOT_COUNT_MAX && (status = db_step(q)) == LL_MORE) {
        status = slot_row(q, &slots[*count]);
        if (status) {
            break;
        }
        ++*count;
    }
    db_reset(q);
    pthread_mutex_unlock(&d->reading);
    return status < 0 ? status : LL_OK;
}

static ll_status slot_count(db *w, const uint8_t alias[KEYS_ID], int64_t *count)
{
    db_stmt *q = db_prepare(w, "SELECT count(*) FROM slot WHERE alias = ?1");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    return db_take_int(q, count);
}

static ll_status slot_delete(db *w, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID])
{
    db_stmt *q = db_prepare(w, "DELETE FROM slot WHERE alias = ?1 AND id = ?2");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    db_bind_blob(q, 2, directory_bytes(id, KEYS_ID));
    return directory_changed(w, q);
}

ll_status directory_slot_add(directory *d, const uint8_t alias[KEYS_ID], const directory_slot *new_slot)
{
    ll_status status;
    int64_t count = 0;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    status = slot_count(w, alias, &count);
    if (status == LL_OK) {
        status = count >= SLOT_COUNT_MAX ? LL_ELIMIT : directory_slot_insert(w, alias, new_slot);
    }
    return directory_end(d, status);
}

ll_status directory_slot_replace(directory *d, const uint8_t alias[KEYS_ID], const uint8_t old[KEYS_ID],
                                 const directory_slot *new_slot)
{
    ll_status status;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    status = slot_delete(w, alias, old);
    if (status == LL_OK) {
        status = directory_slot_insert(w, alias, new_slot);
    }
    return directory_end(d, status);
}

ll_status directory_slot_remove(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID])
{
    ll_status status;
    int64_t left = 0;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    status = slot_delete(w, alias, id);
    if (status == LL_OK) {
        db_stmt *q = db_prepare(w, "SELECT count(*) FROM slot WHERE alias = ?1 AND kind <> ?2");
        db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
        db_bind_int(q, 2, SLOT_RECOVERY);
        status = db_take_int(q, &left);
    }
    return directory_end(d, status == LL_OK && left == 0 ? LL_EDENIED : status);
}

int64_t directory_touch_hour(int64_t now)
{
    return now - now % DIRECTORY_TOUCH_SECONDS;
}

ll_status directory_slot_used(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID], int64_t *when)
{
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT last_used FROM slot WHERE alias = ?1 AND id = ?2");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    db_bind_blob(q, 2, directory_bytes(id, KEYS_ID));
    ll_status status = db_take_int(q, when);
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_slot_touch(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID], int64_t now)
{
    int64_t last = 0, hour = directory_touch_hour(now);
    ll_status status = directory_slot_used(d, alias, id, &last);
    if (status || last == hour) {
        return status;
    }
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, "UPDATE slot SET last_used = ?3 WHERE alias = ?1 AND id = ?2");
    db_bind_blob(q, 1, directory_bytes(alias, KEYS_ID));
    db_bind_blob(q, 2, directory_bytes(id, KEYS_ID));
    db_bind_int(q, 3, hour);
    return directory_end(d, directory_changed(w, q));
}

/* ---------------------------------------------------------------------------------------------------- Settings */

ll_status directory_setting(directory *d, ll_span key, text *out)
{
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT value FROM setting WHERE key = ?1");
    db_bind_text(q, 1, key);
    ll_status status = db_first(q);
    if (status == LL_OK) {
        text_add(out, db_column_blob(q, 0));
        status = text_status(out);
        db_reset(q);
    }
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_setting_set(directory *d, ll_span key, ll_span value)
{
    ll_status status;
    if (key.size == 0 || key.size > DIRECTORY_KEY_MAX || value.size > DIRECTORY_VALUE_MAX) {
        return LL_ELIMIT;
    }
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q;
    if (value.size == 0) {
        q = db_prepare(w, "DELETE FROM setting WHERE key = ?1");
        db_bind_text(q, 1, key);
        return directory_end(d, db_run(q));
    }
    q = db_prepare(
        w, "INSERT INTO setting(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value");
    db_bind_text(q, 1, key);
    db_bind_blob(q, 2, value);
    return directory_end(d, db_run(q));
}

static ll_status notes_write(db *w, const directory_note *notes, size_t count)
{
    ll_status status = LL_OK;
    for (size_t i = 0; status == LL_OK && i < count; i++) {
        db_stmt *q = db_prepare(
            w, "INSERT INTO setting(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value");
        db_bind_text(q, 1, span_str(notes[i].key));
        db_bind_blob(q, 2, span_str(notes[i].value));
        status = db_run(q);
    }
    return status;
}

/* In WAL mode a commit that is not synced can be lost, but damages nothing. */
ll_status directory_notes_set(directory *d, const directory_note *notes, size_t count)
{
    if (!d->writer || count > DIRECTORY_NOTES_MAX) {
        return d->writer ? LL_ELIMIT : LL_EREADONLY;
    }
    pthread_mutex_lock(&d->writing);
    ll_status status = db_exec(d->writer, "PRAGMA synchronous = NORMAL");
    if (status == LL_OK) {
        status = db_begin(d->writer);
    }
    if (status == LL_OK) {
        status = notes_write(d->writer, notes, count);
        if (status == LL_OK) {
            status = db_commit(d->writer);
        } else {
            db_rollback(d->writer);
        }
    }
    ll_status again = db_exec(d->writer, "PRAGMA synchronous = FULL");
    pthread_mutex_unlock(&d->writing);
    return status ? status : again;
}
