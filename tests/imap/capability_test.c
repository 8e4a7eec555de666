/* Every capability that is advertised, in each state, with the smallest proof that what stands behind it is understood;
 * and that nothing is understood which is not advertised.
 * SPDX-License-Identifier: MIT */
#include "imap/command.h"

#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* When a word is said. What a connector may lack is known only after login. */
enum { BEFORE = 1, AFTER = 2, ALWAYS = 3 };
enum need { NOTHING, CHANGES, SURVEY, REPLACE, QUOTA, METADATA, OBJECTID, SAVEDATE, SEVERAL, UNAUTHENTICATE, NEEDS };

/* INBOX is selected and has one message; the tag is "x ", and this must be in the answer. */
static const struct row {
    const char *word;
    int when;
    enum need need;
    const char *send, *part;
} rows[] = {
    {"IMAP4rev1", ALWAYS, NOTHING, "CHECK\r\n", "x OK CHECK"},
    {"IMAP4rev2", ALWAYS, NOTHING, "ENABLE IMAP4rev2\r\n", "* ENABLED IMAP4rev2\r\n"},
    {"ID", ALWAYS, NOTHING, "ID NIL\r\n", "* ID (\"name\""},
    {"ENABLE", ALWAYS, NOTHING, "ENABLE X-NONE\r\n", "* ENABLED\r\nx OK"},
    {"IDLE", ALWAYS, NOTHING, "IDLE\r\nDONE\r\n", "+ idling\r\nx OK IDLE"},
    {"NAMESPACE", ALWAYS, NOTHING, "NAMESPACE\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"},
    {"UNSELECT", ALWAYS, NOTHING, "UNSELECT\r\n", "x OK UNSELECT"},
    {"UIDPLUS", ALWAYS, NOTHING, "UID EXPUNGE 1\r\n", "x OK UID EXPUNGE"},
    {"MOVE", ALWAYS, NOTHING, "MOVE 1 Sent\r\n", "* OK [COPYUID 1002 1 1] Moved\r\n* 1 EXPUNGE\r\n"},
    {"CHILDREN", ALWAYS, NOTHING, "LIST \"\" INBOX\r\n", "* LIST (\\HasNoChildren) \"/\" \"INBOX\"\r\n"},
    {"SPECIAL-USE", ALWAYS, NOTHING, "LIST (SPECIAL-USE) \"\" S*\r\n", "* LIST (\\Sent"},
    {"CREATE-SPECIAL-USE", ALWAYS, NOTHING, "CREATE a (USE (\\Archive))\r\n", "x OK"},
    {"UTF8=ACCEPT", ALWAYS, NOTHING, "ENABLE UTF8=ACCEPT\r\n", "* ENABLED UTF8=ACCEPT\r\n"},
    {"UIDONLY", ALWAYS, NOTHING, "ENABLE UIDONLY\r\n", "* ENABLED UIDONLY\r\n"},
    {"LITERAL-", BEFORE, NOTHING, NULL, NULL}, /* input_test.c */
    {"LITERAL+", AFTER, NOTHING, "STATUS {5+}\r\nINBOX (UIDNEXT)\r\n", "* STATUS \"INBOX\" (UIDNEXT 2)\r\n"},
    {"SASL-IR", BEFORE, NOTHING, NULL, NULL}, /* login_test.c */
    {"CONDSTORE", AFTER, CHANGES, "FETCH 1 MODSEQ\r\n", "MODSEQ ("},
    {"QRESYNC", AFTER, CHANGES, "ENABLE QRESYNC\r\n", "* ENABLED QRESYNC\r\n"},
    {"NOTIFY", AFTER, SURVEY, "NOTIFY NONE\r\n", "x OK NOTIFY"},
    {"LIST-EXTENDED", ALWAYS, NOTHING, "LIST \"\" (INBOX Sent) RETURN (SUBSCRIBED)\r\n", "\"/\" \"Sent\"\r\n"},
    {"LIST-STATUS", ALWAYS, NOTHING, "LIST \"\" INBOX RETURN (STATUS (UIDNEXT))\r\n", "* STATUS \"INBOX\" (UIDNEXT 2)"},
    {"STATUS=SIZE", ALWAYS, NOTHING, "STATUS INBOX (SIZE)\r\n", "(SIZE 18)"},
    {"APPENDLIMIT=52428800", ALWAYS, NOTHING, "STATUS INBOX (APPENDLIMIT)\r\n", "(APPENDLIMIT 52428800)"},
    {"MULTIAPPEND", ALWAYS, SEVERAL, "APPEND Sent {1+}\r\na {1+}\r\nb\r\n", "x OK [APPENDUID 1002 1:2]"},
    {"CATENATE", ALWAYS, NOTHING, "APPEND Sent CATENATE (TEXT {1+}\r\na)\r\n", "x OK [APPENDUID 1002 1]"},
    {"BINARY", ALWAYS, NOTHING, "FETCH 1 BINARY.SIZE[1]\r\n", "BINARY.SIZE[1] 4)"},
    {"REPLACE", AFTER, REPLACE, "REPLACE 1 Sent {1+}\r\na\r\n", "* OK [APPENDUID 1002 1]"},
    {"QUOTA", AFTER, QUOTA, "GETQUOTAROOT INBOX\r\n", "* QUOTAROOT \"INBOX\" \"\"\r\n"},
    {"QUOTA=RES-STORAGE", AFTER, QUOTA, "GETQUOTA \"\"\r\n", "STORAGE "},
    {"QUOTA=RES-MESSAGE", AFTER, QUOTA, "GETQUOTA \"\"\r\n", "MESSAGE "},
    {"METADATA", AFTER, METADATA, "GETMETADATA INBOX /private/a\r\n", "* METADATA \"INBOX\" (/private/a NIL)"},
    {"METADATA-SERVER", AFTER, METADATA, "SETMETADATA \"\" (/private/a \"x\")\r\n", "x OK"},
    {"LIST-METADATA", AFTER, METADATA, "LIST \"\" INBOX RETURN (METADATA (/private/a))\r\n", "* METADATA \"INBOX\" ("},
    {"OBJECTID", AFTER, OBJECTID, "FETCH 1 EMAILID\r\n", "EMAILID ("},
    {"SAVEDATE", AFTER, SAVEDATE, "FETCH 1 SAVEDATE\r\n", "SAVEDATE \""},
    {"ESEARCH", ALWAYS, NOTHING, "SEARCH RETURN (COUNT) ALL\r\n", "COUNT 1\r\n"},
    {"SEARCHRES", ALWAYS, NOTHING, "SEARCH RETURN (SAVE) ALL\r\nx FETCH $ UID\r\n", "* 1 FETCH (UID 1)"},
    {"WITHIN", ALWAYS, NOTHING, "SEARCH OLDER 10\r\n", "* SEARCH"},
    {"PARTIAL", ALWAYS, NOTHING, "SEARCH RETURN (PARTIAL -1:-1) ALL\r\n", "PARTIAL (-1:-1 1)"},
    {"SORT", ALWAYS, NOTHING, "SORT (DATE) UTF-8 ALL\r\n", "* SORT 1\r\n"},
    {"SORT=DISPLAY", ALWAYS, NOTHING, "SORT (DISPLAYFROM) UTF-8 ALL\r\n", "* SORT 1\r\n"},
    {"ESORT", ALWAYS, NOTHING, "SORT RETURN (COUNT) (DATE) UTF-8 ALL\r\n", "COUNT 1\r\n"},
    {"THREAD=ORDEREDSUBJECT", ALWAYS, NOTHING, "THREAD ORDEREDSUBJECT UTF-8 ALL\r\n", "* THREAD (1)\r\n"},
    {"THREAD=REFERENCES", ALWAYS, NOTHING, "THREAD REFERENCES UTF-8 ALL\r\n", "* THREAD (1)\r\n"},
    {"SEARCH=FUZZY", ALWAYS, NOTHING, "SEARCH FUZZY SUBJECT x\r\n", "* SEARCH 1\r\n"},
    {"MULTISEARCH", ALWAYS, NOTHING, "ESEARCH IN (PERSONAL) ALL\r\n", "* ESEARCH (TAG \"x\" MAILBOX \"INBOX\""},
    {"CONTEXT=SEARCH", ALWAYS, NOTHING, "SEARCH RETURN (UPDATE COUNT) SEEN\r\nx CANCELUPDATE \"x\"\r\n",
     "x OK No further updates"},
    {"CONTEXT=SORT", ALWAYS, NOTHING, "SORT RETURN (UPDATE COUNT) (DATE) UTF-8 SEEN\r\nx CANCELUPDATE \"x\"\r\n",
     "x OK No further updates"},
    {"INPROGRESS", ALWAYS, NOTHING, NULL, NULL}, /* progress_test.c */
    {"FILTERS", AFTER, METADATA, "SEARCH FILTER none\r\n", "x NO [UNDEFINED-FILTER none]"},
    {"XREGEX", ALWAYS, NOTHING, "SEARCH XREGEX SUBJECT ^x$\r\n", "* SEARCH 1\r\n"},
    {"PREVIEW", ALWAYS, NOTHING, "FETCH 1 PREVIEW\r\n", "PREVIEW \"hi\""},
    {"MESSAGELIMIT=10000000", ALWAYS, NOTHING, NULL, NULL}, /* message_limit_test.c */
    {"SAVELIMIT=10000000", ALWAYS, NOTHING, NULL, NULL},
    {"COMPRESS=DEFLATE", AFTER, NOTHING, "COMPRESS DEFLATE\r\n", "x OK DEFLATE active"},
    {"UNAUTHENTICATE", AFTER, UNAUTHENTICATE, "UNAUTHENTICATE\r\n", "x OK UNAUTHENTICATE"},
};
enum { rows_count = sizeof rows / sizeof rows[0] };

