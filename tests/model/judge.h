/* judge.h - runs the steps of a script on the engine and on the model, and compares every reply.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MODEL_JUDGE_H
#define TESTS_MODEL_JUDGE_H

#include "reply.h"
#include "rig.h"
#include "step.h"
#include "world.h"

enum { JUDGE_PIPE = 6, JUDGE_MATCHES = 8 };

/* One command under way. */
typedef struct act {
    step st;
    char tag[16];
    point since;                        /* UNCHANGEDSINCE, CHANGEDSINCE; modseq 0: none */
    bool resync;                        /* SELECT with QRESYNC */
    bool known_given;                   /* and with the known UIDs */
    uint32_t matches[JUDGE_MATCHES][2]; /* sequence match data: numbers and UIDs */
    size_t matches_count;
    /* the model's side */
    bool begun, changed, looked, read;
    bool touched;     /* it has changed the selected mailbox */
    const char *want; /* OK, NO or BAD; NULL: either of NO and OK */
    bool hold;        /* EXPUNGE must not be said */
    bool syncs;       /* the view may move at its end */
    bool dead;        /* the mailbox is not there any more: BYE at the end */
    bool bad_url;     /* CATENATE */
    bool follows;     /* its results are to be kept up to date: viewer.contexts, the one being made */
    bool unfollowed;  /* they should, but cannot: NOUPDATE */
    char range[96];   /* of PARTIAL; "": none */
    uint32_t uids[WORLD_MESSAGES];
    size_t uids_count;
    messages target; /* the mailbox when the engine looked */
    uint64_t target_stamp;
    uint32_t recent_first, uidnext;
    uint32_t from[WORLD_MESSAGES], to[WORLD_MESSAGES]; /* COPYUID, APPENDUID */
    size_t placed;
    uint32_t refused[WORLD_MESSAGES]; /* MODIFIED */
    size_t refused_count;
    struct {
        bool due; /* ESEARCH: a response with these must come, if there are any */
        unsigned generation;
        uint32_t uids[WORLD_MESSAGES];
        size_t count;
    } multi[WORLD_BOXES];
    struct {
        bool there;
        uint64_t messages, recent, unseen, uidnext, deleted, size;
    } status;
} act;

typedef struct judge {
    world w;
    rig r;
    act acts[RIG_SESSIONS];
    bool saw_news[RIG_SESSIONS]; /* the same, behind that reply */
    bool saw[RIG_SESSIONS];      /* the engine has looked at the mailbox since the last reply */
    bool busy[RIG_SESSIONS];     /* acts[n] is under way, in later mode */
    act pipe[JUDGE_PIPE];
    unsigned pipe_session;
    size_t pipe_count;
    text pipe_bytes;
    uint32_t *numbers;
    unsigned long tags;
    unsigned long commands, replies, updates;
    FILE *trace;      /* NULL: silent */
    char fault[1024]; /* "" while all is well */
} judge;

void judge_init(judge *j, rig_kind kind, FILE *trace);
void judge_fini(judge *j);
/* False: a difference; j->fault says which. */
bool judge_step(judge *j, const step *st);
/* All that is under way comes to its end. */
bool judge_finish(judge *j);

/* --- between the files of the judge --- */
bool judge_fault(judge *j, const char *format, ...) LL_PRINTF(2, 3);
/* judge_model.c: what the model says of a command. */
void act_begin(judge *j, act *a, unsigned n);
void act_change(judge *j, act *a, unsigned n);
void act_look(judge *j, act *a, unsigned n);
int entries_order(unsigned how, const entry *a, const entry *b);
/* UIDs of the viewer's messages as a SORT gives them. */
void uids_sort(viewer *v, unsigned how, uint32_t *uids, size_t count);
/* The results that PARTIAL asks for: a->uids from first to below last. False: none. */
bool act_partial(const act *a, size_t *first, size_t *last);
void act_read(judge *j, act *a, unsigned n);
/* What STATUS says of this mailbox now. */
void act_status(act *a, const box *b);
/* check_notify.c: the client itself changes something. */
void watch_know(const world *w, viewer *v);
/* News were said that nobody has compared: they may come again, or not. */
void watch_unsure(const world *w, viewer *v);
void watch_before(const world *w, viewer *v);
void watch_after(const world *w, viewer *v);
/* judge_check.c: read the replies of this command up to its tagged one and compare. */
bool act_check(judge *j, act *a, unsigned n);
/* Idling: what has been said meanwhile. */
bool idle_check(judge *j, act *a, unsigned n);
/* The same between commands, after NOTIFY. */
bool watch_check(judge *j, act *a, unsigned n);

#endif
