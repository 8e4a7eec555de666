/* random.c - see random.h
 * SPDX-License-Identifier: MIT */
#include "keys/random.h"

#include <sodium.h>

void random_bytes(void *out, size_t size)
{
    if (size)
        randombytes_buf(out, size);
}

void random_take(const random_source *source, void *out, size_t size)
{
    if (source && source->fill)
        source->fill(source->context, out, size);
    else
        random_bytes(out, size);
}

uint32_t random_below(uint32_t limit)
{
    return randombytes_uniform(limit);
}

void random_id(uint8_t id[KEYS_ID])
{
    random_bytes(id, KEYS_ID);
}

void random_id_hex(const uint8_t id[KEYS_ID], char hex[RANDOM_HEX + 1])
{
    sodium_bin2hex(hex, RANDOM_HEX + 1, id, KEYS_ID);
}

bool random_id_parse(ll_span hex, uint8_t id[KEYS_ID])
{
    size_t size = 0;
    return hex.size == RANDOM_HEX && sodium_hex2bin(id, KEYS_ID, hex.data, hex.size, NULL, &size, NULL) == 0 &&
           size == KEYS_ID;
}
