/* letterlock.h - the public header of libletterlock, and its manual.
 * SPDX-License-Identifier: MIT
 *
 * libletterlock is an IMAP server engine without input or output of its own. The host gives it the bytes that a client
 * sent and takes the bytes to send back; mail comes from a *connector*, a struct of methods that the host supplies.
 * The engine parses, keeps each session's snapshot of its mailbox (RFC 3501 section 2.3.1.2), and answers.
 *
 * Threads. The library makes none and has no global state. One session belongs to one thread at a time; different
 * sessions may run on different threads. An ll_view is immutable once published and may be shared by all of them.
 *
 * Memory. Everything is taken from the allocator that the host passes, but for the bitmaps within views, which CRoaring
 * takes from malloc, and for vaults (section 6). Out of memory is LL_ENOMEM, with one exception that is not ours to
 * mend: CRoaring aborts if malloc has no room for one of its smallest blocks.
 *
 * A host's loop, in short:
 *
 *     ll_session_new(&s, &config);
 *     for (;;) {
 *         ll_span out = ll_session_output(s);            send it, then ll_session_sent(s, bytes_sent)
 *         unsigned wants = ll_session_wants(s);
 *         if (wants & LL_WANTS_CLOSE) break;             all was said and sent
 *         if (wants & LL_WANTS_INPUT) read some bytes, then ll_session_input(s, bytes, &taken)   keep what was not
 * taken
 *     }
 *     ll_session_del(&s);
 */
#ifndef LETTERLOCK_H
#define LETTERLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#pragma GCC visibility push(default) /* the library is built with everything else hidden */
#define LL_MUST_USE     __attribute__((warn_unused_result))
#define LL_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define LL_MUST_USE
#define LL_PRINTF(f, a)
#endif

/* ---------------------------------------------------------------------------------------------- 1. Bytes and status */

/* Borrowed bytes: never NUL-terminated, may hold any byte. Valid as long as its source says. */
typedef struct ll_span {
    const char *data;
    size_t size;
} ll_span;

/* One status for everything that can fail. 0 and above are ordinary answers, below 0 are errors.
 *
 * X(name, value, text for logs, IMAP response code of RFC 5530 or "", SMTP reply, SMTP enhanced code of RFC 3463, HTTP)
 */
#define LL_STATUS_TABLE(X)                                                                                             \
    X(LL_OK, 0, "done", "", 250, "2.0.0", 200)                                                                         \
    X(LL_MORE, 1, "more is needed", "", 250, "2.0.0", 200)                                                             \
    X(LL_LATER, 2, "will be answered later", "", 250, "2.0.0", 202)                                                    \
    X(LL_ENOMEM, -1, "out of memory", "SERVERBUG", 452, "4.3.1", 503)                                                  \
    X(LL_EINVAL, -2, "not valid here", "CLIENTBUG", 501, "5.5.4", 400)                                                 \
    X(LL_ESYNTAX, -3, "does not parse", "", 500, "5.5.2", 400)                                                         \
    X(LL_ENOTFOUND, -4, "does not exist", "NONEXISTENT", 550, "5.1.1", 404)                                            \
    X(LL_EEXISTS, -5, "exists already", "ALREADYEXISTS", 550, "5.3.0", 409)                                            \
    X(LL_ELIMIT, -6, "is over a limit", "LIMIT", 552, "5.3.4", 413)                                                    \
    X(LL_EQUOTA, -7, "is over quota", "OVERQUOTA", 552, "5.2.2", 507)                                                  \
    X(LL_EAUTH, -8, "authentication failed", "AUTHENTICATIONFAILED", 535, "5.7.8", 401)                                \
    X(LL_EDENIED, -9, "is not permitted", "NOPERM", 550, "5.7.1", 403)                                                 \
    X(LL_EREADONLY, -10, "is read-only", "NOPERM", 550, "5.7.1", 403)                                                  \
    X(LL_EIO, -11, "input or output failed", "UNAVAILABLE", 451, "4.3.0", 500)                                         \
    X(LL_EFULL, -12, "the disk is full", "UNAVAILABLE", 452, "4.3.1", 507)                                             \
    X(LL_ECORRUPT, -13, "is damaged", "CORRUPTION", 451, "4.3.0", 500)                                                 \
    X(LL_EBUSY, -14, "is in use", "INUSE", 451, "4.3.2", 409)                                                          \
    X(LL_ETIMEOUT, -15, "took too long", "UNAVAILABLE", 451, "4.4.2", 504)                                             \
    X(LL_ECLOSED, -16, "is closed", "UNAVAILABLE", 421, "4.3.2", 410)                                                  \
    X(LL_EUNSUPPORTED, -17, "is not supported", "CANNOT", 504, "5.5.4", 501)                                           \
    X(LL_EUNAVAILABLE, -18, "is not available at the moment", "UNAVAILABLE", 451, "4.3.0", 503)                        \
    X(LL_EVERSION, -19, "is of a newer version", "UNAVAILABLE", 451, "4.3.0", 409)                                     \
    X(LL_ETRYCREATE, -20, "does not exist yet", "TRYCREATE", 550, "5.1.1", 404)                                        \
    X(LL_ECHARSET, -21, "is a charset not supported", "BADCHARSET", 504, "5.5.4", 400)

typedef enum ll_status {
#define X(name, value, text, imap, smtp, enhanced, http) name = (value),
    LL_STATUS_TABLE(X)
#undef X
} ll_status;

/* Each status's row of the table. A value not in the table answers as LL_EIO. The strings live for ever. */
const char *ll_status_name(ll_status status);
const char *ll_status_text(ll_status status);
const char *ll_status_imap(ll_status status);
int ll_status_smtp(ll_status status);
const char *ll_status_enhanced(ll_status status);
int ll_status_http(ll_status status);

/* Memory. `resize(context, NULL, n)` allocates, `resize(context, p, 0)` frees and returns NULL; NULL for n > 0 means
 * out of memory and leaves p as it was. Must be thread-safe if sessions run on several threads. */
typedef struct ll_allocator {
    void *(*resize)(void *context, void *memory, size_t size);
    void *context;
} ll_allocator;

/* ------------------------------------------------------------------------------------------------------- 2. Limits */

/* Every ceiling of the engine, with the reason for its default. X(field, default, reason) */
#define LL_LIMITS_TABLE(X)                                                                                             \
    X(line_bytes, 65536,                                                                                               \
      "one command line without literals: RFC 7162 asks for 8,192, UID sets of clients reach 60,000")                  \
    X(literal_bytes, 52428800, "one APPEND literal: the default message size of 50 MB")                                \
    X(command_bytes, 1048576, "all of one command held in memory: line and small literals together")                   \
    X(small_literal_bytes, 65536, "one literal that is not a message: names, search text, passwords")                  \
    X(prelogin_bytes, 65536, "everything a stranger may send before login")                                            \
    X(prelogin_command_bytes, 8192, "one command before login; a SCRAM or PLAIN response fits many times")             \
    X(depth, 32, "nested parentheses, and how often AND, OR and NOT take turns in a SEARCH: clients use under 10")     \
    X(prelogin_depth, 2, "nested parentheses before login: only ID has a list")                                        \
    X(bad_commands, 20, "consecutive BAD answers before BYE; one that cannot speak IMAP is not a client")              \
    X(prelogin_bad_commands, 5, "the same before login")                                                               \
    X(auth_attempts, 3, "failed logins on one connection")                                                             \
    X(output_bytes, 262144, "output waiting for the client before commands pause")                                     \
    X(set_ranges, 32768, "ranges in one sequence set: fits the longest line")                                          \
    X(fetch_items, 256, "items in one FETCH")                                                                          \
    X(search_keys, 4096, "keys in one SEARCH")                                                                         \
    X(append_messages, 100, "messages in one APPEND: uploaders send 10 to 50; they wait in spools, one file each")     \
    X(keywords_per_message, 64, "flags in one STORE or APPEND")                                                        \
    X(mailbox_name_bytes, 1000, "a mailbox name in UTF-8: fits any client's, and a directory of them stays small")     \
    X(mailbox_depth, 50, "levels of hierarchy in a name")                                                              \
    X(idle_timeout_ms, 1860000, "silence after login: RFC 3501 section 5.4 asks for at least 30 minutes")              \
    X(prelogin_timeout_ms, 60000, "silence before login")                                                              \
    X(metadata_value_bytes, 32768, "one value of metadata: RFC 5464 asks for 1,024; a signature with a picture fits")  \
    X(metadata_entries, 100, "entries in one GETMETADATA or SETMETADATA: clients use under 10")                        \
    X(catenate_parts, 1000, "parts of one CATENATE: a message of 10 attachments has 30")                               \
    X(message_limit, 10000000,                                                                                         \
      "messages of one command (RFC 9738), 0: any number: ten times the largest mailbox that was measured, so that "   \
      "no "                                                                                                            \
      "client meets it; hosts with less patience set less")                                                            \
    X(save_limit, 0,                                                                                                   \
      "messages of one COPY or APPEND (RFC 9738), where that is less than message_limit; 0: no limit of its own")

