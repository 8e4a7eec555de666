/* drop.c - where mail waits, sealed to its owner, while the vault is locked.
 * SPDX-License-Identifier: MIT
 *
 * Two connections: the writer belongs to the queue's flush, the reader to whoever holds `reading`. Every job is a
 * struct that begins with its queue_job. The tables are in schema.c: a blob is one content, an entry is one recipient's
 * claim to it. */
#include "store/drop.h"

#include "base/memory.h"
#include "keys/random.h"
#include "keys/seal.h"
#include "store/queue.h"
#include "store/schema.h"

#define DROP_PURPOSE SPAN("drop")
#define DROP_FREE_PAGES                                                                                                \
    1024 /* 8 MiB of free pages may stay in the file for the next mail; what is above is given back */
#define DROP_VACUUM_PAGES 256 /* at most so many with one commit: 2 MiB moved */

struct drop {
    db *writer, *reader;
    pthread_mutex_t reading;
    queue queue;
    uint8_t chunk[SEAL_CHUNK_SEALED]; /* the writer's: jobs run one at a time */
    bool removed;                     /* the writer's: this batch has removed something */
};

static ll_span bytes_of(const uint8_t *bytes, size_t size)
{
    return span_of((const char *)bytes, size);
}

/* --------------------------------------------------------------------------------------------- Opening, closing */

static ll_status drop_hook_begin(void *ctx, db *d)
{
    (void)d;
    ((drop *)ctx)->removed = false;
    return LL_OK;
}

static ll_status drop_hook_commit(void *ctx, db *d)
{
    int64_t pages = 0;
    if (!((drop *)ctx)->removed) {
        return LL_OK;
    }
    ll_status status = db_take_int(db_prepare(d, "PRAGMA freelist_count"), &pages);
    return status == LL_OK && pages > DROP_FREE_PAGES ? db_vacuum(d, DROP_VACUUM_PAGES) : status;
}

ll_status drop_open(drop **out, const char *path, const uint8_t key[KEYS_KEY], const executor *e, text *why)
{
    static const queue_hooks hooks = {.begin = drop_hook_begin, .commit = drop_hook_commit};
    *out = NULL;
    drop *d = memory_new(NULL, sizeof *d);
    if (!d) {
        return LL_ENOMEM;
    }
    ll_status status = db_open(&d->writer, path, key, DB_CREATE, why);
    if (status == LL_OK) {
        status = schema_open(d->writer, SCHEMA_DROP, true, why);
    }
    if (status == LL_OK) {
        status = db_open(&d->reader, path, key, DB_READONLY, why);
    }
    if (status) {
        db_close(&d->writer);
        memory_free(NULL, d);
        return status;
    }
    pthread_mutex_init(&d->reading, NULL);
    queue_init(&d->queue, e, d->writer, &hooks, d);
    *out = d;
    return LL_OK;
}

void drop_close(drop **d)
{
    if (!*d) {
        return;
    }
    queue_drain(&(*d)->queue);
    queue_fini(&(*d)->queue);
    pthread_mutex_destroy(&(*d)->reading);
    db_close(&(*d)->reader);
    db_close(&(*d)->writer); /* last, so that it moves the WAL into the file */
    memory_wipe((*d)->chunk, sizeof(*d)->chunk);
    memory_free(NULL, *d);
    *d = NULL;
}

/* --------------------------------------------------------------------------------------------------------- Put */

typedef struct drop_put_job {
    queue_job job;
    drop *drop;
    spool *content;
    int64_t received;
    drop_done *done;
    void *ctx;
    size_t count;
    drop_recipient recipients[];
} drop_put_job;

typedef struct drop_blob {
    int64_t number;
    uint64_t size, chunks;
    uint8_t id[KEYS_ID], key[KEYS_KEY];
} drop_blob;

