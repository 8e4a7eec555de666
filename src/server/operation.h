/* operation.h - what an administrator can do: one table, from which come the command line, its help, the control socket
 * and the manual. SPDX-License-Identifier: MIT
 *
 * An operation takes named arguments (a JSON object of strings and booleans) and gives a JSON value. It runs on a
 * worker of the running server, or inside the command line's own process when no server runs; it does the same in both.
 * It may block.
 *
 * Results are printed by one rule (operation_print): an array of objects is a table, an object is "name: value" lines;
 * "recovery_code" and "password" come last, each alone on its line. */
#ifndef SERVER_OPERATION_H
#define SERVER_OPERATION_H

#include "server/server.h"

#include <jansson.h>

typedef enum argument_kind {
    ARGUMENT_POSITION, /* NAME, must be given */
    ARGUMENT_OPTION,   /* --name VALUE */
    ARGUMENT_FLAG,     /* --name */
    ARGUMENT_INPUT     /* a line of standard input; read when the operation's `input` says so */
} argument_kind;

typedef struct argument {
    const char *name;
    argument_kind kind;
    const char *value; /* what VALUE is called in help */
    const char *help;
} argument;

typedef struct operation operation;
struct operation {
    const char *group; /* "domain", or "" */
    const char *name;
    const char *help;
    const argument *arguments; /* ends with a NULL name */
    ll_status (*run)(server *s, const json_t *arguments, json_t **result, text *error);
    /* Which line of standard input is wanted next: the first that these arguments need and do not have; NULL: no more.
     */
    const argument *(*input)(const json_t *arguments);
};

extern const operation operation_table[];
extern const size_t operation_table_count;

/* "domain add": group and name. NULL: there is none. */
const operation *operation_find(ll_span group, ll_span name);
/* Check the arguments against the row (unknown, missing, wrong type), then run. On failure `error` says what to do. */
LL_MUST_USE ll_status operation_run(server *s, const operation *op, const json_t *arguments, json_t **result,
                                    text *error);
void operation_print(const json_t *result, text *out);
void operation_help(const operation *op, text *out);

/* A string argument, or an empty span. */
ll_span operation_string(const json_t *arguments, const char *name);
bool operation_flag(const json_t *arguments, const char *name);

/* The rows' functions, by file. */
#define OPERATION(name) ll_status operation_##name(server *s, const json_t *arguments, json_t **result, text *error);
OPERATION(domain_add)
OPERATION(domain_list)
OPERATION(domain_remove)
OPERATION(alias_add)
OPERATION(alias_list)
OPERATION(alias_show)
OPERATION(alias_remove)
OPERATION(alias_password)
OPERATION(alias_quota)
OPERATION(alias_account)
OPERATION(account_add)
OPERATION(account_list)
OPERATION(account_quota)
OPERATION(account_remove)
OPERATION(domain_quota)
OPERATION(vault_compact)
OPERATION(status)
OPERATION(check)
OPERATION(config)
OPERATION(search)
OPERATION(vault_check)
OPERATION(salvage)
#undef OPERATION
const argument *operation_alias_add_input(const json_t *arguments);
const argument *operation_alias_remove_input(const json_t *arguments);
const argument *operation_alias_password_input(const json_t *arguments);
const argument *operation_search_input(const json_t *arguments);
const argument *operation_vault_input(const json_t *arguments);

/* operation_vault.c: it runs in the command line's own process, with no server (s is NULL), and needs no --data; if one
 * was given it is the argument "data". */
bool operation_is_alone(const operation *op);

/* A size such as 500M in this argument; 0 without it. operation_quota.c. LL_EINVAL with a sentence. */
LL_MUST_USE ll_status operation_size(const json_t *arguments, const char *name, uint64_t *bytes, text *error);

/* operation_alias.c: the names of all aliases' vault files as keys of `known`. */
LL_MUST_USE ll_status operation_alias_vaults(server *s, json_t *known);

/* For the operations: wait here for a `done` callback that comes on another thread, or has come already. */
typedef struct waiter waiter;
waiter *waiter_new(void);
void waiter_done(void *w, ll_status status); /* fits drop_done */
ll_status waiter_wait(waiter **w);           /* and frees */
void waiter_del(waiter **w);

#endif