typedef struct ll_limits {
    uint32_t size; /* sizeof(ll_limits) of the caller */
#define X(field, value, reason) uint64_t field;
    LL_LIMITS_TABLE(X)
#undef X
} ll_limits;

/* Fill in the defaults of the table above. */
void ll_limits_init(ll_limits *limits);

/* ------------------------------------------------------------------------------------------ 3. Flags, ranges, views */

/* A set of flags of one mailbox. Bits 0 to 4 are the system flags of RFC 3501 section 2.3.2, bit LL_FLAG_KEYWORD + n is
 * keyword number n of the mailbox (ll_view_keyword). A keyword's number never changes while its mailbox exists. */
enum {
    LL_FLAG_SEEN = 0,
    LL_FLAG_ANSWERED = 1,
    LL_FLAG_FLAGGED = 2,
    LL_FLAG_DELETED = 3,
    LL_FLAG_DRAFT = 4,
    LL_FLAG_KEYWORD = 5,
    LL_FLAGS_MAX = 256, /* so at most 251 keywords a mailbox: more is a client that misuses them; a view stays small */
    LL_KEYWORDS_MAX = LL_FLAGS_MAX - LL_FLAG_KEYWORD
};

typedef struct ll_flags {
    uint64_t bits[LL_FLAGS_MAX / 64];
} ll_flags;

static inline bool ll_flags_has(const ll_flags *flags, unsigned n)
{
    return (flags->bits[n / 64] >> (n % 64)) & 1u;
}

static inline void ll_flags_add(ll_flags *flags, unsigned n)
{
    flags->bits[n / 64] |= (uint64_t)1 << (n % 64);
}

static inline void ll_flags_drop(ll_flags *flags, unsigned n)
{
    flags->bits[n / 64] &= ~((uint64_t)1 << (n % 64));
}

static inline bool ll_flags_equal(const ll_flags *a, const ll_flags *b)
{
    for (unsigned i = 0; i < LL_FLAGS_MAX / 64; i++)
        if (a->bits[i] != b->bits[i])
            return false;
    return true;
}

typedef enum ll_flags_op { LL_FLAGS_REPLACE = 0, LL_FLAGS_ADD = 1, LL_FLAGS_REMOVE = 2 } ll_flags_op;

/* UIDs first..last, both included, first <= last, neither 0. Arrays of ranges are ascending and do not overlap. */
typedef struct ll_range {
    uint32_t first, last;
} ll_range;

/* A view is one version of a mailbox: which UIDs it has, which flags each has, and the mod-sequence of that version. It
 * is immutable once sealed, counted by reference (atomically), and shared by every session that sees that version;
 * sessions compute what changed by comparing two views. Consecutive versions share the sets that did not change.
 *
 * Making a version: ll_view_new (empty mailbox) or ll_view_edit (from the last version), then add, remove and flags,
 * then ll_view_seal, then publish. A view being edited belongs to one thread. All editing calls return LL_OK or
 * LL_ENOMEM unless said otherwise. */
typedef struct ll_view ll_view;

LL_MUST_USE ll_status ll_view_new(ll_view **out, const ll_allocator *allocator, uint32_t uidvalidity);
LL_MUST_USE ll_status ll_view_edit(ll_view **out, const ll_view *last);
/* LL_EEXISTS: the UID is there already. */
LL_MUST_USE ll_status ll_view_add(ll_view *view, uint32_t uid, const ll_flags *flags);
/* Add UIDs first..last at once, all with the same flags; for loading a mailbox. None of them may be there already. */
LL_MUST_USE ll_status ll_view_add_range(ll_view *view, ll_range range, const ll_flags *flags);
/* UIDs that are not there are passed over. */
LL_MUST_USE ll_status ll_view_remove(ll_view *view, ll_range range);
LL_MUST_USE ll_status ll_view_flags_change(ll_view *view, ll_range range, ll_flags_op op, const ll_flags *flags);
/* Give the next keyword number to this name (RFC 3501 flag-keyword, compared without case). *number is the old one if
 * the name is known. LL_ELIMIT: the mailbox has LL_KEYWORDS_MAX keywords. */
LL_MUST_USE ll_status ll_view_keyword_add(ll_view *view, ll_span name, unsigned *number);
/* Finish this version: uidnext and modseq are the mailbox's at this version. */
void ll_view_seal(ll_view *view, uint32_t uidnext, uint64_t modseq);
/* A view as bytes, to be kept by who makes it: so many, and write them. */
size_t ll_view_saved_size(const ll_view *view);
void ll_view_save(const ll_view *view, void *to);
/* Bring saved bytes into a new view of the same UIDVALIDITY to which the keywords were added; *modseq: of the version
 * that was saved. Then edit it further, or seal it. LL_ECORRUPT: damaged, of another UIDVALIDITY, or with a flag that
 * the view does not have; LL_ENOMEM; in both cases the view can only be dropped. Not for bytes that others may have
 * written. */
LL_MUST_USE ll_status ll_view_load(ll_view *view, ll_span saved, uint64_t *modseq);
ll_view *ll_view_ref(ll_view *view);
/* Drop the caller's reference and set *view to NULL. NULL is fine. */
void ll_view_unref(ll_view **view);

uint32_t ll_view_count(const ll_view *view);
uint32_t ll_view_uidvalidity(const ll_view *view);
uint32_t ll_view_uidnext(const ll_view *view);
uint64_t ll_view_modseq(const ll_view *view);
bool ll_view_has(const ll_view *view, uint32_t uid);
/* Messages without \Seen. */
uint32_t ll_view_unseen(const ll_view *view);
/* Messages with flag n. */
uint32_t ll_view_flagged(const ll_view *view, unsigned n);
/* All flags of one message; false if the UID is not there. */
bool ll_view_flags(const ll_view *view, uint32_t uid, ll_flags *flags);
unsigned ll_view_keywords(const ll_view *view);
/* The name of keyword n as it was first given; valid as long as the view. */
ll_span ll_view_keyword(const ll_view *view, unsigned n);
/* Keyword number of a name, compared without case; -1 if the mailbox has none such. */
int ll_view_keyword_find(const ll_view *view, ll_span name);

/* ---------------------------------------------------------------------------------------------------- 4. Connector */

/* One question that a session has put to its connector. A method either answers at once (gives its results through the
 * ll_call_* functions below and returns LL_OK or an error) or returns LL_LATER and calls ll_call_done once, later.
 * Until then the call's memory belongs to the connector, which may fill in results from any one thread; ll_call_done
 * itself must be called on the session's thread. If the session goes away meanwhile the call lives on until
 * ll_call_done, which then only frees it. What a method is given (names, ranges) stays valid until the call is done.
 *
 * A method must not call any ll_session_* function. */
typedef struct ll_call ll_call;

void ll_call_done(ll_call *call, ll_status status);
/* Optional human text for the client's NO, such as the way out of an error. Copied. */
void ll_call_text(ll_call *call, ll_span text);

