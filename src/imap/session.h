/* session.h - inside an ll_session. For the imap room only.
 * SPDX-License-Identifier: MIT
 *
 * The engine is a loop (session.c): collect one command (input.c), parse it (its row's parse), step it until it is
 * done, sync the snapshot (sync.c), say the tagged reply, next. It stops whenever there is nothing to do without the
 * client, the connector or room for output, and goes on from there. */
#ifndef IMAP_SESSION_H
#define IMAP_SESSION_H

#include "base/text.h"
#include "imap/call.h"
#include "imap/command.h"
#include "imap/snapshot.h"

typedef enum session_state {
    SESSION_NOT_AUTHENTICATED,
    SESSION_AUTHENTICATED,
    SESSION_SELECTED,
    SESSION_ENDING, /* BYE was said: only output is left */
} session_state;

/* How far the command under way is; see session.c. */
typedef enum session_stage {
    STAGE_COLLECT, /* none is: its bytes are being collected */
    STAGE_STEP,    /* its row's step is at work */
    STAGE_SKIP,    /* it is done, but the client still sends what belongs to it */
    STAGE_SYNC     /* the snapshot's news are being written; then comes the tagged reply */
} session_stage;

/* What the host said about the SASL exchange, not yet used by run_login.c. */
typedef enum auth_answer { AUTH_NONE, AUTH_CHALLENGE, AUTH_DONE, AUTH_REFUSED } auth_answer;

/* What the next bytes of the client are. */
typedef enum input_state {
    INPUT_COMMAND, /* bytes of a command */
    INPUT_LITERAL, /* bytes of a literal that belongs to the command's text */
    INPUT_SKIP,    /* bytes of a refused literal (LITERAL+), or the rest of a refused line */
    INPUT_LINE,    /* one line for the command under way: a SASL response, DONE */
    INPUT_STREAM   /* bytes of a message for APPEND */
} input_state;

/* Bits of `enabled`: what the client has enabled with ENABLE (RFC 5161) or by a command that implies it. */
enum {
    SESSION_ENABLED_CONDSTORE = 1u << 0, /* RFC 7162 section 3.1: MODSEQ in every untagged FETCH */
    SESSION_ENABLED_QRESYNC = 1u << 1,   /* RFC 7162 section 3.2: VANISHED instead of EXPUNGE; implies CONDSTORE */
    SESSION_ENABLED_REV2 = 1u << 2,      /* RFC 9051: ESEARCH always, no RECENT */
    SESSION_ENABLED_UTF8 = 1u << 3,      /* RFC 6855: UTF-8 in quoted strings, both ways */
    SESSION_ENABLED_UIDONLY = 1u << 4    /* RFC 9586: no sequence numbers */
};

typedef struct session_append session_append;

/* A command and what belongs to it alone: what appends.h takes out of the session, and puts back. */
typedef struct session_work {
    command command;
    ll_span command_text;
    session_stage stage;
    ll_status outcome;
    ll_call *call;
    void **uploads;
    size_t uploads_count;
    bool uploads_committed;
    uint64_t uploads_bytes;
} session_work;

struct ll_session {
    /* set at creation */
    const ll_allocator *allocator;
    ll_limits limits;
    const ll_host *host;
    void *context;
    bool clear_login;

    /* the connection */
    session_state state;
    bool secure;
    bool waits_tls;
    bool broken; /* out of memory where nothing could be said: close */
    input_state input_state;
    text input;            /* the command so far */
    uint64_t literal_left; /* bytes of the current literal or stream still to come */
    uint64_t prelogin_bytes;
    unsigned bad_commands, auth_failures;
    text output;
    size_t output_sent;           /* bytes of output already taken */
    struct compression *compress; /* NULL: neither asked for nor active, RFC 4978 */
    bool compress_active; /* then `output` is what is to be deflated, and these are on their way to the client: */
    text packed;
    size_t packed_sent;
    bool running;          /* inside the loop: no recursion */
    bool paused;           /* the host is asked to call ll_session_continue */
    ll_span shutdown_text; /* data is not NULL: say BYE when the command is done */

    /* after login */
    const ll_connector *connector;
    void *self;
    ll_call *call;
    unsigned enabled; /* bits of SESSION_ENABLED_x, RFC 5161 */

    struct notify *notify; /* NULL: NOTIFY was never used, see notify.h */

