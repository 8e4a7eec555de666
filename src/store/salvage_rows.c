/* salvage_rows.c - see salvage_rows.h
 * SPDX-License-Identifier: MIT
 *
 * A record does not say which columns it has: it has those of its table in order, the key's first if the table is
 * WITHOUT ROWID. Columns that a later version has added at the end may be missing, and get their defaults. */
#include "store/salvage_rows.h"

#include "base/memory.h"
#include "store/btree.h"

#include <sqlite3.h>
#include <stdio.h>

enum {
    tables_max = 64,
    roots_max = 256,
    name_max = 64,
    index_width = 3,
    record_max = 256 << 20 /* bytes of one record; ours are chunks of 128 KiB, and an index of one message */
};

typedef struct column {
    char name[name_max];
    btree_kind kind; /* BTREE_NULL: any */
    bool required;   /* NOT NULL */
    bool key;        /* of the primary key */
} column;

typedef struct table {
    char name[name_max];
    bool rowid;           /* has one; else its rows lie in an index b-tree */
    bool rowid_is_column; /* the first column is the rowid, and NULL in the record */
    column columns[BTREE_COLUMNS_MAX];
    unsigned keys;
    size_t count, required; /* required: to the last column that must be there */
    uint32_t root_here;     /* in the new file: likely the same in the old one */
    sqlite3_stmt *insert;
    size_t insert_count; /* columns that it has */
} table;

/* What the damaged file's own schema says, as far as it can be read. */
typedef struct root {
    uint32_t page;
    const table *table; /* NULL: an index, or a table that this program does not know */
} root;

typedef struct rows {
    pages *pages;
    const page_map *map;
    db *to;
    table tables[tables_max];
    size_t tables_count;
    root roots[roots_max];
    size_t roots_count;
    uint32_t indexes[tables_max]; /* roots of indexes in the new file */
    size_t indexes_count;
    uint8_t *page, *other;
    text record;
    uint64_t added;
} rows;

/* ---------------------------------------------------------------------------------------------------- The new file */

static btree_kind kind_named(ll_span type)
{
    if (span_equal_nocase(type, SPAN("INTEGER")) || span_equal_nocase(type, SPAN("INT")))
        return BTREE_INTEGER;
    if (span_equal_nocase(type, SPAN("TEXT")))
        return BTREE_TEXT;
    if (span_equal_nocase(type, SPAN("BLOB")))
        return BTREE_BLOB;
    return BTREE_NULL;
}

static bool column_take(table *t, sqlite3_stmt *q)
{
    if (t->count == BTREE_COLUMNS_MAX)
        return false;
    column *c = &t->columns[t->count++];
    snprintf(c->name, sizeof c->name, "%s", (const char *)sqlite3_column_text(q, 0));
    c->key = sqlite3_column_int(q, 3) > 0;
    c->kind = kind_named(span_str((const char *)sqlite3_column_text(q, 1)));
    t->keys += c->key;
    t->rowid_is_column = t->rowid && t->keys == 1 && t->columns[0].key && t->columns[0].kind == BTREE_INTEGER;
    c->required = sqlite3_column_int(q, 2) || (c->key && !t->rowid);
    if (c->required && sqlite3_column_type(q, 4) == SQLITE_NULL)
        t->required = t->count;
    return true;
}

/* The order in which the columns lie in a record. */
static ll_status table_columns(rows *r, table *t)
{
    static const char plain[] =
        "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info(?1) ORDER BY cid";
    static const char keyed[] = "SELECT name, type, \"notnull\", pk, dflt_value FROM pragma_table_info(?1) "
                                "ORDER BY pk = 0, pk, cid";
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db_handle(r->to), t->rowid ? plain : keyed, -1, &q, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(q, 1, t->name, -1, SQLITE_STATIC);
    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
        rc = column_take(t, q) ? SQLITE_OK : SQLITE_NOMEM;
    sqlite3_finalize(q);
    return rc == SQLITE_DONE ? LL_OK : LL_ENOMEM;
}

static ll_status indexes_take(rows *r)
{
    db_stmt *q = db_prepare(r->to, "SELECT rootpage FROM sqlite_schema WHERE type = 'index'");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE)
        if (r->indexes_count < tables_max)
            r->indexes[r->indexes_count++] = (uint32_t)db_column_int(q, 0);
    return status;
}

/* Every table but virtual ones (they have no root) and those of SQLite. */
static ll_status tables_take(rows *r)
{
    db_stmt *q = db_prepare(
        r->to, "SELECT s.name, s.rootpage, l.wr FROM sqlite_schema s JOIN pragma_table_list l ON l.name = s.name "
               "WHERE s.type = 'table' AND s.rootpage > 0 AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
               "AND l.type = 'table'");
    ll_status status;
    while ((status = db_step(q)) == LL_MORE) {
        if (r->tables_count == tables_max)
            continue;
        table *t = &r->tables[r->tables_count++];
        snprintf(t->name, sizeof t->name, "%.*s", SPAN_PRINT(db_column_text(q, 0)));
        t->root_here = (uint32_t)db_column_int(q, 1);
        t->rowid = !db_column_int(q, 2);
    }
    for (size_t i = 0; !status && i < r->tables_count; i++)
        status = table_columns(r, &r->tables[i]);
    return status ? status : indexes_take(r);
}

