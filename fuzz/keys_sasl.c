/* keys_sasl.c - fuzz target: what a client says in a SASL exchange.
 * SPDX-License-Identifier: MIT
 *
 * First byte: mechanism, whether an initial response is sent, who the user is. The rest: messages, separated by "\n\n".
 */
#include "keys/sasl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ll_span next_message(ll_span *rest)
{
    for (size_t i = 0; i + 1 < rest->size; i++)
        if (rest->data[i] == '\n' && rest->data[i + 1] == '\n') {
            ll_span message = span_first(*rest, i);
            *rest = span_from(*rest, i + 2);
            return message;
        }
    ll_span message = *rest;
    *rest = span_from(*rest, rest->size);
    return message;
}

static sasl_answer host(sasl *s, unsigned how)
{
    static const uint8_t id[KEYS_ID], key[KEYS_KEY];
    static const slot slots[2] = {{.kind = SLOT_CHOSEN}, {.kind = SLOT_GENERATED}};
    const slot_salts salts = {.scram_iterations = SLOT_SCRAM_ITERATIONS};
    if (sasl_password(s).data)
        return sasl_give_login(s, how & 1 ? LL_OK : LL_EAUTH, key, 0);
    return how & 1 ? sasl_give_slots(s, id, &salts, slots, 2) : sasl_give_nobody(s, key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sasl *s;
    if (size == 0 || keys_init())
        return 0;
    unsigned how = data[0];
    const sasl_config config = {
        .tls_exporter = how & 32 ? SPAN("exporter") : SPAN(""), .plus_offered = how & 16, .server_nonce = SPAN("XYZ")};
    ll_span rest = span_of((const char *)data + 1, size - 1);
    if (sasl_new(&s, (sasl_mechanism)(how & 3), &config))
        abort();
    sasl_answer answer = sasl_start(s, how & 4 ? next_message(&rest) : span_of(NULL, 0));
    while (answer == SASL_NEED_USER || (answer == SASL_CHALLENGE && rest.size))
        answer = answer == SASL_NEED_USER ? host(s, how >> 3) : sasl_response(s, next_message(&rest));
    if ((answer == SASL_DONE) != (sasl_key(s) != NULL) || (answer == SASL_NO) != (sasl_status(s) != LL_OK))
        abort();
    sasl_del(&s);
    return 0;
}
