/* connector_test.c - every method of the vault's connector, at once and through threads.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

#include "mime/index.h"

static int workers; /* of the fixture: the whole list of tests runs twice */

static void start(fixture *f, client *c)
{
    fixture_init(f, workers);
    client_init(c, f);
}

static void stop(fixture *f, client *c)
{
    client_fini(c);
    fixture_fini(f);
}

static unsigned attributes_of(client *c, const char *name, bool *there)
{
    assert_int_equal(ASK(c, list), LL_OK);
    *there = false;
    for (size_t i = 0; i < c->call->mailboxes_count; i++) {
        if (span_equal(c->call->mailboxes[i].name, span_str(name))) {
            *there = true;
            return c->call->mailboxes[i].attributes;
        }
    }
    return 0;
}

static bool listed(client *c, const char *name)
{
    bool there;
    attributes_of(c, name, &there);
    return there;
}

static void test_new_vault(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned attributes;
    } want[] = {
        {"INBOX", LL_MAILBOX_SUBSCRIBED},
        {"Archive", LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_ARCHIVE},
        {"Drafts", LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_DRAFTS},
        {"Junk", LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_JUNK},
        {"Sent", LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_SENT},
        {"Trash", LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_TRASH},
    };
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(ASK(&c, list), LL_OK);
    assert_int_equal(c.call->mailboxes_count, sizeof want / sizeof *want);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(span_equal(c.call->mailboxes[i].name, span_str(want[i].name)));
        assert_int_equal(c.call->mailboxes[i].attributes, want[i].attributes);
    }
    assert_int_equal(vault_create(f.path, f.key, f.alias, f.drop_public, f.drop_secret, NULL), LL_EEXISTS);
    stop(&f, &c);
}

