/* search_filter_test.c - FILTER in conversation, RFC 5466, see src/imap/search_filter.c
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>

static void fill(memory_store *store)
{
    for (unsigned i = 0; i < 6; i++) {
        char message[400];
        int size = snprintf(message, sizeof message, "From: %s@example.com\r\nSubject: number %u\r\n\r\n%0*d\r\n",
                            i % 2 ? "boss" : "bill", i, i < 3 ? 10 : 200, 7);
        memory_deliver(store, "INBOX", span_of(message, (size_t)size), i == 1 ? 1u << LL_FLAG_SEEN : 0);
    }
}

static const struct {
    const char *say, *want;
} lines[] = {
    /* section 3.2 */
    {"a SETMETADATA \"\" (\"/private/filters/values/on-the-road\" \"OR SMALLER 100 FROM "
     "\\\"boss@example.com\\\"\")\r\n",
     "a OK SETMETADATA completed\r\n"},
    /* section 3.1 */
    {"a SEARCH UID 1:4 FILTER on-the-road SINCE \"3-Dec-1960\"\r\n", "* SEARCH 1 2 3 4\r\na OK SEARCH completed\r\n"},
    {"a SEARCH FILTER ON-THE-ROAD UNSEEN\r\n", "* SEARCH 1 3 4 6\r\na OK SEARCH completed\r\n"},
    {"a UID SEARCH NOT FILTER on-the-road\r\n", "* SEARCH 5\r\na OK UID SEARCH completed\r\n"},
    {"a SEARCH OR SEEN (FILTER on-the-road NOT SUBJECT 3)\r\n", "* SEARCH 1 2 3 6\r\na OK SEARCH completed\r\n"},
    {"a UID SORT (REVERSE SUBJECT) UTF-8 FILTER on-the-road\r\n", "* SORT 6 4 3 2 1\r\na OK UID SORT completed\r\n"},
    {"a SEARCH RETURN (COUNT) FUZZY FILTER on-the-road\r\n",
     "* ESEARCH (TAG \"a\") COUNT 5\r\na OK SEARCH completed\r\n"},
    {"a SEARCH FILTER none\r\n", "a NO [UNDEFINED-FILTER none] There is no such filter\r\n"},
    {"a SEARCH CHARSET utf-8 FILTER on-the-road 2\r\n", "* SEARCH 2\r\na OK SEARCH completed\r\n"},
    {"a SEARCH CHARSET iso-8859-1 FILTER on-the-road\r\n",
     "a BAD [BADCHARSET (US-ASCII UTF-8)] SEARCH: Not understood\r\n"},
    {"a SEARCH FILTER a/b\r\n", "a BAD SEARCH: Not understood\r\n"},
    /* shared, and the private one before it */
    {"a SETMETADATA \"\" (/shared/filters/values/x \"SEEN\" /shared/filters/descriptions/x \"what is \\\"(read\")\r\n",
     "a OK SETMETADATA completed\r\n"},
    {"a SEARCH FILTER x\r\n", "* SEARCH 2\r\na OK SEARCH completed\r\n"},
    {"a SETMETADATA \"\" (/private/filters/values/X \"UNSEEN\")\r\n", "a OK SETMETADATA completed\r\n"},
    {"a SEARCH FILTER x\r\n", "* SEARCH 1 3 4 5 6\r\na OK SEARCH completed\r\n"},
    {"a SETMETADATA \"\" (/private/filters/values/x NIL)\r\n", "a OK SETMETADATA completed\r\n"},
    {"a SEARCH FILTER x\r\n", "* SEARCH 2\r\na OK SEARCH completed\r\n"},
    /* filters in filters, five deep and no deeper, and loops */
    {"a SETMETADATA \"\" (/private/filters/values/l1 \"FILTER x\" /private/filters/values/l2 \"FILTER l1\" "
     "/private/filters/values/l3 \"NOT FILTER l2\" /private/filters/values/l4 \"FILTER l3 1:3\" "
     "/private/filters/values/l5 \"FILTER l4\" /private/filters/values/loop \"OR SEEN FILTER loop\")\r\n",
     "a OK SETMETADATA completed\r\n"},
    {"a SEARCH FILTER l4\r\n", "* SEARCH 1 3\r\na OK SEARCH completed\r\n"},
    {"a SEARCH FILTER l5\r\n", "a NO [UNDEFINED-FILTER x] There is no such filter\r\n"},
    {"a SEARCH FILTER loop\r\n", "a NO [UNDEFINED-FILTER loop] There is no such filter\r\n"},
    /* what is stored is a search */
    {"a SETMETADATA \"\" (/private/filters/values/bad \"OR SMALLER\")\r\n",
     "a NO [CANNOT] The value of a filter must be a whole search, such as: UNSEEN FROM boss@example.com\r\n"},
    {"a SETMETADATA \"\" (/private/filters/values/bad \"CHARSET UTF-8 SUBJECT x\")\r\n",
     "a NO [CANNOT] The value of a filter must be a whole search, such as: UNSEEN FROM boss@example.com\r\n"},
    {"a SETMETADATA \"\" (/private/filters/values/a/b \"OR SMALLER\")\r\n", "a OK SETMETADATA completed\r\n"},
    {"a SETMETADATA INBOX (/private/filters/values/bad \"OR SMALLER\")\r\n", "a OK SETMETADATA completed\r\n"},
    {"a SETMETADATA \"\" (/private/filters/values/u \"SUBJECT \\\"gr\xc3\xbc\\\" $ MODSEQ 1\")\r\n", NULL},
    /* a search for more than rows in a filter */
    {"a SETMETADATA \"\" (/private/filters/values/m \"BODY 7 MODSEQ 3\")\r\n", "a OK SETMETADATA completed\r\n"},
    {"a SEARCH RETURN (COUNT) FILTER m 1:2\r\n", NULL},
    {"a SEARCH XREGEX SUBJECT 4 FILTER on-the-road\r\n", "* SEARCH\r\na OK SEARCH completed\r\n"},
    {"a ESEARCH IN (selected) RETURN (COUNT) FILTER on-the-road\r\n",
     "* ESEARCH (TAG \"a\" MAILBOX \"INBOX\" UIDVALIDITY 1) UID COUNT 5\r\na OK ESEARCH completed\r\n"},
};

