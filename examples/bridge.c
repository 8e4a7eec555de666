/* bridge.c - a vault that keeps in step with a remote IMAP server: clients work on the copy here.
 * SPDX-License-Identifier: MIT
 *
 *     BRIDGE_USER=... BRIDGE_PASSWORD=... bridge PORT VAULT REMOTE_HOST REMOTE_PORT
 *
 * serves IMAP on 127.0.0.1:PORT with the same user and password. VAULT is made if it is not there; its key lies beside
 * it in VAULT.key. Every BRIDGE_SECONDS (default 10) the source is compared with the vault, and what differs is pushed.
 *
 * Ids. A mailbox's is its name at the source. A message's is "hash.uidvalidity.uid": the hash of the name that its
 * mailbox had when the message was first seen, so that no two messages of the source ever have the same.
 *
 * To stay short it has one connection in clear and no threads: a client waits while the source is asked. */
#include "host.h"
#include "remote.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_BYTES = 2100, /* a name of 1,000 bytes, quoted */
    ID_BYTES = 64,
    SET_BYTES = 7000, /* UIDs in one command: servers take 8,000 bytes a line */
    FETCH_BATCH = 50, /* messages in one FETCH and one update */
    BATCH_BYTES = 8 << 20
};

typedef struct bridge {
    remote *remote;
    ll_vault *vault;
    const char *host, *user, *password;
    int port;
    char delimiter; /* of the source's names */
} bridge;

static ll_span span(const char *text)
{
    return (ll_span){text, strlen(text)};
}

/* ------------------------------------------------------------------------------------------------------------- names
 */

/* Here levels are separated by '/', there by what LIST says. */
static void swap_delimiter(char *name, char from, char to)
{
    for (; *name; name++)
        if (*name == from)
            *name = to;
        else if (*name == to)
            *name = from;
}

/* The source's name of a mailbox of ours. */
static bool name_there(const bridge *b, ll_span here, char out[NAME_BYTES])
{
    if (here.size >= NAME_BYTES || memchr(here.data, 0, here.size))
        return false;
    memcpy(out, here.data, here.size);
    out[here.size] = 0;
    swap_delimiter(out, '/', b->delimiter);
    return true;
}

static bool quote(const bridge *b, ll_span id, char out[NAME_BYTES])
{
    return remote_quote(b->remote, id.data, id.size, out, NAME_BYTES);
}

static void message_id(char out[ID_BYTES], ll_span mailbox, uint32_t uidvalidity, uint32_t uid)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (size_t i = 0; i < mailbox.size; i++)
        hash = (hash ^ (unsigned char)mailbox.data[i]) * 0x100000001b3u;
    snprintf(out, ID_BYTES, "%016" PRIx64 ".%u.%u", hash, uidvalidity, uid);
}

static bool parse_id(ll_span id, uint32_t *uidvalidity, uint32_t *uid)
{
    char copy[ID_BYTES];
    if (id.size >= sizeof copy)
        return false;
    memcpy(copy, id.data, id.size);
    copy[id.size] = 0;
    return sscanf(copy, "%*[0-9a-f].%u.%u", uidvalidity, uid) == 2;
}

/* --------------------------------------------------------------------------------------- upstream: what clients do */

/* There is a connection, if need be a new one. */
static bool awake(bridge *b)
{
    if (remote_alive(b->remote))
        return true;
    remote_close(&b->remote);
    b->remote = remote_open(b->host, b->port, b->user, b->password);
    return b->remote != NULL;
}

/* NO of the source becomes NO for the client, in the source's words. */
static ll_status refused(bridge *b, ll_task *task)
{
    if (!b->remote || !remote_alive(b->remote))
        return LL_EUNAVAILABLE;
    ll_task_text(task, span(remote_text(b->remote)));
    return LL_EDENIED;
}

