/* load.c - the load generator of bench/run.py: one workload against a server on this machine, one line of JSON.
 * SPDX-License-Identifier: MIT
 *
 *     load WORKLOAD port=N [name=value ...]
 *
 *     lmtp smtp    to=A,B,... connections count         one transaction a message, envelope pipelined
 *     append       user password mailbox count window   window 1: synchronising literals; more: LITERAL+, so many under
 *                                                       way; multi=N: MULTIAPPEND of N messages
 *     fetch        user password mailbox items count    FETCH 1:* (items), so many times
 *     select       user password mailbox count          SELECT and UNSELECT
 *     command      user password mailbox items count connections
 *                                                       commands, separated by '|', so many times, one after the other:
 *                                                       %r is a random message number, %n the number of the turn
 *     login        user password connections count mechanism=login|plain      connect, greeting, login, logout; with
 *                                                       select=1 SELECT too
 *     idle         user password connections mailbox state=greeting|login|idle      hold them until stdin ends
 *     notify       user password mailbox count connections     from the last byte of an APPEND to EXISTS in each of the
 *                                                       sessions that idle
 *
 * tls=1 uses TLS from the first byte. The times are the client's: from the first byte sent to the last byte received.
 */
#include "channel.h"
#include "sample.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    threads_max = 256,
    recipients_max = 64,
    stack_size = 256 * 1024, /* a thread needs one message of 64 KB and little else */
};

typedef struct options {
    unsigned port, connections, window, multi, select;
    unsigned long count;
    bool tls;
    const char *user, *password, *mailbox, *items, *mechanism, *state;
    const char *to[recipients_max];
    unsigned to_count;
} options;

typedef struct worker {
    const options *o;
    pthread_barrier_t *start;
    uint32_t *took_us; /* of each operation, shared: worker n fills n, n + connections, ... */
    uint64_t bytes;
    unsigned number;
} worker;

/* -------------------------------------------------------------------------------------------------------- the numbers
 */

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static void report(unsigned long operations, uint64_t us, uint64_t bytes, uint32_t *took_us, unsigned long took_count)
{
    if (took_count)
        qsort(took_us, took_count, sizeof *took_us, by_size);
    printf("{\"operations\": %lu, \"seconds\": %.6f, \"bytes\": %llu, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u, "
           "\"client_cpu_ms\": %.1f}\n",
           operations, (double)us / 1e6, (unsigned long long)bytes, took_count ? took_us[took_count / 2] : 0,
           took_count ? took_us[took_count * 99 / 100] : 0, took_count ? took_us[took_count - 1] : 0, cpu_ms());
    fflush(stdout);
}

static uint32_t *new_times(unsigned long count)
{
    uint32_t *times = calloc(count ? count : 1, sizeof *times);
    if (!times)
        die("out of memory");
    return times;
}

/* Run `work` in so many threads; the clock starts when all are connected. */
static void run_workers(const options *o, void *(*work)(void *))
{
    static worker workers[threads_max];
    pthread_t threads[threads_max];
    pthread_barrier_t start;
    pthread_attr_t attributes;
    if (o->connections > threads_max)
        die("at most %d connections", threads_max);
    uint32_t *times = new_times(o->count);
    pthread_barrier_init(&start, NULL, o->connections + 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_size);
    for (unsigned i = 0; i < o->connections; i++) {
        workers[i] = (worker){.o = o, .start = &start, .took_us = times, .number = i};
        if (pthread_create(&threads[i], &attributes, work, &workers[i]))
            die("no thread");
    }
    pthread_barrier_wait(&start);
    uint64_t begin = now_us(), bytes = 0;
    for (unsigned i = 0; i < o->connections; i++) {
        pthread_join(threads[i], NULL);
        bytes += workers[i].bytes;
    }
    report(o->count, now_us() - begin, bytes, times, o->count);
    free(times);
}

/* ------------------------------------------------------------------------------------------------------ LMTP and SMTP
 */

