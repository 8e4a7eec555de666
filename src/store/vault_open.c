/* vault_open.c - making, opening and closing a vault; see vault.h
 * SPDX-License-Identifier: MIT */
#include "store/vault.h"

#include "base/memory.h"
#include "store/mailbox_tree.h"
#include "store/mailbox_view.h"
#include "store/purge.h"
#include "store/schema.h"
#include "store/search_index.h"
#include "store/vault_state.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---------------------------------------------------------------------------------------------------- Meta */

static db_stmt *meta_select(db *d, const char *key)
{
    db_stmt *q = db_prepare(d, "SELECT value FROM meta WHERE key = ?1");
    db_bind_text(q, 1, span_str(key));
    return q;
}

ll_status vault_meta_int(db *d, const char *key, int64_t *value)
{
    ll_status status = db_take_int(meta_select(d, key), value);
    return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
}

ll_status vault_meta_blob(db *d, const char *key, void *out, size_t size)
{
    db_stmt *q = meta_select(d, key);
    ll_status status = db_first(q);
    if (status)
        return status == LL_ENOTFOUND ? LL_ECORRUPT : status;
    status = db_column_copy(q, 0, out, size);
    db_reset(q);
    return status;
}

static db_stmt *meta_replace(db *d, const char *key)
{
    db_stmt *q = db_prepare(d, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)");
    db_bind_text(q, 1, span_str(key));
    return q;
}

ll_status vault_meta_set_int(db *d, const char *key, int64_t value)
{
    db_stmt *q = meta_replace(d, key);
    db_bind_int(q, 2, value);
    return db_run(q);
}

ll_status vault_meta_set_blob(db *d, const char *key, const void *data, size_t size)
{
    db_stmt *q = meta_replace(d, key);
    db_bind_blob(q, 2, span_of(data, size));
    return db_run(q);
}

ll_status vault_drop_secret(db *d, uint8_t secret[KEYS_KEY])
{
    return vault_meta_blob(d, "drop_secret", secret, KEYS_KEY);
}

/* -------------------------------------------------------------------------------------------------- Create */

static ll_status fill_meta(writer *w, const uint8_t alias[KEYS_ID], const uint8_t drop_public[KEYS_KEY],
                           const uint8_t drop_secret[KEYS_KEY])
{
    db *d = w->db;
    ll_status status = vault_meta_set_blob(d, "alias", alias, KEYS_ID);
    if (!status)
        status = vault_meta_set_blob(d, "drop_public", drop_public, KEYS_KEY);
    if (!status)
        status = vault_meta_set_blob(d, "drop_secret", drop_secret, KEYS_KEY);
    if (!status)
        status = vault_meta_set_int(d, "created", vault_now(w->vault));
    if (!status)
        status = vault_meta_set_int(d, "bytes", 0);
    if (!status)
        status = vault_meta_set_int(d, "messages", 0);
    if (!status)
        status = vault_meta_set_int(d, "modseq", (int64_t)w->modseq);
    return status ? status : vault_meta_set_int(d, "uidvalidity", w->uidvalidity);
}

static ll_status fill(db *d, const uint8_t alias[KEYS_ID], const uint8_t drop_public[KEYS_KEY],
                      const uint8_t drop_secret[KEYS_KEY])
{
    vault blank = {.refs = 1}; /* only for its clock */
    writer w = {.vault = &blank, .db = d};
    ll_status status = db_begin(d);
    if (status)
        return status;
    status = tree_fill(&w);
    if (!status)
        status = fill_meta(&w, alias, drop_public, drop_secret);
    change_list_clear(&w.job);
    if (!status)
        return db_commit(d);
    db_rollback(d);
    return status;
}

static void remove_file(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        char name[PATH_MAX];
        if (snprintf(name, sizeof name, "%s%s", path, endings[i]) < (int)sizeof name)
            unlink(name);
    }
}

ll_status vault_create(const char *path, const uint8_t key[KEYS_KEY], const uint8_t alias[KEYS_ID],
                       const uint8_t drop_public[KEYS_KEY], const uint8_t drop_secret[KEYS_KEY], text *why)
{
    struct stat there;
    if (!lstat(path, &there))
        return LL_EEXISTS;
    db *d = NULL;
    ll_status status = db_open(&d, path, key, DB_CREATE, why);
    if (!status)
        status = schema_open(d, SCHEMA_VAULT, true, why);
    if (!status)
        status = fill(d, alias, drop_public, drop_secret);
    db_close(&d);
    if (status)
        remove_file(path);
    return status;
}

/* ---------------------------------------------------------------------------------------------------- Open */

