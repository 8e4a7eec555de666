/* rig.h - the engine under test: some sessions over one account, in process, with a connector that answers at once or
 * when it is told to.
 * SPDX-License-Identifier: MIT */
#ifndef TESTS_MODEL_RIG_H
#define TESTS_MODEL_RIG_H

#include "base/text.h"
#include "letterlock.h"

enum { RIG_SESSIONS = 8 };

typedef enum rig_kind { RIG_MEMORY, RIG_VAULT } rig_kind;

/* What the connector was asked, for the judge's clock: only that it happened, never with what. */
typedef enum rig_event { RIG_CHANGED, RIG_LOOKED, RIG_READ, RIG_NEWS /* looked, behind the reply */ } rig_event;

typedef struct rig rig;

typedef struct rig_session {
    rig *rig;
    ll_session *session; /* NULL: not connected */
    struct rig_login *login;
    bool notified;
    text said; /* by the server, not yet read */
} rig_session;

struct rig {
    rig_kind kind;
    void *backend;
    const ll_connector *inner;
    rig_session sessions[RIG_SESSIONS];
    struct rig_held *held; /* calls that wait */
    bool later[RIG_SESSIONS];
    unsigned long tag[RIG_SESSIONS]; /* of the last command that was sent: t and this */
    uint64_t certain, possible;      /* messages that the connector has found in searches */
    void (*event)(void *context, unsigned session, rig_event what);
    void *context;
};

void rig_init(rig *r, rig_kind kind);
void rig_fini(rig *r);
/* Connected and logged in. */
void rig_connect(rig *r, unsigned n);
/* The connection breaks; calls that wait are done after. */
void rig_drop(rig *r, unsigned n);
/* Bytes of the client; output and news are taken until nothing moves. In later mode calls wait for rig_go. */
void rig_send(rig *r, unsigned n, const char *bytes, size_t size);
/* Do the oldest call of this session that waits; false: there is none. */
bool rig_go(rig *r, unsigned n);
bool rig_waits(const rig *r, unsigned n);
/* Let the other sessions know what has happened. */
void rig_settle(rig *r);
bool rig_ended(const rig *r, unsigned n);

#endif
