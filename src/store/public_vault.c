/* public_vault.c - ll_vault of the public header: a vault with all that it needs around it, for a host that is not our
 * server. SPDX-License-Identifier: MIT */
#include "store/vault.h"

#include "base/memory.h"
#include "keys/random.h"
#include "keys/seal.h"
#include "store/mailbox_tree.h"
#include "store/search_index.h"
#include "store/update.h"
#include "store/upstream.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>

static_assert((int)LL_VAULT_KEY == (int)KEYS_KEY, "the host's key is the file's");

/* Memory of all uploads of one vault together, before they go to files: one user's clients. */
#define PUBLIC_SPOOL_MEMORY ((size_t)8 << 20)
/* Slots of the locked memory: the key, and the key it is wrapped under. */
enum { PUBLIC_SECRETS = 2 };

struct ll_vault {
    executor executor;
    secret_arena *arena;
    keyring *keyring;
    spool_pool spools;
    random_source random;
    vault *vault;
    upstream upstream;
    ll_connector methods;
    char spool_folder[PATH_MAX];
};

/* A file of ours belongs to no alias of a server. */
static const uint8_t no_alias[KEYS_ID];

/* ------------------------------------------------------------------------------------------- Open and close */

/* The fields that a host of an older header does not have are zero. */
static ll_vault_config known_config(const ll_vault_config *given)
{
    ll_vault_config config = {.size = 0};
    size_t size = !given ? 0 : given->size < sizeof config ? given->size : sizeof config;
    if (size)
        memcpy(&config, given, size);
    return config;
}

static bool upstream_complete(const ll_upstream *u)
{
    return u->size >= offsetof(ll_upstream, quota) && u->mailbox_create && u->mailbox_rename && u->mailbox_delete &&
           u->message_create && u->messages_add && u->messages_move && u->messages_remove && u->messages_flag;
}

static ll_status set_folder(ll_vault *lv, const char *path, const char *folder)
{
    const char *slash = strrchr(path, '/');
    ll_span chosen = folder ? span_str(folder) : slash ? span_of(path, (size_t)(slash - path) + 1) : SPAN(".");
    if (chosen.size >= sizeof lv->spool_folder)
        return LL_EINVAL;
    memcpy(lv->spool_folder, chosen.data, chosen.size);
    return LL_OK;
}

static ll_status open_vault(ll_vault *lv, const char *path, const uint8_t *key, const ll_vault_config *config)
{
    vault_config inner = {.executor = &lv->executor,
                          .spool_folder = lv->spool_folder,
                          .spool_pool = &lv->spools,
                          .random = &lv->random,
                          .message_bytes_max = config->message_bytes_max,
                          .now = config->now,
                          .log = config->log,
                          .uidvalidity = config->uidvalidity,
                          .ctx = config->context};
    ll_status status = keys_init();
    if (!status)
        status = secret_arena_new(&lv->arena, PUBLIC_SECRETS, NULL);
    if (!status)
        status = keyring_new_random(&lv->keyring, lv->arena, PUBLIC_SECRETS - 1, &lv->random);
    inner.keyring = lv->keyring;
    return status ? status : vault_open(&lv->vault, &inner, no_alias, path, key, config->quota, NULL);
}

/* The methods that our server's sessions have, and with an upstream its own for what writes. */
static ll_status take_methods(ll_vault *lv)
{
    const ll_connector *methods;
    void *self;
    ll_status status = connector_new(lv->vault, NULL, NULL, &methods, &self);
    if (status)
        return status;
    lv->methods = *methods;
    methods->end(self);
    if (lv->upstream.methods) {
        lv->vault->upstream = &lv->upstream;
        upstream_methods(&lv->upstream, &lv->methods);
    }
    return LL_OK;
}

static void vault_del(ll_vault *lv)
{
    vault_close(&lv->vault);
    keyring_del(&lv->keyring);
    secret_arena_del(&lv->arena);
    memory_free(NULL, lv);
}

ll_status ll_vault_open(ll_vault **out, const char *path, const uint8_t key[LL_VAULT_KEY], const ll_vault_config *given)
{
    ll_vault_config config = known_config(given);
    *out = NULL;
    if (config.upstream && !upstream_complete(config.upstream))
        return LL_EINVAL;
    ll_vault *lv = memory_new(NULL, sizeof *lv);
    if (!lv)
        return LL_ENOMEM;
    if (config.executor)
        lv->executor = (executor){config.executor->work, config.executor->done, config.executor->context};
    lv->random = (random_source){config.random, config.context};
    lv->spools.bytes_max = PUBLIC_SPOOL_MEMORY;
    lv->spools.random = &lv->random;
    lv->upstream = (upstream){.methods = config.upstream, .self = config.upstream_self};
    ll_status status = set_folder(lv, path, config.spool_folder);
    if (!status)
        status = open_vault(lv, path, key, &config);
    if (!status)
        status = take_methods(lv);
    if (status)
        vault_del(lv);
    else
        *out = lv;
    return status;
}