static ll_status drop_blob_add(db *w, const drop_put_job *p, drop_blob *b)
{
    b->size = spool_size(p->content);
    b->chunks = seal_chunks(b->size);
    random_id(b->id);
    random_bytes(b->key, sizeof b->key);
    db_stmt *q = db_prepare(w, "INSERT INTO blob(id, refs, size, chunks, created) VALUES(?1, ?2, ?3, ?4, ?5)");
    db_bind_blob(q, 1, bytes_of(b->id, sizeof b->id));
    db_bind_int(q, 2, (int64_t)p->count);
    db_bind_int(q, 3, (int64_t)b->size);
    db_bind_int(q, 4, (int64_t)b->chunks);
    db_bind_int(q, 5, p->received);
    ll_status status = db_run(q);
    b->number = db_last_id(w);
    return status;
}

static ll_status drop_chunk_add(db *w, const drop_put_job *p, const drop_blob *b, uint64_t n)
{
    uint8_t *chunk = p->drop->chunk;
    size_t size;
    ll_status status = spool_read(p->content, n * SEAL_CHUNK, SEAL_CHUNK, chunk, &size);
    if (status) {
        return status;
    }
    seal_chunk_encrypt(b->key, b->id, n, n + 1 == b->chunks, bytes_of(chunk, size), chunk);
    db_stmt *q = db_prepare(w, "INSERT INTO blob_chunk(blob, ordinal, data) VALUES(?1, ?2, ?3)");
    db_bind_int(q, 1, b->number);
    db_bind_int(q, 2, (int64_t)n);
    db_bind_blob(q, 3, bytes_of(chunk, size + KEYS_TAG));
    return db_run(q);
}

/* Entries and bytes of an alias change by so much; a row that comes to nothing goes. */
static ll_status drop_waiting_change(db *w, ll_span alias, int64_t entries, int64_t bytes)
{
    db_stmt *q =
        db_prepare(w, "INSERT INTO waiting(alias, entries, bytes) VALUES(?1, ?2, ?3) ON CONFLICT(alias) DO UPDATE "
                      "SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes");
    db_bind_blob(q, 1, alias);
    db_bind_int(q, 2, entries);
    db_bind_int(q, 3, bytes);
    ll_status status = db_run(q);
    if (status == LL_OK && entries < 0) {
        q = db_prepare(w, "DELETE FROM waiting WHERE alias = ?1 AND entries <= 0");
        db_bind_blob(q, 1, alias);
        status = db_run(q);
    }
    return status;
}