    /* the selected mailbox */
    text mailbox_key; /* its id (RFC 8474), or its name if the connector gave no id */
    bool mailbox_key_is_id;
    void *mailbox;                   /* NULL: none */
    struct search_context *contexts; /* searches being followed, see search_context.h */
    text selected_name;              /* as it was selected; for what says MAILBOX to the client */
    void *other_mailbox; /* a second one that the command under way has opened to read from (CATENATE); NULL: none */
    bool readonly;
    snapshot snap;
    bool notified;         /* a newer version may exist */
    uint32_t recent_first; /* \Recent that `latest` has given us and the snapshot has not: from this UID; 0: none */

    /* the command under way */
    command command;
    struct sync *sync; /* updates being written, see sync.h */
    session_stage stage;
    ll_status outcome;     /* of the command, from STAGE_SKIP on */
    ll_span command_text;  /* the command's bytes, in its arena */
    bool end_after;        /* after the tagged reply the session ends (LOGOUT) */
    bool compress_after;   /* after the tagged reply both directions are deflated */
    bool start_tls_after;  /* after the tagged reply TLS begins */
    const char *bye_after; /* after the tagged reply: "* BYE text" and the end; NULL: no */

    /* see input.h */
    bool input_nul;          /* it has a NUL where none may be */
    bool literal_binary;     /* the present literal may have */
    bool input_ready;        /* `input` holds a whole command, or one up to the announcement of its message */
    size_t input_line_start; /* where in `input` the present line begins (a literal ends a line) */
    size_t input_line_bytes; /* bytes of the command without its literals */
    text refusal;            /* the reply when what is being skipped is over */
    bool refusal_is_bad;     /* it counts as a BAD answer */
    struct {
        bool open;   /* a message was announced and nobody has taken it */
        bool plus;   /* without waiting, RFC 7888 */
        bool binary; /* literal8, RFC 3516 */
        uint64_t size;
    } announced;
    text line; /* INPUT_LINE: without its end */
    bool line_ready, line_overflow;
    ll_status (*stream)(ll_session *s, command *c, ll_span bytes); /* INPUT_STREAM: where its bytes go */

    /* the SASL exchange under way */
    bool auth_active; /* the host has it */
    auth_answer auth_answer;
    ll_status auth_status;
    text auth_text; /* the challenge, the data with success, or the text of a refusal */

    /* messages of the APPEND under way, in the connector's hands */
    void **uploads;
    size_t uploads_count;
    bool uploads_committed; /* append_commit has them */
    uint64_t uploads_bytes; /* in all of them */

    /* APPENDs before it whose commit is under way, see appends.h */
    struct {
        session_append *first, *last; /* oldest first */
        size_t count;
        uint64_t bytes;
        bool replying; /* the first is the command under way; what was received is in its place */
    } appends;
    const char *bye_held; /* BYE is due when they are replied to; NULL: no */
    bool refusal_held;    /* `refusal` is, or the "+ " of a literal, which is there */
};

enum {
    session_output_slack =
        1 << 20, /* above limits.output_bytes: the item that filled it, such as 256 KiB of a literal */
    session_command_memory =
        32 << 20, /* arena of one command: sets and keys parsed from command_bytes, many times over */
    session_prelogin_memory = 256 << 10, /* the same before login: 8 KiB of command cannot need more */
    session_output_keep = 1024,          /* an output buffer larger than this is freed once it was sent */
    session_progress_s = 10,             /* RFC 9585 section 4 recommends 10 to 15 */
    session_tag_max = 1024               /* bytes of a tag: clients use under 20, and every reply repeats it */
};

/* --- for the run_*.c files --- */

/* Output is at its ceiling: answer LL_MORE soon. */
bool session_full(const ll_session *s);
/* True: the host will go on with this session later, so answer LL_MORE now; false: it does not know how, go on. For a
 * step that has worked for some milliseconds without having to wait for anybody. */
bool session_yield(ll_session *s);
/* For a step that works long without saying anything, at every pause: says "* OK [INPROGRESS ...]" (RFC 9585) when the
 * client has heard nothing for session_progress_s. total 0: nothing is known of how far it is. Not within a response.
 * While a step waits for the connector, ll_session_expire says it. */
void session_progress(ll_session *s, uint32_t done, uint32_t total);
/* Append to the output. Lines end with CRLF by the caller. Errors are sticky and end the session. */
#define session_say(s, ...) text_print(&(s)->output, __VA_ARGS__)
static inline void session_add(ll_session *s, ll_span bytes)
{
    text_add(&s->output, bytes);
}
static inline void session_add_str(ll_session *s, const char *string)
{
    text_add_str(&s->output, string);
}

