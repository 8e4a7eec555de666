/* thread_test.c - see src/store/thread.h: EMAILID, THREADID and SAVEDATE of a vault's messages.
 * SPDX-License-Identifier: MIT */
#include "vault_fixture.h"

typedef struct ids {
    char email[64], thread[64];
    int64_t savedate;
} ids;

static ids ids_of(client *c, uint32_t uid)
{
    ids out;
    assert_int_equal(client_fetch(c, uid, uid, 1, LL_WANT_IDS), LL_OK);
    assert_int_equal(c->call->rows_count, 1);
    const ll_row *row = &c->call->rows[0];
    assert_int_equal(row->index.size, 0);
    assert_in_range(row->email_id.size, 1, sizeof out.email - 1);
    assert_in_range(row->thread_id.size, 1, sizeof out.thread - 1);
    snprintf(out.email, sizeof out.email, "%.*s", SPAN_PRINT(row->email_id));
    snprintf(out.thread, sizeof out.thread, "%.*s", SPAN_PRINT(row->thread_id));
    out.savedate = row->savedate;
    return out;
}

/* Each message and the one whose thread it joins (counted from 1; itself: a new one). */
static const struct {
    const char *message;
    uint32_t joins;
} mail[] = {
    {"Subject: plan\r\nMessage-ID: <a@x>\r\n\r\n", 1},
    {"Subject: Re: plan\r\nMessage-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n\r\n", 1},
    {"Subject: RE: Plan (fwd)\r\nMessage-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\n\r\n", 1},
    {"Subject: Re: plan\r\nMessage-ID: <d@x>\r\nReferences: <c@x>\r\n\r\n", 1},
    /* a new subject is a new thread, and is answered in it */
    {"Subject: dinner\r\nMessage-ID: <e@x>\r\nReferences: <a@x>\r\n\r\n", 5},
    {"Subject: Re: dinner\r\nMessage-ID: <f@x>\r\nReferences: <a@x> <e@x>\r\n\r\n", 5},
    /* the subject alone is nothing */
    {"Subject: plan\r\nMessage-ID: <g@x>\r\n\r\n", 7},
    {"Subject: plan\r\n\r\n", 8},
    {"no header at all\r\n", 9},
    /* the answer comes before the question; the same message twice */
    {"Subject: Re: late\r\nMessage-ID: <i@x>\r\nIn-Reply-To: <h@x>\r\n\r\n", 10},
    {"Subject: late\r\nMessage-ID: <h@x>\r\n\r\n", 10},
    {"Subject: late\r\nMessage-ID: <h@x>\r\n\r\n", 10},
    /* fields that hold no Message-ID */
    {"Subject: odd\r\nMessage-ID: a@x\r\nReferences: <> < a\r\n\r\n", 13},
};

static void test_threads(void **state)
{
    enum { count = sizeof mail / sizeof *mail };
    static ids got[count + 1];
    fixture f;
    client c;
    (void)state;
    fixture_init(&f, 0);
    client_init(&c, &f);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(client_append(&c, "INBOX", mail[i].message, 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    for (uint32_t i = 1; i <= count; i++) {
        got[i] = ids_of(&c, i);
        assert_string_equal(got[i].thread, got[mail[i - 1].joins].thread);
        for (uint32_t k = 1; k < i; k++) {
            assert_string_not_equal(got[k].email, got[i].email);
            if (mail[k - 1].joins != mail[i - 1].joins)
                assert_string_not_equal(got[k].thread, got[i].thread);
        }
    }
    client_fini(&c);
    fixture_fini(&f);
}

/* A long References joins by its first and by its last names. */
static void test_many_references(void **state)
{
    fixture f;
    client c;
    text message;
    (void)state;
    fixture_init(&f, 0);
    client_init(&c, &f);
    text_init(&message, NULL, 1 << 20);
    text_add_str(&message, "Subject: Re: plan\r\nReferences: <first@x>");
    for (int i = 0; i < 500; i++)
        text_print(&message, "\r\n <%d@x>", i);
    text_add_str(&message, "\r\n\r\n");
    assert_int_equal(client_append(&c, "INBOX", text_str(&message), 0, NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "Subject: plan\r\nMessage-ID: <first@x>\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(client_append(&c, "INBOX", "Subject: plan\r\nMessage-ID: <499@x>\r\n\r\n", 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ids one = ids_of(&c, 1), two = ids_of(&c, 2), three = ids_of(&c, 3);
    assert_string_equal(one.thread, two.thread);
    assert_string_equal(one.thread, three.thread);
    text_fini(&message);
    client_fini(&c);
    fixture_fini(&f);
}

/* A copy has the ids of its original and a save date of its own (RFC 8474 section 4, RFC 8514 section 3); what was
 * expunged keeps all three as long as it can be read. */
static void test_copy(void **state)
{
    fixture f;
    client c;
    (void)state;
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", mail[0].message, F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ids first = ids_of(&c, 1);
    assert_int_equal(first.savedate, f.now);
    f.now += 100;
    assert_int_equal(client_copy(&c, 1, 1, "Archive", false), LL_OK);
    assert_int_equal(client_expunge(&c, 1, 1), LL_OK);
    ids held = ids_of(&c, 1);
    assert_memory_equal(held.email, first.email, strlen(first.email));
    assert_string_equal(held.thread, first.thread);
    assert_int_equal(held.savedate, first.savedate);
    client_close(&c);
    assert_int_equal(client_open(&c, "Archive", false), LL_OK);
    ids copy = ids_of(&c, 1);
    assert_string_equal(copy.email, first.email);
    assert_string_equal(copy.thread, first.thread);
    assert_int_equal(copy.savedate, f.now);
    client_fini(&c);
    fixture_fini(&f);
}

/* With its last message a thread is forgotten. */
static void test_forgotten(void **state)
{
    fixture f;
    client c;
    (void)state;
    fixture_init(&f, 0);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", mail[0].message, F(DELETED), NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ids first = ids_of(&c, 1);
    assert_int_equal(client_expunge(&c, 1, 1), LL_OK);
    client_close(&c);
    client_fini(&c);
    fixture_close(&f); /* opening empties what was held */
    fixture_open(&f);
    client_init(&c, &f);
    assert_int_equal(client_append(&c, "INBOX", mail[1].message, 0, NULL), LL_OK);
    assert_int_equal(client_open(&c, "INBOX", false), LL_OK);
    ids second = ids_of(&c, 2);
    assert_string_not_equal(first.thread, second.thread);
    client_fini(&c);
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_many_references),
                                       cmocka_unit_test(test_copy), cmocka_unit_test(test_forgotten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
