/* fetch_more_test.c - FETCH beyond RFC 3501: BINARY (RFC 3516), PREVIEW (RFC 8970), SAVEDATE (RFC 8514), OBJECTID
 * (RFC 8474), PARTIAL (RFC 9394), UTF-8 in answers (RFC 6855). What RFC 7162 adds is in condstore_test.c.
 * SPDX-License-Identifier: MIT */
#include "chat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void select_inbox(chat *t)
{
    chat_contains(t, "s EXAMINE INBOX\r\n", "s OK");
}

typedef struct dialogue {
    const char *say, *want;
} dialogue;

/* In all ways: bytes one by one, the connector later, output narrow. */
static void each_way(void (*prepare)(memory_store *store), const char *enable, const dialogue *lines, size_t count)
{
    for (unsigned way = 0; way < 8; way++) {
        chat t;
        memory_store *store = memory_store_new();
        prepare(store);
        chat_open(&t,
                  &(chat_how){.login = true, .bytes = way & 1, .later = way & 2, .narrow = way & 4, .store = store});
        if (enable)
            chat_contains(&t, enable, "e OK");
        select_inbox(&t);
        for (size_t i = 0; i < count; i++)
            chat_expect(&t, lines[i].say, lines[i].want);
        chat_close(&t);
        memory_store_del(&store);
    }
}

#define EACH_WAY(prepare, enable, lines) each_way(prepare, enable, lines, sizeof(lines) / sizeof *(lines))

/* --- BINARY --- */

static void fill_binary(memory_store *store)
{
    memory_deliver(
        store, "INBOX",
        SPAN("Subject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
             "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
             "caf=E9 =\r\nau lait\r\n"
             "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: BASE64\r\n\r\n"
             "AAEC\r\naGVsbG8=\r\n"
             "--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
             "--b\r\nContent-Type: application/x-old\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin\r\n"
             "--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n\r\n"
             "--b--\r\n"),
        0);
    memory_deliver(store, "INBOX", SPAN("Subject: one\r\n\r\nHello\r\n"), 0);
    memory_deliver(store, "INBOX", SPAN(""), 0);
    memory_deliver(store, "INBOX",
                   SPAN("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n"
                        "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n"
                        "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"),
                   0);
    memory_deliver(store, "INBOX", SPAN("Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"), 0);
}

