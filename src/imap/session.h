/* session.h - inside an ll_session. For the imap room only.
 * SPDX-License-Identifier: MIT
 *
 * The engine is a loop (session.c): collect one command (input.c), parse it (its row's parse), step it until it is done, sync the
 * snapshot (sync.c), say the tagged reply, next. It stops whenever there is nothing to do without the client, the
 * connector or room for output, and goes on from there. */
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

/* What the next bytes of the client are. */
typedef enum input_state {
    INPUT_COMMAND, /* bytes of a command */
    INPUT_LITERAL, /* bytes of a literal that belongs to the command's text */
    INPUT_SKIP,    /* bytes of a refused literal (LITERAL+), or the rest of a refused line */
    INPUT_LINE,    /* one line for the command under way: a SASL response, DONE */
    INPUT_STREAM   /* bytes of a message for APPEND */
} input_state;

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
    size_t output_sent; /* bytes of output already taken */
    bool running; /* inside the loop: no recursion */
    ll_span shutdown_text; /* data is not NULL: say BYE when the command is done */

    /* after login */
    const ll_connector *connector;
    void *self;
    ll_call *call;
    unsigned enabled; /* bits of SESSION_ENABLED_x, RFC 5161 */

    /* the selected mailbox */
    void *mailbox; /* NULL: none */
    bool readonly;
    snapshot snap;
    bool notified; /* a newer version may exist */

    /* the command under way */
    command command;
    struct sync *sync; /* updates being written, see sync.h */
};

/* --- for the run_*.c files --- */

/* Output is at its ceiling: answer LL_MORE soon. */
bool session_full(const ll_session *s);
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

/* Ask the connector: call = session_call(s); status = s->connector->method(s->self, call, ...); return session_asked(s, status).
 * session_asked notes a pending call; the answer is the same status. When it was LL_OK or an error the answer is in s->call at once, and
 * s->call->status has it too. So a step reads:
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
/* printf into the command's arena, for c->code and c->text; NULL when out of memory. */
const char *command_print(command *c, const char *format, ...) LL_PRINTF(2, 3);

/* Leave the selected mailbox (if any) without saying anything. */
void session_unselect(ll_session *s);
/* Say "* BYE text" and end; the rest of the input is ignored. */
void session_bye(ll_session *s, const char *text);

/* The capabilities at this moment, separated by spaces (RFC 3501 section 6.1.1), appended to `out`. */
void session_capabilities(const ll_session *s, text *out);

#endif
