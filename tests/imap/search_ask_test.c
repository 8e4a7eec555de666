/* search_ask_test.c - the question of a search to its connector, see src/imap/search_ask.h
 * SPDX-License-Identifier: MIT
 *
 * In front of the memory_connector stands one that answers `search`: rightly, vaguely, with everything possible, late,
 * or not at all. What the client reads must be the same. The right answer is what an engine without the method finds.
 */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef enum answer { RIGHT, VAGUE, EVERYTHING, UNSUPPORTED, DAMAGED, ANSWERS } answer;

static struct {
    answer answer;
    bool late;
    unsigned questions, terms, rows, reads;
    talk oracle;
    uint64_t random;
    /* late */
    ll_call *call;
    const ll_term *asked;
    size_t count;
} fake;

static unsigned dice(unsigned sides)
{
    fake.random = fake.random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(fake.random >> 33) % sides;
}

/* --- the oracle --- */

static const char *date_of(int64_t day, char out[32])
{
    time_t seconds = day * 86400;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(out, 32, "%d-%b-%Y", &parts);
    return out;
}

static void add_days(text *command, const char *prefix, const ll_term *term)
{
    char date[32];
    if (term->first > INT64_MIN)
        text_print(command, " %sSINCE %s", prefix, date_of(term->first, date));
    if (term->last < INT64_MAX)
        text_print(command, " %sBEFORE %s", prefix, date_of(term->last + 1, date));
}

static void add_string(text *command, ll_span string)
{
    text_print(command, " {%zu+}\r\n", string.size);
    text_add(command, string);
}

static void add_text(text *command, const ll_term *term)
{
    static const char *const names[] = {"", "BODY", "TEXT", "FROM", "TO", "CC", "BCC", "SUBJECT", "HEADER"};
    text_print(command, " %s", names[term->kind]);
    if (term->kind == LL_TERM_HEADER)
        add_string(command, term->name);
    add_string(command, term->needle);
}

static const char *oracle_uids(const ll_term *term)
{
    text command;
    text_init(&command, NULL, 1 << 20);
    text_add_str(&command, "o UID SEARCH ALL");
    if (term->kind <= LL_TERM_HEADER)
        add_text(&command, term);
    else if (term->kind == LL_TERM_SIZE)
        text_print(&command, " NOT SMALLER %lld%s", (long long)term->first, term->last < INT64_MAX ? " SMALLER " : "");
    else
        add_days(&command, term->kind == LL_TERM_SENT ? "SENT" : term->kind == LL_TERM_SAVED ? "SAVED" : "", term);
    if (term->kind == LL_TERM_SIZE && term->last < INT64_MAX)
        text_print(&command, "%lld", (long long)term->last + 1);
    text_add_str(&command, "\r\n");
    const char *said = talk_bytes(&fake.oracle, text_span(&command));
    assert_non_null(strstr(said, "o OK"));
    text_fini(&command);
    said = strstr(said, "* SEARCH");
    assert_non_null(said);
    return said + strlen("* SEARCH");
}

static ll_status answer_term(ll_call *call, const ll_term *term, size_t number)
{
    ll_status status = LL_OK;
    char *end = NULL;
    if (fake.answer == EVERYTHING || (fake.answer == VAGUE && !dice(4)))
        return ll_call_found(call, number, (ll_range){1, UINT32_MAX}, false);
    for (const char *at = oracle_uids(term); *at == ' ' && !status; at = end) {
        uint32_t uid = (uint32_t)strtoul(at, &end, 10);
        status = ll_call_found(call, number, (ll_range){uid, uid}, fake.answer == RIGHT || dice(2));
    }
    for (unsigned i = 0; fake.answer == VAGUE && i < 5 && !status; i++) {
        uint32_t uid = 1 + dice(100);
        status = ll_call_found(call, number, (ll_range){uid, uid + dice(20)}, false);
    }
    return status;
}

static ll_status answer_all(ll_call *call, const ll_term *terms, size_t count)
{
    ll_status status = LL_OK;
    if (fake.answer == UNSUPPORTED)
        return LL_EUNSUPPORTED;
    for (size_t i = count; i-- && !status;)
        status = answer_term(call, &terms[i], i);
    if (fake.answer == DAMAGED) /* whatever it said before */
        return LL_ECORRUPT;
    return status;
}

