/* call.h - inside an ll_call: one question to a connector with room for its answer. For the imap room and for tests of
 * connectors. SPDX-License-Identifier: MIT
 *
 * A command has one call at a time and uses it again and again. Whoever makes a call gives it a function that is run by
 * ll_call_done. When the session goes away first, call_orphan leaves it behind with all it must still clean up; if
 * there are several (appends.h), the last of them to be done ends the connector. */
#ifndef IMAP_CALL_H
#define IMAP_CALL_H

#include "base/arena.h"
#include "base/text.h"
#include "base/uidset.h"
#include "letterlock.h"

typedef struct call_placed {
    uint32_t uidvalidity, source, uid;
} call_placed;

typedef struct call_entry {
    ll_span name;
    uint64_t version;
} call_entry;

typedef struct call_survey {
    ll_survey one;
    size_t entries_at, entries_count; /* in survey_entries */
} call_survey;

/* Of one term of a search; NULL: none. Who takes one sets it to NULL. */
typedef struct call_found {
    uidset *certain, *possible;
} call_found;

/* Memory of the connector that an answer points to. */
typedef struct call_loan {
    void (*give_back)(void *context); /* NULL: none */
    void *context;
} call_loan;

/* Give it back, if there is one. */
void call_loan_end(call_loan *loan);

struct ll_call {
    const ll_allocator *allocator;
    void (*done)(ll_call *call, void *context); /* NULL: orphan */
    void *context;
    bool pending; /* LL_LATER was returned and ll_call_done has not come */
    ll_status status;

    /* The answer; reset by call_begin. Spans in it live in the arena. */
    arena memory;
    ll_span text; /* human text, empty if none */
    ll_mailbox_info *mailboxes;
    size_t mailboxes_count, mailboxes_room;
    ll_mailbox_status numbers;
    void *mailbox; /* opened; whoever takes it sets it to NULL */
    ll_view *view;
    bool readonly;
    ll_row *rows;
    size_t rows_count, rows_room, rows_content; /* bytes of content that were copied */
    bool rows_more;
    text bytes;
    ll_span lent_bytes; /* data is NULL: they are in `bytes` */
    call_loan loan;     /* whoever takes it sets it to {NULL} */
    void *upload;       /* whoever takes it sets it to NULL */
    call_placed *placed;
    size_t placed_count, placed_room;
    ll_span mailbox_id; /* data is NULL if none was given */
    ll_quota *quotas;
    size_t quotas_count, quotas_room;
    ll_metadata *metadata;
    size_t metadata_count, metadata_room;

    call_survey *surveys;
    size_t surveys_count, surveys_room;
    call_entry *survey_entries;
    size_t survey_entries_count, survey_entries_room;
    uidset *changed, *vanished, *refused; /* NULL: none; who takes one sets it to NULL */
    call_found *found;                    /* by number of term; those beyond found_count: nothing was found */
    size_t found_count, found_room;

    /* What an orphan still cleans up. */
    struct ll_call *orphan_next; /* a ring */
    const ll_connector *connector;
    void *self;
    void *close_mailbox, *close_other; /* in one of the ring */
    void **abort_uploads;
    size_t abort_uploads_count;
    arena arguments; /* memory that the method was given */
};

/* LL_ENOMEM. */
LL_MUST_USE ll_status call_new(ll_call **out, const ll_allocator *allocator, void (*done)(ll_call *call, void *context),
                               void *context);
/* Not while pending: use call_orphan. */
void call_del(ll_call **call);
/* Forget the last answer. Returns the call, to be given to a method. */
ll_call *call_begin(ll_call *call);
/* The session goes away while the call is pending. When ll_call_done comes: closes whatever the answer opened, aborts
 * the uploads, frees everything. Takes over `uploads` (an array from the allocator, or NULL) and the arena's blocks.
 * *orphans (at first NULL) gathers all that the session leaves behind. */
void call_orphan(ll_call **call, ll_call **orphans, void **uploads, size_t uploads_count, arena *arguments);
/* After the last of them: when all are done, `close_mailbox` and `close_other` (if any) are closed and the connector is
 * ended. */
void call_orphans_leave(ll_call *orphans, const ll_connector *connector, void *self, void *close_mailbox,
                        void *close_other);

/* What `read` has answered, wherever it is. */
static inline ll_span call_read(const ll_call *call)
{
    return call->lent_bytes.data ? call->lent_bytes : text_span(&call->bytes);
}

enum {
    call_memory_max = 64 << 20,  /* rows of one fetch batch with their indexes: batches are far smaller */
    call_bytes_max = 4 << 20,    /* one read: the engine asks for 256 KiB at a time */
    call_mailboxes_max = 100000, /* mailboxes of one account: more than any peer was seen to hold */
    call_rows_max = 65536,       /* rows of one batch */
    call_quotas_max = 16,        /* resources: RFC 9208 names four */
    call_entries_max = 200000,   /* entries of metadata in a survey of the whole account, names only */
    call_terms_max = 65536,      /* of one search: far above ll_limits.search_keys */
    call_metadata_max = 10000,   /* entries of one mailbox: a hundred times what our own store allows */
    call_placed_max = 4000000    /* messages of one COPY: the largest mailbox foreseen, thrice */
};

#endif
