/* world.h - the reference model: mailboxes as they are, and what each client must believe of the one it has selected.
 * SPDX-License-Identifier: MIT
 *
 * Written from the rules (RFC 3501, 4315, 6851, 7162; DESIGN.md section 6), without a look at how the engine keeps
 * them: arrays of messages, searched from the front. Time is a counter of changes, `stamp`; what a server says as
 * mod-sequences is only ever compared by order with stamps. */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORLD_BOXES = 4,      /* INBOX, A, B, C */
    WORLD_VIEWERS = 8,    /* sessions */
    WORLD_MESSAGES = 512, /* in one mailbox; the generator keeps them under 60 */
    WORLD_POINTS = 16,
    WORLD_CONTEXTS = 16, /* as docs and src/imap/search_context.h promise: of one session, and those of SORT */
    WORLD_SORTED = 4,
    WORLD_UIDS = 4096
};

typedef struct message {
    uint32_t uid, flags;
    uint64_t stamp;  /* of its last change */
    uint64_t modseq; /* as the server has said it for this stamp; 0: not yet */
    unsigned content, date;
} message;

typedef struct messages {
    message at[WORLD_MESSAGES];
    size_t count;
} messages;

/* A mod-sequence that a client has learned for a version of the mailbox, and the model's time of that version. */
typedef struct point {
    uint64_t modseq, stamp;
} point;

typedef struct box {
    const char *name;
    bool exists;
    unsigned generation;         /* another whenever the name comes to mean another mailbox */
    uint32_t uidvalidity_before; /* of the mailbox of this name that was deleted */
    uint32_t uidvalidity;        /* as the server has said; 0: not yet */
    uint32_t uidnext, unclaimed; /* UIDs from `unclaimed` on are \Recent for whoever looks first */
    uint64_t changed;            /* stamp of its last change */
    messages here;
    messages graves; /* with their last flags */
    point points[WORLD_POINTS];
    size_t points_count, points_next;
} box;

/* One message as one client knows it. */
typedef struct entry {
    uint32_t uid;
    uint32_t flags; /* the server's snapshot of them */
    uint32_t told;  /* what the client must think they are, if `known` */
    bool known, recent;
    bool owed; /* the FETCH of new messages that NOTIFY has asked for must still come */
    uint64_t stamp, modseq;
    unsigned content, date;
} entry;

/* One mailbox as a client that watches it (NOTIFY) knows it. */
typedef struct known {
    bool exists;
    unsigned generation, status_generation;
    size_t messages;
    uint32_t uidnext;
    uint64_t changed;
    bool status_own, name_own;             /* it has changed it itself: that may be told, needs not */
    bool status_mixed_own, name_mixed_own; /* and others did too: all may be told or not */
    bool status_mixed, name_mixed;
    uint64_t changed_before;
    unsigned generation_before;
    bool subscribed, subscribed_own, subscribed_before;
} known;

/* A search whose results are kept up to date (RFC 5267 section 4.3), as its client has them. */
typedef struct followed {
    char tag[16], keys[96];
    bool uid, sorted;
    bool loose;   /* \Recent was turned off (ENABLE IMAP4rev2) behind it: RFC 5161 section 3.1 has that before SELECT */
    unsigned how; /* sorted by what */
    /* what message numbers and "$" in it mean: as it was when the command came */
    uint32_t frame[WORLD_MESSAGES], saved[WORLD_MESSAGES];
    size_t frame_count, saved_count;
    uint32_t members[WORLD_MESSAGES];
    size_t count;
} followed;

typedef struct viewer {
    bool selected, readonly, condstore, qresync, rev2, uidonly, idle;
    int box;
    unsigned generation;
    entry at[WORLD_MESSAGES];
    size_t count;
    uint64_t seen_stamp; /* the version of the mailbox that the view shows */
    uint32_t keywords;   /* named in the last FLAGS response */
    uint64_t highest;    /* HIGHESTMODSEQ as a client keeps it (RFC 7162 section 3.2) */
    uint32_t saved[WORLD_MESSAGES];
    size_t saved_count;
    followed contexts[WORLD_CONTEXTS + 1]; /* the last is being made */
    size_t contexts_count;
    struct {
        bool set, flags;
        unsigned selected; /* 0: no news of the selected mailbox, 1 SELECTED, 2 SELECTED-DELAYED */
        unsigned fetch;    /* items of new messages; 0: none */
        unsigned others;   /* as step.n */
        unsigned selected_before;
        uint32_t recent_first; /* from here on they are \Recent for it, though it has not been told of them */
        known at[WORLD_BOXES];
    } notify;
    /* what it knew when it was last disconnected, for QRESYNC */
    struct {
        bool there;
        int box;
        unsigned generation;
        bool some; /* it has forgotten others: their numbers are not known */
        uint64_t highest;
        entry at[WORLD_MESSAGES];
        size_t count;
    } kept;
} viewer;

typedef struct world {
    uint64_t stamp;
    unsigned generations;
    bool copies_ghosts; /* what was expunged elsewhere and not told yet can be copied */
    box boxes[WORLD_BOXES];
    bool subscribed[WORLD_BOXES]; /* the names, whether there is a mailbox or not */
    viewer viewers[WORLD_VIEWERS];
} world;

void world_init(world *w, bool copies_ghosts);
message *messages_find(messages *m, uint32_t uid);
/* A new message; its UID. */
uint32_t world_add(world *w, int box, uint32_t flags, unsigned content, unsigned date);
void world_flags(world *w, message *m, box *b, uint32_t flags);
void world_remove(world *w, int box, uint32_t uid);
void world_create(world *w, int box);
void world_delete(world *w, int box);
/* Whoever has it selected goes with it. INBOX: its messages become those of a new mailbox. */
void world_rename(world *w, int from, int to);
entry *viewer_find(viewer *v, uint32_t uid);
/* Its selected mailbox is not there any more. */
bool viewer_dead(const world *w, const viewer *v);
void viewer_drop(viewer *v, size_t index);
void viewer_unselect(viewer *v);
/* What a mod-sequence of a version says about a message: 1 changed after, 0 not. */
void box_learn(box *b, uint64_t modseq, uint64_t stamp);
/* Flags after STORE. how: 0 replace, 1 add, 2 remove. */
uint32_t flags_after(uint32_t flags, int how, uint32_t given);

/* What NOTIFY may ask for of other mailboxes (RFC 5465 section 6); a bit for each mailbox. */
enum { WISHES = 13, WISH_ALL = (1u << WORLD_BOXES) - 1 };
typedef struct wish {
    const char *text;
    unsigned messages, flags, names, subscriptions;
    bool subscribed; /* of these only those that are subscribed */
} wish;
extern const wish wishes[WISHES];

/* Where ESEARCH may look (RFC 7377 section 2.2). */
enum { SOURCES = 11 };
typedef struct source {
    const char *text;
    unsigned boxes;
    bool selected, subscribed;
} source;
extern const source sources[SOURCES];

/* Contents and dates that messages are made of. */
enum { CONTENTS = 14, DATES = 4 };
const char *content_of(unsigned n, size_t *size);
/* Its base subject (RFC 5256 section 2.1). */
const char *content_subject(unsigned n);
/* Does it contain the needle (ASCII), as a reader sees it? field: of its header; "": anywhere in header or body; NULL:
 * in its body. An empty needle: the field is there. */
bool content_has(unsigned n, const char *field, const char *needle);
extern const char *const dates[DATES];

#endif
