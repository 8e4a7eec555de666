/* A host with an SQLite of its own in the same process: neither sees the other. Built twice, against the shared and the
 * static library. SPDX-License-Identifier: MIT */
#include <letterlock.h>

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed;

static void check(bool good, const char *what)
{
    if (!good) {
        failed++;
        printf("failed: %s\n", what);
    }
}

static void use_vault(const char *path)
{
    static const uint8_t key[LL_VAULT_KEY] = {1, 2, 3};
    ll_vault *vault = NULL;
    const ll_connector *methods = NULL;
    void *self = NULL;
    ll_vault_config config = {.size = sizeof config};
    check(ll_vault_create(path, key, false) == LL_OK, "create a vault");
    check(ll_vault_open(&vault, path, key, &config) == LL_OK, "open the vault");
    check(ll_vault_connector(vault, NULL, NULL, &methods, &self) == LL_OK, "a connector");
    check(ll_vault_close(&vault) == LL_EBUSY, "it is in use");
    methods->end(self);
    check(ll_vault_close(&vault) == LL_OK, "close the vault");
}

static void use_sqlite(const char *path)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *q = NULL;
    check(sqlite3_open(path, &handle) == SQLITE_OK, "open a database of the host");
    check(sqlite3_exec(handle, "CREATE TABLE t(a); INSERT INTO t VALUES(7)", NULL, NULL, NULL) == SQLITE_OK,
          "write it");
    check(sqlite3_prepare_v2(handle, "SELECT a FROM t", -1, &q, NULL) == SQLITE_OK, "ask it");
    check(sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int(q, 0) == 7, "read it");
    sqlite3_finalize(q);
    sqlite3_close(handle);
    char header[16] = "";
    FILE *file = fopen(path, "rb");
    check(file && fread(header, 1, sizeof header, file) == sizeof header && !memcmp(header, "SQLite format 3", 16),
          "its file is plain: no cipher has got into the host's SQLite");
    if (file)
        fclose(file);
}

int main(void)
{
    char folder[] = "/tmp/ll-host-XXXXXX", vault[64], own[64];
    if (!mkdtemp(folder))
        return 1;
    snprintf(vault, sizeof vault, "%s/vault", folder);
    snprintf(own, sizeof own, "%s/own", folder);
    use_vault(vault);
    /* This fails once an SQLite has been started: the library has started its own, and only that. */
    check(sqlite3_config(SQLITE_CONFIG_SERIALIZED) == SQLITE_OK, "the host's SQLite has not been started");
    check(!strcmp(sqlite3_libversion(), SQLITE_VERSION), "the host calls its own");
    check(!sqlite3_compileoption_used("OMIT_AUTOINIT"), "with its own options");
    use_sqlite(own);
    remove(own);
    remove(vault);
    rmdir(folder);
    return failed != 0;
}
