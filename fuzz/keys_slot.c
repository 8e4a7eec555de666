/* keys_slot.c - fuzz target: slots and salts as a damaged directory gives them back; recovery codes as people type
 * them. SPDX-License-Identifier: MIT */
#include "keys/slot.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t alias[KEYS_ID], secret[KEYS_KEY];
    uint8_t blob[SLOT_SAVED_MAX], salts_blob[SLOT_SALTS_SAVED], key[KEYS_KEY], code[RECOVERY_CODE];
    char text[RECOVERY_TEXT + 1];
    ll_span span = span_of((const char *)data, size);
    slot got;
    slot_salts salts;
    if (keys_init())
        return 0;
    if (slot_load(span, &got) == LL_OK) {
        if (slot_save(&got, blob) != size || memcmp(blob, data, size) != 0)
            abort();
        if (slot_unwrap_client_key(&got, alias, secret, key) == LL_OK)
            abort();
    }
    if (slot_salts_load(span, &salts) == LL_OK) {
        slot_salts_save(&salts, salts_blob);
        if (memcmp(salts_blob, data, size) != 0)
            abort();
    }
    if (recovery_parse(span, code) == LL_OK) {
        recovery_print(code, text);
        if (recovery_parse(span_str(text), code))
            abort();
    }
    return 0;
}
