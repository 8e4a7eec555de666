/* recent.h - which messages are \Recent for nobody any more, written to the file.
 * SPDX-License-Identifier: MIT
 *
 * Claims are made in memory (opened.h). They ride along with the next commit, whatever it is for; a crash before it
 * makes some messages recent once more, which RFC 3501 section 2.3.2 allows. */
#ifndef STORE_RECENT_H
#define STORE_RECENT_H

#include "letterlock.h"

struct vault;
struct writer;

/* In the transaction under way. */
LL_MUST_USE ll_status recent_write(struct writer *w);
/* Have a transaction of its own for it, as no other may come. */
void recent_save(struct vault *v);

#endif
