/* run_fetch_test.c - FETCH in conversation, see src/imap/run_fetch.c
 * SPDX-License-Identifier: MIT */
#include "talk.h"

#include "mime/indexer.h"

#include <stdio.h>

#define FIRST "From: Joe <joe@x.org>\r\nSubject: one\r\n\r\nHello\r\n"
#define SECOND                                                                                                         \
    "Subject: two\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
#define PLAIN "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "

/* UIDs 1, 3 and 4 with numbers 1, 2 and 3: 1 is \Seen with a keyword, 4 is empty. */
static void fill(memory_store *store)
{
    memory_deliver(store, "INBOX", SPAN(FIRST), 1u << LL_FLAG_SEEN);
    memory_deliver(store, "INBOX", SPAN("x"), 0);
    memory_deliver(store, "INBOX", SPAN(SECOND), 1u << LL_FLAG_FLAGGED);
    memory_deliver(store, "INBOX", SPAN(""), 1u << LL_FLAG_SEEN);
    memory_expunge(store, "INBOX", (ll_range){2, 2});
    memory_flag(store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, 0, "$Work");
    memory_set_date(store, "INBOX", 1, 837571465);
    memory_set_date(store, "INBOX", 3, 0);
}

static const struct {
    const char *say, *want;
} dialogue[] = {
    /* EXAMINE: nothing changes, so each line stands alone. */
    {"a FETCH 1 FLAGS\r\n", "* 1 FETCH (FLAGS (\\Seen \\Recent $Work))\r\na OK FETCH completed\r\n"},
    {"a FETCH 1:* (UID FLAGS)\r\n",
     "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent $Work))\r\n* 2 FETCH (UID 3 FLAGS (\\Flagged \\Recent))\r\n"
     "* 3 FETCH (UID 4 FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n"},
    {"a FETCH 1,1:2,2,3:3 UID\r\n",
     "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 3)\r\n* 3 FETCH (UID 4)\r\na OK FETCH completed\r\n"},
    {"a UID FETCH 1000:* FLAGS\r\n", "* 3 FETCH (UID 4 FLAGS (\\Seen \\Recent))\r\na OK UID FETCH completed\r\n"},
    {"a UID FETCH 2 FLAGS\r\n", "a OK UID FETCH completed\r\n"},
    {"a UID FETCH 2:3 (FLAGS UID)\r\n", "* 2 FETCH (UID 3 FLAGS (\\Flagged \\Recent))\r\na OK UID FETCH completed\r\n"},
    {"a FETCH 4 FLAGS\r\n", "a BAD There is no message of that number\r\n"},
    {"a FETCH 0 FLAGS\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a FETCH 1 FLAGS \r\n", "a BAD FETCH: Not understood\r\n"},
    {"a FETCH 1 (INTERNALDATE RFC822.SIZE)\r\n",
     "* 1 FETCH (INTERNALDATE \"17-Jul-1996 02:44:25 +0000\" RFC822.SIZE 46)\r\na OK FETCH completed\r\n"},
    {"a FETCH 2 FAST\r\n", "* 2 FETCH (FLAGS (\\Flagged \\Recent) INTERNALDATE \"01-Jan-1970 00:00:00 +0000\" "
                           "RFC822.SIZE 90)\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 (ENVELOPE BODY)\r\n",
     "* 1 FETCH (ENVELOPE (NIL \"one\" ((\"Joe\" NIL \"joe\" \"x.org\")) ((\"Joe\" NIL \"joe\" \"x.org\")) ((\"Joe\" "
     "NIL \"joe\" "
     "\"x.org\")) NIL NIL NIL NIL NIL) BODY " PLAIN "7 1))\r\na OK FETCH completed\r\n"},
    {"a FETCH 2 BODYSTRUCTURE\r\n",
     "* 2 FETCH (BODYSTRUCTURE (" PLAIN "3 0 NIL NIL NIL NIL)" PLAIN
     "3 0 NIL NIL NIL NIL) \"mixed\" (\"boundary\" \"b\") NIL NIL NIL))\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 BODY[]\r\n", "* 1 FETCH (BODY[] {46}\r\n" FIRST ")\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 RFC822\r\n", "* 1 FETCH (RFC822 {46}\r\n" FIRST ")\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 (RFC822.TEXT RFC822.HEADER)\r\n",
     "* 1 FETCH (RFC822.TEXT {7}\r\nHello\r\n RFC822.HEADER {39}\r\nFrom: Joe <joe@x.org>\r\nSubject: one\r\n\r\n)\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 1 (BODY.PEEK[HEADER.FIELDS (SUBJECT X)] BODY.PEEK[HEADER.FIELDS.NOT (Subject)] UID)\r\n",
     "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT X)] {16}\r\nSubject: one\r\n\r\n BODY[HEADER.FIELDS.NOT (Subject)] "
     "{25}\r\nFrom: Joe "
     "<joe@x.org>\r\n\r\n UID 1)\r\na OK FETCH completed\r\n"},
    {"a FETCH 2 (BODY.PEEK[1] BODY.PEEK[2]<1.1> BODY.PEEK[3] BODY.PEEK[1.MIME] BODY[1.HEADER])\r\n",
     "* 2 FETCH (BODY[1] {3}\r\none BODY[2]<1> {1}\r\nw BODY[3] NIL BODY[1.MIME] {2}\r\n\r\n BODY[1.HEADER] NIL)\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 1 (BODY[]<0.4> BODY[]<44.100> BODY[]<46.1> BODY[]<9000000000.1>)\r\n",
     "* 1 FETCH (BODY[]<0> {4}\r\nFrom BODY[]<44> {2}\r\n\r\n BODY[]<46> \"\" BODY[]<9000000000> \"\")\r\na OK FETCH "
     "completed\r\n"},
    {"a FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]<9.3>\r\n",
     "* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT)]<9> {3}\r\none)\r\na OK FETCH completed\r\n"},
    {"a FETCH 3 (BODY[] BODY[TEXT] BODY[HEADER] BODY[1] BODY[HEADER.FIELDS (a)] RFC822.SIZE BODY)\r\n",
     "* 3 FETCH (BODY[] \"\" BODY[TEXT] \"\" BODY[HEADER] \"\" BODY[1] \"\" BODY[HEADER.FIELDS (a)] \"\" RFC822.SIZE 0 "
     "BODY " PLAIN "0 0))\r\na OK FETCH completed\r\n"},
};

