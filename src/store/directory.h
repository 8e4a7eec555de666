/* directory.h - domains, aliases, their slots, settings: who there is, and nothing that they wrote.
 * SPDX-License-Identifier: MIT
 *
 * One SQLite file, encrypted under the server key ("directory"). Addresses are compared without case (ASCII); domains
 * are given as A-labels. A vault key is in here only wrapped in slots (keys/slot.h); a slot is replaced in one
 * transaction, so that after a crash the old or the new password works, never neither.
 *
 * Threads: every call from any thread. Reading calls are short (a few index pages) and never wait for writing ones;
 * writing calls (marked W) sync the disk: call them on a worker. W calls may also answer LL_EFULL, LL_EIO, LL_ENOMEM,
 * LL_EREADONLY; all may answer LL_ECORRUPT. Everything is copied out: nothing borrowed. */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "base/text.h"
#include "keys/slot.h"

enum {
    DIRECTORY_LOCAL_MAX = 64,      /* bytes of a local part: RFC 5321 section 4.5.3.1.1 */
    DIRECTORY_DOMAIN_MAX = 253,    /* bytes of a domain: RFC 1035 section 2.3.4 without the final dot */
    DIRECTORY_ACCOUNT_MAX = 100,   /* bytes of an account's name: a person, a customer number */
    DIRECTORY_NOTES_MAX = 256,     /* notes written in one transaction */
    DIRECTORY_LABEL_MAX = 100,     /* bytes of a slot's label: "Thunderbird on the old laptop" */
    DIRECTORY_KEY_MAX = 200,       /* bytes of a setting's name */
    DIRECTORY_VALUE_MAX = 65536,   /* bytes of a setting: a DKIM private key or a page of text */
    DIRECTORY_TOUCH_SECONDS = 3600 /* last use is kept to the hour: a login must not cost a sync each time */
};

typedef struct directory directory;

/* An owner of several aliases, which share its quota. */
typedef struct directory_account {
    char name[DIRECTORY_ACCOUNT_MAX + 1]; /* lower case */
    uint64_t quota_bytes;                 /* of all its aliases together; 0: none */
    int64_t created;
    uint64_t aliases;
} directory_account;

typedef struct directory_alias {
    uint8_t id[KEYS_ID];
    char local[DIRECTORY_LOCAL_MAX + 1]; /* lower case */
    char domain[DIRECTORY_DOMAIN_MAX + 1];
    uint8_t vault[KEYS_ID]; /* layout_vault names the file */
    uint8_t drop_public[KEYS_KEY];
    slot_salts salts;
    uint64_t quota_bytes;                    /* 0: none of its own */
    char account[DIRECTORY_ACCOUNT_MAX + 1]; /* lower case; empty: it belongs to none */
    int64_t created;                         /* seconds since 1970 */
    bool disabled;                           /* no login, no delivery */
} directory_alias;

typedef struct directory_slot {
    slot slot;
    char label[DIRECTORY_LABEL_MAX + 1]; /* UTF-8 */
    int64_t created;
    int64_t last_used; /* to the hour; 0: never */
} directory_slot;

/* key: derived from the server key for SERVER_KEY_DIRECTORY. DB_CREATE, DB_READONLY (db.h). LL_ENOTFOUND, LL_ECORRUPT
 * (also a wrong key), LL_EVERSION ...; *why (may be NULL) gets a sentence. */
LL_MUST_USE ll_status directory_open(directory **out, const char *path, const uint8_t key[KEYS_KEY], unsigned flags,
                                     text *why);
void directory_close(directory **d);

/* W. LL_EEXISTS; LL_EINVAL: not a domain name. */
LL_MUST_USE ll_status directory_domain_add(directory *d, ll_span name, int64_t now);
/* W. LL_ENOTFOUND; LL_EDENIED: it still has aliases. */
LL_MUST_USE ll_status directory_domain_remove(directory *d, ll_span name);
/* LL_OK: mail for it is ours; LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_domain_find(directory *d, ll_span name);
/* Up to `max` domains in order, beginning after the name `after` (empty: from the first). */
LL_MUST_USE ll_status directory_domain_list(directory *d, ll_span after, char (*names)[DIRECTORY_DOMAIN_MAX + 1],
                                            size_t max, size_t *count);

/* W. Bytes of all its aliases together, 0: no limit. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_domain_quota(directory *d, ll_span name, uint64_t bytes);
/* LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_domain_quota_get(directory *d, ll_span name, uint64_t *bytes);

/* W. The name is made lower case: letters, digits, '.', '-', '_' and '@'. LL_EEXISTS; LL_EINVAL: no such name. */
LL_MUST_USE ll_status directory_account_add(directory *d, ll_span name, uint64_t quota, int64_t now);
/* W. LL_ENOTFOUND; LL_EDENIED: it still has aliases. */
LL_MUST_USE ll_status directory_account_remove(directory *d, ll_span name);
/* W. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_account_quota(directory *d, ll_span name, uint64_t bytes);
/* LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_account_find(directory *d, ll_span name, directory_account *out);
/* Up to `max` accounts in order of their names, beginning after `after`. */
LL_MUST_USE ll_status directory_account_list(directory *d, ll_span after, directory_account *out, size_t max,
                                             size_t *count);

