/* schema_migrate.c - from an older version of a file to this program's, step by step.
 * SPDX-License-Identifier: MIT */
#include "store/schema_migrate.h"

#include <stdio.h>

ll_status schema_version(db *d, uint32_t *version)
{
    int64_t number = 0;
    ll_status status = db_take_int(db_prepare(d, "PRAGMA user_version"), &number);
    *version = number < 0 || number > INT32_MAX ? UINT32_MAX : (uint32_t)number;
    return status;
}

ll_status schema_version_set(db *d, uint32_t version)
{
    char sql[48];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %u", version);
    return db_exec(d, sql);
}

/* No row may point nowhere after a step. */
static ll_status schema_references(db *d)
{
    ll_status status = db_first(db_prepare(d, "PRAGMA foreign_key_check"));
    if (status == LL_OK) {
        db_reset(db_prepare(d, "PRAGMA foreign_key_check"));
        return LL_ECORRUPT;
    }
    return status == LL_ENOTFOUND ? LL_OK : status;
}

static ll_status schema_step_run(db *d, const schema_step *step, uint32_t to)
{
    ll_status status = db_begin(d);
    if (status) {
        return status;
    }
    if (step->sql) {
        status = db_exec(d, step->sql);
    }
    if (status == LL_OK && step->run) {
        status = step->run(d);
    }
    if (status == LL_OK) {
        status = schema_references(d);
    }
    if (status == LL_OK) {
        status = schema_version_set(d, to);
    }
    if (status == LL_OK) {
        return db_commit(d);
    }
    db_rollback(d);
    return status;
}

ll_status schema_migrate(db *d, const schema_step *steps, uint32_t from, uint32_t to)
{
    /* A table is changed by making a new one and dropping the old, which foreign keys would take for deleting its rows.
     * They cannot be switched within a transaction. */
    ll_status status = db_exec(d, "PRAGMA foreign_keys = OFF");
    for (uint32_t version = from; status == LL_OK && version < to; version++) {
        status = schema_step_run(d, &steps[version - 1], version + 1);
    }
    ll_status again = db_exec(d, "PRAGMA foreign_keys = ON");
    return status ? status : again;
}