/* What a server must have without saying so: RFC 3501, and the words of the login. */
static const char *const plain[] = {"CAPABILITY", "NOOP",      "LOGOUT",      "STARTTLS", "AUTHENTICATE",
                                    "LOGIN",      "SELECT",    "EXAMINE",     "CREATE",   "DELETE",
                                    "RENAME",     "SUBSCRIBE", "UNSUBSCRIBE", "LSUB",     "CLOSE",
                                    "EXPUNGE",    "COPY",      "SETQUOTA",    "STORE"};

typedef struct rig {
    chat t;
    memory_store *store;
    ll_connector connector;
    ll_limits limits;
} rig;

/* `lacks`: the connector, the host or the limits do not offer this. */
static void rig_open(rig *r, enum need lacks)
{
    r->store = memory_store_new();
    r->connector = memory_connector;
    ll_limits_init(&r->limits);
    memory_deliver(r->store, "INBOX", SPAN("Subject: x\r\n\r\nhi\r\n"), 0);
    if (lacks == CHANGES)
        r->connector.changes = NULL;
    else if (lacks == SURVEY)
        r->connector.survey = NULL;
    else if (lacks == REPLACE)
        r->connector.replace = NULL;
    else if (lacks == QUOTA)
        r->connector.quota = NULL;
    else if (lacks == METADATA)
        r->connector.metadata = NULL;
    else if (lacks == OBJECTID)
        r->connector.offers &= ~(unsigned)LL_OFFERS_OBJECTID;
    else if (lacks == SAVEDATE)
        r->connector.offers &= ~(unsigned)LL_OFFERS_SAVEDATE;
    else if (lacks == SEVERAL)
        r->limits.append_messages = 1;
    chat_open(&r->t, &(chat_how){.login = true, .store = r->store, .connector = &r->connector, .limits = &r->limits});
    if (lacks == UNAUTHENTICATE)
        r->t.host.unauthenticated = NULL;
}

