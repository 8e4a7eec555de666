/* param.h - values with parameters: Content-Type and Content-Disposition, RFC 2045 section 5.1, RFC 2183, RFC 2231.
 * SPDX-License-Identifier: MIT
 *
 * Two views of the same thing: the raw parameters as they stand (BODYSTRUCTURE wants "filename*0*" as it is), and the
 * decoded value of one of them in UTF-8, put together from its continuations. */
#ifndef MIME_PARAM_H
#define MIME_PARAM_H

#include "base/arena.h"
#include "base/text.h"

enum {
    mime_params_max = 128,        /* of one field: a 4 KB file name in RFC 2231 pieces takes 70; the rest drops */
    mime_param_bytes_max = 16384, /* the decoded value: four times the longest path name a system takes */
};

typedef ll_param mime_param; /* letterlock.h */

/* A value with parameters: "attachment; filename=x", "text/plain; charset=utf-8". */
typedef struct mime_value {
    ll_span type;    /* "text", "attachment"; empty when there is none or it is no token */
    ll_span subtype; /* "plain"; empty unless "type/subtype" was there */
    const mime_param *params;
    size_t params_count;
} mime_value;

/* Parse. Spans point into `value` or into `memory`. Never fails for syntax: what is not understood is left out.
 * LL_OK; else the arena's status. */
LL_MUST_USE ll_status mime_value_parse(arena *memory, ll_span value, mime_value *out);

/* The raw value of a parameter, the first of that name; data NULL if it is not there. */
ll_span mime_param_find(const mime_param *params, size_t count, ll_span name);

/* Append the parameter in UTF-8: RFC 2231 pieces joined and their charset decoded; or the plain value, in which encoded
 * words are decoded too (against RFC 2047 section 5, but that is how most mail names its attachments). Invalid bytes
 * become U+FFFD. false: no such parameter, nothing appended. Running out of memory is the text's sticky status. */
bool mime_param_decode(const mime_param *params, size_t count, ll_span name, text *out);

#endif
