/* word.h - encoded words in header fields, RFC 2047, with the language of RFC 2231 section 5.
 * SPDX-License-Identifier: MIT */
#ifndef MIME_WORD_H
#define MIME_WORD_H

#include "base/text.h"

/* Append the value in UTF-8, unfolded. White space between encoded words goes (RFC 2047 section 6.2); a character cut
 * over two words of the same charset is joined; a word that is malformed or of an unknown charset stays as it is. Other
 * bytes that are not UTF-8 become U+FFFD. NUL, CR and LF of the value are left out. Linear time. */
void mime_word_decode(ll_span value, text *out);

#endif
