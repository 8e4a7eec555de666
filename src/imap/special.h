/* special.h - the special-use attributes of RFC 6154 section 2 (and \Important of RFC 8457): their names and bits.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_SPECIAL_H
#define IMAP_SPECIAL_H

#include "base/text.h"

/* LL_MAILBOX_x of "\Sent" and so on, without case; 0: none such. */
unsigned special_attribute(ll_span flag);
/* Append the names of all mailbox attributes that a LIST reply shows, each with a space before it but the first;
 * `first` as in and out. */
void special_add_names(text *out, unsigned attributes, bool *first);

#endif
