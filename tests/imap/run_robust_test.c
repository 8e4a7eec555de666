/* run_robust_test.c - every allocation of the message-side commands fails once: what the client reads is then still
 * true. SPDX-License-Identifier: MIT */
#include "talk.h"
#include "../library/failing.h"

#include <limits.h>
#include <stdlib.h>

static const char *const says[] = {
    "a FETCH 1:* (FLAGS UID INTERNALDATE ENVELOPE BODYSTRUCTURE BODY[1] BODY[HEADER.FIELDS (SUBJECT)]<0.9> RFC822)\r\n",
    ("j UID FETCH 1:* (BINARY.PEEK[1] BINARY.SIZE[1] PREVIEW EMAILID THREADID SAVEDATE) (CHANGEDSINCE 1 PARTIAL "
     "-1:-2)\r\n"),
    "b SEARCH OR TEXT sunny (FROM joe NOT BODY rain) 1:* UNSEEN SENTSINCE 1-Jan-1990\r\n",
    "c SEARCH CHARSET iso-8859-1 OR HEADER Subject hi KEYWORD $Work\r\n",
    "d UID SEARCH BODY \"sunny day\"\r\n",
    "k SETMETADATA \"\" (/private/filters/values/f \"NOT BODY rain\")\r\n",
    "n UID SEARCH XREGEX TEXT \"s[u]nn?y (day)?\" FILTER f\r\n",
    "o UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT) UTF-8 UNSEEN TEXT sunny\r\n",
    "p SEARCH RETURN (UPDATE (UID BODY[HEADER.FIELDS (SUBJECT)]) ALL) OR XREGEX SUBJECT hi (FLAGGED FILTER f)\r\n",
    "x UID SEARCH RETURN (UPDATE (ENVELOPE BODY[TEXT])) UNSEEN\r\n",
    "q APPEND INBOX {24+}\r\nSubject: hi\r\n\r\nsunny!!\r\n",
    "e STORE 1:2 +FLAGS ($Work \\Flagged)\r\n",
    "f COPY 1:2 Sent\r\n",
    "g MOVE 1 Sent\r\n",
    "h STORE 1 +FLAGS.SILENT (\\Deleted)\r\n",
    "i UID EXPUNGE 1:*\r\n",
    "k SORT (SUBJECT REVERSE DATE FROM) UTF-8 ALL\r\n",
    "m UID SORT RETURN (PARTIAL 1:1) (DISPLAYFROM SIZE) UTF-8 TEXT sunny\r\n",
    "n THREAD REFERENCES UTF-8 ALL\r\n",
    "o UID SEARCH RETURN (MIN MAX COUNT ALL) OR SUBJECT hi LARGER 10\r\n",
    "p ESEARCH IN (inboxes selected) RETURN (COUNT ALL) BODY sunny\r\n",
    "q STORE 1:* (UNCHANGEDSINCE 9) -FLAGS (\\Seen $Work)\r\n",
    "r LIST (SUBSCRIBED) \"\" * RETURN (STATUS (MESSAGES UIDNEXT))\r\n",
    "t GETMETADATA (DEPTH infinity) \"\" (/shared /private)\r\n",
    "u STATUS Sent (MESSAGES SIZE HIGHESTMODSEQ MAILBOXID)\r\n",
    "v NOTIFY SET STATUS (personal (MessageNew MessageExpunge))\r\n",
    "w FETCH 2 (BODY.PEEK[1.MIME] BODY.PEEK[HEADER.FIELDS.NOT (DATE)] ENVELOPE BODY)\r\n",
};

enum { says_count = sizeof says / sizeof says[0] };

/* The n-th command's replies in want[n]. With a failure at allocation `at` of it, the reply must be the same, or NO or
 * BAD, or the session must be over. False: it went through without the failure. */
static bool run(memory_store *store, long at, size_t n, bool later, text *want)
{
    failing f = {LONG_MAX, 0};
    ll_allocator allocator = {failing_resize, &f};
    talk t = {.store = store, .connector = &memory_connector};
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .host = &talk_host, .context = &t, .allocator = &allocator};
    text_init(&t.got, NULL, 1 << 20);
    assert_int_equal(ll_session_new(&t.session, &config), LL_OK);
    talk_settle(&t);
    talk_say(&t, "l LOGIN a b\r\n");
    talk_say(&t, "s SELECT INBOX\r\n");
    memory_later(store, later);
    for (size_t i = 0; i < n; i++)
        talk_say(&t, says[i]);
    talk_bytes(&t, span_first(span_str(says[n]), strlen(says[n]) - 1)); /* collecting the line is session_test's */
    f.left = at;
    const char *got = talk_say(&t, "\n");
    const char tag[] = {says[n][0], ' ', '\0'};
    bool failed = f.left < 0;
    f.left = LONG_MAX;
    if (!failed)
        text_add_str(want, got);
    else if (!(ll_session_wants(t.session) & LL_WANTS_CLOSE)) {
        const char *reply = got;
        for (const char *line = got; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
            if (!strncmp(line, tag, 2))
                reply = line;
        assert_memory_equal(reply, tag, 2);
        if (!strncmp(reply + 2, "OK", 2) && says[n][2] != 'C' && says[n][2] != 'M' &&
            says[n][2] != 'A') /* COPYUID may be left out */
            assert_string_equal(got, text_str(want));
    }
    talk_leave(&t);
    while (memory_complete(store))
        ;
    assert_int_equal(f.held, 0);
    assert_int_equal(memory_sessions(store), 0);
    return failed;
}

/* content: rows bring some of it, one an answer, lent. */
static memory_store *new_store(bool content)
{
    memory_store *store = memory_store_new();
    memory_content(store, content ? 60 : 0, 1, true);
    memory_deliver(store, "INBOX",
                   SPAN("From: joe@x.org\r\nSubject: hi\r\nDate: 1 Jan 2000 00:00:00 +0000\r\n\r\nA sunny day\r\n"), 0);
    memory_deliver(store, "INBOX",
                   SPAN("Subject: two\r\nDate: 1 Jan 2000 00:00:00 +0000\r\nContent-Type: multipart/mixed; "
                        "boundary=b\r\n\r\n--b\r\n"
                        "Content-Type: text/html\r\n\r\n<p>sunny</p>\r\n--b--\r\n"),
                   0);
    return store;
}

static void every_allocation(void **state)
{
    (void)state;
    for (int way = 0; way < 3; way++)
        for (size_t n = 0; n < says_count; n++) {
            text want;
            text_init(&want, NULL, 1 << 20);
            memory_store *store = new_store(way == 2);
            assert_false(run(store, LONG_MAX, n, way > 0, &want));
            memory_store_del(&store);
            bool failed = true;
            for (long at = 0; failed; at++) {
                text again;
                text_init(&again, NULL, 1 << 20);
                text_add(&again, text_span(&want));
                store = new_store(way == 2);
                failed = run(store, at, n, way > 0, &again);
                memory_store_del(&store);
                text_fini(&again);
            }
            text_fini(&want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