static ll_status table_prepare(rows *r, table *t, size_t count)
{
    text sql;
    if (t->insert && t->insert_count == count)
        return LL_OK;
    sqlite3_finalize(t->insert);
    t->insert = NULL;
    t->insert_count = count;
    text_init(&sql, NULL, 16384);
    text_print(&sql, "INSERT OR IGNORE INTO \"%s\"(%s", t->name, t->rowid && !t->rowid_is_column ? "rowid, " : "");
    for (size_t i = 0; i < count; i++)
        text_print(&sql, "%s\"%s\"", i ? ", " : "", t->columns[i].name);
    text_add_str(&sql, ") VALUES(");
    for (size_t i = 0; i < count + (t->rowid && !t->rowid_is_column); i++)
        text_add_str(&sql, i ? ", ?" : "?");
    text_add_str(&sql, ")");
    ll_status status = text_status(&sql);
    if (!status && sqlite3_prepare_v2(db_handle(r->to), text_str(&sql), -1, &t->insert, NULL) != SQLITE_OK)
        status = LL_ECORRUPT;
    text_fini(&sql);
    return status;
}

static void bind(sqlite3_stmt *q, int n, const btree_value *v)
{
    switch (v->kind) {
    case BTREE_NULL:
        sqlite3_bind_null(q, n);
        break;
    case BTREE_INTEGER:
        sqlite3_bind_int64(q, n, v->integer);
        break;
    case BTREE_REAL:
        sqlite3_bind_double(q, n, v->real);
        break;
    case BTREE_TEXT:
        sqlite3_bind_text64(q, n, v->bytes.size ? v->bytes.data : "", v->bytes.size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    default:
        sqlite3_bind_blob64(q, n, v->bytes.size ? v->bytes.data : "", v->bytes.size, SQLITE_STATIC);
    }
}

/* LL_OK also when the row breaks a constraint: then it is a double, or none of ours. */
static ll_status table_add(rows *r, table *t, const btree_cell *cell, const btree_value *values, size_t count)
{
    ll_status status = table_prepare(r, t, count);
    if (status)
        return status == LL_ENOMEM ? status : LL_OK;
    int n = 1;
    if (t->rowid && !t->rowid_is_column)
        sqlite3_bind_int64(t->insert, n++, cell->rowid);
    for (size_t i = 0; i < count; i++, n++)
        if (i == 0 && t->rowid_is_column)
            sqlite3_bind_int64(t->insert, n, cell->rowid);
        else
            bind(t->insert, n, &values[i]);
    int rc = sqlite3_step(t->insert);
    r->added += rc == SQLITE_DONE ? (uint64_t)sqlite3_changes64(db_handle(r->to)) : 0;
    sqlite3_reset(t->insert);
    sqlite3_clear_bindings(t->insert);
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return LL_EFULL;
    case SQLITE_IOERR:
        return LL_EIO;
    case SQLITE_NOMEM:
        return LL_ENOMEM;
    default:
        return LL_OK;
    }
}

/* ---------------------------------------------------------------------------------------------------- The old file */

/* The record of a cell with its overflow pages. False: one of them is damaged. */
static bool record_read(rows *r, const btree_cell *cell)
{
    uint64_t left = cell->size - cell->local.size;
    uint32_t next = cell->overflow;
    text_clear(&r->record);
    if (cell->size > record_max)
        return false;
    text_add(&r->record, cell->local);
    while (left) {
        if (next < 2 || pages_read(r->pages, next, r->other))
            return false;
        size_t here = pages_usable(r->pages) - 4;
        here = here < left ? here : (size_t)left;
        text_add(&r->record, span_of((const char *)r->other + 4, here));
        next = (uint32_t)r->other[0] << 24 | (uint32_t)r->other[1] << 16 | (uint32_t)r->other[2] << 8 | r->other[3];
        left -= here;
    }
    return text_status(&r->record) == LL_OK;
}

/* How well does a record fit a table? 0: not. */
static int fits(const table *t, const btree_value *values, size_t count)
{
    if (count > t->count || count < t->required)
        return 0;
    if (!t->rowid && values[0].kind == BTREE_INTEGER && values[0].integer < 0)
        return 0; /* of index piece_part: no key is negative */
    for (size_t i = 0; i < count; i++) {
        const column *c = &t->columns[i];
        bool is_rowid = i == 0 && t->rowid_is_column;
        bool null = values[i].kind == BTREE_NULL;
        if (is_rowid ? !null : null ? c->required : c->kind != BTREE_NULL && c->kind != values[i].kind)
            return 0;
    }
    return count == t->count ? 3 : 2;
}

static bool is_row_tree(const table *t, page_kind kind)
{
    return t->rowid == (kind == PAGE_TABLE_LEAF);
}

/* Where a new file has an index, an old one likely has it too; and no record of an index of ours is that wide. */
static bool is_index(const rows *r, uint32_t top, size_t count)
{
    bool index = false;
    for (size_t i = 0; i < r->indexes_count; i++)
        index |= r->indexes[i] == top;
    return index && count <= index_width;
}

