/* faults_test.c - a disk that fails, at every point of a whole life of a vault: is what was acknowledged there?
 * SPDX-License-Identifier: MIT
 *
 *     faults_test [--every N] [--first N] [--last N] [--plan NAME] [--verbose]
 *
 * One life (story): a vault and a drop of version 1 with mail in them are opened and migrated; mail is put into the
 * drop and absorbed, appended, delivered, flagged, copied, moved, expunged; a mailbox is made and renamed; the vault is
 * closed, opened again, searched, compacted, and closed. It is told once to count the points at which it changes the
 * disk, and then for each point (or every Nth) under each plan of fault.h. Afterwards, with a good disk:
 *
 *   1  what was acknowledged is there, exactly once per place; what was not is there once or not at all;
 *   2  every message is one that was sent, to the byte;
 *   3  UIDVALIDITY is what it was, and a new UID is above all that were given out; so is the mod-sequence;
 *   a password that was changed: the old one or the new one opens the vault, never neither;
 *   6, 8  vault_check finds no fault, and both files pass SQLite's own check. */
#include "../store/vault_fixture.h"

#include "../store/fixture.h"
#include "fault.h"

#include "keys/slot.h"
#include "store/absorb.h"
#include "store/compact.h"
#include "store/deliver.h"
#include "store/directory.h"
#include "store/drop.h"

#include <fcntl.h>
#include <sys/stat.h>

enum {
    MESSAGES = 24, /* different messages */
    PLACES = 12,   /* mailboxes that any of them may be in */
    LARGE = 9,     /* this one has several chunks */
    LARGE_SIZE = 300000,
    OPEN_TRIES = 2 /* a login that failed is tried again */
};

/* How often a message is in a mailbox: at least, at most. */
typedef struct span_of_count {
    unsigned low, high;
} count_range;

typedef struct story {
    fixture *f;
    drop *drop;
    char drop_path[512];
    client client;
    bool verbose;
    /* what is known */
    char places[PLACES][64];
    unsigned places_count;
    count_range want[MESSAGES][PLACES], total[MESSAGES];
    uint32_t uids[MESSAGES]; /* in INBOX; 0: not known to be there */
    bool flagged[MESSAGES];
    bool power;        /* is going: flags are durable with the next mail (docs/why/flags.md), */
    int flagged_alone; /* which this one waits for; 0: none */
    uint32_t uid_max, uidvalidity;
    uint64_t modseq_max;
    bool renamed_maybe; /* "New" may be "Newer" */
    char directory_path[512];
    ll_status replaced, added; /* of slots; LL_LATER: not tried */
} story;

static const uint8_t drop_key[KEYS_KEY] = FIXTURE_DROP_KEY, directory_key[KEYS_KEY] = FIXTURE_DIRECTORY_KEY;
static directory_slot slot_old, slot_new, slot_more; /* made once: they are slow */

/* ------------------------------------------------------------------------------------------------- Messages, model */

static char *message_text[MESSAGES];
static size_t message_size[MESSAGES];

static void messages_make(void)
{
    for (unsigned n = 0; n < MESSAGES; n++) {
        message_text[n] = calloc(1, LARGE_SIZE + FIXTURE_MESSAGE_MAX);
        fixture_message(n % 6, message_text[n]);
        if (n >= 6) /* not one of the fixture's */
            snprintf(message_text[n], FIXTURE_MESSAGE_MAX,
                     "From: eve@example.com\r\nSubject: message %u\r\nMessage-ID: <m%u@example.com>\r\n\r\nText %u\r\n",
                     n, n, n * n);
        message_size[n] = strlen(message_text[n]);
        for (size_t i = 0; n == LARGE && i < LARGE_SIZE; i++)
            message_text[n][message_size[n]++] = (char)(i * i >> 5);
    }
}

static ll_span message_of(unsigned n)
{
    return span_of(message_text[n], message_size[n]);
}

static int message_find(ll_span bytes)
{
    for (int n = 0; n < MESSAGES; n++)
        if (span_equal(bytes, message_of((unsigned)n)))
            return n;
    return -1;
}

static unsigned place(story *s, const char *name)
{
    for (unsigned i = 0; i < s->places_count; i++)
        if (strcmp(s->places[i], name) == 0)
            return i;
    assert_true(s->places_count < PLACES);
    snprintf(s->places[s->places_count], sizeof s->places[0], "%s", name);
    return s->places_count++;
}

