/* notify_news.h - comparing two surveys of an account, and saying what a client wants to hear of the difference (RFC
 * 5465 section 5). For notify.c only. SPDX-License-Identifier: MIT */
#ifndef IMAP_NOTIFY_NEWS_H
#define IMAP_NOTIFY_NEWS_H

#include "imap/notify.h"

/* How far it is: {0} at its beginning. */
typedef struct notify_news {
    size_t at, gone;
} notify_news;

/* Order by key, once. */
void notify_sort(notify_account *a);
/* STATUS of every mailbox whose messages are watched, but the selected one. LL_OK; LL_MORE: output is full, call
 * again. */
LL_MUST_USE ll_status notify_say_all(ll_session *s, const notify_wish *wish, const notify_account *a,
                                     notify_news *news);
/* The news. Answers as above. */
LL_MUST_USE ll_status notify_say_news(ll_session *s, const notify_wish *wish, const notify_account *before,
                                      const notify_account *after, notify_news *news);

#endif
