/* entry.h - messages in mailboxes: rows of entry, held and vanished.
 * SPDX-License-Identifier: MIT
 *
 * What changes entries keeps the mailbox's counters (mailbox.h) and records the change for its view; the caller saves
 * the mailbox. Every expunged message goes to `held` first, so that sessions that have not been told may go on reading;
 * purge.h frees it. */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "store/mailbox.h"

#define ENTRY_SYSTEM_FLAGS 0x1fu /* bits LL_FLAG_SEEN to LL_FLAG_DRAFT */
/* There is no Date field. */
#define ENTRY_SENT_NONE     (-1000000)
#define ENTRY_KEYWORD_BYTES ((LL_KEYWORDS_MAX + 7) / 8)

typedef struct entry {
    int64_t message; /* its reference goes over to the entry */
    ll_flags flags;  /* keyword numbers of the mailbox it goes to */
    int64_t internaldate;
    uint64_t size;
    int64_t sent; /* days since 1970 of the Date field as written, or ENTRY_SENT_NONE */
    bool sent_known;
} entry;

/* Of facts (a saved MIME index). */
void entry_set_sent(entry *e, ll_span facts);
/* Of the facts of e->message. */
LL_MUST_USE ll_status entry_load_sent(db *d, entry *e);

/* The columns flags and keywords as a set. LL_ECORRUPT: too many bits. */
LL_MUST_USE ll_status entry_flags_unpack(unsigned flags, ll_span keywords, ll_flags *out);
/* And back: the keywords' bytes, possibly none. */
ll_span entry_keywords_pack(const ll_flags *flags, uint8_t buffer[ENTRY_KEYWORD_BYTES]);

/* Append to the mailbox. LL_ELIMIT: UIDs are used up. */
LL_MUST_USE ll_status entry_add(writer *w, mailbox_row *m, const entry *e, uint32_t *uid);
/* Where UIDs go that are found; its error ends the search. */
typedef ll_status entry_found(ll_call *call, ll_range uids);
/* Messages whose flags are as wanted already are not changed (and keep their mod-sequence). Those changed after
 * unchanged_since stay as they are and go to `refused`; UINT64_MAX: there are none. */
LL_MUST_USE ll_status entry_store(writer *w, mailbox_row *m, const ll_range *ranges, size_t count, ll_flags_op op,
                                  const ll_flags *flags, uint64_t unchanged_since, entry_found *refused, ll_call *call);
/* only_deleted: those that have \Deleted; else all of them. */
LL_MUST_USE ll_status entry_expunge(writer *w, mailbox_row *m, const ll_range *ranges, size_t count, bool only_deleted);
/* Copy with flags, keywords and internal date. `to` may be the same struct as `from`. held: also messages that were
 * expunged and some session may still see. Each goes to placed(ctx, source UID, new UID), whose error ends it. */
typedef ll_status entry_placed(void *ctx, uint32_t source, uint32_t uid);
LL_MUST_USE ll_status entry_copy(writer *w, mailbox_row *from, mailbox_row *to, const ll_range *ranges, size_t count,
                                 bool held, entry_placed *placed, void *ctx);

/* LL_ENOTFOUND: no such message, or it is only held. */
LL_MUST_USE ll_status entry_is_there(db *d, int64_t mailbox, uint32_t uid);
/* The message of a UID, also if it is held. LL_ENOTFOUND. */
LL_MUST_USE ll_status entry_message(db *d, int64_t mailbox, uint32_t uid, int64_t *message);
LL_MUST_USE ll_status entry_message_size(db *d, int64_t mailbox, uint32_t uid, int64_t *message, uint64_t *size);
/* Rows for FETCH, held ones too, in UID order; in a read transaction of the caller. want: LL_WANT_x; content is left to
 * the receiver, who learns the message and, if the index or the header is wanted, its saved index. LL_MORE from the
 * receiver: it did not take this one, nor does it want others. */
typedef ll_status entry_row(void *ctx, const ll_row *row, int64_t message, ll_span facts, ll_span extract);
LL_MUST_USE ll_status entry_rows(db *d, int64_t mailbox, const ll_range *ranges, size_t count, size_t limit,
                                 unsigned want, entry_row *row, void *ctx);

/* What has come or changed in a mailbox after this mod-sequence and is still there, and what has gone after it. */
LL_MUST_USE ll_status entry_changes(db *d, int64_t mailbox, uint64_t since, entry_found *changed, entry_found *vanished,
                                    ll_call *call);

#endif
