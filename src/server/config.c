/* config.c - see config.h
 * SPDX-License-Identifier: MIT */
#include "server/config.h"

#include "base/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

typedef enum config_type { TEXT, LISTEN, NUMBER, SIZE, TIME, FLAG } config_type;

typedef struct config_row {
    const char *section; /* not NULL: begins a section, and the rest is empty */
    const char *name;
    config_type type;
    size_t offset;
    const char *value;
    uint64_t min, max;
    const char *help;
} config_row;

static const config_row rows[] = {
#define S(title) {.section = (title)},
#define X(type_, name_, value_, min_, max_, help_)                                                                     \
    {.name = #name_,                                                                                                   \
     .type = type_,                                                                                                    \
     .offset = offsetof(config, name_),                                                                                \
     .value = (value_),                                                                                                \
     .min = (min_),                                                                                                    \
     .max = (max_),                                                                                                    \
     .help = (help_)},
    CONFIG_TABLE(S, X)
#undef X
#undef S
};

enum { rows_count = sizeof rows / sizeof rows[0] };

static const char *const type_hint[] = {
    [TEXT] = "text",
    [LISTEN] = "addresses with port, such as 127.0.0.1:25 or [::1]:25 or *:25",
    [NUMBER] = "a number",
    [SIZE] = "a size in bytes, such as 65536, 64K, 50M or 1G",
    [TIME] = "a time, such as 500ms, 30s, 5m, 2h or 1d",
    [FLAG] = "yes or no",
};

static char **text_at(config *c, const config_row *row)
{
    return (char **)(void *)((char *)c + row->offset);
}

static uint64_t *number_at(config *c, const config_row *row)
{
    return (uint64_t *)(void *)((char *)c + row->offset);
}

static bool *flag_at(config *c, const config_row *row)
{
    return (bool *)(void *)((char *)c + row->offset);
}

static const config_row *row_find(ll_span name)
{
    for (size_t i = 0; i < rows_count; i++)
        if (rows[i].name && span_equal(span_str(rows[i].name), name))
            return &rows[i];
    return NULL;
}

typedef struct unit {
    const char *name;
    uint64_t factor;
} unit;

static const unit size_units[] = {{"", 1}, {"K", 1024}, {"M", 1048576}, {"G", 1073741824}, {NULL, 0}};
static const unit time_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
static const unit number_units[] = {{"", 1}, {NULL, 0}};

static const unit *units_of(config_type type)
{
    return type == SIZE ? size_units : type == TIME ? time_units : number_units;
}

/* Digits and a unit. */
static bool parse_amount(ll_span value, const unit *units, uint64_t *out)
{
    size_t digits = 0;
    while (digits < value.size && value.data[digits] >= '0' && value.data[digits] <= '9')
        digits++;
    uint64_t number;
    if (!span_u64(span_first(value, digits), &number))
        return false;
    ll_span name = span_from(value, digits);
    for (; units->name; units++)
        if (span_equal_nocase(name, span_str(units->name)))
            return !__builtin_mul_overflow(number, units->factor, out);
    return number == 0 && name.size == 0 && (*out = 0, true);
}

static void print_amount(uint64_t number, const unit *units, text *out)
{
    const unit *best = units;
    for (; units->name; units++)
        if (number >= units->factor && number % units->factor == 0)
            best = units;
    text_print(out, "%" PRIu64 "%s", number / best->factor, best->name);
}

bool config_listen_next(ll_span *rest, char address[64], uint16_t *port)
{
    *rest = span_trim(*rest);
    if (!rest->size)
        return false;
    ll_span one = span_cut(rest, ' ');
    size_t colon = one.size;
    while (colon > 0 && one.data[colon - 1] != ':')
        colon--;
    uint32_t number;
    if (colon < 2 || !span_u32(span_from(one, colon), &number) || number == 0 || number > UINT16_MAX)
        return false;
    ll_span host = span_first(one, colon - 1);
    if (host.data[0] == '[' && host.data[host.size - 1] == ']')
        host = span_of(host.data + 1, host.size - 2);
    else if (span_find(host, ':') < host.size)
        return false;
    if (!host.size || host.size >= 64)
        return false;
    memcpy(address, host.data, host.size);
    address[host.size] = '\0';
    *port = (uint16_t)number;
    return true;
}