static void test_dialogue(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        fill(store);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "e EXAMINE INBOX\r\n");
        for (size_t i = 0; i < sizeof dialogue / sizeof dialogue[0]; i++)
            assert_string_equal(talk_say(&t, dialogue[i].say), dialogue[i].want);
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* A body without PEEK sets \Seen, where it is missing, and the client learns of it. */
static void test_seen(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        fill(store);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "s SELECT INBOX\r\n");
        assert_string_equal(
            talk_say(&t, "a FETCH 1:3 BODY.PEEK[1]<0.2>\r\n"),
            "* 1 FETCH (BODY[1]<0> {2}\r\nHe)\r\n* 2 FETCH (BODY[1]<0> {2}\r\non)\r\n* 3 FETCH (BODY[1]<0> \"\")\r\n"
            "a OK FETCH completed\r\n");
        assert_string_equal(talk_say(&t, "b FETCH 1:2 BODY[1]<0.2>\r\n"),
                            "* 1 FETCH (BODY[1]<0> {2}\r\nHe)\r\n* 2 FETCH (BODY[1]<0> {2}\r\non)\r\n"
                            "* 2 FETCH (FLAGS (\\Seen \\Flagged \\Recent))\r\nb OK FETCH completed\r\n");
        ll_flags flags;
        assert_true(ll_view_flags(memory_view(store, "INBOX"), 3, &flags));
        assert_true(ll_flags_has(&flags, LL_FLAG_SEEN));
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* A body of several pieces and more than the output may hold. */
static void test_large(void **state)
{
    (void)state;
    text message, want;
    text_init(&message, NULL, 8 << 20);
    text_init(&want, NULL, 16 << 20);
    text_add_str(&message, "Subject: large\r\n\r\n");
    for (unsigned i = 0; message.size < 1500000; i++)
        text_print(&message, "line %u of a long message\r\n", i);
    text_print(&want, "* 1 FETCH (UID 1 BODY[TEXT] {%zu}\r\n", message.size - 18);
    text_add(&want, span_from(text_span(&message), 18));
    text_print(&want, " BODY[]<100000> {1000000}\r\n");
    text_add(&want, span_first(span_from(text_span(&message), 100000), 1000000));
    text_print(&want, ")\r\na OK UID FETCH completed\r\n");
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", text_span(&message), 1u << LL_FLAG_SEEN);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "s SELECT INBOX\r\n");
        talk_say(&t, "a UID FETCH 1 (BODY[TEXT] BODY[]<100000.1000000>)\r\n");
        assert_int_equal(t.got.size, want.size);
        assert_memory_equal(t.got.data, want.data, want.size);
        talk_leave(&t);
        memory_store_del(&store);
    }
    text_fini(&message);
    text_fini(&want);
}

