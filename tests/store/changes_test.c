/* changes_test.c - what the connector remembers for CONDSTORE, QRESYNC and NOTIFY: changes, store_if, survey, watch.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

static int workers;

static bool has_only(const uidset *set, const uint32_t *uids, size_t count)
{
    if (!set)
        return count == 0;
    for (size_t i = 0; i < count; i++)
        if (!uidset_has(set, uids[i]))
            return false;
    return uidset_count(set) == count;
}

#define UIDS(...)        (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)
#define EXPECT(set, ...) assert_true(has_only(c.call->set, UIDS(__VA_ARGS__)))

static uint64_t modseq_of(client *c)
{
    client_latest(c);
    return ll_view_modseq(c->view);
}

static ll_status store_if(client *c, ll_range range, unsigned flags, uint64_t since)
{
    ll_range *ranges = &range;
    return ASK(c, store_if, c->mailbox, ranges, 1, LL_FLAGS_ADD, flags, NULL, 0, since);
}

/* Which of a hundred messages go, of ranges near and far: those named, and of EXPUNGE those that have \Deleted. What
 * lies between two ranges stays, whatever flags it has. */
static void remove_some(client *c, const ll_range *ranges, size_t count, bool move)
{
    enum { messages = 100 };
    uint32_t first = 0, uid;
    for (uint32_t i = 0; i < messages; i++) {
        assert_int_equal(client_append(c, "INBOX", "a: b\r\n\r\n", i % 5 ? F(DELETED) : 0, &uid), LL_OK);
        first = first ? first : uid;
    }
    assert_int_equal(client_open(c, "INBOX", false), LL_OK);
    uint64_t start = modseq_of(c);
    ll_range named[8];
    for (size_t i = 0; i < count; i++)
        named[i] = (ll_range){first + ranges[i].first, first + ranges[i].last};
    ll_status status = move ? ASK(c, copy, c->mailbox, named, count, SPAN("Archive"), true)
                            : ASK(c, expunge, c->mailbox, named, count);
    assert_int_equal(status, LL_OK);
    client_latest(c);
    unsigned gone = 0;
    assert_int_equal(ASK(c, changes, c->mailbox, start), LL_OK);
    for (uint32_t i = 0; i < messages; i++) {
        bool in = false;
        for (size_t k = 0; k < count; k++)
            in = in || (i >= ranges[k].first && i <= ranges[k].last);
        bool goes = in && (move || i % 5);
        gone += goes;
        assert_int_equal(ll_view_has(c->view, first + i), !goes);
        assert_int_equal(c->call->vanished && uidset_has(c->call->vanished, first + i), goes);
    }
    assert_int_equal(ASK(c, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(c->call->numbers.messages, messages - gone);
    assert_int_equal(c->call->numbers.bytes, (messages - gone) * 8);
    if (move)
        assert_int_equal(ASK(c, status, SPAN("Archive")), LL_OK);
    assert_int_equal(c->call->numbers.messages, move ? gone : messages - gone);
}

static void test_ranges(void **state)
{
    (void)state;
    static const ll_range ranges[] = {{0, 3}, {5, 5}, {7, 7}, {9, 9}, {11, 30}, {70, 70}, {72, 73}, {99, 300}};
    for (int n = 0; n < 4; n++) {
        fixture f;
        client c;
        fixture_init(&f, workers);
        client_init(&c, &f);
        remove_some(&c, ranges, n < 2 ? 8 : 3, n % 2);
        client_fini(&c);
        fixture_fini(&f);
    }
}

static void test_changes(void **state)
{
    (void)state;
    fixture f;
    client c;
    fixture_init(&f, workers);
    client_init(&c, &f);
    for (int i = 0; i < 6; i++)
        assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    uint64_t start = modseq_of(&c);
    assert_int_equal(ASK(&c, changes, c.mailbox, start), LL_OK);
    assert_null(c.call->changed);
    assert_null(c.call->vanished);

    assert_int_equal(client_store(&c, 2, 4, LL_FLAGS_ADD, F(DELETED)), LL_OK);
    uint64_t stored = modseq_of(&c);
    assert_true(stored > start);
    assert_int_equal(client_store(&c, 2, 4, LL_FLAGS_ADD, F(DELETED)), LL_OK); /* changes nothing */
    assert_int_equal(modseq_of(&c), stored);
    assert_int_equal(client_expunge(&c, 3, 4), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(ASK(&c, changes, c.mailbox, start), LL_OK);
    EXPECT(changed, 2, 7);
    EXPECT(vanished, 3, 4);
    assert_int_equal(ASK(&c, changes, c.mailbox, stored), LL_OK);
    EXPECT(changed, 7);
    EXPECT(vanished, 3, 4);
    assert_int_equal(ASK(&c, changes, c.mailbox, (uint64_t)0), LL_OK);
    EXPECT(changed, 1, 2, 5, 6, 7);

    /* after the vault was closed */
    client_fini(&c);
    fixture_close(&f);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&c, changes, c.mailbox, stored), LL_OK);
    EXPECT(changed, 7);
    EXPECT(vanished, 3, 4);

    assert_int_equal(store_if(&c, (ll_range){1, 7}, F(FLAGGED), start), LL_OK);
    EXPECT(refused, 2, 7);
    uint64_t now = modseq_of(&c);
    assert_int_equal(ASK(&c, changes, c.mailbox, now - 1), LL_OK);
    EXPECT(changed, 1, 5, 6);
    assert_int_equal(store_if(&c, (ll_range){1, 7}, F(SEEN), (uint64_t)0), LL_OK);
    EXPECT(refused, 1, 2, 5, 6, 7);
    assert_int_equal(modseq_of(&c), now);
    client_fini(&c);
    fixture_fini(&f);
}

static int64_t log_rows(fixture *f, const char *fill)
{
    db *d;
    int64_t rows = 0;
    assert_int_equal(db_open(&d, f->path, f->key, 0, NULL), LL_OK);
    if (fill)
        assert_int_equal(db_exec(d, fill), LL_OK);
    assert_int_equal(db_take_int(db_prepare(d, "SELECT count(*) FROM changed"), &rows), LL_OK);
    db_close(&d);
    return rows;
}

/* A job of many ranges leaves few rows; they reach too far, and what is told does not. */
static void test_log_scattered(void **state)
{
    (void)state;
    fixture f;
    client c;
    ll_range odd[50], *ranges = odd;
    fixture_init(&f, workers);
    client_init(&c, &f);
    for (int i = 0; i < 100; i++)
        assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    uint64_t start = modseq_of(&c);
    for (uint32_t i = 0; i < 50; i++)
        odd[i] = (ll_range){2 * i + 1, 2 * i + 1};
    assert_int_equal(ASK(&c, store, c.mailbox, ranges, 50, LL_FLAGS_ADD, F(SEEN), NULL, 0), LL_OK);
    assert_int_equal(ASK(&c, changes, c.mailbox, start), LL_OK);
    assert_int_equal(uidset_count(c.call->changed), 50);
    for (uint32_t i = 0; i < 50; i++)
        assert_true(uidset_has(c.call->changed, 2 * i + 1));
    for (uint32_t uid = 1; uid <= 100; uid++) { /* one range of the question, as many jumps among the rows */
        ll_flags flags = {0};
        client_latest(&c);
        assert_true(ll_view_flags(c.view, uid, &flags));
        assert_int_equal(ll_flags_has(&flags, LL_FLAG_SEEN), uid % 2);
    }
    assert_int_equal(client_store(&c, 1, 100, LL_FLAGS_ADD, F(SEEN) | F(FLAGGED)), LL_OK);
    assert_int_equal(client_store(&c, 2, 100, LL_FLAGS_REMOVE, F(SEEN)), LL_OK);
    uint64_t late = modseq_of(&c) - 1;
    assert_int_equal(ASK(&c, changes, c.mailbox, late), LL_OK);
    assert_int_equal(uidset_count(c.call->changed), 99);
    client_fini(&c);
    fixture_close(&f);
    assert_true(log_rows(&f, NULL) <= 100 + 32 + 2);
    fixture_open(&f);
    fixture_check(&f);
    fixture_fini(&f);
}

/* The log is cut, and who asks for what was cut off is told all the same. */
static void test_log_bounded(void **state)
{
    (void)state;
    fixture f;
    client c;
    fixture_init(&f, workers);
    client_init(&c, &f);
    for (int i = 0; i < 4; i++)
        assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    uint64_t start = modseq_of(&c);
    assert_int_equal(client_store(&c, 3, 4, LL_FLAGS_ADD, F(SEEN)), LL_OK);
    client_fini(&c);
    fixture_close(&f);
    assert_true(log_rows(&f, "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
                             "INSERT INTO changed SELECT m.id, i, 2, 2 FROM n, mailbox m WHERE m.name = 'INBOX';"
                             "UPDATE mailbox SET modseq = 10000 WHERE name = 'INBOX';"
                             "UPDATE entry SET modseq = 10000 WHERE uid = 2;"
                             "UPDATE meta SET value = max(value, 10000) WHERE key = 'modseq'") > 9000);
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_store(&c, 1, 1, LL_FLAGS_ADD, F(FLAGGED)), LL_OK);
    assert_int_equal(ASK(&c, changes, c.mailbox, start), LL_OK);
    EXPECT(changed, 1, 2, 3, 4);
    assert_int_equal(ASK(&c, changes, c.mailbox, (uint64_t)9999), LL_OK);
    EXPECT(changed, 1, 2);
    assert_int_equal(ASK(&c, changes, c.mailbox, (uint64_t)10000), LL_OK);
    EXPECT(changed, 1);
    client_fini(&c);
    fixture_close(&f);
    int64_t left = log_rows(&f, NULL);
    assert_true(left >= 4096 && left < 4200);
    fixture_open(&f);
    fixture_check(&f);
    fixture_fini(&f);
}

