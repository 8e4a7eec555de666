/* step.c - see step.h
 * SPDX-License-Identifier: MIT */
#include "step.h"

#include "reply.h"

#include <stdlib.h>
#include <string.h>

static const char *const op_names[OPS] = {
    "NOOP",   "CHECK",  "SELECT", "EXAMINE",      "UNSELECT", "CLOSE",   "FETCH",    "STORE",
    "SEARCH", "COPY",   "MOVE",   "EXPUNGE",      "APPEND",   "STATUS",  "IDLE",     "DONE",
    "CREATE", "DELETE", "ENABLE", "LIST",         "RENAME",   "REPLACE", "LOGOUT",   "DROP",
    "SORT",   "NOTIFY", "GO",     "CANCELUPDATE", "ESEARCH",  "THREAD",  "SUBSCRIBE"};

#define FIELDS(X)                                                                                                      \
    X(uid) X(silent) X(how) X(flags) X(items) X(box) X(n) X(date) X(ret) X(point) X(pipe) X(later) X(resync)

void step_print(const step *st, FILE *out)
{
    fprintf(out, "%u %s", st->session, op_names[st->op]);
#define X(field)                                                                                                       \
    if (st->field)                                                                                                     \
        fprintf(out, " " #field "=%u", st->field);
    FIELDS(X)
#undef X
    if (*st->set)
        fprintf(out, " set=%s", st->set);
    if (*st->keys)
        fprintf(out, " keys=%s", st->keys);
    fputc('\n', out);
}

static bool scan_field(char *word, step *st)
{
    char *value = strchr(word, '=');
    if (!value)
        return false;
    *value++ = '\0';
#define X(field)                                                                                                       \
    if (!strcmp(word, #field)) {                                                                                       \
        st->field = (unsigned)strtoul(value, NULL, 10);                                                                \
        return true;                                                                                                   \
    }
    FIELDS(X)
#undef X
    if (!strcmp(word, "set"))
        snprintf(st->set, sizeof st->set, "%s", value);
    else if (!strcmp(word, "keys"))
        snprintf(st->keys, sizeof st->keys, "%s", value);
    else
        return false;
    return true;
}

bool step_scan(const char *line, step *st)
{
    char copy[512], *rest = copy;
    snprintf(copy, sizeof copy, "%s", line);
    copy[strcspn(copy, "\r\n#")] = '\0';
    memset(st, 0, sizeof *st);
    char *word = strsep(&rest, " ");
    st->session = (unsigned)strtoul(word, NULL, 10) % WORLD_VIEWERS;
    if (!rest)
        return false;
    word = strsep(&rest, " ");
    for (st->op = 0; st->op < OPS && strcmp(op_names[st->op], word) != 0;)
        st->op++;
    if (st->op == OPS)
        return false;
    while (rest) {
        word = strsep(&rest, " ");
        if (*word && !scan_field(word, st))
            return false;
    }
    st->box %= WORLD_BOXES;
    return true;
}

/* ------------------------------------------------------------------------------------------------ Chance */

uint64_t chance_next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

unsigned chance_below(uint64_t *state, unsigned n)
{
    return (unsigned)((chance_next(state) >> 33) % n);
}

static bool chance(uint64_t *r, unsigned percent)
{
    return chance_below(r, 100) < percent;
}

/* A number or UID that is likely to mean something. */
static void one_number(const viewer *v, uint64_t *r, bool uid, char *out, size_t room)
{
    unsigned kind = chance_below(r, 20);
    if (kind == 0)
        snprintf(out, room, "*");
    else if (kind == 1 && uid)
        snprintf(out, room, "%u", 1 + chance_below(r, 200));
    else if (kind == 2 && chance(r, 30))
        snprintf(out, room, "%zu", v->count + 1 + chance_below(r, 3));
    else if (v->count)
        snprintf(out, room, "%zu",
                 uid ? (size_t)v->at[chance_below(r, (unsigned)v->count)].uid
                     : 1 + (size_t)chance_below(r, (unsigned)v->count));
    else
        snprintf(out, room, "%u", 1 + chance_below(r, 3));
}

static void random_set(const viewer *v, uint64_t *r, bool uid, char *out, size_t room)
{
    unsigned parts = 1 + (chance(r, 25) ? chance_below(r, 3) : 0);
    *out = '\0';
    if (chance(r, 4) && v->saved_count) {
        snprintf(out, room, "$");
        return;
    }
    for (unsigned i = 0; i < parts; i++) {
        char first[12], last[12];
        size_t used = strlen(out);
        one_number(v, r, uid, first, sizeof first);
        one_number(v, r, uid, last, sizeof last);
        if (chance(r, 12))
            snprintf(out + used, room - used, "%s1:*", i ? "," : "");
        else if (chance(r, 40))
            snprintf(out + used, room - used, "%s%s:%s", i ? "," : "", first, last);
        else
            snprintf(out + used, room - used, "%s%s", i ? "," : "", first);
    }
}

static unsigned random_flags(uint64_t *r)
{
    unsigned flags = 0;
    for (unsigned i = 0; i < 8; i++)
        if (chance(r, i < 5 ? 22 : 12))
            flags |= 1u << i;
    return flags;
}

static void random_keys(const viewer *v, uint64_t *r, char *out, size_t room)
{
    static const char *const plain[] = {"ALL",
                                        "ANSWERED",
                                        "DELETED",
                                        "FLAGGED",
                                        "SEEN",
                                        "DRAFT",
                                        "UNANSWERED",
                                        "UNDELETED",
                                        "UNFLAGGED",
                                        "UNSEEN",
                                        "UNDRAFT",
                                        "KEYWORD_$A",
                                        "KEYWORD_bc",
                                        "UNKEYWORD_x-y",
                                        "RECENT",
                                        "NEW",
                                        "OLD",
                                        "SUBJECT_s3",
                                        "SUBJECT_subject",
                                        "SUBJECT_\"aus~wien\"",
                                        "SUBJECT_\"long~subject\"",
                                        "SUBJECT_alpha",
                                        "BODY_alpha",
                                        "BODY_river",
                                        "BODY_\"alpha~river\"",
                                        "BODY_Treasure",
                                        "BODY_jqxels",
                                        "BODY_a",
                                        "BODY_\"e~ist\"",
                                        "BODY_lang",
                                        "BODY_=C3",
                                        "BODY_zzzz",
                                        "TEXT_\"AUS~Wien\"",
                                        "TEXT_beta",
                                        "TEXT_zoe",
                                        "TEXT_quoted",
                                        "TEXT_example",
                                        "FROM_zoe",
                                        "FROM_example",
                                        "TO_ann",
                                        "HEADER_X-Tag_GREEN",
                                        "HEADER_X-Tag_\"\"",
                                        "HEADER_subject_line",
                                        "HEADER_Subject_\"beta\"",
                                        "LARGER_200",
                                        "SMALLER_400",
                                        "BEFORE_1-Jan-2005",
                                        "SINCE_1-Jan-2005"};
    unsigned parts = 1 + chance_below(r, 3);
    *out = '\0';
    for (unsigned i = 0; i < parts; i++) {
        char set[48];
        size_t used = strlen(out);
        if (used + 60 > room)
            return;
        const char *prefix = chance(r, 15) ? "NOT_" : chance(r, 12) ? "OR_SEEN_" : "";
        random_set(v, r, i & 1u, set, sizeof set);
        if (chance(r, 10) && used + 80 < room)
            snprintf(out + used, room - used, "%s%s(_%s_%s%s_)", i ? "_" : "", prefix,
                     i & 1u ? "FLAGGED" : "OR_DRAFT_(_SEEN_ANSWERED_)", i & 1u ? "UID_" : "", set);
        else if (chance(r, 25))
            snprintf(out + used, room - used, "%s%s%s%s", i ? "_" : "", prefix, i & 1u ? "UID_" : "", set);
        else
            snprintf(out + used, room - used, "%s%s%s", i ? "_" : "", prefix,
                     plain[chance_below(r, sizeof plain / sizeof *plain)]);
    }
}

static void random_range(uint64_t *r, char *out, size_t room)
{
    const char *sign = chance(r, 40) ? "-" : "";
    snprintf(out, room, "%s%u:%s%u", sign, 1 + chance_below(r, 8), sign, 1 + chance_below(r, 12));
}

static void random_fetch(uint64_t *r, step *st)
{
    st->items = 0;
    for (unsigned i = 0; i < 8; i++)
        if (chance(r, i == 0 ? 60 : i == 1 ? 30 : 12))
            st->items |= 1u << i;
    if (!st->items || st->items == ITEM_UID)
        st->items |= ITEM_FLAGS;
    if ((st->items & ITEM_PEEK) && (st->items & ITEM_BODY))
        st->items &= ~(unsigned)ITEM_PEEK;
    if (chance(r, 80))
        st->items &= ~(unsigned)ITEM_MODSEQ;
    if (chance(r, 6)) {
        st->point = 1 + chance_below(r, WORLD_POINTS);
        st->resync = st->uid && chance(r, 50);
    }
    if (st->uid && chance(r, 10))
        random_range(r, st->keys, sizeof st->keys);
}

static void random_partial(uint64_t *r, step *st)
{
    st->ret |= RETURN_GIVEN | RETURN_PARTIAL;
    if (chance(r, 95))
        st->ret &= ~(unsigned)RETURN_ALL;
    random_range(r, st->set, sizeof st->set);
}

/* SEARCH or SORT. */
static void random_search(const viewer *v, uint64_t *r, step *st)
{
    *st->set = '\0';
    random_keys(v, r, st->keys, sizeof st->keys);
    if (chance(r, 45))
        st->ret = RETURN_GIVEN | chance_below(r, 32) << 1;
    if (chance(r, 10))
        random_partial(r, st);
    if (chance(r, 20)) {
        st->ret |= RETURN_GIVEN | RETURN_UPDATE;
        if (chance(r, 8))
            st->n = 1 + chance_below(r, 4);
    }
    if (chance(r, 5))
        st->ret |= RETURN_GIVEN | RETURN_CONTEXT;
    if (chance(r, 8) && !(st->ret & RETURN_SAVE))
        st->point = 1 + chance_below(r, WORLD_POINTS);
}

/* In several mailboxes: no \Recent, which has no meaning there, and no "$". */
static void random_esearch(const viewer *v, uint64_t *r, step *st)
{
    st->op = OP_ESEARCH;
    st->uid = 0;
    random_search(v, r, st);
    st->n = chance_below(r, SOURCES);
    st->point = 0;
    if (st->n > 1)
        st->ret &= ~(unsigned)(chance(r, 90) ? RETURN_SAVE | RETURN_UPDATE : RETURN_UPDATE);
    if (strpbrk(st->keys, "$") || strstr(st->keys, "RECENT") || strstr(st->keys, "NEW") || strstr(st->keys, "OLD"))
        snprintf(st->keys, sizeof st->keys, "UNSEEN");
}

static void random_selected(const world *w, const viewer *v, uint64_t *r, step *st)
{
    size_t many = w->boxes[v->box].here.count;
    unsigned kind = chance_below(r, 100);
    st->uid = (v->notify.set && v->notify.selected == 1) || chance(r, v->uidonly ? 90 : 45);
    random_set(v, r, st->uid, st->set, sizeof st->set);
    st->box = chance_below(r, WORLD_BOXES);
    if (kind < 28) {
        st->op = OP_FETCH;
        random_fetch(r, st);
    } else if (kind < 54) {
        st->op = OP_STORE;
        st->how = chance_below(r, 3);
        st->flags = random_flags(r);
        st->silent = chance(r, 30);
        if (chance(r, 8))
            st->point = 1 + chance_below(r, WORLD_POINTS);
    } else if (kind < 66) {
        st->op = OP_SEARCH;
        random_search(v, r, st);
    } else if (kind < 69) {
        st->op = OP_SORT;
        random_search(v, r, st);
        st->how = chance_below(r, SORTS);
        if (chance(r, 30)) {
            st->op = OP_THREAD;
            st->ret = 0;
        }
    } else if (kind < 71 && many < 40) {
        st->op = OP_COPY;
    } else if (kind < 74) {
        st->op = OP_MOVE;
    } else if (kind < 76 && many < 40) {
        st->op = OP_REPLACE;
        one_number(v, r, st->uid, st->set, sizeof st->set);
        st->items = chance_below(r, CONTENTS);
        st->date = chance_below(r, DATES);
        st->flags = random_flags(r);
    } else if (kind < 84) {
        st->op = OP_EXPUNGE;
        if (!st->uid)
            *st->set = '\0';
    } else {
        *st->set = '\0';
        st->uid = 0;
        if (v->contexts_count && chance(r, 6)) {
            st->op = OP_CANCEL;
            st->n = chance_below(r, WORLD_CONTEXTS);
            st->how = chance(r, 20);
            return;
        }
        st->op = kind < 92 ? OP_NOOP : kind < 94 ? OP_CHECK : kind < 97 ? OP_IDLE : kind < 98 ? OP_UNSELECT : OP_CLOSE;
    }
}

static void random_anywhere(const world *w, const viewer *v, uint64_t *r, step *st)
{
    unsigned kind = chance_below(r, 105);
    if (kind >= 100) {
        random_esearch(v, r, st);
        return;
    }
    st->box = v->selected && chance(r, 60) ? (unsigned)v->box : chance(r, 60) ? 0 : chance_below(r, WORLD_BOXES);
    if (kind < 45) {
        st->op = w->boxes[st->box].here.count < 25 ? OP_APPEND : OP_STATUS;
        st->n = chance(r, 15) ? 2 + chance_below(r, 2) : 1;
        st->items = chance_below(r, CONTENTS);
        st->date = chance_below(r, DATES);
        st->flags = random_flags(r);
        if (st->op == OP_APPEND && chance(r, 8)) {
            st->resync = 1 + (v->selected ? (unsigned)v->box : chance_below(r, WORLD_BOXES));
            st->how = chance_below(r, 3);
            st->n = v->count ? v->at[chance_below(r, (unsigned)v->count)].uid : 1 + chance_below(r, 20);
        }
    } else if (kind < 58) {
        st->op = OP_STATUS;
    } else if (kind < 80) {
        st->op = chance(r, 15) ? OP_EXAMINE : OP_SELECT;
        st->resync = chance(r, 25) ? 1 + chance_below(r, 2) : 0;
        st->how = chance_below(r, chance(r, 10) ? 16 : 8);
    } else if (kind < 82) {
        st->op = OP_SUBSCRIBE;
        st->how = chance(r, 50);
    } else if (kind < 88) {
        st->op = OP_CREATE;
    } else if (kind < 90) {
        st->op = OP_DELETE;
        st->box = 1 + chance_below(r, WORLD_BOXES - 1);
    } else if (kind < 92) {
        st->op = OP_ENABLE;
        st->resync = chance(r, 40) ? 2 : 1 + chance_below(r, 4);
    } else if (kind < 94 && chance(r, 60)) {
        static const unsigned items[4] = {0, ITEM_UID, ITEM_UID | ITEM_FLAGS, ITEM_UID | ITEM_SIZE};
        st->op = OP_NOTIFY;
        st->how = chance(r, 90) ? 1 + chance_below(r, 3) : 0;
        st->flags = chance(r, 70);
        st->n = chance_below(r, WISHES);
        st->items = items[chance_below(r, 4)];
        st->silent = chance(r, 30);
    } else if (kind < 94) {
        st->op = chance(r, 50) ? OP_LIST : OP_RENAME;
        st->how = chance_below(r, 4);
        st->n = chance_below(r, WORLD_BOXES);
    } else if (kind < 96) {
        st->op = OP_LOGOUT;
    } else {
        st->op = OP_DROP;
    }
}

void step_random(world *w, uint64_t *r, unsigned sessions, bool busy[], step *st)
{
    memset(st, 0, sizeof *st);
    st->session = chance_below(r, sessions);
    const viewer *v = &w->viewers[st->session];
    if (busy[st->session]) {
        st->op = OP_GO;
        return;
    }
    if (v->idle) {
        st->op = chance(r, 40) ? OP_DONE : OP_GO;
        return;
    }
    if (v->kept.there && !v->selected && chance(r, 60)) { /* back again */
        st->op = v->qresync ? OP_SELECT : OP_ENABLE;
        st->box = (unsigned)v->kept.box;
        st->resync = 2;
        st->how = v->qresync ? chance_below(r, chance(r, 10) ? 16 : 8) : 0;
    } else if (v->selected && !chance(r, 22)) {
        random_selected(w, v, r, st);
    } else if (!v->selected && chance(r, 50)) {
        st->op = chance(r, 12) ? OP_EXAMINE : OP_SELECT;
        st->box = chance(r, 75) ? 0 : chance_below(r, WORLD_BOXES);
        st->resync = chance(r, 35) ? 1 + chance_below(r, 2) : 0;
        st->how = chance_below(r, chance(r, 10) ? 16 : 8);
    } else {
        random_anywhere(w, v, r, st);
    }
    if (st->op == OP_IDLE || st->op == OP_LOGOUT || st->op == OP_DROP)
        return;
    st->later = chance(r, 20);
    st->pipe = !st->later && chance(r, 15);
}
