/* NOTIFY, RFC 5465: its example of section 3.1 and those of section 5, in small.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEN = 1u << LL_FLAG_SEEN };

#define MAIL "Subject: Re: good morning\r\nFrom: alice@example.org\r\n\r\nHello\r\n"

static void lists(memory_store *store)
{
    memory_create(store, "Lists/Lemonade", 0);
    memory_create(store, "Lists/Im2000", 0);
    memory_deliver(store, "Lists/Lemonade", SPAN("x"), 0);
    memory_deliver(store, "INBOX", SPAN("y"), 0);
}

/* In all ways, up to the SELECT. */
static void each_way(const char *notify, const char *want, void (*then)(chat *t))
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        lists(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        chat_expect(&t, notify, want);
        chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
        then(&t);
        chat_close(&t);
        memory_store_del(&store);
    }
}

static void happens(chat *t, const char *want)
{
    memory_notify(t->store);
    chat_expect(t, "", want);
}

static void section_3_then(chat *t)
{
    memory_deliver(t->store, "Lists/Lemonade", SPAN("y"), 0);
    happens(t, "* STATUS \"Lists/Lemonade\" (MESSAGES 2 UIDNEXT 3 UIDVALIDITY 1006)\r\n");
    memory_deliver(t->store, "INBOX", SPAN(MAIL), 0);
    happens(t, "* 2 EXISTS\r\n* 2 RECENT\r\n"
               "* 2 FETCH (UID 2 BODY[HEADER.FIELDS (from subject)] {54}\r\n"
               "Subject: Re: good morning\r\nFrom: alice@example.org\r\n\r\n)\r\n");
    memory_flag(t->store, "Lists/Lemonade", (ll_range){1, 1}, LL_FLAGS_ADD, SEEN, NULL); /* not asked for */
    memory_deliver(t->store, "Sent", SPAN("y"), 0);
    happens(t, "");
    memory_expunge(t->store, "INBOX", (ll_range){1, 1});
    happens(t, "* 1 EXPUNGE\r\n* 1 RECENT\r\n");
    chat_expect(t, "x NOOP\r\n", "x OK NOOP completed\r\n");
    /* half a command: news wait for its end */
    chat_expect(t, "y NO", "");
    memory_expunge(t->store, "Lists/Lemonade", (ll_range){1, 2});
    happens(t, "");
    chat_expect(t, "OP\r\n",
                "y OK NOOP completed\r\n* STATUS \"Lists/Lemonade\" (MESSAGES 0 UIDNEXT 3 UIDVALIDITY 1006)\r\n");
    /* NONE: nothing any more, not in IDLE either */
    chat_expect(t, "z NOTIFY NONE\r\n", "z OK NOTIFY completed\r\n");
    memory_deliver(t->store, "INBOX", SPAN(MAIL), 0);
    happens(t, "");
    chat_expect(t, "i IDLE\r\n", "+ idling\r\n");
    happens(t, "");
    chat_expect(t, "DONE\r\n", "i OK IDLE completed\r\n");
    chat_expect(t, "j NOOP\r\n", "j OK NOOP completed\r\n");
}

static void section_3(void **state)
{
    (void)state;
    each_way("b notify set status (selected (MessageNew (uid body.peek[header.fields (from subject)]) MessageExpunge)) "
             "(subtree Lists (MessageNew MessageExpunge))\r\n",
             "* STATUS \"Lists\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1005)\r\n"
             "* STATUS \"Lists/Lemonade\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1006)\r\n"
             "* STATUS \"Lists/Im2000\" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1007)\r\n"
             "b OK NOTIFY completed\r\n",
             section_3_then);
}

