/* run_store_test.c - STORE, COPY, MOVE, EXPUNGE in conversation, see src/imap/run_store.c, run_copy.c, run_expunge.c
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct step {
    const char *say, *want;
} step;

/* Five messages, UIDs 1 to 5; 2 is \Seen. EXAMINE has taken nothing, so SELECT finds them all \Recent. */
static void play(const step *steps, size_t count, const char *select)
{
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        for (unsigned i = 1; i <= 5; i++)
            memory_deliver(store, "INBOX", SPAN("Subject: x\r\n\r\nbody\r\n"), i == 2 ? 1u << LL_FLAG_SEEN : 0);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, select);
        for (size_t i = 0; i < count; i++)
            assert_string_equal(talk_say(&t, steps[i].say), steps[i].want);
        talk_leave(&t);
        memory_store_del(&store);
    }
}

#define PLAY(steps, select) play(steps, sizeof(steps) / sizeof((steps)[0]), select)

static void test_store(void **state)
{
    static const step steps[] = {
        {"a STORE 1:2 +FLAGS (\\Seen)\r\n",
         "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\n* 2 FETCH (FLAGS (\\Seen \\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 -FLAGS \\seen\r\n", "* 1 FETCH (FLAGS (\\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 FLAGS (\\Draft \\Flagged)\r\n",
         "* 1 FETCH (FLAGS (\\Flagged \\Draft \\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 FLAGS ()\r\n", "* 1 FETCH (FLAGS (\\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 +FLAGS ()\r\n", "* 1 FETCH (FLAGS (\\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 FLAGS \\Answered \\Deleted\r\n",
         "* 1 FETCH (FLAGS (\\Answered \\Deleted \\Recent))\r\na OK STORE completed\r\n"},
        {"a STORE 1 flags.silent (\\Answered)\r\n", "a OK STORE completed\r\n"},
        {"a FETCH 1 FLAGS\r\n", "* 1 FETCH (FLAGS (\\Answered \\Recent))\r\na OK FETCH completed\r\n"},
        {"a UID STORE 4:1000 -FLAGS.SILENT (\\Seen)\r\n", "a OK UID STORE completed\r\n"},
        {"a UID STORE 9:* +FLAGS \\Flagged\r\n",
         "* 5 FETCH (UID 5 FLAGS (\\Flagged \\Recent))\r\na OK UID STORE completed\r\n"},
        {"a UID STORE 7 +FLAGS \\Flagged\r\n", "a OK UID STORE completed\r\n"},
        {"a STORE 6 +FLAGS \\Flagged\r\n", "a BAD There is no message of that number\r\n"},
        {"a STORE 1 +FLAGS (\\Recent)\r\n", "a BAD \\Recent cannot be changed\r\n"},
        {"a STORE 1 +FLAGS (\\Unknown)\r\n", "a BAD Unknown system flag\r\n"},
        {"a STORE 1 +FLAGS (\\*)\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 *FLAGS (\\Seen)\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 +FLAG (\\Seen)\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 +FLAGS.LOUD (\\Seen)\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 +FLAGS (\\Seen\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 +FLAGS \\Seen)\r\n", "a BAD STORE: Not understood\r\n"},
        {"a STORE 1 +FLAGS\r\n", "a BAD STORE: Not understood\r\n"},
    };
    (void)state;
    PLAY(steps, "s SELECT INBOX\r\n");
}

static void test_keywords(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", SPAN("x"), 0);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "s SELECT INBOX\r\n");
        const char *got = talk_say(&t, "a STORE 1 +FLAGS ($Work work $work)\r\n");
        assert_non_null(strstr(got, "* 1 FETCH (FLAGS (\\Recent $Work work))\r\na OK STORE completed\r\n"));
        assert_int_equal(memcmp(got, "* FLAGS (", 9), 0); /* a new keyword is announced first */
        assert_string_equal(talk_say(&t, "a STORE 1 -FLAGS ($WORK)\r\n"),
                            "* 1 FETCH (FLAGS (\\Recent work))\r\na OK STORE completed\r\n");
        text many;
        text_init(&many, NULL, 4096);
        text_add_str(&many, "a STORE 1 FLAGS (");
        for (int i = 0; i < 65; i++)
            text_print(&many, "k%d ", i);
        text_add_str(&many, "\\Seen)\r\n");
        assert_non_null(strstr(talk_say(&t, text_str(&many)), "a NO [LIMIT] "));
        text_fini(&many);
        talk_leave(&t);
        memory_store_del(&store);
    }
}

static void test_readonly(void **state)
{
    static const step steps[] = {
        {"a STORE 1 +FLAGS (\\Seen)\r\n", "a NO [NOPERM] STORE failed: is read-only\r\n"},
        {"a MOVE 1 Sent\r\n", "a NO [NOPERM] MOVE failed: is read-only\r\n"},
        {"a EXPUNGE\r\n", "a NO [NOPERM] EXPUNGE failed: is read-only\r\n"},
        {"a FETCH 1 BODY[TEXT]\r\n", "* 1 FETCH (BODY[TEXT] {6}\r\nbody\r\n)\r\na OK FETCH completed\r\n"},
        {"a FETCH 1 FLAGS\r\n", "* 1 FETCH (FLAGS (\\Recent))\r\na OK FETCH completed\r\n"},
    };
    (void)state;
    PLAY(steps, "s EXAMINE INBOX\r\n");
}

/* "[COPYUID v sources targets]" with the validity left out, for it depends on the store. */
static void expect_copyuid(const char *got, const char *line, const char *sets, const char *rest)
{
    char *end;
    size_t size = strlen(line);
    assert_memory_equal(got, line, size);
    unsigned long validity = strtoul(got + size, &end, 10);
    assert_true(validity > 0);
    char want[200];
    snprintf(want, sizeof want, " %s]%s", sets, rest);
    assert_string_equal(end, want);
}

