/* listen.c - see listen.h
 * SPDX-License-Identifier: MIT */
#include "net/listen.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

struct net_listen {
    net_loop_member member; /* first: cast back */
    net_loop *loop;
    net_listen_config config;
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;
    uint16_t port;
    char *unix_path;   /* to unlink; NULL: none */
    dev_t unix_device; /* what unix_path was when we made it: what another process put there since stays */
    ino_t unix_inode;
    bool exhausted;  /* an episode without descriptors goes on: it was logged */
    uint8_t handles; /* libuv handles not closed yet */
    net_listen_counts counts;
};

/* ---------------------------------------------------------------------------------------------------------- errors */

static ll_status listen_error(int number, const char *where, text *error)
{
    char reason[128];
    text_print(error, "cannot listen on %s: %s", where, strerror_r(number, reason, sizeof reason));
    switch (number) {
    case EADDRINUSE:
        text_add_str(error, "; another program listens there (find it with: ss -lptn), stop it or choose another port");
        return LL_EBUSY;
    case EACCES:
    case EPERM:
        text_add_str(error,
                     "; ports below 1024 need CAP_NET_BIND_SERVICE, a socket file a folder that the user may write");
        return LL_EDENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        text_add_str(error, "; this machine does not have that address (see: ip address)");
        return LL_EUNAVAILABLE;
    case ENOMEM:
    case ENOBUFS:
        return LL_ENOMEM;
    case ENOENT:
    case ENOTDIR:
        text_add_str(error, "; make the folder first");
        return LL_EINVAL;
    default:
        return LL_EIO;
    }
}

/* ------------------------------------------------------------------------------------------------------------- TCP */

typedef struct listen_address {
    struct sockaddr_storage storage;
    socklen_t size;
    bool both; /* IPv6 socket that takes IPv4 too */
} listen_address;

static bool listen_parse(const net_listen_config *config, listen_address *out)
{
    *out = (listen_address){0};
    const char *literal = config->address ? config->address : "*";
    out->both = strcmp(literal, "*") == 0;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(config->port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(config->port)};
    if (inet_pton(AF_INET, literal, &in.sin_addr) == 1) {
        memcpy(&out->storage, &in, sizeof in);
        out->size = sizeof in;
        return true;
    }
    if (inet_pton(AF_INET6, out->both ? "::" : literal, &in6.sin6_addr) != 1)
        return false;
    memcpy(&out->storage, &in6, sizeof in6);
    out->size = sizeof in6;
    return true;
}

/* A listening descriptor, or -1 with errno. */
static int listen_tcp_socket(const listen_address *address, bool reuse_port)
{
    int family = address->storage.ss_family, on = 1, only = !address->both;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* Connections of a server just ended linger in TIME_WAIT and would keep the port for a minute. */
    bool done = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                (!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
                (family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0) &&
                bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0 &&
                listen(fd, NET_LISTEN_BACKLOG) == 0;
    if (done)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static ll_status listen_tcp(net_listen *listener, text *error)
{
    const net_listen_config *config = &listener->config;
    listen_address address;
    if (!listen_parse(config, &address)) {
        text_print(error,
                   "\"%s\" is not an IPv4 or IPv6 address; write one such as 192.0.2.1 or 2001:db8::1, or * for all",
                   config->address);
        return LL_EINVAL;
    }
    listener->fd = listen_tcp_socket(&address, config->reuse_port);
    if (listener->fd < 0 && address.both && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        net_listen_config ipv4 = *config; /* a machine without IPv6 */
        ipv4.address = "0.0.0.0";
        if (listen_parse(&ipv4, &address))
            listener->fd = listen_tcp_socket(&address, config->reuse_port);
    }
    if (listener->fd < 0) {
        int number = errno;
        char where[INET6_ADDRSTRLEN + 16];
        snprintf(where, sizeof where, "%s port %u", config->address ? config->address : "*", config->port);
        return listen_error(number, where, error);
    }
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    getsockname(listener->fd, (struct sockaddr *)&bound, &size);
    listener->port = bound.ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)&bound)->sin6_port)
                                                 : ntohs(((const struct sockaddr_in *)&bound)->sin_port);
    return LL_OK;
}

