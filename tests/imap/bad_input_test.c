/* What clients that are broken or hostile send: every command cut off at every byte, literals of every wrong size,
 * nests and heaps, before and after login. The session answers or ends, the next one answers, and memory keeps its
 * budget (invariant 7). SPDX-License-Identifier: MIT */
#include "imap/command.h"

#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { /* twice what was measured: 64,012 and 2,008,794 bytes */
       stranger_memory = 128 << 10,
       user_memory = 4 << 20
};

/* Bitmaps come from malloc and are not counted: a set has at most limits.set_ranges. */
typedef struct counted {
    size_t held, peak;
} counted;

static void *resize(void *context, void *memory, size_t size)
{
    counted *c = context;
    size_t *old = memory ? (size_t *)memory - 2 : NULL, before = old ? *old : 0;
    if (!size) {
        c->held -= before;
        free(old);
        return NULL;
    }
    size_t *block = realloc(old, size + 2 * sizeof *block);
    if (!block)
        return NULL;
    *block = size;
    c->held += size - before;
    c->peak = c->held > c->peak ? c->held : c->peak;
    return block + 2;
}

typedef struct rig {
    chat t;
    counted counted;
    ll_allocator allocator;
    memory_store *store;
    bool login;
    unsigned sessions; /* opened */
} rig;

static void open_session(rig *r)
{
    chat_open(&r->t, &(chat_how){.login = r->login, .store = r->store, .allocator = &r->allocator});
    if (r->login)
        chat_contains(&r->t, "s SELECT INBOX\r\n", "s OK");
    else
        chat_contains(&r->t, "", "* OK");
    r->sessions++;
}

static void rig_open(rig *r, bool login)
{
    *r = (rig){.login = login, .store = memory_store_new()};
    r->allocator = (ll_allocator){resize, &r->counted};
    for (int i = 0; i < 3; i++)
        memory_deliver(r->store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 0);
    open_session(r);
}

static void rig_close(rig *r)
{
    chat_close(&r->t);
    assert_int_equal(r->counted.held, 0);
    if (r->counted.peak > (r->login ? user_memory : stranger_memory))
        fail_msg("%zu bytes were needed", r->counted.peak);
    assert_int_equal(memory_sessions(r->store), 0);
    memory_store_del(&r->store);
}

/* The session answers, once what it may be waiting for has come (the end of a small literal, of IDLE, of SASL); or it
 * has ended or waits for a large literal, and the next one answers. */
static void still_answers(rig *r)
{
    for (unsigned i = 0; i < 3; i++) {
        if (chat_ended(&r->t))
            break;
        chat_send(&r->t, SPAN("\r\n*\r\nDONE\r\nz NOOP\r\n"));
        if (strstr(text_str(&r->t.said), "z OK NOOP completed\r\n")) {
            text_clear(&r->t.said);
            return;
        }
    }
    text_clear(&r->t.said);
    chat_close(&r->t);
    assert_int_equal(r->counted.held, 0);
    open_session(r);
    chat_expect(&r->t, "z NOOP\r\n", "z OK NOOP completed\r\n");
}

/* A session that no try has changed, with mail in INBOX. */
static void fresh(rig *r)
{
    text_clear(&r->t.said);
    chat_close(&r->t);
    while (ll_view_count(memory_view(r->store, "INBOX")) < 3)
        memory_deliver(r->store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 0);
    open_session(r);
}

static void try(rig *r, ll_span bytes)
{
    fresh(r);
    chat_send(&r->t, bytes);
    text_clear(&r->t.said);
    still_answers(r);
}

/* --- every command --- */

