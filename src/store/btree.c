/* btree.c - see btree.h
 * SPDX-License-Identifier: MIT */
#include "store/btree.h"

#include <string.h>

static uint32_t load_16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t load_32(const uint8_t *from)
{
    return load_16(from) << 16 | load_16(from + 2);
}

/* Bytes that the number takes; 0: it does not end in the span. */
static size_t varint(ll_span from, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < from.size && i < 9; i++) {
        uint8_t byte = (uint8_t)from.data[i];
        if (i == 8) {
            *out = value << 8 | byte;
            return 9;
        }
        value = value << 7 | (byte & 0x7f);
        if (!(byte & 0x80)) {
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

static bool is_interior(const btree_page *page)
{
    return page->type == BTREE_INDEX_INTERIOR || page->type == BTREE_TABLE_INTERIOR;
}

static size_t header_size(const btree_page *page)
{
    return is_interior(page) ? 12 : 8;
}

bool btree_page_parse(btree_page *page, const uint8_t *data, size_t usable, uint32_t number)
{
    size_t header = number == 1 ? 100 : 0;
    if (usable < header + 12)
        return false;
    *page = (btree_page){
        .data = data, .usable = usable, .header = header, .type = data[header], .cells = load_16(data + header + 3)};
    bool known = is_interior(page) || page->type == BTREE_INDEX_LEAF || page->type == BTREE_TABLE_LEAF;
    return known && header + header_size(page) + 2 * (size_t)page->cells <= usable;
}

/* What is on the page from cell i on; empty: it begins outside. */
static ll_span cell_bytes(const btree_page *page, unsigned i)
{
    if (i >= page->cells)
        return SPAN("");
    size_t at = load_16(page->data + page->header + header_size(page) + 2 * (size_t)i);
    return at >= page->usable || at < page->header + 8 ? SPAN("")
                                                       : span_of((const char *)page->data + at, page->usable - at);
}

uint32_t btree_child(const btree_page *page, unsigned i)
{
    if (!is_interior(page))
        return 0;
    if (i == page->cells)
        return load_32(page->data + page->header + 8);
    ll_span cell = cell_bytes(page, i);
    return cell.size < 4 ? 0 : load_32((const uint8_t *)cell.data);
}

/* How many bytes of a record stay on the page (file format, section 1.6). */
static uint64_t local_size(const btree_page *page, uint64_t size)
{
    uint64_t usable = page->usable;
    uint64_t most = page->type == BTREE_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
    uint64_t least = (usable - 12) * 32 / 255 - 23;
    if (size <= most)
        return size;
    uint64_t fits = least + (size - least) % (usable - 4);
    return fits <= most ? fits : least;
}

bool btree_cell_parse(const btree_page *page, unsigned i, btree_cell *cell)
{
    ll_span rest = cell_bytes(page, i);
    uint64_t rowid = 0;
    *cell = (btree_cell){0};
    if (page->type == BTREE_TABLE_INTERIOR || page->usable < 480)
        return false;
    if (page->type == BTREE_INDEX_INTERIOR)
        rest = span_from(rest, 4);
    size_t used = varint(rest, &cell->size);
    if (!used || cell->size > INT32_MAX)
        return false;
    rest = span_from(rest, used);
    if (page->type == BTREE_TABLE_LEAF) {
        used = varint(rest, &rowid);
        if (!used)
            return false;
        rest = span_from(rest, used);
        cell->rowid = (int64_t)rowid;
    }
    uint64_t local = local_size(page, cell->size);
    bool more = local < cell->size;
    if (rest.size < local + (more ? 4 : 0))
        return false;
    cell->local = span_first(rest, (size_t)local);
    cell->overflow = more ? load_32((const uint8_t *)rest.data + local) : 0;
    return !more || cell->overflow > 1;
}

static int64_t integer_of(ll_span bytes)
{
    uint64_t value = bytes.size && (bytes.data[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes.size; i++)
        value = value << 8 | (uint8_t)bytes.data[i];
    return (int64_t)value;
}

/* Bytes in the body of a value of this serial type (section 2.1). */
static uint64_t serial_size(uint64_t type)
{
    static const uint8_t fixed[12] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};
    return type < 12 ? fixed[type] : (type - 12) / 2;
}

static btree_value value_of(uint64_t type, ll_span bytes)
{
    btree_value value = {.bytes = bytes};
    if (type == 0 || type == 10 || type == 11)
        value.kind = BTREE_NULL;
    else if (type == 7) {
        value.kind = BTREE_REAL;
        int64_t bits = integer_of(bytes);
        memcpy(&value.real, &bits, sizeof value.real);
    } else if (type < 12) {
        value.kind = BTREE_INTEGER;
        value.integer = type == 8 || type == 9 ? (int64_t)type - 8 : integer_of(bytes);
    } else
        value.kind = type & 1 ? BTREE_TEXT : BTREE_BLOB;
    return value;
}

bool btree_record_parse(ll_span record, btree_value values[BTREE_COLUMNS_MAX], size_t *count)
{
    uint64_t header = 0, type = 0;
    size_t used = varint(record, &header);
    *count = 0;
    if (!used || header < used || header > record.size)
        return false;
    ll_span types = span_from(span_first(record, (size_t)header), used), body = span_from(record, (size_t)header);
    while (types.size) {
        used = varint(types, &type);
        uint64_t size = serial_size(type);
        if (!used || *count == BTREE_COLUMNS_MAX || size > body.size)
            return false;
        values[(*count)++] = value_of(type, span_first(body, (size_t)size));
        types = span_from(types, used);
        body = span_from(body, (size_t)size);
    }
    return true;
}
