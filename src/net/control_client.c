/* control_client.c - see control_client.h
 * SPDX-License-Identifier: MIT */
#include "net/control_client.h"

#include "base/memory.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static uint64_t control_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static ll_status control_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return LL_ENOTFOUND;
    case ECONNREFUSED:
    case EAGAIN: /* the listener's queue is full */
        return LL_EUNAVAILABLE;
    case EACCES:
    case EPERM:
        return LL_EDENIED;
    case EPIPE:
    case ECONNRESET:
        return LL_ECLOSED;
    default:
        return LL_EIO;
    }
}

static ll_status control_wait(int fd, short events, uint64_t deadline_ms)
{
    for (;;) {
        uint64_t now = control_now_ms();
        if (now >= deadline_ms)
            return LL_ETIMEOUT;
        uint64_t left = deadline_ms - now;
        struct pollfd p = {.fd = fd, .events = events};
        int n = poll(&p, 1, left > 60000 ? 60000 : (int)left);
        if (n > 0)
            return LL_OK;
        if (n < 0 && errno != EINTR)
            return LL_EIO;
    }
}

static ll_status control_send(int fd, ll_span request, uint64_t deadline_ms)
{
    while (request.size > 0) {
        ssize_t n = send(fd, request.data, request.size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            request = span_from(request, (size_t)n);
        } else if (errno == EAGAIN) {
            ll_status status = control_wait(fd, POLLOUT, deadline_ms);
            if (status)
                return status;
        } else if (errno != EINTR) {
            return control_errno(errno);
        }
    }
    return LL_OK;
}

static ll_status control_receive(int fd, net_control_until until, uint64_t deadline_ms, text *answer)
{
    char buffer[4096];
    for (;;) {
        ll_status status = control_wait(fd, POLLIN, deadline_ms);
        if (status)
            return status;
        ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (n < 0)
            return control_errno(errno);
        if (n == 0)
            return until == NET_CONTROL_EOF ? LL_OK : LL_ECLOSED;
        ll_span bytes = span_of(buffer, (size_t)n);
        size_t end = until == NET_CONTROL_LINE ? span_find(bytes, '\n') : bytes.size;
        text_add(answer, span_first(bytes, end + 1));
        memory_wipe(buffer, (size_t)n);
        if (text_status(answer))
            return text_status(answer);
        if (end < bytes.size)
            return LL_OK;
    }
}

ll_status net_control_ask(const char *path, ll_span request, net_control_until until, uint64_t timeout_ms, text *answer)
{
    uint64_t deadline_ms = control_now_ms() + timeout_ms;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) == 0 || strlen(path) >= sizeof address.sun_path)
        return LL_EINVAL;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return LL_EIO;
    /* A full backlog would block connect for ever; this bounds it. */
    struct timeval patience = {.tv_sec = (time_t)(timeout_ms / 1000) + 1};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ll_status status = LL_OK;
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        status = control_errno(errno);
    if (!status)
        status = control_send(fd, request, deadline_ms);
    if (!status)
        status = control_receive(fd, until, deadline_ms, answer);
    close(fd);
    return status;
}
