/* What the client is told, when, and in which order (DESIGN.md section 6).
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN, FLAGGED = 1u << LL_FLAG_FLAGGED };

/* Each in all ways: byte by byte, later, narrow. */
static void each_way(void (*prepare)(chat *t), const char *send, const char *want)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        for (int i = 0; i < 5; i++)
            memory_deliver(store, "INBOX", SPAN("x"), 0);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
        prepare(&t);
        chat_expect(&t, send, want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

static void all_kinds(chat *t)
{
    memory_flag(t->store, "INBOX", (ll_range){1, 5}, LL_FLAGS_ADD, SEEN, NULL);
    memory_expunge(t->store, "INBOX", (ll_range){2, 3});
    memory_flag(t->store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, FLAGGED, "New");
    memory_flag(t->store, "INBOX", (ll_range){4, 4}, LL_FLAGS_REMOVE, SEEN, NULL);
    memory_deliver(t->store, "INBOX", SPAN("y"), FLAGGED);
    memory_deliver(t->store, "INBOX", SPAN("z"), 0);
}

static void order(void **state)
{
    (void)state;
    each_way(all_kinds, "a NOOP\r\nb NOOP\r\n",
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New \\*)] New keywords\r\n"
             "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n"
             "* 5 EXISTS\r\n* 5 RECENT\r\n"
             "* 1 FETCH (FLAGS (\\Seen \\Flagged \\Recent New))\r\n"
             "* 3 FETCH (FLAGS (\\Seen \\Recent))\r\n"
             "a OK NOOP completed\r\n"
             "b OK NOOP completed\r\n");
}

/* FETCH by number: EXPUNGE is held back, what went is still there for this client, flags and EXISTS flow. */
static void held_back(void **state)
{
    (void)state;
    each_way(all_kinds,
             "a FETCH 3 FLAGS\r\n"
             "b FETCH 3 UID\r\n"
             "c NOOP\r\n",
             "* 3 FETCH (FLAGS (\\Recent))\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New \\*)] New keywords\r\n"
             "* 7 EXISTS\r\n* 7 RECENT\r\n"
             "* 1 FETCH (FLAGS (\\Seen \\Flagged \\Recent New))\r\n"
             "* 5 FETCH (FLAGS (\\Seen \\Recent))\r\n"
             "a OK [EXPUNGEISSUED] FETCH completed\r\n"
             "* 3 FETCH (UID 3)\r\n"
             "b OK [EXPUNGEISSUED] FETCH completed\r\n"
             "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 5 RECENT\r\n"
             "c OK NOOP completed\r\n");
}

/* The UID form may tell, and its news carry UIDs. */
static void uid_form(void **state)
{
    (void)state;
    each_way(all_kinds, "a UID FETCH 5 UID\r\n",
             "* 5 FETCH (UID 5)\r\n"
             "* FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New)\r\n"
             "* OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft New \\*)] New keywords\r\n"
             "* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n"
             "* 5 EXISTS\r\n* 5 RECENT\r\n"
             "* 1 FETCH (UID 1 FLAGS (\\Seen \\Flagged \\Recent New))\r\n"
             "* 3 FETCH (UID 5 FLAGS (\\Seen \\Recent))\r\n"
             "a OK UID FETCH completed\r\n");
}

static void expunge_one(chat *t)
{
    memory_expunge(t->store, "INBOX", (ll_range){4, 4});
}

/* A command that fails tells as well; one that is unknown does not. */
static void after_failure(void **state)
{
    (void)state;
    each_way(
        expunge_one, "a XYZZY\r\nb CREATE Sent\r\n",
        "a BAD Unknown command\r\n* 4 EXPUNGE\r\n* 4 RECENT\r\nb NO [ALREADYEXISTS] CREATE failed: exists already\r\n");
    each_way(expunge_one, "a STORE 9 FLAGS ()\r\nb STATUS Sent (MESSAGES)\r\n",
             "a BAD There is no message of that number\r\n* STATUS \"Sent\" (MESSAGES 0)\r\n* 4 EXPUNGE\r\n* 4 "
             "RECENT\r\nb OK STATUS "
             "completed\r\n");
}

static void nothing(chat *t)
{
    /* a flag set and taken away again, a message come and gone: nothing to tell */
    memory_flag(t->store, "INBOX", (ll_range){1, 5}, LL_FLAGS_ADD, SEEN, NULL);
    memory_flag(t->store, "INBOX", (ll_range){1, 5}, LL_FLAGS_REMOVE, SEEN, NULL);
    uint32_t uid = memory_deliver(t->store, "INBOX", SPAN("y"), 0);
    memory_expunge(t->store, "INBOX", (ll_range){uid, uid});
}

static void coalesced(void **state)
{
    (void)state;
    each_way(nothing, "a NOOP\r\n", "a OK NOOP completed\r\n");
}

/* The connector learns that nobody needs the old messages any more, and not before. */
static void told(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    memory_deliver(t.store, "INBOX", SPAN("x"), 0);
    memory_deliver(t.store, "INBOX", SPAN("x"), 0);
    chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
    assert_int_equal(memory_told(t.store), ll_view_modseq(memory_view(t.store, "INBOX")));
    uint64_t before = memory_told(t.store);
    memory_expunge(t.store, "INBOX", (ll_range){1, 1});
    chat_contains(&t, "a FETCH 1 UID\r\n", "a OK [EXPUNGEISSUED]");
    assert_int_equal(memory_told(t.store), before);
    chat_contains(&t, "b NOOP\r\n", "* 1 EXPUNGE");
    assert_int_equal(memory_told(t.store), ll_view_modseq(memory_view(t.store, "INBOX")));
    chat_close(&t);
}

/* \Recent goes to one session only (gluon.md section 3 rule 10). */
static void recent(void **state)
{
    (void)state;
    chat one, two;
    memory_store *store = memory_store_new();
    memory_deliver(store, "INBOX", SPAN("x"), 0);
    chat_open(&one, &(chat_how){.login = true, .store = store});
    chat_open(&two, &(chat_how){.login = true, .store = store});
    chat_contains(&one, "a SELECT INBOX\r\n", "* 1 RECENT");
    chat_contains(&two, "a SELECT INBOX\r\n", "* 0 RECENT");
    memory_deliver(store, "INBOX", SPAN("y"), 0);
    chat_expect(&two, "b NOOP\r\n", "* 2 EXISTS\r\n* 1 RECENT\r\nb OK NOOP completed\r\n");
    chat_expect(&one, "b NOOP\r\n", "* 2 EXISTS\r\n* 1 RECENT\r\nb OK NOOP completed\r\n");
    chat_expect(&one, "c FETCH 1:2 FLAGS\r\n",
                "* 1 FETCH (FLAGS (\\Recent))\r\n* 2 FETCH (FLAGS ())\r\nc OK FETCH completed\r\n");
    chat_close(&one);
    chat_close(&two);
    memory_store_del(&store);
}

static void deleted(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "a SELECT Trash\r\n", "a OK");
    memory_remove(t.store, "Trash");
    memory_create(t.store, "Trash", 0); /* another of the same name: another UIDVALIDITY */
    chat_expect(&t, "b NOOP\r\nc NOOP\r\n", "b OK NOOP completed\r\n* BYE The mailbox was deleted\r\n");
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),         cmocka_unit_test(held_back), cmocka_unit_test(uid_form),
        cmocka_unit_test(after_failure), cmocka_unit_test(coalesced), cmocka_unit_test(told),
        cmocka_unit_test(recent),        cmocka_unit_test(deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
