/* store_btree.c - fuzz target: a b-tree page of a damaged file, and the records on it. The first byte says whether it
 * is page 1, the second which bytes of the rest are taken for a record by themselves. SPDX-License-Identifier: MIT */
#include "store/btree.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void record(ll_span bytes)
{
    btree_value values[BTREE_COLUMNS_MAX];
    size_t count = 0, all = 0;
    if (!btree_record_parse(bytes, values, &count))
        return;
    if (count > BTREE_COLUMNS_MAX)
        abort();
    for (size_t i = 0; i < count; i++) {
        all += values[i].bytes.size;
        if (values[i].bytes.size && (values[i].bytes.data < bytes.data ||
                                     values[i].bytes.data + values[i].bytes.size > bytes.data + bytes.size))
            abort();
    }
    if (all > bytes.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    btree_page page;
    btree_cell cell;
    if (size < 2)
        return 0;
    ll_span rest = span_of((const char *)data + 2, size - 2);
    record(span_from(rest, data[1]));
    if (!btree_page_parse(&page, data + 2, size - 2, data[0] & 1 ? 1 : 2))
        return 0;
    for (unsigned i = 0; i <= page.cells; i++)
        (void)btree_child(&page, i);
    for (unsigned i = 0; i <= page.cells; i++)
        if (btree_cell_parse(&page, i, &cell)) {
            if (cell.local.size > cell.size || cell.local.data + cell.local.size > rest.data + rest.size)
                abort();
            record(cell.local);
        }
    return 0;
}
