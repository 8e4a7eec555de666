/* appends.h - APPENDs of a session that wait for their commit while the next one is received.
 * SPDX-License-Identifier: MIT
 *
 * A commit is one sync of the disk, and takes longer than all else about a message. A client that sends the next APPEND
 * without waiting for the reply (RFC 9051 section 5.5: two APPENDs are not ambiguous) should not pay it for every
 * message: so an APPEND whose commit is under way (append_commit has returned LL_LATER) is taken out of the session,
 * whole, and the session collects the next command. Only if that is an APPEND too, and the ceilings below allow it,
 * does it begin; everything else waits until no APPEND is out. The connector sees the commits in the order of the
 * commands and may make one change of them; it must say that it can (LL_OFFERS_APPENDS).
 *
 * Replies come in the order of the commands. When the oldest has its answer the command being received is put aside,
 * between two of its steps, and the oldest is put back in its place until its reply is said: for the rest of the engine
 * it was never away. Meanwhile nothing is read.
 *
 * What must not come before the replies of those that are out is held back: a refusal of input.c, "+ ", BYE. */
#ifndef IMAP_APPENDS_H
#define IMAP_APPENDS_H

#include "imap/session.h"

enum {
    appends_max = 64,            /* out at once: a sync is shared by so many that it hardly counts for each */
    appends_bytes_max = 4 << 20, /* bytes of all that are out and of the next: for larger messages the sync is not what
                                    takes the time, and they wait in memory or spools */
};

/* The command under way waits for the commit of an APPEND: it goes out, and the session is ready for the next. False:
 * it stays, as the connector takes one at a time or there is no memory. */
bool appends_put_out(ll_session *s);
/* A command was collected: may it begin? */
bool appends_allow(const ll_session *s);
/* The oldest has its answer: it is the command under way now. False: none has, or one is being replied to already. */
bool appends_take_back(ll_session *s);
/* The command that was taken back has ended: go on with the one that was put aside. */
void appends_done(ll_session *s);
/* The one whose reply comes next, if it is out; NULL: none is, or it is the command under way. */
command *appends_oldest(ll_session *s);
/* For the end of the session: the oldest becomes the command under way, or (if it is that already) the one that was put
 * aside. What was under way must have ended, or been left to its call. False: there is none. */
bool appends_next(ll_session *s);

static inline bool appends_any(const ll_session *s)
{
    return s->appends.count > 0;
}

#endif
