/* regex_literal.h - what every match of a regular expression (base/regex.h) has in it, for an index of words.
 * SPDX-License-Identifier: MIT
 *
 * A rough reading of the pattern that errs on one side: where it is not sure of what it reads, it says nothing. */
#ifndef BASE_REGEX_LITERAL_H
#define BASE_REGEX_LITERAL_H

#include "base/text.h"

enum { regex_literal_min = 3 /* bytes: shorter ones are in most texts */ };

/* Append the longest run of ASCII characters that stands in every text in which the pattern is found, folded
 * (utf_fold), if the text is folded too; nothing if there is none of regex_literal_min bytes. */
void regex_literal(ll_span pattern, text *out);

#endif