static ll_status load_numbers(vault *v, db *d)
{
    int64_t modseq = 0, uidvalidity = 0, bytes = 0, messages = 0;
    ll_status status = vault_meta_int(d, "modseq", &modseq);
    if (!status)
        status = vault_meta_int(d, "uidvalidity", &uidvalidity);
    if (!status)
        status = vault_meta_int(d, "bytes", &bytes);
    if (!status)
        status = vault_meta_int(d, "messages", &messages);
    if (!status && (modseq < 0 || bytes < 0 || messages < 0 || uidvalidity < 0 || uidvalidity > UINT32_MAX))
        status = LL_ECORRUPT;
    v->modseq = (uint64_t)modseq;
    v->bytes = (uint64_t)bytes;
    v->messages = (uint64_t)messages;
    v->writer = (writer){.vault = v,
                         .db = d,
                         .modseq = v->modseq,
                         .modseq_saved = v->modseq,
                         .published = v->modseq,
                         .logged = UINT_MAX / 2, /* nobody has looked yet */
                         .uidvalidity = (uint32_t)uidvalidity,
                         .uidvalidity_saved = (uint32_t)uidvalidity,
                         .bytes = v->bytes,
                         .bytes_saved = v->bytes,
                         .messages = v->messages,
                         .messages_saved = v->messages};
    return status;
}

static ll_status check_alias(vault *v, db *d, text *why)
{
    uint8_t alias[KEYS_ID];
    ll_status status = vault_meta_blob(d, "alias", alias, sizeof alias);
    if (!status && memcmp(alias, v->alias, sizeof alias) != 0) {
        if (why)
            text_add_str(why, "this vault belongs to another alias");
        status = LL_EDENIED;
    }
    return status;
}

static ll_status open_writer(vault *v, const uint8_t key[KEYS_KEY], text *why)
{
    ll_status status = db_open_random(&v->writer_db, v->path, key, 0, v->config.random, why);
    if (!status)
        status = schema_open(v->writer_db, SCHEMA_VAULT, false, why);
    if (!status)
        status = check_alias(v, v->writer_db, why);
    if (!status)
        status = vault_meta_blob(v->writer_db, "drop_public", v->drop_public, KEYS_KEY);
    return status ? status : load_numbers(v, v->writer_db);
}

static void vault_del(vault *v)
{
    if (v->ledger_own)
        ledger_del(&v->ledger);
    search_index_del(&v->search);
    pthread_mutex_destroy(&v->mutex);
    memory_free(NULL, v->path);
    memory_free(NULL, v);
}

static ll_status open_ledger(vault *v, uint64_t quota)
{
    v->ledger = v->config.ledger;
    v->ledger_own = !v->ledger;
    if (v->ledger)
        return LL_OK;
    ll_status status = ledger_new(&v->ledger, 1);
    return status ? status : ledger_join(v->ledger, v->alias, SPAN(""), SPAN(""), quota, 0, 0);
}

static bool held_any(db *d)
{
    int64_t any = 0;
    return !db_take_int(db_prepare(d, "SELECT EXISTS(SELECT 1 FROM held)"), &any) && any;
}

ll_status vault_open(vault **out, const vault_config *config, const uint8_t alias[KEYS_ID], const char *path,
                     const uint8_t key[KEYS_KEY], uint64_t quota, text *why)
{
    *out = NULL;
    vault *v = memory_new(NULL, sizeof *v);
    char *copy = memory_new(NULL, strlen(path) + 1);
    if (!v || !copy) {
        memory_free(NULL, v);
        memory_free(NULL, copy);
        return LL_ENOMEM;
    }
    memcpy(copy, path, strlen(path));
    v->config = *config;
    v->path = copy;
    memcpy(v->alias, alias, KEYS_ID);
    atomic_init(&v->refs, 1);
    pthread_mutex_init(&v->mutex, NULL);
    reader_pool_init(&v->readers, config->executor);
    ll_status status = search_index_new(&v->search);
    if (!status)
        status = open_ledger(v, quota);
    if (!status)
        status = open_writer(v, key, why);
    if (!status)
        ledger_opened(v->ledger, alias, v->bytes);
    if (!status)
        status = keyring_put(config->keyring, alias, key);
    if (status) {
        db_close(&v->writer_db);
        vault_del(v);
        return status;
    }
    queue_init(&v->queue, v->config.executor, v->writer_db, vault_hooks(), v);
    /* First what reads the writer's connection here; from the first job on, that belongs to the queue. */
    bool held = held_any(v->writer_db);
    int64_t stale = mailbox_view_ahead(v, v->writer_db);
    search_index_committed(v, v->writer_db, true);
    if (held)
        purge_wake(v);
    if (stale)
        mailbox_view_save(v, stale);
    *out = v;
    return LL_OK;
}

void vault_close(vault **v)
{
    vault *gone = *v;
    *v = NULL;
    if (!gone)
        return;
    queue_drain(&gone->queue);
    assert(!gone->absorb && !gone->readers.taken);
    reader_close_idle(gone);
    opened_clear(gone);
    queue_fini(&gone->queue);
    db_close(&gone->writer_db);
    keyring_drop(gone->config.keyring, gone->alias);
    vault_del(gone);
}
