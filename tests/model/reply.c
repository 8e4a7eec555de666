/* reply.c - see reply.h
 * SPDX-License-Identifier: MIT */
#include "reply.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const flag_names[10] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft",
                                    "$A",     "Bc",         "x-y",       "\\Recent",  "\\*"};

typedef struct reader {
    const char *at, *end;
    const char *why;
} reader;

static bool fault(reader *in, const char *why)
{
    if (!in->why)
        in->why = why;
    return false;
}

static bool take(reader *in, const char *literal)
{
    size_t size = strlen(literal);
    if ((size_t)(in->end - in->at) < size || memcmp(in->at, literal, size) != 0)
        return false;
    in->at += size;
    return true;
}

static bool need(reader *in, const char *literal)
{
    return take(in, literal) || fault(in, "something else expected");
}

static bool number64(reader *in, uint64_t *n)
{
    const char *start = in->at;
    *n = 0;
    while (in->at < in->end && isdigit((unsigned char)*in->at) && in->at - start < 19)
        *n = *n * 10 + (uint64_t)(*in->at++ - '0');
    if (in->at == start || (*start == '0' && in->at - start > 1))
        return fault(in, "number expected");
    return true;
}

static bool number32(reader *in, uint32_t *n)
{
    uint64_t wide;
    if (!number64(in, &wide) || wide > UINT32_MAX)
        return fault(in, "number of 32 bits expected");
    *n = (uint32_t)wide;
    return true;
}

static bool is_atom_char(char c)
{
    return c > ' ' && c < 127 && !strchr("(){%*\"\\]", c);
}

/* An atom, into room of `room` bytes. */
static bool atom(reader *in, char *out, size_t room)
{
    size_t size = 0;
    while (in->at < in->end && is_atom_char(*in->at) && size + 1 < room)
        out[size++] = *in->at++;
    out[size] = '\0';
    return size || fault(in, "atom expected");
}

static bool more_set(reader *in, uint32_t *numbers, size_t *count)
{
    do {
        uint32_t first, last;
        if (!number32(in, &first) || !first)
            return fault(in, "set expected");
        last = first;
        if (take(in, ":") && (!number32(in, &last) || !last))
            return fault(in, "set expected");
        if (last < first) {
            uint32_t swap = first;
            first = last;
            last = swap;
        }
        if (last - first >= REPLY_NUMBERS - *count)
            return fault(in, "set too large for this test");
        for (uint32_t n = first; n <= last; n++)
            numbers[(*count)++] = n;
    } while (take(in, ","));
    return true;
}

static bool set(reader *in, uint32_t *numbers, size_t *count)
{
    *count = 0;
    return more_set(in, numbers, count);
}

bool reply_set(const char *text, size_t size, uint32_t *numbers, size_t *count)
{
    reader in = {text, text + size, NULL};
    return set(&in, numbers, count) && in.at == in.end;
}

static bool flag(reader *in, uint32_t *flags)
{
    char name[32];
    size_t size = 0;
    if (take(in, "\\*")) {
        *flags |= FLAG_STAR;
        return true;
    }
    if (take(in, "\\"))
        name[size++] = '\\';
    if (!atom(in, name + size, sizeof name - size))
        return false;
    for (unsigned i = 0; i < 10; i++)
        if (!strcasecmp(name, flag_names[i])) {
            if (*flags & 1u << i)
                return fault(in, "a flag twice");
            *flags |= 1u << i;
            return true;
        }
    /* other keywords stand in lists of flags that may be used */
    return *name != '\\' || fault(in, "flag that nobody has set");
}

static bool flag_list(reader *in, uint32_t *flags)
{
    *flags = 0;
    if (!need(in, "("))
        return false;
    if (take(in, ")"))
        return true;
    do {
        if (!flag(in, flags))
            return false;
    } while (take(in, " "));
    return need(in, ")");
}

/* string / NIL */
static bool nstring(reader *in, const char **data, size_t *size)
{
    uint64_t length;
    *data = NULL;
    *size = 0;
    if (take(in, "NIL"))
        return true;
    if (take(in, "{")) {
        if (!number64(in, &length) || !need(in, "}\r\n") || (uint64_t)(in->end - in->at) < length)
            return fault(in, "literal expected");
        *data = in->at;
        *size = (size_t)length;
        in->at += length;
        return true;
    }
    if (!need(in, "\""))
        return false;
    *data = in->at;
    while (in->at < in->end && *in->at != '"') {
        if (*in->at == '\\')
            in->at++;
        if (in->at >= in->end || *in->at == '\r' || *in->at == '\n' || !*in->at)
            return fault(in, "quoted string");
        in->at++;
    }
    *size = (size_t)(in->at - *data);
    return need(in, "\"");
}

