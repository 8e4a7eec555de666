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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_changes), cmocka_unit_test(test_survey)};
    int failed = cmocka_run_group_tests_name("at once", tests, NULL, NULL);
    workers = 2;
    return failed + cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
