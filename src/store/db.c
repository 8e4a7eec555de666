/* db.c - one connection to one encrypted SQLite file: opening, transactions, errors. Statements are in statement.c.
 * SPDX-License-Identifier: MIT
 *
 * Traps of SQLite3 Multiple Ciphers that are met here: keying switches secure_delete ON, so it is set after; page size
 * and auto_vacuum hold only if given before the first page is written; a database cannot be plaintext by mistake, as
 * the key has no default. */
#include "store/db_internal.h"

#include "base/memory.h"
#include "store/cipher.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_once_t db_once = PTHREAD_ONCE_INIT; /* SQLite itself is one per process, so its start is too */
static ll_status db_started;

static void db_start(void)
{
    db_started = keys_init();
    if (db_started == LL_OK && sqlite3_initialize() != SQLITE_OK) {
        db_started = LL_ENOMEM;
    }
    if (db_started == LL_OK) {
        db_started = cipher_register();
    }
}

ll_status db_init(void)
{
    pthread_once(&db_once, db_start);
    return db_started;
}

/* ------------------------------------------------------------------------------------------------------- Errors */

/* The system's reason behind SQLITE_IOERR and SQLITE_CANTOPEN. SQLite turns ENOSPC into SQLITE_FULL itself, but not its
 * sisters. */
static ll_status db_system_status(int system, ll_status otherwise)
{
    switch (system) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: /* RLIMIT_FSIZE */
        return LL_EFULL;
    case ENOMEM:
        return LL_ENOMEM;
    case ENOENT:
    case ENOTDIR:
        return LL_ENOTFOUND;
    case EACCES:
    case EPERM:
        return LL_EDENIED;
    case EROFS:
        return LL_EREADONLY;
    default:
        return otherwise;
    }
}

static ll_status db_constraint_status(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return LL_EEXISTS;
    default:
        return LL_EINVAL;
    }
}

static ll_status db_io_status(sqlite3 *handle, int extended)
{
    if (extended == SQLITE_IOERR_NOMEM) {
        return LL_ENOMEM;
    }
    if (extended == SQLITE_IOERR_CORRUPTFS || extended == SQLITE_IOERR_DATA) {
        return LL_ECORRUPT;
    }
    ll_status status = db_system_status(sqlite3_system_errno(handle), LL_EIO);
    return status == LL_EFULL || status == LL_ENOMEM ? status : LL_EIO;
}

ll_status db_status(sqlite3 *handle, int rc)
{
    int extended = sqlite3_extended_errcode(handle);
    if ((extended & 0xff) != (rc & 0xff)) {
        extended = rc;
    }
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return LL_OK;
    case SQLITE_NOMEM:
        return LL_ENOMEM;
    case SQLITE_FULL:
        return LL_EFULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return LL_EBUSY;
    case SQLITE_READONLY:
        return LL_EREADONLY;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return LL_EDENIED;
    case SQLITE_CONSTRAINT:
        return db_constraint_status(extended);
    case SQLITE_TOOBIG:
        return LL_ELIMIT;
    case SQLITE_INTERRUPT:
        return LL_ETIMEOUT;
    case SQLITE_IOERR:
        return db_io_status(handle, extended);
    case SQLITE_CANTOPEN:
        return db_system_status(sqlite3_system_errno(handle), LL_EIO);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_FORMAT:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR: /* our literals fit our schema: so the file's schema is another */
        return LL_ECORRUPT;
    default:
        return LL_EIO;
    }
}

const char *db_message(db *d)
{
    return sqlite3_errmsg(d->handle);
}

/* ------------------------------------------------------------------------------------------------------ Opening */

/* The file must be ours alone from its first moment (SQLite would make it 0644), and its name durable. -wal and -shm
 * take its mode. */
static ll_status db_file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return errno == EEXIST ? LL_OK : db_system_status(errno, LL_EIO);
    }
    close(fd);
    text folder;
    text_init(&folder, NULL, 1 << 16);
    const char *slash = strrchr(path, '/');
    text_add(&folder, slash ? span_of(path, (size_t)(slash - path) + 1) : SPAN("./"));
    ll_status status = text_status(&folder);
    int dir = status ? -1 : open(text_str(&folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!status && (dir < 0 || fsync(dir))) {
        status = db_system_status(errno, LL_EIO);
    }
    if (dir >= 0) {
        close(dir);
    }
    text_fini(&folder);
    return status;
}