static void test_copy(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        for (unsigned i = 1; i <= 5; i++)
            memory_deliver(store, "INBOX", SPAN("Subject: x\r\n\r\nbody\r\n"), i == 2 ? 1u << LL_FLAG_SEEN : 0);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "s SELECT INBOX\r\n");
        expect_copyuid(talk_say(&t, "a COPY 1:2,4 Sent\r\n"), "a OK [COPYUID ", "1:2,4 1:3", " COPY completed\r\n");
        expect_copyuid(talk_say(&t, "a UID COPY 5,1:2,2 \"Sent\"\r\n"), "a OK [COPYUID ", "1:2,5 4:6",
                       " UID COPY completed\r\n");
        assert_string_equal(talk_say(&t, "a UID COPY 99 Sent\r\n"), "a OK UID COPY completed\r\n");
        assert_string_equal(talk_say(&t, "a COPY 6 Sent\r\n"), "a BAD There is no message of that number\r\n");
        assert_string_equal(talk_say(&t, "a COPY 1 Nowhere\r\n"),
                            "a NO [TRYCREATE] COPY failed: does not exist yet\r\n");
        assert_string_equal(talk_say(&t, "a COPY 1 \r\n"), "a BAD COPY: Not understood\r\n");
        assert_string_equal(talk_say(&t, "a COPY 1 Sent x\r\n"), "a BAD COPY: Not understood\r\n");
        assert_non_null(strstr(talk_say(&t, "a COPY 1 \"a//b\"\r\n"), "a NO "));
        assert_int_equal(ll_view_count(memory_view(store, "Sent")), 6);
        assert_int_equal(ll_view_unseen(memory_view(store, "Sent")), 4); /* flags came along */

        /* RFC 6851: COPYUID before the EXPUNGEs */
        expect_copyuid(talk_say(&t, "a MOVE 2,4 Sent\r\n"), "* OK [COPYUID ", "2,4 7:8",
                       " Moved\r\n* 4 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 RECENT\r\na OK MOVE completed\r\n");
        expect_copyuid(talk_say(&t, "a UID MOVE 5 Sent\r\n"), "* OK [COPYUID ", "5 9",
                       " Moved\r\n* 3 EXPUNGE\r\n* 2 RECENT\r\na OK UID MOVE completed\r\n");
        assert_string_equal(talk_say(&t, "a UID MOVE 5 Sent\r\n"), "a OK UID MOVE completed\r\n");
        assert_string_equal(talk_say(&t, "a MOVE 1 Nowhere\r\n"),
                            "a NO [TRYCREATE] MOVE failed: does not exist yet\r\n");
        assert_int_equal(ll_view_count(memory_view(store, "INBOX")), 2);
        talk_leave(&t);
        memory_store_del(&store);
    }
}

static void test_expunge(void **state)
{
    static const step steps[] = {
        {"a EXPUNGE\r\n", "a OK EXPUNGE completed\r\n"},
        {"a STORE 1,3,5 +FLAGS.SILENT (\\Deleted)\r\n", "a OK STORE completed\r\n"},
        {"a UID EXPUNGE 2:4\r\n", "* 3 EXPUNGE\r\n* 4 RECENT\r\na OK UID EXPUNGE completed\r\n"},
        {"a UID EXPUNGE 2:4\r\n", "a OK UID EXPUNGE completed\r\n"},
        {"a UID EXPUNGE x\r\n", "a BAD EXPUNGE: Not understood\r\n"},
        {"a EXPUNGE 1\r\n", "a BAD EXPUNGE: Not understood\r\n"},
        {"a EXPUNGE\r\n", "* 4 EXPUNGE\r\n* 1 EXPUNGE\r\n* 2 RECENT\r\na OK EXPUNGE completed\r\n"},
        {"a UID FETCH 1:* UID\r\n", "* 1 FETCH (UID 2)\r\n* 2 FETCH (UID 4)\r\na OK UID FETCH completed\r\n"},
    };
    (void)state;
    PLAY(steps, "s SELECT INBOX\r\n");
}

/* Two sessions: what the other one does is told between commands, and a message that it expunged can still be stored
 * to. */
static void test_others(void **state)
{
    talk t = {0}, other = {0};
    (void)state;
    memory_store *store = memory_store_new();
    memory_deliver(store, "INBOX", SPAN("x"), 0);
    memory_deliver(store, "INBOX", SPAN("y"), 0);
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    talk_join(&other, store, false, NULL, "s SELECT INBOX\r\n");
    talk_say(&other, "a STORE 1 +FLAGS.SILENT (\\Deleted)\r\n");
    assert_string_equal(talk_say(&t, "a STORE 2 +FLAGS.SILENT (\\Seen)\r\n"),
                        "* 1 FETCH (FLAGS (\\Deleted \\Recent))\r\na OK STORE completed\r\n");
    talk_say(&other, "a EXPUNGE\r\n");
    const char *got = talk_say(&t, "a STORE 1:2 +FLAGS (\\Flagged)\r\n");
    assert_non_null(strstr(got, "* 2 FETCH (FLAGS (\\Seen \\Flagged \\Recent))\r\n"));
    assert_non_null(strstr(got, "a OK [EXPUNGEISSUED] "));
    assert_null(strstr(got, "EXPUNGE\r\n"));
    assert_non_null(strstr(talk_say(&t, "a EXPUNGE\r\n"), "* 1 EXPUNGE\r\n"));
    talk_leave(&t);
    talk_leave(&other);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store), cmocka_unit_test(test_keywords), cmocka_unit_test(test_readonly),
        cmocka_unit_test(test_copy),  cmocka_unit_test(test_expunge),  cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
