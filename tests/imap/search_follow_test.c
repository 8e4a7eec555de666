/* search_follow_test.c - contexts over rows and content, and sorted ones (RFC 5267): see src/imap/search_context.h
 * SPDX-License-Identifier: MIT
 *
 * A client that applies every ADDTO and REMOVEFROM must at any time have what the same search finds anew. */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>

enum { CONTEXTS = 9, ROUNDS = 60, MOST = 400 };

static uint64_t random_state;

static unsigned dice(unsigned sides)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % sides;
}

/* --- the client --- */

typedef struct followed {
    const char *make, *again; /* commands, with UIDs */
    uint32_t uids[MOST];
    unsigned count;
    bool sorted;
} followed;

static const char *const commands[CONTEXTS][2] = {
    {"UID SEARCH RETURN (UPDATE ALL) SUBJECT apple", "UID SEARCH RETURN (ALL) SUBJECT apple"},
    {"UID SEARCH RETURN (UPDATE ALL) UNSEEN BODY fig", "UID SEARCH RETURN (ALL) UNSEEN BODY fig"},
    {"UID SEARCH RETURN (UPDATE ALL) OR NOT BODY fig FLAGGED", "UID SEARCH RETURN (ALL) OR NOT BODY fig FLAGGED"},
    {"UID SEARCH RETURN (UPDATE ALL) LARGER 60 NOT (SEEN HEADER X-A pear)",
     "UID SEARCH RETURN (ALL) LARGER 60 NOT (SEEN HEADER X-A pear)"},
    {"UID SEARCH RETURN (UPDATE ALL) XREGEX TEXT \"p+l?[ae]\" UNFLAGGED",
     "UID SEARCH RETURN (ALL) XREGEX TEXT \"p+l?[ae]\" UNFLAGGED"},
    {"UID SORT RETURN (UPDATE ALL) (SUBJECT) UTF-8 ALL", "UID SORT RETURN (ALL) (SUBJECT) UTF-8 ALL"},
    {"UID SORT RETURN (UPDATE ALL) (REVERSE ARRIVAL) UTF-8 UNSEEN",
     "UID SORT RETURN (ALL) (REVERSE ARRIVAL) UTF-8 UNSEEN"},
    {"UID SORT RETURN (UPDATE ALL) (REVERSE SUBJECT SIZE) UTF-8 UNSEEN NOT BODY pear",
     "UID SORT RETURN (ALL) (REVERSE SUBJECT SIZE) UTF-8 UNSEEN NOT BODY pear"},
    {"UID SEARCH RETURN (UPDATE ALL) FUZZY SUBJECT \"fig apple\"",
     "UID SEARCH RETURN (ALL) FUZZY SUBJECT \"fig apple\""},
};

/* "1:3,7" from *at on; the number of UIDs. */
static unsigned take_set(const char **at, uint32_t *uids)
{
    unsigned count = 0;
    char *end = NULL;
    for (;; *at = end + 1) {
        unsigned long first = strtoul(*at, &end, 10), last = first;
        if (*end == ':')
            last = strtoul(end + 1, &end, 10);
        for (unsigned long step = first; count < MOST; step += first < last ? 1 : (unsigned long)-1) {
            uids[count++] = (uint32_t)step;
            if (step == last)
                break;
        }
        if (*end != ',')
            break;
    }
    *at = end;
    return count;
}

static void insert(followed *f, unsigned position, const uint32_t *uids, unsigned count)
{
    if (position) {
        assert_in_range(position, 1, f->count + 1);
        memmove(f->uids + position - 1 + count, f->uids + position - 1, (f->count + 1 - position) * sizeof *uids);
        memcpy(f->uids + position - 1, uids, count * sizeof *uids);
        f->count += count;
        return;
    }
    assert_false(f->sorted);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = 0;
        while (at < f->count && f->uids[at] < uids[i])
            at++;
        assert_true(at == f->count || f->uids[at] != uids[i]); /* not added twice */
        insert(f, at + 1, &uids[i], 1);
    }
}

