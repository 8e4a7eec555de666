/* LIST and LSUB.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void prepare(memory_store *store)
{
    memory_create(store, "a/b/c", 0);
    memory_create(store, "\xc3\xa4 \"x\"", LL_MAILBOX_NOINFERIORS);
    memory_create(store, "lost/found", 0);
    memory_remove(store, "lost");
    memory_subscribe(store, "a/b/c", true);
    memory_create(store, "gone", 0);
    memory_subscribe(store, "gone", true);
    memory_remove(store, "gone");
}

static void list(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "a LIST \"\" \"\"\r\n"
             "b LIST \"\" %\r\n"
             "c LIST \"\" a/%\r\n"
             "d LIST a/ %\r\n"
             "e LIST \"\" lost*\r\n"
             "f LIST \"\" iNbOx\r\n"
             "g LIST \"\" \"&AOQ-*\"\r\n"
             "h LIST \"a\" \"*c\"\r\n"
             "i LIST \"\" none\r\n"
             "j LIST \"\"\r\n",
             "* LIST (\\Noselect) \"/\" \"\"\r\na OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n"
             "* LIST (\\Drafts \\HasNoChildren) \"/\" \"Drafts\"\r\n"
             "* LIST (\\Trash \\HasNoChildren) \"/\" \"Trash\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"a\"\r\n"
             "* LIST (\\Noinferiors) \"/\" \"&AOQ- \\\"x\\\"\"\r\n"
             "* LIST (\\Noselect \\HasChildren) \"/\" \"lost\"\r\n"
             "b OK LIST completed\r\n"
             "* LIST (\\HasChildren) \"/\" \"a/b\"\r\nc OK LIST completed\r\n"
             "* LIST (\\HasChildren) \"/\" \"a/b\"\r\nd OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"lost/found\"\r\ne OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\nf OK LIST completed\r\n"
             "* LIST (\\Noinferiors) \"/\" \"&AOQ- \\\"x\\\"\"\r\ng OK LIST completed\r\n"
             "* LIST (\\HasNoChildren) \"/\" \"a/b/c\"\r\nh OK LIST completed\r\n"
             "i OK LIST completed\r\n"
             "j BAD LIST: Not understood\r\n");
}

static void extended(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "a LIST (SPECIAL-USE) \"\" *\r\n"
             "b LIST (SUBSCRIBED) \"\" *\r\n"
             "c LIST \"\" (INBOX \"a/b*\") RETURN (SUBSCRIBED CHILDREN SPECIAL-USE)\r\n"
             "d LIST () \"\" Sent RETURN ()\r\n"
             "e LIST (FOO) \"\" *\r\n"
             "f LIST \"\" * RETURN (FOO)\r\n"
             "g LIST \"\" * FOO\r\n"
             "h LIST \"\" * RETURN\r\n",
             "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n"
             "* LIST (\\Drafts \\HasNoChildren) \"/\" \"Drafts\"\r\n"
             "* LIST (\\Trash \\HasNoChildren) \"/\" \"Trash\"\r\na OK LIST completed\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"a/b/c\"\r\n"
             "* LIST (\\NonExistent \\Subscribed \\HasNoChildren) \"/\" \"gone\"\r\nb OK LIST completed\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"INBOX\"\r\n"
             "* LIST (\\HasChildren) \"/\" \"a/b\"\r\n"
             "* LIST (\\Subscribed \\HasNoChildren) \"/\" \"a/b/c\"\r\nc OK LIST completed\r\n"
             "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\nd OK LIST completed\r\n"
             "e BAD LIST: Not understood\r\n"
             "f BAD LIST: Not understood\r\n"
             "g BAD LIST: Not understood\r\n"
             "h BAD LIST: Not understood\r\n");
}

static void lsub(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, prepare,
             "a LSUB \"\" *\r\nb LSUB \"\" %\r\nc LSUB \"\" a/%\r\nd LSUB \"\" \"\"\r\n",
             "* LSUB () \"/\" \"INBOX\"\r\n"
             "* LSUB () \"/\" \"a/b/c\"\r\n"
             "* LSUB (\\Noselect) \"/\" \"gone\"\r\na OK LSUB completed\r\n"
             "* LSUB () \"/\" \"INBOX\"\r\n"
             "* LSUB (\\Noselect) \"/\" \"a\"\r\n"
             "* LSUB (\\Noselect) \"/\" \"gone\"\r\nb OK LSUB completed\r\n"
             "* LSUB (\\Noselect) \"/\" \"a/b\"\r\nc OK LSUB completed\r\n"
             "* LSUB (\\Noselect) \"/\" \"\"\r\nd OK LSUB completed\r\n");
}

/* More mailboxes than fit into the output at once. */
static void many(void **state)
{
    (void)state;
    chat t;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.output_bytes = 500;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "folder %d", i);
        memory_create(t.store, name, 0);
    }
    size_t taken;
    assert_int_equal(ll_session_input(t.session, SPAN("a LIST \"\" *\r\nb NOOP\r\n"), &taken), LL_OK);
    assert_int_equal(taken, 13); /* NOOP waits */
    assert_true(ll_session_output(t.session).size < 600);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_OUTPUT);
    chat_contains(&t, "", "* LIST (\\HasNoChildren) \"/\" \"folder 499\"\r\na OK LIST completed\r\n");
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(list), cmocka_unit_test(extended), cmocka_unit_test(lsub),
                                       cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