/* W. With its first slots, in one transaction. local and domain are made lower case. LL_EEXISTS: the address (or id, or
 * vault) is taken; LL_ENOTFOUND: no such domain or account; LL_EINVAL: not an address; LL_ELIMIT: over SLOT_COUNT_MAX
 * slots. */
LL_MUST_USE ll_status directory_alias_add(directory *d, const directory_alias *alias, const directory_slot *slots,
                                          size_t count);
/* "local@domain"; the local part without quotes. No exact alias, and the local part has a '+' (not first): the alias of
 * what precedes it (subaddress, RFC 5233). LL_ENOTFOUND. Disabled aliases are found: look at `disabled`. */
LL_MUST_USE ll_status directory_alias_find(directory *d, ll_span address, directory_alias *out);
LL_MUST_USE ll_status directory_alias_get(directory *d, const uint8_t id[KEYS_ID], directory_alias *out);
/* Up to `max` aliases of a domain in order of local part, beginning after `after`. */
LL_MUST_USE ll_status directory_alias_list(directory *d, ll_span domain, ll_span after, directory_alias *out,
                                           size_t max, size_t *count);
/* W. The alias and its slots: from here on nobody can open its vault. LL_ENOTFOUND. Files and drop are the caller's to
 * remove. */
LL_MUST_USE ll_status directory_alias_remove(directory *d, const uint8_t id[KEYS_ID]);
/* W. The alias `old` goes and `alias` comes in its place with its slots, in one transaction: a vault given up and begun
 * anew. LL_ENOTFOUND: no such old one; else as directory_alias_add. */
LL_MUST_USE ll_status directory_alias_swap(directory *d, const uint8_t old[KEYS_ID], const directory_alias *alias,
                                           const directory_slot *slots, size_t count);
/* W. account: empty for none. LL_ENOTFOUND: no such alias, or account. */
LL_MUST_USE ll_status directory_alias_account(directory *d, const uint8_t id[KEYS_ID], ll_span account);
/* W. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_alias_quota(directory *d, const uint8_t id[KEYS_ID], uint64_t bytes);
LL_MUST_USE ll_status directory_alias_disable(directory *d, const uint8_t id[KEYS_ID], bool disabled);
LL_MUST_USE ll_status directory_alias_count(directory *d, uint64_t *count);

/* All slots of an alias, oldest first: room for SLOT_COUNT_MAX. LL_OK with *count 0 if there is no such alias. */
LL_MUST_USE ll_status directory_slot_list(directory *d, const uint8_t alias[KEYS_ID],
                                          directory_slot slots[SLOT_COUNT_MAX], size_t *count);
/* W. LL_ENOTFOUND: no such alias; LL_EEXISTS; LL_ELIMIT: SLOT_COUNT_MAX. */
LL_MUST_USE ll_status directory_slot_add(directory *d, const uint8_t alias[KEYS_ID], const directory_slot *new_slot);
/* W. `old` goes and `new_slot` comes, in one transaction. LL_ENOTFOUND: no such old slot, nothing was changed. */
LL_MUST_USE ll_status directory_slot_replace(directory *d, const uint8_t alias[KEYS_ID], const uint8_t old[KEYS_ID],
                                             const directory_slot *new_slot);
/* W. LL_ENOTFOUND; LL_EDENIED: it is the last password; without one nobody could log in any more. */
LL_MUST_USE ll_status directory_slot_remove(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID]);
/* When it was last used, to the hour; 0: never. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_slot_used(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID],
                                          int64_t *when);
/* What directory_slot_touch makes of a time. */
int64_t directory_touch_hour(int64_t now);
/* W, but writes at most once in DIRECTORY_TOUCH_SECONDS. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_slot_touch(directory *d, const uint8_t alias[KEYS_ID], const uint8_t id[KEYS_ID],
                                           int64_t now);

/* Appends the value. LL_ENOTFOUND. */
LL_MUST_USE ll_status directory_setting(directory *d, ll_span key, text *out);
typedef struct directory_note {
    char key[64], value[24];
} directory_note;
/* W. Settings that are written often and may be lost with the power, not with the process: without a sync. At most
 * DIRECTORY_NOTES_MAX. */
LL_MUST_USE ll_status directory_notes_set(directory *d, const directory_note *notes, size_t count);
/* W. An empty value removes it. LL_ELIMIT. */
LL_MUST_USE ll_status directory_setting_set(directory *d, ll_span key, ll_span value);

#endif
