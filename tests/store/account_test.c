/* account_test.c - what the connector knows of the account: quota, metadata, special uses; and REPLACE.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

static int workers;

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

static void reopen(fixture *f, client *c)
{
    client_fini(c);
    fixture_close(f);
    fixture_open(f);
    client_init(c, f);
}

/* --- quota --- */

static void expect_quota(client *c, const char *resource, uint64_t used, uint64_t limit)
{
    assert_int_equal(ASK(c, quota), LL_OK);
    for (size_t i = 0; i < c->call->quotas_count; i++)
        if (span_equal(c->call->quotas[i].resource, span_str(resource))) {
            assert_int_equal(c->call->quotas[i].used, used);
            assert_int_equal(c->call->quotas[i].limit, limit);
            return;
        }
    fail_msg("%s is not there", resource);
}

static void test_quota(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(ASK(&c, quota), LL_OK);
    assert_int_equal(c.call->quotas_count, 1); /* STORAGE has no limit */
    expect_quota(&c, "MESSAGE", 0, VAULT_MESSAGES_MAX);
    f.quota = 10240;
    f.config.messages_max = 3;
    reopen(&f, &c);
    expect_quota(&c, "STORAGE", 0, 10);
    assert_int_equal(client_append(&c, "INBOX", "a: b\r\n\r\n", F(DELETED), NULL), LL_OK);
    assert_int_equal(client_append(&c, "Sent", "a: b\r\n\r\n", 0, NULL), LL_OK);
    expect_quota(&c, "STORAGE", 1, 10);
    expect_quota(&c, "MESSAGE", 2, 3);
    assert_int_equal(ASK(&c, status, SPAN("INBOX")), LL_OK);
    assert_int_equal(c.call->numbers.deleted_bytes, 8);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", false), LL_OK);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", false), LL_EQUOTA);
    assert_int_equal(client_append(&c, "INBOX", "x", 0, NULL), LL_EQUOTA);
    assert_int_equal(client_copy(&c, 1, 1, "Trash", true), LL_OK);
    expect_quota(&c, "MESSAGE", 3, 3);
    reopen(&f, &c);
    expect_quota(&c, "MESSAGE", 3, 3);
    assert_int_equal(client_open(&c, "Trash", false), LL_OK);
    assert_int_equal(client_store(&c, 1, 1, LL_FLAGS_REMOVE, F(DELETED)), LL_OK);
    assert_int_equal(ASK(&c, status, SPAN("Trash")), LL_OK);
    assert_int_equal(c.call->numbers.deleted_bytes, 8);
    client_close(&c);
    assert_int_equal(ASK(&c, remove, SPAN("Trash")), LL_OK);
    expect_quota(&c, "MESSAGE", 1, 3);
    stop(&f, &c);
}

/* --- metadata --- */

static ll_status set(client *c, const char *mailbox, const char *entry, ll_span value)
{
    ll_metadata one = {span_str(entry), value};
    return ASK(c, metadata_set, span_str(mailbox), &one, 1);
}

static const ll_metadata *get(client *c, const char *mailbox, const char *entry)
{
    assert_int_equal(ASK(c, metadata, span_str(mailbox)), LL_OK);
    for (size_t i = 0; i < c->call->metadata_count; i++) {
        if (i)
            assert_true(span_compare(c->call->metadata[i - 1].entry, c->call->metadata[i].entry) < 0);
        if (span_equal(c->call->metadata[i].entry, span_str(entry)))
            return &c->call->metadata[i];
    }
    return NULL;
}

static void expect(client *c, const char *mailbox, const char *entry, ll_span value)
{
    const ll_metadata *one = get(c, mailbox, entry);
    assert_non_null(one);
    assert_int_equal(one->value.size, value.size);
    if (value.size)
        assert_memory_equal(one->value.data, value.data, value.size);
}

static void test_metadata(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(set(&c, "", "/private/comment", SPAN("mine")), LL_OK);
    assert_int_equal(set(&c, "", "/shared/comment", SPAN("")), LL_OK);
    assert_int_equal(set(&c, "INBOX", "/private/comment", SPAN("a\0b\xff")), LL_OK);
    assert_int_equal(set(&c, "none", "/private/comment", SPAN("x")), LL_ENOTFOUND);
    assert_int_equal(ASK(&c, metadata, SPAN("none")), LL_ENOTFOUND);
    reopen(&f, &c);
    expect(&c, "", "/private/comment", SPAN("mine"));
    expect(&c, "", "/shared/comment", SPAN(""));
    expect(&c, "INBOX", "/private/comment", SPAN("a\0b\xff"));
    assert_int_equal(set(&c, "INBOX", "/private/comment", SPAN("other")), LL_OK);
    expect(&c, "INBOX", "/private/comment", SPAN("other"));
    assert_int_equal(set(&c, "", "/private/comment", span_of(NULL, 0)), LL_OK);
    assert_null(get(&c, "", "/private/comment"));
    assert_int_equal(set(&c, "", "/private/comment", span_of(NULL, 0)), LL_OK);
    stop(&f, &c);
}

