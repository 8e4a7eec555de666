/* thread_id.h - the Message-IDs in a header field, as THREAD=REFERENCES compares them.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_THREAD_ID_H
#define IMAP_THREAD_ID_H

#include "base/text.h"

enum { thread_id_max = 998 /* bytes of one Message-ID: a line (RFC 5322 section 2.1.1); a longer one is none */ };

/* Take the next valid msg-id (RFC 5322 section 3.6.4) out of *rest into *id: without brackets and quoting (RFC 5256
 * section 3, REFERENCES). False: there is none. */
bool thread_id_next(ll_span *rest, text *id);

#endif
