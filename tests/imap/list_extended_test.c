/* LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819), LIST-METADATA (RFC 9590): the examples of the RFCs.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Without the mailboxes that a memory_store begins with. */
static void only_inbox(memory_store *store)
{
    memory_remove(store, "Sent");
    memory_remove(store, "Drafts");
    memory_remove(store, "Trash");
}

/* RFC 5258 section 5, example 1; "Fruit/Peach" is subscribed and gone. */
static void fruit(memory_store *store)
{
    only_inbox(store);
    const char *names[] = {"Fruit", "Fruit/Apple", "Fruit/Banana",       "Fruit/Peach",
                           "Tofu",  "Vegetable",   "Vegetable/Broccoli", "Vegetable/Corn"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        memory_create(store, names[i], 0);
    memory_subscribe(store, "Fruit/Banana", true);
    memory_subscribe(store, "Fruit/Peach", true);
    memory_remove(store, "Fruit/Peach");
    memory_subscribe(store, "Vegetable", true);
    memory_subscribe(store, "Vegetable/Broccoli", true);
}

static void examples_1_to_6(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, fruit,
             "A02 LIST (SUBSCRIBED) \"\" \"*\"\r\n"
             "A03 LIST () \"\" \"%\" RETURN (CHILDREN)\r\n"
             "A04 LIST (REMOTE) \"\" \"%\" RETURN (CHILDREN)\r\n"
             "A05 LIST (REMOTE SUBSCRIBED) \"\" \"*\"\r\n"
             "A06 LIST (REMOTE) \"\" \"Fruit*\" RETURN (SUBSCRIBED)\r\n",
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Banana\"\r\n"
             "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"Fruit/Peach\"\r\n"
             "* LIST (\\Subscribed \\HasChildren) \"/\" \"Vegetable\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Vegetable/Broccoli\"\r\n"
             "A02 OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Tofu\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"Vegetable\"\r\n"
             "A03 OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Tofu\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"Vegetable\"\r\n"
             "A04 OK LIST completed\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Banana\"\r\n"
             "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"Fruit/Peach\"\r\n"
             "* LIST (\\Subscribed \\HasChildren) \"/\" \"Vegetable\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Vegetable/Broccoli\"\r\n"
             "A05 OK LIST completed\r\n"
             "* LIST (\\HasChildren) \"/\" \"Fruit\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Fruit/Apple\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Fruit/Banana\"\r\n"
             "A06 OK LIST completed\r\n");
}

static void patterns(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, fruit,
             "BBB LIST \"\" (\"INBOX\" \"Tofu\" \"Vegetable/%\")\r\n"
             "b2 LIST \"\" (Tofu T*)\r\n"
             "b3 LIST \"\" (\"\")\r\n"
             "b4 LIST \"\" ()\r\n"
             "b5 LIST Fruit/ (A* B*)\r\n",
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Tofu\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Vegetable/Broccoli\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Vegetable/Corn\"\r\n"
             "BBB OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Tofu\"\r\n"
             "b2 OK LIST completed\r\n"
             "b3 OK LIST completed\r\n"
             "b4 BAD LIST: Not understood\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Fruit/Apple\"\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"Fruit/Banana\"\r\n"
             "b5 OK LIST completed\r\n");
}

/* Example 8; which of Foo and Foo/Baz are there and subscribed is the caller's. */
static void foo(memory_store *store)
{
    only_inbox(store);
    memory_subscribe(store, "INBOX", false);
    memory_create(store, "Foo/Bar", 0);
    memory_create(store, "Foo/Baz", 0);
    memory_create(store, "Moo", 0);
}

static void foo_a(memory_store *store)
{
    foo(store);
    memory_subscribe(store, "Foo/Baz", true);
}

static void foo_a1(memory_store *store)
{
    foo_a(store);
    memory_subscribe(store, "Foo", true);
}

static void foo_a2(memory_store *store)
{
    foo_a(store);
    memory_remove(store, "Foo/Bar");
    memory_remove(store, "Foo/Baz");
    memory_remove(store, "Foo");
}

static void foo_c(memory_store *store)
{
    foo(store);
    memory_subscribe(store, "Foo", true);
    memory_subscribe(store, "Moo", true);
}

