/* grammar_test.c - the checker of responses: what the RFCs give as examples is right, what is broken is found.
 * SPDX-License-Identifier: MIT */
#include "grammar.h"

#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const good[] = {
    /* RFC 3501 sections 6, 7 and 8 */
    "* OK IMAP4rev1 Service Ready\r\n",
    "a001 OK LOGIN completed\r\n",
    "* CAPABILITY IMAP4rev1 STARTTLS AUTH=GSSAPI LOGINDISABLED\r\n",
    "* PREAUTH IMAP4rev1 server logged in as Smith\r\n",
    "* BYE Autologout; idle for too long\r\n",
    "+ \r\n",
    "+ Ready for additional command text\r\n",
    "+ YGgGCSqGSIb3EgECAgIAb1kwV6ADAgEFoQMCAQ+iSzBJoAMCAQGiQgRAtHTEuOP2\r\n",
    "* 18 EXISTS\r\n",
    "* 0 RECENT\r\n",
    "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n",
    "* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n",
    "* OK [UNSEEN 17] Message 17 is the first unseen message\r\n",
    "* LIST (\\Noselect) \"/\" ~/Mail/foo\r\n",
    "* LIST () \"\\\\\" \"a\"\r\n",
    "* LSUB () NIL INBOX\r\n",
    "* STATUS blurdybloop (MESSAGES 231 UIDNEXT 44292)\r\n",
    "* SEARCH 2 84 882\r\n",
    "* SEARCH\r\n",
    "* 44 EXPUNGE\r\n",
    "* 23 FETCH (FLAGS (\\Seen) RFC822.SIZE 44827)\r\n",
    "* 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 ENVELOPE (\"Wed, 17 Jul "
    "1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" ((\"Terry Gray\" NIL \"gray\" "
    "\"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" "
    "\"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
    "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" "
    "\"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))\r\n",
    "* 12 FETCH (BODY[HEADER] {6}\r\nDate:\n)\r\n",
    "* 1 FETCH (BODY ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)(\"TEXT\" \"PLAIN\" "
    "(\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") \"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" "
    "\"BASE64\" 4554 73) \"MIXED\"))\r\n",
    "* 1 FETCH (BODY[HEADER.FIELDS (DATE \"a b\")]<0> NIL BODY[4.2.HEADER] \"\" BODY[4.1.MIME] \"\" BODY[1] "
    "{0}\r\n)\r\n",
    "* 1 FETCH (BODYSTRUCTURE (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 9 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) "
    "(\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL (\"inline\" NIL) (\"de\" \"en\") NIL 1 (NIL \"x\")) 3 NIL NIL NIL "
    "NIL))\r\n",
    /* RFC 4315, 5530, 9051 */
    "a004 OK [COPYUID 38505 304,319:320 3956:3958] Done\r\n",
    "* OK [CLOSED] Previous mailbox is now closed\r\n",
    "a NO [EXPUNGEISSUED] x\r\n",
    "a NO [BADCHARSET (utf-8 us-ascii)] x\r\n",
    "* ESEARCH (TAG \"A282\") MIN 2 COUNT 3\r\n",
    "* ESEARCH (TAG \"A283\") UID ALL 2,10:11\r\n",
    "* ESEARCH\r\n",
    "* LIST (\\NonExistent) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n",
    "* LIST () \"/\" new (\"OLDNAME\" (old))\r\n",
    "* NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\")(\"x\" NIL)) NIL\r\n",
    "* ENABLED CONDSTORE\r\n",
    "* ENABLED\r\n",
    "* ID (\"name\" \"Cyrus\" \"version\" NIL)\r\n",
    "* ID NIL\r\n",
    /* the extensions */
    "* OK [HIGHESTMODSEQ 715194045007] x\r\n",
    "d105 OK [MODIFIED 7,9] Conditional STORE failed\r\n",
    "* 7 FETCH (MODSEQ (2121231000))\r\n",
    "* SEARCH 2 5 6 7 11 12 18 19 20 23 (MODSEQ 917162500)\r\n",
    "* ESEARCH (TAG \"a\") ALL 1:3,5 MODSEQ 1236\r\n",
    "* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n",
    "* VANISHED 405,407,410,425\r\n",
    "* 1 FETCH (BINARY[1] ~{3}\r\na\0b BINARY[] NIL BINARY[1.2]<3> \"x\" BINARY.SIZE[1] 0)\r\n",
    "* 1 FETCH (EMAILID (M6d99ac3275bb4e) THREADID NIL PREVIEW {2}\r\n\xc3\xa9 SAVEDATE NIL)\r\n",
    "* STATUS a (MAILBOXID (F2212ea87-6097-4256-9d51-71338625) APPENDLIMIT NIL DELETED 0)\r\n",
    "a OK [MAILBOXID (F1)] x\r\n",
    "* THREAD (2)(3 6 (4 23)(44 7 96))\r\n",
    "* THREAD ((3)(5))\r\n",
    "* THREAD\r\n",
    "* ESEARCH (TAG \"A01\") UID PARTIAL (-1:-100 NIL) RELEVANCY (4 99 42)\r\n",
    "* ESEARCH (TAG \"C01\") UID ADDTO (1 2733 1 2732) REMOVEFROM (0 32768)\r\n",
    "* ESEARCH (TAG \"tag1\" MAILBOX \"folder1\" UIDVALIDITY 1) UID ALL 4001,4003\r\n",
    "* QUOTA \"\" (STORAGE 10 512)\r\n",
    "* QUOTAROOT INBOX \"\"\r\n",
    "* METADATA INBOX (/shared/comment {2}\r\nhi /private/x NIL)\r\n",
    "* METADATA \"\" /shared/comment\r\n",
    "a NO [METADATA MAXSIZE 1024] x\r\n",
    "a NO [BADEVENT (MessageNew MessageExpunge)] x\r\n",
    "a NO [BADURL /INBOX;UIDVALIDITY=1] x\r\n",
    "* OK [INPROGRESS (\"a\" 454 1000)] x\r\n",
    "* OK [INPROGRESS] x\r\n",
    "a NO [MESSAGELIMIT 1000 23221] x\r\n",
    "* 25996 UIDFETCH (FLAGS (\\Seen))\r\n",
};