/* ------------------------------------------------------------------------------------------------ Against a scan */

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* What CHANGEDSINCE is told, and what a plain look at every entry says. */
static void compare_with_scan(fixture *f, client *c, int64_t mailbox, uint64_t since)
{
    assert_int_equal(ASK(c, changes, c->mailbox, since), LL_OK);
    uint64_t told = c->call->changed ? uidset_count(c->call->changed) : 0, count = 0;
    db_stmt *q = db_prepare(f->vault->writer_db, "SELECT uid FROM entry WHERE +mailbox = ?1 AND +modseq > ?2");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, (int64_t)since);
    ll_status status;
    for (; (status = db_step(q)) == LL_MORE; count++)
        assert_true(c->call->changed && uidset_has(c->call->changed, (uint32_t)db_column_int(q, 0)));
    assert_int_equal(status, LL_OK);
    assert_int_equal(told, count);
}

static int64_t number_of(fixture *f, const char *name)
{
    int64_t id = 0;
    db_stmt *q = db_prepare(f->vault->writer_db, "SELECT id FROM mailbox WHERE name = ?1");
    db_bind_text(q, 1, span_str(name));
    assert_int_equal(db_take_int(q, &id), LL_OK);
    return id;
}

/* Of some entry, or of some row of the log. */
static uint64_t some_modseq(fixture *f, int64_t mailbox, uint64_t *state)
{
    int64_t modseq = 1;
    db *d = f->vault->writer_db;
    bool log = next_random(state) % 2;
    db_stmt *q = log ? db_prepare(d, "SELECT modseq FROM changed WHERE mailbox = ?1 ORDER BY modseq LIMIT 1 OFFSET ?2 "
                                     "% (SELECT max(count(*), 1) FROM changed WHERE mailbox = ?1)")
                     : db_prepare(d, "SELECT modseq FROM entry WHERE mailbox = ?1 ORDER BY uid LIMIT 1 OFFSET ?2 "
                                     "% (SELECT max(count(*), 1) FROM entry WHERE mailbox = ?1)");
    db_bind_int(q, 1, mailbox);
    db_bind_int(q, 2, (int64_t)next_random(state));
    ll_status status = db_take_int(q, &modseq);
    assert_true(!status || status == LL_ENOTFOUND);
    return (uint64_t)modseq;
}

