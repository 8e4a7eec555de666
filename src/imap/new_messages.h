/* new_messages.h - the FETCH replies of messages that have come, which the client has asked for in advance: NOTIFY's
 * MessageNew (RFC 5465 section 5.2) and RETURN (UPDATE (...)) (section 7).
 * SPDX-License-Identifier: MIT
 *
 * It lies in the memory of the command under way, as the connector works on it. Nothing of it sets \Seen: the client
 * has not asked now. */
#ifndef IMAP_NEW_MESSAGES_H
#define IMAP_NEW_MESSAGES_H

#include "imap/parse_fetch.h"
#include "imap/rows.h"
#include "imap/write_message.h"

typedef struct new_messages {
    rows rows;
    write_message writer;
    size_t at;
    bool writing;
} new_messages;

/* What a client asks of messages to come: "(" fetch-att *(SP fetch-att) ")", no macro. The lexer's memory must last as
 * long as *out. As fetch_items_parse. */
LL_MUST_USE ll_status new_messages_parse(const ll_session *s, fetch_items *out, lexer *in, bool uid);
/* Begin with the UIDs of the set (taken over, also on failure), which the client must know. memory: of the items, which
 * get MODSEQ if the client is to have it in every FETCH. LL_ENOMEM: nothing has begun. */
LL_MUST_USE ll_status new_messages_init(new_messages *f, ll_session *s, uidset *set, fetch_items *items, arena *memory);
/* LL_OK: all is said that can be read; LL_LATER, LL_MORE: call again; LL_ECLOSED: s->broken; LL_ENOMEM. */
LL_MUST_USE ll_status new_messages_step(new_messages *f);
void new_messages_fini(new_messages *f);

#endif
