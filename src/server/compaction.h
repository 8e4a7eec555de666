/* compaction.h - `vault compact`: at once if the vault is unlocked, else at its owner's next login.
 * SPDX-License-Identifier: MIT
 *
 * Only the owner unlocks (invariant 10), so a locked vault is marked, by a setting of the directory named after its
 * alias; the mark goes when a compaction has ended well. */
#ifndef SERVER_COMPACTION_H
#define SERVER_COMPACTION_H

#include "server/server.h"

/* Worker. Is the alias's vault marked? */
bool compaction_is_marked(server *s, const uint8_t alias[KEYS_ID]);
/* Worker. Mark it, or take the mark away. */
LL_MUST_USE ll_status compaction_mark(server *s, const uint8_t alias[KEYS_ID], bool on);
/* Loop. The marked vault has been opened: compact it in the background, while somebody uses it. What is left when the
 * last session ends is done at the next login. */
void compaction_begin(server *s, vault *v, const uint8_t alias[KEYS_ID]);

#endif
