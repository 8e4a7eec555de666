/* GETMETADATA and SETMETADATA (RFC 5464), quota (RFC 9208).
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* RFC 5464 sections 4.2 to 4.4. */
static void examples(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, NULL,
             "s1 SETMETADATA \"\" (/shared/comment \"Shared comment\")\r\n"
             "s2 SETMETADATA INBOX (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\n"
             "s3 SETMETADATA INBOX (/private/filters/values/small \"SMALLER 5000\" "
             "/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\")\r\n"
             "s4 SETMETADATA INBOX (/private/filters/values/a/b {1+}\r\nx)\r\n"
             "a1 GETMETADATA \"\" /shared/comment\r\n"
             "a2 GETMETADATA \"INBOX\" /private/comment\r\n"
             "a3 GETMETADATA \"INBOX\" (/shared/comment /private/comment)\r\n"
             "a4 GETMETADATA \"INBOX\" (MAXSIZE 13) (/shared/comment /private/comment)\r\n"
             "a5 GETMETADATA (MAXSIZE 14) \"INBOX\" (/shared/comment /private/comment)\r\n"
             "a6 GETMETADATA \"INBOX\" (DEPTH 1) (/private/filters/values)\r\n"
             "a7 GETMETADATA (DEPTH infinity MAXSIZE 1) INBOX /private/filters\r\n"
             "a8 GETMETADATA INBOX (DEPTH 0) /private/filters\r\n"
             "a9 SETMETADATA INBOX (/private/comment {34+}\r\nMy new comment across\r\ntwo lines.\r)\r\n"
             "b0 GETMETADATA (DEPTH infinity) \"\" (/private /Shared)\r\n"
             "b1 GETMETADATA INBOX (/PRIVATE/Comment)\r\n"
             "b2 SETMETADATA INBOX (/private/comment NIL)\r\n"
             "b3 GETMETADATA INBOX (/private/comment /shared/comment)\r\n",
             "s1 OK SETMETADATA completed\r\ns2 OK SETMETADATA completed\r\n"
             "s3 OK SETMETADATA completed\r\ns4 OK SETMETADATA completed\r\n"
             "* METADATA \"\" (/shared/comment \"Shared comment\")\r\na1 OK GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/comment \"My own comment\")\r\na2 OK GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\n"
             "a3 OK GETMETADATA completed\r\n"
             "a4 OK [METADATA LONGENTRIES 14] GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/comment \"My own comment\" /shared/comment \"Shared comment\")\r\n"
             "a5 OK GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/filters/values/boss \"FROM \\\"boss@example.com\\\"\" "
             "/private/filters/values/small \"SMALLER 5000\")\r\na6 OK GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/filters/values/a/b \"x\")\r\na7 OK [METADATA LONGENTRIES 23] GETMETADATA "
             "completed\r\n"
             "* METADATA \"INBOX\" (/private/filters NIL)\r\na8 OK GETMETADATA completed\r\n"
             "a9 OK SETMETADATA completed\r\n"
             "* METADATA \"\" (/shared/comment \"Shared comment\")\r\nb0 OK GETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/private/comment {34}\r\nMy new comment across\r\ntwo lines.\r)\r\n"
             "b1 OK GETMETADATA completed\r\n"
             "b2 OK SETMETADATA completed\r\n"
             "* METADATA \"INBOX\" (/shared/comment \"Shared comment\" /private/comment NIL)\r\n"
             "b3 OK GETMETADATA completed\r\n");
}

static void two_at_most(memory_store *store)
{
    memory_limit(store, 0, 0, 2);
}

