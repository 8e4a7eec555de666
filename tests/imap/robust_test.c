/* Every allocation fails once: the session says so or ends, and nothing is lost or leaked.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct failing {
    long left, held;
} failing;

static void *resize(void *context, void *memory, size_t size)
{
    failing *f = context;
    if (!size) {
        f->held -= memory != NULL;
        free(memory);
        return NULL;
    }
    if (f->left-- == 0)
        return NULL;
    void *grown = realloc(memory, size);
    f->held += grown && !memory;
    return grown;
}

static chat *current;

static const char *mechanisms(void *context)
{
    (void)context;
    return "PLAIN";
}

static void auth_start(void *context, ll_span mechanism, ll_span initial, bool login)
{
    (void)mechanism, (void)initial, (void)login;
    ll_session_authenticated(current->session, &memory_connector, memory_login(context, NULL, NULL), SPAN("data"));
}

static const char conversation[] = "a LOGIN {4+}\r\nuser \"sec\\\"ret\"\r\n"
                                   "b LIST \"\" %\r\n"
                                   "c CREATE &AOQ-/b\r\n"
                                   "d SELECT INBOX\r\n"
                                   "e APPEND INBOX (\\Seen kw) {5+}\r\nhello\r\n"
                                   "e2 SETMETADATA Sent (/private/a {1+}\r\nx /shared/b \"y\")\r\n"
                                   "e3 GETMETADATA Sent (DEPTH infinity) (/private/a /shared)\r\n"
                                   "e4 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% I*) RETURN (CHILDREN "
                                   "STATUS (SIZE UIDNEXT MAILBOXID) METADATA (/private/a))\r\n"
                                   "e5 GETQUOTAROOT INBOX\r\n"
                                   "e6 APPEND INBOX CATENATE (URL /INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(TO) "
                                   "TEXT {2+}\r\n\r\n URL /INBOX/;UID=1) ~{3+}\r\nabc\r\n"
                                   "e7 UID REPLACE 1 Sent {3+}\r\nnew\r\n"
                                   "e8 APPEND INBOX CATENATE (URL {12+}\r\n/none/;UID=1)\r\n"
                                   "e1 FETCH 1:* (UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY.PEEK[] "
                                   "BODY.PEEK[HEADER.FIELDS (SUBJECT)] BINARY.PEEK[1] PREVIEW)\r\n"
                                   "e2 UID SEARCH RETURN (SAVE ALL COUNT) OR TEXT hello NOT SUBJECT x\r\n"
                                   "e3 STORE 1:* +FLAGS (\\Answered kw2)\r\n"
                                   "e4 UID SORT RETURN (ALL) (SUBJECT REVERSE DATE) UTF-8 ALL\r\n"
                                   "e5 UID THREAD REFERENCES UTF-8 ALL\r\n"
                                   "e6 COPY 1:* Sent\r\n"
                                   "e7 UID MOVE 2 Sent\r\n"
                                   "e8 APPEND INBOX {3+}\r\none {3+}\r\ntwo\r\n"
                                   "e9 EXPUNGE\r\n"
                                   "f STATUS Sent (MESSAGES)\r\n"
                                   "f1 LIST (SUBSCRIBED) \"\" (* %) RETURN (CHILDREN STATUS (MESSAGES UIDNEXT))\r\n"
                                   "f2 SETMETADATA INBOX (/private/comment \"x\" /shared/comment NIL)\r\n"
                                   "f3 GETMETADATA (DEPTH infinity) INBOX (/private /shared)\r\n"
                                   "f4 GETQUOTAROOT INBOX\r\n"
                                   "g IDLE\r\nDONE\r\n"
                                   "h RENAME Trash Bin\r\n"
                                   "i CHECK\r\n"
                                   "j CLOSE\r\n"
                                   "k LOGOUT\r\n";

/* False: it went through without a failure. */
static bool run_with_failure(long at, bool later)
{
    chat t = {.store = memory_store_new()};
    failing f = {at, 0};
    ll_allocator allocator = {resize, &f};
    ll_host host = {.size = sizeof host, .mechanisms = mechanisms, .auth_start = auth_start};
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .allocator = &allocator, .host = &host, .context = t.store};
    current = &t;
    memory_deliver(t.store, "INBOX", SPAN("x"), 1u << LL_FLAG_DELETED);
    memory_later(t.store, later);
    if (ll_session_new(&t.session, &config) == LL_OK) {
        ll_span rest = span_str(conversation);
        for (bool moved = true; moved;) {
            size_t taken = 0;
            ll_status status = LL_OK;
            if (ll_session_wants(t.session) & LL_WANTS_INPUT)
                status = ll_session_input(t.session, rest, &taken);
            assert_true(status == LL_OK || status == LL_ENOMEM);
            rest = span_from(rest, taken);
            ll_span out = ll_session_output(t.session);
            moved = taken || out.size;
            grammar_feed(&t.grammar, out);
            ll_session_sent(t.session, out.size);
            moved |= memory_complete(t.store);
        }
        ll_session_del(&t.session);
        while (memory_complete(t.store))
            ;
    }
    grammar_fini(&t.grammar);
    assert_int_equal(f.held, 0);
    assert_int_equal(memory_sessions(t.store), 0);
    memory_store_del(&t.store);
    return f.left < 0;
}

static void every_allocation(void **state)
{
    (void)state;
    long at = 0;
    while (run_with_failure(at, false))
        at++;
    assert_true(at > 100);
    at = 0;
    while (run_with_failure(at, true))
        at++;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