static void test_talk(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        fill(store);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "e EXAMINE INBOX\r\n");
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
            const char *got = talk_say(&t, lines[i].say);
            if (!lines[i].want)
                assert_non_null(strstr(got, "a OK"));
            else if (strncmp(lines[i].say, "a ESEARCH", 9) == 0)
                assert_non_null(strstr(got, "UID COUNT 5\r\na OK"));
            else {
                if (strcmp(got, lines[i].want))
                    print_error("%s", lines[i].say);
                assert_string_equal(got, lines[i].want);
            }
        }
        assert_non_null(strstr(talk_say(&t, "a CAPABILITY\r\n"), " FILTERS "));
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* Many filters that name each other many times: bounded. */
static void test_bomb(void **state)
{
    (void)state;
    talk t = {0};
    text command;
    memory_store *store = memory_store_new();
    fill(store);
    text_init(&command, NULL, 1 << 20);
    text_add_str(&command, "a SETMETADATA \"\" (");
    for (unsigned level = 1; level < 5; level++) {
        text_print(&command, "%s/private/filters/values/b%u \"", level > 1 ? " " : "", level);
        for (unsigned i = 0; i < 20; i++)
            text_print(&command, "%sFILTER b%u", i ? " " : "", level + 1);
        text_add_byte(&command, '"');
    }
    text_add_str(&command, " /private/filters/values/b5 \"ALL\")\r\n");
    talk_join(&t, store, false, NULL, "e EXAMINE INBOX\r\n");
    assert_string_equal(talk_bytes(&t, text_span(&command)), "a OK SETMETADATA completed\r\n");
    assert_non_null(strstr(talk_say(&t, "a SEARCH FILTER b1\r\n"), "a NO [LIMIT]"));
    assert_string_equal(talk_say(&t, "a SEARCH FILTER b4\r\n"), "* SEARCH 1 2 3 4 5 6\r\na OK SEARCH completed\r\n");
    memory_fail_next(store, LL_EIO, "no disk");
    assert_string_equal(talk_say(&t, "a SEARCH FILTER b4\r\n"), "a NO [UNAVAILABLE] no disk\r\n");
    text_fini(&command);
    talk_leave(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_talk), cmocka_unit_test(test_bomb)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
