/* log.c - see log.h
 * SPDX-License-Identifier: MIT */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Written by one write(2), so that lines of several threads do not mix. */
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
    for (size_t sent = 0; sent < used;) {
        ssize_t wrote = write(STDERR_FILENO, line + sent, used - sent);
        if (wrote <= 0)
            return; /* nobody reads the log: the mail goes on */
        sent += (size_t)wrote;
    }
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