/* More messages than one batch, with holes. */
static void test_batches(void **state)
{
    (void)state;
    memory_store *store = memory_store_new();
    for (unsigned i = 1; i <= 700; i++) {
        char message[64];
        snprintf(message, sizeof message, "Subject: %u\r\n\r\n", i);
        memory_deliver(store, "INBOX", span_str(message), 1);
    }
    for (uint32_t i = 5; i <= 700; i += 5)
        memory_expunge(store, "INBOX", (ll_range){i, i});
    for (unsigned way = 0; way < TALK_WAYS; way += 2) {
        static const char *const asked[] = {"UID", "(UID RFC822.SIZE)", "(UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])"};
        talk t = {0};
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, false, NULL, "s EXAMINE INBOX\r\n");
        for (unsigned a = 0; a < 3; a++) {
            char say[100];
            unsigned number = 0, uid = 0;
            snprintf(say, sizeof say, "a FETCH 1:* %s\r\n", asked[a]);
            talk_say(&t, say);
            for (const char *at = text_str(&t.got); (at = strstr(at, " FETCH (UID ")); at++) {
                uid++;
                number++;
                uid += uid % 5 == 0;
                char want[40];
                snprintf(want, sizeof want, "* %u FETCH (UID %u", number, uid);
                const char *line = at;
                while (*line != '*')
                    line--;
                assert_memory_equal(line, want, strlen(want));
            }
            assert_int_equal(number, 560);
            assert_non_null(strstr(text_str(&t.got), "a OK"));
        }
        talk_leave(&t);
    }
    memory_store_del(&store);
}

/* A connector in front of the other one, which spoils what passes through. */
static struct {
    uint32_t short_uid; /* reads of this message come up short */
    uint64_t from;      /* from this offset on */
    bool index;         /* rows have their index */
    bool damaged;       /* or what looks like one */
    size_t most;        /* rows of one answer; more is LL_ELIMIT. 0: any number */
    memory_store *store;
} spoil;

static ll_status spoil_read(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length)
{
    if (uid == spoil.short_uid && offset >= spoil.from)
        length--;
    return memory_connector.read(self, call, mailbox, uid, offset, length);
}

static ll_status spoil_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                             size_t limit, unsigned want)
{
    (void)self;
    (void)mailbox;
    if (spoil.most && limit > spoil.most)
        return LL_ELIMIT;
    for (size_t i = 0; i < count; i++)
        for (uint32_t uid = ranges[i].first; uid <= ranges[i].last && limit; uid++, limit--) {
            ll_span message = memory_message(spoil.store, "INBOX", uid);
            text saved;
            if (!message.data)
                continue;
            text_init(&saved, NULL, mime_saved_max);
            if (spoil.damaged)
                text_add_str(&saved, "\x01garbage");
            else if (spoil.index && want & (LL_WANT_INDEX | LL_WANT_HEADER))
                assert_int_equal(mime_indexer_whole(NULL, message, &saved), LL_OK);
            ll_row row = {.uid = uid, .modseq = 1, .size = message.size, .index = text_span(&saved)};
            ll_status status = ll_call_row(call, &row);
            text_fini(&saved);
            if (status)
                return status;
        }
    return LL_OK;
}

