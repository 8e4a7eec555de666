/* directory_account.c - accounts, and the quotas of accounts and domains: a third part of directory.h.
 * SPDX-License-Identifier: MIT */
#include "store/directory_internal.h"

static ll_status account_lower(ll_span name, char out[DIRECTORY_ACCOUNT_MAX + 1])
{
    ll_status status = directory_name_lower(name, DIRECTORY_ACCOUNT_MAX, out);
    for (size_t i = 0; status == LL_OK && i < name.size; i++) {
        char c = out[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '@';
        status = good ? LL_OK : LL_EINVAL;
    }
    return status;
}

static int64_t bytes_saved(uint64_t bytes)
{
    return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

ll_status directory_account_add(directory *d, ll_span name, uint64_t quota, int64_t now)
{
    char lower[DIRECTORY_ACCOUNT_MAX + 1];
    ll_status status = account_lower(name, lower);
    db *w = status ? NULL : directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, "INSERT INTO account(name, quota, created) VALUES(?1, ?2, ?3)");
    db_bind_text(q, 1, span_str(lower));
    db_bind_int(q, 2, bytes_saved(quota));
    db_bind_int(q, 3, now);
    return directory_end(d, db_run(q));
}

ll_status directory_account_remove(directory *d, ll_span name)
{
    char lower[DIRECTORY_ACCOUNT_MAX + 1];
    ll_status status;
    if (account_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    db *w = directory_begin(d, &status);
    return w ? directory_end(d, directory_remove_unused(w, "SELECT EXISTS(SELECT 1 FROM alias WHERE account = ?1)",
                                                        "DELETE FROM account WHERE name = ?1", lower))
             : status;
}

/* One UPDATE of the row named ?1 with the bytes ?2. */
static ll_status quota_change(directory *d, const char *literal, const char *name, uint64_t bytes)
{
    ll_status status;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, literal);
    db_bind_text(q, 1, span_str(name));
    db_bind_int(q, 2, bytes_saved(bytes));
    return directory_end(d, directory_changed(w, q));
}

ll_status directory_account_quota(directory *d, ll_span name, uint64_t bytes)
{
    char lower[DIRECTORY_ACCOUNT_MAX + 1];
    if (account_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    return quota_change(d, "UPDATE account SET quota = ?2 WHERE name = ?1", lower, bytes);
}

ll_status directory_domain_quota(directory *d, ll_span name, uint64_t bytes)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    if (directory_domain_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    return quota_change(d, "UPDATE domain SET quota = ?2 WHERE name = ?1", lower, bytes);
}

ll_status directory_domain_quota_get(directory *d, ll_span name, uint64_t *bytes)
{
    char lower[DIRECTORY_DOMAIN_MAX + 1];
    int64_t quota = 0;
    *bytes = 0;
    if (directory_domain_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT quota FROM domain WHERE name = ?1");
    db_bind_text(q, 1, span_str(lower));
    ll_status status = db_take_int(q, &quota);
    pthread_mutex_unlock(&d->reading);
    *bytes = (uint64_t)quota;
    return status;
}

#define ACCOUNT_COLUMNS "name, quota, created, (SELECT count(*) FROM alias WHERE alias.account = account.name)"

static ll_status account_row(db_stmt *q, directory_account *out)
{
    *out = (directory_account){.quota_bytes = (uint64_t)db_column_int(q, 1),
                               .created = db_column_int(q, 2),
                               .aliases = (uint64_t)db_column_int(q, 3)};
    return directory_text(q, 0, out->name, DIRECTORY_ACCOUNT_MAX);
}

ll_status directory_account_find(directory *d, ll_span name, directory_account *out)
{
    char lower[DIRECTORY_ACCOUNT_MAX + 1];
    *out = (directory_account){0};
    if (account_lower(name, lower)) {
        return LL_ENOTFOUND;
    }
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE name = ?1");
    db_bind_text(q, 1, span_str(lower));
    ll_status status = db_first(q);
    if (status == LL_OK) {
        status = account_row(q, out);
        db_reset(q);
    }
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status directory_account_list(directory *d, ll_span after, directory_account *out, size_t max, size_t *count)
{
    ll_status status = LL_OK;
    *count = 0;
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT " ACCOUNT_COLUMNS " FROM account WHERE name > ?1 ORDER BY name");
    db_bind_text(q, 1, after);
    while (*count < max && (status = db_step(q)) == LL_MORE) {
        status = account_row(q, &out[*count]);
        if (status) {
            break;
        }
        ++*count;
    }
    db_reset(q);
    pthread_mutex_unlock(&d->reading);
    return status < 0 ? status : LL_OK;
}

ll_status directory_alias_account(directory *d, const uint8_t id[KEYS_ID], ll_span account)
{
    char lower[DIRECTORY_ACCOUNT_MAX + 1] = "";
    if (account.size && account_lower(account, lower)) {
        return LL_ENOTFOUND;
    }
    ll_status status;
    db *w = directory_begin(d, &status);
    if (!w) {
        return status;
    }
    db_stmt *q = db_prepare(w, "UPDATE alias SET account = nullif(?2, '') WHERE id = ?1");
    db_bind_blob(q, 1, directory_bytes(id, KEYS_ID));
    db_bind_text(q, 2, span_str(lower));
    status = directory_changed(w, q);
    return directory_end(d, status == LL_EINVAL ? LL_ENOTFOUND : status); /* the foreign key: no such account */
}
