/* notify.h - what a client wants to be told without asking: NOTIFY, RFC 5465.
 * SPDX-License-Identifier: MIT
 *
 * "One log, many cursors": no queue of events grows for a client. What it was told last is kept as a survey of the
 * account; when something has changed a new survey is taken and compared with it, and what the client asked for is
 * said. So however much happens while a client is slow, it costs two surveys, and it hears of each mailbox once.
 *
 * News of the selected mailbox go the way of sync.c: between commands too if SELECTED was asked for, and without
 * changes of flags if FlagChange was not. If SELECTED was not asked for (section 3.1: the client does not want to
 * receive them), the snapshot moves only where the client itself has changed something, or asks anew with NOTIFY; and
 * then it moves to the present version, for a view of its own changes alone would be a mailbox that never was.
 *
 * What the client has done itself is no news (section 5): the commands say so with notify_own. */
#ifndef IMAP_NOTIFY_H
#define IMAP_NOTIFY_H

#include "imap/parse_fetch.h"
#include "imap/session.h"

enum {
    NOTIFY_NEW = 1u << 0,
    NOTIFY_EXPUNGE = 1u << 1,
    NOTIFY_FLAGS = 1u << 2,
    NOTIFY_NAME = 1u << 3,
    NOTIFY_SUBSCRIPTION = 1u << 4,
    NOTIFY_METADATA = 1u << 5,        /* of mailboxes */
    NOTIFY_SERVER_METADATA = 1u << 6, /* of the account; with whichever mailboxes it was named */
    NOTIFY_MESSAGES = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS,

    notify_groups_max = 64,       /* event groups: clients use under 5 */
    notify_names_max = 1000,      /* mailboxes named in all groups together: a client's own list of folders */
    notify_memory_max = 4 << 20,  /* what was asked for: the command's text and what it names */
    notify_survey_max = 64 << 20, /* a survey: 100,000 mailboxes */
    notify_deeds_max = 64 << 10   /* deeds between two surveys; what is beyond comes back as news: no harm */
};

typedef enum notify_where { NOTIFY_PERSONAL, NOTIFY_SUBSCRIBED, NOTIFY_SUBTREE, NOTIFY_NAMED } notify_where;

typedef struct notify_group {
    notify_where where;
    ll_span *names; /* UTF-8 */
    size_t count;
    unsigned events;
} notify_group;

/* What the client has done itself since the last survey. */
typedef struct notify_deed {
    struct notify_deed *next;
    ll_span mailbox;
    unsigned event;
    uint32_t messages;
} notify_deed;

/* What was asked. */
typedef struct notify_wish {
    arena memory;
    notify_group *groups;
    size_t count;
    unsigned selected;  /* events of the selected mailbox; 0: none */
    bool delayed;       /* SELECTED-DELAYED */
    fetch_items *items; /* to be said of a new message in it; NULL: none */
    notify_deed *deeds;
} notify_wish;

/* The account as it was surveyed, ordered by key: id, or name where there is none. */
typedef struct notify_account {
    arena memory;
    call_survey *surveys;
    call_entry *entries;
    size_t count;
} notify_account;

struct notify;

/* Take over what was asked (also on failure). Then notify_begin takes the first survey: nothing of it is news. status:
 * say STATUS of what is watched. LL_OK, LL_LATER, LL_MORE: as a command's step; LL_ENOMEM, LL_ELIMIT; the connector's.
 */
LL_MUST_USE ll_status notify_set(ll_session *s, notify_wish *wish);
LL_MUST_USE ll_status notify_begin(ll_session *s, bool status);
void notify_del(ll_session *s);

/* The command under way has done it, so it is no news: the mailbox has come, gone or changed its name (NOTIFY_NAME),
 * its subscription (NOTIFY_SUBSCRIPTION) or its metadata (NOTIFY_METADATA; "": NOTIFY_SERVER_METADATA). */
void notify_own(ll_session *s, ll_span mailbox, unsigned event);
/* The same for the messages that the call has placed in the mailbox, perhaps the selected one. */
void notify_own_messages(ll_session *s, ll_span mailbox);
/* At the end of a command, news of the selected mailbox are wanted; of flags too. Without NOTIFY always. */
bool notify_wants_selected(const ll_session *s);
bool notify_wants_flags(const ll_session *s);
/* Something may have changed. */
void notify_changed(ll_session *s);
/* Another mailbox was selected, or the present one closed. */
void notify_selected(ll_session *s);
/* There may be news: notify_step should run. */
bool notify_due(const ll_session *s);
/* Say the news, in IDLE (idle: removals may be said) or between commands. Answers as a command's step; LL_OK: the
 * client knows all. What cannot be found out ends NOTIFY with NOTIFICATIONOVERFLOW (section 5.8). */
LL_MUST_USE ll_status notify_step(ll_session *s, bool idle);
/* The command that runs between commands, without a tag: its row. */
extern const command_row notify_row;

#endif