static ll_status mailbox_create(void *self, ll_task *task, ll_span name, unsigned attributes)
{
    bridge *b = self;
    char there[NAME_BYTES], quoted[NAME_BYTES];
    (void)attributes; /* CREATE-SPECIAL-USE would go here */
    if (!name_there(b, name, there) || !awake(b) || !quote(b, span(there), quoted))
        return LL_EUNAVAILABLE;
    if (!remote_command(b->remote, NULL, NULL, "CREATE %s", quoted) && !strstr(remote_text(b->remote), "ALREADYEXISTS"))
        return refused(b, task);
    return ll_task_id(task, span(there));
}

typedef struct renaming {
    ll_status status; /* first: see keep_status */
    bridge *bridge;
    const char *from, *to;
    char old_ids[64][NAME_BYTES], new_ids[64][NAME_BYTES];
    size_t count;
} renaming;

/* Ids are names: with a mailbox its children's change too. */
static ll_status note_child(void *context, ll_span id, ll_span name)
{
    renaming *r = context;
    size_t size = strlen(r->from);
    (void)name;
    bool below = id.size > size && id.data[size] == r->bridge->delimiter;
    if (id.size < size || memcmp(id.data, r->from, size) != 0 || (id.size > size && !below))
        return LL_OK;
    if (r->count == 64 || strlen(r->to) + id.size - size >= NAME_BYTES)
        return LL_ELIMIT;
    snprintf(r->old_ids[r->count], NAME_BYTES, "%.*s", (int)id.size, id.data);
    snprintf(r->new_ids[r->count++], NAME_BYTES, "%s%.*s", r->to, (int)(id.size - size), id.data + size);
    return LL_OK;
}

/* Without an executor a question is answered, and a push done, when the call returns: the outcome goes to where the
 * context begins. */
static void keep_status(void *context, ll_status status)
{
    *(ll_status *)context = status;
}

static ll_status push(bridge *b, ll_update update)
{
    ll_status status = LL_OK;
    update.size = sizeof update;
    ll_vault_push(b->vault, &update, keep_status, &status);
    return status;
}

static ll_status mailbox_rename(void *self, ll_task *task, ll_span mailbox, ll_span name, ll_span new_name)
{
    static renaming r;
    bridge *b = self;
    char from[NAME_BYTES], to[NAME_BYTES], old_id[NAME_BYTES];
    ll_status status = LL_OK;
    (void)name;
    if (!name_there(b, new_name, to) || !awake(b) || !quote(b, mailbox, from))
        return LL_EUNAVAILABLE;
    snprintf(old_id, sizeof old_id, "%.*s", (int)mailbox.size, mailbox.data);
    r = (renaming){.bridge = b, .from = old_id, .to = to};
    ll_vault_known_mailboxes(b->vault, note_child, keep_status, &r); /* nobody changes anything meanwhile */
    char quoted[NAME_BYTES];
    if (!quote(b, span(to), quoted) || !remote_command(b->remote, NULL, NULL, "RENAME %s %s", from, quoted))
        return refused(b, task);
    for (size_t i = 0; !status && i < r.count; i++)
        status = push(
            b, (ll_update){.kind = LL_UPDATE_MAILBOX_ID, .mailbox = span(r.old_ids[i]), .new_id = span(r.new_ids[i])});
    return status;
}

static ll_status mailbox_delete(void *self, ll_task *task, ll_span mailbox)
{
    bridge *b = self;
    char quoted[NAME_BYTES];
    if (!awake(b) || !quote(b, mailbox, quoted))
        return LL_EUNAVAILABLE;
    return remote_command(b->remote, NULL, NULL, "DELETE %s", quoted) ? LL_OK : refused(b, task);
}

static const char *const flag_names[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"};

/* "\Seen work": what fits; a keyword is at most a few dozen bytes. */
static void flag_list(char *out, size_t room, unsigned flags, const ll_span *keywords, size_t count)
{
    size_t at = 0;
    out[0] = 0;
    for (unsigned n = 0; n < 5; n++)
        if (flags >> n & 1u)
            at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " " : "", flag_names[n]);
    for (size_t i = 0; i < count && at + keywords[i].size + 2 < room; i++)
        at += (size_t)snprintf(out + at, room - at, "%s%.*s", at ? " " : "", (int)keywords[i].size, keywords[i].data);
}

