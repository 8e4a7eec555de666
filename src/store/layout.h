/* layout.h - what the data directory holds, and under which names.
 * SPDX-License-Identifier: MIT
 *
 *     letterlock.conf     settings                      directory.sqlite    domains, aliases, slots
 *     server.key          keys/server_key.h             drop.sqlite         mail for locked vaults
 *     tls/cert.pem        certificate chain             vaults/<id>.sqlite  one per alias; 32 hex digits, random
 *     tls/key.pem         its key                       tmp/                spool files (they have no names)
 *     control.socket      for the command line          lock                held by the program that runs
 *
 * Directories have mode 0700, files 0600. Thread-safe: nothing is kept but the path. */
#ifndef STORE_LAYOUT_H
#define STORE_LAYOUT_H

#include "base/text.h"
#include "keys/keys.h"

#include <limits.h>

typedef enum layout_name {
    LAYOUT_CONF,
    LAYOUT_SERVER_KEY,
    LAYOUT_CERTIFICATE,
    LAYOUT_CERTIFICATE_KEY,
    LAYOUT_CONTROL,
    LAYOUT_LOCK,
    LAYOUT_DIRECTORY,
    LAYOUT_DROP,
    LAYOUT_VAULTS,
    LAYOUT_TMP,
    LAYOUT_TLS
} layout_name;

typedef struct layout {
    char root[PATH_MAX - 64]; /* without a final slash; 64 bytes leave room for every name below it */
} layout;

/* A path of the file system. */
typedef struct layout_path {
    char string[PATH_MAX];
} layout_path;

/* LL_EINVAL: root is empty or too long. Touches no file. */
LL_MUST_USE ll_status layout_init(layout *l, const char *root);
layout_path layout_of(const layout *l, layout_name name);
layout_path layout_vault(const layout *l, const uint8_t vault[KEYS_ID]);
/* Make the root (its parent must exist) and the directories below it, where missing, durable by name. A root that
 * others may enter is refused with LL_EDENIED, as it holds keys. LL_ENOTFOUND, LL_EIO, LL_EFULL. *why (may be NULL)
 * gets a sentence. */
LL_MUST_USE ll_status layout_create(const layout *l, text *why);
/* Take the exclusive lock: *fd is to be kept open as long as the program runs, and to be closed by layout_unlock.
 * LL_EBUSY: another program is using the data directory; *why says which process. */
LL_MUST_USE ll_status layout_lock(const layout *l, int *fd, text *why);
void layout_unlock(int *fd);
/* Remove a vault's file with its -wal and -shm. LL_ENOTFOUND. The caller has closed it. */
LL_MUST_USE ll_status layout_vault_remove(const layout *l, const uint8_t vault[KEYS_ID]);

#endif
