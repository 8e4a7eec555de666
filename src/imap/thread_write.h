/* thread_write.h - the THREAD response, RFC 5256 section 4.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_THREAD_WRITE_H
#define IMAP_THREAD_WRITE_H

#include "imap/session.h"
#include "imap/thread_tree.h"

typedef struct thread_writer {
    bool begun;
    uint32_t at; /* the node to be written next; 0: all were */
} thread_writer;

/* "* THREAD (...)(...)" with its CRLF; zero to begin with. LL_OK; LL_MORE: output is full, call again. */
LL_MUST_USE ll_status thread_writer_step(thread_writer *w, ll_session *s, const thread_tree *t, bool uid);

#endif
