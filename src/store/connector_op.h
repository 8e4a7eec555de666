/* connector_op.h - one question to a vault's connector on its way through the jobs. For connector*.c only.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_CONNECTOR_OP_H
#define STORE_CONNECTOR_OP_H

#include "store/connector.h"
#include "store/entry.h"
#include "store/vault_state.h"

typedef struct connector {
    unsigned refs; /* the session and each op; only on executor->done's thread */
    vault *vault;
    listener *listener;
    watcher watcher;
    text append_to;             /* where the last APPEND found a mailbox; empty: none */
    unsigned append_to_checked; /* vault.names_gone before that */
    struct ahead *ahead;        /* NULL: nothing was ever fetched with content; see connector_fetch.c */
} connector;

/* One reference less; only on executor->done's thread. */
void connector_unref(connector *c);

typedef struct op {
    union {
        reader_job reader;
        vault_job writer;
    } job; /* first */
    connector *connector;
    ll_call *call;
    bool goes_on;  /* what was read ahead stays */
    bool inside;   /* the method has not returned yet */
    bool finished; /* meanwhile it was answered, with */
    ll_status status;
    /* On a worker. Exactly one is set. read runs in a read transaction, read_alone makes its own. */
    ll_status (*read)(struct op *op, db *d);
    ll_status (*read_alone)(struct op *op, db *d);
    ll_status (*write)(struct op *op, writer *w);
    /* On executor->done's thread, before the call is done; may be NULL. Answers the status to give. */
    ll_status (*finish)(struct op *op, ll_status status);

    /* arguments; valid until the call is done */
    int64_t mailbox; /* of the handle */
    ll_span name, to;
    bool flag; /* readonly, on, move */
    const ll_range *ranges;
    size_t count, limit;
    unsigned flags; /* wanted, attributes, system flags */
    ll_flags_op flags_op;
    const ll_span *keywords;
    size_t keywords_count;
    uint32_t uid;
    uint64_t offset;
    size_t length;
    uint64_t modseq;
    unsigned names_gone; /* as the vault's, when asked */
    void *const *uploads;
    void *upload;
    const ll_metadata *metadata;
    const ll_term *terms;
} op;

/* A mailbox's id, RFC 8474. */
#define CONNECTOR_ID_MAX 40
ll_span connector_object_id(char buffer[CONNECTOR_ID_MAX], int64_t id, uint32_t uidvalidity);

/* NULL: out of memory. */
op *op_new(void *self, ll_call *call);
/* Run it: the method's answer. The op is gone. */
ll_status op_start(op *o);

/* connector_read.c */
/* MAILBOXID of RFC 8474: the number of its row, which a rename does not change, and its UIDVALIDITY, should numbers
 * have been given again after the vault was restored from an old copy. */
LL_MUST_USE ll_status connector_mailbox_id(op *o, int64_t id, uint32_t uidvalidity);
ll_status connector_list(void *self, ll_call *call);
ll_status connector_status(void *self, ll_call *call, ll_span name);
ll_status connector_open(void *self, ll_call *call, ll_span name, bool readonly);
ll_status connector_changes(void *self, ll_call *call, void *mailbox, uint64_t since);

/* connector_fetch.c */
ll_status connector_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                          unsigned want);
ll_status connector_read(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length);
/* Forget what was read ahead; for good: the session has ended. */
void connector_ahead_drop(connector *c);
void connector_ahead_end(connector *c);
/* With the connector's last reference. */
void connector_ahead_free(connector *c);
/* What was read ahead (if anything) is of messages behind this UID. */
bool connector_ahead_behind(const connector *c, uint32_t uid);

/* connector_write.c */
ll_status connector_create(void *self, ll_call *call, ll_span name, unsigned attributes);
ll_status connector_remove(void *self, ll_call *call, ll_span name);
ll_status connector_rename(void *self, ll_call *call, ll_span from, ll_span to);
ll_status connector_subscribe(void *self, ll_call *call, ll_span name, bool on);
ll_status connector_store(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                          ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count);
ll_status connector_store_if(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                             ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count,
                             uint64_t unchanged_since);
ll_status connector_expunge(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count);
ll_status connector_copy(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                         bool move);

/* connector_search.c */
ll_status connector_search(void *self, ll_call *call, void *mailbox, const ll_term *terms, size_t count);

/* connector_survey.c */
ll_status connector_survey(void *self, ll_call *call, bool metadata);

/* connector_append.c */
ll_status connector_append_open(void *self, ll_call *call, ll_span to, const ll_append *message);
ll_status connector_append_data(void *self, void *upload, ll_span bytes);
ll_status connector_append_commit(void *self, ll_call *call, void *const *uploads, size_t count);
void connector_append_abort(void *self, void *upload);
ll_status connector_replace(void *self, ll_call *call, void *mailbox, uint32_t uid, void *upload);

/* What the upstream hears of an upload; borrowed from it. And what it answered: the message's id, to be stored with it.
 * LL_ENOMEM, LL_ELIMIT. */
void connector_upload_message(void *upload, ll_span *to, ll_upstream_message *message);
LL_MUST_USE ll_status connector_upload_remote(void *upload, ll_span id);
/* Inside a job: the upload becomes a message of this mailbox, which the caller saves, under this id. LL_EEXISTS: the
 * mailbox has a message of this id, nothing was done. */
LL_MUST_USE ll_status connector_upload_put(writer *w, mailbox_row *m, void *upload, ll_span id, uint32_t *uid);

/* connector_account.c */
ll_status connector_quota(void *self, ll_call *call);
ll_status connector_metadata(void *self, ll_call *call, ll_span mailbox);
ll_status connector_metadata_set(void *self, ll_call *call, ll_span mailbox, const ll_metadata *entries, size_t count);

#endif
