/* vault_test.c - opening, group commit, delivery, kill -9, and ten thousand random changes against a model.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "store/deliver.h"
#include "store/purge.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

static void test_open_errors(void **state)
{
    (void)state;
    fixture f;
    vault *v = NULL;
    fixture_init(&f, 0);
    fixture_close(&f);
    uint8_t other[KEYS_KEY] = {1};
    text why;
    text_init(&why, NULL, 1024);
    assert_int_equal(vault_open(&v, &f.config, f.alias, f.path, other, 0, &why), LL_ECORRUPT);
    assert_int_equal(vault_open(&v, &f.config, other, f.path, f.key, 0, &why), LL_EDENIED);
    assert_int_equal(vault_open(&v, &f.config, f.alias, "/nowhere/x.sqlite", f.key, 0, &why), LL_ENOTFOUND);
    assert_null(v);
    assert_int_equal(keyring_count(f.keyring), 0);
    text_fini(&why);
    fixture_open(&f);
    assert_true(vault_key_is(f.vault, f.key));
    assert_false(vault_key_is(f.vault, other));
    assert_int_equal(keyring_count(f.keyring), 1);
    fixture_close(&f);
    assert_int_equal(keyring_count(f.keyring), 0);
    fixture_fini(&f);
}

static void test_reopen(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_flags flags;
    ll_span keyword = SPAN("kept");
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append_full(&c, "Sent", SPAN("a"), F(SEEN), &keyword, 1, 5, NULL), LL_OK);
    assert_int_equal(client_append(&c, "Sent", "b", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "Sent", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 2), LL_OK);
    uint32_t validity = ll_view_uidvalidity(c.view);
    uint64_t modseq = vault_count(f.vault).modseq;
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "Sent", false), LL_OK);
    assert_int_equal(ll_view_count(c.view), 1);
    assert_int_equal(ll_view_uidnext(c.view), 3); /* invariant 3 */
    assert_int_equal(ll_view_uidvalidity(c.view), validity);
    assert_int_equal(ll_view_modseq(c.view), modseq);
    assert_true(ll_view_flags(c.view, 1, &flags));
    assert_int_equal(flags.bits[0], F(SEEN) | 1u << LL_FLAG_KEYWORD);
    assert_int_equal(client_read(&c, 2, 0, 1), LL_ENOTFOUND); /* `held` was emptied */
    client_fini(&c);
    fixture_fini(&f);
}

/* What a job may have, vault_open must have left: the writer's connection is used by one thread at a time. It was not,
 * and after a kill readers met garbage (held rows wake the purge). */
static struct {
    pthread_t thread;
    atomic_bool opening, posted;
    atomic_uint late;
} opener;

static int on_statement(unsigned what, void *ctx, void *statement, void *sql)
{
    (void)what, (void)ctx, (void)statement, (void)sql;
    if (opener.opening && opener.posted && pthread_equal(pthread_self(), opener.thread))
        atomic_fetch_add(&opener.late, 1);
    return 0;
}

static int on_connection(sqlite3 *made, char **error, const void *api)
{
    (void)error, (void)api;
    return sqlite3_trace_v2(made, SQLITE_TRACE_STMT, on_statement, NULL);
}

static void note_work(void *ctx, void (*fn)(void *), void *arg)
{
    opener.posted = true;
    fixture_work(ctx, fn, arg);
}

static void test_open_leaves_the_writer(void **state)
{
    (void)state;
    fixture f;
    client c;
    db *d;
    fixture_init(&f, 1);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "a", 0, NULL), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    assert_int_equal(db_open(&d, f.path, f.key, 0, NULL), LL_OK);
    assert_int_equal(db_exec(d, "UPDATE message SET refs = refs + 1; INSERT INTO held(mailbox, uid, message, modseq, "
                                "internaldate, savedate, size) SELECT 1000, 1, id, 1, 0, 0, size FROM message"),
                     LL_OK);
    db_close(&d);
    assert_int_equal(sqlite3_auto_extension((void (*)(void))on_connection), SQLITE_OK);
    opener.thread = pthread_self();
    opener.opening = true;
    f.executor.work = note_work;
    fixture_open(&f);
    opener.opening = false;
    sqlite3_reset_auto_extension();
    assert_true(opener.posted);
    assert_int_equal(opener.late, 0);
    fixture_fini(&f);
}

