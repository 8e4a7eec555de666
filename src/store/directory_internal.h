/* directory_internal.h - what the directory's files share, and nobody else.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_DIRECTORY_INTERNAL_H
#define STORE_DIRECTORY_INTERNAL_H

#include "store/db.h"
#include "store/directory.h"

#include <pthread.h>

struct directory {
    db *writer; /* NULL: read-only */
    db *reader;
    pthread_mutex_t writing, reading; /* each guards its connection */
};

/* Take the writer and begin. NULL: *status says why, and directory_end must not follow. */
db *directory_begin(directory *d, ll_status *status);
/* Commit if status is LL_OK, else roll back and return it; give the writer back. */
ll_status directory_end(directory *d, ll_status status);
/* Run a statement that must change something: else LL_ENOTFOUND. */
ll_status directory_changed(db *w, db_stmt *q);
/* Remove the row of that name, unless `is_used` finds some that need it. LL_EDENIED, LL_ENOTFOUND. */
ll_status directory_remove_unused(db *w, const char *is_used, const char *remove, const char *name);
/* To lower case (ASCII) with a NUL; names of accounts, local parts. LL_EINVAL: empty, longer than max, controls. */
ll_status directory_name_lower(ll_span name, size_t max, char *out);
/* The same for a domain name, which is checked. LL_EINVAL. */
ll_status directory_domain_lower(ll_span name, char out[DIRECTORY_DOMAIN_MAX + 1]);
/* A text column into `max` bytes and a NUL. LL_ECORRUPT: it is longer. */
ll_status directory_text(db_stmt *q, int column, char *out, size_t max);
/* In the caller's transaction. */
ll_status directory_slot_insert(db *w, const uint8_t alias[KEYS_ID], const directory_slot *from);

static inline ll_span directory_bytes(const uint8_t *bytes, size_t size)
{
    return span_of((const char *)bytes, size);
}

#endif