/* Mailbox attributes, RFC 3501 section 7.2.2, RFC 3348, RFC 6154. */
enum {
    LL_MAILBOX_NOSELECT = 1u << 0,
    LL_MAILBOX_NOINFERIORS = 1u << 1,
    LL_MAILBOX_SUBSCRIBED = 1u << 2,
    LL_MAILBOX_MARKED = 1u << 3,
    LL_MAILBOX_UNMARKED = 1u << 4,
    LL_MAILBOX_NONEXISTENT = 1u << 5, /* only subscribed, RFC 5258 */
    LL_MAILBOX_ALL = 1u << 8,
    LL_MAILBOX_ARCHIVE = 1u << 9,
    LL_MAILBOX_DRAFTS = 1u << 10,
    LL_MAILBOX_FLAGGED = 1u << 11,
    LL_MAILBOX_JUNK = 1u << 12,
    LL_MAILBOX_SENT = 1u << 13,
    LL_MAILBOX_TRASH = 1u << 14,
    LL_MAILBOX_IMPORTANT = 1u << 15,
    LL_MAILBOX_SPECIAL = 0xff00u
};

/* One mailbox in a list. Names are UTF-8 (NFC), hierarchy separator '/'. The engine adds \HasChildren and matches
 * patterns. */
typedef struct ll_mailbox_info {
    ll_span name;
    unsigned attributes;
} ll_mailbox_info;
LL_MUST_USE ll_status ll_call_mailbox(ll_call *call, const ll_mailbox_info *info);

/* Numbers for STATUS, RFC 3501 section 6.3.10, RFC 8438, RFC 9051. */
typedef struct ll_mailbox_status {
    uint32_t messages, recent, unseen, deleted, uidnext, uidvalidity;
    uint64_t highest_modseq, bytes;
    uint64_t deleted_bytes; /* of the messages that are \Deleted: RFC 9208 DELETED-STORAGE */
} ll_mailbox_status;
void ll_call_status(ll_call *call, const ll_mailbox_status *status);

/* The mailbox's id (RFC 8474): 1 to LL_OBJECTID_MAX letters, digits, '_' and '-'. It stays when the mailbox is renamed,
 * and no other mailbox of this account ever has it. Copied. */
enum { LL_OBJECTID_MAX = 255 };
LL_MUST_USE ll_status ll_call_mailbox_id(ll_call *call, ll_span id);

/* One resource of the account that is limited (RFC 9208): "STORAGE" in units of 1024 bytes, "MESSAGE", "MAILBOX". */
typedef struct ll_quota {
    ll_span resource;
    uint64_t used, limit;
} ll_quota;
LL_MUST_USE ll_status ll_call_quota(ll_call *call, const ll_quota *quota);

/* One entry of metadata (RFC 5464). The entry's name is in lower case and begins with /private/ or /shared/; the value
 * is any bytes; its data is NULL if there is none (to remove the entry). */
typedef struct ll_metadata {
    ll_span entry, value;
} ll_metadata;
LL_MUST_USE ll_status ll_call_metadata(ll_call *call, const ll_metadata *metadata);

/* An opened mailbox: the connector's handle (passed back to it), and its present version; the call takes over the
 * reference. */
void ll_call_opened(ll_call *call, void *mailbox, ll_view *view, bool readonly);

/* What FETCH may want of a row beyond uid, internaldate, size, modseq, savedate. */
enum {
    LL_WANT_INDEX = 1u << 0,
    LL_WANT_IDS = 1u << 1,     /* email_id and thread_id */
    LL_WANT_HEADER = 1u << 2,  /* content: at least the header, and header_size; or else the index */
    LL_WANT_CONTENT = 1u << 3, /* content: the whole message */
    LL_WANT_FIELDS = 1u << 4   /* with LL_WANT_HEADER: `fields` is enough in place of the header */
};

enum {
    LL_ROWS_CONTENT = 524288,    /* bytes of content in one answer, about: at which a connector says ll_call_more. A
                                    session holds one answer while it writes it out */
    LL_ROW_CONTENT_MAX = 4194304 /* bytes of content that are copied of one answer; what is beyond is dropped, and read
                                    again when it is needed */
};

typedef struct ll_row {
    uint32_t uid;
    uint64_t modseq;
    int64_t internaldate; /* seconds since 1970-01-01T00:00:00Z */
    uint64_t size;        /* bytes of the message, RFC822.SIZE */
    ll_span index; /* the saved MIME index (mime/index.h), if LL_WANT_INDEX; may be empty: then the engine makes it by
                      reading */
    int64_t savedate; /* seconds since 1970 at which it came into this mailbox, RFC 8514; 0: not known */
    /* RFC 8474: 1 to 255 letters, digits, '_' and '-'; if LL_WANT_IDS. email_id: the same for all copies of the same
     * bytes of one account, never that of other bytes. thread_id never changes; messages with the same belong together.
     * Empty: not known, then the engine answers NIL for THREADID and leaves EMAILID out. */
    ll_span email_id, thread_id;
    /* If LL_WANT_HEADER or LL_WANT_CONTENT: the first bytes of the message, as they are wanted, or fewer, or none: what
     * the engine misses it asks for with `read`. */
    ll_span content;
    uint64_t header_size; /* if LL_WANT_HEADER and content holds all of it: bytes of the header with the blank line
                             behind it, as the index's root has it; 0: not known */
    /* If LL_WANT_FIELDS, or empty: of the message's header all fields Date, From, Sender, Reply-To, To, Cc, Bcc,
     * Subject, Message-ID, In-Reply-To, References, Newsgroups, Priority, X-Priority and Importance, as they stand and
     * in their order, and the blank line. Content is then not needed. Lives as long as content. */
    ll_span fields;
} ll_row;
LL_MUST_USE ll_status ll_call_row(ll_call *call, const ll_row *row);
/* There are more rows within the limit than were given; after the last ll_call_row, of which there must be one. The
 * engine asks again for the rest. */
void ll_call_more(ll_call *call);
/* Bytes read. May be called several times for one read; the pieces follow each other. */
LL_MUST_USE ll_status ll_call_bytes(ll_call *call, ll_span bytes);
/* What follows is lent, not copied: the content of rows, and the bytes of a read, which then come in one piece. It must
 * stay as it is until give_back(context), which is called once, on the session's thread, perhaps only after the
 * connector's `end`. At most once a call; not for an answer that then is an error. */
void ll_call_lend(ll_call *call, void (*give_back)(void *context), void *context);
/* The connector's handle for a message being appended. */
void ll_call_upload(ll_call *call, void *upload);
/* Where messages went (APPENDUID and COPYUID, RFC 4315): one call per message in order; source is 0 for APPEND. */
LL_MUST_USE ll_status ll_call_placed(ll_call *call, uint32_t uidvalidity, uint32_t source, uint32_t uid);

/* One thing that a search asks of a message. Text: RFC 3501 section 6.4.4, "contains the string", without regard to
 * case: in the decoded text of the message as docs/embedding.md says. */
typedef enum ll_term_kind {
    LL_TERM_BODY = 1, /* needle */
    LL_TERM_TEXT = 2,
    LL_TERM_FROM = 3,
    LL_TERM_TO = 4,
    LL_TERM_CC = 5,
    LL_TERM_BCC = 6,
    LL_TERM_SUBJECT = 7,
    LL_TERM_HEADER = 8,       /* name and needle; an empty needle: the field is there */
    LL_TERM_INTERNALDATE = 9, /* first to last: days since 1970, UTC */
    LL_TERM_SENT = 10,        /* days since 1970, as the Date field says, disregarding time and zone */
    LL_TERM_SAVED = 11,       /* days since 1970, UTC: of savedate, or of internaldate if that is not known */
    LL_TERM_SIZE = 12         /* bytes */
} ll_term_kind;
typedef struct ll_term {
    ll_term_kind kind;
    ll_span name;        /* of the header field */
    ll_span needle;      /* UTF-8, folded by i;unicode-casemap (RFC 5051) */
    int64_t first, last; /* both included */
} ll_term;
LL_MUST_USE ll_status ll_call_found(ll_call *call, size_t term, ll_range uids, bool certain);