/* And where the fault is. */
static const struct {
    const char *response;
    size_t at;
} bad[] = {
    {"\r\n", 0},
    {"*\r\n", 0},
    {"* \r\n", 2},
    {"a\r\n", 1},
    {"a OK\r\n", 2},
    {"a OK \r\n", 5},
    {"a+ OK x\r\n", 1},
    {"a MAYBE x\r\n", 2},
    {"a OK [NEVERHEARD] x\r\n", 16},
    {"a OK [ALERT]x\r\n", 12},
    {"a OK [ALERT x\r\n", 11},
    {"a OK [UIDNEXT 0] x\r\n", 14},
    {"a OK caf\xc3\xa9\r\n", 8},
    {"* CAPABILITY STARTTLS\r\n", 21},
    {"* CAPABILITY IMAP4rev1 ID IDLE ID\r\n", 31},
    {"* HELLO x\r\n", 7},
    {"* 1 EXIST\r\n", 4},
    {"* 01 EXISTS\r\n", 2},
    {"* 0 EXPUNGE\r\n", 4},
    {"* 1 EXISTS \r\n", 10},
    {"* 1 FETCH ()\r\n", 11},
    {"* 1 FETCH (UID 0)\r\n", 15},
    {"* 1 FETCH (UID 1  FLAGS ())\r\n", 17},
    {"* 1 FETCH (FLAGS (\\*))\r\n", 19},
    {"* FLAGS (\\Recent)\r\n", 9},
    {"* 1 FETCH (FLAGS (a]b))\r\n", 19},
    {"* 1 FETCH (BODY[] {3}\r\nab)\r\n", 26},
    {"* 1 FETCH (BODY[] ~{1}\r\na)\r\n", 18},
    {"* 1 FETCH (RFC822.SIZE NIL)\r\n", 23},
    {"* 1 FETCH (BODY[0] NIL)\r\n", 16},
    {"* 1 FETCH (BODY[MIME] NIL)\r\n", 16},
    {"* 1 FETCH (BODY[1.] NIL)\r\n", 18},
    {"* 1 FETCH (BODY[]<> NIL)\r\n", 18},
    {"* 1 FETCH (PREVIEW \"\xc3\xa9\")\r\n", 20},
    {"* 1 FETCH (PREVIEW \"\\a\")\r\n", 21},
    {"* 1 FETCH (EMAILID ())\r\n", 20},
    {"* 1 FETCH (EMAILID NIL)\r\n", 19},
    {"* 1 FETCH (MODSEQ (0))\r\n", 19},
    {"* 1 FETCH (INTERNALDATE \"1-Jan-2000 00:00:00 +0000\")\r\n", 26},
    {"* 1 FETCH (ENVELOPE (NIL NIL () NIL NIL NIL NIL NIL NIL NIL))\r\n", 30},
    {"* 1 FETCH (BODY (\"text\" \"plain\" () NIL NIL \"7bit\" 1 1))\r\n", 33},
    {"* 1 FETCH (BODY (\"text\" \"plain\" NIL NIL NIL \"7bit\" 1))\r\n", 52},
    {"* 1 FETCH (BODY (\"a\" \"b\" NIL NIL NIL NIL 1))\r\n", 37},
    {"* 1 FETCH (BODY (\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL))\r\n", 45},
    {"* 1 FETCH (BODY (\"mixed\"))\r\n", 24},
    {"* LIST (Noselect) \"/\" a\r\n", 8},
    {"* LIST () \"//\" a\r\n", 12},
    {"* LIST () \"/\" caf\xc3\xa9\r\n", 17},
    {"* LIST () \"/\" {5}\r\ncaf\xc3\xa9\r\n", 22},
    {"* STATUS a (UIDNEXT 0)\r\n", 20},
    {"* STATUS a (UNKNOWN 1)\r\n", 12},
    {"* SEARCH 0\r\n", 9},
    {"* SEARCH 1 \r\n", 11},
    {"* ESEARCH (TAG \"a\") ALL 1:*\r\n", 26},
    {"* ESEARCH (TAG \"a\") ALL\r\n", 20},
    {"* THREAD (1)((2))\r\n", 16},
    {"* VANISHED\r\n", 10},
};