static ll_status fake_search(void *self, ll_call *call, void *mailbox, const ll_term *terms, size_t count)
{
    (void)self;
    (void)mailbox;
    fake.questions++;
    fake.terms += (unsigned)count;
    for (size_t i = 1; i < count; i++) /* cheap ones first */
        assert_false(terms[i - 1].kind <= LL_TERM_TEXT && terms[i].kind > LL_TERM_TEXT);
    if (!fake.late)
        return answer_all(call, terms, count);
    fake.call = call;
    fake.asked = terms;
    fake.count = count;
    return LL_LATER;
}

static ll_status fake_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                            size_t limit, unsigned want)
{
    for (size_t i = 0; i < count; i++)
        fake.rows += ranges[i].last - ranges[i].first + 1;
    return memory_connector.fetch(self, call, mailbox, ranges, count, limit, want);
}

static ll_status fake_read(void *self, ll_call *call, void *mailbox, uint32_t uid, uint64_t offset, size_t length)
{
    fake.reads++;
    return memory_connector.read(self, call, mailbox, uid, offset, length);
}

static const char *ask(talk *t, const char *command)
{
    const char *said = talk_say(t, command);
    while (fake.call) {
        ll_call *call = fake.call;
        fake.call = NULL;
        ll_call_done(call, answer_all(call, fake.asked, fake.count));
        talk_settle(t);
        said = text_str(&t->got);
    }
    return said;
}

/* --- the mailbox --- */

static const char *const words[] = {"apple", "banana", "cherry", "date", "elder", "fig", "grape", "gr\xc3\xbcn"};

static void fill(memory_store *store)
{
    for (unsigned i = 0; i < 80; i++) {
        text message;
        text_init(&message, NULL, 1 << 16);
        text_print(&message, "From: %s@x.org\r\nTo: %s@y.org\r\nSubject: %s %s\r\nX-Kind: %s\r\n", words[dice(7)],
                   words[dice(7)], words[dice(8)], words[dice(8)], words[dice(7)]);
        if (dice(3))
            text_print(&message, "Date: %u Mar 2020 %02u:00:00 +0100\r\n", 1 + dice(28), dice(24));
        text_print(&message, "Content-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n%s\r\n", words[dice(8)],
                   words[dice(8)]);
        for (unsigned n = dice(20); n; n--)
            text_add_str(&message, "filler\r\n");
        uint32_t uid = memory_deliver(store, "INBOX", text_span(&message), dice(2) << LL_FLAG_SEEN);
        memory_set_date(store, "INBOX", uid, 1699990000 + dice(4) * 5000 - dice(3) * 86400);
        text_fini(&message);
    }
    memory_expunge(store, "INBOX", (ll_range){20, 23});
    memory_expunge(store, "INBOX", (ll_range){50, 50});
}

typedef struct pair {
    talk plain, asking;
    ll_connector connector;
} pair;

static void open_pair(pair *p, memory_store *store, bool bytewise)
{
    p->connector = memory_connector;
    p->connector.search = fake_search;
    p->connector.fetch = fake_fetch;
    p->connector.read = fake_read;
    talk_join(&fake.oracle, store, false, NULL, "s EXAMINE INBOX\r\n");
    p->plain.connector = NULL;
    talk_join(&p->plain, store, bytewise, NULL, "s EXAMINE INBOX\r\n");
    p->asking.connector = &p->connector;
    talk_join(&p->asking, store, bytewise, NULL, "s EXAMINE INBOX\r\n");
}

static void close_pair(pair *p)
{
    talk_leave(&p->plain);
    talk_leave(&p->asking);
    talk_leave(&fake.oracle);
    fake.oracle.connector = NULL;
}

/* --- random criteria --- */

static void add_key(text *to, unsigned depth);

static void add_leaf(text *to)
{
    const char *word = words[dice(7)];
    switch (dice(16)) {
    case 13: /* what every match has in it is asked for */
        text_print(to, "XREGEX %s \"%s *[a-m]\"", dice(2) ? "TEXT" : "BODY", word);
        break;
    case 14:
        text_print(to, "XREGEX %s \"%s\"", dice(2) ? "SUBJECT" : "X-Kind", word);
        break;
    case 0:
        text_print(to, "BODY %s", word);
        break;
    case 1:
        text_print(to, "TEXT %s", word);
        break;
    case 2:
        text_print(to, "FROM %.3s", word);
        break;
    case 3:
        text_print(to, "TO %s", word);
        break;
    case 4:
        text_print(to, "SUBJECT %.2s", word);
        break;
    case 5:
        text_print(to, "HEADER X-Kind %s", word);
        break;
    case 6:
        text_print(to, "%sSINCE %u-Mar-2020", dice(2) ? "SENT" : "", 1 + dice(28));
        break;
    case 7:
        text_print(to, "SENTON %u-Mar-2020", 1 + dice(28));
        break;
    case 8:
        text_print(to, "SENTBEFORE %u-Mar-2020", 1 + dice(28));
        break;
    case 9:
        text_print(to, "%s %u", dice(2) ? "LARGER" : "SMALLER", 150 + dice(200));
        break;
    case 10:
        text_print(to, "%s %u", dice(2) ? "OLDER" : "YOUNGER", 1 + dice(200000));
        break;
    case 11:
        text_print(to, "%sON %u-Nov-2023", dice(2) ? "SAVED" : "", 12 + dice(3));
        break;
    case 12:
        text_add_str(to, dice(2) ? "SEEN" : "UNSEEN");
        break;
    default:
        text_print(to, "%u:%u", 1 + dice(75), 1 + dice(75));
    }
}