/* One mailbox in a survey. */
typedef struct ll_survey {
    ll_mailbox_info mailbox; /* an empty name: the account itself, of which only the metadata count */
    ll_span id;              /* as in ll_call_mailbox_id: tells that it was renamed; may be empty */
    ll_mailbox_status numbers;
} ll_survey;
LL_MUST_USE ll_status ll_call_survey(ll_call *call, const ll_survey *one);
/* An entry of metadata of the mailbox surveyed last; version is another whenever the value is. */
LL_MUST_USE ll_status ll_call_survey_entry(ll_call *call, ll_span entry, uint64_t version);

/* For changes and store_if; UIDs in any order, also more than once. LL_ENOMEM. */
LL_MUST_USE ll_status ll_call_changed(ll_call *call, ll_range uids);
LL_MUST_USE ll_status ll_call_vanished(ll_call *call, ll_range uids);
LL_MUST_USE ll_status ll_call_refused(ll_call *call, ll_range uids);

typedef struct ll_append {
    uint64_t size;        /* bytes that will follow */
    int64_t internaldate; /* seconds since 1970; INT64_MIN if the client gave none: the connector takes its clock */
    unsigned flags;       /* system flags, bit LL_FLAG_x */
    const ll_span *keywords;
    size_t keywords_count;
    bool grows; /* size is 0 and says nothing: the message is put together (CATENATE, RFC 4469), append_data may answer
                   LL_EQUOTA and LL_ELIMIT */
    bool replaces; /* goes to `replace`: there may be room for it only when the other message is gone */
} ll_append;

/* Names given to methods are UTF-8, already checked by the engine (length, depth, no empty level, INBOX in capitals).
 *
 * For reading, list, status, open, close, latest, fetch and read must be there. Of those that write (create, remove,
 * rename, subscribe, store, expunge, copy, append_open) any may be NULL: the client is then told that it is read-only,
 * and mailboxes without store or expunge are opened so. With append_open come append_data, append_commit, append_abort.
 */
typedef struct ll_connector {
    uint32_t size; /* sizeof(ll_connector) of the host: methods beyond it count as NULL */

    /* The session has ended and will not call again. Every mailbox was closed and every upload aborted before. */
    void (*end)(void *self);

    /* All mailboxes, in the order to be listed; also subscribed names that no longer exist (LL_MAILBOX_NONEXISTENT). */
    ll_status (*list)(void *self, ll_call *call);
    /* Missing parents are created too. attributes: LL_MAILBOX_SPECIAL bits wanted, or 0. ll_call_mailbox_id.
     * LL_EEXISTS; LL_EUNSUPPORTED: not with these attributes. */
    ll_status (*create)(void *self, ll_call *call, ll_span name, unsigned attributes);
    /* LL_ENOTFOUND; LL_EDENIED for INBOX. A mailbox with children loses its messages and becomes \Noselect. */
    ll_status (*remove)(void *self, ll_call *call, ll_span name);
    /* Children move with it; missing parents are created. INBOX: its messages move to `to`, INBOX stays (RFC
     * 3501 6.3.5). */
    ll_status (*rename)(void *self, ll_call *call, ll_span from, ll_span to);
    ll_status (*subscribe)(void *self, ll_call *call, ll_span name, bool on);
    /* ll_call_status, ll_call_mailbox_id. */
    ll_status (*status)(void *self, ll_call *call, ll_span name);

    /* ll_call_opened, ll_call_mailbox_id. LL_ENOTFOUND. From here until close the connector calls ll_session_notify
     * (through the host, on the session's thread) whenever a newer version exists. */
    ll_status (*open)(void *self, ll_call *call, ll_span name, bool readonly);
    void (*close)(void *self, void *mailbox);
    /* The newest version at once, never later: a new reference. *recent_first: UIDs at or above it, up to the view's
     * uidnext, are \Recent for this session and have been claimed by it unless it is read-only; 0: none (RFC 3501
     * section 2.3.2). NULL: the mailbox is gone (deleted, or its UIDVALIDITY changed): the session ends with BYE. */
    ll_view *(*latest)(void *self, void *mailbox, uint32_t *recent_first);
    /* The client has been told everything up to this mod-sequence: messages expunged before it need not stay readable
     * for it. */
    void (*told)(void *self, void *mailbox, uint64_t modseq);

    /* One ll_call_row for each UID in the ranges, in order; UIDs that are gone for good are passed over. At most
     * `limit` rows, or fewer with ll_call_more: the engine asks again for the rest. When content is wanted the ranges
     * reach far beyond the limit, so that a connector may have the next rows ready before it is asked: the next
     * question is then for what lies behind the last row, and maybe further, unless the command ends or a message needs
     * `read`. A connector that does not know a wish leaves it. */
    ll_status (*fetch)(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, size_t limit,
                       unsigned want);
    /* ll_call_bytes: exactly `length` bytes at offset, or up to the end of the message. */
    ll_status (*read)(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length);

    /* Durable before done. UIDs that are gone are passed over. Keywords are created as needed (LL_ELIMIT). */
    ll_status (*store)(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_flags_op op,
                       unsigned flags, const ll_span *keywords, size_t keywords_count);
    /* Remove those of the UIDs that have \Deleted now. Durable before done. */
    ll_status (*expunge)(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count);
    /* To the mailbox `to`, or with move out of this one too (RFC 6851), all or nothing; ll_call_placed for each, in UID
     * order. LL_ETRYCREATE if `to` is not there. */
    ll_status (*copy)(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count, ll_span to,
                      bool move);

    /* Begin a message for mailbox `to`: ll_call_upload. LL_ETRYCREATE, LL_EQUOTA, LL_ELIMIT, all before the client
     * sends the bytes. */
    ll_status (*append_open)(void *self, ll_call *call, ll_span to, const ll_append *message);
    /* The next bytes. At once, never later. */
    ll_status (*append_data)(void *self, void *upload, ll_span bytes);
    /* All uploads of one command become messages, all or none, durable before done: ll_call_placed for each. They are
     * gone after. A session asks one thing at a time and has the uploads of one command, unless LL_OFFERS_APPENDS. */
    ll_status (*append_commit)(void *self, ll_call *call, void *const *uploads, size_t count);
    void (*append_abort)(void *self, void *upload);

    /* What the connector can say at once about terms of a search: ll_call_found for each, in any order. Certain ranges
     * are of messages that match, the others of messages that may match: the engine looks at those itself. A message
     * named by neither does not match, so what the connector does not know (not indexed yet, no such index) must be
     * named; {1, UINT32_MAX}, not certain, is always a true answer. Content under a UID never changes, so the answer
     * may be of any version of the mailbox, but must cover messages expunged elsewhere that this session may still
     * read. Optional: NULL means that the engine reads the messages. */
    ll_status (*search)(void *self, ll_call *call, void *mailbox, const ll_term *terms, size_t count);

    /* What has happened to an open mailbox after this mod-sequence (RFC 7162): ll_call_changed for the messages that
     * are there and came or changed after it, ll_call_vanished for the UIDs that went after it; in any order. Both may
     * be of a version newer than the session's. LL_ENOTFOUND: the connector no longer remembers so far back; the engine
     * then takes it that everything may have changed. Optional: with NULL (it must then be NULL for store_if too) mod-
     * sequences are not offered: neither CONDSTORE nor QRESYNC. With it, a message's mod-sequence in ll_row grows with
     * each change of its flags, every removal takes a mod-sequence of its own, and none is ever above the view's. */
    ll_status (*changes)(void *self, ll_call *call, void *mailbox, uint64_t since);
    /* As store, but messages whose mod-sequence is above `unchanged_since` stay as they are and are named with
     * ll_call_refused (RFC 7162 section 3.1.3). Comparing and storing are one. */
    ll_status (*store_if)(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                          ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count,
                          uint64_t unchanged_since);

    /* --- Optional: NULL means that the extension is not offered. --- */

    /* What the account's quota root "" limits (RFC 9208): ll_call_quota for each resource. */
    ll_status (*quota)(void *self, ll_call *call);
    /* ll_call_metadata for every entry of a mailbox (RFC 5464), or of the account itself if the name is empty, by name.
     * LL_ENOTFOUND. Also for \Noselect names. "/private/specialuse" is to be its special uses (RFC 6154 section 4). */
    ll_status (*metadata)(void *self, ll_call *call, ll_span mailbox);
    /* Set or remove all of these entries or none; durable before done. LL_ENOTFOUND; LL_ELIMIT: too many, or too much
     * in all; LL_EDENIED: one of them cannot be set so. */
    ll_status (*metadata_set)(void *self, ll_call *call, ll_span mailbox, const ll_metadata *entries, size_t count);
    /* As append_commit for one upload, and in the same change message `uid` of this mailbox is removed, whatever its
     * flags (RFC 8508). Quota: what is removed counts. LL_ENOTFOUND: it is gone already, and nothing was appended. */
    ll_status (*replace)(void *self, ll_call *call, void *mailbox, uint32_t uid, void *upload);

    unsigned offers; /* bits of LL_OFFERS_x: what else it can do */

    /* The whole account at one moment: ll_call_survey for every mailbox and every subscribed name, as list would name
     * them, in any order; metadata: with their entries. For NOTIFY (RFC 5465). NULL for it or for watch: NOTIFY is not
     * offered. */
    ll_status (*survey)(void *self, ll_call *call, bool metadata);
    /* From now on (or no longer) ll_session_notify is also due when anything that a survey shows has changed. At once.
     */
    void (*watch)(void *self, bool on);
} ll_connector;

