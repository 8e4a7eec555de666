/* write_structure_test.c - see src/imap/write_structure.h, write_envelope.h and section.h: messages in, FETCH data out.
 * SPDX-License-Identifier: MIT
 *
 * Everything wanted here was worked out by hand from RFC 3501 section 7.4.2. */
#include "imap/section.h"
#include "imap/write_envelope.h"
#include "imap/write_structure.h"
#include "mime/indexer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PLAIN "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" "
#define NILS  "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
#define JOE   "((NIL NIL \"joe\" \"x.org\"))"

/* RFC 3501's "complex message" of section 6.4.5, small. */
#define COMPLEX                                                                                                        \
    "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n"                                              \
    "preamble\r\n--A\r\n\r\none\r\n"                                                                                   \
    "--A\r\nContent-Type: application/octet-stream\r\n\r\ntwo"                                                         \
    "\r\n--A\r\nContent-Type: message/rfc822\r\n\r\n"                                                                  \
    "Subject: three\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"                                              \
    "--B\r\n\r\nthree-one\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\nthree-two\r\n--B--\r\n"              \
    "\r\n--A\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n"                                                     \
    "--C\r\nContent-Type: image/gif\r\nX: y\r\n\r\nGIF\r\n"                                                            \
    "--C\r\nContent-Type: message/rfc822\r\n\r\n"                                                                      \
    "Subject: four-two\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n"                                           \
    "--D\r\n\r\n421\r\n--D\r\nContent-Type: multipart/alternative; boundary=E\r\n\r\n"                                 \
    "--E\r\n\r\n4221\r\n--E\r\nContent-Type: text/richtext\r\n\r\n4222\r\n--E--\r\n"                                   \
    "\r\n--D--\r\n"                                                                                                    \
    "\r\n--C--\r\n"                                                                                                    \
    "\r\n--A--\r\nepilogue\r\n"

