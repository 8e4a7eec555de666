/* log.c - see log.h
 * SPDX-License-Identifier: MIT */
#include "server/log.h"

#include <assert.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Lines that nobody took because the reader of a pipe was slow. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned dropped;

/* Write if it can be done at once: a line is shorter than PIPE_BUF, which a writable pipe takes whole. The mail does
 * not wait for its log. */
static void write_now(const char *line, size_t size)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    char note[64];
    pthread_mutex_lock(&mutex);
    bool writable = poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT);
    if (writable && dropped) {
        int length = snprintf(note, sizeof note, "- log-dropped lines=%u\n", dropped);
        dropped = 0;
        if (write(STDERR_FILENO, note, (size_t)length) < 0)
            writable = false;
        writable = writable && poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT);
    }
    if (!writable || write(STDERR_FILENO, line, size) < 0)
        dropped++;
    pthread_mutex_unlock(&mutex);
}

static void log_write(const char *session, const char *text, size_t size)
{
    char line[log_line_max + 128];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t used = strftime(line, sizeof line, "%Y-%m-%dT%H:%M:%S", &utc);
    used += (size_t)snprintf(line + used, sizeof line - used, ".%03ldZ %.32s ", now.tv_nsec / 1000000, session);
    for (size_t i = 0; i < size && i < log_line_max; i++) {
        unsigned char byte = (unsigned char)text[i];
        line[used++] = byte < 32 || byte == 127 ? '?' : (char)byte;
    }
    line[used++] = '\n';
    static_assert(sizeof line <= PIPE_BUF, "a line goes into a pipe whole");
    write_now(line, used);
}

void log_event(const char *session, const char *format, ...)
{
    char text[log_line_max];
    va_list args;
    va_start(args, format);
    int size = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (size > 0)
        log_write(session, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

void log_span(const char *session, ll_span line)
{
    log_write(session, line.data, line.size);
}