enum {
    LL_OFFERS_OBJECTID = 1u << 0, /* RFC 8474: ll_call_mailbox_id in create, open and status; ids in every ll_row */
    LL_OFFERS_SAVEDATE = 1u << 1, /* RFC 8514: savedate in every ll_row */
    /* While append_commit is not done the session may go on with the client's next APPENDs: append_open, append_data,
     * append_abort, and append_commit again, up to 64 of them under way at once. They are done in any order, but
     * messages get their UIDs in the order in which they were asked for; one that fails does not disturb the others.
     * The session may also ask for rows of the selected mailbox, to tell the client of what came. When the session
     * goes away with several calls under way, mailboxes are closed and `end` is called after the last of them. */
    LL_OFFERS_APPENDS = 1u << 2
};

/* ------------------------------------------------------------------------------------------------------ 5. Session */

typedef struct ll_session ll_session;

/* What the host does for a session. All are called on the session's thread, from inside an ll_session_* or ll_call_done
 * call. */
typedef struct ll_host {
    uint32_t size; /* sizeof(ll_host) of the host */

    /* Output or wants have changed outside of ll_session_input: take output soon, but not from inside this callback. */
    void (*wake)(void *context);
    /* Seconds since 1970-01-01T00:00:00Z. Optional: NULL is the system's clock. */
    int64_t (*now)(void *context);
    /* SASL mechanisms offered at this moment, separated by spaces ("PLAIN SCRAM-SHA-256"). The engine knows none of
     * them. */
    const char *(*mechanisms)(void *context);
    /* A SASL exchange begins (RFC 3501 section 6.2.2). initial.data is NULL when the client sent no initial response.
     * LOGIN arrives as mechanism "PLAIN" with its message of RFC 4616, marked login. Answer now or later with exactly
     * one of ll_session_challenge, ll_session_authenticated, ll_session_refused. The bytes are secrets: wiped by the
     * engine after the call returns. */
    void (*auth_start)(void *context, ll_span mechanism, ll_span initial, bool login);
    /* The client's response to a challenge, decoded from base64. Answer as above. */
    void (*auth_response)(void *context, ll_span response);
    /* The client cancelled with "*", or the session is ending: forget the exchange; do not answer. Also when what
     * ll_session_authenticated gave was not taken after all (the client did not accept the server's final data, or
     * memory ran out): the connector has been ended. */
    void (*auth_cancel)(void *context);
    /* STARTTLS was accepted: send all output, then begin the handshake, then call ll_session_secured. Input that the
     * client sent in clear after the command has been dropped and must not be given again. NULL: STARTTLS is not
     * offered. */
    void (*start_tls)(void *context);
    /* An event worth a log line, "event key=value ...": never message content, never a secret. */
    void (*log)(void *context, ll_span line);
    /* A long command (SEARCH of all bodies, SORT, THREAD) pauses so that others have their turn: call
     * ll_session_continue soon, but not from inside this callback. Optional: with NULL commands do not pause. */
    void (*again)(void *context);
    /* UNAUTHENTICATE (RFC 8437): the session is as it was before login and its connector has been ended; forget who it
     * was. Optional: with NULL the command is not offered. */
    void (*unauthenticated)(void *context);
    /* Minutes east of UTC at this moment (seconds since 1970), less than a day: the zone in which INTERNALDATE and
     * SAVEDATE are written and in which the days of BEFORE, ON, SINCE and SAVEDBEFORE ... begin (RFC 3501 section 2.3.3
     * leaves it open). Optional: NULL is UTC. */
    int32_t (*utc_offset)(void *context, int64_t seconds);
} ll_host;

enum {
    LL_SESSION_SECURE = 1u << 0,     /* the connection is encrypted from the start */
    LL_SESSION_CLEAR_LOGIN = 1u << 1 /* login is allowed without encryption (loopback); otherwise LOGINDISABLED */
};

typedef struct ll_session_config {
    uint32_t size; /* sizeof(ll_session_config) of the host */
    unsigned flags;
    const ll_allocator *allocator; /* NULL: malloc; must outlive the session */
    const ll_limits *limits;       /* NULL: the defaults; copied */
    const ll_host *host;           /* must outlive the session */
    void *context;                 /* handed to every host callback */
    ll_span greeting;              /* text of the greeting, such as "mail.example.com Letterlock ready"; copied */
} ll_session_config;

/* LL_ENOMEM. The greeting is ready as output. */
LL_MUST_USE ll_status ll_session_new(ll_session **out, const ll_session_config *config);
/* Ends the session: closes its mailbox, aborts uploads, ends its connector. Sets *session to NULL. */
void ll_session_del(ll_session **session);

/* Bytes from the client. *taken says how many were used; give the rest again when ll_session_wants says LL_WANTS_INPUT.
 * LL_OK; LL_ENOMEM (the session must be deleted); LL_ECLOSED (it has ended; nothing was taken). */
LL_MUST_USE ll_status ll_session_input(ll_session *session, ll_span bytes, size_t *taken);
/* Bytes for the client: borrowed until the next call on this session. */
ll_span ll_session_output(ll_session *session);
/* The first `size` bytes of the output have been sent. May run commands that waited for room. */
void ll_session_sent(ll_session *session, size_t size);

enum {
    LL_WANTS_INPUT = 1u << 0,  /* can use bytes now */
    LL_WANTS_OUTPUT = 1u << 1, /* has bytes to send */
    LL_WANTS_CLOSE = 1u << 2,  /* all has been said and sent: close the connection */
    LL_WANTS_TLS = 1u << 3,    /* waits for ll_session_secured */
    /* Can use bytes, but replies to what has come are still due, behind their APPENDs' commits: do not close the
     * connection because no more bytes will come. */
    LL_WANTS_PATIENCE = 1u << 4
};
unsigned ll_session_wants(const ll_session *session);

/* There is a newer version of the mailbox that this session has open. Cheap; may be called at any time on the session's
 * thread. */
void ll_session_notify(ll_session *session);
/* Go on with a command that paused, see ll_host.again. Does no harm at any other time. */
void ll_session_continue(ll_session *session);
/* Milliseconds in which nothing was received or sent after which the host should call ll_session_expire; 0: never. Ask
 * again after every call on the session: while a command waits for its connector it is the time after which the client
 * should hear of it. */
uint64_t ll_session_timeout_ms(const ll_session *session);
/* Too long silent. If the client is, says BYE and ends. If the connector is, says "* OK [INPROGRESS ...]" (RFC 9585)
 * and nothing ends: call it again after as long a time. */
void ll_session_expire(ll_session *session);
/* The server is going down, or the account is: says "* BYE text" once no command is half answered, and ends. */
void ll_session_shutdown(ll_session *session, ll_span text);

/* Answers to ll_host.auth_*. challenge: encoded in base64 by the engine. */
void ll_session_challenge(ll_session *session, ll_span challenge);
/* Logged in. From now on the session owns its use of connector/self until connector->end(self). final: data that the
 * mechanism sends with success (SCRAM's server signature), empty if none. */
