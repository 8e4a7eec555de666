/* run_thread_test.c - THREAD in conversation, see src/imap/run_thread.c
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct mail {
    const char *id, *references, *in_reply_to, *subject;
    int64_t date;
} mail;

static void deliver(memory_store *store, const mail *m)
{
    text message;
    text_init(&message, NULL, 100000);
    if (m->id)
        text_print(&message, "Message-ID: %s\r\n", m->id);
    if (m->references)
        text_print(&message, "References: %s\r\n", m->references);
    if (m->in_reply_to)
        text_print(&message, "In-Reply-To: %s\r\n", m->in_reply_to);
    text_print(&message, "Subject: %s\r\n\r\n", m->subject ? m->subject : "");
    uint32_t uid = memory_deliver(store, "INBOX", text_span(&message), 0);
    memory_set_date(store, "INBOX", uid, m->date);
    text_fini(&message);
}

enum { mails_max = 12 };

static const struct {
    const char *what;
    mail mails[mails_max]; /* up to the first without date */
    const char *references, *subjects;
} cases[] = {
    {"alone", {{.id = "<1@x>", .date = 1}}, "(1)", "(1)"},
    {"a reply", {{"<1@x>", NULL, NULL, "a", 1}, {"<2@x>", "<1@x>", NULL, "Re: a", 2}}, "(1 2)", "(1 2)"},
    {"the reply came first",
     {{"<2@x>", NULL, "<1@x> joe@y", "Re: a", 2}, {"<1@x>", NULL, NULL, "a", 1}},
     "(2 1)",
     "(2 1)"},
    {"quoting makes no difference",
     {{"<\"1\"@x>", NULL, NULL, "a", 1}, {"<2@x>", "<1@x>", NULL, "b", 2}},
     "(1 2)",
     "(1)(2)"},
    {"the example of RFC 5256 section 4: (2)(3 6 (4 23)(44 7 96))",
     {{"<1@x>", NULL, NULL, "a", 1},
      {"<2@x>", NULL, NULL, "b", 2},
      {"<3@x>", "<2@x>", NULL, "b", 3},
      {"<4@x>", "<2@x> <3@x>", NULL, "b", 4},
      {"<5@x>", "<2@x> <3@x> <4@x>", NULL, "b", 5},
      {"<6@x>", "<2@x> <3@x>", NULL, "b", 6},
      {"<7@x>", "<6@x>", NULL, "b", 7},
      {"<8@x>", "<6@x> <7@x>", NULL, "b", 8}},
     "(1)(2 3 (4 5)(6 7 8))",
     "(1)(2 (3)(4)(5)(6)(7)(8))"},
    {"siblings of a message that is not there",
     {{"<1@x>", "<0@x>", NULL, "a", 1}, {"<2@x>", "<0@x>", NULL, "b", 2}},
     "((1)(2))",
     "(1)(2)"},
    {"one child of a message that is not there", {{"<1@x>", "<0@x>", NULL, "a", 1}}, "(1)", "(1)"},
    {"messages that are not there, one above the other",
     {{"<1@x>", "<a@x> <b@x> <c@x>", NULL, "a", 1}, {"<2@x>", "<a@x> <d@x>", NULL, "b", 2}},
     "((1)(2))",
     "(1)(2)"},
    {"the same Message-ID twice",
     {{"<1@x>", NULL, NULL, "a", 1}, {"<1@x>", NULL, NULL, "b", 2}, {"<3@x>", "<1@x>", NULL, "c", 3}},
     "(1 3)(2)",
     "(1)(2)(3)"},
    {"no loops",
     {{"<1@x>", "<2@x>", NULL, "a", 1}, {"<2@x>", "<1@x>", NULL, "b", 2}, {"<3@x>", "<3@x>", NULL, "c", 3}},
     "(2 1)(3)",
     "(1)(2)(3)"},
    {"a truncated References gives way to the message's own",
     {{"<9@x>", "<1@x> <3@x>", NULL, "a", 9},
      {"<3@x>", "<2@x>", NULL, "a", 3},
      {"<2@x>", "<1@x>", NULL, "a", 2},
      {"<1@x>", NULL, NULL, "a", 1}},
     "(4 3 2 1)",
     "(4 (3)(2)(1))"},
    {"the same subject: the reply goes under the original",
     {{"<1@x>", NULL, NULL, "Re: hello", 1}, {"<2@x>", NULL, NULL, "Hello", 2}},
     "(2 1)",
     "(1 2)"},
    {"the same subject, both originals or both replies: siblings",
     {{"<1@x>", NULL, NULL, "hello", 1}, {"<2@x>", NULL, NULL, "hello", 2}, {"<3@x>", NULL, NULL, "hello", 3}},
     "((1)(2)(3))",
     "(1 (2)(3))"},
    {"the same subject, replies alone",
     {{"<1@x>", NULL, NULL, "Re: b", 1}, {"<2@x>", NULL, NULL, "Fwd: b", 2}},
     "((1)(2))",
     "(1 2)"},
    {"the same subject under two that are not there",
     {{"<1@x>", "<0@x>", NULL, "a", 1},
      {"<2@x>", "<0@x>", NULL, "a", 4},
      {"<3@x>", "<00@x>", NULL, "a", 2},
      {"<4@x>", "<00@x>", NULL, "a", 3}},
     "((1)(3)(4)(2))",
     "(1 (3)(4)(2))"},
    {"the same subject as one that is not there",
     {{"<1@x>", "<0@x>", NULL, "a", 1}, {"<2@x>", "<0@x>", NULL, "a", 3}, {"<3@x>", NULL, NULL, "a", 2}},
     "((1)(3)(2))",
     "(1 (3)(2))"},
    {"empty subjects have nothing in common",
     {{"<1@x>", NULL, NULL, "Re:", 1}, {"<2@x>", NULL, NULL, "", 2}},
     "(1)(2)",
     "(1 2)"},
    {"by date",
     {{"<1@x>", NULL, NULL, "a", 3}, {"<2@x>", NULL, NULL, "b", 1}, {"<3@x>", NULL, NULL, "c", 2}},
     "(2)(3)(1)",
     "(2)(3)(1)"},
    {"no Message-IDs", {{NULL, "<1@x>", NULL, "a", 1}, {"nonsense", "junk", "<1@x>", "b", 2}}, "((1)(2))", "(1)(2)"},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned way = 0; way < 8; way++) {
            chat t;
            char want[300];
            memory_store *store = memory_store_new();
            for (size_t n = 0; n < mails_max && cases[i].mails[n].date; n++)
                deliver(store, &cases[i].mails[n]);
            chat_open(
                &t, &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
            chat_contains(&t, "e EXAMINE INBOX\r\n", "e OK");
            snprintf(want, sizeof want,
                     "* THREAD %s\r\na OK THREAD completed\r\n* THREAD %s\r\nb OK UID THREAD completed\r\n",
                     cases[i].references, cases[i].subjects);
            chat_send(&t, SPAN("a THREAD REFERENCES UTF-8 ALL\r\nb UID THREAD ORDEREDSUBJECT US-ASCII ALL\r\n"));
            if (strcmp(text_str(&t.said), want))
                print_error("%s\n", cases[i].what);
            assert_string_equal(text_str(&t.said), want);
            chat_close(&t);
            memory_store_del(&store);
        }
}