static void take_away(followed *f, unsigned position, const uint32_t *uids, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned at = position ? position - 1 : 0;
        while (!position && at < f->count && f->uids[at] != uids[i])
            at++;
        assert_true(at < f->count && f->uids[at] == uids[i]);
        memmove(f->uids + at, f->uids + at + 1, (f->count - at - 1) * sizeof *uids);
        f->count--;
    }
}

static unsigned heard; /* updates */

/* All "* ESEARCH (TAG "cN") UID ADDTO (...)" of what was said. */
static void follow(followed *all, const char *said)
{
    for (const char *line = said; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        unsigned number;
        char what[20];
        uint32_t uids[MOST];
        if (sscanf(line, "* ESEARCH (TAG \"c%u\") UID %19[A-Z] (", &number, what) != 2)
            continue;
        if (strcmp(what, "ADDTO") && strcmp(what, "REMOVEFROM"))
            continue;
        const char *at = strchr(strstr(line, what), '(');
        heard++;
        while (*at == '(' || *at == ' ') {
            char *end;
            unsigned position = (unsigned)strtoul(at + 1, &end, 10);
            at = end + 1;
            unsigned count = take_set(&at, uids);
            if (*what == 'A')
                insert(&all[number], position, uids, count);
            else
                take_away(&all[number], position, uids, count);
        }
        assert_true(*at == ')' && at[1] == '\r');
    }
    assert_null(strstr(said, "NOUPDATE"));
}

/* --- the host: yields are followed at once --- */

static bool again_due;

static void note_again(void *context)
{
    (void)context;
    again_due = true;
}

static const char *say(talk *t, const char *command)
{
    talk_say(t, command);
    while (again_due) {
        again_due = false;
        ll_session_continue(t->session);
        talk_settle(t);
    }
    assert_null(strstr(text_str(&t->got), " BAD "));
    return text_str(&t->got);
}

static void deliver(memory_store *store)
{
    static const char *const words[] = {"apple", "fig", "pear", "plum", "apple fig"};
    char message[300];
    int size = snprintf(message, sizeof message, "Subject: %s %s\r\nX-A: %s\r\n\r\n%s %s\r\n", words[dice(5)],
                        words[dice(5)], words[dice(4)], words[dice(4)], words[dice(4)]);
    uint32_t uid = memory_deliver(store, "INBOX", span_of(message, (size_t)size), dice(2) << LL_FLAG_SEEN);
    memory_set_date(store, "INBOX", uid, 1600000000 + dice(20) * 86400);
}

static void change(memory_store *store)
{
    uint32_t last = ll_view_uidnext(memory_view(store, "INBOX")) - 1, first = 1 + dice(last);
    ll_range range = {first, first + dice(6) < last ? first + dice(6) : first};
    if (range.last > last || range.last < range.first)
        range.last = range.first;
    switch (dice(5)) {
    case 0:
        memory_expunge(store, "INBOX", range);
        break;
    case 1:
        memory_flag(store, "INBOX", range, dice(2) ? LL_FLAGS_ADD : LL_FLAGS_REMOVE, 1u << LL_FLAG_SEEN, NULL);
        break;
    case 2:
        memory_flag(store, "INBOX", range, dice(2) ? LL_FLAGS_ADD : LL_FLAGS_REMOVE, 1u << LL_FLAG_FLAGGED, NULL);
        break;
    default:
        for (unsigned n = 1 + dice(3); n; n--)
            deliver(store);
    }
}

static uint32_t told[MOST];

/* ALL of an ESEARCH. */
static unsigned all_of(const char *said)
{
    const char *at = strstr(said, " ALL ");
    if (!at)
        return 0;
    at += 5;
    return take_set(&at, told);
}

static void check(talk *fresh, const followed *f)
{
    char command[200];
    snprintf(command, sizeof command, "q %s\r\n", f->again);
    unsigned count = all_of(say(fresh, command));
    if (count != f->count || memcmp(told, f->uids, count * sizeof *told))
        fail_msg("%s: %u followed, %u found: %s", f->again, f->count, count, text_str(&fresh->got));
}

