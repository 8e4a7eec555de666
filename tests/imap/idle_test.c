/* IDLE, RFC 2177.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void without_mailbox(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL, "a IDLE\r\nDONE\r\nb idle\r\ndone\r\nc IDLE\r\nNOOP\r\nd NOOP\r\n",
             "+ idling\r\na OK IDLE completed\r\n"
             "+ idling\r\nb OK IDLE completed\r\n"
             "+ idling\r\nc BAD DONE expected\r\n"
             "d OK NOOP completed\r\n");
}

static void news(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    memory_deliver(t.store, "INBOX", SPAN("one"), 0);
    memory_deliver(t.store, "INBOX", SPAN("two"), 0);
    chat_contains(&t, "a SELECT INBOX\r\n", "* 2 EXISTS");
    memory_deliver(t.store, "INBOX", SPAN("three"), 0);
    memory_notify(t.store);
    chat_expect(&t, "", ""); /* not between commands: the view moves only when the client may be told (invariant 4) */
    chat_expect(&t, "b IDLE\r\n", "+ idling\r\n* 3 EXISTS\r\n* 3 RECENT\r\n");

    unsigned wakes = t.wakes;
    memory_expunge(t.store, "INBOX", (ll_range){1, 1});
    memory_deliver(t.store, "INBOX", SPAN("four"), 0);
    memory_flag(t.store, "INBOX", (ll_range){2, 2}, LL_FLAGS_ADD, 1u << LL_FLAG_SEEN, NULL);
    memory_notify(t.store);
    assert_true(t.wakes > wakes);
    chat_expect(&t, "", "* 1 EXPUNGE\r\n* 3 EXISTS\r\n* 3 RECENT\r\n* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n");
    memory_notify(t.store);
    chat_expect(&t, "", "");
    ll_session_notify(t.session); /* nothing new: nothing is said */
    chat_expect(&t, "", "");
    chat_expect(&t, "DONE\r\n", "b OK IDLE completed\r\n");

    chat_expect(&t, "c IDLE\r\n", "+ idling\r\n");
    memory_remove(t.store, "INBOX");
    memory_notify(t.store);
    chat_expect(&t, "", "* BYE The mailbox was deleted\r\n");
    assert_true(chat_ended(&t));
    chat_close(&t);
}

static void shutdown_meanwhile(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "a SELECT INBOX\r\nb IDLE\r\n", "+ idling");
    ll_session_shutdown(t.session, SPAN("Upgrade"));
    chat_expect(&t, "", "* BYE Upgrade\r\n");
    chat_close(&t);
}

/* A client that idles and does not read: news wait, merged, for room. */
static void slow_reader(void **state)
{
    (void)state;
    chat t;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.output_bytes = 200;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    for (int i = 0; i < 100; i++)
        memory_deliver(t.store, "INBOX", SPAN("x"), 0);
    chat_contains(&t, "a SELECT INBOX\r\nb IDLE\r\n", "+ idling");
    for (int i = 0; i < 50; i++) {
        memory_flag(t.store, "INBOX", (ll_range){1, 100}, i % 2 ? LL_FLAGS_REMOVE : LL_FLAGS_ADD, 1u << LL_FLAG_SEEN,
                    NULL);
        memory_notify(t.store);
        assert_true(ll_session_output(t.session).size < 300);
    }
    memory_expunge(t.store, "INBOX", (ll_range){1, 100});
    memory_notify(t.store);
    chat_contains(&t, "", "* 1 EXPUNGE\r\n");
    chat_expect(&t, "DONE\r\n", "b OK IDLE completed\r\n");
    chat_close(&t);
}

/* It goes while the news of a command are half said (found by fuzzing: their rows outlived the command's memory). */
static void gone_amid_news(void **state)
{
    (void)state;
    chat t;
    size_t taken = 0;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.output_bytes = 200;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    for (int i = 0; i < 100; i++)
        memory_deliver(t.store, "INBOX", SPAN("x"), 0);
    chat_contains(&t, "a SELECT INBOX (CONDSTORE)\r\n", "a OK");
    memory_flag(t.store, "INBOX", (ll_range){1, 100}, LL_FLAGS_ADD, 1u << LL_FLAG_SEEN, NULL);
    assert_int_equal(ll_session_input(t.session, SPAN("b NOOP\r\n"), &taken), LL_OK);
    assert_int_equal(taken, 8);
    assert_true(ll_session_output(t.session).size > 0);
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_mailbox), cmocka_unit_test(news),
                                       cmocka_unit_test(shutdown_meanwhile), cmocka_unit_test(slow_reader),
                                       cmocka_unit_test(gone_amid_news)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
