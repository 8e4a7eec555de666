/* cli.c - see cli.h
 * SPDX-License-Identifier: MIT
 *
 * An operation is sent to the running server over its control socket; if none runs, this process opens the data
 * directory and does it itself. Either way the same function does the work (operation.h). */
#include "server/cli.h"

#include "base/memory.h"
#include "keys/secret.h"
#include "net/control_client.h"
#include "server/init.h"
#include "server/log.h"
#include "server/manual.h"
#include "server/operation.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    cli_answer_max = 64 << 20, /* one answer: a list of a hundred thousand aliases is 10 MB */
    cli_input_max = 4096,      /* one line of standard input: a password is at most 1024 bytes */
    cli_busy_ms = 10000,       /* another command is done by then, or a starting server answers */
    cli_busy_poll_ms = 50,
    cli_timeout_ms = 120000 /* an operation on a busy server, deletion of a large vault included */
};

static int fail(const char *message, ll_span detail)
{
    fprintf(stderr, "letterlock: %s%.*s%s", message, SPAN_PRINT(detail),
            detail.size && detail.data[detail.size - 1] == '\n' ? "" : "\n");
    return 1;
}

static int usage(FILE *to)
{
    fputs("usage: letterlock COMMAND --data DIR ...     (letterlock COMMAND --help says more)\n\n"
          "  init                 make a new data directory\n"
          "  serve                run the server in the foreground\n",
          to);
    for (size_t i = 0; i < operation_table_count; i++) {
        char name[40];
        snprintf(name, sizeof name, "%s%s%s", operation_table[i].group, *operation_table[i].group ? " " : "",
                 operation_table[i].name);
        ll_span help = span_str(operation_table[i].help);
        size_t stop = span_find(help, '.');
        fprintf(to, "  %-20s %.*s\n", name, (int)stop, help.data);
    }
    fputs("  manual PAGE          print a manual page: letterlock.1, letterlock.8, letterlock.conf.5\n"
          "  version\n",
          to);
    return to == stdout ? 0 : 2;
}

/* ------------------------------------------------------------------------------------------------- init and serve */

static int run_init(int argc, char **argv)
{
    static const char help[] =
        "usage: letterlock init --data DIR --domain DOMAIN [--hostname HOST] [--port-base N]\n\n"
        "Make a new data directory: server key, settings file, self-signed certificate, and the domain.\n\n"
        "  --domain DOMAIN\n      the first domain to take mail for, such as example.com\n"
        "  --hostname HOST\n      the name of this machine in DNS; otherwise the domain\n"
        "  --port-base N\n      listen on 127.0.0.1 only, on N + the standard port (N+25, N+143 ...): for trying it "
        "out\n";
    init_options o = {0};
    for (int i = 0; i < argc; i += 2) { /* every option has a value */
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--help") == 0)
            return fputs(help, stdout) < 0;
        uint32_t number;
        if (value && strcmp(name, "--data") == 0)
            o.data = value;
        else if (value && strcmp(name, "--domain") == 0)
            o.domain = value;
        else if (value && strcmp(name, "--hostname") == 0)
            o.hostname = value;
        else if (value && strcmp(name, "--port-base") == 0 && span_u32(span_str(value), &number) && number > 0)
            o.port_base = number;
        else {
            fprintf(stderr, "letterlock init: %s is not understood\n%s", name, help);
            return 2;
        }
    }
    if (!o.data || !o.domain) {
        fprintf(stderr, "letterlock init: --data and --domain are needed\n%s", help);
        return 2;
    }
    text error;
    text_init(&error, NULL, 65536);
    ll_status status = init_run(&o, &error);
    int code = 0;
    if (status)
        code = fail("init: ", error.size ? text_span(&error) : span_str(ll_status_text(status)));
    else
        printf("%s is ready for %s. Next: letterlock alias add --data %s you@%s; letterlock serve --data %s\n", o.data,
               o.domain, o.data, o.domain, o.data);
    text_fini(&error);
    return code;
}

static int run_serve(int argc, char **argv)
{
    static const char help[] = "usage: letterlock serve --data DIR\n\n"
                               "Run the server in the foreground. One log line an event on standard error; on standard "
                               "output one line, `ready` with the\n"
                               "listeners, when all of them accept. SIGTERM ends it after what was begun, SIGHUP reads "
                               "settings and certificate again.\n";
    const char *data = NULL;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return fputs(help, stdout) < 0;
        if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            data = argv[++i];
        else {
            fprintf(stderr, "letterlock serve: %s is not understood\n%s", argv[i], help);
            return 2;
        }
    }
    if (!data) {
        fprintf(stderr, "letterlock serve: --data is needed\n%s", help);
        return 2;
    }
    text error;
    text_init(&error, NULL, 65536);
    server *s = memory_new(NULL, sizeof *s);
    ll_status status = s ? server_open(s, data, true, &error) : LL_ENOMEM;
    if (!status)
        status = server_run(s, &error);
    if (s)
        server_close(s);
    memory_free(NULL, s);
    int code = status ? fail("serve: ", error.size ? text_span(&error) : span_str(ll_status_text(status))) : 0;
    text_fini(&error);
    return code;
}

