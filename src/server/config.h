/* config.h - the settings of a data directory: one file, checked whole at start.
 * SPDX-License-Identifier: MIT
 *
 * The file has lines `name = value`, comments that begin with '#', and empty lines. A setting not in the file has its
 * default. A name that the table does not know, a value of the wrong type or out of range, a setting given twice: each
 * is reported with file and line, all of them at once, and the server does not start. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include "base/text.h"
#include "server/config_table.h"

enum {
    config_file_max = 1 << 20, /* a file of settings: a hundred times what all of them with comments take */
    config_value_max = 1024    /* one value: a list of listeners or a path */
};

#define CONFIG_C_TEXT   char *
#define CONFIG_C_LISTEN char *
#define CONFIG_C_NUMBER uint64_t
#define CONFIG_C_SIZE   uint64_t /* bytes */
#define CONFIG_C_TIME   uint64_t /* milliseconds */
#define CONFIG_C_FLAG   bool

typedef struct config {
#define S(title)
#define X(type, name, value, min, max, help) CONFIG_C_##type name;
    CONFIG_TABLE(S, X)
#undef X
#undef S
} config;

/* The defaults. LL_ENOMEM. */
LL_MUST_USE ll_status config_init(config *c);
void config_fini(config *c);
/* Read `content` over what is set. `file` names it in messages. LL_EINVAL: `errors` has a line for each fault;
 * LL_ENOMEM. */
LL_MUST_USE ll_status config_parse(config *c, ll_span content, const char *file, text *errors);
/* The same from a file. LL_ENOTFOUND, LL_EIO, LL_ELIMIT: errors says what. */
LL_MUST_USE ll_status config_read(config *c, const char *path, text *errors);
/* Set one by name, as if it stood in the file. LL_ENOTFOUND, LL_EINVAL: `error` says why. */
LL_MUST_USE ll_status config_set(config *c, ll_span name, ll_span value, text *error);
/* The file, every setting present with its comment, unit and default. */
void config_print(const config *c, text *out);
/* One line a setting, "name = value". */
void config_list(const config *c, text *out);
/* The settings as part of a manual page (troff). */
void config_manual(text *out);

/* Take the next "address:port" of a LISTEN value off *rest: address into `address` ("*" stays), without brackets. False
 * at the end. The value was checked by config_set. */
bool config_listen_next(ll_span *rest, char address[64], uint16_t *port);

#endif