/* All mailboxes, at mod-sequences from before the first change to after the last. */
static void compare_all(fixture *f, client *c, uint64_t *state)
{
    static const char *const names[] = {"INBOX", "Other"};
    for (size_t i = 0; i < 2; i++) {
        client_close(c);
        assert_int_equal(client_open(c, names[i], false), LL_OK);
        int64_t mailbox = number_of(f, names[i]);
        uint64_t now = ll_view_modseq(c->view);
        compare_with_scan(f, c, mailbox, 0);
        compare_with_scan(f, c, mailbox, now);
        for (int n = 0; n < 6; n++)
            compare_with_scan(f, c, mailbox, some_modseq(f, mailbox, state) - (uint64_t)n % 2);
    }
}

/* Ranges all over the mailbox: a few long ones, or more than one job may log. */
static size_t scattered(client *c, ll_range *ranges, size_t room, uint64_t *state)
{
    uint32_t uid = 1, next = ll_view_uidnext(c->view);
    uint64_t step = 1 + next_random(state) % 40, size = next_random(state) % 4;
    size_t count = 0;
    uid += (uint32_t)(next_random(state) % next);
    for (; uid < next && count < room; uid += 1 + (uint32_t)(next_random(state) % step)) {
        ranges[count].first = uid;
        ranges[count++].last = uid += (uint32_t)size;
        uid++;
    }
    return count;
}