static ll_status refuse_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                              size_t limit, unsigned want)
{
    (void)self, (void)call, (void)mailbox, (void)ranges, (void)count, (void)limit, (void)want;
    return LL_ELIMIT;
}

static ll_connector spoiling(memory_store *store)
{
    ll_connector connector = memory_connector;
    connector.read = spoil_read;
    connector.fetch = spoil_fetch;
    spoil.store = store;
    return connector;
}

/* What cannot be read is NIL, the other messages come, and the command says NO. */
static void test_short_read(void **state)
{
    (void)state;
    memory_store *store = memory_store_new();
    ll_connector connector = spoiling(store);
    talk t = {.connector = &connector};
    memory_deliver(store, "INBOX", SPAN(FIRST), 1);
    memory_deliver(store, "INBOX", SPAN(SECOND), 1);
    memory_deliver(store, "INBOX", SPAN(FIRST), 1);
    spoil.index = true;
    spoil.short_uid = 2;
    spoil.from = 0;
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    assert_string_equal(
        talk_say(&t, "a FETCH 1:3 (BODY[1] UID)\r\n"),
        "* 1 FETCH (BODY[1] {7}\r\nHello\r\n UID 1)\r\n* 2 FETCH (BODY[1] NIL UID 2)\r\n* 3 FETCH (BODY[1] {7}\r\n"
        "Hello\r\n UID 3)\r\na NO [CORRUPTION] Some of the messages could not be read\r\n");
    assert_string_equal(
        talk_say(&t, "a FETCH 2 BODY[HEADER.FIELDS (A)]\r\n"),
        "* 2 FETCH (BODY[HEADER.FIELDS (A)] NIL)\r\na NO [CORRUPTION] Some of the messages could not be read\r\n");
    /* without an index the message cannot even be understood: the others come */
    spoil.damaged = true;
    assert_string_equal(talk_say(&t, "a FETCH 1:3 BODY\r\n"),
                        "* 1 FETCH (BODY " PLAIN "7 1))\r\n* 3 FETCH (BODY " PLAIN
                        "7 1))\r\na NO [CORRUPTION] Some of the messages could not be read\r\n");
    talk_leave(&t);
    memory_store_del(&store);
    memset(&spoil, 0, sizeof spoil);
}

/* A batch that is too much is asked for in smaller ones; one message that is too much is an error. */
static void test_less(void **state)
{
    (void)state;
    memory_store *store = memory_store_new();
    ll_connector connector = spoiling(store);
    talk t = {.connector = &connector};
    for (int i = 0; i < 7; i++)
        memory_deliver(store, "INBOX", SPAN("x"), 1);
    spoil.most = 2;
    talk_join(&t, store, false, NULL, "s EXAMINE INBOX\r\n");
    assert_string_equal(talk_say(&t, "a FETCH 1:* RFC822.SIZE\r\n"),
                        "* 1 FETCH (RFC822.SIZE 1)\r\n* 2 FETCH (RFC822.SIZE 1)\r\n* 3 FETCH (RFC822.SIZE 1)\r\n"
                        "* 4 FETCH (RFC822.SIZE 1)\r\n* 5 FETCH (RFC822.SIZE 1)\r\n* 6 FETCH (RFC822.SIZE 1)\r\n"
                        "* 7 FETCH (RFC822.SIZE 1)\r\na OK FETCH completed\r\n");
    connector.fetch = refuse_fetch;
    assert_string_equal(talk_say(&t, "a FETCH 1:* RFC822.SIZE\r\n"), "a NO [LIMIT] FETCH failed: is over a limit\r\n");
    talk_leave(&t);
    memory_store_del(&store);
    memset(&spoil, 0, sizeof spoil);
}