void ll_session_authenticated(ll_session *session, const ll_connector *connector, void *self, ll_span final);
/* Not logged in. status chooses the response code (LL_EAUTH, LL_EUNAVAILABLE ...); text may be empty. */
void ll_session_refused(ll_session *session, ll_status status, ll_span text);
/* The handshake that ll_host.start_tls asked for is complete. */
void ll_session_secured(ll_session *session);

/* -------------------------------------------------------------------------------------------------------- 6. Vault */

/* A vault is the ready-made connector: one encrypted SQLite file that holds an account's mailboxes, messages, flags and
 * all that IMAP must remember about them (UIDs, mod-sequences, what was expunged). Every page is encrypted and
 * authenticated (ChaCha20-Poly1305) with a key that the host keeps. What a client was told is done is on the disk.
 *
 * Threads. A vault makes none. It needs an executor to work on the disk without blocking the host; without one
 * everything happens inside the call that asked for it, which suits tests and small tools. One thread,
 * executor->done's, is the vault's main thread: sessions on the vault, ll_task_done, and every callback live there.
 *
 * Memory. Unlike a session's, a vault's memory comes from malloc: SQLite and CRoaring have one allocator a process, and
 * this library does not take that choice from its host. Out of memory is LL_ENOMEM all the same. The SQLite within is
 * the library's own and hidden: a host may use another one, but not on a vault's file while the vault is open (POSIX
 * locks belong to the process). The vault's key is kept in locked memory, one page a vault. */
typedef struct ll_vault ll_vault;

typedef struct ll_executor {
    /* Run fn(arg) soon on some worker thread, where it may block on the disk. Called from any thread. Must not fail:
     * what was given is run once, also while the host is shutting down. */
    void (*work)(void *context, void (*fn)(void *arg), void *arg);
    /* Run fn(arg) soon on the vault's main thread, in the order of the calls. Called from any thread. */
    void (*done)(void *context, void (*fn)(void *arg), void *arg);
    void *context;
} ll_executor;

/* Randomness. Sessions need none. A vault needs it for the nonce of every page that it writes, and the keys of uploads
 * that wait in files and of the locked memory: from ll_vault_config.random, each vault from its own, or if that is NULL
 * from the kernel (getrandom) by way of libsodium. So does ll_vault_create, which has no configuration, for the salt of
 * the file and what little it writes; a host that must supply that too calls libsodium's randombytes_set_implementation
 * before. */
enum { LL_VAULT_KEY = 32 }; /* bytes of a key: random ones, or derived from a password by the host */

typedef struct ll_upstream ll_upstream;

typedef struct ll_vault_config {
    uint32_t size;                 /* sizeof(ll_vault_config) of the host */
    const ll_executor *executor;   /* NULL: none; copied; both functions or none */
    const char *spool_folder;      /* where uploads wait that are too large for memory, encrypted, in files without a
                                      name; NULL: the vault's folder */
    uint64_t quota;                /* bytes of all messages together that clients may fill; 0: no limit */
    uint64_t message_bytes_max;    /* a larger message is refused; 0: no limit */
    int64_t (*now)(void *context); /* seconds since 1970; NULL: the system's clock. Any thread */
    void (*log)(void *context, ll_span line); /* NULL: no log. Never content, names of mailboxes or keys. Any thread */
    void *context;                            /* of now, log, uidvalidity and random */
    const ll_upstream *upstream;              /* where the mail really lives; NULL: here. Must outlive the vault */
    void *upstream_self;
    /* UIDVALIDITY (RFC 3501 section 2.3.1.1) of a mailbox that is being made or has to be looked at anew. `least` is
     * one above all that this vault has ever given; what is below is taken as `least`, so a value never comes back
     * whatever the host says. NULL: the clock's seconds, or `least` if the clock stands behind it. Any thread. */
    uint32_t (*uidvalidity)(void *context, uint32_t least);
    /* Fill `bytes` with so many random ones; NULL: the kernel's. They must be unpredictable and never repeat, also not
     * after a fork or in a copy of the machine: who knows or can repeat a nonce can read pages. Must not fail. Any
     * thread. */
    void (*random)(void *context, void *bytes, size_t size);
} ll_vault_config;

/* Make a vault. It has INBOX, and if it is not to have an upstream Drafts, Sent, Junk, Trash and Archive, dated (and
 * their UIDVALIDITY taken) by the system's clock. Blocks on the disk. LL_EEXISTS: there is a file; else, on failure,
 * none is left. LL_ENOTFOUND, LL_EDENIED, LL_EFULL, LL_EIO, LL_ENOMEM. */
LL_MUST_USE ll_status ll_vault_create(const char *path, const uint8_t key[LL_VAULT_KEY], bool upstream);
/* Open it; the key is copied. Blocks on the disk. One process, one ll_vault. LL_ENOTFOUND; LL_ECORRUPT: damaged, or not
 * its key; LL_EVERSION: written by a newer library; LL_EDENIED: memory for the key cannot be locked, or the file is not
 * ours; LL_EINVAL: an upstream that lacks a method; LL_EIO, LL_ENOMEM. */
LL_MUST_USE ll_status ll_vault_open(ll_vault **out, const char *path, const uint8_t key[LL_VAULT_KEY],
                                    const ll_vault_config *config);
/* Finish the writes under way, close the file, wipe the key; *vault becomes NULL. Blocks on the disk, needs the workers
 * to be alive. LL_EBUSY: sessions, updates or tasks of the upstream are not yet over, nothing was done: end them, let
 * the executor run, ask again. NULL is fine. On the main thread. */
ll_status ll_vault_close(ll_vault **vault);

/* A connector for one session, for ll_session_authenticated; *methods live as long as the vault. notify(context) is
 * called on the main thread when the session should hear ll_session_notify; without an executor from inside a method of
 * any session, so the host notes it and calls later. LL_ENOMEM. On the main thread. */
LL_MUST_USE ll_status ll_vault_connector(ll_vault *vault, void (*notify)(void *context), void *context,
                                         const ll_connector **methods, void **self);
/* notify is not called again. To be called before ll_session_del of a session that was given it, unless the session has
 * called methods->end by itself: a session that is deleted in the middle of a question ends its connector when the
 * answer comes. */
void ll_vault_mute(void *self);

/* --- Upstream: where the mail really lives. ---
 *
 * With an upstream the vault is a copy that clients may change: what a client does is first put to the upstream and
 * becomes true in the vault, in one transaction, only when the upstream has agreed; what happens at the source is
 * pushed into the vault as updates. The upstream knows mailboxes and messages by ids of its own choice: 1 to
 * LL_REMOTE_ID_MAX bytes, any bytes. The vault stores them. A message may be in several mailboxes under one id
 * (labels), or each of its copies may have its own.
 *
 * What has no id yet (INBOX of a new vault, until an update gives it one) is the vault's own: nobody is asked about it.
 * Subscriptions, metadata and \Recent are the vault's own too.
 *
 * When the upstream refuses a message that a client appends, with another status than LL_ELIMIT or LL_ETRYCREATE, the
 * client is told NO, and the message is put into the mailbox "Recovered Messages", once for the same bytes. It is
 * listed while there is something in it; from there messages can be read, copied and moved out (which offers them to
 * the upstream again) and expunged; nothing else can be put there. */
enum { LL_REMOTE_ID_MAX = 255 };
#define LL_RECOVERED_NAME "Recovered Messages"

/* One question to the upstream. A method answers at once (LL_OK or an error), or returns LL_LATER and calls
 * ll_task_done once, on the main thread. What it was given stays valid until then. A method must not call ll_session_*,
 * but may call ll_vault_push. */
typedef struct ll_task ll_task;
/* An id of what was created, one call for each object, in order. Copied. LL_EINVAL: empty or too long. LL_ENOMEM. */
LL_MUST_USE ll_status ll_task_id(ll_task *task, ll_span id);
/* Human text for the client's NO. Copied. */
void ll_task_text(ll_task *task, ll_span text);
/* For quota: one resource, in order. Copied. LL_ENOMEM. */
LL_MUST_USE ll_status ll_task_quota(ll_task *task, const ll_quota *quota);
/* An error is what the client's NO says; LL_OK: done at the source. */
void ll_task_done(ll_task *task, ll_status status);