/* An EXPUNGE that is held back lowers what the client may take for told: RFC 7162 section 3.2. */
static void held_then(chat *t)
{
    memory_deliver(t->store, "INBOX", SPAN("x"), 0);
    memory_notify(t->store);
    chat_contains(t, "", "EXISTS\r\n");
    chat_contains(t, "e ENABLE QRESYNC\r\n", "e OK");
    memory_expunge(t->store, "INBOX", (ll_range){1, 1});
    memory_flag(t->store, "INBOX", (ll_range){2, 2}, LL_FLAGS_ADD, SEEN, NULL);
    memory_notify(t->store);
    chat_contains(t, "", "] Of what was told\r\n");
    chat_contains(t, "n NOOP\r\n", "* VANISHED 1\r\n");
}

static void held(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange))\r\n", "a OK NOTIFY completed\r\n",
             held_then);
}

static void flags_then(chat *t)
{
    memory_flag(t->store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, 0, "$Junk");
    memory_flag(t->store, "Lists/Lemonade", (ll_range){1, 1}, LL_FLAGS_ADD, SEEN, NULL);
    memory_notify(t->store);
    chat_contains(t, "",
                  "* 1 FETCH (UID 1 FLAGS (\\Recent $Junk))\r\n"
                  "* STATUS \"Lists/Lemonade\" (UIDVALIDITY 1006 UNSEEN 0)\r\n");
    memory_expunge(t->store, "INBOX", (ll_range){1, 1}); /* delayed */
    happens(t, "");
    chat_expect(t, "a NOOP\r\n", "* 1 EXPUNGE\r\n* 0 RECENT\r\na OK NOOP completed\r\n");
    chat_contains(t, "c ENABLE CONDSTORE\r\n", "c OK");
    memory_flag(t->store, "Lists/Lemonade", (ll_range){1, 1}, LL_FLAGS_ADD, 0, "$Junk");
    memory_notify(t->store);
    chat_contains(t, "", "* STATUS \"Lists/Lemonade\" (UIDVALIDITY 1006 HIGHESTMODSEQ 1");
    chat_expect(t, "d IDLE\r\n", "+ idling\r\n");
    memory_deliver(t->store, "Sent", SPAN("x"), 0);
    memory_deliver(t->store, "INBOX", SPAN("x"), 0);
    memory_notify(t->store);
    chat_contains(
        t, "",
        "* 1 EXISTS\r\n* 1 RECENT\r\n* STATUS \"Sent\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1002 UNSEEN 1 HIGHESTMODSEQ ");
    chat_expect(t, "DONE\r\n", "d OK IDLE completed\r\n");
}

/* Sections 5.1 and 6.1.2. */
static void flags(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (selected-delayed (MessageNew MessageExpunge FlagChange)) "
             "(personal (MessageNew FlagChange MessageExpunge))\r\n",
             "a OK NOTIFY completed\r\n", flags_then);
}

static void names_then(chat *t)
{
    chat other;
    chat_open(&other, &(chat_how){.login = true, .store = t->store, .later = t->how.later});
    chat_contains(&other, "a CREATE New/Mailbox\r\n", "a OK");
    happens(t, "* LIST (\\HasChildren) \"/\" \"New\"\r\n* LIST (\\HasNoChildren) \"/\" \"New/Mailbox\"\r\n");
    chat_contains(&other, "a RENAME Lists Old/Lists\r\n", "a OK");
    happens(t, "* LIST (\\HasChildren) \"/\" \"Old/Lists\" (\"OLDNAME\" (\"Lists\"))\r\n");
    chat_contains(&other, "a DELETE New/Mailbox\r\n", "a OK");
    happens(
        t,
        "* LIST (\\NonExistent \\HasNoChildren) \"/\" \"New/Mailbox\"\r\n* LIST (\\HasNoChildren) \"/\" \"New\"\r\n");
    chat_contains(&other, "a SUBSCRIBE Sent\r\n", "a OK");
    happens(t, "* LIST (\\Subscribed \\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n");
    chat_contains(&other, "a UNSUBSCRIBE Sent\r\n", "a OK");
    happens(t, "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n");
    chat_contains(&other, "a SETMETADATA INBOX (/shared/comment \"hi\" /private/x \"y\")\r\n", "a OK");
    happens(t, "* METADATA \"INBOX\" /private/x /shared/comment\r\n");
    chat_contains(&other, "a SETMETADATA INBOX (/shared/comment NIL /private/x \"z\")\r\n", "a OK");
    happens(t, "* METADATA \"INBOX\" /private/x /shared/comment\r\n");
    chat_contains(&other, "a SETMETADATA \"\" (/shared/comment \"hi\")\r\n", "a OK");
    happens(t, "* METADATA \"\" /shared/comment\r\n");
    memory_deliver(t->store, "Sent", SPAN("x"), 0);
    memory_deliver(t->store, "INBOX", SPAN("x"), 0);
    happens(t, "");
    chat_close(&other);
}