static bool read_upload(void *context, uint64_t offset, void *out, size_t size, size_t *got)
{
    return ll_upload_read(context, offset, size, out, got) == LL_OK;
}

static ll_status message_create(void *self, ll_task *task, ll_span mailbox, const ll_upstream_message *message)
{
    bridge *b = self;
    char quoted[NAME_BYTES], flags[4096], date[40] = "", id[ID_BYTES];
    uint32_t uidvalidity, uid;
    if (!awake(b) || !quote(b, mailbox, quoted))
        return LL_EUNAVAILABLE;
    flag_list(flags, sizeof flags, message->flags, message->keywords, message->keywords_count);
    time_t at = message->internaldate == INT64_MIN ? time(NULL) : (time_t)message->internaldate;
    strftime(date, sizeof date, "%d-%b-%Y %H:%M:%S +0000", gmtime(&at));
    if (!remote_upload(b->remote, message->size, read_upload, message->content, "APPEND %s (%s) \"%s\"", quoted, flags,
                       date))
        return refused(b, task);
    const char *placed = strstr(remote_text(b->remote), "[APPENDUID ");
    if (!placed || sscanf(placed, "[APPENDUID %u %u", &uidvalidity, &uid) != 2)
        return LL_EIO;
    message_id(id, mailbox, uidvalidity, uid);
    return ll_task_id(task, span(id));
}

/* ------------------------------------------------------------------------------------ upstream: sets of messages */

/* "1,5,7" of the next ids that fit; those of another UIDVALIDITY are gone and left out. */
static size_t uid_set(const ll_span *ids, size_t count, uint32_t uidvalidity, char out[SET_BYTES])
{
    size_t n = 0, at = 0;
    out[0] = 0;
    for (; n < count && at + 12 < SET_BYTES; n++) {
        uint32_t validity, uid;
        if (parse_id(ids[n], &validity, &uid) && validity == uidvalidity)
            at += (size_t)snprintf(out + at, SET_BYTES - at, "%s%u", at ? "," : "", uid);
    }
    return n;
}

/* The n-th UID (from 0) of a set as COPYUID has it: "3,7:9". 0: it has fewer. */
static uint32_t nth_uid(const char *set, size_t n)
{
    while (*set && *set != ' ' && *set != ']') {
        char *end;
        uint32_t first = (uint32_t)strtoul(set, &end, 10), last = first;
        if (*end == ':')
            last = (uint32_t)strtoul(end + 1, &end, 10);
        if (n <= last - first)
            return first + (uint32_t)n;
        n -= last - first + 1;
        set = *end == ',' ? end + 1 : end;
    }
    return 0;
}

/* Where each of the ids went, by "[COPYUID validity sources destinations]". */
static ll_status give_places(ll_task *task, ll_span to, const ll_span *ids, size_t count, const char *text)
{
    uint32_t validity = 0, source = 0;
    char id[ID_BYTES];
    const char *sources = strchr(text + 9, ' '), *places = sources ? strchr(sources + 1, ' ') : NULL;
    validity = (uint32_t)strtoul(text + 9, NULL, 10);
    for (size_t i = 0; i < count; i++) {
        uint32_t own, uid, place = 0;
        for (size_t n = 0; places && parse_id(ids[i], &own, &uid) && (source = nth_uid(sources + 1, n)); n++)
            if (source == uid)
                place = nth_uid(places + 1, n);
        if (!place)
            return LL_ENOTFOUND;
        message_id(id, to, validity, place);
        if (ll_task_id(task, span(id)))
            return LL_ENOMEM;
    }
    return LL_OK;
}

static bool move_by_hand(bridge *b, const char *set)
{
    return remote_command(b->remote, NULL, NULL, "UID STORE %s +FLAGS.SILENT (\\Deleted)", set) &&
           remote_command(b->remote, NULL, NULL, "UID EXPUNGE %s", set);
}

