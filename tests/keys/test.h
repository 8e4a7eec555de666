/* test.h - what every test of this room begins with.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_KEYS_TEST_H
#define TESTS_KEYS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keys/keys.h"

static inline int test_keys_init(void **state)
{
    (void)state;
    return keys_init();
}

static inline ll_span test_bytes(const uint8_t *data, size_t size)
{
    return (ll_span){(const char *)data, size};
}

static inline void assert_span(ll_span got, const char *want)
{
    if (got.size != strlen(want) || (got.size && memcmp(got.data, want, got.size) != 0))
        fail_msg("got \"%.*s\", want \"%s\"", (int)got.size, got.data ? got.data : "", want);
}

/* From hex without spaces. */
static inline size_t test_hex(const char *hex, uint8_t *out)
{
    size_t size = strlen(hex) / 2;
    for (size_t i = 0; i < size; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], 0};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return size;
}

#define TEST_MAIN(tests) cmocka_run_group_tests(tests, test_keys_init, NULL)

#endif