/* RFC 5464 section 4.1. */
static void test_metadata_follows(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(ASK(&c, create, SPAN("a/b"), 0), LL_OK);
    assert_int_equal(set(&c, "a", "/private/x", SPAN("a")), LL_OK);
    assert_int_equal(set(&c, "a/b", "/private/x", SPAN("b")), LL_OK);
    assert_int_equal(set(&c, "INBOX", "/private/x", SPAN("in")), LL_OK);
    assert_int_equal(ASK(&c, rename, SPAN("a"), SPAN("z")), LL_OK);
    expect(&c, "z/b", "/private/x", SPAN("b"));
    assert_int_equal(ASK(&c, remove, SPAN("z")), LL_OK); /* stays as a name, without its metadata */
    assert_null(get(&c, "z", "/private/x"));
    assert_int_equal(set(&c, "z", "/private/x", SPAN("a name has some too")), LL_OK);
    assert_int_equal(ASK(&c, remove, SPAN("z/b")), LL_OK);
    assert_int_equal(ASK(&c, create, SPAN("z/b"), 0), LL_OK);
    assert_null(get(&c, "z/b", "/private/x"));
    assert_int_equal(ASK(&c, rename, SPAN("INBOX"), SPAN("old")), LL_OK);
    expect(&c, "INBOX", "/private/x", SPAN("in"));
    expect(&c, "old", "/private/x", SPAN("in"));
    stop(&f, &c);
}

static void test_metadata_limits(void **state)
{
    (void)state;
    fixture f;
    client c;
    char name[32];
    static const char big[1 << 20] = {0};
    start(&f, &c);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/private/%d", i);
        assert_int_equal(set(&c, "INBOX", name, SPAN("x")), LL_OK);
    }
    assert_int_equal(set(&c, "INBOX", "/private/more", SPAN("x")), LL_ELIMIT);
    assert_int_equal(set(&c, "INBOX", "/private/99", SPAN("y")), LL_OK);
    /* all or nothing */
    ll_metadata three[] = {
        {SPAN("/private/0"), SPAN("new")}, {SPAN("/private/n1"), SPAN("n")}, {SPAN("/private/n2"), SPAN("n")}};
    assert_int_equal(ASK(&c, metadata_set, SPAN("INBOX"), three, 3), LL_ELIMIT);
    expect(&c, "INBOX", "/private/0", SPAN("x"));
    ll_metadata swap[] = {{SPAN("/private/n1"), SPAN("n")}, {SPAN("/private/0"), {NULL, 0}}};
    assert_int_equal(ASK(&c, metadata_set, SPAN("INBOX"), swap, 2), LL_OK);
    assert_int_equal(set(&c, "Sent", "/private/other", SPAN("x")), LL_OK);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "/shared/%d", i);
        assert_int_equal(set(&c, "", name, span_of(big, sizeof big)), LL_OK);
    }
    assert_int_equal(set(&c, "", "/shared/3", span_of(big, sizeof big)), LL_ELIMIT);
    assert_int_equal(set(&c, "", "/shared/2", span_of(NULL, 0)), LL_OK);
    stop(&f, &c);
}

static unsigned uses_of(client *c, const char *name)
{
    assert_int_equal(ASK(c, list), LL_OK);
    for (size_t i = 0; i < c->call->mailboxes_count; i++)
        if (span_equal(c->call->mailboxes[i].name, span_str(name)))
            return c->call->mailboxes[i].attributes & LL_MAILBOX_SPECIAL;
    fail_msg("no mailbox %s", name);
    return 0;
}

