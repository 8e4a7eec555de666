/* schema_migrate.h - from an older version of a file to this program's, step by step.
 * SPDX-License-Identifier: MIT
 *
 * Each step is one transaction that also sets user_version: a crash leaves the file at one version or the next. Version
 * 0 is an empty file; the first real one is 1. */
#ifndef STORE_SCHEMA_MIGRATE_H
#define STORE_SCHEMA_MIGRATE_H

#include "store/db.h"

typedef struct schema_step {
    const char *sql;                /* executed first; may be NULL */
    ll_status (*run)(struct db *d); /* then this; may be NULL */
} schema_step;

/* Run steps[from - 1] ... steps[to - 2]. The first failure ends it, with that step undone and the earlier ones kept. */
LL_MUST_USE ll_status schema_migrate(db *d, const schema_step *steps, uint32_t from, uint32_t to);
/* PRAGMA user_version. Setting it is part of the transaction that runs. */
LL_MUST_USE ll_status schema_version(db *d, uint32_t *version);
LL_MUST_USE ll_status schema_version_set(db *d, uint32_t version);

#endif
