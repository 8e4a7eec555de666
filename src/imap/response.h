/* response.h - writing what replies are made of, by the grammar of RFC 3501 section 9. All append.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_RESPONSE_H
#define IMAP_RESPONSE_H

#include "base/text.h"
#include "letterlock.h"

/* Printable ASCII only (and what is quoted must fit a line): may be said as a quoted string. */
bool response_is_quotable(ll_span bytes);
/* Always "..." with '"' and '\' escaped; only for what is quotable. */
void response_quoted(text *out, ll_span bytes);
/* string: quoted if it can be, else a literal. NUL, which no literal may hold, becomes '?'. */
void response_string(text *out, ll_span bytes);
/* The same; utf8: UTF-8 may stand in the quoted string (RFC 6855 section 3, RFC 9051 section 4.3). */
void response_string_as(text *out, ll_span bytes, bool utf8);
void response_nstring_as(text *out, ll_span bytes, bool utf8);
/* nstring: NIL if data is NULL. */
void response_nstring(text *out, ll_span bytes);
/* Write an nstring if it needs nothing but quotes, as nearly all do, where there is room for response_plain_spare bytes
 * more than it has. Returns its end; NULL: it needs more (or `to` is NULL). */
enum { response_plain_spare = 3 };
char *response_put_plain(char *to, ll_span bytes);
/* A mailbox name (UTF-8) as the client reads it: modified UTF-7, quoted. */
void response_mailbox(text *out, ll_span name);
/* "(\Seen \Recent $Label1)". */
void response_flags(text *out, const ll_view *view, const ll_flags *flags, bool recent);
/* All flags that the mailbox has, for FLAGS; with_star: and "\*" if there is room for more, for PERMANENTFLAGS. */
void response_flags_known(text *out, const ll_view *view, bool with_star);

#endif