static void refused(void **state)
{
    (void)state;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.metadata_value_bytes = 1024;
    limits.metadata_entries = 3;
    char send[4096], value[1026] = "";
    memset(value, 'v', 1025);
    snprintf(send, sizeof send,
             "a1 SETMETADATA INBOX (/private/x {1025+}\r\n%s)\r\n"
             "a2 SETMETADATA INBOX (/private/x {1024+}\r\n%s)\r\n"
             "a3 SETMETADATA INBOX (/private/a \"1\" /private/b \"2\")\r\n"
             "a4 SETMETADATA INBOX (/private/a \"1\")\r\n"
             "a5 SETMETADATA none (/private/a \"1\")\r\n"
             "a6 GETMETADATA none /private/a\r\n"
             "a7 GETMETADATA INBOX /a\r\n"
             "a8 GETMETADATA INBOX /private/a*\r\n"
             "a9 GETMETADATA INBOX /private/\r\n"
             "b1 GETMETADATA INBOX /private//a\r\n"
             "b1a SETMETADATA INBOX (/private \"x\")\r\n"
             "b2 SETMETADATA INBOX ()\r\n"
             "b3 SETMETADATA INBOX (/private/a)\r\n"
             "b4 GETMETADATA INBOX (DEPTH 2) /private/a\r\n"
             "b5 GETMETADATA INBOX (/private/a /private/b /private/c /private/d)\r\n"
             "b6 GETMETADATA INBOX ()\r\n",
             value, value + 1);
    chat_all(&(chat_how){.login = true, .limits = &limits}, two_at_most, send,
             "a1 NO [METADATA MAXSIZE 1024] Value is too large\r\n"
             "a2 OK SETMETADATA completed\r\n"
             "a3 NO [METADATA TOOMANY] SETMETADATA failed: is over a limit\r\n"
             "a4 OK SETMETADATA completed\r\n"
             "a5 NO [NONEXISTENT] SETMETADATA failed: does not exist\r\n"
             "a6 NO [NONEXISTENT] GETMETADATA failed: does not exist\r\n"
             "a7 BAD Not an entry of metadata: /private/... or /shared/...\r\n"
             "a8 BAD GETMETADATA: Not understood\r\n"
             "a9 BAD Not an entry of metadata: /private/... or /shared/...\r\n"
             "b1 BAD Not an entry of metadata: /private/... or /shared/...\r\n"
             "b1a BAD Not an entry of metadata: /private/... or /shared/...\r\n"
             "b2 BAD SETMETADATA: Not understood\r\n"
             "b3 BAD SETMETADATA: Not understood\r\n"
             "b4 BAD Not an entry of metadata: /private/... or /shared/...\r\n"
             "b5 NO [LIMIT] GETMETADATA failed: is over a limit\r\n"
             "b6 BAD GETMETADATA: Not understood\r\n");
}

/* A value may be any bytes, in a literal8. */
static void binary(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        chat t;
        chat_open(&t, &(chat_how){.login = true, .bytes = bytes});
        chat_send(&t, SPAN("a SETMETADATA \"\" (/private/x ~{3+}\r\n\0\xff\n)\r\n"));
        chat_expect(&t, "", "a OK SETMETADATA completed\r\n");
        chat_send(&t, SPAN("b SETMETADATA \"\" (/private/y ~{3}\r\n"));
        chat_expect(&t, "", "+ OK\r\n");
        chat_send(&t, SPAN("\xfe\r\n /private/z {3+}\r\n\0\0\0)\r\n"));
        chat_expect(&t, "", "b BAD NUL is not allowed\r\n");
        chat_send(&t, SPAN("c GETMETADATA \"\" /private/x\r\n"));
        static const char want[] = "* METADATA \"\" (/private/x ~{3}\r\n\0\xff\n)\r\nc OK GETMETADATA completed\r\n";
        assert_int_equal(t.said.size, sizeof want - 1);
        assert_memory_equal(t.said.data, want, sizeof want - 1);
        text_clear(&t.said);
        chat_close(&t);
    }
}

/* More than the output holds at once. */
static void much(void **state)
{
    (void)state;
    chat t;
    ll_limits limits;
    ll_limits_init(&limits);
    limits.output_bytes = 1000;
    chat_open(&t, &(chat_how){.login = true, .limits = &limits});
    for (int i = 0; i < 100; i++) {
        char line[32900];
        int size = snprintf(line, sizeof line, "a SETMETADATA \"\" (/private/x/%03d {32768+}\r\n", i);
        memset(line + size, 'a' + i % 26, 32768);
        memcpy(line + size + 32768, ")\r\n", 3);
        chat_send(&t, span_of(line, (size_t)size + 32768 + 3));
        chat_expect(&t, "", "a OK SETMETADATA completed\r\n");
    }
    size_t taken;
    assert_int_equal(ll_session_input(t.session, SPAN("b GETMETADATA (DEPTH infinity) \"\" /private/x\r\n"), &taken),
                     LL_OK);
    assert_true(ll_session_output(t.session).size < 40000);
    chat_work(&t);
    assert_true(t.said.size > 100 * 32768);
    chat_contains(&t, "", "b OK GETMETADATA completed\r\n");
    chat_close(&t);
}