/* MOVE says COPYUID before the tagged answer (RFC 6851 section 4.3). */
static void note_copyuid(void *context, const char *line, size_t size)
{
    const char *at = strstr(line, "[COPYUID ");
    (void)size;
    if (at)
        snprintf(context, SET_BYTES * 2, "%s", at);
}

static ll_status transfer(bridge *b, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count,
                          bool move)
{
    static char set[SET_BYTES], placed[SET_BYTES * 2];
    char from_quoted[NAME_BYTES], to_quoted[NAME_BYTES];
    uint32_t uidvalidity;
    if (!awake(b) || !quote(b, from, from_quoted) || !quote(b, to, to_quoted) ||
        !remote_select(b->remote, from_quoted, &uidvalidity))
        return LL_EUNAVAILABLE;
    bool offered = move && remote_offers(b->remote, "MOVE");
    for (size_t at = 0, n; at < count; at += n) {
        n = uid_set(ids + at, count - at, uidvalidity, set);
        placed[0] = 0;
        if (!remote_command(b->remote, note_copyuid, placed, "UID %s %s %s", offered ? "MOVE" : "COPY", set, to_quoted))
            return refused(b, task);
        note_copyuid(placed, remote_text(b->remote), 0);
        if (move && !offered && !move_by_hand(b, set))
            return refused(b, task);
        ll_status status = placed[0] ? give_places(task, to, ids + at, n, placed) : LL_EIO;
        if (status)
            return status;
    }
    return LL_OK;
}

static ll_status messages_add(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count)
{
    return transfer(self, task, from, to, ids, count, false);
}

static ll_status messages_move(void *self, ll_task *task, ll_span from, ll_span to, const ll_span *ids, size_t count)
{
    return transfer(self, task, from, to, ids, count, true);
}

static ll_status messages_flag(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count,
                               ll_flags_op op, unsigned flags, const ll_span *keywords, size_t keywords_count)
{
    static const char *const signs[] = {[LL_FLAGS_REPLACE] = "", [LL_FLAGS_ADD] = "+", [LL_FLAGS_REMOVE] = "-"};
    static char set[SET_BYTES];
    bridge *b = self;
    char quoted[NAME_BYTES], list[4096];
    uint32_t uidvalidity;
    if (!awake(b) || !quote(b, mailbox, quoted) || !remote_select(b->remote, quoted, &uidvalidity))
        return LL_EUNAVAILABLE;
    flag_list(list, sizeof list, flags, keywords, keywords_count);
    for (size_t at = 0, n; at < count; at += n) {
        n = uid_set(ids + at, count - at, uidvalidity, set);
        if (set[0] && !remote_command(b->remote, NULL, NULL, "UID STORE %s %sFLAGS.SILENT (%s)", set, signs[op], list))
            return refused(b, task);
    }
    return LL_OK;
}

static ll_status messages_remove(void *self, ll_task *task, ll_span mailbox, const ll_span *ids, size_t count)
{
    static char set[SET_BYTES];
    bridge *b = self;
    char quoted[NAME_BYTES];
    uint32_t uidvalidity;
    if (!awake(b) || !quote(b, mailbox, quoted) || !remote_select(b->remote, quoted, &uidvalidity))
        return LL_EUNAVAILABLE;
    for (size_t at = 0, n; at < count; at += n) {
        n = uid_set(ids + at, count - at, uidvalidity, set);
        if (set[0] && !move_by_hand(b, set))
            return refused(b, task);
    }
    return LL_OK;
}

static const ll_upstream upstream = {.size = sizeof upstream,
                                     .mailbox_create = mailbox_create,
                                     .mailbox_rename = mailbox_rename,
                                     .mailbox_delete = mailbox_delete,
                                     .message_create = message_create,
                                     .messages_add = messages_add,
                                     .messages_move = messages_move,
                                     .messages_remove = messages_remove,
                                     .messages_flag = messages_flag};

