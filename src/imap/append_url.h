/* append_url.h - the URLs of CATENATE (RFC 4469): a message, or a part of one, of the same account.
 * SPDX-License-Identifier: MIT
 *
 * Only what RFC 4469 section 3 asks for: relative URLs that begin with '/'
 * (RFC 5092 section 11: "/" enc-mailbox [";UIDVALIDITY=" n] "/;UID=" n ["/;SECTION=" enc-section]
 * ["/;PARTIAL=" first ["." count]]). The '/' before ";UID", ";SECTION" and ";PARTIAL" may be missing, as in the RFC's
 * own example 4. */
#ifndef IMAP_APPEND_URL_H
#define IMAP_APPEND_URL_H

#include "imap/section.h"

typedef struct append_url {
    ll_span mailbox;      /* as connectors know it */
    uint32_t uidvalidity; /* 0: not given */
    uint32_t uid;
    section section;
    uint64_t offset, length; /* PARTIAL, of the section; length UINT64_MAX: to the end, as without one */
} append_url;

/* LL_OK; LL_ENOTFOUND: not such a URL; LL_ENOMEM, LL_ELIMIT. What it holds lives in `memory`. */
LL_MUST_USE ll_status append_url_parse(append_url *out, ll_span url, const ll_limits *limits, arena *memory);

#endif
