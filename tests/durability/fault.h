/* fault.h - a disk that fails when it is told to, beneath SQLite and beneath the encryption, for tests.
 * SPDX-License-Identifier: MIT
 *
 * A VFS of SQLite ("fault") over the system's; SQLite3MC's encrypting VFS lies on top of it and is the default once
 * fault_install has run. Every operation that changes the disk (or, by the plan, every one that reads) is a point
 * and has a number, from 0. At point
 * plan.at something happens; what has been written but not synced is kept apart, so that the power can go:
 * fault_power_off puts into the files what a disk would have kept.
 *
 * The model of the disk: a write is durable after a sync of its file that succeeds. A sync that fails loses what it
 * was to write for good (as Linux does), though reading still gives it until the power goes. Names are durable at once,
 * except that a removed file may come back. Sectors of 512 bytes are written whole or not at all.
 *
 * One thread at a time. One fault_disk a process, since SQLite's list of VFSs is one. */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fault_what {
    FAULT_NONE,
    FAULT_EIO,   /* the operation fails, nothing of it is done */
    FAULT_FULL,  /* the same with ENOSPC; only writes and what makes files or makes them longer */
    FAULT_LIE,   /* a sync says that it is done, and nothing is: to see that a test notices */
    FAULT_SHORT, /* a write puts half of its bytes and fails; others as FAULT_EIO */
    FAULT_POWER  /* the power goes in the middle of it; from then on everything fails */
} fault_what;

/* What the disk keeps of unsynced writes when the power goes. */
typedef enum fault_keep {
    FAULT_KEEP_NOTHING,
    FAULT_KEEP_ALL,
    FAULT_KEEP_SOME, /* each sector of each write or not, by plan.seed */
} fault_keep;

typedef struct fault_plan {
    uint64_t at;     /* number of the point */
    fault_what what; /* there */
    bool lasting;    /* and at all later points */
    bool reads;      /* the points are reads; nothing else fails */
    fault_keep keep;
    bool undelete; /* files that were removed come back when the power goes */
    uint32_t seed;
} fault_plan;

/* Put the VFS beneath the default one. After db_init. False: SQLite did not take it. */
bool fault_install(void);
/* Count from 0 under this plan. Files must be closed. */
void fault_begin(fault_plan plan);
/* Points passed since; has the fault come? */
uint64_t fault_points(void);
bool fault_has_struck(void);
const char *fault_struck_name(void); /* "write v.sqlite-wal" */
/* From now on every operation fails, also reading. */
void fault_power_cut(void);
/* After everything is closed: if the power has gone, make the files what the disk has kept. Then no faults any more. */
void fault_end(void);

#endif
