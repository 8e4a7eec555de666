/* write_flags.h - "(\Seen ...)" of many messages of one snapshot, fast.
 * SPDX-License-Identifier: MIT
 *
 * Most mailboxes use a handful of the 256 possible flags: their sets are looked up once, and each message is asked of
 * those only. What is written is what response_flags writes. */
#ifndef IMAP_WRITE_FLAGS_H
#define IMAP_WRITE_FLAGS_H

#include "base/text.h"
#include "imap/snapshot.h"

typedef struct write_flags {
    const snapshot *snap;
    bool ghosts;
    unsigned count;
    struct {
        const uidset *set;
        ll_span name;
    } flags[LL_FLAGS_MAX + 1]; /* and \Recent */
} write_flags;

/* Valid as long as the snapshot does not move. */
void write_flags_init(write_flags *w, const snapshot *snap);
void write_flags_add(const write_flags *w, uint32_t uid, text *out);

#endif
