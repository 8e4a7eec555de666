/* snapshot.h - what one client believes its mailbox to be (DESIGN.md sections 2 and 6).
 * SPDX-License-Identifier: MIT
 *
 * A snapshot is a reference to a shared view and, rarely, *ghosts*: messages that the view no longer has but whose
 * removal this client has not been told yet. Ghosts keep their place in the numbering and their last flags, or those
 * that this client has stored since: as long as it must believe in them, they behave (RFC 2180 section 4.1). Without
 * ghosts a snapshot costs a pointer, however large the mailbox.
 *
 * Invariants: (1) ghosts and the view's UIDs are disjoint; (2) sequence number = rank in their union; (3) only
 * snapshot_advance, snapshot_store_ghosts and snapshot_tell_expunged change what is in it, and sync.c is the only
 * caller while a client is connected. */
#ifndef IMAP_SNAPSHOT_H
#define IMAP_SNAPSHOT_H

#include "base/uidset.h"
#include "imap/view.h"

typedef struct snapshot {
    ll_view *view;  /* NULL: no mailbox is selected */
    uidset *ghosts; /* NULL: none */
    uidset *all;    /* view and ghosts together; NULL when there are no ghosts */
    struct ghost_flags *ghost_flags;
    size_t ghost_flags_count, ghost_flags_room;
    uint64_t told_modseq; /* with ghosts: the last version without any */
    uidset *recent;       /* \Recent for this session; NULL: none */
    uidset *saved;        /* "$", RFC 5182: may still name messages that are gone; NULL: none */
} snapshot;

void snapshot_init(snapshot *s);
void snapshot_fini(snapshot *s);
/* Start from this view; takes over the reference. recent_first: see ll_connector.latest; 0: none. */
LL_MUST_USE ll_status snapshot_open(snapshot *s, ll_view *view, uint32_t recent_first);

/* All UIDs in the order of their sequence numbers. */
const uidset *snapshot_uids(const snapshot *s);
uint32_t snapshot_count(const snapshot *s);
uint32_t snapshot_uid(const snapshot *s, uint32_t sequence_number); /* 0: no such number */
uint32_t snapshot_number(const snapshot *s, uint32_t uid);          /* 0: no such UID */
/* Flags as this client was told, also of ghosts. */
bool snapshot_flags(const snapshot *s, uint32_t uid, ll_flags *flags);
bool snapshot_recent(const snapshot *s, uint32_t uid);
uint32_t snapshot_recent_count(const snapshot *s);
/* UIDs of the snapshot with flag n, as a new set (ghosts by their last flags); NULL: out of memory. */
uidset *snapshot_with_flag(const snapshot *s, unsigned n);
bool snapshot_has_ghosts(const snapshot *s);
/* A client that has been told everything up to here misses nothing if it asks for what came after: the view's mod-
 * sequence, or with ghosts that of the last version before the first of them vanished (RFC 7162 section 3.2). */
uint64_t snapshot_modseq(const snapshot *s);

/* Move to a newer view (takes over the reference): what it lacks becomes ghosts. */
LL_MUST_USE ll_status snapshot_advance(snapshot *s, ll_view *view, uint32_t recent_first);
/* This client's own STORE on the ghosts of a set: it hears of them what it would hear of the living. named: the flags,
 * by their numbers in the view. LL_ENOMEM. */
LL_MUST_USE ll_status snapshot_store_ghosts(snapshot *s, const uidset *set, ll_flags_op op, const ll_flags *named);
/* The client has now been told: ghosts vanish. */
void snapshot_tell_expunged(snapshot *s);

#endif