static ll_status drop_entry_add(db *w, const drop_put_job *p, const drop_blob *b, const drop_recipient *r)
{
    uint8_t id[KEYS_ID], sealed[SEAL_KEY];
    ll_status status = seal_key(r->public_key, r->alias, DROP_PURPOSE, b->key, sealed);
    if (status) {
        return status;
    }
    random_id(id);
    db_stmt *q =
        db_prepare(w, "INSERT INTO entry(id, alias, blob, sealed, size, received) VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
    db_bind_blob(q, 1, bytes_of(id, sizeof id));
    db_bind_blob(q, 2, bytes_of(r->alias, sizeof r->alias));
    db_bind_int(q, 3, b->number);
    db_bind_blob(q, 4, bytes_of(sealed, sizeof sealed));
    db_bind_int(q, 5, (int64_t)b->size);
    db_bind_int(q, 6, p->received);
    status = db_run(q);
    return status ? status : drop_waiting_change(w, bytes_of(r->alias, sizeof r->alias), 1, (int64_t)b->size);
}

static ll_status drop_put_run(queue_job *job, db *w)
{
    const drop_put_job *p = (drop_put_job *)job;
    drop_blob b;
    ll_status status = drop_blob_add(w, p, &b);
    for (uint64_t n = 0; status == LL_OK && n < b.chunks; n++) {
        status = drop_chunk_add(w, p, &b, n);
    }
    for (size_t i = 0; status == LL_OK && i < p->count; i++) {
        status = drop_entry_add(w, p, &b, &p->recipients[i]);
    }
    memory_wipe(b.key, sizeof b.key);
    return status;
}

static void drop_put_done(queue_job *job, ll_status status)
{
    drop_put_job *p = (drop_put_job *)job;
    p->done(p->ctx, status);
    memory_free(NULL, p);
}

ll_status drop_put(drop *d, spool *content, const drop_recipient *recipients, size_t count, int64_t received,
                   drop_done *done, void *ctx)
{
    if (count == 0 || count > DROP_RECIPIENTS_MAX) {
        return LL_EINVAL;
    }
    drop_put_job *p = memory_new(NULL, sizeof *p + count * sizeof *recipients);
    if (!p) {
        return LL_ENOMEM;
    }
    *p = (drop_put_job){.job = {.run = drop_put_run, .done = drop_put_done},
                        .drop = d,
                        .content = content,
                        .received = received,
                        .done = done,
                        .ctx = ctx,
                        .count = count};
    memcpy(p->recipients, recipients, count * sizeof *recipients);
    p->job.weight = spool_size(content) + count * 256; /* an entry with its indexes */
    queue_add(&d->queue, &p->job);
    return LL_OK;
}

/* ------------------------------------------------------------------------------------------------------- Remove */

typedef struct drop_remove_job {
    queue_job job;
    drop *drop;
    drop_done *done;
    void *ctx;
    bool alias; /* ids[0] is an alias: remove all its entries */
    size_t count;
    uint8_t ids[][KEYS_ID];
} drop_remove_job;

static ll_status drop_blob_release(db *w, int64_t number)
{
    db_stmt *q = db_prepare(w, "UPDATE blob SET refs = refs - 1 WHERE number = ?1");
    db_bind_int(q, 1, number);
    ll_status status = db_run(q);
    if (status == LL_OK) {
        q = db_prepare(w, "DELETE FROM blob WHERE number = ?1 AND refs <= 0"); /* its chunks go with it */
        db_bind_int(q, 1, number);
        status = db_run(q);
    }
    return status;
}

static ll_status drop_entry_remove(db *w, const uint8_t id[KEYS_ID])
{
    uint8_t alias[KEYS_ID];
    db_stmt *q = db_prepare(w, "DELETE FROM entry WHERE id = ?1 RETURNING alias, blob, size");
    db_bind_blob(q, 1, bytes_of(id, KEYS_ID));
    ll_status status = db_first(q);
    if (status) {
        return status == LL_ENOTFOUND ? LL_OK : status;
    }
    status = db_column_copy(q, 0, alias, sizeof alias);
    int64_t blob = db_column_int(q, 1), size = db_column_int(q, 2);
    ll_status end = status ? status : db_step(q);
    db_reset(q);
    if (end) {
        return end == LL_MORE ? LL_ECORRUPT : end;
    }
    status = drop_waiting_change(w, bytes_of(alias, sizeof alias), -1, -size);
    return status ? status : drop_blob_release(w, blob);
}

static ll_status drop_alias_empty(db *w, const uint8_t alias[KEYS_ID])
{
    for (;;) {
        uint8_t id[KEYS_ID];
        db_stmt *q = db_prepare(w, "SELECT id FROM entry WHERE alias = ?1 LIMIT 1");
        db_bind_blob(q, 1, bytes_of(alias, KEYS_ID));
        ll_status status = db_first(q);
        if (status) {
            return status == LL_ENOTFOUND ? LL_OK : status;
        }
        status = db_column_copy(q, 0, id, sizeof id);
        db_reset(q);
        if (status == LL_OK) {
            status = drop_entry_remove(w, id);
        }
        if (status) {
            return status;
        }
    }
}

static ll_status drop_remove_run(queue_job *job, db *w)
{
    drop_remove_job *r = (drop_remove_job *)job;
    r->drop->removed = true;
    if (r->alias) {
        return drop_alias_empty(w, r->ids[0]);
    }
    ll_status status = LL_OK;
    for (size_t i = 0; status == LL_OK && i < r->count; i++) {
        status = drop_entry_remove(w, r->ids[i]);
    }
    return status;
}

static void drop_remove_done(queue_job *job, ll_status status)
{
    drop_remove_job *r = (drop_remove_job *)job;
    if (r->done) {
        r->done(r->ctx, status);
    }
    memory_free(NULL, r);
}

/* ids: count times KEYS_ID bytes. */
static ll_status drop_remove_add(drop *d, const void *ids, size_t count, bool alias, drop_done *done, void *ctx)
{
    drop_remove_job *r = memory_new(NULL, sizeof *r + count * KEYS_ID);
    if (!r) {
        return LL_ENOMEM;
    }
    *r = (drop_remove_job){.job = {.run = drop_remove_run, .done = drop_remove_done},
                           .drop = d,
                           .done = done,
                           .ctx = ctx,
                           .alias = alias,
                           .count = count};
    if (count) {
        memcpy(r->ids, ids, count * KEYS_ID);
    }
    queue_add(&d->queue, &r->job);
    return LL_OK;
}

ll_status drop_remove(drop *d, const uint8_t (*ids)[KEYS_ID], size_t count, drop_done *done, void *ctx)
{
    return count > DROP_REMOVE_MAX ? LL_EINVAL : drop_remove_add(d, ids, count, false, done, ctx);
}

ll_status drop_remove_alias(drop *d, const uint8_t alias[KEYS_ID], drop_done *done, void *ctx)
{
    return drop_remove_add(d, alias, 1, true, done, ctx);
}

/* ------------------------------------------------------------------------------------------------------ Reading */

ll_status drop_list(drop *d, const uint8_t alias[KEYS_ID], drop_item *items, size_t max, size_t *count)
{
    ll_status status = LL_OK;
    *count = 0;
    pthread_mutex_lock(&d->reading);
    db_stmt *q =
        db_prepare(d->reader, "SELECT id, size, received FROM entry WHERE alias = ?1 ORDER BY number LIMIT ?2");
    db_bind_blob(q, 1, bytes_of(alias, KEYS_ID));
    db_bind_int(q, 2, max > INT32_MAX ? INT32_MAX : (int64_t)max);
    while (*count < max && (status = db_step(q)) == LL_MORE) {
        drop_item *item = &items[*count];
        status = db_column_copy(q, 0, item->id, sizeof item->id);
        if (status) {
            break;
        }
        item->size = (uint64_t)db_column_int(q, 1);
        item->received = db_column_int(q, 2);
        ++*count;
    }
    db_reset(q);
    pthread_mutex_unlock(&d->reading);
    return status < 0 ? status : LL_OK;
}

typedef struct drop_claim {
    int64_t blob;
    uint64_t size, chunks;
    uint8_t id[KEYS_ID]; /* of the blob */
    uint8_t sealed[SEAL_KEY];
} drop_claim;

/* Under `reading`. */
static ll_status drop_claim_find(db *r, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID], drop_claim *c)
{
    db_stmt *q =
        db_prepare(r, "SELECT b.number, b.size, b.chunks, b.id, e.sealed FROM entry e JOIN blob b ON b.number = e.blob "
                      "WHERE e.id = ?1 AND e.alias = ?2");
    db_bind_blob(q, 1, bytes_of(id, KEYS_ID));
    db_bind_blob(q, 2, bytes_of(alias, KEYS_ID));
    ll_status status = db_first(q);
    if (status) {
        return status;
    }
    c->blob = db_column_int(q, 0);
    c->size = (uint64_t)db_column_int(q, 1);
    c->chunks = (uint64_t)db_column_int(q, 2);
    status = db_column_copy(q, 3, c->id, sizeof c->id);
    if (status == LL_OK) {
        status = db_column_copy(q, 4, c->sealed, sizeof c->sealed);
    }
    db_reset(q);
    return status == LL_OK && c->chunks != seal_chunks(c->size) ? LL_ECORRUPT : status;
}