/* -------------------------------------------------------------------------------- the source: what happened there */

/* A message as the source or the vault has it. */
typedef struct seen {
    uint32_t uid;
    char flags[512]; /* sorted, for comparing */
    char id[ID_BYTES];
} seen;

typedef struct seen_list {
    ll_status status; /* first: see keep_status */
    seen *rows;
    size_t count, room;
} seen_list;

static seen *seen_add(seen_list *l)
{
    if (l->count == l->room) {
        seen *grown = realloc(l->rows, (l->room * 2 + 64) * sizeof *grown);
        if (!grown)
            return NULL;
        l->rows = grown;
        l->room = l->room * 2 + 64;
    }
    seen *s = &l->rows[l->count++];
    memset(s, 0, sizeof *s);
    return s;
}

static int by_word(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

/* Words in order, without \Recent, which is a session's own. */
static void sort_flags(char *flags)
{
    char copy[512], *words[64], *save = NULL;
    size_t count = 0, at = 0;
    snprintf(copy, sizeof copy, "%s", flags);
    for (char *w = strtok_r(copy, " ", &save); w && count < 64; w = strtok_r(NULL, " ", &save))
        if (strcasecmp(w, "\\Recent") != 0)
            words[count++] = w;
    qsort(words, count, sizeof *words, by_word);
    flags[0] = 0;
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(flags + at, 512 - at, "%s%s", i ? " " : "", words[i]);
}

/* "* 3 FETCH (UID 7 FLAGS (\Seen))" */
static bool parse_facts(const char *line, seen *s)
{
    const char *uid = strstr(line, "UID "), *flags = strstr(line, "FLAGS (");
    if (!uid || !flags || !strstr(line, " FETCH ("))
        return false;
    s->uid = (uint32_t)strtoul(uid + 4, NULL, 10);
    const char *end = strchr(flags, ')');
    size_t size = end ? (size_t)(end - flags - 7) : 0;
    snprintf(s->flags, sizeof s->flags, "%.*s", (int)size, flags + 7);
    sort_flags(s->flags);
    return true;
}

static void note_there(void *context, const char *line, size_t size)
{
    seen one = {.uid = 0};
    (void)size;
    seen *s = parse_facts(line, &one) ? seen_add(context) : NULL;
    if (s)
        *s = one;
}

static ll_status note_here(void *context, const ll_known_message *m)
{
    uint32_t validity;
    seen *s = m->id.size ? seen_add(context) : NULL;
    if (!s)
        return m->id.size ? LL_ENOMEM : LL_OK;
    snprintf(s->id, sizeof s->id, "%.*s", (int)m->id.size, m->id.data);
    flag_list(s->flags, sizeof s->flags, m->flags, m->keywords, m->keywords_count);
    sort_flags(s->flags);
    return parse_id(m->id, &validity, &s->uid) ? LL_OK : LL_ECORRUPT;
}

static int by_uid(const void *a, const void *b)
{
    uint32_t x = ((const seen *)a)->uid, y = ((const seen *)b)->uid;
    return x < y ? -1 : x > y;
}

/* Flags in words as an update wants them. The keywords point into `copy`. */
static unsigned split_flags(const char *flags, char copy[512], ll_span keywords[64], size_t *count)
{
    unsigned bits = 0;
    char *save = NULL;
    *count = 0;
    snprintf(copy, 512, "%s", flags);
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        unsigned n = 0;
        while (n < 5 && strcasecmp(w, flag_names[n]) != 0)
            n++;
        if (n < 5)
            bits |= 1u << n;
        else if (w[0] != '\\' && *count < 64)
            keywords[(*count)++] = span(w);
    }
    return bits;
}

static void push_flags(bridge *b, ll_span mailbox, const seen *s, const char *flags)
{
    char copy[512];
    ll_span keywords[64];
    ll_update u = {.kind = LL_UPDATE_MESSAGE_FLAGS, .mailbox = mailbox, .message = span(s->id), .keywords = keywords};
    u.flags = split_flags(flags, copy, keywords, &u.keywords_count);
    push(b, u);
}

