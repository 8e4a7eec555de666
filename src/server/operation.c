/* operation.c - see operation.h
 * SPDX-License-Identifier: MIT */
#include "server/operation.h"

#include "base/memory.h"

#include <pthread.h>

static const argument no_arguments[] = {{NULL, ARGUMENT_FLAG, NULL, NULL}};

static const argument domain_arguments[] = {
    {"domain", ARGUMENT_POSITION, "DOMAIN", "such as example.com"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "such as ann@example.com"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument domain_quota_arguments[] = {
    {"domain", ARGUMENT_POSITION, "DOMAIN", "such as example.com"},
    {"set", ARGUMENT_OPTION, "SIZE", "what all its aliases together may keep, such as 500M or 20G; 0: no limit"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_quota_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "such as ann@example.com"},
    {"set", ARGUMENT_OPTION, "SIZE",
     "what it may keep by itself, such as 500M or 20G; 0: what its account says, else the setting `quota`"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_account_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "such as ann@example.com"},
    {"set", ARGUMENT_OPTION, "ACCOUNT", "the account that owns it from now on"},
    {"none", ARGUMENT_FLAG, NULL, "no account owns it any more"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument account_arguments[] = {
    {"account", ARGUMENT_POSITION, "ACCOUNT", "such as ann, or a customer's number"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument account_add_arguments[] = {
    {"account", ARGUMENT_POSITION, "ACCOUNT", "such as ann, or a customer's number"},
    {"quota", ARGUMENT_OPTION, "SIZE", "what all its aliases together may keep, such as 500M or 20G; 0: no limit"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument account_quota_arguments[] = {
    {"account", ARGUMENT_POSITION, "ACCOUNT", "such as ann, or a customer's number"},
    {"set", ARGUMENT_OPTION, "SIZE", "what all its aliases together may keep, such as 500M or 20G; 0: no limit"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_add_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "such as ann@example.com; its domain must be there already"},
    {"password-stdin", ARGUMENT_FLAG, NULL,
     "read the password from the first line of standard input, instead of making one"},
    {"generated", ARGUMENT_FLAG, NULL,
     "with --password-stdin: you vouch that a machine made it (22 characters or more, mixed): it may then be used with "
     "SCRAM"},
    {"quota", ARGUMENT_OPTION, "SIZE", "what it may keep, such as 500M or 20G; otherwise the setting `quota` counts"},
    {"account", ARGUMENT_OPTION, "ACCOUNT", "the account that owns it; its aliases share its quota"},
    {"label", ARGUMENT_OPTION, "TEXT", "name of the first password, such as a device"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_list_arguments[] = {
    {"domain", ARGUMENT_OPTION, "DOMAIN", "only this domain's"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_remove_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "whose mail will be destroyed"},
    {"confirm", ARGUMENT_OPTION, "ADDRESS", "the address again; without it, it is read from standard input"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument alias_password_arguments[] = {
    {"address", ARGUMENT_POSITION, "ADDRESS", "such as ann@example.com"},
    {"add", ARGUMENT_FLAG, NULL, "add a password, for one more app or device"},
    {"replace", ARGUMENT_OPTION, "SLOT", "change this password (SLOT as in `alias show`; `current`: the one given)"},
    {"revoke", ARGUMENT_OPTION, "SLOT", "end this password"},
    {"recovery", ARGUMENT_FLAG, NULL, "make a new recovery code; the old one ends"},
    {"reset", ARGUMENT_FLAG, NULL, "give up the mail: DESTROY the vault and begin an empty one with new password"},
    {"confirm", ARGUMENT_OPTION, "ADDRESS",
     "with --reset: the address again; without it, it is read from standard input"},
    {"label", ARGUMENT_OPTION, "TEXT", "name of the new password, such as a device"},
    {"password-stdin", ARGUMENT_FLAG, NULL,
     "read the new password from standard input (second line; with --reset the last), instead of making one"},
    {"generated", ARGUMENT_FLAG, NULL, "with --password-stdin: you vouch that a machine made it"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument search_arguments[] = {
    {"pattern", ARGUMENT_POSITION, "PATTERN", "what to look for: a text, or with --regex a regular expression"},
    {"user", ARGUMENT_OPTION, "ADDRESS", "whose mail; the password is read from the first line of standard input"},
    {"mailbox", ARGUMENT_OPTION, "NAME", "only in this mailbox; otherwise in all of them"},
    {"regex", ARGUMENT_FLAG, NULL,
     "PATTERN is a regular expression (PCRE2; case does not matter unless it says (?-i); ^ and $ match at lines)"},
    {"field", ARGUMENT_OPTION, "FIELD",
     "where: SUBJECT, FROM, TO, CC, BCC, BODY, TEXT (all of the message, the default), or the name of a header field"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument vault_check_arguments[] = {
    {"vault", ARGUMENT_POSITION, "ADDRESS|FILE", "the vault: of an address, or a file of whatever name"},
    {"address", ARGUMENT_OPTION, "ADDRESS", "whose vault the FILE is, if its name does not say it"},
    {"key", ARGUMENT_FLAG, NULL, "standard input has the vault's key (64 hexadecimal digits) instead of a password"},
    {"key-file", ARGUMENT_OPTION, "PATH", "the key stands in this file"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

static const argument salvage_arguments[] = {
    {"vault", ARGUMENT_POSITION, "ADDRESS|FILE", "the vault: of an address, or a file of whatever name"},
    {"folder", ARGUMENT_POSITION, "FOLDER", "where the Maildir is made; empty, or not there"},
    {"address", ARGUMENT_OPTION, "ADDRESS", "whose vault the FILE is, if its name does not say it"},
    {"key", ARGUMENT_FLAG, NULL, "standard input has the vault's key (64 hexadecimal digits) instead of a password"},
    {"key-file", ARGUMENT_OPTION, "PATH", "the key stands in this file"},
    {NULL, ARGUMENT_FLAG, NULL, NULL},
};

const operation operation_table[] = {
    {"domain", "add", "Take mail for a domain.", domain_arguments, operation_domain_add, NULL},
    {"domain", "list", "List the domains.", no_arguments, operation_domain_list, NULL},
    {"domain", "remove", "Stop taking mail for a domain. It must have no aliases any more.", domain_arguments,
     operation_domain_remove, NULL},
    {"domain", "quota", "Show or set what the aliases of a domain may keep together.", domain_quota_arguments,
     operation_domain_quota, NULL},
    {"alias", "add",
     "Add an address with a vault of its own. Prints the recovery code and, on the last line, the password: once, "
     "never again.",
     alias_add_arguments, operation_alias_add, operation_alias_add_input},
    {"alias", "list", "List the aliases.", alias_list_arguments, operation_alias_list, NULL},
    {"alias", "show", "Show one alias with its passwords' names (slots).", alias_arguments, operation_alias_show, NULL},
    {"alias", "remove", "Remove an address and DESTROY its mail.", alias_remove_arguments, operation_alias_remove,
     operation_alias_remove_input},
    {"alias", "password",
     "Add, change or revoke a password. The current password, or the recovery code, is read from the first line of "
     "standard "
     "input. A vault is never encrypted anew: this is quick and safe at any moment.",
     alias_password_arguments, operation_alias_password, operation_alias_password_input},
    {"alias", "quota",
     "Show or set what an alias may keep. Shown are its own limit and use, and of all limits that count for it (its "
     "own, "
     "its domain's, its account's) the one with the least room.",
     alias_quota_arguments, operation_alias_quota, NULL},
    {"alias", "account", "Show or set the account that owns an alias.", alias_account_arguments,
     operation_alias_account, NULL},
    {"account", "add", "Add an account: an owner of several aliases, which share its quota.", account_add_arguments,
     operation_account_add, NULL},
    {"account", "list", "List the accounts with their quotas and what their aliases keep.", no_arguments,
     operation_account_list, NULL},
    {"account", "quota", "Show or set what the aliases of an account may keep together, whatever their domains.",
     account_quota_arguments, operation_account_quota, NULL},
    {"account", "remove", "Remove an account. It must have no aliases any more.", account_arguments,
     operation_account_remove, NULL},
    {"vault", "compact",
     "Give back the room that a vault does not need. Messages of older versions are stored as new ones are, and the "
     "file "
     "becomes as small as it can. Only the owner's password unlocks a vault: a locked one is compacted at the next "
     "login.",
     alias_arguments, operation_vault_compact, NULL},
    {"", "status", "What the running server does: listeners, sessions, vaults, waiting mail.", no_arguments,
     operation_status, NULL},
    {"", "check", "Look for faults: permissions, keys, ports, certificate, DNS; each finding with its remedy.",
     no_arguments, operation_check, NULL},
    {"vault", "check",
     "Look for damage in one vault, reading only: every page, SQLite's own check, counters and references. The "
     "password "
     "or recovery code of its owner is read from standard input. Exit status 1 if there is a fault.",
     vault_check_arguments, operation_vault_check, operation_vault_input},
    {"", "salvage",
     "Write everything readable of a damaged vault into a Maildir, in clear. Each page counts by itself: one that is "
     "damaged costs what stands on it, whichever it is. The vault is only read; nobody should be logged in to it. The "
     "password or recovery code of its owner is read from standard input. What could not be had is listed in "
     "unreadable.txt, and the exit status is then 1.",
     salvage_arguments, operation_salvage, operation_vault_input},
    {"", "config", "Print every setting with its present value.", no_arguments, operation_config, NULL},
    {"", "search",
     "Find messages, by a text or a regular expression. Prints mailbox, UID, date, sender and subject of each. The "
     "server "
     "must be running.",
     search_arguments, operation_search, operation_search_input},
};
const size_t operation_table_count = sizeof operation_table / sizeof operation_table[0];

const operation *operation_find(ll_span group, ll_span name)
{
    for (size_t i = 0; i < operation_table_count; i++)
        if (span_equal(span_str(operation_table[i].group), group) &&
            span_equal(span_str(operation_table[i].name), name))
            return &operation_table[i];
    return NULL;
}

ll_span operation_string(const json_t *arguments, const char *name)
{
    const json_t *value = json_object_get(arguments, name);
    return json_is_string(value) ? span_of(json_string_value(value), json_string_length(value)) : SPAN("");
}

bool operation_flag(const json_t *arguments, const char *name)
{
    return json_is_true(json_object_get(arguments, name));
}

static const argument *argument_find(const operation *op, const char *name)
{
    for (const argument *a = op->arguments; a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

/* Lines of standard input travel under these names. */
static bool is_input_name(const char *name)
{
    return strcmp(name, "current") == 0 || strcmp(name, "password") == 0 || strcmp(name, "data") == 0;
}

static ll_status arguments_check(const operation *op, const json_t *arguments, text *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)arguments, name, value)
    {
        const argument *a = argument_find(op, name);
        bool is_flag = a && a->kind == ARGUMENT_FLAG;
        if ((!a && !is_input_name(name)) || (is_flag ? !json_is_boolean(value) : !json_is_string(value))) {
            text_print(error, "%s%s%s takes no such argument: %s", op->group, *op->group ? " " : "", op->name, name);
            return LL_EINVAL;
        }
    }
    for (const argument *a = op->arguments; a->name; a++)
        if (a->kind == ARGUMENT_POSITION && !operation_string(arguments, a->name).size) {
            text_print(error, "%s %s needs %s: %s", op->group, op->name, a->value, a->help);
            return LL_EINVAL;
        }
    return LL_OK;
}

ll_status operation_run(server *s, const operation *op, const json_t *arguments, json_t **result, text *error)
{
    *result = NULL;
    ll_status status = arguments_check(op, arguments, error);
    if (!status)
        status = op->run(s, arguments, result, error);
    if (status && !error->size)
        text_print(error, "%s %s failed: %s", op->group, op->name, ll_status_text(status));
    return status;
}

static void print_value(const json_t *value, text *out)
{
    if (json_is_string(value))
        text_add(out, span_of(json_string_value(value), json_string_length(value)));
    else if (json_is_integer(value))
        text_print(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        text_add_str(out, json_is_true(value) ? "yes" : "no");
    else if (json_is_null(value))
        text_add_str(out, "-");
}

static bool is_last_line(const char *name)
{
    return strcmp(name, "recovery_code") == 0 || strcmp(name, "password") == 0;
}

static void print_rows(const json_t *rows, text *out)
{
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        const char *name;
        json_t *value;
        bool first = true;
        if (!json_is_object(row))
            print_value(row, out);
        json_object_foreach(row, name, value)
        {
            if (!first)
                text_add_str(out, "\t");
            first = false;
            print_value(value, out);
        }
        text_add_str(out, "\n");
    }
}

void operation_print(const json_t *result, text *out)
{
    if (json_is_array(result)) {
        print_rows(result, out);
        return;
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)result, name, value)
    {
        if (is_last_line(name))
            continue;
        if (json_is_array(value)) {
            text_print(out, "%s:\n", name);
            print_rows(value, out);
            continue;
        }
        text_print(out, "%s: ", name);
        print_value(value, out);
        text_add_str(out, "\n");
    }
    static const char *const last[] = {"recovery_code", "password"};
    for (size_t i = 0; i < 2; i++)
        if ((value = json_object_get(result, last[i])) != NULL) {
            print_value(value, out);
            text_add_str(out, "\n");
        }
}

void operation_help(const operation *op, text *out)
{
    text_print(out, "usage: letterlock %s%s%s --data DIR", op->group, *op->group ? " " : "", op->name);
    for (const argument *a = op->arguments; a->name; a++) {
        if (a->kind == ARGUMENT_POSITION)
            text_print(out, " %s", a->value);
        else if (a->kind == ARGUMENT_OPTION)
            text_print(out, " [--%s %s]", a->name, a->value);
        else
            text_print(out, " [--%s]", a->name);
    }
    text_print(out, "\n\n%s\n", op->help);
    if (op->arguments->name)
        text_add_str(out, "\n");
    for (const argument *a = op->arguments; a->name; a++) {
        if (a->kind == ARGUMENT_POSITION)
            text_print(out, "  %s\n      %s\n", a->value, a->help);
        else
            text_print(out, "  --%s%s%s\n      %s\n", a->name, a->value ? " " : "", a->value ? a->value : "", a->help);
    }
}

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    ll_status status;
};

waiter *waiter_new(void)
{
    waiter *w = memory_new(NULL, sizeof *w);
    if (w) {
        pthread_mutex_init(&w->mutex, NULL);
        pthread_cond_init(&w->changed, NULL);
    }
    return w;
}

void waiter_done(void *context, ll_status status)
{
    waiter *w = context;
    pthread_mutex_lock(&w->mutex);
    w->done = true;
    w->status = status;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->mutex);
}

void waiter_del(waiter **w)
{
    if (!*w)
        return;
    pthread_cond_destroy(&(*w)->changed);
    pthread_mutex_destroy(&(*w)->mutex);
    memory_free(NULL, *w);
    *w = NULL;
}

ll_status waiter_wait(waiter **w)
{
    pthread_mutex_lock(&(*w)->mutex);
    while (!(*w)->done)
        pthread_cond_wait(&(*w)->changed, &(*w)->mutex);
    ll_status status = (*w)->status;
    pthread_mutex_unlock(&(*w)->mutex);
    waiter_del(w);
    return status;
}
