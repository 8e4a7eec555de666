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
 * Memory. Everything is taken from the allocator that the host passes. Out of memory is LL_ENOMEM, never an abort.
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
    X(depth, 32, "nested parentheses and SEARCH keys: clients use under 10")                                           \
    X(prelogin_depth, 2, "nested parentheses before login: only ID has a list")                                        \
    X(bad_commands, 20, "consecutive BAD answers before BYE; one that cannot speak IMAP is not a client")              \
    X(prelogin_bad_commands, 5, "the same before login")                                                               \
    X(auth_attempts, 3, "failed logins on one connection")                                                             \
    X(output_bytes, 262144, "output waiting for the client before commands pause")                                     \
    X(set_ranges, 32768, "ranges in one sequence set: fits the longest line")                                          \
    X(fetch_items, 256, "items in one FETCH")                                                                          \
    X(search_keys, 4096, "keys in one SEARCH")                                                                         \
    X(append_messages, 1, "messages in one APPEND")                                                                    \
    X(keywords_per_message, 64, "flags in one STORE or APPEND")                                                        \
    X(mailbox_name_bytes, 1000, "a mailbox name in UTF-8: fits any client's, and a directory of them stays small")     \
    X(mailbox_depth, 50, "levels of hierarchy in a name")                                                              \
    X(idle_timeout_ms, 1860000, "silence after login: RFC 3501 section 5.4 asks for at least 30 minutes")              \
    X(prelogin_timeout_ms, 60000, "silence before login")

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
} ll_mailbox_status;
void ll_call_status(ll_call *call, const ll_mailbox_status *status);

/* An opened mailbox: the connector's handle (passed back to it), and its present version; the call takes over the
 * reference. */
void ll_call_opened(ll_call *call, void *mailbox, ll_view *view, bool readonly);

/* What FETCH may want of a row beyond uid, internaldate, size, modseq. */
enum { LL_WANT_INDEX = 1u << 0 };

typedef struct ll_row {
    uint32_t uid;
    uint64_t modseq;
    int64_t internaldate; /* seconds since 1970-01-01T00:00:00Z */
    uint64_t size;        /* bytes of the message, RFC822.SIZE */
    ll_span index; /* the saved MIME index (mime/index.h), if LL_WANT_INDEX; may be empty: then the engine makes it by
                      reading */
} ll_row;
LL_MUST_USE ll_status ll_call_row(ll_call *call, const ll_row *row);
/* Bytes read. May be called several times for one read; the pieces follow each other. */
LL_MUST_USE ll_status ll_call_bytes(ll_call *call, ll_span bytes);
/* The connector's handle for a message being appended. */
void ll_call_upload(ll_call *call, void *upload);
/* Where messages went (APPENDUID and COPYUID, RFC 4315): one call per message in order; source is 0 for APPEND. */
LL_MUST_USE ll_status ll_call_placed(ll_call *call, uint32_t uidvalidity, uint32_t source, uint32_t uid);

typedef struct ll_append {
    uint64_t size;        /* bytes that will follow */
    int64_t internaldate; /* seconds since 1970; INT64_MIN if the client gave none: the connector takes its clock */
    unsigned flags;       /* system flags, bit LL_FLAG_x */
    const ll_span *keywords;
    size_t keywords_count;
} ll_append;

/* Names given to methods are UTF-8, already checked by the engine (length, depth, no empty level, INBOX in capitals).
 */
typedef struct ll_connector {
    uint32_t size; /* sizeof(ll_connector) of the host: methods beyond it count as NULL */

    /* The session has ended and will not call again. Every mailbox was closed and every upload aborted before. */
    void (*end)(void *self);

    /* All mailboxes, in the order to be listed; also subscribed names that no longer exist (LL_MAILBOX_NONEXISTENT). */
    ll_status (*list)(void *self, ll_call *call);
    /* Missing parents are created too. attributes: LL_MAILBOX_SPECIAL bits wanted, or 0. LL_EEXISTS. */
    ll_status (*create)(void *self, ll_call *call, ll_span name, unsigned attributes);
    /* LL_ENOTFOUND; LL_EDENIED for INBOX. A mailbox with children loses its messages and becomes \Noselect. */
    ll_status (*remove)(void *self, ll_call *call, ll_span name);
    /* Children move with it; missing parents are created. INBOX: its messages move to `to`, INBOX stays (RFC
     * 3501 6.3.5). */
    ll_status (*rename)(void *self, ll_call *call, ll_span from, ll_span to);
    ll_status (*subscribe)(void *self, ll_call *call, ll_span name, bool on);
    /* ll_call_status. */
    ll_status (*status)(void *self, ll_call *call, ll_span name);

    /* ll_call_opened. LL_ENOTFOUND. From here until close the connector calls ll_session_notify (through the host, on
     * the session's thread) whenever a newer version exists. */
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
     * `limit` rows: the engine asks again for the rest. */
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
     * gone after. */
    ll_status (*append_commit)(void *self, ll_call *call, void *const *uploads, size_t count);
    void (*append_abort)(void *self, void *upload);

    /* The quickest answer to "which UIDs may contain this text": optional, NULL means the engine reads the messages.
     * Reserved. */
    void *reserved;
} ll_connector;

/* ------------------------------------------------------------------------------------------------------ 5. Session */

typedef struct ll_session ll_session;

/* What the host does for a session. All are called on the session's thread, from inside an ll_session_* or ll_call_done
 * call. */
typedef struct ll_host {
    uint32_t size; /* sizeof(ll_host) of the host */

    /* Output or wants have changed outside of ll_session_input: take output soon, but not from inside this callback. */
    void (*wake)(void *context);
    /* Seconds since 1970-01-01T00:00:00Z. */
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
    LL_WANTS_TLS = 1u << 3     /* waits for ll_session_secured */
};
unsigned ll_session_wants(const ll_session *session);

/* There is a newer version of the mailbox that this session has open. Cheap; may be called at any time on the session's
 * thread. */
void ll_session_notify(ll_session *session);
/* Milliseconds without input after which the host should call ll_session_expire; 0: never. */
uint64_t ll_session_timeout_ms(const ll_session *session);
/* Too long silent: says BYE and ends. */
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

#ifdef __cplusplus
}
#endif
#endif
