/* set.h - sequence sets and SEARCH keys as a client writes them, worked out over a viewer's messages one by one.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MODEL_SET_H
#define TESTS_MODEL_SET_H

#include "world.h"

/* Is this number in the set? max: what "*" is. "$" is not for here. */
bool set_has(const char *set, uint32_t number, uint32_t max);
/* A number in it is not there: RFC 9051 section 9, seq-number "error if the number does not exist". */
bool set_beyond(const char *set, uint32_t count);
/* The UIDs of the viewer's messages that the set names. false: it names numbers that do not exist. */
bool set_resolve(const viewer *v, const char *set, bool uid, uint32_t *uids, size_t *count);
/* The UIDs that match; numbers that are not there match nothing. keys have '_' between them. frame: what numbers and
 * "$" mean; NULL: as the viewer is now. */
void search_run(const viewer *v, const char *keys, const followed *frame, uint32_t *uids, size_t *count);

/* The keys name message numbers. */
bool search_numbers(const char *keys);

#endif
