/* replay.c - a fuzz target as an ordinary test: its corpus, and a fixed set of mutations of it, without libFuzzer.
 * SPDX-License-Identifier: MIT
 *
 *     NAME DIRECTORY ...          every file of the directories, then mutations of each, for about a second
 *     NAME --mutation N FILE DIRECTORY ...     write mutation N of FILE to stdout (to keep what made a target fail)
 *
 * A mutation depends on its number, the file and the corpus alone, so what fails once fails again, on every machine.
 * The name of the input under way is written when the target dies. Exit 0: all went through; 2: no input found. */
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* In the sanitizers' runtime, if it is linked: they end the process without a signal. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

enum {
    inputs_max = 4096,   /* files of one corpus: hand-written ones are a few, found ones a few hundred */
    input_max = 1 << 20, /* one input: beyond it nothing new is found, only time is spent */
    mutations = 2000,    /* of each file, if time permits */
    budget_ms = 1000,    /* for all mutations: `make test` runs a dozen targets */
    changes_max = 8,     /* changes stacked in one mutation */
    growth_max = 4096,   /* what one mutation may add */
};

typedef struct input {
    char *path;
    uint8_t *data;
    size_t size;
} input;

static input *inputs;
static size_t input_count;
static char doing[1024]; /* the input under way, for the handler: nothing may be formatted there */

static void say_what(void)
{
    ssize_t ignored = write(2, doing, strlen(doing));
    (void)ignored;
}

static void on_signal(int number)
{
    say_what();
    signal(number, SIG_DFL);
    raise(number);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* xorshift64*: small, seeded, the same everywhere. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u;
}

static size_t below(uint64_t *state, size_t limit)
{
    return limit ? (size_t)(next_random(state) % limit) : 0;
}

static uint64_t seed_of(const input *from, unsigned number)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < from->size; i++)
        hash = (hash ^ from->data[i]) * 1099511628211u;
    hash ^= (uint64_t)(number + 1) * 0x9e3779b97f4a7c15u;
    return hash ? hash : 1;
}

/* One change in place; the buffer has room for input_max + growth_max. Returns the new size. */
static size_t change(uint64_t *random, uint8_t *data, size_t size)
{
    /* Bytes that mean something to the grammars under test. */
    static const char special[] = "\r\n \t\"\\()<>[]{}@:;=?*%+-,.&0129aZ\x80\xff";
    size_t at = below(random, size + 1), length, from;
    switch (below(random, 8)) {
    case 0: /* flip a bit */
        if (at < size)
            data[at] = (uint8_t)(data[at] ^ (1u << below(random, 8)));
        return size;
    case 1: /* another byte */
        if (at < size)
            data[at] = (uint8_t)next_random(random);
        return size;
    case 2: /* a byte that means something (NUL, the literal's last, included) */
        if (at < size)
            data[at] = (uint8_t)special[below(random, sizeof special)];
        return size;
    case 3: /* truncate */
        return at;
    case 4: /* cut a piece out */
        length = below(random, size - at + 1);
        memmove(data + at, data + at + length, size - at - length);
        return size - length;
    case 5: /* repeat a piece */
        length = below(random, size - at + 1);
        if (length > growth_max / changes_max)
            length = growth_max / changes_max;
        memmove(data + at + length, data + at, size - at);
        return size + length;
    case 6: /* put a byte in */
        memmove(data + at + 1, data + at, size - at);
        data[at] = (uint8_t)special[below(random, sizeof special)];
        return size + 1;
    default: /* splice: a piece of another file over what is here */
    {
        const input *other = &inputs[below(random, input_count)];
        from = below(random, other->size);
        length = below(random, other->size - from + 1);
        if (length > size - at)
            length = size - at;
        memcpy(data + at, other->data + from, length);
        return size;
    }
    }
}

static size_t mutate(const input *from, unsigned number, uint8_t *data)
{
    uint64_t random = seed_of(from, number);
    size_t size = from->size;
    memcpy(data, from->data, size);
    for (size_t n = 1 + below(&random, changes_max); n > 0; n--)
        size = change(&random, data, size);
    return size;
}

/* The target gets a block of exactly the input's size, so that a read past the end is seen by the sanitizer. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(3);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void read_input(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || input_count == inputs_max) {
        fprintf(stderr, "replay: cannot take %s\n", path);
        exit(2);
    }
    input *to = &inputs[input_count];
    to->data = malloc(input_max);
    to->path = strdup(path);
    if (!to->data || !to->path)
        exit(3);
    to->size = fread(to->data, 1, input_max, file);
    fclose(file);
    uint8_t *fitting = realloc(to->data, to->size ? to->size : 1);
    if (fitting)
        to->data = fitting;
    input_count++;
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_directory(const char *name)
{
    struct dirent **entries;
    int count = scandir(name, &entries, is_input, alphasort);
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", name, entries[i]->d_name);
        read_input(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static int write_mutation(const char *program, const char *path, unsigned number, uint8_t *scratch)
{
    for (size_t i = 0; i < input_count; i++)
        if (strcmp(inputs[i].path, path) == 0) {
            size_t size = mutate(&inputs[i], number, scratch);
            return fwrite(scratch, 1, size, stdout) == size ? 0 : 1;
        }
    fprintf(stderr, "%s: %s is not in the directories given\n", program, path);
    return 2;
}

static size_t run_mutations(uint8_t *scratch)
{
    uint64_t end = now_ms() + budget_ms;
    size_t done = 0;
    for (unsigned n = 0; n < mutations && now_ms() < end; n++)
        for (size_t i = 0; i < input_count && now_ms() < end; i++) {
            snprintf(doing, sizeof doing, "replay: died of mutation %u of %s\n", n, inputs[i].path);
            size_t size = mutate(&inputs[i], n, scratch);
            run(scratch, size);
            done++;
        }
    return done;
}

static void free_inputs(void)
{
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].data);
        free(inputs[i].path);
    }
    free(inputs);
}

int main(int count, char **words)
{
    bool one = count > 3 && strcmp(words[1], "--mutation") == 0;
    inputs = calloc(inputs_max, sizeof *inputs);
    uint8_t *scratch = malloc(input_max + growth_max);
    if (!inputs || !scratch)
        return 3;
    for (int i = one ? 4 : 1; i < count; i++)
        read_directory(words[i]);
    if (input_count == 0) {
        fprintf(stderr, "replay: no input in the directories given\n");
        return 2;
    }
    if (one)
        return write_mutation(words[0], words[3], (unsigned)strtoul(words[2], NULL, 10), scratch);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(say_what);
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    for (size_t i = 0; i < input_count; i++) {
        snprintf(doing, sizeof doing, "replay: died of %s\n", inputs[i].path);
        run(inputs[i].data, inputs[i].size);
    }
    size_t done = run_mutations(scratch);
    printf("%zu files, %zu mutations\n", input_count, done);
    free(scratch);
    free_inputs();
    return 0;
}