/* RFC 6154 sections 3, 4 and 5.4. */
static void test_uses(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    assert_int_equal(ASK(&c, create, SPAN("MySpecial"), LL_MAILBOX_DRAFTS | LL_MAILBOX_SENT), LL_OK);
    assert_int_equal(uses_of(&c, "MySpecial"), LL_MAILBOX_DRAFTS | LL_MAILBOX_SENT);
    assert_int_equal(uses_of(&c, "Sent"), 0);
    assert_int_equal(ASK(&c, create, SPAN("Everything"), LL_MAILBOX_ALL), LL_EUNSUPPORTED);
    expect(&c, "MySpecial", "/private/specialuse", SPAN("\\Drafts \\Sent"));
    assert_null(get(&c, "INBOX", "/private/specialuse"));
    assert_int_equal(set(&c, "Sent", "/private/specialuse", SPAN("\\sent")), LL_OK);
    assert_int_equal(set(&c, "Sent", "/private/aaa", SPAN("x")), LL_OK);
    assert_int_equal(set(&c, "Sent", "/private/zzz", SPAN("x")), LL_OK);
    expect(&c, "Sent", "/private/specialuse", SPAN("\\Sent"));
    expect(&c, "MySpecial", "/private/specialuse", SPAN("\\Drafts"));
    assert_int_equal(set(&c, "Sent", "/private/specialuse", SPAN("\\All")), LL_EDENIED);
    assert_int_equal(set(&c, "Sent", "/private/specialuse", SPAN("Nonsense")), LL_EDENIED);
    assert_int_equal(set(&c, "", "/private/specialuse", SPAN("\\Sent")), LL_EDENIED);
    assert_int_equal(uses_of(&c, "Sent"), LL_MAILBOX_SENT);
    assert_int_equal(set(&c, "Sent", "/private/specialuse", span_of(NULL, 0)), LL_OK);
    assert_int_equal(uses_of(&c, "Sent"), 0);
    stop(&f, &c);
}

/* --- replace --- */

static void *upload(client *c, const char *to, const char *message, bool replaces)
{
    ll_append how = {.internaldate = 1600000000, .flags = F(SEEN), .grows = true, .replaces = replaces};
    assert_int_equal(ASK(c, append_open, span_str(to), &how), LL_OK);
    void *opened_one = c->call->upload;
    c->call->upload = NULL;
    ll_status status = c->methods->append_data(c->self, opened_one, span_str(message));
    if (!status)
        return opened_one;
    c->methods->append_abort(c->self, opened_one);
    c->call->status = status;
    return NULL;
}

static void test_replace(void **state)
{
    (void)state;
    fixture f;
    client c;
    start(&f, &c);
    f.quota = 2048;
    reopen(&f, &c);
    char big[1501];
    memset(big, 'x', 1500);
    big[1500] = 0;
    assert_int_equal(client_append(&c, "Drafts", big, F(DRAFT), NULL), LL_OK);
    assert_int_equal(client_open(&c, "Drafts", false), LL_OK);
    assert_null(upload(&c, "Drafts", big, false)); /* both do not fit */
    assert_int_equal(c.call->status, LL_EQUOTA);
    assert_int_equal(ASK(&c, replace, c.mailbox, 1, upload(&c, "Drafts", big, true)), LL_OK);
    assert_int_equal(c.call->placed_count, 1);
    assert_int_equal(c.call->placed[0].uid, 2);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 1);
    assert_true(ll_view_has(c.view, 2));
    /* gone already; another mailbox; one that is not there */
    assert_int_equal(ASK(&c, replace, c.mailbox, 1, upload(&c, "Drafts", "y", true)), LL_ENOTFOUND);
    void *left = upload(&c, "Trash", "y", true);
    assert_int_equal(ASK(&c, remove, SPAN("Trash")), LL_OK);
    assert_int_equal(ASK(&c, replace, c.mailbox, 2, left), LL_ETRYCREATE);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 1);
    assert_int_equal(ASK(&c, replace, c.mailbox, 2, upload(&c, "Sent", big, true)), LL_OK);
    assert_true(client_latest(&c));
    assert_int_equal(ll_view_count(c.view), 0);
    assert_int_equal(ASK(&c, status, SPAN("Sent")), LL_OK);
    assert_int_equal(c.call->numbers.messages, 1);
    client_close(&c);
    assert_int_equal(client_open(&c, "Sent", true), LL_OK);
    assert_int_equal(ASK(&c, replace, c.mailbox, 1, upload(&c, "Sent", "y", true)), LL_EREADONLY);
    stop(&f, &c);
}

#define ALL_TESTS                                                                                                      \
    cmocka_unit_test(test_quota), cmocka_unit_test(test_metadata), cmocka_unit_test(test_metadata_follows),            \
        cmocka_unit_test(test_metadata_limits), cmocka_unit_test(test_uses), cmocka_unit_test(test_replace)

int main(void)
{
    const struct CMUnitTest tests[] = {ALL_TESTS};
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    workers = 2;
    return failed + cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