static const dialogue binary[] = {
    /* a string if it can be one, a literal8 if there is NUL (RFC 3516 section 4.3) */
    {"a FETCH 1 (BINARY[1] BINARY.SIZE[1] BINARY.SIZE[2] BINARY[3])\r\n",
     "* 1 FETCH (BINARY[1] {12}\r\ncaf\xe9 au lait BINARY.SIZE[1] 12 BINARY.SIZE[2] 8 BINARY[3] {5}\r\nplain)\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 1 (BINARY[5] BINARY.SIZE[5] BINARY[9] BINARY.SIZE[9])\r\n",
     "* 1 FETCH (BINARY[5] \"\" BINARY.SIZE[5] 0 BINARY[9] NIL BINARY.SIZE[9] 0)\r\na OK FETCH completed\r\n"},
    /* partials count decoded bytes */
    {"a FETCH 1 (BINARY.PEEK[1]<4.5> BINARY[2]<3.100> BINARY[1]<12.1> BINARY[1]<0.12>)\r\n",
     "* 1 FETCH (BINARY[1]<4> {5}\r\n au l BINARY[2]<3> {5}\r\nhello BINARY[1]<12> \"\" BINARY[1]<0> {12}\r\ncaf\xe9 "
     "au lait)\r\na OK FETCH completed\r\n"},
    {"a FETCH 2 (BINARY[] BINARY[1] BINARY.SIZE[])\r\n",
     "* 2 FETCH (BINARY[] {23}\r\nSubject: one\r\n\r\nHello\r\n BINARY[1] {7}\r\nHello\r\n BINARY.SIZE[] 23)\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 3 (BINARY[] BINARY[1] BINARY.SIZE[1])\r\n",
     "* 3 FETCH (BINARY[] \"\" BINARY[1] \"\" BINARY.SIZE[1] 0)\r\na OK FETCH completed\r\n"},
    /* an encoding that nobody knows: the other items come, and NO */
    {"a FETCH 1 (BINARY[4] UID BINARY.SIZE[4] BINARY.SIZE[3])\r\n",
     "* 1 FETCH (BINARY[4] NIL UID 1 BINARY.SIZE[3] 5)\r\n"
     "a NO [UNKNOWN-CTE] Some of the messages could not be read\r\n"},
    {"a FETCH 1 BINARY.SIZE[4]\r\n", "a NO [UNKNOWN-CTE] Some of the messages could not be read\r\n"},
    {"a FETCH 1 BINARY.SIZE[1]<0.4>\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a FETCH 1 BINARY[MIME]\r\n", "a BAD FETCH: Not understood\r\n"},
    /* more than section-binary has: what BODY has, TEXT of a message that is encoded without the encoding */
    {"a FETCH 1 (BINARY.PEEK[1.MIME] BINARY.SIZE[1.MIME] BINARY.PEEK[9.MIME] BINARY.SIZE[9.HEADER])\r\n",
     "* 1 FETCH (BINARY[1.MIME] {73}\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: "
     "quoted-printable\r\n\r\n "
     "BINARY.SIZE[1.MIME] 73 BINARY[9.MIME] NIL BINARY.SIZE[9.HEADER] 0)\r\na OK FETCH completed\r\n"},
    {"a FETCH 2 (BINARY.PEEK[HEADER] BINARY.SIZE[HEADER.FIELDS (TO)] BINARY[HEADER.FIELDS (SUBJECT)]<0.7> BINARY[TEXT] "
     "BINARY.SIZE[TEXT])\r\n",
     "* 2 FETCH (BINARY[HEADER] {16}\r\nSubject: one\r\n\r\n BINARY.SIZE[HEADER.FIELDS (TO)] 2 "
     "BINARY[HEADER.FIELDS (SUBJECT)]<0> {7}\r\nSubject BINARY[TEXT] {7}\r\nHello\r\n BINARY.SIZE[TEXT] 7)\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 4 (BINARY.PEEK[TEXT] BINARY.PEEK[2.TEXT]<1.3> BINARY.SIZE[2.TEXT] BINARY.SIZE[1.TEXT])\r\n",
     "* 4 FETCH (BINARY[TEXT] {116}\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
     "Subject: in\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n BINARY[2.TEXT]<1> {3}\r\nell "
     "BINARY.SIZE[2.TEXT] 5 BINARY.SIZE[1.TEXT] 0)\r\na OK FETCH completed\r\n"},
    {"a FETCH 5 (BINARY.PEEK[TEXT] BINARY.SIZE[TEXT])\r\n",
     "* 5 FETCH (BINARY[TEXT] {5}\r\nhello BINARY.SIZE[TEXT] 5)\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 BINARY\r\n", "a BAD FETCH: Not understood\r\n"},
};

static void test_binary(void **state)
{
    (void)state;
    EACH_WAY(fill_binary, NULL, binary);
    /* NUL, which a C string cannot expect */
    chat t;
    memory_store *store = memory_store_new();
    fill_binary(store);
    chat_open(&t, &(chat_how){.login = true, .store = store});
    select_inbox(&t);
    chat_send(&t, SPAN("a FETCH 1 BINARY[2]\r\n"));
    static const char want[] = "* 1 FETCH (BINARY[2] ~{8}\r\n\0\1\2hello)\r\na OK FETCH completed\r\n";
    assert_int_equal(t.said.size, sizeof want - 1);
    assert_memory_equal(t.said.data, want, sizeof want - 1);
    text_clear(&t.said);
    chat_close(&t);
    memory_store_del(&store);
}