static bool listen_valid(ll_span value)
{
    char address[64];
    uint16_t port;
    while (span_trim(value).size)
        if (!config_listen_next(&value, address, &port))
            return false;
    return true;
}

static ll_status set_text(char **at, ll_span value)
{
    char *copy = memory_new(NULL, value.size + 1);
    if (!copy)
        return LL_ENOMEM;
    if (value.size)
        memcpy(copy, value.data, value.size);
    memory_free(NULL, *at);
    *at = copy;
    return LL_OK;
}

static ll_status out_of_range(const config_row *row, text *error)
{
    text_print(error, "%s must be from ", row->name);
    print_amount(row->min, units_of(row->type), error);
    text_add_str(error, " to ");
    print_amount(row->max, units_of(row->type), error);
    return LL_EINVAL;
}

static ll_status set_row(config *c, const config_row *row, ll_span value, text *error)
{
    bool good = value.size <= config_value_max && !memchr(value.data, 0, value.size);
    switch (row->type) {
    case LISTEN:
    case TEXT:
        if (good && (row->type == TEXT || listen_valid(value)))
            return set_text(text_at(c, row), value);
        break;
    case NUMBER:
    case SIZE:
    case TIME: {
        uint64_t number;
        if (!good || !parse_amount(value, units_of(row->type), &number))
            break;
        if (number < row->min || number > row->max)
            return out_of_range(row, error);
        *number_at(c, row) = number;
        return LL_OK;
    }
    case FLAG:
        if (span_equal_nocase(value, SPAN("yes")) || span_equal_nocase(value, SPAN("no"))) {
            *flag_at(c, row) = span_equal_nocase(value, SPAN("yes"));
            return LL_OK;
        }
        break;
    }
    text_print(error, "%s must be %s, not \"%.*s\"", row->name, type_hint[row->type],
               SPAN_PRINT(span_first(value, 100)));
    return LL_EINVAL;
}

ll_status config_init(config *c)
{
    *c = (config){0};
    text error;
    text_init(&error, NULL, 4096);
    ll_status status = LL_OK;
    for (size_t i = 0; i < rows_count && !status; i++)
        if (rows[i].name)
            status = set_row(c, &rows[i], span_str(rows[i].value), &error);
    text_fini(&error);
    if (status)
        config_fini(c);
    return status;
}

void config_fini(config *c)
{
    for (size_t i = 0; i < rows_count; i++)
        if (rows[i].name && (rows[i].type == TEXT || rows[i].type == LISTEN)) {
            memory_free(NULL, *text_at(c, &rows[i]));
            *text_at(c, &rows[i]) = NULL;
        }
}

ll_status config_set(config *c, ll_span name, ll_span value, text *error)
{
    const config_row *row = row_find(name);
    if (row)
        return set_row(c, row, value, error);
    text_print(error, "there is no setting \"%.*s\"; `letterlock config` lists them all",
               SPAN_PRINT(span_first(name, 100)));
    return LL_ENOTFOUND;
}

/* One line of the file. seen[] counts by row. */
static ll_status parse_line(config *c, ll_span line, unsigned char *seen, text *error)
{
    line = span_trim(line);
    if (!line.size || line.data[0] == '#')
        return LL_OK;
    ll_span value = line;
    ll_span name = span_trim(span_cut(&value, '='));
    if (name.size == line.size) {
        text_add_str(error, "a line must be `name = value`");
        return LL_EINVAL;
    }
    const config_row *row = row_find(name);
    if (row && seen[row - rows]++) {
        text_print(error, "%s is set a second time", row->name);
        return LL_EINVAL;
    }
    return config_set(c, name, span_trim(value), error);
}

