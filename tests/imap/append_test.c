/* APPEND: streamed, refused, in bounded memory.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void append(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "a APPEND Sent {5}\r\nhello\r\n"
             "b APPEND \"Sent\" (\\Seen $Work) \" 1-Feb-2020 03:04:05 +0100\" {7+}\r\nb NOOP\n\r\n"
             "c APPEND {4}\r\nSent (\\Flagged) {0}\r\n\r\n"
             "d APPEND none {5}\r\n"
             "e APPEND none {8+}\r\nb LOGOUT\r\n"
             "f APPEND Sent (\\Seen) \"nonsense\" {8+}\r\nb LOGOUT\r\n"
             "g APPEND Sent (\\Seen {8}\r\n"
             "h APPEND Sent\r\n"
             "i APPEND Sent x\r\n"
             "j APPEND \"S\\\\e\\\"\" {3+}\r\nabc\r\n"
             "k APPEND Sent {3+}\r\nabc {9+}\r\nl LOGOUT\n\r\n"
             "l APPEND Sent {3+}\r\nabc trailing\r\n"
             "m APPEND \"a//b\" {3+}\r\nabc\r\n"
             "n STATUS Sent (MESSAGES UNSEEN)\r\n",
             "+ OK\r\na OK [APPENDUID 1002 1] APPEND completed\r\n"
             "b OK [APPENDUID 1002 2] APPEND completed\r\n"
             "+ OK\r\n+ OK\r\nc OK [APPENDUID 1002 3] APPEND completed\r\n"
             "d NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
             "e NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
             "f BAD Not a date\r\n"
             "g BAD APPEND: Not understood\r\n"
             "h BAD APPEND: Not understood\r\n"
             "i BAD APPEND: Not understood\r\n"
             "j NO [TRYCREATE] APPEND failed: does not exist yet\r\n"
             "k OK [APPENDUID 1002 4:5] APPEND completed\r\n"
             "l BAD APPEND: Not understood\r\n"
             "m NO [CANNOT] Not a mailbox name\r\n"
             "* STATUS \"Sent\" (MESSAGES 5 UNSEEN 4)\r\nn OK STATUS completed\r\n");
}

static void what_arrives(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "a APPEND INBOX (\\Seen \\Recent \\Foo one two one) {12}\r\n", "+ ");
    chat_send(&t, span_of("a\r\n.\r\n\0\xff\r\n\r\n", 12));
    chat_contains(&t, "\r\n", "a OK [APPENDUID 1001 1]");
    ll_span message = memory_message(t.store, "INBOX", 1);
    assert_int_equal(message.size, 12);
    assert_memory_equal(message.data, "a\r\n.\r\n\0\xff\r\n\r\n", 12);
    ll_flags flags;
    const ll_view *view = memory_view(t.store, "INBOX");
    assert_true(ll_view_flags(view, 1, &flags));
    assert_int_equal(flags.bits[0], 1u << LL_FLAG_SEEN | 3u << LL_FLAG_KEYWORD);
    assert_int_equal(ll_view_keywords(view), 2);
    chat_close(&t);
}

static void several(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.append_messages = 3;
    chat_all(&(chat_how){.login = true, .limits = &limits}, NULL,
             "a APPEND INBOX {3+}\r\none (\\Seen) {3}\r\ntwo {5+}\r\nthree\r\n"
             "b APPEND INBOX {3+}\r\none {3+}\r\ntwo {3+}\r\nthr {4+}\r\nfour\r\n"
             "c APPEND INBOX {3+}\r\none (\\Seen {3+}\r\ntwo\r\n"
             "d STATUS INBOX (MESSAGES)\r\n",
             "+ OK\r\na OK [APPENDUID 1001 1:3] APPEND completed\r\n"
             "b NO [LIMIT] Too many messages\r\n"
             "c BAD APPEND: Not understood\r\n"
             "* STATUS \"INBOX\" (MESSAGES 3)\r\nd OK STATUS completed\r\n");
}

/* Into the selected mailbox: the client is told before the OK (RFC 3501 section 6.3.11). */
static void into_the_selected(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL, "a SELECT Trash\r\nb APPEND Trash {3+}\r\nabc\r\n",
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft \\*)] Flags that can be kept\r\n"
             "* 0 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1004] UIDs are valid\r\n* OK [UIDNEXT 1] Next UID\r\n"
             "* OK [MAILBOXID (F4)] Id\r\n* OK [HIGHESTMODSEQ 4] Highest\r\n"
             "a OK [READ-WRITE] SELECT completed\r\n"
             "* 1 EXISTS\r\n* 1 RECENT\r\nb OK [APPENDUID 1004 1] APPEND completed\r\n");
}

