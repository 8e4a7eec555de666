/* search_run.h - a run of the search index in the background: reads what has come, stores it as segments, merges,
 * removes what was replaced (search_index.h says when and how much of it at a time). Made for search_index.c alone.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SEARCH_RUN_H
#define STORE_SEARCH_RUN_H

#include "store/search_map.h"
#include "store/vault_state.h"

/* Guarded by the vault's mutex. */
struct search_index {
    bool running, again, stop;
    bool known;      /* newest and end were read */
    int64_t newest;  /* message, after the last COMMIT that anybody told us of */
    int64_t end;     /* of the index */
    int64_t asked;   /* newest when the run under way was wanted */
    int64_t since;   /* when the first of the waiting came */
    int64_t damaged; /* to be made anew from this message on; 0: nothing */
    uint64_t bytes;  /* of the vault when the last run began */
    bool sparse;     /* segments may have lost most of their messages */
    uint64_t purged; /* messages, since this was last so */
    search_map *maps[search_maps_max];
    uint64_t clock; /* of maps */
};

/* Start a run; s->running was set for it, and it ends with that false. On any thread, without the vault's mutex. */
void search_run_start(vault *v);

#endif
