/* gate.c - see gate.h
 * SPDX-License-Identifier: MIT
 *
 * A chained hash table. Strangers choose their addresses (an IPv6 /32 has four thousand million /64 networks), so the
 * hash is keyed with random numbers of this process. */
#include "net/gate.h"

#include "base/memory.h"

#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>

typedef struct gate_entry {
    struct gate_entry *next;
    net_gate_key key;
    uint32_t open;
} gate_entry;

enum { GATE_BUCKETS = 4096 }; /* 32 KB; two entries a bucket when 10,000 connections come from as many addresses */

struct net_gate {
    uint32_t total_max, per_address_max;
    bool loopback_exempt;
    uint64_t seed[2];
    pthread_mutex_t lock; /* guards what follows */
    net_gate_counts counts;
    gate_entry *buckets[GATE_BUCKETS];
};

net_gate *net_gate_new(uint32_t total_max, uint32_t per_address_max, bool loopback_exempt)
{
    net_gate *gate = memory_new(NULL, sizeof *gate);
    if (!gate)
        return NULL;
    gate->total_max = total_max;
    gate->per_address_max = per_address_max;
    gate->loopback_exempt = loopback_exempt;
    if (getrandom(gate->seed, sizeof gate->seed, 0) != (ssize_t)sizeof gate->seed) {
        memory_free(NULL, gate);
        return NULL;
    }
    pthread_mutex_init(&gate->lock, NULL);
    return gate;
}

void net_gate_del(net_gate **pointer)
{
    net_gate *gate = *pointer;
    *pointer = NULL;
    if (!gate)
        return;
    assert(gate->counts.open == 0);
    pthread_mutex_destroy(&gate->lock);
    memory_free(NULL, gate);
}

void net_gate_counts_now(net_gate *gate, net_gate_counts *out)
{
    pthread_mutex_lock(&gate->lock);
    *out = gate->counts;
    pthread_mutex_unlock(&gate->lock);
}

static net_gate_key key_of_ipv4(const net_gate *gate, const unsigned char *bytes)
{
    if (gate->loopback_exempt && bytes[0] == 127)
        return (net_gate_key){0};
    uint32_t address;
    memcpy(&address, bytes, sizeof address);
    return (net_gate_key){.network = address, .family = AF_INET};
}

net_gate_key net_gate_key_of(const net_gate *gate, const struct sockaddr *peer)
{
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof in);
        return key_of_ipv4(gate, (const unsigned char *)&in.sin_addr);
    }
    if (peer->sa_family != AF_INET6)
        return (net_gate_key){0};
    struct sockaddr_in6 in6;
    memcpy(&in6, peer, sizeof in6);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        return key_of_ipv4(gate, in6.sin6_addr.s6_addr + 12);
    if (gate->loopback_exempt && IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr))
        return (net_gate_key){0};
    net_gate_key key = {.family = AF_INET6};
    memcpy(&key.network, in6.sin6_addr.s6_addr, sizeof key.network);
    return key;
}

static gate_entry **gate_find(net_gate *gate, net_gate_key key)
{
    uint64_t h = (key.network ^ gate->seed[0]) * (gate->seed[1] | 1);
    h = (h ^ (h >> 32) ^ key.family) * (gate->seed[0] | 1);
    h ^= h >> 29;
    gate_entry **at = &gate->buckets[h % GATE_BUCKETS];
    while (*at && ((*at)->key.network != key.network || (*at)->key.family != key.family))
        at = &(*at)->next;
    return at;
}

static ll_status gate_enter_address(net_gate *gate, net_gate_key key)
{
    gate_entry **at = gate_find(gate, key);
    if (*at && (*at)->open >= gate->per_address_max) {
        gate->counts.refused_address++;
        return LL_ELIMIT;
    }
    if (!*at) {
        *at = memory_new(NULL, sizeof **at);
        if (!*at)
            return LL_ENOMEM;
        (*at)->key = key;
        gate->counts.addresses++;
    }
    (*at)->open++;
    return LL_OK;
}

ll_status net_gate_enter(net_gate *gate, net_gate_key key)
{
    ll_status status = LL_OK;
    pthread_mutex_lock(&gate->lock);
    if (gate->counts.open >= gate->total_max) {
        gate->counts.refused_total++;
        status = LL_ELIMIT;
    } else if (key.family) {
        status = gate_enter_address(gate, key);
    }
    if (!status) {
        gate->counts.open++;
        gate->counts.accepted++;
    }
    pthread_mutex_unlock(&gate->lock);
    return status;
}

void net_gate_leave(net_gate *gate, net_gate_key key)
{
    pthread_mutex_lock(&gate->lock);
    assert(gate->counts.open > 0);
    gate->counts.open--;
    if (key.family) {
        gate_entry **at = gate_find(gate, key);
        assert(*at);
        if (*at && --(*at)->open == 0) {
            gate_entry *entry = *at;
            *at = entry->next;
            memory_free(NULL, entry);
            gate->counts.addresses--;
        }
    }
    pthread_mutex_unlock(&gate->lock);
}
