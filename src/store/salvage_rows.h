/* salvage_rows.h - the rows of a damaged file, page by page, into a new one. For salvage.c.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SALVAGE_ROWS_H
#define STORE_SALVAGE_ROWS_H

#include "store/db.h"
#include "store/page_map.h"

/* Read every row of every table that `to` has, and add it there. `to` has this program's schema, no rows, and foreign
 * keys off; call inside a transaction. What does not fit is passed over. *rows: that were added. LL_ENOMEM, LL_EFULL,
 * LL_EIO of `to`. */
LL_MUST_USE ll_status salvage_rows(pages *from, const page_map *map, db *to, uint64_t *rows);

#endif
