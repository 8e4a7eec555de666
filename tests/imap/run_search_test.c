/* run_search_test.c - SEARCH in conversation, see src/imap/run_search.c
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>

enum { SEEN = 1u << LL_FLAG_SEEN, DELETED = 1u << LL_FLAG_DELETED, ANSWERED = 1u << LL_FLAG_ANSWERED };

/* Numbers 1 to 5, UIDs 1, 2, 4, 5, 6. */
static void fill(memory_store *store)
{
    memory_deliver(store, "INBOX",
                   SPAN("From: =?utf-8?q?J=C3=B6rg?= <joerg@x.org>\r\nTo: Friends: a@x.org, \"B, C\" <b@y.org>;\r\n"
                        "Subject: =?iso-8859-1?q?gr=FC=DFe?= from here\r\nDate: Mon, 7 Feb 1994 23:30:00 -0800\r\n"
                        "Message-ID: <one@x.org>\r\nX-Spam: Yes\r\n\r\nplain body text\r\n"),
                   SEEN);
    memory_deliver(
        store, "INBOX",
        SPAN("From: mary@y.org\r\nCc: joerg@x.org\r\nSubject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
             "--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
             "U3RyYcOfZSBuYWNoIE3DvG5jaGVu\r\n" /* "Straße nach München" */
             "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\n\r\n"
             "invisible pdf\r\n--b--\r\n"),
        ANSWERED);
    memory_deliver(store, "INBOX", SPAN("gone"), 0);
    memory_deliver(
        store, "INBOX",
        SPAN("Subject: three\r\nBcc: secret@z.org\r\nContent-Type: text/html\r\n\r\n<p>wo<b>rd</b>&nbsp;pair</p>\r\n"),
        SEEN | DELETED);
    memory_deliver(store, "INBOX",
                   SPAN("Subject: outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
                        "=?utf-8?q?inn=C3=A9r?=\r\n\r\ndeep words\r\n"),
                   0);
    memory_deliver(store, "INBOX", SPAN(""), 0);
    memory_expunge(store, "INBOX", (ll_range){3, 3});
    memory_flag(store, "INBOX", (ll_range){2, 4}, LL_FLAGS_ADD, 0, "$Label1");
    memory_set_date(store, "INBOX", 1, 760665600); /* 8-Feb-1994 00:00 UTC */
    memory_set_date(store, "INBOX", 2, 760665599);
    memory_set_date(store, "INBOX", 4, 0);
    memory_set_date(store, "INBOX", 5, 1000000000);
    memory_set_date(store, "INBOX", 6, 1000000000);
}

