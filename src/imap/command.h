/* command.h - one command under way, and the table of all commands.
 * SPDX-License-Identifier: MIT
 *
 * A row of the table says where a command is legal, how it is parsed, how it runs, and what follows from it. The engine
 * knows no command by name. Adding a command is a row and a file.
 *
 * `parse` takes the arguments after the command's name (the lexer stands behind the SP, or at the end) and fills
 * c->state with a struct of its own from c->memory. It must take everything: the engine answers BAD if anything is
 * left. Answers: LL_OK, LL_ESYNTAX (BAD, with c->text if set), any other error (NO).
 *
 * `step` does the work and may be called many times:
 *     LL_OK     done: the engine syncs the snapshot as the row allows and says "tag OK [c->code] c->text"
 *     LL_LATER  a connector call is pending; step is called again when it is done, its answer in s->call
 *     LL_MORE   output is full (session_full), or the client must send something; step is called again then
 *     < 0       failed: "tag NO [code] text", code from c->code or from the status table; LL_ESYNTAX and LL_EINVAL: BAD
 * It keeps its place in c->phase and c->state. It must not block. It may be abandoned between calls (the session is
 * deleted): then `drop`, if there is one, releases what c->memory does not own. drop also runs after the end of every
 * command. */
#ifndef IMAP_COMMAND_H
#define IMAP_COMMAND_H

#include "base/arena.h"
#include "base/uidset.h"
#include "imap/lexer.h"

typedef struct command command;
typedef struct command_row command_row;

enum {
    /* Legal states, RFC 3501 section 3. */
    COMMAND_ANY = 1u << 0,
    COMMAND_NOT_AUTHENTICATED = 1u << 1,
    COMMAND_AUTHENTICATED = 1u << 2, /* also when selected */
    COMMAND_SELECTED = 1u << 3,
    /* Consequences. */
    COMMAND_UID = 1u << 8,      /* has a UID form: "UID NAME" */
    COMMAND_UID_ONLY = 1u << 9, /* exists only as "UID NAME" (UID EXPUNGE has a row of its own) */
    COMMAND_NO_EXPUNGE =
        1u << 10, /* EXPUNGE replies are held back during it (RFC 3501 section 7.4.1), unless it is the UID form */
    COMMAND_WRITES = 1u << 11,  /* refused on a mailbox opened by EXAMINE */
    COMMAND_NO_SYNC = 1u << 12, /* no snapshot sync at its end (LOGOUT, CLOSE, SELECT ...) */
    COMMAND_SECRET = 1u << 13,  /* its arguments are wiped */
    COMMAND_NUMBERS = 1u << 14, /* without UID it takes or gives message numbers: refused after ENABLE UIDONLY */
    COMMAND_TELLS = 1u << 15    /* it may change the selected mailbox: synced also for a client that wants no news */
};

struct command_row {
    const char *name;
    unsigned flags;
    ll_status (*parse)(ll_session *s, command *c, lexer *in);
    ll_status (*step)(ll_session *s, command *c);
    void (*drop)(ll_session *s, command *c);
};

struct command {
    /* set when the command's line has been read */
    arena memory; /* dies with the command */
    ll_span tag;
    const command_row *row; /* NULL: no command is under way */
    bool uid;               /* UID form */
    void *state;
    /* where it is */
    int phase;
    int64_t heard_s; /* when the client last heard of it, for session_progress; 0: not asked yet */
    uint32_t progress_done, progress_total; /* what session_progress was given */
    bool mid_response;                      /* its step may wait for the connector with a response half written */
    /* its outcome, if the row's defaults do not do */
    const char *code; /* "READ-WRITE", or an arena string such as "APPENDUID 1 2"; NULL: none */
    const char *text; /* NULL: "NAME completed" / the status text */
    /* for the sync at its end, see sync.h */
    uidset *sync_force;  /* owned; these get their FETCH even if nothing changed */
    uidset *sync_silent; /* owned; these get none if their flags are now what the client must think, which is: */
    struct {             /* what it knew, changed so */
        bool given;      /* by STORE, with .SILENT or without */
        ll_flags_op op;
        unsigned flags; /* bit LL_FLAG_x */
        const ll_span *keywords;
        size_t keywords_count;
    } sync_silent_op;
    void *notify_room;         /* the same for notify.c */
    void *context_fetch;       /* the same for search_context.c */
    struct rows *sync_rows;    /* room for sync.c, in `memory` */
    struct rows *context_rows; /* the same for search_context.c */
    bool sync_modseq;          /* the silent ones get a FETCH of their MODSEQ (conditional STORE, RFC 7162) */
    bool reply_modseq;         /* OK with HIGHESTMODSEQ, as it is after the sync */
    uint32_t limited;          /* the lowest UID worked on if there were too many messages, message_limit.h; 0: no */
    bool sync_hold_expunge;    /* more than the row says */
    bool sync_tells;           /* as COMMAND_TELLS: it has brought messages into the selected mailbox */
    bool said_expunge_held;    /* EXPUNGEISSUED was added */
};

