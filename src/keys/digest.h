/* digest.h - a strong hash of content that comes in pieces: BLAKE2b with 32 bytes of output.
 * SPDX-License-Identifier: MIT
 *
 * Nothing here can fail and nothing allocates. One thread at a time per digest. */
#ifndef KEYS_DIGEST_H
#define KEYS_DIGEST_H

#include "base/span.h"

#include <stdalign.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32 };

typedef struct digest {
    alignas(64) unsigned char state[384];
} digest;

void digest_init(digest *d);
void digest_add(digest *d, ll_span bytes);
/* And wipes it. */
void digest_take(digest *d, uint8_t out[DIGEST_SIZE]);

#endif
