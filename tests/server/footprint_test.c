/* footprint_test.c - what is free goes back to the system, locked or not.
 * SPDX-License-Identifier: MIT */
#include "server/footprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 16384, BLOCK = 4000 }; /* 64 MB */

static long resident_mb(void)
{
    long all, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_non_null(statm);
    assert_int_equal(fscanf(statm, "%ld %ld", &all, &resident), 2);
    fclose(statm);
    return resident / 256;
}

/* Sanitizers have allocators of their own, of which mallinfo2 knows nothing. */
static bool is_the_c_library(void)
{
    size_t before = mallinfo2().uordblks;
    void *volatile block = malloc(BLOCK);
    size_t after = mallinfo2().uordblks;
    free(block);
    return after >= before + BLOCK;
}

static void gives_back(void **state)
{
    static void *blocks[BLOCKS + 1];
    (void)state;
    if (!is_the_c_library())
        skip();
    footprint f;
    (void)!footprint_init(&f);
    assert_false(footprint_due(&f, FOOTPRINT_LOOK_MS)); /* nothing is free */
    for (size_t i = 0; i <= BLOCKS; i++) {
        blocks[i] = malloc(BLOCK);
        assert_non_null(blocks[i]);
        memset(blocks[i], 1, BLOCK);
    }
    long before = resident_mb();
    for (size_t i = 0; i < BLOCKS; i++)
        free(blocks[i]); /* the last stays: the heap cannot simply become shorter */
    assert_false(footprint_due(&f, FOOTPRINT_LOOK_MS + 1));
    bool due = footprint_due(&f, 2 * FOOTPRINT_LOOK_MS);
    if (due) {
        assert_false(footprint_due(&f, 3 * FOOTPRINT_LOOK_MS)); /* one is under way */
        bool locked = f.locked;
        assert_true(footprint_trim(&f));
        assert_int_equal(f.locked, locked);
        assert_true(resident_mb() < before - 50);
        assert_false(footprint_due(&f, 4 * FOOTPRINT_LOOK_MS));
    }
    free(blocks[BLOCKS]);
    if (!due)
        skip(); /* a system with swap */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
