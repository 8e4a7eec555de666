/* message_limit.h - the ceilings on the messages of one command, RFC 9738: MESSAGELIMIT and SAVELIMIT.
 * SPDX-License-Identifier: MIT
 *
 * A command that names more than limits.message_limit is carried out for the newest of them, and its reply ends with
 * [MESSAGELIMIT n uid]: the lowest UID that was reached; the client goes on with those below. That is FETCH, STORE,
 * UID EXPUNGE, and SEARCH where it must look into messages (sets and flags cost nothing). COPY and MOVE are all or
 * nothing and are refused with [MESSAGELIMIT n]. */
#ifndef IMAP_MESSAGE_LIMIT_H
#define IMAP_MESSAGE_LIMIT_H

#include "imap/session.h"

/* Leave no more than the limit in the set, the highest, and note in the command that the reply is to say so. True: some
 * were left out. */
bool message_limit_cut(const ll_session *s, command *c, uidset *uids);
/* LL_ELIMIT with code and text if there are more; LL_OK; LL_ENOMEM. */
LL_MUST_USE ll_status message_limit_check(const ll_session *s, command *c, const uidset *uids);
/* The same for what SEARCH RETURN (SAVE) would keep, and limits.save_limit; then nothing is kept. */
LL_MUST_USE ll_status message_limit_save(ll_session *s, command *c, uidset **found);
/* The response code of a command that was cut, in its memory; NULL: it was not, or no memory. */
const char *message_limit_code(const ll_session *s, command *c);
/* Append the capabilities. */
void message_limit_capabilities(const ll_session *s, text *out);

#endif