/* Under `reading`. The n-th chunk, still encrypted. */
static ll_status drop_chunk_find(db *r, const drop_claim *c, uint64_t n, uint8_t *chunk, size_t *size)
{
    db_stmt *q = db_prepare(r, "SELECT data FROM blob_chunk WHERE blob = ?1 AND ordinal = ?2");
    db_bind_int(q, 1, c->blob);
    db_bind_int(q, 2, (int64_t)n);
    ll_status status = db_first(q);
    if (status) {
        return status;
    }
    *size = n + 1 < c->chunks ? SEAL_CHUNK_SEALED : (size_t)(c->size - n * SEAL_CHUNK) + KEYS_TAG;
    status = db_column_copy(q, 0, chunk, *size);
    db_reset(q);
    return status;
}

static ll_status drop_read_chunks(drop *d, const drop_claim *c, const uint8_t key[KEYS_KEY], uint8_t *chunk,
                                  drop_sink *sink, void *ctx)
{
    ll_status status = LL_OK;
    for (uint64_t n = 0; status == LL_OK && n < c->chunks; n++) {
        size_t size = 0;
        pthread_mutex_lock(&d->reading); /* for each chunk anew: the sink may take its time (invariant 9) */
        status = drop_chunk_find(d->reader, c, n, chunk, &size);
        pthread_mutex_unlock(&d->reading);
        if (status == LL_OK) {
            status = seal_chunk_decrypt(key, c->id, n, n + 1 == c->chunks, bytes_of(chunk, size), chunk);
        }
        if (status == LL_OK) {
            ll_status taken = sink(ctx, bytes_of(chunk, size - KEYS_TAG));
            status = taken < 0 ? taken : LL_OK;
        }
    }
    return status;
}

