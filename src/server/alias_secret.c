/* alias_secret.c - see alias_secret.h
 * SPDX-License-Identifier: MIT */
#include "server/alias_secret.h"

#include "base/memory.h"
#include "keys/random.h"
#include "keys/seal.h"

#include <stdio.h>
#include <time.h>

static void label_set(directory_slot *named, ll_span label, const char *otherwise)
{
    if (!label.size || label.size > DIRECTORY_LABEL_MAX)
        label = span_str(otherwise);
    memcpy(named->label, label.data, label.size);
    named->label[label.size] = '\0';
    named->created = time(NULL);
}

/* May the given password be used as asked? */
static ll_status password_check(ll_span password, bool generated, text *error)
{
    const char *reason = "";
    if (generated ? password_is_generated_like(password, &reason) : password_is_acceptable(password, &reason))
        return LL_OK;
    text_print(error, "the password was not taken: %s", reason);
    return LL_EINVAL;
}

ll_status alias_slot_make(const directory_alias *alias, const json_t *arguments, const uint8_t key[KEYS_KEY],
                          directory_slot *out, char password[PASSWORD_GENERATED + 1], text *error)
{
    *out = (directory_slot){0};
    bool given = operation_flag(arguments, "password-stdin"), generated = operation_flag(arguments, "generated");
    ll_span secret = operation_string(arguments, "password");
    ll_status status = LL_OK;
    if (generated && !given) {
        text_add_str(error, "--generated goes with --password-stdin");
        return LL_EINVAL;
    }
    if (operation_string(arguments, "label").size > DIRECTORY_LABEL_MAX) {
        text_print(error, "a label has at most %d bytes", DIRECTORY_LABEL_MAX);
        return LL_EINVAL;
    }
    password[0] = '\0';
    if (!given) {
        password_generate(password);
        secret = span_str(password);
    } else
        status = password_check(secret, generated, error);
    if (!status && (generated || !given))
        status = slot_make_generated(alias->id, &alias->salts, secret, key, &out->slot);
    else if (!status)
        status = slot_make_chosen(alias->id, &alias->salts, secret, key, &out->slot);
    label_set(out, operation_string(arguments, "label"), "first password");
    return status;
}

ll_status alias_recovery_make(const directory_alias *alias, const uint8_t key[KEYS_KEY], directory_slot *out,
                              char recovery[RECOVERY_TEXT + 1])
{
    uint8_t code[RECOVERY_CODE];
    *out = (directory_slot){0};
    recovery_make(code);
    recovery_print(code, recovery);
    ll_status status = slot_make_recovery(alias->id, code, key, &out->slot);
    memory_wipe(code, sizeof code);
    label_set(out, SPAN(""), "recovery code");
    return status;
}

ll_status alias_secret_make(server *s, directory_alias *alias, const json_t *arguments, alias_secret *out, text *error)
{
    uint8_t key[KEYS_KEY], drop_secret[KEYS_KEY];
    *out = (alias_secret){0};
    random_bytes(key, sizeof key);
    random_id(alias->vault);
    slot_salts_make(&alias->salts);
    seal_pair_make(alias->drop_public, drop_secret);
    ll_status status = alias_slot_make(alias, arguments, key, &out->slots[0], out->password, error);
    if (!status)
        status = alias_recovery_make(alias, key, &out->slots[1], out->recovery);
    out->slots_count = 2;
    if (!status) {
        layout_path path = layout_vault(&s->layout, alias->vault);
        status = vault_create(path.string, key, alias->id, alias->drop_public, drop_secret, error);
    }
    memory_wipe(key, sizeof key);
    memory_wipe(drop_secret, sizeof drop_secret);
    return status;
}

void alias_secret_print(const alias_secret *secret, json_t *result)
{
    if (secret->recovery[0])
        json_object_set_new(result, "recovery_code", json_string(secret->recovery));
    if (secret->password[0])
        json_object_set_new(result, "password", json_string(secret->password));
}

void alias_secret_fini(alias_secret *secret)
{
    memory_wipe(secret, sizeof *secret);
}

/* ----------------------------------------------------------------------------------------------------- destroying */

typedef struct ending {
    server *server;
    uint8_t alias[KEYS_ID];
    bool abort;
    waiter *waiter;
} ending;

static void end_sessions_now(void *context)
{
    ending *e = context;
    server_end_alias(e->server, e->alias, e->abort);
    waiter_done(e->waiter, LL_OK);
}

static ll_status end_sessions(server *s, const uint8_t alias[KEYS_ID], bool abort)
{
    ending e = {.server = s, .abort = abort, .waiter = waiter_new()};
    if (!e.waiter)
        return LL_ENOMEM;
    memcpy(e.alias, alias, KEYS_ID);
    executor_done(&s->executor, end_sessions_now, &e);
    return waiter_wait(&e.waiter);
}

enum {
    goodbye_ms = 1000, /* sessions get this long to take their goodbye: a revoked device must not stay by not reading */
    lock_wait_ms = 15000, /* then what they had under way is done, and the vault is closed */
    lock_poll_ms = 20
};

ll_status alias_lock(server *s, const uint8_t alias[KEYS_ID])
{
    if (!s->loop)
        return LL_OK;
    ll_status status = end_sessions(s, alias, false);
    for (int waited = 0; !status && waited < lock_wait_ms; waited += lock_poll_ms) {
        if (vaults_lock(s->vaults, alias) == LL_OK)
            return LL_OK;
        struct timespec pause = {0, lock_poll_ms * 1000000L};
        nanosleep(&pause, NULL);
        if (waited % goodbye_ms == goodbye_ms - lock_poll_ms)
            status = end_sessions(s, alias, true);
    }
    return status ? status : LL_EBUSY;
}

void alias_lock_or_warn(server *s, const uint8_t alias[KEYS_ID], json_t *result)
{
    if (alias_lock(s, alias))
        json_object_set_new(
            result, "warning",
            json_string("done, but the vault is still in use by somebody who was logged in: restart the server"));
}

ll_status alias_vault_destroy(server *s, const directory_alias *alias, text *error)
{
    waiter *w = waiter_new();
    ll_status status = w ? drop_remove_alias(s->drop, alias->id, waiter_done, w) : LL_ENOMEM;
    if (status)
        waiter_del(&w);
    else
        status = waiter_wait(&w);
    if (status)
        text_print(error, "what waited for the alias could not be removed (%s); ", ll_status_text(status));
    ll_status locked = alias_lock(s, alias->id);
    ll_status removed = locked ? locked : layout_vault_remove(&s->layout, alias->vault);
    if (removed && removed != LL_ENOTFOUND) {
        text_print(error, "the alias is gone, but its file could not be removed (%s): remove %s yourself",
                   ll_status_text(removed), layout_vault(&s->layout, alias->vault).string);
        status = removed;
    }
    return status;
}
