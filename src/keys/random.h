/* random.h - random bytes, and ids made of them.
 * SPDX-License-Identifier: MIT
 *
 * From the kernel (getrandom) through libsodium, safe across fork; never fails after keys_init. */
#ifndef KEYS_RANDOM_H
#define KEYS_RANDOM_H

#include "keys/keys.h"

enum { RANDOM_HEX = 2 * KEYS_ID };

void random_bytes(void *out, size_t size);

/* A host's own source, for one vault. It must not fail, may be asked on any thread. */
typedef struct random_source {
    void (*fill)(void *context, void *bytes, size_t size);
    void *context;
} random_source;
/* From the source, or from the kernel if it is NULL or has no `fill`. */
void random_take(const random_source *source, void *out, size_t size);
/* Unbiased, below `limit` (1 or more). */
uint32_t random_below(uint32_t limit);
/* A 128-bit id: of an alias, a slot, a message. */
void random_id(uint8_t id[KEYS_ID]);
/* Lower-case hex with a NUL, and back: exactly 32 hex digits of either case, else false. */
void random_id_hex(const uint8_t id[KEYS_ID], char hex[RANDOM_HEX + 1]);
bool random_id_parse(ll_span hex, uint8_t id[KEYS_ID]);

#endif
