/* channel.h - one blocking connection of the load generator, in clear or TLS, read line by line.
 * SPDX-License-Identifier: MIT
 *
 * For bench/load.c alone: what goes wrong ends the program with a message, because half a measurement is none. */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct channel channel;

/* To 127.0.0.1:port; the greeting is read by the caller. tls: handshake at once (the certificate is not looked at).
 * small_buffer: for thousands of idle ones. */
channel *channel_open(unsigned port, bool tls, bool small_buffer);
void channel_close(channel **connection);

void channel_send(channel *connection, const char *bytes, size_t size);
void channel_print(channel *connection, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The next line without its CRLF, valid until the next call. A line longer than the buffer is cut. */
const char *channel_line(channel *connection);
/* Read and drop so many bytes. */
void channel_skip(channel *connection, uint64_t size);
/* Read SMTP reply lines up to the last one; its code must begin with this digit. */
void channel_reply(channel *connection, char digit);
/* Read IMAP lines up to the one that begins with tag + " ", which must be OK. Literals are skipped. If `untagged` is
 * given: how many lines contained `word`. */
void channel_tagged(channel *connection, const char *tag, const char *word, uint64_t *untagged);
uint64_t channel_received(const channel *connection); /* bytes read so far, after TLS */
int channel_fd(const channel *connection);

uint64_t now_us(void);
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