/* Who holds the vault: sessions, jobs, flows. */
ll_status ll_vault_close(ll_vault **given)
{
    ll_vault *lv = *given;
    if (!lv)
        return LL_OK;
    if (lv->upstream.flows || atomic_load(&lv->vault->refs) > 1) {
        search_index_stop(lv->vault);
        return LL_EBUSY;
    }
    *given = NULL;
    vault_del(lv);
    return LL_OK;
}

/* -------------------------------------------------------------------------------------------------- Create */

typedef struct strip_job {
    vault_job job;
    ll_status status;
} strip_job;

/* Mailboxes come from the source: only INBOX must always be there (RFC 3501 section 5.1). */
static ll_status strip(vault_job *job, writer *w)
{
    static const char *const names[] = {"Drafts", "Sent", "Junk", "Trash", "Archive"};
    ll_status status = LL_OK;
    (void)job;
    for (size_t i = 0; !status && i < sizeof names / sizeof *names; i++) {
        status = tree_subscribe(w, span_str(names[i]), false);
        if (!status)
            status = tree_remove(w, span_str(names[i]));
    }
    return status;
}

static void stripped(vault_job *job, ll_status status)
{
    ((strip_job *)job)->status = status;
}

ll_status ll_vault_create(const char *path, const uint8_t key[LL_VAULT_KEY], bool with_upstream)
{
    uint8_t public_half[KEYS_KEY], secret_half[KEYS_KEY];
    ll_vault *lv = NULL;
    ll_status status = keys_init();
    if (status)
        return status;
    seal_pair_make(public_half, secret_half); /* nobody seals mail to it; every vault has one */
    status = vault_create(path, key, no_alias, public_half, secret_half, NULL);
    memory_wipe(secret_half, sizeof secret_half);
    if (status || !with_upstream)
        return status;
    status = ll_vault_open(&lv, path, key, NULL);
    if (status)
        return status;
    strip_job job = {.job = {.run = strip, .done = stripped}};
    vault_add(lv->vault, &job.job); /* without an executor it is done when this returns */
    vault_del(lv);
    return job.status;
}

/* ------------------------------------------------------------------------------------------------- Sessions */

ll_status ll_vault_connector(ll_vault *lv, void (*notify)(void *context), void *context, const ll_connector **methods,
                             void **self)
{
    ll_status status = connector_new(lv->vault, notify, context, methods, self);
    if (!status)
        *methods = &lv->methods;
    return status;
}

void ll_vault_mute(void *self)
{
    connector_mute(self);
}

/* -------------------------------------------------------------------------------------------------- Updates */

typedef struct push_job {
    vault_job job;
    const ll_update *given;
    void (*done)(void *context, ll_status status);
    void *context;
} push_job;

static ll_status push_run(vault_job *job, writer *w)
{
    const ll_update *given = ((push_job *)job)->given;
    ll_update u = {.size = 0};
    memcpy(&u, given, given->size < sizeof u ? given->size : sizeof u);
    return update_apply(w, &u);
}

static void push_done(vault_job *job, ll_status status)
{
    push_job p = *(push_job *)job;
    memory_free(NULL, job);
    p.done(p.context, status);
}

void ll_vault_push(ll_vault *lv, const ll_update *update, void (*done)(void *context, ll_status status), void *context)
{
    push_job *p = memory_new(NULL, sizeof *p);
    if (!p) {
        done(context, LL_ENOMEM);
        return;
    }
    *p = (push_job){.given = update, .done = done, .context = context};
    p->job.run = push_run;
    p->job.done = push_done;
    for (size_t i = 0; i < update->messages_count; i++)
        p->job.queue.weight += update->messages[i].content.size;
    vault_add(lv->vault, &p->job);
}

/* ------------------------------------------------------------------------------------------------ Questions */

/* One question that only reads. */
typedef struct inquiry {
    reader_job job;
    ll_status (*ask)(struct inquiry *i, db *d);
    char name[LL_REMOTE_ID_MAX];
    size_t name_size;
    ll_status (*each_message)(void *context, const ll_known_message *message);
    ll_status (*each_mailbox)(void *context, ll_span id, ll_span name);
    void (*done)(void *context, ll_status status);
    void (*done_value)(void *context, ll_status status, ll_span value);
    void *context;
    text value;
} inquiry;

static ll_status inquiry_run(reader_job *job, db *d)
{
    inquiry *i = (inquiry *)job;
    ll_status status = db_begin_read(d);
    if (status)
        return status;
    status = i->ask(i, d);
    db_rollback(d);
    return status;
}

static void inquiry_tell(inquiry *i, ll_status status)
{
    if (i->done_value)
        i->done_value(i->context, status, text_span(&i->value));
    else
        i->done(i->context, status);
}

static void inquiry_done(reader_job *job, ll_status status)
{
    inquiry *i = (inquiry *)job;
    inquiry_tell(i, status);
    text_fini(&i->value);
    memory_free(NULL, i);
}