static void open_follower(talk *t, memory_store *store, const ll_host *host, const ll_limits *limits, bool bytewise)
{
    ll_session_config config = {
        .size = sizeof config, .flags = LL_SESSION_SECURE, .host = host, .context = t, .limits = limits};
    *t = (talk){.store = store, .connector = &memory_connector, .bytewise = bytewise};
    text_init(&t->got, NULL, 64 << 20);
    assert_int_equal(ll_session_new(&t->session, &config), LL_OK);
    talk_settle(t);
    say(t, "l LOGIN a b\r\n");
    assert_non_null(strstr(say(t, "s SELECT INBOX\r\n"), "s OK"));
}

static void test_follow(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        static followed contexts[CONTEXTS];
        talk t = {0}, fresh = {0};
        memory_store *store = memory_store_new();
        ll_host host = talk_host;
        ll_limits limits;
        ll_limits_init(&limits);
        limits.output_bytes = way == 1 ? 100 : limits.output_bytes;
        host.again = note_again;
        random_state = way + 1;
        memset(contexts, 0, sizeof contexts);
        for (unsigned i = 0; i < 40; i++)
            deliver(store);
        memory_later(store, talk_is_later(way));
        open_follower(&t, store, &host, &limits, talk_is_bytewise(way));
        for (unsigned i = 0; i < CONTEXTS; i++) {
            char command[200];
            contexts[i].make = commands[i][0];
            contexts[i].again = commands[i][1];
            contexts[i].sorted = strstr(commands[i][0], "SORT") != NULL;
            snprintf(command, sizeof command, "c%u %s\r\n", i, commands[i][0]);
            contexts[i].count = all_of(say(&t, command));
            memcpy(contexts[i].uids, told, sizeof told);
            assert_null(strstr(text_str(&t.got), "NOUPDATE"));
        }
        for (unsigned round = 0; round < ROUNDS; round++) {
            for (unsigned n = dice(4); n; n--)
                change(store);
            static const char *const own[] = {"n NOOP\r\n", "n UID STORE 1:50 +FLAGS.SILENT (\\Seen)\r\n",
                                              "n FETCH 1 UID\r\n", "n NOOP\r\n", "n STORE 2 -FLAGS (\\Seen)\r\n"};
            follow(contexts, say(&t, own[dice(5)]));
            follow(contexts, say(&t, "m NOOP\r\n"));
            if (round % 4)
                continue;
            talk_join(&fresh, store, false, NULL, "e EXAMINE INBOX\r\n");
            for (unsigned i = 0; i < CONTEXTS; i++)
                check(&fresh, &contexts[i]);
            talk_leave(&fresh);
        }
        assert_true(heard > 200); /* the test is one */
        heard = 0;
        assert_non_null(strstr(say(&t, "a CANCELUPDATE \"c0\" \"c5\"\r\n"), "a OK"));
        deliver(store);
        assert_null(strstr(say(&t, "m NOOP\r\n"), "c5"));
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* During IDLE, while the connector answers late; and the session goes in the middle of it. */
static void test_idle(void **state)
{
    (void)state;
    talk t = {0};
    memory_store *store = memory_store_new();
    for (unsigned i = 0; i < 3; i++)
        memory_deliver(store, "INBOX", SPAN("Subject: b\r\n\r\nx\r\n"), 0);
    memory_later(store, true);
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    assert_non_null(
        strstr(talk_say(&t, "B01 SORT RETURN (UPDATE COUNT) (SUBJECT) UTF-8 BODY x\r\n"), "COUNT 3\r\nB01 OK"));
    assert_non_null(strstr(talk_say(&t, "B01 SORT RETURN (UPDATE) FLAGGED\r\n"), "B01 BAD Tag reuse"));
    assert_non_null(strstr(talk_say(&t, "B02 SEARCH RETURN (UPDATE COUNT) BODY y\r\n"), "COUNT 0\r\nB02 OK"));
    talk_say(&t, "i IDLE\r\n");
    memory_deliver(store, "INBOX", SPAN("Subject: a\r\n\r\nx y\r\n"), 0);
    memory_deliver(store, "INBOX", SPAN("Subject: c\r\n\r\nx\r\n"), 0);
    text_clear(&t.got);
    ll_session_notify(t.session);
    talk_settle(&t);
    assert_string_equal(text_str(&t.got), "* 5 EXISTS\r\n* 5 RECENT\r\n* ESEARCH (TAG \"B02\") ADDTO (0 4)\r\n"
                                          "* ESEARCH (TAG \"B01\") ADDTO (1 4 5 5)\r\n");
    memory_expunge(store, "INBOX", (ll_range){2, 3});
    text_clear(&t.got);
    ll_session_notify(t.session);
    talk_settle(&t);
    assert_string_equal(text_str(&t.got),
                        "* ESEARCH (TAG \"B01\") REMOVEFROM (3 2:3)\r\n* 3 EXPUNGE\r\n* 2 EXPUNGE\r\n* 3 RECENT\r\n");
    memory_deliver(store, "INBOX", SPAN("Subject: c\r\n\r\nx\r\n"), 0);
    ll_session_notify(t.session);
    assert_int_equal(memory_waiting(store), 1); /* its row is asked for */
    talk_leave(&t);
    while (memory_complete(store))
        ;
    memory_store_del(&store);
}

/* A new message on which a pattern takes too long ends the context, and a connector without rows does not. */
static void test_trouble(void **state)
{
    (void)state;
    talk t = {0};
    text bomb;
    memory_store *store = memory_store_new();
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    assert_non_null(strstr(talk_say(&t, "a UID SEARCH RETURN (UPDATE) XREGEX BODY \"(a+)+$\"\r\n"), "a OK"));
    assert_non_null(strstr(talk_say(&t, "b UID SEARCH RETURN (UPDATE) BODY b\r\n"), "b OK"));
    memory_deliver(store, "INBOX", SPAN("\r\nba\r\n"), 0);
    assert_non_null(strstr(talk_say(&t, "n NOOP\r\n"), "* ESEARCH (TAG \"b\") UID ADDTO (0 1)\r\n"));
    assert_non_null(strstr(text_str(&t.got), "* ESEARCH (TAG \"a\") UID ADDTO (0 1)\r\n"));
    text_init(&bomb, NULL, 1 << 20);
    text_add_str(&bomb, "\r\n");
    while (bomb.size < 50000)
        text_add_byte(&bomb, 'a');
    text_add_str(&bomb, "!b");
    memory_deliver(store, "INBOX", text_span(&bomb), 0);
    assert_non_null(strstr(talk_say(&t, "n NOOP\r\n"), "* NO [NOUPDATE \"a\"] It takes too much now\r\n"));
    assert_non_null(strstr(text_str(&t.got), "* ESEARCH (TAG \"b\") UID ADDTO (0 2)\r\n"));
    memory_deliver(store, "INBOX", SPAN("\r\nb\r\n"), 0);
    memory_fail_next(store, LL_EIO, "no disk");
    assert_null(strstr(talk_say(&t, "n NOOP\r\n"), "ADDTO"));
    memory_deliver(store, "INBOX", SPAN("\r\nc\r\n"), 0);
    assert_non_null(strstr(talk_say(&t, "n NOOP\r\n"), "* ESEARCH (TAG \"b\") UID ADDTO (0 3)\r\n"));
    text_fini(&bomb);
    talk_leave(&t);
    memory_store_del(&store);
}

static void test_limits(void **state)
{
    (void)state;
    talk t = {0};
    memory_store *store = memory_store_new();
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    for (unsigned i = 0; i < 5; i++) {
        char command[100];
        snprintf(command, sizeof command, "t%u UID SORT RETURN (UPDATE COUNT) (DATE) UTF-8 ALL\r\n", i);
        const char *said = talk_say(&t, command);
        assert_non_null(strstr(said, "UID COUNT 0\r\n"));
        assert_int_equal(strstr(said, "NOUPDATE") != NULL, i == 4);
    }
    assert_non_null(strstr(talk_say(&t, "r SORT RETURN (UPDATE) (RELEVANCY) UTF-8 FUZZY SUBJECT a\r\n"),
                           "* NO [NOUPDATE \"r\"] This cannot be followed\r\n"));
    assert_non_null(strstr(talk_say(&t, "c CAPABILITY\r\n"), " CONTEXT=SORT "));
    talk_leave(&t);
    memory_store_del(&store);
}

/* RFC 7377 section 2.2: of an ESEARCH only the selected mailbox is followed. */
static void test_esearch(void **state)
{
    (void)state;
    for (unsigned way = 0; way < TALK_WAYS; way++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", SPAN("\r\nfig\r\n"), 0);
        memory_deliver(store, "Sent", SPAN("\r\nfig\r\n"), 0);
        memory_later(store, talk_is_later(way));
        talk_join(&t, store, talk_is_bytewise(way), NULL, "s SELECT INBOX\r\n");
        const char *said = talk_say(&t, "a ESEARCH IN (selected mailboxes Sent) RETURN (UPDATE COUNT) BODY fig\r\n");
        assert_null(strstr(said, "NOUPDATE"));
        assert_non_null(strstr(said, "MAILBOX \"Sent\""));
        assert_non_null(strstr(talk_say(&t, "a ESEARCH RETURN (UPDATE) ALL\r\n"), "a BAD Tag reuse"));
        assert_non_null(strstr(talk_say(&t, "b ESEARCH IN (mailboxes Sent) RETURN (UPDATE) BODY fig\r\n"),
                               "* NO [NOUPDATE \"b\"] Only the selected mailbox can be followed\r\n"));
        memory_deliver(store, "INBOX", SPAN("\r\nfig\r\n"), 0);
        memory_deliver(store, "INBOX", SPAN("\r\npear\r\n"), 0);
        memory_deliver(store, "Sent", SPAN("\r\nfig\r\n"), 0);
        assert_string_equal(talk_say(&t, "n NOOP\r\n"), "* 3 EXISTS\r\n* 3 RECENT\r\n* ESEARCH (TAG \"a\") UID "
                                                        "ADDTO (0 2)\r\nn OK NOOP completed\r\n");
        talk_leave(&t);
        memory_store_del(&store);
    }
}

/* ENABLE UIDONLY ends those of numbers only. */
static void test_uidonly(void **state)
{
    (void)state;
    talk t = {0};
    memory_store *store = memory_store_new();
    talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
    talk_say(&t, "a SEARCH RETURN (UPDATE) ALL\r\n");
    talk_say(&t, "b UID SEARCH RETURN (UPDATE) ALL\r\n");
    talk_say(&t, "c UID SORT RETURN (UPDATE) (SIZE) UTF-8 ALL\r\n");
    talk_say(&t, "e ENABLE UIDONLY\r\n");
    memory_deliver(store, "INBOX", SPAN("\r\nfig\r\n"), 0);
    assert_string_equal(talk_say(&t, "n NOOP\r\n"),
                        "* 1 EXISTS\r\n* 1 RECENT\r\n* ESEARCH (TAG \"c\") UID ADDTO (1 1)\r\n"
                        "* ESEARCH (TAG \"b\") UID ADDTO (0 1)\r\nn OK NOOP completed\r\n");
    talk_leave(&t);
    memory_store_del(&store);
}

/* "$" in a search that is followed is what it was when the command came, not what the command itself saves. */
static void test_saved(void **state)
{
    static const char *const searches[] = {"a UID SEARCH RETURN (SAVE UPDATE) NOT $\r\n",
                                           "a UID SORT RETURN (SAVE UPDATE) (SIZE) UTF-8 NOT $\r\n",
                                           "a ESEARCH RETURN (SAVE UPDATE) NOT $\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++) {
        talk t = {0};
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", SPAN("\r\nfig\r\n"), 0);
        talk_join(&t, store, false, NULL, "s SELECT INBOX\r\n");
        assert_non_null(strstr(talk_say(&t, searches[i]), "a OK"));
        assert_null(strstr(talk_say(&t, "f STORE 1 +FLAGS (\\Seen)\r\n"), "REMOVEFROM"));
        assert_non_null(strstr(talk_say(&t, "g FETCH $ UID\r\n"), "* 1 FETCH (UID 1)")); /* and it was saved */
        talk_leave(&t);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_follow),  cmocka_unit_test(test_idle),
                                       cmocka_unit_test(test_trouble), cmocka_unit_test(test_esearch),
                                       cmocka_unit_test(test_limits),  cmocka_unit_test(test_uidonly),
                                       cmocka_unit_test(test_saved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