/* Messages that have come, until they are enough for one update: each update is one sync of the disk. */
typedef struct incoming {
    bridge *bridge;
    ll_span mailbox;
    uint32_t uidvalidity;
    ll_remote_message messages[FETCH_BATCH];
    char ids[FETCH_BATCH][ID_BYTES], flags[FETCH_BATCH][512];
    ll_span keywords[FETCH_BATCH][64];
    size_t count, bytes;
} incoming;

static void push_incoming(incoming *in)
{
    if (in->count)
        push(in->bridge,
             (ll_update){.kind = LL_UPDATE_MESSAGES_CREATED, .messages = in->messages, .messages_count = in->count});
    while (in->count)
        free((char *)(uintptr_t)in->messages[--in->count].content.data);
    in->bytes = 0;
}

static int64_t parse_date(const char *line)
{
    struct tm t = {0};
    const char *at = strstr(line, "INTERNALDATE \"");
    const char *zone = at ? strptime(at + 14 + (at[14] == ' '), "%d-%b-%Y %H:%M:%S", &t) : NULL;
    long offset = zone ? strtol(zone, NULL, 10) : 0;
    return zone ? timegm(&t) - (offset / 100 * 3600 + offset % 100 * 60) : time(NULL);
}

/* "* 3 FETCH (UID 7 FLAGS () INTERNALDATE "..." BODY[] {12}\r\n...)" */
static void take_message(void *context, const char *line, size_t size)
{
    incoming *in = context;
    seen s = {.uid = 0};
    const char *body = strstr(line, "BODY[] {");
    const char *bytes = body ? strstr(body, "\r\n") : NULL;
    size_t length = body ? strtoul(body + 8, NULL, 10) : 0, n = in->count;
    if (!bytes || !parse_facts(line, &s) || length > size - (size_t)(bytes + 2 - line) || n == FETCH_BATCH)
        return;
    char *copy = malloc(length + 1);
    if (!copy)
        return; /* the next comparison finds it missing */
    memcpy(copy, bytes + 2, length);
    message_id(in->ids[n], in->mailbox, in->uidvalidity, s.uid);
    in->messages[n] = (ll_remote_message){.id = span(in->ids[n]),
                                          .mailboxes = &in->mailbox,
                                          .mailboxes_count = 1,
                                          .content = {copy, length},
                                          .internaldate = parse_date(line),
                                          .keywords = in->keywords[n]};
    in->messages[n].flags = split_flags(s.flags, in->flags[n], in->keywords[n], &in->messages[n].keywords_count);
    in->bytes += length;
    if (++in->count == FETCH_BATCH || in->bytes > BATCH_BYTES)
        push_incoming(in);
}

static void fetch_new(bridge *b, ll_span mailbox, uint32_t uidvalidity, const seen *rows, size_t count)
{
    static incoming in;
    char set[FETCH_BATCH * 12];
    size_t at = 0;
    in = (incoming){.bridge = b, .mailbox = mailbox, .uidvalidity = uidvalidity};
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(set + at, sizeof set - at, "%s%u", i ? "," : "", rows[i].uid);
    remote_command(b->remote, take_message, &in, "UID FETCH %s (UID FLAGS INTERNALDATE BODY.PEEK[])", set);
    push_incoming(&in);
}

