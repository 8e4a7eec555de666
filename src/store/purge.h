/* purge.h - frees expunged messages once no session can see them.
 * SPDX-License-Identifier: MIT
 *
 * EXPUNGE only moves rows to `held`, which keeps it quick; the content is freed in the background, a bounded amount per
 * job, when every session that has the mailbox open was told (opened.h says so). What a crash leaves behind goes at the
 * next opening. A message on a page that cannot be read stays, the others go. */
#ifndef STORE_PURGE_H
#define STORE_PURGE_H

struct vault;

/* Messages freed by one job: about 10 ms, then others have their turn. */
#define PURGE_MESSAGES 256
/* Bytes of messages freed by one job: every page of them is read once to be freed. */
#define PURGE_BYTES ((uint64_t)32 << 20)

/* There may be something to free. Any thread. */
void purge_wake(struct vault *v);

#endif