/* Anything in parentheses: strings, NIL, numbers. */
static bool nested(reader *in, int depth)
{
    const char *data;
    size_t size;
    uint64_t n;
    if (depth > 20)
        return fault(in, "too deep");
    if (!take(in, "("))
        return in->at < in->end && isdigit((unsigned char)*in->at) ? number64(in, &n) : nstring(in, &data, &size);
    if (take(in, ")"))
        return fault(in, "empty list");
    do {
        if (!nested(in, depth + 1))
            return false;
        if (in->at < in->end && *in->at == '(') /* addresses follow each other without SP */
            continue;
        if (!take(in, " "))
            break;
    } while (true);
    return need(in, ")");
}

static bool fetch_item(reader *in, reply *r)
{
    char name[32];
    unsigned item = 0;
    const char *data;
    size_t size;
    bool good = true;
    if (take(in, "BODY[] ")) {
        item = ITEM_BODY;
        good = nstring(in, &r->body, &r->body_size);
    } else if (!atom(in, name, sizeof name) || !need(in, " ")) {
        return false;
    } else if (!strcmp(name, "FLAGS")) {
        item = ITEM_FLAGS;
        good = flag_list(in, &r->flags) && (!(r->flags & FLAG_STAR) || fault(in, "\\* in FETCH"));
    } else if (!strcmp(name, "UID")) {
        item = ITEM_UID;
        good = number32(in, &r->uid);
    } else if (!strcmp(name, "RFC822.SIZE")) {
        item = ITEM_SIZE;
        good = number32(in, &r->size);
    } else if (!strcmp(name, "INTERNALDATE")) {
        item = ITEM_DATE;
        good = nstring(in, &data, &size) && data && size == 26;
        if (good)
            snprintf(r->date, sizeof r->date, "%.*s", (int)size, data);
    } else if (!strcmp(name, "MODSEQ")) {
        item = ITEM_MODSEQ;
        good = need(in, "(") && number64(in, &r->modseq) && need(in, ")");
    } else if (!strcmp(name, "ENVELOPE")) {
        item = ITEM_ENVELOPE;
        good = nested(in, 0);
    }
    if (!item || r->items & item || r->order_count == REPLY_ITEMS)
        return fault(in, "item that nobody has asked for, or twice");
    r->items |= item;
    r->order[r->order_count++] = item;
    return good;
}

static bool fetch(reader *in, reply *r)
{
    r->kind = REPLY_FETCH;
    if (!need(in, "("))
        return false;
    do {
        if (!fetch_item(in, r))
            return false;
    } while (take(in, " "));
    return need(in, ")");
}

/* [ "[" code [SP argument] "]" SP ] text */
static bool resp_text(reader *in, reply *r)
{
    if (take(in, "[")) {
        if (!atom(in, r->code, sizeof r->code))
            return false;
        if (take(in, " ")) {
            size_t size = 0;
            while (in->at < in->end && *in->at != ']' && *in->at != '\r' && size + 1 < sizeof r->argument)
                r->argument[size++] = *in->at++;
            r->argument[size] = '\0';
            if (!size)
                return fault(in, "argument of a code");
        }
        if (!need(in, "] "))
            return false;
    }
    const char *start = in->at;
    while (in->at < in->end && *in->at != '\r') {
        if ((unsigned char)*in->at < ' ' || (unsigned char)*in->at > 126)
            return fault(in, "text that is not text");
        in->at++;
    }
    return in->at > start || fault(in, "no text");
}

static bool state_of(reader *in, reply *r)
{
    for (int i = 0; i < 3; i++) {
        static const char *const states[] = {"OK ", "NO ", "BAD "};
        if (take(in, states[i])) {
            snprintf(r->state, sizeof r->state, "%.*s", i == 2 ? 3 : 2, states[i]);
            return true;
        }
    }
    return false;
}

static bool search(reader *in, reply *r)
{
    while (take(in, " ")) {
        if (take(in, "(MODSEQ "))
            return number64(in, &r->modseq) && need(in, ")");
        if (r->count == REPLY_NUMBERS || !number32(in, &r->numbers[r->count]))
            return false;
        r->count++;
    }
    return true;
}

