/* utf.h - UTF-8: validity, folding for comparison, normalisation. The only place that knows utf8proc.
 * SPDX-License-Identifier: MIT */
#ifndef BASE_UTF_H
#define BASE_UTF_H

#include "base/text.h"

/* All of it is UTF-8 in the sense of RFC 3629: shortest forms, no surrogates, nothing above U+10FFFF. */
bool utf_valid(ll_span bytes);
/* Size of the longest valid beginning; *partial (may be NULL): what follows is the beginning of a character that is cut
 * off. */
size_t utf_valid_size(ll_span bytes, bool *partial);
/* Bytes begin with an invalid piece (what utf_valid_size stopped at): its size, 1 to 3. */
size_t utf_invalid_size(ll_span bytes);
/* Append bytes; each maximal invalid piece (as in Unicode 3.9, "best practice") becomes one U+FFFD. */
void utf_add_valid(text *out, ll_span bytes);
/* Append one code point; U+FFFD for what is none. */
void utf_add_point(text *out, uint32_t point);

/* Append the form in which texts are compared for SEARCH: full case folding and compatibility decomposition, close to
 * i;unicode-casemap (RFC 5051), so that "STRASSE" finds "stra\u00dfe", "I" the dotless i, and wide letters find narrow
 * ones. A text contains another as SEARCH means it if its folded form contains the other's. Invalid bytes fold as
 * U+FFFD. ASCII runs at memory speed. */
void utf_fold(text *out, ll_span utf8);
/* Append the form by which texts are ordered: titlecase and compatibility decomposition, i;unicode-casemap (RFC 5051),
 * which RFC 5256 wants of SORT and THREAD. As there, the sharp s stays what it is. Beyond it, marks are put in
 * canonical order and Hangul is decomposed. Invalid bytes are U+FFFD. */
void utf_title(text *out, ll_span utf8);
/* Append the composed form (NFC) for names. LL_OK, LL_ESYNTAX (not UTF-8: nothing appended), LL_ENOMEM. */
LL_MUST_USE ll_status utf_nfc(text *out, ll_span utf8);

#endif
