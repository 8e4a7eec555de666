/* fold.h - the folded form of base/utf.h of a text that comes in pieces.
 * SPDX-License-Identifier: MIT
 *
 * However a text was cut, the same folded pieces come out: what SEARCH compares and what the search index holds are
 * byte for byte the same, as both go through here. */
#ifndef MIME_FOLD_H
#define MIME_FOLD_H

#include "base/text.h"

enum {
    mime_fold_piece = 16384, /* bytes of text folded at a time */
    mime_fold_joined = 128,  /* held back for characters that are composed over a cut: 30 combining marks */
    mime_fold_growth = 18,   /* U+FDFA folds from 3 bytes to 33; no point grows more than 18 times in the worst table */
    mime_fold_max = mime_fold_growth * (mime_fold_piece + mime_fold_joined) /* appended by one call */
};

typedef struct mime_fold {
    text held; /* UTF-8 not folded yet: its last characters may belong together with the next ones */
} mime_fold;

void mime_fold_init(mime_fold *f, const ll_allocator *allocator);
void mime_fold_fini(mime_fold *f);
/* Take text from the front of *utf8 (valid UTF-8, of any size, cut between characters) and append at most one folded
 * piece, of whole characters. True: there may be more in *utf8. */
bool mime_fold_push(mime_fold *f, ll_span *utf8, text *out);
/* The end of the text: append the rest. What is pushed next is another text. */
void mime_fold_end(mime_fold *f, text *out);
/* LL_OK, or LL_ENOMEM: something is missing. */
ll_status mime_fold_status(const mime_fold *f);

#endif
