/* run_esearch_test.c - ESEARCH in several mailboxes, in conversation: see src/imap/run_esearch.c
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN };

static void deliver(memory_store *store, const char *mailbox, unsigned count, const char *subject)
{
    char message[100];
    for (unsigned i = 0; i < count; i++) {
        snprintf(message, sizeof message, "Subject: %s %u\r\n\r\n", subject, i);
        memory_deliver(store, mailbox, span_str(message), i % 3 == 1 ? SEEN : 0);
    }
}

static void fill(memory_store *store)
{
    memory_create(store, "folder1", 0);
    memory_create(store, "folder2", LL_MAILBOX_NOSELECT);
    memory_create(store, "folder2/banana", 0);
    memory_create(store, "folder2/banana/split", 0);
    memory_create(store, "folder2/sal \"mon", 0);
    memory_create(store, "folder22", 0);
    deliver(store, "folder1", 3, "a");
    deliver(store, "folder2/banana", 2, "chad");
    deliver(store, "folder2/banana/split", 1, "b");
    deliver(store, "folder2/sal \"mon", 4, "chad");
    deliver(store, "folder22", 1, "chad");
    deliver(store, "INBOX", 3, "inbox");
}

static const char *const examined = "e EXAMINE folder1\r\n";

/* What the server says, with each UIDVALIDITY as V. */
static void normalise(text *said)
{
    char *at = said->data;
    while (at && (at = strstr(at, "UIDVALIDITY ")) != NULL) {
        char *end = at += 12;
        while (*end >= '0' && *end <= '9')
            end++;
        *at = 'V';
        memmove(at + 1, end, strlen(end) + 1);
    }
    said->size = strlen(text_str(said));
}

static void talk(bool select, const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        fill(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        if (select)
            chat_contains(&t, examined, "e OK");
        chat_send(&t, span_str(send));
        normalise(&t.said);
        assert_string_equal(text_str(&t.said), want);
        chat_close(&t);
        assert_int_equal(memory_sessions(store), 0);
        memory_store_del(&store);
    }
}

static void test_examples(void **state) /* RFC 7377 section 3 */
{
    (void)state;
    talk(false,
         "tag1 ESEARCH IN (mailboxes \"folder1\" subtree \"folder2\") unseen\r\n"
         "tag2 ESEARCH IN (mailboxes \"folder1\" subtree-one \"folder2\") subject \"chad\"\r\n"
         "tag3 ESEARCH IN (mailboxes (folder1 INBOX nowhere)) RETURN (COUNT MIN) SEEN\r\n"
         "tag4 ESEARCH IN (inboxes personal) SUBJECT 2\r\n"
         "tag5 ESEARCH IN (subscribed) RETURN (MAX) 2:9\r\n"
         "tag6 ESEARCH IN (personal) SUBJECT none\r\n"
         "tag7 ESEARCH IN (selected) ALL\r\n"
         "tag8 ESEARCH ALL\r\n",
         "* ESEARCH (TAG \"tag1\" MAILBOX \"folder1\" UIDVALIDITY V) UID ALL 1,3\r\n"
         "* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/banana\" UIDVALIDITY V) UID ALL 1\r\n"
         "* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/banana/split\" UIDVALIDITY V) UID ALL 1\r\n"
         "* ESEARCH (TAG \"tag1\" MAILBOX \"folder2/sal \\\"mon\" UIDVALIDITY V) UID ALL 1,3:4\r\n"
         "tag1 OK ESEARCH completed\r\n"
         "* ESEARCH (TAG \"tag2\" MAILBOX \"folder2/banana\" UIDVALIDITY V) UID ALL 1:2\r\n"
         "* ESEARCH (TAG \"tag2\" MAILBOX \"folder2/sal \\\"mon\" UIDVALIDITY V) UID ALL 1:4\r\n"
         "tag2 OK ESEARCH completed\r\n"
         "* ESEARCH (TAG \"tag3\" MAILBOX \"INBOX\" UIDVALIDITY V) UID MIN 2 COUNT 1\r\n"
         "* ESEARCH (TAG \"tag3\" MAILBOX \"folder1\" UIDVALIDITY V) UID MIN 2 COUNT 1\r\n"
         "tag3 OK ESEARCH completed\r\n"
         "* ESEARCH (TAG \"tag4\" MAILBOX \"INBOX\" UIDVALIDITY V) UID ALL 3\r\n"
         "* ESEARCH (TAG \"tag4\" MAILBOX \"folder1\" UIDVALIDITY V) UID ALL 3\r\n"
         "* ESEARCH (TAG \"tag4\" MAILBOX \"folder2/sal \\\"mon\" UIDVALIDITY V) UID ALL 3\r\n"
         "tag4 OK ESEARCH completed\r\n"
         "* ESEARCH (TAG \"tag5\" MAILBOX \"INBOX\" UIDVALIDITY V) UID MAX 3\r\n"
         "tag5 OK ESEARCH completed\r\n"
         "tag6 OK ESEARCH completed\r\n"
         "tag7 BAD No mailbox is selected\r\n"
         "tag8 BAD No mailbox is selected\r\n");
}

