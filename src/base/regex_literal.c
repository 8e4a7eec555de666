/* regex_literal.c - see regex_literal.h
 * SPDX-License-Identifier: MIT */
#include "base/regex_literal.h"

#include "base/regex.h"

typedef struct reading {
    ll_span pattern;
    size_t at;
    char run[regex_pattern_max];
    size_t run_size;
    char best[regex_pattern_max];
    size_t best_size;
} reading;

static char peek(const reading *r)
{
    return r->at < r->pattern.size ? r->pattern.data[r->at] : 0;
}

static void end_run(reading *r)
{
    if (r->run_size > r->best_size) {
        memcpy(r->best, r->run, r->run_size);
        r->best_size = r->run_size;
    }
    r->run_size = 0;
}

static void add(reading *r, char c)
{
    r->run[r->run_size++] = ascii_lower(c);
}

/* Behind the class that begins here. False: not understood. */
static bool pass_class(reading *r)
{
    r->at++;
    if (peek(r) == '^')
        r->at++;
    for (bool first = true; r->at < r->pattern.size; first = false) {
        char c = r->pattern.data[r->at++];
        if (c == ']' && !first)
            return true;
        if (c == '[') /* [:alpha:], or the character */
            return false;
        if (c != '\\')
            continue;
        if (peek(r) == 'Q' || peek(r) == 'E' || peek(r) == 'c')
            return false;
        r->at++;
    }
    return false;
}

/* What stands behind a backslash. *literal: a character, not something that matches one of many, or a place. */
static bool pass_escape(reading *r, char *literal)
{
    r->at++;
    char c = peek(r);
    bool mark = c > ' ' && c < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
    *literal = mark ? c : 0;
    r->at++;
    return mark || (c && strchr("dDwWsSbBAzZnrthHvVR", c));
}

/* Behind the group that begins here, with groups in it. */
static bool pass_group(reading *r)
{
    size_t depth = 0;
    do {
        char c = peek(r), literal;
        if (c == '\\') {
            if (!pass_escape(r, &literal))
                return false;
            continue;
        }
        if (c == '[') {
            if (!pass_class(r))
                return false;
            continue;
        }
        r->at++;
        if (c == '(' && peek(r) == '*') /* a verb */
            return false;
        if (c == '(' && peek(r) == '?') { /* no options, comments, names, recursion */
            r->at++;
            if (peek(r) != ':')
                return false;
        }
        depth += c == '(';
        depth -= c == ')';
    } while (depth && r->at < r->pattern.size);
    return !depth;
}

/* (?i), (?-i), (?s), (?m) change nothing of what is a character. */
static bool pass_options(reading *r)
{
    size_t at = r->at + 2;
    if (r->at + 1 >= r->pattern.size || r->pattern.data[r->at + 1] != '?')
        return false;
    while (at < r->pattern.size && r->pattern.data[at] && strchr("-ims", r->pattern.data[at]))
        at++;
    if (at >= r->pattern.size || r->pattern.data[at] != ')' || at == r->at + 2)
        return false;
    r->at = at + 1;
    return true;
}

/* The one before it may be there not at all, or many times: {...} in doubt too. */
static bool pass_quantifier(reading *r)
{
    char c = peek(r);
    if (c != '+' && r->run_size)
        r->run_size--;
    end_run(r);
    if (c == '{') {
        while (r->at < r->pattern.size && peek(r) != '}')
            r->at++;
        if (r->at == r->pattern.size)
            return false;
    }
    r->at++;
    return true;
}

/* One item of the pattern. False: what follows is not understood, or there is another way to match. */
static bool step(reading *r)
{
    char c = peek(r), literal = 0;
    bool understood = true;
    if (c == '|' || c == ')')
        return false;
    if (c && strchr("*+?{", c))
        return pass_quantifier(r);
    if (c == '\\') {
        understood = pass_escape(r, &literal);
    } else if (c == '[') {
        understood = pass_class(r);
    } else if (c == '(') {
        understood = pass_options(r) || pass_group(r);
    } else {
        literal = c >= ' ' && c < 0x7f && !strchr(".^$]}", c) ? c : 0;
        r->at++;
    }
    if (literal)
        add(r, literal);
    else
        end_run(r);
    return understood;
}

void regex_literal(ll_span pattern, text *out)
{
    reading r = {.pattern = pattern};
    if (pattern.size > regex_pattern_max)
        return;
    while (r.at < pattern.size)
        if (!step(&r))
            return;
    end_run(&r);
    if (r.best_size >= regex_literal_min)
        text_add(out, span_of(r.best, r.best_size));
}
