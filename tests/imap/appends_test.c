/* APPENDs of one session that wait for their commit together: order of replies, what waits, what goes wrong.
 * SPDX-License-Identifier: MIT */
#include "chat.h"
#include "imap/appends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* The connector answers when it is told to. */
static void open_held(chat *t, const ll_connector *connector)
{
    chat_open(t, &(chat_how){.login = true, .later = true, .held = true, .connector = connector});
}

/* Do what waits for the connector, until so many commits wait (each APPEND: open, then commit), taking input between.
 */
static void settle(chat *t, size_t waiting)
{
    while (memory_waiting(t->store) != waiting) {
        assert_true(memory_complete(t->store));
        chat_send(t, SPAN(""));
    }
}

/* Two questions of `count` APPENDs: only the opens are answered. The oldest commit waits in front of them, so they are
 * answered in between. */
static void out_of_order(chat *t, size_t index)
{
    assert_true(memory_complete_at(t->store, index));
    chat_send(t, SPAN(""));
}

static void send_appends(chat *t, const char *tags, const char *to)
{
    for (; *tags; tags++) {
        char line[100];
        snprintf(line, sizeof line, "%c APPEND %s {3+}\r\n%c..\r\n", *tags, to, *tags);
        chat_send(t, span_str(line));
    }
}

static void commits_wait_together(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "abc", "Sent");
    out_of_order(&t, 0); /* a is opened; its commit waits, and b is opened */
    out_of_order(&t, 1);
    out_of_order(&t, 2);
    assert_int_equal(memory_waiting(t.store), 3);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_INPUT | LL_WANTS_PATIENCE);
    chat_expect(&t, "d NOOP\r\n", "");
    assert_false(ll_session_wants(t.session) & LL_WANTS_INPUT); /* what is not an APPEND waits */
    memory_complete(t.store);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\n");
    memory_complete(t.store);
    chat_expect(&t, "", "b OK [APPENDUID 1002 2] APPEND completed\r\n");
    memory_complete(t.store);
    chat_expect(&t, "", "c OK [APPENDUID 1002 3] APPEND completed\r\nd OK NOOP completed\r\n");
    assert_memory_equal(memory_message(t.store, "Sent", 2).data, "b..", 3);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_INPUT);
    chat_close(&t);
}

/* The disk takes long: the client hears that the first of them is under way (RFC 9585), and nobody is thrown out. */
static void progress(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "ab", "Sent");
    out_of_order(&t, 0);
    out_of_order(&t, 1);
    chat_send(&t, SPAN("c APPEND Sent {3+}\r\nc"));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ll_session_timeout_ms(t.session), 10000);
        ll_session_expire(t.session);
        chat_expect(&t, "", "* OK [INPROGRESS (\"a\" NIL NIL)] Still at work\r\n");
    }
    out_of_order(&t, 0);
    ll_session_expire(t.session);
    chat_expect(&t, "",
                "a OK [APPENDUID 1002 1] APPEND completed\r\n* OK [INPROGRESS (\"b\" NIL NIL)] Still at work\r\n");
    chat_send(&t, SPAN("..\r\n"));
    settle(&t, 0);
    chat_expect(&t, "", "b OK [APPENDUID 1002 2] APPEND completed\r\nc OK [APPENDUID 1002 3] APPEND completed\r\n");
    assert_true(ll_session_timeout_ms(t.session) > 10000);
    chat_close(&t);
}

/* The second message of a command waits with its "+ ". */
static void later_message_waits(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    chat_send(&t, SPAN("b APPEND Sent {3+}\r\nb.. {4}\r\n"));
    out_of_order(&t, 1);
    if (memory_waiting(t.store) > 1)
        out_of_order(&t, 1);
    chat_expect(&t, "", "");
    settle(&t, 0);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\n+ OK\r\n");
    chat_send(&t, SPAN("more\r\n"));
    settle(&t, 0);
    chat_expect(&t, "", "b OK [APPENDUID 1002 2:3] APPEND completed\r\n");
    chat_close(&t);
}

/* A connector that says nothing of it has one at a time, as ever. */
static void one_at_a_time(void **state)
{
    (void)state;
    ll_connector modest = memory_connector;
    modest.offers = 0;
    chat t;
    open_held(&t, &modest);
    send_appends(&t, "ab", "Sent");
    out_of_order(&t, 0);
    assert_int_equal(memory_waiting(t.store), 1);
    assert_false(ll_session_wants(t.session) & LL_WANTS_INPUT);
    memory_complete(t.store);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\n");
    settle(&t, 0);
    chat_expect(&t, "", "b OK [APPENDUID 1002 2] APPEND completed\r\n");
    chat_close(&t);
}

