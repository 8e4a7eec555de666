/* operation_password.c - alias password: slots added, replaced, revoked; the vault is never encrypted anew
 * SPDX-License-Identifier: MIT
 *
 * The server cannot do this by itself: whoever asks must bring the current password or the recovery code, which unwraps
 * the vault key (invariant 10). Every change is one transaction of the directory: after a crash the old or the new
 * password works. */
#include "server/alias_secret.h"
#include "server/log.h"
#include "server/quota.h"

#include "base/memory.h"
#include "keys/random.h"

#include <time.h>

const argument *operation_alias_password_input(const json_t *arguments)
{
    static const argument current = {"current", ARGUMENT_INPUT, NULL, "the current password, or the recovery code"};
    static const argument confirm = {"confirm", ARGUMENT_INPUT, NULL,
                                     "the address again: all of its mail will be destroyed"};
    static const argument password = {"password", ARGUMENT_INPUT, NULL, "the new password"};
    const argument *first = operation_flag(arguments, "reset") ? &confirm : &current;
    if (!json_object_get(arguments, first->name))
        return first;
    bool wanted = operation_flag(arguments, "password-stdin") && !json_object_get(arguments, password.name);
    return wanted ? &password : NULL;
}

typedef struct unlocked {
    directory_alias alias;
    directory_slot slots[SLOT_COUNT_MAX];
    size_t count;
    uint8_t key[KEYS_KEY];
    size_t by; /* the slot that opened it */
} unlocked;

static ll_status unlock(server *s, const json_t *arguments, unlocked *u, text *error)
{
    ll_status status = alias_of(s, arguments, &u->alias, error);
    if (!status)
        status = directory_slot_list(s->directory, u->alias.id, u->slots, &u->count);
    if (status)
        return status;
    slot slots[SLOT_COUNT_MAX];
    for (size_t i = 0; i < u->count; i++)
        slots[i] = u->slots[i].slot;
    ll_span secret = operation_string(arguments, "current");
    uint8_t code[RECOVERY_CODE];
    status = LL_EAUTH;
    if (recovery_parse(secret, code) == LL_OK)
        status = slot_login_recovery(u->alias.id, slots, u->count, code, u->key, &u->by);
    if (status == LL_EAUTH)
        status = slot_login_plain(u->alias.id, &u->alias.salts, slots, u->count, secret, u->key, &u->by);
    memory_wipe(code, sizeof code);
    if (status == LL_EAUTH) {
        struct timespec pause = {(time_t)(s->config->login_failure_delay / 1000),
                                 (long)(s->config->login_failure_delay % 1000) * 1000000L};
        nanosleep(&pause, NULL);
        text_add_str(error, "the current password, or recovery code, on the first line of standard input is wrong");
    }
    return status;
}

/* A slot by the id that `alias show` prints (at least 8 digits of it), or "current". */
static ll_status slot_named(const unlocked *u, ll_span name, size_t *index, text *error)
{
    if (span_equal_nocase(name, SPAN("current"))) {
        *index = u->by;
        return LL_OK;
    }
    size_t found = 0;
    for (size_t i = 0; i < u->count; i++) {
        char hex[RANDOM_HEX + 1];
        random_id_hex(u->slots[i].slot.id, hex);
        if (name.size >= 8 && span_starts_nocase(span_of(hex, RANDOM_HEX), name)) {
            *index = i;
            found++;
        }
    }
    if (found == 1)
        return LL_OK;
    text_print(error, "%s slot %.*s; `letterlock alias show` lists them", found ? "more than one" : "there is no",
               SPAN_PRINT(span_first(name, 40)));
    return LL_ENOTFOUND;
}

static ll_status change_add(server *s, const json_t *arguments, unlocked *u, json_t *result, text *error)
{
    directory_slot made;
    char password[PASSWORD_GENERATED + 1];
    ll_status status = alias_slot_make(&u->alias, arguments, u->key, &made, password, error);
    if (!status)
        status = directory_slot_add(s->directory, u->alias.id, &made);
    if (status == LL_ELIMIT)
        text_print(error, "the alias has %d passwords already: revoke one first", SLOT_COUNT_MAX);
    if (!status && password[0])
        json_object_set_new(result, "password", json_string(password));
    memory_wipe(password, sizeof password);
    return status;
}