/* A chunk is missing: because the entry was removed meanwhile, or because the file is damaged? */
static ll_status drop_why_missing(drop *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID])
{
    drop_claim c;
    pthread_mutex_lock(&d->reading);
    ll_status status = drop_claim_find(d->reader, alias, id, &c);
    pthread_mutex_unlock(&d->reading);
    return status ? status : LL_ECORRUPT;
}

ll_status drop_read(drop *d, const uint8_t alias[KEYS_ID], const uint8_t public_key[KEYS_KEY],
                    const uint8_t secret_key[KEYS_KEY], const uint8_t id[KEYS_ID], drop_sink *sink, void *ctx)
{
    drop_claim c;
    uint8_t key[KEYS_KEY];
    pthread_mutex_lock(&d->reading);
    ll_status status = drop_claim_find(d->reader, alias, id, &c);
    pthread_mutex_unlock(&d->reading);
    if (status == LL_OK) {
        status = seal_open(public_key, secret_key, alias, DROP_PURPOSE, bytes_of(c.sealed, sizeof c.sealed), key);
    }
    if (status) {
        return status;
    }
    uint8_t *chunk = memory_new(NULL, SEAL_CHUNK_SEALED);
    status = chunk ? drop_read_chunks(d, &c, key, chunk, sink, ctx) : LL_ENOMEM;
    memory_wipe(key, sizeof key);
    if (chunk) {
        memory_wipe(chunk, SEAL_CHUNK_SEALED);
        memory_free(NULL, chunk);
    }
    return status == LL_ENOTFOUND ? drop_why_missing(d, alias, id) : status;
}

ll_status drop_waiting(drop *d, drop_waiting_counts *counts)
{
    pthread_mutex_lock(&d->reading);
    db_stmt *q =
        db_prepare(d->reader, "SELECT count(*), coalesce(sum(entries), 0), coalesce(sum(bytes), 0) FROM waiting");
    ll_status status = db_first(q);
    if (status == LL_OK) {
        counts->aliases = (uint64_t)db_column_int(q, 0);
        counts->entries = (uint64_t)db_column_int(q, 1);
        counts->bytes = (uint64_t)db_column_int(q, 2);
        db_reset(q);
    }
    pthread_mutex_unlock(&d->reading);
    return status;
}

ll_status drop_alias_bytes(drop *d, const uint8_t alias[KEYS_ID], uint64_t *bytes, uint64_t *entries)
{
    uint64_t nothing;
    bytes = bytes ? bytes : &nothing;
    entries = entries ? entries : &nothing;
    *bytes = *entries = 0;
    pthread_mutex_lock(&d->reading);
    db_stmt *q = db_prepare(d->reader, "SELECT bytes, entries FROM waiting WHERE alias = ?1");
    db_bind_blob(q, 1, bytes_of(alias, KEYS_ID));
    ll_status status = db_first(q);
    if (status == LL_OK) {
        *bytes = (uint64_t)db_column_int(q, 0);
        *entries = (uint64_t)db_column_int(q, 1);
        db_reset(q);
    }
    pthread_mutex_unlock(&d->reading);
    return status == LL_ENOTFOUND ? LL_OK : status;
}