static void random_change(client *c, uint64_t *state)
{
    static const unsigned flags[] = {F(SEEN), F(FLAGGED), F(DELETED), F(SEEN) | F(ANSWERED)};
    enum { most = 120 };
    ll_range list[most], *ranges = list;
    ll_span keywords[2] = {SPAN("one"), SPAN("two")}, *k = keywords;
    size_t count = scattered(c, list, most, state), few = count > 3 ? 3 : count;
    unsigned what = (unsigned)(next_random(state) % 16);
    ll_status status = LL_OK;
    bool inbox = next_random(state) % 2;
    if (what < 9 && count)
        status = ASK(c, store, c->mailbox, ranges, count, (ll_flags_op)(what % 3), flags[next_random(state) % 4], k,
                     next_random(state) % 3);
    else if (what < 11 && few) /* often into the same mailbox */
        status = ASK(c, copy, c->mailbox, ranges, few, inbox ? SPAN("INBOX") : SPAN("Other"), what == 10);
    else if (what == 11 && few)
        status = ASK(c, expunge, c->mailbox, ranges, few);
    else if (what == 12) /* more than it may append, or to nowhere: undone */
        assert_int_equal(ASK(c, copy, c->mailbox, ranges, count ? count : 1, SPAN("Nowhere"), true), LL_ETRYCREATE);
    else
        for (int i = 0; !status && i < 20; i++)
            status = client_append(c, inbox ? "INBOX" : "Other", "a: b\r\n\r\nc\r\n", flags[i % 4], NULL);
    assert_int_equal(status, LL_OK);
    assert_true(client_latest(c));
    client_told(c);
}

static void reopened(fixture *f, client *c)
{
    client_fini(c);
    fixture_close(f);
    fixture_check(f);
    fixture_open(f);
    client_init(c, f);
}