static const struct {
    const char *keys, *want;
} cases[] = {
    {"ALL", "1 2 3 4 5"},
    {"SEEN", "1 3"},
    {"UNSEEN", "2 4 5"},
    {"DELETED SEEN", "3"},
    {"OR DELETED ANSWERED", "2 3"},
    {"NOT OR DELETED ANSWERED", "1 4 5"},
    {"FLAGGED", ""},
    {"RECENT", "1 2 3 4 5"},
    {"OLD", ""},
    {"NEW", "2 4 5"},
    {"KEYWORD $label1", "2 3"},
    {"UNKEYWORD $LABEL1", "1 4 5"},
    {"KEYWORD unknown", ""},
    {"UNKEYWORD unknown", "1 2 3 4 5"},
    {"2:3", "2 3"},
    {"*", "5"},
    {"5,1,1:2", "1 2 5"},
    {"UID 3:5", "3 4"},
    {"UID 1000:*", "5"},
    {"NOT 1", "2 3 4 5"},
    {"1:3 UID 2:4 UNSEEN", "2"},
    {"6", ""},
    {"4:9,7", "4 5"},
    {"NOT 3:9", "1 2"},
    {"BEFORE 8-Feb-1994", "2 3"},
    {"ON 8-Feb-1994", "1"},
    {"SINCE 8-Feb-1994", "1 4 5"},
    {"NOT ON 8-Feb-1994 SEEN", "3"},
    {"SENTON 7-Feb-1994", "1"}, /* as the header says it, not in UTC */
    {"SENTBEFORE 8-Feb-1994", "1"},
    {"SENTSINCE 8-Feb-1994", ""},
    {"NOT SENTSINCE 8-Feb-1994", "1 2 3 4 5"},
    {"LARGER 0", "1 2 3 4"},
    {"SMALLER 1", "5"},
    {"FROM joerg", "1"},
    {"FROM \"J\xc3\xb6rg <JOERG@\"", "1"},
    {"FROM y.org", "2"},
    {"NOT FROM y.org", "1 3 4 5"},
    {"TO \"b, c\"", "1"},
    {"TO friends", "1"},
    {"TO nobody", ""},
    {"CC joerg@X.ORG", "2"},
    {"BCC secret", "3"},
    {"SUBJECT \"GR\xc3\x9cSSE FROM\"", "1"},
    {"CHARSET iso-8859-1 SUBJECT {3}\r\nr\xfc\xdf", "1"},
    {"SUBJECT t", "2 3 4"},
    {"SUBJECT \"\"", "1 2 3 4"},
    {"HEADER X-Spam yes", "1"},
    {"HEADER X-Spam no", ""},
    {"HEADER x-spam \"\"", "1"},
    {"HEADER Content-Type HTML", "3"},
    {"HEADER Message-Id <ONE@x.org>", "1"},
    {"NOT HEADER Message-ID \"\"", "2 3 4 5"},
    {"BODY \"plain body\"", "1"},
    {"BODY here", ""}, /* in the subject only */
    {"TEXT here", "1"},
    {"BODY \"strasse nach m\xc3\xbcnchen\"", "2"},
    {"BODY U3RyYcOf", ""},
    {"BODY invisible", ""},
    {"BODY report.pdf", "2"}, /* in a part's header */
    {"TEXT report.pdf", "2"},
    {"BODY \"word pair\"", "3"},
    {"BODY wo<b>", "3"},
    {"BODY \"deep words\"", "4"},
    {"BODY \"inn\xc3\xa9r\"", "4"}, /* the header of a message in the message is in its body */
    {"TEXT outer", "4"},
    {"BODY outer", ""},
    {"BODY \"\"", "1 2 3 4 5"},
    {"OR BODY plain OR BODY nach BODY pair", "1 2 3"},
    {"OR TEXT words SEEN NOT BODY pair", "1 4"},
    {"NOT TEXT e", "5"},
    {"UNSEEN BODY o NOT SUBJECT two", "4"},
    {"XREGEX SUBJECT ^t", "2 3"},
    {"XREGEX subject \"gr\xc3\xbc(ss|\xc3\x9f)e\"", "1"},
    {"XREGEX SUBJECT \"(?-i)GR\"", ""},
    {"CHARSET iso-8859-1 XREGEX SUBJECT {6}\r\nr\xfc.[e]", "1"},
    {"XREGEX FROM \"<[a-z]+@x\\\\.org>\"", "1"},
    {"XREGEX TO \"^a@.*, c\"", ""},
    {"XREGEX CC j.+@", "2"},
    {"XREGEX BCC .", "3"},
    {"NOT XREGEX FROM .", "3 4 5"},
    {"XREGEX X-Spam ^yes$", "1"},
    {"XREGEX Message-ID \"<.*@x\"", "1"},
    {"XREGEX BODY \"stra.e nach\"", "2"},
    {"XREGEX BODY \"^word\\\\spair\"", "3"},
    {"XREGEX BODY \"<b>r\"", "3"},
    {"XREGEX BODY \"^inn\xc3\xa9r\"", ""}, /* "Subject: inner" is its line */
    {"XREGEX BODY \"^subject: inn.r\"", "4"},
    {"XREGEX BODY outer", ""},
    {"XREGEX TEXT ^subject:.outer$", "4"},
    {"XREGEX TEXT here UNSEEN", ""},
    {"OR XREGEX BODY pair XREGEX BODY deep BODY words", "4"},
    {"FUZZY XREGEX BODY pair", "3"},
    {"XREGEX BODY ^$", "5"},
    {"CHARSET nonsense ALL", "NO"},
    {"CHARSET utf-8 BODY {1}\r\n\xff", "NO"},
};

static void test_cases(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        fill(store);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "e EXAMINE INBOX\r\n");
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            char say[300], want[300];
            const char *expect = cases[i].want;
            snprintf(say, sizeof say, "a SEARCH %s\r\n", cases[i].keys);
            if (!expect)
                snprintf(want, sizeof want, "a BAD There is no message of that number\r\n");
            else if (!strcmp(expect, "NO"))
                snprintf(want, sizeof want,
                         "a NO [BADCHARSET (US-ASCII UTF-8)] SEARCH failed: is a charset not supported\r\n");
            else
                snprintf(want, sizeof want, "* SEARCH%s%s\r\na OK SEARCH completed\r\n", *expect ? " " : "", expect);
            const char *got = talk_say(&t, say);
            if (!strncmp(got, "+ ", 2)) /* asked for the literal */
                got = strchr(got, '\n') + 1;
            if (strcmp(got, want))
                print_error("SEARCH %s\n", cases[i].keys);
            assert_string_equal(got, want);
        }
        assert_string_equal(talk_say(&t, "a UID SEARCH 2:4\r\n"), "* SEARCH 2 4 5\r\na OK UID SEARCH completed\r\n");
        assert_string_equal(talk_say(&t, "a UID SEARCH BODY words\r\n"), "* SEARCH 5\r\na OK UID SEARCH completed\r\n");
        talk_leave(&t);
        memory_store_del(&store);
    }
}

static void test_empty(void **state)
{
    talk t = {0};
    (void)state;
    memory_store *store = memory_store_new();
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    assert_string_equal(talk_say(&t, "a SEARCH 1:* TEXT a\r\n"), "* SEARCH\r\na OK SEARCH completed\r\n");
    assert_string_equal(talk_say(&t, "a UID SEARCH ALL\r\n"), "* SEARCH\r\na OK UID SEARCH completed\r\n");
    talk_leave(&t);
    memory_store_del(&store);
}

