/* operation_quota.c - accounts, and the quotas of accounts, domains and aliases
 * SPDX-License-Identifier: MIT
 *
 * The directory keeps the limits, the ledger counts; a change is written first and counts at once. */
#include "server/operation.h"

#include "post/intake.h"
#include "server/alias_secret.h"
#include "server/quota.h"

#include <time.h>

enum { account_batch = 64 /* rows of the directory at once */ };

ll_status operation_size(const json_t *arguments, const char *name, uint64_t *bytes, text *error)
{
    ll_span value = operation_string(arguments, name);
    *bytes = 0;
    if (!value.size)
        return LL_OK;
    config c;
    text why;
    text_init(&why, NULL, 4096);
    ll_status status = config_init(&c);
    if (!status)
        status = config_set(&c, SPAN("quota"), value, &why);
    if (status)
        text_print(error, "--%s: %s", name, text_str(&why));
    *bytes = c.quota;
    config_fini(&c);
    text_fini(&why);
    return status;
}

/* What is printed of a pool. Without limit there is no number, but "-". */
static json_t *limit_json(uint64_t limit)
{
    return limit && limit != UINT64_MAX ? json_integer((json_int_t)limit) : json_null();
}

static json_t *room_json(uint64_t used, uint64_t limit)
{
    return limit ? json_integer((json_int_t)(used < limit ? limit - used : 0)) : json_null();
}

static ll_status unknown_account(ll_span name, text *error)
{
    text_print(error, "there is no account \"%.*s\"; `letterlock account list` shows all",
               SPAN_PRINT(span_first(name, DIRECTORY_ACCOUNT_MAX)));
    return LL_ENOTFOUND;
}

/* ---------------------------------------------------------------------------------------------------------- Accounts
 */

ll_status operation_account_add(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "account");
    uint64_t quota;
    ll_status status = operation_size(arguments, "quota", &quota, error);
    if (status)
        return status;
    status = directory_account_add(s->directory, name, quota, time(NULL));
    if (status == LL_EEXISTS)
        text_print(error, "%.*s is there already", SPAN_PRINT(name));
    else if (status == LL_EINVAL)
        text_add_str(error, "an account's name has 1 to 100 letters, digits, dots, hyphens, underscores and '@'");
    if (!status && s->ledger)
        status = ledger_account(s->ledger, name, quota);
    *result = json_object();
    return status;
}

ll_status operation_account_remove(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "account");
    ll_status status = directory_account_remove(s->directory, name);
    if (status == LL_ENOTFOUND)
        return unknown_account(name, error);
    if (status == LL_EDENIED)
        text_print(error, "%.*s still has aliases: remove them, or `letterlock alias account ADDRESS --none`, first",
                   SPAN_PRINT(name));
    if (!status && s->ledger)
        status = ledger_account(s->ledger, name, 0);
    *result = json_object();
    return status;
}

static json_t *account_json(server *s, const directory_account *a)
{
    uint64_t used, limit;
    ledger_of_account(s->ledger, span_str(a->name), &used, &limit);
    return json_pack("{s:s, s:I, s:o, s:I, s:o}", "account", a->name, "aliases", (json_int_t)a->aliases, "quota_bytes",
                     limit_json(a->quota_bytes), "used_bytes", (json_int_t)used, "room_bytes",
                     room_json(used, a->quota_bytes));
}

ll_status operation_account_list(server *s, const json_t *arguments, json_t **result, text *error)
{
    (void)arguments;
    (void)error;
    directory_account rows[account_batch];
    char after[DIRECTORY_ACCOUNT_MAX + 1] = "";
    *result = json_array();
    ll_status status = quota_open(s);
    for (size_t count = account_batch; !status && count == account_batch;) {
        status = directory_account_list(s->directory, span_str(after), rows, account_batch, &count);
        for (size_t i = 0; !status && i < count; i++)
            json_array_append_new(*result, account_json(s, &rows[i]));
        if (!status && count)
            memcpy(after, rows[count - 1].name, sizeof after);
    }
    return status;
}