static void add_key(text *to, unsigned depth)
{
    unsigned which = depth ? dice(6) : 5;
    if (which == 0) {
        text_add_str(to, "OR ");
        add_key(to, depth - 1);
        text_add_byte(to, ' ');
        add_key(to, depth - 1);
    } else if (which == 1) {
        text_add_str(to, "NOT ");
        add_key(to, depth - 1);
    } else if (which == 2) {
        text_add_byte(to, '(');
        add_key(to, depth - 1);
        text_add_byte(to, ' ');
        add_key(to, depth - 1);
        text_add_byte(to, ')');
    } else
        add_leaf(to);
}

static const char *const commands[] = {"a SEARCH",
                                       "a UID SEARCH",
                                       "a UID SEARCH RETURN (MIN COUNT ALL)",
                                       "a SORT (SUBJECT) UTF-8",
                                       "a UID THREAD REFERENCES UTF-8",
                                       "a ESEARCH",
                                       "a SEARCH MODSEQ 3",
                                       "a UID SEARCH RETURN (ALL) FUZZY"};

static void run_one(pair *p, text *command)
{
    text_clear(command);
    text_print(command, "%s ", commands[dice(sizeof commands / sizeof commands[0])]);
    add_key(command, 3);
    text_add_str(command, "\r\n");
    char *want = strdup(talk_say(&p->plain, text_str(command)));
    const char *got = ask(&p->asking, text_str(command));
    if (strcmp(got, want))
        fail_msg("%s\ngot  %s\nwant %s\nanswer %d", text_str(command), got, want, fake.answer);
    free(want);
}

static void test_same_answer(void **state)
{
    (void)state;
    for (answer how = RIGHT; how < ANSWERS; how++)
        for (unsigned way = 0; way < 2; way++) {
            pair p = {.plain = {.store = NULL}};
            text command;
            memory_store *store = memory_store_new();
            fake.random = 7 + how;
            fill(store);
            fake.answer = how;
            fake.late = way;
            open_pair(&p, store, false);
            text_init(&command, NULL, 1 << 16);
            for (unsigned i = 0; i < 150; i++)
                run_one(&p, &command);
            assert_true(fake.questions > 50);
            fake.questions = 0;
            text_fini(&command);
            close_pair(&p);
            memory_store_del(&store);
        }
}

static void expect_work(pair *p, const char *command, unsigned questions, bool reads)
{
    fake.questions = fake.rows = fake.reads = 0;
    const char *said = ask(&p->asking, command);
    assert_non_null(strstr(said, "a OK"));
    if (fake.questions != questions || (fake.rows + fake.reads > 0) != reads)
        fail_msg("%s: %u questions, %u rows, %u reads", command, fake.questions, fake.rows, fake.reads);
}