/* A session counts what it holds. */
typedef struct counting {
    size_t now, most;
} counting;

static void *count_resize(void *context, void *memory, size_t size)
{
    counting *c = context;
    c->now -= memory ? malloc_usable_size(memory) : 0;
    void *grown = NULL;
    if (!size)
        free(memory);
    else
        grown = realloc(memory, size);
    c->now += grown ? malloc_usable_size(grown) : 0;
    c->most = c->now > c->most ? c->now : c->most;
    return grown;
}

static ll_status sink(void *self, void *upload, ll_span bytes)
{
    (void)self, (void)upload, (void)bytes;
    return LL_OK;
}

static void large(void **state)
{
    (void)state;
    counting count = {0};
    ll_allocator allocator = {count_resize, &count};
    ll_connector connector = memory_connector;
    connector.append_data = sink;
    chat t;
    chat_open(&t, &(chat_how){.login = true, .allocator = &allocator, .connector = &connector});
    size_t idle = count.now;
    chat_contains(&t, "a APPEND INBOX {52428800}\r\n", "+ ");
    count.most = 0;
    static const char piece[65536];
    for (int i = 0; i < 800; i++) {
        size_t taken;
        assert_int_equal(ll_session_input(t.session, span_of(piece, sizeof piece), &taken), LL_OK);
        assert_int_equal(taken, sizeof piece);
    }
    assert_true(count.most < 8192);
    chat_contains(&t, "\r\n", "a OK [APPENDUID");
    assert_true(idle < 3072 && count.now < 3072);
    chat_close(&t);
    assert_int_equal(count.now, 0);
}

/* The answer to a command, with whatever bytes. */
static void expect_bytes(chat *t, ll_span send, ll_span want)
{
    chat_send(t, send);
    assert_int_equal(t->said.size, want.size);
    assert_memory_equal(t->said.data, want.data, want.size);
    text_clear(&t->said);
}

/* docs/why/bytes-as-they-came.md */
static void bytes_as_they_came(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    t.grammar.nul = true;
    expect_bytes(&t, SPAN("a APPEND INBOX ~{12+}\r\nS: x\r\n\r\na\0\r\n\r\n"),
                 SPAN("a OK [APPENDUID 1001 1] APPEND completed\r\n"));
    expect_bytes(&t, SPAN("b APPEND INBOX {12+}\r\nS: x\r\n\r\n\0a\r\n\r\n"),
                 SPAN("b OK [APPENDUID 1001 2] APPEND completed\r\n"));
    expect_bytes(&t, SPAN("c APPEND INBOX {12+}\r\nS: \xe4\r\n\r\na \r\n\r\n"),
                 SPAN("c OK [APPENDUID 1001 3] APPEND completed\r\n"));
    chat_contains(&t, "d EXAMINE INBOX\r\n", "d OK");
    expect_bytes(&t, SPAN("e FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[1] BODY.PEEK[1])\r\n"),
                 SPAN("* 1 FETCH (BINARY[1] ~{4}\r\na\0\r\n BINARY.SIZE[1] 4 BODY[1] {4}\r\na\0\r\n)\r\ne OK FETCH "
                      "completed\r\n"));
    expect_bytes(
        &t, SPAN("f FETCH 2 (BINARY.PEEK[1]<1.9> BODY.PEEK[])\r\n"),
        SPAN("* 2 FETCH (BINARY[1]<1> {3}\r\na\r\n BODY[] {12}\r\nS: x\r\n\r\n\0a\r\n)\r\nf OK FETCH completed\r\n"));
    expect_bytes(
        &t, SPAN("g FETCH 3 (BINARY.PEEK[1] BODY.PEEK[HEADER])\r\n"),
        SPAN("* 3 FETCH (BINARY[1] {4}\r\na \r\n BODY[HEADER] {8}\r\nS: \xe4\r\n\r\n)\r\ng OK FETCH completed\r\n"));
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append),  cmocka_unit_test(what_arrives),
        cmocka_unit_test(several), cmocka_unit_test(into_the_selected),
        cmocka_unit_test(large),   cmocka_unit_test(bytes_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