static void expect(story *s, unsigned n, const char *name, unsigned low, unsigned high)
{
    s->want[n][place(s, name)] = (count_range){low, high};
}

/* One more of it: acknowledged or perhaps. */
static void expect_more(story *s, unsigned n, const char *name, bool sure)
{
    count_range *w = &s->want[n][place(s, name)];
    w->low += sure;
    w->high++;
}

/* ------------------------------------------------------------------------------------------------------- The story */

static void note(void *ctx, ll_status status)
{
    *(ll_status *)ctx = status;
}

static void tell(const story *s, const char *what, unsigned n, ll_status status)
{
    if (s->verbose)
        print_message("  %s %u: %s\n", what, n, ll_status_name(status));
}

static void put(story *s, unsigned n)
{
    drop_recipient to;
    spool *content = NULL;
    ll_status status = LL_LATER;
    memcpy(to.alias, s->f->alias, KEYS_ID);
    memcpy(to.public_key, s->f->drop_public, KEYS_KEY);
    assert_int_equal(spool_new(&content, s->f->scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_write(content, message_of(n)), LL_OK);
    ll_status asked = drop_put(s->drop, content, &to, 1, 1700000000 + n, note, &status);
    tell(s, "put", n, asked ? asked : status);
    expect_more(s, n, "INBOX", !asked && !status);
    spool_del(&content);
}

static void absorb(story *s)
{
    ll_status status = LL_LATER;
    vault_absorb(s->f->vault, s->drop, note, &status);
    tell(s, "absorb", 0, status);
}

static void deliver(story *s, unsigned n)
{
    spool *content = NULL;
    ll_status status = LL_LATER;
    assert_int_equal(spool_new(&content, s->f->scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_write(content, message_of(n)), LL_OK);
    vault_deliver(s->f->vault, content, SPAN(""), 1700000000, false, note, &status);
    tell(s, "deliver", n, status);
    expect_more(s, n, "INBOX", !status);
    spool_del(&content);
}

static void append(story *s, const char *to, unsigned n)
{
    uint32_t uid = 0;
    ll_status status = client_append_full(&s->client, to, message_of(n), F(SEEN), NULL, 0, 1700000000, &uid);
    tell(s, "append", n, status);
    expect_more(s, n, to, !status);
    if (status || strcmp(to, "INBOX") != 0)
        return;
    s->uids[n] = uid;
    s->uid_max = uid > s->uid_max ? uid : s->uid_max;
}

static void flag(story *s, unsigned n)
{
    if (!s->uids[n])
        return;
    ll_status status = client_store(&s->client, s->uids[n], s->uids[n], LL_FLAGS_ADD, F(FLAGGED));
    tell(s, "flag", n, status);
    if (s->power && !status)
        s->flagged_alone = (int)n;
    else
        s->flagged[n] |= !status;
}

/* A change was acknowledged that is synced before it is. */
static void synced(story *s)
{
    s->flagged[s->flagged_alone] = true;
    s->flagged_alone = 0;
}

static void copy(story *s, unsigned n, const char *to)
{
    if (!s->uids[n])
        return;
    ll_status status = client_copy(&s->client, s->uids[n], s->uids[n], to, false);
    tell(s, "copy", n, status);
    if (!status && s->flagged_alone)
        synced(s);
    expect_more(s, n, to, !status);
}

/* Whatever happens it is in one of the two. */
static void move(story *s, unsigned n, const char *to)
{
    if (!s->uids[n])
        return;
    ll_status status = client_copy(&s->client, s->uids[n], s->uids[n], to, true);
    tell(s, "move", n, status);
    expect(s, n, "INBOX", 0, status ? 1 : 0);
    expect(s, n, to, status ? 0 : 1, 1);
    s->total[n] = (count_range){1, 1};
    if (!status)
        s->uids[n] = 0;
}

static void expunge(story *s, unsigned n)
{
    if (!s->uids[n] || client_store(&s->client, s->uids[n], s->uids[n], LL_FLAGS_ADD, F(DELETED)))
        return;
    ll_status status = client_expunge(&s->client, s->uids[n], s->uids[n]);
    tell(s, "expunge", n, status);
    expect(s, n, "INBOX", 0, status ? 1 : 0);
    s->uids[n] = 0;
}

/* The client hears of what happened; what it need not see any more is purged. */
static void look(story *s)
{
    assert_true(client_latest(&s->client));
    uint64_t modseq = ll_view_modseq(s->client.view);
    s->modseq_max = modseq > s->modseq_max ? modseq : s->modseq_max;
    uint32_t next = ll_view_uidnext(s->client.view);
    s->uid_max = next - 1 > s->uid_max ? next - 1 : s->uid_max;
    client_told(&s->client);
}

static void make_mailbox(story *s)
{
    ll_status status = ASK(&s->client, create, SPAN("New"), 0);
    tell(s, "create", 0, status);
    if (status)
        return;
    append(s, "New", 20);
    status = ASK(&s->client, rename, SPAN("New"), SPAN("Newer"));
    tell(s, "rename", 0, status);
    if (!status)
        snprintf(s->places[place(s, "New")], sizeof s->places[0], "Newer");
    s->renamed_maybe = status != LL_OK;
}

/* The owner changes a password and adds one. */
static void change_passwords(story *s)
{
    directory *d = NULL;
    s->replaced = s->added = LL_LATER;
    for (int i = 0; i < OPEN_TRIES && !d; i++)
        tell(s, "open directory", 0, directory_open(&d, s->directory_path, directory_key, 0, NULL));
    if (!d)
        return;
    s->replaced = directory_slot_replace(d, s->f->alias, slot_old.slot.id, &slot_new);
    tell(s, "replace slot", 0, s->replaced);
    s->added = directory_slot_add(d, s->f->alias, &slot_more);
    tell(s, "add slot", 0, s->added);
    directory_close(&d);
}

static bool log_in(story *s)
{
    fixture *f = s->f;
    for (int i = 0; i < OPEN_TRIES && !f->vault; i++) {
        ll_status status = vault_open(&f->vault, &f->config, f->alias, f->path, f->key, 0, NULL);
        tell(s, "open", 0, status);
        assert_true(status == LL_OK || fault_has_struck());
    }
    for (int i = 0; i < OPEN_TRIES && !s->drop; i++)
        tell(s, "open drop", 0, drop_open(&s->drop, s->drop_path, drop_key, &f->executor, NULL));
    if (!f->vault || !s->drop)
        return false;
    client_init(&s->client, f);
    ll_status status = client_open(&s->client, "INBOX", false);
    for (int i = 1; i < OPEN_TRIES && status; i++)
        status = client_open(&s->client, "INBOX", false);
    if (status) {
        client_fini(&s->client);
        return false;
    }
    s->uidvalidity = ll_view_uidvalidity(s->client.view);
    look(s);
    return true;
}

static void log_out(story *s)
{
    client_fini(&s->client);
    memset(s->uids, 0, sizeof s->uids);
}

static void close_files(story *s)
{
    vault_close(&s->f->vault);
    drop_close(&s->drop);
}

static void compacted(void *ctx, ll_status status, const compact_result *result)
{
    (void)result;
    note(ctx, status);
}

/* Messages of version 1 are stored anew, and the room of what is gone is given back. Whatever happens, nobody misses
 * anything. */
static void compact(story *s)
{
    ll_status status = LL_LATER;
    vault *v = vault_ref(s->f->vault); /* as a session: it ends when it is alone */
    vault_compact(v, NULL, compacted, &status);
    vault_unref(v);
    tell(s, "compact", 0, status);
}

/* The index is brought up to date before the answer. */
static void find(story *s)
{
    client c;
    const ll_term term = {.kind = LL_TERM_BODY, .needle = SPAN("message"), .name = SPAN("")};
    client_init(&c, s->f);
    ll_status status = client_open(&c, "INBOX", true);
    if (!status)
        status = ASK(&c, search, c.mailbox, &term, 1);
    tell(s, "search", 0, status);
    client_fini(&c);
}

static void story_tell(story *s)
{
    change_passwords(s);
    if (log_in(s)) {
        put(s, 6);
        append(s, "INBOX", 7);
        append(s, "INBOX", 8);
        absorb(s);
        append(s, "Archive", LARGE);
        deliver(s, 10);
        look(s);
        flag(s, 7);
        copy(s, 7, "Archive");
        move(s, 8, "Trash");
        append(s, "INBOX", 11);
        expunge(s, 11);
        look(s);
        make_mailbox(s);
        put(s, 12);
        log_out(s);
    }
    close_files(s);
    if (log_in(s)) {
        absorb(s);
        append(s, "INBOX", 13);
        find(s);
        compact(s);
        append(s, "INBOX", 14);
        expunge(s, 14);
        find(s);
        log_out(s);
    }
    close_files(s);
}

/* ------------------------------------------------------------------------------------------------------ The judge */

typedef struct judge {
    story *s;
    unsigned found[MESSAGES][PLACES];
    char why[400];
} judge;

static bool judge_says(judge *j, const char *format, ...) LL_PRINTF(2, 3);
static bool judge_says(judge *j, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(j->why, sizeof j->why, format, list);
    va_end(list);
    return false;
}

static bool judge_message(judge *j, client *c, unsigned where, const ll_row *row)
{
    story *s = j->s;
    ll_flags flags = {0};
    uint32_t uid = row->uid;
    uint64_t size = row->size;
    ll_status status = client_read(c, uid, 0, LARGE_SIZE * 2);
    if (status)
        return judge_says(j, "%s uid %u does not read: %s", s->places[where], uid, ll_status_name(status));
    int n = message_find(call_read(c->call));
    if (n < 0 || size != message_size[n])
        return judge_says(j, "%s uid %u is no message that was sent", s->places[where], uid);
    j->found[n][where]++;
    bool has = ll_view_flags(c->view, uid, &flags);
    if (!has || (where == place(s, "INBOX") && s->flagged[n] && !ll_flags_has(&flags, LL_FLAG_FLAGGED)))
        return judge_says(j, "message %d has lost its flag", n);
    return true;
}

static bool judge_mailbox(judge *j, const char *name)
{
    client c;
    bool good = true;
    client_init(&c, j->s->f);
    ll_status status = client_open(&c, name, true);
    if (status) {
        client_fini(&c);
        return judge_says(j, "%s does not open: %s", name, ll_status_name(status));
    }
    unsigned where = place(j->s, name);
    status = client_fetch(&c, 1, UINT32_MAX - 1, 1000, 0);
    size_t count = c.call->rows_count;
    ll_row *rows = calloc(count + 1, sizeof *rows);
    if (count)
        memcpy(rows, c.call->rows, count * sizeof *rows);
    if (status || count != ll_view_count(c.view))
        good = judge_says(j, "%s shows %zu of %u messages: %s", name, count, ll_view_count(c.view),
                          ll_status_name(status));
    for (size_t i = 0; good && i < count; i++)
        good = judge_message(j, &c, where, &rows[i]);
    free(rows);
    client_fini(&c);
    return good;
}

static bool judge_counts(judge *j)
{
    story *s = j->s;
    for (unsigned n = 0; n < MESSAGES; n++) {
        unsigned total = 0;
        for (unsigned p = 0; p < s->places_count; p++) {
            count_range w = s->want[n][p];
            total += j->found[n][p];
            if (j->found[n][p] < w.low || j->found[n][p] > w.high)
                return judge_says(j, "message %u is %u times in %s, should be %u to %u", n, j->found[n][p],
                                  s->places[p], w.low, w.high);
        }
        if (s->total[n].high && (total < s->total[n].low || total > s->total[n].high))
            return judge_says(j, "message %u is there %u times", n, total);
    }
    return true;
}

static bool judge_numbers(judge *j)
{
    story *s = j->s;
    uint32_t uid = 0;
    client c;
    client_init(&c, s->f);
    bool good = client_open(&c, "INBOX", false) == LL_OK || judge_says(j, "INBOX does not open");
    if (good && s->uidvalidity && ll_view_uidvalidity(c.view) != s->uidvalidity)
        good = judge_says(j, "UIDVALIDITY was %u and is %u", s->uidvalidity, ll_view_uidvalidity(c.view));
    if (good && client_append(&c, "INBOX", "Subject: the last\r\n\r\n", 0, &uid))
        good = judge_says(j, "nothing can be appended any more");
    if (good && uid <= s->uid_max)
        good = judge_says(j, "UID %u is given again (%u was told)", uid, s->uid_max);
    if (good && client_latest(&c) && ll_view_modseq(c.view) <= s->modseq_max)
        good = judge_says(j, "mod-sequence went back");
    client_fini(&c);
    return good;
}

/* "New" that may have become "Newer". */
static void judge_renamed(judge *j)
{
    story *s = j->s;
    client c;
    if (!s->renamed_maybe)
        return;
    client_init(&c, s->f);
    if (ASK(&c, status, SPAN("Newer")) == LL_OK)
        snprintf(s->places[place(s, "New")], sizeof s->places[0], "Newer");
    client_fini(&c);
}

static bool judge_vault(judge *j)
{
    char names[PLACES][64];
    size_t count = 0;
    client c;
    absorb(j->s);
    judge_renamed(j);
    client_init(&c, j->s->f);
    if (ASK(&c, list)) {
        client_fini(&c);
        return judge_says(j, "no list");
    }
    for (size_t i = 0; i < c.call->mailboxes_count; i++)
        if (!(c.call->mailboxes[i].attributes & (LL_MAILBOX_NOSELECT | LL_MAILBOX_NONEXISTENT)) && count < PLACES)
            snprintf(names[count++], sizeof names[0], "%.*s", SPAN_PRINT(c.call->mailboxes[i].name));
    client_fini(&c);
    for (size_t i = 0; i < count; i++)
        if (!judge_mailbox(j, names[i]))
            return false;
    drop_waiting_counts waiting;
    if (drop_waiting(j->s->drop, &waiting) || waiting.entries)
        return judge_says(j, "something still waits in the drop");
    return judge_counts(j) && judge_numbers(j);
}

static unsigned slot_count(const directory_slot *kept, size_t count, const directory_slot *one)
{
    unsigned found = 0;
    for (size_t i = 0; i < count; i++)
        found += memcmp(kept[i].slot.id, one->slot.id, KEYS_ID) == 0 &&
                 memcmp(kept[i].slot.wrapped, one->slot.wrapped, SLOT_WRAPPED) == 0;
    return found;
}

/* The old or the new password works, never neither or both. */
static bool judge_passwords(judge *j)
{
    static directory_slot kept[SLOT_COUNT_MAX]; /* large */
    const story *s = j->s;
    directory *d = NULL;
    size_t count = 0;
    ll_status status = directory_open(&d, s->directory_path, directory_key, 0, NULL);
    if (!status)
        status = directory_slot_list(d, s->f->alias, kept, &count);
    directory_close(&d);
    if (status)
        return judge_says(j, "the directory does not open: %s", ll_status_name(status));
    unsigned old = slot_count(kept, count, &slot_old), fresh = slot_count(kept, count, &slot_new);
    unsigned more = slot_count(kept, count, &slot_more);
    if (old + fresh != 1 || (!s->replaced && !fresh) || (s->replaced == LL_LATER && fresh))
        return judge_says(j, "the old password is there %u times, the new one %u times", old, fresh);
    if (more > 1 || (!s->added && !more) || count != 3 + more)
        return judge_says(j, "%zu passwords, the added one %u times", count, more);
    return true;
}

static bool judge_files(judge *j)
{
    story *s = j->s;
    text report;
    db *d = NULL;
    text_init(&report, NULL, 1 << 16);
    ll_status status = vault_check(s->f->path, s->f->key, &report);
    if (!status)
        status = db_open(&d, s->drop_path, drop_key, 0, &report);
    if (!status)
        status = db_verify(d, &report);
    db_close(&d);
    if (status)
        judge_says(j, "check: %s %.300s", ll_status_name(status), text_str(&report));
    text_fini(&report);
    return !status;
}

static bool judge_story(judge *j)
{
    story *s = j->s;
    fixture *f = s->f;
    ll_status status = vault_open(&f->vault, &f->config, f->alias, f->path, f->key, 0, NULL);
    if (status)
        return judge_says(j, "the vault does not open: %s", ll_status_name(status));
    status = drop_open(&s->drop, s->drop_path, drop_key, &f->executor, NULL);
    bool good = status ? judge_says(j, "the drop does not open: %s", ll_status_name(status)) : judge_vault(j);
    close_files(s);
    return good && judge_passwords(j) && judge_files(j);
}

/* ------------------------------------------------------------------------------------------------------- The rounds */

typedef struct plan_name {
    const char *name;
    fault_plan plan;
} plan_name;

static const plan_name plans[] = {
    {"eio", {.what = FAULT_EIO}},
    {"full", {.what = FAULT_FULL}},
    {"short", {.what = FAULT_SHORT}},
    {"eio-lasting", {.what = FAULT_EIO, .lasting = true}},
    {"full-lasting", {.what = FAULT_FULL, .lasting = true}},
    {"power", {.what = FAULT_POWER, .keep = FAULT_KEEP_NOTHING}},
    {"power-torn", {.what = FAULT_POWER, .keep = FAULT_KEEP_SOME, .undelete = true}},
    {"power-all", {.what = FAULT_POWER, .keep = FAULT_KEEP_ALL}},
    /* A fault that was survived, and at the end of the story, before anything is closed well, the power goes. */
    {"read", {.what = FAULT_EIO, .reads = true}},
    {"eio-then-power", {.what = FAULT_EIO, .keep = FAULT_KEEP_SOME}},
};

typedef struct options {
    uint64_t every, first, last;
    const char *plan;
    bool verbose;
} options;

typedef struct base_file {
    char *data;
    size_t size;
} base_file;

static base_file base_vault, base_drop, base_directory;

static void base_read(base_file *b, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && !fstat(fd, &st));
    b->size = (size_t)st.st_size;
    b->data = malloc(b->size);
    assert_int_equal(read(fd, b->data, b->size), (ssize_t)b->size);
    close(fd);
}

static void base_write(const base_file *b, const char *path)
{
    char name[520];
    snprintf(name, sizeof name, "%s-wal", path);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", path);
    unlink(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, b->data, b->size), (ssize_t)b->size);
    close(fd);
}