static void example_8(void **state)
{
    (void)state;
    const char *ask = "C04 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \"%\" RETURN (CHILDREN)\r\n";
    chat_all(&(chat_how){.login = true}, foo_a,
             "C02 LIST (SUBSCRIBED) \"\" \"*\"\r\nC03 LIST (SUBSCRIBED) \"\" \"%\"\r\n",
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Foo/Baz\"\r\nC02 OK LIST completed\r\n"
             "C03 OK LIST completed\r\n");
    chat_all(&(chat_how){.login = true}, foo_a, ask,
             "* LIST (\\HasChildren) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\nC04 OK LIST completed\r\n");
    chat_all(&(chat_how){.login = true}, foo_a1, ask,
             "* LIST (\\Subscribed \\HasChildren) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
             "C04 OK LIST completed\r\n");
    chat_all(&(chat_how){.login = true}, foo_a2, ask,
             "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"Foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
             "C04 OK LIST completed\r\n");
    chat_all(&(chat_how){.login = true}, foo, ask, "C04 OK LIST completed\r\n");
    chat_all(&(chat_how){.login = true}, foo_c, ask,
             "* LIST (\\Subscribed \\HasChildren) \"/\" \"Foo\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"Moo\"\r\nC04 OK LIST completed\r\n");
}

/* Our mailboxes have their parents: "qux2" is one. */
static void foo2(memory_store *store)
{
    only_inbox(store);
    memory_subscribe(store, "INBOX", false);
    const char *names[] = {"foo2/bar1",   "foo2/bar2", "baz2/bar2",  "baz2/bar22",
                           "baz2/bar222", "eps2",      "eps2/mamba", "qux2/bar2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        memory_create(store, names[i], 0);
        memory_subscribe(store, names[i], true);
    }
}

static void example_9(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, foo2, "D03 LIST (RECURSIVEMATCH SUBSCRIBED) \"\" \"*2\"\r\n",
             "* LIST (\\HasChildren) \"/\" \"foo2\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"foo2/bar2\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"baz2/bar2\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"baz2/bar22\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"baz2/bar222\"\r\n"
             "* LIST (\\Subscribed \\HasChildren) \"/\" \"eps2\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"qux2/bar2\"\r\n"
             "D03 OK LIST completed\r\n");
}

static void example_10(memory_store *store)
{
    only_inbox(store);
    memory_subscribe(store, "INBOX", false);
    memory_create(store, "foo/bar", 0);
    memory_subscribe(store, "foo/bar", true);
    memory_remove(store, "foo/bar");
}

static void examples_10_and_11(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, example_10,
             "a1 LIST \"\" (\"foo\" \"foo/*\")\r\n"
             "a2 LIST (SUBSCRIBED) \"\" \"foo/*\"\r\n"
             "a3 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" foo RETURN (CHILDREN)\r\n"
             "a4 LIST (RECURSIVEMATCH) \"\" *\r\n"
             "a5 LIST (REMOTE RECURSIVEMATCH) \"\" *\r\n"
             "a6 LIST (SPECIAL-USE RECURSIVEMATCH) \"\" *\r\n",
             "* LIST (\\HasNoChildren) \"/\" \"foo\"\r\na1 OK LIST completed\r\n"
             "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"foo/bar\"\r\na2 OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\na3 OK LIST completed\r\n"
             "a4 BAD LIST: Not understood\r\n"
             "a5 BAD LIST: Not understood\r\n"
             "a6 BAD LIST: Not understood\r\n");
}

/* --- RFC 5819 --- */

static void statuses(memory_store *store)
{
    only_inbox(store);
    memory_deliver(store, "INBOX", SPAN("a: b\r\n\r\n"), 0);
    memory_create(store, "foo", 0);
    for (int i = 0; i < 30; i++)
        memory_deliver(store, "foo", SPAN("a: b\r\n\r\n"), i < 1 ? 0u : 1u << LL_FLAG_SEEN);
    memory_create(store, "bar", LL_MAILBOX_NOSELECT);
    memory_create(store, "foo/sub", 0);
    memory_subscribe(store, "foo/sub", true);
}