ll_status config_parse(config *c, ll_span content, const char *file, text *errors)
{
    unsigned char seen[rows_count] = {0};
    bool bad = false;
    for (unsigned number = 1; content.size; number++) {
        ll_span line = span_cut(&content, '\n');
        text error;
        text_init(&error, NULL, 4096);
        ll_status status = parse_line(c, line, seen, &error);
        if (status) {
            bad = true;
            text_print(errors, "%s:%u: %s\n", file, number,
                       status == LL_ENOMEM ? ll_status_text(status) : text_str(&error));
        }
        text_fini(&error);
    }
    return bad ? LL_EINVAL : LL_OK;
}

ll_status config_read(config *c, const char *path, text *errors)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        text_print(errors, "%s: %s\n", path, strerror(errno));
        return errno == ENOENT ? LL_ENOTFOUND : LL_EIO;
    }
    text content;
    text_init(&content, NULL, config_file_max);
    ll_status status = LL_OK;
    for (char *room; !status && (room = text_grow(&content, 4096)) != NULL;) {
        size_t got = fread(room, 1, 4096, file);
        text_grown(&content, got);
        if (ferror(file))
            status = LL_EIO;
        if (got < 4096)
            break;
    }
    if (!status)
        status = text_status(&content);
    if (status)
        text_print(errors, "%s: %s\n", path, ll_status_text(status));
    else
        status = config_parse(c, text_span(&content), path, errors);
    text_fini(&content);
    fclose(file);
    return status;
}

static void print_value(const config *c, const config_row *row, text *out)
{
    config *in = (config *)(uintptr_t)c; /* only read */
    switch (row->type) {
    case TEXT:
    case LISTEN:
        text_add_str(out, *text_at(in, row));
        break;
    case NUMBER:
    case SIZE:
    case TIME:
        print_amount(*number_at(in, row), units_of(row->type), out);
        break;
    case FLAG:
        text_add_str(out, *flag_at(in, row) ? "yes" : "no");
        break;
    }
}

/* A comment of several lines, broken at blanks. */
static void print_comment(const char *help, text *out)
{
    enum { width = 100 };
    ll_span rest = span_str(help);
    while (rest.size) {
        size_t cut = rest.size;
        if (cut > width) {
            cut = width;
            while (cut > 0 && rest.data[cut] != ' ')
                cut--;
            cut = cut ? cut : width;
        }
        text_print(out, "# %.*s\n", (int)cut, rest.data);
        rest = span_trim(span_from(rest, cut));
    }
}

static void print_limits(const config_row *row, text *out)
{
    const unit *units = units_of(row->type);
    text_print(out, "%s", type_hint[row->type]);
    if (row->type == NUMBER || row->type == SIZE || row->type == TIME) {
        text_add_str(out, ", from ");
        print_amount(row->min, units, out);
        text_add_str(out, " to ");
        print_amount(row->max, units, out);
    }
    text_print(out, "; default: %s", row->value);
}

void config_print(const config *c, text *out)
{
    text_add_str(
        out,
        "# The settings of this Letterlock server. `letterlock serve` refuses a file with faults; SIGHUP reads it "
        "again\n"
        "# (listeners, workers and vaults_unlocked change only at a restart). `man letterlock.conf` explains more.\n");
    for (size_t i = 0; i < rows_count; i++) {
        const config_row *row = &rows[i];
        if (row->section) {
            text_print(out, "\n# --- %s\n", row->section);
            continue;
        }
        text_add_str(out, "\n");
        print_comment(row->help, out);
        text_add_str(out, "# (");
        print_limits(row, out);
        text_print(out, ")\n%s = ", row->name);
        print_value(c, row, out);
        text_add_str(out, "\n");
    }
}

void config_list(const config *c, text *out)
{
    for (size_t i = 0; i < rows_count; i++) {
        if (!rows[i].name)
            continue;
        text_print(out, "%s = ", rows[i].name);
        print_value(c, &rows[i], out);
        text_add_str(out, "\n");
    }
}

void config_manual(text *out)
{
    for (size_t i = 0; i < rows_count; i++) {
        const config_row *row = &rows[i];
        if (row->section) {
            text_print(out, ".SS %s\n", row->section);
            continue;
        }
        text_print(out, ".TP\n.B %s\n%s\n(", row->name, row->help);
        print_limits(row, out);
        text_add_str(out, ")\n");
    }
}