/* -------------------------------------------------------------------------------------------- Group commit */

enum { FLIGHT = 64 };

static void delivered(void *ctx, ll_status status)
{
    assert_int_equal(status, LL_OK);
    ++*(int *)ctx;
}

static void test_group_commit(void **state)
{
    (void)state;
    fixture f;
    client c;
    spool *content;
    int done = 0;
    fixture_init(&f, 2);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(spool_new(&content, f.scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_write(content, SPAN("Subject: x\r\n\r\n")), LL_OK);
    vault_numbers before = vault_count(f.vault);
    for (int i = 0; i < FLIGHT; i++)
        vault_deliver(f.vault, content, SPAN(""), 77, false, delivered, &done);
    while (done < FLIGHT)
        assert_true(fixture_pump(&f));
    vault_numbers after = vault_count(f.vault);
    assert_int_equal(after.jobs - before.jobs, FLIGHT);
    assert_true(after.commits - before.commits < FLIGHT); /* how many fewer depends on the load of the machine */
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), FLIGHT);
    assert_true(c.notified >= 1 && c.notified <= after.commits - before.commits);
    spool_del(&content);
    client_fini(&c);
    fixture_fini(&f);
}

/* One bad job in a batch is undone alone, in the file and in the views (invariant 8). */
static void refused(void *ctx, ll_status status)
{
    assert_int_equal(status, LL_ELIMIT);
    ++*(int *)ctx;
}

static void test_batch_with_failure(void **state)
{
    (void)state;
    fixture f;
    client c;
    spool *small, *large;
    int good = 0, bad = 0;
    fixture_init(&f, 1);
    fixture_close(&f);
    f.config.message_bytes_max = 3;
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(spool_new(&small, f.scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_new(&large, f.scratch.dir, NULL), LL_OK);
    assert_int_equal(spool_write(small, SPAN("abc")), LL_OK);
    assert_int_equal(spool_write(large, SPAN("abcd")), LL_OK);
    for (int i = 0; i < 30; i++) {
        bool fails = i % 3 == 1;
        vault_deliver(f.vault, fails ? large : small, SPAN(""), 0, false, fails ? refused : delivered,
                      fails ? &bad : &good);
    }
    while (good + bad < 30)
        assert_true(fixture_pump(&f));
    assert_int_equal(bad, 10);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 20);
    assert_int_equal(ll_view_uidnext(c.view), 21);
    assert_int_equal(vault_count(f.vault).bytes, 60);
    spool_del(&small);
    spool_del(&large);
    client_fini(&c);
    fixture_fini(&f);
}

/* ------------------------------------------------------------------------------------------------- kill -9 */

static void crash_child(fixture *f, int acks)
{
    client c;
    uint32_t uid;
    char message[64];
    if (secret_arena_new(&f->arena, 16, NULL) || keyring_new(&f->keyring, f->arena, 8))
        _exit(1);
    f->config.keyring = f->keyring;
    fixture_open(f);
    client_init(&c, f);
    if (client_open(&c, "INBOX", false))
        _exit(1);
    for (unsigned i = 0;; i++) {
        snprintf(message, sizeof message, "message %u", i);
        if (client_append(&c, "INBOX", message, i % 5 ? 0 : F(DELETED), &uid) || write(acks, &uid, sizeof uid) < 0)
            _exit(1);
        if (i % 40 == 39 && client_expunge(&c, 1, uid))
            _exit(1);
        if (client_latest(&c) && i % 7 == 0)
            client_told(&c);
    }
}

static void test_kill(void **state)
{
    (void)state;
    fixture f;
    fixture_init(&f, 0);
    fixture_close(&f);
    for (unsigned round = 0; round < 4; round++) {
        int acks[2];
        uint32_t uid = 0, last = 0;
        assert_int_equal(pipe(acks), 0);
        pid_t child = fork();
        if (!child)
            crash_child(&f, acks[1]);
        close(acks[1]);
        for (unsigned i = 0; i < 60 + 37 * round && read(acks[0], &uid, sizeof uid) == sizeof uid; i++)
            last = uid;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(acks[0], &uid, sizeof uid) == sizeof uid)
            last = uid;
        close(acks[0]);
        fixture_check(&f); /* counters, references, sizes: as after any commit */
        client c;
        fixture_open(&f);
        client_init(&c, &f);
        assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
        assert_true(last > 0 && ll_view_uidnext(c.view) > last); /* acknowledged is durable: invariant 1 */
        client_fini(&c);
        fixture_close(&f);
    }
    fixture_fini(&f);
}

