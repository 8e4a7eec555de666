/* recent.c - see recent.h
 * SPDX-License-Identifier: MIT */
#include "store/recent.h"

#include "base/memory.h"
#include "store/vault_state.h"

ll_status recent_write(writer *w)
{
    int64_t mailbox;
    uint32_t uid;
    ll_status status = LL_OK;
    while (!status && opened_recent_next(w->vault, &mailbox, &uid)) {
        db_stmt *q = db_prepare(w->db, "UPDATE mailbox SET recent_uid = ?2 WHERE id = ?1");
        db_bind_int(q, 1, mailbox);
        db_bind_int(q, 2, uid);
        status = db_run(q);
    }
    return status;
}

static ll_status nothing(vault_job *job, writer *w)
{
    (void)job;
    (void)w;
    return LL_OK; /* the commit hook does it */
}

static void done(vault_job *job, ll_status status)
{
    (void)status;
    memory_free(NULL, job);
}

void recent_save(vault *v)
{
    vault_job *job = memory_new(NULL, sizeof *job);
    if (!job)
        return;
    job->run = nothing;
    job->done = done;
    job->queue.lazy = true;
    vault_add(v, job);
}
