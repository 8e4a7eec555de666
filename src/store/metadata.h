/* metadata.h - rows of the table metadata: entries of mailboxes and of the account (RFC 5464).
 * SPDX-License-Identifier: MIT
 *
 * The entry /private/specialuse (RFC 6154 section 4) has no row: it is the mailbox's attributes in words. */
#ifndef STORE_METADATA_H
#define STORE_METADATA_H

#include "store/mailbox.h"

/* Entries of one mailbox, or of the account: RFC 5464 asks for ten, and no client was seen to use more than that. */
#define METADATA_ENTRIES_MAX 100
/* Names and values of a vault together: they are read as a whole by LIST (RFC 9590), and no quota counts them. */
#define METADATA_BYTES_MAX (4 << 20)

/* Each entry goes to one(ctx, entry, version) by name; its error ends it. m NULL: of the account. */
typedef ll_status metadata_one(void *ctx, const ll_metadata *metadata, uint64_t version);
LL_MUST_USE ll_status metadata_read(db *d, const mailbox_row *m, metadata_one *one, void *ctx);
/* Set, or remove where value.data is NULL. m NULL: of the account. One job's work. LL_ELIMIT; LL_EDENIED: special uses
 * that this mailbox cannot have. */
LL_MUST_USE ll_status metadata_set(writer *w, const mailbox_row *m, const ll_metadata *entries, size_t count);
/* All entries of a mailbox go. */
LL_MUST_USE ll_status metadata_clear(db *d, int64_t mailbox);
/* And are also those of another, which has none (RFC 5464 section 4.1: INBOX renamed). */
LL_MUST_USE ll_status metadata_copy(db *d, int64_t from, int64_t to);

#endif
