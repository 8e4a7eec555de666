/* search_keys_test.c - the search keys of later extensions, in every dialect: plain, IMAP4rev2 (ESEARCH always) and
 * UTF8=ACCEPT. SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>

/* Numbers 1 to 5, UIDs 1, 2, 4, 5, 6. The clock stands at 1700000000, 14-Nov-2023 22:13:20. */
static void fill(memory_store *store)
{
    static const char *const messages[] = {"Subject: same\r\nFrom: =?utf-8?q?=C3=84nne?= <z@x.org>\r\n\r\nhello\r\n",
                                           "Subject: same\r\nFrom: =?utf-8?q?=C3=84nne?= <z@x.org>\r\n\r\nhello\r\n",
                                           "gone",
                                           "Subject: same\r\nFrom: Zoe <a@x.org>\r\n\r\nother\r\n",
                                           "Subject: gr=?\r\nFrom: <m@x.org>\r\n\r\nT\xc3\xbcr\r\n",
                                           "Subject: last\r\n\r\n\r\n"};
    static const int64_t dates[] = {1700000000, 1699999000, 0, 1699996400, 1699913600, 0};
    for (unsigned i = 0; i < 6; i++) {
        memory_deliver(store, "INBOX", span_str(messages[i]), 0);
        memory_set_date(store, "INBOX", i + 1, dates[i]);
    }
    memory_expunge(store, "INBOX", (ll_range){3, 3});
    memory_flag(store, "INBOX", (ll_range){2, 2}, LL_FLAGS_ADD, 1u << LL_FLAG_FLAGGED, NULL);
}

/* The numbers of a SEARCH or ESEARCH reply, with a space before each; "NO", "BAD". */
static const char *numbers(const char *said, char out[200])
{
    const char *at = strstr(said, "* SEARCH"), *all = strstr(said, " ALL ");
    out[0] = 0;
    if (strstr(said, "a NO"))
        return "NO";
    if (strstr(said, "a BAD"))
        return "BAD";
    if (at) {
        at += strlen("* SEARCH");
        snprintf(out, 200, "%.*s", (int)strcspn(at, "(\r"), at);
        for (size_t n = strlen(out); n && out[n - 1] == ' '; n--)
            out[n - 1] = 0;
        return out;
    }
    assert_non_null(strstr(said, "* ESEARCH (TAG \"a\")"));
    for (at = all ? all + 5 : ""; *at >= '0' && *at <= '9';) {
        char *end;
        unsigned long first = strtoul(at, &end, 10), last = *end == ':' ? strtoul(end + 1, &end, 10) : first;
        for (; first <= last; first++)
            snprintf(out + strlen(out), 200 - strlen(out), " %lu", first);
        at = *end == ',' ? end + 1 : end;
    }
    return out;
}

static const struct {
    const char *keys, *want;
} cases[] = {
    {"OLDER 1", " 2 3 4 5"},
    {"OLDER 1000", " 2 3 4 5"},
    {"OLDER 1001", " 3 4 5"},
    {"YOUNGER 1000", " 1 2"},
    {"YOUNGER 999", " 1"},
    {"YOUNGER 86400", " 1 2 3 4"},
    {"YOUNGER 86399 OLDER 3600", " 3"},
    {"NOT YOUNGER 4294967295", ""}, /* longer than 1970 is ago: rows of date 0 too */
    {"OLDER 0", "BAD"},
    {"SAVEDON 14-Nov-2023", " 1 2 3 4 5"},
    {"SAVEDBEFORE 14-Nov-2023", ""},
    {"SAVEDBEFORE 15-Nov-2023", " 1 2 3 4 5"},
    {"SAVEDSINCE \"14-Nov-2023\" 2:3", " 2 3"},
    {"NOT SAVEDSINCE 15-Nov-2023", " 1 2 3 4 5"},
    {"SAVEDATESUPPORTED", " 1 2 3 4 5"},
    {"NOT SAVEDATESUPPORTED", ""},
    {"EMAILID nothing", ""},
    {"NOT THREADID nothing", " 1 2 3 4 5"},
    {"MODSEQ 1", " 1 2 3 4 5"},
    {"MODSEQ 12", " 2"},
    {"MODSEQ 13", ""},
    {"MODSEQ \"/flags/\\\\flagged\" all 12", " 2"},
    {"NOT MODSEQ 12 FLAGGED", ""},
    {"MODSEQ \"/flags/\\\\seen\" nobody 1", "BAD"},
    {"FROM \"\xc3\xa4nne\"", " 1 2"},
    {"OR FROM zoe BODY \"T\xc3\x9cR\"", " 3 4"},
    {"OR OR OR OR 1 2 3 4 NOT NOT NOT NOT 5", " 1 2 3 4 5"},
    {"NOT (OR (1 2) (NOT (3:4 NOT 4)))", " 3"},
};

