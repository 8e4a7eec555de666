/* db_test.c - connections, statements, transactions, and that the stock cipher reads our files.
 * SPDX-License-Identifier: MIT */
#include "scratch.h"

#include "store/db.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const uint8_t key[DB_KEY] = "0123456789abcdef0123456789abcde";
static const uint8_t other_key[DB_KEY] = "0123456789abcdef0123456789abcdX";

static db *open_new(const scratch *s)
{
    db *d;
    text why;
    text_init(&why, NULL, 1024);
    ll_status status = db_open(&d, scratch_path(s, "a.sqlite"), key, DB_CREATE, &why);
    if (status) {
        fail_msg("%s", text_str(&why));
    }
    text_fini(&why);
    return d;
}

static int64_t number_of(db *d, const char *literal)
{
    int64_t n = -1;
    assert_int_equal(db_take_int(db_prepare(d, literal), &n), LL_OK);
    return n;
}

static void settings_hold(void **state)
{
    (void)state;
    scratch s;
    struct stat st;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a)"), LL_OK);
    assert_int_equal(number_of(d, "PRAGMA page_size"), DB_PAGE);
    assert_int_equal(number_of(d, "PRAGMA synchronous"), 2);
    assert_int_equal(number_of(d, "PRAGMA foreign_keys"), 1);
    assert_int_equal(number_of(d, "PRAGMA secure_delete"), 2);
    assert_int_equal(number_of(d, "PRAGMA auto_vacuum"), 2);
    assert_int_equal(number_of(d, "PRAGMA cache_size"), -DB_CACHE_KIB);
    assert_int_equal(stat(scratch_path(&s, "a.sqlite"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(scratch_path(&s, "a.sqlite-wal"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    db_close(&d);
    assert_null(d);
    db_close(&d);
    scratch_fini(&s);
}

static void values_come_back(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB) STRICT"), LL_OK);
    db_stmt *q = db_prepare(d, "INSERT INTO t VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, 7);
    db_bind_text(q, 2, SPAN("caf\xc3\xa9"));
    db_bind_blob(q, 3, span_of("a\0b", 3));
    assert_int_equal(db_run(q), LL_OK);
    assert_int_equal(db_last_id(d), 7);
    assert_int_equal(db_changes(d), 1);
    q = db_prepare(d, "SELECT b, c, NULL, a FROM t");
    assert_int_equal(db_first(q), LL_OK);
    assert_true(span_equal(db_column_text(q, 0), SPAN("caf\xc3\xa9")));
    assert_true(span_equal(db_column_blob(q, 1), span_of("a\0b", 3)));
    assert_true(db_column_is_null(q, 2));
    assert_null(db_column_blob(q, 2).data);
    char three[4];
    assert_int_equal(db_column_copy(q, 1, three, 3), LL_OK);
    assert_int_equal(db_column_copy(q, 1, three, 4), LL_ECORRUPT);
    assert_int_equal(db_step(q), LL_OK);
    /* the same key again, an empty blob, a NULL where none may be */
    q = db_prepare(d, "INSERT INTO t VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, 7);
    assert_int_equal(db_run(q), LL_EEXISTS);
    q = db_prepare(d, "INSERT INTO t VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, 8);
    db_bind_blob(q, 3, span_of(NULL, 0));
    assert_int_equal(db_run(q), LL_OK);
    q = db_prepare(d, "SELECT c, b FROM t WHERE a = 8");
    assert_int_equal(db_first(q), LL_OK);
    assert_non_null(db_column_blob(q, 0).data);
    assert_int_equal(db_column_blob(q, 0).size, 0);
    assert_null(db_column_text(q, 1).data); /* bindings were cleared */
    db_reset(q);
    int64_t n;
    assert_int_equal(db_take_int(db_prepare(d, "SELECT a FROM t WHERE a = 99"), &n), LL_ENOTFOUND);
    assert_int_equal(db_run(db_prepare(d, "SELECT nothing FROM nowhere")), LL_ECORRUPT);
    db_close(&d);
    scratch_fini(&s);
}

static void statements_survive_shrink(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(number_of(d, "SELECT 1"), 1);
    db_shrink(d);
    assert_int_equal(number_of(d, "SELECT 1"), 1);
    assert_int_equal(number_of(d, "SELECT 2"), 2);
    db_close(&d);
    scratch_fini(&s);
}

static void transactions_nest(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a)"), LL_OK);
    assert_int_equal(db_begin(d), LL_OK);
    assert_true(db_in_transaction(d));
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(1)"), LL_OK);
    assert_int_equal(db_savepoint(d), LL_OK);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(2)"), LL_OK);
    assert_int_equal(db_savepoint(d), LL_OK);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(3)"), LL_OK);
    assert_int_equal(db_release(d), LL_OK);
    assert_int_equal(db_undo(d), LL_OK);
    assert_int_equal(db_commit(d), LL_OK);
    assert_int_equal(number_of(d, "SELECT sum(a) FROM t"), 1);
    assert_int_equal(db_begin(d), LL_OK);
    assert_int_equal(db_exec(d, "DELETE FROM t"), LL_OK);
    db_rollback(d);
    assert_false(db_in_transaction(d));
    db_rollback(d);
    assert_int_equal(number_of(d, "SELECT sum(a) FROM t"), 1);
    db_close(&d);
    scratch_fini(&s);
}

static void a_reader_sees_commits_and_cannot_write(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s), *r;
    assert_int_equal(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(1)"), LL_OK);
    assert_int_equal(db_open(&r, scratch_path(&s, "a.sqlite"), key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(number_of(r, "SELECT sum(a) FROM t"), 1);
    assert_int_equal(db_begin(d), LL_OK);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(2)"), LL_OK);
    assert_int_equal(number_of(r, "SELECT sum(a) FROM t"), 1); /* not committed: and no waiting */
    assert_int_equal(db_commit(d), LL_OK);
    assert_int_equal(number_of(r, "SELECT sum(a) FROM t"), 3);
    assert_int_equal(db_begin_read(r), LL_OK);
    assert_int_equal(number_of(r, "SELECT sum(a) FROM t"), 3);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES(4)"), LL_OK);
    assert_int_equal(number_of(r, "SELECT sum(a) FROM t"), 3); /* one view */
    db_rollback(r);
    assert_int_equal(db_exec(r, "INSERT INTO t VALUES(2)"), LL_EREADONLY);
    db_close(&r);
    db_close(&d);
    scratch_fini(&s);
}

static void bad_opens(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    text why;
    text_init(&why, NULL, 4096);
    db *d;
    assert_int_equal(db_open(&d, scratch_path(&s, "none.sqlite"), key, 0, &why), LL_ENOTFOUND);
    assert_null(d);
    assert_int_equal(db_open(&d, scratch_path(&s, "no/such.sqlite"), key, DB_CREATE, &why), LL_ENOTFOUND);
    d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a)"), LL_OK);
    db_close(&d);
    text_clear(&why);
    assert_int_equal(db_open(&d, scratch_path(&s, "a.sqlite"), other_key, 0, &why), LL_ECORRUPT);
    assert_non_null(strstr(text_str(&why), "not its key"));
    FILE *plain = fopen(scratch_path(&s, "plain.sqlite"), "w");
    for (int i = 0; i < 2000; i++) {
        fputs("SQLite format 3\0", plain);
        fputs("hello", plain);
    }
    fclose(plain);
    assert_int_equal(db_open(&d, scratch_path(&s, "plain.sqlite"), key, 0, &why), LL_ECORRUPT);
    text_fini(&why);
    scratch_fini(&s);
}

/* A crash between making the file and its first page: the next open, even one that does not create, must not spoil it.
 */
static void an_empty_file_is_as_good_as_new(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    close(open(scratch_path(&s, "a.sqlite"), O_CREAT | O_WRONLY, 0600));
    db *d;
    assert_int_equal(db_open(&d, scratch_path(&s, "a.sqlite"), key, 0, NULL), LL_OK);
    db_close(&d);
    d = open_new(&s);
    assert_int_equal(number_of(d, "PRAGMA page_size"), DB_PAGE);
    assert_int_equal(number_of(d, "PRAGMA auto_vacuum"), 2);
    db_close(&d);
    scratch_fini(&s);
}

/* One handle through the plain API, as any other tool would. */
static sqlite3 *stock_open(const char *path, const char *cipher)
{
    sqlite3 *h;
    char raw[4 + DB_KEY] = "raw:";
    memcpy(raw + 4, key, DB_KEY);
    assert_int_equal(sqlite3_open(path, &h), SQLITE_OK);
    sqlite3mc_config(h, "cipher", sqlite3mc_cipher_index(cipher));
    assert_int_equal(sqlite3_key_v2(h, "main", raw, sizeof raw), SQLITE_OK);
    return h;
}

static void stock_cipher_reads_and_writes(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(
        db_exec(d, "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                   "SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, randomblob(3000) FROM n"),
        LL_OK);
    db_close(&d);
    sqlite3 *h = stock_open(scratch_path(&s, "a.sqlite"), "chacha20");
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_prepare_v2(h, "PRAGMA integrity_check", -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(q, 0), "ok");
    sqlite3_finalize(q);
    assert_int_equal(sqlite3_exec(h, "INSERT INTO t VALUES(1000, randomblob(50000))", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    assert_int_equal(db_open(&d, scratch_path(&s, "a.sqlite"), key, 0, NULL), LL_OK);
    assert_int_equal(number_of(d, "SELECT count(*) FROM t"), 301);
    assert_int_equal(db_verify(d, NULL), LL_OK);
    db_close(&d);
    /* the cipher names of the library do not clash, and a hexadecimal key works in ours too */
    h = stock_open(scratch_path(&s, "a.sqlite"), "letterlock");
    assert_int_equal(sqlite3_exec(h, "SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    char pragma[128] = "PRAGMA cipher = 'letterlock'; PRAGMA key = 'raw:";
    for (size_t i = 0; i < DB_KEY; i++) {
        snprintf(pragma + strlen(pragma), 4, "%02x", key[i]);
    }
    strcat(pragma, "'");
    assert_int_equal(sqlite3_open(scratch_path(&s, "a.sqlite"), &h), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, pragma, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(h, "SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(h);
    /* a passphrase is refused */
    assert_int_equal(sqlite3_open(scratch_path(&s, "a.sqlite"), &h), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(h, "PRAGMA cipher = 'letterlock'; PRAGMA key = 'secret'; SELECT * FROM t", NULL, NULL, NULL),
        SQLITE_NOTADB);
    sqlite3_close(h);
    scratch_fini(&s);
}

static bool file_has(const char *path, const char *marker)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        return false;
    }
    static char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return memmem(bytes, size, marker, strlen(marker)) != NULL;
}

static void nothing_in_clear(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE marker_table(a); INSERT INTO marker_table VALUES('marker_value')"),
                     LL_OK);
    assert_false(file_has(scratch_path(&s, "a.sqlite-wal"), "marker"));
    db_close(&d);
    assert_false(file_has(scratch_path(&s, "a.sqlite"), "marker"));
    assert_false(file_has(scratch_path(&s, "a.sqlite"), "SQLite format"));
    scratch_fini(&s);
}

static void damage_is_found(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(
        db_exec(d, "CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                   "SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT i, randomblob(5000) FROM n"),
        LL_OK);
    db_close(&d);
    int fd = open(scratch_path(&s, "a.sqlite"), O_RDWR);
    assert_int_equal(pwrite(fd, "x", 1, 10 * DB_PAGE + 77), 1);
    close(fd);
    assert_int_equal(db_open(&d, scratch_path(&s, "a.sqlite"), key, 0, NULL), LL_OK);
    assert_int_equal(db_run(db_prepare(d, "SELECT b FROM t WHERE a = 1")),
                     LL_OK); /* the rest still reads (invariant 8) */
    text why;
    text_init(&why, NULL, 4096);
    assert_int_equal(db_verify(d, &why), LL_ECORRUPT);
    text_fini(&why);
    db_close(&d);
    scratch_fini(&s);
}

static void copies_open_with_the_same_key(void **state)
{
    (void)state;
    scratch s;
    struct stat st;
    scratch_init(&s);
    db *d = open_new(&s), *copy;
    assert_int_equal(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(42)"), LL_OK);
    assert_int_equal(db_copy_to(d, scratch_path(&s, "b.sqlite")), LL_OK);
    assert_int_equal(db_copy_to(d, scratch_path(&s, "b.sqlite")), LL_EEXISTS);
    assert_int_equal(stat(scratch_path(&s, "b.sqlite"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(db_open(&copy, scratch_path(&s, "b.sqlite"), other_key, 0, NULL), LL_ECORRUPT);
    assert_int_equal(db_open(&copy, scratch_path(&s, "b.sqlite"), key, 0, NULL), LL_OK);
    assert_int_equal(number_of(copy, "SELECT a FROM t"), 42);
    db_close(&copy);
    db_close(&d);
    scratch_fini(&s);
}

static void a_full_disk_is_said_so(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES('kept')"), LL_OK);
    struct rlimit before, small = {1 << 20, 1 << 20};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    ll_status status = db_begin(d);
    for (int i = 0; status == LL_OK && i < 100; i++) {
        status = db_exec(d, "INSERT INTO t VALUES(randomblob(100000))");
    }
    status = status ? status : db_commit(d);
    db_rollback(d);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, LL_EFULL);
    assert_false(db_in_transaction(d));
    assert_int_equal(number_of(d, "SELECT count(*) FROM t"), 1);
    assert_int_equal(db_exec(d, "INSERT INTO t VALUES('again')"), LL_OK);
    assert_int_equal(db_verify(d, NULL), LL_OK);
    db_close(&d);
    scratch_fini(&s);
}

static void free_pages_go_back(void **state)
{
    (void)state;
    scratch s;
    scratch_init(&s);
    db *d = open_new(&s);
    assert_int_equal(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(randomblob(1000000)); DELETE FROM t"), LL_OK);
    int64_t before = number_of(d, "PRAGMA page_count");
    assert_int_equal(db_begin(d), LL_OK);
    assert_int_equal(db_vacuum(d, 50), LL_OK);
    assert_int_equal(db_commit(d), LL_OK);
    assert_int_equal(number_of(d, "PRAGMA page_count"), before - 50);
    db_close(&d);
    scratch_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_hold),
        cmocka_unit_test(values_come_back),
        cmocka_unit_test(statements_survive_shrink),
        cmocka_unit_test(transactions_nest),
        cmocka_unit_test(a_reader_sees_commits_and_cannot_write),
        cmocka_unit_test(bad_opens),
        cmocka_unit_test(an_empty_file_is_as_good_as_new),
        cmocka_unit_test(stock_cipher_reads_and_writes),
        cmocka_unit_test(nothing_in_clear),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(copies_open_with_the_same_key),
        cmocka_unit_test(a_full_disk_is_said_so),
        cmocka_unit_test(free_pages_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
