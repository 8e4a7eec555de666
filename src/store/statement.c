/* statement.c - prepared statements, found again by their literal: the second half of db.h.
 * SPDX-License-Identifier: MIT */
#include "store/db_internal.h"

#include "base/memory.h"

#include <assert.h>
#include <limits.h>

/* Literals are at least 16 bytes apart in practice; Fibonacci hashing spreads what is left. */
static size_t statement_home(const char *literal)
{
    return (size_t)(((uint64_t)(uintptr_t)literal * 0x9e3779b97f4a7c15u) >> 32) % DB_STATEMENTS;
}

static db_stmt *statement_broken(db *d, ll_status status)
{
    d->broken = (db_stmt){.db = d, .status = status};
    return &d->broken;
}

static db_stmt *statement_new(db *d, const char *literal)
{
    db_stmt *q = memory_new(NULL, sizeof *q);
    if (!q) {
        return NULL;
    }
    q->db = d;
    q->literal = literal;
    return q;
}

/* The slot of this literal, or an empty one for it; NULL: all are taken. */
static db_stmt **statement_slot(db *d, const char *literal)
{
    size_t home = statement_home(literal);
    for (size_t i = 0; i < DB_STATEMENTS; i++) {
        db_stmt **slot = &d->statements[(home + i) % DB_STATEMENTS];
        if (!*slot || (*slot)->literal == literal) {
            return slot;
        }
    }
    return NULL;
}

db_stmt *db_prepare(db *d, const char *literal)
{
    db_stmt **slot = statement_slot(d, literal);
    assert(slot && "more literals than DB_STATEMENTS");
    if (!*slot && !(*slot = statement_new(d, literal))) {
        return statement_broken(d, LL_ENOMEM);
    }
    db_stmt *q = *slot;
    q->status = LL_OK;
    if (q->handle) {
        sqlite3_reset(q->handle);
        sqlite3_clear_bindings(q->handle);
        return q;
    }
    int rc = sqlite3_prepare_v3(d->handle, literal, -1, SQLITE_PREPARE_PERSISTENT, &q->handle, NULL);
    if (rc != SQLITE_OK) {
        q->status = db_status(d->handle, rc);
    }
    return q;
}

void db_statements_fini(db *d)
{
    for (size_t i = 0; i < DB_STATEMENTS; i++) {
        if (d->statements[i]) {
            sqlite3_finalize(d->statements[i]->handle);
            memory_free(NULL, d->statements[i]);
            d->statements[i] = NULL;
        }
    }
}

static void statement_bound(db_stmt *q, int rc)
{
    assert(rc != SQLITE_RANGE && rc != SQLITE_MISUSE);
    if (rc != SQLITE_OK && q->status == LL_OK) {
        q->status = db_status(q->db->handle, rc);
    }
}

void db_bind_int(db_stmt *q, int n, int64_t value)
{
    if (q->status == LL_OK) {
        statement_bound(q, sqlite3_bind_int64(q->handle, n, value));
    }
}

void db_bind_text(db_stmt *q, int n, ll_span value)
{
    if (q->status == LL_OK) {
        const char *data = value.data ? value.data : "";
        statement_bound(q, sqlite3_bind_text64(q->handle, n, data, value.size, SQLITE_STATIC, SQLITE_UTF8));
    }
}

void db_bind_blob(db_stmt *q, int n, ll_span value)
{
    if (q->status == LL_OK) {
        statement_bound(q, sqlite3_bind_blob64(q->handle, n, value.data ? value.data : "", value.size, SQLITE_STATIC));
    }
}

void db_bind_null(db_stmt *q, int n)
{
    if (q->status == LL_OK) {
        statement_bound(q, sqlite3_bind_null(q->handle, n));
    }
}

ll_status db_step(db_stmt *q)
{
    if (q->status) {
        return q->status;
    }
    int rc = sqlite3_step(q->handle);
    if (rc == SQLITE_ROW) {
        return LL_MORE;
    }
    ll_status status = rc == SQLITE_DONE ? LL_OK : db_status(q->db->handle, rc);
    sqlite3_reset(q->handle);
    q->status = status;
    return status;
}

ll_status db_run(db_stmt *q)
{
    ll_status status = db_step(q);
    if (status == LL_MORE) {
        db_reset(q);
        return LL_OK;
    }
    return status;
}

ll_status db_first(db_stmt *q)
{
    ll_status status = db_step(q);
    return status == LL_MORE ? LL_OK : status == LL_OK ? LL_ENOTFOUND : status;
}

ll_status db_take_int(db_stmt *q, int64_t *out)
{
    ll_status status = db_first(q);
    if (status) {
        return status;
    }
    *out = db_column_int(q, 0);
    db_reset(q);
    return LL_OK;
}

void db_reset(db_stmt *q)
{
    if (q->handle) {
        sqlite3_reset(q->handle);
    }
}

int64_t db_column_int(db_stmt *q, int n)
{
    return sqlite3_column_int64(q->handle, n);
}

/* A NULL with a type other than NULL and a size means that SQLite had no memory for it: the next db_step says so. */
static ll_span statement_column(db_stmt *q, int n, const void *data)
{
    int size = sqlite3_column_bytes(q->handle, n);
    if (!data && size > 0) {
        q->status = LL_ENOMEM;
        return span_of(NULL, 0);
    }
    if (!data) {
        return span_of(db_column_is_null(q, n) ? NULL : "", 0);
    }
    return span_of(data, (size_t)size);
}

ll_span db_column_text(db_stmt *q, int n)
{
    return statement_column(q, n, sqlite3_column_text(q->handle, n));
}

ll_span db_column_blob(db_stmt *q, int n)
{
    return statement_column(q, n, sqlite3_column_blob(q->handle, n));
}

bool db_column_is_null(db_stmt *q, int n)
{
    return sqlite3_column_type(q->handle, n) == SQLITE_NULL;
}

ll_status db_column_copy(db_stmt *q, int n, void *out, size_t size)
{
    ll_span blob = db_column_blob(q, n);
    if (blob.size != size) {
        return q->status ? q->status : LL_ECORRUPT;
    }
    if (size) {
        memcpy(out, blob.data, size);
    }
    return LL_OK;
}