/* --------------------------------------------------------------------------------------------------- Model */

enum { BOXES = 4, MODEL_MAX = 120, MODEL_OPS = 10000 };

typedef struct model_message {
    uint32_t uid;
    unsigned flags, content;
} model_message;

typedef struct model_box {
    const char *name;
    model_message messages[MODEL_MAX];
    unsigned count;
    uint32_t uidnext;
    client client;
} model_box;

typedef struct model {
    fixture f;
    model_box boxes[BOXES];
    uint32_t seed;
    unsigned contents;
} model;

static unsigned roll(model *m, unsigned limit)
{
    m->seed = m->seed * 1664525u + 1013904223u;
    return (m->seed >> 8) % limit;
}

static unsigned content_text(unsigned n, char out[64])
{
    return (unsigned)snprintf(out, 64, "Subject: %u\r\n\r\n%.*s", n, (int)(n % 29), "abcdefghijklmnopqrstuvwxyzABC");
}

static ll_range roll_range(model *m, const model_box *box)
{
    uint32_t first = 1 + roll(m, box->uidnext), last = first + roll(m, 12);
    return (ll_range){first, last};
}

static bool in_range(const model_message *x, ll_range range)
{
    return x->uid >= range.first && x->uid <= range.last;
}

static void model_add(model_box *box, unsigned flags, unsigned content)
{
    box->messages[box->count++] = (model_message){box->uidnext++, flags, content};
}

static void model_append(model *m, model_box *box)
{
    char message[64];
    unsigned flags = roll(m, 32);
    if (box->count == MODEL_MAX)
        return;
    content_text(m->contents, message);
    uint32_t uid;
    assert_int_equal(client_append(&box->client, box->name, message, flags, &uid), LL_OK);
    assert_int_equal(uid, box->uidnext);
    model_add(box, flags, m->contents++);
}

static void model_store(model *m, model_box *box)
{
    ll_range range = roll_range(m, box);
    unsigned flags = roll(m, 32), op = roll(m, 3);
    assert_int_equal(client_store(&box->client, range.first, range.last, (ll_flags_op)op, flags), LL_OK);
    for (unsigned i = 0; i < box->count; i++) {
        model_message *x = &box->messages[i];
        if (in_range(x, range))
            x->flags = op == LL_FLAGS_REPLACE ? flags : op == LL_FLAGS_ADD ? x->flags | flags : x->flags & ~flags;
    }
}

static void model_remove(model_box *box, ll_range range, bool only_deleted)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < box->count; i++)
        if (!in_range(&box->messages[i], range) || (only_deleted && !(box->messages[i].flags & F(DELETED))))
            box->messages[kept++] = box->messages[i];
    box->count = kept;
}

static void model_expunge(model *m, model_box *box)
{
    ll_range range = roll(m, 4) ? roll_range(m, box) : (ll_range){1, UINT32_MAX};
    assert_int_equal(client_expunge(&box->client, range.first, range.last), LL_OK);
    model_remove(box, range, true);
}

static void model_copy(model *m, model_box *box, bool move)
{
    ll_range range = roll_range(m, box);
    model_box *to = &m->boxes[roll(m, BOXES)];
    unsigned before = box->count;
    if (to->count + 13 > MODEL_MAX)
        return;
    /* Bring the view of the session up to date: what others expunged would be copied too, without flags. */
    if (client_latest(&box->client))
        client_told(&box->client);
    if (!move)
        for (int i = 0; i < 3; i++)
            fixture_pump_ready(&m->f);
    uint32_t last = box->uidnext - 1;
    assert_int_equal(client_copy(&box->client, range.first, range.last, to->name, move), LL_OK);
    for (unsigned i = 0; i < before; i++)
        if (in_range(&box->messages[i], range))
            model_add(to, box->messages[i].flags, box->messages[i].content);
    if (move) {
        range.last = range.last < last ? range.last : last;
        if (range.first <= range.last)
            model_remove(box, range, false);
    }
}

