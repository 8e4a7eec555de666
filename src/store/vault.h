/* vault.h - one alias's encrypted mail store while it is unlocked.
 * SPDX-License-Identifier: MIT
 *
 * A vault is one SQLite file (schema.c), one connection that writes behind a job queue (queue.h: group commit,
 * invariants 1 and 6), and a few connections that read and never wait for the writer. What sessions share in memory,
 * the present view of each mailbox that is open, is in opened.h. Sessions use a vault through connector.h, delivery
 * through deliver.h, login through absorb.h; the server's registry of unlocked vaults is vaults.h.
 *
 * Threads: vault_create, vault_open, vault_close and vault_check block on the disk: call them on a worker. Everything
 * that is asynchronous reports on executor->done's thread. The executor has both functions or none. */
#ifndef STORE_VAULT_H
#define STORE_VAULT_H

#include "keys/keyring.h"
#include "store/executor.h"
#include "store/ledger.h"
#include "store/spool.h"

typedef struct vault vault;

/* Messages of one vault if its host says nothing else: five times the largest account foreseen. A view of so many is
 * some megabytes, a COPY of all of them still fits its answer. */
#define VAULT_MESSAGES_MAX 5000000

/* What all vaults of a server share. Strings and objects are borrowed and must outlive every vault. */
typedef struct vault_config {
    const executor *executor;
    ledger *ledger;                       /* counts every vault's bytes; NULL: each has one of its own */
    keyring *keyring;                     /* holds the key of every open vault, and nobody else does */
    const char *spool_folder;             /* for uploads on their way, see spool.h */
    spool_pool *spool_pool;               /* may be NULL */
    const struct random_source *random;   /* of salts and nonces, must outlive the vault; NULL: the kernel */
    struct search_turns *search_turns;    /* how many vaults are indexed at a time; NULL: all that want to */
    uint64_t message_bytes_max;           /* a larger message is LL_ELIMIT; 0: no limit */
    uint64_t messages_max;                /* messages of one vault, one more is LL_EQUOTA; 0: VAULT_MESSAGES_MAX */
    int64_t (*now)(void *ctx);            /* seconds since 1970; NULL: the system's clock. Any thread */
    void (*log)(void *ctx, ll_span line); /* may be NULL. Any thread. Never content, names of mailboxes or keys */
    uint32_t (*uidvalidity)(void *ctx, uint32_t least); /* of the public header; NULL: by the clock. Any thread */
    /* A vault is about to be locked, with so many bytes in it: for quotas while it is. May be NULL. On a worker. */
    void (*locking)(void *ctx, const uint8_t alias[KEYS_ID], uint64_t bytes);
    void *ctx;
} vault_config;

/* Make a new vault with INBOX, Drafts, Sent, Junk, Trash and Archive (RFC 6154), all subscribed. LL_EEXISTS: the file
 * is there. On any other failure no file is left. *why (may be NULL) gets a sentence for the operator. */
LL_MUST_USE ll_status vault_create(const char *path, const uint8_t key[KEYS_KEY], const uint8_t alias[KEYS_ID],
                                   const uint8_t drop_public[KEYS_KEY], const uint8_t drop_secret[KEYS_KEY], text *why);

/* Open it; the key is copied into the keyring. quota: bytes of all messages together, 0 for none; passed over
 * if config has a ledger, which knows. The new vault has one reference. LL_ENOTFOUND, LL_ECORRUPT (also the wrong key),
 * LL_EDENIED (another alias's vault), LL_EVERSION, LL_ENOMEM, LL_EIO. */
LL_MUST_USE ll_status vault_open(vault **out, const vault_config *config, const uint8_t alias[KEYS_ID],
                                 const char *path, const uint8_t key[KEYS_KEY], uint64_t quota, text *why);
/* Finish the jobs under way, close all connections, wipe the key. Nobody else may hold a reference. NULL is fine. */
void vault_close(vault **v);

/* Another holder. Any thread. */
vault *vault_ref(vault *v);
/* One holder less; nothing is closed: vaults.h or the owner does that. Any thread. */
void vault_unref(vault *v);

/* The key of this vault, compared in constant time: a second login must bring the same one. */
bool vault_key_is(vault *v, const uint8_t key[KEYS_KEY]);
const uint8_t *vault_alias(const vault *v);

typedef struct vault_numbers {
    uint64_t bytes; /* of all messages in all mailboxes */
    uint64_t messages, messages_max;
    uint64_t modseq;         /* the newest change */
    uint64_t jobs, commits;  /* since it was opened */
    unsigned readers, views; /* connections that read; views in memory */
} vault_numbers;
vault_numbers vault_count(vault *v);
/* Jobs that read or wrote it since it was opened: who sees the same number twice has seen it idle. Any thread. */
uint64_t vault_work(vault *v);
/* Free what can be made again: caches, prepared statements, what compresses mail, connections that read. What comes
 * next takes a millisecond longer for it. False: there is work to do. Any thread that holds a reference. */
bool vault_rest(vault *v);

/* Check a vault, reading only: SQLite's integrity, counters against rows, reference counts, sizes of
 * content, UIDs. *report gets one line per fault. LL_OK: none; LL_ECORRUPT: see the report; LL_EREADONLY: of an older
 * version, which the next vault_open migrates. */
LL_MUST_USE ll_status vault_check(const char *path, const uint8_t key[KEYS_KEY], text *report);

#endif
