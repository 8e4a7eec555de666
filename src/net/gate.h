/* gate.h - how many connections may be open: in all, and from one address.
 * SPDX-License-Identifier: MIT
 *
 * One gate is shared by the listeners of all loops; every call may come from any thread. IPv6 counts by /64, the
 * smallest network that one customer has (RFC 6177 section 2). The table of addresses is never larger than total_max.
 */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "base/span.h"

typedef struct net_gate net_gate;

enum {
    /* A phone, a tablet, two computers with five IMAP connections each, behind one NAT with a family or a small office.
     */
    NET_GATE_PER_ADDRESS = 50,
    /* 10,000 TLS connections are about 250 MB; the file descriptor limit of the process should be above it. */
    NET_GATE_TOTAL = 10000
};

typedef struct net_gate_counts {
    uint64_t open;            /* now */
    uint64_t addresses;       /* different ones, now */
    uint64_t accepted;        /* ever */
    uint64_t refused_total;   /* ever, because of total_max */
    uint64_t refused_address; /* ever, because of per_address_max */
} net_gate_counts;

/* loopback_exempt: connections from this machine count only towards the total, for proxies and webmail in front of us.
 * NULL: out of memory. */
net_gate *net_gate_new(uint32_t total_max, uint32_t per_address_max, bool loopback_exempt);
/* All listeners and connections must be gone. Sets *gate to NULL. */
void net_gate_del(net_gate **gate);
void net_gate_counts_now(net_gate *gate, net_gate_counts *out);

/* ------------------------------------------------------------------------------------------------ for this room only
 */

struct sockaddr;

/* What an address counts as: 0 for those that only the total counts (Unix sockets). */
typedef struct net_gate_key {
    uint64_t network;
    uint32_t family;
} net_gate_key;

net_gate_key net_gate_key_of(const net_gate *gate, const struct sockaddr *peer);
/* LL_OK: count it, and give it back by net_gate_leave. LL_ELIMIT: refused. LL_ENOMEM. */
LL_MUST_USE ll_status net_gate_enter(net_gate *gate, net_gate_key key);
void net_gate_leave(net_gate *gate, net_gate_key key);

#endif
