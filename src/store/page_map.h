/* page_map.h - which b-tree each page of a damaged file belongs to.
 * SPDX-License-Identifier: MIT
 *
 * Three sources, each of which may be damaged: interior pages name their children; the pointer map (the file has
 * auto_vacuum) names the parent of every page; the freelist and the pointer map say what is free, and must not be taken
 * for rows. So a leaf finds its root although what lies between is gone.
 *
 * Building it reads the whole file once. */
#ifndef STORE_PAGE_MAP_H
#define STORE_PAGE_MAP_H

#include "store/pages.h"

typedef struct page_map page_map;

typedef enum page_kind {
    PAGE_OTHER, /* overflow, free, pointer map */
    PAGE_TABLE_LEAF,
    PAGE_TABLE_INTERIOR,
    PAGE_INDEX_LEAF, /* also of tables WITHOUT ROWID */
    PAGE_INDEX_INTERIOR,
    PAGE_BAD
} page_kind;

/* `each_bad` (may be NULL) hears of every damaged page. LL_ENOMEM, LL_EIO. */
LL_MUST_USE ll_status page_map_new(page_map **out, pages *p, void (*each_bad)(void *ctx, uint32_t number), void *ctx);
void page_map_del(page_map **map);
page_kind page_map_kind(const page_map *map, uint32_t number);
/* The topmost page above it that is known: the root of its b-tree, unless that cannot be found out. */
uint32_t page_map_root(const page_map *map, uint32_t number);
uint32_t page_map_bad(const page_map *map);

#endif
