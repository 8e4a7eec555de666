/* listener.h - a session that wants to hear of new versions of its mailbox.
 * SPDX-License-Identifier: MIT
 *
 * Changes are published on worker threads, sessions live on the host's thread: a notification is posted through
 * executor->done, at most one at a time (many changes, one wake-up), and is dropped if the session has meanwhile been
 * muted. Counted by reference, because a post may be under way when the session ends. */
#ifndef STORE_LISTENER_H
#define STORE_LISTENER_H

#include "letterlock.h"
#include "store/executor.h"

typedef struct listener listener;

/* fn(ctx) will be called on executor->done's thread. LL_ENOMEM. */
LL_MUST_USE ll_status listener_new(listener **out, const executor *e, void (*fn)(void *ctx), void *ctx);
listener *listener_ref(listener *l);
void listener_unref(listener **l);
/* Any thread; hold no lock: with an executor of NULL functions fn runs right here. */
void listener_notify(listener *l);
/* On executor->done's thread: fn is never called again. */
void listener_mute(listener *l);

#endif