static void test_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t at;
        ll_span response = strstr(good[i], "~{3}")
                               ? span_of(good[i], strlen(good[i]) + 1 + strlen(good[i] + strlen(good[i]) + 1))
                               : span_str(good[i]);
        const char *fault = grammar_check(response, false, false, &at);
        if (fault)
            fail_msg("wants %s at %zu of %s", fault, at, good[i]);
    }
}

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t at;
        if (!grammar_check(span_str(bad[i].response), false, false, &at))
            fail_msg("not found: %s", bad[i].response);
        if (at != bad[i].at)
            fail_msg("at %zu instead of %zu: %s", at, bad[i].at, bad[i].response);
    }
}

/* Every beginning of a response, and every response without its end, is a fault. */
static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        for (size_t size = 0; size < strlen(good[i]); size++) {
            size_t at;
            if (!strstr(good[i], "~{3}"))
                assert_non_null(grammar_check(span_of(good[i], size), false, false, &at));
        }
}

/* UTF-8 in quoted strings, names and texts, once it was enabled; fed in pieces, literals with line ends in them. */
static void test_feed(void **state)
{
    static const char said[] = "* ENABLED UTF8=ACCEPT\r\n* LIST () \"/\" \"caf\xc3\xa9\"\r\n"
                               "* 1 FETCH (BODY[] {9}\r\na\r\nb {9}\r PREVIEW \"\xc3\xa9\")\r\na OK x\r\n";
    (void)state;
    for (size_t step = 1; step < sizeof said; step++) {
        grammar g = {.begun = false};
        for (ll_span rest = SPAN(said); rest.size; rest = span_from(rest, step))
            grammar_feed(&g, span_first(rest, step));
        assert_true(g.utf8);
        assert_int_equal(g.response.size, 0);
        grammar_fini(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
