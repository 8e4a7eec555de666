/* view.h - inside an ll_view: the sets that the engine compares and ranks. For the imap room only.
 * SPDX-License-Identifier: MIT
 *
 * A view holds one set of UIDs and one set per flag, each counted by reference and shared with the versions before and
 * after it as long as nobody changed it. While a view is edited (between ll_view_edit and ll_view_seal) a set with more
 * than one holder is copied before the first change; a sealed view never changes. */
#ifndef IMAP_VIEW_H
#define IMAP_VIEW_H

#include "base/uidset.h"
#include "letterlock.h"

const uidset *view_uids(const ll_view *view);
/* The messages that have flag n; NULL when none has. */
const uidset *view_flag(const ll_view *view, unsigned n);
/* Flags that exist in this view: LL_FLAG_KEYWORD + keywords. */
unsigned view_flags_count(const ll_view *view);
/* For loading: set number 0 is the UIDs, n + 1 flag n, which the view has. Takes over the set. LL_ENOMEM. */
LL_MUST_USE ll_status view_put(ll_view *view, unsigned n, uidset *set);

#endif