static void rig_close(rig *r)
{
    chat_close(&r->t);
    memory_store_del(&r->store);
}

static bool has_word(ll_span words, const char *word)
{
    while (words.size)
        if (span_equal(span_cut(&words, ' '), span_str(word)))
            return true;
    return false;
}

/* All that was said in answer to CAPABILITY is due, each word once, and all that is due was said. */
static void check_words(chat *t, int when, enum need lacks, const char *login)
{
    static const char head[] = "* CAPABILITY ";
    chat_send(t, SPAN("c CAPABILITY\r\n"));
    ll_span said = text_span(&t->said);
    assert_true(span_starts_nocase(said, SPAN(head)));
    said = span_from(span_first(said, span_find(said, '\r')), sizeof head - 1);
    char due[4096] = "";
    for (unsigned i = 0; i < rows_count; i++)
        if (rows[i].when & when && (!rows[i].need || rows[i].need != lacks))
            sprintf(due + strlen(due), "%s%s", *due ? " " : "", rows[i].word);
    sprintf(due + strlen(due), "%s%s", *login ? " " : "", login);
    unsigned count = 0, wanted = 0;
    for (ll_span rest = said; rest.size; count++) {
        ll_span word = span_cut(&rest, ' ');
        char copy[64];
        snprintf(copy, sizeof copy, "%.*s", SPAN_PRINT(word));
        if (!has_word(span_str(due), copy))
            fail_msg("not due: %s", copy);
    }
    for (ll_span rest = span_str(due); rest.size; wanted++) {
        ll_span word = span_cut(&rest, ' ');
        char copy[64];
        snprintf(copy, sizeof copy, "%.*s", SPAN_PRINT(word));
        if (!has_word(said, copy))
            fail_msg("due: %s", copy);
    }
    assert_int_equal(count, wanted);
    text_clear(&t->said);
}

