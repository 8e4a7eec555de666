/* progress_test.c - INPROGRESS (RFC 9585), see session_progress in src/imap/session.h
 * SPDX-License-Identifier: MIT */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_progress)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
