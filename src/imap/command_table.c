/* command_table.c - every command of the engine, one row each: see command.h.
 * SPDX-License-Identifier: MIT */
#include "imap/session.h"

#define NOT    COMMAND_NOT_AUTHENTICATED
#define AUTH   COMMAND_AUTHENTICATED
#define SEL    COMMAND_SELECTED
#define HOLD   COMMAND_NO_EXPUNGE
#define QUIET  COMMAND_NO_SYNC
#define SECRET COMMAND_SECRET
#define TELLS  COMMAND_TELLS
#define WRITES (COMMAND_WRITES | COMMAND_TELLS)
#define BOTH   (COMMAND_UID | COMMAND_NUMBERS)

const command_row command_table[] = {
    /* RFC 3501 section 6.1 */
    {"CAPABILITY", COMMAND_ANY, parse_capability, run_capability, NULL},
    {"NOOP", COMMAND_ANY, parse_none, run_none, NULL},
    {"LOGOUT", COMMAND_ANY | QUIET, parse_logout, run_logout, NULL},
    {"ID", COMMAND_ANY, parse_id, run_id, NULL}, /* RFC 2971 */
    /* 6.2 */
    {"STARTTLS", NOT | QUIET, parse_starttls, run_starttls, NULL},
    {"AUTHENTICATE", NOT | QUIET | SECRET, parse_authenticate, run_authenticate, NULL},
    {"LOGIN", NOT | QUIET | SECRET, parse_login, run_login, NULL},
    /* 6.3 */
    {"SELECT", AUTH | QUIET, parse_select, run_select, NULL},
    {"EXAMINE", AUTH | QUIET, parse_examine, run_examine, NULL},
    {"CREATE", AUTH, parse_create, run_create, NULL},
    {"DELETE", AUTH, parse_delete, run_delete, NULL},
    {"RENAME", AUTH, parse_rename, run_rename, NULL},
    {"SUBSCRIBE", AUTH, parse_subscribe, run_subscribe, NULL},
    {"UNSUBSCRIBE", AUTH, parse_unsubscribe, run_unsubscribe, NULL},
    {"LIST", AUTH, parse_list, run_list, drop_listing},
    {"LSUB", AUTH, parse_lsub, run_lsub, drop_listing},
    {"NAMESPACE", AUTH, parse_namespace, run_namespace, NULL}, /* RFC 2342 */
    {"STATUS", AUTH, parse_status, run_status, NULL},
    {"GETQUOTA", AUTH, parse_getquota, run_getquota, NULL}, /* RFC 9208 */
    {"GETQUOTAROOT", AUTH, parse_getquotaroot, run_getquotaroot, NULL},
    {"SETQUOTA", AUTH, parse_setquota, run_setquota, NULL},
    {"GETMETADATA", AUTH, parse_getmetadata, run_getmetadata, NULL}, /* RFC 5464 */
    {"SETMETADATA", AUTH, parse_setmetadata, run_setmetadata, NULL},
    {"APPEND", AUTH, parse_append, run_append, drop_append},
    {"REPLACE", SEL | BOTH | WRITES, parse_replace, run_replace, drop_append},        /* RFC 8508 */
    {"ENABLE", AUTH, parse_enable, run_enable, NULL},                                 /* RFC 5161 */
    {"COMPRESS", AUTH, parse_compress, run_compress, NULL},                           /* RFC 4978 */
    {"UNAUTHENTICATE", AUTH | QUIET, parse_unauthenticate, run_unauthenticate, NULL}, /* RFC 8437 */
    {"NOTIFY", AUTH | TELLS, parse_notify, run_notify, drop_notify},                  /* RFC 5465 */
    {"IDLE", AUTH, parse_idle, run_idle, NULL},                                       /* RFC 2177 */
    /* 6.4; EXPUNGE is held back as section 7.4.1 demands */
    {"CHECK", SEL, parse_none, run_none, NULL},
    {"CLOSE", SEL | QUIET, parse_close, run_close, NULL},
    {"UNSELECT", SEL | QUIET, parse_unselect, run_unselect, NULL}, /* RFC 3691 */
    {"EXPUNGE", SEL | WRITES, parse_expunge, run_expunge, drop_expunge},
    {"EXPUNGE", SEL | WRITES | COMMAND_UID_ONLY, parse_uid_expunge, run_uid_expunge, drop_expunge}, /* RFC 4315 */
    {"SEARCH", SEL | BOTH | HOLD, parse_search, run_search, drop_search},
    {"CANCELUPDATE", SEL, parse_cancelupdate, run_cancelupdate, NULL},         /* RFC 5267 */
    {"ESEARCH", AUTH | COMMAND_UID, parse_esearch, run_esearch, drop_esearch}, /* RFC 7377 */
    {"SORT", SEL | BOTH | HOLD, parse_sort, run_sort, drop_sort},              /* RFC 5256 */
    {"THREAD", SEL | BOTH | HOLD, parse_thread, run_thread, drop_thread},
    {"FETCH", SEL | BOTH | HOLD, parse_fetch, run_fetch, drop_fetch},
    {"STORE", SEL | BOTH | HOLD | WRITES, parse_store, run_store, drop_store},
    {"COPY", SEL | BOTH, parse_copy, run_copy, drop_copy},
    {"MOVE", SEL | BOTH | WRITES, parse_move, run_move, drop_copy}, /* RFC 6851 */
};

const size_t command_table_count = sizeof command_table / sizeof command_table[0];
