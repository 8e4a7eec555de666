/* run_sort_test.c - SORT in conversation, see src/imap/run_sort.c
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

/* Numbers and UIDs 1 to 6. */
static const struct {
    const char *header;
    int64_t internaldate;
} mails[] = {
    {"From: =?utf-8?q?Zo=C3=AB?= <adam@x.org>\r\nTo: Friends: q@x.org;\r\nSubject: Re: beta\r\n"
     "Date: Tue, 2 Jan 2024 00:30:00 +0100\r\n\r\nlonger than all the others\r\n",
     500},
    {"From: Bert <CARL@x.org>\r\nTo: \"b c\" <z@x.org>\r\nCc: n@x.org\r\nSubject: [list] Alpha\r\n"
     "Date: Mon, 1 Jan 2024 23:45:00 +0000\r\n\r\n",
     400},
    {"From: bob@x.org\r\nTo: a@x.org, b@x.org\r\nCc: M@x.org\r\nSubject: Fwd: [x] gamma (fwd)\r\n"
     "Date: Mon, 1 Jan 2024 23:29:00 +0000\r\n\r\n",
     300},
    {"Subject: beta\r\nDate: nonsense\r\n\r\n", 1704153600}, /* 2-Jan-2024 00:00 UTC */
    {"From: \"\" <bob@y.org>\r\nSubject: _under\r\n\r\n", 100},
    {"\r\n", 50},
};

static void fill(memory_store *store)
{
    for (uint32_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
        memory_deliver(store, "INBOX", span_str(mails[i].header), i % 2 ? 1u << LL_FLAG_SEEN : 0);
        memory_set_date(store, "INBOX", i + 1, mails[i].internaldate);
    }
}