/* The mailbox as its session sees it, and as STATUS counts it. */
static void model_compare(model *m, model_box *box)
{
    client *c = &box->client;
    unsigned unseen = 0, deleted = 0, bytes = 0;
    char message[64];
    ll_flags flags;
    assert_true(client_latest(c));
    assert_int_equal(ll_view_count(c->view), box->count);
    assert_int_equal(ll_view_uidnext(c->view), box->uidnext);
    for (unsigned i = 0; i < box->count; i++) {
        const model_message *x = &box->messages[i];
        assert_true(ll_view_flags(c->view, x->uid, &flags));
        assert_int_equal(flags.bits[0], x->flags);
        unseen += !(x->flags & F(SEEN));
        deleted += !!(x->flags & F(DELETED));
        bytes += content_text(x->content, message);
    }
    assert_int_equal(ASK(c, status, span_str(box->name)), LL_OK);
    assert_int_equal(c->call->numbers.messages, box->count);
    assert_int_equal(c->call->numbers.unseen, unseen);
    assert_int_equal(c->call->numbers.deleted, deleted);
    assert_int_equal(c->call->numbers.bytes, bytes);
    assert_int_equal(c->call->numbers.uidnext, box->uidnext);
    assert_int_equal(c->call->numbers.highest_modseq, ll_view_modseq(c->view));
    if (box->count) {
        const model_message *x = &box->messages[roll(m, box->count)];
        unsigned size = content_text(x->content, message);
        assert_int_equal(client_read(c, x->uid, 0, 100), LL_OK);
        assert_true(span_equal(call_read(c->call), span_of(message, size)));
    }
    if (roll(m, 2))
        client_told(c);
}

static void model_open(model *m)
{
    for (unsigned i = 0; i < BOXES; i++) {
        client_init(&m->boxes[i].client, &m->f);
        assert_int_equal(client_open(&m->boxes[i].client, m->boxes[i].name, false), LL_OK);
    }
}

static void model_reopen(model *m)
{
    for (unsigned i = 0; i < BOXES; i++)
        client_fini(&m->boxes[i].client);
    fixture_close(&m->f);
    fixture_check(&m->f);
    fixture_open(&m->f);
    model_open(m);
}

static void model_run(int workers, unsigned ops)
{
    static const char *const names[BOXES] = {"INBOX", "Archive", "Sent", "Trash"};
    model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    fixture_init(&m->f, workers);
    m->seed = 42 + (uint32_t)workers;
    for (unsigned i = 0; i < BOXES; i++) {
        m->boxes[i].name = names[i];
        m->boxes[i].uidnext = 1;
    }
    model_open(m);
    for (unsigned i = 0; i < ops; i++) {
        model_box *box = &m->boxes[roll(m, BOXES)];
        unsigned kind = roll(m, 100);
        if (kind < 35)
            model_append(m, box);
        else if (kind < 70)
            model_store(m, box);
        else if (kind < 85)
            model_expunge(m, box);
        else
            model_copy(m, box, kind < 93);
        if (i % 10 == 0)
            model_compare(m, box);
        if (i % (ops / 5) == ops / 5 - 1)
            model_reopen(m);
    }
    for (unsigned i = 0; i < BOXES; i++) {
        model_compare(m, &m->boxes[i]);
        client_fini(&m->boxes[i].client);
    }
    fixture_fini(&m->f);
    free(m);
}

static void test_model(void **state)
{
    (void)state;
    model_run(0, MODEL_OPS);
}

static void test_model_threads(void **state)
{
    (void)state;
    model_run(3, MODEL_OPS / 10);
}

/* More than one purge job's worth goes, in several. */
static void test_purge_many(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_range range = {1, UINT32_MAX};
    fixture_init(&f, 1);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "x", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (int i = 0; i < 10; i++) /* 1,024 messages */
        assert_int_equal(ASK(&c, copy, c.mailbox, &range, 1, SPAN("INBOX"), false), LL_OK);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 1024);
    assert_true(1024 > PURGE_MESSAGES);
    assert_int_equal(ASK(&c, remove, SPAN("Sent")), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 2000), LL_OK);
    client_fini(&c);
    fixture_close(&f); /* waits until the purge is over */
    fixture_open(&f);
    int64_t left = 1;
    assert_int_equal(db_take_int(db_prepare(f.vault->writer_db, "SELECT count(*) FROM message"), &left), LL_OK);
    assert_int_equal(left, 0);
    fixture_fini(&f);
}