/* The envelope goes in one packet (PIPELINING), the message in the next: two round trips and one sync of the server. */
static void transaction(channel *l, const options *o, unsigned long number, char *message, uint64_t *bytes)
{
    size_t size = sample_make(number, message);
    channel_print(l, "MAIL FROM:<sender%lu@elsewhere.example>\r\nRCPT TO:<%s>\r\nDATA\r\n", number % 97,
                  o->to[number % o->to_count]);
    channel_reply(l, '2');
    channel_reply(l, '2');
    channel_reply(l, '3');
    memcpy(message + size, ".\r\n", 3);
    channel_send(l, message, size + 3);
    channel_reply(l, '2');
    *bytes += size;
}

static void *deliver(worker *w, const char *hello)
{
    const options *o = w->o;
    char *message = malloc(sample_max + 16);
    channel *l = channel_open(o->port, o->tls, false);
    if (!message)
        die("out of memory");
    channel_reply(l, '2');
    channel_print(l, "%s load.example\r\n", hello);
    channel_reply(l, '2');
    pthread_barrier_wait(w->start);
    for (unsigned long n = w->number; n < o->count; n += o->connections) {
        uint64_t begin = now_us();
        transaction(l, o, n, message, &w->bytes);
        w->took_us[n] = (uint32_t)(now_us() - begin);
    }
    channel_print(l, "QUIT\r\n");
    channel_reply(l, '2');
    channel_close(&l);
    free(message);
    return NULL;
}

static void *lmtp_work(void *context)
{
    return deliver(context, "LHLO");
}

static void *smtp_work(void *context)
{
    return deliver(context, "EHLO");
}

static void run_lmtp(const options *o)
{
    run_workers(o, lmtp_work);
}

static void run_smtp(const options *o)
{
    run_workers(o, smtp_work);
}

/* --------------------------------------------------------------------------------------------------------------- IMAP
 */

static channel *imap_open(const options *o, bool small)
{
    channel *l = channel_open(o->port, o->tls, small);
    const char *line = channel_line(l);
    if (strncmp(line, "* OK", 4) != 0)
        die("greeting: %s", line);
    return l;
}

static void base64(const unsigned char *in, size_t size, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t v =
            (uint32_t)in[i] << 16 | (i + 1 < size ? (uint32_t)in[i + 1] << 8 : 0) | (i + 2 < size ? in[i + 2] : 0);
        *out++ = alphabet[v >> 18];
        *out++ = alphabet[v >> 12 & 63];
        *out++ = i + 1 < size ? alphabet[v >> 6 & 63] : '=';
        *out++ = i + 2 < size ? alphabet[v & 63] : '=';
    }
    *out = '\0';
}

static void imap_login(channel *l, const options *o)
{
    if (strcmp(o->mechanism, "plain") == 0) {
        unsigned char plain[512];
        char text[700];
        int size = snprintf((char *)plain, sizeof plain, "%c%s%c%s", 0, o->user, 0, o->password);
        if (size < 0 || size >= (int)sizeof plain)
            die("name or password too long");
        base64(plain, (size_t)size, text);
        channel_print(l, "l AUTHENTICATE PLAIN %s\r\n", text);
    } else
        channel_print(l, "l LOGIN \"%s\" \"%s\"\r\n", o->user, o->password);
    channel_tagged(l, "l", NULL, NULL);
}

static channel *imap_ready(const options *o)
{
    channel *l = imap_open(o, false);
    imap_login(l, o);
    return l;
}

static uint64_t imap_select(channel *l, const char *mailbox)
{
    channel_print(l, "s SELECT \"%s\"\r\n", mailbox);
    uint64_t exists = 0;
    for (;;) {
        const char *line = channel_line(l);
        if (strncmp(line, "s ", 2) == 0) {
            if (strncmp(line, "s OK", 4) != 0)
                die("SELECT: %s", line);
            return exists;
        }
        if (strncmp(line, "* ", 2) == 0 && strstr(line, " EXISTS"))
            exists = strtoull(line + 2, NULL, 10);
    }
}