static const struct {
    const char *name, *message, *envelope, *body, *structure;
} cases[] = {
    {"plain", "From: Joe Q. Public <joe@x.org>\r\nSubject: hi\r\n\r\nHello\r\nWorld\r\n",
     "(NIL \"hi\" ((\"Joe Q. Public\" NIL \"joe\" \"x.org\")) ((\"Joe Q. Public\" NIL \"joe\" \"x.org\")) ((\"Joe Q. "
     "Public\" NIL \"joe\" \"x.org\")) NIL NIL NIL NIL NIL)",
     PLAIN "14 2)", PLAIN "14 2 NIL NIL NIL NIL)"},
    {"empty", "", NILS, PLAIN "0 0)", PLAIN "0 0 NIL NIL NIL NIL)"},
    {"header without blank line", "Subject: x\r\n", "(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)", PLAIN "0 0)",
     PLAIN "0 0 NIL NIL NIL NIL)"},
    {"last line without end", "\r\na\r\nb", NILS, PLAIN "4 1)", PLAIN "4 1 NIL NIL NIL NIL)"},
    {"bare line feeds", "Subject: x\n\nab\ncd\n", "(NIL \"x\" NIL NIL NIL NIL NIL NIL NIL NIL)", PLAIN "6 2)",
     PLAIN "6 2 NIL NIL NIL NIL)"},
    {"all of the envelope",
     "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: a \"b\" \\c\r\nFrom: \"Fred \\\"F\\\" Foobar\" "
     "<foobar@blurdybloop.com>\r\n"
     "Sender: s@x.org\r\nReply-To: r@x.org\r\nTo: joe@x.org, A Group:b@x.org,c@x.org;, undisclosed-recipients:;\r\n"
     "Cc: <@a,@b:c@d.org>\r\nBcc: (only a comment)\r\nIn-Reply-To: <1@x>\r\nMessage-ID: <2@x>\r\n\r\n",
     "(\"Mon, 7 Feb 1994 21:52:25 -0800\" \"a \\\"b\\\" \\\\c\" ((\"Fred \\\"F\\\" Foobar\" NIL \"foobar\" "
     "\"blurdybloop.com\")) "
     "((NIL NIL \"s\" \"x.org\")) ((NIL NIL \"r\" \"x.org\")) "
     "((NIL NIL \"joe\" \"x.org\")(NIL NIL \"A Group\" NIL)(NIL NIL \"b\" \"x.org\")(NIL NIL \"c\" \"x.org\")(NIL NIL "
     "NIL NIL)"
     "(NIL NIL \"undisclosed-recipients\" NIL)(NIL NIL NIL NIL)) "
     "((NIL \"@a,@b\" \"c\" \"d.org\")) NIL \"<1@x>\" \"<2@x>\")",
     PLAIN "0 0)", PLAIN "0 0 NIL NIL NIL NIL)"},
    {"8-bit subject, encoded word kept",
     "Subject: gr\xc3\xbc\xc3\x9f\x65\r\nFrom: =?utf-8?q?J=C3=B6?= <joe@x.org>\r\n\r\n",
     "(NIL {7}\r\ngr\xc3\xbc\xc3\x9f\x65 ((\"=?utf-8?q?J=C3=B6?=\" NIL \"joe\" \"x.org\")) ((\"=?utf-8?q?J=C3=B6?=\" "
     "NIL \"joe\" "
     "\"x.org\")) ((\"=?utf-8?q?J=C3=B6?=\" NIL \"joe\" \"x.org\")) NIL NIL NIL NIL NIL)",
     PLAIN "0 0)", PLAIN "0 0 NIL NIL NIL NIL)"},
    {"folded and empty fields", "Subject: a\r\n b\r\nFrom: joe@x.org\r\nTo:\r\nIn-Reply-To:\r\n\r\n",
     "(NIL \"a b\" " JOE " " JOE " " JOE " NIL NIL NIL \"\" NIL)", PLAIN "0 0)", PLAIN "0 0 NIL NIL NIL NIL)"},
    {"attachment with RFC 2231 name",
     "Content-Type: multipart/mixed; boundary=\"x y\"\r\n\r\n--x y\r\nContent-Type: text/html; charset=utf-8\r\n"
     "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>\r\n--x y\r\nContent-Type: application/pdf\r\n"
     "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename*0*=utf-8''%c3%a4; "
     "filename*1=\"b.pdf\"\r\n\r\n"
     "AAAA\r\n--x y--\r\n",
     NILS,
     "((\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" 3 0)(\"application\" \"pdf\" NIL NIL "
     "NIL \"base64\" "
     "4) \"mixed\")",
     "((\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"quoted-printable\" 3 0 NIL NIL NIL NIL)(\"application\" "
     "\"pdf\" NIL NIL "
     "NIL \"base64\" 4 NIL (\"attachment\" (\"filename*0*\" \"utf-8''%c3%a4\" \"filename*1\" \"b.pdf\")) NIL NIL) "
     "\"mixed\" "
     "(\"boundary\" \"x y\") NIL NIL NIL)"},
    {"id, description, MD5, language, location",
     "Content-Type: IMAGE/PNG; name=\"a \\\"b\\\"\"\r\nContent-ID: <i@x>\r\nContent-Description: a "
     "picture\r\nContent-MD5: "
     "Q2hlY2s=\r\nContent-Disposition: inline\r\nContent-Language: en, de\r\nContent-Location: http://x.org/a\r\n"
     "Content-Transfer-Encoding: BASE64\r\n\r\nAAAA\r\n",
     NILS, "(\"IMAGE\" \"PNG\" (\"name\" \"a \\\"b\\\"\") \"<i@x>\" \"a picture\" \"BASE64\" 6)",
     "(\"IMAGE\" \"PNG\" (\"name\" \"a \\\"b\\\"\") \"<i@x>\" \"a picture\" \"BASE64\" 6 \"Q2hlY2s=\" (\"inline\" NIL) "
     "(\"en\" "
     "\"de\") \"http://x.org/a\")"},
    {"multipart without boundary", "Content-Type: multipart/mixed\r\n\r\nab\r\n", NILS, PLAIN "4 1)",
     PLAIN "4 1 NIL NIL NIL NIL)"},
    {"message as the message", "Content-Type: message/rfc822\r\n\r\nFrom: joe@x.org\r\n\r\nab\r\n", NILS,
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 23 (NIL NIL " JOE " " JOE " " JOE " NIL NIL NIL NIL NIL) " PLAIN
     "4 1) 3)",
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 23 (NIL NIL " JOE " " JOE " " JOE " NIL NIL NIL NIL NIL) " PLAIN
     "4 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"},
    {"digest",
     "Content-Type: multipart/digest; boundary=d\r\n\r\n--d\r\n\r\nSubject: 1\r\n\r\na\r\n\r\n--d\r\n\r\nSubject: "
     "2\r\n\r\n"
     "\r\n--d--\r\n",
     NILS,
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"1\" NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN "3 1) 3)"
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 14 (NIL \"2\" NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN
     "0 0) 2) \"digest\")",
     "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"1\" NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN
     "3 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 14 (NIL \"2\" NIL NIL NIL NIL NIL NIL NIL NIL) " PLAIN
     "0 0 NIL NIL NIL NIL) 2 NIL NIL NIL NIL) \"digest\" (\"boundary\" \"d\") NIL NIL NIL)"},
    {"complex", COMPLEX, "(NIL \"outer\" NIL NIL NIL NIL NIL NIL NIL NIL)",
     "(" PLAIN "3 0)(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 3)"
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 144 (NIL \"three\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN
     "9 0)(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" 9) \"mixed\") 11)"
     "((\"image\" \"gif\" NIL NIL NIL \"7bit\" 3)"
     "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 203 (NIL \"four-two\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN
     "3 0)"
     "(" PLAIN
     "4 0)(\"text\" \"richtext\" NIL NIL NIL \"7bit\" 4 0) \"alternative\") \"mixed\") 19) \"mixed\") \"mixed\")",
     NULL},
};

