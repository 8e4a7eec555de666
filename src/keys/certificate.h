/* certificate.h - a self-signed certificate for the first start, and facts about any.
 * SPDX-License-Identifier: MIT */
#ifndef KEYS_CERTIFICATE_H
#define KEYS_CERTIFICATE_H

#include "base/text.h"
#include "keys/keys.h"

enum {
    CERTIFICATE_PEM_MAX = 262144, /* a file with its chain: four certificates are about 8 KB */
    CERTIFICATE_NAMES_MAX = 65536 /* bytes of all names in one: Let's Encrypt allows 100 names */
};

typedef struct certificate_facts {
    int64_t not_before, not_after; /* seconds since 1970 */
    bool self_signed;              /* issuer and subject are the same */
    text names; /* DNS names and IP addresses, each followed by '\n'; the common name if there are none */
} certificate_facts;

/* A new ECDSA P-256 key and its certificate for `host` (a DNS name, or an IP address), as PEM appended to the two
 * texts; valid from an hour ago for `days`. key_pem holds a secret: text_wipe it. LL_EINVAL (host or days);
 * LL_ENOMEM. */
LL_MUST_USE ll_status certificate_make(ll_span host, unsigned days, int64_t now, text *key_pem, text *certificate_pem);
/* The first certificate in the PEM text. Fini the facts in any case. LL_ESYNTAX; LL_ELIMIT; LL_ENOMEM. */
LL_MUST_USE ll_status certificate_read(ll_span pem, certificate_facts *facts);
void certificate_facts_fini(certificate_facts *facts);
/* Does a name cover this host? `*.example.org` covers one label, RFC 6125 section 6.4.3. */
bool certificate_covers(const certificate_facts *facts, ll_span host);
/* Is the private key (PEM) that of the first certificate? LL_OK; LL_EINVAL: another's; LL_ESYNTAX: does not parse. */
LL_MUST_USE ll_status certificate_fits(ll_span certificate_pem, ll_span key_pem);

#endif