static void before_login(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){0});
    chat_contains(&t, "", "* OK [CAPABILITY IMAP4rev1");
    check_words(&t, BEFORE, NOTHING, "STARTTLS AUTH=PLAIN AUTH=SCRAM-SHA-256");
    chat_close(&t);
    chat_open(&t, &(chat_how){.clear = true});
    chat_contains(&t, "", "* OK [CAPABILITY IMAP4rev1");
    check_words(&t, BEFORE, NOTHING, "STARTTLS LOGINDISABLED");
    chat_contains(&t, "a LOGIN user secret\r\n", "a NO");
    chat_contains(&t, "b AUTHENTICATE PLAIN AHVzZXIAc2VjcmV0\r\n", "b NO");
    chat_contains(&t, "c STARTTLS\r\n", "c OK");
    check_words(&t, BEFORE, NOTHING, "AUTH=PLAIN AUTH=SCRAM-SHA-256");
    chat_contains(&t, "d STARTTLS\r\n", "d BAD");
    chat_contains(&t, "e AUTHENTICATE GSSAPI\r\n", "e NO");
    chat_contains(&t, "f AUTHENTICATE PLAIN AHVzZXIAc2VjcmV0\r\n", "f OK");
    check_words(&t, AFTER, NOTHING, "");
    chat_close(&t);
}

/* Before login what is behind the words is not for strangers. */
static void not_for_strangers(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rows_count; i++) {
        chat t;
        char line[256];
        if (!rows[i].send || !strcmp(rows[i].word, "ID"))
            continue;
        chat_open(&t, &(chat_how){0});
        text_clear(&t.said);
        snprintf(line, sizeof line, "x %s", rows[i].send);
        chat_contains(&t, line, "x BAD ");
        chat_close(&t);
    }
}

static void after_login(void **state)
{
    (void)state;
    for (unsigned i = NOTHING; i < NEEDS; i++) {
        enum need lacks = (enum need)i;
        rig r;
        rig_open(&r, lacks);
        check_words(&r.t, AFTER, lacks, "");
        chat_contains(&r.t, "s SELECT INBOX\r\n", "s OK");
        check_words(&r.t, AFTER, lacks, "");
        rig_close(&r);
    }
}

/* Each word's proof, and that it fails where the word is not said. */
static void proofs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < rows_count; i++) {
        char line[256];
        rig r;
        if (!rows[i].send)
            continue;
        snprintf(line, sizeof line, "x %s", rows[i].send);
        rig_open(&r, NOTHING);
        chat_contains(&r.t, "s SELECT INBOX\r\n", "s OK");
        chat_contains(&r.t, line, rows[i].part);
        rig_close(&r);
        if (!rows[i].need)
            continue;
        rig_open(&r, rows[i].need);
        chat_contains(&r.t, "s SELECT INBOX\r\n", "s OK");
        chat_send(&r.t, span_str(line));
        if (strstr(text_str(&r.t.said), rows[i].part))
            fail_msg("%s is not said, but understood", rows[i].word);
        if (!strstr(text_str(&r.t.said), "x BAD") && !strstr(text_str(&r.t.said), "x NO") &&
            !strstr(text_str(&r.t.said), "* ENABLED\r\n"))
            fail_msg("%s is not refused: %s", rows[i].word, text_str(&r.t.said));
        text_clear(&r.t.said);
        rig_close(&r);
    }
}

/* Every command stands behind a word, or is of RFC 3501; SETQUOTA (QUOTASET, RFC 9208) is known only to be refused. */
static void commands(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, NOTHING);
    chat_expect(&r.t, "a SETQUOTA \"\" (STORAGE 512)\r\n", "a NO [NOPERM] Quota is set by the administrator\r\n");
    rig_close(&r);
    for (size_t n = 0; n < command_table_count; n++) {
        ll_span name = span_str(command_table[n].name);
        bool known = false;
        for (unsigned i = 0; i < sizeof plain / sizeof plain[0]; i++)
            known |= span_equal(name, span_str(plain[i]));
        for (unsigned i = 0; i < rows_count && !known; i++) {
            ll_span send = span_str(rows[i].send ? rows[i].send : "");
            known = memmem(send.data, send.size, name.data, name.size) != NULL;
        }
        if (!known)
            fail_msg("%s: which capability?", command_table[n].name);
    }
}

/* RFC 5161: nothing changes for having been enabled; RFC 4978: compression is offered once. */
static void stays(void **state)
{
    (void)state;
    rig r;
    rig_open(&r, NOTHING);
    chat_contains(&r.t, "a ENABLE CONDSTORE QRESYNC IMAP4rev2 UTF8=ACCEPT UIDONLY\r\n",
                  "* ENABLED CONDSTORE QRESYNC IMAP4rev2 UTF8=ACCEPT UIDONLY\r\n");
    check_words(&r.t, AFTER, NOTHING, "");
    chat_contains(&r.t, "b UNAUTHENTICATE\r\n", "b OK");
    check_words(&r.t, BEFORE, NOTHING, "STARTTLS AUTH=PLAIN AUTH=SCRAM-SHA-256");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_login), cmocka_unit_test(not_for_strangers), cmocka_unit_test(after_login),
        cmocka_unit_test(proofs),       cmocka_unit_test(commands),          cmocka_unit_test(stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