/* A command with so many keys inside each other. */
static void nested(text *out, unsigned depth, const char *with, const char *end)
{
    text_clear(out);
    text_add_str(out, "a SEARCH ");
    for (unsigned i = 0; i < depth; i++)
        text_add_str(out, with);
    text_add_str(out, "1");
    for (unsigned i = 0; *end && i < depth; i++)
        text_add_str(out, end);
    text_add_str(out, "\r\n");
}

static void test_depth(talk *t)
{
    text command;
    char got[200];
    text_init(&command, NULL, 1 << 16);
    nested(&command, 30, "NOT ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1");
    nested(&command, 31, "(", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1");
    nested(&command, 31, "OR 2 ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1 2");
    /* chains have no depth */
    nested(&command, 999, "NOT ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 2 3 4 5");
    nested(&command, 1000, "(", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1");
    nested(&command, 1000, "OR 2 ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1 2");
    nested(&command, 1000, "OR (4) (", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1 4");
    nested(&command, 500, "OR OR FROM Zoe SUBJECT nobody OR FROM nobody ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1 3");
    nested(&command, 16, "NOT (1 ", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), " 1 2 3 4 5");
    nested(&command, 17, "NOT (1 ", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), "NO");
    nested(&command, 5000, "NOT ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), "NO");
    nested(&command, 5000, "(", ")");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), "NO");
    nested(&command, 5000, "OR 1 ", "");
    assert_string_equal(numbers(talk_bytes(t, text_span(&command)), got), "NO");
    text_fini(&command);
}

/* Two copies of the same bytes have one EMAILID; messages of one subject have one THREADID here. */
static void test_ids(talk *t)
{
    char email[20], thread[20], say[200], got[200];
    const char *said = talk_say(t, "f FETCH 1 (EMAILID THREADID)\r\n");
    assert_non_null(strstr(said, "EMAILID ("));
    snprintf(email, sizeof email, "%.17s", strstr(said, "EMAILID (") + 9);
    snprintf(thread, sizeof thread, "%.17s", strstr(said, "THREADID (") + 10);
    snprintf(say, sizeof say, "a SEARCH EMAILID %s\r\n", email);
    assert_string_equal(numbers(talk_say(t, say), got), " 1 2");
    snprintf(say, sizeof say, "a SEARCH THREADID %s NOT EMAILID %s\r\n", thread, email);
    assert_string_equal(numbers(talk_say(t, say), got), " 3");
    snprintf(say, sizeof say, "a SEARCH EMAILID %c%s\r\n", 'm', email + 1); /* case matters */
    assert_string_equal(numbers(talk_say(t, say), got), "");
}

