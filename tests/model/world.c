/* world.c - see world.h
 * SPDX-License-Identifier: MIT */
#include "world.h"

#include "reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const dates[DATES] = {" 1-Jan-2001 00:00:00 +0000", "17-Jul-1996 02:44:25 +0000",
                                  "29-Feb-2024 23:59:59 +0000", "11-Nov-2011 11:11:11 +0000"};

/* A message with words in it, as it is sent and as it is read: lines of the header, parts of the body. */
typedef struct letter {
    const char *raw, *header, *body;
} letter;

enum { PLAIN_CONTENTS = 8 };
static const letter letters[CONTENTS - PLAIN_CONTENTS] = {
    {"From: Zoe Adams <zoe@example.org>\r\nTo: ann@example.com\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus_Wien?=\r\n"
     "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
     "quoted-printable\r\n\r\nDie Stra=C3=9Fe ist so lan=\r\ng wie der Fluss\r\n",
     "From: Zoe Adams <zoe@example.org>\nTo: ann@example.com\nSubject: Gr\303\274\303\237e aus Wien\nMIME-Version: "
     "1.0\n"
     "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
     "Die Stra\303\237e ist so lang wie der Fluss"},
    {"From: a@example.com\r\nSubject: Map\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
     "Content-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHRyZWFzdXJlIGlzbGFuZA0K\r\n",
     "From: a@example.com\nSubject: Map\nMIME-Version: 1.0\nContent-Type: text/plain\n"
     "Content-Transfer-Encoding: base64\n",
     "hidden treasure island"},
    {"From: a@example.com\r\nSubject: Parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
     "--b\r\n\r\nalpha river\r\n--b\r\nContent-Type: text/plain\r\n\r\nomega river\r\n--b--\r\n",
     "From: a@example.com\nSubject: Parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
     "alpha river\nomega river"},
    {"From: a@example.com\r\nSubject: ALPHA Beta\r\nX-Tag: red, green\r\n\r\nBeta gamma delta\r\n",
     "From: a@example.com\nSubject: ALPHA Beta\nX-Tag: red, green\n", "Beta gamma delta"},
    {"Subject: long\r\n subject line\r\nX-Tag:\r\n\r\nx\r\n", "Subject: long subject line\nX-Tag: \n", "x"},
    {"\r\nplain body only, alpha\r\n", "", "plain body only, alpha"},
};

const char *content_of(unsigned n, size_t *size)
{
    n %= CONTENTS;
    if (n >= PLAIN_CONTENTS) {
        *size = strlen(letters[n - PLAIN_CONTENTS].raw);
        return letters[n - PLAIN_CONTENTS].raw;
    }
    static char texts[PLAIN_CONTENTS][8192];
    static size_t sizes[PLAIN_CONTENTS];
    static const size_t lengths[PLAIN_CONTENTS] = {0, 1, 20, 100, 300, 301, 1000, 1500};
    if (!sizes[n]) {
        size_t at =
            (size_t)snprintf(texts[n], sizeof texts[n], "From: a@example.com\r\nSubject: s%u subject\r\n\r\n", n);
        for (size_t i = 0; i < lengths[n]; i++) {
            texts[n][at++] = i % 60 == 58 ? '\r' : i % 60 == 59 ? '\n' : (char)('a' + (char)((i * 7 + n) % 26));
        }
        if (lengths[n] % 60 == 59) /* no lone CR */
            texts[n][at++] = '\n';
        sizes[n] = at;
    }
    *size = sizes[n];
    return texts[n];
}

static bool line_has(const char *line, size_t size, const char *needle)
{
    size_t length = strlen(needle);
    for (size_t i = 0; i + length <= size; i++)
        if (!strncasecmp(line + i, needle, length))
            return true;
    return false;
}

/* One of the lines; field: of that name only, without it. */
static bool lines_have(const char *lines, const char *field, const char *needle)
{
    for (size_t size; *lines; lines += size + (lines[size] != '\0')) {
        size_t name = strlen(field);
        size = strcspn(lines, "\n");
        if (!name && line_has(lines, size, needle))
            return true;
        if (name && !strncasecmp(lines, field, name) && lines[name] == ':' &&
            line_has(lines + name + 2, size - name - 2, needle))
            return true;
    }
    return false;
}