static table *table_guess(rows *r, uint32_t top, page_kind kind, const btree_value *values, size_t count)
{
    table *best = NULL;
    int score = 0;
    if (kind != PAGE_TABLE_LEAF && is_index(r, top, count))
        return NULL;
    for (size_t i = 0; i < r->tables_count; i++) {
        table *t = &r->tables[i];
        int now = is_row_tree(t, kind) ? fits(t, values, count) : 0;
        now += now && t->root_here == top ? 2 : 0;
        if (now > score) {
            best = t;
            score = now;
        }
    }
    return best;
}

/* *known: the schema says what the page is of, and that is a table of ours or nothing. */
static table *table_of(const rows *r, uint32_t top, bool *known)
{
    for (size_t i = 0; i < r->roots_count; i++)
        if (r->roots[i].page == top) {
            *known = true;
            return (table *)(uintptr_t)r->roots[i].table;
        }
    *known = false;
    return NULL;
}

static ll_status page_rows(rows *r, uint32_t number, page_kind kind, table *t)
{
    btree_page page;
    btree_value values[BTREE_COLUMNS_MAX];
    size_t count = 0;
    ll_status status = LL_OK;
    if (pages_read(r->pages, number, r->page) || !btree_page_parse(&page, r->page, pages_usable(r->pages), number))
        return LL_OK;
    uint32_t top = page_map_root(r->map, number);
    for (unsigned i = 0; !status && i < page.cells; i++) {
        btree_cell cell;
        if (!btree_cell_parse(&page, i, &cell) || !record_read(r, &cell) ||
            !btree_record_parse(text_span(&r->record), values, &count) || !count)
            continue;
        table *of = t ? t : table_guess(r, top, kind, values, count);
        if (of && is_row_tree(of, kind) && (t ? count <= t->count : true))
            status = table_add(r, of, &cell, values, count);
    }
    return status;
}

/* sqlite_schema: type, name, tbl_name, rootpage, sql. */
static void schema_row(rows *r, const btree_value *v, size_t count)
{
    if (count < 5 || v[0].kind != BTREE_TEXT || v[1].kind != BTREE_TEXT || v[3].kind != BTREE_INTEGER ||
        r->roots_count == roots_max || v[3].integer < 2 || v[3].integer > UINT32_MAX)
        return;
    root *new_root = &r->roots[r->roots_count++];
    *new_root = (root){.page = (uint32_t)v[3].integer};
    for (size_t i = 0; span_equal(v[0].bytes, SPAN("table")) && i < r->tables_count; i++)
        if (span_equal(v[1].bytes, span_str(r->tables[i].name)))
            new_root->table = &r->tables[i];
}

static void schema_page(rows *r, uint32_t number)
{
    btree_page page;
    btree_value values[BTREE_COLUMNS_MAX];
    size_t count = 0;
    if (pages_read(r->pages, number, r->page) || !btree_page_parse(&page, r->page, pages_usable(r->pages), number))
        return;
    for (unsigned i = 0; i < page.cells; i++) {
        btree_cell cell;
        if (btree_cell_parse(&page, i, &cell) && record_read(r, &cell) &&
            btree_record_parse(text_span(&r->record), values, &count))
            schema_row(r, values, count);
    }
}

static ll_status take_all(rows *r)
{
    ll_status status = LL_OK;
    for (uint32_t n = 1; n <= pages_count(r->pages); n++)
        if (page_map_kind(r->map, n) == PAGE_TABLE_LEAF && page_map_root(r->map, n) == 1)
            schema_page(r, n);
    for (uint32_t n = 2; !status && n <= pages_count(r->pages); n++) {
        bool known = false;
        page_kind kind = page_map_kind(r->map, n);
        uint32_t top = page_map_root(r->map, n);
        if (top == 1 || (kind != PAGE_TABLE_LEAF && kind != PAGE_INDEX_LEAF && kind != PAGE_INDEX_INTERIOR))
            continue;
        table *t = table_of(r, top, &known);
        if (t || !known)
            status = page_rows(r, n, kind, t);
    }
    return status;
}

ll_status salvage_rows(pages *from, const page_map *map, db *to, uint64_t *added)
{
    rows *r = memory_new(NULL, sizeof *r);
    if (!r)
        return LL_ENOMEM;
    r->pages = from;
    r->map = map;
    r->to = to;
    r->page = memory_new(NULL, pages_size(from));
    r->other = memory_new(NULL, pages_size(from));
    text_init(&r->record, NULL, record_max);
    ll_status status = r->page && r->other ? tables_take(r) : LL_ENOMEM;
    if (!status)
        status = take_all(r);
    *added = r->added;
    for (size_t i = 0; i < r->tables_count; i++)
        sqlite3_finalize(r->tables[i].insert);
    text_wipe(&r->record);
    if (r->page)
        memory_wipe(r->page, pages_size(from));
    if (r->other)
        memory_wipe(r->other, pages_size(from));
    memory_free(NULL, r->page);
    memory_free(NULL, r->other);
    memory_free(NULL, r);
    return status;
}