enum { before_login = 4 }; /* the first ones of these */
static const char *const commands[] = {
    "STARTTLS",
    "LOGIN {4+}\r\nuser \"se\\\"cret\"",
    "AUTHENTICATE PLAIN\r\nAHVzZXIAc2VjcmV0",
    "AUTHENTICATE SCRAM-SHA-256 Zmlyc3Q=",
    "CAPABILITY",
    "NOOP",
    "ID (\"name\" \"x\" \"version\" NIL)",
    "SELECT INBOX (CONDSTORE)",
    "SELECT \"INBOX\" (QRESYNC (1001 5 1:3 (1,2 1,2)))",
    "EXAMINE {5+}\r\nINBOX",
    "CREATE a/&AOQ-/b (USE (\\Archive))",
    "DELETE a/&AOQ-/b",
    "RENAME a {1+}\r\nb",
    "SUBSCRIBE \"a\\\\b\"",
    "UNSUBSCRIBE a",
    "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% \"a*\") RETURN (CHILDREN STATUS (MESSAGES SIZE) METADATA (/private/a))",
    "LSUB \"\" {1+}\r\n*",
    "NAMESPACE",
    "STATUS INBOX (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)",
    "GETQUOTA \"\"",
    "GETQUOTAROOT INBOX",
    "SETQUOTA \"\" (STORAGE 512)",
    "GETMETADATA (MAXSIZE 10 DEPTH infinity) INBOX (/private/a {9+}\r\n/shared/b)",
    "SETMETADATA INBOX (/private/a {3+}\r\nabc /shared/b NIL)",
    "APPEND Sent (\\Seen kw) \" 1-Jan-2020 00:00:00 +0000\" {3+}\r\nabc (\\Draft) {2+}\r\nde",
    "APPEND Sent CATENATE (URL \"/INBOX/;UID=1/;SECTION=TEXT\" TEXT {3+}\r\nabc)",
    "APPEND Sent UTF8 (~{3+}\r\nabc)",
    "REPLACE 1 Sent (\\Seen) {1+}\r\nx",
    "UID REPLACE 1 Sent ~{1+}\r\nx",
    "ENABLE CONDSTORE QRESYNC IMAP4rev2",
    "COMPRESS DEFLATE",
    "UNAUTHENTICATE",
    "NOTIFY SET STATUS (selected (MessageNew (uid body.peek[header.fields (from)]) MessageExpunge)) "
    "(subtree (Sent {1+}\r\na) (MailboxName))",
    "IDLE\r\nDONE",
    "CHECK",
    "CLOSE",
    "UNSELECT",
    "EXPUNGE",
    "UID EXPUNGE 1:2,4",
    "SEARCH RETURN (MIN COUNT SAVE) CHARSET UTF-8 NOT (OR SEEN FROM {1+}\r\nx) 1:* SINCE 1-Jan-2020 LARGER 4",
    "UID SEARCH UID $ HEADER \"Subject\" {1+}\r\nx MODSEQ \"/flags/\\\\Seen\" all 5",
    "CANCELUPDATE \"a\" \"b\"",
    "ESEARCH IN (SELECTED SUBTREE-ONE (INBOX)) RETURN (COUNT) BODY {1+}\r\nx",
    "SORT RETURN (PARTIAL 1:2) (REVERSE DATE SUBJECT) UTF-8 NOT 2",
    "UID THREAD REFERENCES US-ASCII ALL",
    "FETCH 1:*,2 (FLAGS UID INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[1.HEADER.FIELDS.NOT (To "
    "{4+}\r\nFrom)]<0.5> BINARY.PEEK[1]<0.2> BINARY.SIZE[1] PREVIEW (LAZY) EMAILID) (CHANGEDSINCE 3)",
    "UID FETCH $ ALL (PARTIAL -1:-2)",
    "STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen kw)",
    "UID STORE 1 FLAGS \\Seen",
    "COPY 1,2 {4+}\r\nSent",
    "UID MOVE 1:* Sent",
    "LOGOUT"};
enum { commands_count = sizeof commands / sizeof commands[0] };

static void cover_the_table(void **state)
{
    (void)state;
    for (size_t n = 0; n < command_table_count; n++) {
        bool found = false;
        for (unsigned i = 0; i < commands_count && !found; i++) {
            ll_span rest = span_str(commands[i]);
            if (span_starts_nocase(rest, SPAN("UID ")))
                rest = span_from(rest, 4);
            ll_span line = span_first(rest, span_find(rest, '\r'));
            found = span_equal(span_first(line, span_find(line, ' ')), span_str(command_table[n].name));
        }
        if (!found)
            fail_msg("%s is not tried", command_table[n].name);
    }
}

static void cut_off(bool login, unsigned stride)
{
    rig r;
    rig_open(&r, login);
    for (unsigned i = 0; i < commands_count; i++)
        for (size_t size = 0; size <= strlen(commands[i]); size += stride) {
            char line[512];
            int length = snprintf(line, sizeof line, "a %.*s\r\n", (int)size, commands[i]);
            assert_true(length > 0 && (size_t)length < sizeof line);
            try(&r, span_of(line, (size_t)length));
        }
    rig_close(&r);
}

/* The whole commands are understood, so that the cuts are in the right places. */
static void whole(void **state)
{
    (void)state;
    rig r;
    for (unsigned i = 0; i < commands_count; i++) {
        char line[512];
        rig_open(&r, true);
        bool stranger = i < before_login, utf8 = strstr(commands[i], "UTF8 (") != NULL;
        chat_contains(&r.t, utf8 ? "e ENABLE UTF8=ACCEPT\r\n" : "e ENABLE QRESYNC\r\n", "e OK");
        snprintf(line, sizeof line, "a %s\r\n", commands[i]);
        chat_send(&r.t, span_str(line));
        if (!stranger == (strstr(text_str(&r.t.said), "a BAD ") || !strstr(text_str(&r.t.said), "a ")))
            fail_msg("%s: %s", commands[i], text_str(&r.t.said));
        text_clear(&r.t.said);
        rig_close(&r);
    }
}