/* A mailbox name. */
static bool mailbox(reader *in, char *out, size_t room)
{
    bool quoted = take(in, "\"");
    size_t size = 0;
    while (quoted && in->at < in->end && *in->at != '"' && size + 1 < room)
        out[size++] = *in->at++;
    out[size] = '\0';
    return quoted ? need(in, "\"") : atom(in, out, room);
}

/* "(" partial-range SP partial-results ")": RFC 9394 section 4 */
static bool partial(reader *in, reply *r)
{
    size_t size = 0;
    r->has_partial = true;
    if (!need(in, "("))
        return false;
    while (in->at < in->end && (isdigit((unsigned char)*in->at) || *in->at == ':' || *in->at == '-') &&
           size + 1 < sizeof r->partial)
        r->partial[size++] = *in->at++;
    return need(in, " ") && (take(in, "NIL") || set(in, r->numbers, &r->count)) && need(in, ")");
}

/* "(" position SP set *(SP position SP set) ")": RFC 5267 section 5 */
static bool updates(reader *in, reply *r, bool add)
{
    if (!need(in, "("))
        return false;
    do {
        uint32_t at;
        if (r->updates_count == REPLY_UPDATES)
            return fault(in, "too many updates for this test");
        size_t n = r->updates_count++, first = r->count;
        if (!number32(in, &at) || !need(in, " ") || !more_set(in, r->numbers, &r->count))
            return false;
        r->updates[n].add = add;
        r->updates[n].at = at;
        r->updates[n].first = first;
        r->updates[n].count = r->count - first;
    } while (take(in, " "));
    return need(in, ")");
}

static bool esearch(reader *in, reply *r)
{
    char name[16];
    r->kind = REPLY_ESEARCH;
    if (!need(in, " (TAG \"") || !atom(in, r->tag, sizeof r->tag) || !need(in, "\""))
        return false;
    if (take(in, " MAILBOX ") && /* RFC 7377 section 4 */
        (!mailbox(in, r->name, sizeof r->name) || !need(in, " UIDVALIDITY ") || !number32(in, &r->number)))
        return false;
    if (!need(in, ")"))
        return false;
    r->is_uid = take(in, " UID");
    while (take(in, " ")) {
        if (!atom(in, name, sizeof name) || !need(in, " "))
            return false;
        bool good = !strcmp(name, "MIN")       ? (r->has_min = true, number32(in, &r->min))
                    : !strcmp(name, "MAX")     ? (r->has_max = true, number32(in, &r->max))
                    : !strcmp(name, "COUNT")   ? (r->has_count = true, number32(in, &r->total))
                    : !strcmp(name, "ALL")     ? (r->has_all = true, set(in, r->numbers, &r->count))
                    : !strcmp(name, "MODSEQ")  ? number64(in, &r->modseq)
                    : !strcmp(name, "PARTIAL") ? partial(in, r)
                    : !strcmp(name, "ADDTO") || !strcmp(name, "REMOVEFROM") ? updates(in, r, *name == 'A')
                                                                            : fault(in, "unknown in ESEARCH");
        if (!good)
            return false;
    }
    return true;
}

static bool status(reader *in, reply *r)
{
    r->kind = REPLY_STATUS;
    bool quoted = need(in, " ") && take(in, "\"");
    if (!atom(in, r->name, sizeof r->name) || (quoted && !need(in, "\"")) || !need(in, " ("))
        return false;
    do {
        if (r->items == 10 || !atom(in, r->status[r->items].name, sizeof r->status[0].name) || !need(in, " ") ||
            !number64(in, &r->status[r->items].value))
            return false;
        r->items++;
    } while (take(in, " "));
    return need(in, ")");
}

/* "(" attributes ")" SP delimiter SP name [SP "(" "OLDNAME" SP "(" name "))"] and CHILDINFO */
static bool list(reader *in, reply *r)
{
    char word[32];
    r->kind = REPLY_LIST;
    if (!need(in, " ("))
        return false;
    if (!take(in, ")")) {
        do {
            if (!need(in, "\\") || !atom(in, word, sizeof word))
                return false;
            r->nonexistent |= !strcasecmp(word, "NonExistent");
            r->subscribed |= !strcasecmp(word, "Subscribed");
        } while (take(in, " "));
        if (!need(in, ")"))
            return false;
    }
    if (!need(in, " \"/\" ") || !mailbox(in, r->name, sizeof r->name))
        return false;
    if (!take(in, " ("))
        return true;
    bool quoted = take(in, "\"");
    return need(in, "OLDNAME") && (!quoted || need(in, "\"")) && need(in, " (") && mailbox(in, r->old, sizeof r->old) &&
           need(in, "))");
}

