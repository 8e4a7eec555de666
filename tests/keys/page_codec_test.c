/* page_codec_test.c - our pages and those of the stock cipher, read by each other.
 * SPDX-License-Identifier: MIT */
#include "test.h"

#include "keys/page_codec.h"
#include "keys/random.h"

#include <sqlite3.h>
#include <unistd.h>

static char folder[] = "/tmp/letterlock-page-codec-XXXXXX";
static char path[128];
static uint8_t key[KEYS_KEY];
static const size_t page_sizes[] = {512, 4096, 8192, 16384, 65536};

static int setup(void **state)
{
    (void)state;
    if (keys_init() || sqlite3_initialize() || !mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/vault", folder);
    random_bytes(key, sizeof key);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void run(sqlite3 *db, const char *sql)
{
    char *error = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
        fail_msg("%s: %s", sql, error ? error : "?");
}

/* With the stock cipher and our raw key. */
static sqlite3 *open_stock(void)
{
    sqlite3 *db;
    uint8_t raw[4 + KEYS_KEY] = {'r', 'a', 'w', ':'};
    memcpy(raw + 4, key, KEYS_KEY);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    run(db, "PRAGMA cipher = 'chacha20'");
    assert_int_equal(sqlite3_key_v2(db, "main", raw, sizeof raw), SQLITE_OK);
    return db;
}

/* A file of some hundred KB, and its plain image (sqlite3_free it). */
static uint8_t *make_stock(size_t page_size, size_t *size)
{
    char sql[64];
    unlink(path);
    sqlite3 *db = open_stock();
    snprintf(sql, sizeof sql, "PRAGMA page_size = %zu", page_size);
    run(db, sql);
    run(db,
        "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
        "INSERT INTO t SELECT i, randomblob(i * 3) FROM n");
    sqlite3_int64 bytes = 0;
    uint8_t *image = sqlite3_serialize(db, "main", &bytes, 0);
    assert_non_null(image);
    sqlite3_close(db);
    *size = (size_t)bytes;
    return image;
}

static uint8_t *read_file(size_t size)
{
    uint8_t *bytes = malloc(size);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, size, file), size);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
    return bytes;
}

static void write_file(const uint8_t *bytes, size_t size)
{
    unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static page_codec *codec_with(const uint8_t salt[KEYS_SALT])
{
    page_codec *codec;
    assert_int_equal(page_codec_new(&codec, key, salt), LL_OK);
    return codec;
}

/* What stock wrote, we read: every page is that of the plain image but for the reserved bytes. */
static void we_read_stock(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof page_sizes / sizeof page_sizes[0]; p++) {
        size_t page = page_sizes[p], size;
        uint8_t *image = make_stock(page, &size), *file = read_file(size);
        assert_true(size > 2 * page);
        page_codec *codec = codec_with(file);
        for (size_t n = 0; n < size / page; n++) {
            assert_int_equal(page_codec_decrypt(codec, file + n * page, page, (uint32_t)n + 1), LL_OK);
            assert_memory_equal(file + n * page, image + n * page, page - PAGE_CODEC_RESERVED);
        }
        page_codec_del(&codec);
        free(file);
        sqlite3_free(image);
    }
}

static int want_ok(void *context, int columns, char **values, char **names)
{
    (void)names;
    if (columns == 1 && values[0] && strcmp(values[0], "ok") == 0)
        ++*(int *)context;
    return 0;
}

/* Encrypt the image with ours and let stock check every page of it. */
static void stock_checks(uint8_t *image, size_t size, size_t page, page_codec *codec)
{
    for (size_t n = 0; n < size / page; n++)
        assert_int_equal(page_codec_encrypt(codec, image + n * page, page, (uint32_t)n + 1), LL_OK);
    write_file(image, size);
    sqlite3 *db = open_stock();
    int ok = 0;
    assert_int_equal(sqlite3_exec(db, "PRAGMA integrity_check", want_ok, &ok, NULL), SQLITE_OK);
    assert_int_equal(ok, 1);
    run(db, "SELECT count(*), sum(length(body)) FROM t; INSERT INTO t VALUES (NULL, randomblob(99)); DELETE FROM t "
            "WHERE id = 7");
    sqlite3_close(db);
}

