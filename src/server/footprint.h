/* footprint.h - how much memory the process holds, and that none of it is swapped out.
 * SPDX-License-Identifier: MIT
 *
 * Everything is locked where the system lets us (invariant 5: pages hold mail, and swap is a disk); keys are locked one
 * by one in any case (keys/secret.h). But locked pages cannot be given back: the kernel refuses malloc's MADV_DONTNEED,
 * and the process would stay as large as it ever was. So when much of it is free, all is unlocked for the moment that
 * giving back takes, and only while the system has no swap at all; with swap the process stays locked and large. */
#ifndef SERVER_FOOTPRINT_H
#define SERVER_FOOTPRINT_H

#include "letterlock.h"

#include <stdatomic.h>

enum {
    FOOTPRINT_FREE_MIN = 8 << 20, /* free bytes that are worth a walk through the heap, */
    FOOTPRINT_FREE_SHARE = 8,     /* if they are also this part of what is held */
    FOOTPRINT_LOOK_MS = 10000     /* how often we look */
};

typedef struct footprint {
    bool locked;       /* the whole process is */
    uint64_t look_ms;  /* of the last */
    atomic_bool going; /* a footprint_trim is under way or posted */
    uint64_t kept;     /* free bytes after the last: in pages that are partly in use, no trim gives them back */
} footprint;

/* Before any thread is made. False: the process could not be locked, the operator should know. */
LL_MUST_USE bool footprint_init(footprint *f);
/* Is it time to give back what is free? Then footprint_trim is to be called, on a thread that may block. */
LL_MUST_USE bool footprint_due(footprint *f, uint64_t now_ms);
/* False: what was locked before could not be locked again, the arena of the keys neither. */
LL_MUST_USE bool footprint_trim(footprint *f);

#endif