/* Slots that the directory of the fixture does not have, and the one that it has first. */
static void slots_make(const fixture *f, const char *path)
{
    static directory_slot kept[SLOT_COUNT_MAX]; /* large */
    directory_alias alias;
    directory *d = NULL;
    size_t count = 0;
    assert_int_equal(directory_open(&d, path, directory_key, 0, NULL), LL_OK);
    assert_int_equal(directory_alias_get(d, f->alias, &alias), LL_OK);
    assert_int_equal(directory_slot_list(d, f->alias, kept, &count), LL_OK);
    directory_close(&d);
    slot_old = kept[0];
    snprintf(slot_new.label, sizeof slot_new.label, "new");
    snprintf(slot_more.label, sizeof slot_more.label, "more");
    assert_int_equal(slot_make_generated(alias.id, &alias.salts, SPAN(FIXTURE_GENERATED "1"), f->key, &slot_new.slot),
                     LL_OK);
    assert_int_equal(slot_make_generated(alias.id, &alias.salts, SPAN(FIXTURE_GENERATED "2"), f->key, &slot_more.slot),
                     LL_OK);
}

static void base_make(fixture *f, char drop_path[512])
{
    db *d = NULL;
    const char *directory_path = NULL;
    fixture_init(f, 0);
    snprintf(drop_path, 512, "%s/drop.sqlite", f->scratch.dir);
    fixture_close(f);
    unlink(f->path);
    assert_int_equal(fixture_build(f->path, f->key, FIXTURES, "vault_v1.sql"), LL_OK);
    assert_int_equal(fixture_build(drop_path, drop_key, FIXTURES, "drop_v1.sql"), LL_OK);
    assert_int_equal(db_open(&d, f->path, f->key, DB_READONLY, NULL), LL_OK);
    assert_int_equal(vault_meta_blob(d, "drop_public", f->drop_public, KEYS_KEY), LL_OK);
    db_close(&d);
    base_read(&base_vault, f->path);
    base_read(&base_drop, drop_path);
    directory_path = scratch_path(&f->scratch, "directory.sqlite");
    assert_int_equal(fixture_build(directory_path, directory_key, FIXTURES, "directory_v1.sql"), LL_OK);
    slots_make(f, directory_path);
    base_read(&base_directory, directory_path);
}