static ll_status db_configure(db *d, unsigned flags, bool empty)
{
    static const char new_file[] = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL;";
    /* secure_delete: FAST wipes what is deleted where that costs no extra write; the rest lies in encrypted pages. */
    static const char always[] = "PRAGMA secure_delete = FAST; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                                 "PRAGMA cell_size_check = ON;";
    static const char writer[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 1000;";
    static_assert(DB_PAGE == 8192 && DB_WAL_BYTES == 16777216, "as in the text above");
    sqlite3_busy_timeout(d->handle, DB_BUSY_MS);
    sqlite3_extended_result_codes(d->handle, 1);
    sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    db_cache(d, DB_CACHE_KIB);
    /* Also without DB_CREATE: a crash may have left the file empty, and journal_mode would give it a first page. Never
     * on another file, which may be a newer program's: auto_vacuum would write its first page anew, with three syncs.
     */
    ll_status status = empty && !(flags & DB_READONLY) ? db_exec(d, new_file) : LL_OK;
    if (status == LL_OK) {
        status = db_exec(d, always);
    }
    if (status == LL_OK) { /* the first page that is read: here a wrong key shows */
        status = db_exec(d, "SELECT count(*) FROM sqlite_schema");
    }
    if (status == LL_OK && !(flags & DB_READONLY)) {
        status = db_exec(d, writer);
    }
    return status;
}

static void db_explain(text *why, const char *path, ll_status status, const char *message)
{
    if (why && status == LL_ECORRUPT) {
        text_print(why, "%s: it is damaged, or this is not its key (%s)", path, message);
    } else if (why) {
        text_print(why, "%s: %s (%s)", path, ll_status_text(status), message);
    }
}

static ll_status db_open_handle(db *d, const char *path, const uint8_t key[DB_KEY], unsigned flags,
                                const struct random_source *random)
{
    int mode = flags & DB_READONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int rc = sqlite3_open_v2(path, &d->handle, mode | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK) {
        return d->handle ? db_status(d->handle, rc) : LL_ENOMEM;
    }
    ll_status status = cipher_key(d->handle, key, random);
    struct stat file;
    bool empty = stat(path, &file) || file.st_size == 0;
    return status ? status : db_configure(d, flags, empty);
}

ll_status db_open(db **out, const char *path, const uint8_t key[DB_KEY], unsigned flags, text *why)
{
    return db_open_random(out, path, key, flags, NULL, why);
}

ll_status db_open_random(db **out, const char *path, const uint8_t key[DB_KEY], unsigned flags,
                         const struct random_source *random, text *why)
{
    *out = NULL;
    ll_status status = db_init();
    if (status == LL_OK && (flags & DB_CREATE) && !(flags & DB_READONLY)) {
        status = db_file_create(path);
    }
    db *d = status ? NULL : memory_new(NULL, sizeof *d);
    if (!d) {
        status = status ? status : LL_ENOMEM;
        db_explain(why, path, status, "cannot make the file");
        return status;
    }
    status = db_open_handle(d, path, key, flags, random);
    if (status) {
        db_explain(why, path, status, d->handle ? sqlite3_errmsg(d->handle) : "no handle");
        db_close(&d);
        return status;
    }
    *out = d;
    return LL_OK;
}

void db_close(db **d)
{
    if (!*d) {
        return;
    }
    db_companion_set(*d, NULL);
    db_statements_fini(*d);
    sqlite3_close_v2((*d)->handle);
    memory_free(NULL, *d);
    *d = NULL;
}

db_companion *db_companion_of(db *d)
{
    return d->companion;
}

void db_companion_set(db *d, db_companion *companion)
{
    if (d->companion) {
        d->companion->del(d->companion);
    }
    d->companion = companion;
}

void db_shrink(db *d)
{
    db_companion_set(d, NULL);
    db_statements_fini(d);
    sqlite3_db_release_memory(d->handle);
}

static void db_cache_bound(db *d, unsigned kib)
{
    char sql[48];
    sqlite3_snprintf((int)sizeof sql, sql, "PRAGMA cache_size = -%u", kib);
    (void)sqlite3_exec(d->handle, sql, NULL, NULL, NULL); /* fails without memory only, and then the old bound stays */
}

void db_cache(db *d, unsigned kib)
{
    d->cache_kib = kib;
    db_cache_bound(d, kib);
}

void db_cache_narrow(db *d, bool on)
{
    enum { narrow_kib = 64 };
    db_cache_bound(d, on ? narrow_kib : d->cache_kib);
}

/* ------------------------------------------------------------------------------------------------- Transactions */

int64_t db_last_id(db *d)
{
    return sqlite3_last_insert_rowid(d->handle);
}

int64_t db_changes(db *d)
{
    return sqlite3_changes64(d->handle);
}

ll_status db_exec(db *d, const char *sql)
{
    int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? LL_OK : db_status(d->handle, rc);
}

/* Arrays, not literals, so that everybody finds the same statement. */
static const char db_sql_commit[] = "COMMIT", db_sql_rollback[] = "ROLLBACK", db_sql_savepoint[] = "SAVEPOINT step",
                  db_sql_release[] = "RELEASE step", db_sql_undo[] = "ROLLBACK TO step";

/* What ends a transaction is prepared before it begins: being out of memory must not keep one open. */
static ll_status db_begin_with(db *d, const char *literal)
{
    static const char *const ends[] = {db_sql_commit, db_sql_rollback, db_sql_release, db_sql_undo};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        ll_status status = db_prepare(d, ends[i])->status;
        if (status) {
            return status;
        }
    }
    return db_run(db_prepare(d, literal));
}

