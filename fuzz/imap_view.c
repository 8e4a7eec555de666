/* imap_view.c - any bytes are refused, or load as a view that saves as a view that loads as the same.
 * SPDX-License-Identifier: MIT */
#include "letterlock.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ll_view *load(ll_span saved, uint32_t uidvalidity)
{
    ll_view *view;
    uint64_t modseq = 0;
    unsigned number;
    if (ll_view_new(&view, NULL, uidvalidity))
        return NULL;
    if (ll_view_keyword_add(view, (ll_span){"$Work", 5}, &number) || ll_view_load(view, saved, &modseq)) {
        ll_view_unref(&view);
        return NULL;
    }
    ll_view_seal(view, UINT32_MAX, modseq);
    return view;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t uidvalidity = size < 8 ? 0 : (uint32_t)data[4] | (uint32_t)data[5] << 8 | (uint32_t)data[6] << 16;
    ll_view *view = load((ll_span){(const char *)data, size}, uidvalidity);
    if (!view)
        return 0;
    size_t saved_size = ll_view_saved_size(view);
    char *saved = malloc(saved_size);
    assert(saved);
    ll_view_save(view, saved);
    ll_view *again = load((ll_span){saved, saved_size}, uidvalidity);
    assert(again && ll_view_count(again) == ll_view_count(view) && ll_view_unseen(again) == ll_view_unseen(view));
    ll_view_unref(&again);
    ll_view_unref(&view);
    free(saved);
    return 0;
}
