/* deliver.c - see deliver.h
 * SPDX-License-Identifier: MIT */
#include "store/deliver.h"

#include "base/memory.h"
#include "store/entry.h"
#include "store/message.h"

ll_status deliver_put(writer *w, mailbox_row *m, spool *content, ll_span facts, int64_t internaldate,
                      const ll_flags *flags, bool quota, uint32_t *uid)
{
    const vault *v = w->vault;
    uint64_t size = spool_size(content);
    if (quota && v->config.message_bytes_max && size > v->config.message_bytes_max)
        return LL_ELIMIT;
    w->job_quota |= quota;
    if (quota && w->messages + (m->messages - m->messages_loaded) >= vault_messages_max(v))
        return LL_EQUOTA;
    entry e = {.flags = *flags, .internaldate = internaldate, .size = size};
    entry_set_sent(&e, facts);
    ll_status status = message_create(w->db, content, facts, vault_now(v), &e.message);
    return status ? status : entry_add(w, m, &e, uid);
}

typedef struct delivery {
    vault_job job;
    spool *content;
    ll_span facts;
    int64_t internaldate;
    bool prepaid;
    void (*done)(void *ctx, ll_status status);
    void *ctx;
} delivery;

static ll_status delivery_run(vault_job *job, writer *w)
{
    delivery *d = (delivery *)job;
    mailbox_row m;
    uint32_t uid;
    ll_flags none = {{0}};
    ll_status status = mailbox_find_selectable(w->db, SPAN("INBOX"), &m);
    if (!status)
        status = deliver_put(w, &m, d->content, d->facts, d->internaldate, &none, true, &uid);
    w->job_prepaid = d->prepaid ? spool_size(d->content) : 0;
    return status ? status : mailbox_save(w, &m);
}

static void delivery_done(vault_job *job, ll_status status)
{
    delivery *d = (delivery *)job;
    void (*done)(void *, ll_status) = d->done;
    void *ctx = d->ctx;
    memory_free(NULL, d);
    done(ctx, status);
}

void vault_deliver(vault *v, spool *content, ll_span facts, int64_t internaldate, bool prepaid,
                   void (*done)(void *ctx, ll_status status), void *ctx)
{
    delivery *d = memory_new(NULL, sizeof *d);
    if (!d) {
        done(ctx, LL_ENOMEM);
        return;
    }
    d->job.run = delivery_run;
    d->job.done = delivery_done;
    d->job.queue.weight = spool_size(content);
    d->content = content;
    d->facts = facts;
    d->internaldate = internaldate;
    d->prepaid = prepaid;
    d->done = done;
    d->ctx = ctx;
    vault_add(v, &d->job);
}
