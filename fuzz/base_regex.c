/* base_regex.c - any bytes as a regular expression and a text: it ends, and what it finds does not depend on chance.
 * SPDX-License-Identifier: MIT
 *
 * The pattern ends at the first NUL. */
#include "base/regex.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_span text = span_of((const char *)data, size), pattern = span_cut(&text, 0);
    arena memory;
    regex *r;
    const char *why;
    regex_budget budget;
    bool found;
    arena_init(&memory, NULL, 32 << 20);
    regex_budget_init(&budget);
    ll_status status = regex_new(&r, &memory, pattern, &why);
    assert((status == LL_EUNSUPPORTED) == (why != NULL));
    if (!status) {
        status = regex_find(r, NULL, text, 0, 0, &budget, &found);
        assert(status == LL_OK || status == LL_ELIMIT);
        assert((status == LL_ELIMIT) == budget.spent);
        if (!found && text.size)
            status = regex_find(r, NULL, text, 1, REGEX_GOES_ON, &budget, &found);
    }
    arena_fini(&memory);
    return 0;
}
