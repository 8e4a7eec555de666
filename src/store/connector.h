/* connector.h - a vault as an ll_connector: what an IMAP session asks is answered from here.
 * SPDX-License-Identifier: MIT
 *
 * One connector per session. Reading methods become read jobs (reader.h), writing ones jobs of the vault's queue;
 * latest, told, append_data and the closing ones answer from memory at once. With an executor of NULL functions every
 * method answers at once.
 *
 * Threads: methods are called, and calls are finished, on executor->done's thread. */
#ifndef STORE_CONNECTOR_H
#define STORE_CONNECTOR_H

#include "store/vault.h"

/* The connector holds its own reference of the vault until *methods->end. notify(ctx) is called on executor->done's
 * thread when a newer version of an open mailbox exists: the host calls ll_session_notify. With an executor of NULL
 * functions it may come from inside a method (of any session): the host then calls ll_session_notify later. LL_ENOMEM.
 */
LL_MUST_USE ll_status connector_new(vault *v, void (*notify)(void *ctx), void *ctx, const ll_connector **methods,
                                    void **self);
/* notify is not called again. To be called before ll_session_del, as a session that ends with a question under way ends
 * its connector only when the answer comes. On executor->done's thread. */
void connector_mute(void *self);

#endif
