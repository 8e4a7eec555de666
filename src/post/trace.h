/* trace.h - the lines that we put on top of a message: Return-Path and Received (RFC 5321 section 4.4). Nothing else is
 * changed. SPDX-License-Identifier: MIT */
#ifndef POST_TRACE_H
#define POST_TRACE_H

#include "base/text.h"
#include "wire/smtp_path.h"

typedef struct trace {
    const smtp_path *from;
    const smtp_path
        *to; /* the only recipient, or NULL: then no "for" (RFC 5321 section 7.6: it would tell one of the others) */
    ll_span helo; /* as the client said it */
    ll_span peer; /* address text of the client, or "unix" */
    ll_span host; /* our name */
    ll_span id;   /* session and transaction, for finding it in the log */
    bool extended, lmtp, secure, utf8;
    int64_t now; /* seconds since 1970 */
} trace;

/* Append both fields, each folded and ending with CRLF. */
void trace_write(const trace *t, text *out);

#endif