ll_status db_lazy(db *d, bool lazy)
{
    if (d->lazy == lazy)
        return LL_OK;
    ll_status status = db_exec(d, lazy ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL");
    if (!status)
        d->lazy = lazy;
    return status;
}

ll_status db_begin(db *d)
{
    return db_begin_with(d, "BEGIN IMMEDIATE");
}

ll_status db_begin_read(db *d)
{
    return db_begin_with(d, "BEGIN");
}

ll_status db_commit(db *d)
{
    ll_status status = db_run(db_prepare(d, db_sql_commit));
    if (status) {
        db_rollback(d);
    }
    return status;
}

void db_rollback(db *d)
{
    if (db_in_transaction(d) && db_run(db_prepare(d, db_sql_rollback))) {
        return; /* it only fails when SQLite has rolled back by itself */
    }
}

ll_status db_savepoint(db *d)
{
    return db_run(db_prepare(d, db_sql_savepoint));
}

ll_status db_release(db *d)
{
    return db_run(db_prepare(d, db_sql_release));
}

ll_status db_undo(db *d)
{
    ll_status status = db_in_transaction(d) ? db_run(db_prepare(d, db_sql_undo)) : LL_EIO;
    return status ? status : db_release(d);
}

bool db_in_transaction(db *d)
{
    return !sqlite3_get_autocommit(d->handle);
}

/* -------------------------------------------------------------------------------------------------- Maintenance */

ll_status db_vacuum(db *d, unsigned pages)
{
    char sql[48];
    sqlite3_snprintf((int)sizeof sql, sql, "PRAGMA incremental_vacuum(%u)", pages);
    return db_exec(d, sql);
}

void db_checkpoint(db *d)
{
    sqlite3_busy_timeout(d->handle, 0);
    (void)sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(d->handle, DB_BUSY_MS);
}

ll_status db_copy_to(db *d, const char *path)
{
    if (access(path, F_OK) == 0) {
        return LL_EEXISTS;
    }
    ll_status status = db_file_create(path);
    if (status) {
        return status;
    }
    db_stmt *q = db_prepare(d, "VACUUM INTO ?1"); /* an empty file is welcome to it; key and salt are inherited */
    db_bind_text(q, 1, span_str(path));
    status = db_run(q);
    if (status) {
        unlink(path);
    }
    return status;
}

ll_status db_verify(db *d, text *why)
{
    db_stmt *q = db_prepare(d, "PRAGMA integrity_check(10)");
    ll_status status;
    bool good = true;
    while ((status = db_step(q)) == LL_MORE) {
        ll_span line = db_column_text(q, 0);
        if (span_equal(line, SPAN("ok"))) {
            continue;
        }
        if (why) {
            text_add_str(why, good ? "" : "; ");
            text_add(why, line);
        }
        good = false;
    }
    return status == LL_OK && !good ? LL_ECORRUPT : status;
}

void db_interrupt(db *d)
{
    sqlite3_interrupt(d->handle);
}

struct sqlite3 *db_handle(db *d)
{
    return d->handle;
}
