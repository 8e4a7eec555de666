/* conn_peer.c - who is at the other end of a connection, see conn.h
 * SPDX-License-Identifier: MIT */
#include "net/conn_private.h"

#include <arpa/inet.h>
#include <sys/socket.h>

/* The peer's address as text; IPv4 mapped into IPv6 (RFC 4291 section 2.5.5.2) as IPv4. */
void conn_name_peer(net_conn *conn, const struct sockaddr_storage *peer)
{
    if (peer->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)peer;
        inet_ntop(AF_INET, &in->sin_addr, conn->peer, sizeof conn->peer);
        conn->peer_port = ntohs(in->sin_port);
        conn->loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    } else if (peer->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)peer;
        const unsigned char *bytes = in6->sin6_addr.s6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
        inet_ntop(mapped ? AF_INET : AF_INET6, mapped ? bytes + 12 : bytes, conn->peer, sizeof conn->peer);
        conn->peer_port = ntohs(in6->sin6_port);
        conn->loopback = mapped ? bytes[12] == 127 : IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
    } else {
        memcpy(conn->peer, "unix", sizeof "unix");
        conn->unix_socket = conn->loopback = true;
    }
}

const char *net_conn_peer(const net_conn *conn)
{
    return conn->peer;
}

uint16_t net_conn_peer_port(const net_conn *conn)
{
    return conn->peer_port;
}

bool net_conn_is_loopback(const net_conn *conn)
{
    return conn->loopback;
}

bool net_conn_peer_uid(const net_conn *conn, uint32_t *uid)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    if (!conn->unix_socket || conn->fd < 0 || getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return false;
    *uid = (uint32_t)credentials.uid;
    return true;
}

net_loop *net_conn_loop(const net_conn *conn)
{
    return conn->loop;
}