/* ---------------------------------------------------------------------------------------------------- Unix sockets */

/* A socket file that refuses connections has no owner left: remove it. Everything else stays. */
static bool listen_unlink_stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool stale = connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    close(fd);
    return stale && unlink(address->sun_path) == 0;
}

/* Linux gives the file the mode of the socket's inode minus the umask: so it is never open to others, not even for a
 * moment, and the umask of the process stays alone (other threads make files). */
static int listen_unix_socket(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0) {
        if (chmod(address->sun_path, 0600) == 0 && listen(fd, NET_LISTEN_BACKLOG) == 0)
            return fd;
        int number = errno;
        unlink(address->sun_path);
        errno = number;
    }
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

static ll_status listen_unix(net_listen *listener, text *error)
{
    const char *path = listener->config.unix_path;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) == 0 || strlen(path) >= sizeof address.sun_path) {
        text_print(error, "socket path %s: must have 1 to %zu bytes", path, sizeof address.sun_path - 1);
        return LL_EINVAL;
    }
    strcpy(address.sun_path, path);
    listener->fd = listen_unix_socket(&address);
    if (listener->fd < 0 && errno == EADDRINUSE) {
        if (listen_unlink_stale(&address))
            listener->fd = listen_unix_socket(&address);
        else
            errno = EADDRINUSE;
    }
    if (listener->fd < 0)
        return listen_error(errno, path, error);
    struct stat st;
    listener->unix_path = strdup(path);
    if (!listener->unix_path || lstat(path, &st) != 0) {
        unlink(path);
        return listener->unix_path ? LL_EIO : LL_ENOMEM;
    }
    listener->unix_device = st.st_dev;
    listener->unix_inode = st.st_ino;
    return LL_OK;
}

/* ------------------------------------------------------------------------------------------------------- accepting */

static void listen_log(net_listen *listener, const char *event, int number)
{
    if (!listener->config.log)
        return;
    char line[256];
    int size = snprintf(line, sizeof line, "%s port=%u path=%s error=\"%s\"", event, listener->port,
                        listener->unix_path ? listener->unix_path : "-", uv_strerror(uv_translate_sys_error(number)));
    listener->config.log(listener->config.context,
                         span_of(line, size < (int)sizeof line ? (size_t)size : sizeof line - 1));
}

static void listen_on_readable(uv_poll_t *poll, int status, int events);

static void listen_on_pause_over(uv_timer_t *timer)
{
    net_listen *listener = timer->data;
    uv_poll_start(&listener->poll, UV_READABLE, listen_on_readable);
}

/* No descriptors or no memory: the socket stays readable, so look again later. */
static void listen_pause(net_listen *listener, int number)
{
    if (!listener->exhausted)
        listen_log(listener, "accept-paused", number);
    listener->exhausted = true;
    listener->counts.exhausted++;
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->pause, listen_on_pause_over, NET_LISTEN_PAUSE_MS, 0);
}

static void listen_refuse(net_listen *listener, int fd)
{
    listener->counts.refused++;
    if (!listener->config.tls && listener->config.refusal.size)
        (void)!send(fd, listener->config.refusal.data, listener->config.refusal.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
}

static void listen_take(net_listen *listener, int fd, const struct sockaddr *peer)
{
    net_gate *gate = listener->config.gate;
    net_gate_key key = {0};
    if (gate) {
        key = net_gate_key_of(gate, peer);
        if (net_gate_enter(gate, key)) {
            listen_refuse(listener, fd);
            return;
        }
    }
    net_conn *conn;
    if (net_conn_new(&conn, listener->loop, fd, listener->config.tls)) {
        listener->counts.aborted++;
        if (gate)
            net_gate_leave(gate, key);
        return;
    }
    if (gate)
        net_conn_counted(conn, gate, key);
    listener->counts.accepted++;
    listener->config.accept(listener->config.context, conn);
}

/* accept(2): errors that concern the one connection are passed on from the network. */
static bool listen_error_is_passing(int number)
{
    static const int passing[] = {ECONNABORTED, EINTR,      EPROTO,       ENETDOWN,    ENOPROTOOPT, EHOSTDOWN,
                                  ENONET,       EOPNOTSUPP, EHOSTUNREACH, ENETUNREACH, EPERM};
    for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++)
        if (number == passing[i])
            return true;
    return false;
}