static void cut_off_after_login(void **state)
{
    (void)state;
    cut_off(true, 1);
}

static void cut_off_before_login(void **state)
{
    (void)state;
    cut_off(false, 1);
}

/* --- literals --- */

/* What stands before the literal INBOX and behind it. */
static const char *const around[][2] = {
    {"a LOGIN ", " secret"},
    {"a ID (\"name\" ", ")"},
    {"a SELECT ", ""},
    {"a STATUS ", " (MESSAGES)"},
    {"a LIST \"\" ", ""},
    {"a RENAME a ", ""},
    {"a APPEND ", " {1+}\r\nx"},
    {"a APPEND Sent ", ""},
    {"a APPEND Sent (\\Seen) ", " {2+}\r\nxy"},
    {"a APPEND Sent CATENATE (TEXT ", ")"},
    {"a REPLACE 1 Sent ", ""},
    {"a SEARCH SUBJECT ", " SEEN"},
    {"a SETMETADATA Sent (/private/a ", ")"},
    {"a FETCH 1 BODY[HEADER.FIELDS (", ")]"},
    {"a COPY 1 ", ""},
    {"a NOOP ", ""},
    {"a x", ""},
    {"", ""},
};

static const char *const sizes[] = {"{0}",
                                    "{0+}",
                                    "{4}",
                                    "{4+}",
                                    "{6}",
                                    "{6+}",
                                    "{30}",
                                    "{30+}",
                                    "{5",
                                    "{5+",
                                    "{}",
                                    "{+}",
                                    "{-1}",
                                    "{-1+}",
                                    "{ 5}",
                                    "{5 }",
                                    "{5}x",
                                    "{5+}x",
                                    "{+5}",
                                    "{5++}",
                                    "{0005+}",
                                    "{5-}",
                                    "~{5}",
                                    "~{5+}",
                                    "~~{5}",
                                    "{5.0}",
                                    "{0x5}",
                                    "{65537}",
                                    "{65537+}",
                                    "{{5}",
                                    "{5}}",
                                    "\"{5}",
                                    "\"{5}\"",
                                    "{4097+}",
                                    "{8193}",
                                    "{52428801}",
                                    "{52428801+}",
                                    "{104857602+}",
                                    "{4294967296}",
                                    "{4294967296+}",
                                    "{9223372036854775807}",
                                    "{9223372036854775807+}",
                                    "{9223372036854775808+}",
                                    "{18446744073709551615}",
                                    "{18446744073709551615+}",
                                    "{18446744073709551616+}",
                                    "{99999999999999999999}",
                                    "{99999999999999999999+}",
                                    "{000000000000000000000000000000000000000000005+}"};

static void literals(bool login)
{
    rig r;
    rig_open(&r, login);
    for (unsigned i = 0; i < sizeof around / sizeof around[0]; i++)
        for (unsigned k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            char line[256];
            int length = snprintf(line, sizeof line, "%s%s\r\nINBOX%s\r\n", around[i][0], sizes[k], around[i][1]);
            try(&r, span_of(line, (size_t)length));
            fresh(&r); /* and in pieces of one byte each */
            r.t.how.bytes = true;
            chat_send(&r.t, span_of(line, (size_t)length));
            still_answers(&r);
            r.t.how.bytes = false;
        }
    rig_close(&r);
}

static void literals_after_login(void **state)
{
    (void)state;
    literals(true);
}

static void literals_before_login(void **state)
{
    (void)state;
    literals(false);
}

/* --- nests and heaps --- */

static char *repeated(const char *head, const char *part, size_t count, const char *middle, const char *end,
                      const char *tail)
{
    size_t size = strlen(head) + (strlen(part) + strlen(end)) * count + strlen(middle) + strlen(tail);
    char *line = malloc(size + 1), *at = line;
    at = stpcpy(at, head);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, part);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, end);
    stpcpy(at, tail);
    return line;
}

