/* watcher.c - see watcher.h
 * SPDX-License-Identifier: MIT */
#include "store/watcher.h"

#include "store/vault_state.h"

void watcher_set(vault *v, watcher *w, bool on)
{
    pthread_mutex_lock(&v->mutex);
    if (on && !w->on) {
        w->next = v->watchers;
        v->watchers = w;
    }
    for (watcher **at = &v->watchers; !on && *at; at = &(*at)->next) {
        if (*at == w) {
            *at = w->next;
            break;
        }
    }
    w->on = on;
    w->tell = false;
    pthread_mutex_unlock(&v->mutex);
}

/* The next that has not been told; a reference to its listener, as it may leave once the lock is gone. */
static listener *next_to_tell(vault *v)
{
    for (watcher *w = v->watchers; w; w = w->next) {
        if (w->tell) {
            w->tell = false;
            return listener_ref(w->listener);
        }
    }
    return NULL;
}

void watcher_tell(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    for (watcher *w = v->watchers; w; w = w->next)
        w->tell = true;
    for (listener *l; (l = next_to_tell(v));) {
        pthread_mutex_unlock(&v->mutex);
        listener_notify(l);
        listener_unref(&l);
        pthread_mutex_lock(&v->mutex);
    }
    pthread_mutex_unlock(&v->mutex);
}
