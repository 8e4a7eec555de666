/* sequence.h - sequence-set (RFC 3501 section 9): text to numbers, and to UIDs of a snapshot.
 * SPDX-License-Identifier: MIT */
#ifndef IMAP_SEQUENCE_H
#define IMAP_SEQUENCE_H

#include "base/arena.h"
#include "base/uidset.h"

struct snapshot;

/* Parse "2,4:7,9,12:*", or "$": what the last SEARCH saved (RFC 5182), whether of numbers or of UIDs. Ranges are kept
 * as written; '*' is 0. LL_ESYNTAX, LL_ELIMIT (more than ranges_max), LL_ENOMEM. */
typedef struct sequence {
    ll_range *ranges; /* first may be above last, 0 is '*' */
    size_t count;
    bool saved; /* "$" */
} sequence;
LL_MUST_USE ll_status sequence_parse(sequence *out, ll_span set, size_t ranges_max, arena *memory);

/* The UIDs of the snapshot that the set names, as a new set (each once, whatever overlaps). uid: the set holds UIDs;
 * then those that do not exist are passed over, and "1000:*" beyond the end names the last message (RFC 3501
 * section 6.4.8). "$" may be empty (RFC 5182 section 2.1). Otherwise numbers beyond the end are LL_EINVAL (BAD), as is
 * any number in an empty mailbox. */
LL_MUST_USE ll_status sequence_uids(const sequence *set, bool uid, const struct snapshot *snapshot, uidset **out);
/* The same as ranges of UIDs from `memory`, ascending, joined, some of them perhaps without members: as small as the
 * text of the set was, however large the mailbox. sequence_has and sequence_members (NULL: out of memory) understand
 * them. Errors as above. */
LL_MUST_USE ll_status sequence_resolve(const sequence *set, bool uid, const struct snapshot *snapshot, arena *memory,
                                       ll_range **ranges, size_t *count);
/* The same for SEARCH, where numbers beyond the end are no error but name nothing (RFC 7377 section 2). */
LL_MUST_USE ll_status sequence_matches(const sequence *set, bool uid, const struct snapshot *snapshot, arena *memory,
                                       ll_range **ranges, size_t *count);
bool sequence_has(const ll_range *ranges, size_t count, uint32_t uid);
uidset *sequence_members(const ll_range *ranges, size_t count, const struct snapshot *snapshot);
/* The set as an array of ranges from the arena, for a connector method; at most what the set holds. */
LL_MUST_USE ll_status sequence_ranges(const uidset *set, arena *memory, ll_range **ranges, size_t *count);

#endif