static void imap_bye(channel **l)
{
    channel_print(*l, "z LOGOUT\r\n");
    channel_tagged(*l, "z", NULL, NULL);
    channel_close(l);
}

/* "go ahead" for a synchronising literal. */
static void wait_plus(channel *l)
{
    const char *line;
    do
        line = channel_line(l);
    while (line[0] == '*');
    if (line[0] != '+')
        die("wanted +: %s", line);
}

static void append_one(channel *l, const options *o, unsigned long number, bool wait, char *message, uint64_t *bytes)
{
    size_t size = sample_make(number, message);
    channel_print(l, "a%lu APPEND \"%s\" (\\Seen) {%zu%s}\r\n", number, o->mailbox, size, wait ? "" : "+");
    if (wait)
        wait_plus(l);
    memcpy(message + size, "\r\n", 2);
    channel_send(l, message, size + 2);
    *bytes += size;
}

/* MULTIAPPEND, RFC 3502: all of them in one command. */
static void append_many(channel *l, const options *o, unsigned long first, unsigned long count, char *message,
                        uint64_t *bytes)
{
    channel_print(l, "a%lu APPEND \"%s\"", first, o->mailbox);
    for (unsigned long n = first; n < first + count; n++) {
        size_t size = sample_make(n, message);
        channel_print(l, " (\\Seen) {%zu+}\r\n", size);
        channel_send(l, message, size);
        *bytes += size;
    }
    channel_send(l, "\r\n", 2);
}

static void append_done(channel *l, unsigned long number)
{
    char tag[32];
    snprintf(tag, sizeof tag, "a%lu", number);
    channel_tagged(l, tag, NULL, NULL);
}

static void run_multi(const options *o)
{
    channel *l = imap_ready(o);
    char *message = malloc(sample_max + 16);
    uint32_t *times = new_times(o->count);
    uint64_t bytes = 0, begin = now_us();
    unsigned long done = 0, commands = 0;
    if (!message)
        die("out of memory");
    while (done < o->count) {
        unsigned long many = o->count - done < o->multi ? o->count - done : o->multi;
        uint64_t from = now_us();
        append_many(l, o, done, many, message, &bytes);
        append_done(l, done);
        times[commands++] = (uint32_t)(now_us() - from);
        done += many;
    }
    report(o->count, now_us() - begin, bytes, times, commands);
    imap_bye(&l);
    free(message);
    free(times);
}

static void run_append(const options *o)
{
    if (o->multi) {
        run_multi(o);
        return;
    }
    channel *l = imap_ready(o);
    char *message = malloc(sample_max + 16);
    uint32_t *times = new_times(o->count);
    uint64_t *sent = calloc(o->window, sizeof *sent), bytes = 0, begin = now_us();
    if (!message || !sent)
        die("out of memory");
    for (unsigned long n = 0, done = 0; done < o->count;) {
        if (n < o->count && n - done < o->window) {
            sent[n % o->window] = now_us();
            append_one(l, o, n++, o->window == 1, message, &bytes);
            continue;
        }
        append_done(l, done);
        times[done] = (uint32_t)(now_us() - sent[done % o->window]);
        done++;
    }
    report(o->count, now_us() - begin, bytes, times, o->count);
    imap_bye(&l);
    free(message);
    free(sent);
    free(times);
}

/* The same command `count` times. */
static void run_fetch(const options *o)
{
    channel *l = imap_ready(o);
    uint64_t exists = imap_select(l, o->mailbox), answers = 0;
    uint64_t before = channel_received(l), begin = now_us();
    for (unsigned long n = 0; n < o->count; n++) {
        channel_print(l, "f FETCH 1:* (%s)\r\n", o->items);
        channel_tagged(l, "f", " FETCH (", &answers);
    }
    uint64_t us = now_us() - begin;
    if (answers < exists * o->count)
        die("%llu messages, %llu answers", (unsigned long long)exists, (unsigned long long)answers);
    report((unsigned long)exists * o->count, us, channel_received(l) - before, NULL, 0);
    imap_bye(&l);
}

