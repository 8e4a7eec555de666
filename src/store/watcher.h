/* watcher.h - sessions that want to hear of every COMMIT of a vault (NOTIFY, RFC 5465).
 * SPDX-License-Identifier: MIT
 *
 * Threads: every call from any thread. */
#ifndef STORE_WATCHER_H
#define STORE_WATCHER_H

#include "store/listener.h"

struct vault;

/* Part of a connector, which leaves the list before it goes. */
typedef struct watcher {
    struct watcher *next;
    listener *listener; /* the connector's */
    bool on, tell;
} watcher;

/* Join the vault's list or leave it. The listener must be set. */
void watcher_set(struct vault *v, watcher *w, bool on);
/* After COMMIT: call the listeners, without the vault's lock. */
void watcher_tell(struct vault *v);

#endif
