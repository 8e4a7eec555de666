/* message_limit.h - the ceilings on the messages of one command, RFC 9738: MESSAGELIMIT and SAVELIMIT.
 * SPDX-License-Identifier: MIT
 *
 * A command that names more than limits.message_limit is carried out for the newest of them, and its reply has
 * [MESSAGELIMIT n uid]: the lowest UID that was reached; the client goes on with those below. That is FETCH (then from
 * the highest UID down), STORE, MOVE, UID EXPUNGE, and SEARCH where it must look into messages (sets and flags cost
 * nothing). What would be worth nothing in part (COPY, APPEND, SORT, THREAD, a PARTIAL wider than the limit) is refused
 * whole. EXPUNGE, CLOSE and STATUS have no limit.
 *
 * limits.save_limit is for COPY and APPEND alone. SAVELIMIT is said beside MESSAGELIMIT, so that a client that knows
 * only one of them knows what holds for it: the smaller of the two numbers. */
#ifndef IMAP_MESSAGE_LIMIT_H
#define IMAP_MESSAGE_LIMIT_H

#include "imap/session.h"

/* Leave no more than the limit in the set, the highest, and note in the command that the reply is to say so. True: some
 * were left out. */
bool message_limit_cut(const ll_session *s, command *c, uidset *uids);
/* For COPY: LL_ELIMIT with code and text if there are more; LL_OK; LL_ENOMEM. */
LL_MUST_USE ll_status message_limit_copy(const ll_session *s, command *c, const uidset *uids);
/* The same for so many messages of one APPEND. */
LL_MUST_USE ll_status message_limit_append(const ll_session *s, command *c, uint64_t count);
/* The same for a command that needs all of so many messages. */
LL_MUST_USE ll_status message_limit_whole(const ll_session *s, command *c, uint64_t count);
/* The response code of a command that was cut, in its memory; NULL: it was not, or no memory. */
const char *message_limit_code(const ll_session *s, command *c);
/* Append the capabilities. */
void message_limit_capabilities(const ll_session *s, text *out);

#endif