static void run_select(const options *o)
{
    channel *l = imap_ready(o);
    uint32_t *times = new_times(o->count);
    uint64_t begin = now_us();
    for (unsigned long n = 0; n < o->count; n++) {
        uint64_t from = now_us();
        imap_select(l, o->mailbox);
        times[n] = (uint32_t)(now_us() - from);
        channel_print(l, "u UNSELECT\r\n");
        channel_tagged(l, "u", NULL, NULL);
    }
    report(o->count, now_us() - begin, 0, times, o->count);
    imap_bye(&l);
    free(times);
}

/* One command of the list, with its numbers filled in. `rest` moves on. */
static void command_make(const char **rest, char *to, size_t room, unsigned long turn, unsigned long random)
{
    size_t size = 0;
    const char *at = *rest;
    for (; *at && *at != '|' && size + 24 < room; at++) {
        if (at[0] == '%' && (at[1] == 'r' || at[1] == 'n'))
            size += (size_t)snprintf(to + size, room - size, "%lu", *++at == 'r' ? random : turn);
        else
            to[size++] = *at;
    }
    to[size] = '\0';
    *rest = *at ? at + 1 : at;
}

static void *command_work(void *context)
{
    worker *w = context;
    const options *o = w->o;
    channel *l = imap_ready(o);
    unsigned long exists = (unsigned long)imap_select(l, o->mailbox), random = w->number * 7919 + 1;
    uint64_t before = channel_received(l);
    pthread_barrier_wait(w->start);
    for (unsigned long n = w->number; n < o->count; n += o->connections) {
        uint64_t begin = now_us();
        char line[1024];
        random = random * 6364136223846793005u + 1442695040888963407u;
        for (const char *rest = o->items; *rest;) {
            command_make(&rest, line, sizeof line, n, exists ? (random >> 33) % exists + 1 : 1);
            channel_print(l, "c %s\r\n", line);
            channel_tagged(l, "c", NULL, NULL);
        }
        w->took_us[n] = (uint32_t)(now_us() - begin);
    }
    w->bytes = channel_received(l) - before;
    imap_bye(&l);
    return NULL;
}

static void run_command(const options *o)
{
    run_workers(o, command_work);
}

static void *login_work(void *context)
{
    worker *w = context;
    pthread_barrier_wait(w->start);
    for (unsigned long n = w->number; n < w->o->count; n += w->o->connections) {
        uint64_t begin = now_us();
        channel *l = imap_open(w->o, true);
        imap_login(l, w->o);
        if (w->o->select)
            imap_select(l, w->o->mailbox);
        w->took_us[n] = (uint32_t)(now_us() - begin);
        imap_bye(&l);
    }
    return NULL;
}

static void run_login(const options *o)
{
    run_workers(o, login_work);
}

static void start_idle(channel *l)
{
    channel_print(l, "i IDLE\r\n");
    wait_plus(l);
}

static void run_idle(const options *o)
{
    channel **channels = calloc(o->connections, sizeof *channels);
    if (!channels)
        die("out of memory");
    for (unsigned n = 0; n < o->connections; n++) {
        channels[n] = imap_open(o, true);
        if (strcmp(o->state, "greeting") == 0)
            continue;
        imap_login(channels[n], o);
        if (strcmp(o->state, "login") == 0)
            continue;
        imap_select(channels[n], o->mailbox);
        start_idle(channels[n]);
    }
    report(o->connections, 0, 0, NULL, 0);
    while (getchar() != EOF)
        ;
    for (unsigned n = 0; n < o->connections; n++)
        channel_close(&channels[n]);
    free(channels);
}