/* One damaged message: it says so, and is the only one (invariant 8). */
static void test_damage(void **state)
{
    (void)state;
    fixture f;
    client c;
    text report;
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", "first", 0, NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "second", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    db *d = f.vault->writer_db;
    assert_int_equal(db_exec(d, "UPDATE message SET head = x'00' WHERE id = 1"), LL_OK);
    assert_int_equal(client_read(&c, 1, 0, 10), LL_ECORRUPT);
    assert_int_equal(client_read(&c, 2, 0, 10), LL_OK);
    assert_int_equal(db_exec(d, "UPDATE mailbox SET unseen = 7 WHERE name = 'INBOX'"), LL_OK);
    text_init(&report, NULL, 4096);
    assert_int_equal(vault_check(f.path, f.key, &report), LL_ECORRUPT);
    assert_non_null(strstr(text_str(&report), "message: content cannot be read: at 1"));
    assert_non_null(strstr(text_str(&report), "mailbox: unseen, rows: at 1 found 7, want 2"));
    text_fini(&report);
    assert_int_equal(db_exec(d, "UPDATE message SET head = CAST('first' AS BLOB) WHERE id = 1"), LL_OK);
    assert_int_equal(db_exec(d, "UPDATE mailbox SET unseen = 2 WHERE name = 'INBOX'"), LL_OK);
    client_fini(&c);
    fixture_fini(&f);
}

