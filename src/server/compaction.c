/* compaction.c - see compaction.h
 * SPDX-License-Identifier: MIT */
#include "server/compaction.h"

#include "base/memory.h"
#include "keys/random.h"
#include "server/alias_secret.h"
#include "server/log.h"
#include "server/operation.h"
#include "store/compact.h"

#include <stdio.h>

/* ------------------------------------------------------------------------------------------------------ Mark */

typedef struct mark_key {
    char string[sizeof "compact." + RANDOM_HEX];
} mark_key;

static mark_key key_of(const uint8_t alias[KEYS_ID])
{
    mark_key key;
    char hex[RANDOM_HEX + 1];
    random_id_hex(alias, hex);
    snprintf(key.string, sizeof key.string, "compact.%s", hex);
    return key;
}

bool compaction_is_marked(server *s, const uint8_t alias[KEYS_ID])
{
    mark_key key = key_of(alias);
    text value;
    text_init(&value, NULL, 16);
    bool marked = directory_setting(s->directory, span_str(key.string), &value) == LL_OK;
    text_fini(&value);
    return marked;
}

ll_status compaction_mark(server *s, const uint8_t alias[KEYS_ID], bool on)
{
    mark_key key = key_of(alias);
    ll_status status = directory_setting_set(s->directory, span_str(key.string), on ? SPAN("1") : SPAN(""));
    return status == LL_ENOTFOUND ? LL_OK : status;
}

/* -------------------------------------------------------------------------------------------------- At login */

typedef struct compaction {
    server *server;
    uint8_t alias[KEYS_ID];
} compaction;

static bool more(void *context)
{
    const compaction *c = context;
    return !c->server->stopping;
}

static void unmark(void *context)
{
    compaction *c = context;
    ll_status status = compaction_mark(c->server, c->alias, false);
    if (status)
        log_event("-", "compact-mark-stays status=%s", ll_status_name(status));
    memory_free(NULL, c);
}

static void done(void *context, ll_status status, const compact_result *result)
{
    compaction *c = context;
    (void)result;
    if (status)
        memory_free(NULL, c);
    else
        executor_work(&c->server->executor, unmark, c);
}

void compaction_begin(server *s, vault *v, const uint8_t alias[KEYS_ID])
{
    compaction *c = memory_new(NULL, sizeof *c);
    if (!c)
        return;
    c->server = s;
    memcpy(c->alias, alias, KEYS_ID);
    vault_compact(v, more, done, c);
}

/* ------------------------------------------------------------------------------------------------- Operation */

typedef struct waiting {
    server *server;
    waiter *waiter;
    compact_result result;
} waiting;

static bool waiting_more(void *context)
{
    const waiting *w = context;
    return !w->server->stopping;
}

static void waiting_done(void *context, ll_status status, const compact_result *result)
{
    waiting *w = context;
    w->result = *result;
    waiter_done(w->waiter, status);
}

static ll_status compact_now(server *s, vault *v, compact_result *result)
{
    waiting w = {.server = s, .waiter = waiter_new()};
    if (!w.waiter)
        return LL_ENOMEM;
    vault_compact(v, waiting_more, waiting_done, &w);
    ll_status status = waiter_wait(&w.waiter);
    *result = w.result;
    return status;
}

ll_status operation_vault_compact(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias;
    compact_result numbers = {0};
    ll_status status = alias_of(s, arguments, &alias, error);
    if (status)
        return status;
    vault *v = vaults_find(s->vaults, alias.id);
    if (!v) {
        status = compaction_mark(s, alias.id, true);
        *result = json_pack("{s:s}", "state", "the vault is locked: it will be compacted at its owner's next login");
        return status;
    }
    status = compact_now(s, v, &numbers);
    vaults_release(s->vaults, &v);
    if (!status)
        status = compaction_mark(s, alias.id, false);
    if (status == LL_EBUSY)
        text_add_str(error, "this vault is being compacted already");
    if (status == LL_ECLOSED)
        text_add_str(error, "the server is stopping; what was done is done, say it again later");
    *result = json_pack("{s:s, s:I, s:I, s:I}", "state", "done", "messages_stored_anew", (json_int_t)numbers.messages,
                        "bytes_before", (json_int_t)numbers.before, "bytes_after", (json_int_t)numbers.after);
    return status;
}
