/* page_map.c - see page_map.h
 * SPDX-License-Identifier: MIT */
#include "store/page_map.h"

#include "base/memory.h"
#include "store/btree.h"

enum {
    pending_byte = 0x40000000, /* the page with this offset is never used, SQLite's locks are there */
    depth_max = 40,            /* of a b-tree; more is a circle */
    map_root = 1,              /* types in the pointer map, file format section 1.8 */
    map_free = 2,
    map_overflow_first = 3,
    map_overflow = 4,
    map_btree = 5
};

struct page_map {
    pages *pages;
    uint32_t count, bad;
    uint8_t *kind;
    uint8_t *type;    /* in the pointer map; 0: not known */
    uint32_t *mapped; /* parent in the pointer map */
    uint32_t *parent; /* the interior page that names it */
    uint8_t *page;
};

static uint32_t load_32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static uint32_t pending_page(const page_map *m)
{
    return (uint32_t)(pending_byte / pages_size(m->pages)) + 1;
}

static bool is_pointer_map(const page_map *m, uint32_t number)
{
    uint32_t each = (uint32_t)(pages_usable(m->pages) / 5) + 1;
    if (number < 2)
        return false;
    uint32_t at = (number - 2) / each * each + 2;
    return number == (at == pending_page(m) ? at + 1 : at);
}

static void pointer_map_take(page_map *m, uint32_t number)
{
    for (size_t i = 0; i < pages_usable(m->pages) / 5; i++) {
        uint64_t about = (uint64_t)number + 1 + i;
        uint8_t type = m->page[5 * i];
        if (about > m->count)
            return;
        if (type >= map_root && type <= map_btree) {
            m->type[about] = type;
            m->mapped[about] = load_32(m->page + 5 * i + 1);
        }
    }
}

static void children_take(page_map *m, uint32_t number, const btree_page *page)
{
    for (unsigned i = 0; i <= page->cells; i++) {
        uint32_t child = btree_child(page, i);
        if (child > 1 && child <= m->count && !m->parent[child])
            m->parent[child] = number;
    }
}

static void page_take(page_map *m, uint32_t number)
{
    btree_page page;
    if (is_pointer_map(m, number)) {
        pointer_map_take(m, number);
        return;
    }
    if (!btree_page_parse(&page, m->page, pages_usable(m->pages), number))
        return;
    switch (page.type) {
    case BTREE_TABLE_LEAF:
        m->kind[number] = PAGE_TABLE_LEAF;
        break;
    case BTREE_INDEX_LEAF:
        m->kind[number] = PAGE_INDEX_LEAF;
        break;
    case BTREE_TABLE_INTERIOR:
        m->kind[number] = PAGE_TABLE_INTERIOR;
        children_take(m, number, &page);
        break;
    default:
        m->kind[number] = PAGE_INDEX_INTERIOR;
        children_take(m, number, &page);
    }
}

/* Do interior pages lead to it from a root? */
static bool is_reached(const page_map *m, uint32_t number)
{
    for (int depth = 0; depth < depth_max && number; depth++) {
        if (number == 1 || m->type[number] == map_root)
            return true;
        number = m->parent[number];
    }
    return false;
}

/* Free, or overflow: rows on it would be old ones, or none. But either word may be that of an old page that was put
 * back: what is in a b-tree by another word is not given up. */
static void page_is_free(page_map *m, uint32_t number)
{
    bool in_tree = m->type[number] == map_root || m->type[number] == map_btree || is_reached(m, number);
    if (m->kind[number] != PAGE_BAD && !in_tree)
        m->kind[number] = PAGE_OTHER;
}

/* The trunk pages of the freelist and the pages that each of them names (section 1.5). */
static ll_status free_take(page_map *m)
{
    ll_status status = pages_read(m->pages, 1, m->page);
    uint32_t trunk = status ? 0 : load_32(m->page + 32);
    for (uint32_t steps = 0; trunk > 1 && trunk <= m->count && steps < m->count; steps++) {
        page_is_free(m, trunk);
        status = pages_read(m->pages, trunk, m->page);
        if (status)
            break;
        uint32_t named = load_32(m->page + 4);
        for (uint32_t i = 0; i < named && 8 + 4 * ((size_t)i + 1) <= pages_usable(m->pages); i++) {
            uint32_t free_page = load_32(m->page + 8 + 4 * (size_t)i);
            if (free_page > 1 && free_page <= m->count)
                page_is_free(m, free_page);
        }
        trunk = load_32(m->page);
    }
    return status == LL_ENOMEM ? status : LL_OK;
}

static ll_status scan(page_map *m, void (*each_bad)(void *ctx, uint32_t number), void *ctx)
{
    for (uint32_t n = 1; n <= m->count; n++) {
        if (n == pending_page(m))
            continue;
        ll_status status = pages_read(m->pages, n, m->page);
        if (status == LL_ENOMEM)
            return status;
        if (!status) {
            page_take(m, n);
            continue;
        }
        m->kind[n] = PAGE_BAD;
        m->bad++;
        if (each_bad)
            each_bad(ctx, n);
    }
    for (uint32_t n = 2; n <= m->count; n++)
        if (m->type[n] == map_free || m->type[n] == map_overflow_first || m->type[n] == map_overflow)
            page_is_free(m, n);
    return free_take(m);
}

ll_status page_map_new(page_map **out, pages *p, void (*each_bad)(void *ctx, uint32_t number), void *ctx)
{
    page_map *m = memory_new(NULL, sizeof *m);
    *out = NULL;
    if (!m)
        return LL_ENOMEM;
    m->pages = p;
    m->count = pages_count(p);
    size_t room = (size_t)m->count + 1;
    m->kind = memory_new(NULL, room);
    m->type = memory_new(NULL, room);
    m->mapped = memory_new(NULL, room * sizeof *m->mapped);
    m->parent = memory_new(NULL, room * sizeof *m->parent);
    m->page = memory_new(NULL, pages_size(p));
    ll_status status = m->kind && m->type && m->mapped && m->parent && m->page ? LL_OK : LL_ENOMEM;
    if (!status)
        status = scan(m, each_bad, ctx);
    if (status)
        page_map_del(&m);
    *out = m;
    return status;
}

void page_map_del(page_map **map)
{
    page_map *m = *map;
    *map = NULL;
    if (!m)
        return;
    if (m->page)
        memory_wipe(m->page, pages_size(m->pages));
    memory_free(NULL, m->page);
    memory_free(NULL, m->kind);
    memory_free(NULL, m->type);
    memory_free(NULL, m->mapped);
    memory_free(NULL, m->parent);
    memory_free(NULL, m);
}

page_kind page_map_kind(const page_map *map, uint32_t number)
{
    return number && number <= map->count ? (page_kind)map->kind[number] : PAGE_BAD;
}

/* The pointer map first, as it knows what is a root; an interior page's word where the map is damaged. */
static uint32_t above(const page_map *m, uint32_t number)
{
    if (number == 1 || m->type[number] == map_root)
        return 0;
    uint32_t up = m->type[number] == map_btree ? m->mapped[number] : m->parent[number];
    return up <= m->count ? up : 0;
}

uint32_t page_map_root(const page_map *map, uint32_t number)
{
    for (int depth = 0; depth < depth_max; depth++) {
        uint32_t up = above(map, number);
        if (!up)
            break;
        number = up;
    }
    return number;
}

uint32_t page_map_bad(const page_map *map)
{
    return map->bad;
}