/* Ask the connector: call = session_call(s); status = s->connector->method(s->self, call, ...); return session_asked(s,
 * status). session_asked notes a pending call; the answer is the same status. When it was LL_OK or an error the answer
 * is in s->call at once, and s->call->status has it too. So a step reads:
 *
 *     case 0:
 *         c->phase = 1;
 *         if (session_asked(s, s->connector->list(s->self, session_call(s))) == LL_LATER)
 *             return LL_LATER;
 *         // fall through
 *     case 1:
 *         if (s->call->status < 0) return session_call_failed(s, c);
 *         ... use s->call->mailboxes ...
 */
ll_call *session_call(ll_session *s);
ll_status session_asked(ll_session *s, ll_status status);
/* Take over the connector's human text (if any) as the command's, and answer its status. */
ll_status session_call_failed(ll_session *s, command *c);
/* The same for another's text: made harmless, may be empty. Answers the status. */
ll_status session_failed(command *c, ll_status status, ll_span human);
/* BAD [UIDREQUIRED]: the command has message numbers, and the client has switched them off (RFC 9586 section 3). */
ll_status session_uid_required(command *c);
/* printf into the command's arena, for c->code and c->text; NULL when out of memory. */
const char *command_print(command *c, const char *format, ...) LL_PRINTF(2, 3);

/* The connector has this optional method of ll_connector. False before login. */
#define session_can(s, method)                                                                                         \
    ((s)->connector && (s)->connector->size >= offsetof(ll_connector, method) + sizeof((s)->connector->method) &&      \
     (s)->connector->method)
/* And what has no method of its own: a bit of LL_OFFERS_x. */
#define session_offers(s, bit) (session_can(s, offers) && ((s)->connector->offers & (bit)))
/* RFC 5464: to read it and to write it. */
#define session_has_metadata(s) (session_can(s, metadata) && session_can(s, metadata_set))
/* The same for the host. */
#define session_host_can(s, method)                                                                                    \
    ((s)->host->size >= offsetof(ll_host, method) + sizeof((s)->host->method) && (s)->host->method)
/* Minutes east of UTC at this moment in the host's zone (utc_offset). */
int32_t session_offset(const ll_session *s, int64_t seconds);
/* The command is one that enables CONDSTORE (RFC 7162 section 3.1): from now on MODSEQ and UID are in every FETCH that
 * the client did not ask for. The first time, "* OK [HIGHESTMODSEQ n]" is said if a mailbox is selected. Before that,
 * BAD is due if !session_can(s, changes). */
void session_enable_condstore(ll_session *s);
/* A message's mod-sequence as this client may hear it: never above the version that it is told of, so that it asks
 * again for what came later. */
uint64_t session_modseq(const ll_session *s, const ll_row *row);
/* "* VANISHED uids" (RFC 7162 section 3.2.10) of the set from *from on (begin with 1), in lines of bounded length;
 * earlier: with the EARLIER tag. LL_OK: all said; LL_MORE: output is full, call again; LL_ENOMEM. */
LL_MUST_USE ll_status session_say_vanished(ll_session *s, const uidset *uids, uint32_t *from, bool earlier);

/* As before login (RFC 8437): the mailbox is closed, the connector ended, nothing is enabled. Only TLS stays. */
void session_forget_login(ll_session *s);
/* No message numbers, either way (RFC 9586). */
static inline bool session_uidonly(const ll_session *s)
{
    return s->enabled & SESSION_ENABLED_UIDONLY;
}
/* Strings may be UTF-8 (RFC 6855, RFC 9051). */
static inline bool session_utf8(const ll_session *s)
{
    return s->enabled & (SESSION_ENABLED_UTF8 | SESSION_ENABLED_REV2);
}
/* A mailbox's name as the client wrote it, by what it has enabled: modified UTF-7, or UTF-8 where '&' is no more than
 * itself. As name_read. */
LL_MUST_USE ll_status session_read_name(const ll_session *s, ll_span written, arena *memory, ll_span *name);
/* The same for a pattern of LIST, as name_read_pattern. */
LL_MUST_USE ll_status session_read_pattern(const ll_session *s, ll_span reference, ll_span written, arena *memory,
                                           ll_span *pattern);
/* And back: append a mailbox's name as this client reads it. */
void session_add_name(const ll_session *s, text *out, ll_span name);

/* Leave the selected mailbox (if any) without saying anything. */
void session_unselect(ll_session *s);
/* Say "* BYE text" and end; the rest of the input is ignored. */
void session_bye(ll_session *s, const char *text);

/* One more BAD answer in a row; BYE if they are too many. */
void session_count_bad(ll_session *s);
/* The connector has answered: given to call_new. */
void session_call_done(ll_call *call, void *context);
/* Go on with whatever can go on; not from inside a step. */
void session_run(ll_session *s);

#endif