static void listen_on_readable(uv_poll_t *poll, int status, int events)
{
    net_listen *listener = poll->data;
    (void)events;
    if (status < 0) {
        listen_pause(listener, EIO);
        return;
    }
    for (int i = 0; i < NET_LISTEN_BATCH && listener->fd >= 0; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof peer;
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            listen_take(listener, fd, (const struct sockaddr *)&peer);
        } else if (errno == EAGAIN) {
            listener->exhausted = false; /* everybody who waited was taken: the episode is over */
            return;
        } else if (listen_error_is_passing(errno)) {
            listener->counts.aborted++;
        } else {
            listen_pause(listener, errno);
            return;
        }
    }
}

/* ------------------------------------------------------------------------------------------------------------ life */

static void listen_free(net_listen *listener)
{
    memory_free(NULL, listener->unix_path);
    memory_free(NULL, listener);
}

static void listen_on_handle_closed(uv_handle_t *handle)
{
    net_listen *listener = handle->data;
    if (--listener->handles > 0)
        return;
    net_loop_leave(listener->loop, &listener->member);
    listen_free(listener);
}

static void listen_unlink(net_listen *listener)
{
    struct stat st;
    if (listener->unix_path && lstat(listener->unix_path, &st) == 0 && st.st_dev == listener->unix_device &&
        st.st_ino == listener->unix_inode)
        unlink(listener->unix_path);
}

static void listen_close(net_listen *listener)
{
    if (listener->fd < 0)
        return;
    uv_close((uv_handle_t *)&listener->poll, listen_on_handle_closed);
    uv_close((uv_handle_t *)&listener->pause, listen_on_handle_closed);
    listen_unlink(listener);
    close(listener->fd);
    listener->fd = -1;
}

static void listen_close_member(net_loop_member *member)
{
    listen_close((net_listen *)member);
}

ll_status net_listen_open(net_listen **out, net_loop *loop, const net_listen_config *config, text *error)
{
    net_loop_check(loop);
    assert(config->accept);
    *out = NULL;
    net_listen *listener = memory_new(NULL, sizeof *listener);
    if (!listener)
        return LL_ENOMEM;
    listener->loop = loop;
    listener->config = *config;
    listener->fd = -1;
    ll_status status = config->unix_path ? listen_unix(listener, error) : listen_tcp(listener, error);
    if (!status && uv_poll_init(net_loop_uv(loop), &listener->poll, listener->fd) != 0)
        status = LL_EIO;
    if (status) {
        if (listener->fd >= 0) {
            listen_unlink(listener);
            close(listener->fd);
        }
        listen_free(listener);
        return status;
    }
    listener->config.address = listener->config.unix_path = NULL; /* the caller's, not needed any more */
    uv_timer_init(net_loop_uv(loop), &listener->pause);
    listener->handles = 2;
    listener->poll.data = listener->pause.data = listener;
    listener->member.close = listen_close_member;
    net_loop_join(loop, &listener->member);
    uv_poll_start(&listener->poll, UV_READABLE, listen_on_readable);
    *out = listener;
    return LL_OK;
}

void net_listen_close(net_listen **pointer)
{
    net_listen *listener = *pointer;
    *pointer = NULL;
    if (!listener)
        return;
    net_loop_check(listener->loop);
    listen_close(listener);
}

uint16_t net_listen_port(const net_listen *listener)
{
    return listener->port;
}

net_listen_counts net_listen_counts_now(const net_listen *listener)
{
    return listener->counts;
}