/* Some sessions idle, another appends. They may be told before it gets its OK. */
static void run_notify(const options *o)
{
    channel **idle = calloc(o->connections, sizeof *idle), *writer = imap_ready(o);
    char *message = malloc(sample_max + 16);
    uint32_t *times = new_times(o->count * o->connections);
    uint64_t bytes = 0, begin = now_us();
    if (!message || !idle)
        die("out of memory");
    for (unsigned i = 0; i < o->connections; i++) {
        idle[i] = imap_ready(o);
        imap_select(idle[i], o->mailbox);
        start_idle(idle[i]);
    }
    for (unsigned long n = 0; n < o->count; n++) {
        append_one(writer, o, n * 4, false, message, &bytes);
        uint64_t from = now_us();
        for (unsigned i = 0; i < o->connections; i++) {
            while (!strstr(channel_line(idle[i]), " EXISTS"))
                ;
            times[n * o->connections + i] = (uint32_t)(now_us() - from);
        }
        append_done(writer, n * 4);
        usleep(2000); /* all at rest again */
    }
    report(o->count, now_us() - begin, bytes, times, o->count * o->connections);
    imap_bye(&writer);
    for (unsigned i = 0; i < o->connections; i++)
        channel_close(&idle[i]);
    free(idle);
    free(message);
    free(times);
}

/* ------------------------------------------------------------------------------------------------------------ options
 */

static void take_recipients(options *o, char *list)
{
    for (char *save, *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        if (o->to_count == recipients_max)
            die("at most %d recipients", recipients_max);
        o->to[o->to_count++] = word;
    }
}

static void take_option(options *o, char *word)
{
    char *value = strchr(word, '=');
    if (!value)
        die("name=value, not %s", word);
    *value++ = '\0';
    const struct {
        const char *name;
        const char **text;
        unsigned *number;
    } table[] = {{"port", NULL, &o->port},         {"connections", NULL, &o->connections},
                 {"window", NULL, &o->window},     {"multi", NULL, &o->multi},
                 {"select", NULL, &o->select},     {"user", &o->user, NULL},
                 {"password", &o->password, NULL}, {"mailbox", &o->mailbox, NULL},
                 {"items", &o->items, NULL},       {"mechanism", &o->mechanism, NULL},
                 {"state", &o->state, NULL}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(word, table[i].name) == 0) {
            if (table[i].text)
                *table[i].text = value;
            else
                *table[i].number = (unsigned)strtoul(value, NULL, 10);
            return;
        }
    if (strcmp(word, "count") == 0)
        o->count = strtoul(value, NULL, 10);
    else if (strcmp(word, "tls") == 0)
        o->tls = value[0] == '1';
    else if (strcmp(word, "to") == 0)
        take_recipients(o, value);
    else
        die("no such option: %s", word);
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*run)(const options *o);
    } workloads[] = {{"lmtp", run_lmtp},   {"smtp", run_smtp},     {"append", run_append},
                     {"fetch", run_fetch}, {"select", run_select}, {"command", run_command},
                     {"login", run_login}, {"idle", run_idle},     {"notify", run_notify}};
    options o = {.connections = 1,
                 .window = 1,
                 .count = 1,
                 .mailbox = "INBOX",
                 .items = "UID FLAGS",
                 .mechanism = "login",
                 .state = "idle",
                 .user = "",
                 .password = ""};
    for (int i = 2; i < count; i++)
        take_option(&o, words[i]);
    if (o.connections == 0 || o.window == 0)
        die("connections and window begin at 1");
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0] && count > 1; i++)
        if (strcmp(words[1], workloads[i].name) == 0) {
            if ((strcmp(words[1], "lmtp") == 0 || strcmp(words[1], "smtp") == 0) && o.to_count == 0)
                die("to whom?");
            workloads[i].run(&o);
            return 0;
        }
    die("which workload? See the head of bench/load.c");
}