static void stock_reads_ours(void **state)
{
    (void)state;
    static const uint32_t counters[] = {0, 0xfffffff0, 0xffffffff, 0xfffffffe};
    for (size_t p = 0; p < sizeof page_sizes / sizeof page_sizes[0]; p++)
        for (size_t forced = 0; forced < sizeof counters / sizeof counters[0]; forced++) {
            size_t page = page_sizes[p], size;
            uint8_t salt[KEYS_SALT], *image = make_stock(page, &size);
            random_bytes(salt, sizeof salt);
            page_codec *codec = codec_with(salt);
            if (forced)
                page_codec_force_counter(codec, counters[forced]);
            stock_checks(image, size, page, codec);
            page_codec_del(&codec);
            sqlite3_free(image);
        }
}

/* Both sides of the wrap agree in our own hands too. */
static void round_trip(void **state)
{
    (void)state;
    uint8_t salt[KEYS_SALT] = {1}, *page = malloc(65536), *plain = malloc(65536);
    page_codec *first = codec_with(salt), *codec;
    assert_int_equal(page_codec_copy(&codec, first), LL_OK);
    page_codec_del(&first);
    assert_memory_equal(page_codec_salt(codec), salt, KEYS_SALT);
    random_bytes(plain, 65536);
    for (uint32_t back = 0; back < 140; back++) {
        page_codec_force_counter(codec, 0u - back);
        memcpy(page, plain, 8192);
        assert_int_equal(page_codec_encrypt(codec, page, 8192, 5), LL_OK);
        assert_memory_not_equal(page, plain, 8192 - 32);
        assert_int_equal(page_codec_decrypt(codec, page, 8192, 5), LL_OK);
        assert_memory_equal(page, plain, 8192 - 32);
    }
    /* Page 1 begins with SQLite's magic again. */
    memcpy(page, plain, 4096);
    assert_int_equal(page_codec_encrypt(codec, page, 4096, 1), LL_OK);
    assert_memory_equal(page, salt, KEYS_SALT);
    assert_memory_equal(page + 16, plain + 16, 8);
    assert_int_equal(page_codec_decrypt(codec, page, 4096, 1), LL_OK);
    assert_memory_equal(page, "SQLite format 3", 16);
    assert_memory_equal(page + 16, plain + 16, 4096 - 48);
    page_codec_del(&codec);
    free(page);
    free(plain);
}

static void refused(void **state)
{
    (void)state;
    uint8_t salt[KEYS_SALT] = {1}, page[4096] = {0}, kept[4096], other[KEYS_KEY] = {9};
    page_codec *codec = codec_with(salt);
    assert_int_equal(page_codec_encrypt(codec, page, 4095, 2), LL_EINVAL);
    assert_int_equal(page_codec_encrypt(codec, page, 256, 2), LL_EINVAL);
    assert_int_equal(page_codec_encrypt(codec, page, 4096, 0), LL_EINVAL);
    assert_int_equal(page_codec_decrypt(codec, page, 0, 1), LL_EINVAL);
    assert_int_equal(page_codec_decrypt(codec, page, 4096, 2), LL_ECORRUPT);
    assert_int_equal(page_codec_encrypt(codec, page, 4096, 2), LL_OK);
    memcpy(kept, page, 4096);
    assert_int_equal(page_codec_decrypt(codec, page, 4096, 3), LL_ECORRUPT);
    for (size_t i = 0; i < 4096; i += 37) {
        page[i] ^= 1;
        assert_int_equal(page_codec_decrypt(codec, page, 4096, 2), LL_ECORRUPT);
        page[i] ^= 1;
    }
    assert_memory_equal(kept, page, 4096);
    assert_int_equal(page_codec_set(codec, other, salt), LL_OK);
    assert_int_equal(page_codec_decrypt(codec, page, 4096, 2), LL_ECORRUPT);
    page_codec *right = codec_with(salt);
    assert_int_equal(page_codec_assign(codec, right), LL_OK);
    page_codec_del(&right);
    assert_int_equal(page_codec_decrypt(codec, page, 4096, 2), LL_OK);
    page_codec_del(&codec);
    page_codec_del(&codec);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(we_read_stock), cmocka_unit_test(stock_reads_ours),
                                       cmocka_unit_test(round_trip), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