static void with_status(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, statuses,
             "A01 LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN))\r\n"
             "A02 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" % RETURN (STATUS (MESSAGES))\r\n"
             "A03 LIST \"\" foo RETURN (CHILDREN STATUS (SIZE DELETED APPENDLIMIT DELETED-STORAGE) SUBSCRIBED)\r\n"
             "A04 LIST \"\" * RETURN (STATUS ())\r\n"
             "A05 LIST \"\" * RETURN (STATUS)\r\n"
             "A06 LIST \"\" * RETURN (STATUS (NONSENSE))\r\n",
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* STATUS \"INBOX\" (MESSAGES 1 UNSEEN 1)\r\n"
             "* LIST (\\HasChildren) \"/\" \"foo\"\r\n"
             "* STATUS \"foo\" (MESSAGES 30 UNSEEN 1)\r\n"
             "* LIST (\\Noselect \\HasNoChildren) \"/\" \"bar\"\r\n"
             "A01 OK LIST completed\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* STATUS \"INBOX\" (MESSAGES 1)\r\n"
             "* LIST (\\HasChildren) \"/\" \"foo\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
             "A02 OK LIST completed\r\n"
             "* LIST (\\HasChildren) \"/\" \"foo\"\r\n"
             "* STATUS \"foo\" (SIZE 240 DELETED 0 APPENDLIMIT 52428800 DELETED-STORAGE 0)\r\n"
             "A03 OK LIST completed\r\n"
             "A04 BAD LIST: Not understood\r\n"
             "A05 BAD LIST: Not understood\r\n"
             "A06 BAD LIST: Not understood\r\n");
}

/* The session ends in the middle of it, with a question under way: the sanitizers see what was kept and freed. */
static void abandoned(void **state)
{
    (void)state;
    for (int steps = 0; steps < 6; steps++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .later = true, .held = true});
        size_t taken;
        const char *ask = "a LIST \"\" * RETURN (STATUS (MESSAGES) METADATA (/private/comment))\r\n";
        assert_int_equal(ll_session_input(t.session, span_str(ask), &taken), LL_OK);
        for (int i = 0; i < steps; i++)
            memory_complete(t.store);
        chat_close(&t);
    }
}

/* A mailbox that is deleted between its LIST reply and its STATUS loses the latter. */
static void gone_meanwhile(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true, .later = true, .held = true});
    size_t taken;
    const char *ask = "a LIST \"\" (Sent Trash) RETURN (STATUS (MESSAGES))\r\n";
    assert_int_equal(ll_session_input(t.session, span_str(ask), &taken), LL_OK);
    assert_true(memory_complete(t.store));
    memory_remove(t.store, "Sent");
    while (memory_complete(t.store))
        ;
    chat_expect(&t, "",
                "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n"
                "* LIST (\\Trash \\HasNoChildren) \"/\" \"Trash\"\r\n"
                "* STATUS \"Trash\" (MESSAGES 0)\r\na OK LIST completed\r\n");
    chat_close(&t);
}

static void with_metadata(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, statuses,
             "A00 SETMETADATA INBOX (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")\r\n"
             "A01 LIST \"\" % RETURN (METADATA (\"/shared/vendor/cmu/cyrus-imapd/color\"))\r\n"
             "A02 LIST \"\" INBOX RETURN (METADATA (/private/comment /private/x) STATUS (UIDNEXT))\r\n"
             "A03 LIST \"\" INBOX RETURN (METADATA /private/comment)\r\n"
             "A04 LIST \"\" INBOX RETURN (METADATA (/comment))\r\n",
             "A00 OK SETMETADATA completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* METADATA \"INBOX\" (/shared/vendor/cmu/cyrus-imapd/color \"#b71c1c\")\r\n"
             "* LIST (\\HasChildren) \"/\" \"foo\"\r\n"
             "* METADATA \"foo\" (/shared/vendor/cmu/cyrus-imapd/color NIL)\r\n"
             "* LIST (\\Noselect \\HasNoChildren) \"/\" \"bar\"\r\n"
             "* METADATA \"bar\" (/shared/vendor/cmu/cyrus-imapd/color NIL)\r\n"
             "A01 OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* STATUS \"INBOX\" (UIDNEXT 2)\r\n"
             "* METADATA \"INBOX\" (/private/comment NIL /private/x NIL)\r\n"
             "A02 OK LIST completed\r\n"
             "A03 BAD LIST: Not understood\r\n"
             "A04 BAD Not an entry of metadata: /private/... or /shared/...\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_1_to_6), cmocka_unit_test(patterns),           cmocka_unit_test(example_8),
        cmocka_unit_test(example_9),       cmocka_unit_test(examples_10_and_11), cmocka_unit_test(with_status),
        cmocka_unit_test(abandoned),       cmocka_unit_test(gone_meanwhile),     cmocka_unit_test(with_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
