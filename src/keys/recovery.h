/* recovery.h - the recovery code: 160 random bits on paper.
 * SPDX-License-Identifier: MIT
 *
 * Nine groups of four characters from 0-9 A-Z without I L O U (Crockford's base32): 32 characters of code, then 4 that
 * check them, so that a slip of the pen is told from a wrong code. The check is a digest of the code itself: nothing is
 * stored for it. */
#ifndef KEYS_RECOVERY_H
#define KEYS_RECOVERY_H

#include "base/span.h"
#include "keys/keys.h"

enum { RECOVERY_CODE = 20, RECOVERY_TEXT = 44 };

void recovery_make(uint8_t code[RECOVERY_CODE]);
/* With a NUL. The caller wipes it. */
void recovery_print(const uint8_t code[RECOVERY_CODE], char out[RECOVERY_TEXT + 1]);
/* Forgiving: either case, spaces, dashes, tabs and line ends anywhere, O for 0, I and L for 1. LL_ESYNTAX: not a code,
 * or the check fails. */
LL_MUST_USE ll_status recovery_parse(ll_span typed, uint8_t code[RECOVERY_CODE]);

#endif
