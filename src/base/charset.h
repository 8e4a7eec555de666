/* charset.h - any charset to UTF-8, through the C library's iconv.
 * SPDX-License-Identifier: MIT
 *
 * The result is always valid UTF-8: what the charset does not have becomes U+FFFD. us-ascii is read as UTF-8, of which
 * it is a part (mail that says us-ascii and is not is mostly UTF-8); utf-8, us-ascii, iso-8859-1 and utf-7 need no
 * iconv. Names are compared without case; the aliases that mail uses and iconv does not know are in a table.
 *
 * iconv loads its tables from files when a charset is first used: a process that gives up the file system must call
 * charset_known for the charsets it wants first. */
#ifndef BASE_CHARSET_H
#define BASE_CHARSET_H

#include "base/text.h"

enum { charset_name_max = 64 }; /* IANA's longest name has 45 characters */

/* There is such a charset. */
bool charset_known(ll_span name);
/* Convert all of it, appending to out. LL_OK; LL_ECHARSET (nothing appended); LL_ENOMEM. The text's own status is
 * separate. */
LL_MUST_USE ll_status charset_to_utf8(ll_span name, ll_span bytes, text *out);

/* A converter for bytes that come in pieces. */
typedef struct charset_reader charset_reader;
LL_MUST_USE ll_status charset_new(charset_reader **out, const ll_allocator *allocator, ll_span name);
void charset_push(charset_reader *converter, ll_span bytes, text *out);
/* The end: what is left of a character that was cut off becomes U+FFFD. Then it may start again. */
void charset_finish(charset_reader *converter, text *out);
void charset_del(charset_reader **converter); /* NULL is fine */

#endif