/* Index of a message; its bytes go to *saved. */
static mime_index *index_of(ll_span message, text *saved)
{
    mime_index *index;
    text_init(saved, NULL, mime_saved_max);
    assert_int_equal(mime_indexer_whole(NULL, message, saved), LL_OK);
    assert_int_equal(mime_index_open(&index, NULL, text_span(saved)), LL_OK);
    return index;
}

static void test_structures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text saved, got;
        mime_index *index = index_of(span_str(cases[i].message), &saved);
        text_init(&got, NULL, 65536);
        write_envelope(&got, mime_index_root(index)->envelope, false);
        assert_string_equal(text_str(&got), cases[i].envelope);
        text_clear(&got);
        write_structure(&got, mime_index_root(index), false, false);
        assert_string_equal(text_str(&got), cases[i].body);
        text_clear(&got);
        write_structure(&got, mime_index_root(index), true, false);
        if (cases[i].structure)
            assert_string_equal(text_str(&got), cases[i].structure);
        text_fini(&got);
        mime_index_del(&index);
        text_fini(&saved);
    }
}

static const struct {
    const char *message, *section, *want; /* NULL: no such part */
} sections[] = {
    {COMPLEX, "[]", COMPLEX},
    {COMPLEX, "[HEADER]", "Subject: outer\r\nContent-Type: multipart/mixed; boundary=A\r\n\r\n"},
    {COMPLEX, "[HEADER.FIELDS (subject x)]", "Subject: outer\r\n\r\n"},
    {COMPLEX, "[HEADER.FIELDS (x)]", "\r\n"},
    {COMPLEX, "[HEADER.FIELDS.NOT (subject)]", "Content-Type: multipart/mixed; boundary=A\r\n\r\n"},
    {COMPLEX, "[1]", "one"},
    {COMPLEX, "[1.MIME]", "\r\n"},
    {COMPLEX, "[1.HEADER]", NULL},
    {COMPLEX, "[1.TEXT]", NULL},
    {COMPLEX, "[1.1]", NULL},
    {COMPLEX, "[2]", "two"},
    {COMPLEX, "[2.MIME]", "Content-Type: application/octet-stream\r\n\r\n"},
    {COMPLEX, "[3.MIME]", "Content-Type: message/rfc822\r\n\r\n"},
    {COMPLEX, "[3.HEADER]", "Subject: three\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"},
    {COMPLEX, "[3.HEADER.FIELDS (SUBJECT)]", "Subject: three\r\n\r\n"},
    {COMPLEX, "[3.TEXT]",
     "--B\r\n\r\nthree-one\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\nthree-two\r\n--B--\r\n"},
    {COMPLEX, "[3.1]", "three-one"},
    {COMPLEX, "[3.2]", "three-two"},
    {COMPLEX, "[3.3]", NULL},
    {COMPLEX, "[4.1]", "GIF"},
    {COMPLEX, "[4.1.MIME]", "Content-Type: image/gif\r\nX: y\r\n\r\n"},
    {COMPLEX, "[4.HEADER]", NULL},
    {COMPLEX, "[4.2.HEADER.FIELDS.NOT (Content-Type)]", "Subject: four-two\r\n\r\n"},
    {COMPLEX, "[4.2.1]", "421"},
    {COMPLEX, "[4.2.2.1]", "4221"},
    {COMPLEX, "[4.2.2.2]", "4222"},
    {COMPLEX, "[4.2.2.2.MIME]", "Content-Type: text/richtext\r\n\r\n"},
    {COMPLEX, "[4.2.2.3]", NULL},
    {COMPLEX, "[5]", NULL},
    /* A message that is not multipart has part 1, its body; the MIME header of that part is the MIME fields of the
       message's. */
    {"Subject: s\r\nMIME-Version: 1.0\r\ncontent-type: text/plain\r\n\r\nab\r\n", "[1]", "ab\r\n"},
    {"Subject: s\r\nMIME-Version: 1.0\r\ncontent-type: text/plain\r\n\r\nab\r\n", "[TEXT]", "ab\r\n"},
    {"Subject: s\r\nMIME-Version: 1.0\r\ncontent-type: text/plain\r\n\r\nab\r\n", "[1.MIME]",
     "MIME-Version: 1.0\r\ncontent-type: text/plain\r\n\r\n"},
    {"Subject: s\r\n\r\nab\r\n", "[1.HEADER]", NULL},
    {"Subject: s\r\n\r\nab\r\n", "[1.1]", NULL},
    {"Subject: s\r\n\r\nab\r\n", "[2]", NULL},
    {"Subject: s\r\n", "[HEADER]", "Subject: s\r\n"},
    {"Subject: s\r\n", "[HEADER.FIELDS (subject)]", "Subject: s\r\n"},
    {"Subject: s\r\n", "[TEXT]", ""},
    {"", "[]", ""},
    {"", "[HEADER]", ""},
    {"", "[1]", ""},
    {"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nab\r\n", "[1]", "Subject: in\r\n\r\nab\r\n"},
    {"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nab\r\n", "[1.HEADER]", "Subject: in\r\n\r\n"},
    {"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nab\r\n", "[1.TEXT]", "ab\r\n"},
    {"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nab\r\n", "[1.1]", "ab\r\n"},
};

static void check_section(size_t n)
{
    arena memory;
    lexer in;
    section wanted;
    text saved, got;
    ll_span message = span_str(sections[n].message);
    mime_index *index = index_of(message, &saved);
    arena_init(&memory, NULL, 65536);
    lexer_init(&in, span_str(sections[n].section), &memory, 8);
    assert_int_equal(section_parse(&wanted, &in), LL_OK);
    section_place place = section_find(&wanted, index, message.size);
    if (!sections[n].want)
        assert_int_equal(place.kind, SECTION_MISSING);
    else {
        assert_int_not_equal(place.kind, SECTION_MISSING);
        assert_true(place.offset <= message.size && place.size <= message.size - place.offset);
        ll_span range = span_of(message.data + place.offset, (size_t)place.size);
        text_init(&got, NULL, 65536);
        if (place.kind == SECTION_COMPUTED)
            section_select(&wanted, range, &got);
        else
            text_add(&got, range);
        assert_string_equal(text_str(&got), sections[n].want);
        text_fini(&got);
    }
    arena_fini(&memory);
    mime_index_del(&index);
    text_fini(&saved);
}

static void test_sections(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        check_section(i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structures),
        cmocka_unit_test(test_sections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
