/* base_regex.c - any bytes as a regular expression and a text: it ends, and what it finds does not depend on chance.
 * SPDX-License-Identifier: MIT
 *
 * The pattern ends at the first NUL. */
#include "base/regex.h"
#include "base/regex_literal.h"
#include "base/utf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is found has what every match has. */
static void check_literal(ll_span pattern, ll_span utf8)
{
    text literal, folded;
    text_init(&literal, NULL, regex_pattern_max);
    text_init(&folded, NULL, 1 << 20);
    regex_literal(pattern, &literal);
    utf_fold(&folded, utf8);
    assert(text_status(&folded) || !literal.size || memmem(folded.data, folded.size, literal.data, literal.size));
    text_fini(&literal);
    text_fini(&folded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_span utf8 = span_of((const char *)data, size), pattern = span_cut(&utf8, 0);
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
        status = regex_find(r, NULL, utf8, 0, 0, &budget, &found);
        assert(status == LL_OK || status == LL_ELIMIT);
        assert((status == LL_ELIMIT) == budget.spent);
        if (found)
            check_literal(pattern, utf8);
        if (!found && utf8.size)
            status = regex_find(r, NULL, utf8, 1, REGEX_GOES_ON, &budget, &found);
    }
    arena_fini(&memory);
    return 0;
}