/* Sections 5.4 to 5.7. */
static void names(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (personal (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))\r\n",
             "a OK NOTIFY completed\r\n", names_then);
}

static void refused(void **state)
{
    (void)state;
#define BADEVENT(tag)                                                                                                  \
    tag " NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange "    \
        "ServerMetadataChange)] There is no such event\r\n"
#define TOGETHER " BAD MessageNew and MessageExpunge go together, and with FlagChange\r\n"
    chat_all(
        &(chat_how){.login = true}, lists,
        "a NOTIFY\r\nb NOTIFY SET\r\nc NOTIFY SET STATUS\r\nd NOTIFY NONE x\r\ne NOTIFY SET (personal)\r\n"
        "f NOTIFY SET (personal (MessageNew))\r\ng NOTIFY SET (personal (FlagChange))\r\n"
        "h NOTIFY SET (selected (MailboxName))\r\ni NOTIFY SET (selected NONE) (selected-delayed NONE)\r\n"
        "j NOTIFY SET (personal (MessageNew (uid) MessageExpunge))\r\nk NOTIFY SET (personal (AnnotationChange))\r\n"
        "l NOTIFY SET (mailboxes (nowhere \"a//b\") (MessageNew MessageExpunge))\r\n"
        "m NOTIFY SET status (mailboxes INBOX (messagenew messageexpunge flagchange)) (subscribed NONE)\r\n"
        "n NOTIFY SET (selected NONE)x\r\n",
        "a BAD NOTIFY: Not understood\r\nb BAD NOTIFY: Not understood\r\nc BAD NOTIFY: Not understood\r\n"
        "d BAD NOTIFY: Not understood\r\ne BAD NOTIFY: Not understood\r\n"
        "f" TOGETHER "g" TOGETHER "h BAD NOTIFY: Not understood\r\ni BAD NOTIFY: Not understood\r\n"
        "j BAD NOTIFY: Not understood\r\n" BADEVENT("k") "l OK NOTIFY completed\r\n"
                                                         "* STATUS \"INBOX\" (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 1001 "
                                                         "HIGHESTMODSEQ 9)\r\nm OK NOTIFY completed\r\n"
                                                         "n BAD NOTIFY: Not understood\r\n");
}

/* What cannot be watched any more ends with NOTIFICATIONOVERFLOW; a session that goes leaves nothing behind. */
static void overflow(void **state)
{
    (void)state;
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_expect(&t, "a NOTIFY SET (personal (MailboxName))\r\n", "a OK NOTIFY completed\r\n");
    memory_create(t.store, "x", 0);
    memory_fail_next(t.store, LL_ELIMIT, NULL);
    happens(&t, "* OK [NOTIFICATIONOVERFLOW] Too much to watch: use NOTIFY again\r\n");
    memory_create(t.store, "y", 0);
    happens(&t, "");
    memory_fail_next(t.store, LL_EIO, "disk");
    chat_expect(&t, "a NOTIFY SET (personal (MailboxName))\r\n", "a NO [UNAVAILABLE] disk\r\n");
    chat_close(&t);
    for (unsigned done = 0; done < 6; done++) {
        chat_open(&t, &(chat_how){.login = true});
        lists(t.store);
        chat_contains(&t,
                      "a NOTIFY SET (selected (MessageNew (FLAGS BODY.PEEK[]) MessageExpunge)) (personal "
                      "(MailboxName))\r\nb SELECT INBOX\r\n",
                      "b OK");
        memory_later(t.store, true);
        t.how.held = true;
        memory_deliver(t.store, "INBOX", SPAN(MAIL), 0);
        memory_notify(t.store);
        for (unsigned n = 0; n < done && memory_complete(t.store); n++)
            chat_send(&t, SPAN(""));
        text_clear(&t.said);
        chat_close(&t);
    }
}