static void test_few(void **state)
{
    chat t;
    (void)state;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "e EXAMINE INBOX\r\n", "e OK");
    chat_expect(&t, "a THREAD REFERENCES UTF-8 ALL\r\n", "* THREAD\r\na OK THREAD completed\r\n");
    deliver(t.store, &(mail){"<1@x>", NULL, NULL, "a", 1});
    deliver(t.store, &(mail){"<2@x>", "<1@x>", NULL, "a", 2});
    deliver(t.store, &(mail){"<3@x>", "<2@x>", NULL, "a", 3});
    chat_contains(&t, "b NOOP\r\n", "b OK");
    chat_expect(&t, "c THREAD ORDEREDSUBJECT UTF-8 TEXT \"gewp\"\r\n", "* THREAD\r\nc OK THREAD completed\r\n");
    chat_expect(&t, "d THREAD REFERENCES UTF-8 NOT 2\r\n", "* THREAD ((1)(3))\r\nd OK THREAD completed\r\n");
    chat_expect(&t, "e THREAD REFS UTF-8 ALL\r\n", "e BAD THREAD: Not understood\r\n");
    chat_expect(&t, "f THREAD REFERENCES ALL\r\n", "f BAD THREAD: Not understood\r\n");
    chat_expect(&t, "g THREAD REFERENCES UTF-8 9\r\n", "* THREAD\r\ng OK THREAD completed\r\n");
    chat_close(&t);
}

/* A thread as deep as the mailbox is large, in both orders, and with references to what nobody has. */
static void test_deep(void **state)
{
    enum { many = 5000 };
    (void)state;
    for (int backwards = 0; backwards < 2; backwards++) {
        chat t;
        memory_store *store = memory_store_new();
        for (int n = 1; n <= many; n++) {
            char id[40], reference[80];
            int i = backwards ? many + 1 - n : n;
            snprintf(id, sizeof id, "<%d@x>", i);
            snprintf(reference, sizeof reference, "<%d@x> <%d.none@x>", i - 1, i);
            deliver(store, &(mail){id, reference, NULL, "deep", i});
        }
        chat_open(&t, &(chat_how){.login = true, .store = store});
        chat_contains(&t, "e EXAMINE INBOX\r\n", "e OK");
        chat_send(&t, SPAN("a THREAD REFERENCES UTF-8 ALL\r\n"));
        assert_non_null(strstr(text_str(&t.said), backwards ? "* THREAD (5000 4999 " : "* THREAD (1 2 3 "));
        assert_non_null(strstr(text_str(&t.said), "a OK"));
        chat_close(&t);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_few),
                                       cmocka_unit_test(test_deep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