extern const command_row command_table[];
extern const size_t command_table_count;
/* NULL: no such command. */
const command_row *command_find(ll_span name, bool uid);

/* The life of the command under way, for session.c; in this order. */
void command_begin(ll_session *s);      /* parse what input.c has collected; finished at once if that fails */
void command_begin_news(ll_session *s); /* the one without a tag, that notify.c runs between the client's */
void command_finish(ll_session *s,
                    ll_status outcome); /* its work is over, well or not; the client may still be sending */
void command_sync(ll_session *s);       /* compare the snapshot, as the row allows; s->sync if there is news */
void command_reply(ll_session *s);      /* the tagged reply */
void command_end(ll_session *s);        /* release everything of it; also when it was abandoned */
/* The outcome is BAD, not NO. */
bool command_is_bad(ll_status outcome);

/* The rows' functions, one family per file.
 * Engineer A (session side): run_session.c, run_login.c, run_mailbox.c, run_list.c, run_append.c, run_idle.c
 * Engineer B (message side): run_fetch.c, run_search.c, run_store.c, run_copy.c, run_expunge.c */
#define COMMAND(name)                                                                                                  \
    ll_status parse_##name(ll_session *s, command *c, lexer *in);                                                      \
    ll_status run_##name(ll_session *s, command *c);
COMMAND(none) /* takes no arguments; run_none does nothing: NOOP, CHECK */
COMMAND(capability)
COMMAND(logout)
COMMAND(id)
COMMAND(enable)
COMMAND(starttls)
COMMAND(authenticate)
COMMAND(login)
COMMAND(select)
COMMAND(examine)
COMMAND(create)
COMMAND(delete)
COMMAND(rename)
COMMAND(subscribe)
COMMAND(unsubscribe)
COMMAND(list)
COMMAND(lsub)
COMMAND(namespace)
COMMAND(status)
COMMAND(getquota)
COMMAND(getquotaroot)
COMMAND(setquota)
COMMAND(getmetadata)
COMMAND(setmetadata)
COMMAND(append)
COMMAND(replace)
COMMAND(close)
COMMAND(unselect)
COMMAND(idle)
COMMAND(notify)
COMMAND(compress)
COMMAND(unauthenticate)
COMMAND(fetch)
COMMAND(search)
COMMAND(esearch)
COMMAND(cancelupdate)
COMMAND(sort)
COMMAND(thread)
COMMAND(store)
COMMAND(copy)
COMMAND(move)
COMMAND(expunge)
COMMAND(uid_expunge)
#undef COMMAND
void drop_listing(ll_session *s, command *c);
void drop_append(ll_session *s, command *c);
void drop_fetch(ll_session *s, command *c);
void drop_search(ll_session *s, command *c);
void drop_esearch(ll_session *s, command *c);
void drop_sort(ll_session *s, command *c);
void drop_thread(ll_session *s, command *c);
void drop_notify(ll_session *s, command *c);
void drop_store(ll_session *s, command *c);
void drop_copy(ll_session *s, command *c);
void drop_expunge(ll_session *s, command *c);

#endif