/* "$", RFC 5182. */
static void test_saved(talk *t)
{
    char got[200];
    assert_string_equal(numbers(talk_say(t, "a SEARCH $\r\n"), got), "");
    assert_string_equal(talk_say(t, "a SEARCH RETURN (SAVE) FROM z@x.org\r\n"), "a OK SEARCH completed\r\n");
    assert_string_equal(numbers(talk_say(t, "a SEARCH $\r\n"), got), " 1 2");
    assert_string_equal(numbers(talk_say(t, "a SEARCH NOT $ 2:4\r\n"), got), " 3 4");
    assert_string_equal(numbers(talk_say(t, "a SEARCH UID $ FLAGGED\r\n"), got), " 2");
    assert_string_equal(talk_say(t, "a UID SEARCH RETURN (SAVE COUNT) OR $ 5\r\n"),
                        "* ESEARCH (TAG \"a\") UID COUNT 3\r\na OK UID SEARCH completed\r\n");
    assert_string_equal(numbers(talk_say(t, "a UID SEARCH $\r\n"), got), " 1 2 6");
    assert_string_equal(talk_say(t, "a SEARCH RETURN (SAVE MIN) $\r\n"),
                        "* ESEARCH (TAG \"a\") MIN 1\r\na OK SEARCH completed\r\n");
    assert_string_equal(numbers(talk_say(t, "a SEARCH $\r\n"), got), " 1");
    assert_non_null(strstr(talk_say(t, "a SEARCH RETURN (SAVE) XREGEX SUBJECT {1+}\r\n(\r\n"), "a NO"));
    assert_string_equal(talk_say(t, "b FETCH $ UID\r\n"), "b OK FETCH completed\r\n"); /* nothing is left after a NO */
}

static void test_display(talk *t)
{
    assert_string_equal(talk_say(t, "a SORT (DISPLAYFROM) UTF-8 1:4\r\n"), "* SORT 1 2 4 3\r\na OK SORT completed\r\n");
    assert_string_equal(talk_say(t, "a SORT (REVERSE DISPLAYFROM REVERSE DATE) UTF-8 OLDER 1 1:4\r\n"),
                        "* SORT 3 4 2\r\na OK SORT completed\r\n");
    assert_non_null(strstr(talk_say(t, "a SORT (DISPLAYTO FROM) UTF-8 ALL\r\n"), "* SORT "));
}

static void have_all(memory_store *store, bool bytewise, const char *enable)
{
    talk t = {0};
    talk_join(&t, store, bytewise, NULL, "e EXAMINE INBOX\r\n");
    if (*enable)
        assert_non_null(strstr(talk_say(&t, enable), "* ENABLED"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char say[300], got[200];
        snprintf(say, sizeof say, "a SEARCH %s\r\n", cases[i].keys);
        const char *have = numbers(talk_say(&t, say), got);
        if (strcmp(have, cases[i].want))
            fail_msg("%s%s: got %s, want %s", enable, cases[i].keys, text_str(&t.got), cases[i].want);
    }
    test_depth(&t);
    test_ids(&t);
    test_display(&t);
    test_saved(&t);
    talk_leave(&t);
}

static void test_dialects(void **state)
{
    static const char *const enables[] = {"", "x ENABLE IMAP4rev2\r\n", "x ENABLE UTF8=ACCEPT\r\n",
                                          "x ENABLE UTF8=ACCEPT IMAP4rev2 CONDSTORE\r\n"};
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++)
        for (size_t i = 0; i < sizeof enables / sizeof enables[0]; i++) {
            memory_store *store = memory_store_new();
            fill(store);
            memory_later(store, talk_is_later(way));
            have_all(store, talk_is_bytewise(way), enables[i]);
            memory_store_del(&store);
        }
}

/* Without the connector's help these keys are refused, or match nothing. */
static void test_without(void **state)
{
    (void)state;
    talk t = {0};
    char got[200];
    ll_connector bare = memory_connector;
    memory_store *store = memory_store_new();
    fill(store);
    bare.changes = NULL;
    bare.store_if = NULL;
    bare.metadata = NULL;
    t.connector = &bare;
    talk_join(&t, store, false, NULL, "e EXAMINE INBOX\r\n");
    assert_string_equal(numbers(talk_say(&t, "a SEARCH MODSEQ 1\r\n"), got), "BAD");
    assert_string_equal(numbers(talk_say(&t, "a SEARCH FILTER x\r\n"), got), "BAD");
    assert_null(strstr(talk_say(&t, "a CAPABILITY\r\n"), "FILTERS"));
    talk_leave(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dialects), cmocka_unit_test(test_without)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
