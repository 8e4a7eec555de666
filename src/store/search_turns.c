/* search_turns.c - see search_turns.h
 * SPDX-License-Identifier: MIT */
#include "store/search_turns.h"

#include "base/memory.h"

#include <pthread.h>

struct search_turns {
    pthread_mutex_t mutex;
    unsigned taken, max;
    search_turn *first, *last; /* the line */
};

ll_status search_turns_new(search_turns **out, unsigned max)
{
    search_turns *t = *out = memory_new(NULL, sizeof *t);
    if (!t)
        return LL_ENOMEM;
    pthread_mutex_init(&t->mutex, NULL);
    t->max = max;
    return LL_OK;
}

void search_turns_del(search_turns **turns)
{
    search_turns *t = *turns;
    *turns = NULL;
    if (!t)
        return;
    pthread_mutex_destroy(&t->mutex);
    memory_free(NULL, t);
}

static void join_line(search_turns *t, search_turn *turn)
{
    turn->next = NULL;
    if (t->last)
        t->last = t->last->next = turn;
    else
        t->first = t->last = turn;
}

static search_turn *leave_line(search_turns *t)
{
    search_turn *turn = t->first;
    if (!turn)
        return NULL;
    t->first = turn->next;
    if (!t->first)
        t->last = NULL;
    return turn;
}

bool search_turns_take(search_turns *t, search_turn *turn)
{
    pthread_mutex_lock(&t->mutex);
    bool now = t->taken < t->max;
    if (now)
        t->taken++;
    else
        join_line(t, turn);
    pthread_mutex_unlock(&t->mutex);
    return now;
}

void search_turns_give(search_turns *t)
{
    pthread_mutex_lock(&t->mutex);
    search_turn *next = leave_line(t);
    if (!next)
        t->taken--;
    pthread_mutex_unlock(&t->mutex);
    if (next)
        next->begin(next);
}

bool search_turns_pass(search_turns *t, search_turn *turn)
{
    pthread_mutex_lock(&t->mutex);
    search_turn *next = leave_line(t);
    if (next)
        join_line(t, turn);
    pthread_mutex_unlock(&t->mutex);
    if (next)
        next->begin(next);
    return next != NULL;
}