/* Both lists are in order of UIDs: walk them side by side. */
static void compare(bridge *b, ll_span mailbox, uint32_t uidvalidity, const seen_list *there, const seen_list *here)
{
    seen fresh[FETCH_BATCH];
    size_t i = 0, j = 0, count = 0;
    while (i < there->count || j < here->count) {
        const seen *t = i < there->count ? &there->rows[i] : NULL, *h = j < here->count ? &here->rows[j] : NULL;
        uint32_t validity = 0, uid = 0;
        bool stale = h && parse_id(span(h->id), &validity, &uid) && validity != uidvalidity;
        if (h && (stale || !t || h->uid < t->uid)) {
            push(b, (ll_update){.kind = LL_UPDATE_MESSAGE_DELETED, .message = span(h->id)});
            j++;
        } else if (!h || t->uid < h->uid) {
            fresh[count++] = *t;
            i++;
        } else {
            if (strcasecmp(t->flags, h->flags) != 0)
                push_flags(b, mailbox, h, t->flags);
            i++;
            j++;
        }
        if (count == FETCH_BATCH || (count && i == there->count && j == here->count)) {
            fetch_new(b, mailbox, uidvalidity, fresh, count);
            count = 0;
        }
    }
}

static void sync_mailbox(bridge *b, ll_span mailbox)
{
    seen_list there = {.rows = NULL}, here = {.rows = NULL};
    char quoted[NAME_BYTES];
    uint32_t uidvalidity = 0;
    if (quote(b, mailbox, quoted) && remote_select(b->remote, quoted, &uidvalidity) &&
        remote_command(b->remote, NULL, NULL, "NOOP") &&
        remote_command(b->remote, note_there, &there, "UID FETCH 1:* (UID FLAGS)")) {
        ll_vault_known(b->vault, mailbox, note_here, keep_status, &here);
        qsort(there.rows, there.count, there.count ? sizeof *there.rows : 1, by_uid);
        qsort(here.rows, here.count, here.count ? sizeof *here.rows : 1, by_uid);
        if (!here.status)
            compare(b, mailbox, uidvalidity, &there, &here);
    }
    free(there.rows);
    free(here.rows);
}

/* Mailboxes of one side, by id. */
typedef struct name_list {
    ll_status status; /* first: see keep_status */
    bridge *bridge;
    char (*ids)[NAME_BYTES];
    size_t count;
} name_list;

static ll_status name_add(name_list *l, const char *id, size_t size)
{
    char(*grown)[NAME_BYTES] = size < NAME_BYTES ? realloc(l->ids, (l->count + 1) * sizeof *grown) : NULL;
    if (!grown)
        return LL_ENOMEM;
    l->ids = grown;
    snprintf(grown[l->count++], NAME_BYTES, "%.*s", (int)size, id);
    return LL_OK;
}

static bool name_has(const name_list *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (!strcmp(l->ids[i], id))
            return true;
    return false;
}

static ll_status note_mailbox(void *context, ll_span id, ll_span name)
{
    (void)name;
    return id.size ? name_add(context, id.data, id.size) : LL_OK;
}

/* * LIST (\HasNoChildren) "/" "name" ; the name quoted, an atom, or a literal. */
static void note_listed(void *context, const char *line, size_t size)
{
    name_list *l = context;
    const char *at = strstr(line, ") \""), *end = line + size;
    if (strncmp(line, "* LIST (", 8) != 0 || !at || strstr(line, "\\Noselect") || strstr(line, "\\NonExistent"))
        return;
    l->bridge->delimiter = at[3];
    at = strchr(at + 4 + (at[3] == '\\'), ' ');
    if (!at++)
        return;
    if (*at == '{' && strchr(at, '\n'))
        at = strchr(at, '\n') + 1;
    char name[NAME_BYTES];
    size_t n = 0;
    for (bool quoted = *at == '"' && at++; at < end && n < sizeof name - 1 && !(quoted && *at == '"'); at++) {
        at += quoted && *at == '\\';
        name[n++] = *at;
    }
    if (name_add(l, name, n))
        l->status = LL_ENOMEM;
}

static void sync_names(bridge *b, const name_list *there, const name_list *here)
{
    for (size_t i = 0; i < there->count; i++) {
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "%s", there->ids[i]);
        swap_delimiter(name, b->delimiter, '/');
        ll_update u = {.kind = LL_UPDATE_MAILBOX_CREATED, .mailbox = span(there->ids[i]), .name = span(name)};
        if (!name_has(here, there->ids[i]) && push(b, u))
            fprintf(stderr, "bridge: a mailbox of the source cannot be here\n");
    }
    for (size_t i = 0; i < here->count; i++)
        if (!name_has(there, here->ids[i]))
            push(b, (ll_update){.kind = LL_UPDATE_MAILBOX_DELETED, .mailbox = span(here->ids[i])});
}