static void test_selected(void **state)
{
    (void)state;
    talk(true,
         "a ESEARCH UNSEEN\r\n"
         "b ESEARCH IN (selected mailboxes folder1 mailboxes folder22) ALL\r\n"
         "c ESEARCH IN (mailboxes (INBOX folder22)) RETURN (SAVE) ALL\r\n"
         "d ESEARCH IN (selected) RETURN (SAVE COUNT) SEEN\r\n"
         "e SEARCH $\r\n"
         "f ESEARCH IN (mailboxes INBOX) RETURN (PARTIAL -1:-2) 1:*\r\n"
         "g FETCH 3 UID\r\n"
         "h ESEARCH IN (nonsense) ALL\r\n"
         "i ESEARCH IN (mailboxes) ALL\r\n"
         "j ESEARCH IN (personal (option)) ALL\r\n"
         "k ESEARCH IN (mailboxes ()) ALL\r\n",
         "* ESEARCH (TAG \"a\" MAILBOX \"folder1\" UIDVALIDITY V) UID ALL 1,3\r\na OK ESEARCH completed\r\n"
         "* ESEARCH (TAG \"b\" MAILBOX \"folder1\" UIDVALIDITY V) UID ALL 1:3\r\n"
         "* ESEARCH (TAG \"b\" MAILBOX \"folder22\" UIDVALIDITY V) UID ALL 1\r\nb OK ESEARCH completed\r\n"
         "c BAD SAVE is for the selected mailbox alone\r\n"
         "* ESEARCH (TAG \"d\" MAILBOX \"folder1\" UIDVALIDITY V) UID COUNT 1\r\nd OK ESEARCH completed\r\n"
         "* SEARCH 2\r\ne OK SEARCH completed\r\n"
         "* ESEARCH (TAG \"f\" MAILBOX \"INBOX\" UIDVALIDITY V) UID PARTIAL (-1:-2 2:3)\r\nf OK ESEARCH completed\r\n"
         "* 3 FETCH (UID 3)\r\ng OK FETCH completed\r\n"
         "h BAD ESEARCH: Not understood\r\n"
         "i BAD ESEARCH: Not understood\r\n"
         "j BAD ESEARCH: Not understood\r\n"
         "k BAD ESEARCH: Not understood\r\n");
}

/* Abandoned at every point where it waits: nothing is left open, nothing is lost. */
static void test_abandoned(void **state)
{
    (void)state;
    for (unsigned select = 0; select < 2; select++)
        for (unsigned steps = 0; steps < 24; steps++) {
            chat t;
            memory_store *store = memory_store_new();
            fill(store);
            chat_open(&t, &(chat_how){.login = true, .later = true, .store = store});
            if (select)
                chat_contains(&t, examined, "e OK");
            t.how.held = true;
            chat_send(&t, SPAN("a ESEARCH IN (personal) SUBJECT chad\r\n"));
            for (unsigned i = 0; i < steps && memory_complete(store); i++)
                ;
            chat_close(&t);
            assert_int_equal(memory_sessions(store), 0);
            memory_store_del(&store);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_selected),
                                       cmocka_unit_test(test_abandoned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
