/* thread.h - which messages of a vault belong together: THREADID of RFC 8474.
 * SPDX-License-Identifier: MIT
 *
 * A message joins the thread of a message that it names (References, In-Reply-To), that has the same Message-ID or
 * names it or the same ones, if both have the same base subject (RFC 5256 section 2.1): so a new subject is a new
 * thread, and an unrelated mail is not drawn in by a subject alone (the rule of RFC 8621 section 3). Decided once, when
 * the message comes, and never changed: two threads that a late message would join stay two. */
#ifndef STORE_THREAD_H
#define STORE_THREAD_H

#include "store/db.h"

enum {
    thread_names_max = 64, /* Message-IDs taken of one message: of a longer References the first and the last ones */
    thread_subject_max = 65536 /* bytes of a base subject: more is cut off */
};

/* Give a new message (its row is there) its thread. facts: its saved MIME index; empty: a thread of its own.
 * LL_ENOMEM or as db.h. */
LL_MUST_USE ll_status thread_assign(db *d, int64_t message, ll_span facts);
/* A message of this thread has been deleted: without any left, its names are forgotten. */
LL_MUST_USE ll_status thread_release(db *d, int64_t thread);

#endif