/* Done in any order, replied to in the order of the commands. */
static void replies_keep_their_order(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "abc", "Sent");
    out_of_order(&t, 0);
    out_of_order(&t, 1);
    out_of_order(&t, 2);
    out_of_order(&t, 2);
    out_of_order(&t, 1);
    chat_expect(&t, "", "");
    out_of_order(&t, 0);
    chat_expect(&t, "",
                "a OK [APPENDUID 1002 3] APPEND completed\r\nb OK [APPENDUID 1002 2] APPEND completed\r\n"
                "c OK [APPENDUID 1002 1] APPEND completed\r\n");
    chat_close(&t);
}

/* One that fails says so in its turn: before its bytes, because of its words, or when it was to become a message. */
static void failures_in_the_middle(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    memory_create(t.store, "Gone", 0);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    send_appends(&t, "b", "Gone");
    out_of_order(&t, 1);
    memory_remove(t.store, "Gone");
    send_appends(&t, "c", "none");
    out_of_order(&t, 2); /* opened: TRYCREATE, which waits for the replies before it */
    chat_expect(&t, "d APPEND Sent (\\Seen \"nonsense\" {3+}\r\nd..\r\n", "");
    settle(&t, 0);
    chat_expect(&t, "",
                "a OK [APPENDUID 1002 1] APPEND completed\r\nb NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
                "c NO [TRYCREATE] APPEND failed: does not exist yet\r\nd BAD APPEND: Not understood\r\n");
    chat_close(&t);
}

static void failed_commit(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    memory_create(t.store, "Gone", 0);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    send_appends(&t, "b", "Gone");
    out_of_order(&t, 1);
    send_appends(&t, "c", "Sent");
    out_of_order(&t, 2);
    memory_remove(t.store, "Gone");
    settle(&t, 0);
    chat_expect(&t, "",
                "a OK [APPENDUID 1002 1] APPEND completed\r\nb NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
                "c OK [APPENDUID 1002 2] APPEND completed\r\n");
    chat_close(&t);
}

/* What is refused before it is a command also has its turn. */
static void refusals_wait(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    chat_expect(&t, "b APPEND Sent {99999999999}\r\n", "");
    assert_int_equal(memory_waiting(t.store), 1);
    memory_complete(t.store);
    chat_expect(&t, "c NOOP\r\n",
                "a OK [APPENDUID 1002 1] APPEND completed\r\nb NO [TOOBIG] Message is too large\r\n"
                "c OK NOOP completed\r\n");
    send_appends(&t, "d", "Sent");
    out_of_order(&t, 0);
    chat_expect(&t, "e LOGIN {4}\r\n", ""); /* "+ " would stand before the reply */
    assert_false(ll_session_wants(t.session) & LL_WANTS_INPUT);
    memory_complete(t.store);
    chat_expect(&t, "", "d OK [APPENDUID 1002 2] APPEND completed\r\n+ OK\r\n");
    chat_expect(&t, "user x\r\nf APPEND Sent {3}\r\n", "e BAD You are logged in already\r\n");
    settle(&t, 0);
    chat_expect(&t, "", "+ OK\r\n");
    chat_close(&t);
}

/* BYE comes behind the replies. */
static void bye_waits(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    ll_session_shutdown(t.session, SPAN("later"));
    chat_expect(&t, "b APPEND Sent {x+}\r\n", "");
    assert_int_equal(memory_waiting(t.store), 1);
    memory_complete(t.store);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\n* BYE later\r\n");
    assert_true(chat_ended(&t));
    chat_close(&t);

    open_held(&t, NULL);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    chat_expect(&t, "b APPEND Sent {x+}\r\nc NOOP\r\n", "");
    memory_complete(t.store);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\n* BYE Size of a literal expected\r\n");
    chat_close(&t);
}

/* A URL may mean what the APPEND before it brings: CATENATE waits, also as a later message of its command. */
static void catenate_waits(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    chat_send(&t, SPAN("b APPEND Sent {3+}\r\nb.. CATENATE (URL /Sent/;UID=1)\r\n"));
    out_of_order(&t, 1);
    assert_int_equal(memory_waiting(t.store), 1);
    settle(&t, 0);
    chat_expect(&t, "", "a OK [APPENDUID 1002 1] APPEND completed\r\nb OK [APPENDUID 1002 2:3] APPEND completed\r\n");
    assert_memory_equal(memory_message(t.store, "Sent", 3).data, "a..", 3);
    chat_close(&t);
}

