/* update.h - what the source pushes: ll_update of the public header becomes one job.
 * SPDX-License-Identifier: MIT
 *
 * update.c applies what concerns mailboxes, update_message.c what concerns messages. All inside the job. */
#ifndef STORE_UPDATE_H
#define STORE_UPDATE_H

#include "store/entry.h"
#include "store/remote.h"

/* Ids and names that one update needs at a time. */
#define UPDATE_MEMORY_MAX ((size_t)16 << 20)

LL_MUST_USE ll_status update_apply(writer *w, const ll_update *u);

LL_MUST_USE ll_status update_messages_created(writer *w, const ll_update *u);
LL_MUST_USE ll_status update_message_deleted(writer *w, const ll_update *u);
LL_MUST_USE ll_status update_message_updated(writer *w, const ll_update *u);
LL_MUST_USE ll_status update_message_flags(writer *w, const ll_update *u);
LL_MUST_USE ll_status update_message_mailboxes(writer *w, const ll_update *u);
LL_MUST_USE ll_status update_message_id(writer *w, const ll_update *u);

#endif