/* ----------------------------------------------------------------------------------------------------- operations */

/* JSON strings may hold passwords: freed memory is wiped. */
static void free_wiped(void *memory)
{
    if (memory)
        memory_wipe(memory, malloc_usable_size(memory));
    free(memory);
}

static const argument *option_find(const operation *op, const char *name)
{
    for (const argument *a = op->arguments; a->name; a++)
        if (a->kind != ARGUMENT_POSITION && strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

static const argument *position_next(const operation *op, const json_t *arguments)
{
    for (const argument *a = op->arguments; a->name; a++)
        if (a->kind == ARGUMENT_POSITION && !json_object_get(arguments, a->name))
            return a;
    return NULL;
}

/* False: said why. */
static bool parse_arguments(const operation *op, int argc, char **argv, const char **data, json_t *arguments)
{
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        const argument *a = strncmp(word, "--", 2) == 0 ? option_find(op, word + 2) : position_next(op, arguments);
        json_t *json = NULL;
        if (strcmp(word, "--data") == 0 && value) {
            *data = value;
            i++;
            continue;
        }
        if (a && a->kind == ARGUMENT_FLAG)
            json = json_true();
        else if (a && a->kind == ARGUMENT_OPTION && value) {
            json = json_string(value);
            i++;
        } else if (a && a->kind == ARGUMENT_POSITION && word[0] != '-')
            json = json_string(word);
        if (!json || json_object_set_new(arguments, a->name, json)) {
            fprintf(stderr, "letterlock %s%s%s: %s is not understood, or lacks its value\n", op->group,
                    *op->group ? " " : "", op->name, word);
            return false;
        }
    }
    if (operation_is_alone(op))
        return !*data || !json_object_set_new(arguments, "data", json_string(*data));
    if (!*data)
        fprintf(stderr, "letterlock %s %s: --data DIR is needed\n", op->group, op->name);
    return *data != NULL;
}

/* One line of standard input, unbuffered by stdio, so that no copy of a password stays there. */
static bool read_line(text *line)
{
    char byte;
    ssize_t got;
    while ((got = read(STDIN_FILENO, &byte, 1)) == 1 && byte != '\n')
        if (byte != '\r')
            text_add_byte(line, byte);
    return (got == 1 || line->size > 0) && !text_status(line);
}

static bool read_input(const operation *op, json_t *arguments)
{
    const argument *a;
    while (op->input && (a = op->input(arguments)) != NULL) {
        text line;
        text_init(&line, NULL, cli_input_max);
        if (isatty(STDIN_FILENO))
            fprintf(stderr, "%s: ", a->help);
        bool good = read_line(&line);
        json_t *json = good ? json_stringn(text_str(&line), line.size) : NULL;
        text_wipe(&line);
        if (!json || json_object_set_new(arguments, a->name, json)) {
            fprintf(stderr, "letterlock %s %s: standard input must have one more line: %s\n", op->group, op->name,
                    a->help);
            return false;
        }
    }
    return true;
}

/* Ask the running server. LL_EUNAVAILABLE, LL_ENOTFOUND: none runs. */
static ll_status ask_server(const layout *l, const operation *op, const json_t *arguments, json_t **result, text *error)
{
    json_t *request = json_pack("{s:s, s:s, s:O}", "group", op->group, "operation", op->name, "arguments", arguments);
    char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!line)
        return LL_ENOMEM;
    text ask, answer;
    text_init(&ask, NULL, 1 << 20);
    text_add_str(&ask, line);
    text_add_byte(&ask, '\n');
    free_wiped(line);
    text_init(&answer, NULL, cli_answer_max);
    ll_status status = net_control_ask(layout_of(l, LAYOUT_CONTROL).string, text_span(&ask), NET_CONTROL_LINE,
                                       cli_timeout_ms, &answer);
    text_wipe(&ask);
    if (!status) {
        json_t *reply = json_loadb(text_str(&answer), answer.size, 0, NULL);
        status = reply ? (ll_status)json_integer_value(json_object_get(reply, "status")) : LL_EIO;
        *result = json_incref(json_object_get(reply, "result"));
        text_add_str(error, json_string_value(json_object_get(reply, "error")));
        json_decref(reply);
    }
    text_wipe(&answer);
    return status;
}

