/* regex.h - a regular expression (PCRE2) that somebody else wrote, over text, in bounded time and memory.
 * SPDX-License-Identifier: MIT
 *
 * The only place that knows PCRE2. Patterns are UTF-8; case does not matter unless the pattern says (?-i); ^ and $
 * match at the lines of the text, whose ends are CR, LF or CRLF, and \A and \z at the whole; . does not match a line's
 * end unless the pattern says (?s); \w, \d and the like know all of Unicode; \C does not exist.
 *
 * Backtracking makes some patterns, such as (a+)+$, take a time that doubles with each byte of text. PCRE2's own match
 * limit counts anew at each byte of the text, so it does not bound a match; here every item of the pattern that is
 * tried counts as a step (PCRE2_AUTO_CALLOUT), and the thread's clock is looked at every few of them. */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H

#include "base/arena.h"

enum {
    regex_pattern_max = 1024, /* bytes of a pattern: people write under 100 */
    regex_nesting_max = 50,   /* parentheses within each other */
    regex_steps_max =
        1000000,         /* of one regex_find: 15 for each byte of search_text's window; good patterns take 1 to 3 */
    regex_find_ms = 100, /* of one regex_find: what other sessions of the thread have to wait */
    regex_budget_ms = 10000,  /* of one budget: some gigabytes of text with good patterns */
    regex_heap_kib = 16384,   /* for backtracking, while a match runs */
    regex_depth_max = 100000, /* of backtracking points: a repeated group over a window needs one for each byte */
    regex_clock_steps = 64,   /* between two looks at the clock: each may scan a window, in some 50 us */
};

typedef struct regex regex;

/* Time of the thread for all that one command does with patterns. */
typedef struct regex_budget {
    int64_t left_ns;
    int64_t used_ns; /* since whoever looks at it has set it to 0 */
    bool spent;      /* a match was given up */
} regex_budget;

void regex_budget_init(regex_budget *budget);

/* Compile. Lives in the arena and needs no end. LL_OK; LL_EUNSUPPORTED: it is no pattern, or one that is too large:
 * *why says it in ASCII, with the offset, without its text; LL_ELIMIT (the arena), LL_ENOMEM. */
LL_MUST_USE ll_status regex_new(regex **out, arena *memory, ll_span pattern, const char **why);

enum {
    REGEX_GOES_ON = 1u << 0 /* the text does not end at its end: no $ there */
};

/* Does it match somewhere in the text at `from` or behind? What is before `from` is seen by lookbehind and \A alone.
 * Text that is not UTF-8 does not match. LL_OK: *found; LL_ELIMIT: given up, budget->spent is set; LL_ENOMEM. */
LL_MUST_USE ll_status regex_find(const regex *r, const ll_allocator *allocator, ll_span utf8, size_t from,
                                 unsigned flags, regex_budget *budget, bool *found);

#endif