ll_status operation_account_quota(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "account");
    uint64_t quota;
    directory_account row;
    ll_status status = quota_open(s);
    if (!status)
        status = operation_size(arguments, "set", &quota, error);
    if (!status && operation_string(arguments, "set").size) {
        status = directory_account_quota(s->directory, name, quota);
        if (!status)
            status = ledger_account(s->ledger, name, quota);
    }
    if (!status)
        status = directory_account_find(s->directory, name, &row);
    if (status == LL_ENOTFOUND)
        return unknown_account(name, error);
    if (!status)
        *result = account_json(s, &row);
    return status;
}

/* ----------------------------------------------------------------------------------------------- Domains and aliases
 */

ll_status operation_domain_quota(server *s, const json_t *arguments, json_t **result, text *error)
{
    ll_span name = operation_string(arguments, "domain");
    uint64_t quota, used, limit;
    ll_status status = quota_open(s);
    if (!status)
        status = operation_size(arguments, "set", &quota, error);
    if (!status && operation_string(arguments, "set").size) {
        status = directory_domain_quota(s->directory, name, quota);
        if (!status)
            status = ledger_domain(s->ledger, name, quota);
    }
    if (!status)
        status = directory_domain_quota_get(s->directory, name, &quota);
    if (status == LL_ENOTFOUND)
        text_print(error, "there is no domain %.*s; `letterlock domain list` shows all", SPAN_PRINT(name));
    if (status)
        return status;
    ledger_of_domain(s->ledger, name, &used, &limit);
    *result = json_pack("{s:s#, s:o, s:I, s:o}", "domain", name.data, (int)name.size, "quota_bytes", limit_json(quota),
                        "used_bytes", (json_int_t)used, "room_bytes", room_json(used, quota));
    return LL_OK;
}

static json_t *alias_json(server *s, const directory_alias *alias)
{
    ledger_numbers n = ledger_of(s->ledger, alias->id);
    return json_pack("{s:o, s:o, s:I, s:o, s:I, s:o}", "account",
                     *alias->account ? json_string(alias->account) : json_null(), "own_quota_bytes",
                     limit_json(alias->quota_bytes), "own_used_bytes", (json_int_t)n.own, "quota_bytes",
                     limit_json(n.limit), "used_bytes", (json_int_t)n.used, "room_bytes",
                     n.limit ? json_integer((json_int_t)n.room) : json_null());
}

ll_status operation_alias_quota(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias;
    uint64_t quota;
    ll_status status = quota_open(s);
    if (!status)
        status = alias_of(s, arguments, &alias, error);
    if (!status)
        status = operation_size(arguments, "set", &quota, error);
    if (!status && operation_string(arguments, "set").size) {
        status = directory_alias_quota(s->directory, alias.id, quota);
        alias.quota_bytes = quota;
        if (!status)
            status = quota_alias(s, alias.id);
    }
    if (!status)
        *result = alias_json(s, &alias);
    return status;
}

ll_status operation_alias_account(server *s, const json_t *arguments, json_t **result, text *error)
{
    directory_alias alias;
    ll_span name = operation_string(arguments, "set");
    bool none = operation_flag(arguments, "none");
    ll_status status = alias_of(s, arguments, &alias, error);
    if (!status && none && name.size) {
        text_add_str(error, "say --set NAME or --none, not both");
        status = LL_EINVAL;
    }
    if (!status && (none || name.size)) {
        status = directory_alias_account(s->directory, alias.id, name);
        if (status == LL_ENOTFOUND)
            return unknown_account(name, error);
        if (!status)
            status = quota_alias(s, alias.id);
        if (!status)
            status = directory_alias_get(s->directory, alias.id, &alias);
    }
    if (!status)
        *result = json_pack("{s:o}", "account", *alias.account ? json_string(alias.account) : json_null());
    return status;
}
