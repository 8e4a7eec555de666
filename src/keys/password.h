/* password.h - passwords: made by us, judged, and prepared for derivation.
 * SPDX-License-Identifier: MIT */
#ifndef KEYS_PASSWORD_H
#define KEYS_PASSWORD_H

#include "base/text.h"
#include "keys/keys.h"

enum {
    PASSWORD_GENERATED = 24, /* characters of a generated password: 24 * log2(55) = 138 bits */
    PASSWORD_MAX = 1024,     /* bytes of any password: above what managers make, little for a stranger to have hashed */
    PASSWORD_PREPARED_MAX = 3 * PASSWORD_MAX, /* NFC makes UTF-8 at most three times as long (Unicode annex 15) */
    PASSWORD_CHOSEN_MIN = 10, /* characters of a chosen one: Argon2id guards the file, login limits the door */
    PASSWORD_VOUCHED_MIN = 22 /* characters to pass as generated: 22 * log2(62) = 131 bits if random */
};

/* Valid UTF-8 without control characters (below space, DEL, U+0080 to U+009F)? */
bool password_is_text(ll_span bytes);

/* A new password of PASSWORD_GENERATED characters and a NUL: letters and digits without look-alikes (0 O o, 1 l I i),
 * every character unbiased, at least 128 bits. Always passes password_is_generated_like. The caller wipes it. */
void password_generate(char out[PASSWORD_GENERATED + 1]);

/* May this password, which the caller vouches to be random, have a slot without a slow KDF? Printable ASCII, at least
 * PASSWORD_VOUCHED_MIN characters, two classes of lower/upper/digit/other, 10 different characters, no short repeated
 * pattern, no run such as abcdef. It cannot prove randomness, only refuse what is plainly not. *reason (may be NULL) is
 * a static sentence. */
bool password_is_generated_like(ll_span password, const char **reason);
/* May it be a chosen password (Argon2id slot)? Valid UTF-8, no control characters, PASSWORD_CHOSEN_MIN code points to
 * PASSWORD_MAX bytes, more than four different characters. */
bool password_is_acceptable(ll_span password, const char **reason);

/* The form that is hashed, appended to `out` (wipe it): printable ASCII stays as it is, other text must be UTF-8
 * without control characters and is put into NFC (the part of SASLprep, RFC 4013, that matters in practice). LL_EAUTH:
 * cannot be anybody's password (empty, too long, not UTF-8, controls). LL_ENOMEM. */
LL_MUST_USE ll_status password_prepare(ll_span password, text *out);

#endif
