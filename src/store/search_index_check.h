/* search_index_check.h - does the search index of a vault say what its messages say? For vault checks and tests.
 * SPDX-License-Identifier: MIT */
#ifndef STORE_SEARCH_INDEX_CHECK_H
#define STORE_SEARCH_INDEX_CHECK_H

#include "store/db.h"

/* In a read transaction. Quick: the live segments follow each other without gap or overlap, and every block can be
 * decoded and is sorted, of a live segment, and with postings inside its range. deep: also, every message that the
 * index covers is read and cut anew, and its terms and the index's are the same: as slow as making the index, with as
 * much memory as search_batch.h says and the list of one segment. *report (may be NULL) gets a line for each fault, up
 * to SEARCH_CHECK_FAULTS. LL_OK: none; LL_ECORRUPT: see the report; LL_ENOMEM, LL_EIO, LL_ETIMEOUT. */
LL_MUST_USE ll_status search_check(db *d, bool deep, text *report);

#define SEARCH_CHECK_FAULTS 20

#endif