/* A message on its way up. */
typedef struct ll_upload ll_upload;
typedef struct ll_upstream_message {
    uint64_t size;
    int64_t internaldate; /* seconds since 1970; INT64_MIN: none was given */
    unsigned flags;       /* system flags, bit LL_FLAG_x */
    const ll_span *keywords;
    size_t keywords_count;
    ll_upload *content; /* for ll_upload_read */
} ll_upstream_message;
/* Up to `length` bytes at offset; *got is less only at the end. May read the disk. LL_EIO, LL_ECORRUPT, LL_ENOMEM. */
LL_MUST_USE ll_status ll_upload_read(ll_upload *content, uint64_t offset, size_t length, void *out, size_t *got);

struct ll_upstream {
    uint32_t size; /* sizeof(ll_upstream) of the host. All methods but quota must be there. */

    /* Mailboxes. Missing parents come first, as tasks of their own. name: UTF-8, '/' between levels. ll_task_id. */
    ll_status (*mailbox_create)(void *self, ll_task *task, ll_span name, unsigned attributes);
    /* Its children move with it. */
    ll_status (*mailbox_rename)(void *self, ll_task *task, ll_span mailbox, ll_span name, ll_span new_name);
    /* With all its messages, not with its children. */
    ll_status (*mailbox_delete)(void *self, ll_task *task, ll_span mailbox);

    /* A new message (APPEND, and COPY or MOVE of one that had no id). ll_task_id; if the source answers with the id of
     * a message that it already has in this mailbox, no second one is made. */
    ll_status (*message_create)(void *self, ll_task *task, ll_span mailbox, const ll_upstream_message *message);
    /* COPY and MOVE of messages from one mailbox to another: ll_task_id for each, in order; or none at all: they keep
     * their ids. */
    ll_status (*messages_add)(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count);
    ll_status (*messages_move)(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count);
    /* They leave this mailbox (EXPUNGE). Whether the source then deletes them is its own affair. */
    ll_status (*messages_remove)(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count);
    /* Every flag: \Seen, \Answered, \Flagged, \Deleted, \Draft and keywords. */
    ll_status (*messages_flag)(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count,
                               ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count);

    /* What the account may fill at the source, for GETQUOTA (RFC 9208): ll_task_quota for each resource that is
     * limited. What is too much the source itself refuses, with LL_EQUOTA. NULL: the vault's own quota is shown. */
    ll_status (*quota)(void *self, ll_task *task);
};

/* --- Updates: what happened at the source. --- */

typedef enum ll_visibility {
    LL_VISIBLE = 0,
    LL_HIDDEN = 1,         /* not listed; it can be selected by who knows its name */
    LL_HIDDEN_IF_EMPTY = 2 /* listed while there are messages in it */
} ll_visibility;

/* A message of the source. */
typedef struct ll_remote_message {
    ll_span id;
    const ll_span *mailboxes; /* ids */
    size_t mailboxes_count;
    ll_span content;
    int64_t internaldate; /* seconds since 1970 */
    unsigned flags;       /* system flags, bit LL_FLAG_x */
    const ll_span *keywords;
    size_t keywords_count;
} ll_remote_message;

/* Applying an update that is already true changes nothing, so a source may echo what clients did. */
typedef enum ll_update_kind {
    /* mailbox, name, attributes, visibility. Parents are made as needed. A mailbox of that name without an id gets it.
     * LL_EEXISTS: the name has another id. */
    LL_UPDATE_MAILBOX_CREATED = 1,
    /* mailbox: with its messages; children stay. Unknown: nothing. INBOX only loses its id and its messages. */
    LL_UPDATE_MAILBOX_DELETED = 2,
    /* mailbox; name (with its children; empty: as it is), attributes, visibility. LL_ENOTFOUND, LL_EEXISTS. */
    LL_UPDATE_MAILBOX_UPDATED = 3,
    /* mailbox has new_id from now on. LL_ENOTFOUND; LL_EEXISTS: another has it. */
    LL_UPDATE_MAILBOX_ID = 4,
    /* messages, all in one transaction. What is there already gets the flags and mailboxes named. LL_ENOTFOUND: a
     * mailbox is unknown, unless ignore_unknown, then the message is not put there. The vault's quota does not count.
     */
    LL_UPDATE_MESSAGES_CREATED = 5,
    /* message leaves all mailboxes. Unknown: nothing. */
    LL_UPDATE_MESSAGE_DELETED = 6,
    /* messages: each has other content now; in every mailbox named a new UID takes the place of the old one (content
     * under a UID never changes), and it leaves those that are not named. Unknown: as MESSAGES_CREATED if `create`,
     * else LL_ENOTFOUND. */
    LL_UPDATE_MESSAGE_UPDATED = 7,
    /* message, in mailbox or, if that is empty, everywhere: flags_op, flags, keywords. LL_ENOTFOUND. */
    LL_UPDATE_MESSAGE_FLAGS = 8,
    /* message is in exactly these mailboxes (of messages[0], with its flags if it comes into one). LL_ENOTFOUND. */
    LL_UPDATE_MESSAGE_MAILBOXES = 9,
    /* message, in mailbox or everywhere, has new_id from now on. LL_ENOTFOUND, LL_EEXISTS. */
    LL_UPDATE_MESSAGE_ID = 10,
    /* mailbox, or all if it is empty, get a new UIDVALIDITY: their sessions end with BYE. */
    LL_UPDATE_UIDVALIDITY = 11,
    /* Nothing: its completion says that all before it are done. */
    LL_UPDATE_NOOP = 12,
    /* Remember content under name, for ll_vault_setting: how far the source has been read, say. Durable, and in order
     * with the other updates. */
    LL_UPDATE_SETTING = 13
} ll_update_kind;

/* Fields that a kind does not name are not looked at. Flags, keywords and content of one message: see messages. */
typedef struct ll_update {
    uint32_t size; /* sizeof(ll_update) of the host */
    ll_update_kind kind;
    ll_span mailbox, message, new_id, name, content;
    unsigned attributes; /* LL_MAILBOX_SPECIAL bits */
    ll_visibility visibility;
    const ll_remote_message *messages;
    size_t messages_count;
    ll_flags_op flags_op;
    unsigned flags;
    const ll_span *keywords;
    size_t keywords_count;
    bool create, ignore_unknown;
} ll_update;

/* Apply one update, in a transaction of its own, after all that were pushed before. done(context, status) is called
 * once, on the main thread: LL_OK, it is durable and sessions have been notified. The update and all that it points to
 * are borrowed until then. LL_EINVAL: an id or a name that cannot be. Any thread. */
void ll_vault_push(ll_vault *vault, const ll_update *update, void (*done)(void *context, ll_status status),
                   void *context);

/* One message of the vault as its upstream knows it. */
typedef struct ll_known_message {
    ll_span id; /* empty: the source does not know it */
    uint32_t uid;
    unsigned flags;
    const ll_span *keywords;
    size_t keywords_count;
} ll_known_message;
/* All messages of a mailbox, in UID order, to compare with the source after a time apart. each() is called on a worker,
 * its answer other than LL_OK ends it. done on the main thread: LL_ENOTFOUND: no mailbox has this id. Any thread. */
void ll_vault_known(ll_vault *vault, ll_span mailbox, ll_status (*each)(void *context, const ll_known_message *message),
                    void (*done)(void *context, ll_status status), void *context);
/* All mailboxes: each(context, id, name), id empty if it has none. As above. */
void ll_vault_known_mailboxes(ll_vault *vault, ll_status (*each)(void *context, ll_span id, ll_span name),
                              void (*done)(void *context, ll_status status), void *context);
/* What LL_UPDATE_SETTING has stored under this name: done(context, LL_OK, value), the value borrowed for the call;
 * LL_ENOTFOUND. As above. */
void ll_vault_setting(ll_vault *vault, ll_span name, void (*done)(void *context, ll_status status, ll_span value),
                      void *context);