static const struct {
    const char *head, *part, *middle, *end;
} nests[] = {
    {"a SEARCH ", "(", "ALL", ")"},
    {"a SEARCH ", "NOT ", "ALL", ""},
    {"a SEARCH ", "OR SEEN ", "ALL", ""},
    {"a SEARCH ", "OR ", "SEEN", " SEEN"},
    {"a SEARCH ", "(NOT (OR SEEN ", "ALL", "))"},
    {"a SEARCH ", "FUZZY ", "SUBJECT x", ""},
    {"a UID SEARCH ", "(", "", ""},
    {"a SORT (DATE) UTF-8 ", "(", "ALL", ")"},
    {"a SORT (", "REVERSE ", "DATE) UTF-8 ALL", ""},
    {"a THREAD REFERENCES UTF-8 ", "NOT (", "ALL", ")"},
    {"a ESEARCH IN (SUBTREE ", "(", "INBOX", ")"},
    {"a FETCH 1 ", "(", "UID", ")"},
    {"a FETCH 1 BODY[HEADER.FIELDS ", "(", "TO", ")"},
    {"a FETCH 1 BODY[", "1.", "1", ""},
    {"a STORE 1 +FLAGS ", "(", "\\Seen", ")"},
    {"a LIST ", "(", "SUBSCRIBED", ")"},
    {"a LIST \"\" ", "(", "INBOX", ")"},
    {"a LIST \"\" * RETURN ", "(", "CHILDREN", ")"},
    {"a LIST \"\" ", "%*", "", ""},
    {"a LIST \"\" ", "%/", "", ""},
    {"a STATUS INBOX ", "(", "MESSAGES", ")"},
    {"a ID ", "(", "\"a\" NIL", ")"},
    {"a NOTIFY SET ", "(", "SELECTED", ")"},
    {"a NOTIFY SET ", "(personal ", "NONE", ")"},
    {"a APPEND INBOX ", "(", "\\Seen", ")"},
    {"a APPEND INBOX CATENATE ", "(", "URL x", ")"},
    {"a SETMETADATA INBOX ", "(", "/private/a NIL", ")"},
    {"a GETMETADATA ", "(", "DEPTH 1", ")"},
    {"a SELECT INBOX ", "(QRESYNC ", "1 1", ")"},
    {"a CREATE ", "a/", "b", ""},
    {"a CREATE x (USE ", "(", "\\Sent", ")"},
    {"a ENABLE", " X", "", ""},
    {"", "(", "", ")"},
    {"a ", "UID ", "FETCH 1 UID", ""},
    {"a FETCH ", "1,", "1 UID", ""},
    {"a UID FETCH ", "1:*,", "* UID", ""},
    {"a FETCH 1 (", "FLAGS ", "UID)", ""},
    {"a FETCH 1 (", "BODY.PEEK[TEXT]<0.1> ", "UID)", ""},
    {"a SEARCH ", "ALL ", "ALL", ""},
    {"a SEARCH ", "SUBJECT x ", "ALL", ""},
    {"a SEARCH ", "1,3,5,7,2:9,", "1", ""},
    {"a STORE 1 +FLAGS (", "a ", "b)", ""},
    {"a GETMETADATA INBOX (", "/private/a ", "/private/b)", ""},
    {"a SELECT ", "x", "", ""},
    {"a SELECT \"", "\\\\", "\"", ""},
    {"", "tag", " NOOP", ""},
    {"a AUTHENTICATE PLAIN ", "AAAA", "", ""},
    {"a LOGIN ", "x", " y", ""},
    {"a SEARCH CHARSET ", "x", " ALL", ""},
    {"a NOTIFY SET (mailboxes (", "a ", "b) NONE)", ""},
    {"a COPY 1 ", "&AOQ-", "", ""},
};

static void nests_and_heaps(bool login)
{
    static const size_t counts[] = {1, 2, 31, 32, 33, 257, 4097, 20000, 300000};
    rig r;
    rig_open(&r, login);
    for (unsigned i = 0; i < sizeof nests / sizeof nests[0]; i++)
        for (unsigned k = 0; k < sizeof counts / sizeof counts[0]; k++) {
            char *line = repeated(nests[i].head, nests[i].part, counts[k], nests[i].middle, nests[i].end, "\r\n");
            try(&r, span_str(line));
            free(line);
        }
    rig_close(&r);
}

static void nests_after_login(void **state)
{
    (void)state;
    nests_and_heaps(true);
}

static void nests_before_login(void **state)
{
    (void)state;
    nests_and_heaps(false);
}

/* What a command may hold is a few literals of 64 KiB: then they are refused, one after the other, and nothing is
 * executed that was data. */
static void heap_of_literals(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, true);
    char *fill = malloc(65537 + 40);
    chat_send(&r.t, SPAN("a SEARCH"));
    for (unsigned i = 0; i < 40; i++) {
        size_t at = (size_t)sprintf(fill, " SUBJECT {65536+}\r\n");
        memset(fill + at, 'x', 65536);
        memcpy(fill + at, "\r\nb DELETE Sent\r\n", 17);
        chat_send(&r.t, span_of(fill, at + 65536));
    }
    free(fill);
    chat_expect(&r.t, "\r\n", "a BAD [TOOBIG] Literal is too large\r\n");
    assert_non_null(memory_view(r.store, "Sent"));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cover_the_table),      cmocka_unit_test(whole),
        cmocka_unit_test(cut_off_after_login),  cmocka_unit_test(cut_off_before_login),
        cmocka_unit_test(literals_after_login), cmocka_unit_test(literals_before_login),
        cmocka_unit_test(nests_after_login),    cmocka_unit_test(nests_before_login),
        cmocka_unit_test(heap_of_literals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
