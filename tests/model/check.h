/* check.h - between the files that compare replies; see judge.h
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MODEL_CHECK_H
#define TESTS_MODEL_CHECK_H

#include "judge.h"

/* The replies to one command, read from the front. */
typedef struct check {
    judge *j;
    act *a;
    viewer *v;
    unsigned n;
    uint64_t before; /* the version that the view showed */
    size_t next;     /* of a->uids: whose FETCH data comes next */
    bool exists_said, result_said, select_exists, uidnext_said, uidvalidity_said, flags_said, permanent_said,
        recent_said, highest_said;
    bool recent_owed; /* the mailbox grew, or a \Recent message went: RECENT must follow */
    bool news;        /* of others has been told */
    bool moves;       /* the view moves at its end, whatever NOTIFY says */
    bool refusal_said;
    unsigned status_said, listed;
    bool moved; /* COPYUID of a MOVE */
    uint32_t unseen_said;
    uint32_t floor; /* of QRESYNC: up to this UID the client knows what has vanished */
    uint32_t told[WORLD_MESSAGES], vanished[REPLY_NUMBERS]; /* in this command */
    size_t told_count, vanished_count;
} check;

bool check_fault(const check *c, const char *what, uint64_t a, uint64_t b);
bool list_has(const uint32_t *list, size_t count, uint32_t uid);
/* It is SELECT or EXAMINE. */
bool check_opens(const act *a);
/* The message of this view has gone. */
bool check_gone(const check *c, const entry *e);
/* The messages that the client does not know yet, which come behind all others: how many; really: add them. */
size_t check_add_new(check *c, bool really);
size_t check_recent_count(const viewer *v);
/* check_fetch.c */
bool check_fetch(check *c, const reply *r);
/* Those left out of a CHANGEDSINCE must not have changed. */
bool check_left_out(check *c, size_t from, size_t to);
/* check_select.c */
bool select_number(check *c, const reply *r);
bool select_code(check *c, const reply *r);
bool select_end(check *c);

/* check_context.c: ADDTO and REMOVEFROM; NOUPDATE; before this message goes; the view has moved; CANCELUPDATE. */
bool context_update(check *c, const reply *r);
bool context_refused(check *c, const reply *r);
bool context_may_go(const check *c, uint32_t uid);
bool context_settle(check *c);
void context_cancel(check *c);
/* ENABLE IMAP4rev2; ENABLE UIDONLY. */
void context_no_recent(viewer *v);
void context_end_numbers(viewer *v);

bool resync_asked(const check *c, uint32_t uid);

/* judge_check.c: with a mod-sequence in its keys this search may have more than one right answer. */
bool check_vague(const check *c);

/* check_list.c: LIST, its STATUS and what is missing; THREAD. */
bool list_answer(check *c, const reply *r);
bool list_status(check *c, const reply *r);
bool list_end(check *c);
bool check_thread(check *c, const reply *r);

/* check_notify.c */
bool viewer_quiet(const viewer *v);
bool viewer_prompt(const viewer *v);
bool check_wants_flags(const check *c);
bool watch_status(check *c, const reply *r);
bool watch_list(check *c, const reply *r);
bool watch_settle(check *c);
void watch_begin(check *c);
bool watch_begun(check *c);
bool watch_data(check *c, const reply *r, entry *e, bool *good);

#endif
