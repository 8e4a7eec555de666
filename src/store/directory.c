/* directory.c - domains, aliases, their slots, settings.
 * SPDX-License-Identifier: MIT
 *
 * Two connections, each behind a mutex: readers wait for readers only (micro-seconds), and never for a writer's sync. A
 * writing call is directory_begin, some statements, directory_end. Slots and settings are in directory_slot.c. */
#include "store/directory_internal.h"

#include "base/memory.h"
#include "store/schema.h"

ll_status directory_open(directory **out, const char *path, const uint8_t key[KEYS_KEY], unsigned flags, text *why)
{
    *out = NULL;
    directory *d = memory_new(NULL, sizeof *d);
    if (!d) {
        return LL_ENOMEM;
    }
    ll_status status = LL_OK;
    if (!(flags & DB_READONLY)) {
        status = db_open(&d->writer, path, key, flags, why);
        if (status == LL_OK) {
            status = schema_open(d->writer, SCHEMA_DIRECTORY, flags & DB_CREATE, why);
        }
    }
    if (status == LL_OK) {
        status = db_open(&d->reader, path, key, DB_READONLY, why);
    }
    if (status == LL_OK && !d->writer) {
        status = schema_open(d->reader, SCHEMA_DIRECTORY, false, why);
    }
    if (status) {
        db_close(&d->reader);
        db_close(&d->writer);
        memory_free(NULL, d);
        return status;
    }
    pthread_mutex_init(&d->reading, NULL);
    pthread_mutex_init(&d->writing, NULL);
    *out = d;
    return LL_OK;
}

void directory_close(directory **d)
{
    if (!*d) {
        return;
    }
    pthread_mutex_destroy(&(*d)->reading);
    pthread_mutex_destroy(&(*d)->writing);
    db_close(&(*d)->reader);
    db_close(&(*d)->writer);
    memory_free(NULL, *d);
    *d = NULL;
}

db *directory_begin(directory *d, ll_status *status)
{
    if (!d->writer) {
        *status = LL_EREADONLY;
        return NULL;
    }
    pthread_mutex_lock(&d->writing);
    *status = db_begin(d->writer);
    if (*status) {
        pthread_mutex_unlock(&d->writing);
        return NULL;
    }
    return d->writer;
}

ll_status directory_end(directory *d, ll_status status)
{
    if (status == LL_OK) {
        status = db_commit(d->writer);
    } else {
        db_rollback(d->writer);
    }
    pthread_mutex_unlock(&d->writing);
    return status;
}

ll_status directory_changed(db *w, db_stmt *q)
{
    ll_status status = db_run(q);
    return status == LL_OK && db_changes(w) == 0 ? LL_ENOTFOUND : status;
}

/* ------------------------------------------------------------------------------------------------------- Names */

/* To lower case (ASCII) with a NUL. */
ll_status directory_name_lower(ll_span name, size_t max, char *out)
{
    if (name.size == 0 || name.size > max) {
        return LL_EINVAL;
    }
    for (size_t i = 0; i < name.size; i++) {
        out[i] = ascii_lower(name.data[i]);
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f) {
            return LL_EINVAL;
        }
    }
    out[name.size] = 0;
    return LL_OK;
}

