/* sample.h - the mail of the load generator: no two messages alike, the same ones in every run.
 * SPDX-License-Identifier: MIT
 *
 * Sizes as in ordinary mail: half of it under 5 KB, a sixteenth over 40 KB, 10 KB on average; a quarter has an
 * attachment in base64. "quicksilvery" is in every tenth, "xylophonist" in every hundredth and "zephyrously" in every
 * thousandth message, and nowhere else. */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stddef.h>

enum { sample_max = 64 * 1024 }; /* every message fits */

/* Message `number` into `to`, which has room for sample_max. Lines end with CRLF, none begins with a dot. Returns its
 * size. */
size_t sample_make(unsigned long number, char *to);

#endif
