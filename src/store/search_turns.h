/* search_turns.h - how many vaults of a server are indexed at a time.
 * SPDX-License-Identifier: MIT
 *
 * A run of search_index.c takes up to a worker and some 35 MB while it reads. So that mail for a thousand vaults takes
 * neither all workers nor all memory, a run waits for its turn, in the order of asking, and lets the others before it
 * again whenever it has stored something. Any thread. */
#ifndef STORE_SEARCH_TURNS_H
#define STORE_SEARCH_TURNS_H

#include "base/span.h"

/* Vaults indexed at a time: of four workers half are free for those who wait for an answer, and a long run (of a
 * mailbox that was imported) does not keep everybody else waiting. */
#define SEARCH_TURNS 2

typedef struct search_turns search_turns;

typedef struct search_turn {
    struct search_turn *next;
    void (*begin)(
        struct search_turn *turn); /* its turn has come; on the thread of who gave his back. Set by the owner */
} search_turn;

/* LL_ENOMEM. max: SEARCH_TURNS. */
LL_MUST_USE ll_status search_turns_new(search_turns **out, unsigned max);
/* Nobody has a turn or waits. NULL is fine. */
void search_turns_del(search_turns **turns);
/* True: it is our turn now. False: begin will be called; the turn must stay until then. */
bool search_turns_take(search_turns *t, search_turn *turn);
/* The turn is over: the next in line begins. */
void search_turns_give(search_turns *t);
/* Let the next in line begin and wait behind the others. False: nobody waits, we still have our turn. */
bool search_turns_pass(search_turns *t, search_turn *turn);

#endif