static bool domain_label_valid(ll_span label)
{
    if (label.size == 0 || label.size > 63 || label.data[0] == '-' || label.data[label.size - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.size; i++) {
        char c = label.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

/* RFC 5321 section 4.1.2, Domain: letters, digits, hyphens; no address literals, which nobody can own. */
ll_status directory_domain_lower(ll_span name, char out[DIRECTORY_DOMAIN_MAX + 1])
{
    ll_status status = directory_name_lower(name, DIRECTORY_DOMAIN_MAX, out);
    ll_span rest = span_str(status ? "" : out);
    if (status || out[name.size - 1] == '.') {
        return LL_EINVAL;
    }
    while (rest.size) {
        if (!domain_label_valid(span_cut(&rest, '.'))) {
            return LL_EINVAL;
        }
    }
    return LL_OK;
}

/* ----------------------------------------------------------------------------------------------------- Domains */

ll_status directory_domain_add(directory *d, ll_span name, int64_t now)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    ll_status status = directory_domain_lower(name, lower);
    db *w = status ? NULL : directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, "INSERT INTO domain(name, created) VALUES(?1, ?2)");
    db_bind_text(q, 1, span_str(lower));
    db_bind_int(q, 2, now);
    return directory_end(d, db_run(q));
}

ll_status directory_remove_unused(db *w, const char *is_used, const char *remove, const char *name)
{
    int64_t used = 0;
    db_stmt *q = db_prepare(w, is_used);
    db_bind_text(q, 1, span_str(name));
    ll_status status = db_take_int(q, &used);
    if (status || used) {
        return status ? status : LL_EDENIED;
    }
    q = db_prepare(w, remove);
    db_bind_text(q, 1, span_str(name));
    return directory_changed(w, q);
}

ll_status directory_domain_remove(directory *d, ll_span name)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    if (directory_domain_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    ll_status status;
    db *w = directory_begin(d, &status);
    return w ? directory_end(d, directory_remove_unused(w, "SELECT EXISTS(SELECT 1 FROM alias WHERE domain = ?1)",
                                                        "DELETE FROM domain WHERE name = ?1", lower))
             : status;
}

ll_status directory_domain_find(directory *d, ll_span name)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    int64_t one;
    if (directory_domain_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT 1 FROM domain WHERE name = ?1");
    db_bind_text(q, 1, span_str(lower));
    ll_status status = db_take_int(q, &one);
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_domain_list(directory *d, ll_span after, char (*names)[DIRECTORY_DOMAIN_MAX + 1], size_t max,
                                size_t *count)
{
    ll_status status = LL_OK;
    *count = 0;
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT name FROM domain WHERE name > ?1 ORDER BY name");
    db_bind_text(q, 1, after);
    while (*count < max && (status = db_step(q)) == LL_MORE) {
        status = directory_text(q, 0, names[*count], DIRECTORY_DOMAIN_MAX);
        if (status) {
            break;
        }
        ++*count;
    }
    db_reset(q);
    pthread_mutex_unlock(&d->reading);
    return status < 0 ? status : LL_OK;
}

/* ----------------------------------------------------------------------------------------------------- Aliases */

#define ALIAS_COLUMNS "id, local, domain, vault, drop_public, salts, quota, created, disabled, account"

ll_status directory_text(db_stmt *q, int column, char *out, size_t max)
{
    ll_span value = db_column_text(q, column);
    if (value.size > max) {
        return LL_ECORRUPT;
    }
    if (value.size) {
        memcpy(out, value.data, value.size);
    }
    out[value.size] = 0;
    return LL_OK;
}

/* The current row of ALIAS_COLUMNS. */
static ll_status alias_row(db_stmt *q, directory_alias *out)
{
    ll_status status = db_column_copy(q, 0, out->id, sizeof out->id);
    status = status ? status : directory_text(q, 1, out->local, DIRECTORY_LOCAL_MAX);
    status = status ? status : directory_text(q, 2, out->domain, DIRECTORY_DOMAIN_MAX);
    status = status ? status : db_column_copy(q, 3, out->vault, sizeof out->vault);
    status = status ? status : db_column_copy(q, 4, out->drop_public, sizeof out->drop_public);
    status = status ? status : slot_salts_load(db_column_blob(q, 5), &out->salts);
    out->quota_bytes = (uint64_t)db_column_int(q, 6);
    out->created = db_column_int(q, 7);
    out->disabled = db_column_int(q, 8) != 0;
    return status ? status : directory_text(q, 9, out->account, DIRECTORY_ACCOUNT_MAX);
}

/* The one row of a statement on the reader, or LL_ENOTFOUND. */
static ll_status alias_one(db_stmt *q, directory_alias *out)
{
    ll_status status = db_first(q);
    if (status == LL_OK) {
        status = alias_row(q, out);
        db_reset(q);
    }
    return status;
}

static ll_status alias_insert(db *w, const directory_alias *a, const char *local, const char *domain)
{
    uint8_t salts[SLOT_SALTS_SAVED];
    slot_salts_save(&a->salts, salts);
    db_stmt *q = db_prepare(w, "INSERT INTO alias(" ALIAS_COLUMNS ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
                               "nullif(?10, ''))");
    db_bind_blob(q, 1, directory_bytes(a->id, sizeof a->id));
    db_bind_text(q, 2, span_str(local));
    db_bind_text(q, 3, span_str(domain));
    db_bind_blob(q, 4, directory_bytes(a->vault, sizeof a->vault));
    db_bind_blob(q, 5, directory_bytes(a->drop_public, sizeof a->drop_public));
    db_bind_blob(q, 6, directory_bytes(salts, sizeof salts));
    db_bind_int(q, 7, a->quota_bytes > INT64_MAX ? INT64_MAX : (int64_t)a->quota_bytes);
    db_bind_int(q, 8, a->created);
    db_bind_int(q, 9, a->disabled);
    db_bind_text(q, 10, span_str(a->account));
    ll_status status = db_run(q);
    return status == LL_EINVAL ? LL_ENOTFOUND : status; /* the foreign keys: no such domain, or account */
}

/* In one transaction: `old`, if there is one to go, then the alias with its slots. */
static ll_status alias_put(directory *d, const uint8_t *old, const directory_alias *alias, const directory_slot *slots,
                           size_t count)
{
    char local[DIRECTORY_LOCAL_MAX + 1], domain[DIRECTORY_DOMAIN_MAX + 1];
    if (directory_name_lower(span_str(alias->local), DIRECTORY_LOCAL_MAX, local) ||
        directory_domain_lower(span_str(alias->domain), domain)) {
        return LL_EINVAL;
    }
    if (count > SLOT_COUNT_MAX) {
        return LL_ELIMIT;
    }
    ll_status status;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    if (old) {
        db_stmt *q = db_prepare(w, "DELETE FROM alias WHERE id = ?1");
        db_bind_blob(q, 1, span_of((const char *)old, KEYS_ID));
        status = db_run(q);
        if (!status && db_changes(w) == 0) {
            status = LL_ENOTFOUND;
        }
    }
    if (!status) {
        status = alias_insert(w, alias, local, domain);
    }
    for (size_t i = 0; status == LL_OK && i < count; i++) {
        status = directory_slot_insert(w, alias->id, &slots[i]);
    }
    return directory_end(d, status);
}

ll_status directory_alias_add(directory *d, const directory_alias *alias, const directory_slot *slots, size_t count)
{
    return alias_put(d, NULL, alias, slots, count);
}

ll_status directory_alias_swap(directory *d, const uint8_t old[KEYS_ID], const directory_alias *alias,
                               const directory_slot *slots, size_t count)
{
    return alias_put(d, old, alias, slots, count);
}

/* Under `reading`. */
static ll_status alias_exact(directory *d, ll_span local, const char *domain, directory_alias *out)
{
    db_stmt *q = db_prepare(d->reader, "SELECT " ALIAS_COLUMNS " FROM alias WHERE domain = ?1 AND local = ?2");
    db_bind_text(q, 1, span_str(domain));
    db_bind_text(q, 2, local);
    return alias_one(q, out);
}

ll_status directory_alias_find(directory *d, ll_span address, directory_alias *out)
{
    char local[DIRECTORY_LOCAL_MAX + 1], domain[DIRECTORY_DOMAIN_MAX + 1];
    size_t at = address.size;
    while (at > 0 && address.data[at - 1] != '@') {
        at--;
    }
    if (at == 0 || directory_name_lower(span_first(address, at - 1), DIRECTORY_LOCAL_MAX, local) ||
        directory_domain_lower(span_from(address, at), domain)) {
        return LL_ENOTFOUND;
    }
    ll_span whole = span_str(local);
    size_t plus = span_find(whole, '+');
    pthread_mutex_lock(&d->reading);
    ll_status status = alias_exact(d, whole, domain, out);
    if (status == LL_ENOTFOUND && plus > 0 && plus < whole.size) {
        status = alias_exact(d, span_first(whole, plus), domain, out);
    }
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_alias_get(directory *d, const uint8_t id[KEYS_ID], directory_alias *out)
{
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT " ALIAS_COLUMNS " FROM alias WHERE id = ?1");
    db_bind_blob(q, 1, directory_bytes(id, KEYS_ID));
    ll_status status = alias_one(q, out);
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_alias_list(directory *d, ll_span domain, ll_span after, directory_alias *out, size_t max,
                               size_t *count)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    ll_status status = LL_OK;
    *count = 0;
    if (directory_domain_lower(domain, lower)) {
        return LL_OK;
    }
    pthread_mutex_lock(&d->reading);
    db_stmt *q =
        db_prepare(d->reader, "SELECT " ALIAS_COLUMNS " FROM alias WHERE domain = ?1 AND local > ?2 ORDER BY local");
    db_bind_text(q, 1, span_str(lower));
    db_bind_text(q, 2, after);
    while (*count < max && (status = db_step(q)) == LL_MORE) {
        status = alias_row(q, &out[*count]);
        if (status) {
            break;
        }
        ++*count;
    }
    db_reset(q);
    pthread_mutex_unlock(&d->reading);
    return status < 0 ? status : LL_OK;
}

ll_status directory_alias_count(directory *d, uint64_t *count)
{
    int64_t number = 0;
    pthread_mutex_lock(&d->reading);
    ll_status status = db_take_int(db_prepare(d->reader, "SELECT count(*) FROM alias"), &number);
    pthread_mutex_unlock(&d->reading);
    *count = (uint64_t)number;
    return status;
}

/* One UPDATE or DELETE of the alias ?1, with a number ?2. */
static ll_status alias_change(directory *d, const char *literal, const uint8_t id[KEYS_ID], bool numbered,
                              int64_t number)
{
    ll_status status;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, literal);
    db_bind_blob(q, 1, directory_bytes(id, KEYS_ID));
    if (numbered) {
        db_bind_int(q, 2, number);
    }
    return directory_end(d, directory_changed(w, q));
}

ll_status directory_alias_remove(directory *d, const uint8_t id[KEYS_ID])
{
    return alias_change(d, "DELETE FROM alias WHERE id = ?1", id, false, 0); /* its slots go with it */
}

ll_status directory_alias_quota(directory *d, const uint8_t id[KEYS_ID], uint64_t bytes)
{
    int64_t quota = bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
    return alias_change(d, "UPDATE alias SET quota = ?2 WHERE id = ?1", id, true, quota);
}

ll_status directory_alias_disable(directory *d, const uint8_t id[KEYS_ID], bool disabled)
{
    return alias_change(d, "UPDATE alias SET disabled = ?2 WHERE id = ?1", id, true, disabled);
}