/* More than one piece: counted, then sent. Without .PEEK it sets \Seen. */
static void test_binary_large(void **state)
{
    enum { bytes = 1200000 };
    (void)state;
    text message;
    text_init(&message, NULL, 4 << 20);
    text_add_str(&message, "Content-Transfer-Encoding: base64\r\n\r\n");
    for (int i = 0; i < bytes / 48; i++)
        text_add_str(&message, "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\r\n");
    for (unsigned way = 0; way < 8; way += 2) {
        chat t;
        memory_store *store = memory_store_new();
        memory_deliver(store, "INBOX", text_span(&message), 0);
        chat_open(&t, &(chat_how){.login = true, .later = way & 2, .narrow = way & 4, .store = store});
        chat_contains(&t, "s SELECT INBOX\r\n", "s OK");
        chat_send(&t, SPAN("a FETCH 1 (BINARY[1] BINARY.SIZE[1] BINARY[1]<1000000.100>)\r\n"));
        const char *at = strstr(text_str(&t.said), "BINARY[1] {1200000}\r\nABCDEF");
        assert_non_null(at);
        at += strlen("BINARY[1] {1200000}\r\n");
        for (int i = 0; i < bytes; i += 48)
            assert_memory_equal(at + i, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv", 48);
        assert_string_equal(at + bytes, " BINARY.SIZE[1] 1200000 BINARY[1]<1000000> {100}\r\n"
                                        "QRSTUVWXYZabcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrs"
                                        "tuvABCDEFGHIJKLMNOPQRST)\r\n"
                                        "* 1 FETCH (FLAGS (\\Seen \\Recent))\r\na OK FETCH completed\r\n");
        text_clear(&t.said);
        chat_close(&t);
        memory_store_del(&store);
    }
    text_fini(&message);
}

/* --- PREVIEW --- */

#define TEN "123456789 "

static void fill_preview(memory_store *store)
{
    static const char *const messages[] = {
        "Subject: a\r\n\r\nPreview text!\r\n",
        /* white space is one space, what cannot be seen is nothing, the charset is undone */
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "  caf=E9\t=A0au\r\n\r\nla=ADit  \r\n",
        /* HTML */
        "Content-Type: text/html\r\n\r\n<style>p {}</style><p>Hello &amp;<br>good</p>\r\n",
        /* plain first, though it is the second part of a multipart inside; an attachment is not read */
        "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain\r\n"
        "Content-Disposition: attachment\r\n\r\nattached\r\n"
        "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--b--\r\n--a--\r\n",
        /* an empty part is passed over */
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n \r\n"
        "--b\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--b--\r\n",
        /* nothing to read: the empty string, never NIL (RFC 8970 section 3.2) */
        "Content-Type: application/octet-stream\r\n\r\nhello\r\n",
        "",
        /* 200 characters, not bytes; no space at the end */
        "\r\n" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "more\r\n",
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
        memory_deliver(store, "INBOX", span_str(messages[i]), 0);
}

static const dialogue previews[] = {
    {"A1 FETCH 1 (PREVIEW)\r\n", "* 1 FETCH (PREVIEW \"Preview text!\")\r\nA1 OK FETCH completed\r\n"},
    {"a FETCH 1 PREVIEW\r\n", "* 1 FETCH (PREVIEW \"Preview text!\")\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 PREVIEW (LAZY)\r\n", "* 1 FETCH (PREVIEW \"Preview text!\")\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 (UID PREVIEW (LAZY) RFC822.SIZE)\r\n",
     "* 1 FETCH (UID 1 PREVIEW \"Preview text!\" RFC822.SIZE 29)\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 PREVIEW (CHANGEDSINCE 90)\r\n", "* OK [HIGHESTMODSEQ 12] Highest\r\na OK FETCH completed\r\n"},
    {"a FETCH 2:7 PREVIEW\r\n",
     "* 2 FETCH (PREVIEW {13}\r\ncaf\xc3\xa9 au lait)\r\n* 3 FETCH (PREVIEW \"Hello & good\")\r\n"
     "* 4 FETCH (PREVIEW \"plain\")\r\n* 5 FETCH (PREVIEW \"html\")\r\n* 6 FETCH (PREVIEW \"\")\r\n"
     "* 7 FETCH (PREVIEW \"\")\r\na OK FETCH completed\r\n"},
    {"a FETCH 8 PREVIEW\r\n",
     "* 8 FETCH (PREVIEW \"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "123456789\")"
     "\r\na OK FETCH completed\r\n"},
    {"a FETCH 1 PREVIEW (EAGER)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a FETCH 1 (PREVIEW (EAGER))\r\n", "a BAD FETCH: Not understood\r\n"},
};

static void test_preview(void **state)
{
    (void)state;
    EACH_WAY(fill_preview, NULL, previews);
}

/* --- SAVEDATE, OBJECTID --- */

static void fill_ids(memory_store *store)
{
    memory_deliver(store, "INBOX", SPAN("a"), 0);
    memory_deliver(store, "INBOX", SPAN("b"), 0);
}

static const dialogue ids[] = {
    {"a FETCH 1 (SAVEDATE EMAILID THREADID)\r\n",
     "* 1 FETCH (SAVEDATE \"14-Nov-2023 22:13:20 +0000\" EMAILID (Maf63dc4c8601ec8c) THREADID (Taf63dc4c8601ec8c))\r\n"
     "a OK FETCH completed\r\n"},
    {"a FETCH 1:2 EMAILID\r\n", "* 1 FETCH (EMAILID (Maf63dc4c8601ec8c))\r\n* 2 FETCH (EMAILID (Maf63df4c8601f1a5))\r\n"
                                "a OK FETCH completed\r\n"},
};

/* A connector that knows neither. */
static ll_status bare_fetch(void *self, ll_call *call, void *mailbox, const ll_range *ranges, size_t count,
                            size_t limit, unsigned want)
{
    (void)self, (void)mailbox, (void)count, (void)limit, (void)want;
    return ll_call_row(call, &(ll_row){.uid = ranges[0].first, .size = 1, .modseq = 1, .index = SPAN("")});
}

static void test_ids(void **state)
{
    (void)state;
    EACH_WAY(fill_ids, NULL, ids);
    ll_connector connector = memory_connector;
    connector.fetch = bare_fetch;
    chat t;
    memory_store *store = memory_store_new();
    fill_ids(store);
    chat_open(&t, &(chat_how){.login = true, .store = store, .connector = &connector});
    select_inbox(&t);
    chat_expect(&t, "a FETCH 1 (EMAILID THREADID SAVEDATE)\r\n",
                "* 1 FETCH (THREADID NIL SAVEDATE NIL)\r\na OK FETCH completed\r\n");
    chat_expect(&t, "a FETCH 1 EMAILID\r\n", "a OK FETCH completed\r\n");
    connector.offers = 0; /* then it is not advertised */
    chat_expect(&t, "a FETCH 1 EMAILID\r\nb FETCH 1 SAVEDATE\r\n",
                "a BAD FETCH: Not understood\r\nb BAD FETCH: Not understood\r\n");
    chat_close(&t);
    memory_store_del(&store);
}

/* --- PARTIAL --- */

static void fill_ten(memory_store *store)
{
    for (int i = 0; i < 10; i++)
        memory_deliver(store, "INBOX", SPAN("x"), 0);
    memory_expunge(store, "INBOX", (ll_range){4, 5});
    memory_flag(store, "INBOX", (ll_range){9, 9}, LL_FLAGS_ADD, 1, NULL);
}

static const dialogue partial[] = {
    /* RFC 9394 section 3.3 */
    {"10 UID FETCH 2:9 (UID) (PARTIAL -1:-3)\r\n",
     "* 5 FETCH (UID 7)\r\n* 6 FETCH (UID 8)\r\n* 7 FETCH (UID 9)\r\n10 OK UID FETCH completed\r\n"},
    {"11 UID FETCH 2:9 UID (PARTIAL 1:3)\r\n",
     "* 2 FETCH (UID 2)\r\n* 3 FETCH (UID 3)\r\n* 4 FETCH (UID 6)\r\n11 OK UID FETCH completed\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 8:7)\r\n",
     "* 7 FETCH (UID 9)\r\n* 8 FETCH (UID 10)\r\na OK UID FETCH completed\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 8:4294967295)\r\n", "* 8 FETCH (UID 10)\r\na OK UID FETCH completed\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL -7:-90)\r\n",
     "* 1 FETCH (UID 1)\r\n* 2 FETCH (UID 2)\r\na OK UID FETCH completed\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 9:20)\r\n", "a OK UID FETCH completed\r\n"},
    {"a UID FETCH 4:5 UID (PARTIAL 1:20)\r\n", "a OK UID FETCH completed\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 0:20)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL -1:20)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 1:*)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a UID FETCH 1:* UID (PARTIAL 1:2 PARTIAL 1:2)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a UID FETCH 1:* UID ()\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a UID FETCH 1:* UID (NOTHING)\r\n", "a BAD FETCH: Not understood\r\n"},
    {"a FETCH 1:* UID (PARTIAL 1:2)\r\n", "a BAD FETCH: Not understood\r\n"},
    /* section 3.4: first the last three, then those of them that changed, in either order of words */
    {"101 UID FETCH 1:* (FLAGS) (PARTIAL -1:-3 CHANGEDSINCE 13)\r\n",
     "* OK [HIGHESTMODSEQ 16] Highest\r\n"
     "* 7 FETCH (UID 9 FLAGS (\\Seen \\Recent) MODSEQ (16))\r\n* 8 FETCH (UID 10 FLAGS (\\Recent) MODSEQ (14))\r\n"
     "101 OK UID FETCH completed\r\n"},
    {"102 UID FETCH 1:* (UID) (CHANGEDSINCE 13 PARTIAL -1:-1)\r\n",
     "* 8 FETCH (UID 10 MODSEQ (14))\r\n102 OK UID FETCH completed\r\n"},
};

static void test_partial(void **state)
{
    (void)state;
    EACH_WAY(fill_ten, NULL, partial);
}

/* --- UTF-8 --- */

static void fill_utf8(memory_store *store)
{
    memory_deliver(store, "INBOX",
                   SPAN("From: J\xc3\xb6rg <j\xc3\xb6rg@x.org>\r\nSubject: caf\xc3\xa9 \"x\"\r\n"
                        "Content-Type: text/plain; name=\"\xe9\"\r\n\r\ncaf\xc3\xa9\r\n"),
                   0);
}

#define PERSON(name, local) "((" name " NIL " local " \"x.org\"))"
#define ENVELOPED(name, local, subject)                                                                                \
    "* 1 FETCH (ENVELOPE (NIL " subject                                                                                \
    " " PERSON(name, local) " " PERSON(name, local) " " PERSON(name, local) " NIL NIL NIL NIL NIL)"

static const dialogue literals[] = {
    {"a FETCH 1 (ENVELOPE PREVIEW)\r\n", ENVELOPED("{5}\r\nJ\xc3\xb6rg", "{5}\r\nj\xc3\xb6rg",
                                                   "{9}\r\ncaf\xc3\xa9 \"x\"") " PREVIEW {5}\r\ncaf\xc3\xa9)\r\n"
                                                                               "a OK FETCH completed\r\n"},
};

/* What is not UTF-8 stays a literal. */
static const dialogue quoted[] = {
    {"a FETCH 1 (ENVELOPE PREVIEW BODY)\r\n",
     ENVELOPED("\"J\xc3\xb6rg\"", "\"j\xc3\xb6rg\"",
               "\"caf\xc3\xa9 \\\"x\\\"\"") " PREVIEW \"caf\xc3\xa9\" BODY "
                                            "(\"text\" \"plain\" (\"name\" {1}\r\n\xe9) NIL NIL \"7bit\" 7 1))\r\na OK "
                                            "FETCH completed\r\n"},
};

static void test_utf8(void **state)
{
    (void)state;
    EACH_WAY(fill_utf8, NULL, literals);
    EACH_WAY(fill_utf8, "e ENABLE UTF8=ACCEPT\r\n", quoted);
    EACH_WAY(fill_utf8, "e ENABLE IMAP4rev2\r\n", quoted);
}

/* --- whatever a message is, the answer keeps to the grammar: the checker in chat.c reads it --- */

static const char *const odd[] = {
    "",
    "\r\n",
    "\n\n\n",
    "no header\r\nat all",
    ":\r\n: :\r\n\r\n",
    "Subject: \"\\ \x01\x7f\x80\xff\r\nFrom: \"\\\"\x80\" <\x01@\xff>\r\nTo: ,,;:<>@\r\nCc: a:b@c,d;\r\n\r\n",
    "From: <>\r\nSender: ()\r\nReply-To: \"\"\r\nTo: undisclosed:;\r\nBcc: a@b, c@d (e)\r\nDate: \r\n\r\nx",
    "Content-Type: \"text\"/\"plain\"; a=; =b; c=\"d\\\"e\"; f*0*=utf-8''%C3; f*1=%A9\r\n\r\nx",
    "Content-Type: text/html\r\nContent-Transfer-Encoding: \xff\r\nContent-ID: \x80\r\nContent-Description: "
    "=?utf-8?q?=C3?=\r\n"
    "Content-Disposition: ;a=b\r\nContent-Language: ,,de,\r\nContent-Location: \x01\r\nContent-MD5: \"\r\n\r\n<",
    "Content-Type: multipart/mixed\r\n\r\nno boundary",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--",
    "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\nx\r\n--b--\r\n",
    "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQo=",
    "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n",
    "Content-Type: message/global\r\n\r\nSubject: \xc3\xa9\r\n\r\n",
    "Content-Type: text/plain; charset=\x80\r\nContent-Transfer-Encoding: base64\r\n\r\n====\xff",
    "Content-Type: text/plain; charset=utf-7\r\n\r\n+AGE-\xc3",
    "Message-ID: <a\r\n b>\r\nIn-Reply-To: \xc3\r\nReferences: <\xff>\r\n\r\n",
};

static void fill_odd(memory_store *store)
{
    text subject;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        memory_deliver(store, "INBOX", span_str(odd[i]), 0);
    text_init(&subject, NULL, 1 << 20);
    text_add_str(&subject, "Subject: ");
    for (int i = 0; i < 3000; i++)
        text_add_str(&subject, "\xc3\xa9\"");
    memory_deliver(store, "INBOX", text_span(&subject), 0);
    text_fini(&subject);
    memory_deliver(store, "INBOX", SPAN("Subject: a\0b\r\nFrom: \"\0\" <\0@\0>\r\n\r\n\0"), 0);
}

static void test_odd(void **state)
{
    static const char *const enable[] = {"e NOOP\r\n", "e ENABLE UTF8=ACCEPT\r\n", "e ENABLE IMAP4rev2\r\n"};
    static const char *const items[] = {"ALL", "FULL", "(BODYSTRUCTURE PREVIEW)", "(BINARY[1] BINARY.SIZE[1] BINARY[])",
                                        "(BINARY[1.1] BINARY.SIZE[2] MODSEQ SAVEDATE EMAILID THREADID)"};
    static const char *const sections[] = {"(BODY[] BODY[HEADER] BODY[TEXT] BODY[1] BODY[1.MIME] BODY[1.HEADER])",
                                           "(BODY[HEADER.FIELDS (\"{\" {1}\r\n\" a)]<1.9> RFC822 RFC822.TEXT)",
                                           "(BODY[HEADER.FIELDS.NOT (SUBJECT)] BODY[2.1.TEXT] RFC822.HEADER)"};
    (void)state;
    for (size_t e = 0; e < 3; e++) {
        chat t;
        memory_store *store = memory_store_new();
        char command[200];
        fill_odd(store);
        chat_open(&t, &(chat_how){.login = true, .store = store});
        chat_contains(&t, enable[e], "e OK");
        select_inbox(&t);
        for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
            snprintf(command, sizeof command, "a FETCH 1:* %s\r\n", items[i]);
            chat_send(&t, span_str(command));
        }
        for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
            snprintf(command, sizeof command, "a FETCH 1:20 %s\r\n", sections[i]); /* RFC 3501 literals have no NUL */
            chat_send(&t, span_str(command));
        }
        assert_int_equal(t.grammar.response.size, 0);
        text_clear(&t.said);
        chat_close(&t);
        memory_store_del(&store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary), cmocka_unit_test(test_binary_large), cmocka_unit_test(test_preview),
        cmocka_unit_test(test_ids),    cmocka_unit_test(test_partial),      cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
