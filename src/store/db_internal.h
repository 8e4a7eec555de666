/* db_internal.h - what db.c and statement.c share, and nobody else.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_DB_INTERNAL_H
#define STORE_DB_INTERNAL_H

#include "store/db.h"

#include <sqlite3.h>

struct db_stmt {
    db *db;
    sqlite3_stmt *handle; /* NULL: could not be prepared, status says why */
    const char *literal;
    ll_status status; /* the first failure since db_prepare */
};

struct db {
    sqlite3 *handle;
    unsigned cache_kib;
    bool lazy;                          /* synchronous=NORMAL now, see db_lazy */
    db_stmt *statements[DB_STATEMENTS]; /* open addressing by the literal's address */
    db_companion *companion;            /* NULL: none */
    db_stmt broken;                     /* lent out when there is no memory, or no room, for a statement */
};

/* The status of SQLite's result code rc, just returned by a call on this handle. */
ll_status db_status(sqlite3 *handle, int rc);
/* Finalise all statements. */
void db_statements_fini(db *d);

#endif