/* --- RFC 9208 --- */

static void forty_two(memory_store *store)
{
    for (int i = 0; i < 41; i++)
        memory_deliver(store, "Sent", SPAN("a: b\r\n\r\n0123456789012345678901234567890123456789"), 0);
    memory_deliver(store, "INBOX", SPAN("a: b\r\n\r\n"), 1u << LL_FLAG_DELETED);
    memory_limit(store, 10240, 1000, 0);
}

static void quota(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, forty_two,
             "G1 GETQUOTA \"\"\r\n"
             "G2 GETQUOTAROOT INBOX\r\n"
             "G3 GETQUOTAROOT not/there\r\n"
             "G4 GETQUOTA \"#user/alice\"\r\n"
             "G5 SETQUOTA \"\" (STORAGE 512)\r\n"
             "G6 SETQUOTA \"\" ()\r\n"
             "G7 SETQUOTA \"\" (STORAGE)\r\n"
             "G8 GETQUOTA\r\n"
             "S3 STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)\r\n",
             "* QUOTA \"\" (STORAGE 2 10 MESSAGE 42 1000)\r\nG1 OK GETQUOTA completed\r\n"
             "* QUOTAROOT \"INBOX\" \"\"\r\n* QUOTA \"\" (STORAGE 2 10 MESSAGE 42 1000)\r\n"
             "G2 OK GETQUOTAROOT completed\r\n"
             "* QUOTAROOT \"not/there\" \"\"\r\n* QUOTA \"\" (STORAGE 2 10 MESSAGE 42 1000)\r\n"
             "G3 OK GETQUOTAROOT completed\r\n"
             "G4 NO [NONEXISTENT] There is no such quota root: the only one is \"\"\r\n"
             "G5 NO [NOPERM] Quota is set by the administrator\r\n"
             "G6 NO [NOPERM] Quota is set by the administrator\r\n"
             "G7 BAD SETQUOTA: Not understood\r\n"
             "G8 BAD GETQUOTA: Not understood\r\n"
             "* STATUS \"INBOX\" (MESSAGES 1 DELETED 1 DELETED-STORAGE 8)\r\nS3 OK STATUS completed\r\n");
}

static void unlimited(memory_store *store)
{
    memory_limit(store, 0, 0, 0);
}

static void no_limits(void **state)
{
    (void)state;
    chat_all(&(chat_how){.login = true}, unlimited, "G1 GETQUOTA \"\"\r\n",
             "* QUOTA \"\" ()\r\nG1 OK GETQUOTA completed\r\n");
}

/* A connector without these methods: not offered, and refused. */
static void not_offered(void **state)
{
    (void)state;
    ll_connector old = memory_connector;
    old.size = offsetof(ll_connector, quota);
    chat t;
    chat_open(&t, &(chat_how){.login = true, .connector = &old});
    chat_expect(&t, "a GETQUOTA \"\"\r\n", "a NO [CANNOT] GETQUOTA failed: is not supported\r\n");
    chat_expect(&t, "b GETMETADATA \"\" /private/a\r\n", "b NO [CANNOT] GETMETADATA failed: is not supported\r\n");
    chat_send(&t, SPAN("c CAPABILITY\r\n"));
    assert_null(strstr(text_str(&t.said), "QUOTA"));
    assert_null(strstr(text_str(&t.said), "METADATA"));
    assert_non_null(strstr(text_str(&t.said), "LIST-EXTENDED"));
    chat_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples), cmocka_unit_test(refused),   cmocka_unit_test(binary),      cmocka_unit_test(much),
        cmocka_unit_test(quota),    cmocka_unit_test(no_limits), cmocka_unit_test(not_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