bool content_has(unsigned n, const char *field, const char *needle)
{
    char header[64];
    const char *body, *lines = header;
    n %= CONTENTS;
    if (n >= PLAIN_CONTENTS) {
        lines = letters[n - PLAIN_CONTENTS].header;
        body = letters[n - PLAIN_CONTENTS].body;
    } else {
        size_t size;
        snprintf(header, sizeof header, "From: a@example.com\nSubject: s%u subject\n", n);
        body = strstr(content_of(n, &size), "\r\n\r\n") + 4;
    }
    return field ? lines_have(lines, field, needle) || (!*field && lines_have(body, "", needle))
                 : lines_have(body, "", needle);
}

const char *content_subject(unsigned n)
{
    static const char *const subjects[CONTENTS] = {"s0 subject",
                                                   "s1 subject",
                                                   "s2 subject",
                                                   "s3 subject",
                                                   "s4 subject",
                                                   "s5 subject",
                                                   "s6 subject",
                                                   "s7 subject",
                                                   "Gr\303\274\303\237e aus Wien",
                                                   "Map",
                                                   "Parts",
                                                   "ALPHA Beta",
                                                   "long subject line",
                                                   ""};
    return subjects[n % CONTENTS];
}

const wish wishes[WISHES] = {
    {"", 0, 0, 0, 0, false},
    {" (personal (MessageNew MessageExpunge))", WISH_ALL, 0, 0, 0, false},
    {" (personal (MessageNew MessageExpunge FlagChange))", WISH_ALL, WISH_ALL, 0, 0, false},
    {" (personal (MessageNew MessageExpunge MailboxName))", WISH_ALL, 0, WISH_ALL, 0, false},
    {" (personal (MailboxName))", 0, 0, WISH_ALL, 0, false},
    {" (mailboxes A (MessageNew MessageExpunge))", 2, 0, 0, 0, false},
    {" (mailboxes (B C) (MessageNew MessageExpunge))", 12, 0, 0, 0, false},
    {" (subtree A (MessageNew MessageExpunge FlagChange))", 2, 2, 0, 0, false},
    {" (inboxes (MessageNew MessageExpunge))", WISH_ALL, 0, 0, 0, false}, /* section 6.3: all of them */
    {" (subscribed (MessageNew MessageExpunge))", WISH_ALL, 0, 0, 0, true},
    {" (subtree (B INBOX) (MessageNew MessageExpunge)) (mailboxes A (MailboxName))", 5, 0, 2, 0, false},
    {" (mailboxes C (MessageNew MessageExpunge FlagChange)) (personal (SubscriptionChange))", 8, 8, 0, WISH_ALL, false},
    {" (subtree C (MailboxName SubscriptionChange)) (personal (MessageNew MessageExpunge))", WISH_ALL, 0, 8, 8, false},
};

const source sources[SOURCES] = {
    {"", 0, true, false}, /* these two mean the selected mailbox alone */
    {" IN (selected)", 0, true, false},
    {" IN (personal)", WISH_ALL, false, false},
    {" IN (inboxes)", 1, false, false}, /* where mail is delivered */
    {" IN (mailboxes A)", 2, false, false},
    {" IN (mailboxes (A B) mailboxes C)", 14, false, false},
    {" IN (subtree INBOX subtree-one (B C))", 13, false, false},
    {" IN (subtree-one A)", 2, false, false},
    {" IN (subscribed)", WISH_ALL, false, true},
    {" IN (selected mailboxes (A B))", 6, true, false},
    {" IN (selected personal)", WISH_ALL, true, false},
};

void world_init(world *w, bool copies_ghosts)
{
    static const char *const names[WORLD_BOXES] = {"INBOX", "A", "B", "C"};
    memset(w, 0, sizeof *w);
    w->copies_ghosts = copies_ghosts;
    for (int i = 0; i < WORLD_BOXES; i++)
        w->boxes[i].name = names[i];
    world_create(w, 0);
}

void world_create(world *w, int box_number)
{
    box *b = &w->boxes[box_number];
    const char *name = b->name;
    uint32_t before = b->uidvalidity ? b->uidvalidity : b->uidvalidity_before;
    memset(b, 0, sizeof *b);
    *b = (box){.name = name,
               .exists = true,
               .generation = ++w->generations,
               .uidnext = 1,
               .unclaimed = 1,
               .uidvalidity_before = before,
               .changed = ++w->stamp};
}