static void story_begin(story *s, fixture *f, const char *drop_path, bool verbose)
{
    memset(s, 0, sizeof *s);
    s->f = f;
    s->verbose = verbose;
    snprintf(s->drop_path, sizeof s->drop_path, "%s", drop_path);
    base_write(&base_vault, f->path);
    base_write(&base_drop, drop_path);
    snprintf(s->directory_path, sizeof s->directory_path, "%s", scratch_path(&f->scratch, "directory.sqlite"));
    base_write(&base_directory, s->directory_path);
    for (unsigned n = 0; n < 2; n++) {
        expect(s, n, "INBOX", 1, 1);
        expect(s, n, FIXTURE_FOLDER, 1, 1);
    }
    expect(s, 2, "Trash", 1, 1);
    expect(s, 4, "INBOX", 1, 1);
    expect(s, 5, "INBOX", 1, 1);
}

/* True: all is well. */
static bool round_run(fixture *f, const char *drop_path, const plan_name *p, uint64_t at, const options *o,
                      uint64_t *points, bool quiet)
{
    static story s;
    fault_plan plan = p->plan;
    plan.at = at;
    plan.seed = (uint32_t)at + 1;
    if (o->verbose)
        print_message("%s at %llu\n", p->name, (unsigned long long)at);
    story_begin(&s, f, drop_path, o->verbose);
    s.power = plan.what == FAULT_POWER;
    fault_begin(plan);
    story_tell(&s);
    if (points)
        *points = fault_points();
    char name[100];
    snprintf(name, sizeof name, "%s", fault_struck_name());
    if (plan.what == FAULT_LIE || (plan.what == FAULT_EIO && plan.keep == FAULT_KEEP_SOME))
        fault_power_cut();
    fault_end();
    judge j = {.s = &s};
    bool good = judge_story(&j);
    if (!good && !quiet)
        print_message("%s at %llu (%s): %s\n", p->name, (unsigned long long)at, name, j.why);
    return good;
}

