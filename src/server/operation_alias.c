/* operation_alias.c - alias add, list, show, remove
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include "base/clock.h"
#include "base/memory.h"
#include "keys/random.h"
#include "post/intake.h"
#include "server/compaction.h"
#include "server/alias_secret.h"
#include "server/quota.h"
#include "wire/smtp_path.h"

#include <inttypes.h>
#include <time.h>

enum { alias_batch = 32 /* aliases read from the directory at once */ };

/* ------------------------------------------------------------------------------------------------------- helpers */

static json_t *json_time(int64_t seconds)
{
    if (!seconds)
        return json_string("-");
    text t;
    text_init(&t, NULL, 64);
    clock_add_iso(&t, seconds);
    json_t *json = json_string(text_str(&t));
    text_fini(&t);
    return json;
}

static json_t *json_id(const uint8_t id[KEYS_ID])
{
    char hex[RANDOM_HEX + 1];
    random_id_hex(id, hex);
    return json_string(hex);
}

static json_t *json_address(const directory_alias *alias)
{
    return json_sprintf("%s@%s", alias->local, alias->domain);
}

ll_status alias_of(server *s, const json_t *arguments, directory_alias *alias, text *error)
{
    ll_span address = operation_string(arguments, "address");
    ll_status status = directory_alias_find(s->directory, address, alias);
    /* "ann+lists@..." finds ann for mail; an administrator must name the alias itself. */
    if (!status) {
        text exact;
        text_init(&exact, NULL, 512);
        text_print(&exact, "%s@%s", alias->local, alias->domain);
        if (!span_equal_nocase(text_span(&exact), address))
            status = LL_ENOTFOUND;
        text_fini(&exact);
    }
    if (status == LL_ENOTFOUND)
        text_print(error, "there is no alias %.*s; `letterlock alias list` shows all", SPAN_PRINT(address));
    return status;
}

ll_status alias_confirmed(const json_t *arguments, const directory_alias *alias, text *error)
{
    ll_span typed = operation_string(arguments, "confirm");
    text address;
    text_init(&address, NULL, 512);
    text_print(&address, "%s@%s", alias->local, alias->domain);
    bool same = span_equal_nocase(span_trim(typed), text_span(&address));
    text_fini(&address);
    if (same)
        return LL_OK;
    text_add_str(
        error,
        "nothing was changed: this destroys all mail of the address, so the address must be typed again, exactly");
    return LL_EINVAL;
}

/* ----------------------------------------------------------------------------------------------------------- add */

const argument *operation_alias_add_input(const json_t *arguments)
{
    static const argument password = {"password", ARGUMENT_INPUT, NULL, "the password"};
    bool wanted = operation_flag(arguments, "password-stdin") && !json_object_get(arguments, password.name);
    return wanted ? &password : NULL;
}

/* "ann@example.com" into the alias. */
static ll_status split_address(ll_span address, directory_alias *alias, text *error)
{
    size_t at = address.size;
    while (at > 0 && address.data[at - 1] != '@')
        at--;
    smtp_path path = {.null = true};
    bool valid = smtp_path_address(&path, address, SMTP_PATH_UTF8, DIRECTORY_LOCAL_MAX) == LL_OK && !path.literal;
    text plain; /* an address that would have to be quoted is nobody's wish */
    text_init(&plain, NULL, 1024);
    smtp_path_text(&path, &plain);
    valid = valid && span_equal_nocase(text_span(&plain), address);
    text_fini(&plain);
    if (!valid || at < 2 || at == address.size || address.size - at > DIRECTORY_DOMAIN_MAX) {
        text_print(error, "\"%.*s\" is not an address: give one such as ann@example.com",
                   SPAN_PRINT(span_first(address, 400)));
        return LL_EINVAL;
    }
    memcpy(alias->local, address.data, at - 1);
    memcpy(alias->domain, address.data + at, address.size - at);
    return LL_OK;
}

static ll_status account_of(server *s, const json_t *arguments, directory_alias *alias, text *error)
{
    ll_span name = operation_string(arguments, "account");
    directory_account account;
    if (!name.size)
        return LL_OK;
    ll_status status = directory_account_find(s->directory, name, &account);
    if (status == LL_ENOTFOUND)
        text_print(error, "there is no account \"%.*s\": `letterlock account add` first",
                   SPAN_PRINT(span_first(name, DIRECTORY_ACCOUNT_MAX)));
    if (!status)
        memcpy(alias->account, account.name, sizeof alias->account);
    return status;
}

ll_status operation_alias_add(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias = {.created = time(NULL)};
    alias_secret secret;
    ll_status status = split_address(operation_string(arguments, "address"), &alias, error);
    if (!status)
        status = operation_size(arguments, "quota", &alias.quota_bytes, error);
    if (!status)
        status = account_of(s, arguments, &alias, error);
    if (status)
        return status;
    if (directory_domain_find(s->directory, span_str(alias.domain)) == LL_ENOTFOUND) {
        text_print(error, "%s is not a domain of this server: `letterlock domain add %s` first", alias.domain,
                   alias.domain);
        return LL_ENOTFOUND;
    }
    directory_alias other;
    text address;
    text_init(&address, NULL, 512);
    text_print(&address, "%s@%s", alias.local, alias.domain);
    bool taken = directory_alias_find(s->directory, text_span(&address), &other) == LL_OK &&
                 span_equal_nocase(span_str(other.local), span_str(alias.local));
    text_fini(&address);
    if (taken) {
        text_print(error, "%s@%s is there already", alias.local, alias.domain);
        return LL_EEXISTS;
    }
    random_id(alias.id);
    status = alias_secret_make(s, &alias, arguments, &secret, error);
    if (!status) {
        status = directory_alias_add(s->directory, &alias, secret.slots, secret.slots_count);
        if (status && layout_vault_remove(&s->layout, alias.vault))
            text_add_str(error, "a vault file without owner was left behind\n");
        if (status == LL_EINVAL)
            text_print(error, "\"%s@%s\" is not an address that can receive mail here", alias.local, alias.domain);
    }
    if (!status)
        status = quota_alias(s, alias.id);
    if (!status) {
        *result = json_object();
        json_object_set_new(*result, "alias", json_id(alias.id));
        json_object_set_new(*result, "address", json_address(&alias));
        alias_secret_print(&secret, *result);
    }
    alias_secret_fini(&secret);
    return status;
}