/* A body of several reads and many windows, with the words across every kind of border. */
static void test_large(void **state)
{
    (void)state;
    text message;
    text_init(&message, NULL, 4 << 20);
    text_add_str(&message,
                 "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n");
    while (message.size < (256 << 10) - 9)
        text_add_str(&message, "x");
    text_add_str(&message, "first b=C3=B6rder");
    while (message.size < 1 << 20)
        text_add_str(&message, "=C3=A4 y ");
    text_add_str(&message, "last word");
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", text_span(&message), 0);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "e EXAMINE INBOX\r\n");
        assert_string_equal(talk_say(&t, "a SEARCH BODY \"FIRST B\xc3\x96RDER\"\r\n"),
                            "* SEARCH 1\r\na OK SEARCH completed\r\n");
        assert_string_equal(talk_say(&t, "a SEARCH BODY \"last word\" TEXT \"\xc3\x84 y \xc3\xa4\"\r\n"),
                            "* SEARCH 1\r\na OK SEARCH completed\r\n");
        assert_string_equal(talk_say(&t, "a SEARCH TEXT \"last words\"\r\n"), "* SEARCH\r\na OK SEARCH completed\r\n");
        talk_leave(&t);
        memory_store_del(&store);
    }
    text_fini(&message);
}

/* A pattern that is none, one that takes too long, and too many of them. */
static void test_patterns(void **state)
{
    talk t = {0};
    text message;
    (void)state;
    memory_store *store = memory_store_new();
    text_init(&message, NULL, 1 << 20);
    text_add_str(&message, "Subject: many\r\n\r\n");
    while (message.size < 200000)
        text_add_byte(&message, 'a');
    text_add_str(&message, " over the border");
    memory_deliver(store, "INBOX", text_span(&message), 0);
    talk_join(&t, store, false, NULL, "e EXAMINE INBOX\r\n");
    assert_string_equal(talk_say(&t, "a SEARCH XREGEX SUBJECT \"(x\"\r\n"),
                        "a NO [CANNOT] The pattern is wrong at its byte 2: missing closing parenthesis\r\n");
    assert_non_null(
        strstr(talk_say(&t, "a SEARCH XREGEX BODY \"(a+)+$\"\r\n"), "a NO [LIMIT] The pattern takes too long"));
    assert_non_null(strstr(talk_say(&t, "a SORT (DATE) UTF-8 XREGEX BODY \"(a+)+$\"\r\n"), "a NO [LIMIT] The pattern"));
    assert_non_null(strstr(talk_say(&t, "a THREAD REFERENCES UTF-8 XREGEX BODY \"(a+)+$\"\r\n"), "a NO [LIMIT] The"));
    assert_string_equal(talk_say(&t, "a SEARCH XREGEX SUBJECT \"(a+)+$\"\r\n"),
                        "* SEARCH\r\na OK SEARCH completed\r\n");
    assert_string_equal(talk_say(&t, "a SEARCH XREGEX BODY \"a over.*border\\\\z\"\r\n"),
                        "* SEARCH 1\r\na OK SEARCH completed\r\n");
    assert_string_equal(talk_say(&t, "a SEARCH XREGEX BODY \"\\\\A over\"\r\n"),
                        "* SEARCH\r\na OK SEARCH completed\r\n");
    assert_string_equal(talk_say(&t, "a SEARCH XREGEX BODY\r\n"), "a BAD SEARCH: Not understood\r\n");
    text_clear(&message);
    text_add_str(&message, "a SEARCH");
    for (unsigned i = 0; i < 17; i++)
        text_add_str(&message, " XREGEX BODY a");
    text_add_str(&message, "\r\n");
    assert_non_null(strstr(talk_bytes(&t, text_span(&message)), "a NO [LIMIT]"));
    text_fini(&message);
    talk_leave(&t);
    memory_store_del(&store);
}

/* What the connector refuses is the client's NO. */
static void test_refused(void **state)
{
    talk t = {0};
    (void)state;
    memory_store *store = memory_store_new();
    fill(store);
    talk_join(&t, store, false, NULL, "e EXAMINE INBOX\r\n");
    memory_fail_next(store, LL_EIO, "the disk is on fire");
    assert_string_equal(talk_say(&t, "a SEARCH LARGER 1\r\n"), "a NO [UNAVAILABLE] the disk is on fire\r\n");
    memory_fail_next(store, LL_EIO, NULL);
    assert_string_equal(talk_say(&t, "a FETCH 1 RFC822.SIZE\r\n"),
                        "a NO [UNAVAILABLE] FETCH failed: input or output failed\r\n");
    talk_leave(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),    cmocka_unit_test(test_empty),   cmocka_unit_test(test_large),
        cmocka_unit_test(test_patterns), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
