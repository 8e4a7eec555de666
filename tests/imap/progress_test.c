/* progress_test.c - INPROGRESS (RFC 9585), see session_progress in src/imap/session.h
 * SPDX-License-Identifier: MIT */
#include "chat.h"
#include "talk.h"

#include <stdio.h>

static int64_t clock_s, clock_step;

/* Time goes on with every look at the clock. */
static int64_t slow_now(void *context)
{
    (void)context;
    return clock_s += clock_step;
}

static bool again_due;

static void note_again(void *context)
{
    (void)context;
    again_due = true;
}

static const char *say(talk *t, const char *command)
{
    talk_say(t, command);
    while (again_due) {
        again_due = false;
        ll_session_continue(t->session);
        talk_settle(t);
    }
    return text_str(&t->got);
}

/* How many lines begin with this. */
static unsigned count(const char *said, const char *begin)
{
    unsigned n = 0;
    for (const char *at = said; (at = strstr(at, begin)); at++)
        n++;
    return n;
}

static void test_progress(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        for (unsigned i = 0; i < 1000; i++)
            memory_deliver(store, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"), 0);
        memory_later(store, talk_is_later(way));
        ll_host host = talk_host;
        host.now = slow_now;
        host.again = note_again;
        clock_s = 1700000000;
        clock_step = 0;
        ll_session_config config = {.size = sizeof config, .flags = LL_SESSION_SECURE, .host = &host, .context = &t};
        t = (talk){.store = store, .connector = &memory_connector, .bytewise = talk_is_bytewise(way)};
        text_init(&t.got, NULL, 64 << 20);
        assert_int_equal(ll_session_new(&t.session, &config), LL_OK);
        talk_settle(&t);
        say(&t, "l LOGIN a b\r\ne EXAMINE INBOX\r\n");
        assert_non_null(strstr(text_str(&t.got), "e OK"));
        assert_non_null(strstr(say(&t, "a CAPABILITY\r\n"), " INPROGRESS"));
        assert_int_equal(count(say(&t, "a SEARCH BODY b\r\n"), "INPROGRESS"), 0);
        clock_step = 1;
        const char *said = say(&t, "abc SEARCH BODY nothing\r\n");
        assert_in_range(count(said, "* OK [INPROGRESS (\"abc\" "), 10, 200); /* not before the last one was taken */
        assert_non_null(strstr(said, " 1000)] "));
        assert_non_null(strstr(said, "* SEARCH\r\nabc OK SEARCH completed\r\n"));
        said = say(&t, "a SORT (SUBJECT) UTF-8 ALL\r\n");
        assert_true(count(said, "* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n") > 0);
        said = say(&t, "a ESEARCH IN (selected mailboxes Sent) BODY nothing\r\n");
        assert_true(count(said, "* OK [INPROGRESS (\"a\" NIL NIL)] ") > 0);
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* --- while the connector thinks: the host's timer, see ll_session_expire --- */

/* A timer of the host that fires. */
static void silence(chat *t)
{
    assert_int_equal(ll_session_timeout_ms(t->session), 10000);
    ll_session_expire(t->session);
}

static void slow(const char *send, const char *progress, const char *part)
{
    chat t;
    memory_store *store = memory_store_new();
    for (unsigned i = 0; i < 4; i++)
        memory_deliver(store, "INBOX", SPAN("Subject: a\r\n\r\nb\r\n"), 1u << LL_FLAG_DELETED);
    chat_open(&t, &(chat_how){.login = true, .later = true, .store = store});
    chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
    t.how.held = true;
    chat_send(&t, span_str(send));
    assert_int_equal(memory_waiting(store), 1);
    for (unsigned i = 0; i < 3; i++) {
        silence(&t);
        chat_expect(&t, "", progress);
    }
    while (memory_complete(store))
        chat_send(&t, SPAN(""));
    assert_non_null(strstr(text_str(&t.said), part));
    text_clear(&t.said);
    assert_int_equal(ll_session_timeout_ms(t.session), 1860000);
    chat_close(&t);
    memory_store_del(&store);
}

static void test_slow_connector(void **state)
{
#define NAMED "* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n"
    (void)state;
    slow("a COPY 1:* Sent\r\n", NAMED, "a OK [COPYUID 1002 1:4 1:4] COPY completed\r\n");
    slow("a MOVE 1:* Sent\r\n", NAMED, "a OK MOVE completed\r\n");
    slow("a STORE 1:* +FLAGS (\\Seen)\r\n", NAMED, "a OK STORE completed\r\n");
    slow("a EXPUNGE\r\n", NAMED, "a OK EXPUNGE completed\r\n");
    slow("a UID EXPUNGE 1:3\r\n", NAMED, "a OK UID EXPUNGE completed\r\n");
    slow("a SEARCH BODY b\r\n", NAMED, "* SEARCH 1 2 3 4\r\na OK SEARCH completed\r\n");
    slow("a STATUS Sent (MESSAGES)\r\n", NAMED, "a OK STATUS completed\r\n");
    slow("a FETCH 1:2 (INTERNALDATE)\r\n", NAMED, "a OK FETCH completed\r\n");
    slow("a CREATE x\r\n", NAMED, "] CREATE completed\r\n");
    slow("a LIST \"\" *\r\n", NAMED, "a OK LIST completed\r\n");
    /* RFC 9585 section 4: a tag with "]" would end the code */
    slow("a]b COPY 1:* Sent\r\n", "* OK [INPROGRESS (NIL NIL NIL)] Still at work\r\n", "a]b OK [COPYUID");
}

/* Nothing is said within a response, nor to a client that does not read. */
static void test_not_now(void **state)
{
    (void)state;
    chat t;
    text large;
    memory_store *store = memory_store_new();
    text_init(&large, NULL, 4 << 20);
    text_add_str(&large, "Subject: a\r\n\r\n");
    while (large.size < 600000)
        text_add_str(&large, "line of text\r\n");
    memory_deliver(store, "INBOX", text_span(&large), 0);
    chat_open(&t, &(chat_how){.login = true, .later = true, .store = store});
    chat_contains(&t, "s EXAMINE INBOX\r\n", "s OK");
    t.how.held = true;
    chat_send(&t, SPAN("a FETCH 1 BODY[]\r\n"));
    unsigned said = 0, within = 0;
    while (memory_waiting(store)) {
        size_t before = t.said.size;
        silence(&t);
        chat_send(&t, SPAN(""));
        said += t.said.size > before && !within;
        assert_int_equal(count(text_str(&t.said), "INPROGRESS"), said);
        assert_true(memory_complete(store));
        chat_send(&t, SPAN(""));
        within += strstr(text_str(&t.said), "BODY[] {") != NULL;
    }
    assert_true(said > 0 && within > 1);
    assert_non_null(strstr(text_str(&t.said), "line of text\r\n)\r\na OK FETCH completed\r\n"));
    text_clear(&t.said);
    text_fini(&large);
    chat_close(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_progress), cmocka_unit_test(test_slow_connector),
                                       cmocka_unit_test(test_not_now)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