static ll_status change_replace(server *s, const json_t *arguments, unlocked *u, json_t *result, text *error)
{
    size_t old;
    ll_status status = slot_named(u, operation_string(arguments, "replace"), &old, error);
    if (status)
        return status;
    if (u->slots[old].slot.kind == SLOT_RECOVERY) {
        text_add_str(error, "that slot is the recovery code: --recovery makes a new one");
        return LL_EINVAL;
    }
    directory_slot made;
    char password[PASSWORD_GENERATED + 1];
    status = alias_slot_make(&u->alias, arguments, u->key, &made, password, error);
    if (!status && !operation_string(arguments, "label").size)
        memcpy(made.label, u->slots[old].label, sizeof made.label);
    if (!status)
        status = directory_slot_replace(s->directory, u->alias.id, u->slots[old].slot.id, &made);
    if (!status && password[0])
        json_object_set_new(result, "password", json_string(password));
    memory_wipe(password, sizeof password);
    if (!status)
        alias_lock_or_warn(s, u->alias.id, result);
    return status;
}

static ll_status change_revoke(server *s, const json_t *arguments, unlocked *u, json_t *result, text *error)
{
    size_t old, passwords = 0;
    ll_status status = slot_named(u, operation_string(arguments, "revoke"), &old, error);
    if (status)
        return status;
    for (size_t i = 0; i < u->count; i++)
        passwords += u->slots[i].slot.kind != SLOT_RECOVERY;
    if (u->slots[old].slot.kind != SLOT_RECOVERY && passwords == 1) {
        text_add_str(error, "that is the only password: --replace it instead");
        return LL_EDENIED;
    }
    status = directory_slot_remove(s->directory, u->alias.id, u->slots[old].slot.id);
    if (!status)
        alias_lock_or_warn(s, u->alias.id, result);
    return status;
}

static ll_status change_recovery(server *s, unlocked *u, json_t *result)
{
    directory_slot made;
    char recovery[RECOVERY_TEXT + 1];
    ll_status status = alias_recovery_make(&u->alias, u->key, &made, recovery);
    size_t old = 0;
    while (old < u->count && u->slots[old].slot.kind != SLOT_RECOVERY)
        old++;
    if (!status && old < u->count)
        status = directory_slot_replace(s->directory, u->alias.id, u->slots[old].slot.id, &made);
    else if (!status)
        status = directory_slot_add(s->directory, u->alias.id, &made);
    if (!status)
        json_object_set_new(result, "recovery_code", json_string(recovery));
    memory_wipe(recovery, sizeof recovery);
    return status;
}

/* The old vault is given up: the alias gets another id, vault and keys. The new ones are in the directory before the
 * old file goes. */
static ll_status change_reset(server *s, const json_t *arguments, json_t *result, text *error)
{
    directory_alias old, fresh;
    alias_secret secret;
    ll_status status = alias_of(s, arguments, &old, error);
    if (!status)
        status = alias_confirmed(arguments, &old, error);
    if (status)
        return status;
    fresh = old;
    random_id(fresh.id);
    fresh.created = time(NULL);
    status = alias_secret_make(s, &fresh, arguments, &secret, error);
    if (!status) {
        status = directory_alias_swap(s->directory, old.id, &fresh, secret.slots, secret.slots_count);
        if (status && layout_vault_remove(&s->layout, fresh.vault))
            text_add_str(error, "a vault file without owner was left behind\n");
    }
    if (!status && s->ledger)
        ledger_leave(s->ledger, old.id);
    if (!status)
        alias_secret_print(&secret, result);
    if (!status && quota_alias(s, fresh.id))
        log_event("-", "quota-not-counted");
    alias_secret_fini(&secret);
    if (!status && alias_vault_destroy(s, &old, error)) { /* the new password counts already and must be shown */
        json_object_set_new(result, "warning", json_string(text_str(error)));
        text_clear(error);
    }
    return status;
}

ll_status operation_alias_password(server *s, const json_t *arguments, json_t **result, text *error)
{
    bool add = operation_flag(arguments, "add"), recovery = operation_flag(arguments, "recovery"),
         reset = operation_flag(arguments, "reset"), replace = operation_string(arguments, "replace").size > 0,
         revoke = operation_string(arguments, "revoke").size > 0;
    if (add + recovery + reset + replace + revoke != 1) {
        text_add_str(error, "say one of --add, --replace SLOT, --revoke SLOT, --recovery, --reset");
        return LL_EINVAL;
    }
    *result = json_object();
    if (reset)
        return change_reset(s, arguments, *result, error);
    unlocked *u = memory_new(NULL, sizeof *u);
    if (!u)
        return LL_ENOMEM;
    ll_status status = unlock(s, arguments, u, error);
    if (!status && add)
        status = change_add(s, arguments, u, *result, error);
    else if (!status && replace)
        status = change_replace(s, arguments, u, *result, error);
    else if (!status && revoke)
        status = change_revoke(s, arguments, u, *result, error);
    else if (!status)
        status = change_recovery(s, u, *result);
    memory_wipe(u, sizeof *u);
    memory_free(NULL, u);
    return status;
}
