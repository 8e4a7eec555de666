/* step.h - one command of a script: made at random, written and read as a line of text, so that a case can be kept.
 * SPDX-License-Identifier: MIT
 *
 *     2 STORE uid=1 set=1:3 how=1 flags=9 point=2
 *
 * is session 2 with UID STORE 1:3 +FLAGS (\Seen \Deleted), UNCHANGEDSINCE the third of the mod-sequences that the model
 * has learned (FETCH: CHANGEDSINCE, SEARCH: MODSEQ above it). Sets and numbers are as they stand: a script stays
 * meaningful when lines are taken out of it. */
#ifndef TESTS_MODEL_STEP_H
#define TESTS_MODEL_STEP_H

#include "world.h"

#include <stdio.h>

typedef enum step_op {
    OP_NOOP,
    OP_CHECK,
    OP_SELECT,
    OP_EXAMINE,
    OP_UNSELECT,
    OP_CLOSE,
    OP_FETCH,
    OP_STORE,
    OP_SEARCH,
    OP_COPY,
    OP_MOVE,
    OP_EXPUNGE,
    OP_APPEND,
    OP_STATUS,
    OP_IDLE,
    OP_DONE,
    OP_CREATE,
    OP_DELETE,
    OP_ENABLE,
    OP_LIST,
    /* LIST, how: 1 RETURN (STATUS), 2 (SUBSCRIBED), 3 of A and INBOX. APPEND with resync: CATENATE, how: 1 of the URL
     * of message n of box resync - 1, 2 of URLs of its parts */
    OP_RENAME,  /* box to box n */
    OP_REPLACE, /* set is one number */
    OP_LOGOUT,
    OP_DROP,      /* the connection breaks */
    OP_SORT,      /* how: by what */
    OP_NOTIFY,    /* how: 0 NONE, 1 SELECTED, 2 SELECTED-DELAYED, 3 neither; flags: FlagChange; items: of new messages;
                     n: other mailboxes, as wishes[n] of world.c;
                     silent: STATUS */
    OP_GO,        /* a command under way moves on a little */
    OP_CANCEL,    /* CANCELUPDATE of the context n, how: and of the next */
    OP_ESEARCH,   /* n: in what mailboxes, as sources[n] of world.c */
    OP_THREAD,    /* how: 0 ORDEREDSUBJECT, 1 REFERENCES */
    OP_SUBSCRIBE, /* how: UNSUBSCRIBE */
    OPS
} step_op;

enum {
    RETURN_GIVEN = 1,
    RETURN_MIN = 2,
    RETURN_MAX = 4,
    RETURN_ALL = 8,
    RETURN_COUNT = 16,
    RETURN_SAVE = 32,
    RETURN_PARTIAL = 64,
    RETURN_UPDATE = 128, /* n: with the tag of the context n - 1, which is refused */
    RETURN_CONTEXT = 256
};

enum { SORTS = 6 }; /* ARRIVAL, SIZE, REVERSE SIZE, REVERSE ARRIVAL, SUBJECT, REVERSE SUBJECT SIZE */

typedef struct step {
    unsigned session;
    step_op op;
    unsigned uid, silent, how, flags, items, box, n, date, ret;
    unsigned point;  /* 0: none, else the point n - 1 */
    unsigned pipe;   /* sent together with the next command, of the same session */
    unsigned later;  /* the connector answers later: other sessions come in between (GO) */
    unsigned resync; /* SELECT: 1 CONDSTORE, 2 QRESYNC, with what bits of how say: 1 the known UIDs, 2 but only
                        every other one, 4 sequence match data, 8 of another UIDVALIDITY; FETCH CHANGEDSINCE: 1
                        VANISHED; ENABLE: 1 CONDSTORE, 2 QRESYNC, 3 IMAP4rev2, 4 UIDONLY */
    char set[48];    /* "$" too; SEARCH, SORT: the range of PARTIAL */
    char keys[96];   /* SEARCH, SORT: keys with '_' between them, '~' for SP in a string; FETCH: the range of PARTIAL */
} step;

void step_print(const step *st, FILE *out);
/* False: not a step. */
bool step_scan(const char *line, step *st);
/* The next step of a story; what it is about depends on the model's present state. */
void step_random(world *w, uint64_t *random, unsigned sessions, bool busy[], step *st);
uint64_t chance_next(uint64_t *state);
unsigned chance_below(uint64_t *state, unsigned n);

#endif