static void quiet_then(chat *t)
{
    memory_deliver(t->store, "INBOX", SPAN("z"), 0);
    memory_flag(t->store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, SEEN, NULL);
    happens(t, "");
    chat_expect(t, "a NOOP\r\nb UID FETCH 1:* UID\r\nc IDLE\r\nDONE\r\n",
                "a OK NOOP completed\r\n* 1 FETCH (UID 1)\r\nb OK UID FETCH completed\r\n"
                "+ idling\r\nc OK IDLE completed\r\n");
    memory_expunge(t->store, "INBOX", (ll_range){1, 1});
    happens(t, "");
    chat_expect(t, "d CHECK\r\ne SEARCH ALL\r\n", "d OK CHECK completed\r\n* SEARCH 1\r\ne OK SEARCH completed\r\n");
    /* what it does itself it hears, and then the view is of the present */
    chat_expect(t, "f APPEND INBOX {1+}\r\nx\r\n",
                "* 1 EXPUNGE\r\n* 2 EXISTS\r\n* 2 RECENT\r\nf OK [APPENDUID 1001 3] APPEND completed\r\n");
    chat_expect(t, "g UID STORE 3 +FLAGS (\\Deleted)\r\nh EXPUNGE\r\n",
                "* 2 FETCH (UID 3 FLAGS (\\Deleted \\Recent))\r\ng OK UID STORE completed\r\n"
                "* 2 EXPUNGE\r\n* 1 RECENT\r\nh OK EXPUNGE completed\r\n");
    memory_flag(t->store, "INBOX", (ll_range){2, 2}, LL_FLAGS_ADD, SEEN, NULL);
    happens(t, "");
    /* section 3.1: NOTIFY SET is a NOOP too */
    chat_expect(t, "i NOTIFY SET (selected (MessageNew MessageExpunge))\r\n",
                "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\ni OK NOTIFY completed\r\n");
}

/* Section 3.1: without SELECTED the client does not want to hear of the selected mailbox, in no command. */
static void quiet(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (mailboxes Sent (MessageNew MessageExpunge))\r\n", "a OK NOTIFY completed\r\n", quiet_then);
    each_way("a NOTIFY SET (selected NONE) (mailboxes Sent (MessageNew MessageExpunge))\r\n",
             "a OK NOTIFY completed\r\n", quiet_then);
    each_way("a NOTIFY NONE\r\n", "a OK NOTIFY completed\r\n", quiet_then);
    chat t;
    chat_open(&t, &(chat_how){.login = true});
    chat_contains(&t, "a NOTIFY NONE\r\nb SELECT Sent\r\n", "b OK");
    memory_remove(t.store, "Sent");
    chat_expect(&t, "c NOOP\r\n", "c OK NOOP completed\r\n* BYE The mailbox was deleted\r\n");
    chat_close(&t);
}

static void no_flags_then(chat *t)
{
    memory_flag(t->store, "INBOX", (ll_range){1, 1}, LL_FLAGS_ADD, 1u << LL_FLAG_FLAGGED, NULL);
    happens(t, "");
    chat_expect(t, "a NOOP\r\nb FETCH 1 FLAGS\r\n",
                "a OK NOOP completed\r\n* 1 FETCH (FLAGS (\\Flagged \\Recent))\r\nb OK FETCH completed\r\n");
    chat_expect(t, "c FETCH 1 BODY[]\r\n",
                "* 1 FETCH (BODY[] {1}\r\ny)\r\n* 1 FETCH (FLAGS (\\Seen \\Flagged \\Recent))\r\n"
                "c OK FETCH completed\r\n");
    chat_expect(t, "d STORE 1 FLAGS (\\Draft)\r\ne STORE 1 FLAGS.SILENT ()\r\n",
                "* 1 FETCH (FLAGS (\\Draft \\Recent))\r\nd OK STORE completed\r\ne OK STORE completed\r\n");
    memory_deliver(t->store, "INBOX", SPAN("z"), 0);
    happens(t, "* 2 EXISTS\r\n* 2 RECENT\r\n");
}