/* *busy: another program has the data directory at this moment. */
static ll_status run_here(const char *data, const operation *op, const json_t *arguments, json_t **result, text *error,
                          bool *busy)
{
    server *s = memory_new(NULL, sizeof *s);
    ll_status status = s ? server_open(s, data, false, error) : LL_ENOMEM;
    *busy = s && status == LL_EBUSY && s->lock < 0;
    if (!status)
        status = operation_run(s, op, arguments, result, error);
    if (s)
        server_close(s);
    memory_free(NULL, s);
    return status;
}

/* Another command may be at work for a moment, or the server may just be starting: then ask both again, for a while. */
static ll_status operate(const char *data, const operation *op, const json_t *arguments, json_t **result, text *error)
{
    layout l;
    ll_status status = layout_init(&l, data);
    if (status)
        return status;
    if (access(layout_of(&l, LAYOUT_CONF).string, F_OK) && access(layout_of(&l, LAYOUT_SERVER_KEY).string, F_OK)) {
        text_print(error,
                   "%s is not a data directory of Letterlock: `letterlock init --data %s --domain ...` makes one", data,
                   data);
        return LL_ENOTFOUND;
    }
    bool busy = true;
    for (int waited = 0; busy; waited += cli_busy_poll_ms) {
        text_clear(error);
        busy = false;
        status = ask_server(&l, op, arguments, result, error);
        if (status == LL_EUNAVAILABLE || (status == LL_ENOTFOUND && !error->size))
            status = run_here(data, op, arguments, result, error, &busy);
        if (busy && waited >= cli_busy_ms)
            break;
        if (busy)
            usleep(cli_busy_poll_ms * 1000);
    }
    return status;
}

static int print_result(const json_t *result)
{
    text out;
    text_init(&out, NULL, cli_answer_max);
    operation_print(result, &out);
    bool good = fwrite(text_str(&out), 1, out.size, stdout) == out.size && fflush(stdout) == 0;
    text_wipe(&out);
    return good ? 0 : fail("cannot write to standard output", SPAN(""));
}

static int run_operation(const operation *op, int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0) {
            text help;
            text_init(&help, NULL, 65536);
            operation_help(op, &help);
            fputs(text_str(&help), stdout);
            text_fini(&help);
            return 0;
        }
    const char *data = NULL;
    json_t *arguments = json_object(), *result = NULL;
    int code = 2;
    if (arguments && parse_arguments(op, argc, argv, &data, arguments) && read_input(op, arguments)) {
        text error;
        text_init(&error, NULL, 65536);
        ll_status status = operation_is_alone(op) ? operation_run(NULL, op, arguments, &result, &error)
                                                  : operate(data, op, arguments, &result, &error);
        code =
            status ? fail("", error.size ? text_span(&error) : span_str(ll_status_text(status))) : print_result(result);
        if (!status && json_is_true(json_object_get(result, "failed")))
            code = 1;
        text_fini(&error);
    }
    json_decref(result);
    json_decref(arguments);
    return code;
}

static int run_manual(int argc, char **argv)
{
    text page;
    text_init(&page, NULL, 1 << 20);
    bool known = argc == 1 && manual_print(argv[0], &page);
    if (known)
        fputs(text_str(&page), stdout);
    text_fini(&page);
    return known ? 0 : usage(stderr);
}

int cli_main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return usage(stdout);
    if (strcmp(argv[1], "version") == 0 || strcmp(argv[1], "--version") == 0)
        return puts("letterlock " LETTERLOCK_VERSION) < 0;
    json_set_alloc_funcs(malloc, free_wiped);
    if (secret_process_harden())
        return fail("the system does not let this process keep secrets (prctl, setrlimit)", SPAN(""));
    if (strcmp(argv[1], "init") == 0)
        return run_init(argc - 2, argv + 2);
    if (strcmp(argv[1], "serve") == 0)
        return run_serve(argc - 2, argv + 2);
    if (strcmp(argv[1], "manual") == 0)
        return run_manual(argc - 2, argv + 2);
    const operation *op = operation_find(SPAN(""), span_str(argv[1]));
    if (op)
        return run_operation(op, argc - 2, argv + 2);
    op = argc > 2 ? operation_find(span_str(argv[1]), span_str(argv[2])) : NULL;
    if (op)
        return run_operation(op, argc - 3, argv + 3);
    fprintf(stderr, "letterlock: there is no command \"%s%s%s\"\n", argv[1], argc > 2 ? " " : "",
            argc > 2 ? argv[2] : "");
    return usage(stderr);
}