static options read_options(int argc, char **argv)
{
    options o = {.every = 1, .last = UINT64_MAX};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        if (strcmp(argv[i], "--verbose") == 0)
            o.verbose = true;
        else if (strcmp(argv[i], "--every") == 0)
            o.every = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--first") == 0)
            o.first = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--last") == 0)
            o.last = strtoull(value, NULL, 10), i++;
        else if (strcmp(argv[i], "--plan") == 0)
            o.plan = value, i++;
        else {
            fprintf(stderr, "faults_test: %s is not understood\n", argv[i]);
            exit(2);
        }
    }
    o.every += !o.every;
    return o;
}

static options chosen; /* cmocka gives tests no arguments */

static void test_faults(void **state)
{
    (void)state;
    static const plan_name none = {"none", {0}};
    static const plan_name none_read = {"none", {.reads = true}};
    static const plan_name liar = {"liar", {.what = FAULT_LIE, .lasting = true}};
    fixture f;
    char drop_path[512];
    uint64_t points = 0, reads = 0, rounds = 0, bad = 0;
    assert_int_equal(db_init(), LL_OK);
    assert_true(fault_install());
    messages_make();
    base_make(&f, drop_path);
    assert_true(round_run(&f, drop_path, &none, 0, &chosen, &points, false));
    assert_true(round_run(&f, drop_path, &none_read, 0, &chosen, &reads, false));
    assert_false(round_run(&f, drop_path, &liar, 0, &chosen, NULL, true)); /* would we notice? */
    for (size_t p = 0; p < sizeof plans / sizeof *plans; p++)
        for (uint64_t at = chosen.first; at < (plans[p].plan.reads ? reads : points) && at <= chosen.last;
             at += chosen.every)
            if (!chosen.plan || strcmp(chosen.plan, plans[p].name) == 0) {
                bad += !round_run(&f, drop_path, &plans[p], at, &chosen, NULL, false);
                rounds++;
            }
    print_message("%llu points and %llu reads, %llu rounds, %llu bad\n", (unsigned long long)points,
                  (unsigned long long)reads, (unsigned long long)rounds, (unsigned long long)bad);
    assert_int_equal(bad, 0);
    keyring_del(&f.keyring);
    secret_arena_del(&f.arena);
    scratch_fini(&f.scratch);
    for (size_t i = 0; i < MESSAGES; i++)
        free(message_text[i]);
    free(base_vault.data);
    free(base_drop.data);
    free(base_directory.data);
}

int main(int argc, char **argv)
{
    chosen = read_options(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