/* ----------------------------------------------------------------------------------------------- list and show */

static ll_status list_domain(server *s, const char *domain, json_t *rows)
{
    directory_alias *batch = memory_new(NULL, alias_batch * sizeof *batch);
    char after[DIRECTORY_LOCAL_MAX + 1] = "";
    ll_status status = batch ? LL_OK : LL_ENOMEM;
    for (size_t count = alias_batch; !status && count == alias_batch;) {
        status = directory_alias_list(s->directory, span_str(domain), span_str(after), batch, alias_batch, &count);
        for (size_t i = 0; !status && i < count; i++)
            json_array_append_new(rows, json_pack("{s:o, s:o, s:o}", "address", json_address(&batch[i]), "created",
                                                  json_time(batch[i].created), "alias", json_id(batch[i].id)));
        if (!status && count)
            memcpy(after, batch[count - 1].local, sizeof after);
    }
    memory_free(NULL, batch);
    return status;
}

ll_status operation_alias_vaults(server *s, json_t *known)
{
    json_t *rows = NULL, *row;
    json_t *no_arguments = json_object();
    size_t i;
    text error;
    text_init(&error, NULL, 4096);
    ll_status status = operation_alias_list(s, no_arguments, &rows, &error);
    json_array_foreach(rows, i, row)
    {
        directory_alias alias;
        uint8_t id[KEYS_ID];
        char hex[RANDOM_HEX + 1];
        ll_span name = operation_string(row, "alias");
        if (!status && random_id_parse(name, id))
            status = directory_alias_get(s->directory, id, &alias);
        if (!status) {
            random_id_hex(alias.vault, hex);
            json_object_set_new(known, hex, json_true());
        }
    }
    text_fini(&error);
    json_decref(no_arguments);
    json_decref(rows);
    return status;
}

ll_status operation_alias_list(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span only = operation_string(arguments, "domain");
    json_t *domains = NULL, *row;
    size_t i;
    ll_status status = operation_domain_list(s, arguments, &domains, error);
    *result = json_array();
    json_array_foreach(domains, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "domain"));
        if (!status && (!only.size || span_equal_nocase(only, span_str(name))))
            status = list_domain(s, name, *result);
    }
    json_decref(domains);
    return status;
}

static const char *kind_name(slot_kind kind)
{
    return kind == SLOT_GENERATED ? "generated" : kind == SLOT_CHOSEN ? "chosen" : "recovery";
}

ll_status operation_alias_show(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias;
    ll_status status = alias_of(s, arguments, &alias, error);
    if (status)
        return status;
    directory_slot *slots = memory_new(NULL, SLOT_COUNT_MAX * sizeof *slots);
    size_t count = 0;
    uint64_t waiting = 0, bytes = 0;
    status = slots ? directory_slot_list(s->directory, alias.id, slots, &count) : LL_ENOMEM;
    if (!status)
        status = drop_alias_bytes(s->drop, alias.id, &bytes, &waiting);
    if (!status)
        status = quota_open(s);
    json_t *list = json_array();
    for (size_t i = 0; !status && i < count; i++)
        json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o, s:s}", "slot", json_id(slots[i].slot.id), "kind",
                                              kind_name(slots[i].slot.kind), "created", json_time(slots[i].created),
                                              "last_used", json_time(slots[i].last_used), "label", slots[i].label));
    memory_free(NULL, slots);
    vault *open = vaults_find(s->vaults, alias.id);
    uint64_t quota = s->ledger ? ledger_of(s->ledger, alias.id).limit : 0;
    *result = json_pack("{s:o, s:o, s:o, s:o, s:s, s:I, s:I, s:I, s:o}", "address", json_address(&alias), "alias",
                        json_id(alias.id), "vault", json_id(alias.vault), "created", json_time(alias.created), "state",
                        alias.disabled ? "disabled"
                        : open         ? "unlocked"
                                       : "locked",
                        "quota_bytes", (json_int_t)quota, "waiting_messages", (json_int_t)waiting, "waiting_bytes",
                        (json_int_t)bytes, "slots", list);
    if (open)
        vaults_release(s->vaults, &open);
    return status;
}

/* -------------------------------------------------------------------------------------------------------- remove */

const argument *operation_alias_remove_input(const json_t *arguments)
{
    static const argument confirm = {"confirm", ARGUMENT_INPUT, NULL,
                                     "the address again: all of its mail will be destroyed"};
    return !json_object_get(arguments, "confirm") ? &confirm : NULL;
}

ll_status operation_alias_remove(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias;
    ll_status status = alias_of(s, arguments, &alias, error);
    if (!status)
        status = alias_confirmed(arguments, &alias, error);
    if (!status)
        status = directory_alias_remove(s->directory, alias.id);
    if (!status && s->ledger)
        ledger_leave(s->ledger, alias.id);
    if (!status)
        status = alias_vault_destroy(s, &alias, error);
    if (!status)
        status = intake_bytes_forget(s->directory, alias.id);
    if (!status)
        status = compaction_mark(s, alias.id, false);
    *result = json_object();
    return status;
}