/* A file whole, into memory that the caller frees, or back. */
static char *whole_file(const char *path, size_t *size, const char *bytes)
{
    FILE *file = fopen(path, bytes ? "wb" : "rb");
    assert_non_null(file);
    if (bytes) {
        assert_int_equal(fwrite(bytes, 1, *size, file), *size);
        assert_int_equal(fclose(file), 0);
        return NULL;
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *out = malloc(*size);
    assert_int_equal(fread(out, 1, *size, file), *size);
    (void)fclose(file);
    return out;
}

/* Every rule of the check, broken. What is changed by each statement is put back from a copy of the file. */
static void test_check_rules(void **state)
{
    static const char *const broken[][2] = {
        {"UPDATE mailbox SET messages = messages + 1 WHERE name = 'INBOX'", "mailbox: messages, rows"},
        {"UPDATE mailbox SET deleted = 9 WHERE name = 'INBOX'", "mailbox: deleted, rows"},
        {"UPDATE mailbox SET bytes = 9 WHERE name = 'INBOX'", "mailbox: bytes, rows"},
        {"UPDATE mailbox SET deleted_bytes = 9 WHERE name = 'INBOX'", "mailbox: deleted_bytes, rows"},
        {"UPDATE mailbox SET uidnext = 2 WHERE name = 'INBOX'", "mailbox: uidnext, highest uid"},
        {"INSERT INTO vanished SELECT id, 1, 90, 99 FROM mailbox WHERE name = 'INBOX'", "highest vanished uid"},
        {"UPDATE mailbox SET modseq = 1 WHERE name = 'INBOX'", "mailbox: modseq, highest of its entries"},
        {"UPDATE mailbox SET modseq = 1 WHERE name = 'INBOX'", "changed: modseq, its mailbox's"},
        {"DELETE FROM changed WHERE modseq = (SELECT max(modseq) FROM entry)", "entry: modseq, not in the log"},
        {"UPDATE changed SET uid_first = uid_first + 7, uid_last = uid_last + 7", "entry: modseq, not in the log"},
        {"UPDATE mailbox SET modseq = 99999999 WHERE name = 'INBOX'", "mailbox: modseq, the vault's"},
        {"UPDATE mailbox SET uidvalidity = 4294967295 WHERE name = 'INBOX'", "mailbox: uidvalidity, the vault's"},
        {"UPDATE meta SET value = 1 WHERE key = 'bytes'", "vault: bytes"},
        {"UPDATE meta SET value = 1 WHERE key = 'messages'", "vault: messages"},
        {"UPDATE message SET refs = 7 WHERE id = 1", "message: refs, rows"},
        {"PRAGMA foreign_keys = 0; DELETE FROM message WHERE id = 2", "entry: no such message"},
        {"UPDATE entry SET size = 1 WHERE uid = 1", "entry: size, the message's"},
        {"UPDATE piece SET size = 1", "message: size, its head and pieces"},
        {"PRAGMA foreign_keys = 0; DELETE FROM part", "piece: no such part"},
        {"UPDATE sqlite_sequence SET seq = 1", "message: last number given"},
        {"UPDATE part SET refs = 7", "part: refs, rows"},
        {"DELETE FROM chunk", "part: content cannot be read"},
        {"UPDATE part SET hash = zeroblob(32)", "part: hash, its content's"},
    };
    (void)state;
    fixture f;
    client c;
    char body[30000] = "a: b\r\n\r\n";
    size_t size;
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (size_t i = 8; i < sizeof body - 1; i++)
        body[i] = (char)('!' + random() % 90);
    for (int i = 0; i < 3; i++)
        assert_int_equal(client_append(&c, "INBOX", body, F(DELETED), NULL), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    fixture_check(&f);
    char *bytes = whole_file(f.path, &size, NULL);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        db *d;
        text report;
        text_init(&report, NULL, 1 << 16);
        assert_int_equal(db_open(&d, f.path, f.key, 0, NULL), LL_OK);
        if (db_exec(d, broken[i][0]))
            fail_msg("%s", broken[i][0]);
        db_close(&d);
        ll_status status = vault_check(f.path, f.key, &report);
        if (status == LL_OK || !strstr(text_str(&report), broken[i][1]))
            fail_msg("%s: %s: %s", broken[i][0], ll_status_name(status), text_str(&report));
        text_fini(&report);
        whole_file(f.path, &size, bytes);
    }
    free(bytes);
    fixture_fini(&f);
}

/* What is changed in test_old_page, twice. */
static void change_some(client *c, int from)
{
    ll_range range = {(uint32_t)from, (uint32_t)from + 2}, *few = &range;
    char body[9000];
    for (int n = 0; n < 12; n++) {
        int size = snprintf(body, sizeof body, "Message-ID: <%d@x>\r\nSubject: number %d\r\n\r\n", from + n, from + n);
        for (size_t i = (size_t)size; i < sizeof body - 1; i++)
            body[i] = i % 5 ? (char)('a' + random() % 26) : ' ';
        body[n % 2 ? 400 : sizeof body - 1] = 0;
        assert_int_equal(client_append(c, "INBOX", body, 0, NULL), LL_OK);
    }
    assert_int_equal(client_open(c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(c, store, c->mailbox, few, 1, LL_FLAGS_ADD, F(FLAGGED), NULL, 0), LL_OK);
    assert_int_equal(ASK(c, copy, c->mailbox, few, 1, SPAN("Archive"), false), LL_OK);
    assert_int_equal(ASK(c, store, c->mailbox, few, 1, LL_FLAGS_ADD, F(DELETED), NULL, 0), LL_OK);
    assert_int_equal(client_expunge(c, range.first, range.first), LL_OK);
    client_close(c);
}

/* An old page in its own place authenticates: a disk that loses a write leaves one. But counters, references, the log
 * of changes or the index do not fit then. But `held` is empty both times, and nothing tells what `vanished` has lost.
 */
static void test_old_page(void **state)
{
    (void)state;
    fixture f;
    client c;
    size_t size, size_old, found = 0;
    fixture_init(&f, 0);
    char *file[2];
    for (int n = 0; n < 2; n++) {
        client_init(&c, &f);
        change_some(&c, 1 + 12 * n);
        client_fini(&c);
        fixture_close(&f);
        file[n] = whole_file(f.path, n ? &size : &size_old, NULL);
        fixture_open(&f);
    }
    fixture_close(&f);
    for (size_t at = 0; at + DB_PAGE <= size && at + DB_PAGE <= size_old; at += DB_PAGE) {
        char now[DB_PAGE];
        if (!memcmp(file[0] + at, file[1] + at, DB_PAGE))
            continue;
        memcpy(now, file[1] + at, DB_PAGE);
        memcpy(file[1] + at, file[0] + at, DB_PAGE);
        whole_file(f.path, &size, file[1]);
        memcpy(file[1] + at, now, DB_PAGE);
        if (vault_check(f.path, f.key, NULL)) {
            found++;
            continue;
        }
        db *d;
        assert_int_equal(db_open(&d, f.path, f.key, DB_READONLY, NULL), LL_OK);
        db_stmt *q = db_prepare(d, "SELECT 1 FROM sqlite_master WHERE rootpage = ?1 AND name IN ('held', 'vanished')");
        db_bind_int(q, 1, (int64_t)(at / DB_PAGE) + 1);
        if (db_first(q))
            fail_msg("page %zu is old, and the check does not see it", at / DB_PAGE + 1);
        db_reset(q);
        db_close(&d);
    }
    assert_true(found >= 10);
    whole_file(f.path, &size, file[1]);
    free(file[0]);
    free(file[1]);
    fixture_fini(&f);
}

enum { HELD = 100 };

/* All of INBOX was expunged, and the power went before it was freed. */
static void fill_held(fixture *f)
{
    client c;
    char body[3000] = "a: b\r\n\r\n";
    client_init(&c, f);
    for (size_t n = 0; n < HELD; n++) {
        for (size_t i = 8; i < sizeof body - 1; i++)
            body[i] = (char)('!' + random() % 90);
        assert_int_equal(client_append(&c, "INBOX", body, 0, NULL), LL_OK);
    }
    client_fini(&c);
    fixture_close(f);
    db *d;
    assert_int_equal(db_open(&d, f->path, f->key, 0, NULL), LL_OK);
    assert_int_equal(
        db_exec(d, "INSERT INTO held(mailbox, uid, message, modseq, internaldate, savedate, size, flags, keywords, "
                   "sent) SELECT mailbox, uid, message, modseq, internaldate, savedate, size, flags, keywords, sent "
                   "FROM entry; DELETE FROM entry; UPDATE mailbox SET messages = 0, unseen = 0, bytes = 0; UPDATE meta "
                   "SET value = 0 WHERE key IN ('messages', 'bytes')"),
        LL_OK);
    db_close(&d);
}

/* Opened, so that what is held is freed, and closed. How many are left; HELD + 1: it cannot be opened, or they cannot
 * be counted. */
static int64_t left_held(fixture *f)
{
    db *d;
    int64_t left = HELD + 1;
    if (vault_open(&f->vault, &f->config, f->alias, f->path, f->key, f->quota, NULL))
        return left;
    fixture_close(f);
    if (!db_open(&d, f->path, f->key, DB_READONLY, NULL)) {
        if (db_take_int(db_prepare(d, "SELECT count(*) FROM held"), &left))
            left = HELD + 1;
        db_close(&d);
    }
    return left;
}

/* A page that cannot be read keeps the messages that have a part in it, and no others (invariant 8). */
static void test_purge_damage(void **state)
{
    (void)state;
    fixture f;
    size_t size, alone = 0, all = 0;
    fixture_init(&f, 1);
    fill_held(&f);
    char *bytes = whole_file(f.path, &size, NULL);
    for (size_t page = 1; page < size / DB_PAGE; page++) {
        bytes[page * DB_PAGE + 5000] ^= 1;
        whole_file(f.path, &size, bytes);
        bytes[page * DB_PAGE + 5000] ^= 1;
        int64_t left = left_held(&f);
        alone += left > 0 && left < HELD;
        all += left == HELD;
    }
    print_message("%zu pages: %zu keep some, %zu all\n", size / DB_PAGE, alone, all);
    assert_true(alone >= HELD / 4);
    assert_true(all <= alone);
    whole_file(f.path, &size, bytes);
    assert_int_equal(left_held(&f), 0);
    free(bytes);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_errors),   cmocka_unit_test(test_reopen),
        cmocka_unit_test(test_group_commit),  cmocka_unit_test(test_batch_with_failure),
        cmocka_unit_test(test_kill),          cmocka_unit_test(test_model),
        cmocka_unit_test(test_model_threads), cmocka_unit_test(test_purge_many),
        cmocka_unit_test(test_damage),        cmocka_unit_test(test_open_leaves_the_writer),
        cmocka_unit_test(test_purge_damage),  cmocka_unit_test(test_check_rules),
        cmocka_unit_test(test_old_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