static bool untagged(reader *in, reply *r)
{
    char word[32];
    if (state_of(in, r)) {
        r->kind = REPLY_STATE;
        return resp_text(in, r);
    }
    if (isdigit((unsigned char)*in->at)) {
        if (!number32(in, &r->number) || !need(in, " "))
            return false;
        r->uidfetch = take(in, "UID"); /* RFC 9586 */
        if (r->uidfetch ? need(in, "FETCH ") : take(in, "FETCH "))
            return r->number ? fetch(in, r) : fault(in, "message number 0");
        if (r->uidfetch)
            return false;
        r->kind = take(in, "EXISTS") ? REPLY_EXISTS : take(in, "RECENT") ? REPLY_RECENT : REPLY_EXPUNGE;
        return r->kind != REPLY_EXPUNGE || need(in, "EXPUNGE");
    }
    if (!atom(in, word, sizeof word))
        return false;
    if (!strcmp(word, "BYE")) {
        r->kind = REPLY_BYE;
        return need(in, " ") && resp_text(in, r);
    }
    if (!strcmp(word, "FLAGS")) {
        r->kind = REPLY_FLAGS;
        return need(in, " ") && flag_list(in, &r->flags);
    }
    if (!strcmp(word, "SEARCH") || !strcmp(word, "SORT")) {
        r->kind = *word == 'S' && word[1] == 'O' ? REPLY_SORT : REPLY_SEARCH;
        return search(in, r);
    }
    if (!strcmp(word, "ESEARCH"))
        return esearch(in, r);
    if (!strcmp(word, "STATUS"))
        return status(in, r);
    if (!strcmp(word, "VANISHED")) {
        r->kind = REPLY_VANISHED;
        r->earlier = take(in, " (EARLIER)");
        return need(in, " ") && set(in, r->numbers, &r->count);
    }
    if (!strcmp(word, "LIST"))
        return list(in, r);
    if (!strcmp(word, "THREAD")) {
        r->kind = REPLY_THREAD;
        r->body = in->at;
        r->body_size = (size_t)(in->end - in->at);
        in->at = in->end;
        return true;
    }
    r->kind = !strcmp(word, "ENABLED") ? REPLY_ENABLED : REPLY_OTHER;
    if (r->kind == REPLY_OTHER && strcmp(word, "CAPABILITY") != 0)
        return fault(in, "unknown response");
    while (in->at < in->end && *in->at != '\r')
        in->at++;
    return true;
}

/* The end of the response: the CRLF that no literal hides. NULL: it is not all there. */
static const char *end_of(const char *bytes, size_t size)
{
    const char *at = bytes, *end = bytes + size;
    for (;;) {
        const char *crlf = at;
        while (crlf < end && !(*crlf == '\r' && crlf + 1 < end && crlf[1] == '\n'))
            crlf++;
        if (crlf >= end)
            return NULL;
        if (crlf == at || crlf[-1] != '}')
            return crlf;
        const char *open = crlf - 1;
        while (open > at && *open != '{')
            open--;
        unsigned long length = strtoul(open + 1, NULL, 10);
        if (*open != '{' || !isdigit((unsigned char)open[1]))
            return crlf;
        if ((size_t)(end - crlf - 2) < length)
            return NULL;
        at = crlf + 2 + length;
    }
}

long reply_read(const char *bytes, size_t size, reply *r, const char **why)
{
    uint32_t *numbers = r->numbers;
    const char *crlf = end_of(bytes, size);
    if (!crlf)
        return 0;
    memset(r, 0, sizeof *r);
    r->numbers = numbers;
    reader in = {bytes, crlf, NULL};
    bool good;
    if (take(&in, "+ ")) {
        r->kind = REPLY_PLUS;
        good = resp_text(&in, r);
    } else if (take(&in, "* ")) {
        good = in.at < in.end && untagged(&in, r);
    } else {
        r->kind = REPLY_TAGGED;
        good = atom(&in, r->tag, sizeof r->tag) && need(&in, " ") &&
               (state_of(&in, r) || fault(&in, "OK, NO or BAD expected")) && resp_text(&in, r);
    }
    if (good && in.at != in.end)
        good = fault(&in, "bytes left over");
    *why = in.why ? in.why : "not a response";
    return good ? crlf + 2 - bytes : -1;
}