static void tick(void *context)
{
    bridge *b = context;
    name_list there = {.bridge = b}, here = {.bridge = b};
    if (!awake(b))
        return;
    ll_vault_known_mailboxes(b->vault, note_mailbox, keep_status, &here);
    if (!here.status && remote_command(b->remote, note_listed, &there, "LIST \"\" \"*\"") && !there.status) {
        sync_names(b, &there, &here);
        for (size_t i = 0; i < there.count && remote_alive(b->remote); i++)
            sync_mailbox(b, span(there.ids[i]));
    }
    free(there.ids);
    free(here.ids);
}

/* ------------------------------------------------------------------------------------------------------- the program
 */

/* A client's session: its connector is the vault's. */
static ll_status login(void *context, host_client *client, ll_span user, ll_span password,
                       const ll_connector **connector, void **self)
{
    bridge *b = context;
    if (user.size != strlen(b->user) || memcmp(user.data, b->user, user.size) != 0 ||
        password.size != strlen(b->password) || memcmp(password.data, b->password, password.size) != 0)
        return LL_EAUTH;
    return ll_vault_connector(b->vault, host_notify, client, connector, self);
}

static void leave(void *context, void *self)
{
    (void)context;
    ll_vault_mute(self);
}

/* The key beside the vault: an example. A real host keeps it elsewhere, or derives it from a password. */
static bool take_key(const char *vault, uint8_t key[LL_VAULT_KEY])
{
    char path[4096];
    snprintf(path, sizeof path, "%s.key", vault);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool good = file >= 0 && read(file, key, LL_VAULT_KEY) == LL_VAULT_KEY;
    if (file < 0) {
        file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        good = file >= 0 && getrandom(key, LL_VAULT_KEY, 0) == LL_VAULT_KEY &&
               write(file, key, LL_VAULT_KEY) == LL_VAULT_KEY && !fsync(file);
    }
    if (file >= 0)
        close(file);
    return good;
}

static ll_status open_vault(bridge *b, const char *path)
{
    uint8_t key[LL_VAULT_KEY];
    ll_vault_config config = {.size = sizeof config, .upstream = &upstream, .upstream_self = b};
    if (!take_key(path, key))
        return LL_EIO;
    ll_status status = ll_vault_create(path, key, true);
    if (!status || status == LL_EEXISTS)
        status = ll_vault_open(&b->vault, path, key, &config);
    explicit_bzero(key, sizeof key);
    return status;
}

int main(int argc, char **argv)
{
    bridge b = {.user = getenv("BRIDGE_USER"), .password = getenv("BRIDGE_PASSWORD"), .delimiter = '/'};
    const char *seconds = getenv("BRIDGE_SECONDS");
    if (argc != 5 || !b.user || !b.password) {
        fprintf(stderr, "usage: BRIDGE_USER=... BRIDGE_PASSWORD=... bridge PORT VAULT REMOTE_HOST REMOTE_PORT\n");
        return 2;
    }
    b.host = argv[3];
    b.port = atoi(argv[4]);
    ll_status status = open_vault(&b, argv[2]);
    if (status) {
        fprintf(stderr, "bridge: %s: %s\n", argv[2], ll_status_text(status));
        return 1;
    }
    tick(&b); /* the first comparison before the first client */
    host_events events = {.login = login,
                          .leave = leave,
                          .tick = tick,
                          .tick_ms = (int)((seconds ? atof(seconds) : 10) * 1000),
                          .context = &b};
    int code = host_serve(atoi(argv[1]), &events);
    remote_close(&b.remote);
    return ll_vault_close(&b.vault) ? 1 : code;
}
