/* btree.h - the pages of an SQLite file read without SQLite: cells and records, for salvage.c.
 * SPDX-License-Identifier: MIT
 *
 * The format: https://www.sqlite.org/fileformat2.html, sections 1.5, 1.6 and 2.1. Everything is checked against the
 * page's bounds; nothing is trusted, as a page may be an old one that was put back. Pure functions, any thread. */
#ifndef STORE_BTREE_H
#define STORE_BTREE_H

#include "base/span.h"
#include "letterlock.h"

enum {
    BTREE_INDEX_INTERIOR = 2, /* also of tables WITHOUT ROWID: then its cells are rows too */
    BTREE_TABLE_INTERIOR = 5,
    BTREE_INDEX_LEAF = 10,
    BTREE_TABLE_LEAF = 13,
    BTREE_COLUMNS_MAX = 64 /* of one record: our widest table has a third of it */
};

typedef struct btree_page {
    const uint8_t *data; /* borrowed */
    size_t usable;       /* bytes of a page without what the cipher reserves */
    size_t header;       /* where its header begins: 100 on page 1 */
    unsigned type, cells;
} btree_page;

/* False: it is no b-tree page. */
bool btree_page_parse(btree_page *page, const uint8_t *data, size_t usable, uint32_t number);
/* Interior pages: child i, from 0 to cells (the last one is on the right). 0: the page is damaged there. */
uint32_t btree_child(const btree_page *page, unsigned i);

typedef struct btree_cell {
    int64_t rowid;     /* table leaves only */
    uint64_t size;     /* bytes of the record */
    ll_span local;     /* those of them that are on this page */
    uint32_t overflow; /* the page that has the next ones; 0: none */
} btree_cell;

/* Cell i that holds a record (all pages but interior ones of tables). False: it does not lie in the page. */
bool btree_cell_parse(const btree_page *page, unsigned i, btree_cell *cell);

typedef enum btree_kind { BTREE_NULL, BTREE_INTEGER, BTREE_REAL, BTREE_TEXT, BTREE_BLOB } btree_kind;

typedef struct btree_value {
    btree_kind kind;
    int64_t integer;
    double real;
    ll_span bytes; /* in the record */
} btree_value;

/* The columns of a record. False: damaged, or over BTREE_COLUMNS_MAX. */
bool btree_record_parse(ll_span record, btree_value values[BTREE_COLUMNS_MAX], size_t *count);

#endif
