/* upstream.h - clients' changes are put to the mail's real home before they become true here.
 * SPDX-License-Identifier: MIT
 *
 * A connector's writing method becomes a flow: read what the upstream must know (ids), ask it, one question after the
 * other, and when it has agreed write, in one job. Reading methods are the vault's own. For the files of this room
 * named upstream*.c, and public_vault.c.
 *
 *     flow_start(f, step)                      the method's answer
 *     step:  flow_read(f, look, next)          look(f, db) on a worker, then next(f) with f->status
 *            FLOW_ASK(f, next, method, ...)    then next(f) with f->status and f->task.ids
 *            flow_write(f, change, next)       change(f, writer) as a job
 *            flow_over(f, status)              the end; LL_LATER: somebody else finishes the call
 *
 * Steps run on the main thread, one after the other without recursion, however many they are. */
#ifndef STORE_UPSTREAM_H
#define STORE_UPSTREAM_H

#include "store/connector_op.h"
#include "store/remote.h"

/* What one flow may hold in memory: 300,000 messages with ids of 100 bytes in one COPY. */
#define UPSTREAM_MEMORY_MAX ((size_t)64 << 20)
/* Text of the source in a client's NO. */
#define UPSTREAM_TEXT_MAX 500

typedef struct upstream {
    const ll_upstream *methods;
    void *self;
    unsigned flows; /* under way; on the main thread */
} upstream;

typedef struct flow flow;

struct ll_task {
    flow *flow;
    ll_span *ids; /* in the flow's arena */
    size_t count, room;
};

/* A mailbox that gets another name. */
typedef struct flow_rename {
    ll_span id, name, new_name;
} flow_rename;

struct flow {
    union {
        reader_job reader;
        vault_job writer;
    } job; /* first */
    connector *connector;
    ll_call *call;
    upstream *up;
    ll_status status; /* of the last step's work */
    ll_task task;
    arena memory;
    text text; /* for the client's NO */

    /* the flow's own */
    void (*step)(flow *f);
    void (*then)(flow *f); /* after a row of steps */
    void (*end)(flow *f);  /* before it is freed; may be NULL */
    ll_status (*look)(flow *f, db *d);
    ll_status (*change)(flow *f, writer *w);
    bool running, again, inside, over;

    /* arguments of the method; valid until the call is done */
    void *handle;
    int64_t mailbox;
    ll_span name, to;
    unsigned flags;
    bool move;
    const ll_range *ranges;
    size_t count;
    ll_flags_op op;
    const ll_span *keywords;
    size_t keywords_count;
    uint64_t unchanged_since;
    uint32_t uid;
    void *const *uploads;
    void *upload;

    /* what was found out */
    ll_span from_id, to_id;    /* mailboxes; empty: not the source's */
    ll_span *names, *name_ids; /* mailboxes to make, parents first; the ids they have got */
    size_t names_count;
    flow_rename *renames;
    size_t renames_count;
    remote_rows rows;
    ll_span *new_ids; /* of rows */
    size_t next;      /* of whatever is being walked through */
    spool *content;
};

/* NULL: out of memory. */
flow *flow_new(void *self, ll_call *call);
ll_status flow_start(flow *f, void (*step)(flow *f));
void flow_read(flow *f, ll_status (*look)(flow *f, db *d), void (*next)(flow *f));
void flow_write(flow *f, ll_status (*act)(flow *f, writer *w), void (*next)(flow *f));
void flow_over(flow *f, ll_status status);
/* A step that ends the flow with f->status. */
void flow_end(flow *f);

/* See FLOW_ASK. */
void flow_prepare(flow *f, void (*next)(flow *f));
void flow_asked(flow *f, ll_status status);
#define FLOW_ASK(f, next, method, ...)                                                                                 \
    (flow_prepare((f), (next)), flow_asked((f), (f)->up->methods->method((f)->up->self, &(f)->task, __VA_ARGS__)))

/* The one id of what was created. LL_EIO: the upstream gave none, or several. */
ll_status flow_one_id(flow *f, ll_span *id);
/* Ids of the rows that have one. *ids is in the arena. */
ll_status flow_ids(flow *f, ll_span **ids, size_t *count);

/* "Recovered Messages": not for clients to change. */
bool upstream_reserves(ll_span name);

/* Replace the methods that write, and quota if the source tells its own. */
void upstream_methods(const upstream *up, ll_connector *methods);

/* The methods. upstream_mailbox.c: */
ll_status upstream_create(void *self, ll_call *call, ll_span name, unsigned attributes);
ll_status upstream_remove(void *self, ll_call *call, ll_span name);
ll_status upstream_rename(void *self, ll_call *call, ll_span from, ll_span to);
/* upstream_message.c: */
ll_status upstream_store(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_flags_op op,
                         unsigned flags, const ll_span *keywords, size_t keywords_count);
ll_status upstream_store_if(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                            ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count,
                            uint64_t unchanged_since);
ll_status upstream_expunge(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count);
ll_status upstream_copy(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                        bool move);
/* The second half of RENAME INBOX: all of f->mailbox moves to f->to. */
void upstream_move_all(flow *f);
/* upstream_append.c: */
ll_status upstream_append_open(void *self, ll_call *call, ll_span to, const ll_append *message);
ll_status upstream_append_commit(void *self, ll_call *call, void *const *uploads, size_t count);
ll_status upstream_replace(void *self, ll_call *call, void *mailbox, uint32_t uid, void *upload);

#endif