/* News of the selected mailbox come with the replies, while the next message is half received. */
static void into_the_selected(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    chat_send(&t, SPAN("s SELECT Sent\r\n"));
    settle(&t, 0);
    text_clear(&t.said);
    memory_deliver(t.store, "Sent", SPAN("x"), 0);
    send_appends(&t, "a", "Sent");
    out_of_order(&t, 0);
    chat_send(&t, SPAN("b APPEND Sent {6+}\r\nb.."));
    out_of_order(&t, 1);
    memory_expunge(t.store, "Sent", (ll_range){1, 1});
    settle(&t, 0);
    chat_expect(&t, "", "* 1 EXISTS\r\n* 1 RECENT\r\na OK [APPENDUID 1002 2] APPEND completed\r\n");
    chat_send(&t, SPAN("...\r\n"));
    settle(&t, 0);
    chat_expect(&t, "", "* 2 EXISTS\r\n* 2 RECENT\r\nb OK [APPENDUID 1002 3] APPEND completed\r\n");
    assert_int_equal(memory_message(t.store, "Sent", 3).size, 6);
    chat_close(&t);
}

/* So many wait, and so many bytes. */
static void ceilings(void **state)
{
    (void)state;
    chat t;
    open_held(&t, NULL);
    for (size_t i = 0; i < appends_max + 5; i++) {
        chat_send(&t, SPAN("a APPEND Sent {3+}\r\na..\r\n"));
        if (memory_waiting(t.store) > i)
            out_of_order(&t, i);
    }
    assert_int_equal(memory_waiting(t.store), appends_max);
    assert_false(ll_session_wants(t.session) & LL_WANTS_INPUT);
    settle(&t, 0);
    assert_int_equal(ll_view_count(memory_view(t.store, "Sent")), appends_max + 5);
    text_clear(&t.said);
    text large;
    text_init(&large, NULL, 8 << 20);
    text_print(&large, "a APPEND Sent {%u+}\r\n", appends_bytes_max / 2);
    for (size_t i = 0; i < appends_bytes_max / 2; i++)
        text_add_byte(&large, 'x');
    text_add(&large, SPAN("\r\n"));
    chat_send(&t, text_span(&large));
    out_of_order(&t, 0);
    chat_send(&t, text_span(&large));
    assert_int_equal(memory_waiting(t.store), 1); /* with the flags and names of the first it is too much */
    settle(&t, 0);
    chat_expect(&t, "", "a OK [APPENDUID 1002 70] APPEND completed\r\na OK [APPENDUID 1002 71] APPEND completed\r\n");
    text_fini(&large);
    chat_close(&t);
}

/* The connection breaks at every point: what was committed is done, nothing is left behind (ASan looks). */
static void disconnects(void **state)
{
    (void)state;
    static const char said[] =
        "s SELECT Sent\r\na APPEND Sent {3+}\r\na..\r\nb APPEND Sent (\\Seen) {3+}\r\nb.. {2+}\r\n"
        "c.\r\nd APPEND Sent CATENATE (URL /Sent/;UID=1 TEXT {2+}\r\nxy)\r\ne APPEND Drafts {9+}\r\n"
        "e........\r\nf NOOP\r\n";
    for (size_t end = 0; end < sizeof said; end++)
        for (unsigned order = 0; order < 4; order++) {
            chat t;
            open_held(&t, NULL);
            for (size_t i = 0; i < end; i++) {
                chat_send(&t, span_of(said + i, 1));
                size_t waiting = memory_waiting(t.store);
                if (waiting && (order & 1 || waiting > order)) /* the youngest, or some stay */
                    out_of_order(&t, waiting - 1);
            }
            while (order & 2 && memory_complete(t.store))
                chat_send(&t, SPAN(""));
            ll_session_del(&t.session);
            while (memory_waiting(t.store))
                memory_complete_at(t.store, order & 1 ? memory_waiting(t.store) - 1 : 0);
            chat_close(&t);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_wait_together),
        cmocka_unit_test(progress),
        cmocka_unit_test(later_message_waits),
        cmocka_unit_test(one_at_a_time),
        cmocka_unit_test(replies_keep_their_order),
        cmocka_unit_test(failures_in_the_middle),
        cmocka_unit_test(failed_commit),
        cmocka_unit_test(refusals_wait),
        cmocka_unit_test(bye_waits),
        cmocka_unit_test(catenate_waits),
        cmocka_unit_test(into_the_selected),
        cmocka_unit_test(ceilings),
        cmocka_unit_test(disconnects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