/* Section 5: what was not asked for, here FlagChange, is not sent. */
static void no_flags(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (selected (MessageNew MessageExpunge))\r\n", "a OK NOTIFY completed\r\n", no_flags_then);
}

static void own_then(chat *t)
{
    chat_contains(t, "a CREATE New/Mailbox\r\n", "a OK");
    happens(t, "");
    chat_contains(t, "b RENAME New/Mailbox Other/Mailbox\r\n", "b OK");
    happens(t, "");
    chat_contains(t, "c SUBSCRIBE Sent\r\n", "c OK");
    happens(t, "");
    chat_contains(t, "d DELETE Other/Mailbox\r\n", "d OK");
    happens(t, "");
    chat_contains(t, "e SETMETADATA Sent (/private/a \"b\")\r\n", "e OK");
    chat_contains(t, "f SETMETADATA \"\" (/private/a \"b\")\r\n", "f OK");
    happens(t, "");
    chat_contains(t, "g APPEND Sent {1+}\r\na {1+}\r\nb\r\nh COPY 1 Sent\r\n", "h OK");
    happens(t, "");
    /* somebody else is at work there too */
    memory_later(t->store, true);
    t->how.held = true;
    chat_send(t, SPAN("i COPY 1 Sent\r\n"));
    memory_deliver(t->store, "Sent", SPAN("z"), 0);
    memory_later(t->store, t->how.later);
    t->how.held = false;
    chat_contains(t, "", "i OK");
    happens(t, "* STATUS \"Sent\" (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 1002)\r\n");
    /* new in the selected mailbox: the items are for what others bring */
    chat_expect(t, "j APPEND INBOX {1+}\r\nx\r\n",
                "* 2 EXISTS\r\n* 2 RECENT\r\nj OK [APPENDUID 1001 2] APPEND completed\r\n");
    happens(t, "");
    memory_deliver(t->store, "INBOX", SPAN("zz"), 0);
    happens(t, "* 3 EXISTS\r\n* 3 RECENT\r\n* 3 FETCH (UID 3 RFC822.SIZE 2)\r\n");
    chat_expect(t, "k COPY 1 INBOX\r\n", "* 4 EXISTS\r\n* 4 RECENT\r\nk OK [COPYUID 1001 1 4] COPY completed\r\n");
    happens(t, "");
    /* and what others do to the same is news */
    chat other;
    chat_open(&other, &(chat_how){.login = true, .store = t->store, .later = t->how.later});
    chat_contains(&other, "a UNSUBSCRIBE Sent\r\n", "a OK");
    happens(t, "* LIST (\\Sent \\HasNoChildren) \"/\" \"Sent\"\r\n");
    chat_close(&other);
}

/* Section 5: "The server SHOULD omit notifying the client if the event is caused by this client." */
static void own(void **state)
{
    (void)state;
    each_way("a NOTIFY SET (selected (MessageNew (RFC822.SIZE) MessageExpunge)) (personal (MessageNew MessageExpunge "
             "MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))\r\n",
             "a OK NOTIFY completed\r\n", own_then);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_3), cmocka_unit_test(flags),    cmocka_unit_test(names),
        cmocka_unit_test(refused),   cmocka_unit_test(overflow), cmocka_unit_test(quiet),
        cmocka_unit_test(no_flags),  cmocka_unit_test(own),      cmocka_unit_test(held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