static void test_append_fetch_read(void **state)
{
    (void)state;
    static const char message[] = "Subject: hello\r\nContent-Type: text/plain\r\n\r\nbody\r\n";
    ll_span keywords[] = {SPAN("$Forwarded"), SPAN("a,b")};
    fixture f;
    client c;
    uint32_t uid = 0;
    start(&f, &c);
    assert_int_equal(
        client_append_full(&c, "INBOX", span_str(message), F(SEEN) | F(FLAGGED), keywords, 2, 1234567890, &uid), LL_OK);
    assert_int_equal(uid, 1);
    assert_int_equal(client_append_full(&c, "INBOX", span_str(message), 0, NULL, 0, INT64_MIN, &uid), LL_OK);
    assert_int_equal(uid, 2);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(ll_view_count(c.view), 2);
    assert_int_equal(ll_view_uidnext(c.view), 3);
    assert_int_equal(ll_view_unseen(c.view), 1);
    assert_int_equal(ll_view_keywords(c.view), 2);
    assert_true(span_equal(ll_view_keyword(c.view, 1), SPAN("a,b")));
    ll_flags flags;
    assert_true(ll_view_flags(c.view, 1, &flags));
    assert_int_equal(flags.bits[0], F(SEEN) | F(FLAGGED) | 3u << LL_FLAG_KEYWORD);

    assert_int_equal(client_fetch(&c, 1, 100, 10, LL_WANT_INDEX), LL_OK);
    assert_int_equal(c.call->rows_count, 2);
    assert_int_equal(c.call->rows[0].uid, 1);
    assert_int_equal(c.call->rows[0].internaldate, 1234567890);
    assert_int_equal(c.call->rows[1].internaldate, f.now);
    assert_int_equal(c.call->rows[0].size, sizeof message - 1);
    assert_true(c.call->rows[1].modseq > c.call->rows[0].modseq);
    mime_index *index;
    assert_int_equal(mime_index_open(&index, NULL, c.call->rows[0].index), LL_OK);
    assert_true(span_equal(mime_index_root(index)->envelope->subject, SPAN("hello")));
    mime_index_del(&index);
    assert_int_equal(client_fetch(&c, 1, 100, 1, 0), LL_OK);
    assert_int_equal(c.call->rows_count, 1);
    assert_int_equal(c.call->rows[0].index.size, 0);

    assert_int_equal(client_read(&c, 1, 0, 1000), LL_OK);
    assert_true(span_equal(call_read(c.call), span_str(message)));
    assert_int_equal(client_read(&c, 1, 9, 5), LL_OK);
    assert_true(span_equal(call_read(c.call), SPAN("hello")));
    assert_int_equal(client_read(&c, 1, 1000, 5), LL_OK);
    assert_int_equal(call_read(c.call).size, 0);
    assert_int_equal(client_read(&c, 3, 0, 5), LL_ENOTFOUND);

    assert_int_equal(ASK(&c, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(c.call->numbers.messages, 2);
    assert_int_equal(c.call->numbers.unseen, 1);
    assert_int_equal(c.call->numbers.recent, 2);
    assert_int_equal(c.call->numbers.uidnext, 3);
    assert_int_equal(c.call->numbers.bytes, 2 * (sizeof message - 1));
    assert_int_equal(c.call->numbers.uidvalidity, ll_view_uidvalidity(c.view));
    assert_int_equal(c.call->numbers.highest_modseq, ll_view_modseq(c.view));
    assert_int_equal(ASK(&c, status, SPAN("nowhere")), LL_ENOTFOUND);
    assert_int_equal(client_append(&c, "nowhere", message, 0, NULL), LL_ETRYCREATE);
    assert_int_equal(client_open(&c, "nowhere", false), LL_ENOTFOUND);
    stop(&f, &c);
}

/* A message of several chunks, and beyond what a spool keeps in memory: to the byte, from any offset (invariant 2). */
static void test_large(void **state)
{
    (void)state;
    fixture f;
    client c;
    uint32_t uid = 0;
    size_t size = 3 * 131072 + 1000;
    char *message = malloc(size);
    assert_non_null(message);
    for (size_t i = 0; i < size; i++)
        message[i] = (char)(i * 7 + i / 251);
    start(&f, &c);
    assert_int_equal(client_append_full(&c, "INBOX", span_of(message, size), 0, NULL, 0, 0, &uid), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", true), LL_OK);
    static const struct {
        uint64_t offset;
        size_t length;
    } reads[] = {{0, 1}, {0, 131072}, {131071, 2}, {131072, 131072}, {100000, 250000}, {393216, 5000}, {0, 1000000}};
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        size_t want = size - reads[i].offset < reads[i].length ? (size_t)(size - reads[i].offset) : reads[i].length;
        assert_int_equal(client_read(&c, uid, reads[i].offset, reads[i].length), LL_OK);
        assert_int_equal(call_read(c.call).size, want);
        assert_memory_equal(call_read(c.call).data, message + reads[i].offset, want);
    }
    assert_int_equal(client_append(&c, "INBOX", "", 0, &uid), LL_OK); /* empty */
    assert_int_equal(client_read(&c, uid, 0, 10), LL_OK);
    assert_int_equal(call_read(c.call).size, 0);
    free(message);
    stop(&f, &c);
}

static void test_store(void **state)
{
    (void)state;
    ll_span keywords[] = {SPAN("$Work"), SPAN("$work"), SPAN("x")};
    ll_range ranges[] = {{1, 2}, {4, 4}};
    fixture f;
    client c;
    ll_flags flags;
    start(&f, &c);
    for (int i = 0; i < 4; i++)
        assert_int_equal(client_append(&c, "INBOX", "x", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    uint64_t before = ll_view_modseq(c.view);
    assert_int_equal(ASK(&c, store, c.mailbox, ranges, 2, LL_FLAGS_ADD, F(SEEN) | F(DELETED), keywords, 3), LL_OK);
    assert_true(client_latest(&c));
    assert_true(ll_view_modseq(c.view) > before);
    assert_int_equal(ll_view_keywords(c.view), 2);
    for (uint32_t uid = 1; uid <= 4; uid++) {
        assert_true(ll_view_flags(c.view, uid, &flags));
        assert_int_equal(flags.bits[0], uid == 3 ? 0 : F(SEEN) | F(DELETED) | 3u << LL_FLAG_KEYWORD);
    }
    before = ll_view_modseq(c.view);
    assert_int_equal(ASK(&c, store, c.mailbox, ranges, 2, LL_FLAGS_ADD, F(SEEN), NULL, 0), LL_OK); /* changes nothing */
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_modseq(c.view), before);
    assert_int_equal(client_store(&c, 1, 2, LL_FLAGS_REPLACE, F(DRAFT)), LL_OK);
    assert_int_equal(client_store(&c, 4, 4, LL_FLAGS_REPLACE, 0), LL_OK);
    ll_span unknown = SPAN("unknown");
    assert_int_equal(ASK(&c, store, c.mailbox, ranges, 2, LL_FLAGS_REMOVE, 0, &unknown, 1), LL_OK);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_keywords(c.view), 2);
    assert_true(ll_view_flags(c.view, 1, &flags));
    assert_int_equal(flags.bits[0], F(DRAFT));
    assert_true(ll_view_flags(c.view, 4, &flags));
    assert_int_equal(flags.bits[0], 0);
    assert_int_equal(ASK(&c, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(c.call->numbers.unseen, 4);
    assert_int_equal(c.call->numbers.deleted, 0);
    stop(&f, &c);
}

static void test_keyword_limit(void **state)
{
    (void)state;
    fixture f;
    client c;
    char name[16];
    start(&f, &c);
    assert_int_equal(client_append(&c, "INBOX", "x", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ll_range one = {1, 1};
    for (int i = 0; i <= LL_KEYWORDS_MAX; i++) {
        snprintf(name, sizeof name, "k%d", i);
        ll_span keyword = span_str(name);
        ll_status want = i < LL_KEYWORDS_MAX ? LL_OK : LL_ELIMIT;
        assert_int_equal(ASK(&c, store, c.mailbox, &one, 1, LL_FLAGS_ADD, 0, &keyword, 1), want);
    }
    assert_true(client_latest(&c));
    ll_flags flags;
    assert_true(ll_view_flags(c.view, 1, &flags));
    for (unsigned i = 0; i < LL_KEYWORDS_MAX; i++)
        assert_true(ll_flags_has(&flags, LL_FLAG_KEYWORD + i));
    assert_int_equal(client_copy(&c, 1, 1, "Archive", false), LL_OK);
    client_close(&c);
    assert_int_equal(client_open(&c, "Archive", false), LL_OK);
    assert_int_equal(ll_view_keywords(c.view), LL_KEYWORDS_MAX);
    stop(&f, &c);
}

static void test_copy_move(void **state)
{
    (void)state;
    ll_span a[] = {SPAN("a"), SPAN("b")}, b[] = {SPAN("b")};
    fixture f;
    client c;
    ll_flags flags;
    start(&f, &c);
    assert_int_equal(client_append_full(&c, "INBOX", SPAN("one"), F(SEEN), a, 2, 100, NULL), LL_OK);
    assert_int_equal(client_append_full(&c, "INBOX", SPAN("two"), 0, b, 1, 200, NULL), LL_OK);
    assert_int_equal(client_append_full(&c, "Archive", SPAN("zero"), 0, b, 1, 300, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_copy(&c, 1, UINT32_MAX, "nowhere", false), LL_ETRYCREATE);
    assert_int_equal(client_copy(&c, 1, UINT32_MAX, "Archive", false), LL_OK);
    assert_int_equal(c.call->placed_count, 2);
    assert_int_equal(c.call->placed[1].source, 2);
    assert_int_equal(c.call->placed[1].uid, 3);
    assert_int_equal(client_copy(&c, 1, UINT32_MAX, "INBOX", false),
                     LL_OK); /* into itself: new UIDs, the old ones stay */
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 4);
    assert_int_equal(client_copy(&c, 1, UINT32_MAX, "INBOX", true), LL_OK);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 4);
    assert_false(ll_view_has(c.view, 4));
    assert_true(ll_view_has(c.view, 5) && ll_view_has(c.view, 8));
    assert_int_equal(client_copy(&c, 5, 6, "Trash", true), LL_OK);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 2);
    client_told(&c);
    client_close(&c);
    assert_int_equal(client_open(&c, "Archive", false), LL_OK);
    assert_int_equal(ll_view_count(c.view), 3);
    assert_true(span_equal(ll_view_keyword(c.view, 0), SPAN("b")));
    assert_true(ll_view_flags(c.view, 2, &flags));
    assert_int_equal(flags.bits[0], F(SEEN) | 3u << LL_FLAG_KEYWORD);
    assert_true(ll_view_flags(c.view, 3, &flags));
    assert_int_equal(flags.bits[0], 1u << LL_FLAG_KEYWORD);
    assert_int_equal(client_fetch(&c, 2, 3, 10, LL_WANT_INDEX), LL_OK);
    assert_int_equal(c.call->rows[0].internaldate, 100);
    assert_int_equal(client_read(&c, 3, 0, 10), LL_OK);
    assert_true(span_equal(call_read(c.call), SPAN("two")));
    stop(&f, &c);
}

/* What is expunged elsewhere stays readable until this client was told; then it is freed. */
static void test_held(void **state)
{
    (void)state;
    fixture f;
    client a, b;
    start(&f, &a);
    client_init(&b, &f);
    assert_int_equal(client_append(&a, "INBOX", "first", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_append(&a, "INBOX", "second", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_append(&a, "INBOX", "third", 0, NULL), LL_OK);
    assert_int_equal(client_open(&a, "INBOX", false), LL_OK);
    assert_int_equal(client_open(&b, "INBOX", false), LL_OK);
    b.notified = 0;
    assert_int_equal(client_expunge(&a, 1, 3), LL_OK);
    assert_true(client_latest(&a));
    client_told(&a);
    assert_int_equal(ll_view_count(a.view), 1);
    fixture_pump_ready(&f);
    assert_true(b.notified > 0);
    assert_true(ll_view_has(b.view, 1)); /* its own version is as it was */
    assert_int_equal(client_fetch(&b, 1, 3, 2, LL_WANT_INDEX), LL_OK);
    assert_int_equal(b.call->rows_count, 2);
    assert_int_equal(b.call->rows[1].uid, 2);
    assert_int_equal(client_fetch(&b, 1, 3, 10, 0), LL_OK);
    assert_int_equal(b.call->rows_count, 3);
    assert_int_equal(b.call->rows[2].uid, 3);
    assert_int_equal(client_read(&b, 1, 0, 10), LL_OK);
    assert_true(span_equal(call_read(b.call), SPAN("first")));
    assert_int_equal(client_copy(&b, 1, 1, "Archive", false), LL_OK);
    assert_int_equal(b.call->placed_count, 1);
    assert_int_equal(client_copy(&b, 2, 2, "Archive", true), LL_OK); /* gone: not moved */
    assert_int_equal(b.call->placed_count, 0);
    assert_int_equal(client_store(&b, 1, 3, LL_FLAGS_ADD, F(SEEN)), LL_OK);
    assert_int_equal(ASK(&b, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(b.call->numbers.messages, 1);
    assert_int_equal(b.call->numbers.bytes, 5);
    assert_true(client_latest(&b));
    client_told(&b);
    for (int i = 0; i < 1000; i++) { /* the purge runs in the background */
        fixture_pump_ready(&f);
        if (client_read(&b, 2, 0, 10) == LL_ENOTFOUND)
            break;
        usleep(1000);
    }
    assert_int_equal(client_read(&b, 2, 0, 10), LL_ENOTFOUND);
    client_fini(&b);
    stop(&f, &a);
}

static void test_recent(void **state)
{
    (void)state;
    fixture f;
    client a, b;
    start(&f, &a);
    client_init(&b, &f);
    assert_int_equal(client_append(&a, "INBOX", "1", 0, NULL), LL_OK);
    assert_int_equal(client_open(&b, "INBOX", true), LL_OK);
    assert_true(client_latest(&b));
    assert_int_equal(b.recent_first, 1); /* sees it, but claims nothing */
    assert_int_equal(client_open(&a, "INBOX", false), LL_OK);
    assert_true(client_latest(&a));
    assert_int_equal(a.recent_first, 1);
    assert_true(client_latest(&b));
    assert_int_equal(b.recent_first, 0);
    assert_int_equal(ASK(&a, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(a.call->numbers.recent, 0);
    assert_int_equal(client_append(&a, "INBOX", "2", 0, NULL), LL_OK);
    client_close(&b);
    assert_int_equal(client_open(&b, "INBOX", false), LL_OK);
    assert_true(client_latest(&b));
    assert_int_equal(b.recent_first, 2);
    assert_true(client_latest(&a));
    assert_int_equal(a.recent_first, 0);
    client_fini(&b);
    client_fini(&a);
    fixture_close(&f);
    fixture_open(&f);
    client_init(&a, &f);
    assert_int_equal(client_open(&a, "INBOX", false), LL_OK);
    assert_true(client_latest(&a));
    assert_int_equal(a.recent_first, 0); /* the claims were written */
    stop(&f, &a);
}

static void test_names(void **state)
{
    (void)state;
    fixture f;
    client c;
    bool there;
    start(&f, &c);
    assert_int_equal(ASK(&c, create, SPAN("a/b/c"), LL_MAILBOX_ARCHIVE), LL_OK);
    assert_true(listed(&c, "a") && listed(&c, "a/b"));
    assert_int_equal(attributes_of(&c, "a/b/c", &there), LL_MAILBOX_ARCHIVE);
    assert_int_equal(ASK(&c, create, SPAN("a/b"), 0), LL_EEXISTS);
    assert_int_equal(ASK(&c, create, SPAN("INBOX"), 0), LL_EEXISTS);
    assert_int_equal(ASK(&c, create, SPAN("a-x"), 0), LL_OK);
    assert_int_equal(ASK(&c, create, SPAN("a0"), 0), LL_OK);
    assert_int_equal(ASK(&c, remove, SPAN("INBOX")), LL_EDENIED);
    assert_int_equal(ASK(&c, remove, SPAN("q")), LL_ENOTFOUND);

    /* A mailbox with children becomes \Noselect and loses its messages. */
    assert_int_equal(client_append(&c, "a/b", "x", 0, NULL), LL_OK);
    assert_int_equal(ASK(&c, status, SPAN("a/b")), LL_OK);
    uint32_t validity = c.call->numbers.uidvalidity;
    assert_int_equal(client_open(&c, "a/b", false), LL_OK);
    assert_int_equal(ASK(&c, remove, SPAN("a/b")), LL_OK);
    assert_false(client_latest(&c));
    assert_int_equal(client_fetch(&c, 1, 10, 10, 0) >= 0 ? c.call->status : LL_OK, LL_OK);
    assert_int_equal(client_store(&c, 1, 1, LL_FLAGS_ADD, F(SEEN)), LL_ENOTFOUND);
    client_close(&c);
    assert_int_equal(attributes_of(&c, "a/b", &there), LL_MAILBOX_NOSELECT);
    assert_true(there);
    assert_int_equal(ASK(&c, status, SPAN("a/b")), LL_ENOTFOUND);
    assert_int_equal(client_append(&c, "a/b", "x", 0, NULL), LL_ETRYCREATE);
    assert_int_equal(ASK(&c, remove, SPAN("a/b")), LL_EDENIED);
    assert_int_equal(ASK(&c, create, SPAN("a/b"), 0), LL_OK);
    assert_int_equal(ASK(&c, status, SPAN("a/b")), LL_OK);
    assert_true(c.call->numbers.uidvalidity > validity);
    assert_int_equal(c.call->numbers.messages, 0);

    /* Rename takes the children along, and nothing that only looks like one. */
    assert_int_equal(ASK(&c, rename, SPAN("a"), SPAN("a/b/z")), LL_EINVAL);
    assert_int_equal(ASK(&c, rename, SPAN("a"), SPAN("Sent")), LL_EEXISTS);
    assert_int_equal(ASK(&c, rename, SPAN("q"), SPAN("p")), LL_ENOTFOUND);
    assert_int_equal(ASK(&c, rename, SPAN("a"), SPAN("n/m")), LL_OK);
    assert_true(listed(&c, "n") && listed(&c, "n/m") && listed(&c, "n/m/b") && listed(&c, "n/m/b/c"));
    assert_true(listed(&c, "a-x") && listed(&c, "a0"));
    assert_false(listed(&c, "a") || listed(&c, "a/b") || listed(&c, "a/b/c"));
    assert_int_equal(ASK(&c, remove, SPAN("n/m/b/c")), LL_OK);
    assert_false(listed(&c, "n/m/b/c"));
    stop(&f, &c);
}

static void test_uidvalidity_rises(void **state)
{
    (void)state;
    fixture f;
    client c;
    uint32_t last = 0;
    start(&f, &c);
    for (int i = 0; i < 4; i++) {
        f.now -= 1000; /* the clock is set back again and again */
        assert_int_equal(ASK(&c, create, SPAN("m"), 0), LL_OK);
        assert_int_equal(ASK(&c, status, SPAN("m")), LL_OK);
        assert_true(c.call->numbers.uidvalidity > last);
        last = c.call->numbers.uidvalidity;
        assert_int_equal(ASK(&c, remove, SPAN("m")), LL_OK);
        client_fini(&c);
        fixture_close(&f);
        fixture_open(&f);
        client_init(&c, &f);
    }
    stop(&f, &c);
}

static void test_rename_keeps_sessions(void **state)
{
    (void)state;
    fixture f;
    client a, b;
    start(&f, &a);
    client_init(&b, &f);
    assert_int_equal(ASK(&a, create, SPAN("old"), 0), LL_OK);
    assert_int_equal(client_append(&a, "old", "x", 0, NULL), LL_OK);
    assert_int_equal(client_open(&b, "old", false), LL_OK);
    assert_int_equal(ASK(&a, rename, SPAN("old"), SPAN("new")), LL_OK);
    assert_int_equal(client_append(&a, "new", "y", 0, NULL), LL_OK);
    assert_true(client_latest(&b));
    assert_int_equal(ll_view_count(b.view), 2);
    client_close(&b);

    /* INBOX: the messages go, the mailbox stays. */
    assert_int_equal(client_append(&a, "INBOX", "mail", F(SEEN), NULL), LL_OK);
    assert_int_equal(client_open(&b, "INBOX", false), LL_OK);
    assert_int_equal(ASK(&a, rename, SPAN("INBOX"), SPAN("kept/2024")), LL_OK);
    assert_true(client_latest(&b));
    assert_int_equal(ll_view_count(b.view), 0);
    assert_int_equal(client_append(&a, "INBOX", "more", 0, NULL), LL_OK);
    assert_int_equal(client_open(&a, "kept/2024", false), LL_OK);
    assert_int_equal(ll_view_count(a.view), 1);
    assert_int_equal(ll_view_unseen(a.view), 0);
    assert_int_equal(client_read(&a, 1, 0, 10), LL_OK);
    assert_true(span_equal(call_read(a.call), SPAN("mail")));
    client_fini(&b);
    stop(&f, &a);
}

static void test_subscriptions(void **state)
{
    (void)state;
    fixture f;
    client c;
    bool there;
    start(&f, &c);
    assert_int_equal(ASK(&c, subscribe, SPAN("ghost"), true), LL_OK);
    assert_int_equal(ASK(&c, subscribe, SPAN("ghost"), true), LL_OK);
    assert_int_equal(attributes_of(&c, "ghost", &there), LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_NONEXISTENT);
    assert_int_equal(ASK(&c, create, SPAN("ghost"), 0), LL_OK);
    assert_int_equal(attributes_of(&c, "ghost", &there), LL_MAILBOX_SUBSCRIBED);
    assert_int_equal(ASK(&c, remove, SPAN("ghost")), LL_OK); /* RFC 3501 section 6.3.6: the name stays subscribed */
    assert_int_equal(attributes_of(&c, "ghost", &there), LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_NONEXISTENT);
    assert_int_equal(ASK(&c, create, SPAN("from"), 0), LL_OK);
    assert_int_equal(ASK(&c, subscribe, SPAN("from"), true), LL_OK);
    assert_int_equal(ASK(&c, rename, SPAN("from"), SPAN("ghost")), LL_OK);
    assert_int_equal(attributes_of(&c, "ghost", &there), LL_MAILBOX_SUBSCRIBED);
    assert_int_equal(attributes_of(&c, "from", &there), LL_MAILBOX_SUBSCRIBED | LL_MAILBOX_NONEXISTENT);
    assert_int_equal(ASK(&c, subscribe, SPAN("from"), false), LL_OK);
    assert_int_equal(ASK(&c, subscribe, SPAN("from"), false), LL_OK);
    assert_false(listed(&c, "from"));
    stop(&f, &c);
}

static void test_quota_and_limit(void **state)
{
    (void)state;
    fixture f;
    client c;
    char big[2001];
    memset(big, 'x', 2000);
    big[2000] = 0;
    start(&f, &c);
    client_fini(&c);
    fixture_close(&f);
    f.quota = 5000;
    f.config.message_bytes_max = 3000;
    fixture_open(&f);
    client_init(&c, &f);
    ll_append huge = {.size = 3001, .internaldate = 0, .flags = 0};
    assert_int_equal(ASK(&c, append_open, SPAN("INBOX"), &huge), LL_ELIMIT);
    assert_int_equal(client_append(&c, "INBOX", big, F(DELETED), NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", big, 0, NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", big, 0, NULL), LL_EQUOTA);
    /* What is announced counts, until it is there or given up. */
    ll_append small = {.size = 900, .internaldate = 0, .flags = 0};
    assert_int_equal(ASK(&c, append_open, SPAN("INBOX"), &small), LL_OK);
    void *upload = c.call->upload;
    c.call->upload = NULL;
    assert_int_equal(ASK(&c, append_open, SPAN("INBOX"), &small), LL_EQUOTA);
    c.methods->append_abort(c.self, upload);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", false), LL_EQUOTA);
    assert_int_equal(client_copy(&c, 2, 2, "Trash", true), LL_OK); /* takes no room */
    assert_int_equal(client_expunge(&c, 1, 2), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", big, 0, NULL), LL_OK);
    stop(&f, &c);
}

static void test_readonly(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(client_append(&c, "INBOX", "x", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", true), LL_OK);
    assert_int_equal(client_store(&c, 1, 1, LL_FLAGS_ADD, F(SEEN)), LL_EREADONLY);
    assert_int_equal(client_expunge(&c, 1, 1), LL_EREADONLY);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", true), LL_EREADONLY);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", false), LL_OK);
    stop(&f, &c);
}

/* A session that goes away while its question is under way. */
static void test_orphan(void **state)
{
    (void)state;
    if (!workers)
        return;
    fixture f;
    client c;
    arena arguments;
    start(&f, &c);
    arena_init(&arguments, NULL, 0);
    call_begin(c.call);
    assert_int_equal(c.methods->open(c.self, c.call, SPAN("INBOX"), false), LL_LATER);
    c.call->pending = true;
    connector_mute(c.self);
    ll_call *orphans = NULL;
    call_orphan(&c.call, &orphans, NULL, 0, &arguments);
    call_orphans_leave(orphans, c.methods, c.self, NULL, NULL);
    fixture_close(&f); /* waits until the call has closed the mailbox and ended the connector */
    fixture_fini(&f);
}

#define ALL_TESTS                                                                                                      \
    cmocka_unit_test(test_new_vault), cmocka_unit_test(test_append_fetch_read), cmocka_unit_test(test_large),          \
        cmocka_unit_test(test_store), cmocka_unit_test(test_keyword_limit), cmocka_unit_test(test_copy_move),          \
        cmocka_unit_test(test_held), cmocka_unit_test(test_recent), cmocka_unit_test(test_names),                      \
        cmocka_unit_test(test_uidvalidity_rises), cmocka_unit_test(test_rename_keeps_sessions),                        \
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_quota_and_limit), cmocka_unit_test(test_readonly), \
        cmocka_unit_test(test_orphan)

int main(void)
{
    const struct CMUnitTest tests[] = {ALL_TESTS};
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    workers = 2;
    return failed + cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
