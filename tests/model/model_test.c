/* model_test.c - random stories of several clients, told to the engine and to a model: see world.h and judge.h.
 * SPDX-License-Identifier: MIT
 *
 *     model_test [--commands N] [--seed N] [--kind memory|vault] [--trace] [CASE ...]
 *
 * Without CASE: N commands in stories of `story` steps, half of them over the connector in memory, half over a vault. A
 * story that shows a difference is made shorter as long as it does, and printed as a script that can be kept in cases/
 * and given as CASE. Exit status 1: a difference. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { STORY = 1000 };

typedef struct script {
    rig_kind kind;
    step steps[STORY];
    size_t count;
} script;

typedef struct totals {
    unsigned long replies, updates;
    uint64_t certain, possible; /* what the connector has said in searches */
} totals;

/* True: no difference. */
static bool run(const script *s, FILE *trace, char fault[1024], size_t *steps, unsigned long *commands)
{
    judge *j = malloc(sizeof *j);
    bool good = true;
    if (!j)
        abort();
    judge_init(j, s->kind, trace);
    size_t i = 0;
    while (good && i < s->count)
        good = judge_step(j, &s->steps[i++]);
    good = good && judge_finish(j);
    *steps = i;
    if (commands)
        *commands += j->commands;
    snprintf(fault, 1024, "%s", j->fault);
    judge_fini(j);
    free(j);
    return good;
}

/* The same kind of fault: its words, not its numbers. */
static bool same_fault(const char *a, const char *b)
{
    const char *one = strchr(a, ':'), *two = strchr(b, ':');
    if (!one || !two)
        return !strcmp(a, b);
    while (*one && *two && *one == *two && *one != '(')
        one++, two++;
    return *one == *two;
}

/* Delta debugging: leave out ever smaller pieces as long as the difference stays. */
static void shrink(script *s, const char *want)
{
    char fault[1024];
    size_t steps;
    script *less = malloc(sizeof *less);
    if (!less)
        abort();
    for (size_t piece = s->count / 2; piece >= 1; piece = piece > 1 ? piece / 2 : 0) {
        for (size_t at = 0; at < s->count;) {
            size_t cut = at + piece < s->count ? piece : s->count - at;
            *less = *s;
            memmove(&less->steps[at], &less->steps[at + cut], (s->count - at - cut) * sizeof less->steps[0]);
            less->count -= cut;
            if (!run(less, NULL, fault, &steps, NULL) && same_fault(fault, want)) {
                *s = *less;
                if (steps < s->count)
                    s->count = steps;
            } else {
                at += cut;
            }
        }
    }
    free(less);
}

static void print_script(const script *s)
{
    printf("%s\n", s->kind == RIG_VAULT ? "vault" : "memory");
    for (size_t i = 0; i < s->count; i++)
        step_print(&s->steps[i], stdout);
}

/* Tell a story and note it. */
static bool story(script *s, uint64_t seed, char fault[1024], unsigned long *commands, totals *t)
{
    judge *j = malloc(sizeof *j);
    bool good = true;
    if (!j)
        abort();
    unsigned sessions = 2 + chance_below(&seed, WORLD_VIEWERS - 1);
    judge_init(j, s->kind, NULL);
    for (s->count = 0; good && s->count < STORY; s->count++) {
        step_random(&j->w, &seed, sessions, j->busy, &s->steps[s->count]);
        good = judge_step(j, &s->steps[s->count]);
    }
    good = good && judge_finish(j);
    snprintf(fault, 1024, "%s", j->fault);
    *commands += j->commands;
    t->replies += j->replies;
    t->updates += j->updates;
    t->certain += j->r.certain;
    t->possible += j->r.possible;
    judge_fini(j);
    free(j);
    return good;
}

static int report(script *s, uint64_t seed, const char *fault)
{
    char again[1024];
    size_t steps;
    printf("difference (seed %llu): %s\n", (unsigned long long)seed, fault);
    shrink(s, fault);
    printf("--- the shortest script that shows it\n");
    print_script(s);
    printf("--- as a conversation\n");
    run(s, stdout, again, &steps, NULL);
    printf("--- %s\n", again);
    return 1;
}

static int many(unsigned long commands, uint64_t seed, int kind)
{
    static script s;
    char fault[1024];
    totals t = {0};
    unsigned long done = 0, stories = 0;
    time_t start = time(NULL);
    while (done < commands) {
        s.kind = kind >= 0 ? (rig_kind)kind : stories % 2 ? RIG_VAULT : RIG_MEMORY;
        if (!story(&s, seed + stories, fault, &done, &t))
            return report(&s, seed + stories, fault);
        stories++;
        if (commands > 100000 && stories % 100 == 0)
            fprintf(stderr, "%lu commands\n", done);
    }
    printf("%lu commands in %lu stories, %lu replies, %lu updates of searches, no difference, %ld s; searches: %llu "
           "certain, %llu possible\n",
           done, stories, t.replies, t.updates, (long)(time(NULL) - start), (unsigned long long)t.certain,
           (unsigned long long)t.possible);
    return 0;
}

static int replay(const char *path, bool trace)
{
    static script s;
    char line[512], fault[1024];
    size_t steps;
    FILE *in = fopen(path, "r");
    if (!in) {
        printf("%s: cannot be opened\n", path);
        return 1;
    }
    s.count = 0;
    s.kind = RIG_MEMORY;
    while (fgets(line, sizeof line, in)) {
        if (*line == '#' || *line == '\n' || !strncmp(line, "memory", 6))
            continue;
        if (!strncmp(line, "vault", 5))
            s.kind = RIG_VAULT;
        else if (s.count == STORY || !step_scan(line, &s.steps[s.count++])) {
            printf("%s: not a step: %s", path, line);
            fclose(in);
            return 1;
        }
    }
    fclose(in);
    bool good = run(&s, trace ? stdout : NULL, fault, &steps, NULL);
    if (!good)
        printf("%s: %s\n", path, fault);
    return !good;
}

int main(int count, char **words)
{
    unsigned long commands = 10000;
    uint64_t seed = 1;
    int kind = -1, cases = 0, failed = 0;
    bool trace = false;
    for (int i = 1; i < count; i++) {
        if (!strcmp(words[i], "--trace"))
            trace = true;
        else if (!strcmp(words[i], "--commands") && i + 1 < count)
            commands = strtoul(words[++i], NULL, 10);
        else if (!strcmp(words[i], "--seed") && i + 1 < count)
            seed = strtoull(words[++i], NULL, 10);
        else if (!strcmp(words[i], "--kind") && i + 1 < count)
            kind = !strcmp(words[++i], "vault");
        else {
            cases++;
            failed += replay(words[i], trace);
        }
    }
    if (cases)
        return failed != 0;
    return many(commands, seed, kind);
}
