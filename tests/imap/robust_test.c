/* Every allocation fails once: the session says so or ends, and nothing is lost or leaked.
 * SPDX-License-Identifier: MIT */
#include "chat.h"
#include "../library/failing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

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

static void unauthenticated(void *context)
{
    (void)context;
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

/* What came with extensions: QRESYNC, UNCHANGEDSINCE, contexts and PARTIAL, MULTISEARCH, NOTIFY, special uses, quota.
 */
static const char extensions[] =
    "a LOGIN user secret\r\n"
    "b ENABLE QRESYNC UTF8=ACCEPT\r\n"
    "b1 NOTIFY SET STATUS (selected (MessageNew (FLAGS) MessageExpunge FlagChange)) (subtree "
    "(INBOX) (MessageNew MessageExpunge)) (personal (MailboxName SubscriptionChange))\r\n"
    "b2 NAMESPACE\r\n"
    "b3 ID (\"name\" \"test\" \"version\" NIL)\r\n"
    "c SELECT INBOX (QRESYNC (1 1 1:5 (1 1)))\r\n"
    "c1 APPEND INBOX (\\Seen) \"01-Jan-2020 00:00:00 +0000\" {5+}\r\nhello {3+}\r\ntwo\r\n"
    "c2 SEARCH RETURN (UPDATE (BODY[TEXT] FLAGS) ALL) ALL\r\n"
    "c0 APPEND INBOX {3+}\r\nnew\r\n"
    "c3 UID SEARCH RETURN (PARTIAL 1:2) 1:* OLDER 10\r\n"
    "c4 STORE 1:* (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Answered word)\r\n"
    "c5 UID FETCH 1:* (FLAGS MODSEQ EMAILID THREADID SAVEDATE) (CHANGEDSINCE 1 VANISHED)\r\n"
    "c6 CANCELUPDATE \"c2\"\r\n"
    "c7 ESEARCH IN (subtree (INBOX Sent) personal) RETURN (ALL COUNT MIN MAX) TEXT hello\r\n"
    "c8 SEARCH RETURN (SAVE) ALL\r\n"
    "c9 UID STORE $ +FLAGS (\\Deleted)\r\n"
    "d UID COPY $ Sent\r\n"
    "d1 REPLACE 1 Sent (\\Flagged) {3+}\r\nnew\r\n"
    "d2 UID EXPUNGE 1:*\r\n"
    "d3 CREATE Later (USE (\\Archive))\r\n"
    "d4 LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE SUBSCRIBED)\r\n"
    "d5 LIST \"\" * RETURN (STATUS (MESSAGES DELETED SIZE HIGHESTMODSEQ))\r\n"
    "d6 SUBSCRIBE Later\r\n"
    "d7 LSUB \"\" *\r\n"
    "d8 UNSUBSCRIBE Later\r\n"
    "d9 DELETE Later\r\n"
    "e GETQUOTA \"\"\r\n"
    "e1 SETQUOTA \"\" (STORAGE 10)\r\n"
    "e2 UNSELECT\r\n"
    "e0 APPEND INBOX {5+}\r\nhello\r\n"
    "e3 EXAMINE INBOX (CONDSTORE)\r\n"
    "e4 FETCH 1 (BINARY.SIZE[1] BODY.PEEK[1.MIME] BODY[TEXT]<1.2>)\r\n"
    "e5 NOTIFY NONE\r\n"
    "f UNAUTHENTICATE\r\n"
    "g AUTHENTICATE PLAIN AHVzZXIAc2VjcmV0\r\n\r\n"
    "h STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE MAILBOXID)\r\n"
    "i LOGOUT\r\n";

/* What follows COMPRESS would have to be compressed; it is the end of the session then. */
static const char compressed[] = "a LOGIN user secret\r\n"
                                 "b SELECT INBOX\r\n"
                                 "c COMPRESS DEFLATE\r\n"
                                 "this is not deflate\r\n";

/* False: it went through without a failure. */
static bool run_with_failure(const char *said, long at, bool later)
{
    chat t = {.store = memory_store_new()};
    failing f = {at, 0};
    ll_allocator allocator = {failing_resize, &f};
    ll_host host = {
        .size = sizeof host, .mechanisms = mechanisms, .auth_start = auth_start, .unauthenticated = unauthenticated};
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .allocator = &allocator, .host = &host, .context = t.store};
    current = &t;
    memory_deliver(t.store, "INBOX", SPAN("x"), 1u << LL_FLAG_DELETED);
    memory_later(t.store, later);
    if (ll_session_new(&t.session, &config) == LL_OK) {
        ll_span rest = span_str(said);
        for (bool moved = true; moved;) {
            size_t taken = 0;
            ll_status status = LL_OK;
            if (ll_session_wants(t.session) & LL_WANTS_INPUT)
                status = ll_session_input(t.session, rest, &taken);
            assert_true(status == LL_OK || status == LL_ENOMEM);
            rest = span_from(rest, taken);
            ll_span out = ll_session_output(t.session);
            moved = taken || out.size;
            if (said != compressed)
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
    static const char *const all[] = {conversation, extensions, compressed};
    for (size_t n = 0; n < sizeof all / sizeof all[0]; n++)
        for (int later = 0; later < 2; later++) {
            long at = 0;
            while (run_with_failure(all[n], at, later))
                at++;
            assert_true(at > (all[n] == compressed ? 10 : 100));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
