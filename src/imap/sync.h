/* sync.h - telling the client what has changed: the only place that moves a snapshot (invariant 4).
 * SPDX-License-Identifier: MIT
 *
 * sync_begin compares the snapshot with the connector's newest view; sync_step writes EXPUNGE (if allowed now), EXISTS
 * (if the mailbox grew) and RECENT (also if its count fell), FETCH (FLAGS) for each message whose flags differ,
 * coalesced: one EXISTS, one FETCH a message. It may stop when output is full and goes on later. Order: EXPUNGE from
 * the highest number down, then EXISTS, RECENT, then FETCH ascending; FLAGS and PERMANENTFLAGS first if a new keyword
 * is used. */
#ifndef IMAP_SYNC_H
#define IMAP_SYNC_H

#include "imap/session.h"

/* LL_OK: something to say, call sync_step; LL_MORE is never returned here; LL_ECLOSED: the mailbox is gone, say BYE;
 * LL_ENOMEM. force/silent as in struct command (may be NULL; silent is that command's own); with_uid: put UID into each
 * FETCH. *nothing: the client knows all. */
LL_MUST_USE ll_status sync_begin(ll_session *s, bool expunge_allowed, const uidset *force, const uidset *silent,
                                 bool with_uid, bool *nothing);
/* The mailbox is no longer there, or another one is in its place: the session must end. */
bool sync_closed(ll_session *s);
/* What sync_begin has begun also tells the mod-sequence of every silent message, changed or not: RFC 7162
 * section 3.1.3. */
void sync_all_modseqs(ll_session *s);
/* Begin to tell what a client missed that was away (RFC 7162 section 3.2.5): UIDs that have vanished, and messages of
 * the snapshot whose flags and mod-sequences it needs. Takes over both sets (NULL: none), also on failure. Then
 * sync_step. LL_ENOMEM. */
LL_MUST_USE ll_status sync_begin_earlier(ll_session *s, uidset *vanished, uidset *changed);
/* LL_OK: all written, the snapshot has moved; LL_MORE: output is full, call again; LL_LATER: the connector is asked for
 * mod-sequences, or for messages that a context looks at, call again when it has answered; LL_ENOMEM. */
LL_MUST_USE ll_status sync_step(ll_session *s);
void sync_drop(ll_session *s);
/* Write "FLAGS (\Seen ...)" of one message as this client knows it, \Recent included (RFC 3501 section 7.4.2). */
void sync_write_flags(ll_session *s, uint32_t uid);

#endif
