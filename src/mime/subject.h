/* subject.h - the base subject of RFC 5256 section 2.1: what is left of a subject without "Re:", "[list]", "(fwd)".
 * SPDX-License-Identifier: MIT */
#ifndef MIME_SUBJECT_H
#define MIME_SUBJECT_H

#include "base/text.h"

/* Append the base subject of a header field's value (unfolded or not, encoded words are decoded), in UTF-8, not folded
 * for comparison. *reply (may be NULL): something was removed that marks a reply or a forward (RFC 5256 section 3,
 * REFERENCES). Linear time. The text's status tells of LL_ENOMEM and LL_ELIMIT. */
void mime_subject_base(ll_span value, text *out, bool *reply);

#endif
