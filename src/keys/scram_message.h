/* scram_message.h - what a SCRAM client says (RFC 5802 section 7), taken apart.
 * SPDX-License-Identifier: MIT
 *
 * Spans point into the message. Every function answers false to what the grammar does not allow. */
#ifndef KEYS_SCRAM_MESSAGE_H
#define KEYS_SCRAM_MESSAGE_H

#include "base/text.h"

typedef struct scram_first {
    char flag;       /* gs2-cbind-flag: 'p' uses channel binding, 'y' would if we could, 'n' cannot */
    ll_span binding; /* cb-name with 'p', otherwise empty */
    ll_span header;  /* gs2-header, with its last comma */
    ll_span authzid; /* a saslname still escaped; empty if there is none */
    ll_span bare;    /* client-first-message-bare */
    ll_span user;    /* a saslname still escaped */
    ll_span nonce;   /* c-nonce */
} scram_first;

typedef struct scram_last {
    ll_span binding;       /* c=, base64 */
    ll_span nonce;         /* r= */
    ll_span proof;         /* p=, base64 */
    ll_span without_proof; /* client-final-message-without-proof */
} scram_last;

bool scram_first_parse(ll_span message, scram_first *out);
bool scram_last_parse(ll_span message, scram_last *out);
/* Undo =2C and =3D into *out. False also if the name is not text (password_is_text). A text that fails is told by
 * text_status. */
bool scram_name_decode(ll_span escaped, text *out);

#endif