void world_delete(world *w, int box_number)
{
    w->boxes[box_number].exists = false;
    w->boxes[box_number].generation = ++w->generations;
    w->stamp++;
}

static void rename_inbox(world *w, int to)
{
    box *inbox = &w->boxes[0];
    world_create(w, to);
    for (size_t i = 0; i < inbox->here.count; i++) {
        const message *m = &inbox->here.at[i];
        world_add(w, to, m->flags, m->content, m->date);
    }
    w->stamp++;
    while (inbox->here.count)
        world_remove(w, 0, inbox->here.at[0].uid);
}

void world_rename(world *w, int from, int to)
{
    box *a = &w->boxes[from], *b = &w->boxes[to];
    const char *names[] = {a->name, b->name};
    if (from == 0) {
        rename_inbox(w, to);
        return;
    }
    *b = *a;
    b->name = names[1];
    b->uidvalidity_before = 0; /* another one than before is enough: no mailbox of this name was made */
    *a = (box){.name = names[0], .generation = ++w->generations, .uidvalidity_before = b->uidvalidity};
    for (unsigned i = 0; i < WORLD_VIEWERS; i++) {
        viewer *v = &w->viewers[i];
        if (v->selected && v->box == from && v->generation == b->generation)
            v->box = to;
        if (v->kept.there && v->kept.box == from && v->kept.generation == b->generation)
            v->kept.box = to;
    }
    w->stamp++;
}

message *messages_find(messages *m, uint32_t uid)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->at[i].uid == uid)
            return &m->at[i];
    return NULL;
}

static message *push(messages *m)
{
    if (m->count == WORLD_MESSAGES) { /* graves: the oldest are of no use to anybody */
        memmove(&m->at[0], &m->at[1], (WORLD_MESSAGES - 1) * sizeof m->at[0]);
        m->count--;
    }
    return &m->at[m->count++];
}

uint32_t world_add(world *w, int box_number, uint32_t flags, unsigned content, unsigned date)
{
    box *b = &w->boxes[box_number];
    if (b->here.count == WORLD_MESSAGES)
        abort();
    *push(&b->here) =
        (message){.uid = b->uidnext, .flags = flags, .stamp = ++w->stamp, .content = content, .date = date};
    b->changed = w->stamp;
    return b->uidnext++;
}

void world_flags(world *w, message *m, box *b, uint32_t flags)
{
    if (m->flags == flags)
        return;
    m->flags = flags;
    m->stamp = b->changed = w->stamp; /* the caller has moved time: one change of many messages is one */
    m->modseq = 0;
}

void world_remove(world *w, int box_number, uint32_t uid)
{
    box *b = &w->boxes[box_number];
    message *m = messages_find(&b->here, uid);
    if (!m)
        return;
    message gone = *m;
    gone.stamp = w->stamp;
    size_t at = (size_t)(m - b->here.at);
    memmove(m, m + 1, (b->here.count - at - 1) * sizeof *m);
    b->here.count--;
    *push(&b->graves) = gone;
    b->changed = w->stamp;
}

entry *viewer_find(viewer *v, uint32_t uid)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->at[i].uid == uid)
            return &v->at[i];
    return NULL;
}

bool viewer_dead(const world *w, const viewer *v)
{
    return v->selected && (!w->boxes[v->box].exists || w->boxes[v->box].generation != v->generation);
}

void viewer_drop(viewer *v, size_t index)
{
    memmove(&v->at[index], &v->at[index + 1], (v->count - index - 1) * sizeof v->at[0]);
    v->count--;
}

void viewer_unselect(viewer *v)
{
    v->selected = v->readonly = false;
    v->count = v->saved_count = v->contexts_count = 0;
    v->keywords = 0;
}

void box_learn(box *b, uint64_t modseq, uint64_t stamp)
{
    b->points[b->points_next] = (point){modseq, stamp};
    b->points_next = (b->points_next + 1) % WORLD_POINTS;
    if (b->points_count < WORLD_POINTS)
        b->points_count++;
}

uint32_t flags_after(uint32_t flags, int how, uint32_t given)
{
    return how == 1 ? flags | given : how == 2 ? flags & ~given : given;
}
