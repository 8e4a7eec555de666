/* drop.h - where mail waits, sealed to its owner, while the vault is locked.
 * SPDX-License-Identifier: MIT
 *
 * One SQLite file for all aliases, encrypted under the server key ("queue"); inside, every message is encrypted a
 * second time under a content key of its own, and that key is sealed to each recipient's public key: whoever holds the
 * server key can add, count and remove, but not read (invariant 10). A message to many recipients is stored once.
 *
 *     put        delivery, group-committed: `done` comes after the sync (invariant 1)
 *     list, read the owner's login absorbs: read each entry, write it into the vault with its id in `absorbed`, commit
 * there, remove     then remove here. A crash in between absorbs it again, and the id in `absorbed` says "had it":
 * exactly once.
 *
 * Threads: every call from any thread. put and remove queue their work on the executor and never wait for the disk; the
 * reading calls do (a page or two each), under a lock that is not held while the sink runs. */
#ifndef STORE_DROP_H
#define STORE_DROP_H

#include "base/text.h"
#include "keys/keys.h"
#include "store/executor.h"
#include "store/spool.h"

/* Recipients of one put: RFC 5321 section 4.5.3.1.8 asks for at least 100; more come as several puts. */
#define DROP_RECIPIENTS_MAX 1000
/* Ids in one remove: bounds one transaction. */
#define DROP_REMOVE_MAX 1000

typedef struct drop drop;

typedef struct drop_recipient {
    uint8_t alias[KEYS_ID];
    uint8_t public_key[KEYS_KEY]; /* the drop key's public half */
} drop_recipient;

typedef struct drop_item {
    uint8_t id[KEYS_ID];
    uint64_t size;    /* bytes of the message */
    int64_t received; /* seconds since 1970 */
} drop_item;

typedef void drop_done(void *ctx, ll_status status);
typedef ll_status drop_sink(void *ctx, ll_span bytes);

/* key: derived from the server key for SERVER_KEY_QUEUE. Made if it is not there. executor is borrowed. LL_ECORRUPT
 * (also a wrong key), LL_EVERSION, LL_ENOMEM, LL_EIO ...; *why (may be NULL) gets a sentence. */
LL_MUST_USE ll_status drop_open(drop **out, const char *path, const uint8_t key[KEYS_KEY], const executor *e,
                                text *why);
/* Waits until nothing is queued, then closes. NULL is fine. */
void drop_close(drop **d);

/* Store the spool's content for each recipient. LL_OK: `done` is called once, on executor->done's thread, with LL_OK
 * when all of it is durable, or with LL_EFULL, LL_EIO, LL_EINVAL (a public key that is none) ... and nothing is stored.
 * Until then the spool is borrowed; the recipients are copied. Below 0 (LL_ENOMEM; LL_EINVAL: no or too many
 * recipients): done is not called. */
LL_MUST_USE ll_status drop_put(drop *d, spool *content, const drop_recipient *recipients, size_t count,
                               int64_t received, drop_done *done, void *ctx);

/* What waits for an alias, oldest first, at most `max` items. */
LL_MUST_USE ll_status drop_list(drop *d, const uint8_t alias[KEYS_ID], drop_item *items, size_t max, size_t *count);
/* The content of one entry, chunk by chunk into the sink, whose error (below 0) ends it and is returned. LL_ENOTFOUND:
 * no such entry of this alias; LL_ECORRUPT: damaged or not sealed to this key: what the sink got must be thrown away.
 */
LL_MUST_USE ll_status drop_read(drop *d, const uint8_t alias[KEYS_ID], const uint8_t public_key[KEYS_KEY],
                                const uint8_t secret_key[KEYS_KEY], const uint8_t id[KEYS_ID], drop_sink *sink,
                                void *ctx);
/* Remove entries (of any alias; unknown ids are passed over), and content that nobody waits for any more. `done` (may
 * be NULL) when durable. LL_ENOMEM, LL_EINVAL (over DROP_REMOVE_MAX): not called. ids are copied. */
LL_MUST_USE ll_status drop_remove(drop *d, const uint8_t (*ids)[KEYS_ID], size_t count, drop_done *done, void *ctx);
/* Everything that waits for an alias: the alias was deleted. */
LL_MUST_USE ll_status drop_remove_alias(drop *d, const uint8_t alias[KEYS_ID], drop_done *done, void *ctx);

typedef struct drop_waiting_counts {
    uint64_t entries, bytes; /* bytes as their owners will see them, each recipient counted */
    uint64_t aliases;
} drop_waiting_counts;
LL_MUST_USE ll_status drop_waiting(drop *d, drop_waiting_counts *counts);
/* What waits for one alias: counts against its quota. Both may be NULL. */
LL_MUST_USE ll_status drop_alias_bytes(drop *d, const uint8_t alias[KEYS_ID], uint64_t *bytes, uint64_t *entries);

#endif