static void talk(const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        fill(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, "e EXAMINE INBOX\r\n", "e OK");
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

static const struct {
    const char *criteria, *want;
} cases[] = {
    {"(ARRIVAL) UTF-8 ALL", "6 5 3 2 1 4"},
    {"(REVERSE ARRIVAL) UTF-8 ALL", "4 1 2 3 5 6"},
    {"(DATE) UTF-8 ALL", "6 5 3 1 2 4"}, /* no date, no valid date: the internal one */
    {"(SIZE) US-ASCII 4:6", "6 4 5"},
    {"(SUBJECT) UTF-8 ALL", "6 2 1 4 3 5"},         /* empty first, "_" behind letters: i;unicode-casemap */
    {"(REVERSE SUBJECT) UTF-8 ALL", "5 3 1 4 2 6"}, /* equals stay in order */
    {"(SUBJECT REVERSE DATE) UTF-8 ALL", "6 2 4 1 3 5"},
    {"(FROM) UTF-8 ALL", "4 6 1 3 5 2"},
    {"(TO) UTF-8 1:4", "4 3 1 2"}, /* a group by its name */
    {"(CC) UTF-8 1:3", "1 3 2"},
    {"(DISPLAYFROM) UTF-8 ALL", "4 6 2 3 5 1"},
    {"(REVERSE DISPLAYTO SIZE) UTF-8 1:4", "1 2 3 4"},
    {"(SUBJECT) \"US-ASCII\" SEEN", "6 2 4"},
    {"(SUBJECT) UTF-8 TEXT \"not in mailbox\"", ""},
    {"(RELEVANCY) UTF-8 FUZZY OR SUBJECT \"bet et\" TEXT alpha", "2 1 4"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char send[200], want[200];
        snprintf(send, sizeof send, "a SORT %s\r\n", cases[i].criteria);
        snprintf(want, sizeof want, "* SORT%s%s\r\na OK SORT completed\r\n", *cases[i].want ? " " : "", cases[i].want);
        talk(send, want);
    }
}

static void test_bad(void **state)
{
    static const char *const bad[] = {"() UTF-8 ALL",    "(REVERSE) UTF-8 ALL",   "(NAME) UTF-8 ALL",
                                      "(SIZE) ALL",      "SIZE UTF-8 ALL",        "(SIZE) UTF-8",
                                      "(SIZE)UTF-8 ALL", "(RELEVANCY) UTF-8 ALL", "(SIZE REVERSE) UTF-8 ALL"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char send[200];
        snprintf(send, sizeof send, "b SORT %s\r\n", bad[i]);
        talk(send, strcmp(bad[i], "(SIZE) ALL") ? "b BAD SORT: Not understood\r\n" : "b BAD SORT: Not understood\r\n");
    }
    talk("b SORT (SIZE) KOI9 ALL\r\n",
         "b NO [BADCHARSET (US-ASCII UTF-8)] SORT failed: is a charset not supported\r\n");
}

static void test_return(void **state) /* RFC 5267 section 3 */
{
    (void)state;
    talk("E01 UID SORT RETURN () (REVERSE DATE) UTF-8 ALL\r\n"
         "E02 SORT RETURN (MIN MAX COUNT) (REVERSE ARRIVAL) UTF-8 ALL\r\n"
         "E03 SORT RETURN (ALL) (ARRIVAL) UTF-8 NOT 1\r\n"
         "E04 SORT RETURN (PARTIAL 2:3) (ARRIVAL) UTF-8 ALL\r\n"
         "E05 SORT RETURN (PARTIAL 7:9) (ARRIVAL) UTF-8 ALL\r\n"
         "F01 SORT (ARRIVAL) UTF-8 RETURN (PARTIAL 3:2) ALL\r\n" /* RETURN behind the charset */
         "F02 SORT (ARRIVAL) UTF-8 RETURN (PARTIAL 1:*) ALL\r\n"
         "F03 SORT RETURN (COUNT) (ARRIVAL) UTF-8 RETURN (COUNT) ALL\r\n"
         "F04 SORT (ARRIVAL) UTF-8 RETURN (UPDATE) ALL\r\n"
         "E06 SORT RETURN (ALL COUNT) (ARRIVAL) UTF-8 DELETED\r\n"
         "E07 SORT RETURN (SAVE) (ARRIVAL) UTF-8 SEEN\r\n"
         "E08 SEARCH $\r\n"
         "E09 SORT RETURN (SAVE PARTIAL -1:-2) (REVERSE ARRIVAL) UTF-8 ALL\r\n"
         "E10 SEARCH $\r\n"
         "E11 SORT RETURN (ALL) (ARRIVAL) UTF-8 1:3\r\n",
         "* ESEARCH (TAG \"E01\") UID ALL 4,2,1,3,5:6\r\nE01 OK UID SORT completed\r\n"
         "* ESEARCH (TAG \"E02\") MIN 4 MAX 6 COUNT 6\r\nE02 OK SORT completed\r\n"
         "* ESEARCH (TAG \"E03\") ALL 6,5,3,2,4\r\nE03 OK SORT completed\r\n"
         "* ESEARCH (TAG \"E04\") PARTIAL (2:3 5,3)\r\nE04 OK SORT completed\r\n"
         "* ESEARCH (TAG \"E05\") PARTIAL (7:9 NIL)\r\nE05 OK SORT completed\r\n"
         "* ESEARCH (TAG \"F01\") PARTIAL (2:3 5,3)\r\nF01 OK SORT completed\r\n"
         "F02 BAD SORT: Not understood\r\n"
         "F03 BAD SORT: Not understood\r\n"
         "F04 BAD SORT: Not understood\r\n"
         "* ESEARCH (TAG \"E06\") COUNT 0\r\nE06 OK SORT completed\r\n"
         "E07 OK SORT completed\r\n"
         "* SEARCH 2 4 6\r\nE08 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"E09\") PARTIAL (-1:-2 5:6)\r\nE09 OK SORT completed\r\n"
         "* SEARCH 5 6\r\nE10 OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"E11\") ALL 3,2,1\r\nE11 OK SORT completed\r\n");
}

/* A large mailbox sorts in n log n. */
static void test_many(void **state)
{
    enum { many = 20000 };
    chat t;
    memory_store *store = memory_store_new();
    (void)state;
    for (unsigned i = 0; i < many; i++) {
        char mail[100];
        snprintf(mail, sizeof mail, "Subject: Re: subject %u\r\n\r\n", i * 7919u % many);
        memory_deliver(store, "INBOX", span_str(mail), 0);
    }
    chat_open(&t, &(chat_how){.login = true, .store = store});
    chat_contains(&t, "e EXAMINE INBOX\r\n", "e OK");
    clock_t start = clock();
    chat_send(&t, SPAN("a SORT RETURN (MIN MAX) (SUBJECT) UTF-8 ALL\r\n"));
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_true(seconds < 10);
    print_message("%u messages sorted in %.3f s\n", (unsigned)many, seconds);
    assert_non_null(strstr(text_str(&t.said), "a OK"));
    chat_close(&t);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_bad),
                                       cmocka_unit_test(test_return), cmocka_unit_test(test_many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
