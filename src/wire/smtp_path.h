/* smtp_path.h - the addresses and parameters of MAIL and RCPT, RFC 5321 section 4.1.2, RFC 6531 section 3.3.
 * SPDX-License-Identifier: MIT
 *
 * A path holds its own bytes, so it can be copied with `=` and outlives the line it was read from. It holds what the
 * address *means*: the local part without quotes and backslashes, the domain in ASCII lower case. Source routes are
 * read and forgotten (RFC 5321 appendix C). Two paths that mean the same have the same canonical form, except for the
 * case of the local part, which only its host may judge. No function here keeps anything; any thread may call them. */
#ifndef WIRE_SMTP_PATH_H
#define WIRE_SMTP_PATH_H

#include "base/text.h"

enum {
    SMTP_LOCAL_MIN_MAX = 64, /* RFC 5321 section 4.5.3.1.1: a local part that everybody must accept */
    SMTP_LOCAL_MAX = 253,    /* the longest that fits a path of 256: "<" local "@" domain of one letter ">" */
    SMTP_DOMAIN_MAX = 255,   /* RFC 5321 section 4.5.3.1.2 */
    SMTP_PATH_MAX = 256,     /* RFC 5321 section 4.5.3.1.3: with the punctuation, without a source route */
    SMTP_LABEL_MAX = 63      /* RFC 1035 section 2.3.4 */
};

typedef struct smtp_path {
    bool null;       /* <>: the sender of bounces; local and domain are empty */
    bool postmaster; /* <postmaster> without domain, RFC 5321 section 4.1.1.3: local as given, domain empty */
    bool literal;    /* the domain is an address literal, with its brackets */
    bool utf8;       /* there are bytes above 127: only with SMTPUTF8 */
    uint16_t local_size, domain_size;
    char local_bytes[SMTP_LOCAL_MAX + 1];
    char domain_bytes[SMTP_DOMAIN_MAX + 1];
} smtp_path;

static inline ll_span smtp_path_local(const smtp_path *path)
{
    return span_of(path->local_bytes, path->local_size);
}

/* ASCII letters are lower case; U-labels are as they came (valid UTF-8). */
static inline ll_span smtp_path_domain(const smtp_path *path)
{
    return span_of(path->domain_bytes, path->domain_size);
}

/* What smtp_path_parse may let pass beyond `<local@domain>` in ASCII. */
enum {
    SMTP_PATH_NULL = 1u << 0,       /* <> */
    SMTP_PATH_POSTMASTER = 1u << 1, /* <postmaster> */
    SMTP_PATH_UTF8 = 1u << 2        /* bytes above 127 that are valid UTF-8 */
};

/* Read a path in angle brackets from the beginning of `bytes`; *taken counts its bytes with brackets. local_max: the
 * longest local part, at most SMTP_LOCAL_MAX. LL_OK; LL_ESYNTAX; LL_ELIMIT: local part, domain or path too long;
 * LL_EUNSUPPORTED: UTF-8 without SMTP_PATH_UTF8. */
LL_MUST_USE ll_status smtp_path_parse(smtp_path *path, ll_span bytes, unsigned allow, size_t local_max, size_t *taken);
/* The same for an address without brackets, such as the recipient of a rule; all of `bytes` must be the address. */
LL_MUST_USE ll_status smtp_path_address(smtp_path *path, ll_span bytes, unsigned allow, size_t local_max);
/* Append the address without brackets: local@domain, the local part quoted if it must be (RFC 5321 Quoted-string).
 * Nothing for the null path. Parsing it again gives the same path. */
void smtp_path_text(const smtp_path *path, text *out);
bool smtp_path_equal(const smtp_path *a, const smtp_path *b); /* the local part with its case */

/* A domain name or, if literal_ok, an address literal: RFC 5321 Domain, address-literal; utf8_ok: RFC 6531 U-labels. */
bool smtp_domain_valid(ll_span domain, bool literal_ok, bool utf8_ok);

/* Take the next ESMTP parameter from *rest ("SP keyword[=value]", RFC 5321 section 4.1.1.11). value->data is NULL if
 * there was no "=". LL_OK; LL_ENOTFOUND: nothing but spaces is left; LL_ESYNTAX. */
LL_MUST_USE ll_status smtp_param_next(ll_span *rest, ll_span *keyword, ll_span *value);

#endif
