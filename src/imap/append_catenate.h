/* append_catenate.h - one URL of CATENATE (RFC 4469) on its way into the message being appended.
 * SPDX-License-Identifier: MIT
 *
 * The mailbox is opened for reading beside the selected one (s->other_mailbox) and stays open for the next URL of the
 * same command; bytes go from `read` to `append_data` in pieces. Works in steps as a command does. */
#ifndef IMAP_APPEND_CATENATE_H
#define IMAP_APPEND_CATENATE_H

#include "imap/append_url.h"
#include "imap/message.h"

enum { catenate_header_max = 4 << 20 }; /* one header from which a section takes fields: as FETCH allows */

typedef struct catenate {
    ll_session *s;
    command *c;
    append_url url;
    ll_span written;
    ll_span open_name; /* of s->other_mailbox */
    int phase;
    message m;
    text index; /* of m */
    uint64_t offset, left;
    text header;
    /* Gets the bytes; its error ends the URL. */
    ll_status (*sink)(ll_session *s, command *c, ll_span bytes);
} catenate;

void catenate_init(catenate *k, ll_session *s, command *c, ll_status (*sink)(ll_session *s, command *c, ll_span bytes));
/* Forget the URL under way, if there is one. Not while a question is under way, except when the session goes. */
void catenate_fini(catenate *k);
/* Begin with this URL, which must live as long as the command. */
void catenate_begin(catenate *k, ll_span url);
/* Go on. LL_OK: all its bytes went to the sink; LL_LATER; LL_ENOTFOUND: there is no such thing, c->code says BADURL;
 * the sink's or the connector's error. */
LL_MUST_USE ll_status catenate_step(catenate *k);

#endif