/* ------------------------------------------------------------------------------------------------------ 7. Message */

/* What IMAP wants to know of a message, without a session: its tree of parts as byte ranges, what their headers say,
 * and the text in them. For hosts that store mail in their own way, and for anything else that must look into messages.
 *
 *     ll_message_new(&m, NULL);
 *     ll_message_push(m, bytes);        in pieces of any size, as they arrive; nothing of the bodies is kept
 *     ll_message_end(m);
 *     ll_message_saved(m)               a short string to be stored with the message: it is ll_row.index, and what
 *                                       ll_message_open takes, so that the message need not be looked at again
 *
 * Any bytes give an index: there is no such thing as a syntax error. Lines end with CRLF or with a bare LF. What cannot
 * be followed (more than 100 levels, 10,000 parts) is the opaque content of a leaf. Time is linear in the bytes, memory
 * does not depend on the message's size.
 *
 * A span with data == NULL is NIL: the field was not there; size 0 with data is an empty string. No fact holds NUL, CR
 * or LF; any other byte may be in it, also 8-bit, and encoded words stay as they are (ll_message_words). All that is
 * given lives as long as the message.
 *
 * Threads. Once ended or opened a message is never written; any number of threads may read it.
 *
 * Memory. From the allocator (NULL: malloc; it must outlive the message), but for what the C library's iconv takes. */
typedef struct ll_message ll_message;

/* A message of which the bytes are to come. LL_ENOMEM. */
LL_MUST_USE ll_status ll_message_new(ll_message **out, const ll_allocator *allocator);
/* The next bytes. Being out of memory is remembered and said by ll_message_end. */
void ll_message_push(ll_message *message, ll_span bytes);
/* All bytes were pushed. Until then a message has size 0 and no parts. LL_ENOMEM; LL_EINVAL: it has ended before. */
LL_MUST_USE ll_status ll_message_end(ll_message *message);
/* From what was saved, which is copied and distrusted: LL_ECORRUPT; LL_EVERSION: made by a newer library, push the
 * message again; LL_ENOMEM. */
LL_MUST_USE ll_status ll_message_open(ll_message **out, const ll_allocator *allocator, ll_span saved);
/* Sets *message to NULL; NULL is fine. Decoders of its parts may outlive it. */
void ll_message_del(ll_message **message);

ll_span ll_message_saved(const ll_message *message);
uint64_t ll_message_size(const ll_message *message);  /* bytes, RFC822.SIZE */
uint64_t ll_message_lines(const ll_message *message); /* line feeds */
uint32_t ll_message_parts(const ll_message *message); /* with the root, which is the whole message */

typedef enum ll_part_kind {
    LL_PART_LEAF = 0,
    LL_PART_MULTIPART = 1, /* one child or more */
    LL_PART_MESSAGE = 2    /* message/rfc822, message/global: its one child is the message inside */
} ll_part_kind;

/* A parameter of Content-Type or Content-Disposition as it stands ("filename*0*"); ll_message_param decodes. */
typedef struct ll_param {
    ll_span name;  /* never empty; compare without case */
    ll_span value; /* quoting removed */
} ll_param;

#define LL_PART_NONE UINT32_MAX

typedef struct ll_part {
    uint32_t size; /* sizeof(ll_part) of the host: set it before asking */
    ll_part_kind kind;
    uint32_t index;               /* n of ll_message_part: the order in which parts stand in the message; root: 0 */
    uint32_t number;              /* position among its siblings, from 1 */
    uint32_t depth;               /* root: 0 */
    uint32_t parent, child, next; /* indexes, or LL_PART_NONE: of what holds it, of its first child and next sibling */
    uint32_t children;            /* how many */

    /* Ranges of the message. A child's lie within its parent's body; siblings do not overlap. The body follows the
     * header, and ends before the line end that belongs to the boundary behind it. */
    uint64_t header_offset, header_size; /* with the blank line, if there is one; size 0: no header */
    uint64_t body_offset, body_size;
    uint64_t header_lines, body_lines; /* line feeds in them */

    /* Never empty: where the header says nothing, text/plain and 7bit (RFC 2045 sections 5.2 and 6.1). */
    ll_span type, subtype, encoding;
    const ll_param *params;
    size_t params_count;
    ll_span id, description, md5, location; /* Content-ID and so on */
    ll_span disposition;                    /* "attachment", "inline" */
    const ll_param *disposition_params;
    size_t disposition_params_count;
    const ll_span *languages;
    size_t languages_count;
    bool has_envelope; /* the root, and the child of an LL_PART_MESSAGE */
} ll_part;

/* Part n. False: there is none such (*part is as it was). */
bool ll_message_part(const ll_message *message, uint32_t n, ll_part *part);
/* The part of a section number, RFC 3501 section 6.4.5: {4, 2, 1} is "4.2.1"; none: the message. */
bool ll_message_find(const ll_message *message, const uint32_t *path, size_t count, ll_part *part);

/* An address as in RFC 3501 section 7.4.2: the start of a group has no host and the group's name as mailbox, its end
 * has neither; starts and ends are in pairs. What is missing in an address ("undisclosed") is empty. */
typedef struct ll_address {
    ll_span name;          /* display name, or the comment behind an address without one */
    ll_span route;         /* "@a,@b": obsolete */
    ll_span mailbox, host; /* local part, unquoted, and domain */
} ll_address;

typedef struct ll_addresses {
    const ll_address *items;
    size_t count;
} ll_addresses;

typedef struct ll_envelope {
    uint32_t size; /* sizeof(ll_envelope) of the host: set it before asking */
    ll_span date, subject, in_reply_to, message_id, references;
    ll_addresses from, sender, reply_to, to, cc, bcc; /* sender and reply_to: as from if their field is missing */
    bool dated;                                       /* date could be read: */
    int32_t offset_minutes;                           /* its zone, east of UTC; 0: unknown */
    int64_t seconds;                                  /* since 1970-01-01T00:00:00Z */
} ll_envelope;

/* False: part n has none. */
bool ll_message_envelope(const ll_message *message, uint32_t n, ll_envelope *envelope);

/* Takes pieces of text in order, borrowed for the call. An answer other than LL_OK ends what gives them, which then
 * answers the same. */
typedef ll_status (*ll_take)(void *context, ll_span bytes);

/* A parameter in UTF-8: continuations joined, charset decoded (RFC 2231); encoded words too, for most mail names its
 * attachments with them. In one piece. LL_ENOTFOUND: no such parameter; LL_ENOMEM. */
LL_MUST_USE ll_status ll_message_param(const ll_message *message, const ll_param *params, size_t count, ll_span name,
                                       ll_take take, void *context);
/* A header's text (subject, description, an address's name) with its encoded words in UTF-8 (RFC 2047), in one piece.
 * LL_ENOMEM; LL_ELIMIT: it is over 1 MB. */
LL_MUST_USE ll_status ll_message_words(const ll_message *message, ll_span raw, ll_take take, void *context);

typedef enum ll_decode {
    LL_DECODE_BYTES = 0,   /* the transfer encoding only: the attachment itself */
    LL_DECODE_UTF8 = 1,    /* and the charset: always valid UTF-8, with U+FFFD for what is not */
    LL_DECODE_READABLE = 2 /* and HTML without its markup; for search and previews: nothing makes it safe to display */
} ll_decode;

/* Decodes the body of a leaf: push the bytes of its body range in pieces of any size. A few kilobytes of memory. */
typedef struct ll_decoder ll_decoder;
/* LL_ENOTFOUND: no part n; LL_ENOMEM. */
LL_MUST_USE ll_status ll_decoder_new(ll_decoder **out, const ll_message *message, uint32_t n, ll_decode want);
/* What is known by now goes to `take`. LL_ENOMEM, or what `take` answered: then only ll_decoder_del. */
LL_MUST_USE ll_status ll_decoder_push(ll_decoder *decoder, ll_span bytes, ll_take take, void *context);
/* The body has ended. */
LL_MUST_USE ll_status ll_decoder_end(ll_decoder *decoder, ll_take take, void *context);
void ll_decoder_del(ll_decoder **decoder); /* NULL is fine */

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
