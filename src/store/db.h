/* db.h - one connection to one encrypted SQLite file.
 * SPDX-License-Identifier: MIT
 *
 * For everybody in this room; nobody outside it sees SQL. It promises: the file is encrypted page by page (cipher.h), 8
 * KiB pages, in WAL mode; a commit is on the disk when db_commit returns (synchronous=FULL, invariant 1; but
 * see db_lazy); temporary tables stay in memory (invariant 5); every result of SQLite is an ll_status:
 *
 *     LL_EFULL     disk or quota of the file system full, file size limit      LL_ENOMEM     out of memory
 *     LL_ECORRUPT  damaged, not a database, or another key                     LL_EIO        the disk failed
 *     LL_EBUSY     another connection writes (after DB_BUSY_MS)                LL_EREADONLY  opened so, or the file is
 *     LL_EEXISTS   a UNIQUE or PRIMARY KEY constraint                          LL_EINVAL     another constraint
 *     LL_ENOTFOUND, LL_EDENIED  opening only                                   LL_ELIMIT     a value over 1 GB
 *
 * Statements are prepared once per connection and found again by the address of their SQL literal:
 *
 *     db_stmt *q = db_prepare(d, "SELECT id, name FROM mailbox WHERE parent = ?1");
 *     db_bind_int(q, 1, parent);
 *     while ((status = db_step(q)) == LL_MORE) {
 *         ll_span name = db_column_text(q, 1);        borrowed until the next db_step or db_reset
 *     }
 *     if (status < 0) ...
 *
 * db_prepare never returns NULL, and binding never fails: errors of both are kept and come out of db_step. The same
 * literal must not be used again while a loop over it runs. A loop that is left early must db_reset, or the connection
 * keeps its view of the past.
 *
 * Threads: one connection is used by one thread at a time; different connections, also to one file, by different ones.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/text.h"

typedef struct db db;
typedef struct db_stmt db_stmt;

enum {
    DB_KEY = 32,         /* bytes of a key */
    DB_PAGE = 8192,      /* bytes of a page: the best of 4, 8 and 16 KiB with this cipher (dependencies.md 1.3) */
    DB_RESERVED = 32,    /* bytes of each page that the cipher takes */
    DB_BUSY_MS = 5000,   /* wait for another writer: each has one owner, so only a tool from outside can make us wait */
    DB_CACHE_KIB = 2048, /* page cache: the working set of an active mailbox (index pages); bodies pass through */
    DB_STATEMENTS = 256, /* different literals on one connection; more is our own bug */
    DB_WAL_BYTES =
        16 << 20 /* the WAL is cut back to this after a checkpoint, so that one big import does not keep its size */
};

enum {
    DB_CREATE = 1u << 0,  /* make the file (mode 0600) if it is not there */
    DB_READONLY = 1u << 1 /* never write, not even a checkpoint on close */
};

/* Start SQLite and register our cipher: done by db_open too. Any thread. LL_ENOMEM. */
LL_MUST_USE ll_status db_init(void);

/* *why (may be NULL) gets a sentence for the operator on failure. A wrong key is LL_ECORRUPT: the page does not
 * authenticate. A new file is durable by name when this returns, but has no tables yet: schema.h. */
LL_MUST_USE ll_status db_open(db **out, const char *path, const uint8_t key[DB_KEY], unsigned flags, text *why);
/* The same with another source of salts and nonces (keys/random.h), which must outlive it; NULL: the kernel. */
struct random_source;
LL_MUST_USE ll_status db_open_random(db **out, const char *path, const uint8_t key[DB_KEY], unsigned flags,
                                     const struct random_source *random, text *why);
/* The last connection to close moves the WAL into the file. NULL is fine. */
void db_close(db **d);
/* Free what can be made again: page cache and prepared statements. For connections that will idle. */
void db_shrink(db *d);
/* Bound the page cache (kibibytes) anew. */
void db_cache(db *d, unsigned kib);
/* For a while: what is read is large and not wanted again, so it passes through some pages instead of filling memory.
 */
void db_cache_narrow(db *d, bool on);