static void test_work(void **state)
{
    (void)state;
    pair p = {.plain = {.store = NULL}};
    memory_store *store = memory_store_new();
    fake.random = 99;
    fill(store);
    fake.answer = RIGHT;
    fake.late = false;
    open_pair(&p, store, false);
    expect_work(&p, "a SEARCH BODY apple\r\n", 1, false);
    expect_work(&p, "a SEARCH OR TEXT apple NOT SUBJECT fig\r\n", 1, false);
    expect_work(&p, "a SEARCH RETURN (COUNT) FUZZY SUBJECT \"apple fig\"\r\n", 1, false);
    expect_work(&p, "a SEARCH XREGEX BODY appl[e]\r\n", 1, true);
    expect_work(&p, "a SEARCH XREGEX BODY nowhere\r\n", 1, false);
    expect_work(&p, "a SEARCH XREGEX BODY no\r\n", 0, true); /* too short for a question */
    expect_work(&p, "a SEARCH SEEN\r\n", 0, false);
    expect_work(&p, "a SEARCH FLAGGED BODY apple\r\n", 0, false);                       /* no candidates */
    expect_work(&p, "a SEARCH OR ALL BODY apple\r\n", 0, false);                        /* nor here */
    expect_work(&p, "a SEARCH LARGER 100\r\n", 0, true);                                /* rows are as quick */
    expect_work(&p, "a SEARCH BODY \"\"\r\n", 0, false);                                /* every text has it */
    expect_work(&p, "a SEARCH EMAILID abc\r\n", 0, true);                               /* not a term */
    expect_work(&p, "a SEARCH SUBJECT nowhere LARGER 1\r\n", 1, false);                 /* one leaf decides */
    expect_work(&p, "a ESEARCH IN (selected mailboxes Sent) BODY apple\r\n", 1, false); /* Sent is empty */
    assert_non_null(strstr(ask(&p.asking, "a SEARCH RETURN (SAVE) BODY apple\r\n"), "a OK"));
    expect_work(&p, "a SEARCH $ SUBJECT fig\r\n", 1, false);
    fake.answer = EVERYTHING;
    expect_work(&p, "a SEARCH BODY apple\r\n", 1, true);
    fake.answer = DAMAGED;
    expect_work(&p, "a SEARCH BODY apple\r\n", 1, true);
    close_pair(&p);
    memory_store_del(&store);
}

/* A message expunged elsewhere stays findable, and more than 256 candidates are worth a question about dates. */
static void test_many(void **state)
{
    (void)state;
    pair p = {.plain = {.store = NULL}};
    memory_store *store = memory_store_new();
    fake.random = 5;
    for (unsigned i = 0; i < 4; i++)
        fill(store);
    fake.answer = RIGHT;
    fake.late = false;
    open_pair(&p, store, false);
    expect_work(&p, "a SEARCH RETURN (COUNT) SINCE 13-Nov-2023 SMALLER 300\r\n", 1, false);
    expect_work(&p, "a SEARCH RETURN (COUNT) OLDER 200000\r\n", 1, true); /* the day of the moment is open */
    char *want = strdup(ask(&p.asking, "a SEARCH BODY apple\r\n"));
    memory_expunge(store, "INBOX", (ll_range){100, 140});
    fake.answer = EVERYTHING;
    const char *got = ask(&p.asking, "a SEARCH BODY apple\r\n");
    assert_int_equal(strcspn(want, "\n"), strcspn(got, "\n"));
    assert_memory_equal(want, got, strcspn(want, "\n"));
    free(want);
    close_pair(&p);
    memory_store_del(&store);
}

/* The session goes while the question waits: ASan sees whether terms and sets live long enough. */
static void test_gone(void **state)
{
    (void)state;
    pair p = {.plain = {.store = NULL}};
    memory_store *store = memory_store_new();
    fake.random = 5;
    fill(store);
    fake.answer = RIGHT;
    fake.late = true;
    open_pair(&p, store, false);
    talk_say(&p.asking, "a UID SEARCH BODY apple FROM fig\r\n");
    assert_non_null(fake.call);
    talk_leave(&p.asking);
    ll_call_done(fake.call, answer_all(fake.call, fake.asked, fake.count));
    fake.call = NULL;
    talk_leave(&p.plain);
    talk_leave(&fake.oracle);
    memory_store_del(&store);
}

/* 501 addresses joined by nested OR: asked for 64 at a time, and no message is read. */
static void test_addresses(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        pair p = {.plain = {.store = NULL}};
        text command;
        memory_store *store = memory_store_new();
        fake.random = 7;
        fill(store);
        fake.answer = RIGHT;
        fake.late = way;
        open_pair(&p, store, false);
        text_init(&command, NULL, 1 << 16);
        text_add_str(&command, "a UID SEARCH ");
        for (unsigned i = 0; i < 500; i++)
            text_print(&command, "OR %s n%u@x.org ", i & 1 ? "FROM" : "TO", i);
        text_add_str(&command, "FROM apple@x.org\r\n");
        expect_work(&p, text_str(&command), 8, false);
        char *want = strdup(talk_say(&p.plain, "a UID SEARCH FROM apple@x.org\r\n"));
        assert_true(strlen(want) > 50);
        assert_string_equal(want, ask(&p.asking, text_str(&command)));
        assert_string_equal(want, talk_say(&p.plain, text_str(&command)));
        free(want);
        fake.answer = DAMAGED;
        expect_work(&p, text_str(&command), 1, true);
        text_fini(&command);
        close_pair(&p);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_answer), cmocka_unit_test(test_work),
                                       cmocka_unit_test(test_many), cmocka_unit_test(test_gone),
                                       cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