/* In the middle of a literal nothing can be taken back: the session ends. */
static void test_broken_literal(void **state)
{
    (void)state;
    text message;
    memory_store *store = memory_store_new();
    ll_connector connector = spoiling(store);
    talk t = {.connector = &connector};
    text_init(&message, NULL, 2 << 20);
    while (message.size < 1 << 20)
        text_add_str(&message, "0123456789abcdef");
    memory_deliver(store, "INBOX", text_span(&message), 1);
    spoil.short_uid = 1;
    spoil.from = 500000;
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    const char *got = talk_say(&t, "a FETCH 1 BODY[]\r\n");
    assert_null(strstr(got, "a NO"));
    assert_null(strstr(got, "a OK"));
    assert_true(t.got.size < 700000);
    assert_int_equal(ll_session_wants(t.session), LL_WANTS_CLOSE);
    talk_leave(&t);
    text_fini(&message);
    memory_store_del(&store);
    memset(&spoil, 0, sizeof spoil);
}

/* The session may go at any moment while the connector is at work. */
static void test_abandoned(void **state)
{
    static const char *const says[] = {"a FETCH 1:* (ENVELOPE BODY[])\r\n",
                                       "a SEARCH TEXT hello BODY x\r\n",
                                       "a STORE 1:* +FLAGS (a b)\r\n",
                                       "a COPY 1:* Sent\r\n",
                                       "a MOVE 1:* Sent\r\n",
                                       "a UID EXPUNGE 1:*\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        for (unsigned steps = 0; steps < 12; steps++) {
            talk t = {0};
            size_t taken;
            memory_store *store = memory_store_new();
            fill(store);
            memory_flag(store, "INBOX", (ll_range){1, 4}, LL_FLAGS_ADD, 1u << LL_FLAG_DELETED, NULL);
            memory_later(store, true);
            talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
            assert_int_equal(ll_session_input(t.session, span_str(says[i]), &taken), LL_OK);
            for (unsigned n = 0; n < steps; n++)
                memory_complete(store);
            talk_leave(&t);
            while (memory_complete(store))
                ;
            assert_int_equal(memory_sessions(store), 0);
            memory_store_del(&store);
        }
}

/* A message expunged elsewhere keeps its place, its flags and its bytes until the client is told. */
static void test_ghost(void **state)
{
    (void)state;
    talk t = {0}, other = {0};
    memory_store *store = memory_store_new();
    fill(store);
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    talk_join(&other, store, false, NULL, "s SELECT INBOX\r\n");
    talk_say(&other, "a STORE 1 FLAGS (\\Deleted)\r\n");
    talk_say(&other, "a EXPUNGE\r\n");
    assert_non_null(strstr(talk_say(&t, "a FETCH 1 UID\r\n"), "a OK [EXPUNGEISSUED] "));
    assert_non_null(
        strstr(talk_say(&t, "a FETCH 1:3 (UID FLAGS)\r\n"), "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent $Work))\r\n"));
    assert_non_null(strstr(talk_say(&t, "a SEARCH KEYWORD $WORK\r\n"), "* SEARCH 1\r\n"));
    assert_non_null(strstr(talk_say(&t, "a SEARCH UID 1 SEEN\r\n"), "* SEARCH 1\r\n"));
    assert_non_null(strstr(talk_say(&t, "a NOOP\r\n"), "* 1 EXPUNGE\r\n"));
    talk_leave(&t);
    talk_leave(&other);
    memory_store_del(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialogue), cmocka_unit_test(test_seen),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_batches),  cmocka_unit_test(test_short_read), cmocka_unit_test(test_broken_literal),
        cmocka_unit_test(test_less),     cmocka_unit_test(test_abandoned),  cmocka_unit_test(test_ghost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
