/* imap_sequence.c - fuzzes sequence sets: parsing, and what they name in a mailbox.
 * SPDX-License-Identifier: MIT */
#include "imap/sequence.h"
#include "imap/snapshot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ll_flags none;
    arena memory;
    sequence set;
    snapshot snap;
    ll_view *view = NULL;
    arena_init(&memory, NULL, 1 << 20);
    snapshot_init(&snap);
    if (ll_view_new(&view, NULL, 1) || ll_view_add_range(view, (ll_range){3, 9}, &none) ||
        ll_view_add(view, 70000, &none))
        abort();
    ll_view_seal(view, 70001, 1);
    if (snapshot_open(&snap, view, 0))
        abort();
    if (sequence_parse(&set, (ll_span){(const char *)data, size}, 1000, &memory) == LL_OK)
        for (int uid = 0; uid < 2; uid++) {
            uidset *found;
            if (sequence_uids(&set, uid, &snap, &found))
                continue;
            if (uidset_and_count(found, snapshot_uids(&snap)) != uidset_count(found))
                abort(); /* only what is there */
            uidset_del(&found);
        }
    snapshot_fini(&snap);
    arena_fini(&memory);
    return 0;
}