static void inquire(ll_vault *lv, inquiry about, ll_span name)
{
    inquiry *i = name.size <= sizeof i->name ? memory_new(NULL, sizeof *i) : NULL;
    if (!i) {
        inquiry_tell(&about, name.size <= sizeof i->name ? LL_ENOMEM : LL_EINVAL);
        return;
    }
    *i = about;
    i->job = (reader_job){.run = inquiry_run, .done = inquiry_done};
    if (name.size)
        memcpy(i->name, name.data, name.size);
    i->name_size = name.size;
    text_init(&i->value, NULL, 1 << 30); /* what SQLite holds in one value */
    reader_add(lv->vault, &i->job);
}

typedef struct keyword_names {
    ll_span names[LL_KEYWORDS_MAX];
} keyword_names;

static ll_status read_keywords(db *d, int64_t mailbox, arena *memory, keyword_names *out)
{
    db_stmt *q = db_prepare(d, "SELECT number, name FROM keyword WHERE mailbox = ?1 ORDER BY number");
    db_bind_int(q, 1, mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        int64_t number = db_column_int(q, 0);
        status = number >= 0 && number < LL_KEYWORDS_MAX ? LL_OK : LL_ECORRUPT;
        if (!status) {
            out->names[number] = arena_copy(memory, db_column_text(q, 1));
            status = arena_status(memory);
        }
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status tell_message(const inquiry *i, db_stmt *q, const keyword_names *known)
{
    ll_span keywords[LL_KEYWORDS_MAX];
    ll_flags flags;
    ll_known_message m = {.id = db_column_blob(q, 1), .uid = (uint32_t)db_column_int(q, 0), .keywords = keywords};
    ll_status status = entry_flags_unpack((unsigned)db_column_int(q, 2), db_column_blob(q, 3), &flags);
    if (status)
        return status;
    m.flags = (unsigned)(flags.bits[0] & ENTRY_SYSTEM_FLAGS);
    for (unsigned n = 0; n < LL_KEYWORDS_MAX; n++)
        if (ll_flags_has(&flags, LL_FLAG_KEYWORD + n) && known->names[n].size)
            keywords[m.keywords_count++] = known->names[n];
    return i->each_message(i->context, &m);
}

static ll_status tell_messages(const inquiry *i, db *d, int64_t mailbox, const keyword_names *known)
{
    db_stmt *q = db_prepare(d, "SELECT e.uid, r.id, e.flags, e.keywords FROM entry e LEFT JOIN remote_message r "
                               "ON r.mailbox = e.mailbox AND r.uid = e.uid WHERE e.mailbox = ?1 ORDER BY e.uid");
    db_bind_int(q, 1, mailbox);
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = tell_message(i, q, known);
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

static ll_status ask_messages(inquiry *i, db *d)
{
    arena memory;
    keyword_names known = {.names = {{NULL, 0}}};
    int64_t mailbox = 0;
    ll_status status = remote_mailbox_find(d, span_of(i->name, i->name_size), &mailbox);
    if (status)
        return status;
    arena_init(&memory, NULL, UPDATE_MEMORY_MAX);
    status = read_keywords(d, mailbox, &memory, &known);
    if (!status)
        status = tell_messages(i, d, mailbox, &known);
    arena_fini(&memory);
    return status;
}

void ll_vault_known(ll_vault *lv, ll_span mailbox, ll_status (*each)(void *context, const ll_known_message *message),
                    void (*done)(void *context, ll_status status), void *context)
{
    inquire(lv, (inquiry){.ask = ask_messages, .each_message = each, .done = done, .context = context}, mailbox);
}

static ll_status ask_mailboxes(inquiry *i, db *d)
{
    db_stmt *q = db_prepare(d, "SELECT m.name, r.id FROM mailbox m LEFT JOIN remote_mailbox r ON r.mailbox = m.id "
                               "WHERE NOT m.noselect ORDER BY m.name");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        status = i->each_mailbox(i->context, db_column_blob(q, 1), db_column_text(q, 0));
        if (status) {
            db_reset(q);
            return status;
        }
    }
    return status;
}

void ll_vault_known_mailboxes(ll_vault *lv, ll_status (*each)(void *context, ll_span id, ll_span name),
                              void (*done)(void *context, ll_status status), void *context)
{
    inquire(lv, (inquiry){.ask = ask_mailboxes, .each_mailbox = each, .done = done, .context = context}, SPAN(""));
}

static ll_status ask_setting(inquiry *i, db *d)
{
    db_stmt *q = db_prepare(d, "SELECT value FROM remote_setting WHERE name = ?1");
    db_bind_blob(q, 1, span_of(i->name, i->name_size));
    ll_status status = db_first(q);
    if (status)
        return status;
    text_add(&i->value, db_column_blob(q, 0));
    db_reset(q);
    return text_status(&i->value);
}

void ll_vault_setting(ll_vault *lv, ll_span name, void (*done)(void *context, ll_status status, ll_span value),
                      void *context)
{
    inquire(lv, (inquiry){.ask = ask_setting, .done_value = done, .context = context}, name);
}
