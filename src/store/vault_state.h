/* vault_state.h - inside a vault. For the files of this room that make up the vault.
 * SPDX-License-Identifier: MIT
 *
 * Who may touch what:
 *   - the writer's part only from inside a queue job or hook (one at a time, so no lock);
 *   - the part below `mutex` only with it held, and it is never held across SQL, the disk or a callback (invariant 9).
 */
#ifndef STORE_VAULT_STATE_H
#define STORE_VAULT_STATE_H

#include "store/change.h"
#include "store/opened.h"
#include "store/queue.h"
#include "store/reader.h"
#include "store/vault.h"
#include "store/watcher.h"

#include <pthread.h>
#include <stdatomic.h>

/* Mod-sequences that the file says are taken before they are, and how many of them must be left. They have 63 bits: a
 * vault could be opened 30 million million times. */
#define VAULT_MODSEQ_AHEAD 262144u
#define VAULT_MODSEQ_LEFT  131072u

/* Mailboxes whose changes are counted at a time, for keeping their views: mailbox_view_changed. */
#define VAULT_WATCHED 8
typedef struct mailbox_watch {
    int64_t mailbox; /* 0: free */
    uint64_t changes, due;
} mailbox_watch;

/* Rows of `held` that cannot be freed, as many as are remembered: purge.c. */
#define VAULT_LEFT 64
typedef struct held_id {
    int64_t mailbox, uid;
} held_id;

/* The transaction under way, and the counters of the vault as it would leave them. */
typedef struct writer {
    struct vault *vault;
    db *db;
    uint64_t modseq;       /* taken last; gaps are fine, going back is not */
    uint64_t modseq_saved; /* as in the file: above all that were taken, see VAULT_MODSEQ_AHEAD */
    uint64_t published;    /* of the last COMMIT: views of all changes up to it are out */
    uint32_t uidvalidity, uidvalidity_saved;
    uint64_t bytes, bytes_saved;
    uint64_t messages, messages_saved;
    uint64_t job_modseq;              /* of the job under way; 0: it has changed nothing yet */
    uint64_t job_bytes, job_messages; /* before the job under way */
    uint64_t job_prepaid;             /* of what it adds, bytes that were taken from the ledger before */
    unsigned logged;                  /* rows of table changed since somebody looked how many there are */
    bool job_quota;                   /* what it adds is refused if there is no room, rather than forced */
    bool names_gone;                  /* the batch has removed or renamed mailboxes */
    bool checkpoint;                  /* after COMMIT: the file got smaller, which shows only then */
    uint64_t taken, freed;            /* by the batch: to be given back if it fails; if it does not */
    change_list job, batch;
    mailbox_watch watched[VAULT_WATCHED];
    held_id left[VAULT_LEFT];
    unsigned left_count;
} writer;

/* A job of the vault's queue: `run` in a savepoint, what it records with change.h is published after COMMIT, then
 * `done`. The vault is held from vault_add to the end of `done`. */
typedef struct vault_job {
    queue_job queue; /* weight may be set */
    struct vault *vault;
    ll_status (*run)(struct vault_job *job, writer *w);
    void (*done)(struct vault_job *job, ll_status status); /* may free the job */
} vault_job;

struct vault {
    /* set at opening */
    vault_config config;
    uint8_t alias[KEYS_ID];
    char *path;
    ledger *ledger;
    bool ledger_own;
    uint8_t drop_public[KEYS_KEY];
    atomic_uint refs;
    atomic_uint names_gone;    /* COMMITs with which a mailbox's name went; after each */
    struct upstream *upstream; /* where the mail really lives; NULL: here. See upstream.h */
    db *writer_db;
    queue queue;

    /* the writer's */
    writer writer;

    pthread_mutex_t mutex;
    reader_pool readers;
    opened_list opened;
    watcher *watchers; /* who wants to hear of every COMMIT */
    uint64_t bytes;    /* after the last COMMIT */
    uint64_t messages; /* the same */
    uint64_t modseq;   /* after the last COMMIT */
    bool damaged;      /* a purge has come upon a page that cannot be read */
    bool purging;      /* a purge job is queued */
    bool trimming;     /* see compact.h */
    bool compacting;
    struct absorb *absorb; /* under way */

    struct search_index *search; /* search_index.h; what is in it is guarded by the mutex */
};

/* What the vault does around each batch of its queue: counters before COMMIT, views after it. Their ctx is the vault.
 */
const queue_hooks *vault_hooks(void);
/* Add a job; job->run and job->done are set. */
void vault_add(vault *v, vault_job *job);
/* The mod-sequence of the job under way. */
uint64_t writer_modseq(writer *w);
/* A UIDVALIDITY never given before in this vault, whatever the clock says (invariant 3). */
uint32_t writer_uidvalidity(writer *w);

int64_t vault_now(const vault *v);
void vault_log(const vault *v, const char *format, ...) LL_PRINTF(2, 3);

/* meta rows. LL_ECORRUPT: not there, or of another size. */
LL_MUST_USE ll_status vault_meta_int(db *d, const char *key, int64_t *value);
LL_MUST_USE ll_status vault_meta_blob(db *d, const char *key, void *out, size_t size);
LL_MUST_USE ll_status vault_meta_set_int(db *d, const char *key, int64_t value);
LL_MUST_USE ll_status vault_meta_set_blob(db *d, const char *key, const void *data, size_t size);
/* The secret half of the drop key; wipe it. On a connection of the vault. */
LL_MUST_USE ll_status vault_drop_secret(db *d, uint8_t secret[KEYS_KEY]);

/* Messages that the vault may hold. */
uint64_t vault_messages_max(const vault *v);
/* Check and take room for `size` more bytes of an upload that has `before`: LL_ELIMIT, LL_EQUOTA. replaces: it takes
 * the place of another message, so only the commit can tell whether there is room: nothing is taken. Give all of it
 * back with ledger_give, or name it in writer.job_prepaid. */
LL_MUST_USE ll_status vault_room_take(vault *v, uint64_t before, uint64_t size, bool replaces);

#endif
