/* search_index.c - see search_index.h
 * SPDX-License-Identifier: MIT */
#include "store/search_index.h"

#include "base/memory.h"
#include "store/search_run.h"
#include "store/search_segment.h"

/* ---------------------------------------------------------------------------------------------------- Life */

ll_status search_index_new(search_index **out)
{
    *out = memory_new(NULL, sizeof **out);
    if (!*out)
        return LL_ENOMEM;
    (*out)->sparse = true; /* who knows */
    return LL_OK;
}

void search_index_del(search_index **index)
{
    search_index *s = *index;
    *index = NULL;
    for (size_t i = 0; s && i < search_maps_max; i++)
        search_map_del(&s->maps[i]);
    memory_free(NULL, s);
}

/* ---------------------------------------------------------------------------------------------------- Wake */

/* With the lock. True: the caller is to start a run. */
static bool claim(vault *v)
{
    search_index *s = v->search;
    s->stop = false;
    s->since = 0;
    s->asked = s->newest;
    s->bytes = v->bytes;
    s->again = s->running;
    if (s->running)
        return false;
    return s->running = true;
}

void search_index_committed(vault *v, db *d, bool added)
{
    search_index *s = v->search;
    search_segments all;
    int64_t newest = 0, now = vault_now(v);
    pthread_mutex_lock(&v->mutex);
    bool idle = s->known && !added && s->newest <= s->end;
    pthread_mutex_unlock(&v->mutex);
    if (idle || search_newest(d, &newest))
        return;
    bool known = s->known || search_segments_load(d, &all) == LL_OK;
    pthread_mutex_lock(&v->mutex);
    if (!s->known) {
        s->end = known ? all.end : 0;
        s->known = true;
    }
    s->newest = newest;
    bool waits = newest > s->end;
    if (waits && !s->since)
        s->since = now;
    int64_t seen = s->running && s->asked > s->end ? s->asked : s->end;
    bool due = newest - seen >= SEARCH_WAITING || v->bytes > s->bytes + SEARCH_WAITING_BYTES ||
               now - s->since >= SEARCH_WAITING_SECONDS;
    bool begin = waits && due && v->config.executor->work && claim(v);
    pthread_mutex_unlock(&v->mutex);
    if (begin)
        search_run_start(v);
}

void search_index_wake(vault *v)
{
    search_index *s = v->search;
    int64_t now = vault_now(v);
    pthread_mutex_lock(&v->mutex);
    int64_t waiting = s->newest - s->end;
    bool due = waiting >= SEARCH_WAITING_SOME || (waiting > 0 && now - s->since >= SEARCH_WAITING_SECONDS) ||
               (waiting > 0 && !v->config.executor->work);
    bool begin = (!s->known || due) && claim(v);
    pthread_mutex_unlock(&v->mutex);
    if (begin)
        search_run_start(v);
}

void search_index_damaged(vault *v, int64_t from)
{
    vault_log(v, "vault index damaged, is made anew");
    pthread_mutex_lock(&v->mutex);
    search_index *s = v->search;
    if (!s->damaged || from < s->damaged)
        s->damaged = from;
    if (s->end >= from)
        s->end = from - 1;
    bool begin = v->config.executor->work && claim(v);
    pthread_mutex_unlock(&v->mutex);
    if (begin)
        search_run_start(v);
}

void search_index_purged(vault *v, uint64_t messages)
{
    search_index *s = v->search;
    pthread_mutex_lock(&v->mutex);
    s->purged += messages;
    bool many = s->purged * SEARCH_PURGED_SHARE >= v->messages;
    if (many) {
        s->purged = 0;
        s->sparse = true;
    }
    bool begin = many && v->config.executor->work && claim(v);
    pthread_mutex_unlock(&v->mutex);
    if (begin)
        search_run_start(v);
}

void search_index_stop(vault *v)
{
    pthread_mutex_lock(&v->mutex);
    v->search->stop = true;
    pthread_mutex_unlock(&v->mutex);
}

/* ---------------------------------------------------------------------------------------------------- Maps */

ll_status search_index_map(vault *v, int64_t mailbox, search_map **out)
{
    search_index *s = v->search;
    *out = NULL;
    pthread_mutex_lock(&v->mutex);
    for (size_t i = 0; i < search_maps_max && !*out; i++) {
        if (s->maps[i] && s->maps[i]->mailbox == mailbox) {
            *out = s->maps[i];
            s->maps[i] = NULL;
        }
    }
    pthread_mutex_unlock(&v->mutex);
    return *out ? LL_OK : search_map_new(out, mailbox);
}

/* In place of one of the same mailbox, of none, or of the one that was used least lately. */
void search_index_forget(vault *v)
{
    search_map *maps[search_maps_max];
    pthread_mutex_lock(&v->mutex);
    memcpy(maps, v->search->maps, sizeof maps);
    memset(v->search->maps, 0, sizeof v->search->maps);
    pthread_mutex_unlock(&v->mutex);
    for (size_t i = 0; i < search_maps_max; i++)
        search_map_del(&maps[i]);
}

void search_index_keep(vault *v, search_map **map)
{
    search_index *s = v->search;
    size_t at = 0;
    pthread_mutex_lock(&v->mutex);
    for (size_t i = 1; i < search_maps_max && s->maps[at]; i++)
        if (!s->maps[i] || s->maps[i]->used < s->maps[at]->used)
            at = i;
    for (size_t i = 0; i < search_maps_max; i++)
        if (s->maps[i] && s->maps[i]->mailbox == (*map)->mailbox)
            at = i;
    search_map *old = s->maps[at];
    s->maps[at] = *map;
    s->maps[at]->used = ++s->clock;
    *map = NULL;
    pthread_mutex_unlock(&v->mutex);
    search_map_del(&old);
}
