/* regex.c - see regex.h
 * SPDX-License-Identifier: MIT */
#include "base/regex.h"

#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <time.h>

struct regex {
    pcre2_code *code;
};

void regex_budget_init(regex_budget *budget)
{
    *budget = (regex_budget){.left_ns = (int64_t)regex_budget_ms * 1000000};
}

/* --- memory --- */

static void *take_from_arena(size_t size, void *memory)
{
    return arena_new(memory, size);
}

static void leave_in_arena(void *block, void *memory)
{
    (void)block;
    (void)memory;
}

static void *take(size_t size, void *allocator)
{
    return memory_resize(allocator, NULL, size);
}

static void give(void *block, void *allocator)
{
    memory_free(allocator, block);
}

/* --- compiling --- */

static const char *explain(arena *memory, int error, size_t offset)
{
    enum { room = 300 };
    PCRE2_UCHAR message[200];
    char *why = arena_new(memory, room);
    if (pcre2_get_error_message(error, message, sizeof message) < 0)
        message[0] = 0;
    if (why)
        snprintf(why, room, "The pattern is wrong at its byte %zu: %s", offset, (const char *)message);
    return why;
}

static ll_status compile(regex *r, arena *memory, ll_span pattern, const char **why)
{
    const uint32_t options =
        PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_general_context *general = pcre2_general_context_create(take_from_arena, leave_in_arena, memory);
    pcre2_compile_context *context = general ? pcre2_compile_context_create(general) : NULL;
    if (!context)
        return arena_status(memory);
    pcre2_set_parens_nest_limit(context, regex_nesting_max);
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);
    r->code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.size, options, &error, &offset, context);
    if (r->code)
        return LL_OK;
    if (arena_status(memory))
        return arena_status(memory);
    *why = explain(memory, error, offset);
    return *why ? LL_EUNSUPPORTED : arena_status(memory);
}

ll_status regex_new(regex **out, arena *memory, ll_span pattern, const char **why)
{
    *out = NULL;
    *why = NULL;
    if (pattern.size > regex_pattern_max) {
        *why = "The pattern is too long";
        return LL_EUNSUPPORTED;
    }
    regex *r = arena_new(memory, sizeof *r);
    ll_status status = r ? compile(r, memory, pattern, why) : arena_status(memory);
    if (!status)
        *out = r;
    return status;
}

/* --- matching --- */

typedef struct run {
    unsigned steps;
    int64_t ends_ns; /* the thread's clock */
} run;

static int64_t thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Before each item of the pattern that is tried. */
static int count_step(pcre2_callout_block *block, void *context)
{
    run *now = context;
    (void)block;
    if (++now->steps > regex_steps_max)
        return PCRE2_ERROR_MATCHLIMIT;
    return now->steps % regex_clock_steps == 0 && thread_ns() > now->ends_ns ? PCRE2_ERROR_MATCHLIMIT : 0;
}

static int match(const regex *r, pcre2_general_context *general, ll_span utf8, size_t from, unsigned flags, run *now)
{
    int result = PCRE2_ERROR_NOMEMORY;
    pcre2_match_context *context = pcre2_match_context_create(general);
    pcre2_match_data *data = pcre2_match_data_create(1, general);
    if (context && data) {
        pcre2_set_match_limit(context, regex_steps_max);
        pcre2_set_depth_limit(context, regex_depth_max);
        pcre2_set_heap_limit(context, regex_heap_kib);
        pcre2_set_callout(context, count_step, now);
        result = pcre2_match(r->code, (PCRE2_SPTR)utf8.data, utf8.size, from, flags & REGEX_GOES_ON ? PCRE2_NOTEOL : 0,
                             data, context);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return result;
}

static ll_status result_of(int result, regex_budget *budget, bool *found)
{
    *found = result >= 0;
    if (result == PCRE2_ERROR_NOMEMORY)
        return LL_ENOMEM;
    if (result >= 0 || result == PCRE2_ERROR_NOMATCH ||
        (result <= PCRE2_ERROR_UTF8_ERR1 && result >= PCRE2_ERROR_UTF8_ERR21))
        return LL_OK;
    budget->spent = true; /* a limit; whatever else it may be would come again */
    return LL_ELIMIT;
}

ll_status regex_find(const regex *r, const ll_allocator *allocator, ll_span utf8, size_t from, unsigned flags,
                     regex_budget *budget, bool *found)
{
    const int64_t most = (int64_t)regex_find_ms * 1000000;
    *found = false;
    if (budget->spent || budget->left_ns <= 0) {
        budget->spent = true;
        return LL_ELIMIT;
    }
    void *context = (void *)(uintptr_t)allocator; /* PCRE2 hands it back */
    pcre2_general_context *general = pcre2_general_context_create(take, give, context);
    if (!general)
        return LL_ENOMEM;
    int64_t began = thread_ns();
    run now = {.ends_ns = began + (budget->left_ns < most ? budget->left_ns : most)};
    if (!utf8.data)
        utf8 = SPAN("");
    int result = match(r, general, utf8, from, flags, &now);
    pcre2_general_context_free(general);
    int64_t used = thread_ns() - began;
    budget->left_ns -= used;
    budget->used_ns += used;
    return result_of(result, budget, found);
}