db_stmt *db_prepare(db *d, const char *literal);
/* Parameters count from 1. Spans must stay valid until the statement is done or reset; they may be empty. */
void db_bind_int(db_stmt *q, int n, int64_t value);
void db_bind_text(db_stmt *q, int n, ll_span value);
void db_bind_blob(db_stmt *q, int n, ll_span value);
void db_bind_null(db_stmt *q, int n);
/* LL_MORE: there is a row. LL_OK: done, and reset. Below 0: failed, and reset. */
LL_MUST_USE ll_status db_step(db_stmt *q);
/* For statements without rows: step once. Rows, if any, are ignored. */
LL_MUST_USE ll_status db_run(db_stmt *q);
/* The first column of the first row, then reset. LL_ENOTFOUND: no row. NULL is 0. */
LL_MUST_USE ll_status db_take_int(db_stmt *q, int64_t *out);
/* One row is expected: LL_OK with the row current (db_reset when done with it), LL_ENOTFOUND: no row, and reset. */
LL_MUST_USE ll_status db_first(db_stmt *q);
void db_reset(db_stmt *q);
/* Columns count from 0. Spans are borrowed until the next step or reset; NULL is an empty span with data == NULL. */
int64_t db_column_int(db_stmt *q, int n);
ll_span db_column_text(db_stmt *q, int n);
ll_span db_column_blob(db_stmt *q, int n);
bool db_column_is_null(db_stmt *q, int n);
/* Copy a blob of exactly `size` bytes. LL_ECORRUPT: it has another size. */
LL_MUST_USE ll_status db_column_copy(db_stmt *q, int n, void *out, size_t size);

/* The rowid of the last INSERT; rows changed by the last statement. */
int64_t db_last_id(db *d);
int64_t db_changes(db *d);

/* SQL without results, several statements allowed; not cached. Not for values from outside. */
LL_MUST_USE ll_status db_exec(db *d, const char *sql);

/* Whether the commits to come need not be on the disk when db_commit returns (synchronous=NORMAL): a loss of power then
 * takes away the last of them, in order, and damages nothing. A later commit that is not lazy carries them along. Not
 * inside a transaction. */
LL_MUST_USE ll_status db_lazy(db *d, bool lazy);

/* Write transaction: takes the write lock at once (BEGIN IMMEDIATE), so it fails here or not at all for being busy. */
LL_MUST_USE ll_status db_begin(db *d);
/* One view for several reads. End it with db_commit or db_rollback. */
LL_MUST_USE ll_status db_begin_read(db *d);
/* Durable when LL_OK. On failure the transaction is gone. */
LL_MUST_USE ll_status db_commit(db *d);
void db_rollback(db *d);
/* Inside a transaction, nested as you like: release keeps, undo forgets what was done since. Below 0 from undo: the
 * whole transaction is broken and must be rolled back. */
LL_MUST_USE ll_status db_savepoint(db *d);
LL_MUST_USE ll_status db_release(db *d);
LL_MUST_USE ll_status db_undo(db *d);
/* False also after SQLite has rolled back by itself (disk full, I/O error). */
bool db_in_transaction(db *d);

/* Give up to `pages` free pages back to the file system, in a write transaction. */
LL_MUST_USE ll_status db_vacuum(db *d, unsigned pages);
/* Take over into the file what -wal holds and make both as small as they can be: without this a file that got smaller
 * shows it only when as much was written again. Waits for nobody: with a reader in the way, as far as it goes. Outside
 * of transactions. */
void db_checkpoint(db *d);
/* A consistent encrypted copy under the same key, at a path that must not exist. Runs beside readers and writers. */
LL_MUST_USE ll_status db_copy_to(db *d, const char *path);
/* SQLite's own check of the whole file: LL_OK, LL_ECORRUPT with *why, or as db_step. Slow. */
LL_MUST_USE ll_status db_verify(db *d, text *why);
/* Text of the last failure on this connection, for logs; never holds values. */
const char *db_message(db *d);
/* An operation that runs on another thread ends with LL_ETIMEOUT. The one call that any thread may make. */
void db_interrupt(db *d);
/* SQLite's own handle, for what this header does not have (blob handles, functions). */
struct sqlite3;
struct sqlite3 *db_handle(db *d);

/* What one user of connections (packing.h) keeps with each: freed by db_close, and by db_shrink. NULL: nothing yet. */
typedef struct db_companion db_companion;
struct db_companion {
    void (*del)(db_companion *companion);
};
db_companion *db_companion_of(db *d);
void db_companion_set(db *d, db_companion *companion);

#endif