/* Thousands of changes, with a log that is cut several times, and everything that moves messages. */
static void test_log_random(void **state)
{
    (void)state;
    enum { changes = 2400 };
    if (workers)
        return; /* it looks at the writer's connection */
    fixture f;
    client c;
    uint64_t seed = 11;
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(ASK(&c, create, SPAN("Other"), 0), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (unsigned n = 1; n <= changes; n++) {
        if (n % 10 == 0) {
            client_close(&c);
            assert_int_equal(client_open(&c, n / 10 % 3 ? "INBOX" : "Other", false), LL_OK);
        }
        random_change(&c, &seed);
        if (n == changes / 2) { /* as RFC 3501 section 6.3.5 has it: INBOX stays, its messages go */
            client_close(&c);
            assert_int_equal(ASK(&c, remove, SPAN("Other")), LL_OK);
            assert_int_equal(ASK(&c, rename, SPAN("INBOX"), SPAN("Other")), LL_OK);
        }
        if (n % (changes / 8) == 0)
            reopened(&f, &c);
        if (n % 60 == 0 || n == changes / 2)
            compare_all(&f, &c, &seed);
    }
    client_fini(&c);
    fixture_close(&f);
    int64_t rows = log_rows(&f, NULL);
    assert_true(rows < 2 * (2 * 4096 + 1024) + 64);
    assert_true(log_rows(&f, "DELETE FROM changed WHERE uid_first > 0") >= 1); /* it was cut */
    keyring_del(&f.keyring);
    secret_arena_del(&f.arena);
    scratch_fini(&f.scratch);
}

static const call_survey *surveyed(const client *c, const char *name)
{
    for (size_t i = 0; i < c->call->surveys_count; i++)
        if (span_equal(c->call->surveys[i].one.mailbox.name, span_str(name)))
            return &c->call->surveys[i];
    return NULL;
}

static void test_survey(void **state)
{
    (void)state;
    fixture f;
    client c, other;
    fixture_init(&f, workers);
    client_init(&c, &f);
    client_init(&other, &f);
    assert_int_equal(ASK(&other, create, SPAN("Old"), 0), LL_OK);
    assert_int_equal(ASK(&other, subscribe, SPAN("Old"), true), LL_OK);
    assert_int_equal(client_append(&other, "Old", "a: b\r\n\r\n", 0, NULL), LL_OK);
    fixture_pump_ready(&f);
    assert_int_equal(c.notified, 0);
    assert_int_equal(ASK(&c, survey, true), LL_OK);
    const call_survey *one = surveyed(&c, "Old");
    assert_non_null(one);
    assert_int_equal(one->one.mailbox.attributes, LL_MAILBOX_SUBSCRIBED);
    assert_int_equal(one->one.numbers.messages, 1);
    assert_int_equal(one->one.numbers.uidnext, 2);
    assert_int_equal(one->entries_count, 0);
    assert_non_null(surveyed(&c, "INBOX"));
    assert_non_null(surveyed(&c, ""));
    char id[64];
    size_t id_size = one->one.id.size;
    memcpy(id, one->one.id.data, id_size);
    assert_int_equal(ASK(&c, status, SPAN("Old")), LL_OK);
    assert_true(span_equal(c.call->mailbox_id, span_of(id, id_size)));

    c.methods->watch(c.self, true);
    c.methods->watch(c.self, true);
    assert_int_equal(ASK(&other, rename, SPAN("Old"), SPAN("New")), LL_OK);
    fixture_pump_ready(&f);
    assert_true(c.notified > 0);
    assert_int_equal(other.notified, 0);
    ll_metadata entry = {SPAN("/shared/comment"), SPAN("hi")};
    assert_int_equal(ASK(&other, metadata_set, SPAN("New"), &entry, 1), LL_OK);
    assert_int_equal(ASK(&c, survey, true), LL_OK);
    one = surveyed(&c, "New");
    assert_non_null(one);
    assert_true(span_equal(one->one.id, span_of(id, id_size)));
    assert_int_equal(one->entries_count, 1);
    assert_true(span_equal(c.call->survey_entries[one->entries_at].name, entry.entry));
    uint64_t version = c.call->survey_entries[one->entries_at].version;
    assert_int_equal(ASK(&other, metadata_set, SPAN("New"), &entry, 1), LL_OK);
    assert_int_equal(ASK(&c, survey, true), LL_OK);
    one = surveyed(&c, "New");
    assert_non_null(one);
    assert_int_not_equal(c.call->survey_entries[one->entries_at].version, version);
    assert_int_equal(ASK(&c, survey, false), LL_OK);
    assert_int_equal(c.call->survey_entries_count, 0);

    c.methods->watch(c.self, false);
    fixture_pump_ready(&f);
    c.notified = 0;
    assert_int_equal(ASK(&other, create, SPAN("More"), 0), LL_OK);
    fixture_pump_ready(&f);
    assert_int_equal(c.notified, 0);
    c.methods->watch(c.self, true); /* and leaves while it watches */
    client_fini(&c);
    assert_int_equal(ASK(&other, create, SPAN("Most"), 0), LL_OK);
    client_fini(&other);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes),     cmocka_unit_test(test_log_scattered),
                                       cmocka_unit_test(test_log_bounded), cmocka_unit_test(test_log_random),
                                       cmocka_unit_test(test_ranges),      cmocka_unit_test(test_survey)};
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    workers = 2;
    return failed + cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
